"""The objects of our own API, and from our values to them. Moments are ISO 8601 in UTC."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from postroom.clock import iso
from postroom.dialects.native.wire_accounts import Account, account, moment
from postroom.domain import access, messages
from postroom.domain.accounts import Account as DomainAccount
from postroom.domain.chats import Chat as DomainChat
from postroom.domain.deletions import Deletion
from postroom.domain.events import EventData
from postroom.domain.pages import Listing
from postroom.domain.receipts import Receipt as DomainReceipt
from postroom.services.events import Joined, PostNow


class Key(msgspec.Struct, kw_only=True):
    """An API key. `secret` is shown once, when it is made."""

    id: str
    name: str
    prefix: str
    scopes: list[str]
    managed_user_id: str | None
    created_at: str
    revoked_at: str | None
    deletes_per_hour: int | None
    """How many deletions it may ask for in any hour; null: as many as it likes."""
    deletes_per_day: int | None
    secret: str | UnsetType = UNSET


class Keys(msgspec.Struct, kw_only=True):
    items: list[Key]


class NewKey(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`scopes`: among read, send, delete, publish, link, admin; if not said, all but admin.

    `deletes_per_hour`, `deletes_per_day`: a budget of deletions, as an agent's key should have one; null: none.
    """

    name: str
    scopes: list[access.Scope] | None = None
    managed_user_id: str | None = None
    deletes_per_hour: int | None = None
    deletes_per_day: int | None = None


class Entitlements(msgspec.Struct, kw_only=True):
    api: bool
    mcp: bool
    managed_users: bool


class Workspace(msgspec.Struct, kw_only=True):
    id: str
    name: str
    sandbox: bool
    entitlements: Entitlements
    user_id: str
    """The user acted for: the workspace's owner, or a managed user."""


class ManagedUser(msgspec.Struct, kw_only=True):
    id: str
    username: str
    display_name: str
    created_at: str


class ManagedUsers(msgspec.Struct, kw_only=True):
    items: list[ManagedUser]


