"""The objects of our own API, and from our values to them. Moments are ISO 8601 in UTC."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from postroom.clock import iso
from postroom.domain import access, messages
from postroom.domain.accounts import Account as DomainAccount
from postroom.domain.accounts import LoginAttempt
from postroom.domain.capabilities import Capabilities as DomainCapabilities
from postroom.domain.chats import Chat as DomainChat
from postroom.domain.events import EventData
from postroom.domain.logins import Checkpoint
from postroom.domain.pages import Listing
from postroom.domain.receipts import Receipt as DomainReceipt
from postroom.domain.syncs import SyncProgress
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
    secret: str | UnsetType = UNSET


class Keys(msgspec.Struct, kw_only=True):
    items: list[Key]


class NewKey(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`scopes`: among read, send, delete, publish, link, admin; if not said, all but admin."""

    name: str
    scopes: list[access.Scope] | None = None
    managed_user_id: str | None = None


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


class Network(msgspec.Struct, kw_only=True):
    """What a network can do here. A power that is null is one it has not. Windows are in seconds."""

    name: str
    flows: list[str]
    send: dict[str, Any] | None
    start: dict[str, Any] | None
    edit: dict[str, Any] | None
    react: dict[str, Any] | None
    recall: dict[str, Any] | None
    forward: bool
    typing: bool
    marks: list[str]
    publish: dict[str, Any] | None
    unpublish: bool


class Networks(msgspec.Struct, kw_only=True):
    items: list[Network]


