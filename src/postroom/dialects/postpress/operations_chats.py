"""PostPress's chats: listed, read, begun, marked."""

from postroom.dialects.operation import Operation, Parameter
from postroom.dialects.postpress import linking, mailbox, rows, sending, wire
from postroom.dialects.request import Request
from postroom.domain.access import Scope
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


async def start_chat(services: Services, request: Request) -> sending.ChatStarted:
    body: sending.StartChat = request.body
    first = await services.chats.start(
        request.caller,
        body.account_id,
        await services.attendees.provider_ids(request.caller, body.account_id, sending.people(body)),
        body.text or "",
        title=body.title or None,
        subject=body.subject or None,
        files=sending.files(body),
        options=body.linkedin,
    )
    return sending.ChatStarted(chat_id=first.chat_id, message_id=first.id)


async def update_chat(services: Services, request: Request) -> sending.ChatPatched:
    mark, on = sending.mark(request.body)
    await services.chats.mark(request.caller, request.path["chat_id"], mark, on=on)
    return sending.ChatPatched()


async def resync_chat(services: Services, request: Request) -> mailbox.ChatHistorySync:
    chat_id = request.path["chat_id"]
    progress = await services.resyncs.resync_chat(request.caller, chat_id)
    return mailbox.ChatHistorySync(chat_id=chat_id, status=linking.SYNC_STATES[progress.state])


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
            rows.ACCOUNTS,
            Parameter(name="account_type", summary="Only chats of this network, such as LINKEDIN."),
            Parameter(name="unread", summary="Only chats with unread messages, or only those without.", kind=bool),
        ),
    ),
    Operation(
        name="start_chat",
        method="POST",
        path="/chats",
        summary="Begin a chat by its first message; one with just this person is gone on with.",
        docs="`attendees_ids` are the network's ids, repeated in a form, or ours. 504: it may have begun; it then shows up "
        "by itself. Use an Idempotency-Key to ask again safely.",
        scope=Scope.SEND,
        handler=start_chat,
        body=sending.StartChat,
        form=True,
        files=True,
        answer=sending.ChatStarted,
        status=201,
        errors=rows.START,
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
    Operation(
        name="update_chat",
        method="PATCH",
        path="/chats/{chat_id}",
        summary="Mark a chat as read, archived, muted or pinned, or take that back; at the network first.",
        docs="Actions: `setReadStatus`, `setArchiveStatus`, `setMuteStatus`, `setPinnedStatus`, each with a `value` of true "
        "or false. Those for labels, participants and invitations are answered with 501.",
        scope=Scope.SEND,
        handler=update_chat,
        body=sending.UpdateChat,
        answer=sending.ChatPatched,
        errors=rows.ACT,
        path_values=rows.CHAT_ID,
    ),
    Operation(
        name="resync_chat",
        method="GET",
        path="/chats/{chat_id}/sync",
        summary="Read the history of a chat anew, or hear how far that is; as for an account.",
        scope=Scope.LINK,
        handler=resync_chat,
        answer=mailbox.ChatHistorySync,
        errors=rows.LIST,
        path_values=rows.CHAT_ID,
    ),
)
