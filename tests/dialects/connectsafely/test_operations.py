"""ConnectSafely over HTTP, against a whole server."""

from collections.abc import Callable
from urllib.parse import quote, unquote

import httpx
import pytest

from tests.servers import Server

Send = Callable[[str], tuple[str, str]]


def q(text: str) -> str:
    return quote(text, safe="")


@pytest.fixture
def base(server: Server) -> str:
    return server.line["connectsafely"] + "/linkedin"


@pytest.fixture
def send(client: httpx.Client, server: Server, base: str) -> Send:
    """Send a text to the first conversation; its URN and the message's."""

    def sent(text: str) -> tuple[str, str]:
        postpress = server.line["postpress"] + "/v1"
        chat = client.get(f"{postpress}/chats").json()["items"][0]
        answer = client.post(f"{postpress}/chats/{chat['id']}/messages", json={"text": text})
        assert answer.status_code == 201
        urn = f"urn:li:messagingThread:{chat['provider_id']}"
        found = client.get(f"{base}/conversations/{q(urn)}/messages").json()["messages"]
        return urn, next(each["messageUrn"] for each in found if each["text"] == text)

    return sent


def test_a_recall_echoes_the_urn_and_the_message_is_shown_no_more(client: httpx.Client, base: str, send: Send) -> None:
    conversation, message = send("Recalled by its URN")
    address = f"{base}/conversations/{q(conversation)}/messages/{q(message)}"
    for _ in range(2):
        answer = client.delete(address)
        assert (answer.status_code, answer.json()) == (200, {"success": True, "messageUrn": message})
    shown = client.get(f"{base}/conversations/{q(conversation)}/messages")
    assert "Recalled by its URN" not in shown.text
    assert message not in shown.text
    assert "Recalled by its URN" not in client.get(f"{base}/conversations").text


@pytest.mark.parametrize("extra", [0, 1, 2, 3])
def test_a_urn_that_was_encoded_up_to_three_times_too_often_is_understood(
    client: httpx.Client, base: str, send: Send, extra: int
) -> None:
    conversation, message = send(f"Encoded {extra} times too often")
    written = (conversation, message)
    for _ in range(extra + 1):
        written = (q(written[0]), q(written[1]))
    answer = client.delete(f"{base}/conversations/{written[0]}/messages/{written[1]}")
    assert (answer.status_code, answer.json()["messageUrn"]) == (200, message)


def test_no_conversation_has_a_label(client: httpx.Client, base: str) -> None:
    for query in ("labelId=x", "labeledOnly=true"):
        found = client.get(f"{base}/conversations?{query}").json()
        assert (found["success"], found["conversations"], found["hasMore"]) == (True, [], False)
    assert client.get(f"{base}/conversations?labeledOnly=false").json()["conversations"]


