"""Deliveries: each webhook endpoint is told of the log, event by event, in its order, from where it stands.

An endpoint reads the log as every other client does, so that an event is durable for it in the moment that it happened,
and nothing has to be queued. What an event is about is joined when it is sent, as it then stands. Before an endpoint
goes on, a receiver has answered with success: after a crash it may be told once more of an event, with the same id.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import structlog

from postroom.clock import Clock, to_ms
from postroom.domain.events import Event, EventData, EventType
from postroom.domain.webhooks import PATIENCE, Format, WebhookEndpoint, again_after, is_last_try
from postroom.services.events import Events
from postroom.services.telling import Teller, Told, noted
from postroom.store import deliveries, webhooks
from postroom.store import events as log
from postroom.store.database import Database, Tx
from postroom.store.notify import Notifier

_LEASE_BEYOND = timedelta(seconds=10)
"""How much longer than a receiver may take somebody delivers to it."""
_AT_ONCE = 32
_MOST_IN_A_ROW = 100
"""Events told to one endpoint before others that wait have their turn."""
_LOOK_SECONDS = 1.0
_PASS_OVER = timedelta(seconds=2)
_PAUSE_SECONDS = 0.02
"""Between two looks at what is due, however much happens."""
_GONE = 410

_log = structlog.get_logger(__name__)


class Deliveries:
    """What this process tells endpoints. One process at a time delivers to an endpoint, under a lease."""

    def __init__(
        self,
        database: Database,
        notifier: Notifier,
        teller: Teller,
        events: Events,
        now: Clock,
        owner: str,
    ) -> None:
        self._database = database
        self._notifier = notifier
        self._teller = teller
        self._events = events
        self._now = now
        self._owner = owner
        self._running: dict[str, asyncio.Task[None]] = {}
        self._passed_over_at = now()

    async def take_over(self) -> None:
        """Let go of what a process that died was delivering. Only where no other process can be at work."""
        async with self._database.begin() as tx:
            await webhooks.release_leases(tx, None)

    async def run(self) -> None:
        """Deliver until cancelled. What is on its way then is sent again by whoever comes next."""
        try:
            while True:
                async with self._database.read() as reader:
                    # Where there is nobody to tell, what happens wakes nobody here.
                    topic = "events:*" if await webhooks.any_active(reader) else "webhooks"
                # It waits already while it looks: what happens meanwhile wakes it.
                waiting = asyncio.ensure_future(self._notifier.wait(topic, _LOOK_SECONDS))
                try:
                    await asyncio.sleep(_PAUSE_SECONDS)
                    await self._begin()
                    await asyncio.wait({waiting, *self._running.values()}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    waiting.cancel()
        finally:
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)
            self._running.clear()
            async with self._database.begin() as tx:
                await webhooks.release_leases(tx, self._owner)

    async def deliver_due(self) -> None:
        """Deliver what is due now, and no more."""
        while await self._begin():
            await asyncio.wait(self._running.values())

    async def _begin(self) -> int:
        """Begin with endpoints that are due; how many."""
        for endpoint_id, task in list(self._running.items()):
            if task.done():
                del self._running[endpoint_id]
                # What stopped it stops all of it: whoever runs this begins again.
                task.result()
        now = self._now()
        async with self._database.read() as reader:
            due = await webhooks.list_due(reader, to_ms(now), _AT_ONCE - len(self._running))
        begun = 0
        for workspace_id, endpoint_id, format in due:
            if endpoint_id in self._running:
                continue
            async with self._database.begin() as tx:
                until = self._leased(format)
                ours = await webhooks.claim(tx, workspace_id, endpoint_id, self._owner, to_ms(now), until)
            if ours:
                serving = self._serve(workspace_id, endpoint_id)
                self._running[endpoint_id] = asyncio.create_task(serving, name=f"deliveries {endpoint_id}")
                begun += 1
        if now >= self._passed_over_at + _PASS_OVER:
            self._passed_over_at = now
            async with self._database.read() as reader:
                anyone = await webhooks.any_active(reader)
            if not anyone:
                return begun
            async with self._database.begin() as tx:
                await webhooks.pass_over(tx, to_ms(now))
        return begun

    async def _serve(self, workspace_id: str, endpoint_id: str) -> None:
        """Tell an endpoint of what is ahead of it, until nothing is, it fails, or others have waited long enough."""
        for _ in range(_MOST_IN_A_ROW):
            async with self._database.read() as reader:
                endpoint = await webhooks.find(reader, workspace_id, endpoint_id)
                if endpoint is None or not endpoint.active:
                    break
                found = await log.after(reader, workspace_id, endpoint.position, 1, endpoint.only_user, endpoint.types)
            if not found:
                break
            (event,) = found
            told: list[Told] = []
            for telling in await self._teller.tellings(endpoint, event):
                told.append(await self._teller.tell(endpoint, event.id, event.type, telling))
                if told[-1].failure is not None:
                    await self._failed(endpoint, event, told)
                    return
            until, at = self._leased(endpoint.format), to_ms(self._now()) if told else None
            async with self._database.begin() as tx:
                # Where its owner has put it elsewhere meanwhile, that is where it goes on.
                await webhooks.move(tx, workspace_id, endpoint, self._owner, event.position, until, at)
                await self._note(tx, endpoint, event, told)
        async with self._database.begin() as tx:
            await webhooks.release(tx, workspace_id, endpoint_id, self._owner, to_ms(self._now()))

    def _leased(self, format: Format) -> int:
        """Until when an endpoint is ours."""
        return to_ms(self._now() + timedelta(seconds=PATIENCE[format].seconds) + _LEASE_BEYOND)

    async def _note(self, tx: Tx, endpoint: WebhookEndpoint, event: Event, told: Sequence[Told]) -> None:
        for each in told:
            if each.failure != "removed":
                note = noted(endpoint, event.id, event.type, event.position, each, self._now())
                await deliveries.add(tx, note)

    async def _failed(self, endpoint: WebhookEndpoint, event: Event, told: Sequence[Told]) -> None:
        """Try again later, and in the end no more; its owner can read why."""
        now, failed = self._now(), told[-1]
        reason = failed.failure or ""
        failures = endpoint.failure_count + 1
        gone = reason == f"status_{_GONE}"
        last = is_last_try(endpoint.format, failures)
        passed_over = last and not gone and PATIENCE[endpoint.format].passes_over
        next_at = to_ms(now + again_after(endpoint.format, failures, failed.wait_seconds))
        async with self._database.begin() as tx:
            if passed_over:
                until = self._leased(endpoint.format)
                await webhooks.move(tx, endpoint.workspace_id, endpoint, self._owner, event.position, until, None)
            if not await webhooks.fail(tx, endpoint.workspace_id, endpoint, self._owner, reason, to_ms(now), next_at):
                return
            await self._note(tx, endpoint, event, told)
            if passed_over:
                data = EventData(webhook_id=endpoint.id, event_id=event.id, reason=reason)
                passed = EventType.WEBHOOK_PASSED_OVER
                await self._events.announce(tx, endpoint.workspace_id, passed, data, endpoint.user_id)
                return
            if not last and not gone:
                return
            await webhooks.disable(tx, endpoint.workspace_id, endpoint.id, reason, to_ms(now))
            data = EventData(webhook_id=endpoint.id, reason=reason)
            await self._events.announce(tx, endpoint.workspace_id, EventType.WEBHOOK_DISABLED, data, endpoint.user_id)
        _log.warning("webhook.disabled", webhook=endpoint.id, workspace=endpoint.workspace_id, reason=reason)
