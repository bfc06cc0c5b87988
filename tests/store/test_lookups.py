"""Rows that are looked up in one turn of the event loop are read together: what of that may not be felt."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import apsw
import asyncpg
import pytest

from postroom.store.database import Database, Row
from postroom.store.keyring import Keyring
from postroom.store.postgres import PostgresDatabase
from postroom.store.sqlite import SqliteDatabase

PUT = "insert into settings_kept (name, value) values ($1, $2)"
VALUE = "select value from settings_kept where name = $1"
BOTH = "select name, value from settings_kept where value = $2 and name = $1"


async def look_up(database: Database, sql: str, *args: Any) -> Row | None:
    async with asyncio.timeout(20), database.read() as reader:
        return await reader.look_up(sql, *args)


async def filled(database: Database, names: range) -> None:
    async with database.begin() as tx:
        await tx.execute_many(PUT, [(str(name), f"value of {name}") for name in names])


async def test_each_of_many_hears_of_its_own_row_and_who_asks_for_none_of_nothing(database: Database) -> None:
    await filled(database, range(0, 400, 2))
    asked = [
        look_up(database, VALUE, str(name)) if name % 3 else look_up(database, BOTH, str(name), f"value of {name}")
        for name in range(400)
    ]
    found = [None if row is None else tuple(row) for row in await asyncio.gather(*asked)]
    assert found == [
        None if name % 2 else (f"value of {name}",) if name % 3 else (str(name), f"value of {name}")
        for name in range(400)
    ]


async def test_one_that_fails_fails_alone(database: Database) -> None:
    await filled(database, range(3))
    asked = [look_up(database, VALUE, name) for name in ("0", object(), "1", object(), "2")]
    found = await asyncio.gather(*asked, return_exceptions=True)
    heard = ["failed" if isinstance(each, BaseException) else each and each[0] for each in found]
    assert heard == ["value of 0", "failed", "value of 1", "failed", "value of 2"]


async def test_one_whose_caller_goes_away_takes_no_other_with_it(database: Database) -> None:
    await filled(database, range(3))
    asked = [asyncio.create_task(look_up(database, VALUE, str(name))) for name in range(3)]
    await asyncio.sleep(0)
    asked[1].cancel()
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(found[1], asyncio.CancelledError)
    assert [tuple(row) for row in (found[0], found[2])] == [("value of 0",), ("value of 2",)]  # type: ignore[arg-type]


async def test_whoever_asks_sees_what_was_committed_before_however_many_ask(database: Database) -> None:
    async def write_and_read(name: str) -> None:
        async with database.begin() as tx:
            await tx.execute(PUT, name, "mine")
        assert await look_up(database, VALUE, name) is not None

    await asyncio.gather(*(write_and_read(str(name)) for name in range(100)))


async def test_a_transaction_looks_up_what_it_wrote_itself(database: Database) -> None:
    async with database.begin() as tx:
        await tx.execute(PUT, "a", "mine")
        row = await tx.look_up(VALUE, "a")
        assert row is not None
        assert row[0] == "mine"
        assert await look_up(database, VALUE, "a") is None


async def test_on_postgresql_those_of_one_turn_share_a_transaction(postgres: PostgresDatabase) -> None:
    at = "select now(), $1::text"

    async def moments() -> set[datetime]:
        rows = await asyncio.gather(*(look_up(postgres, at, str(number)) for number in range(20)))
        return {row[0] for row in rows if row is not None}

    assert len(await moments() | await moments()) == 2


async def by_key(database: Database) -> None:
    await look_up(database, VALUE, "a")


async def by_a_single_statement(database: Database) -> None:
    async with database.begin(single=True) as tx:
        await tx.fetch_one("select $1::text, $2::text, $3::text", "a", "b", "c")


@pytest.mark.parametrize("ask", [by_key, by_a_single_statement])
async def test_on_postgresql_whoever_asks_again_as_soon_as_it_is_answered_is_answered_again(
    postgres: PostgresDatabase, ask: Callable[[Database], Awaitable[None]]
) -> None:
    async def twice() -> None:
        await ask(postgres)
        await ask(postgres)

    async def once_a_little_later() -> None:
        for _ in range(2):
            await asyncio.sleep(0)
        await ask(postgres)

    for _ in range(100):
        asking = [asyncio.create_task(twice()), asyncio.create_task(once_a_little_later())]
        for _ in range(6):
            await asyncio.sleep(0)
        # Both answers are there when the loop looks again.
        keep_the_turn(0.002)
        async with asyncio.timeout(10):
            await asyncio.gather(*asking)


async def test_on_postgresql_what_takes_long_is_waited_for_by_its_own_callers_only(
    postgres: PostgresDatabase, postgres_url: str
) -> None:
    other = await asyncpg.connect(postgres_url)
    held = []
    async with other.transaction():
        await other.execute("lock table messages in access exclusive mode")
        for name in "ab":
            held.append(asyncio.create_task(look_up(postgres, "select id from messages where id = $1", name)))
            await asyncio.sleep(0.05)
        assert await look_up(postgres, VALUE, "a") is None
        assert not any(each.done() for each in held)
    assert await asyncio.gather(*held) == [None, None]
    await other.close()


def keep_the_turn(seconds: float) -> None:
    time.sleep(seconds)


async def test_on_postgresql_a_database_that_is_closed_answers_first(postgres_url: str, keyring: Keyring) -> None:
    opened = await PostgresDatabase.connect(postgres_url, keyring)
    asked = [asyncio.create_task(look_up(opened, VALUE, str(name))) for name in range(3)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await opened.close()
    assert await asyncio.gather(*asked) == [None] * 3


@pytest.fixture
async def logged() -> list[str]:
    """What the event loop could tell nobody of."""
    told: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(str(context)))
    return told


async def test_one_that_the_disk_fails_fails_and_takes_no_commit_with_it(
    sqlite: SqliteDatabase, tmp_path: Path, logged: list[str]
) -> None:
    await filled(sqlite, range(1))
    async with sqlite.begin() as tx:
        await tx.execute(PUT, "b", "x")
        os.truncate(tmp_path / "postroom.db-wal", 0)
        found = await asyncio.gather(*(look_up(sqlite, VALUE, "b") for _ in range(2)), return_exceptions=True)
        assert [type(each) for each in found] == [apsw.IOError] * 2
    assert logged == []


async def test_one_that_is_asked_of_a_database_that_closes_fails_and_is_not_left_waiting(
    tmp_path: Path, keyring: Keyring, logged: list[str]
) -> None:
    opened = SqliteDatabase(tmp_path / "closed.db", keyring)
    asked = asyncio.create_task(look_up(opened, VALUE, "a"))
    await asyncio.sleep(0)
    await opened.close()
    with pytest.raises(apsw.ConnectionClosedError):
        await asyncio.wait_for(asked, 5)
    assert logged == []
