"""Upkeep: what has outlived its time goes, and what was left half done is finished."""

from datetime import timedelta

import msgspec

from postroom.clock import Clock, to_ms
from postroom.domain.events import EventData, EventType
from postroom.domain.jobs import Job, Task
from postroom.ids import new_id
from postroom.services.accounts import Accounts
from postroom.services.chains import Chains
from postroom.services.events import Events
from postroom.services.restores import Restores
from postroom.services.spending import KEPT
from postroom.store import (
    accounts,
    burials,
    deferrals,
    deliveries,
    events,
    hosted_links,
    idempotency,
    jobs,
    login_attempts,
    rates,
    sessions,
    spending,
)
from postroom.store.database import Database

_SOON = timedelta(days=7)
_HOSTED_LINKS = timedelta(days=3)
"""How long a link that expired is kept: what became of it may still have to be told."""
_SESSIONS = timedelta(days=1)
"""How long one that expired is kept: somebody who comes back is told so."""
_TOLD = timedelta(minutes=10)
"""How long the end of an attempt to link can still be told to whoever answers it."""


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """How long things are kept; None: for good."""

    events: timedelta | None
    tombstones: timedelta | None
    receipts: timedelta | None
    idempotency_keys: timedelta
    finished_jobs: timedelta = timedelta(days=2)
    deferrals: timedelta = timedelta(days=30)
    """After they were settled."""
    deliveries: timedelta = timedelta(days=7)
    """What was tried to tell webhook endpoints."""


class Upkeep:
    """The server's own housekeeping, as a job that comes again."""

    def __init__(
        self,
        database: Database,
        accounts: Accounts,
        chains: Chains,
        events: Events,
        restores: Restores,
        retention: Retention,
        now: Clock,
    ) -> None:
        self._database = database
        self._events = events
        self._accounts = accounts
        self._chains = chains
        self._restores = restores
        self._retention = retention
        self._now = now

    async def schedule(self, after: timedelta) -> None:
        """Have the next clean-up done, unless one is waiting."""
        now = self._now()
        job = Job(
            id=new_id("job", now),
            workspace_id=None,
            task=Task.CLEAN_UP,
            args={},
            lock="clean_up",
            attempts=0,
            scheduled_at=to_ms(now + after),
        )
        async with self._database.begin() as tx:
            await jobs.cancel_by_lock(tx, None, "clean_up")
            await jobs.enqueue(tx, job)

    async def clean_up(self) -> None:
        """One round (a job; safe to repeat)."""
        now = self._now()
        keep = self._retention

        def before(age: timedelta) -> int:
            return to_ms(now - age)

        async with self._database.begin() as tx:
            if keep.events is not None:
                await events.remove_older(tx, before(keep.events))
            if keep.tombstones is not None:
                await burials.remove_tombstones(tx, before(keep.tombstones))
            await deferrals.remove_settled(tx, before(keep.deferrals))
            await deliveries.remove_older(tx, before(keep.deliveries))
            await idempotency.remove_older(tx, before(keep.idempotency_keys))
            await jobs.remove_finished(tx, before(keep.finished_jobs))
            await rates.remove_ended(tx, to_ms(now))
            await spending.remove_older(tx, before(KEPT))
            await spending.remove_expired_tokens(tx, before(_TOLD))
            await sessions.remove_expired(tx, before(_SESSIONS))
            await hosted_links.remove_expired(tx, before(_HOSTED_LINKS))
            await login_attempts.remove_expired_login_attempts(tx, before(_TOLD))
        if keep.receipts is not None:
            await self._chains.trim(before(keep.receipts))
        async with self._database.read() as reader:
            left = await accounts.list_unlinking(reader)
        for workspace_id, account_id in left:
            await self._accounts.finish_unlink(workspace_id, account_id)
        await self.announce_expiring()
        # Each time: it may be another process than this one that died.
        await self._restores.remember()
        await self.schedule(timedelta(minutes=10))

    async def announce_expiring(self) -> None:
        """Tell of each account, once, that its credentials end within seven days unless it is linked again."""
        now = self._now()
        async with self._database.begin() as tx:
            for account in await accounts.list_expiring(tx, to_ms(now), to_ms(now + _SOON)):
                expires_at = account.credentials_expire_at
                await accounts.set_expiry_announced(tx, account.workspace_id, account.id, expires_at)
                data = EventData(account_id=account.id, platform=account.provider)
                await self._events.announce(tx, account.workspace_id, EventType.TOKEN_EXPIRING, data)
