"""What all writes to a chat have in common: one at a time, through the network, and then kept as the network said."""

import asyncio
from collections.abc import AsyncIterator, Hashable, Sequence
from contextlib import asynccontextmanager

from postroom.clock import Clock, from_ms, to_ms
from postroom.domain.accounts import Account
from postroom.domain.messages import Message
from postroom.domain.remote import (
    HeldMessage,
    MessageKey,
    MessageSeen,
    RemoteChat,
    RemoteEvent,
    RemoteMessage,
)
from postroom.errors import Kind, NotFound
from postroom.services.ingest import Ingest
from postroom.store import accounts, messages
from postroom.store.database import Database


class Turns:
    """One at a time for each key, in this process."""

    def __init__(self) -> None:
        self._turns: dict[Hashable, tuple[asyncio.Lock, list[None]]] = {}

    @asynccontextmanager
    async def of(self, *key: Hashable) -> AsyncIterator[None]:
        """Wait for the key's turn, and hold it inside the block."""
        lock, users = self._turns.setdefault(key, (asyncio.Lock(), []))
        users.append(None)
        try:
            async with lock:
                yield
        finally:
            users.pop()
            if not users:
                self._turns.pop(key, None)


class Kept:
    """Takes in what a network accepted, and gives the row that became of it."""

    def __init__(self, database: Database, ingest: Ingest, now: Clock) -> None:
        self._database = database
        self._ingest = ingest
        self._now = now

    async def sent(self, account: Account, sent: RemoteMessage, chat: RemoteChat | None = None) -> Message:
        """A message that was sent just now.

        Raises:
            NotFound: (kind MESSAGE, with `sent` in its context) it was sent, and is gone.
        """
        row = await self._take(account, [MessageSeen(message=sent, chat=chat)], sent.key)
        if row is None:
            detail = "It was sent, and is gone: it was taken back, or its account unlinked."
            raise NotFound(detail, kind=Kind.MESSAGE, context={"sent": True})
        return row

    async def changed(self, account: Account, message: Message, news: Sequence[RemoteEvent]) -> Message:
        """A message that was changed just now. What was taken back meanwhile stays so.

        Raises:
            NotFound: (kind MESSAGE) it is gone.
        """
        row = await self._take(account, news, message.key)
        if row is None or row.is_tombstone:
            raise NotFound("The message was taken back meanwhile.", kind=Kind.MESSAGE)
        return row

    async def _take(self, account: Account, news: Sequence[RemoteEvent], key: str) -> Message | None:
        await self._ingest.take(account, news, origin="api")
        async with self._database.begin() as tx:
            await accounts.touch(tx, account.workspace_id, account.id, to_ms(self._now()))
            found = await messages.find_by_keys(tx, account.workspace_id, account.id, [key])
        return found.get(key)


def as_held(message: Message) -> HeldMessage:
    """A message as far as a network needs it to act on it."""
    return HeldMessage(
        key=MessageKey(message.key),
        provider_id=message.provider_id,
        sender_id=message.sender_id,
        is_sender=message.is_sender,
        sent_at=from_ms(message.sent_at),
        text=message.content.text,
        original=message.content.original,
    )
