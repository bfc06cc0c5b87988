"""How a database stands, looked at without making or changing anything."""

import sqlite3
from contextlib import closing
from pathlib import Path

import asyncpg
import msgspec

from postroom.errors import Unavailable


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What is there."""

    version: int
    """Of its schema; 0: there is none yet."""
    software: str
    size_bytes: int


def of_sqlite(file: Path) -> Standing:
    """Raises:
    Unavailable: the file cannot be read as a database.
    """
    software = f"SQLite {sqlite3.sqlite_version}"
    if not file.exists():
        return Standing(version=0, software=software, size_bytes=0)
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            version = connection.execute("pragma user_version").fetchone()[0]
            connection.execute("select count(*) from sqlite_master").fetchone()
    except sqlite3.Error as error:
        raise Unavailable(f"{file}: {error}") from error
    return Standing(version=version, software=software, size_bytes=file.stat().st_size)


async def of_postgres(url: str) -> Standing:
    """Raises:
    Unavailable: it does not answer, or lets nobody in.
    """
    try:
        connection = await asyncpg.connect(url, timeout=10)
        try:
            there = await connection.fetchval("select to_regclass('schema_versions') is not null")
            version = await connection.fetchval("select max(version) from schema_versions") if there else 0
            software = await connection.fetchval("show server_version")
            size = await connection.fetchval("select pg_database_size(current_database())")
        finally:
            await connection.close()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise Unavailable(f"PostgreSQL does not let us in: {str(error) or type(error).__name__}") from error
    return Standing(version=version or 0, software=f"PostgreSQL {software.partition(' ')[0]}", size_bytes=size)
