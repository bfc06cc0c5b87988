"""A request as a value, and the steps of a flow: nothing here sends anything."""

from collections.abc import Callable, Generator, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import msgspec

T = TypeVar("T")

Open = Callable[[], Iterator[bytes]]
"""Opens what is sent, from its start, as often as it has to be sent."""


class Call(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One request, and the type that its answer is read as. What is None in the query is not sent."""

    method: str
    path: str
    answer: Any
    query: Mapping[str, Any] = {}
    body: Any = msgspec.UNSET
    data: bytes | None = None
    """What is sent as it is, instead of a body of JSON."""
    headers: Mapping[str, str] = {}
    waits_seconds: float = 0.0
    """How long the server was asked to wait: so much longer may its answer take."""

    @property
    def changes(self) -> bool:
        """Whether it may change anything at the server."""
        return self.method not in ("GET", "HEAD")


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """Some of a list. `cursor` leads to the page after it; None: that was all."""

    items: list[T]
    cursor: str | None = None


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How calls are made, as `Client` says."""

    timeout_seconds: float = 60.0
    retries: int = 2
    most_wait_seconds: float = 60.0
    idempotent: bool = True
    key: str | None = None
    """The Idempotency-Key that the caller chose; None: one is made for each call, if `idempotent`."""


class Send(msgspec.Struct, frozen=True, kw_only=True):
    """A step of a flow: send this. It goes on with the answer, or with what was raised instead of one.

    `url`: a path at the server, where the key goes along, or a whole address, where it does not.
    """

    method: str
    url: str
    query: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    content: bytes | Open | None = None
    timeout_seconds: float


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """A step of a flow: go on after so long."""

    seconds: float


class Give(msgspec.Struct, frozen=True, kw_only=True):
    """A step of a flow: this is for the caller."""

    item: Any


Flow = Generator[Send | Wait | Give, Any, T]
"""What is done, step by step, by whoever can do it: a door that blocks, or one that awaits."""


def at(*segments: str) -> str:
    """A path of our own API; segments are encoded, so that no id can lead elsewhere."""
    # Nothing, and dots alone, are no id: on the way they would name what is above.
    return "/api/" + "/".join(quote(segment, safe="") if segment.strip(".") else "_" for segment in segments)


def get(path: str, answer: Any, query: Mapping[str, Any] | None = None, *, waits_seconds: float = 0.0) -> Call[Any]:
    """A call that reads."""
    return Call(method="GET", path=path, answer=answer, query=query or {}, waits_seconds=waits_seconds)


def change(
    method: str,
    path: str,
    answer: Any,
    body: Mapping[str, Any] | None = None,
    query: Mapping[str, Any] | None = None,
    *,
    data: bytes | None = None,
    waits_seconds: float = 0.0,
) -> Call[Any]:
    """A call that changes something. Of the body what is UNSET is not sent."""
    said: Any = msgspec.UNSET
    if body is not None:
        said = {name: value for name, value in body.items() if value is not msgspec.UNSET}
    return Call(
        method=method, path=path, answer=answer, query=query or {}, body=said, data=data, waits_seconds=waits_seconds
    )


def spelled(query: Mapping[str, Any]) -> dict[str, str]:
    """A query's values as they are sent."""
    return {name: _text(value) for name, value in query.items() if value is not None}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, list | tuple | set | frozenset):
        return ",".join(map(_text, value))
    return str(value)


def moment(value: datetime) -> str:
    """A moment as it is sent: UTC, to the millisecond.

    Raises:
        ValueError: it has no time zone, so that nobody knows which moment it is.
    """
    if value.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone: give it one, such as datetime.now(UTC).")
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
