"""Deliveries of our own API's webhooks: what was tried, one event told again, and a test."""

import msgspec
from msgspec import UNSET, UnsetType

from postroom.clock import iso
from postroom.dialects.operation import Operation, Parameter
from postroom.dialects.request import Request
from postroom.domain import webhooks
from postroom.domain.access import Scope
from postroom.domain.webhooks import Format
from postroom.services.delivery_log import MOST
from postroom.services.delivery_log import Tried as FoundTried
from postroom.services.house import Services

_ERRORS = frozenset({400, 401, 403, 404, 500, 503})
_MINE = Format.NATIVE


class Delivery(msgspec.Struct, kw_only=True):
    """One try to tell a webhook. Of what was said and answered nothing is kept."""

    id: str
    event_id: str
    event_type: str
    """A type of the log, or `webhook.test`."""
    position: int | None
    """The event's place in the log; null: it was a test."""
    occasion: str
    """`event`, `replay` or `test`."""
    failure: str | None
    """Why it did not arrive: `status_500`, `timeout`, `no_answer`, `address_refused`; null: it did."""
    status: int | None
    took_ms: int
    tried_at: str


class Deliveries(msgspec.Struct, kw_only=True):
    items: list[Delivery]
    cursor: str | None


class Tried(msgspec.Struct, kw_only=True):
    """A try that was asked for, with what was said and how the answer begins, this once."""

    delivery: Delivery
    request: str | UnsetType = UNSET
    answer: str | UnsetType = UNSET


def _delivery(found: webhooks.Delivery) -> Delivery:
    return Delivery(
        id=found.id,
        event_id=found.event_id,
        event_type=found.event_type,
        position=found.position,
        occasion=found.occasion,
        failure=found.failure,
        status=found.status,
        took_ms=found.took_ms,
        tried_at=iso(found.tried_at),
    )


def _tried(found: FoundTried) -> Tried:
    said, answered = found.request.decode(errors="replace"), found.answer.decode(errors="replace")
    return Tried(delivery=_delivery(found.delivery), request=said, answer=answered)


def _kept(made: Tried) -> Tried:
    return Tried(delivery=made.delivery)


async def list_deliveries(services: Services, request: Request) -> Deliveries:
    endpoint = await services.webhooks.get(request.caller, request.path["id"], _MINE)
    found = await services.delivery_log.list(
        request.caller,
        endpoint.id,
        failed=request.flag("failed") or False,
        cursor=request.text("cursor"),
        limit=request.integer("limit", 50, 1, MOST),
    )
    return Deliveries(items=[_delivery(each) for each in found.items], cursor=found.next)


async def replay_delivery(services: Services, request: Request) -> Tried:
    endpoint = await services.webhooks.get(request.caller, request.path["id"], _MINE)
    tried = await services.delivery_log.replay(request.caller, endpoint.id, request.path["delivery_id"])
    return _tried(tried[0])


async def test_webhook_endpoint(services: Services, request: Request) -> Tried:
    endpoint = await services.webhooks.get(request.caller, request.path["id"], _MINE)
    return _tried(await services.delivery_log.test(request.caller, endpoint.id))


_ID = {"id": "The webhook's id: 24 hexadecimal digits."}
_ONCE = "With an Idempotency-Key that came before, the answer has the delivery alone: the rest is stored nowhere."

OPERATIONS = (
    Operation(
        name="list_deliveries",
        method="GET",
        path="/webhooks/{id}/deliveries",
        summary="List what was tried to tell a webhook in the last seven days, newest first.",
        handler=list_deliveries,
        answer=Deliveries,
        errors=_ERRORS,
        parameters=(
            Parameter(name="cursor", summary="Where the page before ended."),
            Parameter(name="limit", summary=f"How many at most: 1 to {MOST}, 50 if not said.", kind=int),
            Parameter(name="failed", summary="True: only what did not arrive.", kind=bool),
        ),
        path_values=_ID,
    ),
    Operation(
        name="replay_delivery",
        method="POST",
        path="/webhooks/{id}/deliveries/{delivery_id}/replay",
        summary="Tell the event of a delivery again, at once and once, as it now stands and with the same id.",
        docs="It neither counts as a failure nor moves the webhook on. 404: nothing is left to tell. " + _ONCE,
        scope=Scope.LINK,
        handler=replay_delivery,
        answer=Tried,
        keep=_kept,
        errors=_ERRORS,
        path_values=_ID | {"delivery_id": "The delivery's id, such as `dlv_01HXYZ4QK3WJ8FN3M6QH7TZ8GR`."},
    ),
    Operation(
        name="test_webhook_endpoint",
        method="POST",
        path="/webhooks/{id}/test",
        summary="Send what says that it is a test, signed as everything else is.",
        docs="It neither counts as a failure nor moves the webhook on. " + _ONCE,
        scope=Scope.LINK,
        handler=test_webhook_endpoint,
        answer=Tried,
        keep=_kept,
        errors=_ERRORS,
        path_values=_ID,
    ),
)
