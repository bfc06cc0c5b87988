"""PostPress's accounts: linked, step by step where the network asks, read, restarted, unlinked."""

from postroom.dialects.operation import Operation, Parameter
from postroom.dialects.postpress import linking, mailbox, rows
from postroom.dialects.request import Request
from postroom.domain.access import Scope
from postroom.domain.accounts import Account
from postroom.errors import InvalidParameters, Kind, NotFound
from postroom.services.house import Services


async def list_accounts(services: Services, request: Request) -> mailbox.AccountList:
    limit = request.integer("limit", rows.USUAL, 1, rows.MOST)
    return mailbox.account_list(
        await services.accounts.list(request.caller, cursor=request.text("cursor"), limit=limit)
    )


async def retrieve_account(services: Services, request: Request) -> mailbox.Account:
    return mailbox.account(await _account(services, request))


async def connect_account(services: Services, request: Request) -> linking.Taken:
    way = linking.way(request.body, services.accounts.login_flows())
    return linking.taken(
        *await services.accounts.start_link(
            request.caller, way.provider, way.flow, way.answers or None, proxy=way.proxy
        )
    )


async def reconnect_account(services: Services, request: Request) -> linking.Taken:
    account = await _account(services, request)
    way = linking.way(request.body, services.accounts.login_flows())
    if way.provider != account.provider:
        raise InvalidParameters(f"The account is one of {mailbox.TYPES[account.provider]}.", kind=Kind.ACCOUNT)
    return linking.taken(
        *await services.accounts.relink(request.caller, account.id, way.flow, way.answers or None, proxy=way.proxy)
    )


async def solve_checkpoint(services: Services, request: Request) -> linking.Taken:
    body: linking.SolveCheckpoint = request.body
    return linking.taken(*await services.accounts.answer_link(request.caller, body.account_id, {"code": body.code}))


async def resend_checkpoint(services: Services, request: Request) -> linking.CheckpointResend:
    body: linking.ResendCheckpoint = request.body
    await services.accounts.resend_code(request.caller, body.account_id)
    return linking.CheckpointResend(account_id=body.account_id, success=True)


async def update_account(services: Services, request: Request) -> linking.AccountPatched:
    account = await _account(services, request)
    await services.accounts.set_proxy(request.caller, account.id, linking.changed_proxy(request.body))
    return linking.AccountPatched(account_id=account.id)


async def restart_account(services: Services, request: Request) -> linking.AccountRestarted:
    account = await _account(services, request)
    await services.accounts.restart(request.caller, account.id)
    return linking.AccountRestarted()


async def resync_account(services: Services, request: Request) -> linking.AccountResync:
    linking.check_product(request.text("linkedin_product"))
    progress = await services.resyncs.resync(
        request.caller,
        request.path["account_id"],
        before=request.integer("before", 0, 0, 1 << 53) or None,
        after=request.integer("after", 0, 0, 1 << 53) or None,
        chunk_chats=request.integer("chunk_size", 0, 1, 10_000) or None,
    )
    return linking.AccountResync(status=linking.SYNC_STATES[progress.state])


async def delete_account(services: Services, request: Request) -> mailbox.AccountDeleted:
    await services.accounts.unlink(request.caller, request.path["id"])
    return mailbox.AccountDeleted()


async def create_hosted_link(services: Services, request: Request) -> linking.HostedAuthUrl:
    body: linking.CreateHostedLink = request.body
    url = await services.hosted_links.create(
        request.caller,
        linking.offered(body, services.accounts.login_flows()),
        linking.expiry(body),
        linking.wish(body),
        relinks=linking.relinked(body),
    )
    return linking.HostedAuthUrl(url=url)


async def _account(services: Services, request: Request) -> Account:
    account = await services.accounts.get(request.caller, request.path["id"])
    if account.provider not in mailbox.TYPES:
        raise NotFound("PostPress has no such accounts; the native API shows it.", kind=Kind.ACCOUNT)
    return account


