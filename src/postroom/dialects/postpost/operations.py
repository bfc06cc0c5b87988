"""The operations of PostPost: post groups and their media, with the x-api-key header.

Publora's clients send the same under other names: `x-publora-key`, `x-publora-user-id`, `x-publora-client`.
"""

from typing import Any

from postroom.dialects.openapi import served
from postroom.dialects.operation import Application, Dialect, Operation, Parameter
from postroom.dialects.postpost import reading, webhooks, wire, wire_connections, wire_limits
from postroom.dialects.postpost.errors import ANY, ONE, Error, failure, is_newer
from postroom.dialects.postpost.operations_linkedin import LINKEDIN
from postroom.dialects.postpost.operations_workspace import WORKSPACE
from postroom.dialects.postpost.wire_warnings import warnings
from postroom.dialects.request import Request
from postroom.domain.access import Caller, Scope
from postroom.errors import InvalidParameters, Kind
from postroom.services.composing import Extras
from postroom.services.house import Services

_USER_HEADERS = (b"x-postpost-user-id", b"x-publora-user-id")


async def authenticate(services: Services, request: Request) -> Caller:
    """The key, its owner, its entitlements, and the user acted for: in this order.

    Source: PostPost "Authentication" and "Workspace" (March 2026); the order of the last three is inferred.
    """
    caller = await services.access.resolve(request.header(b"x-api-key", b"x-publora-key"))
    client = request.header(b"x-postpost-client", b"x-publora-client") or "api"
    services.access.require_api(caller, client)
    for name in _USER_HEADERS:
        user_id = request.header(name)
        if user_id is not None:
            return await _acting_for(services, caller, name, user_id)
    return caller


async def _acting_for(services: Services, caller: Caller, header: bytes, user_id: str) -> Caller:
    try:
        return await services.access.act_for(caller, user_id)
    except InvalidParameters as error:
        raise InvalidParameters(f"Invalid {header.decode()}", kind=Kind.MANAGED_USER_ID) from error


async def create_post(services: Services, request: Request) -> wire.PostCreated:
    new, extras = reading.new_post(request.body), reading.extras(request.body)
    _require_deleting(services, request, extras)
    made = await services.composing.create(request.caller, extras, **new)
    problems = await services.fittings.problems(request.caller, made.group)
    told = warnings(made.group, new["scheduled_at"], problems, newer=is_newer(request))
    return wire.created(made.group, told, made.files)


async def get_post(services: Services, request: Request) -> wire.PostGroup:
    found = await services.posts.get(request.caller, request.path["postGroupId"])
    return wire.post_group(found, services.media.file_url, newer=is_newer(request))


async def list_posts(services: Services, request: Request) -> wire.PostList:
    wanted, part = reading.listing(request.query)
    found = await services.post_lists.list(request.caller, wanted, **part)
    return wire.post_list(found, part["page"], part["cursor"] is not None, services.media.file_url)


async def update_post(services: Services, request: Request) -> wire.PostUpdated:
    newer = is_newer(request)
    change = reading.change(request.body, newer=newer)
    extras = reading.extras(request.body)
    _require_deleting(services, request, extras)
    made = await services.composing.update(request.caller, request.path["postGroupId"], change, extras)
    problems = await services.fittings.problems(request.caller, made.group)
    told = warnings(made.group, change.scheduled_at, problems, newer=newer)
    return wire.updated(made.group, told, made.files, newer=newer)


def _require_deleting(services: Services, request: Request, extras: Extras) -> None:
    """Who says when live posts are taken down must be one who may take them down now."""
    if extras.expiry is not None:
        services.access.require(request.caller, Scope.DELETE)


async def delete_post(services: Services, request: Request) -> wire.Success:
    await services.posts.delete(request.caller, request.path["postGroupId"])
    return wire.Success()


async def get_upload_url(services: Services, request: Request) -> wire.UploadUrl:
    body: reading.Upload = request.body
    wanted = reading.upload(body)
    return wire.upload_url(await services.media.upload_address(request.caller, body.post_group_id, **wanted))


async def attach_media(services: Services, request: Request) -> wire.PostUpdated:
    group_id = reading.group_id(request.path["postGroupId"])
    url, file_name = reading.attachment(request.body)
    group = await services.attachments.attach(request.caller, group_id, url, file_name)
    return wire.updated(group, [], (), newer=True)


async def complete_media(services: Services, request: Request) -> wire.MediaCompleted:
    item = await services.attachments.complete(request.caller, reading.media_id(request.path["mediaFileId"]))
    return wire.media_completed(item, services.media.file_url(item))


async def platform_connections(services: Services, request: Request) -> wire_connections.Connections:
    found = await services.checkups.standings(request.caller)
    return wire_connections.Connections(connections=[wire_connections.connection(each) for each in found])


