"""PostPress's chats."""

from postroom.dialects.operation import Operation, Parameter
from postroom.dialects.postpress import mailbox, rows, wire
from postroom.dialects.request import Request
from postroom.services.house import Services


async def list_chats(services: Services, request: Request) -> mailbox.ChatList:
    found = await services.chats.list(
        request.caller,
        account_ids=request.listed("account_id"),
        provider=(request.text("account_type") or "").lower() or None,
        unread=request.flag("unread"),
        before=request.moment("before"),
        after=request.moment("after"),
        cursor=request.text("cursor"),
        limit=request.integer("limit", rows.USUAL, 1, rows.MOST),
    )
    return mailbox.chat_list(found)


async def retrieve_chat(services: Services, request: Request) -> mailbox.Chat:
    chat, last = await services.chats.get(request.caller, request.path["chat_id"], request.text("account_id"))
    if last is None:
        return mailbox.chat(chat, None)
    return mailbox.chat(chat, wire.last_message(last, await services.messages.speakers(request.caller, [last])))


OPERATIONS = (
    Operation(
        name="list_chats",
        method="GET",
        path="/chats",
        summary="List chats, most recently active first.",
        handler=list_chats,
        answer=mailbox.ChatList,
        errors=rows.LIST,
        parameters=(
            *rows.PAGE,
            *rows.TIMES,
            Parameter(name="account_id", summary="Only chats of these accounts, ids separated by commas."),
            Parameter(name="account_type", summary="Only chats of this network, such as LINKEDIN."),
            Parameter(name="unread", summary="Only chats with unread messages, or only those without.", kind=bool),
        ),
    ),
    Operation(
        name="retrieve_chat",
        method="GET",
        path="/chats/{chat_id}",
        summary="Retrieve a chat, and its newest message that is not deleted.",
        handler=retrieve_chat,
        answer=mailbox.Chat,
        errors=rows.LIST,
        path_values={"chat_id": "The chat's id; with `account_id`, the network's id will do."},
        parameters=(Parameter(name="account_id", summary="Whose chat, where the path has the network's id."),),
    ),
)
