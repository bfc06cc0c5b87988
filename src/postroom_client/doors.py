"""The two ways out: a door that blocks, and one that awaits. All they do is to take the steps of a flow."""

import asyncio
import contextlib
import copy
import ipaddress
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import httpx
import msgspec

from postroom_client.calls import Flow, Give, Open, Options, Send, Wait

T = TypeVar("T")

_CONNECT_SECONDS = 10.0


def direct(url: str) -> dict[str, None]:
    """For `mounts` of httpx: this machine is reached directly, whatever the environment says of proxies.

    A proxy has another loopback, and is nobody's whom a key for this machine was given to. `url`: what is to be reached.
    """
    hosts = {"localhost", "*.localhost", "127.0.0.1", "[::1]"}
    host = httpx.URL(url).host
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(host)
        if address.is_loopback or address.is_unspecified:
            hosts.add(f"[{host}]" if address.version == 6 else host)
    return {f"all://{each}": None for each in hosts}


class ServerClock:
    """What time it is at the server, as its last answer told: a sandbox's clock may have been moved."""

    def __init__(self) -> None:
        self._told: tuple[float, str] | None = None

    def hear(self, answer: httpx.Response) -> None:
        """Believe an answer of the server's."""
        said = answer.headers.get("x-sandbox-time")
        if said is not None:
            self._told = (time.monotonic(), said)

    def now(self) -> datetime:
        """This machine's time, where the server tells none of its own."""
        if self._told is None:
            return datetime.now(UTC)
        heard, said = self._told
        return datetime.fromisoformat(said) + timedelta(seconds=time.monotonic() - heard)


class Way:
    """Where the server is, and what every request to it has."""

    def __init__(self, server: str, key: str | None, options: Options) -> None:
        self.server = server.rstrip("/").removesuffix("/api")
        self.options = options
        self.clock = ServerClock()
        # The native API takes either; the dialects that it speaks besides take one of them each.
        self._headers = {} if key is None else {"Authorization": f"Bearer {key}", "X-API-KEY": key}

    def changed(self, **options: Any) -> "Way":
        """The same way, with other options."""
        made = copy.copy(self)
        made.options = msgspec.structs.replace(self.options, **options)
        return made

    def request(self, step: Send) -> dict[str, Any]:
        """What httpx is asked. The key goes to the server only, not to addresses that were given out."""
        ours = step.url.startswith("/")
        return {
            "method": step.method,
            "url": self.server + step.url if ours else step.url,
            "params": step.query or None,
            "headers": {**self._headers, **step.headers} if ours else dict(step.headers),
            "timeout": httpx.Timeout(step.timeout_seconds, connect=min(step.timeout_seconds, _CONNECT_SECONDS)),
        }


class Door:
    """Blocks. One of these can be shared by threads."""

    def __init__(self, http: httpx.Client, way: Way) -> None:
        self.http = http
        self.way = way

    @property
    def options(self) -> Options:
        return self.way.options

    def run(self, flow: Flow[T]) -> T:
        """Take a flow to its end; what it returns."""
        done = self._advance(flow, None)
        while isinstance(done, Give):
            done = self._advance(flow, None)
        return done

    def iterate(self, flow: Flow[None]) -> Iterator[Any]:
        """What a flow gives."""
        with contextlib.closing(flow):
            while isinstance(given := self._advance(flow, None), Give):
                yield given.item

    def _advance(self, flow: Flow[T], with_: Any) -> Give | T:
        """Go on until something is given, or to the end."""
        try:
            while True:
                step = flow.send(with_)
                with_ = None
                if isinstance(step, Give):
                    return step
                if isinstance(step, Wait):
                    time.sleep(step.seconds)
                else:
                    with_ = self._send(step)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]

    def _send(self, step: Send) -> httpx.Response | httpx.TransportError:
        content = step.content() if callable(step.content) else step.content
        try:
            answer = self.http.request(**self.way.request(step), content=content)
        except httpx.TransportError as error:
            return error
        self.way.clock.hear(answer)
        return answer


class AsyncDoor:
    """Awaits."""

    def __init__(self, http: httpx.AsyncClient, way: Way) -> None:
        self.http = http
        self.way = way

    @property
    def options(self) -> Options:
        return self.way.options

    async def run(self, flow: Flow[T]) -> T:
        """Take a flow to its end; what it returns."""
        done = await self._advance(flow, None)
        while isinstance(done, Give):
            done = await self._advance(flow, None)
        return done

    async def iterate(self, flow: Flow[None]) -> AsyncIterator[Any]:
        """What a flow gives."""
        with contextlib.closing(flow):
            while isinstance(given := await self._advance(flow, None), Give):
                yield given.item

    async def _advance(self, flow: Flow[T], with_: Any) -> Give | T:
        try:
            while True:
                step = flow.send(with_)
                with_ = None
                if isinstance(step, Give):
                    return step
                if isinstance(step, Wait):
                    await asyncio.sleep(step.seconds)
                else:
                    with_ = await self._send(step)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]

    async def _send(self, step: Send) -> httpx.Response | httpx.TransportError:
        content = _off_the_loop(step.content) if callable(step.content) else step.content
        try:
            answer = await self.http.request(**self.way.request(step), content=content)
        except httpx.TransportError as error:
            return error
        self.way.clock.hear(answer)
        return answer


async def _off_the_loop(opened: Open) -> AsyncIterator[bytes]:
    """A file's pieces, each read in a thread: a disk may take its time."""
    pieces = opened()
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        yield piece
