"""What each platform takes, as the sister product's `GET /platform-limits` shows it, from what our connectors declare.

Source: Publora "Platform Limits" (2026).
"""

from collections.abc import Mapping

import msgspec

from postroom import __version__
from postroom.dialects.postpost.wire_warnings import NAMES
from postroom.domain.capabilities import ImageLimits, Publishing, VideoLimits

# The day on which the connectors' limits were last checked against the networks' pages.
_CHECKED = "2026-11-21"


class Characters(msgspec.Struct, kw_only=True, omit_defaults=True):
    """`caption`: the longest text beside media, where that is another."""

    standard: int
    caption: int | None = None


class Images(msgspec.Struct, kw_only=True, rename="camel"):
    """What is larger, or of another type, is re-encoded until it fits."""

    supported: bool
    max_size_bytes: int | None = None
    max_count: int = 0
    formats: list[str] = []


class Videos(msgspec.Struct, kw_only=True, rename="camel"):
    supported: bool
    max_duration_seconds: float | None = None
    max_size_bytes: int | None = None
    max_count: int = 0
    formats: list[str] = []


class Requirements(msgspec.Struct, kw_only=True, rename="camel"):
    requires_media: bool
    requires_video: bool
    supports_text_only: bool
    supports_threading: bool


class PlatformLimits(msgspec.Struct, kw_only=True, rename="camel"):
    platform: str
    display_name: str
    characters: Characters
    images: Images
    videos: Videos
    requirements: Requirements
    documents: None = None
    gifs: None = None
    thumbnails: None = None


class Limits(msgspec.Struct, kw_only=True, rename="camel"):
    success: bool = True
    schema_version: int = 1
    source: str = "postroom"
    package_version: str = __version__
    limits_last_updated: str = _CHECKED
    supported_platforms: list[str]
    platforms: dict[str, PlatformLimits]


def limits(found: Mapping[str, Publishing]) -> Limits:
    """The limits of every network that takes posts here."""
    return Limits(supported_platforms=sorted(found), platforms={name: _platform(name, found[name]) for name in found})


def _platform(name: str, publishing: Publishing) -> PlatformLimits:
    return PlatformLimits(
        platform=name,
        display_name=NAMES.get(name, name),
        characters=Characters(standard=publishing.max_length, caption=publishing.max_caption_length),
        images=_images(publishing.images),
        videos=_videos(publishing.video),
        requirements=Requirements(
            requires_media=publishing.media_required,
            requires_video=publishing.media_required and publishing.images is None,
            supports_text_only=not publishing.media_required,
            supports_threading=publishing.threads,
        ),
    )


def _images(found: ImageLimits | None) -> Images:
    if found is None:
        return Images(supported=False)
    return Images(
        supported=True, max_size_bytes=found.max_bytes, max_count=found.max_count, formats=sorted(found.types)
    )


def _videos(found: VideoLimits | None) -> Videos:
    if found is None:
        return Videos(supported=False)
    return Videos(
        supported=True,
        max_duration_seconds=found.max_seconds,
        max_size_bytes=found.max_bytes,
        max_count=found.max_count,
        formats=sorted(found.types),
    )
