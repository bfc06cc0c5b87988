"""Our own API: what becomes of an attempt to link, and linking again."""

import msgspec

from postroom.dialects.native import wire_accounts
from postroom.dialects.operation import Operation
from postroom.dialects.request import Request
from postroom.domain.access import Scope
from postroom.services.house import Services


class Relink(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`flow` is one of the network's, as capabilities list them; `answers` are those to its first step, where known.

    `proxy`: by this one from now on; without one it is linked by the one that it has.
    """

    flow: str
    answers: dict[str, str] | None = None
    proxy: wire_accounts.NewProxy | None = None


async def relink_account(services: Services, request: Request) -> wire_accounts.Link:
    body: Relink = request.body
    proxy = None if body.proxy is None else wire_accounts.given_proxy(body.proxy)
    return wire_accounts.link(
        *await services.accounts.relink(request.caller, request.path["id"], body.flow, body.answers, proxy=proxy)
    )


async def get_link(services: Services, request: Request) -> wire_accounts.Link:
    return wire_accounts.link(*await services.accounts.linking.standing(request.caller, request.path["id"]))


async def resend_code(services: Services, request: Request) -> wire_accounts.Link:
    return wire_accounts.link(*await services.accounts.resend_code(request.caller, request.path["id"]))


_ERRORS = frozenset({400, 401, 403, 404, 409, 422, 500, 501, 502, 503, 504})
_LINK_ID = {"id": "The attempt's id, as it was answered when it began, or the id of the account that it is to link."}

OPERATIONS = (
    Operation(
        name="relink_account",
        method="POST",
        path="/accounts/{id}/link",
        summary="Link an account again, step by step. Another person's credentials change nothing.",
        scope=Scope.LINK,
        handler=relink_account,
        body=Relink,
        answer=wire_accounts.Link,
        keep=wire_accounts.without_code,
        status=201,
        errors=_ERRORS | {413, 415},
        path_values={"id": "The account's id."},
    ),
    Operation(
        name="get_link",
        method="GET",
        path="/links/{id}",
        summary="Read what was asked last of the owner of an account that is being linked.",
        scope=Scope.LINK,
        handler=get_link,
        answer=wire_accounts.Link,
        errors=_ERRORS,
        path_values=_LINK_ID,
    ),
    Operation(
        name="resend_code",
        method="POST",
        path="/links/{id}/resend",
        summary="Have the network send the code of a checkpoint once more.",
        scope=Scope.LINK,
        handler=resend_code,
        answer=wire_accounts.Link,
        keep=wire_accounts.without_code,
        errors=_ERRORS,
        path_values=_LINK_ID,
    ),
)
