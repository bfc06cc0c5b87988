"""Resyncs: a whole account, or one chat's history, read anew because a caller asks for it."""

import msgspec

from postroom.clock import Clock, to_ms
from postroom.domain.access import Caller
from postroom.domain.accounts import Account
from postroom.domain.syncs import SyncProgress, SyncState, queued
from postroom.errors import InvalidParameters, Kind, NotFound, NotSupported
from postroom.services.access import sees
from postroom.services.accounts import Accounts
from postroom.services.connections import check_connected
from postroom.services.ingest import Ingest
from postroom.store import accounts, chats, syncs
from postroom.store.database import Database


class Resyncs:
    """Starts a resync, and tells how far it is: by the same question, asked again and again."""

    def __init__(self, database: Database, accounts: Accounts, ingest: Ingest, now: Clock) -> None:
        self._database = database
        self._accounts = accounts
        self._ingest = ingest
        self._now = now

    async def resync(
        self,
        caller: Caller,
        account_id: str,
        *,
        before: int | None = None,
        after: int | None = None,
        chunk_chats: int | None = None,
    ) -> SyncProgress:
        """Read all chats anew, with the messages sent before and not before these moments (milliseconds).

        `queued`: it begins with this call, or goes on with its next chunk. `running`: it is under way. `done`, `failed`
        and `resting` (a chunk is done) are told once; asked again, it begins anew or goes on.

        Raises:
            NotFound: no such account in the caller's workspace.
            NotSupported: the account has no chats.
            InvalidParameters: before is not later than after, or a chunk is no positive number.
            NoSession, CredentialsRejected, ActionRequired: it is paused, or not connected. Nothing was begun.
        """
        if before is not None and after is not None and before <= after:
            raise InvalidParameters("before must be later than after.")
        if chunk_chats is not None and chunk_chats < 1:
            raise InvalidParameters("A chunk has at least one chat.")
        account = await self._accounts.get(caller, account_id)
        now = to_ms(self._now())
        begun = msgspec.structs.replace(
            queued(now), asked=True, before=before, after=after, chunk_chats=chunk_chats, chunk_left=chunk_chats
        )
        return await self._told(account, syncs.WHOLE, begun, None)

    async def resync_chat(self, caller: Caller, chat_id: str) -> SyncProgress:
        """The same for the history of one chat.

        Raises:
            NotFound: (kind CHAT) no such chat in the caller's workspace; else as for `resync`.
        """
        async with self._database.read() as reader:
            chat = await chats.find(reader, caller.workspace_id, chat_id)
            if chat is None or not await sees(reader, caller, chat.account_id):
                raise NotFound("No such chat.", kind=Kind.CHAT)
        account = await self._accounts.get(caller, chat.account_id)
        begun = msgspec.structs.replace(queued(to_ms(self._now())), asked=True, chats_known=1, listed=True)
        return await self._told(account, chat.id, begun, chat.key)

    async def _told(self, account: Account, scope: str, begun: SyncProgress, chat_key: str | None) -> SyncProgress:
        if not account.has_chats:
            raise NotSupported("This account has no chats. Nothing was begun.")
        names = (account.workspace_id, account.id, scope)
        async with self._database.begin() as tx:
            if await accounts.hold(tx, account.workspace_id, account.id) is None:
                raise NotFound("No such account.", kind=Kind.ACCOUNT)
            found = await syncs.find(tx, *names)
            if found is not None and not found.told and not found.unfinished and found.asked:
                told = msgspec.structs.replace(found, told=True)
                await syncs.set_progress(tx, *names, told)
                return told
            if found is not None and found.state is SyncState.FAILED and not found.told:
                await syncs.set_progress(tx, *names, msgspec.structs.replace(found, told=True))
                return found
            check_connected(account)
            if found is not None and found.state in (SyncState.QUEUED, SyncState.RUNNING):
                return msgspec.structs.replace(found, state=SyncState.RUNNING)
            if found is not None and found.state in (SyncState.RESTING, SyncState.FAILED):
                begun = msgspec.structs.replace(
                    found, state=SyncState.QUEUED, chunk_left=found.chunk_chats, told=False, error=None
                )
                await syncs.set_progress(tx, *names, begun)
            else:
                await syncs.start(tx, *names, begun)
                if chat_key is not None:
                    await syncs.add_chats(tx, *names, [chat_key], first=0)
            await self._ingest.queue_sync_in(tx, account.workspace_id, account.id, scope or None)
        return begun
