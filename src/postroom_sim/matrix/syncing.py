"""What has happened since, for one person: `/sync`, and the pages of a room's history."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any
from urllib.parse import parse_qs

import msgspec

from postroom_sim.matrix.people import refusal
from postroom_sim.matrix.store import Store, bundled, position
from postroom_sim.network import Answer, Call, json_answer

Json = dict[str, Any]

_LOOK_SECONDS = 0.03


class Syncing:
    def __init__(self, store: Store, typing: dict[str, list[str]]) -> None:
        """`typing`: who is, in which room."""
        self._store = store
        self._typing = typing

    def sync(self, call: Call, user: str) -> Answer:
        """At once where there is news or nobody waits; else as soon as there is, or when the time is over."""
        query = _query(call)
        since = position(query.get("since"), "s")
        filter = _filter(query)
        found = self.since(user, since, filter)
        waits = min(float(query.get("timeout", "0")) / 1000, 30.0)
        if since is None or found["rooms"] or found["account_data"]["events"] or waits <= 0:
            return json_answer(found)
        headers = {"content-type": "application/json"}
        return Answer(200, headers=headers, stream=self._wait(user, since, filter, waits))

    async def _wait(self, user: str, since: int, filter: Json, seconds: float) -> AsyncGenerator[bytes, None]:
        until = asyncio.get_running_loop().time() + seconds
        seen = self._store.pos
        found = self.since(user, since, filter)
        while not found["rooms"] and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(_LOOK_SECONDS)
            if self._store.pos != seen:
                seen = self._store.pos
                found = self.since(user, since, filter)
        yield msgspec.json.encode(found)

    def since(self, user: str, since: int | None, filter: Json) -> Json:
        now = self._store.pos
        wanted = filter.get("room", {})
        rooms: Json = {}
        for room, (membership, at) in self._store.rooms_of(user).items():
            if ("rooms" in wanted and room not in wanted["rooms"]) or room in wanted.get("not_rooms", ()):
                continue
            if membership == "join":
                entry = self._room(room, user, None if since is None or at > since else since, now, wanted)
                if entry is not None:
                    rooms.setdefault("join", {})[room] = entry
            elif membership in ("leave", "ban") and since is not None and at > since:
                rooms.setdefault("leave", {})[room] = {"timeline": {"events": [], "limited": False}}
            elif membership == "invite" and (since is None or at > since):
                rooms.setdefault("invite", {})[room] = {"invite_state": {"events": []}}
        told = self._store.data_since(user, "", since or 0)
        return {"next_batch": f"s{now}", "rooms": rooms, "account_data": {"events": told}}

    def _room(self, room: str, user: str, since: int | None, now: int, wanted: Json) -> Json | None:
        timeline = wanted.get("timeline", {})
        types, limit = timeline.get("types"), int(timeline.get("limit", 10))
        events = [
            event for event in self._store.between(room, since or 0, now) if types is None or event["type"] in types
        ]
        shown = events[-limit:]
        data = self._store.data_since(user, room, since or 0)
        receipts = self._store.receipts_since(room, since or 0)
        state = self._state(room, wanted, shown)
        if since is not None:
            # Who wrote, for those who load people as they appear.
            state = [event for event in state if event["type"] == "m.room.member"]
        if since is not None and not (events or data or receipts):
            return None
        read: Json = {}
        for who, id, ts in receipts:
            read.setdefault(id, {"m.read": {}})["m.read"][who] = {"ts": round(ts * 1000)}
        ephemeral = [{"type": "m.receipt", "content": read}] if read else []
        if since is None and self._typing.get(room):
            ephemeral.append({"type": "m.typing", "content": {"user_ids": self._typing[room]}})
        return {
            "timeline": {
                "events": [bundled(self._store, event) for event in shown],
                "limited": len(shown) < len(events),
                "prev_batch": f"t{shown[0]['pos'] - 1 if shown else now}",
            },
            "state": {"events": state},
            "ephemeral": {"events": ephemeral},
            "account_data": {"events": data},
            "unread_notifications": {"notification_count": self._store.unread(room, user), "highlight_count": 0},
            "summary": {
                "m.joined_member_count": len(self._store.members(room, "join")),
                "m.invited_member_count": len(self._store.members(room, "invite")),
            },
        }

    def _state(self, room: str, wanted: Json, shown: list[Json]) -> list[Json]:
        asked = wanted.get("state", {})
        types, senders = asked.get("types"), {event["sender"] for event in shown}
        found = []
        for event in self._store.state(room):
            of_others = event["type"] == "m.room.member" and event["state_key"] not in senders
            if (types is None or event["type"] in types) and not (asked.get("lazy_load_members") and of_others):
                found.append(bundled(self._store, event))
        return found

    def messages(self, call: Call, room: str) -> Json:
        """A page of a room's history, newest first."""
        query = _query(call)
        filter = _filter(query)
        limit, until = int(query.get("limit", "10")), position(query.get("from"), "ts")
        after = position(query.get("to"), "ts") or 0
        types = filter.get("types")
        events = [
            event
            for event in self._store.between(room, after, self._store.pos if until is None else until)
            if types is None or event["type"] in types
        ]
        shown = events[-limit:][::-1]
        page: Json = {"chunk": [bundled(self._store, event) for event in shown], "start": query.get("from", "")}
        if len(shown) < len(events):
            page["end"] = f"t{shown[-1]['pos'] - 1}"
        page["state"] = self._state(room, {"state": {"types": ["m.room.member"], "lazy_load_members": True}}, shown)
        return page


def limited(answer: Answer, length: int) -> Answer:
    """The same with at most `length` events of each room, as a homeserver that has more to tell."""
    try:
        tree = json.loads(answer.body)
    except ValueError:
        return answer
    if "chunk" in tree:
        return answer
    for entry in tree.get("rooms", {}).get("join", {}).values():
        timeline = entry["timeline"]
        if len(timeline["events"]) > length:
            timeline |= {"events": timeline["events"][-length:] if length else [], "limited": True}
            # From the very end: what is still told is told twice.
            timeline["prev_batch"] = f"t{tree['next_batch'][1:]}"
    return json_answer(tree)


def _query(call: Call) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(call.query).items()}


def _filter(query: dict[str, str]) -> Json:
    try:
        tree = json.loads(query.get("filter", "{}"))
    except ValueError as error:
        raise refusal(400, "M_BAD_JSON", "Invalid filter") from error
    return tree if isinstance(tree, dict) else {}
