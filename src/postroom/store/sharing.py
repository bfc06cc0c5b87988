"""Statements that share a transaction on PostgreSQL: one round trip and one sync for all that wait."""

import asyncio
from collections.abc import Sequence
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


class Connections(Protocol):
    async def borrow(self) -> "Held": ...

    def give_back(self, connection: "Held") -> None: ...


class _Asked(NamedTuple):
    args: tuple[Any, ...]
    done: asyncio.Future[Row]


class Sharing:
    """Takes statements that answer exactly one row, and whose arguments begin with the workspace, user and id that they change.

    Those that wait are run together, in the order of what they change: so no two transactions wait for each other in a
    circle. Where one fails, none has happened, and each is run again by itself.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._asked: dict[str, list[_Asked]] = {}
        self._working: set[asyncio.Task[None]] = set()

    async def fetch_one(self, sql: str, args: tuple[Any, ...]) -> Row:
        """What the statement answers, once it is durable. It is run even if the caller is cancelled meanwhile."""
        asked = _Asked(args, asyncio.get_running_loop().create_future())
        self._asked.setdefault(sql, []).append(asked)
        if len(self._working) < _AT_A_TIME:
            self._working.add(work := asyncio.create_task(self._work()))
            work.add_done_callback(self._working.discard)
        return await asked.done

    async def close(self) -> None:
        """Wait for what is under way."""
        while self._working:
            await asyncio.wait(self._working)

    async def _work(self) -> None:
        while self._asked:
            sql, asked = self._asked.popitem()
            if len(asked) > _MOST_TOGETHER:
                self._asked[sql] = asked[_MOST_TOGETHER:]
            together = sorted(asked[:_MOST_TOGETHER], key=lambda each: each.args[:_NAMES])
            try:
                await self._run(sql, together)
            except _Undone:
                for each in together:
                    await self._run(sql, [each])

    async def _run(self, sql: str, together: list[_Asked]) -> None:
        """Run it for all of these, and tell them what came of it.

        Raises:
            _Undone: it failed for one of several, and has happened for none.
        """
        running = asyncio.create_task(self._fetch(sql, together))
        await asyncio.wait({running})
        error = running.exception()
        if isinstance(error, _Undone):
            if len(together) > 1:
                raise error
            error = error.__cause__
        for place, each in enumerate(together):
            if each.done.done():
                continue
            if error is None:
                each.done.set_result(running.result()[place])
            else:
                each.done.set_exception(error)

    async def _fetch(self, sql: str, together: list[_Asked]) -> Sequence[Row]:
        rows = [[place if arg is PLACE else arg for arg in each.args] for place, each in enumerate(together)]
        connection = await self._connections.borrow()
        try:
            return cast("Sequence[Row]", await connection.fetchmany(sql, rows))
        except asyncpg.PostgresError as error:
            if connection.is_closed():
                # It may have been committed before.
                raise
            raise _Undone from error
        finally:
            self._connections.give_back(connection)


class _Undone(Exception):
    """The transaction was rolled back; its cause says why."""
