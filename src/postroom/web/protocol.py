"""HTTP on a connection: uvicorn's, which refuses a head without end, and sends an answer's head and body as one."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_MOST_HEAD_BYTES = 256 << 10
_MOST_GATHERED_BYTES = 64 << 10


class Gathering:
    """A transport whose writes of one turn of the event loop go out together, at its end.

    uvicorn writes an answer's head and its body apart, and each write is a packet that the other side wakes up for.
    """

    __slots__ = ("_loop", "_size_bytes", "_written", "inner")

    def __init__(self, inner: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self.inner = inner
        self._loop = loop
        self._written: list[bytes] = []
        self._size_bytes = 0

    def write(self, data: bytes) -> None:
        """As a transport's; what is long goes out before the turn ends, so that whoever writes it can be paused."""
        if not self._written:
            self._loop.call_soon(self.flush)
        self._written.append(data)
        self._size_bytes += len(data)
        if self._size_bytes > _MOST_GATHERED_BYTES:
            self.flush()

    def flush(self) -> None:
        """Send what was written so far; nothing, where the connection is closed."""
        written, self._written, self._size_bytes = self._written, [], 0
        if written and not self.inner.is_closing():
            self.inner.write(b"".join(written))

    def close(self) -> None:
        """Send what was written so far, and close."""
        self.flush()
        self.inner.close()

    def is_closing(self) -> bool:
        """As a transport's."""
        return self.inner.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """As a transport's."""
        return self.inner.get_extra_info(name, default)

    def pause_reading(self) -> None:
        """As a transport's."""
        self.inner.pause_reading()

    def resume_reading(self) -> None:
        """As a transport's."""
        self.inner.resume_reading()


class Http(HttpToolsProtocol):
    """Refuses a request whose head does not end, or takes too long: the parser would go on collecting it."""

    head_seconds = 60.0
    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(Gathering(transport, self.loop))  # type: ignore[arg-type]
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def eof_received(self) -> None:
        # Whoever asked may say that it asks no more: the transport closes now, and what it is told goes out before.
        gathering: Any = self.transport
        gathering.flush()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # A head that has begun has a scope of its own, which is its cycle's once it is whole.
        cycle: Any = self.cycle
        if cycle is not None and cycle.scope is self.scope:
            if self._head_timer is not None:
                self._stop_waiting()
        elif self.scope:
            self._head_goes_on(len(data))

    def handle_websocket_upgrade(self) -> None:
        gathering: Any = self.transport
        gathering.flush()
        self.transport = gathering.inner
        self._stop_waiting()
        super().handle_websocket_upgrade()
        self.scope = None  # type: ignore[assignment]

    def _head_goes_on(self, size_bytes: int) -> None:
        if self._head_timer is None:
            self._await_head()
        self._head_bytes += size_bytes
        if self._head_bytes > _MOST_HEAD_BYTES:
            self._head_bytes = 0
            self.send_400_response("Invalid HTTP request received.")

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(self.head_seconds, self.transport.close)

    def _stop_waiting(self) -> None:
        self._head_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
