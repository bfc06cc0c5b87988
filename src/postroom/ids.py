"""Identifiers, wire-shaped at birth: prefixed ULIDs as PostPress shows them, 24 hexadecimal digits as PostPost does."""

import os
import re
from datetime import datetime

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [first + second for first in _CROCKFORD for second in _CROCKFORD]
_PREFIXED = re.compile(r"(acc|chat|msg|att|evt|key|rcl|rcp|tkd|dfr|lgn|job|dlv)_[0-7][0-9A-HJKMNP-TV-Z]{25}\Z")
_OBJECT_ID = re.compile(r"[0-9a-fA-F]{24}\Z")


def new_ulid(at: datetime) -> str:
    """26 characters that sort by time: 48 bits of milliseconds, then 80 random bits."""
    number = int(at.timestamp() * 1000) << 80 | int.from_bytes(os.urandom(10))
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])


def new_id(prefix: str, at: datetime) -> str:
    """A fresh identifier such as `msg_01HXYZ4QK3WJ8FN3M6QH7TZ8GR`; later ones sort after earlier ones."""
    return f"{prefix}_{new_ulid(at)}"


def is_id(prefix: str, text: str) -> bool:
    """Whether `text` is shaped like an identifier with this prefix."""
    return text.startswith(prefix + "_") and _PREFIXED.match(text) is not None


def new_object_id(at: datetime) -> str:
    """24 hexadecimal digits: 4 bytes of seconds, then 8 random bytes. For post groups, posts, media, workspaces, users."""
    return f"{int(at.timestamp()):08x}{os.urandom(8).hex()}"


def is_object_id(text: str) -> bool:
    """Whether `text` is 24 hexadecimal digits."""
    return _OBJECT_ID.match(text) is not None
