"""Messages, and that what was taken back stays away."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from postroom.domain.chats import Speaker
from postroom.domain.messages import NO_CONTENT, Content, File, Message, MessageKind, Reaction
from postroom.store import access, accounts, attendees, messages
from postroom.store.database import Database
from postroom.store.keyring import Keyring
from postroom.store.sqlite import SqliteDatabase
from tests.store.things import OTHER_WORKSPACE, T0, WORKSPACE, attendee, link, message, open_chat, quote, workspace


def assert_in_no_file(folder: Path, text: str) -> None:
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert any(name.endswith(".db") for name in files)
    assert [name for name, content in files.items() if text.encode() in content] == []


async def add(database: Database, *new: Message, workspace_id: str = WORKSPACE) -> list[Message]:
    async with database.begin() as tx:
        return await messages.add_many(tx, workspace_id, list(new))


async def bury(database: Database, key: str, workspace_id: str = WORKSPACE, at: int = T0 + 5) -> list[Message]:
    async with database.begin() as tx:
        return await messages.bury(tx, workspace_id, "linkedin", key, "chat", at)


async def find(database: Database, message_id: str, workspace_id: str = WORKSPACE) -> Message:
    async with database.read() as reader:
        found = await messages.find(reader, workspace_id, message_id)
    assert found is not None
    return found


async def test_a_message_comes_back_as_it_was_kept(database: Database) -> None:
    room = await open_chat(database, await link(database))
    content = Content(
        text="Hello, Wörld \N{WAVING HAND SIGN}",
        attachments=(File(id="f1", file_name="a.pdf", file_size=3),),
        reactions=(Reaction(value="👍", sender_id="ACoBB", is_sender=True),),
        original="{}",
    )
    kept = message(room, "m1", content=content, kind=MessageKind.INMAIL, seen=True, is_sender=True)
    bare = message(room, "m2", kind=None, hidden=True, is_event=True, edited=True, delivered=False)
    assert await add(database, kept, bare) == [kept, bare]
    assert await find(database, kept.id) == kept
    assert await find(database, bare.id) == bare
    async with database.read() as reader:
        assert await messages.find(reader, OTHER_WORKSPACE, kept.id) is None
        assert await messages.find_by_keys(reader, WORKSPACE, room.account_id, ["m1", "m9"]) == {"m1": kept}


async def test_a_message_comes_with_what_is_known_of_who_wrote_it(database: Database) -> None:
    of = await link(database)
    room = await open_chat(database, of)
    known = attendee(of, "ACoBB", distance=2)
    async with database.begin() as tx:
        await attendees.put_attendees(tx, WORKSPACE, None, [known])
    written, by_nobody = message(room, "m1", sender_id="ACoBB"), message(room, "m2", sender_id="ACoCC")
    await add(database, written, by_nobody)
    speaker = Speaker(id=known.id, kind=known.kind, member_urn=known.member_urn, distance=2)
    async with database.read() as reader:
        assert await messages.find_with_speaker(reader, WORKSPACE, written.id) == (written, speaker)
        assert await messages.find_with_speaker(reader, WORKSPACE, by_nobody.id) == (by_nobody, None)
        assert await messages.find_with_speaker(reader, OTHER_WORKSPACE, written.id) == (None, None)
        found = await attendees.find_speakers(reader, WORKSPACE, of.id, ["ACoBB", "ACoCC"])
        assert found == {"ACoBB": speaker}
        assert await attendees.find_speakers(reader, OTHER_WORKSPACE, of.id, ["ACoBB"]) == {}


async def test_adding_again_changes_nothing_and_says_so(database: Database) -> None:
    room = await open_chat(database, await link(database))
    first = message(room, "m1", "first")
    again, new = message(room, "m1", "again"), message(room, "m2")
    assert await add(database, first, message(room, "m1", "twice in one batch")) == [first]
    assert await add(database, again, new) == [new]
    assert (await find(database, first.id)).content.text == "first"


async def test_a_tombstone_wins_that_comes_after_the_message(database: Database) -> None:
    room = await open_chat(database, await link(database))
    kept = message(room, "m1", seen=True, edited=True)
    await add(database, kept)
    (buried,) = await bury(database, "m1")
    assert buried == await find(database, kept.id)
    assert (buried.deleted_at, buried.content, buried.seen, buried.edited) == (T0 + 5, NO_CONTENT, True, True)


async def test_a_tombstone_wins_that_comes_before_the_message(database: Database) -> None:
    room = await open_chat(database, await link(database))
    assert await bury(database, "m1") == []
    assert await add(database, message(room, "m1")) == []
    async with database.read() as reader:
        assert await messages.is_buried(reader, WORKSPACE, "linkedin", "m1")
        assert not await messages.is_buried(reader, OTHER_WORKSPACE, "linkedin", "m1")
        assert not await messages.is_buried(reader, WORKSPACE, "bluesky", "m1")
        assert await messages.list_page(reader, WORKSPACE, chat_id=room.id, limit=9) == []


async def test_nothing_brings_a_buried_message_back(database: Database) -> None:
    room = await open_chat(database, await link(database))
    kept = message(room, "m1", "secret")
    await add(database, kept)
    await bury(database, "m1")
    assert await add(database, message(room, "m1", "secret")) == []
    async with database.begin() as tx:
        await messages.replace_content(tx, WORKSPACE, kept.id, content=Content(text="secret"), seen=True)
    found = await find(database, kept.id)
    assert (found.content, found.deleted_at, found.seen) == (NO_CONTENT, T0 + 5, False)


async def test_burying_twice_keeps_the_first_moment_and_tells_once(database: Database) -> None:
    room = await open_chat(database, await link(database))
    kept = message(room, "m1")
    await add(database, kept)
    assert len(await bury(database, "m1")) == 1
    assert await bury(database, "m1", at=T0 + 99) == []
    assert (await find(database, kept.id)).deleted_at == T0 + 5


async def test_burying_reaches_the_copies_and_quotes_of_every_account(database: Database) -> None:
    first = await open_chat(database, await link(database))
    second = await open_chat(database, await link(database))
    copies = [message(room, "m1", "secret") for room in (first, second)]
    answers = [message(room, "m2", "I agree", quote=quote("m1", "secret")) for room in (first, second)]
    await add(database, *copies, *answers)
    assert [each.id for each in await bury(database, "m1")] == [each.id for each in copies]
    for copy in copies:
        assert (await find(database, copy.id)).content == NO_CONTENT
    for answer in answers:
        found = await find(database, answer.id)
        assert found.content.text == "I agree"
        assert found.content.original == ""
        assert found.content.quote == msgspec.structs.replace(quote("m1"), text=None, attachments=())
    async with database.read() as reader:
        assert [each.id for each in await messages.find_copies(reader, WORKSPACE, "linkedin", "m1")] == [
            each.id for each in copies
        ]


async def test_a_late_answer_does_not_bring_a_quote_of_a_buried_message(database: Database) -> None:
    room = await open_chat(database, await link(database))
    await bury(database, "m1")
    answer = message(room, "m2", "I agree", quote=quote("m1", "secret"))
    (added,) = await add(database, answer)
    found = await find(database, answer.id)
    assert found == added
    assert found.content.quote is not None
    assert (found.content.quote.text, found.content.original, found.content.text) == (None, "", "I agree")
    async with database.begin() as tx:
        edited = Content(text="I do agree", quote=quote("m1", "secret"), original="secret")
        await messages.replace_content(tx, WORKSPACE, answer.id, content=edited, edited=True)
    found = await find(database, answer.id)
    assert found.content.quote is not None
    assert (found.content.quote.text, found.content.original, found.edited) == (None, "", True)


async def test_a_quote_that_came_with_an_edit_is_blanked_too(database: Database) -> None:
    room = await open_chat(database, await link(database))
    first, second = message(room, "m1", "secret"), message(room, "m2")
    await add(database, first, second)
    async with database.begin() as tx:
        await messages.replace_content(tx, WORKSPACE, second.id, content=Content(quote=quote("m1", "secret")))
    assert (await find(database, second.id)).quoted_id == first.id
    await bury(database, "m1")
    found = await find(database, second.id)
    assert found.content.quote is not None
    assert found.content.quote.text is None


async def test_an_answer_knows_what_it_answers_whichever_comes_first(database: Database) -> None:
    room = await open_chat(database, await link(database))
    answer = message(room, "m2", quote=quote("m1"))
    answered = message(room, "m1")
    (added,) = await add(database, answer)
    assert added.quoted_id is None
    await add(database, answered)
    assert (await find(database, answer.id)).quoted_id == answered.id
    late = message(room, "m3", quote=quote("m1"))
    (added,) = await add(database, late)
    assert added.quoted_id == answered.id == (await find(database, late.id)).quoted_id


async def test_another_workspace_keeps_its_copy(database: Database) -> None:
    mine = await open_chat(database, await link(database, provider_id="ACoSame"))
    linked = await link(database, provider_id="ACoSame", workspace_id=OTHER_WORKSPACE, user_id=OTHER_WORKSPACE)
    other = await open_chat(database, linked, provider_id=mine.provider_id, key=mine.key)
    kept, copy = message(mine, "m1"), message(other, "m1")
    answer = message(other, "m2", quote=quote("m1"))
    await add(database, kept)
    await add(database, copy, answer, workspace_id=OTHER_WORKSPACE)
    assert [each.id for each in await bury(database, "m1")] == [kept.id]
    assert await find(database, copy.id, OTHER_WORKSPACE) == copy
    found = await find(database, answer.id, OTHER_WORKSPACE)
    assert found.content == answer.content
    later = message(other, "m1")
    assert await add(database, later, workspace_id=OTHER_WORKSPACE) == []


async def test_flags_change_alone(database: Database) -> None:
    room = await open_chat(database, await link(database))
    kept = message(room, "m1", quote=quote("m0"))
    await add(database, kept)
    async with database.begin() as tx:
        await messages.replace_content(tx, WORKSPACE, kept.id, seen=True)
    assert await find(database, kept.id) == msgspec.structs.replace(kept, seen=True)
    await bury(database, "m0")
    found = await find(database, kept.id)
    assert found.content.quote is not None
    assert found.content.quote.text is None


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("wide", [True, False])
async def test_pages_neither_skip_nor_repeat_while_messages_come(
    database: Database, newest_first: bool, wide: bool
) -> None:
    rooms = [await open_chat(database, await link(database)) for _ in range(3)]
    kept = [message(rooms[n % 3 if wide else 0], f"m{n}", sent_at=T0 + n // 4) for n in range(23)]
    await add(database, *kept)
    seen: list[str] = []
    after: tuple[int, str] | None = None
    while True:
        async with database.read() as reader:
            page = await messages.list_page(
                reader,
                WORKSPACE,
                chat_id=None if wide else rooms[0].id,
                account_ids=[room.account_id for room in rooms],
                after=after,
                limit=5,
                newest_first=newest_first,
            )
        if not page:
            break
        seen += [each.id for each in page]
        after = (page[-1].sent_at, page[-1].id)
        await add(database, message(rooms[0], f"new-{after}", sent_at=T0 + (100 if newest_first else -100)))
    ordered = sorted(kept, key=lambda each: (each.sent_at, each.id), reverse=newest_first)
    assert seen == [each.id for each in ordered]


async def test_a_list_is_narrowed_by_sender_and_time_and_shows_tombstones(database: Database) -> None:
    linked = await link(database)
    room = await open_chat(database, linked)
    kept = [message(room, f"m{n}", sent_at=T0 + n, sender_id=f"ACo{n % 2}") for n in range(6)]
    await add(database, *kept)
    await bury(database, "m3")
    async with database.read() as reader:
        page = await messages.list_page(
            reader, WORKSPACE, account_id=linked.id, sender_id="ACo1", before=T0 + 5, after_time=T0 + 1, limit=9
        )
        assert [(each.key, each.is_tombstone) for each in page] == [("m3", True)]
        assert await messages.list_page(reader, WORKSPACE, account_ids=[], limit=9) == []
        assert await messages.list_page(reader, OTHER_WORKSPACE, account_id=linked.id, limit=9) == []


async def test_the_latest_message_is_one_that_can_be_shown(database: Database) -> None:
    room = await open_chat(database, await link(database))
    await add(
        database,
        message(room, "m1", sent_at=T0 + 1),
        message(room, "m2", sent_at=T0 + 2, hidden=True),
        message(room, "m3", sent_at=T0 + 3),
    )
    await bury(database, "m3")
    async with database.read() as reader:
        found = await messages.latest(reader, WORKSPACE, room.id)
        assert found is not None
        assert found.key == "m1"
        assert await messages.latest(reader, WORKSPACE, "chat_none") is None


async def test_without_its_key_nothing_of_an_account_can_be_read(database: Database) -> None:
    linked = await link(database)
    room = await open_chat(database, linked)
    kept = message(room, "m1", "secret")
    await add(database, kept)
    database.keyring.destroy(linked.id)
    async with database.read() as reader:
        assert await messages.find(reader, WORKSPACE, kept.id) is None
        (listed,) = await messages.list_page(reader, WORKSPACE, chat_id=room.id, limit=9)
    assert listed.content == NO_CONTENT
    await bury(database, "m1")


async def test_burials_and_additions_at_once_leave_no_copy(database: Database) -> None:
    """Each account is held by its own transaction; the tombstone is one for all of them."""
    rooms = [await open_chat(database, await link(database)) for _ in range(4)]

    async def ingest(number: int, key: str) -> None:
        room = rooms[number]
        async with database.begin() as tx:
            await accounts.hold(tx, WORKSPACE, room.account_id)
            await messages.add_many(tx, WORKSPACE, [message(room, key, "secret")])
            await asyncio.sleep(0.001)

    async def recall(number: int, key: str) -> None:
        async with database.begin() as tx:
            await accounts.hold(tx, WORKSPACE, rooms[number].account_id)
            await messages.bury(tx, WORKSPACE, "linkedin", key, "chat", T0)
            await asyncio.sleep(0.001)

    for number in range(20):
        key = f"m{number}"
        await asyncio.gather(
            ingest(0, key), recall(1, key), ingest(2, key), recall(3, key), ingest(1, key), ingest(3, key)
        )
    async with database.read() as reader:
        rows = await reader.fetch("select count(*) from messages where deleted_at is null")
    assert rows[0][0] == 0


async def test_old_tombstones_can_be_forgotten(database: Database) -> None:
    await bury(database, "m1", at=T0)
    await bury(database, "m2", at=T0 + 10)
    async with database.begin() as tx:
        assert await messages.remove_tombstones(tx, T0 + 10) == 1
        assert not await messages.is_buried(tx, WORKSPACE, "linkedin", "m1")
        assert await messages.is_buried(tx, WORKSPACE, "linkedin", "m2")


async def test_no_file_of_the_store_holds_what_is_sealed(tmp_path: Path, keyring: Keyring) -> None:
    database = SqliteDatabase(tmp_path / "sealed.db", keyring)
    async with database.begin() as tx:
        await access.add_workspace(tx, workspace(), 1)
    canary = "canary-in-the-coal-mine"
    linked = await link(database)
    room = await open_chat(database, linked)
    await add(database, *(message(room, f"m{n}", canary, quote=quote("m0", canary)) for n in range(200)))
    assert_in_no_file(tmp_path, canary)
    await database.close()
    assert_in_no_file(tmp_path, canary)
