"""Chats and messages: read, sent, edited, taken back."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from postroom_client.calls import Call, Page, at, change, get, moment
from postroom_client.nouns import D, Noun, operation, paged
from postroom_client.types import (
    Chat,
    Deferral,
    DeleteAtSet,
    Deleted,
    Done,
    Message,
    NewFile,
    Person,
    Profile,
    Sent,
    Sync,
)


class Chats(Noun[D]):
    """Conversations of linked accounts."""

    @paged("list_chats")
    def list(
        self,
        *,
        account_id: str | None = None,
        provider: str | None = None,
        person: str | None = None,
        unread: bool | None = None,
        starred: bool | None = None,
        before: datetime | None = None,
        after: datetime | None = None,
        limit: int | None = None,
    ) -> Call[Page[Chat]]:
        """List chats, most recently active first. `person`: the network's id of the other one. `limit`: of a page."""
        query = {
            "account_id": account_id,
            "provider": provider,
            "person": person,
            "unread": unread,
            "starred": starred,
            "before": before,
            "after": after,
            "limit": limit,
        }
        return get(at("chats"), Page[Chat], query)

    @operation("get_chat")
    def get(self, id: str) -> Call[Chat]:
        """Get a chat."""
        return get(at("chats", id), Chat)

    @paged("list_chat_people")
    def people(self, id: str) -> Call[Page[Person]]:
        """List the people in a chat."""
        return get(at("chats", id, "people"), Page[Person])

    @operation("begin_chat")
    def begin(
        self,
        account_id: str,
        people: Sequence[str],
        text: str = "",
        *,
        title: str | None = None,
        subject: str | None = None,
        files: Sequence[NewFile] = (),
        options: Mapping[str, Any] | None = None,
    ) -> Call[Message]:
        """Begin a chat by its first message; one with just this person is gone on with.

        `people`: the network's ids of the others. `options`: what only this network knows.
        """
        body = {
            "account_id": account_id,
            "people": list(people),
            "text": text,
            "title": title,
            "subject": subject,
            "files": list(files),
            "options": dict(options or {}),
        }
        return change("POST", at("chats"), Message, body)

    @paged("list_chat_messages")
    def messages(self, id: str, *, limit: int | None = None) -> Call[Page[Message]]:
        """List a chat's messages, newest first. `limit`: how many a page has."""
        return get(at("chats", id, "messages"), Page[Message], {"limit": limit})

    @operation("send_chat_message")
    def send(
        self,
        id: str,
        text: str = "",
        *,
        quote_id: str | None = None,
        files: Sequence[NewFile] = (),
        typing_seconds: float | None = None,
        grace: int = 0,
        delete_at: datetime | None = None,
    ) -> Call[Sent]:
        """Send a message, once: now, or after `grace` seconds in which that can be undone.

        `quote_id`: the message that it answers. `typing_seconds`: how long to be shown writing before. `delete_at`:
        when it is to go again by itself.
        """
        body = {
            "text": text,
            "quote_id": quote_id,
            "files": list(files),
            "typing_seconds": typing_seconds,
            "grace": grace,
            "delete_at": None if delete_at is None else moment(delete_at),
        }
        return change("POST", at("chats", id, "messages"), Sent, body, waits_seconds=typing_seconds or 0.0)

    @operation("mark_chat")
    def mark(self, id: str, mark: str, *, on: bool = True) -> Call[Chat]:
        """Mark a chat as read, archived, muted, pinned or starred, where its network has that; or not any more."""
        return change("POST", at("chats", id, "marks"), Chat, {"mark": mark, "on": on})

    @operation("type_in_chat")
    def type(self, id: str, *, on: bool = True) -> Call[Done]:
        """Let the others see that one is writing, or not any more."""
        return change("POST", at("chats", id, "typing"), Done, {"on": on})

    @operation("resync_chat")
    def resync(self, id: str) -> Call[Sync]:
        """Read the history of a chat anew, or hear how far that is: ask until it says `done` or `failed`."""
        return change("POST", at("chats", id, "resync"), Sync)


