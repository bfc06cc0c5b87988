"""The worker: claims jobs that are due, calls the service that each task names, and tries again or gives up."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

import msgspec
import structlog

from postroom.clock import Clock, to_ms
from postroom.domain.fairness import Room, choose
from postroom.domain.jobs import Due, Holds, Job, Retry, Task
from postroom.domain.rules import next_attempt
from postroom.services.accounts import Accounts
from postroom.services.deferred_work import DeferredWork
from postroom.services.hosted_links import HostedLinks
from postroom.services.media import Media
from postroom.services.publishing import Publishing
from postroom.services.recalls import Recalls
from postroom.services.sync import Sync
from postroom.services.takedown_calls import TakedownCalls
from postroom.services.takedowns import Takedowns
from postroom.services.upkeep import Upkeep
from postroom.store import jobs
from postroom.store.database import Database, Tx
from postroom.store.notify import Notifier

_ROOM = Room(at_once=96, of_a_workspace=72, of_a_provider=48)
_CLAIM = timedelta(minutes=5)
_KEEP = timedelta(minutes=1)
"""How often the claims of what is being done are renewed."""
_LOOK_SECONDS = 1.0
_SYNC_SECONDS = 30.0
"""After so long a sync lets other work pass, and goes on later."""
_WORK_TO_LOOKING = 8
"""How much time at least goes by for the work, where looking for it took one."""
_ASKED_LONG_AGO_SECONDS = 300
_NEVER_MS = 2**62
_MOST_ATTEMPTS: dict[Task, int] = {Task.SYNC_ACCOUNT: 8, Task.NOTIFY_LINKED: 12}
"""Tasks that may give up. All others go on until they are done: what they promise has no end date."""

log = structlog.get_logger()


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """The services that do the work."""

    accounts: Accounts
    deferrals: DeferredWork
    hosted_links: HostedLinks
    media: Media
    publishing: Publishing
    recalls: Recalls
    sync: Sync
    takedowns: Takedowns
    takedown_calls: TakedownCalls
    upkeep: Upkeep


class Worker:
    """Runs jobs of this process until cancelled; what it had begun is given back when it stops."""

    def __init__(self, database: Database, notifier: Notifier, work: Work, now: Clock, owner: str) -> None:
        self._database = database
        self._notifier = notifier
        self._work = work
        self._now = now
        self._owner = owner
        self._running: dict[asyncio.Task[None], Job] = {}
        self._kept_at = now()
        self._more = False
        """Whether more is due than was taken when it last looked."""
        self._pause_seconds = 0.0
        self._deep_at = 0.0
        self._rests: dict[str, int] = {}
        self._finished: set[str] = set()
        """Jobs that were ended in the transaction which recorded what came of them."""
        self._tasks: dict[Task, Callable[[Job], Awaitable[Retry | None]]] = {
            Task.SYNC_ACCOUNT: self._sync_account,
            Task.SETTLE_RECALL: lambda job: work.recalls.settle(_workspace(job), _arg(job, "recall_id")),
            Task.DO_DEFERRED: self._do_deferred,
            Task.FINISH_UNLINK: self._finish_unlink,
            Task.NOTIFY_LINKED: self._notify_linked,
            Task.ASK_AGAIN: lambda job: work.accounts.linking.ask_again(_workspace(job), _arg(job, "attempt_id")),
            Task.PUBLISH_POST: self._publish_post,
            Task.TAKE_DOWN: self._take_down,
            Task.EXPIRE_POSTS: self._expire_posts,
            Task.PURGE_BLOBS: self._purge_blobs,
            Task.EXPIRE_UPLOAD: self._expire_upload,
            Task.CLEAN_UP: self._clean_up,
        }

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            while True:
                # It waits already while it looks: what is queued, or ends here, meanwhile wakes it.
                news = asyncio.create_task(self._notifier.wait("jobs", _LOOK_SECONDS))
                await asyncio.sleep(0)
                try:
                    claimed = await self._claim(_ROOM.at_once)
                    for job in claimed:
                        task = asyncio.create_task(self._run(job), name=f"{job.task} {job.id}")
                        self._running[task] = job
                        task.add_done_callback(self._running.pop)
                    await asyncio.sleep(self._pause_seconds)
                    if not (claimed and self._more and len(self._running) < _ROOM.at_once):
                        await asyncio.wait({news}, timeout=await self._patience())
                finally:
                    news.cancel()
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

    async def _patience(self) -> float:
        """How long to wait for news: until the next job is due, where it is not."""
        async with self._database.read() as reader:
            moment = await jobs.next_due(reader)
        left = _LOOK_SECONDS if moment is None else (moment - to_ms(self._now())) / 1000
        if left <= 0 and self._more:
            left = self._deep_at - time.perf_counter()
        return left if 0 < left < _LOOK_SECONDS else _LOOK_SECONDS

    async def _claim(self, at_once: int) -> list[Job]:
        """Take what is due, give back what others let expire, and keep what is being done here.

        Afterwards as many as `at_once` are being done, where so many are due.
        """
        now = self._now()
        keeping = bool(self._running) and now - self._kept_at >= _KEEP
        async with self._database.read() as reader:
            due_at, expires_at = await jobs.next_due(reader), await jobs.next_expiry(reader)
        expired = expires_at is not None and expires_at < to_ms(now)
        looking = due_at is not None and due_at <= to_ms(now) and len(self._running) < at_once
        if not (keeping or expired or looking):
            return []
        async with self._database.begin() as tx:
            if self._running and (keeping or expired):
                await jobs.keep(tx, self._owner, to_ms(now + _CLAIM), [job.id for job in self._running.values()])
                self._kept_at = now
            if expired:
                await jobs.rescue(tx, to_ms(now))
            return await self._take(tx, to_ms(now), at_once)

    async def _take(self, tx: Tx, now: int, at_once: int) -> list[Job]:
        await jobs.begin_claim(tx)
        started = time.perf_counter()
        deep = started >= self._deep_at
        found, saturated = await jobs.due(tx, now, deep=deep)
        ended = time.perf_counter()
        # Looking gets its part of the time and no more: it costs the more, the more is due.
        self._pause_seconds = min(_LOOK_SECONDS, (ended - started) * _WORK_TO_LOOKING)
        if saturated and deep:
            self._deep_at, self._pause_seconds = ended + self._pause_seconds, 0.0
        awake = []
        for job in found:
            until = self._rests_until(job)
            if until > now and job.lock is not None:
                await jobs.postpone(tx, job.lock, until)
            else:
                awake.append(job)
        chosen = choose(awake, self._running.values(), msgspec.structs.replace(_ROOM, at_once=at_once))
        self._more = saturated or len(chosen) < len(awake)
        until = to_ms(self._now() + _CLAIM)
        return await jobs.take(tx, self._owner, until, [job.id for job in chosen]) if chosen else []

    def _rests_until(self, job: Due) -> int:
        """Until when its account or its network wants to be left alone, perhaps long ago."""
        return max(
            self._rests.get(f"{Holds.LOCK} {job.lock}", 0), self._rests.get(f"{Holds.PROVIDER} {job.provider}", 0)
        )

    async def _run(self, job: Job) -> None:
        try:
            retry = await self._tasks[job.task](job)
        except Exception as error:
            retry = Retry(after=next_attempt(job.attempts), reason=type(error).__name__)
            log.warning("job.failed", task=job.task, job=job.id, attempts=job.attempts, exc_info=True)
        while job.id not in self._finished:
            try:
                await self._over(job, retry)
                break
            except Exception:
                # A job that stays claimed would wait for this process to end.
                log.warning("job.not_recorded", task=job.task, job=job.id, exc_info=True)
                await asyncio.sleep(_LOOK_SECONDS)
        self._finished.discard(job.id)
        # Another job may have waited for this one's lock, or for its place.
        self._notifier.wake_here("jobs")

    async def _over(self, job: Job, retry: Retry | None) -> None:
        async with self._database.begin() as tx:
            if retry is None:
                await jobs.finish(tx, job.id, self._owner)
            elif job.attempts >= _MOST_ATTEMPTS.get(job.task, 1_000_000):
                await jobs.fail(tx, job.id, retry.reason, self._owner)
            else:
                until = to_ms(self._now() + retry.after)
                await jobs.retry(tx, job.id, until, retry.reason, self._owner)
                if retry.holds is not Holds.JOB and job.lock is not None:
                    await jobs.postpone(tx, job.lock, until)
                    self._rest(job, retry.holds, until)

    def _rest(self, job: Job, holds: Holds, until: int) -> None:
        """Remember it for jobs that are queued meanwhile, and for the other accounts of the network."""
        now = to_ms(self._now())
        self._rests = {key: moment for key, moment in self._rests.items() if moment > now}
        self._rests[f"{holds} {job.lock if holds is Holds.LOCK else job.provider}"] = until

    def _finish(self, job: Job) -> jobs.Finish:
        async def finish(tx: Tx, rest_seconds: float) -> None:
            await jobs.finish(tx, job.id, self._owner)
            tx.on_commit(lambda: self._finished.add(job.id))
            if rest_seconds > 0 and job.lock is not None:
                until = to_ms(self._now() + timedelta(seconds=rest_seconds))
                await jobs.postpone(tx, job.lock, until)
                self._rest(job, Holds.LOCK, until)

        return finish

    async def _publish_post(self, job: Job) -> Retry | None:
        finish = self._finish(job)
        return await self._work.publishing.publish(_workspace(job), _arg(job, "post_id"), job.attempts, finish)

    async def _do_deferred(self, job: Job) -> Retry | None:
        return await self._work.deferrals.do(_workspace(job), _arg(job, "deferral_id"), job.attempts, self._finish(job))

    async def _take_down(self, job: Job) -> Retry | None:
        workspace_id, position = _workspace(job), int(_arg(job, "position"))
        return await self._work.takedown_calls.settle(
            workspace_id, _arg(job, "takedown_id"), position, job.attempts, self._finish(job)
        )

    async def _expire_posts(self, job: Job) -> None:
        delete = _arg(job, "then") == "delete"
        user_id, group_id = _arg(job, "user_id"), _arg(job, "group_id")
        await self._work.takedowns.expire(_workspace(job), user_id, group_id, self._finish(job), delete=delete)

    async def _sync_account(self, job: Job) -> None:
        workspace_id, account_id, chat_id = _workspace(job), _arg(job, "account_id"), job.args.get("chat_id")
        assert chat_id is None or isinstance(chat_id, str)
        if not await self._work.sync.sync(workspace_id, account_id, chat_id=chat_id, seconds=_SYNC_SECONDS):
            await self._work.sync.queue(workspace_id, account_id, chat_id)

    async def _finish_unlink(self, job: Job) -> Retry | None:
        overwritten = await self._work.accounts.finish_unlink(_workspace(job), _arg(job, "account_id"))
        return None if overwritten else Retry(after=next_attempt(job.attempts), reason="not_overwritten")

    async def _notify_linked(self, job: Job) -> Retry | None:
        return await self._work.hosted_links.notify(_workspace(job), _arg(job, "link_id"), job.attempts)

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
