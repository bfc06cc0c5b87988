"""Whatever is thrown at a server: a clear error in the dialect's own shape, nothing changed, and it goes on well."""

import base64
import contextlib
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest
import websockets.exceptions
from websockets.sync.client import connect

from postroom.store.sqlite_files import open_file
from tests.servers import Server, running_server

pytestmark = pytest.mark.slow

# What may not change by anything in this file. Jobs and leases have a life of their own.
KEPT: tuple[str, ...] = (
    "workspaces",
    "managed_users",
    "api_keys",
    "chats",
    "messages",
    "tombstones",
    "recalls",
    "receipts",
)
KEPT += ("post_groups", "posts", "media_items", "events", "idempotency_keys")


@dataclass
class Place:
    server: Server
    data: Path
    http: httpx.Client
    chat: str
    message: str
    group: str

    def state(self) -> dict[str, list[Any]]:
        with contextlib.closing(open_file(self.data / "postroom.db")) as connection:
            return {table: connection.execute(f"select * from {table}").fetchall() for table in KEPT}

    def raw(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        """Bytes as they are, and the first answer; 0 where the connection is just closed."""
        address = urlsplit(self.server.line["native"])
        with socket.create_connection((address.hostname, address.port), timeout=10) as opened:
            with contextlib.suppress(OSError):
                opened.sendall(request)
            response = b""
            with contextlib.suppress(OSError):
                while b"\r\n\r\n" not in response and (part := opened.recv(65536)):
                    response += part
                head, _, body = response.partition(b"\r\n\r\n")
                length = next(
                    (int(line[15:]) for line in head.lower().split(b"\r\n") if line[:15] == b"content-length:"), 0
                )
                while len(body) < length and (part := opened.recv(65536)):
                    body += part
        if not response:
            return 0, {}, b""
        lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        return int(lines[0].split()[1]), headers, body


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    data = tmp_path_factory.mktemp("malice") / "data"
    with running_server(data) as server:
        key = server.line["key"]
        headers = {"X-API-KEY": key, "Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=server.line["native"].removesuffix("/api"), headers=headers, timeout=30) as http:
            chat = http.get("/postpress/v1/chats").json()["items"][0]
            message = http.get(f"/postpress/v1/chats/{chat['id']}/messages").json()["items"][0]
            body = {"content": "Mine", "platforms": ["bluesky-x"]}
            group = http.post("/postpost/api/v1/create-post", json=body).json()["postGroupId"]
            yield Place(server, data, http, chat["id"], message["id"], group)


@pytest.fixture
def place(running: Place) -> Iterator[Place]:
    """The server, which is as it was when the test has ended."""
    before = running.state()
    upstream = len(httpx.get(f"{running.server.line['sim']}/_sim/requests").json()["requests"])
    yield running
    assert running.server.process.poll() is None
    assert running.http.get("/api/health").json()["status"] == "ok"
    assert running.http.get(f"/postpress/v1/messages/{running.message}").status_code == 200
    assert running.state() == before
    calls = httpx.get(f"{running.server.line['sim']}/_sim/requests").json()["requests"][upstream:]
    # A stream says that it is there whenever its time comes.
    asked = [each["operation"] for each in calls if each["method"] not in ("GET", "HEAD")]
    assert [each for each in asked if each != "heartbeat"] == []
    assert not [line for line in running.server.errors if "request.broken" in line or "Traceback" in line]


def check_shape(path: str, answer: httpx.Response, *, among: frozenset[int] = frozenset(range(400, 500))) -> None:
    """A failure, of these statuses, in the words of the dialect that the path belongs to."""
    assert answer.status_code in among, (path[:200], answer.status_code, answer.text[:300])
    if answer.status_code == 400 and answer.text == "Invalid HTTP request received.":
        # It was no HTTP: no dialect ever saw it.
        return
    assert answer.content, (path[:200], answer.status_code)
    told = answer.json()
    if path.startswith("/postpress"):
        assert told["status"] == answer.status_code
        assert told["type"].startswith("errors/")
        assert told["title"]
        assert told.keys() <= {"title", "detail", "instance", "type", "status"}
    elif path.startswith("/connectsafely"):
        assert isinstance(told["error"], str)
        assert told["success"] is False
    elif path.startswith("/postpost"):
        assert {"error"} <= told.keys() <= {"error", "code", "field"}
        assert isinstance(told["error"], str)
    else:
        assert answer.headers["content-type"] == "application/problem+json"
        assert told["status"] == answer.status_code
    assert "Traceback" not in answer.text


BODIES: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"{",
    "words": b"hello",
    "null": b"null",
    "a list": b"[]",
    "a text": b'"text"',
    "wrong types": b'{"text": 5, "content": {}, "platforms": "x", "provider": [], "flow": 1}',
    "nothing that is needed": b'{"unknown": true}',
    "deep lists": b"[" * 200_000,
    "deep objects": b'{"text":' * 100_000 + b"1" + b"}" * 100_000,
    "deep in a field": b'{"content": "x", "platforms": ["bluesky-x"], "text": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "NUL": rb'{"text": "a\u0000b", "content": "a\u0000b", "platforms": ["bluesky-x"], "provider": "a\u0000", "flow": "a"}',
    "a bare NUL": b'{"text": "a\0b", "content": "a\0b", "platforms": ["bluesky-x"], "provider": "a", "flow": "\0"}',
    "invalid UTF-8": b'{"text": "\xff\xfe", "content": "\xff", "platforms": ["bluesky-x"], "provider": "\xff", "flow": "a"}',
    "a lone surrogate": rb'{"text": "\ud800", "content": "\ud800", "platforms": ["bluesky-x"], "provider": "\udfff", "flow": "a"}',  # noqa: E501
    "UTF-16": '{"text": "x", "content": "x", "platforms": ["bluesky-x"]}'.encode("utf-16"),
    "ten megabytes": b'{"text": "' + b"a" * 10_000_000 + b'"}',
    "a huge number": b'{"text": 1' + b"0" * 5_000 + b"}",
}  # fmt: skip


def posts(place: Place) -> list[str]:
    """A path of each dialect that takes a body."""
    return [
        f"/postpress/v1/chats/{place.chat}/messages",
        "/postpress/api/v1/accounts",
        "/postpost/api/v1/create-post",
        "/postpost/api/v1/get-upload-url",
        "/api/links",
    ]


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_is_wrong_is_refused(place: Place, name: str) -> None:
    for path in posts(place):
        answer = place.http.post(path, content=BODIES[name], headers={"Content-Type": "application/json"})
        allowed = frozenset({*range(400, 500)} | ({501} if "accounts" in path else set()))
        check_shape(path, answer, among=allowed)
    path = f"/postpost/api/v1/update-post/{place.group}"
    check_shape(path, place.http.put(path, content=BODIES[name], headers={"Content-Type": "application/json"}))


def test_a_body_of_another_kind_is_refused(place: Place) -> None:
    path = f"/postpress/v1/chats/{place.chat}/messages"
    kinds = {
        "text/plain": b"hello",
        "application/xml": b"<a/>",
        "multipart/form-data": b"x",
        "multipart/form-data; boundary=": b"x",
        "multipart/form-data; boundary=x": b"--x\r\nContent-Disposition: form-data\r\n\r\nv\r\n--x--\r\n",
        "application/json; charset=utf-7": b"{",
        "a" * 5_000: b"{}",
        "": b"{}",
    }
    for kind, body in kinds.items():
        check_shape(path, place.http.post(path, content=body, headers={"Content-Type": kind}))


def test_a_form_with_a_million_parts_is_refused(place: Place) -> None:
    path = f"/postpress/v1/chats/{place.chat}/messages"
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    check_shape(path, place.http.post(path, content=part * 15_000 + b"--x--\r\n", headers=headers))
    file = b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n\r\n'
    check_shape(path, place.http.post(path, content=file * 15_000 + b"--x--\r\n", headers=headers))
    header = b"--x\r\n" + b"A: b\r\n" * 100_000 + b"\r\n\r\n--x--\r\n"
    check_shape(path, place.http.post(path, content=header, headers=headers))
    long = b'--x\r\nContent-Disposition: form-data; name="' + b"a" * 900_000 + b'"\r\n\r\nx\r\n--x--\r\n'
    check_shape(path, place.http.post(path, content=long, headers=headers))


SEGMENTS = [
    "..", ".", "%2e%2e", "%2F", "%2f%2f", "..%2f..%2fetc%2fpasswd", "%5c", "%00", "a%00b", "%ff", "%ff%fe", "%", "%2",
    "%zz", "%u0041", "%25252525", "'", "%22", "' or 1=1 --", "msg_", "msg_" + "0" * 26, "msg_" + "Z" * 26,
    "chat_01HXYZ4QK3WJ8FN3M6QH7TZ8GR", "acc_01HXYZ4QK3WJ8FN3M6QH7TZ8GR", "0" * 24, "g" * 24, "-1", "null", "*", ";",
    "%F0%9F%92%A9", "%ED%A0%80", "a" * 5_000, "%0d%0aSet-Cookie:x=y", "$1",
]  # fmt: skip


def test_a_path_that_is_wrong_is_refused(place: Place) -> None:
    under = {
        "/postpress/v1/messages/": ("GET", "DELETE"),
        "/postpress/api/v1/accounts/": ("GET", "DELETE"),
        "/postpress/v1/chats/": ("GET",),
        "/connectsafely/linkedin/conversations/x/messages/": ("DELETE",),
        "/api/accounts/": ("GET", "DELETE"),
        "/api/receipts/": ("GET",),
        "/postpost/api/v1/get-post/": ("GET",),
        "/postpost/api/v1/delete-post/": ("DELETE",),
    }
    key = place.server.line["key"]
    for base, methods in under.items():
        # A malformed id is a 500 at PostPost, by its page.
        allowed = frozenset({*range(400, 500)} | ({500} if base.startswith("/postpost") else set()))
        for method in methods:
            for segment in SEGMENTS:
                target = (base + segment).replace(" ", "%20")
                head = f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-KEY: {key}\r\nAuthorization: Bearer {key}\r\n\r\n"  # noqa: E501
                status, headers, body = place.raw(head.encode())
                answer = httpx.Response(
                    status or 400, headers={"content-type": headers.get("content-type", "")}, content=body
                )
                check_shape(target, answer, among=allowed)
                if status == 500:
                    assert body in (
                        b'{"error":"Failed to fetch post group"}',
                        b'{"error":"Failed to delete post group"}',
                    )
                assert "set-cookie" not in headers


def test_double_slashes_and_unknown_paths_answer_in_their_dialects_shape(place: Place) -> None:
    for path in (
        "/postpress/v1//messages", "/postpress/v2/messages", "/postpress/v1/messages/a/b/c",
        "/connectsafely/linkedin", "/connectsafely/linkedin/conversations/a/b", "/postpost/api/v1", "/postpost/api/v1/no",
        "/api/nothing", "/api//nothing", "/api/../api/keys", "/postpress", "/postpress/",
    ):  # fmt: skip
        answer = place.http.get(path)
        if not answer.request.url.path.startswith("/api/keys"):
            check_shape(answer.request.url.path, answer)


def test_urns_that_are_encoded_four_times_are_decoded_once(place: Place) -> None:
    (account,) = place.http.get("/connectsafely/linkedin/accounts").json()[:1]
    chat = (
        f"urn:li:msg_conversation:(urn:li:fsd_profile:{account['profileUrn'].rpartition(':')[2]},2-abc)"
        if "profileUrn" in account
        else "urn:li:msg_conversation:(urn:li:fsd_profile:ACo,2-abc)"
    )
    encoded = chat
    for _ in range(4):
        encoded = quote(encoded, safe="")
    path = f"/connectsafely/linkedin/conversations/{encoded}/messages/{encoded}"
    check_shape(path, place.http.delete(path))
    path = f"/connectsafely/linkedin/conversations/{encoded}/messages"
    check_shape(path, place.http.get(path))


def test_a_method_that_is_not_there_is_refused_with_those_that_are(place: Place) -> None:
    paths = [
        *posts(place),
        f"/postpress/v1/messages/{place.message}",
        "/connectsafely/linkedin/conversations",
        "/api/keys",
    ]
    for path in paths:
        for method in ("PATCH", "TRACE", "PROPFIND", "CONNECTX", "LOCK"):
            answer = place.http.request(method, path)
            check_shape(path, answer)
            if answer.status_code == 405:
                assert answer.headers["allow"]
        assert place.http.options(path).status_code == 204
    whole = place.http.get(f"/postpress/v1/messages/{place.message}")
    head = place.http.head(f"/postpress/v1/messages/{place.message}")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(whole.content))


