"""ConnectSafely's webhooks: what each delivery says, and how they are made here (at the vendor's that is a page).

`message.received` is the vendor's event, and is told of in its words. The other events are ours: the vendor has none for
what is sent, changed or taken back. What was taken back meanwhile is told of without its content.

Source: ConnectSafely "Webhooks", "Events", "Security" and "Delivery" (2026).
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from postroom.clock import iso
from postroom.dialects.connectsafely import wire
from postroom.dialects.operation import Operation
from postroom.dialects.request import Request
from postroom.domain.access import Scope
from postroom.domain.events import Event, EventType
from postroom.domain.messages import Message
from postroom.domain.webhooks import Format, WebhookEndpoint, Wishes
from postroom.errors import InvalidParameters, Kind
from postroom.services.events import Around, Events, Joined
from postroom.services.house import Services
from postroom.services.telling import Telling

_MINE = Format.CONNECTSAFELY
_ANY = frozenset({400, 401, 404, 500})
_RECEIVED, _SENT = EventType.MESSAGE_RECEIVED, EventType.MESSAGE_SENT
_CHANGED, _GONE = (EventType.MESSAGE_EDITED, EventType.MESSAGE_UPDATED), EventType.MESSAGE_DELETED

EVENTS: dict[str, tuple[EventType, ...]] = {
    "message.received": (_RECEIVED,),
    "message.sent": (_SENT,),
    "message.updated": _CHANGED,
    "message.deleted": (_GONE,),
}


class NewWebhook(msgspec.Struct, kw_only=True, rename="camel"):
    """An endpoint to come. `events`: message.received if not said; `accountIds`: all accounts if not said."""

    url: str
    name: str = ""
    events: list[str] = []
    account_ids: list[str] = []


class WebhookChange(msgspec.Struct, kw_only=True):
    """`enabled` again, it is told of everything since it stopped."""

    enabled: bool


class Webhook(msgspec.Struct, kw_only=True, rename="camel"):
    id: str
    name: str
    url: str
    events: list[str]
    account_ids: list[str]
    enabled: bool
    failure_count: int
    """Failures in a row."""
    last_failure: str | None
    created_at: int
    secret: str | UnsetType = UNSET
    """Shown this once: `X-Webhook-Signature` is made with it."""


class OneWebhook(msgspec.Struct, kw_only=True):
    success: bool = True
    webhook: Webhook


class Webhooks(msgspec.Struct, kw_only=True):
    success: bool = True
    webhooks: list[Webhook]


class WebhookRemoved(msgspec.Struct, kw_only=True):
    success: bool = True
    id: str


class Delivery(msgspec.Struct, kw_only=True):
    """The body of a delivery."""

    event: str
    object: str = "event"
    data: dict[str, Any]


async def list_message_webhooks(services: Services, request: Request) -> Webhooks:
    return Webhooks(webhooks=[_webhook(each) for each in await services.webhooks.list(request.caller, _MINE)])


async def create_message_webhook(services: Services, request: Request) -> OneWebhook:
    body: NewWebhook = request.body
    chosen = tuple(dict.fromkeys(body.events)) or ("message.received",)
    unknown = [each[:100] for each in chosen if each not in EVENTS]
    if unknown:
        raise InvalidParameters(f"events are {', '.join(EVENTS)}, not {', '.join(unknown)}.", kind=Kind.WEBHOOK)
    wishes = Wishes(events=chosen, account_ids=tuple(dict.fromkeys(body.account_ids)))
    types = [type for name in chosen for type in EVENTS[name]]
    made, secret = await services.webhooks.create(
        request.caller, name=body.name, url=body.url, types=types, format=_MINE, wishes=wishes
    )
    return OneWebhook(webhook=_webhook(made, secret))


async def update_message_webhook(services: Services, request: Request) -> OneWebhook:
    enabled = request.body.enabled
    return OneWebhook(
        webhook=_webhook(await services.webhooks.update(request.caller, request.path["id"], _MINE, active=enabled))
    )


async def delete_message_webhook(services: Services, request: Request) -> WebhookRemoved:
    await services.webhooks.remove(request.caller, request.path["id"], _MINE)
    return WebhookRemoved(id=request.path["id"])


def _webhook(found: WebhookEndpoint, secret: str | UnsetType = UNSET) -> Webhook:
    return Webhook(
        id=found.id,
        name=found.name,
        url=found.url,
        events=list(found.wishes.events),
        account_ids=list(found.wishes.account_ids),
        enabled=found.active,
        failure_count=found.failure_count,
        last_failure=found.last_failure,
        created_at=found.created_at,
        secret=secret,
    )


class Payloads:
    """How endpoints of ConnectSafely's are told of events."""

    def __init__(self, events: Events) -> None:
        self._events = events

    async def __call__(self, endpoint: WebhookEndpoint, joined: Joined) -> Sequence[Telling]:
        """What is sent of an event; nothing, where it is no LinkedIn account's or nothing is left to tell."""
        message = joined.content if isinstance(joined.content, Message) else None
        name = next((name for name, types in EVENTS.items() if joined.event.type in types), None)
        if name is None or message is None or message.provider != wire.PROVIDER:
            return ()
        around = await self._events.around(endpoint.workspace_id, joined)
        if around.account is None:
            return ()
        data = _told(joined.event, message, around)
        return [Telling(body=msgspec.json.encode(Delivery(event=name, data=data)))]


