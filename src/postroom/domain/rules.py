"""Pure decisions: what may be done with a message, whether a draft fits a network, when to try again."""

from collections.abc import Sequence
from datetime import timedelta

from postroom.clock import iso
from postroom.domain.capabilities import MIB, Capabilities, Publishing, Sending
from postroom.domain.chats import ChatMark, ChatRequest
from postroom.domain.messages import Message
from postroom.domain.remote import MessageFile
from postroom.domain.texts import full_emoji, text_length
from postroom.errors import ErrorCode, InvalidParameters, Kind, NotFound, NotSupported, Refused

_LONGEST_SECONDS = 2 * 86_400.0


def check_there(message: Message) -> None:
    """Raises:
    NotFound: the message was deleted; what is left of it takes nothing.
    """
    if message.is_tombstone:
        raise NotFound("The message was deleted. Nothing was changed.", kind=Kind.MESSAGE)


def check_edit(message: Message, text: str, capabilities: Capabilities, at_ms: int) -> None:
    """Whether asking the network to give this message another text makes sense now.

    Raises:
        NotSupported: the network has no editing.
        NotFound: it was deleted.
        Refused: someone else sent it, or the network's window has passed.
        InvalidParameters: the text is empty, or too long.

    Source: Unipile "Edit a message" (2026): LinkedIn within 60 minutes, WhatsApp within 15; checked 2026-11-21.
    """
    if capabilities.edit is None:
        raise NotSupported("This network has no editing of messages.")
    check_there(message)
    if not message.is_sender or message.is_event:
        raise Refused("Only the sender of a message can edit it; nothing was changed.", kind=Kind.NOT_OWN)
    window = capabilities.edit.window
    if window is not None:
        deadline = message.sent_at + window // timedelta(milliseconds=1)
        if at_ms > deadline:
            raise Refused(
                f"The message can no longer be edited: the deadline was {iso(deadline)}, "
                f"{window // timedelta(minutes=1)} minutes after it was sent. Nothing was changed.",
                kind=Kind.WINDOW_EXPIRED,
            )
    if capabilities.send is not None:
        check_text(text, capabilities.send, may_be_empty=bool(message.content.attachments))


def check_reaction(message: Message, emoji: str, capabilities: Capabilities) -> str:
    """The emoji as networks compare it, where the message can be given it.

    Raises:
        NotSupported: the network has no reactions.
        NotFound: the message was deleted.
        Refused: it is a notice, and no message.
        InvalidParameters: (kind REACTION) it is no emoji, or none of the network's.
    """
    if capabilities.react is None:
        raise NotSupported("This network has no reactions to messages.")
    check_there(message)
    if message.is_event:
        raise Refused("This is a notice; nobody can react to it. Nothing was changed.")
    full = full_emoji(emoji)
    if full is None:
        raise InvalidParameters("A reaction is one emoji.", kind=Kind.REACTION)
    if capabilities.react.emojis is not None and full not in capabilities.react.emojis:
        known = " ".join(sorted(capabilities.react.emojis))
        raise InvalidParameters(f"This network takes these reactions only: {known}", kind=Kind.REACTION)
    return full


def check_text(text: str, sending: Sending, *, may_be_empty: bool = False) -> None:
    """Raises:
    InvalidParameters: (kind CONTENT) the text is empty, though nothing goes with it, or too long for the network.
    """
    if not text.strip() and not may_be_empty:
        raise InvalidParameters("text is empty.", code=ErrorCode.MISSING_PARAMETERS, kind=Kind.CONTENT)
    if len(text) > sending.max_length:
        raise InvalidParameters(
            f"text is longer than {sending.max_length} characters.",
            code=ErrorCode.TOO_MANY_CHARACTERS,
            kind=Kind.CONTENT,
        )


def check_files(files: Sequence[MessageFile], sending: Sending) -> None:
    """Raises:
    InvalidParameters: (kind ATTACHMENT) the network takes no such file, or none so large, or not so many at once.
    """
    if len(files) > sending.max_attachments and sending.attachments:
        raise InvalidParameters(
            f"{len(files)} files; this network takes {sending.max_attachments} with one message.", kind=Kind.ATTACHMENT
        )
    for file in files:
        if file.kind not in sending.attachments:
            raise InvalidParameters(
                f"Files of kind {file.kind} ({file.content_type[:60]}) cannot be sent there.",
                code=ErrorCode.UNSUPPORTED_MEDIA_TYPE,
                kind=Kind.ATTACHMENT,
            )
        if not file.size_bytes:
            raise InvalidParameters("A file is empty.", kind=Kind.ATTACHMENT)
        if file.size_bytes > sending.max_attachment_bytes:
            raise InvalidParameters(
                f"A file has {file.size_bytes} bytes; the limit there is {sending.max_attachment_bytes / MIB:g} MiB.",
                code=ErrorCode.CONTENT_TOO_LARGE,
                kind=Kind.ATTACHMENT,
            )


