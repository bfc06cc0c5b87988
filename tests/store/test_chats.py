"""Conversations and the people in them."""

import msgspec
import pytest

from postroom.domain.chats import Attendee, AttendeeContent, Chat, ChatContent
from postroom.store import chats, messages
from postroom.store.database import Database
from tests.store.things import OTHER_WORKSPACE, T0, WORKSPACE, attendee, chat, link, message, open_chat


async def find(database: Database, chat_id: str) -> Chat:
    async with database.read() as reader:
        found = await chats.find(reader, WORKSPACE, chat_id)
    assert found is not None
    return found


async def test_a_chat_keeps_its_first_id_and_shows_as_it_is_now(database: Database) -> None:
    linked = await link(database)
    first = chat(linked)
    again = chat(linked, key=first.key, unread_count=2, last_message_at=None, content=ChatContent(name="New name"))
    async with database.begin() as tx:
        assert await chats.put(tx, WORKSPACE, first) == (first.id, True, False)
    assert await find(database, first.id) == first
    async with database.begin() as tx:
        assert await chats.put(tx, WORKSPACE, again) == (first.id, False, False)
    assert await find(database, first.id) == msgspec.structs.replace(again, id=first.id, last_message_at=T0)
    async with database.read() as reader:
        assert await chats.find(reader, WORKSPACE, again.id) is None
        assert await chats.find(reader, OTHER_WORKSPACE, first.id) is None
        found = await chats.find_by_key(reader, WORKSPACE, linked.id, first.key)
        assert found is not None
        assert found.id == first.id
        assert await chats.find_by_key(reader, WORKSPACE, linked.id, "none") is None


@pytest.mark.parametrize("many", [True, False])
async def test_pages_neither_skip_nor_repeat_and_end_with_silent_chats(database: Database, many: bool) -> None:
    linked = [await link(database), await link(database)]
    kept = [
        await open_chat(database, linked[n % 2 if many else 0], last_message_at=None if n % 5 == 0 else T0 + n // 3)
        for n in range(17)
    ]
    seen: list[str] = []
    after: tuple[int, str] | None = None
    while True:
        async with database.read() as reader:
            page = await chats.list_page(
                reader, WORKSPACE, account_ids=[each.id for each in linked], after=after, limit=4
            )
        if not page:
            break
        seen += [each.id for each in page]
        after = (page[-1].last_message_at or 0, page[-1].id)
        await open_chat(database, linked[0], last_message_at=T0 + 99)
    ordered = sorted(kept, key=lambda each: (each.last_message_at or 0, each.id), reverse=True)
    assert seen == [each.id for each in ordered]


async def test_a_list_is_narrowed_by_what_was_asked(database: Database) -> None:
    linked, other = await link(database), await link(database, provider="bluesky")
    unread = await open_chat(database, linked, unread_count=1, last_message_at=T0 + 1)
    read = await open_chat(database, other, last_message_at=T0 + 2)
    silent = await open_chat(database, linked, last_message_at=None)

    async def listed(**asked: object) -> list[str]:
        async with database.read() as reader:
            return [each.id for each in await chats.list_page(reader, WORKSPACE, limit=9, **asked)]  # type: ignore[arg-type]

    assert await listed() == [read.id, unread.id, silent.id]
    assert await listed(unread=True) == [unread.id]
    assert await listed(unread=False) == [read.id, silent.id]
    assert await listed(provider="bluesky") == [read.id]
    assert await listed(account_ids=[linked.id]) == [unread.id, silent.id]
    assert await listed(account_ids=[]) == []
    assert await listed(before=T0 + 2) == [unread.id]
    assert await listed(after_time=T0 + 1) == [read.id]


async def test_a_chats_activity_moves_forwards_only(database: Database) -> None:
    room = await open_chat(database, await link(database))
    start = room.last_message_at or 0
    for moment, expected in ((start + 9, start + 9), (start + 5, start + 9), (start + 10, start + 10)):
        async with database.begin() as tx:
            chats.note_message_at(tx, WORKSPACE, room.id, moment)
        assert (await find(database, room.id)).last_message_at == expected


async def test_people_keep_their_first_id_and_a_name_once_known(database: Database) -> None:
    linked = await link(database)
    room = await open_chat(database, linked)
    first = attendee(linked, "ACo1", content=AttendeeContent(name="Ada", headline="Countess"))
    nameless = attendee(linked, "ACo1", content=AttendeeContent(headline="Analyst"), distance=2)
    new = attendee(linked, "ACo2")

    async def put(chat_id: str | None, *people: Attendee) -> dict[str, str]:
        async with database.begin() as tx:
            return await chats.put_attendees(tx, WORKSPACE, chat_id, list(people))

    assert await put(room.id, first) == {"ACo1": first.id}
    assert await put(room.id, nameless, new) == {"ACo1": first.id, "ACo2": new.id}
    assert await put(None, nameless, new) == {"ACo1": first.id, "ACo2": new.id}
    assert await put(None) == {}
    now = msgspec.structs.replace(nameless, id=first.id, content=AttendeeContent(name="Ada", headline="Analyst"))
    async with database.read() as reader:
        assert await chats.list_attendees(reader, WORKSPACE, room.id) == [now, new]
        assert await chats.list_attendees(reader, OTHER_WORKSPACE, room.id) == []
        assert await chats.find_attendees(reader, WORKSPACE, linked.id, ["ACo1", "ACo9"]) == {"ACo1": now}


async def test_removing_a_chat_takes_its_messages_and_leaves_tombstones(database: Database) -> None:
    linked = await link(database)
    room, other = await open_chat(database, linked), await open_chat(database, linked)
    person = attendee(linked, "ACo1")
    async with database.begin() as tx:
        await chats.put_attendees(tx, WORKSPACE, room.id, [person])
        await chats.put_attendees(tx, WORKSPACE, other.id, [person])
        await messages.add_many(tx, WORKSPACE, [message(room, "m1"), message(other, "m2")])
        await messages.bury(tx, WORKSPACE, "linkedin", "m1", room.key, T0)
    async with database.begin() as tx:
        await chats.remove(tx, WORKSPACE, room.id)
    async with database.read() as reader:
        assert await chats.find(reader, WORKSPACE, room.id) is None
        assert [each.key for each in await messages.list_page(reader, WORKSPACE, account_id=linked.id, limit=9)] == [
            "m2"
        ]
        assert await chats.list_attendees(reader, WORKSPACE, other.id) == [person]
        assert await messages.is_buried(reader, WORKSPACE, "linkedin", "m1")


async def test_without_its_key_a_chat_has_no_name(database: Database) -> None:
    linked = await link(database)
    room = await open_chat(database, linked)
    async with database.begin() as tx:
        await chats.put_attendees(tx, WORKSPACE, room.id, [attendee(linked, "ACo1")])
    database.keyring.destroy(linked.id)
    assert (await find(database, room.id)).content == ChatContent()
    async with database.read() as reader:
        (person,) = await chats.list_attendees(reader, WORKSPACE, room.id)
    assert person.content == AttendeeContent()
