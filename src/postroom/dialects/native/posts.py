"""Post groups of our own API: written once for several platforms, scheduled, read, changed, deleted; and their files."""

import re
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from postroom.dialects.native import wire, wire_posts
from postroom.dialects.native.chats import PAGE
from postroom.dialects.native.moments import ms
from postroom.dialects.operation import Operation, Parameter
from postroom.dialects.request import Request
from postroom.domain.access import Scope
from postroom.domain.media import kind_of
from postroom.domain.posts import GroupStatus
from postroom.errors import ErrorCode, InvalidParameters, Kind
from postroom.services.composing import Expiry, Extras
from postroom.services.house import Services
from postroom.services.post_lists import SortBy, Wanted
from postroom.services.posts import Change, PostGroupView

MOST = 100
_MOST_FILES = 10
_PLATFORM_ID = re.compile(r"[a-z]+-[^\s,\"]{1,200}\Z")
_MEDIA_TYPE = re.compile(r"(image|video)/[\x21-\x7e]{1,100}\Z")
_SORTS: dict[str, SortBy] = {"created": "createdAt", "updated": "updatedAt", "scheduled": "scheduledTime"}
_COMMON = frozenset({400, 401, 403, 500, 503})
_ONE = _COMMON | {404}
_BODY = frozenset({409, 413, 415, 422})


