"""The queue: in order, one at a time under a lock, and nothing is lost with a worker."""

import asyncio

from postroom.domain.fairness import Room, choose
from postroom.domain.jobs import Due, Job
from postroom.store import jobs
from postroom.store.database import Database
from postroom.store.postgres import PostgresDatabase
from tests.store.things import OTHER_WORKSPACE, T0, WORKSPACE, job


async def enqueue(database: Database, *queued: Job) -> None:
    async with database.begin() as tx:
        await jobs.enqueue_many(tx, queued)


async def claim(database: Database, owner: str = "worker", now: int = T0, limit: int = 100) -> list[Job]:
    async with database.begin() as tx:
        return await jobs.claim(tx, owner, now, now + 60, limit)


async def counts(database: Database) -> dict[str, int]:
    async with database.read() as reader:
        return await jobs.counts(reader)


async def test_due_jobs_are_claimed_the_longest_due_first(database: Database) -> None:
    late, early, future = job(scheduled_at=T0 - 1), job(scheduled_at=T0 - 9), job(scheduled_at=T0 + 9)
    async with database.begin() as tx:
        await jobs.enqueue(tx, late)
        await jobs.enqueue_many(tx, [early, future])
        assert await jobs.next_due(tx) == T0 - 9
    found = await claim(database)
    assert [each.id for each in found] == [early.id, late.id]
    assert [(each.attempts, each.args, each.task, each.workspace_id) for each in found] == [
        (1, each.args, each.task, each.workspace_id) for each in (early, late)
    ]
    assert await claim(database) == []
    assert await claim(database, now=T0 + 9, limit=1) != []
    async with database.read() as reader:
        assert await jobs.next_due(reader) is None


async def test_of_one_lock_one_job_runs_at_a_time_and_in_order(database: Database) -> None:
    first, second, other = job(lock="a"), job(lock="a"), job(lock="b")
    await enqueue(database, first, second, other)
    assert [each.id for each in await claim(database)] == [first.id, other.id]
    assert await claim(database) == []
    async with database.begin() as tx:
        await jobs.finish(tx, first.id)
    assert [each.id for each in await claim(database)] == [second.id]


async def test_a_long_queue_under_one_lock_does_not_keep_others_waiting(database: Database) -> None:
    await enqueue(database, *(job(lock="a", scheduled_at=T0 - 10) for _ in range(50)), job(lock="b"), job())
    assert len(await claim(database, limit=10)) == 3


async def test_workers_that_claim_at_once_share_the_work(database: Database) -> None:
    queued = [job(lock=f"lock-{number % 7}" if number % 2 else None) for number in range(80)]
    await enqueue(database, *queued)
    running: dict[str, str] = {}
    done: list[str] = []

    async def work(owner: str) -> None:
        idle = 0
        while idle < 3:
            found = await claim(database, owner, limit=5)
            idle = 0 if found else idle + 1
            for each in found:
                if each.lock:
                    assert each.lock not in running, "two jobs of one lock at a time"
                    running[each.lock] = each.id
            await asyncio.sleep(0.001)
            for each in found:
                if each.lock:
                    del running[each.lock]
                async with database.begin() as tx:
                    await jobs.finish(tx, each.id)
                done.append(each.id)

    await asyncio.gather(*(work(f"worker-{number}") for number in range(6)))
    while left := await claim(database):
        done += [each.id for each in left]
        for each in left:
            async with database.begin() as tx:
                await jobs.finish(tx, each.id)
    assert sorted(done) == sorted(each.id for each in queued)


async def test_a_claim_sees_the_one_that_is_being_made(postgres: PostgresDatabase) -> None:
    """The job that is claimed meanwhile is seen as waiting, and an earlier one of its lock as free to run."""
    claimed, earlier = job(lock="a"), job(lock="a", scheduled_at=T0 - 1)
    await enqueue(postgres, claimed)
    async with postgres.begin() as first:
        assert [each.id for each in await jobs.claim(first, "one", T0, T0 + 60, 9)] == [claimed.id]
        await enqueue(postgres, earlier)
        second = asyncio.create_task(claim(postgres, "two"))
        await asyncio.sleep(0.1)
    assert await second == []


async def test_a_job_is_tried_again_later_or_given_up(database: Database) -> None:
    again, lost = job(), job()
    await enqueue(database, again, lost)
    await claim(database)
    async with database.begin() as tx:
        await jobs.retry(tx, again.id, T0 + 30, "the network was down")
        await jobs.fail(tx, lost.id, "no such post")
    assert await claim(database, now=T0 + 29) == []
    (found,) = await claim(database, now=T0 + 30)
    assert (found.id, found.attempts) == (again.id, 2)
    assert await counts(database) == {"doing": 1, "failed": 1}
    async with database.read() as reader:
        rows = await reader.fetch("select last_error from jobs where id = $1", lost.id)
    assert rows[0][0] == "no such post"


