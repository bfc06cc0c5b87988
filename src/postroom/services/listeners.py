"""Listeners: one for each connected account that has chats, under a lease, restarted with backoff.

What an account shows is what is so: `connected` while its listener hears, `reconnecting` seconds after it does not.
"""

import asyncio
import random

import structlog

from postroom.clock import Clock, to_ms
from postroom.domain.accounts import IN_USE, Account, AccountStatus
from postroom.domain.remote import Closed
from postroom.errors import ActionRequired, CredentialsRejected, PostroomError, ProxyRefused
from postroom.services.connections import LEASE, Connections
from postroom.services.ingest import Ingest
from postroom.store import accounts
from postroom.store.database import Database
from postroom.store.notify import Notifier

_ROUND_SECONDS = 5.0
_MOST_AT_ONCE = 50
_LONGEST_PAUSE_SECONDS = 60.0
_SETTLED_SECONDS = 60.0
CLOSED_SECONDS = 3.0
"""How long nothing may be heard before the account shows it: networks end their streams now and then."""
QUIET_SECONDS = 30.0
"""After so long without a word of its being closed, a listener that has heard nothing yet is taken to hear."""

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
        self._proxies: dict[str, int] = {}
        """How often the proxy of each had been changed when its task began."""
        self._providers = [
            name for name, connector in connections.connectors().items() if connector.capabilities.send is not None
        ]

    def stay_away(self) -> None:
        """This process listens to nobody."""
        self._connections.answers_only = True

    async def take_over(self) -> None:
        """Let go of what a process that died was following. Only where no other process can be at work."""
        async with self._database.begin() as tx:
            await accounts.release_leases(tx, None)

    async def run(self) -> None:
        """Take up accounts that nobody follows, and let go of those that are not ours any more; until cancelled."""
        try:
            while True:
                # It waits already while it looks: what changes meanwhile wakes it.
                news = asyncio.create_task(self._notifier.wait("accounts", _ROUND_SECONDS))
                await asyncio.sleep(0)
                try:
                    if not await self._round():
                        await news
                finally:
                    news.cancel()
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
            async with self._database.begin() as tx:
                await accounts.release_leases(tx, self._owner)

    async def _round(self) -> bool:
        """Whether there may be more to take up."""
        now = self._now()
        until = to_ms(now + LEASE)
        ended = [account_id for account_id, task in self._tasks.items() if task.done()]
        for account_id in ended:
            self._tasks.pop(account_id)
            self._proxies.pop(account_id)
        async with self._database.begin() as tx:
            ours = await accounts.renew_leases(tx, self._owner, until, list(self._tasks))
        # One whose proxy is another now is let go as well, and taken up again by that.
        kept = {account_id for account_id, changes in ours.items() if self._proxies[account_id] == changes}
        lost = {account_id: self._tasks.pop(account_id) for account_id in set(self._tasks) - kept}
        for account_id, task in lost.items():
            self._proxies.pop(account_id)
            task.cancel()
        if lost:
            # Before any of them is taken up again: never two listeners of one account.
            await asyncio.wait(lost.values())
        async with self._database.begin() as tx:
            await accounts.release_leases(tx, self._owner, [*ended, *lost])
            fresh = await accounts.claim_listening(
                tx, self._owner, to_ms(now), until, _MOST_AT_ONCE, self._providers, following=list(self._tasks)
            )
        for workspace_id, account_id, changes in fresh:
            held = self._tasks.get(account_id)
            if held is None or held.done():
                task = asyncio.create_task(self._follow(workspace_id, account_id), name=f"listen {account_id}")
                task.add_done_callback(lambda _: self._notifier.wake_here("accounts"))
                self._tasks[account_id] = task
                self._proxies[account_id] = changes
        return len(fresh) == _MOST_AT_ONCE

    async def _follow(self, workspace_id: str, account_id: str) -> None:
        failures = 0
        line = _Line(self._connections, workspace_id, account_id)
        loop = asyncio.get_running_loop()
        try:
            while True:
                async with self._database.read() as reader:
                    account = await accounts.find(reader, workspace_id, account_id)
                if account is None or account.status not in IN_USE:
                    return
                started = loop.time()
                reason = "the network ended it"
                try:
                    await self._listen(account, line)
                except (CredentialsRejected, ActionRequired, ProxyRefused):
                    return
                except PostroomError as error:
                    reason = error.code
                    log.warning("listener.stopped", account=account_id, error=type(error).__name__, code=error.code)
                except Exception:
                    reason = "unexpected_error"
                    log.exception("listener.failed", account=account_id)
                line.closed(reason)
                failures = 0 if loop.time() - started > _SETTLED_SECONDS else failures + 1
                await asyncio.sleep(min(_LONGEST_PAUSE_SECONDS, 2.0 ** min(failures, 6)) * random.uniform(0.5, 1.0))
        finally:
            await line.end()

    async def _listen(self, account: Account, line: "_Line") -> None:
        async with self._connections.messenger(account) as connection:
            line.begun(account.status)
            async for event in connection.listen():
                if isinstance(event, Closed):
                    log.info("listener.closed", account=account.id, reason=event.reason)
                    line.closed(event.code)
                    continue
                line.opened()
                await self._ingest.take(account, [event], origin="realtime")


class _Line:
    """Whether an account is heard at the moment, and what it shows of that."""

    def __init__(self, connections: Connections, workspace_id: str, account_id: str) -> None:
        self._connections = connections
        self._workspace_id = workspace_id
        self._account_id = account_id
        self._hears: bool | None = None
        self._telling: asyncio.Task[None] | None = None

    def begun(self, shown: AccountStatus) -> None:
        """It is about to listen; the account shows this."""
        if self._hears is None and shown is AccountStatus.RECONNECTING:
            self._tell(AccountStatus.CONNECTED, None, after_seconds=QUIET_SECONDS)

    def opened(self) -> None:
        """Something was heard."""
        if self._hears is not True:
            self._hears = True
            self._tell(AccountStatus.CONNECTED, None, after_seconds=0)

    def closed(self, reason: str) -> None:
        """Nothing is heard."""
        if self._hears is not False:
            self._hears = False
            self._tell(AccountStatus.RECONNECTING, reason, after_seconds=CLOSED_SECONDS)

    def _tell(self, status: AccountStatus, reason: str | None, *, after_seconds: float) -> None:
        if self._telling is not None:
            self._telling.cancel()
        self._telling = asyncio.create_task(self._told(status, reason, after_seconds))

    async def _told(self, status: AccountStatus, reason: str | None, after_seconds: float) -> None:
        await asyncio.sleep(after_seconds)
        while True:
            try:
                # Only between these two: who paused the account, or found its session to be over, has the last word.
                await self._connections.set_status(
                    self._workspace_id, self._account_id, status, reason, only_from=IN_USE
                )
                return
            except Exception:
                log.exception("listener.status_not_kept", account=self._account_id)
                await asyncio.sleep(1.0)

    async def end(self) -> None:
        """Nobody listens any more on this line."""
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.gather(self._telling, return_exceptions=True)
