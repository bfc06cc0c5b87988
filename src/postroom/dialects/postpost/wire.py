"""PostPost's objects as they stand on the wire, and from our values to them.

Source: PostPost "Get post", "List posts", "Update post", "Platform connections" (March 2026).
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from postroom.clock import iso
from postroom.dialects.postpost.wire_connections import moment_or_null, or_unset
from postroom.dialects.postpost.wire_warnings import Warning
from postroom.domain.media import MediaItem, MediaStatus
from postroom.domain.posts import Post as DomainPost
from postroom.domain.posts import PostGroup as DomainGroup
from postroom.domain.posts import PostStatus
from postroom.services.media import Staged, UploadAddress
from postroom.services.post_lists import PostList as FoundList
from postroom.services.posts import PostGroupView


class Success(msgspec.Struct, kw_only=True):
    success: bool = True


class AttachedMedia(msgspec.Struct, kw_only=True, rename="camel"):
    """What came of one of the `mediaUrls`."""

    ok: bool = True
    media_id: str
    type: str
    mime_type: str


class PostCreated(msgspec.Struct, kw_only=True, rename="camel"):
    """`media` is there where `mediaUrls` were sent, in their order."""

    success: bool = True
    post_group_id: str
    warnings: list[Warning] | UnsetType = UNSET
    media: list[AttachedMedia] | UnsetType = UNSET


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
    posted_id: str | UnsetType | None = UNSET
    permalink: str | UnsetType | None = UNSET
    error: PostError | UnsetType = UNSET


class File(msgspec.Struct, kw_only=True, rename="camel"):
    """`status` is `pending` until the bytes are here, then `ready`."""

    media_id: str
    source_file_name: str
    file_name: str
    type: str
    mime_type: str
    status: str
    failure_reason: str | None = None
    url: str


class MediaFile(msgspec.Struct, kw_only=True, rename="camel"):
    id: str = msgspec.field(name="_id")
    type: str
    mime_type: str
    file_name: str
    url: str
    status: str
    metadata: dict[str, int]


class MediaCompleted(msgspec.Struct, kw_only=True, rename="camel"):
    success: bool = True
    media_file: MediaFile


class PostGroup(msgspec.Struct, kw_only=True, rename="camel"):
    """`postedId` and `permalink` are there once they are known; for Publora's clients always, and null before."""

    success: bool = True
    post_group_id: str
    status: str
    scheduled_time: str | None
    platforms: list[str]
    platform_settings: dict[str, dict[str, Any]]
    media: list[File]
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
    next_cursor: str | None
    """Send it as `cursor` for the groups that follow; what is deleted meanwhile skips none of them."""


class PostList(msgspec.Struct, kw_only=True, rename="camel"):
    success: bool = True
    posts: list[ListedGroup]
    pagination: Pagination


class UpdatedGroup(msgspec.Struct, kw_only=True, rename="camel"):
    id: str = msgspec.field(name="_id")
    status: str
    scheduled_time: str | UnsetType = UNSET
    content: str | UnsetType = UNSET
    platforms: list[str] | UnsetType = UNSET


class PostUpdated(msgspec.Struct, kw_only=True, rename="camel"):
    """Publora's clients are told more: `scheduledTime` beside the group, its content and its platforms in it."""

    success: bool = True
    message: str = "Post updated successfully"
    scheduled_time: str | UnsetType | None = UNSET
    post_group: UpdatedGroup
    warnings: list[Warning] | UnsetType = UNSET
    media: list[AttachedMedia] | UnsetType = UNSET


class UploadUrl(msgspec.Struct, kw_only=True, rename="camel"):
    success: bool = True
    upload_url: str
    """PUT the bytes here within an hour, with the same Content-Type."""
    file_url: str
    media_id: str


class NewPost(msgspec.Struct, kw_only=True, rename="camel"):
    """A post for several platforms, by the ids that platform-connections gives. Without `scheduledTime` it is a draft;
    a time without zone is UTC; one that has passed is now."""

    content: str
    platforms: list[str] | str
    scheduled_time: str | None = None
    platform_settings: dict[str, dict[str, bool | str]] | UnsetType = UNSET
    media_urls: list[str] | UnsetType = UNSET
    delete_at: str | None = None
    delete_then: str | None = None


class Change(msgspec.Struct, kw_only=True, rename="camel"):
    """`status` is `draft` or `scheduled`. At least one field is needed; an empty status or time counts as absent.
    `content`, `platforms` and `platformSettings` are changed until it begins to go out."""

    status: str | None = None
    scheduled_time: str | None = None
    content: str | UnsetType = UNSET
    platforms: list[str] | UnsetType = UNSET
    platform_settings: dict[str, dict[str, bool | str]] | UnsetType = UNSET
    media_urls: list[str] | UnsetType = UNSET
    delete_at: str | UnsetType | None = UNSET
    delete_then: str | None = None


