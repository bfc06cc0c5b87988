"""One request as an operation sees it: path values decoded once, query and body read safely."""

import itertools
import os
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

import msgspec
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser

from postroom.clock import to_ms
from postroom.domain.access import Caller
from postroom.errors import ErrorCode, InvalidParameters, Kind

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

# A request's id is found in logs, and guards nothing: a number behind what this process drew by lot.
_PROCESS = os.urandom(8).hex()
_NUMBERS = itertools.count()
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}\Z")
_STRICT_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z", re.ASCII)
_INTEGER = re.compile(r"-?[0-9]{1,18}\Z")
_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")


class FormFile(msgspec.Struct, frozen=True):
    """A file of a form, in memory."""

    name: str
    content_type: str
    data: bytes


def _nothing(account_id: str) -> None:
    """Nobody counts."""


class ClientGone(Exception):
    """The client hung up before it had sent its whole request; there is nobody to answer."""


class Request:
    """What came in, and who is asking once that is known."""

    __slots__ = (
        "_query",
        "answer_headers",
        "begun",
        "body",
        "caller_or_none",
        "headers",
        "id",
        "method",
        "path",
        "raw_path",
        "scope",
        "spend",
    )

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self.raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
        self.headers: list[tuple[bytes, bytes]] = scope["headers"]
        self.id = self._request_id()
        self.path: dict[str, str] = {}
        self.body: Any = None
        self.caller_or_none: Caller | None = None
        self.begun = False
        """Whether the key was good, so that what goes wrong from here on is the operation's."""
        self.answer_headers: list[tuple[bytes, bytes]] = []
        """What its answer has beside its own, be it a failure."""
        self.spend: Callable[[str], None] = _nothing
        """Count a write of this account, where the dialect counts them; RateLimited where there are too many."""
        self._query: dict[str, str] | None = None

    @property
    def caller(self) -> Caller:
        """Who is asking. Only operations that need a key may look."""
        if self.caller_or_none is None:
            raise AssertionError("an operation without a key asked who is calling")
        return self.caller_or_none

    def header(self, *names: bytes) -> str | None:
        """The first of these headers that was sent, by lower-case name; spaces around it are no part of it."""
        for wanted in names:
            for name, value in self.headers:
                if name == wanted:
                    return value.decode("latin-1").strip()
        return None

    @property
    def bearer(self) -> str | None:
        """The token of `Authorization: Bearer`, if there is one."""
        value = self.header(b"authorization")
        if value is not None and value[:7].lower() == "bearer ":
            return value[7:].strip() or None
        return None

    @property
    def query(self) -> dict[str, str]:
        """The query's values; of a repeated name the last one.

        Raises:
            InvalidParameters: it is no UTF-8, or has a NUL.
        """
        if self._query is None:
            raw: bytes = self.scope.get("query_string", b"")
            self._query = _parsed_query(raw) if raw else {}
        return self._query

    def text(self, name: str) -> str | None:
        """This query value; None where it is missing or empty."""
        return self.query.get(name) or None

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        """This query value as a number in a range.

        Raises:
            InvalidParameters: it is no whole number, or out of range (limit_too_high where it is above).
        """
        value = self.query.get(name)
        if value is None:
            return default
        if not _INTEGER.match(value) or int(value) < low:
            raise InvalidParameters(f"{name} must be a whole number from {low} to {high}.", kind=Kind.LIMIT)
        if int(value) > high:
            raise InvalidParameters(f"{name} is at most {high}.", code=ErrorCode.LIMIT_TOO_HIGH, kind=Kind.LIMIT)
        return int(value)

    def flag(self, name: str) -> bool | None:
        """This query value as true or false; None where it is missing."""
        value = self.text(name)
        if value is None:
            return None
        if value.lower() not in ("true", "false", "1", "0"):
            raise InvalidParameters(f"{name} must be true or false.")
        return value.lower() in ("true", "1")

    def moment(self, name: str) -> int | None:
        """This query value as milliseconds since 1970, from `2026-05-17T09:42:11.000Z` and nothing else."""
        value = self.text(name)
        if value is None:
            return None
        try:
            if not _STRICT_MOMENT.match(value):
                raise ValueError
            return to_ms(datetime.fromisoformat(value))
        except ValueError:
            raise InvalidParameters(f"{name} must look like 2026-05-17T09:42:11.000Z.") from None

    def listed(self, name: str) -> list[str] | None:
        """This query value as a list separated by commas; None where it is missing."""
        value = self.text(name)
        return None if value is None else [each for each in (part.strip() for part in value.split(",")) if each]

    @property
    def content_type(self) -> str:
        """The media type of the body, lower-case, without its parameters."""
        return (self.header(b"content-type") or "").split(";")[0].strip().lower()

    def _request_id(self) -> str:
        for name, value in self.headers:
            if name == b"x-request-id" and _REQUEST_ID.match(value):
                return value.decode()
        return f"{_PROCESS}{next(_NUMBERS):08x}"


def decoded_segment(raw: bytes) -> str:
    """A path segment, percent-decoded once.

    Raises:
        InvalidParameters: it is no UTF-8, or has a NUL.
    """
    value = unquote_to_bytes(raw) if b"%" in raw else raw
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise InvalidParameters("The path is not UTF-8.", code=ErrorCode.UNESCAPED_CHARACTERS) from None
    if "\0" in text:
        raise InvalidParameters("The path has a NUL character.", code=ErrorCode.UNESCAPED_CHARACTERS)
    return text


_DRAINED_BYTES = 32 << 20


