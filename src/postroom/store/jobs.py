"""Durable work: queued in the transaction that makes it necessary, claimed in batches, tried again, rescued.

The worker's own: jobs of all workspaces are one queue.
"""

from collections.abc import Awaitable, Callable, Iterable

import msgspec

from postroom.domain.jobs import Due, Job, Task
from postroom.store.database import Reader, Row, Tx

Finish = Callable[[Tx, float], Awaitable[None]]
"""Ends a job in the transaction that records what came of it; what it was locked for then rests for so many seconds."""

_ENQUEUE = """
    insert into jobs (id, workspace_id, task, args, job_lock, status, attempts, scheduled_at, provider)
    values ($1, $2, $3, $4, $5, 'todo', $6, $7, $8)
"""
_CLAIMS = 5_204_118_730
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, str | list[str]]).decode


async def enqueue(tx: Tx, job: Job) -> None:
    """Queue a job with the change that makes it necessary, in one transaction."""
    await tx.execute(_ENQUEUE, *_arguments(job))


async def hasten(tx: Tx, job: Job) -> bool:
    """Whether the same work waits under the same lock already. Then it is due when `job` is, if it was not before."""
    return (
        await tx.execute(
            """
            update jobs set scheduled_at = case when scheduled_at < $3 then scheduled_at else $3 end
            where job_lock = $1 and status = 'todo' and args = $2
            """,
            job.lock,
            _encode(job.args).decode(),
            job.scheduled_at,
        )
        > 0
    )


async def enqueue_many(tx: Tx, jobs: Iterable[Job]) -> None:
    """Queue several jobs."""
    await tx.execute_many(_ENQUEUE, [_arguments(job) for job in jobs])


async def begin_claim(tx: Tx) -> None:
    """Keep other workers from claiming until the commit. Only then is what `due` tells still so when it is taken."""
    if tx.dialect == "postgres":
        await tx.fetch_one("select pg_advisory_xact_lock($1)", _CLAIMS)


async def due(tx: Tx, now: int, *, deep: bool) -> tuple[list[Due], bool]:
    """Jobs that could run now, the longest due first, and whether there may be more of them.

    Of the jobs with one lock only the first is among them, and only while none of them is being done. It looks at no
    more than the longest due ones; `deep`: at the first one of every lock, which costs more the more locks there are.
    """
    rows = await tx.fetch(_DUE, now, _SEEN_AT_ONCE)
    saturated = len(rows) == _SEEN_AT_ONCE
    if saturated and deep:
        rows = sorted(
            [*rows, *await tx.fetch(_DUE_LOCKS, now), *await tx.fetch(_DUE_FREE, now, _SEEN_AT_ONCE)],
            key=lambda row: (row[4], row[0]),
        )
    seen: set[str] = set()
    found = []
    for job_id, workspace_id, lock, provider, _, busy in rows:
        if job_id not in seen and lock not in seen:
            seen.add(job_id if lock is None else lock)
            if not busy:
                found.append(Due(job_id, workspace_id, lock, provider))
    return found, saturated


_SEEN_AT_ONCE = 500
_WHAT = "j.id, j.workspace_id, j.job_lock, j.provider, j.scheduled_at"
_BUSY = "exists (select 1 from jobs d where d.status = 'doing' and d.job_lock = j.job_lock)"
_DUE = f"""
    select {_WHAT}, j.job_lock is not null and {_BUSY} from (
        select id, workspace_id, job_lock, provider, scheduled_at from jobs
        where status = 'todo' and scheduled_at <= $1 order by scheduled_at, id limit $2
    ) j order by j.scheduled_at, j.id
"""
# From each lock to the next one, by the index: as many steps as there are locks, however many jobs wait under each.
_DUE_LOCKS = f"""
    with recursive locks (job_lock) as (
        select min(job_lock) from jobs where status = 'todo' and job_lock is not null
        union all
        select (select min(n.job_lock) from jobs n where n.status = 'todo' and n.job_lock > locks.job_lock)
        from locks where locks.job_lock is not null
    )
    select {_WHAT}, {_BUSY} from locks join jobs j on j.id = (
        select h.id from jobs h where h.status = 'todo' and h.job_lock = locks.job_lock
        order by h.scheduled_at, h.id limit 1
    ) where locks.job_lock is not null and j.scheduled_at <= $1
"""
_DUE_FREE = f"""
    select {_WHAT}, false from jobs j
    where status = 'todo' and job_lock is null and scheduled_at <= $1 order by scheduled_at, id limit $2
"""


async def take(tx: Tx, owner: str, until: int, job_ids: list[str]) -> list[Job]:
    """Claim these jobs, as far as they still wait; each counts as an attempt. They are this owner's until that moment."""
    skipping = " for update skip locked" if tx.dialect == "postgres" else ""
    rows = await tx.fetch(
        f"""
        update jobs set status = 'doing', claimed_by = $1, claimed_until = $2, attempts = attempts + 1
        where id in (select id from jobs where status = 'todo' and {tx.any_of("id", 3)}{skipping})
        returning id, workspace_id, task, args, job_lock, attempts, scheduled_at, provider
        """,
        owner,
        until,
        tx.array(job_ids),
    )
    return sorted(map(_job, rows), key=lambda job: (job.scheduled_at, job.id))


