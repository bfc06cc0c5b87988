"""Engagement: how posts do at their network, and reactions and comments there, as far as the network gives them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import msgspec

from postroom.clock import Clock, to_ms
from postroom.connectors.contract import Engager, Statistics
from postroom.domain.access import Caller
from postroom.domain.accounts import Account, AccountStatus
from postroom.domain.engagement import Comment, DailyCount, Days, Metric, Reaction, ReactionKind
from postroom.errors import Kind, NotFound, NotSupported, ProviderError
from postroom.services.connections import Connections
from postroom.services.spending import counted, spent
from postroom.store import accounts
from postroom.store.database import Database

_KEPT = timedelta(minutes=30)
_MOST_KEPT = 10_000

Figure = int | Sequence[DailyCount] | None


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for, by name; what failed is None there and named. `cached`: what was known from before."""

    values: dict[str, Figure]
    cached: tuple[str, ...]
    failed: tuple[str, ...]


class Engagement:
    """Figures are kept in memory for half an hour: networks count how often they are asked."""

    def __init__(self, database: Database, connections: Connections, now: Clock) -> None:
        self._database = database
        self._connections = connections
        self._now = now
        self._kept: dict[tuple[Any, ...], tuple[int, Figure]] = {}

    async def post_figures(
        self, caller: Caller, provider: str, account_id: str, post: str, metrics: Sequence[Metric]
    ) -> Figures:
        """How a post does. Asked for one figure, its failure is raised; of several, the others are given.

        Raises:
            NotFound: (kind ACCOUNT) the user has no such account.
            NotSupported: the account's connection cannot tell.
        """
        async with self._statistics(caller, provider, account_id) as (account, asked):
            wanted = {metric.value: _post_count(asked, post, metric) for metric in metrics}
            return await self._figures(account, ("post", post), wanted)

    async def account_figures(
        self,
        caller: Caller,
        provider: str,
        account_id: str,
        metrics: Sequence[Metric],
        days: Days | None,
        *,
        daily: bool,
    ) -> Figures:
        """The same over all posts of an account: in all, or day by day."""
        async with self._statistics(caller, provider, account_id) as (account, asked):
            wanted = {metric.value: _account_count(asked, metric, days, daily) for metric in metrics}
            return await self._figures(account, ("account", days, daily), wanted)

    async def followers(self, caller: Caller, provider: str, account_id: str, days: Days | None) -> Figures:
        """How many follow an account: `total`; with days, how many came on each: `daily`."""
        async with self._statistics(caller, provider, account_id) as (account, asked):
            wanted = _follower_counts(asked, days)
            name = "total" if days is None else "daily"
            return await self._figures(account, ("followers", days), {name: wanted[name]})

    async def summary(self, caller: Caller, provider: str, account_id: str, days: Days | None) -> Figures:
        """Followers (`total`, and `daily` with days) and every metric of an account. What fails is named, never raised."""
        async with self._statistics(caller, provider, account_id) as (account, asked):
            wanted = _follower_counts(asked, days)
            wanted |= {metric.value: _account_count(asked, metric, days, daily=False) for metric in Metric}
            return await self._figures(account, ("summary", days), wanted)

    async def react(
        self, caller: Caller, provider: str, account_id: str, post: str, kind: ReactionKind | None
    ) -> Reaction:
        """React to a post as the account; None: take the reaction back. Both are safe to repeat."""
        async with self._engager(caller, provider, account_id) as asked:
            if kind is not None:
                return await asked.react(post, kind)
            async with spent(self._database, self._now, caller):
                return await asked.unreact(post)

    async def comment(
        self, caller: Caller, provider: str, account_id: str, post: str, text: str, parent: str | None
    ) -> Comment:
        """Comment on a post as the account, once.

        Raises:
            OutcomeUnknown: it may have been made: look there before you comment again.
        """
        async with self._engager(caller, provider, account_id) as asked:
            return await asked.comment(post, text, parent)

    @counted
    async def delete_comment(self, caller: Caller, provider: str, account_id: str, post: str, comment: str) -> None:
        """Delete the account's comment. Gone already is success."""
        async with self._engager(caller, provider, account_id) as asked:
            await asked.delete_comment(post, comment)

    @asynccontextmanager
    async def _statistics(
        self, caller: Caller, provider: str, account_id: str
    ) -> AsyncIterator[tuple[Account, Statistics]]:
        account = await self._account(caller, provider, account_id)
        async with self._connections.opened(account) as connection:
            if not isinstance(connection, Statistics):
                raise NotSupported("This connection cannot tell how posts do: its login was not given that power.")
            yield account, connection

    @asynccontextmanager
    async def _engager(self, caller: Caller, provider: str, account_id: str) -> AsyncIterator[Engager]:
        account = await self._account(caller, provider, account_id)
        async with self._connections.opened(account) as connection:
            if not isinstance(connection, Engager):
                raise NotSupported("This connection cannot react or comment: its login was not given that power.")
            yield connection

    async def _account(self, caller: Caller, provider: str, account_id: str) -> Account:
        async with self._database.read() as reader:
            account = await accounts.find_by_provider_id(
                reader, caller.workspace_id, caller.user_id, provider, account_id
            )
        if account is None or account.status is AccountStatus.UNLINKING:
            raise NotFound("No such account.", kind=Kind.ACCOUNT)
        return account

    async def _figures(
        self, account: Account, of: tuple[Any, ...], wanted: dict[str, Callable[[], Awaitable[Figure]]]
    ) -> Figures:
        now = to_ms(self._now())
        values: dict[str, Figure] = {}
        cached, failed = [], []
        for name, ask in wanted.items():
            key = (account.id, *of, name)
            known = self._kept.get(key)
            if known is not None and known[0] > now:
                values[name] = known[1]
                cached.append(name)
                continue
            try:
                values[name] = await ask()
            except ProviderError:
                if len(wanted) == 1:
                    raise
                values[name] = None
                failed.append(name)
            else:
                self._keep(key, now, values[name])
        return Figures(values=values, cached=tuple(cached), failed=tuple(failed))

    def _keep(self, key: tuple[Any, ...], now: int, value: Figure) -> None:
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        self._kept[key] = (now + _KEPT // timedelta(milliseconds=1), value)


def _post_count(asked: Statistics, post: str, metric: Metric) -> Callable[[], Awaitable[Figure]]:
    async def call() -> Figure:
        return await asked.post_count(post, metric)

    return call


def _account_count(
    asked: Statistics, metric: Metric, days: Days | None, daily: bool
) -> Callable[[], Awaitable[Figure]]:
    async def call() -> Figure:
        return await (asked.account_days(metric, days) if daily else asked.account_count(metric, days))

    return call


def _follower_counts(asked: Statistics, days: Days | None) -> dict[str, Callable[[], Awaitable[Figure]]]:
    async def total() -> Figure:
        return await asked.follower_count()

    async def daily() -> Figure:
        assert days is not None
        return await asked.follower_days(days)

    return {"total": total} if days is None else {"total": total, "daily": daily}
