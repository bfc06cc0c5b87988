"""Post groups and their files as our own API shows them."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from postroom.clock import iso
from postroom.dialects.native import wire
from postroom.dialects.native.wire_accounts import moment
from postroom.domain import fitting
from postroom.domain.media import MediaItem
from postroom.domain.posts import GroupStatus, LogEntry
from postroom.services.events import PostNow
from postroom.services.media import UploadAddress as DomainAddress
from postroom.services.posts import PostGroupView


class MediaFile(msgspec.Struct, kw_only=True):
    """A file of a post group. `status`: awaiting (its bytes), or stored. What is null is not known."""

    id: str
    kind: str
    """image or video."""
    status: str
    file_name: str
    content_type: str
    size_bytes: int | None
    width: int | None
    height: int | None
    alt_text: str
    url: str | None
    """Where it can be read, by whoever has this address."""
    created_at: str


class UploadAddress(msgspec.Struct, kw_only=True):
    """PUT the bytes to `upload_url` within an hour, with the same Content-Type; then they are at `file_url`."""

    media_id: str
    upload_url: str
    file_url: str


class Problem(msgspec.Struct, kw_only=True):
    """Why a post will not go out to a platform as it stands: `code`, and the network's limit beside what there is."""

    code: str
    platform_id: str
    most: int | None
    current: int | None
    content_type: str | None
    shape: str | None


class PostGroup(msgspec.Struct, kw_only=True):
    """What was written once, and a post of it for each platform.

    `status`: draft, scheduled, published, failed or partially_published. `content` is null only in an answer that was
    kept for its Idempotency-Key.
    """

    id: str
    content: str | None
    platforms: list[str]
    settings: dict[str, Any]
    status: str
    scheduled_at: str | None
    created_at: str
    updated_at: str
    posts: list[wire.Post]
    media: list[MediaFile]
    problems: list[Problem] | UnsetType = UNSET
    """Not in lists, and not once it has gone out."""


class PostGroups(msgspec.Struct, kw_only=True):
    items: list[PostGroup]
    cursor: str | None


class LogLine(msgspec.Struct, kw_only=True):
    """What happened to a post group on its way out, and down again."""

    post_id: str | None
    platform: str | None
    event: str
    """scheduled, processing, publish_attempted, publish_succeeded, publish_failed, status_changed; of take-downs
    take_down_asked, taken_down, take_down_not_possible, take_down_refused or take_down_unknown."""
    detail: dict[str, Any]
    created_at: str


class Log(msgspec.Struct, kw_only=True):
    items: list[LogLine]


def post_group(
    found: PostGroupView, url: Callable[[MediaItem], str], problems: Sequence[fitting.Problem] | None = None
) -> PostGroup:
    """A post group with its posts and files."""
    group = found.group
    draft = group.status is GroupStatus.DRAFT
    now = [PostNow(post=each, scheduled_at=None if draft else group.scheduled_at) for each in found.posts]
    return PostGroup(
        id=group.id,
        content=group.content,
        platforms=list(group.platforms),
        settings=msgspec.json.decode(group.platform_settings),
        status=group.status,
        scheduled_at=None if draft else moment(group.scheduled_at),
        created_at=iso(group.created_at),
        updated_at=iso(group.updated_at),
        posts=[wire.post(each) for each in now],
        media=[media_file(each, url) for each in found.media],
        problems=UNSET if problems is None else [_problem(each) for each in problems],
    )


def without_words(shown: PostGroup) -> PostGroup:
    """What is kept of an answer for its Idempotency-Key: what was written is in one place."""
    return msgspec.structs.replace(shown, content=None, settings={}, media=[])


def media_file(found: MediaItem, url: Callable[[MediaItem], str]) -> MediaFile:
    """A file."""
    return MediaFile(
        id=found.id,
        kind=found.kind,
        status=found.status,
        file_name=found.file_name,
        content_type=found.content_type,
        size_bytes=found.size_bytes,
        width=found.width,
        height=found.height,
        alt_text=found.alt_text,
        url=None if found.blob_key is None else url(found),
        created_at=iso(found.created_at),
    )


def upload_address(found: DomainAddress) -> UploadAddress:
    """Where bytes are to be put."""
    return UploadAddress(media_id=found.media_id, upload_url=found.upload_url, file_url=found.file_url)


def log_line(found: LogEntry) -> LogLine:
    """An entry of a post group's log."""
    return LogLine(
        post_id=found.post_id,
        platform=found.platform,
        event=found.event,
        detail={} if found.detail is None else msgspec.to_builtins(found.detail),
        created_at=iso(found.created_at),
    )


def _problem(found: fitting.Problem) -> Problem:
    return Problem(
        code=found.code,
        platform_id=found.platform_id,
        most=found.most,
        current=found.current,
        content_type=found.content_type,
        shape=found.shape,
    )
