"""PostPress's messages as they stand on the wire, and from our values to them. (`mailbox` has accounts and chats.)

Flags are 0 or 1, except where the pages say boolean (`reactions`, attachments); what is not known is absent.

Source: PostPress "Retrieve a message" (May 2026).
"""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from postroom.clock import iso
from postroom.domain import messages as domain
from postroom.domain.chats import Speaker
from postroom.domain.pages import Listing


class Size(msgspec.Struct):
    width: int
    height: int


class Attachment(msgspec.Struct, kw_only=True, tag_field="type"):
    """What the six kinds share."""

    id: str
    unavailable: bool
    file_size: int | UnsetType = UNSET
    mimetype: str | UnsetType = UNSET
    url: str | UnsetType = UNSET
    url_expires_at: int | UnsetType = UNSET


class Image(Attachment, kw_only=True, tag="img"):
    size: Size
    sticker: bool


class Video(Attachment, kw_only=True, tag="video"):
    size: Size
    gif: bool


class Audio(Attachment, kw_only=True, tag="audio"):
    duration: float | UnsetType = UNSET
    voice_note: bool


class File(Attachment, kw_only=True, tag="file"):
    file_name: str


class LinkedinPost(Attachment, kw_only=True, tag="linkedin_post"):
    """A post of the network, shared into the chat."""


class VideoMeeting(Attachment, kw_only=True, tag="video_meeting"):
    starts_at: int | None
    expires_at: int | None
    time_range: int | None


AnyAttachment = Image | Video | Audio | File | LinkedinPost | VideoMeeting


class Reaction(msgspec.Struct, kw_only=True):
    value: str
    sender_id: str
    is_sender: bool


class Quoted(msgspec.Struct, kw_only=True):
    message_id: str | UnsetType = UNSET
    provider_id: str
    sender_id: str
    text: str | None
    attachments: list[AnyAttachment]


class ReplyTo(msgspec.Struct, kw_only=True):
    id: str
    provider_id: str
    timestamp: str
    sender_attendee_id: str
    sender_id: str
    text: str | None


class LastMessage(msgspec.Struct, kw_only=True):
    """A message's fields; as `lastMessage` of a chat they come without `object`."""

    id: str
    provider_id: str
    account_id: str
    chat_id: str
    chat_provider_id: str
    sender_id: str
    sender_attendee_id: str
    timestamp: str
    text: str | None
    is_sender: int
    attachments: list[AnyAttachment]
    reactions: list[Reaction]
    seen: int
    seen_by: dict[str, bool]
    hidden: int
    deleted: int
    edited: int
    is_event: int
    delivered: int
    behavior: int | None
    original: str
    quoted: Quoted | UnsetType = UNSET
    reply_to: ReplyTo | UnsetType = UNSET
    is_forwarded: bool | UnsetType = UNSET
    event_type: int | UnsetType = UNSET
    subject: str | UnsetType = UNSET
    message_type: str | UnsetType = UNSET
    attendee_type: str | UnsetType = UNSET
    attendee_distance: int | UnsetType = UNSET
    sender_urn: str | UnsetType = UNSET


class Message(LastMessage, kw_only=True, tag_field="object", tag="Message"):
    """A message. `deleted: 1` is a tombstone: it has no content."""


class MessageList(msgspec.Struct, kw_only=True, tag_field="object", tag="MessageList"):
    items: list[Message]
    cursor: str | None


class MessageDeleted(msgspec.Struct, tag_field="object", tag="MessageDeleted"):
    """The network accepted it, and nothing of the message is left here."""


AnyMessage = TypeVar("AnyMessage", bound=LastMessage)
People = Mapping[tuple[str, str], Speaker]
"""Who they are, by account and the network's id of the person."""

_KINDS = {"member": "MEMBER", "organization": "ORGANIZATION", "other": "OTHER"}


def message(found: domain.Message, people: People) -> Message:
    """A message, or its tombstone."""
    return _filled(Message, found, people)


def last_message(found: domain.Message, people: People) -> LastMessage:
    """The same without `object`."""
    return _filled(LastMessage, found, people)


