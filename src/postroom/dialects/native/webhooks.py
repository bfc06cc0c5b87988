"""Webhooks of our own API: endpoints for events of any type, signed as Standard Webhooks say."""

import msgspec
from msgspec import UNSET, UnsetType

from postroom.clock import iso
from postroom.dialects.native import wire
from postroom.dialects.operation import Operation
from postroom.dialects.request import Request
from postroom.domain.access import Scope
from postroom.domain.events import EventType
from postroom.domain.webhooks import Format, WebhookEndpoint
from postroom.errors import InvalidParameters
from postroom.services.house import Services

_COMMON = frozenset({400, 401, 403, 500, 503})
_ONE = _COMMON | {404}
_BODY = frozenset({413, 415})
_MINE = Format.NATIVE


class Webhook(msgspec.Struct, kw_only=True):
    """An endpoint. `position` is that of the last event that it is done with; `events` empty: events of all types."""

    id: str
    name: str
    url: str
    events: list[str]
    active: bool
    disabled_reason: str | None
    """Why the server disabled it: `status_500`, `timeout`, `no_answer`, `address_refused`."""
    failure_count: int
    """Failures in a row. At 5 it is disabled, and `webhook.disabled` is logged; enabled again, they stay counted."""
    last_failure: str | None
    position: int
    last_attempt_at: str | None
    created_at: str
    updated_at: str
    secret: str | UnsetType = UNSET
    """Shown once, when it is made."""


class Webhooks(msgspec.Struct, kw_only=True):
    items: list[Webhook]


class NewWebhook(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`events`: types of the log, such as message.received; empty: all, those to come included."""

    name: str
    url: str
    events: list[EventType] = []


class WebhookChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What changes. `position`: go on after that event, to hear again of what followed, or to pass over it."""

    name: str | UnsetType = UNSET
    url: str | UnsetType = UNSET
    events: list[EventType] | UnsetType = UNSET
    active: bool | UnsetType = UNSET
    position: int | UnsetType = UNSET


class Secret(msgspec.Struct, kw_only=True):
    id: str
    secret: str | UnsetType = UNSET
    """Shown this once."""


def _webhook(found: WebhookEndpoint, secret: str | UnsetType = UNSET) -> Webhook:
    return Webhook(
        id=found.id,
        name=found.name,
        url=found.url,
        events=list(found.types),
        active=found.active,
        disabled_reason=found.disabled_reason,
        failure_count=found.failure_count,
        last_failure=found.last_failure,
        position=found.position,
        last_attempt_at=None if found.last_attempt_at is None else iso(found.last_attempt_at),
        created_at=iso(found.created_at),
        updated_at=iso(found.updated_at),
        secret=secret,
    )


async def list_webhook_endpoints(services: Services, request: Request) -> Webhooks:
    return Webhooks(items=[_webhook(each) for each in await services.webhooks.list(request.caller, _MINE)])


async def get_webhook_endpoint(services: Services, request: Request) -> Webhook:
    return _webhook(await services.webhooks.get(request.caller, request.path["id"], _MINE))


async def create_webhook_endpoint(services: Services, request: Request) -> Webhook:
    body: NewWebhook = request.body
    _check_name(body.name)
    types = list(dict.fromkeys(body.events))
    return _webhook(
        *await services.webhooks.create(request.caller, name=body.name, url=body.url, types=types, format=_MINE)
    )


async def update_webhook_endpoint(services: Services, request: Request) -> Webhook:
    body: WebhookChange = request.body
    said = {name: value for name, value in msgspec.structs.asdict(body).items() if value is not UNSET}
    if "name" in said:
        _check_name(said["name"])
    if said.get("position", 0) < 0:
        raise InvalidParameters("A position is 0 or more.")
    if "events" in said:
        said["types"] = list(dict.fromkeys(said.pop("events")))
    return _webhook(await services.webhooks.update(request.caller, request.path["id"], _MINE, **said))


async def delete_webhook_endpoint(services: Services, request: Request) -> wire.Done:
    await services.webhooks.remove(request.caller, request.path["id"], _MINE)
    return wire.Done(id=request.path["id"], done="deleted")


async def regenerate_endpoint_secret(services: Services, request: Request) -> Secret:
    id = request.path["id"]
    return Secret(id=id, secret=await services.webhooks.regenerate_secret(request.caller, id, _MINE))


def _check_name(name: str) -> None:
    if not name.strip():
        raise InvalidParameters("A name has at least one character.")


_ID = {"id": "The webhook's id: 24 hexadecimal digits."}
_ONCE = "With an Idempotency-Key that came before, the answer has no secret: it is stored nowhere in the clear."

OPERATIONS = (
    Operation(
        name="list_webhook_endpoints",
        method="GET",
        path="/webhooks",
        summary="List your webhooks, without their secrets.",
        handler=list_webhook_endpoints,
        answer=Webhooks,
        errors=_COMMON,
    ),
    Operation(
        name="get_webhook_endpoint",
        method="GET",
        path="/webhooks/{id}",
        summary="Get a webhook: how far it has been told, and what went wrong.",
        handler=get_webhook_endpoint,
        answer=Webhook,
        errors=_ONE,
        path_values=_ID,
    ),
    Operation(
        name="create_webhook_endpoint",
        method="POST",
        path="/webhooks",
        summary="Be told of events at a URL, in the order of the log. The secret is shown this once.",
        docs="Each event is POSTed as it reads in `/events`, signed with the headers of Standard Webhooks. " + _ONCE,
        scope=Scope.LINK,
        handler=create_webhook_endpoint,
        body=NewWebhook,
        answer=Webhook,
        keep=lambda made: msgspec.structs.replace(made, secret=UNSET),
        status=201,
        errors=_COMMON | _BODY,
    ),
    Operation(
        name="update_webhook_endpoint",
        method="PATCH",
        path="/webhooks/{id}",
        summary="Change a webhook, enable it again, or have it told again from a position.",
        docs="Enabled again, it is told of everything since it stopped, as far back as events are kept.",
        scope=Scope.LINK,
        handler=update_webhook_endpoint,
        body=WebhookChange,
        answer=Webhook,
        errors=_ONE | _BODY,
        path_values=_ID,
    ),
    Operation(
        name="delete_webhook_endpoint",
        method="DELETE",
        path="/webhooks/{id}",
        summary="Delete a webhook.",
        scope=Scope.LINK,
        handler=delete_webhook_endpoint,
        answer=wire.Done,
        errors=_ONE,
        path_values=_ID,
    ),
    Operation(
        name="regenerate_endpoint_secret",
        method="POST",
        path="/webhooks/{id}/regenerate-secret",
        summary="Make another secret, shown this once; the one before it signs nothing more.",
        docs=_ONCE,
        scope=Scope.LINK,
        handler=regenerate_endpoint_secret,
        answer=Secret,
        keep=lambda made: msgspec.structs.replace(made, secret=UNSET),
        errors=_ONE,
        path_values=_ID,
    ),
)
