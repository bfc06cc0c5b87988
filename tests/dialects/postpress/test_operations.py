"""PostPress over HTTP, against a whole server: both bases, both ways to send a key, shapes by the schema."""

from typing import Any

import httpx
import pytest

from tests.dialects.postpress.shapes import check
from tests.servers import Server


@pytest.fixture
def base(server: Server) -> str:
    return server.line["postpress"] + "/v1"


@pytest.fixture
def chat_id(client: httpx.Client, base: str) -> str:
    return str(client.get(f"{base}/chats").json()["items"][0]["id"])


def sent(client: httpx.Client, base: str, chat_id: str, text: str) -> str:
    answer = client.post(f"{base}/chats/{chat_id}/messages", json={"text": text})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["message_id"])


def test_every_list_and_object_of_the_sandbox_fits_the_schema(client: httpx.Client, base: str) -> None:
    accounts = client.get(f"{base}/accounts").json()
    check("AccountList", accounts)
    check("Account", client.get(f"{base}/accounts/{accounts['items'][0]['id']}").json())
    chats = client.get(f"{base}/chats").json()
    check("ChatList", chats)
    kinds: set[str] = set()
    extras: set[str] = set()
    for chat in chats["items"]:
        check("ChatWithLastMessage", client.get(f"{base}/chats/{chat['id']}").json())
        check("ChatAttendeeList", client.get(f"{base}/chats/{chat['id']}/attendees").json())
        messages = client.get(f"{base}/chats/{chat['id']}/messages?limit=250").json()
        check("MessageList", messages)
        for message in messages["items"]:
            kinds |= {attachment["type"] for attachment in message["attachments"]}
            extras |= message.keys()
    assert kinds == {"img", "video", "audio", "file", "linkedin_post", "video_meeting"}
    assert {"quoted", "reply_to", "message_type", "attendee_type", "sender_urn"} <= extras


def test_a_message_is_the_same_at_both_bases_in_a_list_and_by_itself(
    client: httpx.Client, server: Server, base: str
) -> None:
    listed = client.get(f"{base}/messages?limit=3").json()["items"]
    for message in listed:
        for path in ("/v1", "/api/v1", "//api/v1"):
            assert client.get(f"{server.line['postpress']}{path}/messages/{message['id']}").json() == message


def test_pages_lead_through_all_messages_once_whatever_else_is_repeated(client: httpx.Client, base: str) -> None:
    whole = [each["id"] for each in client.get(f"{base}/messages?limit=250").json()["items"]]
    seen: list[str] = []
    cursor = ""
    for _ in range(len(whole)):
        page = client.get(f"{base}/messages", params={"limit": 40, **({"cursor": cursor} if cursor else {})}).json()
        seen += [each["id"] for each in page["items"]]
        cursor = page["cursor"]
        if cursor is None or len(seen) >= len(whole):
            break
    assert seen[: len(whole)] == whole


def test_a_recall_leaves_a_tombstone_and_asking_again_answers_the_same(
    client: httpx.Client, base: str, chat_id: str
) -> None:
    message_id = sent(client, base, chat_id, "A word that must vanish")
    for _ in range(2):
        answer = client.delete(f"{base}/messages/{message_id}")
        assert (answer.status_code, answer.json()) == (200, {"object": "MessageDeleted"})
    answer = client.get(f"{base}/messages/{message_id}")
    check("Message", answer.json())
    assert (answer.json()["deleted"], answer.json()["text"], answer.json()["original"]) == (1, None, "")
    assert "must vanish" not in client.get(f"{base}/chats/{chat_id}").text


