"""The operations of ConnectSafely: LinkedIn conversations by URN, under `/linkedin`, with a bearer token."""

import msgspec

from postroom.clock import Clock
from postroom.dialects.connectsafely import (
    operations_accounts,
    operations_conversations,
    operations_deprecated,
    operations_messages,
    outside,
    webhooks,
    wire,
)
from postroom.dialects.connectsafely.errors import Error, failure
from postroom.dialects.connectsafely.pacing import Pacing
from postroom.dialects.openapi import served
from postroom.dialects.operation import Application, Dialect, Operation
from postroom.dialects.request import Request
from postroom.domain.access import Caller
from postroom.services.house import Services


async def authenticate(services: Services, request: Request) -> Caller:
    """`Authorization: Bearer`."""
    caller = await services.access.resolve(request.bearer)
    services.access.require_api(caller, "api")
    return caller


async def health(services: Services, request: Request) -> wire.Health:
    return wire.Health(status="ok" if await services.health.ready() else "failing")


OPERATIONS = (
    *operations_messages.OPERATIONS,
    *operations_conversations.OPERATIONS,
    *operations_accounts.OPERATIONS,
    *operations_deprecated.OPERATIONS,
    *webhooks.OPERATIONS,
    Operation(
        name="health",
        method="GET",
        path="/health",
        summary="Whether the server can do its work.",
        scope=None,
        handler=health,
        answer=wire.Health,
        errors=frozenset({500}),
    ),
    *outside.OPERATIONS,
)

DIALECT = Dialect(
    name="connectsafely",
    title="Postroom, as ConnectSafely",
    docs="LinkedIn conversations and messages by URN. `/connectsafely/linkedin/ws` is a WebSocket that tells of "
    "every change; its `seq` is where to resume from, as `?after=`.\n\nEvery failure has `error`, a sentence, and "
    "beside it `code`, which is stable. What the vendor has and this server has not is 501 at its path.\n\n"
    "A key may ask 100 times at once and 60 times a minute, and change something of one account 15 times a minute; "
    "`X-RateLimit-...` say what is left. Sandboxes do not count unless they are told to.",
    base="/connectsafely",
    operations=OPERATIONS,
    authenticate=authenticate,
    failure=failure,
    failure_type=Error,
    security={"bearer": {"type": "http", "scheme": "bearer"}},
)


def dialect(services: Services, *, body_limit_bytes: int = 1 << 20, paced: Clock | None = None) -> Application:
    """ConnectSafely as an ASGI application. It looks at the whole path, `/connectsafely` included.

    `paced`: the clock by which requests are counted; None: they are not.
    """
    made = DIALECT if paced is None else msgspec.structs.replace(DIALECT, pace=Pacing(paced))
    return served(made, services, body_limit_bytes)
