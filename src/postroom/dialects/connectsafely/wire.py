"""ConnectSafely's objects as they stand on the wire, and from our values to them.

Source: ConnectSafely "List conversations", "Conversation messages", "List accounts" (2026).
"""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

import msgspec

from postroom.clock import iso
from postroom.domain.accounts import Account as DomainAccount
from postroom.domain.accounts import AccountStatus
from postroom.domain.chats import Attendee, Chat
from postroom.domain.messages import AnyAttachment, File
from postroom.domain.messages import Message as DomainMessage
from postroom.domain.pages import Listing
from postroom.errors import Kind, NotFound, NotSupported

PROVIDER = "linkedin"
_PROFILE = "urn:li:fsd_profile:"
_PROFILE_ID = re.compile(r"ACoAA[A-Za-z0-9_-]{10,60}\Z")
_MEDIA_TYPE = re.compile(r"(image/(png|jpeg|gif|webp)|video/[a-z0-9.+-]+|audio/[a-z0-9.+-]+|application/pdf)\Z")


class Recalled(msgspec.Struct, kw_only=True, rename="camel"):
    """LinkedIn accepted it, and nothing of the message is left here."""

    success: bool = True
    message_urn: str
    """As the caller wrote it, decoded."""


class Participant(msgspec.Struct, kw_only=True, rename="camel"):
    profile_id: str
    name: str
    headline: str | None
    profile_url: str | None
    profile_picture: str | None
    distance: int | None


class Latest(msgspec.Struct, kw_only=True, rename="camel"):
    text: str | None
    sent_at: int
    sender_name: str | None
    has_attachment: bool


class Conversation(msgspec.Struct, kw_only=True, rename="camel"):
    conversation_urn: str
    conversation_id: str
    account_id: str
    last_activity_at: str | None
    unread_count: int
    participants: list[Participant]
    latest_message: Latest | None
    labels: list[str]
    source: str = PROVIDER


class AccountName(msgspec.Struct, kw_only=True):
    id: str
    name: str


class Conversations(msgspec.Struct, kw_only=True, rename="camel"):
    success: bool = True
    conversations: list[Conversation]
    accounts: list[AccountName]
    next_cursor: str | None
    has_more: bool
    from_cache: bool = True


class File_(msgspec.Struct, kw_only=True, rename="camel"):
    id: str
    type: str
    name: str | None
    media_type: str | None
    byte_size: int | None
    url: str | None


class Message(msgspec.Struct, kw_only=True, rename="camel"):
    message_urn: str
    text: str | None
    sent_at: int
    sender_profile_id: str
    sender_name: str | None
    sender_photo: str | None
    is_sent_by_owner: bool
    has_attachment: bool
    attachments: list[File_]


class Messages(msgspec.Struct, kw_only=True, rename="camel"):
    success: bool = True
    messages: list[Message]
    participants: list[Participant]
    has_more: bool
    cursor: str | None
    """Send it back as `cursor` for older ones."""
    note: str


class Account(msgspec.Struct, kw_only=True, rename="camel"):
    id: str
    first_name: str
    last_name: str
    public_id: str
    picture: str | None
    status: str
    enabled: bool = True
    api_seat_allocated: bool = True


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A page of conversations before it is written, and the cursor of the next."""

    chats: Sequence[Chat]
    next: str | None
    from_cache: bool


class Health(msgspec.Struct, kw_only=True):
    status: str


_STATUSES = {
    AccountStatus.LINKING: "WARMUP",
    AccountStatus.CONNECTED: "AVAILABLE",
    AccountStatus.RECONNECTING: "WARMUP",
    AccountStatus.PAUSED: "UNKNOWN",
    AccountStatus.ACTION_REQUIRED: "ERROR",
    AccountStatus.DISCONNECTED: "ERROR",
    AccountStatus.UNLINKING: "UNKNOWN",
}


def check_channel(conversation_urn: str) -> None:
    """Sales Navigator's threads have no recall and no messages here; they are told apart before anything is asked.

    Raises:
        NotSupported: it is one of them.
    """
    if plain(conversation_urn).strip().lower().startswith("urn:li:salesnav_thread:"):
        raise NotSupported("Sales Navigator threads are not supported; nothing was changed.")


def plain(urn: str) -> str:
    """A URN without percent-encoding: clients encode it up to three times too often."""
    for _ in range(3):
        urn = unquote(urn)
    return urn


def message_urn(mailbox: str, key: str) -> str:
    """A message's URN in this mailbox: LinkedIn's own spelling, padded."""
    return f"urn:li:msg_message:(urn:li:fsd_profile:{mailbox},{padded(key)})"


def conversation_urn(mailbox: str, key: str) -> str:
    """A conversation's URN in this mailbox."""
    return f"urn:li:msg_conversation:(urn:li:fsd_profile:{mailbox},{padded(key)})"


def profile_urn(person: str) -> str:
    """A person's URN."""
    return _PROFILE + person


def bare_profile(spelling: str) -> str:
    """What is said of a person, without the URN around it."""
    return plain(spelling).strip().removeprefix(_PROFILE)


def is_profile_id(text: str) -> bool:
    """Whether this is LinkedIn's id of a person, and not the name in the address of a page."""
    return _PROFILE_ID.match(text) is not None


def note(account: DomainAccount, *, asked: bool, fresh: bool) -> str:
    """How new the messages are that are answered, and whether older ones are still on their way."""
    said = "LinkedIn was asked just now." if fresh else "Answered from what is stored here."
    if asked and not fresh:
        said = "LinkedIn could not be asked: this is what is stored here."
    return f"{said} A sync is under way: older messages may follow." if is_syncing(account) else said


