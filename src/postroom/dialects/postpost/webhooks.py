"""PostPost's webhooks: their operations, how those read what they are sent, and the body of each delivery.

Source: PostPost "Webhooks" (March 2026). `platformId`, `postedId` and `permalink` of a published post: Publora "Webhooks"
(2026). `::1`, names below localhost and other spellings of private addresses, which the vendor lets pass, are refused.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from postroom.clock import iso
from postroom.dialects.operation import Operation
from postroom.dialects.postpost import wire
from postroom.dialects.request import Request
from postroom.domain.access import Scope
from postroom.domain.accounts import Account
from postroom.domain.addresses import SENTENCES, Why, is_url
from postroom.domain.events import Event, EventType
from postroom.domain.webhooks import Format, WebhookEndpoint
from postroom.errors import InvalidParameters, Kind
from postroom.services.events import Joined, PostNow
from postroom.services.house import Services
from postroom.services.telling import Telling

EVENTS = (EventType.POST_SCHEDULED, EventType.POST_PUBLISHED, EventType.POST_FAILED, EventType.TOKEN_EXPIRING)

_ANY = frozenset({400, 401, 403, 500})
_ONE = _ANY | {404}
_MINE = Format.POSTPOST


class NewWebhook(msgspec.Struct, kw_only=True):
    """An endpoint to come. `events`: among post.scheduled, post.published, post.failed and token.expiring."""

    name: Any = None
    url: Any = None
    events: Any = None


class Change(msgspec.Struct, kw_only=True, rename="camel"):
    """What changes. What is empty counts as absent, and so does an `isActive` that is neither true nor false."""

    name: Any = None
    url: Any = None
    events: Any = None
    is_active: Any = None


class NewWebhookDocs(msgspec.Struct, kw_only=True):
    """An endpoint to come. `events`: among post.scheduled, post.published, post.failed and token.expiring."""

    name: str
    url: str
    events: list[str]


class ChangeDocs(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    """What changes. What is empty counts as absent, and so does an `isActive` that is neither true nor false."""

    name: str | None = None
    url: str | None = None
    events: list[str] | None = None
    is_active: bool | None = None


class Listed(msgspec.Struct, kw_only=True, rename="camel"):
    id: str = msgspec.field(name="_id")
    name: str
    url: str
    events: list[str]
    is_active: bool
    failure_count: int
    """Failures in a row. At 5 it is disabled."""
    last_triggered_at: str | UnsetType = UNSET
    created_at: str
    updated_at: str
    v: int = msgspec.field(name="__v", default=0)


class Webhooks(msgspec.Struct, kw_only=True):
    success: bool = True
    webhooks: list[Listed]


class Made(msgspec.Struct, kw_only=True, rename="camel"):
    id: str = msgspec.field(name="_id")
    name: str
    url: str
    events: list[str]
    secret: str | UnsetType = UNSET
    """Shown this once."""
    is_active: bool
    created_at: str


class WebhookMade(msgspec.Struct, kw_only=True):
    success: bool = True
    webhook: Made


class Changed(msgspec.Struct, kw_only=True, rename="camel"):
    id: str = msgspec.field(name="_id")
    name: str
    url: str
    events: list[str]
    is_active: bool
    updated_at: str


class WebhookChanged(msgspec.Struct, kw_only=True):
    success: bool = True
    webhook: Changed


class SecretMade(msgspec.Struct, kw_only=True):
    success: bool = True
    secret: str | UnsetType = UNSET
    """Shown this once."""


def read_new(body: NewWebhook) -> dict[str, Any]:
    """What `Webhooks.create` asks for, checked in the order of the vendor's page."""
    if not body.name or not body.url or not body.events or not isinstance(body.events, list):
        raise InvalidParameters("Name, URL, and at least one event are required", kind=Kind.WEBHOOK)
    url = _url(body.url)
    return {"name": _text(body.name), "url": url, "types": _events(body.events, naming_valid=True)}


def read_change(body: Change) -> dict[str, Any]:
    """What `Webhooks.update` asks for; what the vendor takes for absent is left out."""
    said: dict[str, Any] = {}
    if body.name:
        said["name"] = _text(body.name)
    if body.url:
        said["url"] = _url(body.url)
    if body.events:
        said["types"] = _events(body.events if isinstance(body.events, list) else [body.events], naming_valid=False)
    if isinstance(body.is_active, bool):
        said["active"] = body.is_active
    return said


def _url(value: Any) -> str:
    if not isinstance(value, str) or not is_url(value):
        raise InvalidParameters(SENTENCES[Why.FORMAT], kind=Kind.ADDRESS)
    return value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _events(value: list[Any], *, naming_valid: bool) -> list[EventType]:
    wrong = [_text(each)[:100] for each in value if each not in EVENTS]
    if wrong:
        valid = f". Valid events: {', '.join(EVENTS)}" if naming_valid else ""
        raise InvalidParameters(f"Invalid events: {', '.join(wrong)}{valid}", kind=Kind.WEBHOOK)
    return [EventType(each) for each in dict.fromkeys(value)]


def _listed(found: WebhookEndpoint) -> Listed:
    return Listed(
        id=found.id,
        name=found.name,
        url=found.url,
        events=list(found.types),
        is_active=found.active,
        failure_count=found.failure_count,
        last_triggered_at=UNSET if found.last_attempt_at is None else iso(found.last_attempt_at),
        created_at=iso(found.created_at),
        updated_at=iso(found.updated_at),
    )


async def list_webhooks(services: Services, request: Request) -> Webhooks:
    return Webhooks(webhooks=[_listed(each) for each in await services.webhooks.list(request.caller, _MINE)])


