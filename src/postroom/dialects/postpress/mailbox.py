"""PostPress's accounts, chats and attendees as they stand on the wire, and from our values to them.

Source: PostPress reference pages of accounts, chats and attendees (2026).
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from postroom.clock import iso
from postroom.dialects.postpress.wire import LastMessage
from postroom.domain.accounts import Account as DomainAccount
from postroom.domain.accounts import AccountStatus
from postroom.domain.chats import Attendee
from postroom.domain.chats import Chat as DomainChat
from postroom.domain.pages import Listing


class Source(msgspec.Struct, kw_only=True):
    id: str
    status: str


class Account(msgspec.Struct, kw_only=True, tag_field="object", tag="Account"):
    id: str
    type: str
    name: str
    created_at: str
    connection_params: dict[str, dict[str, Any]]
    groups: list[str]
    sources: list[Source]
    last_fetched_at: str | UnsetType = UNSET


class AccountList(msgspec.Struct, kw_only=True, tag_field="object", tag="AccountList"):
    items: list[Account]
    cursor: str | None


class AccountDeleted(msgspec.Struct, tag_field="object", tag="AccountDeleted"):
    """The account is gone, and so is the key that sealed what was held of it."""


class Chat(msgspec.Struct, kw_only=True, tag_field="object", tag="Chat"):
    id: str
    account_id: str
    account_type: str
    provider_id: str
    name: str | None
    type: int
    timestamp: str | None
    unread_count: int
    archived: int
    muted_until: int | None
    """-1: muted for good; null: not muted."""
    read_only: int
    pinned: int
    attendee_provider_id: str | UnsetType = UNSET
    subject: str | UnsetType = UNSET
    content_type: str | UnsetType = UNSET
    folder: list[str] | UnsetType = UNSET
    lastMessage: LastMessage | UnsetType | None = UNSET


class ChatList(msgspec.Struct, kw_only=True, tag_field="object", tag="ChatList"):
    items: list[Chat]
    cursor: str | None


class ChatHistorySync(msgspec.Struct, kw_only=True, tag_field="object", tag="ChatHistorySync"):
    chat_id: str
    status: str


class LinkedinSpecifics(msgspec.Struct, kw_only=True):
    provider: str
    member_urn: str
    network_distance: str | UnsetType = UNSET
    headline: str | UnsetType = UNSET


class ChatAttendee(msgspec.Struct, kw_only=True, tag_field="object", tag="ChatAttendee"):
    id: str
    account_id: str
    provider_id: str
    name: str
    is_self: int
    hidden: int = 0
    picture_url: str | UnsetType = UNSET
    profile_url: str | UnsetType = UNSET
    specifics: LinkedinSpecifics | UnsetType = UNSET


class ChatAttendeeList(msgspec.Struct, kw_only=True, tag_field="object", tag="ChatAttendeeList"):
    items: list[ChatAttendee]
    cursor: str | None


# Types of accounts that PostPress knows, and the names of the members in `connection_params.im`.
# Accounts of other networks are not shown here: its clients would not know what they are.
TYPES: dict[str, str] = {
    "linkedin": "LINKEDIN",
    "whatsapp": "WHATSAPP",
    "telegram": "TELEGRAM",
    "twitter": "TWITTER",
    "instagram": "INSTAGRAM",
    "messenger": "MESSENGER",
}

STATUSES = {
    AccountStatus.LINKING: "CONNECTING",
    AccountStatus.CONNECTED: "OK",
    AccountStatus.RECONNECTING: "CONNECTING",
    AccountStatus.PAUSED: "STOPPED",
    AccountStatus.ACTION_REQUIRED: "CREDENTIALS",
    AccountStatus.DISCONNECTED: "CREDENTIALS",
    AccountStatus.UNLINKING: "STOPPED",
}

_DISTANCES = {1: "DISTANCE_1", 2: "DISTANCE_2", 3: "DISTANCE_3", 4: "OUT_OF_NETWORK"}


def account(found: DomainAccount) -> Account:
    """An account of a network that PostPress has a type for."""
    kind = TYPES[found.provider]
    return Account(
        id=found.id,
        type=kind,
        name=found.profile.name or found.profile.username,
        created_at=iso(found.created_at),
        connection_params={"im": _identity(kind, found)},
        groups=[],
        sources=[Source(id=f"{found.id}_MESSAGING", status=STATUSES[found.status])],
        last_fetched_at=UNSET if found.last_synced_at is None else iso(found.last_synced_at),
    )


def account_list(found: Listing[DomainAccount]) -> AccountList:
    """A page of accounts. It may be shorter than was asked for: the cursor says whether there are more."""
    return AccountList(items=[account(each) for each in found.items if each.provider in TYPES], cursor=found.next)


def chat(found: DomainChat, last: LastMessage | UnsetType | None = UNSET) -> Chat:
    """A chat; `last` is shown where one chat is retrieved."""
    return Chat(
        id=found.id,
        account_id=found.account_id,
        account_type=TYPES.get(found.provider, found.provider.upper()),
        provider_id=found.provider_id,
        name=found.content.name,
        type=found.kind,
        timestamp=None if found.last_message_at is None else iso(found.last_message_at),
        unread_count=found.unread_count,
        archived=int(found.archived),
        muted_until=-1 if found.muted else None,
        read_only=int(found.read_only),
        pinned=int(found.pinned),
        attendee_provider_id=found.attendee_provider_id or UNSET,
        subject=found.content.subject or UNSET,
        content_type=found.content_type or UNSET,
        folder=_folders(found) or UNSET,
        lastMessage=last,
    )


def _folders(found: DomainChat) -> list[str]:
    """The folders that PostPress has a name for: its published clients refuse others."""
    if not {"INBOX", "PRIMARY_INBOX"} & set(found.folders):
        return []
    return ["INBOX", *(["INBOX_LINKEDIN_CLASSIC"] if found.provider == "linkedin" else [])]


def chat_list(found: Listing[DomainChat]) -> ChatList:
    """A page of chats, most recently active first."""
    return ChatList(items=[chat(each) for each in found.items], cursor=found.next)


def attendee_list(found: Sequence[Attendee]) -> ChatAttendeeList:
    """The people in a chat. PostPress shows a cursor, which is always null."""
    return ChatAttendeeList(items=[attendee(each) for each in found], cursor=None)


def attendee_page(found: Listing[Attendee]) -> ChatAttendeeList:
    """A page of people."""
    return ChatAttendeeList(items=[attendee(each) for each in found.items], cursor=found.next)


def _identity(kind: str, found: DomainAccount) -> dict[str, Any]:
    identity = {"id": found.provider_id, "username": found.profile.username}
    if kind == "LINKEDIN":
        return identity | {"premiumContractId": None}
    if kind == "WHATSAPP":
        return {"phone_number": found.profile.username}
    if kind == "TELEGRAM":
        return {"user_id": found.provider_id, "username": found.profile.username}
    return identity


def attendee(found: Attendee) -> ChatAttendee:
    """Somebody in a chat."""
    return ChatAttendee(
        id=found.id,
        account_id=found.account_id,
        provider_id=found.provider_id,
        name=found.content.name,
        is_self=int(found.is_self),
        picture_url=found.content.picture_url or UNSET,
        profile_url=found.content.profile_url or UNSET,
        specifics=_specifics(found),
    )


def _specifics(found: Attendee) -> LinkedinSpecifics | UnsetType:
    if found.provider != "linkedin" or found.member_urn is None:
        return UNSET
    # SELF is on the page, and the published client refuses it: one's own distance is left out.
    distance = None if found.is_self or found.distance is None else _DISTANCES.get(found.distance)
    return LinkedinSpecifics(
        provider="LINKEDIN",
        member_urn=found.member_urn,
        network_distance=distance or UNSET,
        headline=found.content.headline or UNSET,
    )