class NewPostGroup(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`platforms`: accounts by network and its id, such as `bluesky-did:plc:abc`. Without `scheduled_at` it is a draft; a
    moment that has passed is now. `settings`: by network, what only that one knows. `media_urls`: files to be fetched.
    `files`: ids of files of the library, or of other posts.

    `delete_at`: when its live posts are taken down, and `then` the group kept, or deleted.
    """

    content: str
    platforms: list[str]
    scheduled_at: datetime | None = None
    settings: dict[str, dict[str, Any]] = {}
    media_urls: list[str] = []
    files: list[str] = []
    delete_at: datetime | None = None
    then: Literal["keep", "delete"] = "keep"


class PostGroupChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What changes. `scheduled_at` null: it is a draft again. `settings` are laid over those that there are.

    `media_urls` and `files` come to the files that it has; those of `without`, ids of its own, go.
    """

    content: str | UnsetType = UNSET
    platforms: list[str] | UnsetType = UNSET
    scheduled_at: datetime | UnsetType | None = UNSET
    settings: dict[str, dict[str, Any]] | UnsetType = UNSET
    media_urls: list[str] = []
    files: list[str] = []
    without: list[str] = []


class Retry(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`looked`: also what is `unconfirmed`, since its owner has looked there and it is not live."""

    looked: bool = False


class NewMedia(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A file to come. `content_type` is an image's or a video's, and that of the PUT that brings its bytes."""

    file_name: str
    content_type: str
    alt_text: str = ""


async def create_post_group(services: Services, request: Request) -> wire_posts.PostGroup:
    body: NewPostGroup = request.body
    _check(body.content, body.platforms, body.media_urls)
    if body.delete_at is not None:
        services.access.require(request.caller, Scope.DELETE)
    made = await services.composing.create(
        request.caller,
        Extras(media_urls=body.media_urls, files=body.files, expiry=_expiry(body)),
        content=body.content,
        platforms=body.platforms,
        scheduled_at=None if body.scheduled_at is None else ms(body.scheduled_at, "scheduled_at"),
        platform_settings=body.settings,
    )
    return await _shown(services, request, made.group.id)


async def list_post_groups(services: Services, request: Request) -> wire_posts.PostGroups:
    limit = request.integer("limit", MOST, 1, MOST)
    found = await services.post_lists.list(request.caller, _wanted(request), limit=limit, cursor=request.text("cursor"))
    items = [wire_posts.post_group(each, services.media.file_url) for each in found.items]
    return wire_posts.PostGroups(items=items, cursor=found.next)


async def get_post_group(services: Services, request: Request) -> wire_posts.PostGroup:
    return await _shown(services, request, request.path["id"])


async def update_post_group(services: Services, request: Request) -> wire_posts.PostGroup:
    body: PostGroupChange = request.body
    _check(body.content, body.platforms, body.media_urls)
    change, id = _change(body), request.path["id"]
    extras = Extras(media_urls=body.media_urls, files=body.files, without=body.without)
    await services.composing.update(request.caller, id, change, extras)
    return await _shown(services, request, id)


async def retry_post_group(services: Services, request: Request) -> wire_posts.PostGroup:
    body: Retry = request.body
    await services.retries.retry(request.caller, request.path["id"], looked=body.looked)
    return await _shown(services, request, request.path["id"])


async def delete_post_group(services: Services, request: Request) -> wire.Done:
    await services.posts.delete(request.caller, request.path["id"])
    return wire.Done(id=request.path["id"], done="deleted")


async def get_post_group_log(services: Services, request: Request) -> wire_posts.Log:
    found = await services.post_logs.history(request.caller, request.path["id"])
    return wire_posts.Log(items=[wire_posts.log_line(each) for each in found])


async def add_media(services: Services, request: Request) -> wire_posts.UploadAddress:
    body: NewMedia = request.body
    group: PostGroupView = await services.posts.get(request.caller, request.path["id"])
    if not _MEDIA_TYPE.match(body.content_type):
        raise InvalidParameters("A post has images and videos.", code=ErrorCode.UNSUPPORTED_MEDIA_TYPE, kind=Kind.MEDIA)
    kind, file_name = kind_of(body.content_type), body.file_name
    more = {"file_name": file_name, "content_type": body.content_type, "alt_text": body.alt_text}
    return wire_posts.upload_address(
        await services.media.upload_address(request.caller, group.group.id, kind=kind, **more)
    )


async def _shown(services: Services, request: Request, id: str) -> wire_posts.PostGroup:
    found = await services.posts.get(request.caller, id)
    waits = found.group.status in (GroupStatus.DRAFT, GroupStatus.SCHEDULED)
    problems = await services.fittings.problems(request.caller, found.group) if waits else None
    return wire_posts.post_group(found, services.media.file_url, problems)


def _check(content: str | UnsetType, platforms: list[str] | UnsetType, urls: list[str]) -> None:
    if content is not UNSET and not content.strip():
        raise InvalidParameters("`content` is empty.", kind=Kind.CONTENT)
    if platforms is not UNSET:
        if not platforms or len(set(platforms)) < len(platforms):
            raise InvalidParameters("`platforms` names at least one account, and each once.", kind=Kind.PLATFORMS)
        for each in platforms:
            if not _PLATFORM_ID.match(each):
                raise InvalidParameters(
                    f"`{each[:200]}` is no network, a dash and an account's id there.", kind=Kind.PLATFORM_ID
                )
    if len(urls) > _MOST_FILES:
        raise InvalidParameters(f"At most {_MOST_FILES} files are fetched at once.", kind=Kind.MEDIA)


def _expiry(body: NewPostGroup) -> Expiry | None:
    if body.delete_at is None:
        return None
    return Expiry(at=ms(body.delete_at, "delete_at"), delete_group=body.then == "delete")


def _change(body: PostGroupChange) -> Change:
    status: GroupStatus | None = None
    moment: int | None = None
    if body.scheduled_at is None:
        status = GroupStatus.DRAFT
    elif body.scheduled_at is not UNSET:
        status, moment = GroupStatus.SCHEDULED, ms(body.scheduled_at, "scheduled_at")
    return Change(
        status=status,
        scheduled_at=moment,
        content=None if body.content is UNSET else body.content,
        platforms=None if body.platforms is UNSET else tuple(body.platforms),
        platform_settings=None if body.settings is UNSET else body.settings,
    )


def _wanted(request: Request) -> Wanted:
    status, sort = request.text("status"), request.text("sort") or "created"
    if status is not None and status not in list(GroupStatus):
        raise InvalidParameters(f"`status` is one of {', '.join(GroupStatus)}.", kind=Kind.STATUS)
    if sort not in _SORTS:
        raise InvalidParameters(f"`sort` is one of {', '.join(_SORTS)}.")
    return Wanted(
        status=None if status is None else GroupStatus(status),
        platform=(request.text("platform") or "").lower() or None,
        sort_by=_SORTS[sort],
        descending=request.flag("descending") is not False,
        from_ms=request.moment("scheduled_from"),
        to_ms=request.moment("scheduled_to"),
    )


_GROUP_ID = {"id": "The post group's id: 24 hexadecimal digits."}
_FILES = (
    f"`media_urls`: up to {_MOST_FILES} files that are fetched and attached, all of them or none: public https addresses. "
    "`problems` say why it will not go out to a platform as it stands."
)

OPERATIONS = (
    Operation(
        name="create_post_group",
        method="POST",
        path="/post-groups",
        summary="Write a post for several platforms: a draft, or to go out at a moment.",
        docs=f"{_FILES} With `delete_at` the key needs the scope to delete as well.",
        scope=Scope.PUBLISH,
        handler=create_post_group,
        body=NewPostGroup,
        answer=wire_posts.PostGroup,
        keep=wire_posts.without_words,
        status=201,
        errors=_ONE | _BODY | {502, 504},
    ),
    Operation(
        name="list_post_groups",
        method="GET",
        path="/post-groups",
        summary="List post groups with their posts and files, those that were written last first.",
        handler=list_post_groups,
        answer=wire_posts.PostGroups,
        errors=_COMMON,
        parameters=(
            PAGE[0],
            Parameter(name="limit", summary=f"How many at most: 1 to {MOST}, {MOST} if not said.", kind=int),
            Parameter(name="status", summary="draft, scheduled, published, failed or partially_published."),
            Parameter(name="platform", summary="Only those for this network, such as bluesky."),
            Parameter(name="scheduled_from", summary="Scheduled at this moment or later: 2026-05-17T09:42:11.000Z."),
            Parameter(name="scheduled_to", summary="Scheduled at this moment or earlier."),
            Parameter(name="sort", summary="By what: created (if not said), updated or scheduled."),
            Parameter(name="descending", summary="Whether the last comes first, as it does if not said.", kind=bool),
        ),
    ),
    Operation(
        name="get_post_group",
        method="GET",
        path="/post-groups/{id}",
        summary="Get a post group: how each of its posts stands, and its files.",
        docs="A post that is `unconfirmed` may be live, and nobody can tell: look there before posting it again.",
        handler=get_post_group,
        answer=wire_posts.PostGroup,
        errors=_ONE,
        path_values=_GROUP_ID,
    ),
    Operation(
        name="update_post_group",
        method="PATCH",
        path="/post-groups/{id}",
        summary="Write a post group anew, schedule it, move it in time, or make it a draft, before it goes out.",
        docs=f"{_FILES} 409: it has begun to go out, and nothing was changed.",
        scope=Scope.PUBLISH,
        handler=update_post_group,
        body=PostGroupChange,
        answer=wire_posts.PostGroup,
        keep=wire_posts.without_words,
        errors=_ONE | _BODY | {502, 504},
        path_values=_GROUP_ID,
    ),
    Operation(
        name="retry_post_group",
        method="POST",
        path="/post-groups/{id}/retry",
        summary="Have what failed of a post group published after all, now.",
        docs="With `looked` also what is `unconfirmed`: say so only once you have looked there, and it is not live. What is "
        "live, or under way, stays as it is.",
        scope=Scope.PUBLISH,
        handler=retry_post_group,
        body=Retry,
        answer=wire_posts.PostGroup,
        keep=wire_posts.without_words,
        errors=_ONE | _BODY,
        path_values=_GROUP_ID,
    ),
    Operation(
        name="delete_post_group",
        method="DELETE",
        path="/post-groups/{id}",
        summary="Delete a post group with its posts and files, whatever its status: all of it, or nothing.",
        docs="What is live at a network stays live: the receipt keeps its id and link, and can be taken down by.",
        scope=Scope.DELETE,
        handler=delete_post_group,
        answer=wire.Done,
        errors=_ONE,
        path_values=_GROUP_ID,
    ),
    Operation(
        name="get_post_group_log",
        method="GET",
        path="/post-groups/{id}/log",
        summary="Read what happened to a post group on its way out, the first hundred entries, and down again; oldest first.",
        handler=get_post_group_log,
        answer=wire_posts.Log,
        errors=_ONE,
        path_values=_GROUP_ID,
    ),
    Operation(
        name="add_media",
        method="POST",
        path="/post-groups/{id}/media",
        summary="Attach a file to a post group, and get the address to PUT its bytes to within an hour.",
        docs="Files go out in the order in which they were attached.",
        scope=Scope.PUBLISH,
        handler=add_media,
        body=NewMedia,
        answer=wire_posts.UploadAddress,
        status=201,
        errors=_ONE | _BODY,
        path_values=_GROUP_ID,
    ),
)
