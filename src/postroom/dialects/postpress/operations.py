"""PostPress as one table: its operations by noun, and how its key is read."""

from typing import Any

from postroom.dialects.openapi import served
from postroom.dialects.operation import Application, Dialect
from postroom.dialects.postpress import (
    operations_accounts,
    operations_attendees,
    operations_chats,
    operations_messages,
    operations_users,
    outside,
    webhooks,
)
from postroom.dialects.postpress.errors import Error, failure
from postroom.dialects.request import Request
from postroom.domain.access import Caller
from postroom.services.house import Services

OPERATIONS = (
    *operations_messages.OPERATIONS,
    *operations_accounts.OPERATIONS,
    *operations_chats.OPERATIONS,
    *operations_attendees.OPERATIONS,
    *operations_users.OPERATIONS,
    *webhooks.OPERATIONS,
    *outside.OPERATIONS,
)


async def authenticate(services: Services, request: Request) -> Caller:
    """`X-API-KEY`, or `Authorization: Bearer`."""
    caller = await services.access.resolve(request.header(b"x-api-key") or request.bearer)
    services.access.require_api(caller, "api")
    return caller


_SECURITY: dict[str, Any] = {
    "key": {"type": "apiKey", "in": "header", "name": "X-API-KEY"},
    "bearer": {"type": "http", "scheme": "bearer"},
}

DIALECT = Dialect(
    name="postpress",
    title="Postroom, as PostPress",
    docs="Accounts, chats and messages. Every path is served under `/v1` and under `/api/v1`.\n\n"
    "An operation answers the statuses of its page and no other; besides them 429, and where an Idempotency-Key is "
    "sent 409 (in flight) and 422 (it came with another request).",
    base="/postpress",
    prefixes=("/v1", "/api/v1"),
    operations=OPERATIONS,
    authenticate=authenticate,
    failure=failure,
    failure_type=Error,
    lists_nearest=True,
    security=_SECURITY,
)


def dialect(services: Services, *, body_limit_bytes: int = 1 << 20) -> Application:
    """PostPress as an ASGI application. It looks at the whole path, `/postpress` included."""
    return served(DIALECT, services, body_limit_bytes)
