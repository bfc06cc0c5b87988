"""What is sent through PostPress: bodies of messages and of chats that begin, as forms and as JSON.

Source: PostPress "Send a message", "Start a chat", "React", "Forward" and Unipile "Edit a message" (2026).
"""

import mimetypes
from collections.abc import Sequence
from typing import Any

import msgspec

from postroom.dialects.request import FormFile
from postroom.domain.chats import ChatMark
from postroom.domain.files import Upload
from postroom.errors import ErrorCode, InvalidParameters, Kind, NotImplementedHere, Unprocessable

MARKS = {
    "setReadStatus": ChatMark.READ,
    "setMuteStatus": ChatMark.MUTED,
    "setArchiveStatus": ChatMark.ARCHIVED,
    "setPinnedStatus": ChatMark.PINNED,
}
_NOT_HERE = ("setLabel", "addParticipant", "removeParticipant", "getInviteLink")


class _Files(msgspec.Struct, kw_only=True):
    """Files are parts of a form; in JSON there can be none."""

    attachments: Any = None
    voice_message: Any = None
    video_message: Any = None


class SendMessage(_Files, kw_only=True):
    """A text, files, or both. `account_id` guards: the chat must be one of that account."""

    text: str | None = None
    account_id: str | None = None
    quote_id: str | None = None
    thread_id: str | None = None
    """Slack's alone."""
    typing_duration: str | int | None = None
    """For how many milliseconds others see that you are writing, before it is sent."""


class StartChat(_Files, kw_only=True):
    """A chat with these people, and its first message. `recipients`: another spelling of `attendees_ids`."""

    account_id: str
    attendees_ids: list[str] | str | None = None
    recipients: list[str] | str | None = None
    text: str | None = None
    subject: str | None = None
    title: str | None = None
    linkedin: dict[str, Any] = {}


class EditMessage(msgspec.Struct, kw_only=True):
    text: str


class AddReaction(msgspec.Struct, kw_only=True):
    reaction: str


class ForwardMessage(msgspec.Struct, kw_only=True):
    chat_id: str


class UpdateChat(msgspec.Struct, kw_only=True):
    action: str
    value: bool | str | None = None


class MessageSent(msgspec.Struct, kw_only=True, tag_field="object", tag="MessageSent"):
    message_id: str | None


class MessageEdited(msgspec.Struct, kw_only=True, tag_field="object", tag="MessageEdited"):
    message_id: str


class MessageReactionAdded(msgspec.Struct, kw_only=True, tag_field="object", tag="MessageReactionAdded"):
    success: bool


class MessageForwarded(msgspec.Struct, kw_only=True, tag_field="object", tag="MessageForwarded"):
    message_id: str | None


class ChatStarted(msgspec.Struct, kw_only=True, tag_field="object", tag="ChatStarted"):
    chat_id: str | None
    message_id: str | None


class ChatPatched(msgspec.Struct, kw_only=True, tag_field="object", tag="ChatPatched"):
    """The network accepted it."""


def check(body: SendMessage) -> None:
    """Raises:
    Unprocessable: it is for a thread, which no network here has.
    """
    if body.thread_id:
        raise Unprocessable("Threads are Slack's; there is no such account here.", code=ErrorCode.INVALID_THREAD)


def files(body: SendMessage | StartChat) -> Sequence[Upload]:
    """The files of a form, those that are no attachments first.

    Raises:
        InvalidParameters: a field for files has something else.
    """
    found = []
    for given, voice in ((body.voice_message, True), (body.video_message, False), (body.attachments, False)):
        for each in given if isinstance(given, list) else [given]:
            if isinstance(each, FormFile):
                found.append(Upload(name=each.name, content_type=_type_of(each), data=each.data, voice=voice))
            elif each not in (None, ""):
                raise InvalidParameters("Files are sent as parts of a form (multipart/form-data).", kind=Kind.BODY)
    return found


def _type_of(file: FormFile) -> str:
    """Its content type; published clients send none with any file, and then the name says."""
    if file.content_type != "application/octet-stream":
        return file.content_type
    return mimetypes.guess_type(file.name)[0] or file.content_type


def typing_seconds(body: SendMessage) -> float | None:
    """For how long to show that somebody is writing.

    Raises:
        InvalidParameters: it is no number of milliseconds.
    """
    if body.typing_duration in (None, ""):
        return None
    text = str(body.typing_duration)
    if not text.isascii() or not text.isdecimal() or len(text) > 6:
        raise InvalidParameters("typing_duration is a number of milliseconds.")
    return int(text) / 1000


def people(body: StartChat) -> Sequence[str]:
    """With whom, in whichever of the spellings it came.

    Raises:
        InvalidParameters: nobody is named.
    """
    given = body.attendees_ids if body.attendees_ids else body.recipients
    if isinstance(given, str) and given.startswith("["):
        try:
            given = msgspec.json.decode(given, type=list[str])
        except msgspec.DecodeError:
            raise InvalidParameters("recipients is a list of ids.") from None
    named = [given] if isinstance(given, str) else given or []
    if not any(named):
        raise InvalidParameters("attendees_ids is missing.", code=ErrorCode.MISSING_PARAMETERS, kind=Kind.ATTENDEE)
    return named


def mark(body: UpdateChat) -> tuple[ChatMark, bool]:
    """What is to be said of a chat, and whether it is set or taken back.

    Raises:
        NotImplementedHere: it is an action that no network here has.
        InvalidParameters: (INVALID_ACTION) it is none; or its value is neither true nor false.
    """
    if body.action in _NOT_HERE:
        raise NotImplementedHere(f"{body.action} is not possible at the networks that this server has.")
    if body.action not in MARKS:
        known = ", ".join((*MARKS, *_NOT_HERE))
        raise InvalidParameters(f"The actions are: {known}.", code=ErrorCode.INVALID_ACTION)
    if not isinstance(body.value, bool):
        raise InvalidParameters("value must be true or false.")
    return MARKS[body.action], body.value
