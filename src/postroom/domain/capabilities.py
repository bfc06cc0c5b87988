"""What a network can do, as data. Each limit carries its source and the day it was checked where it is declared."""

from datetime import timedelta
from enum import StrEnum

import msgspec

from postroom.domain.chats import ChatMark

MIB = 1024 * 1024


class Measure(StrEnum):
    """How a network counts the length of a text."""

    CHARACTERS = "characters"
    GRAPHEMES = "graphemes"
    UTF8_BYTES = "utf8_bytes"
    UTF16_UNITS = "utf16_units"
    WEIGHTED = "weighted"
    """Latin and its like count 1, everything else 2, an emoji 2, an address 23."""
    SHORT_LINKS = "short_links"
    """Characters, but an address counts 23, and of `@user@host` only `@user`."""
    EMOJI_BYTES = "emoji_bytes"
    """Characters, but an emoji counts its UTF-8 bytes."""


class Settles(StrEnum):
    """Whether a network can be asked what became of a post whose outcome is unknown."""

    ALWAYS = "always"
    """Then there is exactly one post in the end."""
    PARTLY = "partly"
    """It is found where the network shows it; otherwise it stays unconfirmed."""
    NEVER = "never"
    """Then there is at most one, and its owner looks."""


class Sending(msgspec.Struct, frozen=True, kw_only=True):
    max_length: int
    attachments: frozenset[str] = frozenset()
    """Kinds among `image`, `video`, `audio`, `voice`, `file`; empty: texts only."""
    max_attachment_bytes: int = 0
    max_attachments: int = 1
    """Of one message."""


class Starting(msgspec.Struct, frozen=True, kw_only=True):
    """How a chat begins."""

    groups: bool = False
    """Whether with more than one person."""
    max_title_length: int | None = None
    """Of a group; None: it has no title."""


class Editing(msgspec.Struct, frozen=True, kw_only=True):
    window: timedelta | None
    """How long after sending; None: always."""


class Reacting(msgspec.Struct, frozen=True, kw_only=True):
    emojis: frozenset[str] | None = None
    """The ones that the network takes; None: any."""
    replaces: bool = True
    """Whether a new reaction takes the place of the account's earlier one."""


class Recalling(msgspec.Struct, frozen=True, kw_only=True):
    window: timedelta | None
    """How long after sending; None: always."""
    readable: bool = True
    """Whether the network can be asked if the message is gone."""


class ImageLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Images of one post. What is larger, or of another type, is re-encoded until it fits."""

    max_count: int
    types: frozenset[str]
    """Content types that the network takes, such as `image/jpeg`."""
    max_bytes: int
    max_width: int | None = None
    max_height: int | None = None
    min_aspect: float | None = None
    """Width over height, at least; an image outside of that cannot be posted."""
    max_aspect: float | None = None

    def takes_shape(self, width: int, height: int) -> bool:
        """Whether an image of this shape can be posted: it is scaled, and never cut. A pixel is no other shape."""
        slack = 1 / min(width, height)
        narrow = self.min_aspect is not None and width / height < self.min_aspect * (1 - slack)
        return not narrow and (self.max_aspect is None or width / height <= self.max_aspect * (1 + slack))


class VideoLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Videos of one post. They go out as they are."""

    types: frozenset[str]
    max_bytes: int
    max_count: int = 1
    min_seconds: float | None = None
    max_seconds: float | None = None


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """How many posts a network takes in a time. What it says in its answers counts besides."""

    posts: int
    period: timedelta
    of_network: bool = False
    """Of all our accounts there together; otherwise of each."""


class Publishing(msgspec.Struct, frozen=True, kw_only=True):
    max_length: int
    """Of one post; where there are `threads`, a longer text becomes several."""
    measure: Measure = Measure.CHARACTERS
    max_bytes: int | None = None
    """The longest text in UTF-8 bytes, where the network counts those as well."""
    max_caption_length: int | None = None
    """The longest text beside media, where that is another."""
    images: ImageLimits | None = None
    video: VideoLimits | None = None
    mixed: bool = False
    """Whether one post may have images and videos."""
    media_required: bool = False
    threads: bool = False
    """Whether a post can answer one's own, so that a long text goes out in parts."""
    settles: Settles = Settles.NEVER
    budgets: tuple[Budget, ...] = ()
    """What is left over waits for the next period; nobody is called in vain."""


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """None: the network has no such power, or this connector does not offer it."""

    send: Sending | None = None
    start: Starting | None = None
    edit: Editing | None = None
    recall: Recalling | None = None
    react: Reacting | None = None
    forward: bool = False
    typing: bool = False
    marks: frozenset[ChatMark] = frozenset()
    publish: Publishing | None = None
    unpublish: bool = False
    one_session: bool = False
    """Whether an account's session can be open in one process only: to open it twice would end it."""
    unpublish_flows: frozenset[str] = frozenset()
    """Where the network lets only accounts that were linked by one of these flows take posts down; empty: all of them."""
    proxies: bool = False
    """Whether an account can go out by a proxy of its own, with everything that is done for it."""

    def takes_down(self, flow: str | None) -> bool:
        """Whether the network is asked to take down a post of an account that was linked by this flow; None: not known."""
        return self.unpublish and (not self.unpublish_flows or flow is None or flow in self.unpublish_flows)