def message_list(found: Listing[domain.Message], people: People) -> MessageList:
    """A page of messages, newest first."""
    return MessageList(items=[message(each, people) for each in found.items], cursor=found.next)


def _filled(kind: type[AnyMessage], found: domain.Message, people: People) -> AnyMessage:
    content = found.content
    made = kind(
        id=found.id,
        provider_id=found.provider_id,
        account_id=found.account_id,
        chat_id=found.chat_id,
        chat_provider_id=found.chat_provider_id,
        sender_id=found.sender_id,
        sender_attendee_id=found.sender_attendee_id,
        timestamp=iso(found.sent_at),
        text=content.text,
        is_sender=1 if found.is_sender else 0,
        attachments=[_attachment(each) for each in content.attachments] if content.attachments else [],
        reactions=[_reaction(each) for each in content.reactions] if content.reactions else [],
        seen=1 if found.seen else 0,
        # Who has read one of ours is not kept; the sender of another's message is known to have seen it.
        seen_by={found.sender_attendee_id: True} if found.seen and not found.is_sender else {},
        hidden=1 if found.hidden else 0,
        deleted=1 if found.deleted_at is not None else 0,
        edited=1 if found.edited else 0,
        is_event=1 if found.is_event else 0,
        delivered=1 if found.delivered else 0,
        behavior=0,
        original=content.original,
    )
    if found.is_event:
        made.event_type = 0
    if found.kind is not None:
        made.message_type = found.kind.value
    if content.is_forwarded:
        made.is_forwarded = True
    if content.subject is not None:
        made.subject = content.subject
    if content.quote is not None:
        made.quoted = _quoted(content.quote, found.quoted_id)
        answered = people.get((found.account_id, content.quote.sender_id))
        if found.quoted_id is not None and answered is not None:
            made.reply_to = _reply_to(content.quote, found.quoted_id, answered.id)
    sender = people.get((found.account_id, found.sender_id))
    if sender is not None:
        _add_sender(made, sender)
    return made


def _add_sender(made: LastMessage, sender: Speaker) -> None:
    made.attendee_type = _KINDS.get(sender.kind, "OTHER")
    if sender.distance is not None:
        made.attendee_distance = sender.distance
    if sender.member_urn is not None:
        made.sender_urn = sender.member_urn


def _quoted(quote: domain.Quote, quoted_id: str | None) -> Quoted:
    return Quoted(
        message_id=quoted_id or UNSET,
        provider_id=quote.provider_id,
        sender_id=quote.sender_id,
        text=quote.text,
        attachments=[_attachment(each) for each in quote.attachments],
    )


def _reply_to(quote: domain.Quote, quoted_id: str, attendee_id: str) -> ReplyTo:
    return ReplyTo(
        id=quoted_id,
        provider_id=quote.provider_id,
        timestamp="" if quote.sent_at is None else iso(quote.sent_at),
        sender_attendee_id=attendee_id,
        sender_id=quote.sender_id,
        text=quote.text,
    )


def _reaction(found: domain.Reaction) -> Reaction:
    return Reaction(value=found.value, sender_id=found.sender_id, is_sender=found.is_sender)


def _attachment(found: domain.AnyAttachment) -> AnyAttachment:
    shared: dict[str, Any] = {
        "id": found.id,
        "unavailable": found.unavailable,
        "file_size": _known(found.file_size),
        "mimetype": _known(found.mimetype),
        "url": _known(found.url),
        "url_expires_at": _known(found.url_expires_at),
    }
    match found:
        case domain.Image():
            return Image(size=_size(found.size), sticker=found.sticker, **shared)
        case domain.Video():
            return Video(size=_size(found.size), gif=found.gif, **shared)
        case domain.Audio():
            return Audio(duration=_known(found.duration), voice_note=found.voice_note, **shared)
        case domain.File():
            return File(file_name=found.file_name, **shared)
        case domain.LinkedPost():
            return LinkedinPost(**shared)
        case domain.VideoMeeting():
            return VideoMeeting(
                starts_at=found.starts_at, expires_at=found.expires_at, time_range=found.time_range, **shared
            )


def _size(found: domain.Size) -> Size:
    return Size(width=found.width, height=found.height)


def _known(value: Any) -> Any:
    return UNSET if value is None else value
