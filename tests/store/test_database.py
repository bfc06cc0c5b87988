"""The doors: all or nothing, on both databases; and on SQLite, commits that are shared."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import apsw
import asyncpg
import pytest

from postroom.errors import PostroomError
from postroom.store import schema
from postroom.store.database import Database, Tx
from postroom.store.keyring import Keyring
from postroom.store.postgres import PostgresDatabase
from postroom.store.schema import NewerDatabase
from postroom.store.sqlite import SqliteDatabase
from postroom.store.sqlite_files import open_file
from tests.store.things import OTHER_WORKSPACE, WORKSPACE

PUT = "insert into settings_kept (name, value) values ($1, $2)"


async def put(tx: Tx, name: str) -> None:
    await tx.execute(PUT, name, "x")


async def names(database: Database) -> list[str]:
    async with database.read() as reader:
        return [row[0] for row in await reader.fetch("select name from settings_kept order by name")]


async def test_a_transaction_is_all_or_nothing(database: Database) -> None:
    with pytest.raises(KeyError):
        async with database.begin() as tx:
            await put(tx, "a")
            raise KeyError
    assert await names(database) == []


NAMED = f"{PUT.replace('$1, $2', '$1, cast($2 as text) || cast($3 as text)')} returning name"


async def test_a_single_statement_is_durable_and_calls_on_commit_follow_it(database: Database) -> None:
    called = []
    async with database.begin(single=True) as tx:
        tx.on_commit(lambda: called.append("done"))
        assert await tx.fetch_one(NAMED, "a", "x", "y") is not None
        assert called == []
    assert (called, await names(database)) == (["done"], ["a"])
    with pytest.raises(KeyError):
        async with database.begin(single=True) as tx:
            tx.on_commit(lambda: called.append("failed"))
            raise KeyError
    assert called == ["done"]


async def single(database: Database, name: str) -> str:
    async with database.begin(single=True) as tx:
        row = await tx.fetch_one(NAMED, name, "x", "y")
    assert row is not None
    return str(row[0])


async def test_each_of_many_single_statements_hears_its_own_answer(database: Database) -> None:
    wanted = [f"{number:03d}" for number in reversed(range(300))]
    assert await asyncio.gather(*(single(database, name) for name in wanted)) == wanted
    assert await names(database) == sorted(wanted)


async def test_a_single_statement_that_fails_fails_alone(database: Database) -> None:
    await single(database, "b")
    found = await asyncio.gather(*(single(database, name) for name in "abcbd"), return_exceptions=True)
    assert [each if isinstance(each, str) else "failed" for each in found] == ["a", "failed", "c", "failed", "d"]
    assert await names(database) == ["a", "b", "c", "d"]


async def test_a_single_statement_whose_caller_goes_away_takes_no_other_with_it(database: Database) -> None:
    asked = [asyncio.create_task(single(database, name)) for name in "abc"]
    await asyncio.sleep(0)
    asked[1].cancel()
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert (found[0], found[2]) == ("a", "c")
    assert isinstance(found[1], asyncio.CancelledError)
    assert {"a", "c"} <= set(await names(database))


async def test_on_postgres_nothing_goes_beside_a_single_statement(postgres: PostgresDatabase) -> None:
    async with postgres.begin(single=True) as tx:
        for refused in (tx.fetch(PUT, "a", "x"), tx.execute(PUT, "b", "x"), tx.execute_many(PUT, [("c", "x")])):
            with pytest.raises(PostroomError):
                await refused
        with pytest.raises(PostroomError):
            tx.later(PUT, "d", "x")
    assert await names(postgres) == []


async def test_a_reader_sees_what_is_committed_only(database: Database) -> None:
    async with database.begin() as tx:
        await put(tx, "a")
        assert await names(database) == []
        assert await tx.fetch_one("select value from settings_kept where name = $1", "a") is not None
    assert await names(database) == ["a"]


async def test_calls_on_commit_are_made_once_it_is_durable_and_never_if_it_fails(database: Database) -> None:
    called = []
    with pytest.raises(KeyError):
        async with database.begin() as tx:
            tx.on_commit(lambda: called.append("failed"))
            raise KeyError
    async with database.begin() as tx:
        tx.on_commit(lambda: called.append("done"))
        await put(tx, "a")
        assert called == []
    assert called == ["done"]


async def test_how_many_rows_a_statement_changed(database: Database) -> None:
    async with database.begin() as tx:
        assert await tx.execute(PUT, "a", "x") == 1
        await tx.execute_many(PUT, [("b", "x"), ("c", "x")])
        assert await tx.execute("update settings_kept set value = 'y' where name <> $1", "a") == 2
        assert await tx.execute("delete from settings_kept where name = 'z'") == 0
    assert await names(database) == ["a", "b", "c"]


async def test_a_text_is_found_in_a_list(database: Database) -> None:
    odd = ['"', "'", "\\", "{a,b}", "é\N{SNOWMAN}", "", "null"]
    async with database.begin() as tx:
        await tx.execute_many(PUT, [(name, "x") for name in [*odd, "other"]])
        sql = f"select name from settings_kept where {tx.any_of('name', 1)}"
        assert sorted(row[0] for row in await tx.fetch(sql, tx.array(iter(odd)))) == sorted(odd)
        assert await tx.fetch(sql, tx.array([])) == []


async def test_writers_that_read_first_do_not_lose_each_others_writes(database: Database) -> None:
    async with database.begin() as tx:
        await tx.execute(PUT, "n", "0")

    async def increment() -> None:
        for _ in range(20):
            async with database.begin() as tx:
                row = await tx.fetch_one(f"select value from settings_kept where name = 'n'{tx.for_update}")
                assert row is not None
                await asyncio.sleep(0)
                await tx.execute("update settings_kept set value = $1 where name = 'n'", str(int(row[0]) + 1))

    await asyncio.gather(*(increment() for _ in range(5)))
    async with database.read() as reader:
        assert (await reader.fetch("select value from settings_kept"))[0][0] == "100"


async def test_readers_and_writers_are_many(database: Database) -> None:
    async def one(number: int) -> None:
        async with database.begin() as tx:
            await put(tx, f"{number:03}")
        assert f"{number:03}" in await names(database)

    await asyncio.gather(*(one(number) for number in range(50)))
    assert len(await names(database)) == 50


# Shared commits


class CountsCommits:
    """What the writer does, seen from its connection."""

    def __init__(self, database: SqliteDatabase) -> None:
        self.commits = 0
        database._writing.set_exec_trace(self._note)

    def _note(self, _cursor: object, statement: str, _values: object) -> bool:
        self.commits += statement.lower() == "commit"
        return True


async def test_waiting_writers_share_a_commit_and_a_failed_one_leaves_the_others(sqlite: SqliteDatabase) -> None:
    counted = CountsCommits(sqlite)

    async def write(number: int) -> None:
        async with sqlite.begin() as tx:
            await put(tx, f"{number:03}")
            if number % 10 == 3:
                raise KeyError(number)

    results = await asyncio.gather(*(write(number) for number in range(60)), return_exceptions=True)
    assert [number for number, result in enumerate(results) if isinstance(result, KeyError)] == [3, 13, 23, 33, 43, 53]
    assert await names(sqlite) == [f"{number:03}" for number in range(60) if number % 10 != 3]
    assert 1 <= counted.commits < 10


async def test_a_failed_member_that_is_the_last_leaves_the_others_committed(sqlite: SqliteDatabase) -> None:
    async def write(name: str, error: Exception | None = None) -> None:
        async with sqlite.begin() as tx:
            await put(tx, name)
            if error is not None:
                raise error

    results = await asyncio.gather(write("a"), write("b"), write("c", KeyError()), return_exceptions=True)
    assert [type(result) for result in results] == [type(None), type(None), KeyError]
    assert await names(sqlite) == ["a", "b"]


async def test_a_waiter_that_is_cancelled_after_its_block_leaves_its_transaction_whole(sqlite: SqliteDatabase) -> None:
    written = asyncio.Event()

    async def write(name: str) -> None:
        async with sqlite.begin() as tx:
            await put(tx, f"{name}1")
            await put(tx, f"{name}2")
            written.set()

    first = asyncio.create_task(write("a"))
    others = [asyncio.create_task(write(name)) for name in "bc"]
    await written.wait()
    first.cancel()
    await asyncio.gather(first, *others, return_exceptions=True)
    assert await names(sqlite) == ["a1", "a2", "b1", "b2", "c1", "c2"]


async def test_a_member_that_is_cancelled_in_its_block_leaves_nothing_of_it(sqlite: SqliteDatabase) -> None:
    begun = asyncio.Event()

    async def stuck() -> None:
        async with sqlite.begin() as tx:
            await put(tx, "stuck")
            begun.set()
            await asyncio.sleep(60)

    async def write(name: str) -> None:
        async with sqlite.begin() as tx:
            await put(tx, name)

    task = asyncio.create_task(stuck())
    others = [asyncio.create_task(write(name)) for name in "ab"]
    await begun.wait()
    task.cancel()
    results = await asyncio.gather(task, *others, return_exceptions=True)
    assert [type(result) for result in results] == [asyncio.CancelledError, type(None), type(None)]
    assert await names(sqlite) == ["a", "b"]


async def test_one_who_is_cancelled_while_it_waits_for_its_turn_holds_nobody_up(sqlite: SqliteDatabase) -> None:
    async def write(name: str) -> None:
        async with sqlite.begin() as tx:
            await put(tx, name)
            await asyncio.sleep(0.001)

    tasks = [asyncio.create_task(write(f"{number}")) for number in range(6)]
    await asyncio.sleep(0)
    for task in tasks[3:]:
        task.cancel()
    await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
    assert await names(sqlite) == ["0", "1", "2"]


async def test_one_who_is_cancelled_as_its_turn_comes_leaves_those_before_committed(sqlite: SqliteDatabase) -> None:
    go = asyncio.Event()

    async def first() -> None:
        async with sqlite.begin() as tx:
            await put(tx, "first")
            await go.wait()

    async def second() -> None:
        async with sqlite.begin() as tx:
            await put(tx, "second")

    before, after = asyncio.create_task(first()), asyncio.create_task(second())
    await asyncio.sleep(0.01)
    go.set()
    await asyncio.sleep(0)
    after.cancel()
    async with asyncio.timeout(5):
        await asyncio.gather(before, after, return_exceptions=True)
    assert after.cancelled()
    assert await names(sqlite) == ["first"]


async def test_a_transaction_can_begin_right_after_the_log_was_scrubbed(sqlite: SqliteDatabase) -> None:
    scrubbing = [asyncio.create_task(sqlite.scrub()) for _ in range(3)]
    await asyncio.gather(*scrubbing)
    async with sqlite.begin() as tx:
        await put(tx, "after")
    assert await names(sqlite) == ["after"]


class FailsToCommit:
    """A connection whose commit fails, as on a full disk."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, *args: Any) -> Any:
        if sql == "commit":
            raise apsw.IOError("disk I/O error")
        return self._connection.execute(sql, *args)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