def safe_type(content_type: str) -> bytes:
    """The content type of a file that is given back: one that no browser takes for a page of ours."""
    plain_type = content_type.partition(";")[0].strip().lower()
    return (plain_type if _MEDIA_TYPE.match(plain_type) else "application/octet-stream").encode()


def status(found: DomainAccount) -> str:
    """Where an account stands, in the vendor's words."""
    return _STATUSES[found.status]


def is_enabled(found: DomainAccount) -> bool:
    """Whether anything is done with the account."""
    return found.status not in (AccountStatus.UNLINKING, AccountStatus.PAUSED)


def is_syncing(found: DomainAccount) -> bool:
    """Whether a sync of all of it is under way."""
    return found.sync is not None and found.sync.unfinished


def chosen(accounts: Sequence[DomainAccount], wanted: Sequence[str]) -> list[DomainAccount]:
    """The LinkedIn accounts that are meant: the wanted, else the one used last.

    Raises:
        NotFound: (kind ACCOUNT) one of them is not here, or there is none at all.
    """
    held = {account.id: account for account in accounts if account.provider == PROVIDER}
    if any(id not in held for id in wanted) or not held:
        raise NotFound("Account not found", kind=Kind.ACCOUNT)
    return [held[id] for id in wanted] or [max(held.values(), key=lambda account: account.last_used_at)]


def conversations(
    listed: Listed,
    accounts: Sequence[DomainAccount],
    newest: Mapping[str, DomainMessage],
    people: Mapping[str, Sequence[Attendee]],
) -> Conversations:
    """A page of conversations, most recently active first."""
    mailboxes = {account.id: account.provider_id for account in accounts}
    return Conversations(
        conversations=[
            Conversation(
                conversation_urn=conversation_urn(mailboxes.get(chat.account_id, ""), chat.key),
                conversation_id=padded(chat.key),
                account_id=chat.account_id,
                last_activity_at=None if chat.last_message_at is None else iso(chat.last_message_at),
                unread_count=chat.unread_count,
                participants=participants(people.get(chat.id, ())),
                labels=["STARRED"] if chat.starred else [],
                latest_message=_latest(newest.get(chat.id), people.get(chat.id, ())),
            )
            for chat in listed.chats
        ],
        accounts=[AccountName(id=account.id, name=account.profile.name) for account in accounts],
        next_cursor=listed.next,
        has_more=listed.next is not None,
        from_cache=listed.from_cache,
    )


def messages(found: Listing[DomainMessage], mailbox: str, people: Sequence[Attendee], note: str) -> Messages:
    """A page of a conversation's messages, newest first. What was recalled is not shown."""
    return Messages(
        messages=[message(each, mailbox, people) for each in found.items if not each.is_tombstone],
        participants=participants(people),
        has_more=found.next is not None,
        cursor=str(found.items[-1].sent_at) if found.next is not None else None,
        note=note,
    )


def message(found: DomainMessage, mailbox: str, people: Sequence[Attendee]) -> Message:
    """A message as the owner of this mailbox sees it."""
    sender = next((each for each in people if each.provider_id == found.sender_id), None)
    return Message(
        message_urn=message_urn(mailbox, found.key),
        text=found.content.text,
        sent_at=found.sent_at,
        sender_profile_id=found.sender_id,
        sender_name=None if sender is None else sender.content.name,
        sender_photo=None if sender is None else sender.content.picture_url,
        is_sent_by_owner=found.is_sender,
        has_attachment=bool(found.content.attachments),
        attachments=[file(each) for each in found.content.attachments],
    )


def participants(people: Sequence[Attendee]) -> list[Participant]:
    """The people in a conversation."""
    return [
        Participant(
            profile_id=each.provider_id,
            name=each.content.name,
            headline=each.content.headline,
            profile_url=each.content.profile_url,
            profile_picture=each.content.picture_url,
            distance=each.distance,
        )
        for each in people
    ]


def accounts(found: Sequence[DomainAccount], wanted: str | None) -> list[Account]:
    """The LinkedIn accounts; `wanted` is part of a name, an id, or a profile's address."""
    text = (wanted or "").strip().rstrip("/").lower()
    text = text.rsplit("/in/", 1)[-1]
    shown = [_account(each) for each in found if each.provider == PROVIDER]
    return [
        each
        for each in shown
        if text in f"{each.first_name} {each.last_name} {each.public_id}".lower() or text == each.id.lower()
    ]


def _account(found: DomainAccount) -> Account:
    first, _, last = found.profile.name.partition(" ")
    return Account(
        id=found.id,
        first_name=first,
        last_name=last,
        public_id=found.profile.username,
        picture=found.profile.picture_url,
        status=_STATUSES[found.status],
    )


def _latest(found: DomainMessage | None, people: Sequence[Attendee]) -> Latest | None:
    if found is None:
        return None
    return Latest(
        text=found.content.text,
        sent_at=found.sent_at,
        sender_name=next((each.content.name for each in people if each.provider_id == found.sender_id), None),
        has_attachment=bool(found.content.attachments),
    )


def file(found: AnyAttachment) -> File_:
    """A file of a message."""
    return File_(
        id=found.id,
        type=str(found.__struct_config__.tag),
        name=found.file_name if isinstance(found, File) else None,
        media_type=found.mimetype,
        byte_size=found.file_size,
        url=found.url,
    )


def padded(key: str) -> str:
    """A key as LinkedIn writes it: `2-` and padded base64. Other keys stand as they are."""
    version, dash, tail = key.partition("-")
    return f"{version}-{tail}{'=' * (-len(tail) % 4)}" if dash and version.isdigit() else key
