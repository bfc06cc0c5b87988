"""Asking a network now, for those who do not want to wait until it tells by itself."""

import time
from collections.abc import Sequence

import msgspec

from postroom.domain.access import Caller
from postroom.domain.accounts import Account
from postroom.domain.chats import Chat
from postroom.domain.remote import ChatChanged, MessageSeen, RemoteEvent
from postroom.errors import InvalidParameters, Kind, NotFound, PostroomError
from postroom.services.accounts import Accounts
from postroom.services.chats import Chats
from postroom.services.connections import Connections
from postroom.services.ingest import Ingest
from postroom.services.sync import Sync
from postroom.store import chats, messages
from postroom.store.database import Database

_SYNC_SECONDS = 8.0


class Synced(msgspec.Struct, frozen=True, kw_only=True):
    """What a sync did while its caller waited."""

    chats: int
    """How many are held now."""
    messages: int
    """How many are new."""
    seconds: float
    finished: bool
    """False: it goes on without its caller."""


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """How much of an account is here."""

    chats: int
    messages: int


class Place(msgspec.Struct, frozen=True):
    """Where a list of the network's stands."""

    account_id: str
    cursor: str | None


class Refreshing:
    """What is asked is taken in like everything else that a network says, and answered from here."""

    def __init__(
        self,
        database: Database,
        connections: Connections,
        ingest: Ingest,
        sync: Sync,
        accounts: Accounts,
        chats: Chats,
    ) -> None:
        self._database = database
        self._connections = connections
        self._ingest = ingest
        self._sync = sync
        self._accounts = accounts
        self._chats = chats

    async def chat(self, caller: Caller, chat_id: str) -> None:
        """Bring a chat's newest messages up to date.

        Raises:
            NotFound: no such chat in the caller's workspace.
            ProviderError: its network cannot be asked.
        """
        chat, _ = await self._chats.get(caller, chat_id)
        account = await self._accounts.get(caller, chat.account_id)
        async with self._connections.messenger(account) as connection:
            page = await connection.list_messages(chat.key, None)
        news: list[RemoteEvent] = [MessageSeen(message=message) for message in page.items]
        # What an account that was never synced has is no news.
        await self._ingest.take(account, news, origin="sync", announce=account.synced)

    async def try_chat(self, caller: Caller, chat_id: str) -> bool:
        """The same, where the network can be asked; whether it was.

        Raises:
            NotFound: no such chat in the caller's workspace.
        """
        try:
            await self.chat(caller, chat_id)
        except NotFound:
            raise
        except PostroomError:
            return False
        return True

    async def page(self, caller: Caller, place: Place) -> tuple[Sequence[Chat], Place | None]:
        """A page of chats as the network lists them, and where the next one begins.

        Raises:
            NotFound: no such account in the caller's workspace.
            ProviderError: its network cannot be asked.
        """
        account = await self._accounts.get(caller, place.account_id)
        if place.cursor is not None and (len(place.cursor) > 4096 or not place.cursor.isprintable()):
            raise InvalidParameters("The cursor is not one that was given out.", kind=Kind.CURSOR)
        async with self._connections.messenger(account) as connection:
            page = await connection.list_chats(place.cursor)
        news: list[RemoteEvent] = [ChatChanged(chat=chat) for chat in page.items]
        await self._ingest.take(account, news, origin="sync", announce=account.synced)
        async with self._database.read() as reader:
            held = [await chats.find_by_key(reader, account.workspace_id, account.id, chat.key) for chat in page.items]
        next_place = None if page.next is None else Place(account.id, page.next)
        return [each for each in held if each is not None], next_place

    async def account(self, caller: Caller, account_id: str, *, full: bool = False) -> Synced:
        """Sync an account, and wait for it for a while. What takes longer goes on.

        Raises:
            NotFound: no such account in the caller's workspace.
            ProviderError: its network does not go along.
        """
        account = await self._accounts.get(caller, account_id)
        async with self._connections.messenger(account):
            before = await self.held(account)
        began = time.monotonic()
        finished = False
        # One that is under way already is the worker's: two would go on from the same place.
        if account.sync is None or not account.sync.unfinished:
            finished = await self._sync.sync(account.workspace_id, account.id, full=full, seconds=_SYNC_SECONDS)
        if not finished:
            await self._ingest.queue_sync(account.workspace_id, account.id)
        after = await self.held(account)
        return Synced(
            chats=after.chats,
            messages=max(0, after.messages - before.messages),
            seconds=time.monotonic() - began,
            finished=finished,
        )

    async def held(self, account: Account) -> Held:
        """How much of an account is here."""
        async with self._database.read() as reader:
            return Held(
                chats=await chats.count(reader, account.workspace_id, account.id),
                messages=await messages.count(reader, account.workspace_id, account.id),
            )