async def claim(tx: Tx, owner: str, now: int, until: int, limit: int) -> list[Job]:
    """Take the jobs that are longest due, whoever's they are."""
    await begin_claim(tx)
    found, _ = await due(tx, now, deep=True)
    return await take(tx, owner, until, [job.id for job in found[:limit]])


async def postpone(tx: Tx, lock: str, until: int) -> int:
    """Move what waits under this lock to that moment, in the order in which it was; how many. What is later stays."""
    return await tx.execute(
        """
        update jobs set scheduled_at = $2 + moved.place from (
            select id, row_number() over (order by scheduled_at, id) as place from jobs
            where status = 'todo' and job_lock = $1 and scheduled_at < $2
        ) moved where jobs.id = moved.id
        """,
        lock,
        until,
    )


async def finish(tx: Tx, job_id: str, owner: str | None = None) -> None:
    """A job that was being done is done. With `owner`: only while it is this owner's."""
    await tx.execute(
        f"update jobs set status = 'done', claimed_by = null where id = $1 and {_held(2)}", job_id, owner or ""
    )


async def fail(tx: Tx, job_id: str, error: str, owner: str | None = None) -> None:
    """A job that was being done has failed for good. With `owner`: only while it is this owner's."""
    await tx.execute(
        f"update jobs set status = 'failed', claimed_by = null, last_error = $2 where id = $1 and {_held(3)}",
        job_id,
        error,
        owner or "",
    )


async def retry(tx: Tx, job_id: str, at: int, error: str, owner: str | None = None) -> None:
    """A job that was being done is to be tried again at that moment. With `owner`: only while it is this owner's."""
    await tx.execute(
        f"""
        update jobs set status = 'todo', claimed_by = null, scheduled_at = $2, last_error = $3
        where id = $1 and {_held(4)}
        """,
        job_id,
        at,
        error,
        owner or "",
    )


def _held(number: int) -> str:
    """The condition that a job is being done, by the owner that is this argument where it is not empty."""
    return f"status = 'doing' and ${number} in ('', claimed_by)"


async def keep(tx: Tx, owner: str, until: int, job_ids: list[str]) -> int:
    """Hold claims of this owner for longer: the jobs are still being done; how many of them are its own."""
    return await tx.execute(
        f"update jobs set claimed_until = $2 where status = 'doing' and claimed_by = $1 and {tx.any_of('id', 3)}",
        owner,
        until,
        tx.array(job_ids),
    )


async def cancel_by_lock(tx: Tx, workspace_id: str | None, lock: str) -> list[str]:
    """Cancel what waits under this lock; the ids. One that is being done goes on."""
    rows = await tx.fetch(
        """
        update jobs set status = 'cancelled'
        where job_lock = $1 and coalesce(workspace_id, '') = $2 and status = 'todo' returning id
        """,
        lock,
        workspace_id or "",
    )
    return [row[0] for row in rows]


async def waits_until(reader: Reader, workspace_id: str | None, lock: str) -> int | None:
    """When the first of what waits under this lock is due; None: nothing does."""
    row = await reader.fetch_one(
        """
        select min(scheduled_at) from jobs
        where job_lock = $1 and coalesce(workspace_id, '') = $2 and status = 'todo'
        """,
        lock,
        workspace_id or "",
    )
    return None if row is None else row[0]


async def rescue(tx: Tx, now: int) -> int:
    """Give back jobs whose owner let its claim expire; how many."""
    return await tx.execute(
        "update jobs set status = 'todo', claimed_by = null where status = 'doing' and claimed_until < $1", now
    )


async def release(tx: Tx, owner: str) -> int:
    """Give back all that this owner was doing; how many."""
    return await tx.execute(
        "update jobs set status = 'todo', claimed_by = null where status = 'doing' and claimed_by = $1", owner
    )


async def next_expiry(reader: Reader) -> int | None:
    """When the next claim expires that is not kept, perhaps long ago; None: nothing is being done."""
    row = await reader.fetch_one("select min(claimed_until) from jobs where status = 'doing'")
    return None if row is None else row[0]


async def next_due(reader: Reader) -> int | None:
    """When the next job is due, perhaps long ago; None: nothing is queued."""
    row = await reader.fetch_one("select min(scheduled_at) from jobs where status = 'todo'")
    return None if row is None else row[0]


async def counts(reader: Reader) -> dict[str, int]:
    """How many jobs there are, by status; a status without any is left out."""
    return {row[0]: row[1] for row in await reader.fetch("select status, count(*) from jobs group by status")}


async def remove_finished(tx: Tx, before: int) -> int:
    """Remove jobs that are over and were due before this moment; how many. For upkeep."""
    return await tx.execute(
        "delete from jobs where status in ('done', 'failed', 'cancelled') and scheduled_at < $1", before
    )


def _arguments(job: Job) -> tuple[str | int | None, ...]:
    return (
        job.id,
        job.workspace_id,
        job.task,
        _encode(job.args).decode(),
        job.lock,
        job.attempts,
        job.scheduled_at,
        job.provider,
    )


def _job(row: Row) -> Job:
    return Job(
        id=row[0],
        workspace_id=row[1],
        task=Task(row[2]),
        args=_decode(row[3]),
        lock=row[4],
        attempts=row[5],
        scheduled_at=row[6],
        provider=row[7],
    )
