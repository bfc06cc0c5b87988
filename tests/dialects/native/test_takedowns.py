"""Take-down over our own API: the answer, its status address, its moment, and what cannot be asked."""

from collections.abc import AsyncIterator

import httpx
import pytest

from postroom.domain.access import Scope
from tests.desk import Desk
from tests.services.test_worker import working

KEYS = ["id", "href", "post_group_id", "asked_at", "settled_at", "targets"]


@pytest.fixture
async def client(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    _, secret = await desk.services.access.issue_key(desk.caller.workspace_id, "app", frozenset(Scope))
    transport = httpx.ASGITransport(app=desk.house.app)
    headers = {"Authorization": f"Bearer {secret}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers) as made:
        yield made


async def test_a_take_down_answers_with_an_outcome_for_each_target(desk: Desk, client: httpx.AsyncClient) -> None:
    group = await desk.due("Live")
    await desk.work()
    async with working(desk):
        answer = await client.post(f"/api/post-groups/{group.id}/take-down")
    assert answer.status_code == 200
    found = answer.json()
    assert list(found) == KEYS
    (target,) = found["targets"]
    assert (target["outcome"], target["platform"], target["detail"]) == ("done", "bluesky", None)
    assert target["url"].startswith("https://bsky.app/")
    assert await desk.live() == []
    assert (await client.get(found["href"])).json() == found


async def test_who_does_not_wait_asks_the_status_address(desk: Desk, client: httpx.AsyncClient) -> None:
    group = await desk.due("Live")
    await desk.work()
    made = (await client.post(f"/api/post-groups/{group.id}/take-down", params={"wait_seconds": 0})).json()
    assert (made["settled_at"], made["targets"][0]["outcome"]) == (None, "asked")
    await desk.work()
    found = (await client.get(made["href"])).json()
    assert found["settled_at"] is not None
    assert found["targets"][0]["outcome"] == "done"


async def test_a_deleted_group_is_taken_down_by_its_receipt(desk: Desk, client: httpx.AsyncClient) -> None:
    group = await desk.due("Live")
    await desk.work()
    await desk.services.posts.delete(desk.caller, group.id)
    (receipt,) = (await client.get("/api/receipts", params={"target_id": group.id})).json()["items"]
    async with working(desk):
        answer = await client.post(f"/api/receipts/{receipt['id']}/take-down")
    assert [target["outcome"] for target in answer.json()["targets"]] == ["done"]
    kinds = [
        each["kind"] for each in (await client.get("/api/receipts", params={"target_id": group.id})).json()["items"]
    ]
    assert sorted(kinds) == ["post_group.deleted", "posts.taken_down"]


async def test_a_moment_is_set_moved_and_taken_back(desk: Desk, client: httpx.AsyncClient) -> None:
    group = await desk.due("Live")
    await desk.work()
    path = f"/api/post-groups/{group.id}/delete-at"
    for body in ({"delete_at": "2035-01-01T00:00:00Z", "then": "delete"}, {"delete_at": "2036-01-01T00:00:00+01:00"}):
        answer = await client.put(path, json=body)
        assert answer.json() == {"id": group.id, "done": "scheduled"}
    waiting = "select scheduled_at from jobs where task = 'expire_posts' and status = 'todo'"
    assert await desk.rows(waiting) == [(2082754800000,)]
    assert (await client.put(path, json={"delete_at": None})).json()["done"] == "unscheduled"
    assert await desk.rows(waiting) == []


async def test_what_cannot_be_asked_says_why(desk: Desk, client: httpx.AsyncClient) -> None:
    group = await desk.draft()
    path = f"/api/post-groups/{group.id}/delete-at"
    for body in ({}, {"delete_at": "soon"}, {"delete_at": "2035-01-01T00:00:00"}, {"delete_at": None, "then": "burn"}):
        assert (await client.put(path, json=body)).status_code == 400
    for gone in (
        "/api/post-groups/none/take-down",
        f"/api/post-groups/{'0' * 24}/take-down",
        "/api/receipts/rcp_1/take-down",
    ):
        assert (await client.post(gone)).status_code == 404
    assert (await client.get("/api/take-downs/tkd_1")).status_code == 404
    assert (await client.get("/api/take-downs/tkd_01HXYZ4QK3WJ8FN3M6QH7TZ8GR")).status_code == 404
