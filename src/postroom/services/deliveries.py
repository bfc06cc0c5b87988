"""Deliveries: each webhook endpoint is told of the log, event by event, in its order, from where it stands.

An endpoint reads the log as every other client does, so that an event is durable for it in the moment that it happened,
and nothing has to be queued. What an event is about is joined when it is sent, as it then stands. Before an endpoint
goes on, a receiver has answered with success: after a crash it may be told once more of an event, with the same id.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from datetime import timedelta

import msgspec
import structlog

from postroom.clock import Clock, to_ms
from postroom.connectors.guarded import AddressRefused
from postroom.connectors.http import Http
from postroom.domain.events import Event, EventData, EventType
from postroom.domain.webhooks import (
    DELIVERY_SECONDS,
    MOST_FAILURES,
    Format,
    WebhookEndpoint,
    again_after,
    hex_signature,
    standard_signature,
)
from postroom.errors import ProviderError
from postroom.services.events import Events, Joined
from postroom.store import events as log
from postroom.store import webhooks
from postroom.store.database import Database
from postroom.store.notify import Notifier

_LEASE = timedelta(seconds=20)
_AT_ONCE = 32
_MOST_IN_A_ROW = 100
"""Events told to one endpoint before others that wait have their turn."""
_LOOK_SECONDS = 1.0
_PASS_OVER = timedelta(seconds=2)
_PAUSE_SECONDS = 0.02
"""Between two looks at what is due, however much happens."""
_READ_SECONDS = 1.0

_GONE = 410

_log = structlog.get_logger(__name__)

Payload = Callable[[Joined], bytes | None]
"""The body that tells of an event, in an endpoint's format; None: nothing is said of it."""


class _Failure(msgspec.Struct, frozen=True):
    """Why a delivery did not arrive, as its owner reads it, and for how long the receiver asked us to wait."""

    reason: str
    wait_seconds: float = 0.0


class Deliveries:
    """What this process tells endpoints. One process at a time delivers to an endpoint, under a lease."""

    def __init__(
        self,
        database: Database,
        notifier: Notifier,
        http: Http,
        events: Events,
        payloads: Mapping[Format, Payload],
        now: Clock,
        owner: str,
    ) -> None:
        self._database = database
        self._notifier = notifier
        self._http = http
        self._events = events
        self._payloads = payloads
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
        for workspace_id, endpoint_id in due:
            if endpoint_id in self._running:
                continue
            async with self._database.begin() as tx:
                until = to_ms(now + _LEASE)
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
            body = await self._body(endpoint, event)
            failure = None if body is None else await self._tell(endpoint, event, body)
            if failure is not None:
                await self._failed(endpoint, failure)
                return
            now = self._now()
            until, at = to_ms(now + _LEASE), None if body is None else to_ms(now)
            async with self._database.begin() as tx:
                # Where its owner has put it elsewhere meanwhile, that is where it goes on.
                await webhooks.move(tx, workspace_id, endpoint, self._owner, event.position, until, at)
        async with self._database.begin() as tx:
            await webhooks.release(tx, workspace_id, endpoint_id, self._owner, to_ms(self._now()))

    async def _body(self, endpoint: WebhookEndpoint, event: Event) -> bytes | None:
        (joined,) = await self._events.join(endpoint.workspace_id, [event])
        return self._payloads[endpoint.format](joined)

    async def _tell(self, endpoint: WebhookEndpoint, event: Event, body: bytes) -> _Failure | None:
        """Send one event; None: a receiver has it."""
        async with self._database.read() as reader:
            secret = await webhooks.find_secret(reader, endpoint.workspace_id, endpoint.id)
        if secret is None:
            return _Failure("removed")
        headers = self._headers(endpoint, event, secret, body)
        try:
            async with asyncio.timeout(DELIVERY_SECONDS):
                return await self._send(endpoint.url, headers, body)
        except TimeoutError:
            return _Failure("timeout")
        except AddressRefused:
            return _Failure("address_refused")
        except ProviderError:
            return _Failure("no_answer")

    async def _send(self, url: str, headers: dict[str, str], body: bytes) -> _Failure | None:
        sending = self._http.stream("webhook", "deliver", url, headers=headers, method="POST", content=body)
        async with sending as answer:
            if not 200 <= answer.status < 300:
                wait = answer.headers.get("retry-after", "")
                return _Failure(f"status_{answer.status}", float(wait) if wait.isascii() and wait.isdigit() else 0.0)
            # The status is the answer; its body is read a little for those who would mind that it is not.
            with contextlib.suppress(ProviderError, TimeoutError):
                async with asyncio.timeout(_READ_SECONDS):
                    await answer.answer()
        return None

    def _headers(self, endpoint: WebhookEndpoint, event: Event, secret: str, body: bytes) -> dict[str, str]:
        """Source: PostPost and Publora "Webhooks" (March 2026); Standard Webhooks specification, checked 2026-11-21."""
        timestamp = to_ms(self._now()) // 1000
        headers = {
            "content-type": "application/json",
            "user-agent": "Postroom",
            "webhook-id": event.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": standard_signature(secret, event.id, timestamp, body),
        }
        if endpoint.format is Format.POSTPOST:
            signature = hex_signature(secret, body)
            for vendor in ("X-PostPost", "X-Publora"):
                headers |= {f"{vendor}-Signature": signature, f"{vendor}-Event": event.type}
        return headers

    async def _failed(self, endpoint: WebhookEndpoint, failed: _Failure) -> None:
        """Try again later, and in the end no more; its owner can read why."""
        now = self._now()
        failures = endpoint.failure_count + 1
        gone = failed.reason == f"status_{_GONE}"
        next_at = to_ms(now + again_after(failures, failed.wait_seconds))
        async with self._database.begin() as tx:
            if not await webhooks.fail(
                tx, endpoint.workspace_id, endpoint, self._owner, failed.reason, to_ms(now), next_at
            ):
                return
            if failures < MOST_FAILURES and not gone:
                return
            await webhooks.disable(tx, endpoint.workspace_id, endpoint.id, failed.reason, to_ms(now))
            data = EventData(webhook_id=endpoint.id, reason=failed.reason)
            await self._events.announce(tx, endpoint.workspace_id, EventType.WEBHOOK_DISABLED, data, endpoint.user_id)
        _log.warning("webhook.disabled", webhook=endpoint.id, workspace=endpoint.workspace_id, reason=failed.reason)
