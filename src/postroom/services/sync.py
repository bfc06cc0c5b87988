"""The sync of a whole account: from its sync token where the network can, else page by page."""

from postroom.clock import Clock, to_ms
from postroom.connectors.contract import Messenger
from postroom.domain.accounts import IN_USE, Account, AccountStatus
from postroom.domain.remote import ChatChanged, MessageSeen, RemoteEvent
from postroom.errors import ErrorCode, NoSession, NotFound
from postroom.services.backfill import Backfill
from postroom.services.connections import Connections
from postroom.services.ingest import Ingest
from postroom.store import accounts, syncs
from postroom.store.database import Database, Tx


class Sync:
    """Brings a whole account up to date: from its sync token where the network can, else page by page."""

    def __init__(
        self, database: Database, connections: Connections, ingest: Ingest, backfill: Backfill, now: Clock
    ) -> None:
        self._database = database
        self._connections = connections
        self._ingest = ingest
        self._backfill = backfill
        self._now = now

    async def sync(
        self,
        workspace_id: str,
        account_id: str,
        *,
        full: bool = False,
        chat_id: str | None = None,
        seconds: float | None = None,
    ) -> bool:
        """Sync an account, or the history of one chat (a job; safe to repeat); whether it is over.

        What was begun and not finished is gone on with. `full`: as if for the first time. `seconds`: a long one stops
        after so many, for another run to go on.

        Raises:
            ProviderError: the network did not go along; what was taken in stays.
        """
        async with self._database.read() as reader:
            account = await accounts.find(reader, workspace_id, account_id)
            token = await accounts.find_sync_token(reader, workspace_id, account_id) if account else None
        if account is None or account.status not in IN_USE or not account.has_chats:
            return True
        try:
            return await self._synced(account, token, full=full, chat_id=chat_id, seconds=seconds)
        except NoSession as error:
            if error.code is ErrorCode.NO_HANDLER:
                # Another process has its session: that one does the job when its turn comes.
                raise
            # It was paused or unlinked meanwhile.
            return True

    async def _synced(
        self, account: Account, token: str | None, *, full: bool, chat_id: str | None, seconds: float | None
    ) -> bool:
        async with self._connections.messenger(account) as connection:
            if chat_id is not None:
                return await self._backfill.run(connection, account, chat_id, seconds=seconds)
            unfinished = account.sync is not None and account.sync.unfinished
            if not full and not unfinished and token is not None and await self._changes(connection, account, token):
                return True
            if full or not unfinished:
                await self._backfill.begin(account)
            return await self._backfill.run(connection, account, syncs.WHOLE, seconds=seconds)

    async def queue(self, workspace_id: str, account_id: str, chat_id: str | None = None) -> None:
        """Have it synced soon."""
        await self._ingest.queue_sync(workspace_id, account_id, chat_id)

    async def _changes(self, connection: Messenger, account: Account, token: str) -> bool:
        """What changed since the last sync. False: the network cannot tell."""
        delta = await connection.changes(token)
        if not delta.complete:
            return False
        await self._ingest.take(account, delta.events, origin="sync", also=_check)
        for event in delta.events:
            if isinstance(event, ChatChanged):
                await self._recent(connection, account, event.chat.key)
        async with self._database.begin() as tx:
            status = await accounts.hold(tx, account.workspace_id, account.id)
            if status is None or status is AccountStatus.UNLINKING:
                raise NotFound("The account was unlinked meanwhile.")
            await _check(tx, status)
            await accounts.set_sync_token(
                tx, account.workspace_id, account.id, delta.token, to_ms(self._now()), synced=True
            )
        return True

    async def _recent(self, connection: Messenger, account: Account, chat: str) -> None:
        """A changed chat's newest messages, back to a page that brings nothing new."""
        cursor = None
        while True:
            page = await connection.list_messages(chat, cursor)
            news: list[RemoteEvent] = [MessageSeen(message=message) for message in page.items]
            new = await self._ingest.take(account, news, origin="sync", also=_check)
            cursor = page.next
            if cursor is None or new < len(page.items):
                return


async def _check(_: Tx, status: AccountStatus) -> None:
    """Nothing is kept of an account that is not in use any more."""
    if status not in IN_USE:
        raise NoSession("The account is not in use.")
