"""The WebSockets, against a whole server."""

import json
import time
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.servers import Server


@pytest.fixture
def address(server: Server) -> str:
    return server.line["native"].replace("http", "ws", 1) + "/events"


@pytest.fixture
def key(server: Server) -> dict[str, str]:
    return {"Authorization": f"Bearer {server.line['key']}"}


def heard(socket: ClientConnection, seconds: float = 5) -> Any:
    return json.loads(socket.recv(timeout=seconds))


def told_of_messages(socket: ClientConnection) -> Any:
    """The next event that is about a message: accounts that are just being listened to are told of as well."""
    while not (event := heard(socket))["type"].startswith("message."):
        pass
    return event


def close_code(socket: ClientConnection, seconds: float = 7) -> int:
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            socket.recv(timeout=seconds)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


def send(client: httpx.Client, server: Server, text: str) -> str:
    base = server.line["postpress"] + "/v1"
    chat = client.get(f"{base}/chats").json()["items"][0]["id"]
    return str(client.post(f"{base}/chats/{chat}/messages", json={"text": text}).json()["message_id"])


def test_what_happens_is_told_in_order_with_its_content_as_it_then_stands(
    client: httpx.Client, server: Server, address: str, key: dict[str, str]
) -> None:
    with connect(address, additional_headers=key) as socket:
        message_id = send(client, server, "Streamed")
        made = told_of_messages(socket)
        assert (made["type"], made["message"]["text"]) == ("message.sent", "Streamed")
        client.delete(f"{server.line['postpress']}/v1/messages/{message_id}")
        gone = told_of_messages(socket)
        assert (gone["type"], gone["message"]["text"]) == ("message.deleted", None)
        assert gone["position"] > made["position"]
    with connect(f"{address}?after={made['position'] - 1}", additional_headers=key) as socket:
        again = told_of_messages(socket)
        assert (again["id"], again["message"]["text"]) == (made["id"], None)
        assert told_of_messages(socket)["id"] == gone["id"]


def test_resuming_gives_the_log_from_there_and_polling_the_same(
    client: httpx.Client, server: Server, address: str, key: dict[str, str]
) -> None:
    polled = client.get(server.line["native"] + "/events?limit=250").json()
    assert [each["position"] for each in polled["items"]] == sorted(each["position"] for each in polled["items"])
    assert polled["position"] == polled["items"][-1]["position"]
    with connect(f"{address}?after={polled['items'][1]['position']}", additional_headers=key) as socket:
        for event in polled["items"][2:]:
            assert heard(socket)["id"] == event["id"]


def test_the_key_may_come_in_the_first_frame(client: httpx.Client, server: Server, address: str) -> None:
    with connect(address) as socket:
        socket.send(json.dumps({"type": "auth", "token": server.line["key"]}))
        assert heard(socket)["type"] == "authenticated"
        send(client, server, "After the first frame")
        assert told_of_messages(socket)["message"]["text"] == "After the first frame"


def test_connectsafelys_clients_hear_in_their_own_words_and_the_other_workspace_hears_nothing(
    client: httpx.Client, server: Server, address: str
) -> None:
    theirs = server.line["connectsafely"].replace("http", "ws", 1) + "/linkedin/ws"
    other = {"Authorization": f"Bearer {server.line['other_key']}"}
    with connect(theirs, additional_headers={"X-API-KEY": server.line["key"]}) as socket:
        message_id = send(client, server, "Told to both")
        made = told_of_messages(socket)
        assert (made["type"], made["message"]["text"]) == ("message.created", "Told to both")
        client.delete(f"{server.line['postpress']}/v1/messages/{message_id}")
        gone = told_of_messages(socket)
        assert gone.keys() == {
            "type", "seq", "accountId", "createdAt", "conversationUrn", "conversationKey", "messageUrn", "messageKey",
            "deletedAt", "origin",
        }  # fmt: skip
        assert (gone["type"], gone["messageUrn"]) == ("message.deleted", made["messageUrn"])
    with connect(f"{address}?after=0", additional_headers=other) as socket:
        ours = made["accountId"]
        with pytest.raises(TimeoutError):
            while True:
                assert ours not in socket.recv(timeout=1)


def test_it_hears_what_happens_while_it_catches_up(
    client: httpx.Client, server: Server, address: str, key: dict[str, str]
) -> None:
    with connect(f"{address}?after=0", additional_headers=key) as socket:
        message_id = send(client, server, "In between")
        positions = []
        while True:
            event = heard(socket)
            positions.append(event["position"])
            if event["data"].get("message_id") == message_id:
                break
    assert positions == sorted(set(positions))


@pytest.mark.parametrize(
    ("query", "header", "frame", "code"),
    [
        ("", "wrong", None, 4401),
        ("", None, '{"type": "auth", "token": "wrong"}', 4401),
        ("", None, "nonsense", 4401),
        ("", None, '{"type": "auth"}', 4401),
        ("?token=wrong", None, None, 4401),
        ("?after=x", "key", None, 4400),
        ("?after=-1", "key", None, 4400),
        ("?after=9007199254740992", "key", None, 4400),
    ],
)
def test_who_may_not_listen_is_told_by_the_close_code(
    server: Server, address: str, query: str, header: str | None, frame: str | None, code: int
) -> None:
    headers = {"X-API-KEY": server.line["key"] if header == "key" else header} if header else {}
    with connect(address + query, additional_headers=headers) as socket:
        if frame is not None:
            socket.send(frame)
        assert close_code(socket) == code


def test_a_client_that_says_nothing_is_closed_after_five_seconds(address: str) -> None:
    started = time.monotonic()
    with connect(address) as socket:
        assert close_code(socket) == 4401
    assert 4.5 < time.monotonic() - started < 7


def test_there_is_no_stream_elsewhere(server: Server) -> None:
    with pytest.raises(Exception, match="403"), connect(server.line["native"].replace("http", "ws", 1) + "/nope"):
        pass
