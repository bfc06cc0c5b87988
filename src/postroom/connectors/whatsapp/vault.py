"""Where sessions lie. While one is in use it is a SQLite file that the native library writes, and it is in clear.

That file lies in memory where the system has a file system there, in a folder that only this user may enter, and goes
when the session is closed. What lasts is a packed copy among the account's credentials, sealed under its key.
"""

import base64
import fcntl
import os
import re
import shutil
import sqlite3
import tempfile
import time
import zlib
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import msgspec

_MEMORY = Path("/dev/shm")
_LEFT_SECONDS = 24 * 3600
_NAME = re.compile("[0-9a-f]{32}")
"""How sessions are called: nothing else in the folder is ours to remove."""
# A shorter one may be part of anything.
_SHORTEST_ID = 8


class Packed(msgspec.Struct, frozen=True, kw_only=True):
    """A session at rest."""

    database: bytes
    waiting: list[tuple[int, str, Any]]
    """Events that nobody has taken in yet: (place, kind, values)."""


def working_folder(chosen: str) -> Path:
    """The folder of sessions that are in use; made, and this user's alone."""
    base = _MEMORY if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) else Path(tempfile.gettempdir())
    folder = Path(chosen) if chosen else base / f"postroom-whatsapp-{os.getuid()}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A link in a folder that everybody writes to may be somebody else's, and lead anywhere.
    if (folder.stat() if chosen else folder.lstat()).st_uid != os.getuid() or (not chosen and folder.is_symlink()):
        raise PermissionError(f"{folder} belongs to somebody else")
    folder.chmod(0o700)
    return folder


class Place:
    """The folder of one session while it is in use. It belongs to one process at a time."""

    def __init__(self, folder: Path, session: str) -> None:
        self.folder = folder / session
        self.database = self.folder / "session.db"
        self._spool = self.folder / "waiting.db"
        self._lock: int | None = None
        self._waiting: sqlite3.Connection | None = None

    def take(self, store: str | None, generation: int) -> None:
        """Make it ready: what was left here by a process that died, if it is of this generation, else what is packed.

        Raises:
            BlockingIOError: another process has it.
        """
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self._lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            self._lock = None
            raise BlockingIOError("another process on this machine has this session") from None
        mark = self.folder / "generation"
        left = int(mark.read_text()) if mark.exists() else -1
        if store is not None and (left < generation or not self.database.exists()):
            self._empty()
            self._unpack(store)
        mark.write_text(str(generation))
        self._open_spool()

    def _open_spool(self) -> None:
        self._waiting = sqlite3.connect(self._spool, isolation_level=None)
        self._waiting.executescript(
            """
            pragma synchronous = off;
            create table if not exists waiting (place integer primary key autoincrement, kind text, body blob);
            create table if not exists newest (chat text primary key, sender text, ids text);
            """
        )

    def _empty(self) -> None:
        for file in self.folder.iterdir():
            if file.name != "lock":
                file.unlink()

    def _unpack(self, store: str) -> None:
        packed = msgspec.msgpack.decode(zlib.decompress(base64.b64decode(store)), type=Packed)
        descriptor = os.open(self.database, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(packed.database)
        self._open_spool()
        assert self._waiting is not None
        rows = [(place, kind, msgspec.msgpack.encode(values)) for place, kind, values in packed.waiting]
        self._waiting.executemany("insert into waiting values (?, ?, ?)", rows)
        self._waiting.close()

    def mark(self, generation: int) -> None:
        """What is here comes after what was packed as this generation."""
        (self.folder / "generation").write_text(str(generation))

    def pack(self) -> str:
        """All of it, as text for the credentials."""
        with closing(sqlite3.connect(self.database)) as source, closing(sqlite3.connect(":memory:")) as copy:
            source.backup(copy)
            database = copy.serialize()
        packed = Packed(database=database, waiting=self.waiting())
        return base64.b64encode(zlib.compress(msgspec.msgpack.encode(packed), 1)).decode()

    # what is waiting to be taken in

    def keep(self, kind: str, values: Any) -> int:
        """Keep an event until it is acknowledged; its place."""
        assert self._waiting is not None
        row = (kind, msgspec.msgpack.encode(values))
        return self._waiting.execute("insert into waiting (kind, body) values (?, ?)", row).lastrowid or 0

    def waiting(self) -> list[tuple[int, str, Any]]:
        assert self._waiting is not None
        rows = self._waiting.execute("select place, kind, body from waiting order by place").fetchall()
        return [(place, kind, msgspec.msgpack.decode(body)) for place, kind, body in rows]

    def acknowledge(self, place: int) -> None:
        """Everything up to this place was taken in."""
        assert self._waiting is not None
        self._waiting.execute("delete from waiting where place <= ?", (place,))

    def note_newest(self, chat: str, sender: str, id: str) -> None:
        """Somebody else's newest message of a chat: what is marked when the chat is read."""
        assert self._waiting is not None
        self._waiting.execute("insert or replace into newest values (?, ?, ?)", (chat, sender, id))

    def newest(self, chat: str) -> tuple[str, str] | None:
        """(sender, id)."""
        assert self._waiting is not None
        found = self._waiting.execute("select sender, ids from newest where chat = ?", (chat,)).fetchone()
        return None if found is None else (found[0], found[1])

    # what the library keeps

    def look(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Read the library's own tables; nothing where it has no such table."""
        if not self.database.exists():
            return []
        try:
            with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=2)) as opened:
                return opened.execute(sql, values).fetchall()
        except sqlite3.Error:
            return []

    def forget(self, id: str, by: str = "") -> None:
        """Remove the text of a message that was taken back, which the library keeps for devices that ask for it again.

        Its edits too, and answers that repeat it: they name it. `by` is what took it back, which others still may ask for.

        Source: whatsmeow's table of messages for retries, checked 2026-11-21.
        """
        with suppress(sqlite3.Error), closing(sqlite3.connect(self.database, timeout=5)) as opened, opened:
            opened.execute("pragma secure_delete = on")
            opened.execute("delete from whatsmeow_retry_buffer where message_id = ?", (id,))
            if len(id) >= _SHORTEST_ID:
                opened.execute(
                    "delete from whatsmeow_retry_buffer where instr(plaintext, ?) > 0 and message_id <> ?",
                    (id.encode(), by),
                )

    def changed_at(self) -> float:
        """When the library wrote last."""
        files = (self.database, self.database.with_name("session.db-wal"))
        return max((file.stat().st_mtime for file in files if file.exists()), default=0.0)

    def leave(self) -> None:
        """Let go of it, and let what is here lie for the next."""
        if self._waiting is not None:
            self._waiting.close()
            self._waiting = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def wipe(folder: Path, session: str) -> None:
    """Remove a session from the working folder. Not there already is fine."""
    shutil.rmtree(folder / session, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Remove what a process that died left here a day ago, and nobody took up."""
    for place in folder.iterdir():
        if not _NAME.fullmatch(place.name):
            continue
        if place.is_dir() and place.stat().st_mtime < time.time() - _LEFT_SECONDS and not _is_held(place):
            shutil.rmtree(place, ignore_errors=True)


def _is_held(place: Path) -> bool:
    try:
        descriptor = os.open(place / "lock", os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
