"""What comes in over HTTP, against a whole server: raw paths, broken bodies, headers; each dialect in its own shape."""

import re

import httpx
import pytest

from tests.servers import Server

SHAPES = {
    "postpress": {"title", "detail", "instance", "type", "status"},
    "connectsafely": {"error", "success", "code", "message"},
    "postpost": {"error"},
    "native": {"type", "title", "status", "detail", "instance", "code"},
}
WRITES = {
    "postpress": "/v1/accounts",
    "postpost": "/api/v1/create-post",
    "native": "/links",
}
BROKEN = [
    b"{",
    b"[]",
    b'"text"',
    b"\xff\xfe",
    b'{"content": "\xff"}',
    b'{"content": "\\ud800", "name": "\\ud800"}',
    b'{"content": "a\\u0000b", "provider": "a\\u0000b", "name": "a\\u0000b", "platforms": ["twitter-1"]}',
    b"[" * 100_000,
    b'{"x":' * 100_000,
    b'{"content": ' + b"9" * 5000 + b"}",
    b"x" * 2_000_000,
]
ANY = pytest.mark.parametrize("dialect", SHAPES)


def fits(answer: httpx.Response, dialect: str) -> bool:
    kind = answer.headers["content-type"]
    assert kind == ("application/problem+json" if dialect == "native" else "application/json")
    return SHAPES[dialect] <= answer.json().keys()


@ANY
@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/nope",
        "/v1",
        "/v1/",
        "/v1/nope",
        "/api/v1/nope",
        "/linkedin",
        "/%2e%2e/api/keys",
        "/v1//messages",
        "/v1/chats//messages",
        "/openapi.json/x",
        "/docs%00",
    ],
)
def test_an_unknown_path_is_a_404_in_the_dialects_shape(
    client: httpx.Client, server: Server, dialect: str, path: str
) -> None:
    for key in (dict(client.headers), dict[str, str]()):
        answer = httpx.get(server.line[dialect] + path, headers=key)
        assert answer.status_code == 404
        assert fits(answer, dialect)


@pytest.mark.parametrize(
    ("dialect", "path", "allowed"),
    [
        ("postpress", "/v1/chats/chat_1/messages", "GET, POST, HEAD, OPTIONS"),
        ("connectsafely", "/linkedin/conversations/a/messages/b", "DELETE, OPTIONS"),
        ("postpost", "/api/v1/create-post", "POST, OPTIONS"),
        ("native", "/keys", "GET, POST, HEAD, OPTIONS"),
        ("native", "/docs", "GET, HEAD, OPTIONS"),
    ],
)
def test_a_wrong_method_is_a_405_that_says_which_are_right(
    client: httpx.Client, server: Server, dialect: str, path: str, allowed: str
) -> None:
    answer = client.patch(server.line[dialect] + path, json={})
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert fits(answer, dialect)
    options = httpx.options(server.line[dialect] + path)
    assert (options.status_code, options.content) in ((204, b""), (200, options.content))


@pytest.mark.parametrize("dialect", WRITES)
@pytest.mark.parametrize("body", BROKEN, ids=lambda body: repr(body[:12]))
def test_a_broken_body_is_a_clear_error_in_the_dialects_shape(
    client: httpx.Client, server: Server, dialect: str, body: bytes
) -> None:
    answer = client.post(
        server.line[dialect] + WRITES[dialect], content=body, headers={"content-type": "application/json"}
    )
    harmless = dialect == "postpost" and body.startswith(b'{"content": 9')
    assert answer.status_code in (400, 413) or harmless, answer.text
    assert fits(answer, dialect)


def test_a_body_of_another_type_is_refused_where_the_dialect_minds(client: httpx.Client, server: Server) -> None:
    headers = {"content-type": "text/xml"}
    statuses = {
        dialect: client.post(server.line[dialect] + path, content=b"<a/>", headers=headers).status_code
        for dialect, path in WRITES.items()
    }
    assert statuses == {"postpress": 400, "postpost": 400, "native": 415}


