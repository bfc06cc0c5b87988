"""PostPress's messages: read, sent, taken back."""

from postroom.dialects.operation import Operation
from postroom.dialects.postpress import rows, wire
from postroom.dialects.request import Request
from postroom.domain.access import Scope
from postroom.errors import ErrorCode, InvalidParameters, Kind, NotImplementedHere
from postroom.services.house import Services


async def retrieve_message(services: Services, request: Request) -> wire.Message:
    return wire.message(*await services.messages.get_with_speakers(request.caller, request.path["message_id"]))


async def delete_message(services: Services, request: Request) -> wire.MessageDeleted:
    await services.recalls.recall(request.caller, request.path["message_id"])
    return wire.MessageDeleted()


async def list_messages(services: Services, request: Request) -> wire.MessageList:
    found = await services.messages.list(
        request.caller,
        chat_id=request.path.get("chat_id"),
        account_id=request.text("account_id"),
        sender_id=request.text("sender_id"),
        before=request.moment("before"),
        after=request.moment("after"),
        cursor=request.text("cursor"),
        limit=request.integer("limit", rows.USUAL, 1, rows.MOST),
    )
    return wire.message_list(found, await services.messages.speakers(request.caller, found.items))


async def send_message(services: Services, request: Request) -> wire.MessageSent:
    body: wire.SendMessage = request.body
    if body.attachments or body.voice_message or body.video_message:
        raise NotImplementedHere("This version sends text only; nothing was sent.")
    if not body.text:
        raise InvalidParameters("text is missing.", code=ErrorCode.MISSING_PARAMETERS, kind=Kind.CONTENT)
    chat_id = request.path["chat_id"]
    sent = await services.messages.send(
        request.caller, chat_id, body.text, account_id=body.account_id or None, quote_id=body.quote_id or None
    )
    return wire.MessageSent(message_id=sent.id)


OPERATIONS = (
    Operation(
        name="retrieve_message",
        method="GET",
        path="/messages/{message_id}",
        summary="Retrieve a message.",
        docs="A deleted message is a tombstone: `deleted` is 1, and nothing of its content is left.",
        handler=retrieve_message,
        answer=wire.Message,
        errors=rows.ONE,
        path_values=rows.MESSAGE_ID,
    ),
    Operation(
        name="delete_message",
        method="DELETE",
        path="/messages/{message_id}",
        summary="Take a message back at its network, then bury it here.",
        docs="LinkedIn: your own, within 60 minutes. Done means that the network accepted it; a second delete answers "
        "the same and calls nobody. 504: the network did not say; it is being read back, and asking again is safe.",
        scope=Scope.DELETE,
        handler=delete_message,
        answer=wire.MessageDeleted,
        errors=rows.ONE,
        path_values=rows.MESSAGE_ID,
    ),
    Operation(
        name="list_messages",
        method="GET",
        path="/messages",
        summary="List messages, newest first.",
        handler=list_messages,
        answer=wire.MessageList,
        errors=rows.LIST,
        parameters=(*rows.PAGE, *rows.TIMES, rows.SENDER, rows.ACCOUNT),
    ),
    Operation(
        name="list_chat_messages",
        method="GET",
        path="/chats/{chat_id}/messages",
        summary="List the messages of a chat, newest first.",
        handler=list_messages,
        answer=wire.MessageList,
        errors=rows.LIST,
        path_values=rows.CHAT_ID,
        parameters=(*rows.PAGE, *rows.TIMES, rows.SENDER),
    ),
    Operation(
        name="send_message",
        method="POST",
        path="/chats/{chat_id}/messages",
        summary="Send a text to a chat.",
        docs="504: it may have gone out; it then shows up by itself, and is never sent again by us. "
        "Use an Idempotency-Key to ask again safely.",
        scope=Scope.SEND,
        handler=send_message,
        body=wire.SendMessage,
        form=True,
        answer=wire.MessageSent,
        status=201,
        errors=rows.SEND,
        path_values=rows.CHAT_ID,
    ),
)
