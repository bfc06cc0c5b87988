"""Our own API: what none of the hosted ones covers. Keys, linking, capabilities, receipts, events, health."""

import msgspec

from postroom.dialects.native import (
    chats,
    deferrals,
    deletions,
    deliveries,
    library,
    linking,
    lives,
    messages,
    messaging,
    people,
    posts,
    proxies,
    receipts,
    takedowns,
    webhooks,
    wire,
    wire_accounts,
)
from postroom.dialects.native.errors import Problem, failure
from postroom.dialects.openapi import served
from postroom.dialects.operation import Answer, Application, Dialect, Operation, Parameter
from postroom.dialects.request import Request
from postroom.domain.access import Caller, DeleteBudget, Scope
from postroom.errors import InvalidParameters
from postroom.services.house import Services

MOST = 250
LONGEST_WAIT_SECONDS = 30
_HIGHEST_POSITION = 2**53
_LOOPBACK = ("127.0.0.1", "::1")
_LONGEST_NAME = 200

_COMMON = frozenset({400, 401, 403, 500, 503})
_ONE = _COMMON | {404}
_BODY = _COMMON | {413, 415}
_NETWORK = _BODY | {404, 409, 422, 501, 502, 504}


async def authenticate(services: Services, request: Request) -> Caller:
    """`Authorization: Bearer`, or `X-API-KEY`."""
    return await services.access.resolve(request.bearer or request.header(b"x-api-key"))


async def list_keys(services: Services, request: Request) -> wire.Keys:
    return wire.Keys(items=[wire.key(each) for each in await services.access.list_keys(request.caller)])


async def create_key(services: Services, request: Request) -> wire.Key:
    body: wire.NewKey = request.body
    _check_name(body.name)
    scopes = None if body.scopes is None else frozenset(body.scopes)
    budget = DeleteBudget(per_hour=body.deletes_per_hour, per_day=body.deletes_per_day)
    key, secret = await services.access.create_key(
        request.caller, body.name, scopes, body.managed_user_id, budget=budget
    )
    return wire.key(key, secret)


async def revoke_key(services: Services, request: Request) -> wire.Done:
    await services.access.revoke_key(request.caller, request.path["id"])
    return wire.Done(id=request.path["id"], done="revoked")


async def get_workspace(services: Services, request: Request) -> wire.Workspace:
    return wire.workspace(request.caller)


async def list_managed_users(services: Services, request: Request) -> wire.ManagedUsers:
    found = await services.access.list_managed_users(request.caller)
    return wire.ManagedUsers(items=[wire.managed_user(each) for each in found])


async def create_managed_user(services: Services, request: Request) -> wire.ManagedUser:
    body: wire.NewManagedUser = request.body
    _check_name(body.username)
    return wire.managed_user(await services.access.add_managed_user(request.caller, body.username, body.display_name))


async def list_capabilities(services: Services, request: Request) -> wire_accounts.Networks:
    return wire_accounts.networks(services.accounts.capabilities(), services.accounts.login_flows())


async def start_link(services: Services, request: Request) -> wire_accounts.Link:
    body: wire_accounts.NewLink = request.body
    proxy = None if body.proxy is None else wire_accounts.given_proxy(body.proxy)
    return wire_accounts.link(
        *await services.accounts.start_link(request.caller, body.provider, body.flow, proxy=proxy)
    )


async def answer_link(services: Services, request: Request) -> wire_accounts.Link:
    body: wire_accounts.Answers = request.body
    return wire_accounts.link(*await services.accounts.answer_link(request.caller, request.path["id"], body.answers))


async def list_accounts(services: Services, request: Request) -> wire_accounts.Accounts:
    found = await services.accounts.list(
        request.caller,
        provider=request.text("provider"),
        cursor=request.text("cursor"),
        limit=request.integer("limit", 100, 1, MOST),
    )
    return wire_accounts.accounts(found)


async def get_account(services: Services, request: Request) -> wire_accounts.Account:
    return wire_accounts.account(await services.accounts.get(request.caller, request.path["id"]))


async def unlink_account(services: Services, request: Request) -> wire.Done:
    await services.accounts.unlink(request.caller, request.path["id"])
    return wire.Done(id=request.path["id"], done="unlinked")


async def sync_account(services: Services, request: Request) -> wire.Done:
    await services.accounts.sync(request.caller, request.path["id"])
    return wire.Done(id=request.path["id"], done="queued")


