"""ConnectSafely's operations on accounts."""

from postroom.dialects.connectsafely import rows, wire, wire_accounts
from postroom.dialects.operation import Operation, Parameter
from postroom.dialects.request import Request
from postroom.services.house import Services


async def list_accounts(services: Services, request: Request) -> list[wire.Account]:
    return wire.accounts(await rows.accounts_of(services, request.caller), request.text("q"))


async def get_account_status(services: Services, request: Request) -> wire_accounts.Status:
    wanted = request.path.get("accountId") or request.text("accountId")
    return wire_accounts.status(await rows.account_of(services, request.caller, wanted))


async def get_account_premium(services: Services, request: Request) -> wire_accounts.Premium:
    account = await rows.account_of(services, request.caller, request.path["accountId"])
    return wire_accounts.premium(account, await services.people.me(request.caller, account.id))


async def get_account_quota(services: Services, request: Request) -> wire_accounts.Quota:
    account = await rows.account_of(services, request.caller, request.path["accountId"])
    return wire_accounts.quota(account, await services.outreach.starts(account))


OPERATIONS = (
    Operation(
        name="list_accounts",
        method="GET",
        path="/linkedin/accounts",
        summary="List the linked LinkedIn accounts.",
        handler=list_accounts,
        answer=list[wire.Account],
        errors=rows.PAGE,
        parameters=(Parameter(name="q", summary="Part of a name, an id, or a profile's address."),),
    ),
    Operation(
        name="get_default_account_status",
        method="GET",
        path="/linkedin/account/status",
        summary="Where an account stands.",
        handler=get_account_status,
        answer=wire_accounts.Status,
        errors=rows.PAGE,
        parameters=(rows.ACCOUNT_ID,),
    ),
    Operation(
        name="get_account_status",
        method="GET",
        path="/linkedin/account/{accountId}/status",
        summary="Where an account stands.",
        handler=get_account_status,
        answer=wire_accounts.Status,
        errors=rows.PAGE,
        path_values=rows.ACCOUNT,
    ),
    Operation(
        name="get_account_premium",
        method="GET",
        path="/linkedin/account/{accountId}/premium",
        summary="Whether the account pays for a plan of LinkedIn's. LinkedIn says no more: the rest is null.",
        handler=get_account_premium,
        answer=wire_accounts.Premium,
        errors=rows.PAGE,
        path_values=rows.ACCOUNT,
    ),
    Operation(
        name="get_account_quota",
        method="GET",
        path="/linkedin/account/{accountId}/quota",
        summary="What is left of the account's day: how many conversations it may begin.",
        handler=get_account_quota,
        answer=wire_accounts.Quota,
        errors=rows.PAGE,
        path_values=rows.ACCOUNT,
    ),
)
