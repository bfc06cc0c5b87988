"""The worker: claims jobs that are due, calls the service that each task names, and tries again or gives up."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import msgspec
import structlog

from postroom.clock import Clock, to_ms
from postroom.domain.jobs import Job, Retry, Task
from postroom.domain.rules import next_attempt
from postroom.services.accounts import Accounts
from postroom.services.media import Media
from postroom.services.publishing import Publishing
from postroom.services.recalls import Recalls
from postroom.services.sync import Sync
from postroom.services.upkeep import Upkeep
from postroom.store import jobs
from postroom.store.database import Database
from postroom.store.notify import Notifier

_AT_ONCE = 32
_CLAIM = timedelta(minutes=5)
_KEEP = timedelta(minutes=1)
"""How often the claims of what is being done are renewed."""
_LOOK_SECONDS = 1.0
_ASKED_LONG_AGO_SECONDS = 300
_NEVER_MS = 2**62
_MOST_ATTEMPTS: dict[Task, int] = {Task.SYNC_ACCOUNT: 8}
"""Tasks that may give up. All others go on until they are done: what they promise has no end date."""

log = structlog.get_logger()


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """The services that do the work."""

    accounts: Accounts
    media: Media
    publishing: Publishing
    recalls: Recalls
    sync: Sync
    upkeep: Upkeep


class Worker:
    """Runs jobs of this process until cancelled; what it had begun is given back when it stops."""

    def __init__(self, database: Database, notifier: Notifier, work: Work, now: Clock, owner: str) -> None:
        self._database = database
        self._notifier = notifier
        self._work = work
        self._now = now
        self._owner = owner
        self._running: dict[asyncio.Task[None], str] = {}
        self._kept_at = now()
        self._tasks: dict[Task, Callable[[Job], Awaitable[Retry | None]]] = {
            Task.SYNC_ACCOUNT: self._sync_account,
            Task.SETTLE_RECALL: lambda job: work.recalls.settle(_workspace(job), _arg(job, "recall_id")),
            Task.FINISH_UNLINK: self._finish_unlink,
            Task.PUBLISH_POST: lambda job: work.publishing.publish(_workspace(job), _arg(job, "post_id"), job.attempts),
            Task.PURGE_BLOBS: self._purge_blobs,
            Task.EXPIRE_UPLOAD: self._expire_upload,
            Task.CLEAN_UP: self._clean_up,
        }

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            while True:
                room = _AT_ONCE - len(self._running)
                claimed = await self._claim(room)
                for job in claimed:
                    task = asyncio.create_task(self._run(job), name=f"{job.task} {job.id}")
                    self._running[task] = job.id
                    task.add_done_callback(self._running.pop)
                if not claimed:
                    await self._notifier.wait("jobs", _LOOK_SECONDS)
        finally:
            running = list(self._running)
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            async with self._database.begin() as tx:
                await jobs.release(tx, self._owner)

    async def take_over(self) -> None:
        """Give back all jobs that are being done, whoever did them. Only where no other process can be at work."""
        async with self._database.begin() as tx:
            await jobs.rescue(tx, _NEVER_MS)

    async def _claim(self, room: int) -> list[Job]:
        """Take what is due, give back what others let expire, and keep what is being done here."""
        now = self._now()
        moments: list[int | None] = [to_ms(self._kept_at + _KEEP) if self._running else None]
        async with self._database.read() as reader:
            moments += [await jobs.next_due(reader), await jobs.next_expiry(reader)]
        if all(moment is None or moment > to_ms(now) for moment in moments):
            return []
        async with self._database.begin() as tx:
            if self._running:
                await jobs.keep(tx, self._owner, to_ms(now + _CLAIM), list(self._running.values()))
                self._kept_at = now
            await jobs.rescue(tx, to_ms(now))
            return await jobs.claim(tx, self._owner, to_ms(now), to_ms(now + _CLAIM), room) if room else []

    async def _run(self, job: Job) -> None:
        try:
            retry = await self._tasks[job.task](job)
        except Exception as error:
            retry = Retry(after=next_attempt(job.attempts), reason=type(error).__name__)
            log.warning("job.failed", task=job.task, job=job.id, attempts=job.attempts, exc_info=True)
        while True:
            try:
                await self._over(job, retry)
                break
            except Exception:
                # A job that stays claimed would wait for this process to end.
                log.warning("job.not_recorded", task=job.task, job=job.id, exc_info=True)
                await asyncio.sleep(_LOOK_SECONDS)
        # Another job may have waited for this one's lock.
        self._notifier.wake("jobs")

    async def _over(self, job: Job, retry: Retry | None) -> None:
        async with self._database.begin() as tx:
            if retry is None:
                await jobs.finish(tx, job.id, self._owner)
            elif job.attempts >= _MOST_ATTEMPTS.get(job.task, 1_000_000):
                await jobs.fail(tx, job.id, retry.reason, self._owner)
            else:
                await jobs.retry(tx, job.id, to_ms(self._now() + retry.after), retry.reason, self._owner)

    async def _sync_account(self, job: Job) -> None:
        await self._work.sync.sync(_workspace(job), _arg(job, "account_id"))

    async def _finish_unlink(self, job: Job) -> None:
        await self._work.accounts.finish_unlink(_workspace(job), _arg(job, "account_id"))

    async def _purge_blobs(self, job: Job) -> None:
        await self._work.media.purge(_workspace(job), list(job.args["keys"]))

    async def _expire_upload(self, job: Job) -> None:
        await self._work.media.expire_upload(_workspace(job), _arg(job, "media_id"))

    async def _clean_up(self, _: Job) -> None:
        await self._work.upkeep.clean_up()
        # Whoever asked this long ago and has not written down what came of it is dead, here or in another process.
        await self._work.recalls.resume(older_than_seconds=_ASKED_LONG_AGO_SECONDS)


def _workspace(job: Job) -> str:
    assert job.workspace_id is not None
    return job.workspace_id


def _arg(job: Job, name: str) -> str:
    value = job.args[name]
    assert isinstance(value, str)
    return value
