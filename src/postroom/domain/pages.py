"""Pages of a listing, and the opaque cursors that lead from one to the next."""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from postroom.errors import ErrorCode, InvalidParameters, Kind

_HIGHEST = 2**53

T = TypeVar("T")
F = TypeVar("F")


class Listing(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One page, and the cursor of the next; None: that was all."""

    items: Sequence[T]
    next: str | None


class Cursor(msgspec.Struct, Generic[F], frozen=True, kw_only=True):
    """Where a listing stands: what was asked for at its start, and the last row that was given.

    What was asked for travels along, so that a caller need not repeat it (PostPress: other parameters are ignored).
    """

    filters: F
    limit: int
    cursor: tuple[int, str]
    """Time and id of the last row."""

    def encode(self) -> str:
        """Standard padded base64 of JSON, which the clients of PostPress check for."""
        return b64encode(msgspec.json.encode(self)).decode()


def decode_cursor(text: str, filters: type[F]) -> Cursor[F]:
    """The cursor that was given out, with filters of this type.

    Raises:
        InvalidParameters: (kind CURSOR) this is none.
    """
    try:
        raw = b64decode(text, validate=True)
        cursor: Cursor[F] = msgspec.json.decode(raw, type=Cursor[filters])  # type: ignore[valid-type]
        if not _storable(msgspec.to_builtins(cursor)):
            raise ValueError("no value of ours")
    except (binascii.Error, ValueError, RecursionError, msgspec.DecodeError) as error:
        raise InvalidParameters("The cursor is not one that was given out.", kind=Kind.CURSOR) from error
    return cursor


def _storable(value: Any) -> bool:
    """Whether both databases take every number and text in it."""
    match value:
        case int():
            return abs(value) <= _HIGHEST
        case str():
            return "\0" not in value
        case dict():
            return all(map(_storable, value.values()))
        case list() | tuple():
            return all(map(_storable, value))
    return True


def check_limit(limit: int, most: int) -> int:
    """The limit, if it is between 1 and `most`.

    Raises:
        InvalidParameters: it is not.
    """
    if limit > most:
        raise InvalidParameters(f"limit is at most {most}.", code=ErrorCode.LIMIT_TOO_HIGH, kind=Kind.LIMIT)
    if limit < 1:
        raise InvalidParameters("limit is at least 1.", kind=Kind.LIMIT)
    return limit


def listing(found: Sequence[T], limit: int, filters: object, place: Callable[[T], tuple[int, str]]) -> Listing[T]:
    """The page of `limit` rows, given one row more where there is one."""
    items = found[:limit]
    if len(found) <= limit:
        return Listing(items=items, next=None)
    return Listing(items=items, next=Cursor(filters=filters, limit=limit, cursor=place(items[-1])).encode())
