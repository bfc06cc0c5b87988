"""What members do: write, edit, recall, react, read, type, archive, rename, leave. The rules of LinkedIn live here."""

from __future__ import annotations

import json
from typing import Any

import regex

from postroom_sim.linkedin import identifiers as urn
from postroom_sim.linkedin.events import Events
from postroom_sim.linkedin.model import INBOX, Content, Mailbox, Member, Message, Thread
from postroom_sim.linkedin.store import Store

# Source: mautrix/linkedin 525a6e3 (May 2026), capabilities: recall and edit for 60 minutes,
# 8000 characters, titles of 300.
WINDOW_MS = 60 * 60 * 1000
TEXT_LENGTH = 8000
TITLE_LENGTH = 300

_BARE_SYMBOL = regex.compile(r"\p{Emoji}(?<!\p{Emoji_Presentation})(?!\uFE0F)")


class Denied(Exception):
    """LinkedIn does not do that. The wire answer is a 400."""


class Actions:
    def __init__(self, store: Store, events: Events) -> None:
        self._store = store
        self._events = events

    def send(
        self, sender: Member, thread: Thread, text: str, *, attributes: list[dict[str, Any]] | None = None,
        content: Content | None = None, subject: str | None = None, origin_token: str | None = None,
        at: int | None = None, format: str = "DEFAULT",
    ) -> Message:  # fmt: skip
        """Write a message, now unless `at` says when (milliseconds); only what happens now is pushed."""
        if len(text) > TEXT_LENGTH or (not text.strip() and not content):
            raise Denied("text")
        store = self._store
        now = store.ground.clock.now_ms()
        newest = store.newest_delivery(thread.id)
        delivered_at = max(now, newest + 1) if at is None else at
        source = store.chance()
        id = urn.new_message_id(source, delivered_at=delivered_at, thread_id=thread.id)
        while store.find_message(id) is not None:
            # Many who write in one millisecond draw the same number now and then.
            id = urn.new_message_id(source, delivered_at=delivered_at, thread_id=thread.id)
        message = Message(
            id,
            thread.id,
            sender.id,
            text,
            attributes or [],
            subject,
            delivered_at,
            origin_token,
            format,
            content or [],
            text,
            content or [],
            None,
            None,
            store.next_version(),
        )
        store.add_message(message)
        if store.request_state(sender.id, thread.id) == "PENDING":
            store.set_request(sender.id, thread.id, "ACCEPTED")
        for mailbox in store.list_mailboxes_of_thread(thread.id):
            self._deliver(mailbox, message)
        if at is None:
            self._events.message(message)
        return message

    def _deliver(self, mailbox: Mailbox, message: Message) -> None:
        changes: dict[str, Any] = {"visible": 1}
        changes["last_activity_at"] = max(mailbox.last_activity_at, message.delivered_at)
        if mailbox.member_id == message.sender_id:
            changes |= {"unread_count": 0, "marked_unread": 0, "last_read_at": message.delivered_at}
        elif message.format == "DEFAULT":
            changes["unread_count"] = mailbox.unread_count + 1
        self._store.set_mailbox(mailbox.member_id, mailbox.thread_id, **changes)

    def start_thread(
        self, creator: Member, others: list[Member], title: str | None, *, at: int | None = None
    ) -> Thread:
        """The thread these people have, or a new one. A group is new each time."""
        store = self._store
        if not others or any(other.id == creator.id for other in others) or len({o.id for o in others}) < len(others):
            raise Denied("recipients")
        if title is not None and len(title) > TITLE_LENGTH:
            raise Denied("title")
        group = len(others) > 1
        known = None if group else store.find_direct_thread(creator.id, others[0].id)
        if known is not None:
            return known
        created_at = store.ground.clock.now_ms() if at is None else at
        thread = Thread(
            urn.new_thread_id(store.chance()), title if group else None, group, "chat", created_at, creator.id
        )
        store.add_thread(thread, [creator.id, *(other.id for other in others)], list(INBOX))
        return thread

    def start_inmail(self, creator: Member, other: Member) -> Thread:
        """A conversation of its own, which the other one is asked for. It takes one credit."""
        store = self._store
        if other.id == creator.id:
            raise Denied("recipients")
        id = urn.new_thread_id(store.chance())
        thread = Thread(id, None, False, "inmail", store.ground.clock.now_ms(), creator.id)
        store.add_thread(thread, [creator.id, other.id], [*INBOX, "INMAIL"])
        store.set_request(other.id, thread.id, "PENDING")
        return thread

    def answer_request(self, member: Member, thread_id: str, state: str) -> None:
        if state not in ("ACCEPTED", "DECLINED") or self._store.request_state(member.id, thread_id) is None:
            raise Denied("no request")
        self._store.set_request(member.id, thread_id, state)
        self._events.conversation(member.id, thread_id, None)

    def edit(
        self, member: Member, message: Message, text: str, attributes: list[dict[str, Any]] | None = None
    ) -> Message:
        self._own_and_young(member, message)
        if not text.strip() or len(text) > TEXT_LENGTH:
            raise Denied("text")
        now = self._store.ground.clock.now_ms()
        changed = self._store.set_message(
            message.id, text=text, attributes=json.dumps(attributes or []), format="EDITED", edited_at=now
        )
        self._touch(changed)
        self._events.message(changed)
        return changed

    def recall(self, member: Member, message: Message) -> Message:
        """Take a message back for everyone. Its URN and deliveredAt stay; its text and content go."""
        self._own_and_young(member, message)
        self._store.database.execute("DELETE FROM linkedin_reactions WHERE message_id = ?", (message.id,))
        changed = self._store.set_message(
            message.id,
            text="",
            attributes="[]",
            content="[]",
            format="RECALLED",
            recalled_at=self._store.ground.clock.now_ms(),
        )
        self._touch(changed)
        self._events.message(changed)
        return changed

    def _own_and_young(self, member: Member, message: Message) -> None:
        age = self._store.ground.clock.now_ms() - message.delivered_at
        if message.sender_id != member.id or message.format in ("RECALLED", "SYSTEM") or age > WINDOW_MS:
            raise Denied("not own, too old, or already recalled")

    def _touch(self, message: Message) -> None:
        """A changed message shows in everybody's next delta of conversations."""
        for mailbox in self._store.list_mailboxes_of_thread(message.thread_id):
            self._store.set_mailbox(mailbox.member_id, mailbox.thread_id)

    def react(self, member: Member, message: Message, emoji: str, *, at: int | None = None) -> None:
        if not emoji or len(emoji) > 32 or emoji.isascii() or _BARE_SYMBOL.match(emoji):
            raise Denied("emoji must be fully qualified")
        if message.format in ("RECALLED", "SYSTEM"):
            raise Denied("nothing to react to")
        self._store.database.execute(
            "INSERT OR IGNORE INTO linkedin_reactions VALUES (?, ?, ?, ?)",
            (message.id, emoji, member.id, at or self._store.ground.clock.now_ms()),
        )
        self._after_reaction(member, message, emoji, added=True, push=at is None)

    def unreact(self, member: Member, message: Message, emoji: str) -> None:
        cursor = self._store.database.execute(
            "DELETE FROM linkedin_reactions WHERE message_id = ? AND emoji = ? AND member_id = ?",
            (message.id, emoji, member.id),
        )
        if cursor.rowcount == 0:
            raise Denied("no such reaction")
        self._after_reaction(member, message, emoji, added=False, push=True)

    def _after_reaction(self, member: Member, message: Message, emoji: str, *, added: bool, push: bool) -> None:
        changed = self._store.set_message(message.id)
        self._touch(changed)
        if push:
            self._events.reaction(changed, member, emoji, added=added)

    def mark(self, member: Member, thread_id: str, *, read: bool) -> None:
        now = self._store.ground.clock.now_ms()
        if read:
            self._store.set_mailbox(member.id, thread_id, unread_count=0, marked_unread=0, last_read_at=now)
        else:
            self._store.set_mailbox(member.id, thread_id, marked_unread=1)
        newest = self._store.list_messages(thread_id, "format <> 'RECALLED'", (), 1)
        self._events.conversation(member.id, thread_id, newest[0] if newest else None)
        if read and newest and newest[0].sender_id != member.id:
            self._events.seen(newest[0], member, now)

    def categorise(self, member: Member, mailbox: Mailbox, category: str, *, add: bool) -> None:
        categories = [name for name in mailbox.categories if name != category]
        if category == "ARCHIVE":
            gone = ("INBOX", "PRIMARY_INBOX", "SECONDARY_INBOX", "OTHER")
            categories = [name for name in categories if name not in gone]
            categories = [*categories, "ARCHIVE"] if add else [*INBOX, *categories]
        elif category in ("PRIMARY_INBOX", "SECONDARY_INBOX") and add:
            inboxes = ("PRIMARY_INBOX", "SECONDARY_INBOX")
            categories = [*(name for name in categories if name not in inboxes), category]
        elif add:
            categories.append(category)
        self._store.set_mailbox(member.id, mailbox.thread_id, categories=json.dumps(categories))
        self._events.conversation(member.id, mailbox.thread_id, None)

    def rename(self, member: Member, thread: Thread, title: str) -> None:
        if not thread.group_chat or not title.strip() or len(title) > TITLE_LENGTH:
            raise Denied("title")
        self._store.database.execute("UPDATE linkedin_threads SET title = ? WHERE id = ?", (title, thread.id))
        self.send(member, thread, f"{member.name} named the conversation {title}", format="SYSTEM")
        for mailbox in self._store.list_mailboxes_of_thread(thread.id):
            self._events.conversation(mailbox.member_id, thread.id, None)

    def add_participants(self, member: Member, thread: Thread, newcomers: list[Member]) -> None:
        present = {mailbox.member_id for mailbox in self._store.list_mailboxes_of_thread(thread.id)}
        if not thread.group_chat or not newcomers or any(newcomer.id in present for newcomer in newcomers):
            raise Denied("participants")
        for newcomer in newcomers:
            if self._store.find_mailbox(newcomer.id, thread.id) is not None:
                self._store.set_mailbox(newcomer.id, thread.id, member=1, visible=1)
            else:
                now = self._store.ground.clock.now_ms()
                self._store.add_mailbox(newcomer.id, thread.id, at=now, categories=list(INBOX))
            self.send(member, thread, f"{member.name} added {newcomer.name}", format="SYSTEM")

    def remove_participants(self, member: Member, thread: Thread, leavers: list[Member]) -> None:
        present = {mailbox.member_id for mailbox in self._store.list_mailboxes_of_thread(thread.id)}
        if not thread.group_chat or not leavers or any(leaver.id not in present for leaver in leavers):
            raise Denied("participants")
        for leaver in leavers:
            self.send(member, thread, f"{leaver.name} left the conversation", format="SYSTEM")
            self._store.set_mailbox(leaver.id, thread.id, member=0)

    def delete_for(self, member: Member, mailbox: Mailbox) -> None:
        """The thread goes for this member alone; a later message brings it back without the old ones."""
        cleared_at = max(self._store.newest_delivery(mailbox.thread_id), mailbox.cleared_at)
        self._store.set_mailbox(member.id, mailbox.thread_id, visible=0, cleared_at=cleared_at, unread_count=0)
        self._events.conversation_deleted(member.id, mailbox.thread_id)

    def type(self, member: Member, thread_id: str) -> None:
        self._events.typing(thread_id, member)


def quote(message: Message) -> dict[str, Any]:
    """The content item that quotes a message as it reads now."""
    return {
        "kind": "quote",
        "message_id": message.id,
        "sender_id": message.sender_id,
        "sent_at": message.delivered_at,
        "text": message.text,
    }
