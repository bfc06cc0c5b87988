"""A dialect is a table of operations. The table becomes routes, here, and pages to read, in `openapi`.

Paths are matched as they came, percent-encoding and all, so that an encoded `/` or `:` never moves a segment.
Every failure speaks the dialect: an unknown path, a wrong method, a broken body, and a bug of ours.
"""

import asyncio
import contextlib
import hashlib
import math
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
import structlog

from postroom.dialects.request import (
    Asgi,
    ClientGone,
    Receive,
    Request,
    Send,
    decoded_segment,
    form_body,
    is_form,
    json_body,
    read_body,
)
from postroom.dialects.request import Scope as AsgiScope
from postroom.domain.access import Caller, Scope
from postroom.errors import (
    Conflict,
    InvalidParameters,
    Kind,
    NotFound,
    OutcomeUnknown,
    PostroomError,
)
from postroom.services.house import Services

log = structlog.get_logger(__name__)

JSON = b"application/json"
# Source: the largest attachment that published clients of PostPress send, 26,214,400 bytes; and room for the other fields.
FORM_BYTES = 27 << 20
_LARGE_AT_ONCE = 4
# Source: LinkedIn takes files of up to 20 MiB with a message (mautrix-linkedin, checked 2026-11-21).
RAW_BYTES = 20 << 20
LONGEST_IDEMPOTENCY_KEY = 255

Handler = Callable[[Services, Request], Awaitable[Any]]
Pages = Callable[[bytes], tuple[bytes, bytes] | None]
"""A page's content type and bytes, by its name below the base; None: there is no such page."""

_encode = msgspec.json.Encoder().encode


