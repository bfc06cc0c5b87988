"""PostgreSQL through asyncpg: a few connections held open, prepared statements, no pool bookkeeping on a read."""

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, cast

import asyncpg
from asyncpg import Connection

from postroom.errors import PostroomError
from postroom.store import schema
from postroom.store.database import Reader, Row, Tx
from postroom.store.keyring import Keyring
from postroom.store.sharing import PLACE, Changes, Connections, Lookups

WORDS = {"bytes": "bytea", "position": "bigint primary key"}
# The position of an event is the number of its transaction, then its place in that: 65,536 to a transaction. A number
# from a sequence would not do. It is taken before the commit, in another order than transactions are numbered, so that
# a reader could go past one that is not there yet, and could not know.
_PLACES_BITS = 16
_OLDEST_OPEN = "pg_snapshot_xmin(pg_current_snapshot())"
BASE_FOR = f"select $1::bigint - (cast(cast(pg_current_xact_id() as text) as bigint) << {_PLACES_BITS})"
"""The base by which the next position is this one, or later."""
_MIGRATION_LOCK = 7_305_811_246

# Every listing has an index in its order. Without statistics, as after the first large sync, the planner would sooner
# collect all rows of an account and sort them.
_PLANNING = {"enable_bitmapscan": "off", "jit": "off"}

if TYPE_CHECKING:
    Held = Connection[asyncpg.Record]


class _Words:
    dialect: Literal["sqlite", "postgres"] = "postgres"
    for_update = " for update"

    def __init__(self, keyring: Keyring, event_base: int) -> None:
        self.keyring = keyring
        self._event_base = event_base

    @property
    def settled_position(self) -> str:
        # Every transaction below that number has ended: what it wrote is here.
        return f"{self._event_base} + (cast(cast({_OLDEST_OPEN} as text) as bigint) << {_PLACES_BITS})"

    def any_of(self, column: str, number: int) -> str:
        return f"{column} = any(${number}::text[])"

    def array(self, values: Iterable[str]) -> list[str]:
        return list(values)

    def _position(self, number: int) -> str:
        begin = f"{self._event_base} + (cast(cast(pg_current_xact_id() as text) as bigint) << {_PLACES_BITS})"
        return f"{begin} + cast(${number} as bigint)"


class _Reads(_Words):
    """What anybody reads with: each statement on a connection of its own, those that look up together on one."""

    def __init__(self, connections: Connections, keyring: Keyring, event_base: int) -> None:
        super().__init__(keyring, event_base)
        self._connections = connections
        self.lookups = Lookups(connections)

    async def fetch(self, sql: str, *args: Any) -> Sequence[Row]:
        async with self._borrowed() as connection:
            return cast("Sequence[Row]", await connection.fetch(sql, *args))

    async def fetch_one(self, sql: str, *args: Any) -> Row | None:
        async with self._borrowed() as connection:
            return cast("Row | None", await connection.fetchrow(sql, *args))

    async def look_up(self, sql: str, *args: Any) -> Row | None:
        return await self.lookups.fetch_one(sql, args)

    @asynccontextmanager
    async def _borrowed(self) -> AsyncIterator["Held"]:
        connection = await self._connections.borrow()
        try:
            yield connection
        finally:
            self._connections.give_back(connection)

    async def __aenter__(self) -> Reader:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None


class _Tx(_Words):
    def __init__(self, connection: "Held", keyring: Keyring, event_base: int) -> None:
        super().__init__(keyring, event_base)
        self._connection = connection
        self.committed: list[Callable[[], None]] = []
        self._later: dict[str, list[tuple[Any, ...]]] = {}
        self._places = 0
        self._agreed: dict[str, bool] = {}

    async def fetch(self, sql: str, *args: Any) -> Sequence[Row]:
        return cast("Sequence[Row]", await self._connection.fetch(sql, *args))

    async def fetch_one(self, sql: str, *args: Any) -> Row | None:
        return cast("Row | None", await self._connection.fetchrow(sql, *args))

    look_up = fetch_one

    def next_position(self, number: int) -> tuple[str, Any]:
        place, self._places = self._places, self._places + 1
        if place >> _PLACES_BITS:
            raise PostroomError("A transaction has more events than it has places for.")
        return self._position(number), place

    async def execute(self, sql: str, *args: Any) -> int:
        tag: str = await self._connection.execute(sql, *args)
        count = tag.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    async def execute_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        await self._connection.executemany(sql, rows)

    async def agree(self, name: str, *, exclusive: bool) -> None:
        held = self._agreed.get(name)
        if held is None or (exclusive and not held):
            shared = "" if exclusive else "_shared"
            await self._connection.execute(f"select pg_advisory_xact_lock{shared}(hashtextextended($1, 0))", name)
            self._agreed[name] = exclusive

    def later(self, sql: str, *args: Any) -> None:
        self._later.setdefault(sql, []).append(args)

    async def finish(self) -> None:
        """Run what was left for later: in one statement, or all rows of a statement at once."""
        if len(self._later) > 1 and all(len(rows) == 1 for rows in self._later.values()):
            args = [arg for (row,) in self._later.values() for arg in row]
            await self._connection.execute(_together(*((sql, len(row)) for sql, (row,) in self._later.items())), *args)
            return
        for sql, rows in self._later.items():
            if len(rows) == 1:
                await self._connection.execute(sql, *rows[0])
            else:
                await self._connection.executemany(sql, rows)

    def on_commit(self, call: Callable[[], None]) -> None:
        self.committed.append(call)


