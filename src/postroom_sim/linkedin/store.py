"""Finding and keeping members, threads, mailboxes and messages."""

from __future__ import annotations

import json
import random
from typing import Any

from postroom_sim.linkedin.model import (
    MAILBOX_COLUMNS,
    MEMBER_COLUMNS,
    MESSAGE_COLUMNS,
    THREAD_COLUMNS,
    Asset,
    Mailbox,
    Member,
    Message,
    Reaction,
    Thread,
    mailbox_from,
    message_from,
    thread_from,
)
from postroom_sim.network import Ground

VERSION = "linkedin_version"
STRANGERS = frozenset({"goran-petrov"})
"""Those whom nobody is connected to: a conversation with them takes an InMail. So is every `user_new_stranger...`."""


class Store:
    """Reads and writes rows; knows nothing of URNs, permissions or events."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.database = ground.database

    def chance(self) -> random.Random:
        """A source of ids that gives the same ones in the same order for the same seed."""
        return random.Random(f"{self.ground.seed}:linkedin:{self.database.next('linkedin_chance')}")

    def next_version(self) -> int:
        return self.database.next(VERSION)

    def version(self) -> int:
        return self.database.current(VERSION)

    # members

    def find_member(self, id: str) -> Member | None:
        row = self.database.one(f"SELECT {MEMBER_COLUMNS} FROM linkedin_members WHERE id = ?", (id,))
        return Member(*row) if row else None

    def member(self, id: str) -> Member:
        found = self.find_member(id)
        assert found is not None, id
        return found

    def find_login(self, login: str) -> Member | None:
        row = self.database.one(f"SELECT {MEMBER_COLUMNS} FROM linkedin_members WHERE login = ?", (login,))
        return Member(*row) if row else None

    def find_slug(self, slug: str) -> Member | None:
        row = self.database.one(f"SELECT {MEMBER_COLUMNS} FROM linkedin_members WHERE slug = ?", (slug.lower(),))
        return Member(*row) if row else None

    def are_connected(self, one: Member, other: Member) -> bool:
        """Everybody is, but those who stay strangers to all."""
        strange = any(each.slug in STRANGERS or each.slug.startswith("stranger") for each in (one, other))
        return one.id != other.id and not strange

    def list_connections(self, member_id: str) -> list[Member]:
        """The latest to arrive first."""
        rows = self.database.all(f"SELECT {MEMBER_COLUMNS} FROM linkedin_members ORDER BY rowid DESC")
        me = self.member(member_id)
        return [found for row in rows if self.are_connected(me, found := Member(*row))]

    def list_logins(self) -> list[Member]:
        sql = f"SELECT {MEMBER_COLUMNS} FROM linkedin_members WHERE login IS NOT NULL ORDER BY rowid"
        return [Member(*row) for row in self.database.all(sql)]

    def add_member(self, member: Member) -> None:
        values = (
            member.id,
            member.number,
            member.first_name,
            member.last_name,
            member.headline,
            member.slug,
            member.login,
            member.picture,
        )
        self.database.execute("INSERT INTO linkedin_members VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)

    # threads and mailboxes

    def find_thread(self, id: str) -> Thread | None:
        row = self.database.one(f"SELECT {THREAD_COLUMNS} FROM linkedin_threads WHERE id = ?", (id,))
        return thread_from(row) if row else None

    def thread(self, id: str) -> Thread:
        found = self.find_thread(id)
        assert found is not None, id
        return found

    def list_threads(self) -> list[Thread]:
        return [
            thread_from(row)
            for row in self.database.all(f"SELECT {THREAD_COLUMNS} FROM linkedin_threads ORDER BY rowid")
        ]

    def find_direct_thread(self, one: str, other: str) -> Thread | None:
        """The thread these two have by themselves."""
        row = self.database.one(
            f"SELECT {', '.join('t.' + name for name in THREAD_COLUMNS.split(', '))} FROM linkedin_mailboxes a"
            " JOIN linkedin_mailboxes b ON b.thread_id = a.thread_id AND b.member_id = ?"
            " JOIN linkedin_threads t ON t.id = a.thread_id"
            " WHERE a.member_id = ? AND t.group_chat = 0 AND t.kind = 'chat'",
            (other, one),
        )
        return thread_from(row) if row else None

    def list_shared_threads(self, member_ids: list[str]) -> list[str]:
        """The threads whose participants are exactly these people."""
        marks = ", ".join("?" * len(member_ids))
        sql = (
            f"SELECT b.thread_id FROM linkedin_mailboxes b WHERE b.member_id IN ({marks}) AND b.member = 1"
            " GROUP BY b.thread_id HAVING count(*) = ? AND ? ="
            " (SELECT count(*) FROM linkedin_mailboxes o WHERE o.thread_id = b.thread_id AND o.member = 1)"
        )
        count = len(member_ids)
        return [row[0] for row in self.database.all(sql, (*member_ids, count, count))]

    def add_thread(self, thread: Thread, member_ids: list[str], categories: list[str]) -> None:
        self.database.execute(
            "INSERT INTO linkedin_threads VALUES (?, ?, ?, ?, ?, ?)",
            (thread.id, thread.title, thread.group_chat, thread.kind, thread.created_at, thread.creator),
        )
        for member_id in member_ids:
            self.add_mailbox(member_id, thread.id, at=thread.created_at, categories=categories)

    def add_mailbox(self, member_id: str, thread_id: str, *, at: int, categories: list[str]) -> None:
        row = self.database.one("SELECT max(position) FROM linkedin_mailboxes WHERE thread_id = ?", (thread_id,))
        position = ((row[0] if row else None) or 0) + 1
        self.database.execute(
            "INSERT INTO linkedin_mailboxes VALUES (?, ?, ?, 0, 0, NULL, ?, ?, 1, 0, 1, ?)",
            (member_id, thread_id, position, at, json.dumps(categories), self.next_version()),
        )

    def request_state(self, member_id: str, thread_id: str) -> str | None:
        sql = "SELECT state FROM linkedin_requests WHERE member_id = ? AND thread_id = ?"
        row = self.database.one(sql, (member_id, thread_id))
        return str(row[0]) if row else None

    def set_request(self, member_id: str, thread_id: str, state: str) -> None:
        self.database.execute(
            "INSERT OR REPLACE INTO linkedin_requests VALUES (?, ?, ?)", (member_id, thread_id, state)
        )
        self.set_mailbox(member_id, thread_id)

    def count_inmails(self, member_id: str) -> int:
        """How many this member began."""
        sql = "SELECT count(*) FROM linkedin_threads WHERE kind = 'inmail' AND creator = ?"
        row = self.database.one(sql, (member_id,))
        return int(row[0]) if row else 0

    def find_mailbox(self, member_id: str, thread_id: str) -> Mailbox | None:
        row = self.database.one(
            f"SELECT {MAILBOX_COLUMNS} FROM linkedin_mailboxes WHERE member_id = ? AND thread_id = ?",
            (member_id, thread_id),
        )
        return mailbox_from(row) if row else None

    def list_mailboxes_of_thread(self, thread_id: str) -> list[Mailbox]:
        """Of those who are still in it, in the order they joined."""
        sql = f"SELECT {MAILBOX_COLUMNS} FROM linkedin_mailboxes WHERE thread_id = ? AND member = 1 ORDER BY position"
        return [mailbox_from(row) for row in self.database.all(sql, (thread_id,))]

    def list_participants(self, thread_id: str) -> list[Member]:
        columns = ", ".join("m." + name for name in MEMBER_COLUMNS.split(", "))
        sql = (
            f"SELECT {columns} FROM linkedin_mailboxes b JOIN linkedin_members m ON m.id = b.member_id"
            " WHERE b.thread_id = ? AND b.member = 1 ORDER BY b.position"
        )
        return [Member(*row) for row in self.database.all(sql, (thread_id,))]

    def list_mailboxes(self, member_id: str, where: str, values: tuple[Any, ...], limit: int) -> list[Mailbox]:
        """Newest activity first."""
        sql = (
            f"SELECT {MAILBOX_COLUMNS} FROM linkedin_mailboxes WHERE member_id = ? AND {where}"
            " ORDER BY last_activity_at DESC, thread_id DESC LIMIT ?"
        )
        return [mailbox_from(row) for row in self.database.all(sql, (member_id, *values, limit))]

    def list_changed_mailboxes(self, member_id: str, since: int) -> list[Mailbox]:
        """With a later version than `since`, newest activity first."""
        sql = (
            f"SELECT {MAILBOX_COLUMNS} FROM linkedin_mailboxes INDEXED BY linkedin_mailboxes_by_version"
            " WHERE member_id = ? AND version > ? ORDER BY last_activity_at DESC, thread_id DESC"
        )
        return [mailbox_from(row) for row in self.database.all(sql, (member_id, since))]

    def set_mailbox(self, member_id: str, thread_id: str, **changes: Any) -> None:
        """Change some columns and give the mailbox a new version."""
        changes["version"] = self.next_version()
        names = ", ".join(f"{name} = ?" for name in changes)
        self.database.execute(
            f"UPDATE linkedin_mailboxes SET {names} WHERE member_id = ? AND thread_id = ?",
            (*changes.values(), member_id, thread_id),
        )

    # messages

    def find_message(self, id: str) -> Message | None:
        row = self.database.one(f"SELECT {MESSAGE_COLUMNS} FROM linkedin_messages WHERE id = ?", (id,))
        return message_from(row) if row else None

    def list_messages(
        self, thread_id: str, where: str, values: tuple[Any, ...], limit: int, *, oldest_first: bool = False
    ) -> list[Message]:
        order = "ASC" if oldest_first else "DESC"
        sql = (
            f"SELECT {MESSAGE_COLUMNS} FROM linkedin_messages WHERE thread_id = ? AND {where}"
            f" ORDER BY delivered_at {order}, id {order} LIMIT ?"
        )
        return [message_from(row) for row in self.database.all(sql, (thread_id, *values, limit))]

    def list_changed_messages(self, thread_id: str, since: int, where: str, values: tuple[Any, ...]) -> list[Message]:
        """With a later version than `since`, newest first. Left alone, SQLite would walk the whole thread by time."""
        sql = (
            f"SELECT {MESSAGE_COLUMNS} FROM linkedin_messages INDEXED BY linkedin_messages_by_version"
            f" WHERE thread_id = ? AND version > ? AND {where} ORDER BY delivered_at DESC, id DESC"
        )
        return [message_from(row) for row in self.database.all(sql, (thread_id, since, *values))]

    def newest_delivery(self, thread_id: str) -> int:
        row = self.database.one("SELECT max(delivered_at) FROM linkedin_messages WHERE thread_id = ?", (thread_id,))
        return int(row[0]) if row and row[0] else 0

    def add_message(self, message: Message) -> None:
        self.database.execute(
            "INSERT INTO linkedin_messages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                message.id,
                message.thread_id,
                message.sender_id,
                message.text,
                json.dumps(message.attributes),
                message.subject,
                message.delivered_at,
                message.origin_token,
                message.format,
                json.dumps(message.content),
                message.original_text,
                json.dumps(message.original_content),
                message.edited_at,
                message.recalled_at,
                message.version,
            ),
        )

    def set_message(self, id: str, **changes: Any) -> Message:
        """Change some columns, give the message a new version and return it as it is now."""
        changes["version"] = self.next_version()
        names = ", ".join(f"{name} = ?" for name in changes)
        self.database.execute(f"UPDATE linkedin_messages SET {names} WHERE id = ?", (*changes.values(), id))
        found = self.find_message(id)
        assert found is not None
        return found

    def list_reactions(self, message_id: str) -> list[Reaction]:
        sql = "SELECT emoji, member_id, at FROM linkedin_reactions WHERE message_id = ? ORDER BY at, emoji, member_id"
        return [Reaction(*row) for row in self.database.all(sql, (message_id,))]

    # media

    def add_asset(self, asset: Asset) -> None:
        self.database.execute(
            "INSERT INTO linkedin_assets VALUES (?, ?, ?, ?, ?, ?, ?)",
            (asset.id, asset.owner, asset.kind, asset.name, asset.media_type, asset.size, asset.bytes),
        )

    def find_asset(self, id: str, *, with_bytes: bool = False) -> Asset | None:
        content = "bytes" if with_bytes else "CASE WHEN bytes IS NULL THEN NULL ELSE x'' END"
        row = self.database.one(
            f"SELECT id, owner, kind, name, media_type, size, {content} FROM linkedin_assets WHERE id = ?", (id,)
        )
        return Asset(*row) if row else None
