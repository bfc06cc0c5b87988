"""PostPost's managed users: whom a workspace acts for, their keys, and the pages at which they link accounts.

Source: PostPost "Workspace / B2B API" (March 2026).
"""

from postroom.dialects.operation import Operation
from postroom.dialects.postpost import wire_workspace as wire
from postroom.dialects.postpost.errors import ANY, ONE
from postroom.dialects.request import Request
from postroom.domain.access import Scope
from postroom.services.house import Services


async def list_workspace_users(services: Services, request: Request) -> wire.Users:
    found = await services.access.list_managed_users(request.caller)
    # The address of a page lets one link: a key that may not link does not see it.
    may_link = Scope.LINK in request.caller.scopes
    return wire.Users(users=[wire.user(each, services.managed_users.page_url(each), shown=may_link) for each in found])


async def create_workspace_user(services: Services, request: Request) -> wire.UserCreated:
    services.access.require_owner(request.caller)
    name, display_name = wire.names(request.body)
    made = await services.access.add_managed_user(request.caller, name, display_name)
    return wire.UserCreated(user=wire.user(made, services.managed_users.page_url(made)))


async def detach_workspace_user(services: Services, request: Request) -> wire.Detached:
    services.access.require_owner(request.caller)
    await services.access.detach_managed_user(request.caller, wire.user_id(request.path["userId"]))
    return wire.Detached()


async def create_user_api_key(services: Services, request: Request) -> wire.UserKey:
    services.access.require_owner(request.caller)
    user_id = wire.user_id(request.path["userId"])
    return wire.UserKey(api_key=await services.managed_users.issue_key(request.caller, user_id), user_id=user_id)


async def create_connection_url(services: Services, request: Request) -> wire.ConnectionUrl:
    services.access.require_owner(request.caller)
    user_id = wire.user_id(request.path["userId"])
    lives, rotate = wire.page(request.body)
    user = await services.managed_users.page(request.caller, user_id, lives, rotate=rotate)
    return wire.connection_url(user, services.managed_users.page_url(user))


_USER_ID = {"userId": "The managed user's id: 24 hexadecimal digits."}

WORKSPACE = (
    Operation(
        name="list_workspace_users",
        method="GET",
        path="/workspace/users",
        summary="List the users that the workspace acts for.",
        docs="`connectionsPageUrl` is shown to keys that may link accounts.",
        handler=list_workspace_users,
        answer=wire.Users,
        errors=ANY,
    ),
    Operation(
        name="create_workspace_user",
        method="POST",
        path="/workspace/users",
        summary="Add a user for the workspace to act for.",
        docs="The name of a user who was detached brings that user back, with the accounts and posts that they had.",
        scope=Scope.LINK,
        handler=create_workspace_user,
        body=wire.NewUser,
        body_docs=wire.NewUserDocs,
        any_type=True,
        answer=wire.UserCreated,
        status=201,
        errors=ANY | {409},
    ),
    Operation(
        name="detach_workspace_user",
        method="DELETE",
        path="/workspace/users/{userId}",
        summary="Act for a user no more.",
        docs="Their keys and their page end at once. Their record, accounts and posts stay.",
        scope=Scope.LINK,
        handler=detach_workspace_user,
        answer=wire.Detached,
        errors=ONE,
        path_values=_USER_ID,
    ),
    Operation(
        name="create_user_api_key",
        method="POST",
        path="/workspace/users/{userId}/api-key",
        summary="Make a user's own key anew. It is shown this once, and the one before ends.",
        docs="It may do what your key may, for that user alone. With an Idempotency-Key that came before, the answer has "
        "no key: it is stored nowhere.",
        scope=Scope.LINK,
        handler=create_user_api_key,
        answer=wire.UserKey,
        keep=wire.without_key,
        errors=ONE,
        path_values=_USER_ID,
    ),
    Operation(
        name="create_connection_url",
        method="POST",
        path="/workspace/users/{userId}/connection-url",
        summary="Get the address of a page at which a user links accounts without a key.",
        docs="The address that was given out before, while it lives; a fresh one with `rotate`. With an Idempotency-Key "
        "that came before, the answer has no address: ask again without one.",
        scope=Scope.LINK,
        handler=create_connection_url,
        body=wire.NewPage,
        body_docs=wire.NewPageDocs,
        any_type=True,
        answer=wire.ConnectionUrl,
        keep=wire.without_url,
        errors=ONE,
        path_values=_USER_ID,
    ),
)
