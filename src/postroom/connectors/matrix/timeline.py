"""What happens in rooms as news: from what a homeserver tells of each, with what it leaves out looked up."""

from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from typing import Generic, TypeVar

import msgspec

from postroom.clock import from_ms
from postroom.connectors.matrix import convert
from postroom.connectors.matrix.api import Json, Matrix, Missing
from postroom.connectors.matrix.convert import as_list, as_object
from postroom.domain.messages import Reaction
from postroom.domain.remote import (
    ChatKey,
    MessageGone,
    MessageKey,
    MessageSeen,
    ReactionChanged,
    ReadUpTo,
    RemoteChat,
    RemoteEvent,
    RemoteMessage,
)
from postroom.errors import Refused

T = TypeVar("T")

PAGE = 50
_MOST_PAGES_OF_A_GAP = 10
_PAGES_LOOKED_AT_AGAIN = 2
_MOST_RELATIONS_PAGES = 10
_REMEMBERED = 5_000
_WALKS = 8


class Remembered(OrderedDict[str, T], Generic[T]):
    """The last few thousand."""

    def keep(self, name: str, value: T, most: int = _REMEMBERED) -> None:
        self[name] = value
        self.move_to_end(name)
        if len(self) > most:
            self.popitem(last=False)


class Walk(msgspec.Struct, frozen=True):
    """How far a room's history was listed, and the reactions to messages that come later on the way back."""

    next: str
    reactions: dict[str, list[Reaction]]


