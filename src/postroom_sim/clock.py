"""The simulation's clock: real time plus an offset that lives in eight bytes of a shared file."""

from __future__ import annotations

import mmap
import os
import struct
import time
from pathlib import Path

_OFFSET = struct.Struct("<d")


class Clock:
    """Reads and advances the shared offset. Any process that opens the same file follows at once."""

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if os.fstat(descriptor).st_size < _OFFSET.size:
                os.pwrite(descriptor, _OFFSET.pack(0.0), 0)
            self._bytes = mmap.mmap(descriptor, _OFFSET.size)
        finally:
            os.close(descriptor)

    @property
    def offset_seconds(self) -> float:
        offset: float = _OFFSET.unpack_from(self._bytes)[0]
        return offset

    def now(self) -> float:
        """Seconds since 1970, as the simulated world has it."""
        return time.time() + self.offset_seconds

    def now_ms(self) -> int:
        return int(self.now() * 1000)

    def advance(self, seconds: float) -> None:
        """Move time forward.

        Raises:
            ValueError: seconds is negative; time does not run backwards.
        """
        if not 0 <= seconds < 1e10:
            raise ValueError("seconds must be zero or more")
        _OFFSET.pack_into(self._bytes, 0, self.offset_seconds + seconds)
