"""Webhook endpoints: where events are sent, how a delivery is signed, and when it is tried again."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum

import msgspec

from postroom.domain.events import EventType

_LONGEST_WAIT = timedelta(hours=6)
_PREFIX = "whsec_"

# After one event, two, and so on in a row that a receiver did not take. What comes meanwhile waits in the log.
_RESTS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))


class Format(StrEnum):
    """Whose events an endpoint hears and how they look: the dialect that it was made through."""

    POSTPOST = "postpost"
    NATIVE = "native"
    POSTPRESS = "postpress"
    CONNECTSAFELY = "connectsafely"


Vocabulary = Mapping[str, Mapping[str, Sequence[EventType]]]
"""What endpoints of a format can be told of: by source (empty, where it has none) the names of events, and by name the
types of the log that they are found in."""


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """What a receiver is granted."""

    seconds: float
    """How long it may take to answer."""
    waits: tuple[timedelta, ...]
    """Before each further try."""
    passes_over: bool
    """What follows the last try: the event is passed over and the next one has its tries, or the endpoint is disabled."""

    @property
    def tries(self) -> int:
        """How often an event is tried, or how many failures in a row disable an endpoint."""
        return len(self.waits) + 1


def _seconds(*each: float) -> tuple[timedelta, ...]:
    return tuple(timedelta(seconds=seconds) for seconds in each)


# Source: PostPost "Webhooks" (March 2026): five failures in a row disable an endpoint.
_DISABLES = Patience(seconds=10.0, waits=_seconds(10, 120, 900, 3600), passes_over=False)

PATIENCE: dict[Format, Patience] = {
    Format.POSTPOST: _DISABLES,
    Format.NATIVE: _DISABLES,
    # Source: PostPress "Webhooks overview" (2026): 30 seconds, up to five retries with growing delays.
    Format.POSTPRESS: Patience(seconds=30.0, waits=_seconds(10, 60, 300, 900, 1800), passes_over=True),
    # Source: ConnectSafely "Webhooks: delivery" (2026): 15 seconds, three attempts.
    Format.CONNECTSAFELY: Patience(seconds=15.0, waits=_seconds(10, 20), passes_over=True),
}


class Wishes(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an endpoint asked for beside the types of its events. Sealed where it is kept: headers may hold a secret."""

    source: str = ""
    """PostPress's word for what it is told of."""
    events: tuple[str, ...] = ()
    """What it is told of by the names of its dialect; empty: whatever there is of its types."""
    account_ids: tuple[str, ...] = ()
    """Only what is about these accounts; empty: about any, those to come included."""
    headers: tuple[tuple[str, str], ...] = ()
    """Name and value of what is sent along."""
    fields: tuple[tuple[str, str], ...] = ()
    """The name it wants and the name that we have, of each field that it wants; empty: all of them as they are."""
    form: bool = False
    """Whether it is told in a form rather than in JSON."""


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
    wishes: Wishes = Wishes()

    def wants(self, type: EventType) -> bool:
        """Whether it is told of events of this type."""
        return not self.types or type in self.types


class Occasion(StrEnum):
    """Why an endpoint was told."""

    EVENT = "event"
    REPLAY = "replay"
    """Its owner had one event told again."""
    TEST = "test"
    """Its owner tried whether anybody is there."""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One try to tell an endpoint. Of what was said and answered nothing is kept: it may hold what is deleted by now."""

    id: str
    workspace_id: str
    webhook_id: str
    event_id: str
    event_type: str
    position: int | None
    """The event's place in the log; None: it was a test, of nothing that happened."""
    occasion: Occasion
    failure: str | None
    """Why it did not arrive; None: it did."""
    status: int | None
    took_ms: int
    tried_at: int


def is_last_try(format: Format, failures: int) -> bool:
    """Whether so many failures in a row are all the tries that there are."""
    patience = PATIENCE[format]
    return failures % patience.tries == 0 if patience.passes_over else failures >= patience.tries


def again_after(format: Format, failures: int, asked_seconds: float = 0.0) -> timedelta:
    """How long to wait after so many failures in a row, and never less than the receiver asked for (up to 6 hours)."""
    patience = PATIENCE[format]
    passed_over, tried = divmod(max(failures, 1), patience.tries) if patience.passes_over else (0, max(failures, 1))
    waits, count = (patience.waits, tried) if tried else (_RESTS, passed_over)
    wait = waits[min(count, len(waits)) - 1]
    return max(wait, timedelta(seconds=min(asked_seconds, _LONGEST_WAIT.total_seconds())))


def new_secret(format: Format, random: bytes) -> str:
    """A secret of 32 random bytes: in hexadecimal where the vendor signs so, or as Standard Webhooks shows one."""
    if format in (Format.POSTPOST, Format.CONNECTSAFELY):
        return random.hex()
    return _PREFIX + base64.b64encode(random).decode()


def hex_signature(secret: str, body: bytes) -> str:
    """The signature of PostPost, Publora and ConnectSafely: lowercase hexadecimal HMAC-SHA256 of the body, as it is sent.

    Source: PostPost "Webhooks" (March 2026); ConnectSafely "Webhooks: security" (2026).
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
