"""ConnectSafely's messages over HTTP: sent, with files, reacted to, and the older operations that lead on."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from postroom.dialects.connectsafely.operations import DIALECT
from postroom.errors import OutcomeUnknown, ProviderDown, Refused
from tests.dialects.connectsafely.conftest import Api, q
from tests.dialects.tables import worded
from tests.pictures import png
from tests.servers import running_server

Json = dict[str, Any]
NOWHERE = "2-NzkzMDFlNzAtZjU2OS00MjIwLWE2ZDctYzZkMWE1ZDljZDAyXzEwMA=="


def other_of(row: Json) -> Json:
    found: Json = next(each for each in row["participants"] if each["name"] != "Ada Merino")
    return found


def test_a_message_goes_to_a_conversation_or_to_the_person_in_it(api: Api) -> None:
    row = api.alone()
    person = other_of(row)
    quota = api.good("GET", f"/account/{row['accountId']}/quota")["quotas"][0]["used"]
    for to in (
        {"conversationUrn": row["conversationUrn"]},
        {"recipientProfileUrn": f"urn:li:fsd_profile:{person['profileId']}"},
        {"recipientProfileId": person["profileUrl"].rstrip("/").rsplit("/", 1)[1]},
    ):
        text = f"Hello to {next(iter(to))}"
        found = api.good("POST", "/conversations/send", json={"message": text, **to})
        sent = found["sentMessage"]
        assert (found["success"], sent["text"], sent["isSentByOwner"]) == (True, text, True)
        if "conversationUrn" not in to:
            assert found["recipientProfileUrn"] == f"urn:li:fsd_profile:{person['profileId']}"
        newest = api.messages(found["conversationUrn"])[0]
        assert (newest["messageUrn"], newest["text"]) == (sent["messageUrn"], text)
    # Replies are not counted.
    assert api.good("GET", f"/account/{row['accountId']}/quota")["quotas"][0]["used"] == quota


def test_a_file_is_uploaded_sent_and_fetched_again(api: Api) -> None:
    urn = api.alone()["conversationUrn"]
    picture = png()
    answer = api(
        "POST",
        "/conversations/upload-attachment",
        params={"filename": "plan.png"},
        content=picture,
        headers={"Content-Type": "image/png"},
    )
    assert answer.status_code == 200, answer.text
    attachment = answer.json()["attachment"]
    assert set(attachment) == {"assetUrn", "byteSize", "mediaType", "name"}
    assert (attachment["byteSize"], attachment["mediaType"], attachment["name"]) == (
        len(picture),
        "image/png",
        "plan.png",
    )
    body = {"message": "With a file", "conversationUrn": urn, "attachments": [{"file": attachment}]}
    api.good("POST", "/conversations/send", json=body)
    newest = api.messages(urn)[0]
    assert (newest["text"], newest["hasAttachment"]) == ("With a file", True)
    account_id = api.alone()["accountId"]
    file = newest["attachments"][0]
    fetched = api("POST", "/conversations/download-media", json={"accountId": account_id, "url": file["url"]})
    assert (fetched.status_code, fetched.content) == (200, picture), fetched.text
    assert fetched.headers["content-type"] == "image/png"
    assert fetched.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/a.png",
        "http://127.0.0.1:1/a",
        "https://www.linkedin.com/feed/",
        "https://www.linkedin.com/dms/prv/../../feed",
        "https://media.licdn.com.example.org/x",
        "https://media.licdn.com@example.org/x",
        "file:///etc/passwd",
        "nonsense",
    ],
)
def test_only_linkedins_own_media_are_fetched(api: Api, url: str) -> None:
    account_id = api.alone()["accountId"]
    answer = api("POST", "/conversations/download-media", json={"accountId": account_id, "url": url})
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_error"), answer.text


def test_what_cannot_be_uploaded_says_why(api: Api) -> None:
    path = "/conversations/upload-attachment"
    assert api("POST", path, content=b"").status_code == 400
    assert api("POST", path, files={"file": b"x"}).status_code == 400
    assert api("POST", f"{path}?accountId=acc_12345", content=b"x").status_code == 404
    assert api("POST", f"{path}?filename=a%2Fb", content=b"x").status_code == 400
    assert httpx.post(api.base + path, content=b"x").status_code == 401


def test_a_reaction_is_given_and_taken_back_and_clients_hear_of_it(api: Api) -> None:
    urn = api.alone()["conversationUrn"]
    sent = api.good("POST", "/conversations/send", json={"message": "React to this", "conversationUrn": urn})
    message = sent["sentMessage"]["messageUrn"]
    path = f"/conversations/{q(urn)}/messages/{q(message)}/react"
    socket_path = api.base.replace("http", "ws", 1) + "/ws"
    with connect(socket_path, additional_headers={"Authorization": api.http.headers["Authorization"]}) as socket:
        for on in (True, False):
            found = api.good("POST", path, json={"emoji": "👍", "react": on})
            assert found == {"success": True, "messageUrn": message, "emoji": "👍", "react": on}
            told = heard(socket, "reaction.updated")
            assert (told["messageUrn"], told["message"]["text"]) == (message, "React to this")
        api.good("PATCH", f"/conversations/{q(urn)}/star")
        starred = heard(socket, "conversation.updated")
        assert (starred["conversationUrn"], starred["conversation"]["starred"]) == (urn, True)
        api.good("PATCH", f"/conversations/{q(urn)}/unstar")
    for body, status in (
        ({"emoji": "", "react": True}, 400),
        ({"emoji": "x"}, 400),
        ({"emoji": "no", "react": True}, 400),
    ):
        assert api("POST", path, json=body).status_code == status
    nowhere = f"/conversations/{q(urn)}/messages/2-MTc2MDc3MzMxMDQyOWI2OTc1NC0xMDA=/react"
    assert api("POST", nowhere, json={"emoji": "👍", "react": True}).json()["code"] == "message_not_found"


def heard(socket: Any, kind: str) -> Json:
    while True:
        told: Json = json.loads(socket.recv(timeout=10))
        if told["type"] == kind:
            return told


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"message": "x"}, 400, "validation_error"),
        ({"message": "", "conversationUrn": "<here>"}, 400, "validation_error"),
        ({"conversationUrn": "<here>"}, 400, "validation_error"),
        (
            {
                "message": "x",
                "conversationUrn": "<here>",
                "attachments": [{"file": {"assetUrn": "../x", "byteSize": 1, "mediaType": "image/png", "name": "x"}}],
            },
            400,
            "validation_error",
        ),
        ({"message": "x", "conversationUrn": NOWHERE}, 404, "conversation_not_found"),
        ({"message": "x", "conversationUrn": "nonsense"}, 400, "validation_error"),
        ({"message": "x", "recipientProfileId": "nobody-at-all"}, 404, "profile_not_found"),
        ({"message": "x", "recipientProfileId": "x", "accountId": "acc_12345"}, 404, "account_not_found"),
        (
            {"message": "x", "conversationUrn": "<here>", "messagingChannel": "sales_navigator"},
            400,
            "unsupported_channel",
        ),
        ({"message": "x", "conversationUrn": "<here>", "messagingChannel": "pigeon"}, 400, "validation_error"),
        ({"message": "x", "conversationUrn": "urn:li:salesNav_thread:2-abc"}, 400, "unsupported_channel"),
    ],
)
def test_what_cannot_be_sent_says_why(api: Api, body: Json, status: int, code: str) -> None:
    here = api.alone()["conversationUrn"]
    sent = {name: here if value == "<here>" else value for name, value in body.items()}
    answer = api("POST", "/conversations/send", json=sent)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_what_linkedin_says_to_a_message_has_a_code_of_its_own() -> None:
    for error, status, code in (
        (Refused(), 400, "refused"),
        (ProviderDown(), 400, "network_unavailable"),
        (OutcomeUnknown(), 500, "outcome_unknown"),
    ):
        assert worded(DIALECT, "send_conversation_message", error)[1]["code"] == code
        assert worded(DIALECT, "react_to_conversation_message", error)[0] == status


# The older operations.


def test_the_older_lists_lead_on_to_their_successors(api: Api) -> None:
    urn = api.alone()["conversationUrn"]
    moved = api("GET", "/messaging/recent-messages", params={"count": 2, "read": "false", "keywords": "x"})
    assert (moved.status_code, moved.headers["location"]) == (307, "../conversations?count=2&unreadOnly=true")
    details = {"conversationUrn": urn, "countBefore": "3"}
    for path, query, name, count in (
        ("recent-messages", {"count": "2"}, "conversations", 2),
        ("conversation-details", details, "messages", 3),
    ):
        followed = api("GET", f"/messaging/{path}", params=query, follow_redirects=True)
        assert followed.status_code == 200, followed.text
        assert len(followed.json()[name]) == count
    assert api("GET", "/messaging/conversation-details").status_code == 400


def test_the_older_ways_to_send_still_do(api: Api) -> None:
    row = api.alone()
    person = {"recipientProfileUrn": f"urn:li:fsd_profile:{other_of(row)['profileId']}"}
    for path, flag in (
        ("/message", None),
        ("/messaging/send", None),
        ("/messaging/send-with-typing", "typingIndicatorSent"),
        ("/messaging/send-with-ack", "acknowledgmentSent"),
    ):
        found = api.good("POST", path, json={"message": f"Sent over {path}", **person})
        assert found["recipientProfileUrn"] == person["recipientProfileUrn"]
        assert "_deprecated" in found
        assert flag is None or found[flag] is True
        assert api.messages(row["conversationUrn"])[0]["text"] == f"Sent over {path}"
    typing = api.good("POST", "/messaging/typing-indicator", json={"conversationUrn": row["conversationUrn"]})
    assert typing["success"] is True
    for body, status in (
        ({"messageType": "inmail"}, 400),
        ({"messageType": "inmail", "subject": "x"}, 501),
        ({"messageType": "pigeon"}, 400),
        ({"groupId": "1"}, 501),
    ):
        assert api("POST", "/message", json={"message": "x", **person, **body}).status_code == status


# What is counted.


def test_new_conversations_and_requests_are_counted_where_that_is_asked_for(tmp_path: Path) -> None:
    environment = {"POSTROOM_RATE_LIMITS": "true", "POSTROOM_LIMIT_NEW_CONVERSATIONS": "1"}
    with running_server(tmp_path / "data", environment=environment) as server, Api(server, "key") as api:
        first = api("GET", "/accounts")
        account = first.json()[0]["id"]
        said = {name: first.headers[f"x-ratelimit-{name}"] for name in ("limit", "remaining", "used", "action")}
        assert said == {"limit": "100", "remaining": "99", "used": "1", "action": "API"}
        assert first.headers["x-ratelimit-reset"].endswith("Z")
        people = new_people(api)
        begun = api("POST", "/conversations/send", json={"message": "Hello", "recipientProfileId": people[0]})
        assert begun.status_code == 200, begun.text
        calls = api.calls("send") + api.calls("create")
        refused = api("POST", "/conversations/send", json={"message": "Hello", "recipientProfileId": people[1]})
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert "NEW_CONVERSATION: 1/1 used. Resets at " in refused.json()["error"]
        assert int(refused.headers["retry-after"]) > 0
        assert api.calls("send") + api.calls("create") == calls
        again = api("POST", "/conversations/send", json={"message": "A reply", "recipientProfileId": people[0]})
        assert again.status_code == 200, again.text
        (row,) = api.good("GET", f"/account/{account}/quota")["quotas"]
        assert (row["used"], row["remaining"], row["limitReached"]) == (1, 0, True)
        urn = api.alone()["conversationUrn"]
        marks = [api("PATCH", f"/conversations/{q(urn)}/star") for _ in range(16)]
        assert {mark.status_code for mark in marks} == {200, 429}
        assert marks[-1].headers["x-ratelimit-action"] == "WRITE"
        assert "Rate limit exceeded for WRITE: 15/15 used." in marks[-1].json()["error"]
        codes = {api("GET", "/accounts").status_code for _ in range(110)}
        assert codes == {200, 429}


def new_people(api: Api) -> list[str]:
    """Two members whom Ada has no conversation with: they linked their accounts in the other workspace."""
    accounts, found = api.server.line["postpress"] + "/v1/accounts", []
    with httpx.Client(headers={"X-API-KEY": api.server.line["other_key"]}, timeout=30) as other:
        for login in ("user_new_ned", "user_new_ida"):
            made = other.post(accounts, json={"provider": "LINKEDIN", "access_token": login}).json()["account_id"]
            found.append(other.get(f"{accounts}/{made}").json()["connection_params"]["im"]["id"])
    return found


def test_what_is_kept_for_an_idempotency_key_has_no_words_of_the_message(api: Api) -> None:
    body = {"conversationUrn": api.alone()["conversationUrn"], "message": "Quince and medlar"}
    headers = {"Idempotency-Key": "said-once"}
    sent = api("POST", "/conversations/send", json=body, headers=headers).json()["sentMessage"]
    assert sent["text"] == "Quince and medlar"
    urn = q(body["conversationUrn"])
    assert api("DELETE", f"/conversations/{urn}/messages/{q(sent['messageUrn'])}").status_code == 200
    again = api("POST", "/conversations/send", json=body, headers=headers)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json()["sentMessage"]["messageUrn"] == sent["messageUrn"]
    assert "Quince" not in again.text
