"""Our own API, against a house in this process with a key that may administer."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from postroom.domain.access import Scope
from tests.servers import Built, lent


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Built]:
    async with lent(tmp_path / "data") as made:
        yield made


@pytest.fixture
async def admin(house: Built) -> AsyncIterator[httpx.AsyncClient]:
    access = house.house.services.access
    _, secret = await access.issue_key(house.caller.workspace_id, "admin", frozenset(Scope))
    transport = httpx.ASGITransport(app=house.house.app)
    headers = {"Authorization": f"Bearer {secret}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/api", headers=headers) as client:
        yield client


async def test_a_key_is_made_shown_once_used_and_revoked(admin: httpx.AsyncClient) -> None:
    made = await admin.post("/keys", json={"name": "for tests", "scopes": ["read"]}, headers={"Idempotency-Key": "k"})
    assert (made.status_code, made.json()["scopes"]) == (201, ["read"])
    secret = made.json()["secret"]
    again = await admin.post("/keys", json={"name": "for tests", "scopes": ["read"]}, headers={"Idempotency-Key": "k"})
    assert (again.status_code, again.json()["id"]) == (201, made.json()["id"])
    assert "secret" not in again.json()
    listed = (await admin.get("/keys")).json()["items"]
    assert [each["id"] for each in listed].count(made.json()["id"]) == 1
    assert secret not in (await admin.get("/keys")).text
    used = {"Authorization": f"Bearer {secret}"}
    assert (await admin.get("/workspace", headers=used)).status_code == 200
    refused = await admin.delete("/accounts/acc_1", headers=used)
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_privileges")
    revoked = await admin.delete(f"/keys/{made.json()['id']}")
    assert revoked.json() == {"id": made.json()["id"], "done": "revoked"}
    assert (await admin.get("/workspace", headers=used)).status_code == 401
    assert (await admin.delete("/keys/key_none")).status_code == 404


async def test_a_request_that_was_cut_off_is_done_again_by_its_key_unless_it_is_a_post(
    house: Built, admin: httpx.AsyncClient
) -> None:
    body, making, revoking = {"name": "a"}, {"Idempotency-Key": "making"}, {"Idempotency-Key": "revoking"}
    made = (await admin.post("/keys", json=body, headers=making)).json()["id"]
    assert (await admin.delete(f"/keys/{made}", headers=revoking)).status_code == 200
    async with house.house.database.begin() as tx:
        # As it is while it is done.
        await tx.execute("update idempotency_keys set status = null, answer = null")
    in_flight = await admin.post("/keys", json=body, headers=making)
    assert (in_flight.status_code, in_flight.headers["retry-after"]) == (409, "1")
    async with house.house.database.begin() as tx:
        # As a kill leaves it.
        await tx.execute("update idempotency_keys set status = null, answer = null, created_at = created_at - 31000")
    refused = await admin.post("/keys", json=body, headers=making)
    assert (refused.status_code, "look whether what POST /api/keys makes" in refused.text) == (409, True)
    assert "retry-after" not in refused.headers
    again = await admin.delete(f"/keys/{made}", headers=revoking)
    assert again.status_code in (200, 404), again.text
    assert "idempotent-replayed" not in again.headers
    assert len([each for each in (await admin.get("/keys")).json()["items"] if each["name"] == "a"]) <= 1


async def test_a_key_that_cannot_be_made_is_a_400(admin: httpx.AsyncClient) -> None:
    for body in ({}, {"name": ""}, {"name": "a", "scopes": ["all"]}, {"name": "a", "more": 1}, {"name": "x" * 201}):
        assert (await admin.post("/keys", json=body)).status_code == 400, body


async def test_a_managed_user_is_acted_for_by_the_workspaces_key(admin: httpx.AsyncClient) -> None:
    made = await admin.post("/managed-users", json={"username": "bea@example.org"})
    assert (made.status_code, made.json()["display_name"]) == (201, "bea@example.org")
    assert (await admin.get("/managed-users")).json()["items"] == [made.json()]
    assert (await admin.post("/managed-users", json={"username": "bea@example.org"})).status_code == 409
    headers = {"x-api-key": admin.headers["authorization"][7:], "x-postpost-user-id": made.json()["id"]}
    answer = await admin.get("http://127.0.0.1/postpost/api/v1/list-posts", headers=headers)
    assert (answer.status_code, answer.json()["posts"]) == (200, [])
    key = await admin.post("/keys", json={"name": "hers", "managed_user_id": made.json()["id"]})
    hers = {"x-api-key": key.json()["secret"], "x-postpost-user-id": "0" * 24}
    answer = await admin.get("http://127.0.0.1/postpost/api/v1/list-posts", headers=hers)
    assert answer.json() == {"error": "Workspace access is not enabled for this key"}


async def test_an_account_is_linked_step_by_step(house: Built, admin: httpx.AsyncClient) -> None:
    started = await admin.post("/links", json={"provider": "linkedin", "flow": "cookie"})
    assert (started.status_code, started.json()["step"]) == (201, "ask")
    assert "access_token" in started.json()["fields"]
    assert "forbids" in started.json()["notice"]
    wrong = await admin.post(f"/links/{started.json()['id']}", json={"answers": {"access_token": "no;cookie"}})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_credentials")
    assert (await admin.post("/links/lgn_none", json={"answers": {}})).status_code == 404
    assert (await admin.post("/links", json={"provider": "nowhere", "flow": "x"})).status_code in (400, 422, 501)


async def test_a_checkpoint_says_what_it_is_and_its_code_may_be_wrong_once(admin: httpx.AsyncClient) -> None:
    started = (await admin.post("/links", json={"provider": "linkedin", "flow": "password"})).json()
    login = {"username": "user_otp", "password": "secret-of-it"}
    asked = (await admin.post(f"/links/{started['id']}", json={"answers": login})).json()
    assert (asked["step"], asked["checkpoint"]) == ("ask", {"kind": "one_time", "can_resend": True})
    wrong = await admin.post(f"/links/{started['id']}", json={"answers": {"code": "000000"}})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_checkpoint_solution")
    again = await admin.get(f"/links/{started['id']}")
    assert (again.status_code, again.json()["checkpoint"]) == (200, asked["checkpoint"])
    assert (await admin.post(f"/links/{started['id']}/resend")).json()["step"] == "ask"
    linked = (await admin.post(f"/links/{started['id']}", json={"answers": {"code": "123456"}})).json()
    assert linked["step"] == "linked"
    other = await admin.post(
        f"/accounts/{linked['account_id']}/link", json={"flow": "cookie", "answers": {"access_token": "user_third"}}
    )
    assert (other.status_code, other.json()["code"]) == (422, "wrong_account")
    assert (await admin.post(f"/links/{started['id']}/resend")).status_code == 404


async def test_accounts_are_listed_got_synced_and_unlinked(admin: httpx.AsyncClient) -> None:
    accounts = (await admin.get("/accounts?provider=linkedin")).json()["items"]
    account = accounts[0]
    assert (await admin.get(f"/accounts/{account['id']}")).json() == account
    assert (await admin.post(f"/accounts/{account['id']}/sync")).status_code == 202
    assert (await admin.delete(f"/accounts/{account['id']}")).json() == {"id": account["id"], "done": "unlinked"}
    assert (await admin.get(f"/accounts/{account['id']}")).status_code == 404
    (receipt, *_) = (await admin.get(f"/receipts?target_id={account['id']}")).json()["items"]
    assert receipt["kind"] == "account.unlinked"
    assert (await admin.get(f"/receipts/{receipt['id']}")).json() == receipt
    assert (await admin.get("/receipts/rcp_1")).json()["code"] == "invalid_resource_identifier"


async def test_what_the_networks_can_do_is_data(admin: httpx.AsyncClient) -> None:
    networks = {each["name"]: each for each in (await admin.get("/capabilities")).json()["items"]}
    assert networks["linkedin"]["recall"] == {"window": 3600.0, "readable": True}
    assert networks["bluesky"]["recall"] is None
    assert networks["bluesky"]["publish"]["measure"] == "graphemes"


async def test_the_log_is_polled_from_any_position(admin: httpx.AsyncClient) -> None:
    first = (await admin.get("/events?limit=1")).json()
    rest = (await admin.get(f"/events?after={first['position']}")).json()
    assert rest["items"][0]["position"] > first["items"][0]["position"]
    empty = (await admin.get(f"/events?after={rest['position']}&wait_seconds=1")).json()
    assert empty == {"items": [], "position": rest["position"]}
    assert (await admin.get("/events?after=-1")).status_code == 400
    assert (await admin.get("/events?wait_seconds=31")).status_code == 400
    ahead = await admin.get(f"/events?after={rest['position'] + 1_000_000_000}")
    assert (ahead.status_code, ahead.json()["detail"]) == (400, "The position is ahead of the log.")


async def test_metrics_are_for_this_machine_or_an_administrator(admin: httpx.AsyncClient, house: Built) -> None:
    assert (await admin.get("/health")).json()["status"] == "ok"
    transport = httpx.ASGITransport(app=house.house.app, client=("10.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/api") as far:
        assert (await far.get("/metrics")).status_code == 401
        everyday = {"X-API-KEY": house.kept.other_key}
        assert (await far.get("/metrics", headers=everyday)).status_code == 403
        allowed = await far.get("/metrics", headers={"Authorization": admin.headers["authorization"]})
        assert "postroom_media_orphans 0" in allowed.text
    assert (await admin.get("/metrics", headers={"Authorization": ""})).status_code == 200
    forwarded = {"Authorization": "", "X-Forwarded-For": "10.0.0.1"}
    assert (await admin.get("/metrics", headers=forwarded)).status_code == 401
