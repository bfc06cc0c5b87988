"""Checkups: how linked accounts stand with their networks, as far as is known here, or asked of a network now."""

from collections.abc import Sequence
from contextlib import suppress

import msgspec

from postroom.clock import Clock, to_ms
from postroom.domain.access import Caller
from postroom.domain.accounts import Account, AccountStatus
from postroom.domain.posts import PostError
from postroom.domain.remote import Credentials
from postroom.errors import Kind, NoSession, NotFound, ProviderError
from postroom.services.connections import Connections
from postroom.store import accounts, posts
from postroom.store.database import Database, Reader
from postroom.store.keyring import NoKey


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What is known here of an account that takes posts. Moments are milliseconds since 1970."""

    account: Account
    permissions: tuple[str, ...]
    """What the network granted, where it said so."""
    expires_at: int | None
    """When the owner has to link again; None: nobody knows, or never."""
    last_success_at: int | None
    last_error: PostError | None
    at: int
    """When this was so."""


class Checkup(msgspec.Struct, frozen=True, kw_only=True):
    """What came of asking the network."""

    standing: Standing | None
    """None: no network of that name is served here."""
    name: str | None
    """What the network calls the account; None: the session does not work, and `problem` says why."""
    problem: str | None


class Checkups:
    """Whether accounts can still be used."""

    def __init__(self, database: Database, connections: Connections, now: Clock) -> None:
        self._database = database
        self._connections = connections
        self._now = now

    async def standings(self, caller: Caller) -> Sequence[Standing]:
        """The user's accounts that take posts."""
        networks = self._connections.connectors().items()
        publishing = [name for name, connector in networks if connector.capabilities.publish is not None]
        async with self._database.read() as reader:
            return [
                await self._standing(reader, account)
                for provider in publishing
                for account in await accounts.list_of_provider(reader, caller.workspace_id, provider, caller.user_id)
                if account.takes_posts
            ]

    async def check(self, caller: Caller, provider: str, provider_id: str) -> Checkup:
        """Ask the network whose account this is. A session that is over becomes known here, as in any call.

        Raises:
            NotFound: (kind ACCOUNT) the user has no such account.

        Source: PostPost "Test connection" (March 2026).
        """
        if provider not in self._connections.connectors():
            return Checkup(standing=None, name=None, problem=f"Unknown platform: {provider}")
        async with self._database.read() as reader:
            account = await accounts.find_by_provider_id(
                reader, caller.workspace_id, caller.user_id, provider, provider_id
            )
            if account is None or account.status is AccountStatus.UNLINKING:
                raise NotFound("No such account.", kind=Kind.ACCOUNT)
        name: str | None = None
        problem: str | None = None
        try:
            async with self._connections.opened(account) as connection:
                profile = await connection.profile()
            name = profile.name or profile.username
        except (ProviderError, NoSession) as error:
            problem = error.detail
        # Asked anew: a token may have been renewed on the way.
        async with self._database.read() as reader:
            standing = await self._standing(reader, account)
        return Checkup(standing=standing, name=name, problem=problem)

    async def _standing(self, reader: Reader, account: Account) -> Standing:
        credentials: Credentials | None = None
        with suppress(NoKey):
            credentials = await accounts.find_credentials(reader, account.workspace_id, account.id)
        last_success_at, last_error = await posts.last_results(
            reader, account.workspace_id, account.provider, account.provider_id, account.user_id
        )
        return Standing(
            account=account,
            permissions=() if credentials is None else _permissions(credentials),
            expires_at=None if credentials is None else credentials.ends_at,
            last_success_at=last_success_at,
            last_error=last_error,
            at=to_ms(self._now()),
        )


def _permissions(credentials: Credentials) -> tuple[str, ...]:
    """OAuth's `scope`, divided by spaces or commas."""
    return tuple(credentials.values.get("scope", "").replace(",", " ").split())
