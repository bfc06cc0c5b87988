"""The file of a backup: a line that says what it is, then sealed pieces, each bound to its place.

The key is derived from the master key and that line. Cut short, changed or put in another order anywhere, it does not open.
"""

import hashlib
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec

from postroom.errors import PostroomError
from postroom.store.keyring import Keyring
from postroom.store.seal import Seal, Unreadable

FORMAT = 1
_PIECE_BYTES = 1 << 20
_MOST_PIECE_BYTES = 1 << 26
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Any]).decode


class NoBackup(PostroomError):
    """The file is no backup, not whole, or opens with another master key."""


class Heading(msgspec.Struct, frozen=True, kw_only=True):
    """The first line: clear, and no content."""

    postroom_backup: int
    """The format of the file."""
    id: str
    made_at: int
    made_by: str
    """The version of Postroom."""
    version: int
    """Of the database's schema."""
    database: str
    media: bool
    """Whether the bytes of media are here; else their names are."""


class Writer:
    """Writes records, each a list whose first element says what it is."""

    def __init__(self, file: BinaryIO, keyring: Keyring, heading: Heading) -> None:
        line = msgspec.json.encode(heading) + b"\n"
        self._file = file
        self._seal = _seal(keyring, heading, line)
        self._waiting: list[bytes] = []
        self._size = 0
        self._number = 0
        file.write(line)

    def add(self, record: list[Any]) -> None:
        packed = _encode(record)
        self._waiting.append(packed)
        self._size += len(packed)
        if self._size >= _PIECE_BYTES:
            self._write(last=False)

    def finish(self) -> None:
        """The end: without it the file is not whole."""
        self._write(last=True)

    def _write(self, *, last: bool) -> None:
        plain = zlib.compress(_encode([len(self._waiting), *self._waiting]), 3)
        sealed = self._seal.close(plain, _place(self._number, last=last))
        self._file.write(len(sealed).to_bytes(4, "big") + bytes([last]) + sealed)
        self._waiting, self._size = [], 0
        self._number += 1


def heading(file: BinaryIO) -> tuple[Heading, bytes]:
    """What a file says it is; and its first line as it stands.

    Raises:
        NoBackup: it is none, or of a newer Postroom.
    """
    line = file.readline(4096)
    try:
        found = msgspec.json.decode(line, type=Heading)
    except msgspec.DecodeError as error:
        raise NoBackup("This file is no backup of Postroom.") from error
    if found.postroom_backup != FORMAT:
        raise NoBackup(
            f"The backup has format {found.postroom_backup}, this Postroom reads {FORMAT}: use the newer one."
        )
    return found, line


def records(file: BinaryIO, keyring: Keyring) -> Iterator[list[Any]]:
    """The records of a file, from its beginning, to its end.

    Raises:
        NoBackup: it is none, not whole, or opens with another master key.
    """
    file.seek(0)
    found, line = heading(file)
    seal = _seal(keyring, found, line)
    number, last = 0, False
    while not last:
        head = file.read(5)
        size = int.from_bytes(head[:4], "big")
        sealed = file.read(size) if len(head) == 5 and size <= _MOST_PIECE_BYTES else b""
        if len(head) < 5 or not sealed or len(sealed) < size:
            raise NoBackup("The backup is not whole: its end is missing.")
        last = head[4] == 1
        try:
            plain = seal.open(sealed, _place(number, last=last))
        except Unreadable as error:
            if number == 0:
                raise NoBackup(
                    "The backup does not open: it was made with another master key, or was changed."
                ) from error
            raise NoBackup("The backup is not whole: it was changed after it was made.") from error
        yield from map(_decode, _decode(zlib.decompress(plain))[1:])
        number += 1
    if file.read(1):
        raise NoBackup("The backup is not whole: something was added to it.")


def _seal(keyring: Keyring, heading: Heading, line: bytes) -> Seal:
    return keyring.backup_seal(f"{heading.id}:{hashlib.sha256(line).hexdigest()}")


def _place(number: int, *, last: bool) -> str:
    return f"{number}:{'last' if last else 'more'}"