class Answer(msgspec.Struct, frozen=True):
    """A whole answer, for the few operations that do not answer with an object."""

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Streamed(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that goes on: bytes as they come. Where they break off, so does the answer."""

    content_type: str
    size_bytes: int | None
    chunks: AsyncIterator[bytes]


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A value in the query or in a header; those in the path are found in it."""

    name: str
    summary: str
    place: str = "query"
    kind: Any = str
    required: bool = False


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a dialect's table: what is asked, by whom, and everything that may be answered."""

    name: str
    method: str
    path: str
    summary: str
    handler: Handler
    answer: Any
    errors: frozenset[int]
    """The statuses that the vendor's page lists. Ours in addition: 429, and 409 and 422 for an Idempotency-Key."""
    docs: str = ""
    scope: Scope | None = Scope.READ
    """None: no key is needed."""
    status: int = 200
    also: Mapping[Any, int] = {}
    """Other objects that it may answer with, and their status."""
    path_values: Mapping[str, str] = {}
    """What each value in the path is."""
    parameters: tuple[Parameter, ...] = ()
    body: Any = None
    """The type that the body is read as; `bytes`: it is a file, whatever its Content-Type, and may be a large one."""
    body_docs: Any = None
    """The type that the pages show for it, where it is read more tolerantly than it is described."""
    form: bool = False
    """Whether a form will do as well as JSON."""
    files: bool = False
    """Whether that form may have files: such a body may be longer than others."""
    any_type: bool = False
    """Whether the body is read as JSON whatever its Content-Type says."""
    same: Callable[[Any], Any] | None = None
    """What of a body says whether two requests with one Idempotency-Key are the same, where that is not all of it."""
    keep: Callable[[Any], Any] | None = None
    """What of an answer is kept for its Idempotency-Key, where it has something that must not be stored."""

    @property
    def mutates(self) -> bool:
        return self.method != "GET"

    @property
    def statuses(self) -> frozenset[int]:
        """Every status of a failure that may be answered."""
        return self.errors | ({409, 422, 429} if self.mutates else {429})


Failure = Callable[[PostroomError, Operation | None, Request], Answer]


Pace = Callable[[Request], None]
"""Counts a request of a caller's, and says so in the headers of its answer; RateLimited where there are too many."""


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """A hosted API that we speak: its table, how it reads a key, and how it words a failure."""

    name: str
    title: str
    docs: str
    base: str
    """Where it is mounted; operations' paths follow, after one of the prefixes."""
    prefixes: tuple[str, ...] = ("",)
    operations: Sequence[Operation]
    authenticate: Callable[[Services, Request], Awaitable[Caller]]
    failure: Failure
    failure_type: Any
    security: Mapping[str, Any]
    """OpenAPI's words for how the key is sent, by name."""
    headers: tuple[Parameter, ...] = ()
    """What every operation with a key takes."""
    lists_nearest: bool = False
    """Whether the vendor's pages also list what comes under the nearest status that they have, and not its own."""
    only: Mapping[Kind, frozenset[str]] = {}
    """What only these operations, by name, can be about; a kind that is not named here is about any."""
    pace: Pace | None = None


def class_of(error: PostroomError) -> type[PostroomError]:
    """The error's class in the tree of `errors`: a dialect's table has those."""
    return next(each for each in type(error).__mro__ if each.__module__ == PostroomError.__module__)


class _Node:
    """One step of the paths: by literal segment, or any."""

    __slots__ = ("anything", "literal", "operations")

    def __init__(self) -> None:
        self.literal: dict[bytes, _Node] = {}
        self.anything: _Node | None = None
        self.operations: dict[str, tuple[Operation, tuple[str, ...]]] = {}


class Application:
    """A dialect as an ASGI application. It looks at the whole path, its own base included."""

    def __init__(self, dialect: Dialect, services: Services, body_limit_bytes: int, pages: Pages) -> None:
        self.dialect = dialect
        self.services = services
        self.body_limit_bytes = body_limit_bytes
        self.pages = pages
        self._large = asyncio.Semaphore(_LARGE_AT_ONCE)
        """Bodies with files are held in memory: a few at a time, the others wait."""
        self._base = dialect.base.encode()
        self._root = _Node()
        for prefix in dialect.prefixes:
            for operation in dialect.operations:
                self._add(prefix + operation.path, operation)

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        operation: Operation | None = None
        answer: Answer | Streamed
        try:
            operation, raw_values = self._find(request)
            answer = await self._perform(operation, raw_values, request, receive)
        except PostroomError as error:
            answer = self._failed(error, operation, request)
        except ClientGone:
            return
        except Exception as error:  # noqa: BLE001 the last handler: a bug is answered in the dialect's shape
            answer = self._broken(error, operation, request)
        await self._send(answer, request, send)

    def _add(self, path: str, operation: Operation) -> None:
        node = self._root
        names = []
        for segment in path.strip("/").split("/"):
            if segment.startswith("{"):
                names.append(segment[1:-1])
                node.anything = node.anything or _Node()
                node = node.anything
            else:
                node = node.literal.setdefault(segment.encode(), _Node())
        node.operations[operation.method] = (operation, tuple(names))

    def _find(self, request: Request) -> tuple[Operation, list[tuple[str, bytes]]]:
        # A client whose base URL ends in a slash sends `//`.
        raw = request.raw_path[len(self._base) :].lstrip(b"/").removesuffix(b"/")
        node: _Node | None = self._root
        values: list[bytes] = []
        for segment in raw.split(b"/"):
            assert node is not None
            below = node.literal.get(segment)
            if below is None and segment:
                below = node.anything
                values.append(segment)
            node = below
            if node is None:
                break
        if node is None or not node.operations:
            return self._page(request, raw)
        found = node.operations.get("GET" if request.method == "HEAD" else request.method)
        if found is None:
            return self._other_method(request, node)
        operation, names = found
        return operation, list(zip(names, values, strict=True))

    def _page(self, request: Request, raw: bytes) -> tuple[Operation, list[tuple[str, bytes]]]:
        page = self.pages(raw)
        if page is None:
            raise NotFound("There is no such path here.", kind=Kind.ROUTE)
        if request.method not in ("GET", "HEAD", "OPTIONS"):
            raise _wrong_method(request, "GET, HEAD, OPTIONS")
        return _just(Answer(200, page[1], page[0], _PAGE_HEADERS)), []

    def _other_method(self, request: Request, node: _Node) -> tuple[Operation, list[tuple[str, bytes]]]:
        allowed = [*node.operations, *(["HEAD"] if "GET" in node.operations else []), "OPTIONS"]
        if request.method != "OPTIONS":
            raise _wrong_method(request, ", ".join(allowed))
        return _just(Answer(204, b"", headers=((b"allow", ", ".join(allowed).encode()),))), []

    async def _perform(
        self, operation: Operation, raw_values: list[tuple[str, bytes]], request: Request, receive: Receive
    ) -> Answer | Streamed:
        if operation.scope is not None:
            request.caller_or_none = caller = await self.dialect.authenticate(self.services, request)
            self.services.access.require(caller, operation.scope)
            request.begun = True
            if self.dialect.pace is not None:
                self.dialect.pace(request)
        for name, raw in raw_values:
            request.path[name] = decoded_segment(raw)
        if operation.mutates:
            structlog.contextvars.bind_contextvars(request_id=request.id)
            async with self._large if self._is_large(operation, request) else contextlib.nullcontext():
                if operation.body is not None:
                    request.body = await self._body(operation, request, receive)
                key = request.header(b"idempotency-key")
                # A file that is only given back is not kept for the next time.
                if key is not None and request.caller_or_none is not None and operation.answer is not bytes:
                    return await self._once(operation, request, key)
                result = await operation.handler(self.services, request)
                return result if type(result) is Streamed else _answer(operation, result)
        result = await operation.handler(self.services, request)
        return result if type(result) is Streamed else _answer(operation, result)

    def _is_large(self, operation: Operation, request: Request) -> bool:
        """Whether the body may be longer than others are."""
        if operation.body is not bytes and not (operation.files and is_form(request)):
            return False
        announced = request.header(b"content-length") or ""
        return not announced.isdecimal() or int(announced) > self.body_limit_bytes

    async def _body(self, operation: Operation, request: Request, receive: Receive) -> Any:
        if operation.body is bytes:
            return await read_body(request, receive, max(self.body_limit_bytes, RAW_BYTES))
        with_files = operation.files and is_form(request)
        limit = max(self.body_limit_bytes, FORM_BYTES) if with_files else self.body_limit_bytes
        raw = await read_body(request, receive, limit)
        if operation.form and is_form(request):
            return await form_body(request, raw, operation.body)
        return json_body(request, raw, operation.body, any_type=operation.any_type)

    async def _once(self, operation: Operation, request: Request, key: str) -> Answer:
        """Do it, or give the first answer again to the same key."""
        if not key or len(key) > LONGEST_IDEMPOTENCY_KEY or not key.isprintable():
            raise Conflict(f"An Idempotency-Key has 1 to {LONGEST_IDEMPOTENCY_KEY} characters.", kind=Kind.KEY_REUSED)
        idempotency = self.services.idempotency
        repeatable = operation.method != "POST"
        asked = f"{operation.method} {request.raw_path.decode('latin-1')}"
        stored = await idempotency.begin(
            request.caller, key, _fingerprint(operation, request), repeatable=repeatable, asked=asked
        )
        if stored is not None:
            return Answer(*stored, headers=((b"idempotent-replayed", b"true"),))
        try:
            async with idempotency.under_way(request.caller, key):
                result = await operation.handler(self.services, request)
        except PostroomError as error:
            happened = error.context.get("sent") or class_of(error) in (OutcomeUnknown, PostroomError)
            if operation.method == "POST" and happened:
                # It may have happened, and a new try would do it twice: the same key hears the same answer.
                answer = self._failed(error, operation, request)
                await idempotency.finish(request.caller, key, answer.status, answer.body)
            else:
                await idempotency.forget(request.caller, key)
            raise
        except Exception as error:  # noqa: BLE001 a bug: a POST may be done, and is not done again under this key
            answer = self._broken(error, operation, request)
            if operation.method == "POST":
                await idempotency.finish(request.caller, key, answer.status, answer.body)
            else:
                await idempotency.forget(request.caller, key)
            return answer
        answer = _answer(operation, result)
        kept = answer.body if operation.keep is None else _encode(operation.keep(result))
        await idempotency.finish(request.caller, key, answer.status, kept)
        return answer

    def _failed(self, error: PostroomError, operation: Operation | None, request: Request) -> Answer:
        answer = self.dialect.failure(error, operation, request)
        headers = list(answer.headers)
        if error.retry_after_seconds is not None:
            headers.append((b"retry-after", str(max(1, math.ceil(error.retry_after_seconds))).encode()))
        if error.kind is Kind.METHOD:
            headers.append((b"allow", str(error.context.get("allow", "")).encode()))
        if class_of(error) is PostroomError:
            log.error("request.failed", exc_info=error, request_id=request.id, dialect=self.dialect.name)
        return Answer(answer.status, answer.body, answer.content_type, tuple(headers))

    def _broken(self, error: Exception, operation: Operation | None, request: Request) -> Answer:
        name = operation.name if operation is not None else None
        log.error("request.broken", exc_info=error, request_id=request.id, dialect=self.dialect.name, operation=name)
        return self.dialect.failure(PostroomError(), operation, request)

    async def _send(self, answer: Answer | Streamed, request: Request, send: Send) -> None:
        if isinstance(answer, Streamed):
            await self._stream(answer, request, send)
            return
        body = answer.body
        headers = [(b"x-request-id", request.id.encode()), *request.answer_headers, *answer.headers]
        if answer.status != 204:
            headers += [(b"content-type", answer.content_type), (b"content-length", b"%d" % len(body))]
        caller = request.caller_or_none
        if caller is not None:
            headers.append(_NOT_STORED)
            if caller.workspace.sandbox:
                headers.append(_SANDBOX)
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else body})

    async def _stream(self, answer: Streamed, request: Request, send: Send) -> None:
        headers = [(b"x-request-id", request.id.encode()), *request.answer_headers]
        headers += [(b"content-type", answer.content_type.encode("latin-1")), _NOT_STORED, *_FILE_HEADERS]
        if answer.size_bytes is not None:
            headers.append((b"content-length", b"%d" % answer.size_bytes))
        if request.caller_or_none is not None and request.caller_or_none.workspace.sandbox:
            headers.append(_SANDBOX)
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        async with contextlib.AsyncExitStack() as stack:
            if isinstance(answer.chunks, AsyncGenerator):
                await stack.enter_async_context(contextlib.aclosing(answer.chunks))
            try:
                if request.method != "HEAD":
                    async for chunk in answer.chunks:
                        await send({"type": "http.response.body", "body": chunk, "more_body": True})
            except PostroomError as error:
                # An answer without its end: the connection is closed, so that nobody takes a part for the whole.
                log.warning("request.cut_off", request_id=request.id, dialect=self.dialect.name, code=error.code)
                return
        await send({"type": "http.response.body", "body": b""})


