"""What was tried to tell a webhook, in our own API: read, told again, and a test."""

import msgspec

from postroom.clock import iso
from postroom.dialects.native.chats import PAGE
from postroom.dialects.operation import Operation, Parameter
from postroom.dialects.request import Request
from postroom.domain.access import Scope
from postroom.domain.webhooks import Delivery as DomainDelivery
from postroom.services.delivery_log import MOST
from postroom.services.house import Services

_ONE = frozenset({400, 401, 403, 404, 500, 503})


class Delivery(msgspec.Struct, kw_only=True):
    """One try. Of what was said and answered nothing is kept. `occasion`: event, replay or test."""

    id: str
    webhook_id: str
    event_id: str
    event_type: str
    position: int | None
    """The event's place in the log; null: it was a test."""
    occasion: str
    failure: str | None
    """Why it did not arrive; null: it did."""
    status: int | None
    took_ms: int
    tried_at: str


class Deliveries(msgspec.Struct, kw_only=True):
    items: list[Delivery]
    cursor: str | None


class Tries(msgspec.Struct, kw_only=True):
    """An event is one try, or several where the webhook is told of it in pieces."""

    items: list[Delivery]


async def list_webhook_deliveries(services: Services, request: Request) -> Deliveries:
    found = await services.delivery_log.list(
        request.caller,
        request.path["id"],
        failed=request.flag("failed") or False,
        cursor=request.text("cursor"),
        limit=request.integer("limit", 50, 1, MOST),
    )
    return Deliveries(items=[_delivery(each) for each in found.items], cursor=found.next)


async def replay_webhook_delivery(services: Services, request: Request) -> Tries:
    found = await services.delivery_log.replay(request.caller, request.path["id"], request.path["delivery_id"])
    return Tries(items=[_delivery(each.delivery) for each in found])


async def send_webhook_test(services: Services, request: Request) -> Delivery:
    return _delivery((await services.delivery_log.test(request.caller, request.path["id"])).delivery)


def _delivery(found: DomainDelivery) -> Delivery:
    return Delivery(
        id=found.id,
        webhook_id=found.webhook_id,
        event_id=found.event_id,
        event_type=found.event_type,
        position=found.position,
        occasion=found.occasion,
        failure=found.failure,
        status=found.status,
        took_ms=found.took_ms,
        tried_at=iso(found.tried_at),
    )


_ID = {"id": "The webhook's id: 24 hexadecimal digits."}

OPERATIONS = (
    Operation(
        name="list_webhook_deliveries",
        method="GET",
        path="/webhooks/{id}/deliveries",
        summary="List what was tried to tell a webhook in the last week, newest first.",
        handler=list_webhook_deliveries,
        answer=Deliveries,
        errors=_ONE,
        parameters=(
            PAGE[0],
            Parameter(name="limit", summary=f"How many at most: 1 to {MOST}, 50 if not said.", kind=int),
            Parameter(name="failed", summary="Only what did not arrive.", kind=bool),
        ),
        path_values=_ID,
    ),
    Operation(
        name="replay_webhook_delivery",
        method="POST",
        path="/webhooks/{id}/deliveries/{delivery_id}/replay",
        summary="Tell the event of a delivery again, at once and once, as it now stands, with the same id.",
        docs="Where the webhook is in the log does not change. 404: nothing is left to tell of that event.",
        scope=Scope.LINK,
        handler=replay_webhook_delivery,
        answer=Tries,
        errors=_ONE,
        path_values=_ID | {"delivery_id": "The delivery's id, such as `dlv_01HXYZ4QK3WJ8FN3M6QH7TZ8GR`."},
    ),
    Operation(
        name="send_webhook_test",
        method="POST",
        path="/webhooks/{id}/test",
        summary="Send a webhook what says that it is a test, signed as everything else is, and hear how it went.",
        scope=Scope.LINK,
        handler=send_webhook_test,
        answer=Delivery,
        errors=_ONE,
        path_values=_ID,
    ),
)
