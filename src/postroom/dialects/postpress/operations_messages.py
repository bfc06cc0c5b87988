"""PostPress's messages: read, sent, edited, reacted to, forwarded, taken back, and their files."""

from postroom.dialects.operation import Operation, Streamed
from postroom.dialects.postpress import rows, sending, wire
from postroom.dialects.request import Request
from postroom.domain.access import Scope
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


async def send_message(services: Services, request: Request) -> sending.MessageSent:
    body: sending.SendMessage = request.body
    sending.check(body)
    sent = await services.messages.send(
        request.caller,
        request.path["chat_id"],
        body.text or "",
        account_id=body.account_id or None,
        quote_id=body.quote_id or None,
        files=sending.files(body),
        typing=sending.typing_seconds(body),
    )
    return sending.MessageSent(message_id=sent.id)


async def edit_message(services: Services, request: Request) -> sending.MessageEdited:
    body: sending.EditMessage = request.body
    edited = await services.messages.edit(request.caller, request.path["message_id"], body.text)
    return sending.MessageEdited(message_id=edited.id)


async def add_reaction(services: Services, request: Request) -> sending.MessageReactionAdded:
    body: sending.AddReaction = request.body
    await services.messages.react(request.caller, request.path["message_id"], body.reaction)
    return sending.MessageReactionAdded(success=True)


async def forward_message(services: Services, request: Request) -> sending.MessageForwarded:
    body: sending.ForwardMessage = request.body
    sent = await services.messages.forward(request.caller, request.path["message_id"], body.chat_id)
    return sending.MessageForwarded(message_id=sent.id)


async def get_attachment(services: Services, request: Request) -> Streamed:
    message_id, attachment_id = request.path["message_id"], request.path["attachment_id"]
    _, file = await services.messages.open_attachment(request.caller, message_id, attachment_id)
    return Streamed(content_type=file.content_type, size_bytes=file.size_bytes, chunks=file.chunks)


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
        name="edit_message",
        method="PATCH",
        path="/messages/{message_id}",
        summary="Give a message of yours another text, for everyone.",
        docs="Within the network's window: 60 minutes at LinkedIn. The name of the answer's object is ours: the vendor "
        "publishes none.",
        scope=Scope.SEND,
        handler=edit_message,
        body=sending.EditMessage,
        answer=sending.MessageEdited,
        errors=rows.ACT,
        path_values=rows.MESSAGE_ID,
    ),
    Operation(
        name="add_reaction",
        method="POST",
        path="/messages/{message_id}/reaction",
        summary="React to a message with an emoji.",
        docs="A new reaction takes the place of your earlier one where the network has it so.",
        scope=Scope.SEND,
        handler=add_reaction,
        body=sending.AddReaction,
        answer=sending.MessageReactionAdded,
        errors=rows.ACT,
        path_values=rows.MESSAGE_ID,
    ),
    Operation(
        name="forward_message",
        method="POST",
        path="/messages/{message_id}/forward",
        summary="Send a message of one chat to another one.",
        scope=Scope.SEND,
        handler=forward_message,
        body=sending.ForwardMessage,
        answer=sending.MessageForwarded,
        errors=rows.ACT,
        path_values=rows.MESSAGE_ID,
    ),
    Operation(
        name="get_attachment",
        method="GET",
        path="/messages/{message_id}/attachments/{attachment_id}",
        summary="Get the bytes of a message's file, from the network.",
        handler=get_attachment,
        answer=bytes,
        errors=rows.ONE | {422},
        path_values={**rows.MESSAGE_ID, "attachment_id": "The `id` among the message's attachments."},
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
        summary="Send a text and files to a chat.",
        docs="Files come in a form: `attachments`, repeated; `voice_message`; `video_message`. 504: it may have gone out; "
        "it then shows up by itself, and is never sent again by us. Use an Idempotency-Key to ask again safely.",
        scope=Scope.SEND,
        handler=send_message,
        body=sending.SendMessage,
        form=True,
        files=True,
        answer=sending.MessageSent,
        status=201,
        errors=rows.SEND,
        path_values=rows.CHAT_ID,
    ),
)
