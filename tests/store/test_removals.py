"""Removals of post groups, which say the same on both databases."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from postroom.domain.events import EventData, EventType
from postroom.domain.jobs import Task
from postroom.domain.media import MediaStatus
from postroom.domain.posts import GroupStatus, LogEntry, LogEvent, Post, PostGroup, PostStatus
from postroom.store import events, jobs, media, post_logs, posts, removals, usage
from postroom.store.database import Database, Tx
from postroom.store.removals import Removal
from tests.store.things import OTHER_WORKSPACE, T0, WORKSPACE, group, media_item, new_id, post

ODD = 'a "quoted" \\ / \b\f\n\r\t\x01\x1f\x7f <&> \u00e9 \u2028 \N{CLAPPING HANDS SIGN} {"x": null}'


def removal(of: PostGroup, **changed: Any) -> Removal:
    return Removal(
        **{
            "workspace_id": of.workspace_id,
            "user_id": of.user_id,
            "group_id": of.id,
            "origin": "api",
            "at": T0 + 9,
            "receipt_id": new_id("rcp"),
            "event_id": new_id("evt"),
            "job_id": new_id("job"),
            **changed,
        }
    )


async def rows(database: Database, sql: str) -> list[tuple[Any, ...]]:
    async with database.read() as reader:
        return [tuple(row) for row in await reader.fetch(sql)]


async def remove(database: Database, asked: Removal) -> int | None:
    async with database.begin(single=True) as tx:
        return await removals.remove_group(tx, asked)


async def keep(database: Database, plan: PostGroup, *held: Post) -> None:
    async with database.begin() as tx:
        await posts.add_group(tx, plan, list(held))


async def test_a_group_goes_as_a_whole_and_nobody_elses(database: Database) -> None:
    plan, other = group(), group()
    await keep(database, plan, post(plan), post(plan, position=1))
    await keep(database, other, post(other))
    async with database.begin() as tx:
        for each in (plan, other):
            await media.add(tx, media_item(each, blob_key=f"blob-{each.id}", status=MediaStatus.STORED))
            await media.add(tx, media_item(each))
    assert await remove(database, removal(plan, user_id="d" * 24)) is None
    assert await remove(database, removal(plan, workspace_id=OTHER_WORKSPACE)) is None
    tables = ("receipts", "events", "jobs")
    assert [await rows(database, f"select * from {table}") for table in tables] == [[], [], []]
    assert await remove(database, removal(plan)) == 1
    assert await remove(database, removal(plan)) is None
    for table, column in (("post_groups", "id"), ("posts", "group_id"), ("media_items", "group_id")):
        assert set(await rows(database, f"select {column} from {table}")) == {(other.id,)}
    assert [len(await rows(database, f"select * from {table}")) for table in tables] == [1, 1, 1]


async def test_the_log_of_a_group_goes_with_it(database: Database) -> None:
    plan = group()
    await keep(database, plan)
    async with database.begin() as tx:
        await post_logs.add(tx, [_entry(plan)])
    await remove(database, removal(plan))
    assert await rows(database, "select id from post_logs") == []


def _entry(plan: PostGroup) -> LogEntry:
    return LogEntry(
        id="c" * 24,
        workspace_id=plan.workspace_id,
        group_id=plan.id,
        post_id=None,
        platform=None,
        event=LogEvent.SCHEDULED,
        detail=None,
        created_at=T0,
    )


@pytest.mark.parametrize("many", [0, 1, 3])
async def test_the_receipt_is_to_the_byte_the_same_on_both_databases(database: Database, many: int) -> None:
    plan = group(status=GroupStatus.PARTIALLY_PUBLISHED)
    held = [
        post(
            plan,
            position=number,
            platform_id=ODD,
            status=PostStatus.PUBLISHED,
            url=ODD if number else None,
            provider_id=ODD if number else "at://1",
        )
        for number in range(many)
    ]
    await keep(database, plan, *reversed(held))
    async with database.begin() as tx:
        for number in range(many):
            await media.add(tx, media_item(plan, blob_key=f"blob-{number}", status=MediaStatus.STORED))
        await media.add(tx, media_item(plan))
    asked = removal(plan)
    assert await remove(database, asked) == many
    targets = [
        {
            "platform": each.platform,
            "platform_id": each.platform_id,
            "status": "published",
            "provider_id": each.provider_id,
            "url": each.url,
        }
        for each in held
    ]
    document = msgspec.json.encode({"status": "partially_published", "files": many, "targets": targets}).decode()
    columns = "id, workspace_id, user_id, kind, target_id, created_at, document"
    assert await rows(database, f"select {columns} from receipts") == [
        (asked.receipt_id, WORKSPACE, WORKSPACE, "post_group.deleted", plan.id, asked.at, document)
    ]


async def test_the_event_comes_after_those_before_it(database: Database) -> None:
    groups = [group() for _ in range(3)]
    asked = [removal(each) for each in groups]
    for number, each in enumerate(groups):
        await keep(database, each)
        async with database.begin() as tx:
            data = EventData(post_group_id=each.id)
            await events.append(tx, f"evt_before_{number}", WORKSPACE, EventType.POST_SCHEDULED, data, T0, WORKSPACE)
        await remove(database, asked[number])
    async with database.read() as reader:
        logged = await events.after(reader, WORKSPACE, 0, 10, WORKSPACE)
    assert [each.id for each in logged[::2]] == [f"evt_before_{number}" for number in range(3)]
    assert [(each.id, each.type, each.data, each.created_at) for each in logged[1::2]] == [
        (each.event_id, EventType.POST_GROUP_DELETED, EventData(post_group_id=each.group_id, origin="api"), each.at)
        for each in asked
    ]


async def test_files_are_purged_by_a_job(database: Database) -> None:
    bare, plan = group(), group()
    await keep(database, bare)
    await keep(database, plan)
    async with database.begin() as tx:
        await media.add(tx, media_item(bare))
        for key in ("a/1", 'a/"2"'):
            await media.add(tx, media_item(plan, blob_key=key, status=MediaStatus.STORED))
    asked = removal(plan)
    assert await remove(database, removal(bare)) == 0
    assert await remove(database, asked) == 2
    async with database.begin() as tx:
        (job,) = await jobs.claim(tx, "me", asked.at, asked.at + 1, 10)
    assert (job.id, job.workspace_id, job.task, job.lock, job.attempts, job.scheduled_at) == (
        asked.job_id,
        WORKSPACE,
        Task.PURGE_BLOBS,
        None,
        1,
        asked.at,
    )
    assert {name: sorted(keys) for name, keys in job.args.items()} == {"keys": ['a/"2"', "a/1"]}


@pytest.mark.parametrize(("begun_at", "counted"), [(None, None), (T0, 2)])
async def test_what_has_begun_to_go_out_stays_counted(
    database: Database, begun_at: int | None, counted: int | None
) -> None:
    plan, other = group(), group()
    first, second = post(plan), post(plan, position=1)
    await keep(database, plan, first, second)
    async with database.begin() as tx:
        for each in (plan, other):
            await usage.set_used(tx, WORKSPACE, each.id, 2, T0)
        await posts.set_post(tx, WORKSPACE, second.id, status=PostStatus.PROCESSING, attempts=1, begun_at=begun_at)
    await remove(database, removal(plan))
    async with database.read() as reader:
        assert await usage.find(reader, WORKSPACE, plan.id) == counted
        assert await usage.find(reader, WORKSPACE, other.id) == 2


async def _meanwhile(database: Database, plan: PostGroup, change: Callable[[Tx], Any]) -> dict[str, Any]:
    """Remove a group while somebody holds it, changes something, and commits; the receipt's document."""
    holding = asyncio.Event()

    async def hold() -> None:
        async with database.begin() as tx:
            assert await posts.hold_group(tx, WORKSPACE, WORKSPACE, plan.id) is not None
            holding.set()
            await asyncio.sleep(0.1)
            await change(tx)

    async def wait() -> None:
        await holding.wait()
        assert await remove(database, removal(plan)) is not None

    await asyncio.gather(hold(), wait())
    for table in ("post_groups", "posts", "media_items"):
        assert await rows(database, f"select * from {table}") == []
    ((document,),) = await rows(database, "select document from receipts")
    return dict(msgspec.json.decode(document))


