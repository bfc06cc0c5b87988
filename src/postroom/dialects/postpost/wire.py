"""PostPost's objects as they stand on the wire, and from our values to them.

Source: PostPost "Get post", "List posts", "Update post", "Platform connections" (March 2026).
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from postroom.clock import iso
from postroom.domain.accounts import AccountStatus
from postroom.domain.media import MediaItem, MediaStatus
from postroom.domain.posts import LogDetail, LogEntry, PostStatus
from postroom.domain.posts import Post as DomainPost
from postroom.domain.posts import PostError as DomainError
from postroom.domain.posts import PostGroup as DomainGroup
from postroom.services.checkups import Checkup, Standing
from postroom.services.media import UploadAddress
from postroom.services.posts import PostGroupView

T = TypeVar("T")
_HOUR = 3_600_000
_DAY = 24 * _HOUR


class Success(msgspec.Struct, kw_only=True):
    success: bool = True


class PostCreated(msgspec.Struct, kw_only=True, rename="camel"):
    success: bool = True
    post_group_id: str


class PostError(msgspec.Struct, kw_only=True, rename="camel"):
    code: str
    message: str
    platform_status_code: int | UnsetType = UNSET
    platform_error: str | None
    failed_at: str
    retryable: bool


class Post(msgspec.Struct, kw_only=True, rename="camel"):
    id: str = msgspec.field(name="_id")
    platform: str
    platform_id: str
    """Without the platform in front, unlike elsewhere."""
    content: str
    status: str
    posted_id: str | UnsetType = UNSET
    error: PostError | UnsetType = UNSET


class PostGroup(msgspec.Struct, kw_only=True, rename="camel"):
    success: bool = True
    post_group_id: str
    posts: list[Post]


class Target(msgspec.Struct, kw_only=True, rename="camel"):
    platform_id: str
    platform: str
    status: str


class ListedGroup(msgspec.Struct, kw_only=True, rename="camel"):
    post_group_id: str
    content: str
    status: str
    scheduled_time: str | UnsetType = UNSET
    created_at: str
    updated_at: str
    platforms: list[Target]
    media_urls: list[str]


class Pagination(msgspec.Struct, kw_only=True, rename="camel"):
    page: int
    limit: int
    total_items: int
    total_pages: int
    has_next_page: bool
    has_prev_page: bool


class PostList(msgspec.Struct, kw_only=True, rename="camel"):
    success: bool = True
    posts: list[ListedGroup]
    pagination: Pagination


class UpdatedGroup(msgspec.Struct, kw_only=True, rename="camel"):
    id: str = msgspec.field(name="_id")
    status: str
    scheduled_time: str | UnsetType = UNSET


class PostUpdated(msgspec.Struct, kw_only=True, rename="camel"):
    success: bool = True
    message: str = "Post updated successfully"
    post_group: UpdatedGroup


class UploadUrl(msgspec.Struct, kw_only=True, rename="camel"):
    success: bool = True
    upload_url: str
    """PUT the bytes here within an hour, with the same Content-Type."""
    file_url: str
    media_id: str


class LastError(msgspec.Struct, kw_only=True, rename="camel"):
    message: str
    occurred_at: str


class Connection(msgspec.Struct, kw_only=True, rename="camel"):
    platform_id: str
    username: str
    display_name: str | None
    profile_image_url: str | None
    profile_url: str | None
    access_token_expires_at: str | None
    token_status: str
    token_expires_in: str | None
    last_successful_post: str | None
    last_error: LastError | None


class ConnectionTest(msgspec.Struct, kw_only=True, rename="camel"):
    """HTTP 200 whatever came of it: `status` is `ok` or `error`."""

    platform: str
    platform_id: str
    username: str
    status: str
    message: str
    permissions: list[str]
    token_expires_in: str | None
    last_successful_post: str | None
    last_error: LastError | None


class LogMetadata(msgspec.Struct, kw_only=True, rename="camel"):
    """`from` and `to`: of a status that changed."""

    error_code: str | UnsetType = UNSET
    retryable: bool | UnsetType = UNSET
    was: str | UnsetType = msgspec.field(name="from", default=UNSET)
    becomes: str | UnsetType = msgspec.field(name="to", default=UNSET)


class Log(msgspec.Struct, kw_only=True, rename="camel"):
    """What there is nothing to say about is absent. Without `postId` it is about the group."""

    id: str = msgspec.field(name="_id")
    post_group_id: str
    post_id: str | UnsetType = UNSET
    platform: str | UnsetType = UNSET
    event: str
    error: str | UnsetType = UNSET
    http_status: int | UnsetType = UNSET
    retry_count: int | UnsetType = UNSET
    metadata: LogMetadata | UnsetType = UNSET
    created_at: str
    updated_at: str
    version: int = msgspec.field(name="__v", default=0)


class Logs(msgspec.Struct, kw_only=True):
    success: bool = True
    logs: list[Log]


class Connections(msgspec.Struct, kw_only=True):
    success: bool = True
    connections: list[Connection]


class NewPost(msgspec.Struct, kw_only=True, rename="camel"):
    """A post for several platforms, by the ids that platform-connections gives. Without `scheduledTime` it is a draft;
    a time without zone is UTC; one that has passed is now."""

    content: str
    platforms: list[str] | str
    scheduled_time: str | None = None
    platform_settings: dict[str, dict[str, bool | str]] | UnsetType = UNSET


class Change(msgspec.Struct, kw_only=True, rename="camel"):
    """`status` is `draft` or `scheduled`. At least one of the two is needed; what is empty counts as absent."""

    status: str | None = None
    scheduled_time: str | None = None


class Upload(msgspec.Struct, kw_only=True, rename="camel"):
    """A file to come. `type` is `image` or `video`; if not said, it follows the content type."""

    file_name: str
    content_type: str
    post_group_id: str
    type: str | None = None
    alt_text: str | None = None


# A post whose outcome is being looked up is `processing`; one of which nobody can tell ends as `failed`.
STATUSES = {
    PostStatus.DRAFT: "draft",
    PostStatus.PENDING: "scheduled",
    PostStatus.PROCESSING: "processing",
    PostStatus.PUBLISHED: "published",
    PostStatus.FAILED: "failed",
    PostStatus.UNCONFIRMED: "failed",
}


def post_group(found: PostGroupView) -> PostGroup:
    """A group's posts, one for each platform."""
    return PostGroup(post_group_id=found.group.id, posts=[_post(found.group, each) for each in found.posts])


