"""Accounts: linked step by step, listed, got, and unlinked for good."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta

import msgspec
import structlog

from postroom.clock import Clock, to_ms
from postroom.domain.access import Caller
from postroom.domain.accounts import IN_USE, Account, AccountStatus, LoginAttempt
from postroom.domain.capabilities import Capabilities
from postroom.domain.events import EventData, EventType
from postroom.domain.jobs import Job, Task
from postroom.domain.pages import Listing, check_limit, decode_cursor, listing
from postroom.domain.proxies import Proxy
from postroom.errors import ErrorCode, Kind, NotFound, PostroomError
from postroom.ids import is_id, new_id
from postroom.services import deferral_ends
from postroom.services.connections import Connections, check_connected
from postroom.services.events import Events
from postroom.services.ingest import Ingest
from postroom.services.linking import Linking, Pending
from postroom.services.posts import Posts
from postroom.services.quota import Quota
from postroom.services.receipts import Receipts
from postroom.services.spending import counted
from postroom.store import accounts, chats, deferrals, jobs, messages, posts
from postroom.store.database import Database
from postroom.store.notify import Notifier

MOST = 250
_REVOKE_SECONDS = 5.0
_REMOVED_AT_ONCE = 2_000

log = structlog.get_logger()


class Stakes(msgspec.Struct, frozen=True, kw_only=True):
    """What goes with an account when it is unlinked."""

    chats: int
    messages: int
    posts: int
    """Those that are scheduled there, or being published."""
    deferrals: int
    """What is still to be sent or taken back by itself."""


class _Filters(msgspec.Struct, frozen=True, kw_only=True):
    provider: str | None


class Accounts:
    """What a caller may do with its linked accounts."""

    def __init__(
        self,
        database: Database,
        notifier: Notifier,
        connections: Connections,
        ingest: Ingest,
        posts: Posts,
        events: Events,
        receipts: Receipts,
        quota: Quota,
        now: Clock,
    ) -> None:
        self._database = database
        self._notifier = notifier
        self._connections = connections
        self._ingest = ingest
        self._posts = posts
        self._events = events
        self._receipts = receipts
        self._now = now
        self.linking = Linking(database, notifier, connections, ingest, events, quota, self.finish_unlink, now)

    async def list(
        self, caller: Caller, *, provider: str | None = None, cursor: str | None = None, limit: int = 100
    ) -> Listing[Account]:
        """Newest first."""
        place = None
        if cursor is not None:
            start = decode_cursor(cursor, _Filters)
            provider, limit, place = start.filters.provider, start.limit, start.cursor
        check_limit(limit, MOST)
        async with self._database.read() as reader:
            found = await accounts.list_page(
                reader, caller.workspace_id, user_id=caller.only_user, provider=provider, after=place, limit=limit + 1
            )
        return listing(found, limit, _Filters(provider=provider), lambda account: (account.created_at, account.id))

    async def get(self, caller: Caller, account_id: str) -> Account:
        """Raises:
        NotFound: no such account in the caller's workspace, or it is being unlinked.
        """
        if not is_id("acc", account_id):
            raise NotFound("Not an account's id.", code=ErrorCode.INVALID_RESOURCE_IDENTIFIER, kind=Kind.ACCOUNT)
        async with self._database.read() as reader:
            account = await accounts.find(reader, caller.workspace_id, account_id)
        if account is None or account.status is AccountStatus.UNLINKING:
            raise NotFound("No such account.", kind=Kind.ACCOUNT)
        if caller.only_user not in (None, account.user_id):
            raise NotFound("No such account.", kind=Kind.ACCOUNT)
        return account

    async def stakes(self, caller: Caller, account_id: str) -> Stakes:
        """What unlinking an account would remove and end here, as it stands now.

        Raises:
            NotFound: no such account in the caller's workspace.
        """
        account = await self.get(caller, account_id)
        names = (account.workspace_id, account.id)
        async with self._database.read() as reader:
            return Stakes(
                chats=await chats.count(reader, *names),
                messages=await messages.count(reader, *names),
                posts=len(await posts.list_unfinished_of_account(reader, *names)),
                deferrals=await deferrals.count_open(reader, *names),
            )

    def capabilities(self) -> Mapping[str, Capabilities]:
        """What each network can do."""
        return {name: connector.capabilities for name, connector in self._connections.connectors().items()}

    def login_flows(self) -> Mapping[str, Sequence[str]]:
        """The ways to link an account of each network."""
        return {name: connector.login_flows for name, connector in self._connections.connectors().items()}

    async def link(self, caller: Caller, provider: str, flow: str, answers: Mapping[str, str]) -> Account:
        """Link in one step: see `Linking.link`."""
        return await self.linking.link(caller, provider, flow, answers)

    async def start_link(
        self,
        caller: Caller,
        provider: str,
        flow: str,
        answers: Mapping[str, str] | None = None,
        *,
        proxy: Proxy | None = None,
    ) -> tuple[LoginAttempt, Pending | Account]:
        """Begin to link: see `Linking.start`."""
        return await self.linking.start(caller, provider, flow, answers, proxy=proxy)

    async def relink(
        self,
        caller: Caller,
        account_id: str,
        flow: str,
        answers: Mapping[str, str] | None = None,
        *,
        proxy: Proxy | None = None,
    ) -> tuple[LoginAttempt, Pending | Account]:
        """Link this account again, step by step as `start_link`; another person's credentials change nothing.

        Raises:
            NotFound: no such account in the caller's workspace.
            LoginFailed: as `Linking.start`.
        """
        account = await self.get(caller, account_id)
        return await self.linking.start(caller, account.provider, flow, answers, account=account, proxy=proxy)

    async def answer_link(
        self, caller: Caller, attempt_id: str, answers: Mapping[str, str]
    ) -> tuple[LoginAttempt, Pending | Account]:
        """Answer the last step of an attempt: see `Linking.answer`."""
        return await self.linking.answer(caller, attempt_id, answers)

    async def resend_code(self, caller: Caller, attempt_id: str) -> tuple[LoginAttempt, Pending | Account]:
        """Have a checkpoint's code sent once more: see `Linking.resend`."""
        return await self.linking.resend(caller, attempt_id)

    async def come_back(self, nonce: str, answers: Mapping[str, str]) -> tuple[LoginAttempt, Pending | Account]:
        """The owner is back from a network's page: see `Linking.come_back`."""
        return await self.linking.come_back(nonce, answers)

    async def proxy(self, caller: Caller, account_id: str) -> Proxy | None:
        """By what an account goes out; None: by the server's own address.

        Raises:
            NotFound: no such account in the caller's workspace.
        """
        account = await self.get(caller, account_id)
        async with self._database.read() as reader:
            found = await accounts.find_way_in(reader, account.workspace_id, account.id)
        return None if found is None else found.proxy

    async def set_proxy(self, caller: Caller, account_id: str, proxy: Proxy | None) -> None:
        """Have an account go out by this proxy and by nothing else; None: by the server's own address again.

        Its connection is opened anew, and so is what listens to it; calls under way end as they began. One that waited
        for a proxy with another login goes on. Whether the proxy leads anywhere is seen when it is used.

        Raises:
            NotFound: no such account in the caller's workspace.
            NotImplementedHere: accounts of its network cannot have proxies.
            InvalidParameters: (kind ADDRESS) the proxy is where this server may not call.
        """
        account = await self.get(caller, account_id)
        if proxy is not None:
            await self._connections.check_proxy(account.provider, proxy)
        async with self._database.begin() as tx:
            if await accounts.hold(tx, account.workspace_id, account.id) in (None, AccountStatus.UNLINKING):
                raise NotFound("No such account.", kind=Kind.ACCOUNT)
            await accounts.set_proxy(tx, account.workspace_id, account.id, proxy)
            tx.on_commit(lambda: self._notifier.wake("accounts"))
        if account.status_detail == ErrorCode.INVALID_PROXY_CREDENTIALS:
            status = AccountStatus.RECONNECTING if account.has_chats else AccountStatus.CONNECTED
            await self._connections.set_status(
                account.workspace_id, account.id, status, None, only_from=(AccountStatus.ACTION_REQUIRED,)
            )
            if account.has_chats:
                await self._ingest.queue_sync(account.workspace_id, account.id)

    async def sync(self, caller: Caller, account_id: str) -> None:
        """Have an account synced soon."""
        account = await self.get(caller, account_id)
        await self._ingest.queue_sync(account.workspace_id, account.id)

    async def pause(self, caller: Caller, account_id: str) -> Account:
        """Stop listening, syncing and calling the network, until it is resumed. What is held stays readable.

        Raises:
            NotFound: no such account in the caller's workspace.
            CredentialsRejected, ActionRequired: it is not in use: there is nothing to pause.
        """
        account = await self.get(caller, account_id)
        if account.status is not AccountStatus.PAUSED:
            check_connected(account)
            await self._connections.set_status(
                account.workspace_id, account.id, AccountStatus.PAUSED, None, only_from=IN_USE
            )
            self._connections.forget(account.id)
        return await self.get(caller, account_id)

    async def resume(self, caller: Caller, account_id: str) -> Account:
        """Go on after a pause, and catch up with what happened meanwhile. What is not paused stays as it is.

        Raises:
            NotFound: no such account in the caller's workspace.
        """
        account = await self.get(caller, account_id)
        if account.status is AccountStatus.PAUSED:
            # Whether it can be heard is not known before it is.
            status = AccountStatus.RECONNECTING if account.has_chats else AccountStatus.CONNECTED
            await self._connections.set_status(
                account.workspace_id, account.id, status, None, only_from=(AccountStatus.PAUSED,)
            )
            if account.has_chats:
                await self._ingest.queue_sync(account.workspace_id, account.id)
        return await self.get(caller, account_id)

    async def restart(self, caller: Caller, account_id: str) -> None:
        """Go on with an account that was paused, and have it synced soon in any case.

        Raises:
            NotFound: no such account in the caller's workspace.
            CredentialsRejected, ActionRequired: it has to be linked again.
        """
        account = await self.resume(caller, account_id)
        check_connected(account)
        if account.has_chats:
            await self._ingest.queue_sync(account.workspace_id, account.id)

    @counted
    async def unlink(self, caller: Caller, account_id: str) -> None:
        """End the session, destroy the account's key, and remove all that was held of it. Its tombstones stay.

        Ours is done for certain, the network's part if it answers within five seconds.

        Raises:
            NotFound: no such account in the caller's workspace.

        Source: PostPress "Delete an account" (May 2026).
        """
        account = await self.get(caller, account_id)
        async with self._database.begin() as tx:
            if await accounts.hold(tx, account.workspace_id, account.id) is None:
                raise NotFound("No such account.", kind=Kind.ACCOUNT)
            if not await accounts.set_status(tx, account.workspace_id, account.id, AccountStatus.UNLINKING, None):
                raise NotFound("No such account: it is being unlinked.", kind=Kind.ACCOUNT)
            now = self._now()
            job = Job(
                id=new_id("job", now),
                workspace_id=account.workspace_id,
                task=Task.FINISH_UNLINK,
                args={"account_id": account.id},
                lock=f"unlink:{account.id}",
                attempts=0,
                scheduled_at=to_ms(now + timedelta(seconds=30)),
            )
            await jobs.enqueue(tx, job)
        revoked = await self._revoke(account)
        await self.finish_unlink(account.workspace_id, account.id, revoked=revoked)

    async def finish_unlink(self, workspace_id: str, account_id: str, *, revoked: bool = False) -> bool:
        """What remains after an account was marked (also a job; safe to repeat).

        False: it is gone from the tables, and a backup that is being made keeps what was from being overwritten.
        """
        async with self._database.read() as reader:
            status = await accounts.find_status(reader, workspace_id, account_id)
        if status is AccountStatus.UNLINKING:
            await self._remove(workspace_id, account_id, revoked=revoked)
        elif status is not None:
            return True
        # Where it was gone: whoever removed it may not have come to have that so in every file.
        return await self._database.scrub()

    async def _remove(self, workspace_id: str, account_id: str, *, revoked: bool) -> None:
        self._connections.forget(account_id)
        self._notifier.wake("accounts")
        self._database.keyring.destroy(account_id)
        async with self._database.begin() as tx:
            await self._posts.abandon(tx, workspace_id, account_id)
            await deferral_ends.abandon(tx, self._events, self._now, workspace_id, account_id)
        removed = 0
        while True:
            async with self._database.begin() as tx:
                part = await messages.remove_of_account(tx, workspace_id, account_id, _REMOVED_AT_ONCE)
            removed += part
            if part < _REMOVED_AT_ONCE:
                break
        async with self._database.begin() as tx:
            if await accounts.hold(tx, workspace_id, account_id) is None:
                return
            user_id = await accounts.find_user(tx, workspace_id, account_id)
            provider = await accounts.find_provider(tx, workspace_id, account_id)
            await accounts.remove(tx, workspace_id, account_id)
            document = {"session_ended_at_network": revoked, "key_destroyed": True, "messages_removed": removed}
            await self._receipts.write(tx, workspace_id, user_id, "account.unlinked", account_id, document)
            data = EventData(account_id=account_id, platform=provider, origin="api")
            await self._events.announce(tx, workspace_id, EventType.ACCOUNT_DELETED, data, user_id)

    async def _revoke(self, account: Account) -> bool:
        try:
            async with asyncio.timeout(_REVOKE_SECONDS):
                await self._connections.revoke(account)
        except (PostroomError, TimeoutError) as error:
            log.warning(
                "account.not_revoked", account=account.id, provider=account.provider, error=type(error).__name__
            )
            return False
        return True