def _told(event: Event, message: Message, around: Around) -> dict[str, Any]:
    sender = around.person(message.sender_id)
    urn = f"urn:li:messagingMessage:{wire.padded(message.key)}"
    thread = event.data.chat_key or message.chat_provider_id.rstrip("=")
    data: dict[str, Any] = {
        "id": urn,
        "message_urn": urn,
        "account_id": message.account_id,
        "provider": "LINKEDIN",
        "sender": {
            "id": f"urn:li:fsd_profile:{message.sender_id}",
            "name": "" if sender is None else sender.content.name,
            "profile_url": None if sender is None else sender.content.profile_url,
            "profile_picture": None if sender is None else sender.content.picture_url,
        },
        "body": message.content.text,
        "timestamp": iso(message.sent_at),
        "conversation_id": f"urn:li:messagingThread:{wire.padded(thread)}",
        "attachments": [msgspec.to_builtins(wire.file(each)) for each in message.content.attachments],
    }
    if message.deleted_at is not None:
        data["deleted_at"] = iso(message.deleted_at)
    return data


_ID = {"id": "The webhook's id: 24 hexadecimal digits."}

OPERATIONS = (
    Operation(
        name="list_message_webhooks",
        method="GET",
        path="/linkedin/webhooks",
        summary="List webhooks, without their secrets.",
        docs="The vendor has a page for this; the address is ours.",
        handler=list_message_webhooks,
        answer=Webhooks,
        errors=_ANY,
    ),
    Operation(
        name="create_message_webhook",
        method="POST",
        path="/linkedin/webhooks",
        summary="Be told of messages at a URL. The secret that deliveries are signed with is shown this once.",
        docs="Events are message.received, as the vendor tells it, and message.sent, message.updated and message.deleted, "
        "which are ours. `X-Webhook-Signature` is `sha256=` and the hexadecimal HMAC-SHA256 of the body; beside it stand "
        "the headers of Standard Webhooks. A receiver answers with success within 15 seconds; else it is told twice more, "
        "after 10 and 20 seconds, and then that event is passed over (`webhook.passed_over` in the log). "
        "With an Idempotency-Key that came before, the answer has no secret: it is stored nowhere in the clear.",
        scope=Scope.LINK,
        handler=create_message_webhook,
        body=NewWebhook,
        answer=OneWebhook,
        keep=lambda made: OneWebhook(webhook=msgspec.structs.replace(made.webhook, secret=UNSET)),
        errors=_ANY,
    ),
    Operation(
        name="update_message_webhook",
        method="PATCH",
        path="/linkedin/webhooks/{id}",
        summary="Pause a webhook, or enable it again.",
        scope=Scope.LINK,
        handler=update_message_webhook,
        body=WebhookChange,
        answer=OneWebhook,
        errors=_ANY,
        path_values=_ID,
    ),
    Operation(
        name="delete_message_webhook",
        method="DELETE",
        path="/linkedin/webhooks/{id}",
        summary="Delete a webhook.",
        scope=Scope.LINK,
        handler=delete_message_webhook,
        answer=WebhookRemoved,
        errors=_ANY,
        path_values=_ID,
    ),
)