async def test_what_is_committed_is_read_at_once_whoever_else_is_reading(sqlite: SqliteDatabase) -> None:
    async with at_all_times_reading(sqlite):
        for name in map(str, range(50)):
            async with sqlite.begin() as tx:
                await put(tx, name)
            assert name in await names(sqlite)


async def test_however_many_read_the_log_is_moved_into_the_file_and_begun_anew(
    sqlite: SqliteDatabase, tmp_path: Path
) -> None:
    async with at_all_times_reading(sqlite):
        for number in range(60):
            async with sqlite.begin() as tx:
                await tx.execute(PUT, str(number), "x" * 1_000_000)
    # 60 MB went through it; it is moved when it has 2,000 pages of 4 KiB, here in steps of 1 MB.
    assert (tmp_path / "postroom.db-wal").stat().st_size < 16e6


async def test_the_log_is_emptied_at_once_however_many_read(sqlite: SqliteDatabase, tmp_path: Path) -> None:
    async with at_all_times_reading(sqlite):
        for number in range(20):
            async with sqlite.begin() as tx:
                await put(tx, str(number))
            assert await sqlite.scrub()


@asynccontextmanager
async def at_all_times_reading(database: Database) -> AsyncIterator[None]:
    """Others who read in every turn of the event loop, and leave it hardly a moment without."""

    async def read() -> None:
        while True:
            await names(database)
            async with database.read() as reader:
                await reader.look_up("select value from settings_kept where name = $1", "nobody")
            until = time.perf_counter() + 0.001
            while time.perf_counter() < until:
                pass
            await asyncio.sleep(0)

    reading = [asyncio.create_task(read()) for _ in range(2)]
    yield
    for task in reading:
        task.cancel()
    await asyncio.gather(*reading, return_exceptions=True)


