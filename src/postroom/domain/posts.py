"""Post groups, their posts, and the states that roll up from one to the other."""

from collections.abc import Collection
from enum import StrEnum

import msgspec


class GroupStatus(StrEnum):
    """PostPost's five."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    PUBLISHED = "published"
    FAILED = "failed"
    PARTIALLY_PUBLISHED = "partially_published"


class PostStatus(StrEnum):
    DRAFT = "draft"
    PENDING = "pending"
    """Scheduled, not begun."""
    PROCESSING = "processing"
    """An attempt is under way, or its unknown outcome is being looked up."""
    PUBLISHED = "published"
    FAILED = "failed"
    UNCONFIRMED = "unconfirmed"
    """It may be live and nobody can tell: its owner decides."""


FINAL = frozenset({PostStatus.PUBLISHED, PostStatus.FAILED, PostStatus.UNCONFIRMED})


class PostError(msgspec.Struct, frozen=True, kw_only=True):
    """Why a post failed, in PostPost's codes."""

    code: str
    message: str
    retryable: bool
    failed_at: int
    platform_status_code: int | None = None
    platform_error: str | None = None


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """The copy of a post group for one account. It outlives its account."""

    id: str
    group_id: str
    workspace_id: str
    account_id: str | None
    """None where the platform id named no linked account, or the account is gone."""
    platform: str
    platform_id: str
    """The network's id of the account, without the platform in front."""
    status: PostStatus
    token: str
    """The same on every attempt: what makes at most one post of many tries."""
    provider_id: str | None
    url: str | None
    error: PostError | None
    attempts: int
    position: int
    part: int = 0
    """Which part of a thread, from 0; each answers the part before."""
    content: str | None = None
    """This part's text; None: the group's."""
    begun_at: int | None = None
    """When the first attempt began."""


class PostGroup(msgspec.Struct, frozen=True, kw_only=True):
    """What the owner wrote once. Moments are milliseconds since 1970."""

    id: str
    workspace_id: str
    user_id: str
    content: str
    platforms: tuple[str, ...]
    """As the caller wrote them, `<platform>-<id>`."""
    platform_settings: str
    """JSON text, with PostPost's defaults merged in."""
    status: GroupStatus
    scheduled_at: int | None
    created_at: int
    updated_at: int


class LogEvent(StrEnum):
    """What a post group's log tells, in PostPost's words; of take-downs, which it has not, in ours."""

    SCHEDULED = "scheduled"
    PROCESSING = "processing"
    PUBLISH_ATTEMPTED = "publish_attempted"
    PUBLISH_SUCCEEDED = "publish_succeeded"
    PUBLISH_FAILED = "publish_failed"
    STATUS_CHANGED = "status_changed"
    TAKE_DOWN_ASKED = "take_down_asked"
    TAKEN_DOWN = "taken_down"
    TAKE_DOWN_NOT_POSSIBLE = "take_down_not_possible"
    TAKE_DOWN_REFUSED = "take_down_refused"
    TAKE_DOWN_UNKNOWN = "take_down_unknown"


class LogDetail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What more there is to an entry."""

    error: str | None = None
    http_status: int | None = None
    retry_count: int | None = None
    error_code: str | None = None
    retryable: bool | None = None
    was: str | None = None
    """Of a status that changed: what it was, and what it is since."""
    becomes: str | None = None


class LogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a post group's log."""

    id: str
    workspace_id: str
    group_id: str
    post_id: str | None
    """None: it is about the group."""
    platform: str | None
    event: LogEvent
    detail: LogDetail | None
    created_at: int


def group_status(scheduled: bool, posts: Collection[PostStatus]) -> GroupStatus:
    """The roll-up: what a group's status is, given its posts. `scheduled` says whether it was ever meant to go out."""
    if not scheduled:
        return GroupStatus.DRAFT
    if not posts or any(status not in FINAL for status in posts):
        return GroupStatus.SCHEDULED
    published = sum(status is PostStatus.PUBLISHED for status in posts)
    if published == len(posts):
        return GroupStatus.PUBLISHED
    return GroupStatus.PARTIALLY_PUBLISHED if published else GroupStatus.FAILED