def test_one_that_was_encoded_four_times_too_often_is_refused(client: httpx.Client, base: str) -> None:
    message = "urn:li:messagingMessage:2-MTc2MDc3MzMxMDQyOWI2OTc1NC0xMDA="
    for _ in range(5):
        message = q(message)
    answer = client.delete(
        f"{base}/conversations/2-NzkzMDFlNzAtZjU2OS00MjIwLWE2ZDctYzZkMWE1ZDljZDAyXzEwMA/messages/{message}"
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_error")


@pytest.mark.parametrize(
    ("conversation", "message", "query", "status", "code"),
    [
        ("urn:li:salesNav_thread:2-abc", "2-MTc2MDc3MzMxMDQyOWI2OTc1NC0xMDA=", "", 400, "unsupported_channel"),
        ("urn:li:fsd_profile:A", "2-MTc2MDc3MzMxMDQyOWI2OTc1NC0xMDA=", "", 400, "validation_error"),
        ("2-NzkzMDFlNzAtZjU2OS00MjIwLWE2ZDctYzZkMWE1ZDljZDAyXzEwMA", "..%2F..", "", 400, "validation_error"),
        ("2-NzkzMDFlNzAtZjU2OS00MjIwLWE2ZDctYzZkMWE1ZDljZDAyXzEwMA", "\0", "", 400, "validation_error"),
        (
            "2-NzkzMDFlNzAtZjU2OS00MjIwLWE2ZDctYzZkMWE1ZDljZDAyXzEwMA",
            "2-MTc2MDc3MzMxMDQyOWI2OTc1NC0xMDA=",
            "?accountId=acc_12345",
            404,
            "account_not_found",
        ),
    ],
)
def test_what_cannot_be_recalled_says_why(
    client: httpx.Client, base: str, conversation: str, message: str, query: str, status: int, code: str
) -> None:
    answer = client.delete(f"{base}/conversations/{q(conversation)}/messages/{q(message)}{query}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert isinstance(answer.json()["error"], str)


def test_someone_elses_and_an_old_message_are_refused_with_a_code_of_their_own(client: httpx.Client, base: str) -> None:
    codes = set()
    for row in client.get(f"{base}/conversations?count=250").json()["conversations"]:
        urn = q(row["conversationUrn"])
        for message in client.get(f"{base}/conversations/{urn}/messages?count=250").json()["messages"][-3:]:
            answer = client.delete(f"{base}/conversations/{urn}/messages/{q(message['messageUrn'])}")
            codes.add((answer.status_code, answer.json()["code"]))
    assert codes == {(400, "not_message_owner"), (400, "recall_window_expired")}


def test_conversations_name_their_account_and_lead_to_their_messages(client: httpx.Client, base: str) -> None:
    account = client.get(f"{base}/accounts").json()[0]
    page = client.get(f"{base}/conversations?count=2&accountId={account['id']}").json()
    assert (page["success"], page["hasMore"], page["fromCache"]) == (True, True, True)
    assert page["accounts"] == [{"id": account["id"], "name": "Ada Merino"}]
    after = client.get(f"{base}/conversations", params={"nextCursor": page["nextCursor"]}).json()
    urns = [each["conversationUrn"] for each in page["conversations"] + after["conversations"]]
    assert len(set(urns)) == len(urns) >= 3
    for urn in urns[1:]:  # in the first one other tests send and recall
        assert urn.startswith("urn:li:msg_conversation:(urn:li:fsd_profile:ACoAA")
        found = client.get(f"{base}/conversations/{q(urn)}/messages?count=5").json()
        assert len(found["messages"]) == 5
        assert found["participants"]
        older = client.get(f"{base}/conversations/{q(urn)}/messages?cursor={found['cursor']}&count=5").json()
        assert max(each["sentAt"] for each in older["messages"]) < min(each["sentAt"] for each in found["messages"])
        newer = client.get(f"{base}/conversations/{q(urn)}/messages?since={found['messages'][1]['sentAt']}").json()
        assert [each["messageUrn"] for each in newer["messages"]] == [found["messages"][0]["messageUrn"]]


def test_the_other_workspace_sees_none_of_it(client: httpx.Client, stranger: httpx.Client, base: str) -> None:
    row = client.get(f"{base}/conversations?count=1").json()["conversations"][0]
    for path in (
        f"/conversations?accountId={row['accountId']}",
        f"/conversations?linkedinAccountIds={row['accountId']}",
    ):
        answer = stranger.get(base + path)
        assert (answer.status_code, answer.json()["code"]) == (404, "account_not_found")
    # The other workspace may hold the other person's account: then it is that one's mailbox that it sees.
    ours = row["conversationUrn"].split(",")[0].rsplit(":", 1)[1]
    for message in (
        stranger.get(f"{base}/conversations/{q(row['conversationUrn'])}/messages").json().get("messages", [])
    ):
        assert ours not in message["messageUrn"]
    assert row["accountId"] not in {each["id"] for each in stranger.get(f"{base}/accounts").json()}


def test_accounts_are_a_bare_list_that_can_be_searched(client: httpx.Client, base: str) -> None:
    (account,) = client.get(f"{base}/accounts").json()
    assert account["status"] == "AVAILABLE"
    for text in ("ada", "MERINO", account["id"], "https://www.linkedin.com/in/ada-merino/"):
        assert client.get(f"{base}/accounts", params={"q": text}).json() == [account]
    assert client.get(f"{base}/accounts?q=nobody").json() == []


def test_health_needs_no_key(server: Server) -> None:
    assert httpx.get(server.line["connectsafely"] + "/health").json() == {"status": "ok"}


def test_quoting_here_is_what_a_browser_does() -> None:
    assert unquote(q("urn:li:(a,b)=")) == "urn:li:(a,b)="