async def test_a_commit_that_fails_reaches_every_member_and_the_next_one_works(sqlite: SqliteDatabase) -> None:
    working = sqlite._writing
    sqlite._writing = FailsToCommit(working)  # type: ignore[assignment]
    called: list[str] = []

    async def write(name: str) -> None:
        async with sqlite.begin() as tx:
            tx.on_commit(lambda: called.append(name))
            await put(tx, name)

    results = await asyncio.gather(*(write(name) for name in "abc"), return_exceptions=True)
    assert [type(result) for result in results] == [apsw.IOError] * 3
    sqlite._writing = working
    assert called == []
    assert await names(sqlite) == []
    await write("d")
    assert await names(sqlite) == called == ["d"]


async def test_a_statement_that_fails_takes_its_own_transaction_only(sqlite: SqliteDatabase) -> None:
    async def write(name: str) -> None:
        async with sqlite.begin() as tx:
            await put(tx, name)

    results = await asyncio.gather(write("a"), write("a"), write("b"), return_exceptions=True)
    assert [type(result) for result in results] == [type(None), apsw.ConstraintError, type(None)]
    assert await names(sqlite) == ["a", "b"]


async def test_where_sqlite_takes_a_transaction_back_by_itself_nobody_is_told_otherwise(sqlite: SqliteDatabase) -> None:
    called: list[str] = []
    await put_durably(sqlite, "there")

    async def write(name: str, *, taking_all_back: bool = False) -> None:
        async with sqlite.begin() as tx:
            tx.on_commit(lambda: called.append(name))
            if taking_all_back:
                # As where the disk is full.
                await tx.execute("insert or rollback into settings_kept (name, value) values ($1, 'x')", "there")
            await put(tx, name)

    # The first commits alone; meanwhile the others come.
    writes = [write(name, taking_all_back=name == "c") for name in "abcde"]
    results = await asyncio.gather(*writes, return_exceptions=True)
    assert [isinstance(result, apsw.Error) for result in results] == [False, True, True, False, False]
    assert isinstance(results[2], apsw.ConstraintError)
    assert sorted(called) == ["a", "d", "e"]
    assert await names(sqlite) == ["a", "d", "e", "there"]