class NewLink(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`flow` is one of the network's, as capabilities list them."""

    provider: str
    flow: str


class Answers(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The owner's answers to the last step, by field."""

    answers: dict[str, str]


class Link(msgspec.Struct, kw_only=True):
    """An attempt to link, five minutes long. `step` says what is next: `ask` for these fields, `visit` this page,
    `show` this code and answer again, `wait` for what the owner does at the network, or `linked`."""

    id: str
    step: str
    expires_at: str
    fields: dict[str, str] | UnsetType = UNSET
    choices: dict[str, dict[str, str]] | UnsetType = UNSET
    """The values that a field can have, each with its label, where they are known."""
    url: str | UnsetType = UNSET
    code: str | UnsetType = UNSET
    checkpoint: Checkpoint | UnsetType = UNSET
    """What the network wants to see before it lets the owner in."""
    account_id: str | UnsetType = UNSET
    notice: str | UnsetType = UNSET


class Sync(msgspec.Struct, kw_only=True):
    """How far it is that all chats of an account, or one of them, are read: figures of chats and messages so far."""

    state: str
    """`queued`, `running`, `resting` (a chunk is done), `done` or `failed`, which is tried again."""
    started_at: str
    finished_at: str | None
    chats_known: int
    all_chats_known: bool
    """Whether all are listed; until then there may be more."""
    chats_done: int
    chats_failed: int
    """Of those done, how many the network did not show."""
    messages: int
    error: str | None


class Account(msgspec.Struct, kw_only=True):
    id: str
    provider: str
    provider_id: str
    user_id: str
    username: str
    name: str
    picture_url: str | None
    profile_url: str | None
    status: str
    status_detail: str | None
    synced: bool
    sync: Sync | None
    """How far the last reading of all chats is; null: it has not begun."""
    created_at: str
    last_synced_at: str | None
    last_used_at: str
    credentials_expire_at: str | None
    """When it ends unless it is linked again, as far as its network says."""


class Accounts(msgspec.Struct, kw_only=True):
    items: list[Account]
    cursor: str | None


class Receipt(msgspec.Struct, kw_only=True):
    """What was asked, what the network answered, what was read back, what was erased here. Never content."""

    id: str
    kind: str
    target_id: str
    created_at: str
    document: dict[str, Any]


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


class Chat(msgspec.Struct, kw_only=True):
    id: str
    account_id: str
    provider: str
    provider_id: str
    name: str | None
    unread_count: int
    archived: bool
    muted: bool
    pinned: bool
    starred: bool
    last_message_at: str | None


class Post(msgspec.Struct, kw_only=True):
    """A post as it now stands. `error` is PostPost's code for why it failed."""

    id: str
    post_group_id: str
    platform: str
    platform_id: str
    status: str
    scheduled_at: str | None
    provider_id: str | None
    url: str | None
    error: str | None


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
        revoked_at=_iso(found.revoked_at),
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


def networks(powers: Mapping[str, DomainCapabilities], flows: Mapping[str, Sequence[str]]) -> Networks:
    """What each network can do, by name."""
    return Networks(
        items=[
            Network(
                name=name,
                flows=list(flows.get(name, ())),
                send=_power(found.send),
                start=_power(found.start),
                edit=_power(found.edit),
                react=_power(found.react),
                recall=_power(found.recall),
                forward=found.forward,
                typing=found.typing,
                marks=sorted(found.marks),
                publish=_power(found.publish),
                unpublish=found.unpublish,
            )
            for name, found in sorted(powers.items())
        ]
    )


_LINKEDIN = "LinkedIn's User Agreement forbids automating an account; whoever links one answers for it."
NOTICES = {("linkedin", "cookie"): _LINKEDIN, ("linkedin", "password"): _LINKEDIN}


def link(attempt: LoginAttempt, step: Any) -> Link:
    """Where an attempt stands: the connector's step, or the account that was linked."""
    made = Link(id=attempt.id, step=type(step).__name__.lower(), expires_at=iso(attempt.expires_at))
    if isinstance(step, DomainAccount):
        return msgspec.structs.replace(made, step="linked", account_id=step.id)
    made.fields = dict(getattr(step, "fields", None) or {}) or UNSET
    made.choices = {name: dict(each) for name, each in (getattr(step, "choices", None) or {}).items()} or UNSET
    made.url = getattr(step, "url", UNSET)
    made.code = getattr(step, "code", UNSET)
    made.checkpoint = getattr(step, "checkpoint", None) or UNSET
    made.notice = NOTICES.get((attempt.provider, attempt.flow), UNSET)
    return made


def account(found: DomainAccount) -> Account:
    """A linked account."""
    return Account(
        id=found.id,
        provider=found.provider,
        provider_id=found.provider_id,
        user_id=found.user_id,
        username=found.profile.username,
        name=found.profile.name,
        picture_url=found.profile.picture_url,
        profile_url=found.profile.profile_url,
        status=found.status,
        status_detail=found.status_detail,
        synced=found.synced,
        sync=None if found.sync is None else sync(found.sync),
        created_at=iso(found.created_at),
        last_synced_at=_iso(found.last_synced_at),
        last_used_at=iso(found.last_used_at),
        credentials_expire_at=_iso(found.credentials_expire_at),
    )


def sync(found: SyncProgress) -> Sync:
    """How far a sync is."""
    return Sync(
        state=found.state,
        started_at=iso(found.started_at),
        finished_at=_iso(found.finished_at),
        chats_known=found.chats_known,
        all_chats_known=found.listed,
        chats_done=found.chats_done,
        chats_failed=found.chats_failed,
        messages=found.messages,
        error=found.error,
    )


def accounts(found: Listing[DomainAccount]) -> Accounts:
    """A page of accounts."""
    return Accounts(items=[account(each) for each in found.items], cursor=found.next)


def receipt(found: DomainReceipt) -> Receipt:
    """A receipt."""
    return Receipt(
        id=found.id,
        kind=found.kind,
        target_id=found.target_id,
        created_at=iso(found.created_at),
        document=found.document,
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
            made.message = message(content)
        case DomainAccount() as content:
            made.account = account(content)
        case DomainChat() as content:
            made.chat = chat(content)
        case PostNow() as content:
            made.post = _post(content)
    return made


def events(joined: Sequence[Joined], after: int) -> Events:
    """Events in their order."""
    return Events(items=[event(each) for each in joined], position=joined[-1].event.position if joined else after)


def message(found: messages.Message) -> Message:
    """A message, or its tombstone."""
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
        deleted_at=_iso(found.deleted_at),
    )


def _post(found: PostNow) -> Post:
    post = found.post
    return Post(
        id=post.id,
        post_group_id=post.group_id,
        platform=post.platform,
        platform_id=post.platform_id,
        status=post.status,
        scheduled_at=_iso(found.scheduled_at),
        provider_id=post.provider_id,
        url=post.url,
        error=None if post.error is None else post.error.code,
    )


def _file(found: messages.AnyAttachment) -> File:
    return File(
        id=found.id,
        type=str(type(found).__struct_config__.tag),
        name=found.file_name if isinstance(found, messages.File) else None,
        content_type=found.mimetype,
        size_bytes=found.file_size,
        available=not found.unavailable and not isinstance(found, messages.LinkedPost | messages.VideoMeeting),
    )


def chat(found: DomainChat) -> Chat:
    """A chat."""
    return Chat(
        id=found.id,
        account_id=found.account_id,
        provider=found.provider,
        provider_id=found.provider_id,
        name=found.content.name,
        unread_count=found.unread_count,
        archived=found.archived,
        muted=found.muted,
        pinned=found.pinned,
        starred=found.starred,
        last_message_at=_iso(found.last_message_at),
    )


def _iso(moment: int | None) -> str | None:
    return None if moment is None else iso(moment)


def _power(found: msgspec.Struct | None) -> dict[str, Any] | None:
    if found is None:
        return None
    built: dict[str, Any] = msgspec.to_builtins(found, builtin_types=(), enc_hook=str)
    window = getattr(found, "window", None)
    return built if window is None else built | {"window": window.total_seconds()}