@pytest.mark.parametrize("content", ["json", "urlencoded", "multipart"])
def test_a_text_is_sent_from_json_and_from_both_kinds_of_form(
    client: httpx.Client, base: str, chat_id: str, content: str
) -> None:
    ways: dict[str, dict[str, Any]] = {
        "json": {"json": {"text": "By json", "typing_duration": 5}},
        "urlencoded": {"data": {"text": "By urlencoded", "account_id": ""}},
        "multipart": {"files": {"text": (None, "By multipart")}},
    }
    answer = client.post(f"{base}/chats/{chat_id}/messages", **ways[content])
    assert answer.status_code == 201
    check("MessageSent", answer.json())
    assert client.get(f"{base}/messages/{answer.json()['message_id']}").json()["text"] == f"By {content}"


def test_a_form_sent_again_with_its_idempotency_key_sends_nothing_twice(
    client: httpx.Client, base: str, chat_id: str
) -> None:
    first, second = (
        client.post(
            f"{base}/chats/{chat_id}/messages",
            files={"text": (None, "Only once")},
            headers={"Idempotency-Key": "form-1", "Content-Type": f"multipart/form-data; boundary={boundary}"},
        )
        for boundary in ("one", "two")
    )
    assert first.json() == second.json()
    assert second.headers["idempotent-replayed"] == "true"
    texts = [each["text"] for each in client.get(f"{base}/chats/{chat_id}/messages").json()["items"]]
    assert texts.count("Only once") == 1


def test_a_key_that_came_with_another_request_is_refused(client: httpx.Client, base: str, chat_id: str) -> None:
    headers = {"Idempotency-Key": "other-request"}
    for text, status in (("One", 201), ("Two", 422)):
        answer = client.post(f"{base}/chats/{chat_id}/messages", json={"text": text}, headers=headers)
        assert answer.status_code == status


def test_a_refusal_is_not_remembered_under_its_idempotency_key(client: httpx.Client, base: str, chat_id: str) -> None:
    headers = {"Idempotency-Key": "refused-first"}
    assert client.post(f"{base}/chats/chat_none/messages", json={"text": "x"}, headers=headers).status_code == 404
    assert client.post(f"{base}/chats/{chat_id}/messages", json={"text": "x"}, headers=headers).status_code == 201


@pytest.mark.parametrize(
    ("query", "slug"),
    [
        ("limit=251", "limit_too_high"),
        ("limit=0", "invalid_parameters"),
        ("limit=many", "invalid_parameters"),
        ("limit=", "invalid_parameters"),
        ("before=2026-05-17", "invalid_parameters"),
        ("after=2026-02-30T00:00:00.000Z", "invalid_parameters"),
        ("before=2026-05-17T09:42:11%2B00:00", "invalid_parameters"),
        ("cursor=nonsense", "invalid_parameters"),
        ("sender_id=%00", "invalid_parameters"),
        ("sender_id=%ff", "invalid_parameters"),
    ],
)
def test_a_wrong_parameter_is_said(client: httpx.Client, base: str, query: str, slug: str) -> None:
    answer = client.get(f"{base}/messages?{query}")
    assert (answer.status_code, answer.json()["type"]) == (400, f"errors/{slug}")
    check("Error400", answer.json())


def test_the_port_that_clients_repeat_in_the_query_is_ignored(client: httpx.Client, base: str) -> None:
    assert client.get(f"{base}/messages?port=13111").status_code == 200


def test_what_belongs_to_another_workspace_does_not_exist(
    client: httpx.Client, stranger: httpx.Client, base: str, chat_id: str
) -> None:
    message_id = client.get(f"{base}/messages?limit=1").json()["items"][0]["id"]
    account_id = client.get(f"{base}/accounts").json()["items"][0]["id"]
    for method, path in (
        ("GET", f"/messages/{message_id}"),
        ("DELETE", f"/messages/{message_id}"),
        ("GET", f"/accounts/{account_id}"),
        ("DELETE", f"/accounts/{account_id}"),
        ("GET", f"/chats/{chat_id}"),
        ("GET", f"/chats/{chat_id}/messages"),
        ("GET", f"/chats/{chat_id}/attendees"),
    ):
        answer = stranger.request(method, base + path)
        assert (answer.status_code, answer.json()["type"]) == (404, "errors/resource_not_found"), path
