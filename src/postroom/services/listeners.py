"""Listeners: one for each connected account that has chats, under a lease, restarted with backoff."""

import asyncio
import random
from datetime import timedelta

import structlog

from postroom.clock import Clock, to_ms
from postroom.domain.accounts import Account, AccountStatus
from postroom.errors import ActionRequired, CredentialsRejected, PostroomError
from postroom.services.connections import Connections
from postroom.services.ingest import Ingest
from postroom.store import accounts
from postroom.store.database import Database
from postroom.store.notify import Notifier

_LEASE = timedelta(seconds=20)
_ROUND_SECONDS = 5.0
_MOST_AT_ONCE = 50

log = structlog.get_logger()


class Listeners:
    """The tasks that follow accounts' events in this process."""

    def __init__(
        self, database: Database, notifier: Notifier, connections: Connections, ingest: Ingest, now: Clock, owner: str
    ) -> None:
        self._database = database
        self._notifier = notifier
        self._connections = connections
        self._ingest = ingest
        self._now = now
        self._owner = owner
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._providers = [
            name for name, connector in connections.connectors().items() if connector.capabilities.send is not None
        ]

    async def take_over(self) -> None:
        """Let go of what a process that died was following. Only where no other process can be at work."""
        async with self._database.begin() as tx:
            await accounts.release_leases(tx, None)

    async def run(self) -> None:
        """Take up accounts that nobody follows, and let go of those that are not ours any more; until cancelled."""
        try:
            while True:
                await self._round()
                await self._notifier.wait("accounts", _ROUND_SECONDS)
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
            async with self._database.begin() as tx:
                await accounts.release_leases(tx, self._owner)

    async def _round(self) -> None:
        now = self._now()
        until = to_ms(now + _LEASE)
        async with self._database.begin() as tx:
            ours = await accounts.renew_leases(tx, self._owner, until, list(self._tasks))
            fresh = await accounts.claim_listening(tx, self._owner, to_ms(now), until, _MOST_AT_ONCE, self._providers)
        for account_id in set(self._tasks) - ours:
            self._tasks.pop(account_id).cancel()
        for workspace_id, account_id in fresh:
            if account_id not in self._tasks:
                self._tasks[account_id] = asyncio.create_task(
                    self._follow(workspace_id, account_id), name=f"listen {account_id}"
                )
        for account_id in [account_id for account_id, task in self._tasks.items() if task.done()]:
            self._tasks.pop(account_id)

    async def _follow(self, workspace_id: str, account_id: str) -> None:
        failures = 0
        while True:
            async with self._database.read() as reader:
                account = await accounts.find(reader, workspace_id, account_id)
            if account is None or account.status is not AccountStatus.CONNECTED:
                return
            started = self._now()
            try:
                await self._listen(account)
            except (CredentialsRejected, ActionRequired):
                return
            except PostroomError as error:
                log.warning("listener.stopped", account=account_id, error=type(error).__name__, code=error.code)
            except Exception:
                log.exception("listener.failed", account=account_id)
            failures = 0 if self._now() - started > timedelta(minutes=1) else failures + 1
            await asyncio.sleep(min(60.0, 2.0 ** min(failures, 6)) * random.uniform(0.5, 1.0))

    async def _listen(self, account: Account) -> None:
        async with self._connections.messenger(account) as connection:
            async for event in connection.listen():
                await self._ingest.take(account, [event], origin="realtime")
