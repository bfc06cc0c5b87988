"""PostPost's webhooks on the wire: shapes, statuses, and every sentence of the page."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from postroom.app import House, build
from postroom.clock import now
from postroom.dialects.postpost.operations import DIALECT
from postroom.domain.access import EVERYDAY_SCOPES
from postroom.errors import ErrorCode, NotFound, PostroomError, Unavailable
from postroom.settings import Settings
from tests.dialects.tables import worded

Json = dict[str, Any]
GOOD = {"name": "Production", "url": "https://8.8.8.8/hooks", "events": ["post.published", "post.failed"]}
ID = r"[0-9a-f]{24}"
MISSING = "Name, URL, and at least one event are required"
VALID = "Valid events: post.scheduled, post.published, post.failed, token.expiring"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A server for real: no address of this machine may be called."""
    made = await build(Settings(data=tmp_path), public_url="http://127.0.0.1:1", now=now, sandbox=False)
    yield made
    await made.close()


@pytest.fixture
async def api(house: House) -> AsyncIterator[httpx.AsyncClient]:
    workspace = await house.services.access.create_workspace("Acme")
    _, key = await house.services.access.issue_key(workspace.id, "key", EVERYDAY_SCOPES)
    transport = httpx.ASGITransport(app=house.app)
    base = "http://127.0.0.1:1/postpost/api/v1"
    async with httpx.AsyncClient(transport=transport, base_url=base, headers={"x-api-key": key}) as client:
        yield client


async def made(api: httpx.AsyncClient, **changed: Any) -> Json:
    answer = await api.post("/webhooks", json={**GOOD, **changed})
    assert answer.status_code == 201, answer.text
    found: Json = answer.json()["webhook"]
    return found


async def error(answer: httpx.Response) -> tuple[int, str]:
    assert set(answer.json()) == {"error"}
    return answer.status_code, answer.json()["error"]


async def test_a_webhook_is_made_listed_changed_and_deleted_in_the_shapes_of_the_page(api: httpx.AsyncClient) -> None:
    webhook = await made(api)
    assert list(webhook) == ["_id", "name", "url", "events", "secret", "isActive", "createdAt"]
    assert {name: webhook[name] for name in GOOD} == GOOD
    assert webhook["isActive"] is True
    assert len(webhook["secret"]) == 64
    listed = (await api.get("/webhooks")).json()
    assert listed["success"] is True
    (row,) = listed["webhooks"]
    fields = ["_id", "name", "url", "events", "isActive", "failureCount", "createdAt", "updatedAt", "__v"]
    assert list(row) == fields
    assert (row["_id"], row["failureCount"], row["__v"]) == (webhook["_id"], 0, 0)
    path = f"/webhooks/{webhook['_id']}"
    changed = await api.patch(path, json={"name": "Other", "events": ["post.failed"], "isActive": False})
    assert changed.status_code == 200
    now_so = changed.json()["webhook"]
    assert list(now_so) == ["_id", "name", "url", "events", "isActive", "updatedAt"]
    assert (now_so["name"], now_so["url"]) == ("Other", GOOD["url"])
    assert (now_so["events"], now_so["isActive"]) == (["post.failed"], False)
    secret = await api.post(f"{path}/regenerate-secret")
    assert (secret.status_code, list(secret.json())) == (200, ["success", "secret"])
    assert secret.json()["secret"] != webhook["secret"]
    gone = await api.delete(path)
    assert (gone.status_code, gone.json()) == (200, {"success": True})
    assert await error(await api.delete(path)) == (404, "Webhook not found")
    assert (await api.get("/webhooks")).json() == {"success": True, "webhooks": []}


