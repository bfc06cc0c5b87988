"""Where the bytes of media arrive and are fetched: addresses that `Media` gave out, each with its signature.

A file is served as an attachment that no browser interprets: whoever uploads chooses its bytes and its type.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs, quote, unquote

import msgspec

from postroom.errors import ErrorCode, InvalidParameters, Kind, NotFound, NotPermitted, PostroomError, Unavailable
from postroom.services.house import Services

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_PATH = re.compile(r"/media/([0-9a-f]{24})(?:/[^/]*)?/?\Z")
_EXPIRES = re.compile(r"\d{1,16}\Z")
_SIGNATURE = re.compile(r"[0-9a-f]{1,128}\Z")
_TYPE = re.compile(r"[\x20-\x7e]{1,255}\Z")
_NETWORK = re.compile(r"[a-z]{1,40}\Z")
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})\Z")

# An upload address is refused as an object store refuses it: 403 (PostPost "Upload media", March 2026).
_STATUSES: dict[type[PostroomError], int] = {InvalidParameters: 400, NotPermitted: 403, NotFound: 404, Unavailable: 503}
_CODES = {ErrorCode.CONTENT_TOO_LARGE: 413, ErrorCode.UNSUPPORTED_MEDIA_TYPE: 415}


class _Gone(ConnectionError):
    """The client hung up before it had sent all bytes."""


class MediaAddresses:
    """`PUT /media/{id}?expires=&signature=` and `GET /media/{id}/{name}?signature=`, as an ASGI application.

    `GET /media/{id}/{name}?for=&expires=&signature=` is the file as a network takes it, for that network.
    """

    def __init__(self, services: Services) -> None:
        self._media = services.media

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method: str = scope["method"]
        try:
            found = _PATH.match(scope["path"])
            if found is None:
                raise NotFound("No such file.", kind=Kind.MEDIA)
            if method == "PUT":
                await self._receive(found.group(1), scope, receive)
                await _answer(send, 200, b"", "text/plain")
            elif method in ("GET", "HEAD"):
                await self._serve(found.group(1), scope, send, with_body=method == "GET")
            else:
                await _answer(send, 405, _error("Only PUT and GET are possible here."), allow="GET, HEAD, PUT")
        except PostroomError as error:
            status = _CODES.get(error.code) or next(
                (_STATUSES[each] for each in type(error).__mro__ if each in _STATUSES), 500
            )
            await _answer(send, status, _error(error.detail, error.code))
        except _Gone:
            return

    async def _receive(self, media_id: str, scope: Scope, receive: Receive) -> None:
        query = _query(scope)
        expires = query.get("expires", "")
        content_type = _header(scope, b"content-type") or ""
        if not _EXPIRES.match(expires) or not _TYPE.match(content_type or "-"):
            raise NotPermitted("The address or the Content-Type is not the one that was given out.", kind=Kind.MEDIA)
        length = _header(scope, b"content-length") or ""
        if length.isdigit() and int(length) > self._media.limits.most_bytes:
            raise self._too_large()
        chunks = self._chunks(receive)
        await self._media.receive(media_id, int(expires), _signature(query), content_type, chunks)

    async def _chunks(self, receive: Receive) -> AsyncIterator[bytes]:
        size = 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                raise _Gone
            chunk: bytes = message.get("body", b"")
            size += len(chunk)
            if size > self._media.limits.most_bytes:
                raise self._too_large()
            if chunk:
                yield chunk
            if not message.get("more_body", False):
                return

    async def _serve(self, media_id: str, scope: Scope, send: Send, *, with_body: bool) -> None:
        query = _query(scope)
        network, expires = query.get("for", ""), query.get("expires", "0")
        if (network and not _NETWORK.match(network)) or not _EXPIRES.match(expires):
            raise NotFound("No such file.", kind=Kind.MEDIA)
        file = await self._media.open(media_id, _signature(query), network=network, expires=int(expires))
        headers = [
            (b"content-type", file.content_type.encode("latin-1", "replace")),
            (b"content-disposition", f"attachment; filename*=UTF-8''{quote(file.file_name)}".encode()),
            (b"content-security-policy", b"default-src 'none'; sandbox"),
            (b"x-content-type-options", b"nosniff"),
            (b"cache-control", b"private, max-age=0, must-revalidate"),
            (b"accept-ranges", b"bytes"),
            (b"etag", file.etag.encode()),
        ]
        wanted = _range(scope, file.size_bytes, file.etag) if with_body else (0, file.size_bytes)
        if wanted is None:
            headers = [
                *headers[1:],
                (b"content-range", f"bytes */{file.size_bytes}".encode()),
                (b"content-length", b"0"),
            ]
            await send({"type": "http.response.start", "status": 416, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        start, end = wanted
        headers.append((b"content-length", str(end - start).encode()))
        whole = (start, end) == (0, file.size_bytes)
        if not whole:
            headers.append((b"content-range", f"bytes {start}-{end - 1}/{file.size_bytes}".encode()))
        await send({"type": "http.response.start", "status": 200 if whole else 206, "headers": headers})
        if with_body:
            async for chunk in file.chunks(start, None if whole else end):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    def _too_large(self) -> InvalidParameters:
        return InvalidParameters(
            f"A file has at most {self._media.limits.most_bytes} bytes.",
            code=ErrorCode.CONTENT_TOO_LARGE,
            kind=Kind.MEDIA,
        )


def media(services: Services) -> MediaAddresses:
    """The addresses of media, to be mounted at `/media`; it looks at the whole path."""
    return MediaAddresses(services)


def _range(scope: Scope, size: int, etag: str) -> tuple[int, int] | None:
    """Which bytes are wanted, from and to before; None: some that are not there.

    Several ranges, and other ways to say it, are answered with all bytes, as the standard allows.
    Source: RFC 9110, 14.1.2, 14.2 and 13.1.5, checked 2026-11-21.
    """
    found = _RANGE.match(_header(scope, b"range") or "")
    if found is None or found.groups() == ("", "") or (_header(scope, b"if-range") or etag) != etag:
        return 0, size
    first, last = found.groups()
    if first == "":
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return 0, size
    return (start, end) if start < end else None


def _query(scope: Scope) -> dict[str, str]:
    query: bytes = scope.get("query_string", b"")
    return {name: values[-1] for name, values in parse_qs(query.decode("latin-1")).items()}


def _signature(query: dict[str, str]) -> str:
    signature = unquote(query.get("signature", ""))
    return signature if _SIGNATURE.match(signature) else ""


def _header(scope: Scope, wanted: bytes) -> str | None:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == wanted), None)


def _error(sentence: str, code: ErrorCode = ErrorCode.INVALID_PARAMETERS) -> bytes:
    return msgspec.json.encode({"error": sentence, "code": code})


async def _answer(send: Send, status: int, body: bytes, kind: str = "application/json", allow: str = "") -> None:
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
    if allow:
        headers.append((b"allow", allow.encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
