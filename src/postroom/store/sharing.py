"""Statements that go to PostgreSQL together: one round trip for all that wait, which costs several times what a row does."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

import asyncpg

from postroom.store.database import Row

if TYPE_CHECKING:
    Held = asyncpg.Connection[asyncpg.Record]

PLACE = object()
"""An argument that becomes the statement's place in its transaction."""

_AT_A_TIME = 2
_MOST_TOGETHER = 128
_NAMES = 3
_PATIENCE_SECONDS = 0.25


class Connections(Protocol):
    async def borrow(self) -> "Held": ...

    def give_back(self, connection: "Held") -> None: ...


class _Asked(NamedTuple):
    args: tuple[Any, ...]
    done: asyncio.Future[Row | None]


class Sharing(ABC):
    """Takes statements that answer one row at most.

    A few are under way at a time; those that come meanwhile wait for them, and are the next. What takes long is waited for
    by its own callers only. None is sent before it was asked for, so it sees all that was committed before. It is run even
    if its caller is cancelled meanwhile.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._asked: dict[str, list[_Asked]] = {}
        self._working: set[asyncio.Task[None]] = set()
        self._slow: set[asyncio.Task[None]] = set()
        """What takes long: others do not wait for it."""

    async def fetch_one(self, sql: str, args: tuple[Any, ...]) -> Row | None:
        """What the statement answers."""
        asked = _Asked(args, asyncio.get_running_loop().create_future())
        self._asked.setdefault(sql, []).append(asked)
        self._go_on()
        return await asked.done

    async def close(self) -> None:
        """Wait for what is under way."""
        while under_way := self._working | self._slow:
            await asyncio.wait(under_way)

    def _go_on(self) -> None:
        if self._asked and len(self._working) < _AT_A_TIME:
            self._working.add(asyncio.create_task(self._work()))

    async def _work(self) -> None:
        working = asyncio.current_task()
        assert working is not None
        try:
            while self._asked and working in self._working:
                sql = next(iter(self._asked))
                asked = self._asked.pop(sql)
                if len(asked) > _MOST_TOGETHER:
                    self._asked[sql] = asked[_MOST_TOGETHER:]
                patience = asyncio.get_running_loop().call_later(_PATIENCE_SECONDS, self._wait_no_more_for, working)
                try:
                    await self._run(sql, asked[:_MOST_TOGETHER])
                finally:
                    patience.cancel()
        finally:
            # Not once the task is done, a turn later: whoever was answered now may have asked again by then.
            self._working.discard(working)
            self._slow.discard(working)

    def _wait_no_more_for(self, working: asyncio.Task[None]) -> None:
        self._working.discard(working)
        self._slow.add(working)
        self._go_on()

    @abstractmethod
    async def _run(self, sql: str, asked: list[_Asked]) -> None:
        """Run it for all of these, and tell them what came of it."""

    @abstractmethod
    async def _ask(self, connection: "Held", sql: str, rows: list[tuple[Any, ...]]) -> Sequence[Row | None]:
        """What it answers to each row of arguments."""

    async def _try(self, sql: str, asked: list[_Asked]) -> BaseException | None:
        """Run it for all of these, and tell them; or why that failed, which nobody was told."""
        running = asyncio.create_task(self._fetch(sql, [each.args for each in asked]))
        await asyncio.wait({running})
        error = running.exception()
        if error is None:
            for each, row in zip(asked, running.result(), strict=True):
                if not each.done.done():
                    each.done.set_result(row)
        return error

    async def _fetch(self, sql: str, rows: list[tuple[Any, ...]]) -> Sequence[Row | None]:
        connection = await self._connections.borrow()
        try:
            return await self._ask(connection, sql, rows)
        finally:
            self._connections.give_back(connection)


def _fail(asked: list[_Asked], error: BaseException) -> None:
    for each in asked:
        if not each.done.done():
            each.done.set_exception(error)


class Changes(Sharing):
    """Of statements that answer exactly one row, and whose arguments begin with the workspace, user and id that they change.

    They share a transaction, in the order of what they change: so no two transactions wait for each other in a circle.
    Where one fails, none has happened, and each is run again by itself. What is answered is durable.
    """

    async def _run(self, sql: str, asked: list[_Asked]) -> None:
        together = sorted(asked, key=lambda each: each.args[:_NAMES])
        error = await self._try(sql, together)
        if isinstance(error, _Undone) and len(together) > 1:
            for each in together:
                await self._run(sql, [each])
        elif error is not None:
            _fail(together, cast("BaseException", error.__cause__) if isinstance(error, _Undone) else error)

    async def _ask(self, connection: "Held", sql: str, rows: list[tuple[Any, ...]]) -> Sequence[Row | None]:
        placed = [[place if arg is PLACE else arg for arg in row] for place, row in enumerate(rows)]
        try:
            return cast("Sequence[Row]", await connection.fetchmany(sql, placed))
        except asyncpg.PostgresError as error:
            if connection.is_closed():
                # It may have been committed before.
                raise
            raise _Undone from error


class _Undone(Exception):
    """The transaction was rolled back; its cause says why."""


class Lookups(Sharing):
    """Of statements that change nothing. Where one fails, each is run again by itself."""

    async def _run(self, sql: str, asked: list[_Asked]) -> None:
        error = await self._try(sql, asked)
        if error is not None and len(asked) > 1:
            await asyncio.gather(*(self._run(sql, [each]) for each in asked))
        elif error is not None:
            _fail(asked, error)

    async def _ask(self, connection: "Held", sql: str, rows: list[tuple[Any, ...]]) -> Sequence[Row | None]:
        if len(rows) == 1:
            return [cast("Row | None", await connection.fetchrow(sql, *rows[0]))]
        placed = [(*row, place) for place, row in enumerate(rows)]
        found = {row[-1]: row[:-1] for row in await connection.fetchmany(_with_place(sql, len(placed[0])), placed)}
        return [found.get(place) for place in range(len(rows))]


@cache
def _with_place(sql: str, number: int) -> str:
    """The statement, with its argument `$number` as a last column: where it finds nothing, none answers with it."""
    return f"select found.*, ${number}::integer from ({sql}) as found"
