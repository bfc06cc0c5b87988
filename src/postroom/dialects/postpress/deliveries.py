"""What PostPress's webhooks tell: the body of each delivery, with what it is about as that stands when it is sent.

A message that was taken back meanwhile is told of without its content. Flags are booleans here.

Source: PostPress "Webhooks" and its guide "Webhooks overview" (2026); the fields of an event: "Create a webhook".
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec
from msgspec import UNSET

from postroom.clock import iso
from postroom.dialects.postpress import mailbox, wire
from postroom.domain.accounts import Account
from postroom.domain.chats import Attendee, ChatKind
from postroom.domain.events import Event, EventType
from postroom.domain.messages import Message
from postroom.domain.webhooks import WebhookEndpoint
from postroom.services.events import Around, Events, Joined
from postroom.services.telling import Telling

_SEEN, _REACTED, _DELIVERED = "seen", "reaction", "delivered"
"""What of a message was updated, as the log says it."""

EVENTS: dict[str, dict[str, tuple[EventType, ...]]] = {
    "messaging": {
        # One's own come too, sent from here or elsewhere.
        "message_received": (EventType.MESSAGE_RECEIVED, EventType.MESSAGE_SENT),
        "message_read": (EventType.MESSAGE_UPDATED,),
        "message_reaction": (EventType.MESSAGE_UPDATED,),
        "message_edited": (EventType.MESSAGE_EDITED,),
        "message_deleted": (EventType.MESSAGE_DELETED,),
        "message_delivered": (EventType.MESSAGE_UPDATED,),
    },
    "account_status": {
        "creation_success": (EventType.ACCOUNT_LINKED,),
        "creation_fail": (EventType.ACCOUNT_LINK_FAILED,),
        "deleted": (EventType.ACCOUNT_DELETED,),
        "reconnected": (EventType.ACCOUNT_CONNECTED,),
        "sync_success": (EventType.ACCOUNT_SYNCED,),
        "stopped": (EventType.ACCOUNT_PAUSED,),
        "ok": (EventType.ACCOUNT_LINKED, EventType.ACCOUNT_CONNECTED),
        "connecting": (EventType.ACCOUNT_RECONNECTING,),
        "error": (),
        "credentials": (EventType.ACCOUNT_DISCONNECTED, EventType.ACCOUNT_ACTION_REQUIRED),
        "permissions": (),
    },
}
"""By source: the names of events, and the types of the log that they are found in."""

_FIELDS = """
    account_id account_type account_info chat_id timestamp webhook_name message_id message reaction reaction_sender
    read_by sender is_sender attendees attachments subject provider_chat_id provider_message_id is_event chat_pinned
    quoted is_forwarded chat_content_type message_type is_group folder
"""
FIELDS = frozenset(_FIELDS.split())
"""What of a messaging event can be chosen and named otherwise."""

_UPDATES = {_SEEN: "message_read", _REACTED: "message_reaction", _DELIVERED: "message_delivered"}


class Payloads:
    """How endpoints of PostPress's are told of events."""

    def __init__(self, events: Events) -> None:
        self._events = events

    async def __call__(self, endpoint: WebhookEndpoint, joined: Joined) -> Sequence[Telling]:
        """What is sent of an event; nothing, where it is not this endpoint's or nothing is left to tell."""
        if endpoint.wishes.source == "account_status":
            return _told_of_account(endpoint, joined)
        name = _name(joined.event)
        if name is None or name not in endpoint.wishes.events:
            return ()
        around = await self._events.around(endpoint.workspace_id, joined)
        fields = _message_event(name, endpoint, joined, around)
        if fields is None:
            return ()
        wanted = endpoint.wishes.fields
        if wanted:
            fields = {"event": name} | {called: fields.get(key) for called, key in wanted}
        return [_telling(endpoint, fields)]


def _name(event: Event) -> str | None:
    if event.type is EventType.MESSAGE_UPDATED:
        return _UPDATES.get(event.data.reason or "")
    messaging = EVENTS["messaging"].items()
    return next((name for name, types in messaging if event.type in types), None)


