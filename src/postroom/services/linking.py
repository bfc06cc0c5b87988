"""Linking: an attempt goes from step to step until an account is linked, for the first time or again."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

import msgspec

from postroom.clock import Clock, to_ms
from postroom.connectors.contract import Ask, Linked, LoginStep, Reply, Show, Visit, Wait
from postroom.domain.access import Caller
from postroom.domain.accounts import Account, AccountStatus, LoginAttempt
from postroom.domain.events import EventData, EventType
from postroom.domain.jobs import Job, Retry, Task
from postroom.domain.proxies import Proxy
from postroom.errors import (
    ErrorCode,
    InvalidParameters,
    Kind,
    LoginFailed,
    NotFound,
    NotImplementedHere,
    NotPermitted,
    PostroomError,
)
from postroom.ids import is_id, new_id
from postroom.services.connections import Connections
from postroom.services.events import Events
from postroom.services.hosted_links import note_linked
from postroom.services.ingest import Ingest
from postroom.services.quota import Quota
from postroom.store import accounts, jobs, login_attempts
from postroom.store.database import Database, Tx
from postroom.store.notify import Notifier

Pending = Ask | Visit | Show | Wait
"""A step after which something is still to be done."""

# Source: PostPress "Connect an account" (2026): an intent lives five minutes.
ATTEMPT_LIVES = timedelta(minutes=5)
_LONGEST_ANSWER = timedelta(minutes=2)
"""How long one answer may take; what takes longer died, and does not keep its attempt for ever."""
_MADE_HERE = ("qr", "pairing_code", "password")
_WHOSE = ("username", "phone_number")
_NO_ATTEMPT = "No such attempt to link; it lives five minutes."
_RUNNING = "This login is being answered at this moment: wait for what comes of it."


class Linking:
    """The life of attempts to link. Safe where several processes serve one database."""

    def __init__(
        self,
        database: Database,
        notifier: Notifier,
        connections: Connections,
        ingest: Ingest,
        events: Events,
        quota: Quota,
        finish_unlink: Callable[[str, str], Awaitable[object]],
        now: Clock,
    ) -> None:
        self._database = database
        self._notifier = notifier
        self._connections = connections
        self._ingest = ingest
        self._events = events
        self._quota = quota
        self._finish_unlink = finish_unlink
        self._now = now
        self._keeping = asyncio.Lock()

    async def link(self, caller: Caller, provider: str, flow: str, answers: Mapping[str, str]) -> Account:
        """Link in one step, where the network asks no more. An account that is linked already is reconnected.

        Raises:
            LoginFailed: the network did not accept it, or asks for a further step.
        """
        self._connections.check_links_here(provider)
        step = await self._connections.connector(provider).login(flow, Reply(state=None, answers=answers))
        if not isinstance(step, Linked):
            raise LoginFailed("The network asks for another step: link step by step.")
        return await self._linked(self._attempt(caller.workspace_id, caller.user_id, provider, flow, None), step)

    async def start(
        self,
        caller: Caller,
        provider: str,
        flow: str,
        answers: Mapping[str, str] | None = None,
        *,
        account: Account | None = None,
        proxy: Proxy | None = None,
    ) -> tuple[LoginAttempt, Pending | Account]:
        """Begin to link: what the owner is asked first, or what follows from the first answers.

        The attempt lives five minutes, and knows the account's id beforehand. `account`: link this one again. `proxy`:
        all of it goes out by this one, and so does the account from then on; without one, by that of `account`.

        Raises:
            LoginFailed: the network did not accept it; or (kind LINK_RUNNING) an earlier attempt at this login is
                being answered at this moment; or (WRONG_ACCOUNT) it is not the account that was to be linked again.
            ProxyRefused, NotImplementedHere, InvalidParameters: not by this proxy.
        """
        if account is not None and account.provider != provider:
            raise InvalidParameters(f"That account is one of {account.provider}.", kind=Kind.ACCOUNT)
        user_id = caller.user_id if account is None else account.user_id
        attempt = self._attempt(caller.workspace_id, user_id, provider, flow, account)
        self._connections.check_links_here(provider)
        if proxy is not None:
            await self._connections.check_proxy(provider, proxy)
        subject = _subject(answers) if account is None else account.id
        attempt = msgspec.structs.replace(attempt, subject=subject, proxy=proxy)
        connector = self._connections.connector(provider, await self._proxy_of(attempt))
        now = self._now()
        async with self._database.begin() as tx:
            if subject is not None and not await login_attempts.supersede_login_attempts(
                tx, attempt.workspace_id, attempt, subject, to_ms(now)
            ):
                raise LoginFailed(_RUNNING, code=ErrorCode.AUTHENTICATION_INTENT_ERROR, kind=Kind.LINK_RUNNING)
            await login_attempts.add_login_attempt(tx, attempt.workspace_id, attempt)
            until = to_ms(now + _LONGEST_ANSWER)
            await login_attempts.claim_login_attempt(tx, attempt.workspace_id, attempt.id, to_ms(now), until)
        reply = None if answers is None else Reply(state=None, answers=answers)
        step: LoginStep | None = None
        try:
            step = await connector.login(flow, reply)
        finally:
            if step is None:
                await self._end(attempt)
        return await self._taken(attempt, step, None)

    async def answer(
        self, caller: Caller, attempt_id: str, answers: Mapping[str, str]
    ) -> tuple[LoginAttempt, Pending | Account]:
        """Answer the last step: the next one, or the account once it is linked.

        `attempt_id`: the attempt's id, or that of the account which it is to link.

        Raises:
            NotFound: (kind LINK) no such attempt, or it is over.
            LoginFailed: (INVALID_CHECKPOINT_SOLUTION) not right: answer again; (kind LINK_TIMED_OUT) its five
                minutes are over, which is said once; (kind LINK_SUPERSEDED) a later attempt at the same login
                began; (kind LINK_RUNNING) another answer is under way; else this attempt is over: start again.
        """
        return await self._answered(await self._found(caller, attempt_id), answers, None)

    async def resend(self, caller: Caller, attempt_id: str) -> tuple[LoginAttempt, Pending | Account]:
        """Have the network send the code of a checkpoint once more.

        Raises:
            NotImplementedHere: the network sends none for this step.
            NotFound, LoginFailed: as `answer`.
        """
        attempt = await self._found(caller, attempt_id)
        step = _step_of(attempt)
        if not isinstance(step, Ask) or step.checkpoint is None or not step.checkpoint.can_resend:
            raise NotImplementedHere("The network sends no other code for this step.")
        return await self._answered(attempt, {}, None, resend=True)

    async def standing(self, caller: Caller, attempt_id: str) -> tuple[LoginAttempt, Pending]:
        """What the owner was told last.

        Raises:
            NotFound, LoginFailed: as `answer`.
        """
        attempt = await self._found(caller, attempt_id)
        await self._check_alive(attempt)
        return attempt, _step_of(attempt)

    async def come_back(self, nonce: str, answers: Mapping[str, str]) -> tuple[LoginAttempt, Pending | Account]:
        """The owner is back from the page that a `Visit` sent them to, with what the network gave along.

        Raises:
            NotFound: nobody was sent away with this nonce, or the attempt's time is over, or it was used.
            LoginFailed: as `answer`.
        """
        async with self._database.read() as reader:
            attempt = await login_attempts.find_login_attempt_by_nonce(reader, nonce)
        if attempt is None:
            raise NotFound(_NO_ATTEMPT, kind=Kind.LINK)
        return await self._answered(attempt, answers, nonce)

    async def ask_again(self, workspace_id: str, attempt_id: str) -> Retry | None:
        """Ask the network whether its owner did what a `Show` or `Wait` waits for (a job; safe to repeat)."""
        async with self._database.read() as reader:
            attempt = await login_attempts.find_login_attempt(reader, workspace_id, attempt_id)
        if attempt is None or attempt.superseded:
            return None
        seconds = _again_seconds(_step_of(attempt))
        if seconds is None:
            return None
        if attempt.expires_at < to_ms(self._now()):
            await self._tell_failed(attempt, "timed_out")
            return None
        try:
            _, step = await self._answered(attempt, {}, None, polled=True)
        except LoginFailed as error:
            if error.kind is not Kind.LINK_RUNNING:
                await self._tell_failed(attempt, error.code)
                return None
            step = _step_of(attempt)
        except NotFound:
            return None
        except PostroomError as error:
            return Retry(after=timedelta(seconds=seconds), reason=error.code)
        again = None if isinstance(step, Account) else _again_seconds(step)
        return None if again is None else Retry(after=timedelta(seconds=again), reason="waiting")

    def _attempt(
        self, workspace_id: str, user_id: str, provider: str, flow: str, account: Account | None
    ) -> LoginAttempt:
        now = self._now()
        return LoginAttempt(
            id=new_id("lgn", now),
            workspace_id=workspace_id,
            user_id=user_id,
            provider=provider,
            flow=flow,
            state=None,
            created_at=to_ms(now),
            expires_at=to_ms(now + ATTEMPT_LIVES),
            account_id=new_id("acc", now) if account is None else account.id,
            relinks=account is not None,
        )

    async def _found(self, caller: Caller, attempt_id: str) -> LoginAttempt:
        find = (
            login_attempts.find_login_attempt_of_account
            if is_id("acc", attempt_id)
            else login_attempts.find_login_attempt
        )
        async with self._database.read() as reader:
            attempt = await find(reader, caller.workspace_id, attempt_id)
        if attempt is None or caller.only_user not in (None, attempt.user_id):
            raise NotFound(_NO_ATTEMPT, kind=Kind.LINK)
        return attempt

    async def _check_alive(self, attempt: LoginAttempt) -> None:
        if attempt.expires_at < to_ms(self._now()):
            async with self._database.begin() as tx:
                removed = await login_attempts.remove_login_attempt(tx, attempt.workspace_id, attempt.id)
            if not removed:
                raise NotFound(_NO_ATTEMPT, kind=Kind.LINK)
            raise LoginFailed(
                "The five minutes of this attempt are over: start again.",
                code=ErrorCode.AUTHENTICATION_INTENT_ERROR,
                kind=Kind.LINK_TIMED_OUT,
            )
        if attempt.superseded:
            raise LoginFailed(
                "A later attempt at the same login began: go on with that.",
                code=ErrorCode.AUTHENTICATION_INTENT_ERROR,
                kind=Kind.LINK_SUPERSEDED,
            )

    async def _answered(
        self,
        attempt: LoginAttempt,
        answers: Mapping[str, str],
        nonce: str | None,
        *,
        resend: bool = False,
        polled: bool = False,
    ) -> tuple[LoginAttempt, Pending | Account]:
        await self._check_alive(attempt)
        now = self._now()
        asked = await self._claimed(attempt, to_ms(now), to_ms(now + _LONGEST_ANSWER))
        before = _step_of(asked)
        reply = Reply(state=before.state, answers=answers, resend=resend)
        step: LoginStep | None = None
        over = False
        try:
            connector = self._connections.connector(attempt.provider, await self._proxy_of(asked))
            step = await connector.login(attempt.flow, reply)
        except LoginFailed:
            # What was only asked for can be given again; a checkpoint that failed is no more.
            over = getattr(before, "checkpoint", None) is not None
            raise
        finally:
            if step is None:
                await (self._end(attempt) if over else self._release(attempt))
        return await self._taken(asked, step, nonce, was_polled=polled or _again_seconds(before) is not None)

    async def _claimed(self, attempt: LoginAttempt, now: int, until: int) -> LoginAttempt:
        """The attempt as it stands, to be answered by nobody else until then."""
        async with self._database.begin() as tx:
            claimed = await login_attempts.claim_login_attempt(tx, attempt.workspace_id, attempt.id, now, until)
            found = await login_attempts.find_login_attempt(tx, attempt.workspace_id, attempt.id)
        if found is None:
            raise NotFound(_NO_ATTEMPT, kind=Kind.LINK)
        if not claimed:
            await self._check_alive(found)
            raise LoginFailed(_RUNNING, code=ErrorCode.AUTHENTICATION_INTENT_ERROR, kind=Kind.LINK_RUNNING)
        return found

    async def _taken(
        self, attempt: LoginAttempt, step: LoginStep, nonce: str | None, *, was_polled: bool = False
    ) -> tuple[LoginAttempt, Pending | Account]:
        """Record what the network answered."""
        if isinstance(step, Linked):
            await self._end(attempt)
            return attempt, await self._linked(attempt, step)
        nonce = step.nonce if isinstance(step, Visit) else nonce
        attempt = msgspec.structs.replace(attempt, state=msgspec.to_builtins(step), nonce=nonce)
        async with self._database.begin() as tx:
            await login_attempts.add_login_attempt(tx, attempt.workspace_id, attempt)
            seconds = _again_seconds(step)
            if seconds is not None and not was_polled:
                await self._queue_again(tx, attempt, seconds)
        if isinstance(step, Ask) and step.refused is not None:
            raise LoginFailed(step.refused, code=ErrorCode.INVALID_CHECKPOINT_SOLUTION)
        return attempt, step

    async def _queue_again(self, tx: Tx, attempt: LoginAttempt, seconds: float) -> None:
        now = self._now()
        job = Job(
            id=new_id("job", now),
            workspace_id=attempt.workspace_id,
            task=Task.ASK_AGAIN,
            args={"attempt_id": attempt.id},
            lock=f"link:{attempt.id}",
            attempts=0,
            scheduled_at=to_ms(now + timedelta(seconds=seconds)),
        )
        await jobs.enqueue(tx, job)
        tx.on_commit(lambda: self._notifier.wake("jobs"))

    async def _end(self, attempt: LoginAttempt) -> None:
        async with self._database.begin() as tx:
            await login_attempts.remove_login_attempt(tx, attempt.workspace_id, attempt.id)

    async def _release(self, attempt: LoginAttempt) -> None:
        async with self._database.begin() as tx:
            await login_attempts.release_login_attempt(tx, attempt.workspace_id, attempt.id)

    async def _tell_failed(self, attempt: LoginAttempt, reason: str) -> None:
        """Nobody waits for the answer of an attempt that Postroom asks about by itself: an event tells."""
        data = EventData(account_id=attempt.account_id, platform=attempt.provider, reason=reason)
        async with self._database.begin() as tx:
            await self._events.announce(tx, attempt.workspace_id, EventType.ACCOUNT_LINK_FAILED, data, attempt.user_id)

    async def _linked(self, attempt: LoginAttempt, linked: Linked) -> Account:
        """Keep a fresh link, or give an account that is here already its new credentials. One at a time."""
        async with self._keeping:
            try:
                return await self._kept(attempt, linked)
            except (LoginFailed, NotPermitted):
                # A cookie or a token is its owner's, and may serve elsewhere; a session that was made for this is nobody's.
                if attempt.flow in _MADE_HERE:
                    await self._connections.abandon(attempt.provider, linked, await self._proxy_of(attempt))
                raise

    async def _kept(self, attempt: LoginAttempt, linked: Linked) -> Account:
        workspace_id, user_id, provider = attempt.workspace_id, attempt.user_id, attempt.provider
        now = to_ms(self._now())
        has_chats, takes_posts = self._connections.roles(provider, linked)
        async with self._database.begin() as tx:
            held = await accounts.find_by_provider_id(tx, workspace_id, user_id, provider, linked.profile.provider_id)
            if attempt.relinks and (held is None or held.id != attempt.account_id):
                raise LoginFailed(
                    "These are the credentials of another account; nothing was changed.", code=ErrorCode.WRONG_ACCOUNT
                )
            if held is not None and held.status is not AccountStatus.UNLINKING:
                await accounts.hold(tx, workspace_id, held.id)
                await accounts.set_credentials(tx, workspace_id, held.id, linked.credentials)
                await accounts.set_profile(tx, workspace_id, held.id, linked.profile)
                await accounts.set_roles(
                    tx, workspace_id, held.id, has_chats=has_chats, takes_posts=takes_posts, flow=attempt.flow
                )
                await self._connections.keep_session(tx, workspace_id, held.id, provider)
                stored = await accounts.find_way_in(tx, workspace_id, held.id)
                if attempt.proxy is not None and (stored is None or stored.proxy != attempt.proxy):
                    await accounts.set_proxy(tx, workspace_id, held.id, attempt.proxy)
                await note_linked(tx, attempt, held.id, self._now, was_new=False)
        if held is not None and held.status is AccountStatus.UNLINKING:
            await self._finish_unlink(workspace_id, held.id)
        elif held is not None:
            self._connections.forget(held.id)
            await self._connections.set_status(workspace_id, held.id, AccountStatus.CONNECTED, None, origin="api")
            if has_chats:
                await self._ingest.queue_sync(workspace_id, held.id)
            self._notifier.wake("accounts")
            return await self._fresh(workspace_id, held.id)
        assert attempt.account_id is not None
        account = Account(
            id=attempt.account_id,
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
            flow=attempt.flow,
        )
        async with self._database.begin() as tx:
            await self._quota.check_link(tx, workspace_id)
            self._database.keyring.create(account.id)
            await accounts.add(tx, account, linked.credentials, attempt.proxy)
            await self._connections.keep_session(tx, workspace_id, account.id, provider)
            data = EventData(account_id=account.id, platform=provider, origin="api")
            await self._events.announce(tx, account.workspace_id, EventType.ACCOUNT_LINKED, data)
            if has_chats:
                await self._ingest.queue_sync_in(tx, account.workspace_id, account.id)
            await note_linked(tx, attempt, account.id, self._now, was_new=True)
        self._notifier.wake("accounts")
        return account

    async def _proxy_of(self, attempt: LoginAttempt) -> Proxy | None:
        """By what its next step goes out: where none was given, by that of the account that is linked again, as it is now."""
        if attempt.proxy is not None or not attempt.relinks or attempt.account_id is None:
            return attempt.proxy
        async with self._database.read() as reader:
            found = await accounts.find_way_in(reader, attempt.workspace_id, attempt.account_id)
        return None if found is None else found.proxy

    async def _fresh(self, workspace_id: str, account_id: str) -> Account:
        async with self._database.read() as reader:
            account = await accounts.find(reader, workspace_id, account_id)
        if account is None:
            raise NotFound("No such account.", kind=Kind.ACCOUNT)
        return account


def _subject(answers: Mapping[str, str] | None) -> str | None:
    """Whose login it is, as far as the first answers say."""
    for name in _WHOSE:
        said = (answers or {}).get(name, "").strip()
        if said:
            return f"{name} {said.casefold()}"
    return None


def _step_of(attempt: LoginAttempt) -> Pending:
    """The step that the owner was told last.

    Raises:
        LoginFailed: it was written by another version of Postroom.
    """
    try:
        step: Pending = msgspec.convert(attempt.state, Pending)
    except msgspec.ValidationError as error:
        raise LoginFailed("This attempt is over: start again.", code=ErrorCode.AUTHENTICATION_INTENT_ERROR) from error
    return step


def _again_seconds(step: Pending) -> float | None:
    """How soon Postroom asks again by itself; None: it does not."""
    return step.again_seconds if isinstance(step, Show | Wait) else None
