"""What is done with messages and chats through PostPress: files, edits, reactions, beginnings, marks; shapes by the schema."""

import json
from typing import Any

import httpx
import pytest

from tests.dialects.postpress.shapes import check
from tests.pictures import png
from tests.servers import Server

PICTURE = png()


@pytest.fixture
def base(server: Server) -> str:
    return server.line["postpress"] + "/v1"


@pytest.fixture
def chat(client: httpx.Client, base: str) -> dict[str, Any]:
    """A chat of two."""
    return next(each for each in client.get(f"{base}/chats").json()["items"] if each["type"] == 0)


@pytest.fixture
def message_id(client: httpx.Client, base: str, chat: dict[str, Any]) -> str:
    """A message of ours, a moment old."""
    answer = client.post(f"{base}/chats/{chat['id']}/messages", json={"text": "First words"})
    return str(answer.json()["message_id"])


def test_files_go_out_with_a_text_and_come_back_as_they_were(
    client: httpx.Client, base: str, chat: dict[str, Any]
) -> None:
    answer = client.post(
        f"{base}/chats/{chat['id']}/messages",
        data={"text": "With two files", "account_id": chat["account_id"]},
        files=[
            ("attachments", ("a.png", PICTURE, "image/png")),
            ("attachments", ("b.txt", b"plain words", "text/plain")),
        ],
    )
    check("MessageSent", answer.json())
    message = client.get(f"{base}/messages/{answer.json()['message_id']}").json()
    check("Message", message)
    assert [each["type"] for each in message["attachments"]] == ["img", "file"]
    for attachment, data in zip(message["attachments"], (PICTURE, b"plain words"), strict=True):
        got = client.get(f"{base}/messages/{message['id']}/attachments/{attachment['id']}")
        assert (got.status_code, got.content) == (200, data)
        assert got.headers["content-disposition"] == "attachment"
    assert client.head(f"{base}/messages/{message['id']}/attachments/{attachment['id']}").content == b""


def test_a_message_may_be_files_alone_and_one_file_need_not_be_a_list(
    client: httpx.Client, base: str, chat: dict[str, Any]
) -> None:
    answer = client.post(
        f"{base}/chats/{chat['id']}/messages", files={"attachments[]": ("a.png", PICTURE, "image/png")}
    )
    assert answer.status_code == 201, answer.text
    message = client.get(f"{base}/messages/{answer.json()['message_id']}").json()
    assert len(message["attachments"]) == 1


def test_a_larger_file_than_other_bodies_is_taken_and_one_that_is_too_large_is_said(
    client: httpx.Client, base: str, chat: dict[str, Any]
) -> None:
    for size, status in ((3 << 20, 201), (28 << 20, 422)):
        answer = client.post(
            f"{base}/chats/{chat['id']}/messages",
            files={"attachments": ("large.bin", bytes(size), "application/octet-stream")},
        )
        assert answer.status_code == status, answer.text[:200]


def test_a_quote_is_shown_on_what_answers_it(
    client: httpx.Client, base: str, chat: dict[str, Any], message_id: str
) -> None:
    answer = client.post(
        f"{base}/chats/{chat['id']}/messages", files={"text": (None, "Answered"), "quote_id": (None, message_id)}
    )
    message = client.get(f"{base}/messages/{answer.json()['message_id']}").json()
    check("Message", message)
    assert message["quoted"]["message_id"] == message_id


