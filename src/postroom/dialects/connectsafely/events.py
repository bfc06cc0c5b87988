"""What ConnectSafely's clients hear over WebSocket: their own names for our events.

The vendor publishes no payloads, only that clients are told. `seq` is the position to resume from.
"""

from collections.abc import Sequence

import msgspec

from postroom.clock import iso
from postroom.dialects.connectsafely import wire
from postroom.domain.access import Caller
from postroom.domain.chats import Attendee
from postroom.domain.events import EventType
from postroom.domain.messages import Message
from postroom.errors import NotFound
from postroom.services.events import Joined
from postroom.services.house import Services

NAMES = {
    EventType.MESSAGE_DELETED: "message.deleted",
    EventType.MESSAGE_RECEIVED: "message.created",
    EventType.MESSAGE_SENT: "message.created",
    EventType.MESSAGE_EDITED: "message.updated",
    EventType.MESSAGE_UPDATED: "message.updated",
    EventType.ACCOUNT_SYNCED: "sync.completed",
}


class Told(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    """One event. `message` is there for what was created or updated, as it stands now."""

    type: str
    seq: int
    account_id: str
    created_at: str
    conversation_urn: str | None = None
    conversation_key: str | None = None
    message_urn: str | None = None
    message_key: str | None = None
    deleted_at: str | None = None
    origin: str | None = None
    message: wire.Message | None = None


class Events:
    """A view of the log for the stream: events of LinkedIn accounts, each as one JSON text, or None to leave it out."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def __call__(self, caller: Caller, joined: Sequence[Joined]) -> list[bytes | None]:
        """These events, in their order."""
        return [await self._told(caller, each) for each in joined]

    async def _told(self, caller: Caller, joined: Joined) -> bytes | None:
        event, data = joined.event, joined.event.data
        name = NAMES.get(event.type)
        if name is None or data.account_id is None:
            return None
        try:
            account = await self._services.accounts.get(caller, data.account_id)
        except NotFound:
            return None
        if account.provider != wire.PROVIDER:
            return None
        message = joined.content if isinstance(joined.content, Message) else None
        key = message.key if message is not None else data.message_key
        gone = event.type is EventType.MESSAGE_DELETED
        chat_key = data.chat_key or (message.chat_provider_id.rstrip("=") if message is not None else None)
        shown = None
        if message is not None and not gone and not message.is_tombstone:
            senders: Sequence[Attendee] = list((await self._services.messages.senders(caller, [message])).values())
            shown = wire.message(message, account.provider_id, senders)
        told = Told(
            type=name,
            seq=event.position,
            account_id=account.id,
            created_at=iso(event.created_at),
            conversation_urn=wire.conversation_urn(account.provider_id, chat_key) if chat_key else None,
            conversation_key=chat_key,
            message_urn=wire.message_urn(account.provider_id, key) if key else None,
            message_key=key,
            deleted_at=iso(event.created_at) if gone else None,
            origin=data.origin,
            message=shown,
        )
        return msgspec.json.encode(told)
