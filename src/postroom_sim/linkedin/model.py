"""Members, threads, mailboxes and messages of the simulated LinkedIn, as values."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from postroom_sim.database import Row

Content = list[dict[str, Any]]

INBOX = ("INBOX", "PRIMARY_INBOX")


@dataclass(frozen=True, slots=True)
class Member:
    id: str
    number: int
    first_name: str
    last_name: str
    headline: str
    slug: str
    login: str | None
    picture: str | None

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}"


@dataclass(frozen=True, slots=True)
class Thread:
    id: str
    title: str | None
    group_chat: bool
    kind: str
    """"chat" or "inmail"."""
    created_at: int
    creator: str


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One participant's view of a thread."""

    member_id: str
    thread_id: str
    unread_count: int
    marked_unread: bool
    last_read_at: int | None
    last_activity_at: int
    categories: list[str]
    visible: bool
    cleared_at: int
    """Messages up to here were deleted for this participant alone."""
    member: bool
    version: int


@dataclass(frozen=True, slots=True)
class Message:
    id: str
    thread_id: str
    sender_id: str
    text: str
    attributes: list[dict[str, Any]]
    subject: str | None
    delivered_at: int
    origin_token: str | None
    format: str
    content: Content
    original_text: str
    """What was sent first. No client can read it; late frames and stale reads are made of it."""
    original_content: Content
    edited_at: int | None
    recalled_at: int | None
    version: int


@dataclass(frozen=True, slots=True)
class Reaction:
    emoji: str
    member_id: str
    at: int


@dataclass(frozen=True, slots=True)
class Asset:
    id: str
    owner: str
    kind: str
    name: str
    media_type: str
    size: int
    bytes: bytes | None


MEMBER_COLUMNS = "id, number, first_name, last_name, headline, slug, login, picture"
THREAD_COLUMNS = "id, title, group_chat, kind, created_at, creator"
MAILBOX_COLUMNS = (
    "member_id, thread_id, unread_count, marked_unread, last_read_at, last_activity_at, categories, visible,"
    " cleared_at, member, version"
)
MESSAGE_COLUMNS = (
    "id, thread_id, sender_id, text, attributes, subject, delivered_at, origin_token, format, content,"
    " original_text, original_content, edited_at, recalled_at, version"
)


def thread_from(row: Row) -> Thread:
    return Thread(row[0], row[1], bool(row[2]), *row[3:])


def mailbox_from(row: Row) -> Mailbox:
    return Mailbox(
        row[0],
        row[1],
        row[2],
        bool(row[3]),
        row[4],
        row[5],
        json.loads(row[6]),
        bool(row[7]),
        row[8],
        bool(row[9]),
        row[10],
    )


def message_from(row: Row) -> Message:
    cells = list(row)
    for number in (4, 9, 11):
        cells[number] = json.loads(cells[number])
    return Message(*cells)
