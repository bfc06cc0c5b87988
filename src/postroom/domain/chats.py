"""Conversations and the people in them."""

from collections.abc import Iterable
from enum import IntEnum, StrEnum
from itertools import islice

import msgspec

_MOST_NAMED = 4


class ChatKind(IntEnum):
    """As PostPress numbers them."""

    SINGLE = 0
    GROUP = 1
    CHANNEL = 2


class ChatMark(StrEnum):
    """What an owner can say of a chat; each is set and taken back."""

    READ = "read"
    ARCHIVED = "archived"
    MUTED = "muted"
    PINNED = "pinned"
    STARRED = "starred"
    ACCEPTED = "accepted"
    """Of a request to chat: set accepts it, taken back declines it."""


class ChatRequest(StrEnum):
    """Where a chat stands that began as somebody's request."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    DECLINED = "declined"


class ChatContent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What of a chat is sealed."""

    name: str | None = None
    subject: str | None = None


class Chat(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation as one account sees it. Moments are milliseconds since 1970."""

    id: str
    account_id: str
    provider: str
    provider_id: str
    key: str
    """The same whichever mailbox it is seen through; made by the connector."""
    kind: ChatKind
    content: ChatContent
    attendee_provider_id: str | None
    """The other person's id in a conversation of two."""
    last_message_at: int | None
    unread_count: int
    archived: bool
    muted: bool
    read_only: bool
    pinned: bool
    folders: tuple[str, ...]
    content_type: str | None
    """`inmail`, `sponsored` or `linkedin_offer`; None for an ordinary conversation."""
    subject_key: str | None = None
    """The message whose subject `content.subject` repeats, where it is one's. Blanked when that one is buried."""
    starred: bool = False
    request: ChatRequest | None = None
    """None: it did not begin as a request."""


class AttendeeContent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What of a person is sealed."""

    name: str = ""
    picture_url: str | None = None
    profile_url: str | None = None
    headline: str | None = None


class Attendee(msgspec.Struct, frozen=True, kw_only=True):
    """A person or organisation as one account sees it."""

    id: str
    account_id: str
    provider: str
    provider_id: str
    is_self: bool
    kind: str
    """`member`, `organization` or `other`."""
    member_urn: str | None
    distance: int | None
    """1, 2, 3; 4 for out of network; -1 for unknown; None where the network has no such thing."""
    content: AttendeeContent


class Speaker(msgspec.Struct, frozen=True, kw_only=True):
    """What a message shows of who wrote it: nothing of it is sealed."""

    id: str
    kind: str
    """`member`, `organization` or `other`."""
    member_urn: str | None
    distance: int | None


def name_of(chat: Chat, people: Iterable[Attendee]) -> str | None:
    """What people call a chat: its own name, else the names of the first others in it; None where nobody's is known."""
    others = (each.content.name for each in people if not each.is_self and each.content.name)
    return chat.content.name or ", ".join(islice(others, _MOST_NAMED)) or None