NUMBERS = [
    "0",
    "-1",
    "251",
    "1000000000",
    "9" * 30,
    "NaN",
    "Infinity",
    "1.5",
    "1e3",
    "",
    " ",
    "٣",
    "0x10",
    "1;2",
    "%00",
    "null",
]


def test_a_limit_that_is_wrong_is_refused(place: Place) -> None:
    lists = {
        "/postpress/v1/messages": "limit", "/postpress/v1/chats": "limit", "/postpress/v1/accounts": "limit",
        "/connectsafely/linkedin/conversations": "count", "/api/accounts": "limit", "/api/receipts": "limit",
        "/api/events": "limit",
    }  # fmt: skip
    for path, name in lists.items():
        for number in NUMBERS:
            answer = place.http.get(f"{path}?{name}={quote(number, safe='%')}")
            check_shape(str(answer.request.url.raw_path.decode()), answer, among=frozenset({400}))


def test_numbers_and_moments_that_are_wrong_are_refused_or_taken_as_the_page_says(place: Place) -> None:
    for path, names in {
        "/postpost/api/v1/list-posts": ("page", "limit", "fromDate", "toDate", "status", "sortBy", "sortOrder"),
        "/postpress/v1/messages": ("before", "after", "sender_id", "account_id"),
        "/postpress/v1/chats": ("before", "after", "unread", "account_type"),
        "/connectsafely/linkedin/conversations": ("unreadOnly", "nextCursor", "linkedinAccountIds"),
        "/api/events": ("after", "wait_seconds"),
    }.items():
        for name in names:
            for value in (
                *NUMBERS,
                "9999-12-31T23:59:59.999Z",
                "0000-00-00T00:00:00.000Z",
                "2026-02-30T00:00:00.000Z",
                "a" * 3_000,
            ):
                if (name, value) == ("wait_seconds", "1"):
                    continue
                answer = place.http.get(f"{path}?{name}={quote(value, safe='%')}")
                if answer.status_code != 200:
                    # An account that is not there is said so.
                    check_shape(path, answer, among=frozenset({400, 404} if name == "linkedinAccountIds" else {400}))


