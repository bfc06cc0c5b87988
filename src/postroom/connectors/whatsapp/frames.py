"""What goes over the socket between the server and the process that holds the native library."""

import asyncio
import struct
from typing import Any

import msgspec

_LENGTH = struct.Struct("<I")


class Request(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    id: int
    operation: str
    session: str
    values: dict[str, Any]


class Answer(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    id: int
    values: Any = None
    error: str | None = None
    """The library's own words."""


class Event(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    session: str
    kind: str
    values: Any = None
    place: int | None = None
    """It is told again, after a restart too, until this place is acknowledged; None: only what is so now."""


Frame = Request | Answer | Event
_decoder: msgspec.msgpack.Decoder[Frame] = msgspec.msgpack.Decoder(Frame)
_encode = msgspec.msgpack.Encoder().encode


async def read(reader: asyncio.StreamReader) -> Frame | None:
    """The next frame; None: the other side is gone."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        return _decoder.decode(await reader.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def write(writer: asyncio.StreamWriter, frame: Frame) -> None:
    body = _encode(frame)
    writer.write(_LENGTH.pack(len(body)) + body)
