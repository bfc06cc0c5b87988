"""The worker: every job is done in the end, one at a time under a lock, whatever dies or is away meanwhile."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator

import pytest

from postroom.domain.posts import PostStatus
from tests.desk import Desk


@contextlib.asynccontextmanager
async def working(desk: Desk) -> AsyncIterator[None]:
    task = asyncio.create_task(desk.house.worker.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(desk: Desk, sql: str, wanted: object) -> None:
    async with asyncio.timeout(15):
        while await desk.rows(sql) != wanted:
            await asyncio.sleep(0.02)


async def test_a_job_that_fails_is_tried_again_later_each_time(desk: Desk) -> None:
    await desk.work()
    group = await desk.draft()
    await desk.attach(group)
    (kept,) = desk.files()
    media, away = desk.built.data / "media", desk.built.data / "away"
    await desk.services.posts.delete(desk.caller, group.id)
    media.rename(away)
    media.write_text("no folder")
    waits = []
    for _ in range(4):
        assert await desk.work() == 1
        ((at, error),) = await desk.rows("select scheduled_at, last_error from jobs where task = 'purge_blobs'")
        assert error == "Unavailable"
        waits.append(round((at - desk.now_ms()) / 1000))
        await desk.advance(waits[-1] + 1)
    assert waits == sorted(waits)
    assert waits[0] < waits[-1]
    media.unlink()
    away.rename(media)
    assert desk.files() == {kept}
    await desk.settle()
    assert desk.files() == set()


async def test_a_worker_that_stops_gives_back_what_it_had_begun(desk: Desk) -> None:
    await desk.fault("createRecord", do={"latency_seconds": 5})
    group = await desk.due("Interrupted")
    async with working(desk):
        while not await desk.calls("createRecord"):
            await asyncio.sleep(0.02)
    assert [status for status, _ in await desk.jobs("publish_post")] == ["todo"]
    await desk.settle()
    assert await desk.status(group) is PostStatus.PUBLISHED
    assert len(await desk.live()) == 1


async def test_what_a_dead_worker_had_claimed_is_done_once_its_claim_expires(desk: Desk) -> None:
    await desk.work()
    group = await desk.due("Left behind")
    assert len(await desk.claim()) == 1
    async with working(desk):
        await asyncio.sleep(1.2)
        assert await desk.status(group) is PostStatus.PENDING
        await desk.advance(301)
        await until(desk, "select status from posts", [("published",)])


async def test_where_nobody_else_can_be_at_work_it_is_taken_over_at_once(desk: Desk) -> None:
    await desk.work()
    group = await desk.due("Taken over")
    assert len(await desk.claim()) == 1
    leased = "select id from accounts where leased_by is not null"
    async with desk.house.database.begin() as tx:
        await tx.execute("update accounts set leased_by = 'dead', leased_until = $1", desk.now_ms() + 20_000)
    await desk.house.worker.take_over()
    assert await desk.rows(leased) == []
    await desk.work()
    assert await desk.status(group) is PostStatus.PUBLISHED


async def test_a_long_job_stays_its_workers_own(desk: Desk) -> None:
    await desk.work()
    await desk.fault("createRecord", do={"latency_seconds": 1.0})
    await desk.due("Slow")
    async with working(desk):
        while not await desk.calls("createRecord"):
            await asyncio.sleep(0.02)
        # Time enough for the claim to expire, if it were not kept; and the job would be run a second time.
        for _ in range(4):
            await desk.advance(290)
            desk.house.notifier.wake("jobs")
            await asyncio.sleep(0.1)
        await until(desk, "select status from posts", [("published",)])
    assert await desk.jobs("publish_post") == [("done", 1)]
    assert await desk.calls("createRecord") == 1


async def test_a_worker_that_was_thought_dead_does_not_finish_what_another_has_begun(desk: Desk) -> None:
    await desk.work()
    await desk.due("Whose?")
    (job,) = await desk.house.worker._claim(1)
    await desk.advance(301)
    async with desk.house.database.begin() as tx:
        await tx.execute("update jobs set claimed_by = 'another' where task = 'publish_post'")
    await desk.house.worker._run(job)
    assert [status for status, _ in await desk.jobs("publish_post")] == ["doing"]


async def test_posts_of_one_account_go_out_one_after_the_other(desk: Desk) -> None:
    await desk.fault("createRecord", do={"latency_seconds": 0.5})
    for number in range(3):
        await desk.due(f"Number {number}")
    async with working(desk):
        while not await desk.calls("createRecord"):
            await asyncio.sleep(0.02)
        assert sorted(status for status, _ in await desk.jobs("publish_post")) == ["doing", "todo", "todo"]
        await until(desk, "select count(*) from posts where status = 'published'", [(3,)])
    assert len(await desk.live()) == 3


@pytest.mark.parametrize("status", ["done", "failed", "cancelled"])
async def test_jobs_that_are_over_are_forgotten_after_two_days(desk: Desk, status: str) -> None:
    await desk.due()
    await desk.work()
    async with desk.house.database.begin() as tx:
        await tx.execute("update jobs set status = $1 where task = 'publish_post'", status)
    await desk.house.upkeep.clean_up()
    assert len(await desk.jobs("publish_post")) == 1
    await desk.advance(2 * 24 * 3600 + 60)
    await desk.house.upkeep.clean_up()
    assert await desk.jobs("publish_post") == []
    shutil.rmtree(desk.built.data / "media")
