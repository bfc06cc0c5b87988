"""All rows of a database as they stood at one moment, while it is written to; and a database made of such rows."""

import itertools
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import apsw
import asyncpg

from postroom.errors import PostroomError
from postroom.store import postgres, restoring, schema, sqlite
from postroom.store.sqlite_files import open_file

if TYPE_CHECKING:
    from asyncpg import Connection

LEFT_OUT = frozenset(
    {"login_attempts", "hosted_links", "rate_windows", "sessions", "deletion_tokens", "schema_versions"}
)
"""What ends soon, and would open doors again: sign-ins, attempts, links, tokens. And what the store keeps for itself."""
GAP = 1 << 40
"""How far positions of events jump: no cursor that anybody holds of the lost database is beyond."""
_AT_ONCE = 500

Rows = Sequence[Sequence[Any]]


class NotEmpty(PostroomError):
    """There is something where a backup is to be restored."""


class NotConsistent(PostroomError):
    """The rows are not those of one moment."""


class Snapshot(Protocol):
    """One moment."""

    version: int

    async def count(self, table: str) -> int: ...

    def rows(self, table: str) -> AsyncIterator[tuple[list[str], Rows]]:
        """The names of the columns, and rows, some at a time."""
        ...


class Filler(Protocol):
    """A database that is being made, in one transaction."""

    async def add(self, table: str, columns: Sequence[str], rows: Rows) -> None: ...


def tables(version: int) -> list[str]:
    """Those that a database of this version has and a backup holds, each after those that it refers to."""
    return [name for name in schema.tables(version) if name not in LEFT_OUT]


@asynccontextmanager
async def of_sqlite(file: Path) -> AsyncIterator[Snapshot]:
    """The snapshot of a database file; one that is being written to as well.

    Raises:
        Unavailable: it cannot be read.
    """
    with closing(open_file(file, read_only=True)) as connection:
        # It begins with the first read: the log is kept for it until it ends.
        connection.execute("begin")
        yield _SqliteSnapshot(connection)


def _making(file: Path) -> apsw.Connection:
    if not file.exists():
        # What another file's log says is none of this one's business.
        for end in ("-wal", "-shm", "-journal"):
            file.with_name(file.name + end).unlink(missing_ok=True)
    connection = open_file(file)
    file.chmod(0o600)
    return connection


class _SqliteSnapshot:
    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self.version: int = connection.execute("pragma user_version").get

    async def count(self, table: str) -> int:
        return int(self._connection.execute(f"select count(*) from {table}").get)

    async def rows(self, table: str) -> AsyncIterator[tuple[list[str], Rows]]:
        columns = [row[1] for row in self._connection.execute(f"pragma table_info({table})")]
        found = self._connection.execute(f"select * from {table}")
        while part := list(itertools.islice(found, _AT_ONCE)):
            yield columns, part


