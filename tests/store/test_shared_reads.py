"""SQLite's readers share a snapshot for a turn of the event loop: what of that may not be felt."""

import asyncio
import os
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from postroom.store.database import Database, Tx
from postroom.store.sqlite import SqliteDatabase


async def put(tx: Tx, name: str) -> None:
    await tx.execute("insert into settings_kept (name, value) values ($1, 'x')", name)


async def names(database: Database) -> list[str]:
    async with database.read() as reader:
        return [row[0] for row in await reader.fetch("select name from settings_kept order by name")]


def keep_the_turn(seconds: float) -> None:
    time.sleep(seconds)


@pytest.fixture
async def logged() -> list[str]:
    """What the event loop could tell nobody of."""
    told: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(str(context)))
    return told


async def test_a_read_that_the_disk_fails_fails_alone(
    sqlite: SqliteDatabase, tmp_path: Path, logged: list[str]
) -> None:
    async with sqlite.begin() as tx:
        await put(tx, "a")
    async with sqlite.begin() as tx:
        await put(tx, "b")
        os.truncate(tmp_path / "postroom.db-wal", 0)
        with pytest.raises(sqlite3.OperationalError, match="disk I/O"):
            await names(sqlite)
    await asyncio.sleep(0)
    assert logged == []


async def test_another_process_that_waits_for_readers_is_not_waited_for_by_one(
    sqlite: SqliteDatabase, tmp_path: Path
) -> None:
    sqlite._writing.execute("pragma busy_timeout = 2000")
    other = sqlite3.connect(tmp_path / "postroom.db", isolation_level=None, timeout=20, check_same_thread=False)
    async with sqlite.begin() as tx:
        await put(tx, "a")
    with ThreadPoolExecutor(1) as thread:
        assert await names(sqlite) == ["a"]
        # It keeps all others from writing, and waits until nobody reads any more.
        emptying = thread.submit(lambda: other.execute("pragma wal_checkpoint(truncate)").fetchone())
        keep_the_turn(0.2)
        async with sqlite.begin() as tx:
            await put(tx, "b")
        assert emptying.result() == (0, 0, 0)
    other.close()
