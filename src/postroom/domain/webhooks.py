"""Webhook endpoints: where events are sent, how a delivery is signed, and when it is tried again."""

import base64
import binascii
import hashlib
import hmac
from datetime import timedelta
from enum import StrEnum

import msgspec

from postroom.domain.events import EventType

MOST_FAILURES = 5
"""After so many failures in a row an endpoint is disabled. Source: PostPost "Webhooks" (March 2026)."""

DELIVERY_SECONDS = 10.0
"""How long a receiver may take. Source: PostPost "Webhooks" (March 2026)."""

_WAITS = (timedelta(seconds=10), timedelta(minutes=2), timedelta(minutes=15), timedelta(hours=1))
_LONGEST_WAIT = timedelta(hours=6)
_PREFIX = "whsec_"


class Format(StrEnum):
    """Whose events an endpoint hears and how they look: the dialect that it was made through."""

    POSTPOST = "postpost"
    NATIVE = "native"


class WebhookEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where events are sent. Its secret is sealed, and not among these. Moments are milliseconds since 1970."""

    id: str
    workspace_id: str
    user_id: str
    """Whose it is."""
    only_user: str | None
    """Whose events it is told; None: those of all of the workspace's users."""
    format: Format
    name: str
    url: str
    types: tuple[EventType, ...]
    """Empty: all types, those to come included."""
    active: bool
    disabled_reason: str | None
    """Why the server disabled it, until it is enabled again."""
    failure_count: int
    """Failures in a row. Enabling it again leaves that as it is; a delivery that arrives makes it 0."""
    last_failure: str | None
    position: int
    """The last event that is done with. It goes on after this one, however long it was disabled."""
    last_attempt_at: int | None
    created_at: int
    updated_at: int

    def wants(self, type: EventType) -> bool:
        """Whether it is told of events of this type."""
        return not self.types or type in self.types


def again_after(failures: int, asked_seconds: float = 0.0) -> timedelta:
    """How long to wait after so many failures in a row, and never less than the receiver asked for (up to 6 hours)."""
    wait = _WAITS[min(max(failures, 1), len(_WAITS)) - 1]
    return max(wait, min(timedelta(seconds=asked_seconds), _LONGEST_WAIT))


def new_secret(format: Format, random: bytes) -> str:
    """A secret of 32 random bytes: as PostPost shows one, or as Standard Webhooks does."""
    return random.hex() if format is Format.POSTPOST else _PREFIX + base64.b64encode(random).decode()


def hex_signature(secret: str, body: bytes) -> str:
    """The signature of PostPost and Publora: lowercase hexadecimal HMAC-SHA256 of the body, as it is sent.

    Source: PostPost "Webhooks" (March 2026).
    """
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def standard_signature(secret: str, id: str, timestamp: int, body: bytes) -> str:
    """The signature of Standard Webhooks, version 1: over id, moment in seconds, and body.

    The key is what the secret says in base64, with or without `whsec_` before it.

    Source: Standard Webhooks specification, checked 2026-11-21.
    """
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX))
    except binascii.Error:
        key = secret.encode()
    signed = b"%s.%d.%s" % (id.encode(), timestamp, body)
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
