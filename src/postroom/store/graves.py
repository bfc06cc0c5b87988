"""Graves: what was deleted for good, remembered in the keyring's file, where no restored database can forget it.

A tombstone in the database keeps a recalled message from coming back with a sync. A backup that was made before knows
nothing of that tombstone; the keyring of the day does. Names are ids and keyed hashes: no content.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import msgspec
import structlog

SCHEMA = """
create table if not exists graves (
    workspace_id text not null, kind text not null, name text not null, at integer not null,
    primary key (workspace_id, kind, name)
) without rowid;
"""
MESSAGE, POST_GROUP, FILE, KEY, WEBHOOK = "message", "post_group", "file", "key", "webhook"
"""Kinds. Of a message `message:` and its network, and its name is the keyed hash of its tombstone; a file is a library's."""

log = structlog.get_logger()


class Grave(msgspec.Struct, frozen=True):
    """Something that was deleted for good."""

    workspace_id: str
    kind: str
    name: str
    at: int


class Graves:
    """Written by a thread of its own: those who come while it writes share the next write."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._waiting: list[Grave] = []
        self._writer: ThreadPoolExecutor | None = None
        self._written: Future[None] | None = None

    def dig(self, *graves: Grave) -> None:
        """Have them written, soon. To be called after the commit that deleted; `settled` waits for it."""
        if not graves:
            return
        with self._lock:
            self._waiting += graves
            if self._writer is None:
                self._writer = ThreadPoolExecutor(1, "postroom-graves")
            if self._written is None or self._written.running() or self._written.done():
                self._written = self._writer.submit(self._write)

    async def settled(self) -> None:
        """Until all that was given to `dig` before is durable, or could not be written, which is logged."""
        if self._written is not None:
            await asyncio.shield(asyncio.wrap_future(self._written))

    def list(self) -> Iterator[Grave]:
        """All of them."""
        with closing(sqlite3.connect(self._file)) as connection:
            for row in connection.execute("select workspace_id, kind, name, at from graves"):
                yield Grave(*row)

    def close(self) -> None:
        """Write what is waiting, and let go."""
        if self._writer is not None:
            self._writer.shutdown()

    def _write(self) -> None:
        with self._lock:
            graves, self._waiting = self._waiting, []
        if not graves:
            return
        try:
            with closing(sqlite3.connect(self._file, timeout=30, isolation_level=None)) as connection:
                connection.execute("pragma synchronous = extra")
                connection.execute("begin immediate")
                rows = [(each.workspace_id, each.kind, each.name, each.at) for each in graves]
                connection.executemany("insert or ignore into graves values (?, ?, ?, ?)", rows)
                connection.execute("commit")
        except sqlite3.Error as error:
            # The deletion itself is done, and says so. The next one, or the next start, writes it as well.
            log.warning("graves.not_written", count=len(graves), error=str(error))
            with self._lock:
                self._waiting = graves + self._waiting


def message_kind(provider: str) -> str:
    """The kind of a message of this network."""
    return f"{MESSAGE}:{provider}"
