"""What every request passes before it is anybody's: which host it names, and how long it takes to arrive."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from postroom.clock import Clock, iso, to_ms

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_OWN = ("localhost", "127.0.0.1", "[::1]")
_MOST_SPELLINGS = 100


def in_time(receive: Receive, seconds: float) -> Receive:
    """A caller whose request has not arrived after so long has gone away, however it drips."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds

    async def waited() -> MutableMapping[str, Any]:
        try:
            async with asyncio.timeout_at(until):
                return await receive()
        except TimeoutError:
            return {"type": "http.disconnect", "late": True}

    return waited


def wants_page(scope: Scope) -> bool:
    """Whether a person asks, with a browser, rather than a program."""
    return any(name == b"accept" and b"text/html" in value.lower() for name, value in scope["headers"])


def dated(send: Send, now: Clock) -> Send:
    """Every answer says what time it is here: in a sandbox that is what one made it."""

    async def told(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"x-sandbox-time", iso(to_ms(now())).encode())]
        await send(message)

    return told


async def plain(
    scope: Scope, receive: Receive, send: Send, status: int, body: bytes, kind: bytes = b"text/plain; charset=utf-8"
) -> None:
    """A line of text as the answer; to a WebSocket that it is not wanted."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
        return
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Hosts:
    """The host names that requests may name: this machine's own, and those that are given."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(name.lower().encode() for name in (*_OWN, *names))
        self._seen: set[bytes] = set()
        """Spellings that were allowed, with their ports."""

    def allow(self, scope: Scope) -> bool:
        """Whether all that the request names are allowed: which of two a proxy before us went by is not known here."""
        for name, value in scope["headers"]:
            if name == b"host" and value not in self._seen and not self._knows(value):
                return False
        return True

    def _knows(self, value: bytes) -> bool:
        host, colon, port = value.rpartition(b":")
        if (host if colon and port.isdigit() else value).lower() not in self._names:
            return False
        if len(self._seen) < _MOST_SPELLINGS:
            self._seen.add(value)
        return True