_SANDBOX = (b"x-sandbox", b"true")
_NOT_STORED = (b"cache-control", b"no-store")
# A file of somebody's: it is shown by nobody's browser as a page of ours.
_FILE_HEADERS = (
    (b"content-disposition", b"attachment"),
    (b"content-security-policy", b"default-src 'none'; sandbox"),
    (b"x-content-type-options", b"nosniff"),
)
_PAGE_HEADERS = (
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'"),
    (b"x-content-type-options", b"nosniff"),
)


def _answer(operation: Operation, result: Any) -> Answer:
    if type(result) is Answer:
        return result
    return Answer(operation.also.get(type(result), operation.status), _encode(result))


def _just(answer: Answer) -> Operation:
    """An operation that is in no table and answers this."""

    async def handler(_: Services, __: Request) -> Answer:
        return answer

    return Operation(
        name="page", method="GET", path="", summary="", handler=handler, answer=None, errors=frozenset(), scope=None
    )


def _wrong_method(request: Request, allowed: str) -> InvalidParameters:
    return InvalidParameters(f"{request.method} is not possible here.", kind=Kind.METHOD, context={"allow": allowed})


def _fingerprint(operation: Operation, request: Request) -> bytes:
    # The body as it was read: a form sent again has other boundaries and the same fields.
    body = request.body if operation.same is None else operation.same(request.body)
    parts = (request.method.encode(), request.raw_path, request.scope.get("query_string", b""), _encode(body))
    return hashlib.sha256(b"\0".join(parts)).digest()


__all__ = ["Answer", "Application", "Asgi", "Dialect", "Operation", "Parameter", "Request"]