class Upload(msgspec.Struct, kw_only=True, rename="camel"):
    """A file to come. `type` is `image` or `video`; if not said, it follows the content type."""

    file_name: str
    content_type: str
    post_group_id: str
    type: str | None = None
    alt_text: str | None = None


class FileReference(msgspec.Struct, kw_only=True):
    """`file_id` is the caller's own name for the file; `mime_type` a hint that nobody heeds."""

    download_url: str
    file_id: str
    mime_type: str | None = None
    file_name: str | None = None


class Attachment(msgspec.Struct, kw_only=True, rename="camel"):
    """A file to fetch and attach."""

    file: FileReference
    file_name: str | UnsetType = UNSET


# A post whose outcome is being looked up is `processing`; one of which nobody can tell ends as `failed`.
STATUSES = {
    PostStatus.DRAFT: "draft",
    PostStatus.PENDING: "scheduled",
    PostStatus.PROCESSING: "processing",
    PostStatus.PUBLISHED: "published",
    PostStatus.FAILED: "failed",
    PostStatus.UNCONFIRMED: "failed",
}


def post_group(
    found: PostGroupView, file_url: Callable[[MediaItem], str] = lambda item: item.id, *, newer: bool = False
) -> PostGroup:
    """A group's posts, one for each platform, or for each part of a thread. `newer`: as Publora shows them."""
    group = found.group
    return PostGroup(
        post_group_id=group.id,
        status=group.status,
        scheduled_time=moment_or_null(group.scheduled_at),
        platforms=list(group.platforms),
        platform_settings=msgspec.json.decode(group.platform_settings),
        media=[_file(item, file_url(item)) for item in found.media],
        posts=[_post(group, each, newer) for each in found.posts],
    )


def post_list(found: FoundList, page: int, by_cursor: bool, file_url: Callable[[MediaItem], str]) -> PostList:
    """A page of groups."""
    pages = -(-found.total // found.limit)
    return PostList(
        posts=[_listed(each, file_url) for each in found.items],
        pagination=Pagination(
            page=page,
            limit=found.limit,
            total_items=found.total,
            total_pages=pages,
            has_next_page=found.next is not None,
            has_prev_page=by_cursor or page > 1,
            next_cursor=found.next,
        ),
    )


def created(group: DomainGroup, warnings: list[Warning], files: Sequence[Staged] = ()) -> PostCreated:
    """A new group's id, and what there is to say of it."""
    return PostCreated(post_group_id=group.id, warnings=warnings or UNSET, media=_attached(files))


def updated(
    found: DomainGroup, warnings: list[Warning], files: Sequence[Staged] = (), *, newer: bool = False
) -> PostUpdated:
    """A group as it now stands."""
    moment = moment_or_null(found.scheduled_at)
    group = UpdatedGroup(id=found.id, status=found.status, scheduled_time=or_unset(moment))
    if newer:
        group.content, group.platforms = found.content, list(found.platforms)
    return PostUpdated(
        post_group=group,
        scheduled_time=moment if newer else UNSET,
        warnings=warnings or UNSET,
        media=_attached(files),
    )


def _attached(files: Sequence[Staged]) -> list[AttachedMedia] | UnsetType:
    found = [
        AttachedMedia(media_id=each.item.id, type=each.item.kind, mime_type=each.item.content_type) for each in files
    ]
    return found or UNSET


def _file(item: MediaItem, url: str) -> File:
    return File(
        media_id=item.id,
        source_file_name=item.file_name,
        file_name=item.file_name,
        type=item.kind,
        mime_type=item.content_type,
        status="ready" if item.status is MediaStatus.STORED else "pending",
        url=url,
    )


def media_completed(item: MediaItem, url: str) -> MediaCompleted:
    """A file whose bytes are here."""
    known = {"size": item.size_bytes, "width": item.width, "height": item.height}
    return MediaCompleted(
        media_file=MediaFile(
            id=item.id,
            type=item.kind,
            mime_type=item.content_type,
            file_name=item.file_name,
            url=url,
            status="ready",
            metadata={name: value for name, value in known.items() if value is not None},
        )
    )


def upload_url(found: UploadAddress) -> UploadUrl:
    """Where the bytes go, and where they will be."""
    return UploadUrl(upload_url=found.upload_url, file_url=found.file_url, media_id=found.media_id)


def _post(group: DomainGroup, found: DomainPost, newer: bool) -> Post:
    live = found.status is PostStatus.PUBLISHED
    absent = None if newer else UNSET
    return Post(
        id=found.id,
        platform=found.platform,
        platform_id=found.platform_id,
        content=found.content or group.content,
        status=STATUSES[found.status],
        posted_id=found.provider_id if live and found.provider_id is not None else absent,
        permalink=found.url if live and found.url is not None else absent,
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
