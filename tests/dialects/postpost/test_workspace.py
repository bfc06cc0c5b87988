"""PostPost's managed users over HTTP: their sentences, their keys, their pages."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.servers import Server

NO_WORKSPACE = "Workspace access is not enabled for this key"
NO_USER = "User not found or not managed by this key"
NOBODY = "507f1f77bcf86cd799439011"


@pytest.fixture
def base(server: Server) -> str:
    return server.line["postpost"] + "/api/v1"


@pytest.fixture
def user(client: httpx.Client, base: str) -> Iterator[dict[str, Any]]:
    made = client.post(f"{base}/workspace/users", json={"username": f"{uuid4().hex}@example.org"})
    assert made.status_code == 201, made.text
    assert made.json().keys() == {"user"}
    yield made.json()["user"]
    client.delete(f"{base}/workspace/users/{made.json()['user']['_id']}")


def said(answer: httpx.Response) -> tuple[int, Any]:
    return answer.status_code, answer.json()


def test_a_new_user_is_called_by_its_email_and_has_no_page(user: dict[str, Any]) -> None:
    assert user == {
        "_id": user["_id"],
        "username": user["username"],
        "displayName": user["username"],
        "role": "managed",
        "dailyPostsLeft": 100,
        "connectionsPageUrl": None,
        "connectionsPageTokenExpiresAt": None,
    }
    assert len(user["_id"]) == 24


def test_users_are_listed_without_a_wrapper(client: httpx.Client, base: str, user: dict[str, Any]) -> None:
    listed = client.get(f"{base}/workspace/users").json()
    assert listed.keys() == {"users"}
    assert user in listed["users"]


@pytest.mark.parametrize("body", [{}, {"username": ""}, {"username": "  "}, {"username": 5}, {"displayName": "Acme"}])
def test_a_user_needs_an_email(client: httpx.Client, base: str, body: dict[str, Any]) -> None:
    assert said(client.post(f"{base}/workspace/users", json=body)) == (400, {"error": "Email is required"})


def test_an_email_is_taken_once_in_a_workspace_and_free_in_another(
    client: httpx.Client, stranger: httpx.Client, base: str, user: dict[str, Any]
) -> None:
    body = {"username": user["username"], "displayName": "Acme Corp"}
    taken = {"error": "User with this email already exists"}
    assert said(client.post(f"{base}/workspace/users", json=body)) == (409, taken)
    other = stranger.post(f"{base}/workspace/users", json=body)
    assert (other.status_code, other.json()["user"]["displayName"]) == (201, "Acme Corp")


def test_a_detached_user_is_managed_no_more_and_comes_back_under_its_email(
    client: httpx.Client, base: str, user: dict[str, Any]
) -> None:
    address = f"{base}/workspace/users/{user['_id']}"
    key = client.post(f"{address}/api-key").json()["apiKey"]
    page = client.post(f"{address}/connection-url").json()["url"]
    assert said(client.delete(address)) == (200, {"success": True})
    assert said(client.delete(address)) == (404, {"error": NO_USER})
    assert said(client.post(f"{address}/api-key")) == (404, {"error": NO_USER})
    assert said(client.post(f"{address}/connection-url")) == (404, {"error": NO_USER})
    assert said(httpx.get(f"{base}/list-posts", headers={"x-api-key": key})) == (401, {"error": "Invalid API key"})
    acting = client.get(f"{base}/list-posts", headers={"x-postpost-user-id": user["_id"]})
    assert said(acting) == (403, {"error": "User is not managed by key"})
    assert user["_id"] not in client.get(f"{base}/workspace/users").text
    back = client.post(f"{base}/workspace/users", json={"username": user["username"]}).json()["user"]
    assert (back["_id"], back["connectionsPageUrl"]) == (user["_id"], None)
    assert client.post(f"{address}/connection-url").json()["url"] != page


@pytest.mark.parametrize(
    ("method", "rest"),
    [("DELETE", ""), ("POST", "/api-key"), ("POST", "/connection-url")],
    ids=["detach", "key", "url"],
)
def test_another_id_is_refused_and_a_users_of_nobody_or_another_is_not_found(
    client: httpx.Client, stranger: httpx.Client, base: str, user: dict[str, Any], method: str, rest: str
) -> None:
    malformed = client.request(method, f"{base}/workspace/users/short{rest}")
    assert said(malformed) == (400, {"error": "Invalid userId"})
    for asking, id in ((client, NOBODY), (stranger, user["_id"])):
        answer = asking.request(method, f"{base}/workspace/users/{id}{rest}")
        assert said(answer) == (404, {"error": NO_USER})


def test_a_users_own_key_opens_that_user_alone_and_ends_the_one_before(
    client: httpx.Client, base: str, user: dict[str, Any]
) -> None:
    address = f"{base}/workspace/users/{user['_id']}/api-key"
    first, second = client.post(address).json(), client.post(address).json()
    assert first.keys() == {"message", "apiKey", "userId"}
    assert (second["message"], second["userId"]) == ("API key generated successfully", user["_id"])
    old, own = {"x-api-key": first["apiKey"]}, {"x-api-key": second["apiKey"]}
    assert said(httpx.get(f"{base}/list-posts", headers=old)) == (401, {"error": "Invalid API key"})
    body = {"content": "Mine", "platforms": ["twitter-1"]}
    group = httpx.post(f"{base}/create-post", headers=own, json=body).json()["postGroupId"]
    assert client.get(f"{base}/get-post/{group}").status_code == 404
    acting = {"x-postpost-user-id": user["_id"]}
    assert client.get(f"{base}/get-post/{group}", headers=acting).status_code == 200
    for headers, asked in ((own, "list"), (dict(client.headers) | acting, "as")):
        answer = httpx.get(f"{base}/workspace/users", headers=headers)
        assert said(answer) == (403, {"error": NO_WORKSPACE}), asked
        answer = httpx.post(f"{base}/workspace/users", headers=headers, json={})
        assert said(answer) == (403, {"error": NO_WORKSPACE}), asked


def test_a_key_that_came_before_is_not_stored_for_its_idempotency_key(
    client: httpx.Client, base: str, user: dict[str, Any]
) -> None:
    address = f"{base}/workspace/users/{user['_id']}"
    headers = {"Idempotency-Key": uuid4().hex}
    assert client.post(f"{address}/api-key", headers=headers).json()["apiKey"]
    again = client.post(f"{address}/api-key", headers=headers)
    assert (again.headers["idempotent-replayed"], again.json()["apiKey"]) == ("true", None)


def test_a_page_is_the_same_until_it_is_rotated_and_ends_when_it_was_said(
    client: httpx.Client, base: str, user: dict[str, Any]
) -> None:
    address = f"{base}/workspace/users/{user['_id']}/connection-url"
    first = client.post(address).json()
    assert first.keys() == {"url", "tokenExpiresAt"}
    lives = datetime.fromisoformat(first["tokenExpiresAt"]) - datetime.now(UTC)
    assert timedelta(days=89) < lives <= timedelta(days=90, minutes=1)
    assert client.post(address, json={"expiresInDays": 5, "rotate": False}).json() == first
    fresh = client.post(address, json={"expiresInDays": 0.5, "rotate": True}).json()
    assert fresh["url"] != first["url"]
    assert datetime.fromisoformat(fresh["tokenExpiresAt"]) - datetime.now(UTC) < timedelta(days=1)
    (listed,) = [each for each in client.get(f"{base}/workspace/users").json()["users"] if each["_id"] == user["_id"]]
    assert (listed["connectionsPageUrl"], listed["connectionsPageTokenExpiresAt"]) == tuple(fresh.values())


@pytest.mark.parametrize("days", [0, -1, "5", True, {}])
def test_a_page_lives_a_positive_number_of_days(
    client: httpx.Client, base: str, user: dict[str, Any], days: object
) -> None:
    address = f"{base}/workspace/users/{user['_id']}/connection-url"
    answer = client.post(address, json={"expiresInDays": days})
    assert said(answer) == (400, {"error": "expiresInDays must be a positive number"})
