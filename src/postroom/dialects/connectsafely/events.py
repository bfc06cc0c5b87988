"""What ConnectSafely's clients hear over WebSocket: their own names for our events.

The vendor publishes no payloads, only that clients are told. `seq` is the position to resume from.
"""

from collections.abc import Sequence

import msgspec

from postroom.clock import iso
from postroom.dialects.connectsafely import wire
from postroom.domain.access import Caller
from postroom.domain.accounts import Account
from postroom.domain.chats import Attendee, Chat
from postroom.domain.events import Event, EventType
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
    EventType.CHAT_CREATED: "conversation.created",
    EventType.CHAT_UPDATED: "conversation.updated",
    EventType.ACCOUNT_SYNCED: "sync.completed",
    EventType.ACCOUNT_LINKED: "account.created",
    EventType.ACCOUNT_DELETED: "account.deleted",
}
_ACCOUNTS = "account.updated"
"""Whatever else becomes of an account."""


class State(msgspec.Struct, kw_only=True, rename="camel"):
    """What a conversation's owner sees of it beside its messages."""

    unread_count: int
    starred: bool
    archived: bool
    last_activity_at: str | None


class Told(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    """One event. `message` is there for what was created or updated, as it stands now; so is `conversation`."""

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
    status: str | None = None
    """Where the account stands, of an event about that."""
    message: wire.Message | None = None
    conversation: State | None = None


class Events:
    """A view of the log for the stream: events of LinkedIn accounts, each as one JSON text, or None to leave it out."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def __call__(self, caller: Caller, joined: Sequence[Joined]) -> list[bytes | None]:
        """These events, in their order."""
        return [await self._told(caller, each) for each in joined]

    async def _told(self, caller: Caller, joined: Joined) -> bytes | None:
        event, data = joined.event, joined.event.data
        name = _name(event)
        if name is None or data.account_id is None:
            return None
        told = Told(
            type=name,
            seq=event.position,
            account_id=data.account_id,
            created_at=iso(event.created_at),
            origin=data.origin,
        )
        try:
            account = await self._services.accounts.get(caller, data.account_id)
        except NotFound:
            # Of one that is gone, that it is gone is all there is to tell.
            gone = event.type is EventType.ACCOUNT_DELETED and data.platform == wire.PROVIDER
            return msgspec.json.encode(told) if gone else None
        if account.provider != wire.PROVIDER:
            return None
        if event.type.startswith("account."):
            told.status = wire.status(account)
            return msgspec.json.encode(told)
        return msgspec.json.encode(await self._about_chat(caller, account, joined, told))

    async def _about_chat(self, caller: Caller, account: Account, joined: Joined, told: Told) -> Told:
        event, data = joined.event, joined.event.data
        message = joined.content if isinstance(joined.content, Message) else None
        chat = joined.content if isinstance(joined.content, Chat) else None
        key = message.key if message is not None else data.message_key
        chat_key = data.chat_key or (chat.key if chat is not None else None)
        if chat_key is None and message is not None:
            chat_key = message.chat_provider_id.rstrip("=")
        if chat_key:
            told.conversation_key = chat_key
            told.conversation_urn = wire.conversation_urn(account.provider_id, chat_key)
        if key:
            told.message_key, told.message_urn = key, wire.message_urn(account.provider_id, key)
        if event.type is EventType.MESSAGE_DELETED:
            told.deleted_at = iso(event.created_at)
        elif message is not None and not message.is_tombstone:
            senders: Sequence[Attendee] = list((await self._services.messages.senders(caller, [message])).values())
            told.message = wire.message(message, account.provider_id, senders)
        if chat is not None:
            told.conversation = State(
                unread_count=chat.unread_count,
                starred=chat.starred,
                archived=chat.archived,
                last_activity_at=None if chat.last_message_at is None else iso(chat.last_message_at),
            )
        return told


def _name(event: Event) -> str | None:
    if event.type is EventType.MESSAGE_UPDATED and event.data.reason == "reaction":
        return "reaction.updated"
    return NAMES.get(event.type) or (_ACCOUNTS if event.type.startswith("account.") else None)
