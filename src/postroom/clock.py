"""The one clock: aware UTC. Under a sandbox it follows the offset that the simulated networks keep in a file."""

import mmap
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
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
    day, of_day = divmod(ms, 86_400_000)
    minutes, of_minute = divmod(of_day, 60_000)
    return f"{_date(day)}T{minutes // 60:02d}:{minutes % 60:02d}:{of_minute // 1000:02d}.{of_minute % 1000:03d}Z"


@lru_cache(maxsize=4096)
def _date(day: int) -> str:
    """The date so many days after the first of January 1970."""
    return (_EPOCH + timedelta(days=day)).date().isoformat()
