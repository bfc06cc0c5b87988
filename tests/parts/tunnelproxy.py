"""A proxy on loopback as people rent them: HTTP CONNECT with Basic, or SOCKS5 with a name and a password, with TLS or without.

    async with TunnelProxy(login=("ada", "secret"), leads={("linkedin.test", 443): ("127.0.0.1", port)}) as proxy:
        connect_by(proxy.port)

It counts the requests that go through its tunnels, where these are plain, and knows where names lead: `leads` sends a
host and port somewhere else, so that a request which does not come this way cannot arrive.
"""

import asyncio
import base64
import contextlib
import ipaddress
import re
import ssl
from collections.abc import Mapping
from typing import Self

Place = tuple[str, int]
_REQUEST = re.compile(rb"(?:GET|POST|PUT|PATCH|DELETE|HEAD) (/\S*) HTTP/1\.1\r\n")


class TunnelProxy:
    """Listens on loopback. `stop` and `start` keep its port."""

    def __init__(
        self,
        *,
        login: tuple[str, str] | None = None,
        leads: Mapping[Place, Place] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.login = login
        self.leads = dict(leads or {})
        self.answers: bytes | None = None
        """What every CONNECT is answered with, in place of a tunnel."""
        self.silent = False
        """Takes connections, and says nothing."""
        self.port = 0
        self.accepted = 0
        self.refused_logins = 0
        self.asked: list[Place] = []
        """Where tunnels were asked to."""
        self._heard: list[bytearray] = []
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def paths(self) -> list[str]:
        """The path of every request that went through."""
        return [each.decode() for heard in self._heard for each in _REQUEST.findall(bytes(heard))]

    @property
    def open(self) -> int:
        """How many connections are open to it."""
        return len(self._tasks)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, ssl=self._tls)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Take no more connections, and break those that are open."""
        if self._server is None:
            return
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._writers.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            try:
                if self.silent:
                    await reader.read()
                    return
                first = await reader.readexactly(1)
                place = await (self._socks(reader, writer) if first == b"\x05" else self._connect(reader, writer))
                if place is not None:
                    await self._tunnel(reader, writer, place)
            finally:
                self._writers.discard(writer)
                writer.close()
                await writer.wait_closed()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Place | None:
        head = b"C" + (await reader.readuntil(b"\r\n\r\n"))
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        if self.login is not None:
            wanted = base64.b64encode(":".join(self.login).encode()).decode()
            if headers.get("proxy-authorization") != f"Basic {wanted}":
                self.refused_logins += 1
                writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                return None
        if self.answers is not None:
            writer.write(self.answers)
            return None
        host, _, port = first.split(" ")[1].rpartition(":")
        writer.write(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 tests\r\n\r\n")
        return host.strip("[]"), int(port)

    async def _socks(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Place | None:
        offered = await reader.readexactly((await reader.readexactly(1))[0])
        method = 0 if self.login is None else 2
        if method not in offered:
            self.refused_logins += 1
            writer.write(b"\x05\xff")
            return None
        writer.write(bytes([5, method]))
        if method == 2:
            await reader.readexactly(1)
            said = [(await reader.readexactly((await reader.readexactly(1))[0])).decode() for _ in range(2)]
            if tuple(said) != self.login:
                self.refused_logins += 1
                writer.write(b"\x01\x01")
                return None
            writer.write(b"\x01\x00")
        _, _, _, kind = await reader.readexactly(4)
        size = {1: 4, 4: 16}.get(kind) or (await reader.readexactly(1))[0]
        packed = await reader.readexactly(size)
        host = packed.decode("ascii") if kind == 3 else str(ipaddress.ip_address(packed))
        port = int.from_bytes(await reader.readexactly(2))
        if self.answers is not None:
            writer.write(b"\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00")
            return None
        writer.write(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        return host, port

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, place: Place) -> None:
        self.asked.append(place)
        heard = bytearray()
        self._heard.append(heard)
        upstream_reader, upstream = await asyncio.open_connection(*self.leads.get(place, place))
        self._writers.add(upstream)
        ways = [
            asyncio.ensure_future(_pass(reader, upstream, heard)),
            asyncio.ensure_future(_pass(upstream_reader, writer, None)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._writers.discard(upstream)
            upstream.close()
            await upstream.wait_closed()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, heard: bytearray | None) -> None:
    while chunk := await reader.read(64 * 1024):
        if heard is not None:
            heard += chunk
        writer.write(chunk)
        await writer.drain()