async def put_durably(database: Database, name: str) -> None:
    async with database.begin() as tx:
        await put(tx, name)


async def test_scrubbing_that_is_cancelled_keeps_nobody_from_writing(sqlite: SqliteDatabase, tmp_path: Path) -> None:
    await put_durably(sqlite, "a")
    backup = open_file(tmp_path / "postroom.db")
    backup.execute("begin")
    backup.execute("select name from settings_kept").fetchall()
    await put_durably(sqlite, "b")
    scrubbing = asyncio.create_task(sqlite.scrub())
    await asyncio.sleep(0.05)
    scrubbing.cancel()
    await put_durably(sqlite, "c")
    assert scrubbing.cancelled()
    assert await names(sqlite) == ["a", "b", "c"]
    backup.close()


async def test_scrubbing_leaves_nothing_of_what_was_deleted(sqlite: SqliteDatabase, tmp_path: Path) -> None:
    async with sqlite.begin() as tx:
        await tx.execute(PUT, "a", "canary-" * 500)
    async with sqlite.begin() as tx:
        await tx.execute("delete from settings_kept")
    await sqlite.scrub()
    assert not any(holding(tmp_path, b"canary-"))


async def test_scrubbing_says_so_where_a_backup_still_reads_what_was_deleted(
    sqlite: SqliteDatabase, tmp_path: Path
) -> None:
    async with sqlite.begin() as tx:
        await tx.execute(PUT, "a", "canary-" * 500)
    backup = open_file(tmp_path / "postroom.db")
    backup.execute("begin")
    backup.execute("select name from settings_kept").fetchall()
    async with sqlite.begin() as tx:
        await tx.execute("delete from settings_kept")
    assert not await sqlite.scrub()
    assert any(holding(tmp_path, b"canary-"))
    backup.close()
    assert await sqlite.scrub()
    assert not any(holding(tmp_path, b"canary-"))


def holding(folder: Path, text: bytes) -> list[bool]:
    return [text in path.read_bytes() for path in folder.iterdir()]


