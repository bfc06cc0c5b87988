"""Links by which somebody outside links one account: given out, followed, used up, and told of."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta

import msgspec

from postroom.clock import Clock, to_ms
from postroom.connectors.guarded import AddressRefused, Guard
from postroom.connectors.http import Http
from postroom.domain.access import Caller, Scope
from postroom.domain.accounts import LoginAttempt
from postroom.domain.addresses import is_url
from postroom.domain.hosted_links import HostedLink, Wish
from postroom.domain.jobs import Job, Retry, Task
from postroom.domain.rules import next_attempt
from postroom.errors import (
    ErrorCode,
    InvalidParameters,
    Kind,
    LoginFailed,
    NotFound,
    OutcomeUnknown,
    ProviderDown,
)
from postroom.ids import new_id
from postroom.store import access, accounts, hosted_links, jobs, login_attempts
from postroom.store.database import Database, Tx

PREFIX = "h."
"""What every token begins with."""

LONGEST = timedelta(days=365)
_LONGEST_URL = 2048
_LONGEST_NAME = 500
_OVER = "This link was used, or has expired: ask for a new one."
_RUNNING = "An earlier login of this link is being answered at this moment: wait for what comes of it."
_SCOPES = frozenset((Scope.READ, Scope.LINK))


class HostedLinks:
    """What a caller does with them, and whoever follows one."""

    def __init__(self, database: Database, guard: Guard, guarded: Http, now: Clock, *, public_url: str) -> None:
        self._database = database
        self._guard = guard
        self._guarded = guarded
        self._now = now
        self._public_url = public_url.rstrip("/")

    async def create(
        self, caller: Caller, providers: Sequence[str], expires_at: int, wish: Wish, *, relinks: str | None = None
    ) -> str:
        """The address of a new link; it is shown this once. `relinks`: the account that is to be linked again.

        Raises:
            NotFound: (kind ACCOUNT) no such account to link again.
            InvalidParameters: it would have expired; or an address is none, or may not be called.
        """
        now = self._now()
        if not to_ms(now) < expires_at <= to_ms(now + LONGEST):
            raise InvalidParameters("expiresOn must be a moment of the next year.")
        await self._check(wish)
        async with self._database.begin() as tx:
            user_id = caller.user_id
            if relinks is not None:
                account = await accounts.find(tx, caller.workspace_id, relinks)
                if account is None or caller.only_user not in (None, account.user_id):
                    raise NotFound("No such account.", kind=Kind.ACCOUNT)
                user_id, providers = account.user_id, [account.provider]
            link = HostedLink(
                id=new_id("hln", now),
                workspace_id=caller.workspace_id,
                user_id=user_id,
                providers=tuple(providers),
                relinks=relinks,
                created_at=to_ms(now),
                expires_at=expires_at,
                wish=wish,
            )
            token = PREFIX + secrets.token_urlsafe(32)
            await hosted_links.add(tx, link, token)
        return f"{self._public_url}/connect/{token}"

    async def visitor(self, token: str) -> tuple[HostedLink, Caller]:
        """The link, and the caller who acts there: its user, who may link and see, and nothing else.

        Raises:
            LoginFailed: (EXPIRED_LINK) it has expired, its user was detached, or there never was such a link.
        """
        async with self._database.read() as reader:
            link = await hosted_links.find_by_token(reader, token)
            workspace = None if link is None else await access.find_workspace(reader, link.workspace_id)
            if link is None or workspace is None or link.expires_at <= to_ms(self._now()):
                raise LoginFailed(_OVER, code=ErrorCode.EXPIRED_LINK)
            if link.user_id != workspace.id:
                if await access.find_managed_user(reader, workspace.id, link.user_id) is None:
                    raise LoginFailed(_OVER, code=ErrorCode.EXPIRED_LINK)
        user_id = link.user_id
        return link, Caller(workspace=workspace, key_id="", scopes=_SCOPES, key_user_id=user_id, user_id=user_id)

    async def begin(self, link: HostedLink, attempt: LoginAttempt) -> None:
        """Go on with this attempt; it takes the place of one that was begun before: a link links one account.

        Raises:
            LoginFailed: (EXPIRED_LINK) it was used up meanwhile; (LINK_RUNNING) an earlier one is being answered.
        """
        async with self._database.begin() as tx:
            held = await hosted_links.hold(tx, link.workspace_id, link.id)
            before = None if held is None else held.attempt_id
            if before not in (None, attempt.id) and not await login_attempts.supersede_login_attempt(
                tx, link.workspace_id, before, to_ms(self._now())
            ):
                raise LoginFailed(_RUNNING, code=ErrorCode.AUTHENTICATION_INTENT_ERROR, kind=Kind.LINK_RUNNING)
            if not await hosted_links.begin(tx, link.workspace_id, link.id, attempt.id):
                raise LoginFailed(_OVER, code=ErrorCode.EXPIRED_LINK)

    async def notify(self, workspace_id: str, link_id: str, attempts: int) -> Retry | None:
        """Tell `notify_url` that the account is linked (a job; it may be told twice)."""
        async with self._database.read() as reader:
            link = await hosted_links.find(reader, workspace_id, link_id)
        if link is None or link.account_id is None or link.wish.notify_url is None:
            return None
        status = "CREATION_SUCCESS" if link.was_new else "RECONNECTED"
        told = {"status": status, "account_id": link.account_id, "name": link.wish.name}
        headers = {"content-type": "application/json", "user-agent": "Postroom"}
        try:
            answer = await self._guarded.write(
                "hosted_link", "notify", link.wish.notify_url, headers=headers, content=msgspec.json.encode(told)
            )
        except AddressRefused:
            return None
        except (ProviderDown, OutcomeUnknown) as error:
            return Retry(after=next_attempt(attempts), reason=error.code)
        if 200 <= answer.status < 300:
            return None
        return Retry(after=next_attempt(attempts), reason=f"status {answer.status}")

    async def _check(self, wish: Wish) -> None:
        if len(wish.name) > _LONGEST_NAME:
            raise InvalidParameters(f"name has at most {_LONGEST_NAME} characters.")
        given: Mapping[str, str | None] = {
            "success_redirect_url": wish.success_url,
            "failure_redirect_url": wish.failure_url,
            "notify_url": wish.notify_url,
        }
        for name, url in given.items():
            web = url is None or (is_url(url) and url.lower().startswith(("https://", "http://")))
            if not web or len(url or "") > _LONGEST_URL:
                raise InvalidParameters(f"{name} is no web address.", code=ErrorCode.INVALID_URL, kind=Kind.ADDRESS)
        if wish.notify_url is not None:
            await self._guard.check(wish.notify_url)


async def note_linked(tx: Tx, attempt: LoginAttempt, account_id: str, now: Clock, *, was_new: bool) -> None:
    """In the transaction that links an account: the link that this was done by is used up, and its maker is told."""
    link = await hosted_links.use(tx, attempt.workspace_id, attempt.id, account_id, was_new=was_new)
    if link is None or link.wish.notify_url is None:
        return
    job = Job(
        id=new_id("job", now()),
        workspace_id=link.workspace_id,
        task=Task.NOTIFY_LINKED,
        args={"link_id": link.id},
        lock=f"notify:{link.id}",
        attempts=0,
        scheduled_at=to_ms(now()),
    )
    await jobs.enqueue(tx, job)
