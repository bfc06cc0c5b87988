"""What people do with a published post, as its network counts it: figures, reactions, comments."""

from datetime import date
from enum import StrEnum

import msgspec


class Metric(StrEnum):
    """What is counted, in PostPost's words (which are LinkedIn's)."""

    IMPRESSION = "IMPRESSION"
    MEMBERS_REACHED = "MEMBERS_REACHED"
    RESHARE = "RESHARE"
    REACTION = "REACTION"
    COMMENT = "COMMENT"


class ReactionKind(StrEnum):
    """How one can react, in PostPost's words (which are LinkedIn's)."""

    LIKE = "LIKE"
    PRAISE = "PRAISE"
    EMPATHY = "EMPATHY"
    INTEREST = "INTEREST"
    APPRECIATION = "APPRECIATION"
    ENTERTAINMENT = "ENTERTAINMENT"


class Days(msgspec.Struct, frozen=True, kw_only=True):
    """From the first day to the day after the last."""

    start: date
    end: date


class DailyCount(msgspec.Struct, frozen=True, kw_only=True):
    """One day's figure."""

    day: date
    count: int


class Reaction(msgspec.Struct, frozen=True, kw_only=True):
    """A reaction as the network now has it."""

    post: str
    """The post as the network calls it, which may be another id than the one that was asked for."""
    kind: ReactionKind | None
    """None: it was taken back."""
    provider_id: str | None = None


class Comment(msgspec.Struct, frozen=True, kw_only=True):
    """A comment that was made."""

    provider_id: str
    """The network's short id of it."""
    urn: str
    """Its whole id, with the post it belongs to."""
    text: str
    created_at: int | None = None
    """Milliseconds since 1970, where the network says."""