class NewManagedUser(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    username: str
    display_name: str | None = None


class Seal(msgspec.Struct, kw_only=True):
    """A receipt's place in the chain of its workspace: the hash of the one before, its own, and the server's signature."""

    sequence: int
    previous: str
    hash: str
    signature: str


class Receipt(msgspec.Struct, kw_only=True):
    """What was asked, what the network answered, what was read back, what was erased here. Never content."""

    id: str
    kind: str
    target_id: str
    created_at: str
    document: dict[str, Any]
    sealed: bool
    """Whether it has its place in the chain yet: about a second after it was written."""
    seal: Seal | None


class Receipts(msgspec.Struct, kw_only=True):
    items: list[Receipt]
    cursor: str | None


class File(msgspec.Struct, kw_only=True):
    """A file or card of a message. What is null is not known. `available`: whether there is a file to be had."""

    id: str
    type: str
    """img, video, audio, file, linkedin_post or video_meeting."""
    name: str | None
    content_type: str | None
    size_bytes: int | None
    available: bool


class Reaction(msgspec.Struct, kw_only=True):
    emoji: str
    sender_id: str
    is_sender: bool


class WhyNot(msgspec.Struct, kw_only=True):
    """Why something cannot be done: a stable word, and a sentence."""

    code: str
    detail: str


class Message(msgspec.Struct, kw_only=True):
    """A message as it now stands. A tombstone has `deleted_at`, and no text."""

    id: str
    account_id: str
    chat_id: str
    provider: str
    provider_id: str
    chat_provider_id: str
    sender_id: str
    sender_attendee_id: str
    sent_at: str
    is_sender: bool
    seen: bool
    edited: bool
    text: str | None
    attachments: int
    """How many."""
    files: list[File]
    reactions: list[Reaction]
    deleted_at: str | None
    can_delete: bool
    """Whether its network would be asked to take it back, if that were said now."""
    delete_by: str | None
    """Until when its network does that; null: there is no such moment."""
    delete_reason: WhyNot | None
    """Why it cannot be deleted: `deleted`, `no_recall`, `not_own`, `window_expired`, or how its account is."""
    delete_at: str | UnsetType | None = UNSET
    """When it is to be deleted; null: not yet, that we know of. Not in events."""


class Chat(msgspec.Struct, kw_only=True):
    """`kind`: single, group or channel. `name`: its own, else the names of up to four others in it, as people call it;
    null where nobody's is known. `person`: the network's id of the other one in a chat of two.
    """

    id: str
    account_id: str
    provider: str
    provider_id: str
    kind: str
    name: str | None
    subject: str | None
    person: str | None
    read_only: bool
    unread_count: int
    archived: bool
    muted: bool
    pinned: bool
    starred: bool
    last_message_at: str | None


class Post(msgspec.Struct, kw_only=True):
    """A post as it now stands. `error` is PostPost's code for why it failed, `error_detail` its words.

    `part`: which part of a thread, from 0, where the text is too long for its network.
    """

    id: str
    post_group_id: str
    platform: str
    platform_id: str
    part: int
    status: str
    scheduled_at: str | None
    provider_id: str | None
    url: str | None
    error: str | None
    error_detail: str | None


class Event(msgspec.Struct, kw_only=True):
    """Something that happened. `position` is the one cursor; `data` has ids; the object is joined as it now stands."""

    position: int
    id: str
    type: str
    created_at: str
    data: EventData
    message: Message | UnsetType = UNSET
    account: Account | UnsetType = UNSET
    chat: Chat | UnsetType = UNSET
    post: Post | UnsetType = UNSET


class Events(msgspec.Struct, kw_only=True):
    items: list[Event]
    position: int
    """Ask again after this."""


class Position(msgspec.Struct, kw_only=True):
    """The place in the log after which only what is yet to happen follows."""

    position: int


class Done(msgspec.Struct, kw_only=True):
    id: str
    done: str


class Health(msgspec.Struct, kw_only=True):
    """`ok`, or `failing`: the database does not answer, or work has been due for a minute."""

    status: str


def key(found: access.ApiKey, secret: str | None = None) -> Key:
    """A key; with its secret only when it was just made."""
    return Key(
        id=found.id,
        name=found.name,
        prefix=found.prefix,
        scopes=sorted(found.scopes),
        managed_user_id=found.managed_user_id,
        created_at=iso(found.created_at),
        revoked_at=moment(found.revoked_at),
        deletes_per_hour=found.budget.per_hour,
        deletes_per_day=found.budget.per_day,
        secret=UNSET if secret is None else secret,
    )


def without_secret(made: Key) -> Key:
    """What is kept of a new key's answer: a secret is stored nowhere."""
    return msgspec.structs.replace(made, secret=UNSET)


def workspace(caller: access.Caller) -> Workspace:
    """The caller's workspace."""
    entitled = caller.workspace.entitlements
    return Workspace(
        id=caller.workspace.id,
        name=caller.workspace.name,
        sandbox=caller.workspace.sandbox,
        entitlements=Entitlements(api=entitled.api, mcp=entitled.mcp, managed_users=entitled.managed_users),
        user_id=caller.user_id,
    )


def managed_user(found: access.ManagedUser) -> ManagedUser:
    """Someone whom the workspace acts for."""
    return ManagedUser(
        id=found.id, username=found.username, display_name=found.display_name, created_at=iso(found.created_at)
    )


def receipt(found: DomainReceipt) -> Receipt:
    """A receipt."""
    return Receipt(
        id=found.id,
        kind=found.kind,
        target_id=found.target_id,
        created_at=iso(found.created_at),
        document=found.document,
        sealed=found.sealed is not None,
        seal=None if found.sealed is None else Seal(**msgspec.structs.asdict(found.sealed)),
    )


def receipts(found: Listing[DomainReceipt]) -> Receipts:
    """A page of receipts, newest first."""
    return Receipts(items=[receipt(each) for each in found.items], cursor=found.next)


def event(joined: Joined) -> Event:
    """An event with what it is about, as that now stands."""
    found = joined.event
    made = Event(
        position=found.position,
        id=found.id,
        type=found.type,
        created_at=iso(found.created_at),
        data=found.data,
    )
    match joined.content:
        case messages.Message() as content:
            assert joined.deletion is not None
            made.message = message(content, joined.deletion)
        case DomainAccount() as content:
            made.account = account(content)
        case DomainChat() as content:
            made.chat = chat(content, joined.chat_name)
        case PostNow() as content:
            made.post = post(content)
    return made


def events(joined: Sequence[Joined], after: int) -> Events:
    """Events in their order."""
    return Events(items=[event(each) for each in joined], position=joined[-1].event.position if joined else after)


def message(found: messages.Message, deletion: Deletion, moments: Mapping[str, int] | None = None) -> Message:
    """A message, or its tombstone, and whether it can be deleted. `moments`: when messages are to be, by id."""
    return Message(
        id=found.id,
        account_id=found.account_id,
        chat_id=found.chat_id,
        provider=found.provider,
        provider_id=found.provider_id,
        chat_provider_id=found.chat_provider_id,
        sender_id=found.sender_id,
        sender_attendee_id=found.sender_attendee_id,
        sent_at=iso(found.sent_at),
        is_sender=found.is_sender,
        seen=found.seen,
        edited=found.edited,
        text=found.content.text,
        attachments=len(found.content.attachments),
        files=[_file(each) for each in found.content.attachments],
        reactions=[
            Reaction(emoji=each.value, sender_id=each.sender_id, is_sender=each.is_sender)
            for each in found.content.reactions
        ],
        deleted_at=moment(found.deleted_at),
        can_delete=deletion.can_delete,
        delete_by=moment(deletion.delete_by),
        delete_reason=None if deletion.reason is None else WhyNot(code=deletion.reason, detail=deletion.detail or ""),
        delete_at=UNSET if moments is None else moment(moments.get(found.id)),
    )


def post(found: PostNow) -> Post:
    """A post."""
    one = found.post
    return Post(
        id=one.id,
        post_group_id=one.group_id,
        platform=one.platform,
        platform_id=one.platform_id,
        part=one.part,
        status=one.status,
        scheduled_at=moment(found.scheduled_at),
        provider_id=one.provider_id,
        url=one.url,
        error=None if one.error is None else one.error.code,
        error_detail=None if one.error is None else one.error.message,
    )


def without_words(shown: Message) -> Message:
    """What is kept of an answer for its Idempotency-Key: content is stored in one place, from which a recall takes it."""
    return msgspec.structs.replace(shown, text=None, files=[], reactions=[])


def without_name(shown: Chat) -> Chat:
    """The same of a chat."""
    return msgspec.structs.replace(shown, name=None, subject=None)


def _file(found: messages.AnyAttachment) -> File:
    return File(
        id=found.id,
        type=str(type(found).__struct_config__.tag),
        name=found.file_name if isinstance(found, messages.File) else None,
        content_type=found.mimetype,
        size_bytes=found.file_size,
        available=not found.unavailable and not isinstance(found, messages.LinkedPost | messages.VideoMeeting),
    )


def chat(found: DomainChat, name: str | None) -> Chat:
    """A chat, and what people call it."""
    return Chat(
        id=found.id,
        account_id=found.account_id,
        provider=found.provider,
        provider_id=found.provider_id,
        kind=found.kind.name.lower(),
        name=name,
        subject=found.content.subject,
        person=found.attendee_provider_id,
        read_only=found.read_only,
        unread_count=found.unread_count,
        archived=found.archived,
        muted=found.muted,
        pinned=found.pinned,
        starred=found.starred,
        last_message_at=moment(found.last_message_at),
    )
