"""What was tried to tell an endpoint, for its owner to read; and to try again: one event told anew, or a test."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from postroom.clock import Clock, iso, to_ms
from postroom.domain.access import Caller
from postroom.domain.events import Event
from postroom.domain.pages import Listing, check_limit, decode_cursor, listing
from postroom.domain.webhooks import Delivery, Occasion, WebhookEndpoint
from postroom.errors import Kind, NotFound
from postroom.ids import is_id, new_id
from postroom.services.telling import Teller, Telling, noted
from postroom.services.webhooks import Webhooks
from postroom.store import deliveries
from postroom.store import events as log
from postroom.store.database import Database

MOST = 100
TEST = "webhook.test"
"""What a test says it is: no type of the log."""


class _Filters(msgspec.Struct, frozen=True, kw_only=True):
    failed: bool


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """A try, with what was said and answered: that is shown to who made it, and kept nowhere."""

    delivery: Delivery
    request: bytes
    content_type: str
    answer: bytes


class DeliveryLog:
    """Of the caller's own endpoints. What is tried here counts neither as a failure nor as told."""

    def __init__(self, database: Database, webhooks: Webhooks, teller: Teller, now: Clock) -> None:
        self._database = database
        self._webhooks = webhooks
        self._teller = teller
        self._now = now

    async def list(
        self, caller: Caller, endpoint_id: str, *, failed: bool = False, cursor: str | None = None, limit: int = 50
    ) -> Listing[Delivery]:
        """What was tried, newest first; `failed`: only what did not arrive.

        Raises:
            NotFound: no such endpoint of the user's.
        """
        before = None
        if cursor is not None:
            start = decode_cursor(cursor, _Filters)
            failed, limit, before = start.filters.failed, start.limit, start.cursor[1]
        check_limit(limit, MOST)
        endpoint = await self._webhooks.get(caller, endpoint_id)
        async with self._database.read() as reader:
            found = await deliveries.list_page(
                reader, endpoint.workspace_id, endpoint.id, failed=failed, before=before, limit=limit + 1
            )
        return listing(found, limit, _Filters(failed=failed), lambda each: (each.tried_at, each.id))

    async def get(self, caller: Caller, endpoint_id: str, delivery_id: str) -> Delivery:
        """Raises:
        NotFound: no such delivery to an endpoint of the user's.
        """
        endpoint = await self._webhooks.get(caller, endpoint_id)
        return await self._get(endpoint, delivery_id)

    async def said(self, caller: Caller, endpoint_id: str, delivery_id: str) -> Sequence[Telling]:
        """What the endpoint would be told of that event now; empty: nothing, any more.

        Raises:
            NotFound: no such delivery to an endpoint of the user's.
        """
        endpoint = await self._webhooks.get(caller, endpoint_id)
        delivery = await self._get(endpoint, delivery_id)
        if delivery.position is None:
            return [_test(endpoint, delivery.event_id, self._now())]
        event = await self._event(endpoint, delivery)
        return () if event is None else await self._teller.tellings(endpoint, event)

    async def replay(self, caller: Caller, endpoint_id: str, delivery_id: str) -> Sequence[Tried]:
        """Tell the event of that delivery again, at once and once, with the same id; where the endpoint stands stays.

        Raises:
            NotFound: no such delivery to an endpoint of the user's, or nothing is left to tell of its event.
        """
        endpoint = await self._webhooks.get(caller, endpoint_id)
        delivery = await self._get(endpoint, delivery_id)
        if delivery.position is None:
            return [await self.test(caller, endpoint_id)]
        event = await self._event(endpoint, delivery)
        tellings = () if event is None else await self._teller.tellings(endpoint, event)
        if event is None or not tellings:
            raise NotFound("Nothing is left to tell of that event.", kind=Kind.WEBHOOK)
        return [
            await self._try(endpoint, event.id, event.type, event.position, Occasion.REPLAY, each) for each in tellings
        ]

    async def test(self, caller: Caller, endpoint_id: str) -> Tried:
        """Send what says that it is a test, signed as everything else is.

        Raises:
            NotFound: no such endpoint of the user's.
        """
        endpoint = await self._webhooks.get(caller, endpoint_id)
        now = self._now()
        event_id = new_id("evt", now)
        return await self._try(endpoint, event_id, TEST, None, Occasion.TEST, _test(endpoint, event_id, now))

    async def _get(self, endpoint: WebhookEndpoint, delivery_id: str) -> Delivery:
        found = None
        if is_id("dlv", delivery_id):
            async with self._database.read() as reader:
                found = await deliveries.find(reader, endpoint.workspace_id, endpoint.id, delivery_id)
        if found is None:
            raise NotFound("No such delivery.", kind=Kind.WEBHOOK)
        return found

    async def _event(self, endpoint: WebhookEndpoint, delivery: Delivery) -> Event | None:
        position = delivery.position or 0
        async with self._database.read() as reader:
            found = await log.after(reader, endpoint.workspace_id, position - 1, 1, endpoint.only_user)
        return found[0] if found and found[0].id == delivery.event_id else None

    async def _try(
        self,
        endpoint: WebhookEndpoint,
        event_id: str,
        type: str,
        position: int | None,
        occasion: Occasion,
        telling: Telling,
    ) -> Tried:
        told = await self._teller.tell(endpoint, event_id, type, telling, listen=True)
        delivery = noted(endpoint, event_id, type, position, told, self._now(), occasion)
        async with self._database.begin() as tx:
            await deliveries.add(tx, delivery)
        return Tried(delivery=delivery, request=telling.body, content_type=telling.content_type, answer=told.answer)


def _test(endpoint: WebhookEndpoint, event_id: str, at: datetime) -> Telling:
    """Each dialect's receivers find their word for the kind of an event: `type` or `event`."""
    said = {
        "event": TEST,
        "type": TEST,
        "id": event_id,
        "timestamp": iso(to_ms(at)),
        "data": {"webhook_id": endpoint.id},
    }
    return Telling(body=msgspec.json.encode(said))
