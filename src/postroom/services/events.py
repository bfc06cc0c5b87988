"""The log of what happened: announced in the transaction that made it happen, read by position, joined when delivered."""

from collections.abc import Sequence

import msgspec

from postroom.clock import Clock, to_ms
from postroom.domain.access import Caller
from postroom.domain.accounts import Account
from postroom.domain.chats import Chat
from postroom.domain.events import Event, EventData, EventType
from postroom.domain.messages import Message
from postroom.errors import InvalidParameters, Kind
from postroom.ids import new_id
from postroom.store import accounts, chats, events, messages
from postroom.store.database import Database, Tx
from postroom.store.notify import Notifier


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """An event with what it is about, as that stands now; None where it is gone."""

    event: Event
    content: Message | Account | Chat | None


class Events:
    """One log, one cursor, for polling, WebSocket and webhooks."""

    def __init__(self, database: Database, notifier: Notifier, now: Clock) -> None:
        self._database = database
        self._notifier = notifier
        self._now = now

    async def announce(self, tx: Tx, workspace_id: str, type: EventType, data: EventData) -> None:
        """Log an event in the transaction of the change that it tells of; whoever waits is woken once that is durable."""
        now = self._now()
        await events.append(tx, new_id("evt", now), workspace_id, type, data, to_ms(now))
        topic = f"events:{workspace_id}"
        tx.on_commit(lambda: self._notifier.wake(topic))

    async def after(self, caller: Caller, position: int, limit: int = 100) -> Sequence[Event]:
        """Up to `limit` events after a position, in order; 0 is the start of what is kept.

        Raises:
            InvalidParameters: (kind CURSOR_TOO_OLD) events after that position are kept no longer.
        """
        async with self._database.read() as reader:
            if position > 0:
                trimmed = await events.trimmed(reader)
                if position < trimmed:
                    raise InvalidParameters(
                        f"Events after {position} are kept no longer; the oldest cursor is {trimmed}.",
                        kind=Kind.CURSOR_TOO_OLD,
                        context={"oldest": trimmed},
                    )
            return await events.after(reader, caller.workspace_id, position, limit)

    async def newest(self, caller: Caller) -> int:
        """The position of the newest event; 0 where there is none."""
        async with self._database.read() as reader:
            return await events.newest(reader, caller.workspace_id)

    async def wait(self, workspace_id: str, timeout_seconds: float) -> bool:
        """Wait until something happens in the workspace; False: nothing did."""
        return await self._notifier.wait(f"events:{workspace_id}", timeout_seconds)

    async def join(self, workspace_id: str, found: Sequence[Event]) -> Sequence[Joined]:
        """Each event with the content that it is about, as it now stands."""
        async with self._database.read() as reader:
            joined = []
            for event in found:
                content: Message | Account | Chat | None = None
                if event.data.message_id is not None:
                    content = await messages.find(reader, workspace_id, event.data.message_id)
                elif event.data.chat_id is not None:
                    content = await chats.find(reader, workspace_id, event.data.chat_id)
                elif event.data.account_id is not None:
                    content = await accounts.find(reader, workspace_id, event.data.account_id)
                joined.append(Joined(event=event, content=content))
            return joined
