"""Open connections of accounts, and what a network's errors say about an account's state."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import msgspec

from postroom.clock import Clock, to_ms
from postroom.connectors.contract import Connection, Connector, Linked, Mailboxes, Messenger, Publisher, Resting
from postroom.connectors.http import Http
from postroom.connectors.registry import Registry
from postroom.domain import deletions
from postroom.domain.accounts import Account, AccountStatus
from postroom.domain.capabilities import ImageLimits
from postroom.domain.events import EventData, EventType
from postroom.domain.proxies import Proxy
from postroom.domain.remote import Credentials
from postroom.errors import (
    ActionRequired,
    CredentialsRejected,
    ErrorCode,
    InvalidParameters,
    Kind,
    NoSession,
    NotSupported,
    PostroomError,
    ProviderDown,
    ProxyRefused,
)
from postroom.services.events import Events
from postroom.store import account_leases, accounts
from postroom.store.accounts import WayIn
from postroom.store.database import Database, Reader, Tx
from postroom.store.keyring import NoKey
from postroom.store.notify import Notifier

LEASE = timedelta(seconds=20)
"""For how long an account is a process's, from when that last said so."""
_LET_GO_SECONDS = 0.25
_ABANDON_SECONDS = 20
_ELSEWHERE = (
    "Another process of this server has the session of this account, and only one can: nobody was called, nothing was sent "
    "or changed. Ask that one; accounts of this network want a server of one process. After a restart it is free in 20 seconds."
)
_LINK_ELSEWHERE = (
    "This process only answers, and an account of this network lives where it is linked. Nothing was begun: link it at a "
    "`postroom serve` without --no-worker."
)
_LINKED_ANEW = "The account was linked anew meanwhile; nothing was changed. It goes on with that."
_EVENTS = {
    AccountStatus.CONNECTED: EventType.ACCOUNT_CONNECTED,
    AccountStatus.RECONNECTING: EventType.ACCOUNT_RECONNECTING,
    AccountStatus.PAUSED: EventType.ACCOUNT_PAUSED,
    AccountStatus.DISCONNECTED: EventType.ACCOUNT_DISCONNECTED,
    AccountStatus.ACTION_REQUIRED: EventType.ACCOUNT_ACTION_REQUIRED,
}


class _Open(msgspec.Struct):
    """An open connection, the credentials that it uses, and how often the account's proxy was another one before."""

    connection: Connection
    credentials: Credentials
    proxy_changes: int


