"""The sync of a whole account: from its sync token where the network can, else page by page."""

from postroom.clock import Clock, to_ms
from postroom.connectors.contract import Messenger
from postroom.domain.accounts import Account, AccountStatus
from postroom.domain.events import EventData, EventType
from postroom.domain.remote import ChatChanged, MessageSeen, RemoteEvent
from postroom.errors import NotFound
from postroom.services.connections import Connections
from postroom.services.events import Events
from postroom.services.ingest import Ingest
from postroom.store import accounts
from postroom.store.database import Database


class Sync:
    """Brings a whole account up to date: from its sync token where the network can, else page by page."""

    def __init__(self, database: Database, connections: Connections, ingest: Ingest, events: Events, now: Clock):
        self._database = database
        self._connections = connections
        self._ingest = ingest
        self._events = events
        self._now = now

    async def sync(self, workspace_id: str, account_id: str, *, full: bool = False) -> None:
        """Sync an account (a job; safe to repeat). `full`: as if for the first time.

        Raises:
            ProviderError: the network did not go along; what was taken in stays.
        """
        async with self._database.read() as reader:
            account = await accounts.find(reader, workspace_id, account_id)
            token = None if full else await accounts.find_sync_token(reader, workspace_id, account_id)
        if account is None or account.status is not AccountStatus.CONNECTED or not account.has_chats:
            return
        async with self._connections.messenger(account) as connection:
            delta = await connection.changes(token)
            if token is not None and delta.complete:
                await self._ingest.take(account, delta.events, origin="sync")
                for event in delta.events:
                    if isinstance(event, ChatChanged):
                        await self._recent(connection, account, event.chat.key)
            else:
                await self._everything(connection, account)
        await self._finished(account, delta.token)

    async def _recent(self, connection: Messenger, account: Account, chat: str) -> None:
        """A changed chat's newest messages, back to a page that brings nothing new."""
        cursor = None
        while True:
            page = await connection.list_messages(chat, cursor)
            news: list[RemoteEvent] = [MessageSeen(message=message) for message in page.items]
            new = await self._ingest.take(account, news, origin="sync")
            cursor = page.next
            if cursor is None or new < len(page.items):
                return

    async def _everything(self, connection: Messenger, account: Account) -> None:
        # New messages of an account that was synced before were missed while it was away: those are announced.
        announce = account.synced
        cursor = None
        while True:
            listed = await connection.list_chats(cursor)
            news: list[RemoteEvent] = [ChatChanged(chat=chat) for chat in listed.items]
            await self._ingest.take(account, news, origin="sync", announce=announce)
            for chat in listed.items:
                await self._history(connection, account, chat.key, announce)
            cursor = listed.next
            if cursor is None:
                return

    async def _history(self, connection: Messenger, account: Account, chat: str, announce: bool) -> None:
        cursor = None
        while True:
            page = await connection.list_messages(chat, cursor)
            news: list[RemoteEvent] = [MessageSeen(message=message) for message in page.items]
            await self._ingest.take(account, news, origin="sync", announce=announce)
            cursor = page.next
            if cursor is None:
                return

    async def _finished(self, account: Account, token: str) -> None:
        async with self._database.begin() as tx:
            status = await accounts.hold(tx, account.workspace_id, account.id)
            if status is None or status is AccountStatus.UNLINKING:
                raise NotFound("The account was unlinked meanwhile.")
            await accounts.set_sync_token(tx, account.workspace_id, account.id, token, to_ms(self._now()), synced=True)
            if not account.synced:
                data = EventData(account_id=account.id, platform=account.provider, origin="sync")
                await self._events.announce(tx, account.workspace_id, EventType.ACCOUNT_SYNCED, data)
