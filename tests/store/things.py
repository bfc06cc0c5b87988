"""Things to keep, each with what a test does not care about filled in."""

import itertools
from typing import Any

from postroom.domain.access import Workspace
from postroom.domain.accounts import Account, AccountStatus
from postroom.domain.chats import Attendee, AttendeeContent, Chat, ChatContent, ChatKind
from postroom.domain.jobs import Job, Task
from postroom.domain.media import MediaItem, MediaKind, MediaStatus
from postroom.domain.messages import Content, Message, MessageKind, Quote, Recall, RecallOutcome
from postroom.domain.posts import GroupStatus, Post, PostGroup, PostStatus
from postroom.domain.remote import Credentials, Profile
from postroom.store import accounts, chats
from postroom.store.database import Database

WORKSPACE = "a" * 24
OTHER_WORKSPACE = "b" * 24
T0 = 1_780_000_000_000
_numbers = itertools.count(1)


def new_id(prefix: str) -> str:
    """Shaped like an id, and later than those before."""
    return f"{prefix}_{next(_numbers):026d}"


def object_id() -> str:
    return f"{next(_numbers):024x}"


def workspace(workspace_id: str = WORKSPACE) -> Workspace:
    return Workspace(id=workspace_id, name="Acme")


def account(**changed: Any) -> Account:
    number = next(_numbers)
    return Account(
        **{
            "id": f"acc_{number:026d}",
            "workspace_id": WORKSPACE,
            "user_id": WORKSPACE,
            "provider": "linkedin",
            "provider_id": f"ACoAA{number}",
            "status": AccountStatus.CONNECTED,
            "status_detail": None,
            "profile": Profile(provider_id=f"ACoAA{number}", username="ada", name="Ada Lovelace"),
            "created_at": T0 + number,
            "last_synced_at": None,
            "last_used_at": T0,
            "synced": False,
            "has_chats": True,
            **changed,
        }
    )


def chat(of: Account, **changed: Any) -> Chat:
    chat_id = new_id("chat")
    return Chat(
        **{
            "id": chat_id,
            "account_id": of.id,
            "provider": of.provider,
            "provider_id": f"2-{chat_id}",
            "key": f"key-{chat_id}",
            "kind": ChatKind.SINGLE,
            "content": ChatContent(name="The engine room"),
            "attendee_provider_id": "ACoBB",
            "last_message_at": T0,
            "unread_count": 0,
            "archived": False,
            "muted": False,
            "read_only": False,
            "pinned": False,
            "folders": ("INBOX",),
            "content_type": None,
            **changed,
        }
    )


def attendee(of: Account, provider_id: str, **changed: Any) -> Attendee:
    return Attendee(
        **{
            "id": new_id("att"),
            "account_id": of.id,
            "provider": of.provider,
            "provider_id": provider_id,
            "is_self": False,
            "kind": "member",
            "member_urn": None,
            "distance": 1,
            "content": AttendeeContent(name="Charles"),
            **changed,
        }
    )


def message(of: Chat, key: str, text: str = "hello", *, quote: Quote | None = None, **changed: Any) -> Message:
    return Message(
        **{
            "id": new_id("msg"),
            "account_id": of.account_id,
            "chat_id": of.id,
            "provider": of.provider,
            "provider_id": f"urn:{key}",
            "chat_provider_id": of.provider_id,
            "key": key,
            "sender_id": "ACoBB",
            "sender_attendee_id": "att_1",
            "sent_at": T0,
            "is_sender": False,
            "seen": False,
            "delivered": True,
            "edited": False,
            "hidden": False,
            "is_event": False,
            "kind": MessageKind.MESSAGE,
            "deleted_at": None,
            "quoted_id": None,
            "content": Content(text=text, quote=quote, original=f'{{"body": "{text}"}}'),
            **changed,
        }
    )


def quote(key: str, text: str = "hello") -> Quote:
    return Quote(provider_id=f"urn:{key}", key=key, sender_id="ACoBB", text=text)


def group(**changed: Any) -> PostGroup:
    return PostGroup(
        **{
            "id": object_id(),
            "workspace_id": WORKSPACE,
            "user_id": WORKSPACE,
            "content": "Launch day",
            "platforms": ("linkedin-1",),
            "platform_settings": "{}",
            "status": GroupStatus.SCHEDULED,
            "scheduled_at": T0,
            "created_at": T0,
            "updated_at": T0,
            **changed,
        }
    )


def post(of: PostGroup, **changed: Any) -> Post:
    return Post(
        **{
            "id": object_id(),
            "group_id": of.id,
            "workspace_id": of.workspace_id,
            "account_id": None,
            "platform": "linkedin",
            "platform_id": "1",
            "status": PostStatus.PENDING,
            "token": new_id("token"),
            "provider_id": None,
            "url": None,
            "error": None,
            "attempts": 0,
            "position": 0,
            **changed,
        }
    )


def media_item(of: PostGroup, **changed: Any) -> MediaItem:
    return MediaItem(
        **{
            "id": object_id(),
            "workspace_id": of.workspace_id,
            "post_group_id": of.id,
            "kind": MediaKind.IMAGE,
            "status": MediaStatus.AWAITING,
            "file_name": "cat.png",
            "content_type": "image/png",
            "blob_key": None,
            "size_bytes": None,
            "alt_text": "A cat",
            "created_at": T0,
            "upload_expires_at": T0 + 1,
            **changed,
        }
    )


def job(**changed: Any) -> Job:
    return Job(
        **{
            "id": new_id("job"),
            "workspace_id": WORKSPACE,
            "task": Task.PUBLISH_POST,
            "args": {"post_id": "1"},
            "lock": None,
            "attempts": 0,
            "scheduled_at": T0,
            **changed,
        }
    )


def recall(**changed: Any) -> Recall:
    return Recall(
        **{
            "id": new_id("rcl"),
            "workspace_id": WORKSPACE,
            "account_id": "acc_1",
            "provider": "linkedin",
            "chat_key": "chat",
            "message_key": "m1",
            "message_id": None,
            "outcome": RecallOutcome.ASKED,
            "detail": None,
            "read_back": None,
            "asked_at": T0,
            "settled_at": None,
            **changed,
        }
    )


async def link(database: Database, **changed: Any) -> Account:
    """An account that is kept, with its key."""
    kept = account(**changed)
    database.keyring.create(kept.id)
    async with database.begin() as tx:
        await accounts.add(tx, kept, Credentials(values={"li_at": "secret"}))
    return kept


async def open_chat(database: Database, of: Account, **changed: Any) -> Chat:
    """A chat that is kept."""
    kept = chat(of, **changed)
    async with database.begin() as tx:
        await chats.put(tx, of.workspace_id, kept)
    return kept
