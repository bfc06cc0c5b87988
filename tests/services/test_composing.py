"""Post groups with files from addresses and with the moment of their take-down: all of it, or nothing."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from postroom.clock import iso
from postroom.connectors.http import Http
from postroom.domain.access import Scope
from postroom.domain.posts import GroupStatus, PostStatus
from postroom.services import attachments
from tests.desk import ANOTHER, PICTURE, Desk
from tests.services.test_attachments import HOUR, picture, serving

A, B = "https://files.example.org/a.png", "https://files.example.org/b%20c.png?signature=1"


@pytest.fixture
async def client(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=desk.house.app)
    headers = {"x-publora-key": desk.built.kept.key}
    base = "http://127.0.0.1:1/postpost/api/v1"
    async with httpx.AsyncClient(transport=transport, base_url=base, headers=headers) as made:
        yield made


async def body(desk: Desk, **more: Any) -> dict[str, Any]:
    return {"content": "With files", "platforms": [f"bluesky-{(await desk.account()).provider_id}"], **more}


def only_a(request: httpx.Request) -> httpx.Response:
    return picture(request) if request.url.path == "/a.png" else httpx.Response(404)


async def groups(desk: Desk) -> list[Any]:
    return await desk.rows("select id, status, scheduled_at from post_groups order by id")


async def test_a_post_is_scheduled_with_its_files_in_one_call_and_goes_out_with_them(
    desk: Desk, client: httpx.AsyncClient
) -> None:
    asked = serving(
        desk, lambda request: httpx.Response(200, content=PICTURE if "a.png" in str(request.url) else ANOTHER)
    )
    wanted = await body(desk, mediaUrls=[A, B], scheduledTime=iso(desk.now_ms() + HOUR))
    answer = await client.post("/create-post", json=wanted)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert [(each["ok"], each["type"], each["mimeType"]) for each in told["media"]] == [
        (True, "image", "image/png")
    ] * 2
    found = (await client.get(f"/get-post/{told['postGroupId']}")).json()
    assert [each["mediaId"] for each in found["media"]] == [each["mediaId"] for each in told["media"]]
    assert [each["fileName"] for each in found["media"]] == ["a.png", "b c.png"]
    assert (found["status"], asked) == ("scheduled", [A, B])
    await desk.advance(3601)
    await desk.work()
    (live,) = await desk.live()
    assert len(live["media"]) == 2


async def test_where_one_address_fails_there_is_no_group_and_no_file(desk: Desk, client: httpx.AsyncClient) -> None:
    asked = serving(desk, only_a)
    before = await groups(desk)
    answer = await client.post("/create-post", json=await body(desk, mediaUrls=[A, B, A]))
    assert (answer.status_code, answer.json()["error"]) == (400, "Media ingestion failed")
    results = answer.json()["mediaResults"]
    assert [(each["ok"], each["url"], each["code"]) for each in results] == [
        (False, A, "MEDIA_URL_ROLLED_BACK"),
        (False, B, "MEDIA_URL_HTTP_ERROR"),
        (False, A, "MEDIA_URL_SKIPPED"),
    ]
    assert (await groups(desk), asked) == (before, [A, B])
    await desk.work()
    assert desk.files() == set()
    await desk.settle()
    assert await desk.services.media.orphans() == []


async def test_no_address_is_called_where_one_of_them_is_of_the_wrong_form(
    desk: Desk, client: httpx.AsyncClient
) -> None:
    asked = serving(desk, picture)
    for wrong, code in {
        "http://files.example.org/a.png": "MEDIA_URL_PROTOCOL",
        "https://user:secret@files.example.org/a": "MEDIA_URL_CREDENTIALS",
        "https://files.example.org:8443/a.png": "MEDIA_URL_PORT",
        "https://[::1": "MEDIA_URL_INVALID",
    }.items():
        answer = await client.post("/create-post", json=await body(desk, mediaUrls=[A, wrong]))
        assert [each["code"] for each in answer.json()["mediaResults"]] == ["MEDIA_URL_SKIPPED", code]
    assert asked == []


async def test_addresses_of_this_machine_and_its_neighbours_are_not_called(
    desk: Desk, client: httpx.AsyncClient
) -> None:
    for wrong in ("https://10.0.0.1/a.png", "https://169.254.169.254/latest/", "https://metadata.google.internal/"):
        answer = await client.post("/create-post", json=await body(desk, mediaUrls=[wrong]))
        assert [each["code"] for each in answer.json()["mediaResults"]] == ["MEDIA_URL_BLOCKED_HOST"], answer.text


async def test_an_update_adds_its_files_to_those_there_are_and_the_group_stays_scheduled(
    desk: Desk, client: httpx.AsyncClient
) -> None:
    serving(desk, lambda _: httpx.Response(200, content=ANOTHER))
    group = await desk.draft(at=desk.now_ms() + HOUR)
    address = await desk.attach(group)
    answer = await client.put(f"/update-post/{group.id}", json={"mediaUrls": [A]})
    assert (answer.status_code, answer.json()["postGroup"]["status"]) == (200, "scheduled"), answer.text
    view = await desk.view(group)
    assert [item.id for item in view.media] == [address.media_id, answer.json()["media"][0]["mediaId"]]
    assert (view.group.status, view.group.scheduled_at) == (GroupStatus.SCHEDULED, group.scheduled_at)
    drafted = await client.put(f"/update-post/{group.id}", json={"mediaUrls": [A], "status": "draft"})
    assert drafted.json()["postGroup"]["status"] == "draft"


async def test_while_files_are_fetched_the_group_is_a_draft_and_as_it_was_where_they_fail(
    desk: Desk, client: httpx.AsyncClient
) -> None:
    group = await desk.draft(at=desk.now_ms() + HOUR)
    seen: list[str] = []

    async def slow(request: httpx.Request) -> httpx.Response:
        seen.append((await desk.view(group)).group.status)
        return only_a(request)

    desk.services.attachments._fetching = Http(transport=httpx.MockTransport(slow))
    answer = await client.put(f"/update-post/{group.id}", json={"mediaUrls": [A, B], "content": "Anew"})
    assert (answer.status_code, seen) == (400, ["draft", "draft"])
    view = await desk.view(group)
    assert (view.media, view.group.content) == ([], "Hello")
    assert (view.group.status, view.group.scheduled_at) == (GroupStatus.SCHEDULED, group.scheduled_at)
    await desk.settle()
    assert desk.files() == set()


async def test_a_group_that_somebody_changed_meanwhile_is_left_as_they_want_it(
    desk: Desk, client: httpx.AsyncClient
) -> None:
    group = await desk.draft(at=desk.now_ms() + HOUR)

    async def meanwhile(_: httpx.Request) -> httpx.Response:
        await client.put(f"/update-post/{group.id}", json={"status": "draft", "content": "Not yet"})
        return httpx.Response(200, content=PICTURE)

    desk.services.attachments._fetching = Http(transport=httpx.MockTransport(meanwhile))
    answer = await client.put(f"/update-post/{group.id}", json={"mediaUrls": [A]})
    assert (answer.status_code, answer.json()["code"]) == (409, "POST_GROUP_VERSION_CONFLICT")
    view = await desk.view(group)
    assert (view.group.status, view.group.content, view.media) == (GroupStatus.DRAFT, "Not yet", [])


async def test_sixty_addresses_an_hour_and_a_batch_that_is_too_large_uses_up_none(
    desk: Desk, client: httpx.AsyncClient
) -> None:
    serving(desk, lambda _: httpx.Response(404))
    wanted = json.dumps(await body(desk, mediaUrls=[A] * 9))
    for _ in range(6):
        assert (await client.post("/create-post", content=wanted)).status_code == 400
    refused = await client.post("/create-post", content=wanted)
    assert (refused.status_code, refused.json()["code"]) == (429, "MEDIA_URL_RATE_LIMITED")
    assert 0 < refused.json()["retryAfterSec"] == int(refused.headers["retry-after"]) <= 3600
    assert (await client.post("/create-post", json=await body(desk, mediaUrls=[A] * 6))).status_code == 400
    assert (await client.post("/create-post", json=await body(desk, mediaUrls=[A]))).status_code == 429
    await desk.advance(3601)
    assert (await client.post("/create-post", content=wanted)).status_code == 400


async def test_files_are_bounded_each_and_together(
    desk: Desk, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving(desk, picture)
    monkeypatch.setattr(attachments, "_MOST_BATCH_BYTES", 2 * len(PICTURE))
    answer = await client.post("/create-post", json=await body(desk, mediaUrls=[A] * 3))
    assert [each["code"] for each in answer.json()["mediaResults"]] == [
        "MEDIA_URL_ROLLED_BACK",
        "MEDIA_URL_ROLLED_BACK",
        "MEDIA_URL_AGGREGATE_TOO_LARGE",
    ]
    monkeypatch.setattr(attachments, "_MOST_IMAGE_BYTES", len(PICTURE) - 1)
    answer = await client.post("/create-post", json=await body(desk, mediaUrls=[A]))
    assert [each["code"] for each in answer.json()["mediaResults"]] == ["MEDIA_URL_TOO_LARGE"]


async def test_what_is_no_list_of_addresses_or_no_moment_is_said_so(desk: Desk, client: httpx.AsyncClient) -> None:
    later, much_later = iso(desk.now_ms() + HOUR), iso(desk.now_ms() + 2 * HOUR)
    before = await groups(desk)
    for wrong, sentence in (
        ({"mediaUrls": A}, "mediaUrls must be an array of public https URLs"),
        ({"mediaUrls": []}, "mediaUrls must contain at least one URL when provided"),
        ({"mediaUrls": [A] * 11}, "mediaUrls supports at most 10 URLs per request"),
        ({"mediaUrls": [A, " "]}, "Every mediaUrls entry must be a non-empty string"),
        ({"mediaUrls": [A, 5]}, "Every mediaUrls entry must be a non-empty string"),
        ({"deleteAt": "soon"}, "Invalid deleteAt format"),
        ({"deleteAt": 5}, "Invalid deleteAt format"),
        ({"deleteAt": ""}, "Invalid deleteAt format"),
        ({"deleteAt": "2026-02-30T00:00:00Z"}, "Invalid deleteAt format"),
        ({"deleteAt": "2020-01-01T00:00:00Z"}, "deleteAt must be in the future"),
        ({"deleteAt": later, "scheduledTime": much_later}, "deleteAt must be after scheduledTime"),
        ({"deleteAt": later, "deleteThen": "burn"}, "deleteThen must be either 'keep' or 'delete'"),
        ({"deleteThen": "delete"}, "deleteThen needs deleteAt"),
    ):
        answer = await client.post("/create-post", json=await body(desk, **wrong))
        assert (answer.status_code, answer.json()) == (400, {"error": sentence})
    assert await groups(desk) == before
    assert await desk.jobs("expire_posts") == []


@pytest.mark.parametrize("then", ["keep", "delete"])
async def test_a_post_is_taken_down_at_its_moment_and_its_group_kept_or_deleted(
    desk: Desk, client: httpx.AsyncClient, then: str
) -> None:
    wanted = await body(desk, scheduledTime=iso(desk.now_ms()), deleteAt=iso(desk.now_ms() + HOUR), deleteThen=then)
    made = (await client.post("/create-post", json=wanted)).json()
    await desk.work()
    assert len(await desk.live()) == 1
    await desk.advance(3601)
    await desk.work()
    assert await desk.live() == []
    assert (await client.get(f"/get-post/{made['postGroupId']}")).status_code == (404 if then == "delete" else 200)


async def test_a_moment_is_moved_and_taken_back_by_an_update_also_of_a_live_post(
    desk: Desk, client: httpx.AsyncClient
) -> None:
    group = await desk.due("Live")
    await desk.work()
    waiting = "select scheduled_at from jobs where task = 'expire_posts' and status = 'todo'"
    for moment in (desk.now_ms() + HOUR, desk.now_ms() + 2 * HOUR):
        answer = await client.put(f"/update-post/{group.id}", json={"deleteAt": iso(moment)})
        assert (answer.status_code, answer.json()["postGroup"]["status"]) == (200, "published"), answer.text
        assert await desk.rows(waiting) == [(moment,)]
    assert (await client.put(f"/update-post/{group.id}", json={"deleteAt": None})).status_code == 200
    assert await desk.rows(waiting) == []
    assert await desk.status(group) is PostStatus.PUBLISHED
    draft = await desk.draft()
    answer = await client.put(f"/update-post/{draft.id}", json={"content": "Anew", "deleteAt": iso(moment)})
    assert (answer.json()["postGroup"]["content"], await desk.rows(waiting)) == ("Anew", [(moment,)])


async def test_a_post_is_not_moved_past_the_moment_at_which_it_is_taken_down(
    desk: Desk, client: httpx.AsyncClient
) -> None:
    now = desk.now_ms()
    wanted = await body(desk, scheduledTime=iso(now + HOUR), deleteAt=iso(now + 2 * HOUR))
    group = (await client.post("/create-post", json=wanted)).json()["postGroupId"]
    answer = await client.put(f"/update-post/{group}", json={"scheduledTime": iso(now + 3 * HOUR)})
    assert (answer.status_code, answer.json()["error"]) == (400, "deleteAt must be after scheduledTime")
    both = {"scheduledTime": iso(now + 3 * HOUR), "deleteAt": iso(now + 4 * HOUR)}
    assert (await client.put(f"/update-post/{group}", json=both)).status_code == 200
    (shown,) = await desk.rows("select scheduled_at from post_groups")
    assert shown == (now + 3 * HOUR,)


async def test_who_may_not_delete_sets_no_moment(desk: Desk, client: httpx.AsyncClient) -> None:
    scopes = frozenset({Scope.READ, Scope.PUBLISH})
    _, secret = await desk.services.access.issue_key(desk.caller.workspace_id, "writer", scopes)
    wanted = await body(desk, deleteAt=iso(desk.now_ms() + HOUR))
    answer = await client.post("/create-post", json=wanted, headers={"x-publora-key": secret})
    assert answer.status_code == 403
    assert await desk.jobs("expire_posts") == []