async def test_jobs_of_a_worker_that_died_run_again(database: Database) -> None:
    await enqueue(database, job(lock="a"), job())
    assert len(await claim(database, "dead")) == 2
    async with database.begin() as tx:
        assert await jobs.rescue(tx, T0 + 60) == 0
        assert await jobs.rescue(tx, T0 + 61) == 2
    assert [each.attempts for each in await claim(database, "living")] == [2, 2]
    async with database.begin() as tx:
        assert await jobs.release(tx, "dead") == 0
        assert await jobs.release(tx, "living") == 2
    assert await counts(database) == {"todo": 2}


async def test_what_is_over_stays_over(database: Database) -> None:
    """A worker that was thought dead comes back and reports."""
    late = job()
    await enqueue(database, late)
    await claim(database, "slow")
    async with database.begin() as tx:
        await jobs.rescue(tx, T0 + 99)
        await jobs.finish(tx, late.id)
    assert await counts(database) == {"todo": 1}


async def test_waiting_jobs_are_cancelled_by_their_lock(database: Database) -> None:
    running, waiting = job(lock="post:1"), job(lock="post:1")
    theirs = job(lock="post:1", workspace_id=OTHER_WORKSPACE, scheduled_at=T0 + 5)
    await enqueue(database, running, waiting, theirs, job())
    assert len(await claim(database)) == 2
    async with database.begin() as tx:
        assert await jobs.cancel_by_lock(tx, WORKSPACE, "post:1") == [waiting.id]
    assert await counts(database) == {"doing": 2, "cancelled": 1, "todo": 1}
    async with database.begin() as tx:
        assert await jobs.remove_finished(tx, T0 + 1) == 1


async def due(database: Database, *, deep: bool = True, now: int = T0) -> list[Due]:
    async with database.begin() as tx:
        await jobs.begin_claim(tx)
        return (await jobs.due(tx, now, deep=deep))[0]


async def test_however_many_wait_under_one_lock_the_first_of_every_other_is_seen(database: Database) -> None:
    many = [job(lock="a", scheduled_at=T0 - 9) for _ in range(600)]
    others = [job(lock="b", workspace_id=OTHER_WORKSPACE), job(), job(lock="a0"), job(lock="b", scheduled_at=T0 - 1)]
    await enqueue(database, *many, *others, job(lock="c", scheduled_at=T0 + 1))
    assert {each.lock for each in await due(database, deep=False)} == {"a"}
    found = await due(database)
    assert {each.lock for each in found} == {"a", "a0", "b", None}
    assert len(found) == 4
    assert others[3].id in {each.id for each in found}
    await claim(database, limit=1)
    assert {each.lock for each in await due(database)} == {"a0", "b", None}


async def test_one_workspace_with_thousands_due_does_not_hold_back_the_one_job_of_another(database: Database) -> None:
    await enqueue(database, *(job(lock=f"a{number % 40}", scheduled_at=T0 - 9) for number in range(2_000)))
    theirs = job(lock="b", workspace_id=OTHER_WORKSPACE)
    await enqueue(database, theirs)
    room = Room(at_once=8, of_a_workspace=8, of_a_provider=8)
    assert theirs.id in {each.id for each in choose(await due(database), [], room)}


async def test_what_waits_under_a_lock_is_moved_in_its_order(database: Database) -> None:
    first, second, third = (job(lock="a", scheduled_at=T0 + number) for number in (3, 1, 2))
    later, other = job(lock="a", scheduled_at=T0 + 5_000), job(lock="b")
    await enqueue(database, first, second, third, later, other)
    async with database.begin() as tx:
        assert await jobs.postpone(tx, "a", T0 + 1_000) == 3
    assert [each.id for each in await claim(database)] == [other.id]
    order = []
    while found := await claim(database, now=T0 + 2_000):
        order += [each.id for each in found]
        async with database.begin() as tx:
            await jobs.finish(tx, found[0].id)
    assert order == [second.id, third.id, first.id]


async def test_only_what_still_waits_is_taken(database: Database) -> None:
    waiting, cancelled = job(provider="bluesky"), job(lock="gone")
    await enqueue(database, waiting, cancelled)
    found = await due(database)
    async with database.begin() as tx:
        await jobs.cancel_by_lock(tx, WORKSPACE, "gone")
        taken = await jobs.take(tx, "worker", T0 + 60, [each.id for each in found])
    assert [(each.id, each.provider) for each in taken] == [(waiting.id, "bluesky")]
