"""The far side of a call, scripted: what was asked is kept, what is answered was written before."""

import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec

from postroom.connectors.http import Http

Responder = Callable[[httpx.Request], httpx.Response]


def answer(
    status: int = 200, tree: Any = None, *, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> Responder:
    """One answer, made anew for each request."""
    content = json.dumps(tree).encode() if tree is not None else body
    return lambda request: httpx.Response(status, headers=headers, content=content)


def breaks(error: type[httpx.TransportError]) -> Responder:
    """An exchange that fails."""

    def fail(request: httpx.Request) -> httpx.Response:
        raise error("scripted", request=request)

    return fail


class Wire:
    """Answers in the order of the script, the last one again and again."""

    def __init__(self, *script: Responder) -> None:
        self.script = list(script)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        responder = self.script[0] if len(self.script) == 1 else self.script.pop(0)
        return responder(request)

    def http(self, **settings: Any) -> Http:
        return Http(transport=httpx.MockTransport(self), **{"backoff_seconds": 0.0, **settings})

    @property
    def last(self) -> httpx.Request:
        return self.requests[-1]

    def sent(self, index: int = -1) -> Any:
        """The JSON body of a request."""
        return json.loads(self.requests[index].content)

    def paths(self) -> list[str]:
        return [request.url.path for request in self.requests]


class Trying:
    """The attempts at one post; what was written is kept in `notes`."""

    def __init__(self, token: str = "token-1", note: Any = None, begun_at: datetime | None = None) -> None:
        self.token = token
        self.note = note
        self.begun_at = begun_at or datetime.now(UTC)
        self.notes: list[Any] = []

    async def write(self, note: Any) -> None:
        self.note = note
        self.notes.append(note)


class Picture(msgspec.Struct, frozen=True):
    """A file to publish."""

    content: bytes = b"\x89PNG"
    content_type: str = "image/png"
    alt_text: str = "A hive"
    size: int | None = None
    kind: str = "image"
    width: int | None = None
    height: int | None = None
    address: str = ""

    @property
    def size_bytes(self) -> int:
        return len(self.content) if self.size is None else self.size

    @property
    def etag(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    async def read(self) -> bytes:
        return self.content

    async def chunks(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self.content), 65536):
            yield self.content[start : start + 65536]

    async def url(self) -> str:
        return self.address