def check_start(people: Sequence[str], title: str | None, capabilities: Capabilities) -> None:
    """Whether a chat can begin with these people.

    Raises:
        NotSupported: the network begins no chats from here, or none with several people.
        InvalidParameters: (kind ATTENDEE) nobody is named, or one twice; (kind TITLE) it cannot have that title.
    """
    starting = capabilities.start
    if starting is None:
        raise NotSupported("Chats cannot be started at this network from here.")
    if not people or not all(people):
        raise InvalidParameters("Nobody is named to chat with.", code=ErrorCode.MISSING_PARAMETERS, kind=Kind.ATTENDEE)
    if len(set(people)) < len(people):
        raise InvalidParameters("Somebody is named twice.", kind=Kind.ATTENDEE)
    if len(people) > 1 and not starting.groups:
        raise NotSupported("Chats with several people cannot be started at this network from here.")
    if title is not None and (starting.max_title_length is None or len(title) > starting.max_title_length):
        most = starting.max_title_length
        why = "cannot have a title there" if most is None else f"has a title of at most {most} characters there"
        raise InvalidParameters(f"A chat {why}.", kind=Kind.TITLE)


def check_mark(mark: ChatMark, capabilities: Capabilities) -> None:
    """Raises:
    NotSupported: the network has no such mark.
    """
    if mark not in capabilities.marks:
        raise NotSupported(f"Chats of this network cannot be marked as {mark} from here.")


def check_request(request: ChatRequest | None, *, accept: bool) -> bool:
    """Whether a request to chat has this answer already.

    Raises:
        InvalidParameters: (kind STATUS) it is none, or has the other answer.
    """
    if request is (ChatRequest.ACCEPTED if accept else ChatRequest.DECLINED):
        return True
    if request is not ChatRequest.PENDING:
        raise InvalidParameters("This chat is no request that waits for an answer.", kind=Kind.STATUS)
    return False


def draft_problem(text: str, content_types: Sequence[str], publishing: Publishing) -> tuple[str, str] | None:
    """Why this post, one part of a thread, cannot go to this network: (PostPost's error code, sentence). None: it can.

    Images of other types and sizes fit: they are re-encoded on their way.
    """
    limit = publishing.max_length
    if content_types and publishing.max_caption_length is not None:
        limit = publishing.max_caption_length
    length = text_length(text, publishing.measure)
    if length > limit:
        return "CONTENT_TOO_LARGE", f"The text has {length} {publishing.measure}; the limit is {limit}."
    if publishing.max_bytes is not None and len(text.encode()) > publishing.max_bytes:
        return "CONTENT_TOO_LARGE", f"The text has more than {publishing.max_bytes} bytes."
    return _media_problem(content_types, publishing)


def _media_problem(content_types: Sequence[str], publishing: Publishing) -> tuple[str, str] | None:
    images = [each for each in content_types if each.startswith("image/")]
    videos = [each for each in content_types if each not in images]
    if publishing.media_required and not content_types:
        return "INVALID_CONTENT", f"A post there needs {'a video' if publishing.images is None else 'media'}."
    if images and publishing.images is None:
        return "INVALID_CONTENT", "Images cannot be published there."
    if videos and publishing.video is None:
        return "INVALID_CONTENT", f"Files of type {videos[0]} cannot be published there."
    if images and videos and not publishing.mixed:
        return "INVALID_CONTENT", "Images and videos cannot be published together there."
    for files, limits in ((images, publishing.images), (videos, publishing.video)):
        if limits is not None and len(files) > limits.max_count:
            return "INVALID_CONTENT", f"{len(files)} files; the limit is {limits.max_count}."
    for content_type in videos:
        if publishing.video is not None and content_type not in publishing.video.types:
            return "INVALID_CONTENT", f"Files of type {content_type} cannot be published there."
    return None


def next_attempt(attempts: int, at_least_seconds: float = 0.0) -> timedelta:
    """How long to wait after this many attempts: 1 s doubling to 5 minutes, and never less than what was asked for.

    No more than two days, whatever is asked for: limits of networks begin anew within one.
    """
    return timedelta(seconds=max(min(at_least_seconds, _LONGEST_SECONDS), min(300.0, 2.0 ** min(attempts, 10))))