class Messages(Noun[D]):
    """Messages, and what can still be done about each."""

    @paged("list_messages")
    def list(
        self,
        *,
        account_id: str | None = None,
        person: str | None = None,
        before: datetime | None = None,
        after: datetime | None = None,
        limit: int | None = None,
    ) -> Call[Page[Message]]:
        """List messages of all chats, newest first. `person`: only from this sender, by the network's id."""
        query = {"account_id": account_id, "person": person, "before": before, "after": after, "limit": limit}
        return get(at("messages"), Page[Message], query)

    @operation("get_message")
    def get(self, id: str) -> Call[Message]:
        """Get a message as it now stands, and whether it can be deleted."""
        return get(at("messages", id), Message)

    @operation("delete_chat_message")
    def delete(self, id: str, *, grace: int | None = None) -> Call[Deleted]:
        """Delete a message for everyone: now, or after `grace` seconds in which that can be undone.

        Deleted already is a success. Where the network did not answer, `OutcomeUnknown` says so: it is being read back.
        """
        return change("DELETE", at("messages", id), Deleted, query={"grace": grace})

    @operation("edit_message")
    def edit(self, id: str, text: str) -> Call[Message]:
        """Give a message of one's own another text, for everyone."""
        return change("PATCH", at("messages", id), Message, {"text": text})

    @operation("react_to_message")
    def react(self, id: str, emoji: str, *, on: bool = True) -> Call[Message]:
        """React to a message, or take a reaction back."""
        return change("POST", at("messages", id, "reactions"), Message, {"emoji": emoji, "on": on})

    @operation("forward_message")
    def forward(self, id: str, chat_id: str) -> Call[Message]:
        """Send a message on to another chat of the same account."""
        return change("POST", at("messages", id, "forward"), Message, {"chat_id": chat_id})

    @operation("get_message_file")
    def file(self, id: str, attachment_id: str) -> Call[bytes]:
        """Get a file of a message, fetched from its network now; the id is from the message's `files`."""
        return get(at("messages", id, "attachments", attachment_id), bytes)

    @operation("set_message_delete_at")
    def delete_at(self, id: str, when: datetime | None) -> Call[DeleteAtSet]:
        """Have a message of one's own delete itself at a moment; None: not any more."""
        body = {"delete_at": None if when is None else moment(when)}
        return change("PUT", at("messages", id, "delete-at"), DeleteAtSet, body)


class People(Noun[D]):
    """The people in chats, and anybody whom a network shows."""

    @paged("list_people")
    def list(self, *, account_id: str | None = None, limit: int | None = None) -> Call[Page[Person]]:
        """List the people in all chats, those who became known last first. `limit`: how many a page has."""
        return get(at("people"), Page[Person], {"account_id": account_id, "limit": limit})

    @operation("get_person")
    def get(self, id: str) -> Call[Person]:
        """Get somebody who is in a chat."""
        return get(at("people", id), Person)

    @operation("get_person_picture")
    def picture(self, id: str) -> Call[bytes]:
        """Get somebody's picture; with the id of a chat of two, the other one's."""
        return get(at("people", id, "picture"), bytes)

    @operation("get_profile")
    def profile(self, account_id: str, name: str = "me") -> Call[Profile]:
        """Ask the network for somebody's profile, by any of its names of them; `me`: the account's own."""
        return get(at("accounts", account_id, "profiles", name), Profile)

    @paged("list_relations")
    def relations(self, account_id: str, *, words: str | None = None) -> Call[Page[Profile]]:
        """Ask the network who is connected to the account's owner; `words`: only those in whose name they are."""
        return get(at("accounts", account_id, "relations"), Page[Profile], {"q": words})


class Deferrals(Noun[D]):
    """What was put off, and can be undone until it is due."""

    @operation("get_deferral")
    def get(self, id: str) -> Call[Deferral]:
        """Get what was put off, and what came of it."""
        return get(at("deferrals", id), Deferral)

    @operation("undo_deferral")
    def undo(self, id: str) -> Call[Deferral]:
        """Undo what waits: nobody is called. Undone already is a success."""
        return change("POST", at("deferrals", id, "undo"), Deferral)
