"""What ConnectSafely is sent and says when messages are written: bodies, files, reactions.

Source: ConnectSafely "Send a message", "Upload attachment", "Download media", "React to a message" (2026).
"""

import re
from collections.abc import Sequence

import msgspec

from postroom.dialects.connectsafely import wire
from postroom.dialects.request import Request
from postroom.domain.accounts import Account
from postroom.domain.chats import Attendee
from postroom.domain.files import Upload, Uploaded
from postroom.domain.messages import Message
from postroom.errors import ErrorCode, InvalidParameters, Kind

LONGEST_NAME = 255
_ASSET = re.compile(r"urn:li:[A-Za-z_]{1,40}:[A-Za-z0-9_=:(),-]{1,300}\Z")


class FileWritten(msgspec.Struct, kw_only=True, rename="camel"):
    """A file as the upload answered it."""

    asset_urn: str
    byte_size: int
    media_type: str
    name: str


class Attached(msgspec.Struct, kw_only=True):
    file: FileWritten


class Send(msgspec.Struct, kw_only=True, rename="camel"):
    """To `conversationUrn`, else to a person: `recipientProfileUrn` or `recipientProfileId`."""

    message: str
    account_id: str | None = None
    recipient_profile_urn: str | None = None
    recipient_profile_id: str | None = None
    conversation_urn: str | None = None
    subject: str | None = None
    attachments: list[Attached] = []
    messaging_channel: str = "auto"


class SentMessage(msgspec.Struct, kw_only=True, rename="camel"):
    message_urn: str
    text: str | None
    sent_at: int
    sender_profile_id: str
    sender_name: str | None
    sender_photo: str | None
    is_sent_by_owner: bool


class Sent(msgspec.Struct, kw_only=True, rename="camel"):
    success: bool = True
    message: str = "Message sent"
    recipient_profile_urn: str | None
    conversation_urn: str
    sent_message: SentMessage


class AttachmentUploaded(msgspec.Struct, kw_only=True):
    success: bool = True
    attachment: FileWritten


class Download(msgspec.Struct, kw_only=True, rename="camel"):
    account_id: str
    url: str


class React(msgspec.Struct, kw_only=True):
    """`react` false takes it back."""

    emoji: str
    react: bool


class Reacted(msgspec.Struct, kw_only=True, rename="camel"):
    success: bool = True
    message_urn: str
    """As the caller wrote it, decoded."""
    emoji: str
    react: bool


def sent(account: Account, found: Message, people: Sequence[Attendee], body: Send) -> Sent:
    """A message that went out."""
    shown = wire.message(found, account.provider_id, people)
    recipient = body.recipient_profile_urn or body.recipient_profile_id
    return Sent(
        recipient_profile_urn=None if recipient is None else wire.profile_urn(wire.bare_profile(recipient)),
        conversation_urn=wire.conversation_urn(account.provider_id, found.chat_provider_id.rstrip("=")),
        sent_message=SentMessage(
            message_urn=shown.message_urn,
            text=shown.text,
            sent_at=shown.sent_at,
            sender_profile_id=shown.sender_profile_id,
            sender_name=shown.sender_name,
            sender_photo=shown.sender_photo,
            is_sent_by_owner=shown.is_sent_by_owner,
        ),
    )


def without_words(answer: Sent) -> Sent:
    """What of it is kept for its Idempotency-Key: ids and moments."""
    told = msgspec.structs.replace(answer.sent_message, text=None, sender_name=None, sender_photo=None)
    return msgspec.structs.replace(answer, sent_message=told)


def files(body: Send) -> list[Uploaded]:
    """What was uploaded before, to go out now.

    Raises:
        InvalidParameters: (kind ATTACHMENT) it names nothing that an upload answered.
    """
    if not all(_ASSET.match(each.file.asset_urn) for each in body.attachments):
        raise InvalidParameters("assetUrn is none that an upload answered.", kind=Kind.ATTACHMENT)
    return [
        Uploaded(
            name=each.file.name,
            content_type=each.file.media_type,
            size_bytes=each.file.byte_size,
            provider_id=each.file.asset_urn,
        )
        for each in body.attachments
    ]


def uploaded_file(request: Request) -> Upload:
    """The body as a file.

    Raises:
        InvalidParameters: it is empty, or came as a form.
    """
    name = request.text("filename") or "attachment"
    if len(name) > LONGEST_NAME or not name.isprintable() or "/" in name:
        raise InvalidParameters("filename is no name of a file.", kind=Kind.ATTACHMENT)
    content_type = request.content_type or "application/octet-stream"
    if content_type.startswith("multipart/"):
        raise InvalidParameters(
            "The body is the file itself, not a form.", code=ErrorCode.UNSUPPORTED_MEDIA_TYPE, kind=Kind.BODY
        )
    if not request.body:
        raise InvalidParameters("The body is empty.", kind=Kind.BODY)
    return Upload(name=name, content_type=content_type, data=request.body)


def attachment(found: Uploaded) -> AttachmentUploaded:
    """A file that LinkedIn has now."""
    return AttachmentUploaded(
        attachment=FileWritten(
            asset_urn=found.provider_id, byte_size=found.size_bytes, media_type=found.content_type, name=found.name
        )
    )