async def create_webhook(services: Services, request: Request) -> WebhookMade:
    made, secret = await services.webhooks.create(request.caller, format=_MINE, **read_new(request.body))
    return WebhookMade(
        webhook=Made(
            id=made.id,
            name=made.name,
            url=made.url,
            events=list(made.types),
            secret=secret,
            is_active=made.active,
            created_at=iso(made.created_at),
        )
    )


async def update_webhook(services: Services, request: Request) -> WebhookChanged:
    said = read_change(request.body)
    now = await services.webhooks.update(request.caller, request.path["id"], _MINE, **said)
    changed = Changed(
        id=now.id,
        name=now.name,
        url=now.url,
        events=list(now.types),
        is_active=now.active,
        updated_at=iso(now.updated_at),
    )
    return WebhookChanged(webhook=changed)


async def delete_webhook(services: Services, request: Request) -> wire.Success:
    await services.webhooks.remove(request.caller, request.path["id"], _MINE)
    return wire.Success()


async def regenerate_webhook_secret(services: Services, request: Request) -> SecretMade:
    return SecretMade(secret=await services.webhooks.regenerate_secret(request.caller, request.path["id"], _MINE))


def _kept(made: WebhookMade) -> WebhookMade:
    return WebhookMade(webhook=msgspec.structs.replace(made.webhook, secret=UNSET))


_ID = {"id": "The webhook's id: 24 hexadecimal digits."}
_ONCE = "With an Idempotency-Key that came before, the answer has no secret: it is stored nowhere in the clear."

OPERATIONS = (
    Operation(
        name="list_webhooks",
        method="GET",
        path="/webhooks",
        summary="List webhooks, without their secrets.",
        handler=list_webhooks,
        answer=Webhooks,
        errors=_ANY,
    ),
    Operation(
        name="create_webhook",
        method="POST",
        path="/webhooks",
        summary="Be told of events at a URL. The secret that deliveries are signed with is shown this once.",
        docs="Each delivery carries X-PostPost-Signature (hexadecimal HMAC-SHA256 of the body) and X-PostPost-Event, the "
        "same as X-Publora-..., and the headers of Standard Webhooks. " + _ONCE,
        scope=Scope.PUBLISH,
        handler=create_webhook,
        body=NewWebhook,
        body_docs=NewWebhookDocs,
        any_type=True,
        answer=WebhookMade,
        keep=_kept,
        status=201,
        errors=_ANY,
    ),
    Operation(
        name="update_webhook",
        method="PATCH",
        path="/webhooks/{id}",
        summary="Change a webhook, or enable it again.",
        docs="Enabled again, it is told of everything since it stopped. Its failureCount stays until a delivery arrives.",
        scope=Scope.PUBLISH,
        handler=update_webhook,
        body=Change,
        body_docs=ChangeDocs,
        any_type=True,
        answer=WebhookChanged,
        errors=_ONE,
        path_values=_ID,
    ),
    Operation(
        name="delete_webhook",
        method="DELETE",
        path="/webhooks/{id}",
        summary="Delete a webhook.",
        scope=Scope.PUBLISH,
        handler=delete_webhook,
        answer=wire.Success,
        errors=_ONE,
        path_values=_ID,
    ),
    Operation(
        name="regenerate_webhook_secret",
        method="POST",
        path="/webhooks/{id}/regenerate-secret",
        summary="Make another secret, shown this once; the one before it signs nothing more.",
        docs=_ONCE,
        scope=Scope.PUBLISH,
        handler=regenerate_webhook_secret,
        answer=SecretMade,
        keep=lambda _: SecretMade(),
        errors=_ONE,
        path_values=_ID,
    ),
)


class Delivery(msgspec.Struct, kw_only=True):
    """The body of a delivery. Receivers sign it as they parsed it: the order of its keys stands."""

    event: str
    timestamp: str
    data: dict[str, Any]


async def payload(endpoint: WebhookEndpoint, joined: Joined) -> Sequence[Telling]:
    """What tells of an event, with what it is about as that now stands; nothing, where nothing is left to tell."""
    event = joined.event
    data = _token(joined.content) if event.type is EventType.TOKEN_EXPIRING else _post(event, joined.content)
    if data is None:
        return ()
    body = msgspec.json.encode(Delivery(event=event.type, timestamp=iso(event.created_at), data=data))
    return [Telling(body=body)]


def _token(account: Any) -> dict[str, Any] | None:
    if not isinstance(account, Account) or account.credentials_expire_at is None:
        return None
    return {
        "platform": account.provider,
        "platformId": f"{account.provider}-{account.provider_id}",
        "username": account.profile.username,
        "expiresAt": iso(account.credentials_expire_at),
    }


def _post(event: Event, content: Any) -> dict[str, Any]:
    """A post that is gone by now is told of by its ids."""
    found = content if isinstance(content, PostNow) else None
    post = None if found is None else found.post
    data = {"postId": event.data.post_id, "postGroupId": event.data.post_group_id, "platform": event.data.platform}
    moment = iso(event.created_at)
    match event.type:
        case EventType.POST_SCHEDULED:
            at = None if found is None else found.scheduled_at
            return data | {"scheduledAt": None if at is None else iso(at)}
        case EventType.POST_PUBLISHED:
            published: dict[str, str | None] = {"platformId": None, "postedId": None, "permalink": None}
            if post is not None:
                published = {"platformId": post.platform_id, "postedId": post.provider_id, "permalink": post.url}
            return data | published | {"publishedAt": moment}
        case _:
            error = None if post is None else post.error
            code = event.data.reason or "UNKNOWN_ERROR"
            message = "The post failed, and is not there any more." if error is None else error.message
            failed_at = moment if error is None else iso(error.failed_at)
            return data | {"error": {"code": code, "message": message}, "failedAt": failed_at}
