"""Accounts: linked step by step, listed, got, and unlinked for good."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta

import msgspec
import structlog

from postroom.clock import Clock, to_ms
from postroom.connectors.contract import Linked, LoginStep, Reply, Visit
from postroom.domain.access import Caller
from postroom.domain.accounts import Account, AccountStatus, LoginAttempt
from postroom.domain.capabilities import Capabilities
from postroom.domain.events import EventData, EventType
from postroom.domain.jobs import Job, Task
from postroom.domain.pages import Listing, check_limit, decode_cursor, listing
from postroom.errors import ErrorCode, Kind, LoginFailed, NotFound, PostroomError
from postroom.ids import is_id, new_id
from postroom.services.connections import Connections
from postroom.services.events import Events
from postroom.services.ingest import Ingest
from postroom.services.posts import Posts
from postroom.services.quota import Quota
from postroom.services.receipts import Receipts
from postroom.store import accounts, jobs, login_attempts, messages
from postroom.store.database import Database
from postroom.store.notify import Notifier

MOST = 250
_ATTEMPT_LIVES = timedelta(minutes=5)
_NO_ATTEMPT = "No such attempt to link; it lives five minutes."
_REVOKE_SECONDS = 5.0
_REMOVED_AT_ONCE = 2_000

log = structlog.get_logger()


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
        self._quota = quota
        self._now = now
        self._linking = asyncio.Lock()

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

    def capabilities(self) -> Mapping[str, Capabilities]:
        """What each network can do."""
        return {name: connector.capabilities for name, connector in self._connections.connectors().items()}

    def login_flows(self) -> Mapping[str, Sequence[str]]:
        """The ways to link an account of each network."""
        return {name: connector.login_flows for name, connector in self._connections.connectors().items()}

    async def link(self, caller: Caller, provider: str, flow: str, answers: Mapping[str, str]) -> Account:
        """Link in one step, where the network asks no more. An account that is linked already is reconnected.

        Raises:
            LoginFailed: the network did not accept it, or asks for a further step.
        """
        step = await self._connections.connector(provider).login(flow, Reply(state=None, answers=answers))
        if not isinstance(step, Linked):
            raise LoginFailed("The network asks for another step: link step by step.")
        return await self._linked(caller.workspace_id, caller.user_id, provider, step)

    async def start_link(self, caller: Caller, provider: str, flow: str) -> tuple[LoginAttempt, LoginStep]:
        """Begin to link: what the owner is asked first. The attempt lives five minutes."""
        step = await self._connections.connector(provider).login(flow, None)
        now = self._now()
        attempt = LoginAttempt(
            id=new_id("lgn", now),
            workspace_id=caller.workspace_id,
            user_id=caller.user_id,
            provider=provider,
            flow=flow,
            state=None if isinstance(step, Linked) else step.state,
            created_at=to_ms(now),
            expires_at=to_ms(now + _ATTEMPT_LIVES),
            nonce=step.nonce if isinstance(step, Visit) else None,
        )
        async with self._database.begin() as tx:
            await login_attempts.add_login_attempt(tx, caller.workspace_id, attempt)
        return attempt, step

    async def answer_link(
        self, caller: Caller, attempt_id: str, answers: Mapping[str, str]
    ) -> tuple[LoginAttempt, LoginStep | Account]:
        """Answer the last step: the next one, or the account once it is linked.

        Raises:
            NotFound: no such attempt, or its five minutes are over.
            LoginFailed: this attempt is over; start again.
        """
        async with self._database.read() as reader:
            attempt = await login_attempts.find_login_attempt(reader, caller.workspace_id, attempt_id)
        if attempt is None or attempt.user_id != caller.user_id:
            raise NotFound(_NO_ATTEMPT, kind=Kind.ACCOUNT)
        return await self._answered(attempt, answers, None)

    async def come_back(self, nonce: str, answers: Mapping[str, str]) -> tuple[LoginAttempt, LoginStep | Account]:
        """The owner is back from the page that a `Visit` sent them to, with what the network gave along.

        Raises:
            NotFound: nobody was sent away with this nonce, or the attempt's time is over, or it was used.
            LoginFailed: this attempt is over; start again.
        """
        async with self._database.read() as reader:
            attempt = await login_attempts.find_login_attempt_by_nonce(reader, nonce)
        if attempt is None:
            raise NotFound(_NO_ATTEMPT, kind=Kind.ACCOUNT)
        return await self._answered(attempt, answers, nonce)

    async def _answered(
        self, attempt: LoginAttempt, answers: Mapping[str, str], nonce: str | None
    ) -> tuple[LoginAttempt, LoginStep | Account]:
        if attempt.expires_at < to_ms(self._now()):
            raise NotFound(_NO_ATTEMPT, kind=Kind.ACCOUNT)
        reply = Reply(state=attempt.state, answers=answers)
        step = await self._connections.connector(attempt.provider).login(attempt.flow, reply)
        async with self._database.begin() as tx:
            if not await login_attempts.remove_login_attempt(tx, attempt.workspace_id, attempt.id):
                raise NotFound(_NO_ATTEMPT, kind=Kind.ACCOUNT)
            if not isinstance(step, Linked):
                await login_attempts.add_login_attempt(tx, attempt.workspace_id, _with_state(attempt, step, nonce))
        if isinstance(step, Linked):
            return attempt, await self._linked(attempt.workspace_id, attempt.user_id, attempt.provider, step)
        return attempt, step

    async def sync(self, caller: Caller, account_id: str) -> None:
        """Have an account synced soon."""
        account = await self.get(caller, account_id)
        await self._ingest.queue_sync(account.workspace_id, account.id)

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

    async def finish_unlink(self, workspace_id: str, account_id: str, *, revoked: bool = False) -> None:
        """What remains after an account was marked (also a job; safe to repeat)."""
        async with self._database.read() as reader:
            status = await accounts.find_status(reader, workspace_id, account_id)
        if status is None:
            # It is gone from the tables; whoever removed it may have died before that was so in every file.
            await self._database.scrub()
        if status is not AccountStatus.UNLINKING:
            return
        self._connections.forget(account_id)
        self._notifier.wake("accounts")
        self._database.keyring.destroy(account_id)
        async with self._database.begin() as tx:
            await self._posts.abandon(tx, workspace_id, account_id)
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
        await self._database.scrub()

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

    async def _linked(self, workspace_id: str, user_id: str, provider: str, linked: Linked) -> Account:
        """Keep a fresh link, or give an account that is here already its new credentials. One at a time."""
        async with self._linking:
            return await self._kept(workspace_id, user_id, provider, linked)

    async def _kept(self, workspace_id: str, user_id: str, provider: str, linked: Linked) -> Account:
        now = to_ms(self._now())
        has_chats, takes_posts = self._connections.roles(provider, linked)
        async with self._database.begin() as tx:
            held = await accounts.find_by_provider_id(tx, workspace_id, user_id, provider, linked.profile.provider_id)
            if held is not None and held.status is not AccountStatus.UNLINKING:
                await accounts.hold(tx, workspace_id, held.id)
                await accounts.set_credentials(tx, workspace_id, held.id, linked.credentials)
                await accounts.set_profile(tx, workspace_id, held.id, linked.profile)
                await accounts.set_roles(tx, workspace_id, held.id, has_chats=has_chats, takes_posts=takes_posts)
        if held is not None and held.status is AccountStatus.UNLINKING:
            await self.finish_unlink(workspace_id, held.id)
        elif held is not None:
            self._connections.forget(held.id)
            await self._connections.set_status(workspace_id, held.id, AccountStatus.CONNECTED, None, origin="api")
            if has_chats:
                await self._ingest.queue_sync(workspace_id, held.id)
            self._notifier.wake("accounts")
            return await self._fresh(workspace_id, held.id)
        account = Account(
            id=new_id("acc", self._now()),
            workspace_id=workspace_id,
            user_id=user_id,
            provider=provider,
            provider_id=linked.profile.provider_id,
            status=AccountStatus.CONNECTED,
            status_detail=None,
            profile=linked.profile,
            created_at=now,
            last_synced_at=None,
            last_used_at=now,
            synced=False,
            has_chats=has_chats,
            takes_posts=takes_posts,
        )
        async with self._database.begin() as tx:
            await self._quota.check_link(tx, workspace_id)
            self._database.keyring.create(account.id)
            await accounts.add(tx, account, linked.credentials)
            data = EventData(account_id=account.id, platform=provider, origin="api")
            await self._events.announce(tx, account.workspace_id, EventType.ACCOUNT_LINKED, data)
            if has_chats:
                await self._ingest.queue_sync_in(tx, account.workspace_id, account.id)
        self._notifier.wake("accounts")
        return account

    async def _fresh(self, workspace_id: str, account_id: str) -> Account:
        async with self._database.read() as reader:
            account = await accounts.find(reader, workspace_id, account_id)
        if account is None:
            raise NotFound("No such account.", kind=Kind.ACCOUNT)
        return account


def _with_state(attempt: LoginAttempt, step: LoginStep, nonce: str | None) -> LoginAttempt:
    assert not isinstance(step, Linked)
    nonce = step.nonce if isinstance(step, Visit) else nonce
    return msgspec.structs.replace(attempt, state=step.state, nonce=nonce)
