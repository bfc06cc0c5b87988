"""The worker: every job is done in the end, one at a time under a lock, whatever dies or is away meanwhile."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from postroom.domain.jobs import Holds, Job, Retry, Task
from postroom.domain.posts import PostStatus
from postroom.store import jobs, rates
from tests.desk import Desk
from tests.store.things import job


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
    await desk.house.worker.take_over()
    await desk.work()
    assert await desk.status(group) is PostStatus.PUBLISHED


async def test_a_long_job_stays_its_workers_own(desk: Desk) -> None:
    await desk.work()
    await desk.fault("createRecord", do={"hold": True})
    await desk.due("Slow")
    async with working(desk):
        await desk.struck("createRecord")
        # Time enough for the claim to expire, if it were not kept; and the job would be run a second time.
        for _ in range(4):
            await desk.advance(290)
            desk.house.notifier.wake("jobs")
            await asyncio.sleep(0.1)
        await desk.no_faults()
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
    await desk.fault("createRecord", do={"hold": True})
    for number in range(3):
        await desk.due(f"Number {number}")
    async with working(desk):
        await desk.struck("createRecord")
        assert sorted(status for status, _ in await desk.jobs("publish_post")) == ["doing", "todo", "todo"]
        await desk.no_faults()
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


LIMITED = {"status": 429, "headers": {"retry-after": "600"}, "body": {"error": "RateLimitExceeded"}}


async def second(desk: Desk) -> str:
    """Another Bluesky account of the same user."""
    answers = {"identifier": "bea.test", "password": "app-bea-pass"}
    account = await desk.services.accounts.link(desk.caller, "bluesky", "app_password", answers)
    return f"bluesky-{account.provider_id}"


async def test_an_account_that_is_told_to_wait_rests_with_all_its_posts_and_others_go_on(desk: Desk) -> None:
    mine = [f"bluesky-{(await desk.account()).provider_id}"]
    other = await second(desk)
    await desk.fault("createRecord", do=LIMITED, times=1)
    held = [await desk.due(f"Number {number}", platforms=mine) for number in range(5)]
    await desk.work()
    late = await desk.due("Queued while it rests", platforms=mine)
    free = await desk.due("Of another account", platforms=[other])
    await desk.work()
    assert await desk.status(free) is PostStatus.PUBLISHED
    assert {await desk.status(group) for group in [*held, late]} == {PostStatus.PENDING}
    assert await desk.calls("createRecord") == 2
    await desk.advance(590)
    assert await desk.work() == 0
    await desk.advance(20)
    await desk.work()
    assert {await desk.status(group) for group in [*held, late]} == {PostStatus.PUBLISHED}
    assert await desk.calls("createRecord") == 8


async def test_after_a_post_that_uses_up_the_limit_nobody_is_called_until_it_begins_anew(desk: Desk) -> None:
    await desk.built.sim.patch("/_sim/switches", json={"enforce_rate_limits": True})
    first, second = await desk.due("The last one"), await desk.due("Waits for the next hour")
    body = {"uri": "at://did:plc:x/app.bsky.feed.post/1", "cid": "bafy"}
    used_up = {"ratelimit-remaining": "0", "retry-after": "1200"}
    await desk.fault("createRecord", do={"status": 200, "headers": used_up, "body": body}, times=1)
    await desk.work()
    assert [await desk.status(group) for group in (first, second)] == [PostStatus.PUBLISHED, PostStatus.PENDING]
    assert await desk.calls("createRecord") == 1
    await desk.advance(1190)
    assert await desk.work() == 0
    await desk.advance(20)
    await desk.work()
    assert await desk.status(second) is PostStatus.PUBLISHED


async def test_no_more_is_sent_than_the_network_takes_in_an_hour(desk: Desk) -> None:
    account = await desk.account()
    groups = [await desk.due(f"Number {number}") for number in range(3)]
    async with desk.house.database.begin() as tx:
        for _ in range(1_664):
            assert await rates.spend(tx, account.id, 3600, 1_666, desk.now_ms()) is None
    await desk.work()
    statuses = sorted([await desk.status(group) for group in groups])
    assert statuses == [PostStatus.PENDING, PostStatus.PUBLISHED, PostStatus.PUBLISHED]
    assert await desk.calls("createRecord") == 2
    await desk.advance(3601)
    await desk.work()
    assert {await desk.status(group) for group in groups} == {PostStatus.PUBLISHED}
    await desk.advance(25 * 3600)
    await desk.house.upkeep.clean_up()
    assert await desk.rows("select * from rate_windows") == []


async def test_where_the_network_as_a_whole_is_to_rest_its_other_accounts_wait_too(desk: Desk) -> None:
    mine = [f"bluesky-{(await desk.account()).provider_id}"]
    other = await second(desk)
    await desk.work()
    worker = desk.house.worker
    await desk.due("One", platforms=mine)
    (job,) = await worker._claim(1)
    await worker._over(job, Retry(after=timedelta(minutes=5), reason="too_many_requests", holds=Holds.PROVIDER))
    group = await desk.due("Another", platforms=[other])
    await desk.work()
    assert await desk.calls("createRecord") == 0
    await desk.advance(301)
    await desk.work()
    assert await desk.status(group) is PostStatus.PUBLISHED


async def test_a_network_that_hangs_leaves_room_for_other_work(desk: Desk) -> None:
    """Twice as many jobs as may run at a time wait for it; what is queued behind them is done at once."""
    at = desk.now_ms() - 60_000
    async with desk.house.database.begin() as tx:
        await jobs.enqueue_many(
            tx,
            [
                job(lock=f"hang:{number}", scheduled_at=at, provider="bluesky", workspace_id=desk.caller.workspace_id)
                for number in range(200)
            ],
        )
    hanging = asyncio.Event()

    async def hang(_: Job) -> None:
        await hanging.wait()

    desk.house.worker._tasks[Task.PUBLISH_POST] = hang
    async with working(desk):
        await until(desk, "select count(*) from jobs where status = 'doing' and provider = 'bluesky'", [(48,)])
        group = await desk.draft()
        await desk.attach(group)
        await desk.services.posts.delete(desk.caller, group.id)
        await until(desk, "select status from jobs where task = 'purge_blobs'", [("done",)])
        hanging.set()