def post_list(
    found: Sequence[PostGroupView], total: int, page: int, limit: int, file_url: Callable[[MediaItem], str]
) -> PostList:
    """A page of groups."""
    pages = -(-total // limit)
    return PostList(
        posts=[_listed(each, file_url) for each in found],
        pagination=Pagination(
            page=page,
            limit=limit,
            total_items=total,
            total_pages=pages,
            has_next_page=page < pages,
            has_prev_page=page > 1,
        ),
    )


def updated(found: DomainGroup) -> PostUpdated:
    """A group as it now stands."""
    moment = UNSET if found.scheduled_at is None else iso(found.scheduled_at)
    return PostUpdated(post_group=UpdatedGroup(id=found.id, status=found.status, scheduled_time=moment))


def upload_url(found: UploadAddress) -> UploadUrl:
    """Where the bytes go, and where they will be."""
    return UploadUrl(upload_url=found.upload_url, file_url=found.file_url, media_id=found.media_id)


def connection(found: Standing) -> Connection:
    """A linked account that takes posts."""
    account = found.account
    return Connection(
        platform_id=f"{account.provider}-{account.provider_id}",
        username=account.profile.username,
        display_name=account.profile.name or None,
        profile_image_url=account.profile.picture_url,
        profile_url=account.profile.profile_url,
        access_token_expires_at=_moment(found.expires_at),
        token_status=_token_status(found),
        token_expires_in=_expires_in(found),
        last_successful_post=_moment(found.last_success_at),
        last_error=_last_error(found.last_error),
    )


def connection_test(platform_id: str, found: Checkup) -> ConnectionTest:
    """What a network said of an account's session."""
    standing = found.standing
    ended = found.problem is not None
    return ConnectionTest(
        platform=platform_id.partition("-")[0],
        platform_id=platform_id,
        username="unknown" if standing is None else found.name or standing.account.profile.username,
        status="error" if ended else "ok",
        message=found.problem or f"Connected as {found.name}",
        permissions=[] if standing is None or ended else list(standing.permissions),
        token_expires_in=None if standing is None else _expires_in(standing),
        last_successful_post=None if standing is None else _moment(standing.last_success_at),
        last_error=None if standing is None else _last_error(standing.last_error),
    )


def log(entry: LogEntry) -> Log:
    """An entry of a group's log."""
    at, more = iso(entry.created_at), entry.detail or LogDetail()
    told = LogMetadata(
        error_code=_or_unset(more.error_code),
        retryable=_or_unset(more.retryable),
        was=_or_unset(more.was),
        becomes=_or_unset(more.becomes),
    )
    return Log(
        id=entry.id,
        post_group_id=entry.group_id,
        post_id=_or_unset(entry.post_id),
        platform=_or_unset(entry.platform),
        event=entry.event,
        error=_or_unset(more.error),
        http_status=_or_unset(more.http_status),
        retry_count=_or_unset(more.retry_count),
        metadata=UNSET if told == LogMetadata() else told,
        created_at=at,
        updated_at=at,
    )


def _or_unset(value: T | None) -> T | UnsetType:
    return UNSET if value is None else value


def _moment(ms: int | None) -> str | None:
    return None if ms is None else iso(ms)


def _last_error(error: DomainError | None) -> LastError | None:
    return None if error is None else LastError(message=error.message, occurred_at=iso(error.failed_at))


def _is_over(found: Standing) -> bool:
    over = found.account.status in (AccountStatus.DISCONNECTED, AccountStatus.ACTION_REQUIRED)
    return over or (found.expires_at is not None and found.expires_at <= found.at)


def _token_status(found: Standing) -> str:
    if _is_over(found):
        return "expired"
    if found.expires_at is None:
        return "unknown"
    return "expiring_soon" if found.expires_at - found.at < 7 * _DAY else "valid"


def _expires_in(found: Standing) -> str | None:
    """`82d 4h`, `5h` on the last day, `< 1h` in the last hour."""
    if _is_over(found):
        return "expired"
    if found.expires_at is None:
        return None
    days, rest = divmod(found.expires_at - found.at, _DAY)
    hours = rest // _HOUR
    if days:
        return f"{days}d {hours}h"
    return f"{hours}h" if hours else "< 1h"


def _post(group: DomainGroup, found: DomainPost) -> Post:
    return Post(
        id=found.id,
        platform=found.platform,
        platform_id=found.platform_id,
        content=group.content,
        status=STATUSES[found.status],
        posted_id=UNSET if found.provider_id is None or found.status is not PostStatus.PUBLISHED else found.provider_id,
        error=_error(group, found),
    )


def _error(group: DomainGroup, found: DomainPost) -> PostError | UnsetType:
    if found.status is PostStatus.UNCONFIRMED:
        return PostError(
            code="OUTCOME_UNKNOWN",
            message="It may be live: the platform did not say and cannot be asked. Look there before posting again.",
            platform_error=None if found.error is None else found.error.platform_error,
            failed_at=iso(group.updated_at if found.error is None else found.error.failed_at),
            retryable=False,
        )
    if found.status is not PostStatus.FAILED or found.error is None:
        return UNSET
    error = found.error
    return PostError(
        code=error.code,
        message=error.message,
        platform_status_code=UNSET if error.platform_status_code is None else error.platform_status_code,
        platform_error=error.platform_error,
        failed_at=iso(error.failed_at),
        retryable=error.retryable,
    )


def _listed(found: PostGroupView, file_url: Callable[[MediaItem], str]) -> ListedGroup:
    group = found.group
    return ListedGroup(
        post_group_id=group.id,
        content=group.content,
        status=group.status,
        scheduled_time=UNSET if group.scheduled_at is None else iso(group.scheduled_at),
        created_at=iso(group.created_at),
        updated_at=iso(group.updated_at),
        platforms=[
            Target(
                platform_id=f"{post.platform}-{post.platform_id}", platform=post.platform, status=STATUSES[post.status]
            )
            for post in found.posts
        ],
        media_urls=[file_url(item) for item in found.media if item.status is MediaStatus.STORED],
    )