def forged() -> list[str]:
    good: dict[str, Any] = {"filters": {}, "limit": 10, "cursor": [1, "x"]}
    filters = {
        "account_id": None, "account_ids": None, "provider": None, "sender_id": None, "target_id": None, "unread": None,
        "before": None, "after": None,
    }  # fmt: skip
    good["filters"] = filters
    texts = [
        {**good, "limit": 0}, {**good, "limit": -1}, {**good, "limit": 10**9}, {**good, "limit": "10"}, {**good, "limit": 2**70},  # noqa: E501
        {**good, "cursor": None}, {**good, "cursor": ["x", 1]}, {**good, "cursor": [2**63, "x"]}, {**good, "cursor": [-(2**70), "x"]},  # noqa: E501
        {**good, "cursor": [1, "a\0b"]}, {**good, "cursor": [1.5, "x"]}, {**good, "filters": None}, {**good, "filters": []},
        {**good, "filters": {**filters, "before": 2**64}}, {**good, "filters": {**filters, "after": "x"}},
        {**good, "filters": {**filters, "account_ids": [1]}}, {**good, "filters": {**filters, "account_ids": ["a\0"]}},
        {**good, "filters": {**filters, "account_id": "a\0", "sender_id": "a\0", "provider": "a\0", "target_id": "a\0"}},
    ]  # fmt: skip
    coded = [base64.b64encode(json.dumps(each).encode()).decode() for each in texts]
    nested = base64.b64encode(b"[" * 20_000).decode()
    surrogate = base64.b64encode(b'{"filters": {}, "limit": 10, "cursor": [1, "\\ud800"]}').decode()
    return [
        *coded,
        nested,
        surrogate,
        "x",
        "====",
        "%00",
        "%ff",
        "a" * 10_000,
        base64.b64encode(b"null").decode(),
        "e30=",
    ]