async def test_what_goes_live_while_a_removal_waits_is_in_its_receipt(database: Database) -> None:
    plan = group()
    one = post(plan)
    await keep(database, plan, one)

    async def publish(tx: Tx) -> None:
        await posts.set_post(
            tx, WORKSPACE, one.id, status=PostStatus.PUBLISHED, attempts=1, provider_id="at://1", url="https://1"
        )

    (target,) = (await _meanwhile(database, plan, publish))["targets"]
    assert (target["status"], target["provider_id"], target["url"]) == ("published", "at://1", "https://1")


async def test_what_is_written_anew_while_a_removal_waits_is_in_its_receipt(database: Database) -> None:
    plan = group(status=GroupStatus.DRAFT)
    await keep(database, plan, post(plan, status=PostStatus.DRAFT))

    async def write_anew(tx: Tx) -> None:
        await posts.remove_posts(tx, WORKSPACE, plan.id)
        await posts.add_posts(tx, [post(plan, platform="bluesky"), post(plan, position=1, platform="mastodon")])
        await posts.set_group(
            tx, WORKSPACE, plan.id, status=GroupStatus.SCHEDULED, scheduled_at=T0, updated_at=plan.updated_at
        )

    document = await _meanwhile(database, plan, write_anew)
    assert document["status"] == "scheduled"
    assert [target["platform"] for target in document["targets"]] == ["bluesky", "mastodon"]


async def test_of_those_who_remove_a_group_at_once_one_does(database: Database) -> None:
    plan = group()
    await keep(database, plan, post(plan))
    found = await asyncio.gather(*(remove(database, removal(plan)) for _ in range(5)))
    assert sorted(found, key=str) == [0, None, None, None, None]
    assert (
        len(await rows(database, "select id from receipts")) == len(await rows(database, "select id from events")) == 1
    )


async def test_many_removals_at_once_are_each_told_of(database: Database) -> None:
    groups = [group() for _ in range(200)]
    for each in groups:
        await keep(database, each, post(each))
    found = await asyncio.gather(*(remove(database, removal(each)) for each in [*groups, *reversed(groups)]))
    assert sorted(found, key=str) == [0] * 200 + [None] * 200
    told = {(each.id,) for each in groups}
    assert set(await rows(database, "select target_id from receipts")) == told
    async with database.read() as reader:
        logged = await events.after(reader, WORKSPACE, 0, 1000, WORKSPACE)
    assert sorted(str(each.data.post_group_id) for each in logged) == sorted(each.id for each in groups)
    if database.dialect == "postgres":
        assert len({each.position >> 16 for each in logged}) < 100, "they did not share transactions"