@pytest.mark.parametrize(
    ("body", "status", "slug"),
    [
        ({}, 422, "unprocessable_entity"),
        ({"text": "x" * 8001}, 422, "unprocessable_entity"),
        ({"text": "x", "attachments": "a.png"}, 422, "unprocessable_entity"),
        ({"text": "x", "typing_duration": "soon"}, 422, "unprocessable_entity"),
        ({"text": "x", "thread_id": "t"}, 422, "invalid_thread"),
        ({"text": "x", "quote_id": "msg_01HXYZ4QK3WJ8FN3M6QH7TZ8GR"}, 404, "resource_not_found"),
        ({"text": "x", "account_id": "acc_01HXYZ4QK3WJ8FN3M6QH7TZ8GR"}, 404, "resource_not_found"),
    ],
)
def test_what_cannot_be_sent_is_said_and_nothing_is_sent(
    client: httpx.Client, base: str, chat: dict[str, Any], body: dict[str, str], status: int, slug: str
) -> None:
    before = client.get(f"{base}/chats/{chat['id']}/messages?limit=1").json()
    answer = client.post(f"{base}/chats/{chat['id']}/messages", json=body)
    assert (answer.status_code, answer.json()["type"]) == (status, f"errors/{slug}")
    check(f"Error{status}", answer.json())
    assert client.get(f"{base}/chats/{chat['id']}/messages?limit=1").json() == before


def test_a_message_is_edited_and_says_so(client: httpx.Client, base: str, message_id: str) -> None:
    answer = client.patch(f"{base}/messages/{message_id}", json={"text": "Better words"})
    assert (answer.status_code, answer.json()["object"]) == (200, "MessageEdited")
    message = client.get(f"{base}/messages/{message_id}").json()
    check("Message", message)
    assert (message["text"], message["edited"]) == ("Better words", 1)


def test_a_reaction_is_added_and_shown_and_none_that_the_network_does_not_know(
    client: httpx.Client, base: str, message_id: str
) -> None:
    answer = client.post(f"{base}/messages/{message_id}/reaction", json={"reaction": "👍"})
    check("MessageReactionAdded", answer.json())
    message = client.get(f"{base}/messages/{message_id}").json()
    check("Message", message)
    assert [(each["value"], each["is_sender"]) for each in message["reactions"]] == [("👍", True)]
    refused = client.post(f"{base}/messages/{message_id}/reaction", json={"reaction": "words"})
    check("Error400", refused.json())


def test_what_is_anothers_or_old_or_not_possible_is_refused_with_a_403(
    client: httpx.Client, base: str, chat: dict[str, Any], message_id: str
) -> None:
    theirs = next(
        each for each in client.get(f"{base}/messages?limit=250").json()["items"]
        if not each["is_sender"] and not each["is_event"] and not each["deleted"]
    )  # fmt: skip
    for answer in (
        client.patch(f"{base}/messages/{theirs['id']}", json={"text": "Mine now"}),
        client.post(f"{base}/messages/{message_id}/forward", json={"chat_id": chat["id"]}),
    ):
        assert answer.status_code == 403
        check("Error403", answer.json())


@pytest.mark.parametrize("id", ["nothing", "msg_01HXYZ4QK3WJ8FN3M6QH7TZ8GR"])
def test_nothing_is_done_with_a_message_that_is_none(client: httpx.Client, base: str, id: str) -> None:
    for method, path, body in (
        ("PATCH", "", {"text": "x"}),
        ("POST", "/reaction", {"reaction": "👍"}),
        ("POST", "/forward", {"chat_id": "chat_1"}),
        ("GET", "/attachments/a", None),
    ):
        answer = client.request(method, f"{base}/messages/{id}{path}", json=body)
        assert answer.status_code == 404
        check("Error404", answer.json())


def test_an_attachment_that_is_none_is_a_404(client: httpx.Client, base: str, message_id: str) -> None:
    assert client.get(f"{base}/messages/{message_id}/attachments/nothing").status_code == 404