async def list_events(services: Services, request: Request) -> wire.Events:
    caller = request.caller
    after = request.integer("after", 0, 0, _HIGHEST_POSITION)
    limit = request.integer("limit", 100, 1, MOST)
    wait = request.integer("wait_seconds", 0, 0, LONGEST_WAIT_SECONDS)
    found = await services.events.follow(caller, after, limit, wait)
    return wire.events(await services.events.join(caller.workspace_id, found), after)


async def get_events_position(services: Services, request: Request) -> wire.Position:
    return wire.Position(position=await services.events.newest(request.caller))


async def health(services: Services, request: Request) -> Answer:
    ready = await services.health.ready()
    found = wire.Health(status="ok" if ready else "failing")
    return Answer(200 if ready else 503, msgspec.json.encode(found))


async def metrics(services: Services, request: Request) -> Answer:
    client = request.scope.get("client")
    forwarded = request.header(b"x-forwarded-for", b"forwarded") is not None
    if client is None or client[0] not in _LOOPBACK or forwarded:
        services.access.require(await authenticate(services, request), Scope.ADMIN)
    return Answer(200, (await services.health.metrics()).encode(), b"text/plain; version=0.0.4; charset=utf-8")


def _check_name(name: str) -> None:
    if not name.strip() or len(name) > _LONGEST_NAME:
        raise InvalidParameters(f"A name has 1 to {_LONGEST_NAME} characters.")


_PAGE = (
    Parameter(name="cursor", summary="Where the page before ended."),
    Parameter(name="limit", summary=f"How many at most: 1 to {MOST}, 100 if not said.", kind=int),
)
_KEY_ID = {"id": "The key's id, such as `key_01HXYZ4QK3WJ8FN3M6QH7TZ8GR`."}
_LINK_ID = {"id": "The attempt's id."}
_ACCOUNT_ID = {"id": "The account's id, such as `acc_01HXYZ4QK3WJ8FN3M6QH7TZ8GR`."}

