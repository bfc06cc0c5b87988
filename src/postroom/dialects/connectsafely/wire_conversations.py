"""What ConnectSafely says of conversations beside the conversation itself: marks, refreshes, whether one exists, cursors.

Source: ConnectSafely "Mark a conversation as unread", "Star", "Refresh", "Conversation exists" (2026).
"""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Sequence

import msgspec

from postroom.dialects.connectsafely import wire
from postroom.domain.accounts import Account
from postroom.domain.chats import Chat
from postroom.domain.pages import Listing
from postroom.errors import InvalidParameters, Kind
from postroom.services.people import Known
from postroom.services.refreshing import Place

NETWORK = "linkedin:"
"""What a cursor begins with that pages LinkedIn itself."""

STARRED = "STARRED"


class Marked(msgspec.Struct, kw_only=True, rename="camel"):
    success: bool = True
    conversation_urn: str
    """As the caller wrote it, decoded."""


class Refresh(msgspec.Struct, kw_only=True, rename="camel"):
    account_id: str | None = None
    conversation_urn: str


class Refreshed(msgspec.Struct, kw_only=True, rename="camel"):
    success: bool = True
    message: str = "Refreshed: what is new is told over WebSocket."
    conversation_urn: str
    account_id: str


class Exists(msgspec.Struct, kw_only=True, rename="camel"):
    success: bool = True
    has_conversation: bool
    conversation_urn: str | None
    profile_urn: str
    account_id: str


def labels(label_id: str | None, labeled_only: bool | None) -> tuple[bool | None, bool]:
    """Whether only starred ones are wanted, and whether none can be: the star is the one label that is known here."""
    known = label_id is None or label_id.upper() == STARRED
    return (True if label_id is not None or labeled_only else None), not known


def place_of(cursor: str | None) -> Place | None:
    """Where LinkedIn's own list is to be gone on with; None: the cursor is one of ours.

    Raises:
        InvalidParameters: (kind CURSOR) it is none that was given out.
    """
    if cursor is None or not cursor.startswith(NETWORK):
        return None
    try:
        raw = b64decode(cursor.removeprefix(NETWORK), validate=True)
        place = msgspec.json.decode(raw, type=Place)
        if "\0" in place.account_id:
            raise ValueError("no value of ours")
    except (binascii.Error, ValueError, RecursionError, msgspec.DecodeError) as error:
        raise InvalidParameters("The cursor is not one that was given out.", kind=Kind.CURSOR) from error
    return place


def from_network(chats: Sequence[Chat], after: Place | None) -> wire.Listed:
    """A page as LinkedIn lists it."""
    return wire.Listed(chats=chats, next=None if after is None else _cursor(after), from_cache=False)


def from_here(found: Listing[Chat], accounts: Sequence[Account]) -> wire.Listed:
    """A page of what is held. After the last one it goes on at LinkedIn, while an account's first sync is not over."""
    cursor = found.next
    behind = [account for account in accounts if not account.synced]
    if cursor is None and len(accounts) == 1 and behind:
        cursor = _cursor(Place(behind[0].id, None))
    return wire.Listed(chats=found.items, next=cursor, from_cache=True)


def exists(account: Account, known: Known) -> Exists:
    """Whether an account has a conversation with just this person."""
    chat = known.remote
    return Exists(
        has_conversation=chat is not None,
        conversation_urn=None if chat is None else wire.conversation_urn(account.provider_id, chat.key),
        profile_urn=wire.profile_urn(known.person.provider_id),
        account_id=account.id,
    )


def _cursor(place: Place) -> str:
    return NETWORK + b64encode(msgspec.json.encode(place)).decode()
