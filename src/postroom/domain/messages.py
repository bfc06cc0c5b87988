"""Messages and what they carry. The content is sealed as one document; a tombstone has none."""

from enum import StrEnum

import msgspec


class Size(msgspec.Struct, frozen=True):
    width: int = 0
    height: int = 0


class Attachment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """What all six kinds share. Optional members are absent rather than null on the wire."""

    id: str
    unavailable: bool = False
    file_size: int | None = None
    mimetype: str | None = None
    url: str | None = None
    url_expires_at: int | None = None


class Image(Attachment, frozen=True, kw_only=True, omit_defaults=True, tag="img"):
    size: Size = Size()
    sticker: bool = False


class Video(Attachment, frozen=True, kw_only=True, omit_defaults=True, tag="video"):
    size: Size = Size()
    gif: bool = False


class Audio(Attachment, frozen=True, kw_only=True, omit_defaults=True, tag="audio"):
    duration: float | None = None
    """Seconds."""
    voice_note: bool = False


class File(Attachment, frozen=True, kw_only=True, omit_defaults=True, tag="file"):
    file_name: str


class LinkedPost(Attachment, frozen=True, kw_only=True, omit_defaults=True, tag="linkedin_post"):
    """A post of the network, shared into the chat."""


class VideoMeeting(Attachment, frozen=True, kw_only=True, omit_defaults=True, tag="video_meeting"):
    starts_at: int | None = None
    expires_at: int | None = None
    time_range: int | None = None
    """Seconds."""


AnyAttachment = Image | Video | Audio | File | LinkedPost | VideoMeeting


class Reaction(msgspec.Struct, frozen=True, kw_only=True):
    value: str
    """A Unicode emoji."""
    sender_id: str
    is_sender: bool


class Quote(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The message that this one answers, as the network repeated it. Blanked when that one is buried."""

    provider_id: str
    key: str
    sender_id: str
    sent_at: int | None = None
    text: str | None = None
    attachments: tuple[AnyAttachment, ...] = ()


class MessageKind(StrEnum):
    """As PostPress names them."""

    MESSAGE = "MESSAGE"
    INVITATION = "INVITATION"
    INMAIL = "INMAIL"
    INMAIL_DECLINE = "INMAIL_DECLINE"
    INMAIL_REPLY = "INMAIL_REPLY"
    INMAIL_ACCEPT = "INMAIL_ACCEPT"


class Content(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything of a message that is sealed. Nothing of it is left in a tombstone."""

    text: str | None = None
    subject: str | None = None
    attachments: tuple[AnyAttachment, ...] = ()
    reactions: tuple[Reaction, ...] = ()
    quote: Quote | None = None
    is_forwarded: bool = False
    original: str = ""
    """What the network sent, as JSON text."""
    edited_at: int | None = None
    """When it got this text, where the network said that beside it; in milliseconds."""


NO_CONTENT = Content()


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message as one account sees it. Moments are milliseconds since 1970."""

    id: str
    account_id: str
    chat_id: str
    provider: str
    provider_id: str
    chat_provider_id: str
    key: str
    """The same whichever mailbox it is seen through; made by the connector."""
    sender_id: str
    sender_attendee_id: str
    sent_at: int
    is_sender: bool
    seen: bool
    delivered: bool
    edited: bool
    hidden: bool
    is_event: bool
    kind: MessageKind | None
    deleted_at: int | None
    quoted_id: str | None
    """Our id of the message that `content.quote` repeats, where we hold it."""
    content: Content
    """`NO_CONTENT` once `deleted_at` is set."""

    @property
    def is_tombstone(self) -> bool:
        return self.deleted_at is not None


class RecallOutcome(StrEnum):
    """What became of an intent to recall a message."""

    ASKED = "asked"
    """The intent is durable; the network has not answered (yet)."""
    DONE = "done"
    """The network accepted it."""
    REFUSED = "refused"
    """The network refused it, or was found to still have the message."""
    IN_DOUBT = "in_doubt"
    """The call may have happened; it is being read back."""
    UNVERIFIED = "unverified"
    """The call may have happened, and the network cannot be read: nobody can know."""


class Recall(msgspec.Struct, frozen=True, kw_only=True):
    """An intent to take a message back, durable before anyone is called."""

    id: str
    workspace_id: str
    account_id: str
    provider: str
    chat_key: str
    message_key: str
    message_id: str | None
    """None where the message was never synced."""
    outcome: RecallOutcome
    detail: str | None
    read_back: str | None
    """`gone`, `present` or `absent` where the message was read back after the call."""
    asked_at: int
    settled_at: int | None
