"""What ConnectSafely's older messaging operations take and say.

Source: ConnectSafely "Messaging" (2026), where they are marked as deprecated.
"""

import msgspec

from postroom.dialects.connectsafely.wire_messages import Send, Sent


class Moved(msgspec.Struct, kw_only=True):
    """It is elsewhere: the header Location says where."""

    success: bool = True
    message: str = "Moved: see the header Location."


class OneConversation(msgspec.Struct, kw_only=True, rename="camel"):
    account_id: str | None = None
    conversation_urn: str


class OneAccount(msgspec.Struct, kw_only=True, rename="camel"):
    account_id: str | None = None


class DoneInConversation(msgspec.Struct, kw_only=True, rename="camel"):
    success: bool = True
    account_id: str
    conversation_urn: str
    message: str


class DoneInAccount(msgspec.Struct, kw_only=True, rename="camel"):
    success: bool = True
    account_id: str
    message: str


class OldSend(msgspec.Struct, kw_only=True, rename="camel"):
    """To a person. `messageType` inmail needs a `subject`; `messageUrns` are messages to mark as read first."""

    message: str
    account_id: str | None = None
    recipient_profile_urn: str | None = None
    recipient_profile_id: str | None = None
    subject: str | None = None
    message_type: str = "normal"
    message_urns: list[str] = []
    group_id: str | None = None


class OldSent(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    success: bool
    message: str
    recipient_profile_urn: str | None
    typing_indicator_sent: bool | None = None
    acknowledgment_sent: bool | None = None
    deprecated: str | None = msgspec.field(name="_deprecated", default=None)


def as_send(body: OldSend) -> Send:
    """The same as its successor takes it."""
    return Send(
        message=body.message,
        account_id=body.account_id,
        recipient_profile_urn=body.recipient_profile_urn,
        recipient_profile_id=body.recipient_profile_id,
    )


def old_sent(sent: Sent, typing: bool | None, acknowledged: bool | None) -> OldSent:
    """What its successor says, as it was said before."""
    return OldSent(
        success=True,
        message=sent.message,
        recipient_profile_urn=sent.recipient_profile_urn,
        typing_indicator_sent=typing,
        acknowledgment_sent=acknowledged,
        deprecated="Deprecated: use POST /conversations/send.",
    )
