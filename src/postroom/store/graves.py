"""Graves: what was deleted for good, remembered in the keyring's file, where no restored database can forget it.

A tombstone in the database keeps a recalled message from coming back with a sync. A backup that was made before knows
nothing of that tombstone; the keyring of the day does. Names are ids and keyed hashes: no content.
"""

import asyncio
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import apsw
import msgspec
import structlog

from postroom.store.sqlite_files import open_file

SCHEMA = """
create table if not exists graves (
    workspace_id text not null, kind text not null, name text not null, at integer not null,
    primary key (workspace_id, kind, name)
) without rowid;
"""
MESSAGE, POST_GROUP, FILE, KEY, WEBHOOK = "message", "post_group", "file", "key", "webhook"
"""Kinds. Of a message `message:` and its network, and its name is the keyed hash of its tombstone; a file is a library's."""
POST_CHANGED, DEFERRAL, EXPIRY = "post_changed", "deferral", "expiry"
"""Kinds of what was called off. Of a post group its id and, after a colon, the version that the change made of it, with the
moment at which it was to go out then (0: at none); of a scheduled take-down the id of its job."""

# Each write waits for the disk several times, as whoever commits does: where many are deleted, they share one.
_REST_SECONDS = 0.1
_AGAIN_SECONDS = 5.0
_WAIT_MS = 30_000

log = structlog.get_logger()


class Grave(msgspec.Struct, frozen=True):
    """Something that was deleted for good."""

    workspace_id: str
    kind: str
    name: str
    at: int


class Graves:
    """Written by a thread of its own, at once; those who come while it writes or rests after that share the next write."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._waiting: list[Grave] = []
        self._writer: ThreadPoolExecutor | None = None
        self._written: Future[None] | None = None
        self._again: threading.Timer | None = None
        self._closed = False
        self._no_rest = threading.Event()
        self.behind = 0
        """How many could not be written when that was tried last. They are tried again until they are."""

    def dig(self, *graves: Grave) -> None:
        """Have them written, soon. To be called after the commit that deleted; `settled` waits for it."""
        if not graves:
            return
        with self._lock:
            self._waiting += graves
            self._go_on()

    def _go_on(self) -> None:
        if self._writer is None:
            self._writer = ThreadPoolExecutor(1, "postroom-graves")
        if self._written is None or self._written.running() or self._written.done():
            self._written = self._writer.submit(self._write)

    def _try_again(self) -> None:
        with self._lock:
            if not self._closed:
                self._go_on()

    async def settled(self) -> None:
        """Until all that was given to `dig` before is durable, or could not be written (see `behind`)."""
        if self._written is not None:
            self._no_rest.set()
            await asyncio.shield(asyncio.wrap_future(self._written))

    def has(self, graves: Iterable[Grave]) -> int:
        """How many of these are here."""
        with closing(open_file(self._file)) as connection:
            asked = "select count(*) from graves where workspace_id = ? and kind = ? and name = ?"
            rows = ((each.workspace_id, each.kind, each.name) for each in graves)
            return sum(connection.execute(asked, row).get for row in rows)

    def list(self) -> Iterator[Grave]:
        """All of them."""
        with closing(open_file(self._file)) as connection:
            for row in connection.execute("select workspace_id, kind, name, at from graves"):
                yield Grave(*row)

    def close(self) -> None:
        """Write what is waiting, and let go."""
        with self._lock:
            self._closed = True
            if self._again is not None:
                self._again.cancel()
            if self._waiting:
                self._go_on()
        self._no_rest.set()
        if self._writer is not None:
            self._writer.shutdown()

    def _write(self) -> None:
        with self._lock:
            graves, self._waiting = self._waiting, []
        if graves:
            self._no_rest.clear()
            self._write_down(graves)
            self._no_rest.wait(0 if self._closed else _REST_SECONDS)

    def _write_down(self, graves: Sequence[Grave]) -> None:
        try:
            with closing(open_file(self._file, patience_ms=_WAIT_MS)) as connection:
                connection.execute("pragma synchronous = extra")
                connection.execute("begin immediate")
                rows = [(each.workspace_id, each.kind, each.name, each.at) for each in graves]
                connection.executemany("insert or ignore into graves values (?, ?, ?, ?)", rows)
                connection.execute("commit")
        except apsw.Error as error:
            # The deletion itself is done, and says so; the database knows what is still to be written here.
            log.warning("graves.not_written", count=len(graves), error=str(error))
            with self._lock:
                self._waiting = list(dict.fromkeys([*graves, *self._waiting]))
                self.behind = len(graves)
                if self._again is not None:
                    self._again.cancel()
                if not self._closed:
                    self._again = threading.Timer(_AGAIN_SECONDS, self._try_again)
                    self._again.daemon = True
                    self._again.start()
        else:
            if self.behind:
                log.info("graves.written", count=len(graves))
            self.behind = 0


def message_kind(provider: str) -> str:
    """The kind of a message of this network."""
    return f"{MESSAGE}:{provider}"