class Timeline:
    """One account's view of its rooms. What it remembers saves calls, and nothing is lost with it."""

    def __init__(self, api: Matrix, me: str) -> None:
        self._api = api
        self._me = me
        # What a redaction takes back is told by its id alone, and is blank by then.
        self._reactions: Remembered[tuple[str, str, str]] = Remembered()
        self._edits: Remembered[str] = Remembered()
        self._senders: Remembered[str] = Remembered()
        self._walks: Remembered[Walk] = Remembered()

    # listing

    async def page(self, room: str, cursor: str | None) -> tuple[list[RemoteMessage], str | None]:
        """A page of a room's messages, newest first, each with its newest text and the reactions to it.

        Reactions stand after what they are for, so on the way back they come first: they wait in the walk. Where the way
        was not walked from the newest message on, each message's are asked for.
        """
        filter = {"types": [*convert.MESSAGES, convert.REACTION], "lazy_load_members": True}
        tree = await self._api.messages(room, cursor, filter, limit=PAGE)
        events = as_list(tree.get("chunk"))
        walk = self._walks.pop(room, None)
        waiting = walk.reactions if walk is not None and walk.next == cursor else None
        if cursor is None:
            waiting = {}
        for event in events:
            found = self._note(event)
            if found is not None and waiting is not None:
                waiting.setdefault(found[0], []).append(found[1])
        messages = []
        for message in await self._messages(room, events, convert.members(as_list(tree.get("state")))):
            if message.recalled:
                messages.append(message)
                continue
            if waiting is None:
                reactions = await self.reactions(room, message.key)
            else:
                reactions = _each_once(waiting.pop(message.key, [])[::-1])
            messages.append(msgspec.structs.replace(message, reactions=reactions))
        end = tree.get("end")
        if not isinstance(end, str) or not end or end == cursor:
            return messages, None
        if waiting is not None:
            self._walks.keep(room, Walk(end, waiting), _WALKS)
        return messages, end

    async def reactions(self, room: str, id: str) -> tuple[Reaction, ...]:
        """The reactions to one message, oldest first."""
        found = []
        for event in await self.related(room, id, "m.annotation", convert.REACTION):
            noted = self._note(event)
            if noted is not None:
                found.append(noted[1])
        return _each_once(found[::-1])

    async def related(self, room: str, id: str, kind: str, type: str) -> list[dict[str, Json]]:
        """All events that relate to another, newest first."""
        found: list[dict[str, Json]] = []
        start: str | None = None
        for _ in range(_MOST_RELATIONS_PAGES):
            tree = await self._api.relations(room, id, kind, type, start)
            found += as_list(tree.get("chunk"))
            start = tree.get("next_batch")
            if not isinstance(start, str) or not start:
                break
        return found

    async def shown(self, room: str, id: str) -> RemoteMessage | None:
        """One message as the homeserver shows it now; None: it does not, or it is no message."""
        try:
            event = await self._api.event(room, id)
        except Missing:
            return None
        return next(iter(await self._messages(room, [event], {})), None)

    async def _messages(
        self, room: str, events: Sequence[dict[str, Json]], names: dict[str, Json]
    ) -> list[RemoteMessage]:
        for event in events:
            id, sender = event.get("event_id"), event.get("sender")
            if isinstance(id, str) and isinstance(sender, str):
                self._senders.keep(id, sender)
        found = []
        for event in events:
            message = convert.message(event, room, self._me, names, self._senders)
            if message is None:
                continue
            if message.quote is not None and not message.quote.sender_id:
                author = await self._author(room, message.quote.key)
                message = msgspec.structs.replace(
                    message, quote=msgspec.structs.replace(message.quote, sender_id=author)
                )
            found.append(message)
        return found

    async def _author(self, room: str, id: str) -> str:
        """Who wrote a message that is answered; "": nobody who is known here."""
        try:
            sender = (await self._api.event(room, id)).get("sender")
        except Refused:
            sender = None
        author = sender if isinstance(sender, str) else ""
        self._senders.keep(id, author)
        return author

    def _note(self, event: dict[str, Json]) -> tuple[str, Reaction] | None:
        """Remember what a later redaction will name by its id; the reaction that this is, and to what."""
        id, sender = event.get("event_id"), event.get("sender")
        if not isinstance(id, str) or not isinstance(sender, str):
            return None
        edited = convert.edited_by(event)
        if edited is not None:
            self._edits.keep(id, edited)
        reacted = convert.reacted(event)
        if reacted is None:
            return None
        target, emoji = reacted
        self._reactions.keep(id, (target, emoji, sender))
        return target, Reaction(value=emoji, sender_id=sender, is_sender=sender == self._me)

    # news

    async def missed(self, room: str, start: str, since: str) -> list[dict[str, Json]] | None:
        """What a limited timeline left out, oldest first; None: too much."""
        found: list[dict[str, Json]] = []
        cursor = start
        filter = {"types": list(convert.TIMELINE), "lazy_load_members": True}
        for _ in range(_MOST_PAGES_OF_A_GAP):
            tree = await self._api.messages(room, cursor, filter, limit=100, to=since)
            found += as_list(tree.get("chunk"))
            end = tree.get("end")
            if not isinstance(end, str) or not end or end == cursor:
                return found[::-1]
            cursor = end
        return None

    async def news(
        self, room: str, events: Sequence[dict[str, Json]], names: dict[str, Json], chat: RemoteChat
    ) -> list[RemoteEvent]:
        """What these events of a room, oldest first, tell. An edit, and what is taken back, are looked at once more:
        the homeserver checks who may do that, and knows which is the newest.
        """
        told: list[RemoteEvent] = []
        changed: dict[str, bool] = {}
        look_again = False
        for event in events:
            noted = self._note(event)
            edited, target = convert.edited_by(event), convert.redacts(event)
            if noted is not None:
                told.append(self._reaction(room, noted[0], noted[1], added=True))
            elif edited is not None:
                changed.setdefault(edited, False)
            elif target is not None and target in self._reactions:
                id, emoji, sender = self._reactions.pop(target)
                reaction = Reaction(value=emoji, sender_id=sender, is_sender=sender == self._me)
                told.append(self._reaction(room, id, reaction, added=False))
            elif target is not None and target in self._edits:
                changed[self._edits.pop(target)] = True
            elif target is not None:
                gone = await self._taken_back(room, target)
                # What was never seen here may have been an edit: a redacted event does not say.
                look_again = look_again or gone is None or (gone and target not in self._senders)
                if gone:
                    told.append(MessageGone(key=MessageKey(target), chat_key=ChatKey(room)))
            else:
                found = await self._messages(room, [event], names)
                told.extend(MessageSeen(message=message, chat=chat) for message in found)
        for id, undone in changed.items():
            shown = await self.shown(room, id)
            if shown is not None:
                # One whose edit was taken back was edited all the same: what is shown now is newer than what was.
                edited_now = shown.edited or (undone and not shown.recalled)
                told.append(MessageSeen(message=msgspec.structs.replace(shown, edited=edited_now)))
        if look_again:
            with suppress(Missing):
                told += await self._looked_at_again(room)
        return told

    async def _taken_back(self, room: str, id: str) -> bool | None:
        """Whether a message is gone. None: something else is, of which nobody knows what it was for."""
        try:
            event = await self._api.event(room, id)
        except Missing:
            return True
        if not convert.is_redacted(event):
            return False
        kind = event.get("type")
        return None if kind == convert.REACTION else kind in convert.MESSAGES

    async def _looked_at_again(self, room: str) -> list[RemoteEvent]:
        """The newest messages with the reactions to them: one was taken back that was made before anybody listened."""
        told: list[RemoteEvent] = []
        cursor: str | None = None
        for _ in range(_PAGES_LOOKED_AT_AGAIN):
            messages, cursor = await self.page(room, cursor)
            told += [MessageSeen(message=msgspec.structs.replace(message, newest=True)) for message in messages]
            if cursor is None:
                break
        return told

    def _reaction(self, room: str, id: str, reaction: Reaction, *, added: bool) -> ReactionChanged:
        return ReactionChanged(
            key=MessageKey(id),
            chat_key=ChatKey(room),
            emoji=reaction.value,
            sender_id=reaction.sender_id,
            is_sender=reaction.is_sender,
            added=added,
        )

    def receipts(self, room: str, events: Sequence[dict[str, Json]]) -> list[RemoteEvent]:
        """Who has read how far, of the others."""
        told: list[RemoteEvent] = []
        for event in events:
            if event.get("type") != "m.receipt":
                continue
            for id, kinds in as_object(event.get("content")).items():
                for reader, receipt in as_object(as_object(kinds).get("m.read")).items():
                    ms = as_object(receipt).get("ts")
                    if reader != self._me and isinstance(ms, int) and 0 <= ms < 253_402_300_799_000:
                        told.append(
                            ReadUpTo(key=MessageKey(id), chat_key=ChatKey(room), reader_id=reader, seen_at=from_ms(ms))
                        )
        return told


def _each_once(reactions: Sequence[Reaction]) -> tuple[Reaction, ...]:
    return tuple(dict.fromkeys(reactions))