@asynccontextmanager
async def of_postgres(url: str) -> AsyncIterator[Snapshot]:
    """The snapshot of a PostgreSQL database."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            version = await connection.fetchval("select max(version) from schema_versions")
            yield _PostgresSnapshot(connection, version)
    finally:
        await connection.close()


class _PostgresSnapshot:
    def __init__(self, connection: "Connection[asyncpg.Record]", version: int) -> None:
        self._connection = connection
        self.version = version

    async def count(self, table: str) -> int:
        return int(await self._connection.fetchval(f"select count(*) from {table}"))

    async def rows(self, table: str) -> AsyncIterator[tuple[list[str], Rows]]:
        statement = await self._connection.prepare(f"select * from {table}")
        columns = [each.name for each in statement.get_attributes()]
        part = []
        async for row in statement.cursor(prefetch=_AT_ONCE):
            part.append(tuple(row))
            if len(part) == _AT_ONCE:
                yield columns, part
                part = []
        if part:
            yield columns, part


@asynccontextmanager
async def into_sqlite(file: Path, version: int, backup_id: str) -> AsyncIterator[Filler]:
    """A new database file of this version, marked as not whole yet; nothing, if the block is left by an exception.

    Raises:
        NotEmpty: there is one that holds something.
    """
    with closing(_making(file)) as connection:
        there = {row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")}
        if "workspaces" in there and not _may_go(
            connection.execute("select count(*) from workspaces").get,
            connection.execute("select count(*) from settings_kept where name = ?", (restoring.MARK,)).get,
        ):
            raise NotEmpty(f"{file} holds something: restore into an empty place, or move it away first.")
        if "workspaces" not in there and there:
            raise NotEmpty(f"{file} holds tables of something else: restore into an empty place.")
        connection.execute("pragma foreign_keys = off")
        connection.execute("begin immediate")
        with _whole(connection):
            for name in there - {"sqlite_sequence"}:
                connection.execute(f"drop table {name}")
            for _, statements in schema.up_to(sqlite.WORDS, version):
                for statement in statements:
                    connection.execute(statement)
            yield _SqliteFiller(connection)
            newest = connection.execute("select coalesce(max(position), 0) from events").get + GAP
            connection.execute("delete from sqlite_sequence where name = 'events'")
            connection.execute("insert into sqlite_sequence (name, seq) values ('events', ?)", (newest,))
            for name, value in _kept(backup_id, newest).items():
                connection.execute("insert or replace into settings_kept values (?, ?)", (name, value))
            connection.execute("delete from settings_kept where name = 'event_base'")
            if connection.execute("pragma foreign_key_check").fetchone() is not None:
                raise NotConsistent("The backup has rows that refer to nothing: it is not of one moment.")
            connection.execute(f"pragma user_version = {version}")


@contextmanager
def _whole(connection: apsw.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit")


class _SqliteFiller:
    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    async def add(self, table: str, columns: Sequence[str], rows: Rows) -> None:
        places = ", ".join("?" * len(columns))
        self._connection.executemany(f"insert into {table} ({', '.join(columns)}) values ({places})", rows)


@asynccontextmanager
async def into_postgres(url: str, version: int, backup_id: str) -> AsyncIterator[Filler]:
    """The same in a PostgreSQL database.

    Raises:
        NotEmpty: it holds something.
    """
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            if await connection.fetchval("select to_regclass('workspaces') is not null"):
                held = await connection.fetchval("select count(*) from workspaces")
                marked = await connection.fetchval("select count(*) from settings_kept where name = $1", restoring.MARK)
                if not _may_go(held, marked):
                    raise NotEmpty("The PostgreSQL database holds something: restore into an empty one.")
            elif other := await _others(connection):
                raise NotEmpty(
                    f"The PostgreSQL database has a table {other} of something else: restore into an empty one."
                )
            for name in reversed(schema.tables(schema.newest())):
                await connection.execute(f"drop table if exists {name} cascade")
            await connection.execute("drop table if exists schema_versions")
            await connection.execute("create table schema_versions (version integer primary key)")
            for number, statements in schema.up_to(postgres.WORDS, version):
                for statement in statements:
                    await connection.execute(statement)
                await connection.execute("insert into schema_versions values ($1)", number)
            yield _PostgresFiller(connection)
            newest = await connection.fetchval("select coalesce(max(position), 0) from events") + GAP
            base = await connection.fetchval(postgres.BASE_FOR, newest + 1)
            for name, value in {**_kept(backup_id, newest), "event_base": str(base)}.items():
                await connection.execute("delete from settings_kept where name = $1", name)
                await connection.execute("insert into settings_kept values ($1, $2)", name, value)
    finally:
        await connection.close()


async def _others(connection: "Connection[asyncpg.Record]") -> str | None:
    """A table that is called as one of ours, in a database that has none of ours."""
    for name in schema.tables(schema.newest()):
        if await connection.fetchval("select to_regclass($1) is not null", name):
            return name
    held = await connection.fetchval("select to_regclass('schema_versions') is not null")
    return "schema_versions" if held and await connection.fetchval("select count(*) from schema_versions") else None


class _PostgresFiller:
    def __init__(self, connection: "Connection[asyncpg.Record]") -> None:
        self._connection = connection

    async def add(self, table: str, columns: Sequence[str], rows: Rows) -> None:
        await self._connection.copy_records_to_table(table, records=[tuple(row) for row in rows], columns=list(columns))


def _may_go(workspaces: int, marked: int) -> bool:
    return workspaces == 0 or marked > 0


def _kept(backup_id: str, newest: int) -> dict[str, str]:
    # Whoever resumes from before is told that there is a gap, and does not take what follows for all there was.
    return {restoring.MARK: backup_id, "events_trimmed": str(newest)}