OPERATIONS = (
    Operation(
        name="list_keys",
        method="GET",
        path="/keys",
        summary="List the workspace's keys, without their secrets.",
        scope=Scope.ADMIN,
        handler=list_keys,
        answer=wire.Keys,
        errors=_COMMON,
    ),
    Operation(
        name="create_key",
        method="POST",
        path="/keys",
        summary="Make a key. Its secret is shown this once.",
        docs="With an Idempotency-Key that came before, the answer has no secret: it is stored nowhere.",
        scope=Scope.ADMIN,
        handler=create_key,
        body=wire.NewKey,
        answer=wire.Key,
        keep=wire.without_secret,
        status=201,
        errors=_BODY | {404},
    ),
    Operation(
        name="revoke_key",
        method="DELETE",
        path="/keys/{id}",
        summary="End a key for good.",
        scope=Scope.ADMIN,
        handler=revoke_key,
        answer=wire.Done,
        errors=_ONE,
        path_values=_KEY_ID,
    ),
    Operation(
        name="get_workspace",
        method="GET",
        path="/workspace",
        summary="Get the key's workspace.",
        handler=get_workspace,
        answer=wire.Workspace,
        errors=_COMMON,
    ),
    Operation(
        name="list_managed_users",
        method="GET",
        path="/managed-users",
        summary="List the users that the workspace acts for.",
        scope=Scope.ADMIN,
        handler=list_managed_users,
        answer=wire.ManagedUsers,
        errors=_COMMON,
    ),
    Operation(
        name="create_managed_user",
        method="POST",
        path="/managed-users",
        summary="Add a user for the workspace to act for.",
        scope=Scope.ADMIN,
        handler=create_managed_user,
        body=wire.NewManagedUser,
        answer=wire.ManagedUser,
        status=201,
        errors=_BODY,
    ),
    Operation(
        name="list_capabilities",
        method="GET",
        path="/capabilities",
        summary="List what each network can do here, with its limits and the ways to link an account.",
        handler=list_capabilities,
        answer=wire_accounts.Networks,
        errors=_COMMON,
    ),
    Operation(
        name="start_link",
        method="POST",
        path="/links",
        summary="Begin to link an account: what is its owner asked first?",
        scope=Scope.LINK,
        handler=start_link,
        body=wire_accounts.NewLink,
        answer=wire_accounts.Link,
        keep=wire_accounts.without_code,
        status=201,
        errors=_NETWORK,
    ),
    Operation(
        name="answer_link",
        method="POST",
        path="/links/{id}",
        summary="Answer the last step, until it is `linked`.",
        scope=Scope.LINK,
        handler=answer_link,
        body=wire_accounts.Answers,
        answer=wire_accounts.Link,
        keep=wire_accounts.without_code,
        errors=_NETWORK,
        path_values=_LINK_ID,
    ),
    Operation(
        name="list_accounts",
        method="GET",
        path="/accounts",
        summary="List linked accounts of all networks.",
        handler=list_accounts,
        answer=wire_accounts.Accounts,
        errors=_COMMON,
        parameters=(*_PAGE, Parameter(name="provider", summary="Only accounts of this network, such as bluesky.")),
    ),
    Operation(
        name="get_account",
        method="GET",
        path="/accounts/{id}",
        summary="Get an account.",
        handler=get_account,
        answer=wire_accounts.Account,
        errors=_ONE,
        path_values=_ACCOUNT_ID,
    ),
    Operation(
        name="unlink_account",
        method="DELETE",
        path="/accounts/{id}",
        summary="Unlink an account, and destroy the key of everything that was held of it.",
        scope=Scope.DELETE,
        handler=unlink_account,
        answer=wire.Done,
        errors=_ONE,
        path_values=_ACCOUNT_ID,
    ),
    Operation(
        name="sync_account",
        method="POST",
        path="/accounts/{id}/sync",
        summary="Have an account synced soon.",
        scope=Scope.LINK,
        handler=sync_account,
        answer=wire.Done,
        status=202,
        errors=_ONE,
        path_values=_ACCOUNT_ID,
    ),
    Operation(
        name="list_events",
        method="GET",
        path="/events",
        summary="Read the log of what happened, in order; the same path is a WebSocket.",
        docs="410 with code `cursor_too_old`: what happened after that position is kept no longer; `context.oldest` "
        "is where the log begins now.",
        handler=list_events,
        answer=wire.Events,
        errors=_COMMON | {410},
        parameters=(
            Parameter(name="after", summary="The position of the last event that you have; 0 is the start.", kind=int),
            Parameter(name="limit", summary=f"How many at most: 1 to {MOST}, 100 if not said.", kind=int),
            Parameter(
                name="wait_seconds", summary=f"How long to wait for one, up to {LONGEST_WAIT_SECONDS}.", kind=int
            ),
        ),
    ),
    Operation(
        name="get_events_position",
        method="GET",
        path="/events/position",
        summary="Get the position after which only what is yet to happen follows.",
        handler=get_events_position,
        answer=wire.Position,
        errors=_COMMON,
    ),
    Operation(
        name="health",
        method="GET",
        path="/health",
        summary="Whether the server can do its work: 200, or 503.",
        scope=None,
        handler=health,
        answer=wire.Health,
        errors=frozenset({500, 503}),
    ),
    Operation(
        name="metrics",
        method="GET",
        path="/metrics",
        summary="Figures in Prometheus' text format, for this machine or a key that may administer.",
        scope=None,
        handler=metrics,
        answer=str,
        errors=frozenset({401, 403, 500, 503}),
    ),
)

DIALECT = Dialect(
    name="native",
    title="Postroom",
    docs="What the hosted APIs that Postroom speaks do not cover. Failures are problem details (RFC 9457).\n\n"
    "`/api/events?after=<position>` is also a WebSocket: send the key as a header, or as the first frame "
    '{"type": "auth", "token": "..."} within five seconds; every event is one JSON text.',
    base="/api",
    operations=(
        *OPERATIONS,
        *linking.OPERATIONS,
        *lives.OPERATIONS,
        *proxies.OPERATIONS,
        *chats.OPERATIONS,
        *people.OPERATIONS,
        *messaging.OPERATIONS,
        *messages.OPERATIONS,
        *deferrals.OPERATIONS,
        *deletions.OPERATIONS,
        *receipts.OPERATIONS,
        *posts.OPERATIONS,
        *library.OPERATIONS,
        *takedowns.OPERATIONS,
        *webhooks.OPERATIONS,
        *deliveries.OPERATIONS,
    ),
    authenticate=authenticate,
    failure=failure,
    failure_type=Problem,
    security={
        "bearer": {"type": "http", "scheme": "bearer"},
        "key": {"type": "apiKey", "in": "header", "name": "X-API-KEY"},
    },
)


def dialect(services: Services, *, body_limit_bytes: int = 1 << 20) -> Application:
    """Our own API as an ASGI application. It looks at the whole path, `/api` included."""
    return served(DIALECT, services, body_limit_bytes)