@pytest.mark.parametrize("spelling", ["repeated", "bracketed", "recipients", "json", "ours"])
def test_a_chat_begins_with_people_named_in_each_spelling(
    client: httpx.Client, base: str, chat: dict[str, Any], spelling: str
) -> None:
    account, other = chat["account_id"], chat["attendee_provider_id"]
    attendee = client.get(f"{base}/chat_attendees/{other}", params={"account_id": account}).json()["id"]
    common = {"account_id": (None, account), "text": (None, f"Begun {spelling}")}
    forms: dict[str, dict[str, Any]] = {
        "repeated": {"files": {**common, "attendees_ids": (None, other)}},
        "bracketed": {"files": {**common, "attendees_ids[]": (None, other), "linkedin[api]": (None, "classic")}},
        "recipients": {"files": {**common, "recipients": (None, json.dumps([other]))}},
        "json": {"json": {"account_id": account, "attendees_ids": [other], "text": "Begun json"}},
        "ours": {"json": {"account_id": account, "attendees_ids": attendee, "text": "Begun ours"}},
    }
    answer = client.post(f"{base}/chats", **forms[spelling])
    assert answer.status_code == 201, answer.text
    check("ChatStarted", answer.json())
    assert client.get(f"{base}/messages/{answer.json()['message_id']}").json()["text"] == f"Begun {spelling}"
    assert answer.json()["chat_id"] == chat["id"]


@pytest.mark.parametrize(
    ("body", "status", "slug"),
    [
        ({"text": "x"}, 400, "invalid_parameters"),
        ({"account_id": "<own>", "text": "x"}, 400, "missing_parameters"),
        ({"account_id": "<own>", "attendees_ids": ["ACoAAx"]}, 400, "missing_parameters"),
        ({"account_id": "<own>", "recipients": "[1", "text": "x"}, 400, "invalid_parameters"),
        ({"account_id": "acc_1", "attendees_ids": ["ACoAAx"], "text": "x"}, 404, "resource_not_found"),
    ],
)
def test_a_chat_that_cannot_begin_is_said(
    client: httpx.Client, base: str, chat: dict[str, Any], body: dict[str, Any], status: int, slug: str
) -> None:
    body = {name: chat["account_id"] if value == "<own>" else value for name, value in body.items()}
    answer = client.post(f"{base}/chats", json=body)
    assert (answer.status_code, answer.json()["type"]) == (status, f"errors/{slug}")


@pytest.mark.parametrize(("action", "field"), [("setReadStatus", "unread_count"), ("setArchiveStatus", "archived")])
def test_a_chat_is_marked_and_the_mark_is_taken_back(
    client: httpx.Client, base: str, chat: dict[str, Any], action: str, field: str
) -> None:
    seen = []
    for value in (False, True):
        answer = client.patch(f"{base}/chats/{chat['id']}", json={"action": action, "value": value})
        assert answer.status_code == 200, answer.text
        check("ChatPatched", answer.json())
        seen.append(bool(client.get(f"{base}/chats/{chat['id']}").json()[field]))
    client.patch(f"{base}/chats/{chat['id']}", json={"action": action, "value": action == "setReadStatus"})
    assert seen == ([True, False] if field == "unread_count" else [False, True])


@pytest.mark.parametrize(
    ("body", "status", "slug"),
    [
        ({"action": "paintBlue", "value": True}, 400, "invalid_action"),
        ({"action": "setReadStatus", "value": "yes"}, 400, "invalid_parameters"),
        ({"action": "setReadStatus"}, 400, "invalid_parameters"),
        ({"value": True}, 400, "invalid_parameters"),
        ({"action": "setLabel", "value": "Work"}, 501, "feature_not_implemented"),
        ({"action": "addParticipant", "value": "a"}, 501, "feature_not_implemented"),
        ({"action": "removeParticipant", "value": "a"}, 501, "feature_not_implemented"),
        ({"action": "getInviteLink"}, 501, "feature_not_implemented"),
        ({"action": "setPinnedStatus", "value": True}, 403, "account_mismatch"),
    ],
)
def test_what_cannot_be_said_of_a_chat_is_refused(
    client: httpx.Client, base: str, chat: dict[str, Any], body: dict[str, Any], status: int, slug: str
) -> None:
    answer = client.patch(f"{base}/chats/{chat['id']}", json=body)
    assert (answer.status_code, answer.json()["type"]) == (status, f"errors/{slug}")
    check(f"Error{status}", answer.json())
    assert client.patch(f"{base}/chats/chat_none", json={"action": "setReadStatus", "value": True}).status_code == 404
