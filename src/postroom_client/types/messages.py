"""Chats, the people in them, messages, and what was put off."""

from datetime import datetime

import msgspec


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A file or card of a message. What is null is not known. `available`: whether there is a file to be had."""

    id: str
    type: str
    """img, video, audio, file, linkedin_post or video_meeting."""
    name: str | None
    content_type: str | None
    size_bytes: int | None
    available: bool


class NewFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file to send with a message. `voice`: a sound that is meant as a voice message."""

    name: str
    content_type: str
    data: bytes
    voice: bool = False


class Reaction(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's reaction to a message; `is_sender`: the account's own."""

    emoji: str
    sender_id: str
    is_sender: bool


class WhyNot(msgspec.Struct, frozen=True, kw_only=True):
    """Why something cannot be done: a stable word, and a sentence."""

    code: str
    detail: str


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message as it now stands. A tombstone has `deleted_at`, and no text."""

    id: str
    account_id: str
    chat_id: str
    provider: str
    provider_id: str
    chat_provider_id: str
    sender_id: str
    sender_attendee_id: str
    sent_at: datetime
    is_sender: bool
    """Whether the account itself sent it."""
    seen: bool
    edited: bool
    text: str | None
    attachments: int
    files: list[File]
    reactions: list[Reaction]
    deleted_at: datetime | None
    can_delete: bool
    """Whether its network would be asked to take it back, if that were said now."""
    delete_by: datetime | None
    """Until when its network does that; None: there is no such moment."""
    delete_reason: WhyNot | None
    """Why it cannot be deleted."""
    delete_at: datetime | None = None
    """When it is to be deleted; None: not yet, that is known of. Not in events."""


class Chat(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation as one account sees it. `kind`: single, group or channel. `name`: its own, else the names of up to
    four others in it; None where nobody's is known.
    """

    id: str
    account_id: str
    provider: str
    provider_id: str
    kind: str
    name: str | None
    subject: str | None
    person: str | None
    """The network's id of the other one, in a chat of two."""
    read_only: bool
    unread_count: int
    archived: bool
    muted: bool
    pinned: bool
    starred: bool
    last_message_at: datetime | None


class Deferral(msgspec.Struct, frozen=True, kw_only=True):
    """What was put off, and what came of it so far. Final where `settled_at` is.

    `state`: waiting (it can be undone), under_way, done, undone, refused (the `detail` says why), in_doubt.
    """

    id: str
    href: str
    kind: str
    """`delete` or `send`."""
    cause: str
    """`grace` or `delete_at`."""
    state: str
    account_id: str
    chat_id: str
    message_id: str | None
    due_at: datetime
    created_at: datetime
    settled_at: datetime | None
    detail: str | None


class Deleted(msgspec.Struct, frozen=True, kw_only=True):
    """`done`: `deleted`, or `deferred` as the deferral says."""

    id: str
    done: str
    deferral: Deferral | None


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """The message that was sent; None where that is still to come, as the deferral says.

    Where an answer was lost and came again for the same Idempotency-Key, the message is without its words: they are
    kept in one place, and `messages.get` reads them there.
    """

    message_id: str | None
    message: Message | None
    deferral: Deferral | None


class DeleteAtSet(msgspec.Struct, frozen=True, kw_only=True):
    """When a message deletes itself now; no deferral: not by itself."""

    id: str
    deferral: Deferral | None


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody in a chat, as one account sees them."""

    id: str
    account_id: str
    provider: str
    provider_id: str
    """The network's id, by which messages name their sender."""
    name: str
    kind: str
    """member, organization or other."""
    is_self: bool
    headline: str | None
    profile_url: str | None
    picture: bool
    distance: int | None


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody, as the network shows them to an account now; None is what it does not show."""

    provider_id: str
    username: str | None
    name: str
    headline: str | None
    summary: str | None
    location: str | None
    picture_url: str | None
    profile_url: str | None
    distance: int | None
    connected_at: datetime | None
