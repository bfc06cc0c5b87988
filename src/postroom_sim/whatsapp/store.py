"""People, chats, messages and devices of the simulated WhatsApp."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any

from postroom_sim.database import Row
from postroom_sim.network import BadRequest, Ground

Json = dict[str, Any]

PERSON = "s.whatsapp.net"


@dataclass(frozen=True, slots=True)
class Person:
    phone: str
    lid: str
    name: str
    login: str | None

    @property
    def jid(self) -> str:
        return f"{self.phone}@{PERSON}"

    @property
    def hidden(self) -> str:
        return f"{self.lid}@lid"


@dataclass(frozen=True, slots=True)
class Chat:
    id: str
    """A group's address, or the two numbers."""
    title: str | None
    members: tuple[str, ...]
    """Numbers."""

    @property
    def is_group(self) -> bool:
        return self.title is not None

    def other(self, phone: str) -> str:
        return next((member for member in self.members if member != phone), phone)


@dataclass(frozen=True, slots=True)
class Message:
    chat: str
    author: str
    id: str
    content: Json
    sent_at: float
    edited_at: float | None
    revoked_at: float | None
    reactions: dict[str, str]
    readers: list[str]
    secret: str
    original: Json


@dataclass(frozen=True, slots=True)
class Device:
    id: str
    phone: str
    linked_at: float
    state: str
    """`linked`, or how it ended."""


_MESSAGE = "chat, author, id, content, sent_at, edited_at, revoked_at, reactions, readers, secret, original"


def _message(row: Row) -> Message:
    return Message(
        row[0], row[1], row[2], json.loads(row[3]), row[4], row[5], row[6], json.loads(row[7]), json.loads(row[8]),
        row[9], json.loads(row[10]),
    )  # fmt: skip


class Store:
    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.database = ground.database

    def chance(self) -> random.Random:
        """Another one each time, and the same for the same seed."""
        return random.Random(f"whatsapp {self.ground.seed} {self.database.next('whatsapp')}")

    # people

    def add_person(self, person: Person) -> None:
        row = (person.phone, person.lid, person.name, person.login)
        self.database.execute("INSERT OR IGNORE INTO whatsapp_people VALUES (?, ?, ?, ?)", row)

    def people(self) -> list[Person]:
        rows = self.database.all("SELECT phone, lid, name, login FROM whatsapp_people ORDER BY phone")
        return [Person(*row) for row in rows]

    def person(self, spelling: str) -> Person | None:
        """By number, address, hidden id or login."""
        user = spelling.partition("@")[0].partition(":")[0]
        row = self.database.one(
            "SELECT phone, lid, name, login FROM whatsapp_people WHERE phone = ? OR lid = ? OR login = ?",
            (user, user, spelling),
        )
        return None if row is None else Person(*row)

    # chats

    def add_chat(self, chat: Chat) -> None:
        row = (chat.id, chat.title, json.dumps(chat.members))
        self.database.execute("INSERT OR IGNORE INTO whatsapp_chats VALUES (?, ?, ?)", row)

    def chats(self, phone: str | None = None) -> list[Chat]:
        rows = self.database.all("SELECT id, title, members FROM whatsapp_chats ORDER BY id")
        found = [Chat(row[0], row[1], tuple(json.loads(row[2]))) for row in rows]
        return [chat for chat in found if phone is None or phone in chat.members]

    def chat(self, id: str) -> Chat | None:
        row = self.database.one("SELECT id, title, members FROM whatsapp_chats WHERE id = ?", (id,))
        return None if row is None else Chat(row[0], row[1], tuple(json.loads(row[2])))

    def direct(self, one: str, other: str) -> Chat:
        """The chat of two people, made if they have none."""
        low, high = sorted((one, other))
        chat = Chat(f"{low}+{high}", None, (low, high))
        self.add_chat(chat)
        return chat

    def chat_of(self, phone: str, address: str) -> Chat | None:
        """The chat that a person names so."""
        if address.endswith("@g.us"):
            found = self.chat(address)
            return found if found is not None and phone in found.members else None
        person = self.person(address)
        return None if person is None else self.direct(phone, person.phone)

    # messages

    def add_message(self, message: Message) -> None:
        self.database.execute(
            f"INSERT INTO whatsapp_messages ({_MESSAGE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                message.chat,
                message.author,
                message.id,
                json.dumps(message.content),
                message.sent_at,
                message.edited_at,
                message.revoked_at,
                json.dumps(message.reactions),
                json.dumps(message.readers),
                message.secret,
                json.dumps(message.original),
            ),
        )

    def messages(self, chat: str) -> list[Message]:
        """Oldest first, those that were taken back too."""
        rows = self.database.all(
            f"SELECT {_MESSAGE} FROM whatsapp_messages WHERE chat = ? ORDER BY sent_at, id", (chat,)
        )
        return [_message(row) for row in rows]

    def message(self, chat: str, id: str, author: str | None = None) -> Message | None:
        row = self.database.one(
            f"SELECT {_MESSAGE} FROM whatsapp_messages WHERE chat = ? AND id = ? AND (? IS NULL OR author = ?)",
            (chat, id, author, author),
        )
        return None if row is None else _message(row)

    def set_message(self, message: Message, **changes: Any) -> None:
        marks = ", ".join(f"{name} = ?" for name in changes)
        values = [json.dumps(value) if isinstance(value, dict | list) else value for value in changes.values()]
        self.database.execute(
            f"UPDATE whatsapp_messages SET {marks} WHERE chat = ? AND author = ? AND id = ?",
            (*values, message.chat, message.author, message.id),
        )

    # devices

    def add_device(self, device: Device) -> None:
        row = (device.id, device.phone, device.linked_at, device.state)
        self.database.execute("INSERT INTO whatsapp_devices VALUES (?, ?, ?, ?)", row)

    def device(self, id: str) -> Device | None:
        row = self.database.one("SELECT id, phone, linked_at, state FROM whatsapp_devices WHERE id = ?", (id,))
        return None if row is None else Device(*row)

    def devices(self, phone: str | None = None) -> list[Device]:
        """Those that are linked."""
        rows = self.database.all(
            "SELECT id, phone, linked_at, state FROM whatsapp_devices WHERE state = 'linked' AND (? IS NULL OR phone = ?)",
            (phone, phone),
        )
        return [Device(*row) for row in rows]

    def end_device(self, id: str, state: str) -> None:
        self.database.execute("UPDATE whatsapp_devices SET state = ? WHERE id = ?", (state, id))

    def add_news(self, device: str, kind: str, body: Json) -> None:
        self.database.execute(
            "INSERT INTO whatsapp_news (device, kind, body) VALUES (?, ?, ?)", (device, kind, json.dumps(body))
        )

    def news(self, device: str, after: int) -> list[tuple[int, str, str]]:
        rows = self.database.all(
            "SELECT place, kind, body FROM whatsapp_news WHERE device = ? AND place > ? ORDER BY place", (device, after)
        )
        return [(row[0], row[1], row[2]) for row in rows]

    def needed(self, spelling: Any) -> Person:
        """A person by any spelling.

        Raises:
            BadRequest: there is none.
        """
        found = self.person(str(spelling))
        if found is None:
            raise BadRequest(f"nobody is {spelling!r} at the simulated WhatsApp")
        return found