def test_a_forged_cursor_is_refused_or_shows_ones_own_things(place: Place) -> None:
    for path, name in {
        "/postpress/v1/messages": "cursor",
        "/postpress/v1/chats": "cursor",
        "/postpress/v1/accounts": "cursor",
        "/connectsafely/linkedin/conversations": "nextCursor",
        "/api/accounts": "cursor",
        "/api/receipts": "cursor",
    }.items():
        for cursor in forged():
            answer = place.http.get(f"{path}?{name}={quote(cursor, safe='%')}")
            if answer.status_code != 200:
                check_shape(path, answer, among=frozenset({400}))


def test_headers_that_are_wrong_are_refused(place: Place) -> None:
    path = f"/postpress/v1/messages/{place.message}"
    key = place.server.line["key"]
    get = f"GET {path} HTTP/1.1\r\n".encode()
    host, good = b"Host: 127.0.0.1\r\n", f"X-API-KEY: {key}\r\n".encode()
    refused = {
        "a key of other bytes": get + host + b"X-API-KEY: \xff\xfe\xfd\r\n\r\n",
        "an empty key": get + host + b"X-API-KEY: \r\n\r\n",
        "a long key": get + host + b"X-API-KEY: " + b"a" * 30_000 + b"\r\n\r\n",
        "another host": get + b"Host: evil.example\r\n" + good + b"\r\n",
        "a host that begins alike": get + b"Host: 127.0.0.1.evil.example\r\n" + good + b"\r\n",
        "a host with a user": get + b"Host: 127.0.0.1@evil.example\r\n" + good + b"\r\n",
        "two hosts": get + host + b"Host: evil.example\r\n" + good + b"\r\n",
        "another host in the address": f"GET http://evil.example{path} HTTP/1.1\r\n".encode() + b"Host: evil.example\r\n" + good + b"\r\n",  # noqa: E501
        "a huge header": get + host + good + b"X-Big: " + b"a" * 3_000_000 + b"\r\n\r\n",
        "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500 + b"\r\n\r\n",
        "a bad length": get.replace(b"GET", b"POST") + host + good + b"Content-Length: -5\r\n\r\n",
        "two lengths": get.replace(b"GET", b"POST") + host + good + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    }  # fmt: skip
    for name, request in refused.items():
        status, headers, body = place.raw(request)
        assert status == 0 or 400 <= status < 500, (name, status)
        assert key.encode() not in body, name
        if status == 401:
            answer = httpx.Response(status, headers={"content-type": headers["content-type"]}, content=body)
            check_shape(path, answer)
    both = get + host + good + b"X-API-KEY: wrong\r\n\r\n"
    assert place.raw(both)[0] in (200, 400, 401)
    assert place.raw(get + host + good + b"A: b\r\n" * 500 + b"\r\n")[0] in (0, 200, 400, 431)
    assert place.raw(get + host + good + b"X-Request-Id: a\tb;<script>\r\n\r\n")[1]["x-request-id"] != "a\tb;<script>"


