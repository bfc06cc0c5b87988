"""Posts, their files, and take-downs."""

from datetime import datetime
from typing import Any

import msgspec


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """A post group's copy for one account. `error` is a stable word for why it failed, `error_detail` says it in words.

    `status`: draft, pending, processing, published, failed, or unconfirmed (it may be live, and nobody can tell).
    """

    id: str
    post_group_id: str
    platform: str
    platform_id: str
    part: int
    """Which part of a thread, from 0."""
    status: str
    scheduled_at: datetime | None
    provider_id: str | None
    url: str | None
    error: str | None
    error_detail: str | None


class MediaFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a post group. `kind`: image or video. `status`: awaiting (its bytes), or stored."""

    id: str
    kind: str
    status: str
    file_name: str
    content_type: str
    size_bytes: int | None
    width: int | None
    height: int | None
    alt_text: str
    url: str | None
    created_at: datetime


class LibraryFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file, and the post groups that have it. `in_library`: it is kept also when no post has it."""

    file: MediaFile
    in_library: bool
    post_groups: list[str]


class UploadAddress(msgspec.Struct, frozen=True, kw_only=True):
    """PUT the bytes to `upload_url` within an hour, with the same Content-Type; then they are at `file_url`."""

    media_id: str
    upload_url: str
    file_url: str


class PostProblem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a post will not go out to a platform as it stands: `code`, and the network's limit beside what there is."""

    code: str
    platform_id: str
    most: int | None
    current: int | None
    content_type: str | None
    shape: str | None


class PostGroup(msgspec.Struct, frozen=True, kw_only=True):
    """What was written once, and a post of it for each platform.

    `status`: draft, scheduled, published, failed or partially_published. `content` is None only where an answer was lost
    and came again for its Idempotency-Key: `posts.get` has it.
    """

    id: str
    content: str | None
    platforms: list[str]
    settings: dict[str, Any]
    status: str
    scheduled_at: datetime | None
    created_at: datetime
    updated_at: datetime
    posts: list[Post]
    media: list[MediaFile]
    problems: list[PostProblem] = []
    """Not in lists, and not once it has gone out."""


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to a post group on its way out, and down again."""

    post_id: str | None
    platform: str | None
    event: str
    """scheduled, processing, publish_attempted, publish_succeeded, publish_failed, status_changed; of take-downs
    take_down_asked, taken_down, take_down_not_possible, take_down_refused or take_down_unknown."""
    detail: dict[str, Any]
    created_at: datetime


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One post at one network. `outcome`: asked, done, unsupported, refused or in_doubt; final where `settled_at` is."""

    post_id: str | None
    platform: str
    platform_id: str
    provider_id: str | None
    url: str | None
    """Where it is, or was: where it can be removed by hand."""
    outcome: str
    detail: str | None
    settled_at: datetime | None


class TakeDown(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked to be removed from its networks, and what came of it so far. Final where `settled_at` is."""

    id: str
    href: str
    post_group_id: str
    asked_at: datetime
    settled_at: datetime | None
    targets: list[Target]
