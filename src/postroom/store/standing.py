"""How a database stands, looked at without making or changing anything."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import apsw
import asyncpg
import msgspec

from postroom.errors import Unavailable
from postroom.store import restoring, schema, unwritten
from postroom.store.graves import Grave
from postroom.store.sqlite_files import open_file


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What is there."""

    version: int
    """Of its schema; 0: there is none yet."""
    software: str
    size_bytes: int
    deleted: Sequence[Grave] = ()
    """What the keyring has to remember, of a database that is up to date."""


def of_sqlite(file: Path, since: int) -> Standing:
    """`since`: from when on it is told what was deleted.

    Raises:
        Unavailable: the file cannot be read as a database.
    """
    software = f"SQLite {apsw.sqlite_lib_version()}"
    if not file.exists():
        return Standing(version=0, software=software, size_bytes=0)
    try:
        with closing(open_file(file, read_only=True)) as connection:
            version = connection.execute("pragma user_version").get
            connection.execute("select count(*) from sqlite_master").fetchone()
            deleted = [Grave(*row) for sql in _traces(version, since) for row in connection.execute(sql)]
    except apsw.Error as error:
        raise Unavailable(f"{file}: {error}") from error
    return Standing(version=version, software=software, size_bytes=file.stat().st_size, deleted=deleted)


def _traces(version: int, since: int) -> list[str]:
    if version != schema.newest():
        return []
    return [sql.replace("$1", str(since)) for sql in (*restoring.TRACES, unwritten.EVERY)]


async def of_postgres(url: str, since: int) -> Standing:
    """Raises:
    Unavailable: it does not answer, or lets nobody in.
    """
    try:
        connection = await asyncpg.connect(url, timeout=10)
        try:
            there = await connection.fetchval("select to_regclass('schema_versions') is not null")
            version = await connection.fetchval("select max(version) from schema_versions") if there else 0
            software = await connection.fetchval("show server_version")
            deleted = [Grave(*row) for sql in _traces(version or 0, since) for row in await connection.fetch(sql)]
            size = await connection.fetchval("select pg_database_size(current_database())")
        finally:
            await connection.close()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise Unavailable(f"PostgreSQL does not let us in: {str(error) or type(error).__name__}") from error
    return Standing(
        version=version or 0,
        software=f"PostgreSQL {software.partition(' ')[0]}",
        size_bytes=size,
        deleted=deleted,
    )
