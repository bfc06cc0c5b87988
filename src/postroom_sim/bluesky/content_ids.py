"""Content ids: CIDv1 with sha-256, over raw bytes or over DAG-CBOR."""

from __future__ import annotations

import base64
import hashlib
import struct
from typing import Any

_RAW, _DAG_CBOR = 0x55, 0x71


def of_bytes(content: bytes) -> str:
    """The id of a blob, `bafkrei...`."""
    return _cid(_RAW, content)


def of_record(value: Any) -> str:
    """The id of a record, `bafyrei...`. Raises ValueError for what DAG-CBOR cannot hold."""
    return _cid(_DAG_CBOR, _encode(value))


def _cid(codec: int, content: bytes) -> str:
    raw = bytes((1, codec, 0x12, 32)) + hashlib.sha256(content).digest()
    return "b" + base64.b32encode(raw).decode().lower().rstrip("=")


def parse(text: object) -> bytes | None:
    """The binary form of a base32 CIDv1, or None."""
    if not isinstance(text, str) or not text.startswith("b"):
        return None
    try:
        raw = base64.b32decode(text[1:].upper() + "=" * (-len(text[1:]) % 8))
    except ValueError:
        return None
    return raw if len(raw) == 36 and raw[0] == 1 else None


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes((major << 5 | number,))
    for extra, form, ceiling in ((24, ">B", 1 << 8), (25, ">H", 1 << 16), (26, ">I", 1 << 32), (27, ">Q", 1 << 64)):
        if number < ceiling:
            return bytes((major << 5 | extra,)) + struct.pack(form, number)
    raise ValueError("integer out of range")


def _encode(value: Any) -> bytes:
    match value:
        case None:
            return b"\xf6"
        case bool():
            return b"\xf5" if value else b"\xf4"
        case int():
            return _head(0, value) if value >= 0 else _head(1, -1 - value)
        case str():
            text = value.encode()
            return _head(3, len(text)) + text
        case list():
            return _head(4, len(value)) + b"".join(_encode(item) for item in value)
        case {"$link": str(link), **rest} if not rest:
            raw = parse(link)
            if raw is None:
                raise ValueError("not a CID")
            return _head(6, 42) + _head(2, len(raw) + 1) + b"\x00" + raw
        case {"$bytes": str(text), **rest} if not rest:
            content = base64.b64decode(text + "=" * (-len(text) % 4))
            return _head(2, len(content)) + content
        case dict():
            # DAG-CBOR sorts keys by length first.
            pairs = sorted(
                ((key.encode(), item) for key, item in value.items()), key=lambda pair: (len(pair[0]), pair[0])
            )
            return _head(5, len(pairs)) + b"".join(_head(3, len(key)) + key + _encode(item) for key, item in pairs)
    raise ValueError(f"{type(value).__name__} is not in the data model")
