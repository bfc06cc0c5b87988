"""Threads: the messages of a chat with all that somebody who looks at them wants to know beside them."""

from collections.abc import Mapping, Sequence

import msgspec

from postroom.clock import Clock, to_ms
from postroom.domain.access import Caller
from postroom.domain.accounts import Account
from postroom.domain.capabilities import Capabilities
from postroom.domain.chats import Attendee, Chat
from postroom.domain.deferrals import Deferral, DeferredDraft
from postroom.domain.deletions import Deletion
from postroom.domain.messages import Message, Recall
from postroom.domain.rules import check_edit
from postroom.errors import Kind, NotFound, PostroomError
from postroom.services.access import sees
from postroom.services.connections import Connections
from postroom.services.deadlines import Deadlines
from postroom.services.messages import Messages
from postroom.store import accounts, attendees, chats, deferrals, recalls
from postroom.store.database import Database, Reader
from postroom.store.keyring import NoKey


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A message, and what stands around it."""

    message: Message
    powers: Capabilities
    deletion: Deletion
    """Whether it can be taken back now, until when, and why not."""
    can_edit: bool
    at: int
    """The moment at which all this was so."""
    deferral: Deferral | None
    """Its deletion that was put off and is not settled."""
    recall: Recall | None
    """The last time that it was to be taken back, and what became of that."""
    people: Mapping[str, Attendee]
    """Who wrote it, whom it answers and who reacted, by the network's id, where the account knows them."""

    @property
    def sender(self) -> Attendee | None:
        return self.people.get(self.message.sender_id)


class Sending(msgspec.Struct, frozen=True, kw_only=True):
    """What is still to be sent, and can be undone until then."""

    deferral: Deferral
    draft: DeferredDraft | None
    """None: it is settled."""
    at: int
    """The moment at which this was so."""


class Thread(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a chat."""

    entries: Sequence[Entry]
    """Newest first."""
    next: str | None
    """By which the earlier ones are asked for; None: that was all."""


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """A chat, whose it is, what can be done there and who is in it."""

    chat: Chat
    account: Account
    powers: Capabilities
    people: Sequence[Attendee]


class Threads:
    """What a caller may see of its accounts' chats, joined; served from here, never from a network."""

    def __init__(
        self, database: Database, connections: Connections, messages: Messages, deadlines: Deadlines, now: Clock
    ) -> None:
        self._database = database
        self._connections = connections
        self._messages = messages
        self._deadlines = deadlines
        self._now = now

    async def room(self, caller: Caller, chat_id: str) -> Room:
        """Raises:
        NotFound: no such chat in the caller's workspace.
        """
        async with self._database.read() as reader:
            chat = await chats.find(reader, caller.workspace_id, chat_id)
            account = None if chat is None else await accounts.find(reader, caller.workspace_id, chat.account_id)
            if chat is None or account is None or not await sees(reader, caller, chat.account_id):
                raise NotFound("No such chat.", kind=Kind.CHAT)
            people = await attendees.list_attendees(reader, caller.workspace_id, chat.id)
        return Room(chat=chat, account=account, powers=self._powers(chat.provider), people=people)

    async def page(
        self, caller: Caller, chat_id: str, *, cursor: str | None = None, since: int | None = None, limit: int = 50
    ) -> Thread:
        """A page of a chat. `since`: only what was sent at this moment or later.

        Raises:
            NotFound: no such chat in the caller's workspace.
        """
        after = None if since is None else since - 1
        found = await self._messages.list(caller, chat_id=chat_id, cursor=cursor, after=after, limit=limit)
        return Thread(entries=await self._entries(caller, found.items), next=found.next)

    async def entry(self, caller: Caller, message_id: str) -> Entry:
        """Raises:
        NotFound: no such message in the caller's workspace.
        """
        (entry,) = await self._entries(caller, [await self._messages.get(caller, message_id)])
        return entry

    async def sendings(self, caller: Caller, chat: Chat) -> Sequence[Sending]:
        """What is still to be sent to a chat that the caller was shown, the next one first."""
        async with self._database.read() as reader:
            found = await deferrals.list_sends(reader, caller.workspace_id, chat.account_id, chat.id)
            return [Sending(deferral=each, draft=await _draft(reader, each), at=to_ms(self._now())) for each in found]

    def _powers(self, provider: str) -> Capabilities:
        return self._connections.connector(provider).capabilities

    def _can_edit(self, message: Message) -> bool:
        try:
            check_edit(message, "any text", self._powers(message.provider), to_ms(self._now()))
        except PostroomError:
            return False
        return True

    async def _entries(self, caller: Caller, found: Sequence[Message]) -> Sequence[Entry]:
        ids = [message.id for message in found]
        known: dict[str, dict[str, Attendee]] = {}
        async with self._database.read() as reader:
            deletions = await self._deadlines.within(reader, caller.workspace_id, found)
            waiting = await deferrals.list_deletions(reader, caller.workspace_id, ids) if ids else {}
            asked = await recalls.list_last(reader, caller.workspace_id, ids) if ids else {}
            for account_id in dict.fromkeys(message.account_id for message in found):
                wanted = {id for message in found if message.account_id == account_id for id in _who(message)}
                known[account_id] = await attendees.find_attendees(
                    reader, caller.workspace_id, account_id, sorted(wanted)
                )
        return [
            Entry(
                message=message,
                powers=self._powers(message.provider),
                deletion=deletion,
                can_edit=self._can_edit(message),
                at=to_ms(self._now()),
                deferral=waiting.get(message.id),
                recall=asked.get(message.id),
                people=known[message.account_id],
            )
            for message, deletion in zip(found, deletions, strict=True)
        ]


def _who(message: Message) -> set[str]:
    quote = message.content.quote
    named = {message.sender_id, *(reaction.sender_id for reaction in message.content.reactions)}
    return named if quote is None else named | {quote.sender_id}


async def _draft(reader: Reader, found: Deferral) -> DeferredDraft | None:
    try:
        return await deferrals.find_draft(reader, found.workspace_id, found)
    except NoKey:
        return None
