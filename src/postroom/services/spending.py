"""Budgets of deletions: what a key may delete in an hour and in a day is counted before anything is done."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import update_wrapper
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import msgspec

from postroom.clock import Clock, iso, to_ms
from postroom.domain.access import NO_BUDGET, Caller, DeleteBudget
from postroom.errors import Kind, NotAuthenticated, OutcomeUnknown, PostroomError, RateLimited
from postroom.ids import new_ulid
from postroom.store import spending
from postroom.store.database import Database, Reader

_HOUR_MS = timedelta(hours=1) // timedelta(milliseconds=1)
_DAY_MS = timedelta(days=1) // timedelta(milliseconds=1)
KEPT = timedelta(days=2)

P = ParamSpec("P")
T = TypeVar("T")


class _Service(Protocol):
    _database: Database
    _now: Clock


S = TypeVar("S", bound=_Service)


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """A key's budget as it stands. Moments are milliseconds since 1970."""

    per_hour: int | None
    per_day: int | None
    left: int | None
    """How many deletions it may ask for now; None: as many as it likes."""
    free_at: int | None
    """Where none is left: when one is again. None: never, or not needed."""


async def standing(reader: Reader, caller: Caller, now: int) -> Budget:
    """What is left of the caller's budget."""
    budget = await spending.find_budget(reader, caller.workspace_id, caller.key_id) or NO_BUDGET
    return await _standing(reader, caller, budget, now)


async def _standing(reader: Reader, caller: Caller, budget: DeleteBudget, now: int) -> Budget:
    left: int | None = None
    free_at: int | None = None
    if budget.is_set:
        done = await spending.list_since(reader, caller.workspace_id, caller.key_id, now - _DAY_MS)
        for most, period in ((budget.per_hour, _HOUR_MS), (budget.per_day, _DAY_MS)):
            if most is None:
                continue
            within = [at for at in done if at > now - period]
            rest = max(0, most - len(within))
            left = rest if left is None else min(left, rest)
            if rest == 0 and most > 0:
                free_at = max(free_at or 0, within[len(within) - most] + period)
        if 0 in (budget.per_hour, budget.per_day):
            free_at = None
    return Budget(per_hour=budget.per_hour, per_day=budget.per_day, left=left, free_at=free_at)


@asynccontextmanager
async def spent(database: Database, now: Clock, caller: Caller) -> AsyncIterator[None]:
    """Count a deletion of the caller's for as long as it takes, and for good unless nothing was deleted for certain.

    What may have happened stays counted, and so does what was asked for and put off.

    Raises:
        RateLimited: (kind DELETE_BUDGET) the budget is used up; nothing was done.
        NotAuthenticated: the key was revoked meanwhile.
    """
    if not caller.budgeted:
        yield
        return
    at = to_ms(now())
    id = new_ulid(now())
    async with database.begin() as tx:
        budget = await spending.hold_budget(tx, caller.workspace_id, caller.key_id)
        if budget is None:
            raise NotAuthenticated("The API key is unknown or was revoked.", kind=Kind.KEY)
        found = await _standing(tx, caller, budget, at)
        if found.left == 0:
            raise RateLimited(
                _used_up(found),
                kind=Kind.DELETE_BUDGET,
                retry_after_seconds=None if found.free_at is None else (found.free_at - at) / 1000,
                context={"free_at": None if found.free_at is None else iso(found.free_at)},
            )
        await spending.add(tx, caller.workspace_id, caller.key_id, id, at)
    try:
        yield
    except PostroomError as error:
        if not _may_have_happened(error):
            async with database.begin() as tx:
                await spending.remove(tx, caller.workspace_id, caller.key_id, id)
        raise


def counted(
    method: Callable[Concatenate[S, Caller, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[S, Caller, P], Coroutine[Any, Any, T]]:
    """A service's method that deletes something for its caller: it is counted against the budget of the caller's key."""

    async def counting(self: S, caller: Caller, /, *args: P.args, **kwargs: P.kwargs) -> T:
        if not caller.budgeted:
            return await method(self, caller, *args, **kwargs)
        async with spent(self._database, self._now, caller):
            return await method(self, caller, *args, **kwargs)

    update_wrapper(counting, method)
    return counting


def _may_have_happened(error: PostroomError) -> bool:
    kind: Any = next(each for each in type(error).__mro__ if each.__module__ == PostroomError.__module__)
    return bool(error.context.get("sent")) or kind in (OutcomeUnknown, PostroomError)


def _used_up(budget: Budget) -> str:
    limits = [
        f"{most} in any {name}"
        for most, name in ((budget.per_hour, "hour"), (budget.per_day, "day"))
        if most is not None
    ]
    when = (
        "No deletion is free again before the budget is raised."
        if budget.free_at is None
        else f"One is free again at {iso(budget.free_at)}."
    )
    return f"This key's budget of deletions is used up ({', '.join(limits)}). {when} Nothing was deleted."
