"""Our own API: the proxy by which alone an account goes out."""

from postroom.dialects.native import wire, wire_accounts
from postroom.dialects.operation import Operation
from postroom.dialects.request import Request
from postroom.domain.access import Scope
from postroom.services.house import Services

_ERRORS = frozenset({400, 401, 403, 404, 500, 503})
_ACCOUNT_ID = {"id": "The account's id, such as `acc_01HXYZ4QK3WJ8FN3M6QH7TZ8GR`."}


async def get_proxy(services: Services, request: Request) -> wire_accounts.ProxyOf:
    return wire_accounts.proxy_of(await services.accounts.proxy(request.caller, request.path["id"]))


async def set_proxy(services: Services, request: Request) -> wire_accounts.ProxyOf:
    proxy = wire_accounts.given_proxy(request.body)
    await services.accounts.set_proxy(request.caller, request.path["id"], proxy)
    return wire_accounts.proxy_of(proxy)


async def remove_proxy(services: Services, request: Request) -> wire.Done:
    await services.accounts.set_proxy(request.caller, request.path["id"], None)
    return wire.Done(id=request.path["id"], done="removed")


OPERATIONS = (
    Operation(
        name="get_proxy",
        method="GET",
        path="/accounts/{id}/proxy",
        summary="Get the proxy by which an account goes out, without its password; null: by the server's own address.",
        handler=get_proxy,
        answer=wire_accounts.ProxyOf,
        errors=_ERRORS,
        path_values=_ACCOUNT_ID,
    ),
    Operation(
        name="set_proxy",
        method="PUT",
        path="/accounts/{id}/proxy",
        summary="Have an account go out by a proxy, and by nothing else from then on.",
        docs="Its connections are opened anew through it. Whether it leads anywhere is seen when it is used: "
        "`status_detail` of the account then says `proxy_error` or `invalid_proxy_credentials`.",
        scope=Scope.LINK,
        handler=set_proxy,
        body=wire_accounts.NewProxy,
        answer=wire_accounts.ProxyOf,
        errors=_ERRORS | {413, 415, 422, 501},
        path_values=_ACCOUNT_ID,
    ),
    Operation(
        name="remove_proxy",
        method="DELETE",
        path="/accounts/{id}/proxy",
        summary="Have an account go out by the server's own address again.",
        scope=Scope.LINK,
        handler=remove_proxy,
        answer=wire.Done,
        errors=_ERRORS,
        path_values=_ACCOUNT_ID,
    ),
)
