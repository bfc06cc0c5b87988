"""SQLite: reads inline on the event loop's own connection, one writer, and commits that waiting writers share.

A read is two system calls for its locks, and more for pages that are not at hand: more than all the rest of it. So rows that
are looked up in one turn of the event loop are read in one transaction, at its end.

Each `begin()` is a savepoint in a batch. When nobody waits for the writer any more, or the batch is full, it is
committed in a thread, durably (`synchronous = full`), and all its members return at once: the slower the disk, the more
share one sync.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import apsw
import msgspec

from postroom.store import schema
from postroom.store.database import Reader, Row, Tx
from postroom.store.keyring import Keyring
from postroom.store.sqlite_files import open_file

WORDS = {"bytes": "blob", "position": "integer primary key autoincrement"}
_MOST_IN_A_BATCH = 128
_PATIENCE_MS = 10_000
# Writers wait for it: whoever reads the database as it was (a backup) may take minutes, and is not waited for.
_SCRUBBING_PATIENCE_MS = 500
# Twice the writer's: the indexes of a million messages, and what is read of these, beside each other.
_READ_CACHE_KIB = 131_072
_PRAGMAS = (
    "pragma foreign_keys = on",
    "pragma secure_delete = on",
    "pragma cache_size = -65536",
    "pragma temp_store = memory",
    # Checkpoints run in the committing thread of the writer; the log stays small enough to be quick to read.
    "pragma wal_autocheckpoint = 2000",
)


_encode = msgspec.json.Encoder().encode


@cache
def _numbered(sql: str) -> str:
    """`$1` becomes `?1`, which SQLite takes in order."""
    return re.sub(r"\$(\d+)", r"?\1", sql)


def _connect(file: Path) -> apsw.Connection:
    connection = open_file(file, patience_ms=_PATIENCE_MS)
    for pragma in _PRAGMAS:
        connection.execute(pragma)
    return connection


class _Reader:
    """Runs statements on one connection, inline: a point read costs less than a thread hop."""

    dialect: Literal["sqlite", "postgres"] = "sqlite"

    def __init__(self, connection: apsw.Connection, keyring: Keyring) -> None:
        self._connection = connection
        self.keyring = keyring

    @property
    def settled_position(self) -> str:
        # One writer: events are seen in the order in which they got their positions.
        return "9223372036854775807"

    def any_of(self, column: str, number: int) -> str:
        return f"{column} in (select value from json_each(${number}))"

    def array(self, values: Iterable[str]) -> str:
        return _encode(list(values)).decode()

    async def fetch(self, sql: str, *args: Any) -> Sequence[Row]:
        return self._run(sql, args).fetchall()

    async def fetch_one(self, sql: str, *args: Any) -> Row | None:
        row: Row | None = self._run(sql, args).fetchone()
        return row

    look_up = fetch_one

    def _run(self, sql: str, args: tuple[Any, ...]) -> apsw.Cursor:
        return self._connection.execute(_numbered(sql), args)

    async def __aenter__(self) -> Reader:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None


class _Reads(_Reader):
    """What anybody reads with: each statement sees what is committed, and those of one turn that look up, the same."""

    def __init__(self, connection: apsw.Connection, keyring: Keyring) -> None:
        super().__init__(connection, keyring)
        self._asked: list[_Asked] = []

    async def look_up(self, sql: str, *args: Any) -> Row | None:
        loop = asyncio.get_running_loop()
        if not self._asked:
            loop.call_soon(self._answer)
        self._asked.append(asked := _Asked(sql, args, loop.create_future()))
        return await asked.done

    def _answer(self) -> None:
        """In one transaction: the locks of each statement would be more calls of the system than all the rest."""
        asked, self._asked = self._asked, []
        try:
            self._connection.execute("begin")
            for sql, args, done in asked:
                if not done.done():
                    self._tell(done, sql, args)
            # A read that a failing disk, or a lack of memory, has failed has ended it already.
            if self._connection.in_transaction:
                self._connection.execute("commit")
        except apsw.Error as error:
            for each in asked:
                if not each.done.done():
                    each.done.set_exception(error)

    def _tell(self, done: asyncio.Future[Row | None], sql: str, args: tuple[Any, ...]) -> None:
        try:
            done.set_result(self._run(sql, args).fetchone())
        except Exception as error:  # noqa: BLE001 - who asked hears of it, and nobody waits for good
            done.set_exception(error)


class _Asked(NamedTuple):
    sql: str
    args: tuple[Any, ...]
    done: asyncio.Future[Row | None]


class _Tx(_Reader):
    for_update = ""

    def __init__(self, connection: apsw.Connection, keyring: Keyring) -> None:
        super().__init__(connection, keyring)
        self.committed: list[Callable[[], None]] = []

    async def execute(self, sql: str, *args: Any) -> int:
        self._run(sql, args)
        return self._connection.changes()

    async def execute_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        self._connection.executemany(_numbered(sql), rows)

    def next_position(self, number: int) -> tuple[str, Any]:
        return f"${number}", None

    async def agree(self, name: str, *, exclusive: bool) -> None:
        """One writer."""

    def later(self, sql: str, *args: Any) -> None:
        self._run(sql, args)

    def on_commit(self, call: Callable[[], None]) -> None:
        self.committed.append(call)


class _RolledBack(apsw.Error):
    """The disk failed a statement of another member, and with it the transaction of all."""


class _Batch:
    """The transactions that one commit makes durable."""

    def __init__(self) -> None:
        self.members = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # Its members may all have been cancelled: nobody is then left to read a failure.
        self.done.add_done_callback(lambda done: done.cancelled() or done.exception())


async def _seen_out(work: "asyncio.Future[Any]") -> asyncio.CancelledError | None:
    """Wait until a thread is done with a connection, which is nobody else's before; the caller's cancellation meanwhile."""
    cancelled = None
    while not work.done():
        try:
            await asyncio.wait({work})
        except asyncio.CancelledError as error:
            cancelled = error
    return cancelled


class SqliteDatabase:
    """A database file, opened. One process writes to it at a time."""

    dialect: Literal["sqlite", "postgres"] = "sqlite"

    def __init__(self, file: Path, keyring: Keyring) -> None:
        """Open the file, making it or bringing it up to date.

        Raises:
            NewerDatabase: a newer Postroom wrote it.
        """
        self.keyring = keyring
        self._writing = _connect(file)
        file.chmod(0o600)
        self._writing.execute("pragma journal_mode = wal")
        self._writing.execute("pragma synchronous = full")
        self._migrate()
        self._reading = _connect(file)
        self._reading.execute("pragma query_only = on")
        self._reading.execute(f"pragma cache_size = -{_READ_CACHE_KIB}")
        self._reader = _Reads(self._reading, keyring)
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._batch: _Batch | None = None
        self._committer = ThreadPoolExecutor(1, "postroom-commit")

    def _migrate(self) -> None:
        applied = self._writing.execute("pragma user_version").get
        for number, statements in schema.pending(WORDS, applied):
            self._writing.execute("begin immediate")
            for statement in statements:
                self._writing.execute(statement)
            self._writing.execute(f"pragma user_version = {number}")
            self._writing.execute("commit")

    def read(self) -> _Reader:
        return self._reader

    @asynccontextmanager
    async def begin(self, *, single: bool = False) -> AsyncIterator[Tx]:
        self._waiting += 1
        try:
            await self._turn.acquire()
        except BaseException:
            self._waiting -= 1
            await self._commit_for_those_before()
            raise
        self._waiting -= 1
        try:
            batch = self._batch
            if batch is None:
                self._writing.execute("begin immediate")
                batch = self._batch = _Batch()
            tx = _Tx(self._writing, self.keyring)
            self._writing.execute("savepoint one")
            try:
                yield tx
                self._writing.execute("release one")
                batch.members += 1
            except BaseException as error:
                self._take_back(batch, error)
                raise
            finally:
                if not batch.done.done() and (self._waiting == 0 or batch.members >= _MOST_IN_A_BATCH):
                    await self._commit(batch)
        finally:
            self._turn.release()
        await asyncio.shield(batch.done)
        for call in tx.committed:
            call()

    def _take_back(self, batch: _Batch, error: BaseException) -> None:
        """What the member that fails has done; where SQLite has taken back all (the disk is full), so it did for each."""
        if self._writing.in_transaction:
            self._writing.execute("rollback to one")
            self._writing.execute("release one")
        else:
            self._batch = None
            batch.done.set_exception(_RolledBack(str(error)))

    async def _commit_for_those_before(self) -> None:
        """Who waited left the commit to whoever came next; if that one goes away and nobody follows, it is due now."""
        if self._waiting == 0 and not self._turn.locked():
            async with self._turn:
                if self._batch is not None:
                    await self._commit(self._batch)

    async def _commit(self, batch: _Batch) -> None:
        """Make the batch durable. A caller that is cancelled meanwhile does not leave it half done."""
        self._batch = None
        if batch.members == 0:
            self._writing.execute("rollback")
            batch.done.set_result(None)
            return
        committing = asyncio.get_running_loop().run_in_executor(self._committer, self._writing.execute, "commit")
        cancelled = await _seen_out(committing)
        failure = committing.exception()
        if failure is None:
            batch.done.set_result(None)
        else:
            if self._writing.in_transaction:
                self._writing.execute("rollback")
            batch.done.set_exception(failure)
        if cancelled is not None:
            raise cancelled

    async def scrub(self) -> bool:
        async with self._turn:
            if self._batch is not None:
                await self._commit(self._batch)
            emptying = asyncio.get_running_loop().run_in_executor(self._committer, self._empty_the_log)
            cancelled = await _seen_out(emptying)
            if cancelled is not None:
                raise cancelled
            return emptying.result()

    def _empty_the_log(self) -> bool:
        """Move it into the file and empty it: what was deleted (and zeroed) is then in neither."""
        self._writing.set_busy_timeout(_SCRUBBING_PATIENCE_MS)
        try:
            # To its last row: a statement that is not finished keeps the next transaction from beginning.
            [(busy, _, _)] = self._writing.execute("pragma wal_checkpoint(truncate)").fetchall()
        finally:
            self._writing.set_busy_timeout(_PATIENCE_MS)
        return not busy

    async def close(self) -> None:
        async with self._turn:
            if self._batch is not None:
                await self._commit(self._batch)
            self._committer.shutdown()
            self._reading.close()
            self._writing.close()
