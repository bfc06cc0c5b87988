"""The operations of PostPost: post groups and their media, with the x-api-key header.

Publora's clients send the same under other names: `x-publora-key`, `x-publora-user-id`, `x-publora-client`.
"""

from postroom.dialects.openapi import served
from postroom.dialects.operation import Application, Dialect, Operation, Parameter
from postroom.dialects.postpost import reading, webhooks, wire
from postroom.dialects.postpost.errors import Error, failure
from postroom.dialects.request import Request
from postroom.domain.access import Caller, Scope
from postroom.errors import InvalidParameters, Kind
from postroom.services.house import Services

_USER_HEADERS = (b"x-postpost-user-id", b"x-publora-user-id")

# What the pages list; 400, 401 and 403 come from the headers that every operation takes.
_ANY = frozenset({400, 401, 403, 500})
_ONE = _ANY | {404}


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
    body: reading.NewPost = request.body
    group = await services.posts.create(
        request.caller,
        content=reading.content(body),
        platforms=reading.platforms(body),
        scheduled_at=reading.scheduled_time(body.scheduled_time),
        platform_settings=reading.platform_settings(body),
    )
    return wire.PostCreated(post_group_id=group.id)


async def get_post(services: Services, request: Request) -> wire.PostGroup:
    return wire.post_group(await services.posts.get(request.caller, request.path["postGroupId"]))


async def list_posts(services: Services, request: Request) -> wire.PostList:
    wanted = reading.listing(request.query)
    found, total = await services.posts.list(request.caller, **wanted)
    return wire.post_list(found, total, wanted["page"], wanted["limit"], services.media.file_url)


async def update_post(services: Services, request: Request) -> wire.PostUpdated:
    status, moment = reading.change(request.body)
    group_id = request.path["postGroupId"]
    return wire.updated(await services.posts.update(request.caller, group_id, status=status, scheduled_at=moment))


async def delete_post(services: Services, request: Request) -> wire.Success:
    await services.posts.delete(request.caller, request.path["postGroupId"])
    return wire.Success()


async def get_upload_url(services: Services, request: Request) -> wire.UploadUrl:
    body: reading.Upload = request.body
    wanted = reading.upload(body)
    return wire.upload_url(await services.media.upload_address(request.caller, body.post_group_id, **wanted))


async def platform_connections(services: Services, request: Request) -> wire.Connections:
    found = await services.accounts.platform_accounts(request.caller)
    return wire.Connections(connections=[wire.connection(*each) for each in found])


_GROUP_ID = {"postGroupId": "The post group's id: 24 hexadecimal digits."}

OPERATIONS = (
    Operation(
        name="create_post",
        method="POST",
        path="/create-post",
        summary="Write a post for several platforms: a draft, or to go out at a time.",
        docs="A time without zone is UTC; one that has passed is now. A platform that is not linked is accepted, and "
        "fails when it is to be published.",
        scope=Scope.PUBLISH,
        handler=create_post,
        body=reading.NewPost,
        body_docs=wire.NewPost,
        any_type=True,
        answer=wire.PostCreated,
        errors=_ANY,
    ),
    Operation(
        name="get_post",
        method="GET",
        path="/get-post/{postGroupId}",
        summary="Get a post group's posts, one for each platform.",
        docs="`error.code` OUTCOME_UNKNOWN: it may be live, and nobody can tell; look there before posting it again.",
        handler=get_post,
        answer=wire.PostGroup,
        errors=_ONE,
        path_values=_GROUP_ID,
    ),
    Operation(
        name="list_posts",
        method="GET",
        path="/list-posts",
        summary="List post groups by pages.",
        handler=list_posts,
        answer=wire.PostList,
        errors=_ANY,
        parameters=(
            Parameter(name="page", summary="From 1; what is lower is 1.", kind=int),
            Parameter(name="limit", summary="1 to 100, 20 if not said.", kind=int),
            Parameter(name="status", summary="draft, scheduled, published, failed or partially_published."),
            Parameter(name="platform", summary="Only groups for this platform, such as bluesky."),
            Parameter(name="sortBy", summary="createdAt (if not said), updatedAt or scheduledTime."),
            Parameter(name="sortOrder", summary="asc or desc (if not said)."),
            Parameter(name="fromDate", summary="Scheduled at this moment or later."),
            Parameter(name="toDate", summary="Scheduled at this moment or earlier."),
        ),
    ),
    Operation(
        name="update_post",
        method="PUT",
        path="/update-post/{postGroupId}",
        summary="Schedule a draft, move it in time, or make it a draft again.",
        scope=Scope.PUBLISH,
        handler=update_post,
        body=reading.Change,
        body_docs=wire.Change,
        any_type=True,
        answer=wire.PostUpdated,
        errors=_ONE,
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
        errors=_ONE,
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
        errors=_ONE,
    ),
    Operation(
        name="platform_connections",
        method="GET",
        path="/platform-connections",
        summary="List the linked accounts that take posts.",
        handler=platform_connections,
        answer=wire.Connections,
        errors=_ANY,
    ),
)

DIALECT = Dialect(
    name="postpost",
    title="Postroom, as PostPost",
    docs="Post groups: written once, published on several platforms, deleted as one.\n\n"
    "A malformed post group id is answered with 500 and the operation's own sentence, as the vendor does.",
    base="/postpost",
    prefixes=("/api/v1", "/v1"),
    operations=(*OPERATIONS, *webhooks.OPERATIONS),
    authenticate=authenticate,
    failure=failure,
    failure_type=Error,
    security={"key": {"type": "apiKey", "in": "header", "name": "x-api-key"}},
    headers=(
        Parameter(name="x-postpost-user-id", place="header", summary="The managed user to act for."),
        Parameter(name="x-postpost-client", place="header", summary="Who is calling; `mcp` needs that entitlement."),
    ),
)


def dialect(services: Services, *, body_limit_bytes: int = 1 << 20) -> Application:
    """PostPost as an ASGI application. It looks at the whole path, `/postpost` included."""
    return served(DIALECT, services, body_limit_bytes)