class _Single(_Words):
    """Its one statement shares a transaction with others of its kind."""

    def __init__(self, changes: Changes, keyring: Keyring, event_base: int) -> None:
        super().__init__(keyring, event_base)
        self.committed: list[Callable[[], None]] = []
        self._changes = changes

    async def fetch_one(self, sql: str, *args: Any) -> Row | None:
        return await self._changes.fetch_one(sql, args)

    look_up = fetch_one

    async def fetch(self, sql: str, *args: Any) -> Sequence[Row]:
        raise _NotSingle

    async def execute(self, sql: str, *args: Any) -> int:
        raise _NotSingle

    async def execute_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        raise _NotSingle

    async def agree(self, name: str, *, exclusive: bool) -> None:
        raise _NotSingle

    def later(self, sql: str, *args: Any) -> None:
        raise _NotSingle

    def next_position(self, number: int) -> tuple[str, Any]:
        return self._position(number), PLACE

    def on_commit(self, call: Callable[[], None]) -> None:
        self.committed.append(call)


class _NotSingle(PostroomError):
    """Only a statement that answers one row can be a single one."""


@cache
def _together(*statements: tuple[str, int]) -> str:
    """Statements with so many arguments each, as one that takes all of them."""
    parts, before = [], 0
    for sql, count in statements:
        parts.append(re.sub(r"\$(\d+)", lambda found, before=before: f"${int(found[1]) + before}", sql))  # type: ignore[misc]
        before += count
    named = ", ".join(f"part{number} as ({part})" for number, part in enumerate(parts[:-1]))
    return f"with {named} {parts[-1]}"


class PostgresDatabase:
    """A PostgreSQL database, opened with `connect`."""

    dialect: Literal["sqlite", "postgres"] = "postgres"

    def __init__(self, url: str, keyring: Keyring, most_connections: int) -> None:
        self.keyring = keyring
        self.event_base = 0
        self._url = url
        self._idle: deque[Held] = deque()
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._room = most_connections
        self._changes = Changes(self)
        self._reader: _Reads

    @classmethod
    async def connect(cls, url: str, keyring: Keyring, most_connections: int = 12) -> "PostgresDatabase":
        """Connect, and bring the schema up to date (one process at a time does it).

        Raises:
            NewerDatabase: a newer Postroom wrote it.
        """
        database = cls(url, keyring, most_connections)
        connection = await database.borrow()
        try:
            await _migrate(connection)
            database.event_base = await _event_base(connection)
        except BaseException:
            connection.terminate()
            raise
        database.give_back(connection)
        database._reader = _Reads(database, keyring, database.event_base)
        return database

    async def borrow(self) -> "Held":
        """A connection of one's own, to be given back; waits where all are in use."""
        while True:
            while self._idle:
                connection = self._idle.pop()
                if not connection.is_closed():
                    return connection
                self._room += 1
            if self._room:
                self._room -= 1
                try:
                    return await asyncpg.connect(self._url, statement_cache_size=512, server_settings=_PLANNING)
                except BaseException:
                    self._room += 1
                    self._wake()
                    raise
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            except BaseException:
                self._wake()
                raise

    def give_back(self, connection: "Held") -> None:
        if connection.is_closed():
            self._room += 1
        else:
            self._idle.append(connection)
        self._wake()

    def _wake(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def read(self) -> _Reads:
        return self._reader

    @asynccontextmanager
    async def begin(self, *, single: bool = False) -> AsyncIterator[Tx]:
        if single:
            one = _Single(self._changes, self.keyring, self.event_base)
            yield one
            committed = one.committed
        else:
            connection = await self.borrow()
            tx = _Tx(connection, self.keyring, self.event_base)
            try:
                async with connection.transaction():
                    yield tx
                    await tx.finish()
            except asyncio.CancelledError:
                # It may have come while the transaction began or ended: the next one there would be a part of it.
                connection.terminate()
                raise
            finally:
                self.give_back(connection)
            committed = tx.committed
        for call in committed:
            call()

    async def scrub(self) -> bool:
        """Nothing: PostgreSQL keeps old versions in its log whatever is asked. What is sealed stays unreadable."""
        return True

    async def close(self) -> None:
        await self._changes.close()
        await self._reader.lookups.close()
        while self._idle:
            await self._idle.pop().close()


async def _migrate(connection: "Held") -> None:
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock($1)", _MIGRATION_LOCK)
        await connection.execute("create table if not exists schema_versions (version integer primary key)")
        applied = await connection.fetchval("select coalesce(max(version), 0) from schema_versions")
        for number, statements in schema.pending(WORDS, applied):
            for statement in statements:
                await connection.execute(statement)
            await connection.execute("insert into schema_versions values ($1)", number)
        await _rebase(connection)


async def _rebase(connection: "Held") -> None:
    """Transaction numbers begin again in a restored copy of the database; positions go on from where they were."""
    now = await connection.fetchval("select cast(cast(pg_current_xact_id() as text) as bigint)")
    newest = await connection.fetchval("select coalesce(max(position), 0) from events")
    if newest >= await _event_base(connection) + (now << _PLACES_BITS):
        base = newest + 1 - (now << _PLACES_BITS)
        await connection.execute(
            """
            insert into settings_kept (name, value) values ('event_base', $1)
            on conflict (name) do update set value = excluded.value
            """,
            str(base),
        )


async def _event_base(connection: "Held") -> int:
    kept = await connection.fetchval("select value from settings_kept where name = 'event_base'")
    return int(kept or 0)