async def test_connection(services: Services, request: Request) -> wire_connections.ConnectionTest:
    platform_id = request.path["platformId"]
    found = await services.checkups.check(request.caller, *reading.compound(platform_id))
    return wire_connections.connection_test(platform_id, found)


async def post_logs(services: Services, request: Request) -> wire_connections.Logs:
    found = await services.post_logs.list(request.caller, request.path["postGroupId"])
    return wire_connections.Logs(logs=[wire_connections.log(each) for each in found])


async def platform_limits(services: Services, request: Request) -> wire_limits.Limits:
    return wire_limits.limits(services.fittings.limits())


_FILES = (
    "`mediaUrls`: up to ten files that are fetched and attached, all of them or none: public https addresses, images to "
    "25 MB, videos to 150 MB, 300 MiB together, sixty an hour. `mediaResults` of a failure say what became of each."
)
_EXPIRY = (
    "`deleteAt`: when the live posts are taken down (a time without zone is UTC), and with `deleteThen` `delete` their "
    "group is deleted then; `keep` if not said. It needs a key that may delete."
)
_GROUP_ID = {"postGroupId": "The post group's id: 24 hexadecimal digits."}

OPERATIONS = (
    Operation(
        name="create_post",
        method="POST",
        path="/create-post",
        summary="Write a post for several platforms: a draft, or to go out at a time.",
        docs="A time without zone is UTC; one that has passed is now. A platform that is not linked is accepted, and "
        "fails when it is to be published.\n\n"
        + _FILES
        + " Where one is not got, there is no post group.\n\n"
        + _EXPIRY,
        scope=Scope.PUBLISH,
        handler=create_post,
        body=reading.NewPost,
        body_docs=wire.NewPost,
        any_type=True,
        answer=wire.PostCreated,
        errors=ANY,
    ),
    Operation(
        name="get_post",
        method="GET",
        path="/get-post/{postGroupId}",
        summary="Get a post group's posts, one for each platform.",
        docs="`error.code` OUTCOME_UNKNOWN: it may be live, and nobody can tell; look there before posting it again.",
        handler=get_post,
        answer=wire.PostGroup,
        errors=ONE,
        path_values=_GROUP_ID,
    ),
    Operation(
        name="list_posts",
        method="GET",
        path="/list-posts",
        summary="List post groups by pages, or by cursors: what is deleted behind a cursor skips nothing.",
        handler=list_posts,
        answer=wire.PostList,
        errors=ANY,
        parameters=(
            Parameter(name="page", summary="From 1; what is lower is 1.", kind=int),
            Parameter(
                name="cursor", summary="The `nextCursor` of the page before: all else that it asked for goes on."
            ),
            Parameter(name="limit", summary="1 to 100, 20 if not said.", kind=int),
            Parameter(name="status", summary="draft, scheduled, published, failed or partially_published."),
            Parameter(name="platform", summary="Only groups for this platform, such as bluesky."),
            Parameter(name="sortBy", summary="createdAt (if not said), updatedAt or scheduledTime."),
            Parameter(name="sortOrder", summary="asc or desc (if not said)."),
            Parameter(
                name="fromDate",
                summary="Scheduled at this moment or later, in a form that JavaScript's Date reads: ISO 8601, "
                "`March 15, 2026 2:30 PM`, `03/15/2026`, `Sun, 15 Mar 2026 14:30:00 GMT`. Without zone it is UTC.",
            ),
            Parameter(name="toDate", summary="Scheduled at this moment or earlier; the same forms."),
        ),
    ),
    Operation(
        name="update_post",
        method="PUT",
        path="/update-post/{postGroupId}",
        summary="Schedule a draft, move it in time, make it a draft again, or write it anew before it goes out.",
        docs="`warnings` say what will not go out to a platform as it stands.\n\n"
        + _FILES
        + " They are added to those "
        "that there are. A scheduled post stays scheduled; it is a draft while they are fetched, so that it does not go "
        "out half furnished. Where one is not got, all is as it was.\n\n" + _EXPIRY + " A moment alone is set "
        "whatever the status; null takes it back.",
        scope=Scope.PUBLISH,
        handler=update_post,
        body=reading.Change,
        body_docs=wire.Change,
        any_type=True,
        answer=wire.PostUpdated,
        errors=ONE,
        path_values=_GROUP_ID,
    ),
    Operation(
        name="delete_post",
        method="DELETE",
        path="/delete-post/{postGroupId}",
        summary="Delete a post group with its posts and files, whatever its status: all of it, or nothing.",
        docs="What is live on a platform stays live; the receipt keeps its id and link. Files are removed for certain, "
        "after the answer.",
        scope=Scope.DELETE,
        handler=delete_post,
        answer=wire.Success,
        errors=ONE,
        path_values=_GROUP_ID,
    ),
    Operation(
        name="get_upload_url",
        method="POST",
        path="/get-upload-url",
        summary="Attach a file to a post group, and get the address to PUT its bytes to.",
        docs="The post group must be yours: else 404.",
        scope=Scope.PUBLISH,
        handler=get_upload_url,
        body=reading.Upload,
        body_docs=wire.Upload,
        any_type=True,
        answer=wire.UploadUrl,
        errors=ONE,
    ),
    Operation(
        name="attach_media",
        method="POST",
        path="/attach-media/{postGroupId}",
        summary="Have a file fetched from an address, and attached to a post group, which is a draft from then on.",
        docs="Public https addresses only. Images to 25 MB, videos to 150 MB; sixty files an hour. Where nothing good "
        "comes from the address, the group is as it was. With an Idempotency-Key a retry may bring a fresh "
        "`download_url` for the same `file_id` and name.",
        scope=Scope.PUBLISH,
        handler=attach_media,
        body=dict[str, Any],
        body_docs=wire.Attachment,
        any_type=True,
        same=reading.same_attachment,
        answer=wire.PostUpdated,
        errors=ONE,
        path_values=_GROUP_ID,
    ),
    Operation(
        name="complete_media",
        method="POST",
        path="/complete-media/{mediaFileId}",
        summary="Ask whether a file's bytes are here, and what they are.",
        docs="It is not needed: bytes are looked at as they arrive, and refused there where they are no good.",
        scope=Scope.PUBLISH,
        handler=complete_media,
        answer=wire.MediaCompleted,
        errors=ONE,
        path_values={"mediaFileId": "The `mediaId` that get-upload-url gave."},
    ),
    Operation(
        name="platform_connections",
        method="GET",
        path="/platform-connections",
        summary="List the linked accounts that take posts.",
        handler=platform_connections,
        answer=wire_connections.Connections,
        errors=ANY,
    ),
    Operation(
        name="test_connection",
        method="POST",
        path="/test-connection/{platformId}",
        summary="Ask the network whether a linked account can still be used.",
        scope=Scope.PUBLISH,
        handler=test_connection,
        answer=wire_connections.ConnectionTest,
        errors=ONE,
        path_values={
            "platformId": "The connection's id as platform-connections gives it, such as linkedin-Tz9W5i6ZYG."
        },
    ),
    Operation(
        name="post_logs",
        method="GET",
        path="/post-logs/{postGroupId}",
        summary="Read what happened to a post group on its way out: the first hundred entries, oldest first.",
        handler=post_logs,
        answer=wire_connections.Logs,
        errors=ONE,
        path_values=_GROUP_ID,
    ),
    Operation(
        name="platform_limits",
        method="GET",
        path="/platform-limits",
        summary="List what each platform takes: characters, images, videos.",
        handler=platform_limits,
        answer=wire_limits.Limits,
        errors=ANY,
    ),
    *WORKSPACE,
    *LINKEDIN,
)

