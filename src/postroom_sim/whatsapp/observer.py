"""What another person sees in a chat, and what they do: the honest oracle of a delete."""

from __future__ import annotations

import random
from typing import Any

from postroom_sim.moments import from_seconds
from postroom_sim.network import BadRequest
from postroom_sim.whatsapp.actions import Actions, text_of
from postroom_sim.whatsapp.store import Chat, Device, Json, Message, Person, Store

OWN = "user_good"


class Observer:
    def __init__(self, store: Store, actions: Actions) -> None:
        self._store = store
        self._actions = actions

    def chats(self, viewer: str | None) -> list[Json]:
        phone = None if viewer is None else self._store.needed(viewer).phone
        rows = []
        for chat in self._store.chats(phone):
            messages = self._store.messages(chat.id)
            newest = messages[-1].sent_at if messages else 0.0
            rows.append(
                {**self._head(chat), "last_message_at": from_seconds(newest) if newest else None, "order": newest}
            )
        rows.sort(key=lambda row: -row.pop("order"))
        return rows

    def chat(self, id: str, viewer: str | None) -> Json:
        chat = self._chat(id)
        seen_by = self._viewer(chat, viewer)
        shown = [self._message(message) for message in self._store.messages(chat.id)]
        return {**self._head(chat), "viewer": seen_by.jid, "messages": shown}

    def write(self, id: str, tree: Any) -> Json:
        chat = self._chat(id)
        text = tree.get("text")
        if not isinstance(text, str):
            raise BadRequest("text is missing")
        sender = self._viewer(chat, tree.get("sender"))
        reply_to = None if tree.get("reply_to") is None else self._in(chat, tree["reply_to"])
        return self._message(self._actions.write(sender, chat, text, reply_to))

    def recall(self, id: str, message_id: str, tree: Any) -> Json:
        chat, message, actor, key = self._acting(id, message_id, tree)
        self._actions.send(actor, chat, {"protocolMessage": {"key": key, "type": "REVOKE"}})
        return self._now(message)

    def edit(self, id: str, message_id: str, tree: Any) -> Json:
        chat, message, actor, key = self._acting(id, message_id, tree)
        moment = str(int(self._store.ground.clock.now() * 1000))
        new = {"conversation": str(tree.get("text", ""))}
        edit = {"key": key, "type": "MESSAGE_EDIT", "editedMessage": new, "timestampMS": moment}
        self._actions.send(actor, chat, {"protocolMessage": edit})
        return self._now(message)

    def react(self, id: str, message_id: str, tree: Any) -> Json:
        chat, message, actor, key = self._acting(id, message_id, tree, by_other=True)
        reaction = {"key": key, "text": str(tree.get("emoji", ""))}
        self._actions.send(actor, chat, {"reactionMessage": reaction})
        return self._now(message)

    def read(self, id: str, message_id: str, tree: Any) -> Json:
        """Somebody reads it; `kind` DELIVERED: it only reaches them."""
        chat = self._chat(id)
        message = self._in(chat, message_id)
        self._actions.receipt(self._viewer(chat, tree.get("by")), chat, [message.id], str(tree.get("kind", "READ")))
        return self._now(message)

    # the telephone, and the network itself

    def act(self, action: str, tree: Any) -> Json:
        """Scan a code, unlink a device, be banned; tell everything again, out of order."""
        match action:
            case "scan":
                return self.scan(str(tree.get("code")), self._store.needed(tree.get("login", OWN)))
            case "unlink" | "ban" | "outdated" | "replace" | "abort" | "cut":
                person = self._store.needed(tree.get("login", OWN))
                found = self._store.devices(person.phone)
                for device in found:
                    if action in ("unlink", "ban"):
                        self._store.end_device(device.id, action)
                    self._store.add_news(device.id, action, {})
                return {"devices": len(found)}
            case "replay":
                return self.replay(tree)
        raise BadRequest("a telephone can scan, unlink, ban, outdated, replace, abort, cut, replay")

    def scan(self, code: str, person: Person) -> Json:
        """A telephone takes a code: a QR code's text, or the eight characters of a pairing code."""
        for row in self._store.database.all("SELECT id, codes, phone_code FROM whatsapp_pairings WHERE device IS NULL"):
            if code and (code in row[1] or code == row[2]):
                device = Device(self._store.chance().randbytes(12).hex(), person.phone, self._now_seconds(), "linked")
                self._store.add_device(device)
                self._store.database.execute(
                    "UPDATE whatsapp_pairings SET device = ? WHERE id = ?", (device.id, row[0])
                )
                for part in self._actions.history(device):
                    self._store.add_news(device.id, "history", part)
                return {"device": device.id}
        raise BadRequest("no device shows this code")

    def replay(self, tree: Any) -> Json:
        """Everything of a chat once more, as it was first written, shuffled."""
        chat = self._chat(str(tree.get("chat")))
        messages = self._store.messages(chat.id)
        random.Random(int(tree.get("shuffle_seed", 0))).shuffle(messages)
        for message in messages:
            self._actions.tell(message, original=True)
        return {"messages": len(messages)}

    # looking things up

    def _now_seconds(self) -> float:
        return self._store.ground.clock.now()

    def _head(self, chat: Chat) -> Json:
        people = [self._store.needed(member) for member in chat.members]
        return {
            "id": chat.id,
            "title": chat.title,
            "kind": "group" if chat.is_group else "chat",
            "participants": [{"id": each.jid, "name": each.name, "login": each.login} for each in people],
        }

    def _message(self, message: Message) -> Json:
        author = self._store.needed(message.author)
        gone = message.revoked_at is not None
        reactions: dict[str, list[str]] = {}
        for who, emoji in message.reactions.items():
            reactions.setdefault(emoji, []).append(self._store.needed(who).jid)
        return {
            "id": message.id,
            "sender": author.jid,
            "sender_name": author.name,
            "text": None if gone else text_of(message.content),
            "kind": ""
            if gone
            else next((name for name in message.content if name.endswith("Message")), "conversation"),
            "sent_at": from_seconds(message.sent_at),
            "state": "RECALLED" if gone else "EDITED" if message.edited_at else "DEFAULT",
            "read_by": [self._store.needed(who).jid for who in message.readers],
            "reactions": [{"emoji": emoji, "members": members} for emoji, members in reactions.items()],
            "attachments": [],
        }

    def _now(self, message: Message) -> Json:
        found = self._store.message(message.chat, message.id, message.author)
        assert found is not None
        return self._message(found)

    def _chat(self, id: str) -> Chat:
        """By its id, or as Ada names it."""
        found = self._store.chat(id) or self._store.chat_of(self._store.needed(OWN).phone, id)
        if found is None:
            raise BadRequest("no such chat")
        return found

    def _viewer(self, chat: Chat, viewer: Any) -> Person:
        """A member; without one, somebody who is not Ada."""
        if viewer is not None:
            person = self._store.needed(viewer)
            if person.phone not in chat.members:
                raise BadRequest("viewer is not in this chat")
            return person
        people = [self._store.needed(member) for member in chat.members]
        return next((each for each in people if each.login != OWN), people[0])

    def _in(self, chat: Chat, id: Any) -> Message:
        found = self._store.message(chat.id, str(id).rpartition("/")[2])
        if found is None:
            raise BadRequest("no such message in this chat")
        return found

    def _acting(
        self, id: str, message_id: str, tree: Any, *, by_other: bool = False
    ) -> tuple[Chat, Message, Person, Json]:
        """Whoever is named in `by`, or the author (of a reaction: another one), and the key from their view."""
        chat = self._chat(id)
        message = self._in(chat, message_id)
        author = self._store.needed(message.author)
        if tree.get("by") is not None:
            actor = self._viewer(chat, tree["by"])
        else:
            actor = self._viewer(chat, None) if by_other else author
        key: Json = {"remoteJID": chat.id, "fromMe": actor.phone == author.phone, "ID": message.id}
        if tree.get("forged"):
            # What somebody sends who says that they wrote another's message.
            key["fromMe"] = True
        elif chat.is_group and not key["fromMe"]:
            key["participant"] = author.hidden
        return chat, message, actor, key
