"""`/mcp`: the tools by streamable HTTP. Each request brings its key and is done with its answer; no session outlives it."""

import asyncio
import importlib
import importlib.util
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from postroom.errors import NotAuthenticated, NotPermitted, PostroomError
from postroom.services.access import Access

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

NOT_INSTALLED = "Tools for agents are not installed on this server: pip install 'postroom[agents]', and start it again."
_NO_KEY = "API key required. Use Authorization: Bearer <key> or x-api-key header."
_ORIGIN = "Pages of that origin may not speak to this server."
_METHOD = "There are no sessions here and nothing to listen to: each request is a POST and has its own answer."
_MOST_BYTES = 1 << 20
_STATUS = {NotAuthenticated: 401, NotPermitted: 403}


def installed() -> bool:
    """Whether the protocol's SDK is there."""
    return importlib.util.find_spec("mcp") is not None


def agents(access: Access, inside: Asgi, *, public_url: str, origins: Collection[str], body_seconds: float) -> Asgi:
    """The tools as an ASGI application. They ask `inside`, which is this server's own APIs, with the request's key.

    A page may only speak to it from the server's own address or one of `origins`: browsers say which one theirs is.
    """
    allowed = {_origin(public_url), *origins}

    async def application(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        try:
            key = await admitted(scope)
            body = await _body(receive, body_seconds)
        except _Refusal as refusal:
            await refusal.answer(send)
            return
        # Read in a thread, once: it takes a second, in which the server goes on.
        sdk = await asyncio.to_thread(importlib.import_module, "postroom.mcp.stateless")
        await sdk.answer(key, httpx.ASGITransport(app=inside), scope, _again(body, receive), send)

    async def admitted(scope: MutableMapping[str, Any]) -> str:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        origin = headers.get(b"origin")
        if origin is not None and "*" not in allowed and origin not in allowed | {_own(scope, headers)}:
            raise _Refusal(403, _ORIGIN)
        if not installed():
            raise _Refusal(501, NOT_INSTALLED)
        if scope["method"] != "POST":
            raise _Refusal(405, _METHOD, (b"allow", b"POST"))
        key = _key(headers)
        if key is None:
            raise _Refusal(401, _NO_KEY, (b"www-authenticate", b"Bearer"))
        try:
            access.require_api(await access.resolve(key), "mcp")
        except PostroomError as error:
            raise _Refusal(_STATUS.get(type(error), 503), error.detail) from error
        return key

    return application


class _Refusal(Exception):
    """What is answered instead of a result."""

    def __init__(self, status: int, words: str, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(words)
        self._status = status
        self._body = msgspec.json.encode({"error": words})
        self._headers = headers

    async def answer(self, send: Send) -> None:
        length = b"content-length", b"%d" % len(self._body)
        headers = [(b"content-type", b"application/json"), length, *self._headers]
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        await send({"type": "http.response.body", "body": self._body})


def _own(scope: MutableMapping[str, Any], headers: dict[bytes, str]) -> str:
    return f"{scope['scheme']}://{headers.get(b'host', '')}"


def _key(headers: dict[bytes, str]) -> str | None:
    scheme, _, token = headers.get(b"authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return headers.get(b"x-api-key") or None


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


async def _body(receive: Receive, seconds: float) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            while (message := await receive())["type"] == "http.request":
                body += message.get("body", b"")
                if len(body) > _MOST_BYTES:
                    raise _Refusal(413, f"A request has at most {_MOST_BYTES} bytes.")
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError as error:
        raise _Refusal(408, "The request did not arrive in time.") from error
    raise _Refusal(400, "The caller went away.")


def _again(body: bytes, receive: Receive) -> Receive:
    """What was read, once more; and then whether the caller goes away."""
    left = [body]

    async def replayed() -> Message:
        return {"type": "http.request", "body": left.pop(), "more_body": False} if left else await receive()

    return replayed
