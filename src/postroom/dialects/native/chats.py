"""Chats and messages of our own API, listed across accounts."""

import msgspec

from postroom.dialects.native import wire
from postroom.dialects.native.messages import CHAT_ID, DELETABLE, MOST, Messages, page
from postroom.dialects.operation import Operation, Parameter
from postroom.dialects.request import Request
from postroom.domain.chats import Chat
from postroom.services.house import Services

_LIST = frozenset({400, 401, 403, 500, 503})
_ONE = _LIST | {404}


class Chats(msgspec.Struct, kw_only=True):
    items: list[wire.Chat]
    cursor: str | None


async def list_chats(services: Services, request: Request) -> Chats:
    found = await services.chats.list(
        request.caller,
        account_ids=request.listed("account_id"),
        people=request.listed("person"),
        provider=request.text("provider"),
        unread=request.flag("unread"),
        starred=request.flag("starred"),
        before=request.moment("before"),
        after=request.moment("after"),
        cursor=request.text("cursor"),
        limit=request.integer("limit", 100, 1, MOST),
    )
    names = await services.chats.names(request.caller, found.items)
    return Chats(items=[wire.chat(each, names[each.id]) for each in found.items], cursor=found.next)


async def get_chat(services: Services, request: Request) -> wire.Chat:
    found, _ = await services.chats.get(request.caller, request.path["id"])
    return await shown_chat(services, request, found)


async def shown_chat(services: Services, request: Request, found: Chat) -> wire.Chat:
    """A chat by the name that people call it by."""
    names = await services.chats.names(request.caller, [found])
    return wire.chat(found, names[found.id])


async def list_messages(services: Services, request: Request) -> Messages:
    found = await services.messages.list(
        request.caller,
        account_id=request.text("account_id"),
        sender_id=request.text("person"),
        before=request.moment("before"),
        after=request.moment("after"),
        cursor=request.text("cursor"),
        limit=request.integer("limit", 100, 1, MOST),
    )
    return await page(services, request, found)


PAGE = (
    Parameter(name="cursor", summary="Where the page before ended; what else it asked for goes on."),
    Parameter(name="limit", summary=f"How many at most: 1 to {MOST}, 100 if not said.", kind=int),
)
_TIMES = (
    Parameter(name="before", summary="Only before this moment, such as 2026-05-17T09:42:11.000Z."),
    Parameter(name="after", summary="Only after this moment."),
)

OPERATIONS = (
    Operation(
        name="list_chats",
        method="GET",
        path="/chats",
        summary="List chats, most recently active first.",
        handler=list_chats,
        answer=Chats,
        errors=_LIST,
        parameters=(
            *PAGE,
            *_TIMES,
            Parameter(name="account_id", summary="Only of this account, or of these, separated by commas."),
            Parameter(name="provider", summary="Only of this network, such as linkedin."),
            Parameter(name="person", summary="Only chats of two with this person, by the network's id; or with these."),
            Parameter(name="unread", summary="Only with unread messages; false: only without.", kind=bool),
            Parameter(name="starred", summary="Only starred ones; false: only others.", kind=bool),
        ),
    ),
    Operation(
        name="get_chat",
        method="GET",
        path="/chats/{id}",
        summary="Get a chat.",
        handler=get_chat,
        answer=wire.Chat,
        errors=_ONE,
        path_values=CHAT_ID,
    ),
    Operation(
        name="list_messages",
        method="GET",
        path="/messages",
        summary="List messages of all chats, newest first.",
        docs=DELETABLE,
        handler=list_messages,
        answer=Messages,
        errors=_LIST,
        parameters=(
            *PAGE,
            *_TIMES,
            Parameter(name="account_id", summary="Only of this account's chats."),
            Parameter(name="person", summary="Only from this sender, by the network's id."),
        ),
    ),
)
