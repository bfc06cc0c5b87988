"""Whether a post fits a network, before it is published: every reason why not, from the network's own limits. Pure."""

from collections.abc import Iterator, Sequence
from enum import StrEnum

import msgspec

from postroom.domain.capabilities import ImageLimits, Publishing, VideoLimits
from postroom.domain.media import MediaItem, MediaKind
from postroom.domain.texts import parts, text_length


class Misfit(StrEnum):
    """PostPost's codes of validation."""

    CONTENT_TOO_LONG = "CONTENT_TOO_LONG"
    MEDIA_REQUIRED = "MEDIA_REQUIRED"
    VIDEO_REQUIRED = "VIDEO_REQUIRED"
    MEDIA_COUNT_EXCEEDED = "MEDIA_COUNT_EXCEEDED"
    MEDIA_SIZE_EXCEEDED = "MEDIA_SIZE_EXCEEDED"
    MEDIA_DIMENSIONS_INVALID = "MEDIA_DIMENSIONS_INVALID"
    MEDIA_TYPE_NOT_SUPPORTED = "MEDIA_TYPE_NOT_SUPPORTED"
    IMAGES_NOT_SUPPORTED = "IMAGES_NOT_SUPPORTED"
    VIDEO_NOT_SUPPORTED = "VIDEO_NOT_SUPPORTED"
    PLATFORM_NOT_SUPPORTED = "PLATFORM_NOT_SUPPORTED"
    INVALID_PLATFORM_CONNECTION = "INVALID_PLATFORM_CONNECTION"


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One reason why a post will not go out to a platform as it stands."""

    code: Misfit
    platform_id: str
    most: int | None = None
    """The network's limit, where it is one."""
    current: int | None = None
    content_type: str | None = None
    shape: str | None = None
    """An image's width and height in pixels, such as `400 x 900`."""


def problems(platform_id: str, text: str, files: Sequence[MediaItem], limits: Publishing) -> Iterator[Problem]:
    """Why this would not go out to an account. What the server makes fit on the way, an image of another type or too
    large, is none; a file whose bytes have not come yet is taken by what was said of it."""
    images = [item for item in files if item.kind is MediaKind.IMAGE]
    videos = [item for item in files if item.kind is MediaKind.VIDEO]
    yield from _text(platform_id, text, bool(files), limits)
    if limits.media_required and not files:
        code = Misfit.VIDEO_REQUIRED if limits.images is None else Misfit.MEDIA_REQUIRED
        yield Problem(code=code, platform_id=platform_id)
    if images:
        yield from _images(platform_id, images, limits.images)
    if videos:
        yield from _videos(platform_id, videos, limits.video)
    if images and videos and not limits.mixed and limits.images is not None and limits.video is not None:
        yield Problem(code=Misfit.MEDIA_COUNT_EXCEEDED, platform_id=platform_id, most=1, current=2)


def longest_text(limits: Publishing, *, with_media: bool) -> int:
    """How long one post's text may be, as the network counts."""
    if with_media and limits.max_caption_length is not None:
        return min(limits.max_length, limits.max_caption_length)
    return limits.max_length


def _text(platform_id: str, text: str, with_media: bool, limits: Publishing) -> Iterator[Problem]:
    most = longest_text(limits, with_media=with_media)
    longest = max((text_length(part, limits.measure) for part in parts(text, limits)), default=0)
    if longest > most:
        yield Problem(code=Misfit.CONTENT_TOO_LONG, platform_id=platform_id, most=most, current=longest)
    elif limits.max_bytes is not None:
        size = max((len(part.encode()) for part in parts(text, limits)), default=0)
        if size > limits.max_bytes:
            yield Problem(code=Misfit.CONTENT_TOO_LONG, platform_id=platform_id, most=limits.max_bytes, current=size)


def _images(platform_id: str, items: Sequence[MediaItem], limits: ImageLimits | None) -> Iterator[Problem]:
    if limits is None:
        yield Problem(code=Misfit.IMAGES_NOT_SUPPORTED, platform_id=platform_id)
        return
    if len(items) > limits.max_count:
        yield Problem(
            code=Misfit.MEDIA_COUNT_EXCEEDED, platform_id=platform_id, most=limits.max_count, current=len(items)
        )

    for item in items:
        if item.width and item.height and not limits.takes_shape(item.width, item.height):
            shape = f"{item.width} x {item.height}"
            yield Problem(code=Misfit.MEDIA_DIMENSIONS_INVALID, platform_id=platform_id, shape=shape)


def _videos(platform_id: str, items: Sequence[MediaItem], limits: VideoLimits | None) -> Iterator[Problem]:
    if limits is None:
        yield Problem(code=Misfit.VIDEO_NOT_SUPPORTED, platform_id=platform_id)
        return
    if len(items) > limits.max_count:
        yield Problem(
            code=Misfit.MEDIA_COUNT_EXCEEDED, platform_id=platform_id, most=limits.max_count, current=len(items)
        )
    for item in items:
        if item.content_type not in limits.types:
            yield Problem(code=Misfit.MEDIA_TYPE_NOT_SUPPORTED, platform_id=platform_id, content_type=item.content_type)
        if item.size_bytes is not None and item.size_bytes > limits.max_bytes:
            yield Problem(
                code=Misfit.MEDIA_SIZE_EXCEEDED,
                platform_id=platform_id,
                most=limits.max_bytes,
                current=item.size_bytes,
            )