async def test_a_database_opens_again_with_what_was_in_it(tmp_path: Path, keyring: Keyring) -> None:
    for name in "ab":
        opened = SqliteDatabase(tmp_path / "again.db", keyring)
        async with opened.begin() as tx:
            await put(tx, name)
        await opened.close()
    opened = SqliteDatabase(tmp_path / "again.db", keyring)
    assert await names(opened) == ["a", "b"]
    await opened.close()


# Migrations


async def test_sqlite_refuses_a_database_of_a_newer_version(tmp_path: Path, keyring: Keyring) -> None:
    opened = SqliteDatabase(tmp_path / "newer.db", keyring)
    async with opened.begin() as tx:
        await tx.execute("pragma user_version = 99")
    await opened.close()
    with pytest.raises(NewerDatabase, match="99"):
        SqliteDatabase(tmp_path / "newer.db", keyring)


async def test_postgresql_refuses_a_database_of_a_newer_version(
    postgres: PostgresDatabase, postgres_url: str, keyring: Keyring
) -> None:
    async with postgres.begin() as tx:
        await tx.execute("insert into schema_versions values (99)")
    with pytest.raises(NewerDatabase, match="99"):
        await PostgresDatabase.connect(postgres_url, keyring)


async def test_processes_that_start_at_once_make_one_schema(postgres_url: str, keyring: Keyring) -> None:
    opened = await asyncio.gather(*(PostgresDatabase.connect(postgres_url, keyring) for _ in range(4)))
    async with opened[0].read() as reader:
        assert len(await reader.fetch("select version from schema_versions")) == len(schema.steps({}))
    for each in opened:
        await each.close()


async def test_both_databases_have_the_same_tables(sqlite: SqliteDatabase, postgres: PostgresDatabase) -> None:
    async with postgres.read() as reader:
        theirs = {
            (table, column, nullable == "YES")
            for table, column, nullable in await reader.fetch(
                """
                select table_name, column_name, is_nullable from information_schema.columns
                where table_schema = 'public' and table_name <> 'schema_versions'
                """
            )
        }
    async with sqlite.read() as reader:
        ours = {
            (table, column, not (required or key))
            for table, column, required, key in await reader.fetch(
                """
                select t.name, c.name, c."notnull", c.pk from sqlite_schema t join pragma_table_info(t.name) c
                where t.type = 'table' and t.name not like 'sqlite_%'
                """
            )
        }
    assert ours == theirs
    async with postgres.read() as reader:
        their_indexes = {
            row[0] for row in await reader.fetch("select indexname from pg_indexes where schemaname = 'public'")
        }
    async with sqlite.read() as reader:
        our_indexes = {
            row[0]
            for row in await reader.fetch("select name from sqlite_schema where type = 'index' and sql is not null")
        }
    assert our_indexes <= their_indexes
    assert len(our_indexes) > 20


async def test_connections_that_were_cut_are_opened_again(postgres: PostgresDatabase) -> None:
    async with postgres.read() as reader:
        (row,) = await reader.fetch("select pg_backend_pid()")
    async with postgres.begin() as tx:
        assert (await tx.fetch("select pg_backend_pid()"))[0][0] == row[0]
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        async with postgres.begin() as tx:
            await tx.fetch("select pg_terminate_backend(pg_backend_pid())")
    assert await names(postgres) == []


async def test_one_who_is_cancelled_at_any_moment_leaves_no_transaction_open(
    postgres_url: str, keyring: Keyring
) -> None:
    # With one connection, whoever comes next has the one that the cancelled left.
    database = await PostgresDatabase.connect(postgres_url, keyring, most_connections=1)
    watching = await PostgresDatabase.connect(postgres_url, keyring, most_connections=1)

    async def write(name: str) -> None:
        async with database.begin() as tx:
            await put(tx, name)

    try:
        for steps in range(60):
            cancelled = asyncio.create_task(write(f"cancelled {steps}"))
            for _ in range(steps):
                await asyncio.sleep(0)
            cancelled.cancel()
            await asyncio.wait({cancelled})
            await write(f"lasting {steps:02}")
            assert f"lasting {steps:02}" in await names(watching)
    finally:
        await database.close()
        await watching.close()


async def test_two_workspaces_begin_with_nothing_of_each_other(database: Database) -> None:
    async with database.read() as reader:
        rows = await reader.fetch("select id from workspaces order by id")
    assert [row[0] for row in rows] == [WORKSPACE, OTHER_WORKSPACE]