def test_without_a_key_nothing_is_read_and_nothing_is_told(server: Server) -> None:
    for dialect, path in WRITES.items():
        answer = httpx.post(server.line[dialect] + path, content=b"{")
        assert answer.status_code == 401
        assert fits(answer, dialect)
        assert "x-sandbox" not in answer.headers


@pytest.mark.parametrize("header", ["X-API-KEY", "x-api-key", "Authorization"])
def test_a_key_is_read_from_each_header_that_clients_send(server: Server, header: str) -> None:
    key = server.line["key"]
    value = f"bearer {key}" if header == "Authorization" else key
    assert httpx.get(server.line["postpress"] + "/v1/accounts", headers={header: value}).status_code == 200


@pytest.mark.parametrize(
    "id", ["%00", "%ff%fe", "a%2Fb", "a%2fb%2fc", "..%2f..", "msg_%3A", "%25", "%", "a;b", "*", "é", "x" * 5000]
)
def test_an_encoded_character_never_moves_a_segment(client: httpx.Client, server: Server, id: str) -> None:
    answer = client.get(server.line["postpress"] + "/v1/messages/" + id)
    assert (answer.status_code, answer.json()["type"]) == (404, "errors/invalid_resource_identifier")
    answer = client.get(server.line["postpress"] + f"/v1/chats/{id}/messages")
    assert answer.status_code in (400, 404)
    answer = client.delete(server.line["postpost"] + "/api/v1/delete-post/" + id)
    assert answer.status_code in (400, 500)
    assert fits(answer, "postpost")


def test_a_trailing_slash_and_a_doubled_first_one_change_nothing(client: httpx.Client, server: Server) -> None:
    for path in ("/v1/accounts", "/v1/accounts/", "//v1/accounts", "//api/v1/accounts"):
        assert client.get(server.line["postpress"] + path).status_code == 200


def test_head_has_the_headers_of_get_and_no_body(client: httpx.Client, server: Server) -> None:
    address = server.line["postpress"] + "/v1/accounts"
    got, head = client.get(address), client.head(address)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == got.headers["content-length"]


@ANY
def test_every_answer_has_a_request_id_and_a_good_one_of_the_callers_is_kept(
    client: httpx.Client, server: Server, dialect: str
) -> None:
    address = server.line[dialect] + "/nope"
    assert re.fullmatch(r"[0-9a-f]{24}", client.get(address).headers["x-request-id"])
    assert client.get(address, headers={"x-request-id": "mine-1"}).headers["x-request-id"] == "mine-1"
    assert client.get(address, headers={"x-request-id": "a b"}).headers["x-request-id"] != "a b"


@ANY
def test_answers_under_a_test_key_say_so_and_are_not_to_be_stored(
    client: httpx.Client, server: Server, dialect: str
) -> None:
    path = {"postpress": "/v1/accounts", "connectsafely": "/linkedin/accounts", "postpost": "/api/v1/list-posts"}
    answer = client.get(server.line[dialect] + path.get(dialect, "/workspace"))
    assert (answer.status_code, answer.headers["x-sandbox"]) == (200, "true")
    assert answer.headers["cache-control"] == "no-store"


@ANY
def test_the_pages_are_open_to_everyone(server: Server, dialect: str) -> None:
    document = httpx.get(server.line[dialect] + "/openapi.json")
    assert document.json()["openapi"].startswith("3.1")
    shown = httpx.get(server.line[dialect] + "/docs")
    assert shown.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in shown.headers["content-security-policy"]


@ANY
def test_an_idempotency_key_that_none_can_be_is_a_clear_error(
    client: httpx.Client, server: Server, dialect: str
) -> None:
    path = {**WRITES, "connectsafely": "/linkedin/conversations/a/messages/b"}[dialect]
    method = "DELETE" if dialect == "connectsafely" else "POST"
    headers = {"Idempotency-Key": "x" * 256, "content-type": "application/json"}
    answer = client.request(
        method, server.line[dialect] + path, content=b'{"provider":"x","flow":"y"}', headers=headers
    )
    assert answer.status_code == 422
    assert fits(answer, dialect)