async def read_body(request: Request, receive: Receive, limit_bytes: int) -> bytes:
    """The whole body.

    Raises:
        InvalidParameters: (content_too_large, kind BODY) it is longer than `limit_bytes`.
        InvalidParameters: (kind BODY) it took too long to arrive.
        ClientGone: the client hung up.
    """
    announced = request.header(b"content-length")
    if announced is not None and announced.isdigit() and int(announced) > _DRAINED_BYTES:
        raise _too_large(limit_bytes)
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message.get("late"):
            raise InvalidParameters("The body took too long to arrive; nothing was done.", kind=Kind.BODY)
        if message["type"] != "http.request":
            raise ClientGone
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size <= limit_bytes:
            chunks.append(chunk)
        ended = not message.get("more_body", False)
        # Many clients read the answer only once they have sent all: what is somewhat too long is read to its end.
        if size > limit_bytes and (ended or size > _DRAINED_BYTES):
            raise _too_large(limit_bytes)
        if ended:
            return b"".join(chunks)


def json_body(request: Request, raw: bytes, kind: Any, *, any_type: bool) -> Any:
    """The body as a value of type `kind`. `any_type`: whatever the Content-Type says, it is read as JSON.

    Raises:
        InvalidParameters: it is not JSON, has other types or a NUL, is nested too deeply, or came as something else.
    """
    media_type = request.content_type
    if not any_type and media_type and media_type != "application/json" and not media_type.endswith("+json"):
        raise InvalidParameters(
            f"The body must be application/json, not {_shown(media_type)}.",
            code=ErrorCode.UNSUPPORTED_MEDIA_TYPE,
            kind=Kind.BODY,
        )
    try:
        value = msgspec.json.decode(raw or b"{}", type=kind)
    except msgspec.ValidationError as error:
        raise InvalidParameters(f"The body does not fit: {error}.", kind=Kind.BODY) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidParameters(f"The body is not valid JSON: {error}.", kind=Kind.BODY) from None
    except RecursionError:
        raise InvalidParameters("The body is nested too deeply.", kind=Kind.BODY) from None
    if b"\\u0000" in raw and _has_nul(msgspec.json.decode(raw)):
        raise InvalidParameters("The body has a NUL character.", kind=Kind.BODY)
    return value


def is_form(request: Request) -> bool:
    """Whether the body came as a form."""
    return request.content_type in _FORMS


async def form_body(request: Request, raw: bytes, kind: Any) -> Any:
    """A form's fields as a value of type `kind`.

    A file is a `FormFile`; a repeated field is a list, as one whose name ends in `[]` is; `a[b]` is the field `b` of an
    object `a`.

    Raises:
        InvalidParameters: it is no valid form, or its fields do not fit.
    """

    async def stream() -> AsyncGenerator[bytes, None]:
        yield raw
        yield b""

    headers = Headers(raw=request.headers)
    try:
        if request.content_type == _FORMS[0]:
            form = await MultiPartParser(headers, stream(), max_part_size=len(raw) + 1).parse()
        else:
            form = await FormParser(headers, stream()).parse()
        try:
            fields = await _fields(form)
        finally:
            await form.close()
        if _has_nul(fields):
            raise InvalidParameters("The form has a NUL character.", kind=Kind.BODY)
        return msgspec.convert(fields, type=kind, strict=False)
    except (MultiPartException, KeyError, UnicodeDecodeError) as error:
        raise InvalidParameters(f"The form cannot be read: {error}.", kind=Kind.BODY) from None
    except msgspec.ValidationError as error:
        raise InvalidParameters(f"The form does not fit: {error}.", kind=Kind.BODY) from None


_BRACKETED = re.compile(r"([^\[\]]+)\[([^\[\]]*)\]\Z")


async def _fields(form: FormData) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in form.multi_items():
        plain: Any = value
        if isinstance(value, UploadFile):
            plain = FormFile(value.filename or "file", value.content_type or _UNNAMED, await value.read())
        bracketed = _BRACKETED.match(name)
        if bracketed is not None and not bracketed[2]:
            _add(fields, bracketed[1], plain, many=True)
        elif bracketed is not None:
            inner = fields.setdefault(bracketed[1], {})
            if not isinstance(inner, dict):
                raise InvalidParameters(f"{_shown(name)} is a value and an object.", kind=Kind.BODY)
            _add(inner, bracketed[2], plain)
        else:
            _add(fields, name, plain)
    return fields


_UNNAMED = "application/octet-stream"


def _add(fields: dict[str, Any], name: str, value: Any, *, many: bool = False) -> None:
    if name not in fields:
        fields[name] = [value] if many else value
    elif isinstance(fields[name], list):
        fields[name].append(value)
    else:
        fields[name] = [fields[name], value]


def _parsed_query(raw: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(raw.decode("latin-1"), keep_blank_values=True, errors="strict", max_num_fields=100)
    except (UnicodeDecodeError, ValueError):
        raise InvalidParameters("The query is not UTF-8, or has too many fields.") from None
    query = dict(pairs)
    if any("\0" in name or "\0" in value for name, value in query.items()):
        raise InvalidParameters("The query has a NUL character.")
    return query


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any("\0" in key or _has_nul(each) for key, each in value.items())
    return isinstance(value, list) and any(map(_has_nul, value))


def _too_large(limit_bytes: int) -> InvalidParameters:
    return InvalidParameters(
        f"The body is larger than {limit_bytes} bytes.", code=ErrorCode.CONTENT_TOO_LARGE, kind=Kind.BODY
    )


def _shown(media_type: str) -> str:
    return "".join(letter for letter in media_type[:60] if letter.isprintable())