_ALL = (*OPERATIONS, *webhooks.OPERATIONS)
_ABOUT_A_GROUP = {each.name for each in _ALL if "{postGroupId}" in each.path} | {"get_upload_url"}

DIALECT = Dialect(
    name="postpost",
    title="Postroom, as PostPost",
    docs="Post groups: written once, published on several platforms, deleted as one.\n\n"
    "A malformed post group id is answered with 500 and the operation's own sentence, as the vendor does.",
    base="/postpost",
    prefixes=("/api/v1", "/v1"),
    operations=_ALL,
    only={
        Kind.POST_GROUP: frozenset(_ABOUT_A_GROUP),
        Kind.WEBHOOK: frozenset(each.name for each in webhooks.OPERATIONS),
        Kind.PLATFORM_CONNECTION: frozenset({"update_post"}),
        Kind.PUBLISHING: frozenset({"update_post", "attach_media"}),
        Kind.VERSION: frozenset({"update_post"}),
        Kind.FETCH: frozenset({"create_post", "update_post", "attach_media"}),
    },
    authenticate=authenticate,
    failure=failure,
    failure_type=Error,
    security={
        "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
        "publora": {"type": "apiKey", "in": "header", "name": "x-publora-key"},
    },
    headers=(
        Parameter(name="x-postpost-user-id", place="header", summary="The managed user to act for."),
        Parameter(name="x-postpost-client", place="header", summary="Who is calling; `mcp` needs that entitlement."),
        Parameter(name="x-publora-user-id", place="header", summary="The same as `x-postpost-user-id`, from Publora."),
        Parameter(name="x-publora-client", place="header", summary="The same as `x-postpost-client`, from Publora."),
    ),
)


def dialect(services: Services, *, body_limit_bytes: int = 1 << 20) -> Application:
    """PostPost as an ASGI application. It looks at the whole path, `/postpost` included."""
    return served(DIALECT, services, body_limit_bytes)
