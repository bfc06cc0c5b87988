"""The log of what happened: announced in the transaction that made it happen, read by position, joined when delivered."""

import asyncio
from collections.abc import Sequence

import msgspec

from postroom.clock import Clock, to_ms
from postroom.domain.access import Caller
from postroom.domain.accounts import Account
from postroom.domain.chats import Attendee, Chat
from postroom.domain.deletions import Deletion
from postroom.domain.events import Event, EventData, EventType
from postroom.domain.messages import Message
from postroom.domain.posts import Post
from postroom.errors import InvalidParameters, Kind
from postroom.ids import new_id
from postroom.services.deadlines import Deadlines
from postroom.store import accounts, attendees, chats, events, messages, posts
from postroom.store.database import Database, Tx
from postroom.store.notify import Notifier

_MOST_REMEMBERED = 10_000
_UNSETTLED_SECONDS = 0.05


class PostNow(msgspec.Struct, frozen=True, kw_only=True):
    """A post, and when its group is to go out."""

    post: Post
    scheduled_at: int | None


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """An event with what it is about, as that stands now; None where it is gone."""

    event: Event
    content: Message | Account | Chat | PostNow | None
    deletion: Deletion | None = None
    """Of a message: whether it can be deleted."""
    chat_name: str | None = None
    """Of a chat: what people call it."""


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """What stands around a message that an event is about; None where it is gone."""

    account: Account | None
    chat: Chat | None
    people: Sequence[Attendee]
    """Who is in the chat, and who wrote the message or changed it."""

    def person(self, provider_id: str | None) -> Attendee | None:
        """The one of them with this id of the network's."""
        return next((each for each in self.people if each.provider_id == provider_id), None)


class Events:
    """One log, one cursor, for polling, WebSocket and webhooks."""

    def __init__(self, database: Database, notifier: Notifier, deadlines: Deadlines, now: Clock) -> None:
        self._database = database
        self._notifier = notifier
        self._deadlines = deadlines
        self._now = now
        self._users: dict[str, str] = {}

    async def announce(
        self, tx: Tx, workspace_id: str, type: EventType, data: EventData, user_id: str | None = None
    ) -> None:
        """Log an event in the transaction of the change that it tells of; whoever waits is woken once that is durable.

        `user_id`: whose it is, where the account or post group that it is about is gone already.
        """
        now = self._now()
        user_id = user_id or await self._user(tx, workspace_id, data)
        await events.append(tx, new_id("evt", now), workspace_id, type, data, to_ms(now), user_id)
        topic = f"events:{workspace_id}"
        tx.on_commit(lambda: self._notifier.wake(topic))

    async def after(self, caller: Caller, position: int, limit: int = 100) -> Sequence[Event]:
        """Up to `limit` events of the caller's after a position, in order; 0 is the start of what is kept.

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
            return await events.after(reader, caller.workspace_id, position, limit, caller.only_user)

    async def _user(self, tx: Tx, workspace_id: str, data: EventData) -> str | None:
        if data.account_id is not None:
            user_id = self._users.get(data.account_id)
            if user_id is None:
                user_id = await accounts.find_user(tx, workspace_id, data.account_id)
                if user_id is not None:
                    if len(self._users) >= _MOST_REMEMBERED:
                        self._users.clear()
                    self._users[data.account_id] = user_id
            return user_id
        if data.post_group_id is not None:
            return await posts.find_user(tx, workspace_id, data.post_group_id)
        return None

    async def latest(self, caller: Caller, limit: int) -> Sequence[Event]:
        """What happened to the caller's things last, the newest first."""
        async with self._database.read() as reader:
            return await events.latest(reader, caller.workspace_id, limit, caller.only_user)

    async def newest(self, caller: Caller) -> int:
        """The position from which only what is yet to happen follows."""
        async with self._database.read() as reader:
            position = await events.newest(reader, caller.workspace_id, caller.only_user)
            # Who is there already is up to date, also where all of it was removed since.
            return max(position, await events.trimmed(reader))

    async def wait(self, caller: Caller, position: int, timeout_seconds: float) -> bool:
        """Wait until it is worth reading again after this position; False: nothing happened."""
        topic = f"events:{caller.workspace_id}"
        # It waits already while it looks: what happens meanwhile wakes it.
        waiting = asyncio.ensure_future(self._notifier.wait(topic, timeout_seconds))
        try:
            await asyncio.sleep(0)
            async with self._database.read() as reader:
                logged, settled = await events.what_follows(reader, caller.workspace_id, position, caller.only_user)
            if settled:
                return True
            if logged:
                # On PostgreSQL it shows once all older transactions have ended, and those may wake nobody.
                await asyncio.wait({waiting}, timeout=_UNSETTLED_SECONDS)
                return True
            return await waiting
        finally:
            waiting.cancel()

    async def follow(self, caller: Caller, position: int, limit: int, timeout_seconds: float) -> Sequence[Event]:
        """What is after a position; where that is nothing, what happens first within so many seconds.

        Raises:
            InvalidParameters: (kind CURSOR) nothing has that position yet; else as for `after`.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout_seconds
        while True:
            found = await self.after(caller, position, limit)
            if not found and position > await self.newest(caller):
                raise InvalidParameters("The position is ahead of the log.", kind=Kind.CURSOR)
            left = until - loop.time()
            if found or left <= 0:
                return found
            await self.wait(caller, position, left)

    async def join(self, workspace_id: str, found: Sequence[Event]) -> Sequence[Joined]:
        """Each event with the content that it is about, as it now stands."""
        async with self._database.read() as reader:
            joined = []
            for event in found:
                content: Message | Account | Chat | PostNow | None = None
                if event.data.message_id is not None:
                    content = await messages.find(reader, workspace_id, event.data.message_id)
                elif event.data.chat_id is not None:
                    content = await chats.find(reader, workspace_id, event.data.chat_id)
                elif event.data.account_id is not None:
                    content = await accounts.find(reader, workspace_id, event.data.account_id)
                elif event.data.post_id is not None:
                    post = await posts.find_post(reader, workspace_id, event.data.post_id)
                    if post is not None:
                        scheduled_at = await posts.find_scheduled_at(reader, workspace_id, post.group_id)
                        content = PostNow(post=post, scheduled_at=scheduled_at)
                deletion = name = None
                if isinstance(content, Message):
                    (deletion,) = await self._deadlines.within(reader, workspace_id, [content])
                elif isinstance(content, Chat):
                    name = (await attendees.names_of_chats(reader, workspace_id, [content]))[content.id]
                joined.append(Joined(event=event, content=content, deletion=deletion, chat_name=name))
            return joined

    async def around(self, workspace_id: str, joined: Joined) -> Around:
        """What stands around an event's message, for those who tell of it at length."""
        data = joined.event.data
        async with self._database.read() as reader:
            account = chat = None
            people: list[Attendee] = []
            if data.account_id is not None:
                account = await accounts.find(reader, workspace_id, data.account_id)
            if account is not None and data.chat_id is not None:
                chat = await chats.find(reader, workspace_id, data.chat_id)
                people = await attendees.list_attendees(reader, workspace_id, data.chat_id)
                writer = joined.content.sender_id if isinstance(joined.content, Message) else None
                known = {each.provider_id for each in people}
                others = sorted({each for each in (writer, data.person_id) if each is not None} - known)
                people += (await attendees.find_attendees(reader, workspace_id, account.id, others)).values()
        return Around(account=account, chat=chat, people=people)
