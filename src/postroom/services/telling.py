"""How a receiver is told of an event: joined as it stands when it is sent, signed, and sent once."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

import msgspec

from postroom.clock import Clock, to_ms
from postroom.connectors.guarded import AddressRefused
from postroom.connectors.http import Http, Stream
from postroom.domain.events import Event
from postroom.domain.webhooks import (
    PATIENCE,
    Delivery,
    Format,
    Occasion,
    WebhookEndpoint,
    hex_signature,
    standard_signature,
)
from postroom.errors import ProviderError
from postroom.ids import new_id
from postroom.services.events import Events, Joined
from postroom.store import webhooks
from postroom.store.database import Database

_READ_SECONDS = 1.0
_MOST_HEARD = 4_096


class Telling(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent to a receiver of one event."""

    body: bytes
    content_type: str = "application/json"
    mark: str = ""
    """What is added to the event's id, where there is more than one to send."""


Payload = Callable[[WebhookEndpoint, Joined], Awaitable[Sequence[Telling]]]
"""What tells an endpoint of an event, in its format and in this order; empty: nothing is said of it."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one telling."""

    failure: str | None = None
    """Why it did not arrive, as its owner reads it: `status_500`, `timeout`, `no_answer`, `address_refused`, `removed`."""
    status: int | None = None
    took_ms: int = 0
    wait_seconds: float = 0.0
    """For how long the receiver asked us to wait."""
    answer: bytes = b""
    """How its answer begins, where it was listened to. It is kept nowhere: it may repeat what it was told."""


class Teller:
    """Sends to receivers, whoever asks for it: the deliveries of the log, or an owner who tries one."""

    def __init__(
        self, database: Database, http: Http, events: Events, payloads: Mapping[Format, Payload], now: Clock
    ) -> None:
        self._database = database
        self._http = http
        self._events = events
        self._payloads = payloads
        self._now = now

    async def tellings(self, endpoint: WebhookEndpoint, event: Event) -> Sequence[Telling]:
        """What there is to tell an endpoint of an event, as things now stand; empty: nothing."""
        wanted = endpoint.wishes.account_ids
        if wanted and event.data.account_id not in wanted:
            return ()
        (joined,) = await self._events.join(endpoint.workspace_id, [event])
        return await self._payloads[endpoint.format](endpoint, joined)

    async def tell(
        self, endpoint: WebhookEndpoint, event_id: str, type: str, telling: Telling, *, listen: bool = False
    ) -> Told:
        """Send one. `listen`: hear what is answered, too."""
        async with self._database.read() as reader:
            secret = await webhooks.find_secret(reader, endpoint.workspace_id, endpoint.id)
        if secret is None:
            return Told(failure="removed")
        headers = self._headers(endpoint, event_id, type, secret, telling)
        began = time.perf_counter()
        try:
            async with asyncio.timeout(PATIENCE[endpoint.format].seconds):
                told = await self._send(endpoint.url, headers, telling.body, listen)
        except TimeoutError:
            told = Told(failure="timeout")
        except AddressRefused:
            told = Told(failure="address_refused")
        except ProviderError:
            told = Told(failure="no_answer")
        return msgspec.structs.replace(told, took_ms=round((time.perf_counter() - began) * 1000))

    async def _send(self, url: str, headers: dict[str, str], body: bytes, listen: bool) -> Told:
        sending = self._http.stream("webhook", "deliver", url, headers=headers, method="POST", content=body)
        async with sending as answer:
            if not 200 <= answer.status < 300:
                wait = answer.headers.get("retry-after", "")
                return Told(
                    failure=f"status_{answer.status}",
                    status=answer.status,
                    wait_seconds=float(wait) if wait.isascii() and wait.isdigit() else 0.0,
                    answer=await _beginning(answer) if listen else b"",
                )
            # The status is the answer; its body is read a little for those who would mind that it is not.
            return Told(status=answer.status, answer=await _beginning(answer))

    def _headers(
        self, endpoint: WebhookEndpoint, event_id: str, type: str, secret: str, telling: Telling
    ) -> dict[str, str]:
        """Source: PostPost and Publora "Webhooks" (March 2026); ConnectSafely "Webhooks: security" (2026); Standard
        Webhooks specification, checked 2026-11-21.
        """
        timestamp, id, body = to_ms(self._now()) // 1000, event_id + telling.mark, telling.body
        headers = {"content-type": telling.content_type, "user-agent": "Postroom"}
        headers |= {name.lower(): value for name, value in endpoint.wishes.headers}
        headers |= {
            "webhook-id": id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": standard_signature(secret, id, timestamp, body),
        }
        if endpoint.format is Format.CONNECTSAFELY:
            headers["X-Webhook-Signature"] = f"sha256={hex_signature(secret, body)}"
        if endpoint.format is Format.POSTPOST:
            signature = hex_signature(secret, body)
            for vendor in ("X-PostPost", "X-Publora"):
                headers |= {f"{vendor}-Signature": signature, f"{vendor}-Event": type}
        return headers


def noted(
    endpoint: WebhookEndpoint,
    event_id: str,
    type: str,
    position: int | None,
    told: Told,
    at: datetime,
    occasion: Occasion = Occasion.EVENT,
) -> Delivery:
    """What is kept of a telling."""
    return Delivery(
        id=new_id("dlv", at),
        workspace_id=endpoint.workspace_id,
        webhook_id=endpoint.id,
        event_id=event_id,
        event_type=type,
        position=position,
        occasion=occasion,
        failure=told.failure,
        status=told.status,
        took_ms=told.took_ms,
        tried_at=to_ms(at),
    )


async def _beginning(answer: Stream) -> bytes:
    """The first bytes of it, for as long as one waits for them."""
    heard = b""
    with contextlib.suppress(ProviderError, TimeoutError):
        async with asyncio.timeout(_READ_SECONDS):
            async for chunk in answer.chunks():
                heard += chunk
                if len(heard) >= _MOST_HEARD:
                    break
    return heard[:_MOST_HEARD]
