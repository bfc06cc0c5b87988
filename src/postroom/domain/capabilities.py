"""What a network can do, as data. Each limit carries its source and the day it was checked where it is declared."""

from datetime import timedelta
from enum import StrEnum

import msgspec

MIB = 1024 * 1024


class Measure(StrEnum):
    """How a network counts the length of a text."""

    CHARACTERS = "characters"
    GRAPHEMES = "graphemes"
    UTF8_BYTES = "utf8_bytes"


class Sending(msgspec.Struct, frozen=True, kw_only=True):
    max_length: int
    attachments: frozenset[str] = frozenset()
    """Kinds among `image`, `video`, `audio`, `file`."""
    max_attachment_bytes: int = 0


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


class Publishing(msgspec.Struct, frozen=True, kw_only=True):
    max_length: int
    measure: Measure = Measure.CHARACTERS
    max_bytes: int | None = None
    """The longest text in UTF-8 bytes, where the network counts those as well."""
    images: ImageLimits | None = None
    max_images: int = 0
    image_types: frozenset[str] = frozenset()
    max_image_bytes: int = 0
    findable: bool = False
    """Whether an attempt with an unknown outcome can be looked up: then at most and exactly one post."""


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """None: the network has no such power, or this connector does not offer it."""

    send: Sending | None = None
    recall: Recalling | None = None
    publish: Publishing | None = None
    unpublish: bool = False
