"""What another person sees in a chat, and what they write: the honest oracle of a delete."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from postroom_sim.linkedin import identifiers as urn
from postroom_sim.linkedin.actions import Actions, Denied, quote
from postroom_sim.linkedin.events import Events
from postroom_sim.linkedin.media import new_asset_id, picture
from postroom_sim.linkedin.model import Asset, Member, Message, Thread
from postroom_sim.linkedin.store import Store
from postroom_sim.moments import from_ms
from postroom_sim.network import BadRequest

Json = dict[str, Any]

DEFAULT_LOGIN = "user_good"
_EVERYTHING = 1_000_000


class Observer:
    def __init__(self, store: Store, actions: Actions, events: Events) -> None:
        self._store = store
        self._actions = actions
        self._events = events

    def chats(self, viewer: str | None) -> list[Json]:
        threads = self._store.list_threads()
        rows = []
        for thread in threads:
            members = self._store.list_participants(thread.id)
            if viewer is not None and viewer not in [member.id for member in members]:
                continue
            where, values = self._visible_to(self._viewer(members, viewer).id, thread.id)
            newest = self._store.list_messages(thread.id, where, values, 1)
            rows.append(
                {
                    **self._head(thread, members),
                    "last_message_at": from_ms(newest[0].delivered_at) if newest else None,
                    "order": newest[0].delivered_at if newest else 0,
                }
            )
        rows.sort(key=lambda row: -row.pop("order"))
        return rows

    def chat(self, id: str, viewer: str | None) -> Json:
        thread = self._thread(id)
        members = self._store.list_participants(thread.id)
        seen_by = self._viewer(members, viewer)
        where, values = self._visible_to(seen_by.id, thread.id)
        messages = self._store.list_messages(thread.id, where, values, _EVERYTHING, oldest_first=True)
        shown = [self._message(message, seen_by.id) for message in messages]
        return {**self._head(thread, members), "viewer": seen_by.id, "messages": shown}

    def _visible_to(self, viewer: str, thread_id: str) -> tuple[str, tuple[Any, ...]]:
        mailbox = self._store.find_mailbox(viewer, thread_id)
        return "delivered_at > ?", (mailbox.cleared_at if mailbox else 0,)

    def _head(self, thread: Thread, members: list[Member]) -> Json:
        return {
            "id": thread.id,
            "title": thread.title,
            "kind": thread.kind,
            "participants": [{"id": member.id, "name": member.name, "login": member.login} for member in members],
        }

    def _viewer(self, members: list[Member], viewer: str | None) -> Member:
        if viewer is None:
            others = [member for member in members if member.login is None or not _is_own(member.login)]
            return (others or members)[0]
        for member in members:
            if viewer in (member.id, member.login, urn.profile(member.id)):
                return member
        raise BadRequest("viewer is not in this chat")

    def _message(self, message: Message, viewer: str) -> Json:
        reactions: dict[str, list[str]] = {}
        for reaction in self._store.list_reactions(message.id):
            reactions.setdefault(reaction.emoji, []).append(reaction.member_id)
        return {
            "id": message.id,
            "urn": urn.message(viewer, message.id),
            "sender": message.sender_id,
            "sender_name": self._store.member(message.sender_id).name,
            "text": message.text,
            "subject": message.subject,
            "sent_at": from_ms(message.delivered_at),
            "state": message.format,
            "reactions": [{"emoji": emoji, "members": members} for emoji, members in reactions.items()],
            "attachments": [self._attachment(item) for item in message.content],
        }

    def _attachment(self, item: Json) -> Json:
        asset = self._store.find_asset(item["asset"]) if "asset" in item else None
        if asset is None:
            return item
        return {"kind": item["kind"], "name": asset.name, "media_type": asset.media_type, "size": asset.size}

    # what another person does

    def write(self, chat_id: str, tree: Any) -> Json:
        thread = self._thread(chat_id)
        text, subject = _text(tree), tree.get("subject")
        sender = self._member_of(thread, tree.get("sender"))
        content: list[Json] = []
        if tree.get("reply_to") is not None:
            content.append(quote(self._message_in(thread, tree["reply_to"])))
        attachments = tree.get("attachments") or []
        if not isinstance(attachments, list):
            raise BadRequest("attachments must be a list")
        content += [self._invented_file(kind, sender) for kind in attachments]
        if subject is not None and not isinstance(subject, str):
            raise BadRequest("subject must be text")
        return self._done(lambda: self._actions.send(sender, thread, text, content=content, subject=subject), sender.id)

    def _invented_file(self, kind: Any, sender: Member) -> Json:
        """An attachment as the word "photo" or "file", or as {"kind", "name", "text"}."""
        wanted = {"kind": kind} if isinstance(kind, str) else kind
        if not isinstance(wanted, dict) or wanted.get("kind") not in ("photo", "file"):
            raise BadRequest('an attachment is "photo", "file" or {"kind", "name", "text"}')
        if wanted["kind"] == "photo":
            name, media_type, content = "photo.png", "image/png", picture(90, 120, 200)
        else:
            name, media_type, content = "note.txt", "text/plain", str(wanted.get("text", "A note.")).encode()
        name = str(wanted.get("name", name))
        asset = Asset(new_asset_id(self._store), sender.id, wanted["kind"], name, media_type, len(content), content)
        self._store.add_asset(asset)
        return {"kind": wanted["kind"], "asset": asset.id}

    def recall(self, chat_id: str, message_id: str, tree: Any) -> Json:
        message, actor = self._acting(chat_id, message_id, tree)
        return self._done(lambda: self._actions.recall(actor, message), actor.id)

    def edit(self, chat_id: str, message_id: str, tree: Any) -> Json:
        message, actor = self._acting(chat_id, message_id, tree)
        text = _text(tree)
        return self._done(lambda: self._actions.edit(actor, message, text), actor.id)

    def react(self, chat_id: str, message_id: str, tree: Any) -> Json:
        thread = self._thread(chat_id)
        message = self._message_in(thread, message_id)
        actor = self._member_of(thread, tree.get("by"))
        emoji = str(tree.get("emoji", ""))

        def change() -> Message:
            self._actions.react(actor, message, emoji)
            return message

        return self._done(change, actor.id)

    def late_frame(self, tree: Any) -> Json:
        """Push the message as it was first written, as a delayed frame would; nothing is stored in the thread."""
        id = urn.canonical(str(tree.get("message_id")))
        message = self._store.find_message(id) if id else None
        if message is None:
            raise BadRequest("no such message")
        original = replace(
            message,
            format="DEFAULT",
            text=message.original_text,
            content=message.original_content,
            recalled_at=None,
            edited_at=None,
        )
        self._events.message(original)
        return {"message_id": message.id, "text": message.original_text}

    def _done(self, change: Any, viewer: str) -> Json:
        try:
            message: Message = change()
        except Denied as error:
            raise BadRequest(f"LinkedIn refuses: {error}") from error
        return self._message(message, viewer)

    def _acting(self, chat_id: str, message_id: str, tree: Any) -> tuple[Message, Member]:
        """Whoever is named in "by", or the sender."""
        thread = self._thread(chat_id)
        message = self._message_in(thread, message_id)
        return message, self._member_of(thread, tree.get("by", message.sender_id))

    def _thread(self, spelling: str) -> Thread:
        id = urn.canonical(spelling)
        thread = self._store.find_thread(id) if id else None
        if thread is None:
            raise BadRequest("no such chat")
        return thread

    def _message_in(self, thread: Thread, spelling: Any) -> Message:
        id = urn.canonical(str(spelling))
        message = self._store.find_message(id) if id else None
        if message is None or message.thread_id != thread.id:
            raise BadRequest("no such message in this chat")
        return message

    def _member_of(self, thread: Thread, wanted: Any) -> Member:
        """A participant by member id, profile URN or login; None is the other person."""
        members = self._store.list_participants(thread.id)
        return self._viewer(members, None if wanted is None else str(wanted))


def _is_own(login: str) -> bool:
    """Whose side the tests usually take."""
    return login == DEFAULT_LOGIN or login.startswith("user_new_")


def _text(tree: Any) -> str:
    text = tree.get("text")
    if not isinstance(text, str):
        raise BadRequest("text is missing")
    return text
