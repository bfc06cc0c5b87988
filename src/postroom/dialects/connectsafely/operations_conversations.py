"""ConnectSafely's operations on conversations."""

import asyncio
from collections.abc import Sequence

from postroom.dialects.connectsafely import rows, wire, wire_accounts, wire_conversations
from postroom.dialects.operation import Operation, Parameter
from postroom.dialects.request import Request
from postroom.domain.access import Scope
from postroom.domain.accounts import Account
from postroom.domain.chats import Chat, ChatMark
from postroom.domain.pages import Listing
from postroom.services.house import Services


async def list_conversations(services: Services, request: Request) -> wire.Conversations:
    caller, held = request.caller, await rows.accounts_of(services, request.caller)
    place = wire_conversations.place_of(request.text("nextCursor"))
    if place is not None:
        accounts = wire.chosen(held, [place.account_id])
        listed = wire_conversations.from_network(*await services.refreshing.page(caller, place))
    else:
        accounts = wire.chosen(held, request.listed("linkedinAccountIds") or request.listed("accountId") or [])
        listed = wire_conversations.from_here(await _stored(services, request, accounts), accounts)
    newest, people = (
        await services.chats.latest(caller, listed.chats),
        await services.chats.people(caller, listed.chats),
    )
    return wire.conversations(listed, accounts, newest, people)


async def _stored(services: Services, request: Request, accounts: Sequence[Account]) -> Listing[Chat]:
    starred, none = wire_conversations.labels(request.text("labelId"), request.flag("labeledOnly"))
    return await services.chats.list(
        request.caller,
        account_ids=[] if none else [account.id for account in accounts],
        unread=request.flag("unreadOnly") or None,
        starred=starred,
        cursor=request.text("nextCursor"),
        limit=request.integer("count", 20, 1, rows.MOST),
    )


async def mark_conversation_unread(services: Services, request: Request) -> wire_conversations.Marked:
    return await _mark(services, request, ChatMark.READ, on=False)


async def star_conversation(services: Services, request: Request) -> wire_conversations.Marked:
    return await _mark(services, request, ChatMark.STARRED, on=True)


async def unstar_conversation(services: Services, request: Request) -> wire_conversations.Marked:
    return await _mark(services, request, ChatMark.STARRED, on=False)


async def _mark(services: Services, request: Request, mark: ChatMark, *, on: bool) -> wire_conversations.Marked:
    urn = request.path["conversationUrn"]
    chat = await rows.chat_of(services, request, urn)
    request.spend(chat.account_id)
    await services.chats.mark(request.caller, chat.id, mark, on=on)
    return wire_conversations.Marked(conversation_urn=wire.plain(urn))


async def sync_conversations(services: Services, request: Request) -> wire_accounts.SyncDone:
    body: wire_accounts.Sync = request.body
    account = await rows.account_of(services, request.caller, body.account_id)
    done = await services.refreshing.account(request.caller, account.id, full=body.force)
    return wire_accounts.sync_done(account, done)


async def get_sync_status(services: Services, request: Request) -> wire_accounts.SyncStatus:
    wanted = request.text("accountId")
    held = await rows.accounts_of(services, request.caller)
    accounts = wire.chosen(held, [wanted]) if wanted else held
    found = await asyncio.gather(*map(services.refreshing.held, accounts))
    return wire_accounts.sync_status(list(zip(accounts, found, strict=True)))


async def refresh_conversation(services: Services, request: Request) -> wire_conversations.Refreshed:
    body: wire_conversations.Refresh = request.body
    chat = await rows.chat_of(services, request, body.conversation_urn, body.account_id)
    await services.refreshing.chat(request.caller, chat.id)
    return wire_conversations.Refreshed(conversation_urn=wire.plain(body.conversation_urn), account_id=chat.account_id)


async def conversation_exists(services: Services, request: Request) -> wire_conversations.Exists:
    account = await rows.account_of(services, request.caller, request.text("accountId"))
    known = await services.people.known(request.caller, account.id, wire.bare_profile(request.path["profileId"]))
    return wire_conversations.exists(account, known)


OPERATIONS = (
    Operation(
        name="list_conversations",
        method="GET",
        path="/linkedin/conversations",
        summary="List conversations, most recently active first.",
        docs="They are listed from here (`fromCache`). While an account's first sync is not over, the last page leads on "
        "to LinkedIn itself: such a `nextCursor` begins with `linkedin:`.",
        handler=list_conversations,
        answer=wire.Conversations,
        errors=rows.PAGE,
        parameters=(
            rows.ACCOUNT_ID,
            Parameter(name="linkedinAccountIds", summary="Several accounts at once, ids separated by commas."),
            Parameter(name="count", summary=f"How many at most: 1 to {rows.MOST}, 20 if not said.", kind=int),
            Parameter(name="nextCursor", summary="Where the page before ended."),
            Parameter(name="unreadOnly", summary="Only those with unread messages.", kind=bool),
            Parameter(name="labelId", summary="Only those with this label: STARRED; no other is known here."),
            Parameter(name="labeledOnly", summary="Only those with any label: the starred ones.", kind=bool),
        ),
    ),
    *(
        Operation(
            name=name,
            method="PATCH",
            path=f"/linkedin/conversations/{{conversationUrn}}/{path}",
            summary=summary,
            docs="At LinkedIn first. The account is the one that holds the conversation.",
            scope=Scope.SEND,
            handler=handler,
            answer=wire_conversations.Marked,
            errors=rows.PAGE,
            path_values=rows.CONVERSATION,
        )
        for name, path, summary, handler in (
            ("mark_conversation_unread", "mark-unread", "Mark a conversation as unread.", mark_conversation_unread),
            ("star_conversation", "star", "Star a conversation.", star_conversation),
            ("unstar_conversation", "unstar", "Take a conversation's star away.", unstar_conversation),
        )
    ),
    Operation(
        name="sync_conversations",
        method="POST",
        path="/linkedin/conversations/sync",
        summary="Sync an account now, and wait for it for up to 8 seconds.",
        docs="Accounts are kept in step all the time; this is for those who do not want to wait. What takes longer goes on "
        "by itself, and `error` says so.",
        scope=Scope.LINK,
        handler=sync_conversations,
        body=wire_accounts.Sync,
        answer=wire_accounts.SyncDone,
        errors=rows.PAGE,
    ),
    Operation(
        name="get_sync_status",
        method="GET",
        path="/linkedin/conversations/sync/status",
        summary="How far accounts are in step with LinkedIn.",
        handler=get_sync_status,
        answer=wire_accounts.SyncStatus,
        errors=rows.PAGE,
        parameters=(Parameter(name="accountId", summary="One account; if not said, all of them."),),
    ),
    Operation(
        name="refresh_conversation",
        method="POST",
        path="/linkedin/conversations/refresh",
        summary="Ask LinkedIn for a conversation's newest messages; what is new is told over WebSocket.",
        scope=Scope.LINK,
        handler=refresh_conversation,
        body=wire_conversations.Refresh,
        answer=wire_conversations.Refreshed,
        errors=rows.PAGE,
    ),
    Operation(
        name="conversation_exists",
        method="GET",
        path="/linkedin/conversations/exists/{profileId}",
        summary="Whether there is a conversation with just this person, by LinkedIn's own word.",
        handler=conversation_exists,
        answer=wire_conversations.Exists,
        errors=rows.PAGE,
        path_values={"profileId": "The name in the address of the person's page, or LinkedIn's id of them."},
        parameters=(rows.ACCOUNT_ID,),
    ),
)
