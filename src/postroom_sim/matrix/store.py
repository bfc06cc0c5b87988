"""Rooms, events and what people keep, in the one file of the simulation."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from postroom_sim.matrix.people import BY_USER, HOST, refusal
from postroom_sim.network import Ground

Json = dict[str, Any]

_COLUMNS = "pos, id, room, sender, type, state_key, content, ts, target, relation, redacted_by"


class Store:
    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._database = ground.database

    @property
    def pos(self) -> int:
        """How much has happened."""
        return self._database.current("matrix_pos")

    def next(self) -> int:
        return self._database.next("matrix_pos")

    # rooms

    def create_room(self, creator: str, invite: list[str], state: dict[str, Json]) -> str:
        room = f"!{_name(f'room {self.next()}')[:18]}:{HOST}"
        self.set_membership(room, creator, creator, "join")
        for type, content in state.items():
            self.add(room, creator, type, content, state_key="")
        for user in invite:
            self.set_membership(room, creator, user, "invite")
        return room

    def set_membership(self, room: str, sender: str, user: str, membership: str) -> None:
        name = display_name(user)
        content = {"membership": membership, "displayname": name}
        event = self.add(room, sender, "m.room.member", content, state_key=user)
        self._database.execute(
            "INSERT OR REPLACE INTO matrix_members VALUES (?, ?, ?, ?)", (room, user, membership, event["pos"])
        )

    def membership(self, room: str, user: str) -> tuple[str, int]:
        """How somebody stands to a room, and since when."""
        row = self._database.one("SELECT membership, pos FROM matrix_members WHERE room = ? AND user = ?", (room, user))
        return (str(row[0]), int(row[1])) if row else ("", 0)

    def rooms_of(self, user: str) -> dict[str, tuple[str, int]]:
        rows = self._database.all(
            "SELECT room, membership, pos FROM matrix_members WHERE user = ? ORDER BY room", (user,)
        )
        return {row[0]: (row[1], row[2]) for row in rows}

    def members(self, room: str, membership: str) -> list[str]:
        rows = self._database.all(
            "SELECT user FROM matrix_members WHERE room = ? AND membership = ? ORDER BY user", (room, membership)
        )
        return [row[0] for row in rows]

    def state(self, room: str) -> list[Json]:
        """What holds now: of each type and key the newest."""
        rows = self._database.all(
            f"SELECT {_COLUMNS} FROM matrix_events WHERE room = ? AND state_key IS NOT NULL ORDER BY pos", (room,)
        )
        newest = {(row[4], row[5]): self._event(row) for row in rows}
        return list(newest.values())

    # events

    def add(self, room: str, sender: str, type: str, content: Json, *, state_key: str | None = None) -> Json:
        pos = self.next()
        relation = content.get("m.relates_to")
        relation = relation if isinstance(relation, dict) else {}
        target, kind = relation.get("event_id"), relation.get("rel_type")
        values = (
            pos,
            f"${_name(f'event {pos}')}",
            room,
            sender,
            type,
            state_key,
            json.dumps(content),
            self._ground.clock.now(),
            target if isinstance(target, str) and isinstance(kind, str) else None,
            kind if isinstance(kind, str) else None,
            None,
        )
        self._database.execute(f"INSERT INTO matrix_events VALUES ({', '.join('?' * len(values))})", values)
        return self._event(values)

    def redact(self, room: str, sender: str, id: str) -> Json:
        """Take an event back: nothing of its content stays."""
        redaction = self.add(room, sender, "m.room.redaction", {"redacts": id})
        self._database.execute(
            "UPDATE matrix_events SET content = '{}', target = NULL, relation = NULL, redacted_by = ? WHERE id = ?",
            (redaction["event_id"], id),
        )
        return redaction

    def event(self, id: str) -> Json | None:
        row = self._database.one(f"SELECT {_COLUMNS} FROM matrix_events WHERE id = ?", (id,))
        return self._event(row) if row else None

    def between(self, room: str, after: int, until: int) -> list[Json]:
        """A room's events, oldest first."""
        rows = self._database.all(
            f"SELECT {_COLUMNS} FROM matrix_events WHERE room = ? AND pos > ? AND pos <= ? ORDER BY pos",
            (room, after, until),
        )
        return [self._event(row) for row in rows]

    def relations(self, id: str, kind: str) -> list[Json]:
        """What relates to an event in this way, newest first."""
        rows = self._database.all(
            f"SELECT {_COLUMNS} FROM matrix_events WHERE target = ? AND relation = ? ORDER BY pos DESC", (id, kind)
        )
        return [self._event(row) for row in rows]

    def _event(self, row: tuple[Any, ...]) -> Json:
        pos, id, room, sender, type, state_key, content, ts, _, _, redacted_by = row
        event = {
            "pos": pos,
            "event_id": id,
            "room_id": room,
            "sender": sender,
            "type": type,
            "content": json.loads(content),
            "origin_server_ts": round(ts * 1000),
            "unsigned": {},
        }
        if state_key is not None:
            event["state_key"] = state_key
        if redacted_by is not None:
            event["unsigned"]["redacted_because"] = {"event_id": redacted_by, "type": "m.room.redaction"}
        return event

    # transactions

    def done(self, token: str, path: str) -> str | None:
        """What a transaction made before."""
        row = self._database.one("SELECT id FROM matrix_transactions WHERE token = ? AND path = ?", (token, path))
        return str(row[0]) if row else None

    def remember(self, token: str, path: str, id: str) -> None:
        self._database.execute("INSERT INTO matrix_transactions VALUES (?, ?, ?)", (token, path, id))

    # sessions

    def open_session(self, user: str, name: str) -> tuple[str, str]:
        number = self._database.next("matrix_sessions")
        token, device = f"syt_{_name(f'session {number}')}", f"DEVICE{number}"
        self._database.execute("INSERT INTO matrix_sessions VALUES (?, ?, ?, ?, 0)", (token, user, device, name))
        return token, device

    def end_session(self, token: str, user: str) -> None:
        self._database.execute("INSERT OR REPLACE INTO matrix_sessions VALUES (?, ?, '', '', 1)", (token, user))

    def devices(self, user: str) -> list[tuple[str, str]]:
        rows = self._database.all("SELECT device, name FROM matrix_sessions WHERE user = ? AND ended = 0", (user,))
        return [(row[0], row[1]) for row in rows]

    def session(self, token: str) -> tuple[str, bool] | None:
        """Whose it is, and whether it has ended."""
        row = self._database.one("SELECT user, ended FROM matrix_sessions WHERE token = ?", (token,))
        return (str(row[0]), bool(row[1])) if row else None

    def register(self, user: str, password: str) -> bool:
        """False: the name is taken."""
        made = self._database.execute("INSERT OR IGNORE INTO matrix_people VALUES (?, ?)", (user, password))
        return made.rowcount > 0 and user not in BY_USER

    def password(self, user: str) -> str | None:
        row = self._database.one("SELECT password FROM matrix_people WHERE user = ?", (user,))
        return str(row[0]) if row else None

    # what people keep

    def set_data(self, user: str, room: str, type: str, content: Json) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO matrix_data VALUES (?, ?, ?, ?, ?)",
            (user, room, type, json.dumps(content), self.next()),
        )

    def data(self, user: str, room: str, type: str) -> Json | None:
        row = self._database.one(
            "SELECT content FROM matrix_data WHERE user = ? AND room = ? AND type = ?", (user, room, type)
        )
        return json.loads(row[0]) if row else None

    def data_since(self, user: str, room: str, since: int) -> list[Json]:
        rows = self._database.all(
            "SELECT type, content FROM matrix_data WHERE user = ? AND room = ? AND pos > ? ORDER BY pos",
            (user, room, since),
        )
        return [{"type": row[0], "content": json.loads(row[1])} for row in rows]

    def read(self, room: str, user: str, id: str) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO matrix_receipts VALUES (?, ?, ?, ?, ?)",
            (room, user, id, self._ground.clock.now(), self.next()),
        )

    def receipts_since(self, room: str, since: int) -> list[tuple[str, str, float]]:
        """Who has read up to where, since then."""
        rows = self._database.all(
            "SELECT user, id, ts FROM matrix_receipts WHERE room = ? AND pos > ? ORDER BY pos", (room, since)
        )
        return [(row[0], row[1], row[2]) for row in rows]

    def unread(self, room: str, user: str) -> int:
        """How many messages of others came after the one that was read last."""
        row = self._database.one(
            "SELECT count(*) FROM matrix_events WHERE room = ? AND sender != ? AND type = 'm.room.message'"
            " AND relation IS NULL AND pos > coalesce((SELECT max(e.pos) FROM matrix_events e JOIN matrix_receipts r"
            " ON r.id = e.id WHERE r.room = ? AND r.user = ?), 0)",
            (room, user, room, user),
        )
        return int(row[0]) if row else 0


def display_name(user: str) -> str:
    return BY_USER[user].display_name if user in BY_USER else user[1:].partition(":")[0]


def _name(seed: str) -> str:
    """An id as long as the real ones, always the same."""
    return base64.urlsafe_b64encode(hashlib.sha256(f"matrix {seed}".encode()).digest()).decode().rstrip("=")


def bundled(store: Store, event: Json) -> Json:
    """An event as it leaves: with its newest edit, where there is one of its sender's."""
    shown = {name: value for name, value in event.items() if name != "pos"}
    if "redacted_because" in event["unsigned"]:
        return shown
    for edit in store.relations(event["event_id"], "m.replace"):
        if (edit["sender"], edit["type"]) == (event["sender"], event["type"]):
            bare = {name: value for name, value in edit.items() if name != "pos"}
            return {**shown, "unsigned": {"m.relations": {"m.replace": bare}}}
    return shown


def position(token: str | None, letter: str) -> int | None:
    """The position in a token; None: there is none. Raises Refused where it is no token."""
    if token is None:
        return None
    if token[:1] not in letter or not token[1:].isascii() or not token[1:].isdecimal():
        raise refusal(400, "M_INVALID_PARAM", "Invalid stream token")
    return int(token[1:])
