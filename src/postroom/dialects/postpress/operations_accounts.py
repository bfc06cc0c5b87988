"""PostPress's accounts: linked, read, unlinked."""

from postroom.dialects.operation import Operation
from postroom.dialects.postpress import mailbox, rows
from postroom.dialects.request import Request
from postroom.domain.access import Scope
from postroom.errors import Kind, NotFound, NotImplementedHere
from postroom.services.house import Services


async def list_accounts(services: Services, request: Request) -> mailbox.AccountList:
    limit = request.integer("limit", rows.USUAL, 1, rows.MOST)
    return mailbox.account_list(
        await services.accounts.list(request.caller, cursor=request.text("cursor"), limit=limit)
    )


async def retrieve_account(services: Services, request: Request) -> mailbox.Account:
    account = await services.accounts.get(request.caller, request.path["id"])
    if account.provider not in mailbox.TYPES:
        raise NotFound("PostPress has no such accounts; the native API shows it.", kind=Kind.ACCOUNT)
    return mailbox.account(account)


async def connect_account(services: Services, request: Request) -> mailbox.AccountCreated:
    body: mailbox.ConnectAccount = request.body
    if body.provider != "LINKEDIN" or not body.access_token:
        raise NotImplementedHere("Linked here is LINKEDIN, by access_token; for others see the native API.")
    account = await services.accounts.link(request.caller, "linkedin", "cookie", mailbox.cookies(body))
    return mailbox.AccountCreated(account_id=account.id)


async def delete_account(services: Services, request: Request) -> mailbox.AccountDeleted:
    await services.accounts.unlink(request.caller, request.path["id"])
    return mailbox.AccountDeleted()


OPERATIONS = (
    Operation(
        name="list_accounts",
        method="GET",
        path="/accounts",
        summary="List linked accounts of the networks that PostPress has a type for.",
        handler=list_accounts,
        answer=mailbox.AccountList,
        errors=rows.LIST,
        parameters=rows.PAGE,
    ),
    Operation(
        name="retrieve_account",
        method="GET",
        path="/accounts/{id}",
        summary="Retrieve an account.",
        handler=retrieve_account,
        answer=mailbox.Account,
        errors=rows.ONE,
        path_values=rows.ACCOUNT_ID,
    ),
    Operation(
        name="connect_account",
        method="POST",
        path="/accounts",
        summary="Link a LinkedIn account by its session cookie.",
        docs="Linking the same account again reconnects it and keeps its id. Logging in by password, and other "
        "networks, are 501 here. LinkedIn's terms of use forbid automation: whoever links an account answers for it.",
        scope=Scope.LINK,
        handler=connect_account,
        body=mailbox.ConnectAccount,
        answer=mailbox.AccountCreated,
        status=201,
        errors=rows.CONNECT,
    ),
    Operation(
        name="delete_account",
        method="DELETE",
        path="/accounts/{id}",
        summary="Unlink an account, and destroy the key of everything that was held of it.",
        scope=Scope.DELETE,
        handler=delete_account,
        answer=mailbox.AccountDeleted,
        errors=rows.UNLINK,
        path_values=rows.ACCOUNT_ID,
    ),
)