async def test_what_is_empty_or_of_another_type_changes_nothing(api: httpx.AsyncClient) -> None:
    webhook = await made(api)
    path = f"/webhooks/{webhook['_id']}"
    for body in ({}, {"name": "", "url": "", "events": []}, {"isActive": "false"}, {"isActive": 0, "name": None}):
        answer = await api.patch(path, json=body)
        assert answer.status_code == 200
        same = answer.json()["webhook"]
        assert {name: same[name] for name in GOOD} == GOOD
        assert same["isActive"] is True


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"name": ""}, MISSING),
        ({"name": None}, MISSING),
        ({"url": ""}, MISSING),
        ({"events": []}, MISSING),
        ({"events": None}, MISSING),
        ({"events": "post.failed"}, MISSING),
        ({"url": "nonsense"}, "Invalid URL format"),
        ({"url": "nonsense", "events": ["x"]}, "Invalid URL format"),
        ({"url": "http://"}, "Invalid URL format"),
        ({"url": 5}, "Invalid URL format"),
        ({"url": "https://a b.example/"}, "Invalid URL format"),
        ({"events": ["x"]}, f"Invalid events: x. {VALID}"),
        ({"events": ["post.failed", "message.received", 7]}, f"Invalid events: message.received, 7. {VALID}"),
        ({"url": "ftp://8.8.8.8/", "events": ["x"]}, f"Invalid events: x. {VALID}"),
        ({"url": "ftp://8.8.8.8/"}, "URL must use HTTPS"),
        ({"url": "mailto:ada@example.org"}, "URL must use HTTPS"),
        ({"url": "http://localhost/x"}, "Localhost URLs are not allowed"),
        ({"url": "http://127.0.0.1:8010/"}, "Localhost URLs are not allowed"),
        ({"url": "http://[::1]/"}, "Localhost URLs are not allowed"),
        ({"url": "http://app.localhost/"}, "Localhost URLs are not allowed"),
        ({"url": "http://[::ffff:127.0.0.1]/"}, "Localhost URLs are not allowed"),
        ({"url": "http://2130706433/"}, "Localhost URLs are not allowed"),
        ({"url": "http://0177.0.0.1/"}, "Localhost URLs are not allowed"),
        ({"url": "https://10.1.2.3/"}, "Private IP addresses are not allowed"),
        ({"url": "https://172.16.0.1/"}, "Private IP addresses are not allowed"),
        ({"url": "https://192.168.0.1/"}, "Private IP addresses are not allowed"),
        ({"url": "https://169.254.1.1/"}, "Link-local addresses are not allowed"),
        ({"url": "http://metadata.google.internal/computeMetadata"}, "Cloud metadata endpoints are not allowed"),
    ],
)
async def test_what_cannot_be_a_webhook_is_refused_in_the_words_of_the_page(
    api: httpx.AsyncClient, changed: Json, sentence: str
) -> None:
    assert await error(await api.post("/webhooks", json={**GOOD, **changed})) == (400, sentence)
    if sentence != MISSING:
        webhook = await made(api)
        answer = await api.patch(f"/webhooks/{webhook['_id']}", json=changed)
        assert await error(answer) == (400, sentence.removesuffix(f". {VALID}"))
        assert (await api.get("/webhooks")).json()["webhooks"][0]["url"] == GOOD["url"]


async def test_there_are_at_most_ten_for_a_user(api: httpx.AsyncClient) -> None:
    for _ in range(10):
        await made(api)
    assert await error(await api.post("/webhooks", json=GOOD)) == (400, "Maximum of 10 webhooks per user")
    first = (await api.get("/webhooks")).json()["webhooks"][0]["_id"]
    assert (await api.delete(f"/webhooks/{first}")).status_code == 200
    await made(api)


async def test_managed_users_have_their_own(api: httpx.AsyncClient, house: House) -> None:
    owner = await house.services.access.resolve(api.headers["x-api-key"])
    user = await house.services.access.add_managed_user(owner, "someone", None)
    acting = {"x-publora-user-id": user.id}
    theirs = (await api.post("/webhooks", json=GOOD, headers=acting)).json()["webhook"]
    assert (await api.get("/webhooks")).json()["webhooks"] == []
    assert [each["_id"] for each in (await api.get("/webhooks", headers=acting)).json()["webhooks"]] == [theirs["_id"]]
    for method, path in (("PATCH", ""), ("DELETE", ""), ("POST", "/regenerate-secret")):
        answer = await api.request(method, f"/webhooks/{theirs['_id']}{path}", json={"name": "x"})
        assert await error(answer) == (404, "Webhook not found")


@pytest.mark.parametrize("id", ["x", "0" * 24, "evt_1", "%00"])
async def test_an_id_that_is_none_is_not_found(api: httpx.AsyncClient, id: str) -> None:
    for method, path in (("PATCH", ""), ("DELETE", ""), ("POST", "/regenerate-secret")):
        answer = await api.request(method, f"/webhooks/{id}{path}", json={"name": "x"})
        assert answer.status_code == (400 if id == "%00" else 404)


async def test_an_idempotency_key_that_comes_again_hears_everything_but_the_secret(api: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "hook-once"}
    first = await api.post("/webhooks", json=GOOD, headers=headers)
    again = await api.post("/webhooks", json=GOOD, headers=headers)
    assert again.status_code == 201
    webhook = first.json()["webhook"]
    secret = webhook.pop("secret")
    assert again.json()["webhook"] == webhook
    path, headers = f"/webhooks/{webhook['_id']}/regenerate-secret", {"Idempotency-Key": "hook-twice"}
    other = (await api.post(path, headers=headers)).json()["secret"]
    assert (await api.post(path, headers=headers)).json() == {"success": True}
    assert len({secret, other}) == 2


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("list_webhooks", "Failed to list webhooks"),
        ("create_webhook", "Failed to create webhook"),
        ("update_webhook", "Failed to update webhook"),
        ("delete_webhook", "Failed to delete webhook"),
        ("regenerate_webhook_secret", "Failed to regenerate secret"),
    ],
)
def test_each_operation_has_its_own_sentence_for_what_goes_wrong_inside(name: str, sentence: str) -> None:
    malformed = NotFound(code=ErrorCode.INVALID_RESOURCE_IDENTIFIER)
    for failure in (PostroomError(), Unavailable(), malformed):
        assert worded(DIALECT, name, failure) == (500, {"error": sentence})
