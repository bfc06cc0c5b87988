"""A TCP proxy that misbehaves when told to: what stands between Postroom and a database or a network in a test.

    async with FaultProxy("127.0.0.1", 5432) as proxy:
        connect_to(proxy.port)
        proxy.faults.latency_seconds = 0.2

The faults may be changed at any time and hold for open connections too. `Faults()` is a healthy line again.
"""

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass
from typing import Self

CHUNK_BYTES = 64 * 1024


@dataclass(slots=True, kw_only=True)
class Faults:
    """What is wrong with the line now."""

    latency_seconds: float = 0.0
    """Every chunk waits this long, each way."""
    refuse: bool = False
    """New connections are reset at once."""
    blackhole: bool = False
    """Connections stay open and nothing passes until this ends."""
    reset_after_bytes: int | None = None
    """Once this many bytes have come back on a connection, it is reset. What is over is not delivered."""
    bytes_per_second: float | None = None
    """How fast the line is, each way."""


class FaultProxy:
    """Listens on loopback and passes everything on to `host` and `port`, as far as its faults let it."""

    def __init__(self, host: str, port: int) -> None:
        self._upstream = (host, port)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.faults = Faults()
        self.port = 0
        self.accepted = 0
        """How many connections have come in, refused ones too."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is None:
            return
        self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def cut(self) -> int:
        """Reset every open connection now. How many sides there were."""
        open_now = list(self._writers)
        for writer in open_now:
            _reset(writer)
        return len(open_now)

    def heal(self) -> None:
        """A healthy line from now on."""
        self.faults = Faults()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if self.faults.refuse:
            _reset(writer)
            return
        self._writers.add(writer)
        upstream: asyncio.StreamWriter | None = None
        try:
            upstream_reader, upstream = await asyncio.open_connection(*self._upstream)
            self._writers.add(upstream)
            ways = [
                asyncio.ensure_future(self._pass(reader, upstream, counted=False)),
                asyncio.ensure_future(self._pass(upstream_reader, writer, counted=True)),
            ]
            try:
                await asyncio.gather(*ways)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        except OSError:
            _reset(writer)
        finally:
            for side in (writer, upstream):
                if side is not None:
                    self._writers.discard(side)
                    side.close()
                    with contextlib.suppress(OSError):
                        await side.wait_closed()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, counted: bool) -> None:
        passed = 0
        while chunk := await reader.read(CHUNK_BYTES):
            while self.faults.blackhole:
                await asyncio.sleep(0.02)
            if self.faults.latency_seconds:
                await asyncio.sleep(self.faults.latency_seconds)
            if self.faults.bytes_per_second:
                await asyncio.sleep(len(chunk) / self.faults.bytes_per_second)
            limit = self.faults.reset_after_bytes if counted else None
            if limit is not None and passed + len(chunk) >= limit:
                writer.write(chunk[: max(0, limit - passed)])
                await writer.drain()
                raise ConnectionResetError("as the fault asked")
            passed += len(chunk)
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST, not FIN: the other side reads an error, not an end."""
    plain = writer.get_extra_info("socket")
    if plain is not None:
        with contextlib.suppress(OSError):
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