class Connections:
    """One connection for each account in use. Calls go through `messenger` or `publisher`, which keep the state truthful."""

    def __init__(
        self,
        database: Database,
        notifier: Notifier,
        registry: Registry,
        events: Events,
        now: Clock,
        owner: str = "here",
    ) -> None:
        """`owner`: the name of this process among those at one database."""
        self._database = database
        self._notifier = notifier
        self._registry = registry
        self._events = events
        self._now = now
        self._owner = owner
        self._open: dict[str, _Open] = {}
        self.answers_only = False
        """Whether other processes listen, and this one does not."""
        self._resting = asyncio.Lock()

    def connector(self, provider: str, proxy: Proxy | None = None) -> Connector:
        """The network's connector, all of whose calls go out by the proxy, where there is one.

        Raises:
            NotSupported: there is none of that name.
            NotImplementedHere: it cannot go through proxies.
        """
        return self._registry.connector(provider, proxy)

    async def check_proxy(self, provider: str, proxy: Proxy) -> None:
        """Raises:
        NotSupported, NotImplementedHere: as `connector`.
        InvalidParameters: (kind ADDRESS) it is where this server may not call.
        """
        await self._registry.check_proxy(provider, proxy)

    async def by_proxy(self, account: Account, http: Http) -> Http:
        """The same client, by the account's proxy where it has one: for what is fetched for it from elsewhere.

        Raises:
            NoSession: the account is gone.
        """
        async with self._database.read() as reader:
            stored = await _stored(reader, account)
        if stored is None:
            raise NoSession("The account is gone.")
        return http if stored.proxy is None else self._registry.by(http, stored.proxy)

    def mailboxes(self, provider: str) -> Mailboxes:
        """How the network's ids of messages and conversations are read.

        Raises:
            NotSupported: there is no network of that name.
            InvalidParameters: (kind URN) it has no messages, so nothing is the id of one.
        """
        connector = self.connector(provider)
        if not isinstance(connector, Mailboxes):
            raise InvalidParameters(
                f"There are no messages and no conversations of {provider} here.",
                kind=Kind.URN,
                context={"reason": "wrong_type"},
            )
        return connector

    def roles(self, provider: str, linked: Linked) -> tuple[bool, bool]:
        """Whether an account that was linked like this has chats, and whether it takes posts. Nobody is called."""
        connection = self.connector(provider).open(linked.profile, linked.credentials, _drop)
        return isinstance(connection, Messenger), isinstance(connection, Publisher)

    def why_no_posts(self, provider: str) -> str:
        """What to say of an account that takes none: there is nothing to be done, or it is to be linked another way."""
        connector = self._registry.get(provider)
        if connector is None or connector.capabilities.publish is None:
            return "This network takes no posts."
        flows = " or ".join(connector.login_flows)
        return f"This account was linked for messages, not for posts: link it once more, in another way ({flows})."

    def connectors(self) -> Mapping[str, Connector]:
        """All networks by name."""
        return self._registry

    def images_of(self, provider: str) -> ImageLimits | None:
        """What images the network of this name takes; None: none, or there is no such network."""
        connector = self._registry.get(provider)
        publishing = None if connector is None else connector.capabilities.publish
        return None if publishing is None else publishing.images

    @asynccontextmanager
    async def opened(self, account: Account) -> AsyncIterator[Connection]:
        """The account's connection, to be used inside the block for what every network has, or after `isinstance`.

        Raises:
            CredentialsRejected, ActionRequired, NoSession: the account is not connected; nobody was called.
        """
        opened = await self._opened(account)
        async with self._watched(account, opened):
            yield opened.connection

    @asynccontextmanager
    async def messenger(self, account: Account) -> AsyncIterator[Messenger]:
        """The account's connection, to be used inside the block.

        Raises:
            CredentialsRejected, ActionRequired: the account is not connected; nobody was called.
            NotSupported: the account has no chats.
        """
        opened = await self._opened(account)
        if not isinstance(opened.connection, Messenger):
            raise NotSupported("This account has no chats. Nothing was changed.")
        async with self._watched(account, opened):
            yield opened.connection

    @asynccontextmanager
    async def publisher(self, account: Account) -> AsyncIterator[Publisher]:
        """The same for an account that takes posts."""
        opened = await self._opened(account)
        if not isinstance(opened.connection, Publisher):
            raise NotSupported(self.why_no_posts(account.provider))
        async with self._watched(account, opened):
            yield opened.connection

    async def revoke(self, account: Account) -> None:
        """End the account's session at its network, once nobody else has it open."""
        while True:
            try:
                await self._check_session(account, ends=True)
                break
            except NoSession:
                # Whoever listens lets go of an account that is being unlinked as soon as it hears of that.
                self._notifier.wake("accounts")
                await asyncio.sleep(_LET_GO_SECONDS)
        opened = await self._current(account)
        await opened.connection.revoke()

    async def abandon(self, provider: str, linked: Linked, proxy: Proxy | None) -> None:
        """End a session that was just made, by way of this proxy, and is to be nobody's."""
        connection = self.connector(provider, proxy).open(linked.profile, linked.credentials, _drop)
        with suppress(PostroomError, TimeoutError):
            async with asyncio.timeout(_ABANDON_SECONDS):
                await connection.revoke()

    def forget(self, account_id: str) -> None:
        """Drop the connection: its credentials changed, or the account goes."""
        self._open.pop(account_id, None)

    async def set_status(
        self,
        workspace_id: str,
        account_id: str,
        status: AccountStatus,
        reason: str | None,
        *,
        only_from: Iterable[AccountStatus] = AccountStatus,
        origin: str | None = None,
    ) -> bool:
        """Record where an account stands, and announce it if that is news; whether it is.

        Whoever listens to accounts hears of it at once. `only_from`: nothing changes but from one of these. `origin`:
        `api` where its owner did it.
        """
        async with self._database.begin() as tx:
            changed = await accounts.set_status(tx, workspace_id, account_id, status, reason, only_from=only_from)
            if changed:
                provider = await accounts.find_provider(tx, workspace_id, account_id)
                data = EventData(account_id=account_id, platform=provider, origin=origin, reason=reason)
                await self._events.announce(tx, workspace_id, _EVENTS[status], data)
                tx.on_commit(lambda: self._notifier.wake("accounts"))
        return changed

    async def _opened(self, account: Account) -> _Open:
        check_connected(account)
        await self._check_session(account)
        return await self._current(account)

    async def _current(self, account: Account) -> _Open:
        """The account's connection by its proxy of now: one that was opened before that was changed is closed."""
        opened = self._open.get(account.id)
        if opened is not None and opened.proxy_changes != account.proxy_changes:
            async with self._resting:
                if self._open.get(account.id) is opened:
                    if isinstance(opened.connection, Resting):
                        await opened.connection.rest()
                    self._let_go(account, opened)
            opened = self._open.get(account.id)
        return opened or await self._make(account)

    def check_links_here(self, provider: str) -> None:
        """Raises:
        NoSession: an account of this network is to be linked where it is listened to, and that is not here.
        """
        if self.answers_only and self.connector(provider).capabilities.one_session:
            raise NoSession(_LINK_ELSEWHERE, code=ErrorCode.NO_HANDLER)

    async def keep_session(self, tx: Tx, workspace_id: str, account_id: str, provider: str) -> None:
        """The account's session was made in this process: no other opens it."""
        if self.connector(provider).capabilities.one_session:
            until = to_ms(self._now() + LEASE)
            await account_leases.take_session(tx, workspace_id, account_id, self._owner, until)

    async def _check_session(self, account: Account, *, ends: bool = False) -> None:
        """See to it that the session is this process's, where there can be one only. `ends`: it is opened for the last time."""
        if not self.connector(account.provider).capabilities.one_session:
            return
        now = self._now()
        async with self._database.read() as reader:
            if await account_leases.has_session(reader, account.workspace_id, account.id, self._owner, to_ms(now)):
                return
            stored = await _stored(reader, account)
        opened = self._open.get(account.id)
        if opened is not None and (stored is None or stored.credentials != opened.credentials):
            # Another process has gone on with it since.
            self._let_go(account, opened)
        if not self.answers_only or ends:
            async with self._database.begin() as tx:
                until = to_ms(now + LEASE)
                if await account_leases.claim_session(
                    tx, account.workspace_id, account.id, self._owner, to_ms(now), until
                ):
                    return
        raise NoSession(_ELSEWHERE, code=ErrorCode.NO_HANDLER, retry_after_seconds=LEASE.total_seconds())

    async def _make(self, account: Account) -> _Open:
        async with self._database.read() as reader:
            way_in = await _stored(reader, account)
        if way_in is None:
            raise NoSession("The account is gone.")

        async def keep(refreshed: Credentials) -> None:
            async with self._database.begin() as tx:
                await accounts.hold(tx, account.workspace_id, account.id)
                stored = await _stored(tx, account)
                if stored is not None and stored.credentials != opened.credentials:
                    self._let_go(account, opened)
                    raise ProviderDown(_LINKED_ANEW)
                await accounts.set_credentials(tx, account.workspace_id, account.id, refreshed)
            opened.credentials = refreshed

        connector = self.connector(account.provider, way_in.proxy)
        connection = connector.open(account.profile, way_in.credentials, keep)
        opened = _Open(connection, way_in.credentials, way_in.proxy_changes)
        return self._open.setdefault(account.id, opened)

    @asynccontextmanager
    async def _watched(self, account: Account, opened: _Open) -> AsyncIterator[None]:
        try:
            yield
        except (CredentialsRejected, ActionRequired, ProxyRefused) as error:
            async with self._database.read() as reader:
                stored = await _stored(reader, account)
            if stored is not None and _is_of_before(error, opened, stored):
                # This is said of credentials, or of a proxy, that are the account's no more.
                self._let_go(account, opened)
                raise ProviderDown(_LINKED_ANEW) from error
            disconnected = isinstance(error, CredentialsRejected)
            status = AccountStatus.DISCONNECTED if disconnected else AccountStatus.ACTION_REQUIRED
            await self._stopped(account, status, error)
            raise

    def _let_go(self, account: Account, opened: _Open) -> None:
        """Whoever comes next opens it with what is stored."""
        if self._open.get(account.id) is opened:
            self.forget(account.id)

    async def _stopped(self, account: Account, status: AccountStatus, error: PostroomError) -> None:
        self.forget(account.id)
        await self.set_status(account.workspace_id, account.id, status, error.code)


async def _stored(reader: Reader, account: Account) -> WayIn | None:
    """The account's credentials and proxy; None: it is gone, or its key is."""
    with suppress(NoKey):
        return await accounts.find_way_in(reader, account.workspace_id, account.id)
    return None


def _is_of_before(error: PostroomError, opened: _Open, stored: WayIn) -> bool:
    if isinstance(error, ProxyRefused):
        return stored.proxy_changes != opened.proxy_changes
    return stored.credentials != opened.credentials


async def _drop(credentials: Credentials) -> None:
    """For a connection that is only looked at."""


def check_connected(account: Account) -> None:
    """Raises:
    CredentialsRejected, ActionRequired, NoSession: the account cannot be used as it stands; nobody was called.
    """
    deletions.check_connected(account.status)