def _message_event(name: str, endpoint: WebhookEndpoint, joined: Joined, around: Around) -> dict[str, Any] | None:
    event, data = joined.event, joined.event.data
    message = joined.content if isinstance(joined.content, Message) else None
    account, chat = around.account, around.chat
    if account is None or message is None or account.provider not in mailbox.TYPES:
        return None
    fields: dict[str, Any] = {
        "event": name,
        "account_id": account.id,
        "account_type": mailbox.TYPES[account.provider],
        "account_info": _account_info(account),
        "chat_id": message.chat_id,
        "timestamp": iso(message.sent_at),
        "webhook_name": endpoint.name,
        "message_id": message.id,
        "provider_message_id": message.provider_id,
        "provider_chat_id": message.chat_provider_id,
        "is_sender": message.is_sender,
        "is_event": message.is_event,
        "sender": _person(around.person(message.sender_id), message.sender_id),
        "attendees": [_person(each, each.provider_id) for each in around.people],
        "message_type": None if message.kind is None else message.kind.value,
        "chat_pinned": chat is not None and chat.pinned,
        "chat_content_type": None if chat is None else chat.content_type,
        "is_group": chat is not None and chat.kind is not ChatKind.SINGLE,
        "folder": None if chat is None else list(chat.folders),
        **_content(message),
    }
    if name == "message_reaction":
        given = [each for each in message.content.reactions if data.person_id in (None, each.sender_id)]
        if not given:
            # It was taken away again, or the message with it.
            return None
        fields["reaction"] = given[-1].value
        fields["reaction_sender"] = _person(around.person(given[-1].sender_id), given[-1].sender_id)
    if name == "message_read":
        reader = around.person(data.person_id)
        fields["read_by"] = {} if reader is None else {reader.id: iso(event.created_at)}
    return fields


def _content(message: Message) -> dict[str, Any]:
    """What it says: nothing, where it was taken back."""
    shown = wire.message(message, {})
    return {
        "message": message.content.text,
        "subject": message.content.subject,
        "attachments": msgspec.to_builtins(shown.attachments),
        "quoted": None if shown.quoted is UNSET else msgspec.to_builtins(shown.quoted),
        "is_forwarded": message.content.is_forwarded,
    }


def _account_info(account: Account) -> dict[str, str]:
    return {"type": mailbox.TYPES[account.provider], "feature": "classic", "user_id": account.provider_id}


def _person(found: Attendee | None, provider_id: str) -> dict[str, str]:
    if found is None:
        return {"attendee_id": "", "attendee_name": "", "attendee_provider_id": provider_id}
    person = {
        "attendee_id": found.id,
        "attendee_name": found.content.name,
        "attendee_provider_id": found.provider_id,
    }
    if found.content.profile_url:
        person["attendee_profile_url"] = found.content.profile_url
    return person


def _told_of_account(endpoint: WebhookEndpoint, joined: Joined) -> Sequence[Telling]:
    """What became of an account, perhaps two things at once: made and running, or reconnected and running."""
    event = joined.event
    found = joined.content if isinstance(joined.content, Account) else None
    kind = mailbox.TYPES.get((found.provider if found is not None else event.data.platform) or "")
    if kind is None:
        return ()
    told: list[Telling] = []
    for name in _statuses(event):
        if name in endpoint.wishes.events:
            status = {"account_id": event.data.account_id, "account_type": kind, "message": name.upper()}
            told.append(_telling(endpoint, {"AccountStatus": status}, mark="" if not told else f".{name}"))
    return told


def _statuses(event: Event) -> Sequence[str]:
    match event.type:
        case EventType.ACCOUNT_LINKED:
            return ("creation_success", "ok")
        case EventType.ACCOUNT_CONNECTED:
            return ("reconnected", "ok") if event.data.origin == "api" else ("ok",)
        case _:
            names = EVENTS["account_status"].items()
            return [name for name, types in names if event.type in types]


def _telling(endpoint: WebhookEndpoint, fields: dict[str, Any], *, mark: str = "") -> Telling:
    if not endpoint.wishes.form:
        return Telling(body=msgspec.json.encode(fields), mark=mark)
    plain = {
        name: value if isinstance(value, str) else msgspec.json.encode(value).decode() for name, value in fields.items()
    }
    return Telling(body=urlencode(plain).encode(), content_type="application/x-www-form-urlencoded", mark=mark)