_ALSO = {linking.AccountReconnected: 201, linking.Checkpoint: 202}

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
        summary="Link an account.",
        docs="201: it is linked; one that was linked before keeps its id. 202: the network asks for more, and "
        "`account_id` is the one that the account will have. Solve the checkpoint within five minutes; a QR code and a "
        "yes in the network's own app are waited for here. Then 408 once, and 400. A proxy that wants a login and got none is "
        "a 407, one that refuses it a 401 `invalid_proxy_credentials`, one that leads nowhere a 502. LinkedIn's and "
        "WhatsApp's terms of use "
        "forbid automation: whoever links an account answers for it.",
        scope=Scope.LINK,
        handler=connect_account,
        body=linking.ConnectAccount,
        answer=linking.AccountCreated,
        also=_ALSO,
        status=201,
        errors=rows.CONNECT,
        keep=linking.kept,
    ),
    Operation(
        name="solve_checkpoint",
        method="POST",
        path="/accounts/checkpoint",
        summary="Answer a checkpoint with its code; a wrong one (401) may be tried again.",
        scope=Scope.LINK,
        handler=solve_checkpoint,
        body=linking.SolveCheckpoint,
        answer=linking.AccountCreated,
        also=_ALSO,
        status=201,
        errors=rows.CONNECT,
        keep=linking.kept,
    ),
    Operation(
        name="resend_checkpoint",
        method="POST",
        path="/accounts/checkpoint/resend",
        summary="Have the network send the code of a checkpoint once more.",
        scope=Scope.LINK,
        handler=resend_checkpoint,
        body=linking.ResendCheckpoint,
        answer=linking.CheckpointResend,
        errors=rows.CONNECT,
    ),
    Operation(
        name="reconnect_account",
        method="POST",
        path="/accounts/{id}",
        summary="Link an account again, with the body of its first time.",
        docs="As linking it; credentials of another account (401 wrong_account) change nothing.",
        scope=Scope.LINK,
        handler=reconnect_account,
        body=linking.ConnectAccount,
        answer=linking.AccountReconnected,
        also={linking.AccountCreated: 201, linking.Checkpoint: 202},
        status=201,
        errors=rows.RECONNECT,
        path_values=rows.ACCOUNT_ID,
        keep=linking.kept,
    ),
    Operation(
        name="update_account",
        method="PATCH",
        path="/accounts/{id}",
        summary="Give an account a proxy.",
        docs="The account goes out by it, and by nothing else, from then on; its connections are opened anew. `country` and "
        "`ip` alone are answered with 501: this server has no proxies of its own to choose from.",
        scope=Scope.LINK,
        handler=update_account,
        body=linking.UpdateAccount,
        answer=linking.AccountPatched,
        errors=rows.ACT,
        path_values=rows.ACCOUNT_ID,
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
    Operation(
        name="restart_account",
        method="POST",
        path="/accounts/{id}/restart",
        summary="Go on with an account that was stopped, and catch up with what happened meanwhile.",
        scope=Scope.LINK,
        handler=restart_account,
        answer=linking.AccountRestarted,
        errors=rows.ONE,
        path_values=rows.ACCOUNT_ID,
    ),
    Operation(
        name="resync_account",
        method="GET",
        path="/accounts/{account_id}/sync",
        summary="Read all chats of an account anew, or hear how far that is.",
        docs="The first call starts it, further ones tell how far it is. How it ended is told once; the call after that "
        "starts it again. After each chunk it waits to be asked again.",
        scope=Scope.LINK,
        handler=resync_account,
        answer=linking.AccountResync,
        errors=rows.LIST,
        path_values={"account_id": rows.ACCOUNT_ID["id"]},
        parameters=(
            Parameter(name="chunk_size", summary="After how many chats to wait.", kind=int),
            Parameter(name="partial", summary="Changes nothing: what is held already is not read twice.", kind=bool),
            Parameter(name="linkedin_product", summary="`classic`; the others are not here."),
            Parameter(name="before", summary="Only messages sent before this moment, in milliseconds.", kind=int),
            Parameter(name="after", summary="Only messages sent not before this one, in milliseconds.", kind=int),
        ),
    ),
    Operation(
        name="create_hosted_link",
        method="POST",
        path="/hosted/accounts/link",
        summary="Make a link to a page of ours, at which somebody links one account.",
        docs="It shows QR codes and asks for codes; it is used up by the account that was linked by it, and ends at "
        "`expiresOn`. `notify_url` is told `{status, account_id, name}`, with retries.",
        scope=Scope.LINK,
        handler=create_hosted_link,
        body=linking.CreateHostedLink,
        answer=linking.HostedAuthUrl,
        # The address has the token in it, which is the permission.
        keep=lambda _: linking.HostedAuthUrl(url=""),
        status=201,
        errors=rows.LIST | {501},
    ),
)
