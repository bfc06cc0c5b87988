"""Rooms as chats: their names, who is in them, what is unread."""

import asyncio
from collections.abc import Sequence

import msgspec

from postroom.connectors.matrix import convert
from postroom.connectors.matrix.api import ABOUT, Json, Matrix, Missing, room_filter
from postroom.connectors.matrix.convert import as_list, as_object
from postroom.domain.chats import ChatKind
from postroom.domain.remote import ChatKey, RemoteAttendee, RemoteChat

_MOST_LISTED_MEMBERS = 200
_AT_ONCE = 4


class Rooms:
    """The rooms of one account; what was learnt of one is kept until it changes."""

    def __init__(self, api: Matrix, me: str) -> None:
        self._api = api
        self._me = me
        self._known: dict[str, RemoteChat] = {}

    def forget(self, room: str) -> None:
        self._known.pop(room, None)

    async def chats(self, rooms: Sequence[str]) -> list[RemoteChat]:
        """These rooms as they are now; one that the account is not in any more is left out."""
        tree = await self._api.sync(None, room_filter(rooms, convert.MESSAGES, limit=1))
        joined = as_object(as_object(tree.get("rooms")).get("join"))
        direct = _direct(tree)
        limit = asyncio.Semaphore(_AT_ONCE)

        async def one(room: str) -> RemoteChat:
            async with limit:
                return await self._chat(room, as_object(joined[room]), direct)

        found = await asyncio.gather(*(one(room) for room in rooms if room in joined))
        for chat in found:
            self._known[chat.provider_id] = chat
        return list(found)

    async def updated(self, room: str, entry: dict[str, Json]) -> tuple[RemoteChat, bool]:
        """A room with what was told of it now, and whether that is news."""
        known = self._known.get(room)
        if known is None or _tells_more(known, entry):
            found = await self.chats([room])
            chat = found[0] if found else RemoteChat(provider_id=room, key=ChatKey(room))
            return chat, True
        messages = as_list(as_object(entry.get("timeline")).get("events"))
        moments = [at for event in messages if event.get("type") in convert.MESSAGES and (at := convert.moment(event))]
        newest = max([*moments, *([known.last_message_at] if known.last_message_at else [])], default=None)
        data = _data(entry)
        count = _unread(entry, marked=as_object(data.get("m.marked_unread")).get("unread") is True)
        chat = msgspec.structs.replace(known, last_message_at=newest, unread_count=count)
        if "m.tag" in data:
            chat = msgspec.structs.replace(chat, pinned="m.favourite" in as_object(data["m.tag"].get("tags")))
        self._known[room] = chat
        return chat, (chat.unread_count, chat.pinned) != (known.unread_count, known.pinned)

    async def _chat(self, room: str, entry: dict[str, Json], direct: dict[str, str]) -> RemoteChat:
        state = as_list(as_object(entry.get("state")).get("events"))
        contents = {event.get("type"): as_object(event.get("content")) for event in state}
        summary = as_object(entry.get("summary"))
        joined, invited = (summary.get(f"m.{kind}_member_count") for kind in ("joined", "invited"))
        count = (joined if isinstance(joined, int) else 0) + (invited if isinstance(invited, int) else 0)
        people = await self._people(room, state, count)
        name = contents.get("m.room.name", {}).get("name") or contents.get("m.room.canonical_alias", {}).get("alias")
        single = count <= 2 and (room in direct or not name)
        other = direct.get(room)
        people.sort(key=lambda person: (person.provider_id != other, person.provider_id))
        if not name and not single:
            name = ", ".join(person.name or person.provider_id for person in people[:5] if not person.is_self)
        messages = as_list(as_object(entry.get("timeline")).get("events"))
        # Synapse leaves these out where it is asked for some rooms only.
        tags = await self._api.tags(self._me, room)
        marked = (await self._api.account_data(self._me, "m.marked_unread", room)).get("unread") is True
        return RemoteChat(
            provider_id=room,
            key=ChatKey(room),
            kind=ChatKind.SINGLE if single else ChatKind.GROUP,
            name=convert.text_of(name),
            attendees=tuple(people),
            last_message_at=convert.moment(messages[-1]) if messages else None,
            unread_count=_unread(entry, marked=marked),
            # Nothing can be said there: what is written would go out unencrypted.
            read_only="m.room.encryption" in contents,
            pinned="m.favourite" in tags,
        )

    async def _people(self, room: str, state: list[dict[str, Json]], count: int) -> list[RemoteAttendee]:
        """Everybody in a room; of a large one only those who were named."""
        if count <= _MOST_LISTED_MEMBERS:
            try:
                members = await self._api.joined_members(room)
            except Missing:
                members = {}
            names = {user: as_object(member).get("display_name") for user, member in members.items()}
            named = convert.members([event for event in state if _is_here(event)])
            names = {**named, **names}
        else:
            names = convert.members([event for event in state if _is_here(event)])
        return [convert.person(user, self._me, name or user) for user, name in names.items()]


def _is_here(event: dict[str, Json]) -> bool:
    return as_object(event.get("content")).get("membership") in ("join", "invite")


def _tells_more(known: RemoteChat, entry: dict[str, Json]) -> bool:
    """Whether a room is called otherwise now, or others are in it."""
    names = {person.provider_id: person.name for person in known.attendees}
    told = [event for part in ("state", "timeline") for event in as_list(as_object(entry.get(part)).get("events"))]
    for event in told:
        if event.get("type") not in ABOUT:
            continue
        if event["type"] != "m.room.member":
            return True
        user = event.get("state_key")
        name = as_object(event.get("content")).get("displayname") or user
        if _is_here(event) != (user in names) or (user in names and names[user] != name):
            return True
    return False


def _data(entry: dict[str, Json]) -> dict[str, Json]:
    """What the owner's clients keep of a room, by type."""
    events = as_list(as_object(entry.get("account_data")).get("events"))
    return {str(event.get("type")): as_object(event.get("content")) for event in events}


def _direct(tree: dict[str, Json]) -> dict[str, str]:
    """The rooms that are somebody's alone, and whose."""
    found: dict[str, str] = {}
    for event in as_list(as_object(tree.get("account_data")).get("events")):
        if event.get("type") == "m.direct":
            for user, rooms in as_object(event.get("content")).items():
                found |= {room: user for room in rooms if isinstance(room, str)} if isinstance(rooms, list) else {}
    return found


def _unread(entry: dict[str, Json], *, marked: bool) -> int:
    count = as_object(entry.get("unread_notifications")).get("notification_count")
    return max(int(marked), count if isinstance(count, int) else 0)
