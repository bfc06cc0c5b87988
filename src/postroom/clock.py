"""The one clock: aware UTC. Under a sandbox it follows the offset that the simulated networks keep in a file."""

import mmap
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

Clock = Callable[[], datetime]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now() -> datetime:
    """This moment, aware, in UTC."""
    return datetime.now(UTC)


def offset_clock(file: Path) -> Clock:
    """A clock that runs ahead of this machine's by the seconds kept in `file` (8 bytes, little-endian double).

    The file is mapped, so a change by another process is seen at once, and a reading costs no system call.
    """
    with file.open("rb") as opened:
        offset = mmap.mmap(opened.fileno(), 8, access=mmap.ACCESS_READ)

    def read() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=struct.unpack("<d", offset[:8])[0])

    return read


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970, as moments are stored."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def from_ms(ms: int) -> datetime:
    """The moment that was stored as `ms`."""
    return _EPOCH + timedelta(milliseconds=ms)


def iso(ms: int) -> str:
    """`2026-05-17T09:42:11.000Z`: the one form in which moments leave the server."""
    return from_ms(ms).isoformat(timespec="milliseconds")[:-6] + "Z"