def test_an_idempotency_key_that_is_wrong_is_refused(place: Place) -> None:
    body = json.dumps({"content": "Mine", "platforms": []})
    for key in ("", "a" * 256, "a" * 20_000, "\x7f"):
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        check_shape("/postpost/", place.http.post("/postpost/api/v1/create-post", content=body, headers=headers))
    for number in range(200):
        headers = {"Content-Type": "application/json", "Idempotency-Key": f"refused-{number}"}
        answer = place.http.post(f"/postpress/v1/chats/{place.chat}/messages", content=b'{"text": ""}', headers=headers)
        check_shape("/postpress/", answer)


def test_sockets_that_talk_nonsense_are_closed_with_a_reason(place: Place) -> None:
    base = place.server.line["native"].replace("http", "ws", 1)
    key = {"X-API-KEY": place.server.line["key"]}
    first_frames: list[str | bytes] = [
        "", "hello", "{", '{"type": "auth"}', '{"type": "auth", "token": 5}', '{"type": "auth", "token": "wrong"}',
        "[" * 30_000, b"\xff\xfe", b"\0", '{"type": "auth", "token": "a\\u0000"}', '{"type": "auth", "token": "\\ud800"}',
    ]  # fmt: skip
    for frame in first_frames:
        with connect(f"{base}/events") as opened:
            opened.send(frame)
            assert closing_code(opened) in (4401, 1002, 1003, 1007), frame[:40]
    for after in ("x", "-1", "1.5", "9" * 40, "%00", "٣", str(2**53 - 1)):
        with connect(f"{base}/events?after={quote(after, safe='%')}", additional_headers=key) as opened:
            assert closing_code(opened) == 4400, after
    with connect(f"{base}/events", additional_headers={"X-API-KEY": "wrong"}) as opened:
        assert closing_code(opened) == 4401
    for path in ("/events/x", "/", "/../postpress"):
        with pytest.raises(websockets.exceptions.InvalidStatus):
            connect(f"{base}{path}", additional_headers=key)
    with pytest.raises(websockets.exceptions.InvalidStatus):
        connect(f"{base}/events", additional_headers={**key, "Host": "evil.example"})
    with connect(f"{base}/events", additional_headers=key, max_size=None) as opened:
        # Much more than a client has to say.
        with contextlib.suppress(websockets.exceptions.ConnectionClosed):
            opened.send(b"x" * 10_000_000)
        assert closing_code(opened) in (1009, 1006)


def closing_code(opened: Any) -> int:
    try:
        while True:
            opened.recv(timeout=10)
    except websockets.exceptions.ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd is not None else 1006
