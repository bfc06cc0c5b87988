"""What is done with messages and chats by our own API: edited, reacted to, forwarded, begun, marked."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from postroom.dialects.native import wire
from postroom.dialects.native.chats import shown_chat
from postroom.dialects.native.messages import shown
from postroom.dialects.operation import Operation, Streamed
from postroom.dialects.request import Request
from postroom.domain.access import Scope
from postroom.domain.chats import ChatMark
from postroom.domain.files import Upload
from postroom.errors import InvalidParameters, Kind
from postroom.services.house import Services

_ONE = frozenset({400, 401, 403, 404, 409, 422, 500, 501, 502, 503, 504})
_BODY = _ONE | {413, 415}


class File(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A file to send. `data` is base64; `voice`: a sound that is meant as a voice message."""

    name: str
    content_type: str
    data: str
    voice: bool = False


class NewChat(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A chat with its first message. `people`: the network's ids of the others; `title` and `subject` where it has them.

    `options`: what only this network knows.
    """

    account_id: str
    people: list[str]
    text: str = ""
    title: str | None = None
    subject: str | None = None
    files: list[File] = []
    options: dict[str, Any] = {}


class NewText(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    text: str


class NewReaction(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`on` false: take it back."""

    emoji: str
    on: bool = True


class Forwarding(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Where to."""

    chat_id: str


class Mark(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`mark`: read, archived, muted, pinned or starred; `on` false: not any more."""

    mark: ChatMark
    on: bool = True


class Typing(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    on: bool = True


async def begin_chat(services: Services, request: Request) -> wire.Message:
    body: NewChat = request.body
    more: Mapping[str, Any] = {"title": body.title, "subject": body.subject, "options": body.options}
    files = uploads(body.files)
    first = await services.chats.start(request.caller, body.account_id, body.people, body.text, files=files, **more)
    return await shown(services, request, first)


async def edit_message(services: Services, request: Request) -> wire.Message:
    body: NewText = request.body
    edited = await services.messages.edit(request.caller, request.path["id"], body.text)
    return await shown(services, request, edited)


async def react_to_message(services: Services, request: Request) -> wire.Message:
    body: NewReaction = request.body
    found = await services.messages.react(request.caller, request.path["id"], body.emoji, on=body.on)
    return await shown(services, request, found)


async def forward_message(services: Services, request: Request) -> wire.Message:
    body: Forwarding = request.body
    sent = await services.messages.forward(request.caller, request.path["id"], body.chat_id)
    return await shown(services, request, sent)


async def get_message_file(services: Services, request: Request) -> Streamed:
    id, file_id = request.path["id"], request.path["attachment_id"]
    _, file = await services.messages.open_attachment(request.caller, id, file_id)
    return Streamed(content_type=file.content_type, size_bytes=file.size_bytes, chunks=file.chunks)


async def mark_chat(services: Services, request: Request) -> wire.Chat:
    body: Mark = request.body
    marked = await services.chats.mark(request.caller, request.path["id"], body.mark, on=body.on)
    return await shown_chat(services, request, marked)


async def type_in_chat(services: Services, request: Request) -> wire.Done:
    body: Typing = request.body
    await services.chats.type(request.caller, request.path["id"], on=body.on)
    return wire.Done(id=request.path["id"], done="typing" if body.on else "paused")


def uploads(files: Sequence[File]) -> list[Upload]:
    try:
        return [
            Upload(
                name=each.name,
                content_type=each.content_type,
                data=base64.b64decode(each.data, validate=True),
                voice=each.voice,
            )
            for each in files
        ]
    except (binascii.Error, ValueError):
        raise InvalidParameters("A file's `data` is no base64.", kind=Kind.ATTACHMENT) from None


_MESSAGE_ID = {"id": "The message's id, such as `msg_01HXYZ4QK3WJ8FN3M6QH7TZ8GR`."}
_CHAT_ID = {"id": "The chat's id, such as `chat_01HXYZ4QK3WJ8FN3M6QH7TZ8GR`."}
_AGAIN = (
    "It is done at the network first; what is shown here changes once the network has accepted it. 504: it did not "
    "answer, and does not show the change so far. To ask again is safe."
)
ONCE = (
    "It is sent once. 504: the network did not answer, so it may have gone out; it then shows up by itself. Files are "
    "in the body, which has at most as many bytes as this server's setting `most_body_bytes` says."
)

OPERATIONS = (
    Operation(
        name="begin_chat",
        method="POST",
        path="/chats",
        summary="Begin a chat by its first message; one with just this person is gone on with.",
        docs=ONCE,
        scope=Scope.SEND,
        handler=begin_chat,
        body=NewChat,
        answer=wire.Message,
        keep=wire.without_words,
        status=201,
        errors=_BODY,
    ),
    Operation(
        name="edit_message",
        method="PATCH",
        path="/messages/{id}",
        summary="Give a message of one's own another text, for everyone.",
        docs=_AGAIN,
        scope=Scope.SEND,
        handler=edit_message,
        body=NewText,
        answer=wire.Message,
        keep=wire.without_words,
        errors=_BODY,
        path_values=_MESSAGE_ID,
    ),
    Operation(
        name="react_to_message",
        method="POST",
        path="/messages/{id}/reactions",
        summary="React to a message, or take a reaction back.",
        docs=_AGAIN,
        scope=Scope.SEND,
        handler=react_to_message,
        body=NewReaction,
        answer=wire.Message,
        keep=wire.without_words,
        errors=_BODY,
        path_values=_MESSAGE_ID,
    ),
    Operation(
        name="forward_message",
        method="POST",
        path="/messages/{id}/forward",
        summary="Send a message on to another chat of the same account.",
        docs=ONCE,
        scope=Scope.SEND,
        handler=forward_message,
        body=Forwarding,
        answer=wire.Message,
        keep=wire.without_words,
        status=201,
        errors=_BODY,
        path_values=_MESSAGE_ID,
    ),
    Operation(
        name="get_message_file",
        method="GET",
        path="/messages/{id}/attachments/{attachment_id}",
        summary="Get a file of a message, fetched from its network now: no file of a message is kept here.",
        handler=get_message_file,
        answer=bytes,
        errors=_ONE,
        path_values=_MESSAGE_ID | {"attachment_id": "The attachment's id, from the message's `files`."},
    ),
    Operation(
        name="mark_chat",
        method="POST",
        path="/chats/{id}/marks",
        summary="Mark a chat as read, archived, muted, pinned or starred, where its network has that.",
        docs=_AGAIN,
        scope=Scope.SEND,
        handler=mark_chat,
        body=Mark,
        answer=wire.Chat,
        keep=wire.without_name,
        errors=_BODY,
        path_values=_CHAT_ID,
    ),
    Operation(
        name="type_in_chat",
        method="POST",
        path="/chats/{id}/typing",
        summary="Let the others see that one is writing, or not any more.",
        scope=Scope.SEND,
        handler=type_in_chat,
        body=Typing,
        answer=wire.Done,
        errors=_BODY,
        path_values=_CHAT_ID,
    ),
)
