"""The log: positions ascend, and a reader that goes on from one has missed nothing."""

import asyncio
from itertools import pairwise

import pytest

from postroom.domain.events import Event, EventData, EventType
from postroom.store import events
from postroom.store.database import Database, Tx
from postroom.store.postgres import PostgresDatabase
from tests.store.things import OTHER_WORKSPACE, T0, WORKSPACE, new_id


async def append(tx: Tx, workspace_id: str = WORKSPACE, at: int = T0, **data: str) -> str:
    event_id = new_id("evt")
    await events.append(tx, event_id, workspace_id, EventType.MESSAGE_RECEIVED, EventData(**data), at)
    return event_id


async def ids_after(database: Database, position: int = 0, limit: int = 1000) -> list[str]:
    async with database.read() as reader:
        return [event.id for event in await events.after(reader, WORKSPACE, position, limit)]


async def test_events_come_in_order_and_only_their_workspaces(database: Database) -> None:
    async with database.begin() as tx:
        first = await append(tx, message_id="msg_1")
        await append(tx, OTHER_WORKSPACE)
        second = await append(tx, chat_id="chat_1")
    async with database.read() as reader:
        found = await events.after(reader, WORKSPACE, 0, 10)
        assert [(event.id, event.data) for event in found] == [
            (first, EventData(message_id="msg_1")),
            (second, EventData(chat_id="chat_1")),
        ]
        assert found[0].position < found[1].position
        assert await events.after(reader, WORKSPACE, found[0].position, 10) == found[1:]
        assert await events.after(reader, WORKSPACE, 0, 1) == found[:1]
        assert await events.oldest(reader, WORKSPACE) == found[0].position
        assert await events.newest(reader, WORKSPACE) == found[1].position
        assert await events.newest(reader, "c" * 24) == 0 == await events.oldest(reader, "c" * 24)


async def test_an_event_of_a_transaction_that_fails_never_was(database: Database) -> None:
    with pytest.raises(RuntimeError):
        async with database.begin() as tx:
            await append(tx)
            raise RuntimeError
    assert await ids_after(database) == []


async def test_old_events_go(database: Database) -> None:
    async with database.begin() as tx:
        await append(tx, at=T0)
        kept = await append(tx, at=T0 + 5)
    async with database.begin() as tx:
        assert await events.remove_older(tx, T0 + 5) == 1
    assert await ids_after(database) == [kept]


_NUMBERED = "select pg_current_xact_id()"


async def test_a_reader_stops_before_what_a_late_commit_may_put_there(postgres: PostgresDatabase) -> None:
    async with postgres.begin() as late:
        await late.fetch_one(_NUMBERED)
        async with postgres.begin() as quick:
            second = await append(quick)
        assert await ids_after(postgres) == []
        async with postgres.read() as reader:
            assert await events.newest(reader, WORKSPACE) == 0
        first = await append(late)
    assert await ids_after(postgres) == [first, second]


async def test_a_late_commit_goes_behind_what_was_read_before_it(postgres: PostgresDatabase) -> None:
    """A transaction is numbered when it first writes, and may write its events before one of a lower number does."""
    async with postgres.begin() as late:
        async with postgres.begin() as quick:
            await quick.fetch_one(_NUMBERED)
            second = await append(late)
            first = await append(quick)
        async with postgres.read() as reader:
            (read,) = await events.after(reader, WORKSPACE, 0, 10)
        assert read.id == first
    assert await ids_after(postgres, read.position) == [second]


async def test_readers_that_follow_many_writers_miss_nothing(database: Database) -> None:
    written: list[str] = []
    done = asyncio.Event()

    async def write(number: int) -> None:
        for _ in range(30):
            async with database.begin() as tx:
                one = await append(tx)
                if number % 2:
                    await asyncio.sleep(0)
                written.extend([one, await append(tx)])

    async def follow() -> list[str]:
        seen: list[str] = []
        position = 0
        while True:
            last = done.is_set()
            async with database.read() as reader:
                page = await events.after(reader, WORKSPACE, position, 7)
            seen += [event.id for event in page]
            if page:
                position = page[-1].position
            elif last:
                return seen
            await asyncio.sleep(0)

    followers = [asyncio.create_task(follow()) for _ in range(2)]
    await asyncio.gather(*(write(number) for number in range(8)))
    done.set()
    for follower in followers:
        seen = await follower
        assert sorted(seen) == sorted(written)


async def test_positions_go_on_in_a_restored_copy(postgres: PostgresDatabase, postgres_url: str) -> None:
    """Transaction numbers begin again in a new cluster: what was written in the old one is of the future."""
    async with postgres.begin() as tx:
        old = await append(tx)
    async with postgres.begin() as tx:
        await tx.execute("update events set position = position + 1000000000000")
    assert await ids_after(postgres) == []
    found: list[Event] = []
    for _ in range(2):
        again = await PostgresDatabase.connect(postgres_url, postgres.keyring)
        async with again.begin() as tx:
            new = await append(tx)
        async with again.read() as reader:
            found = await events.after(reader, WORKSPACE, 0, 10)
        assert [event.id for event in found][:1] + [event.id for event in found][-1:] == [old, new]
        assert all(one.position < next_.position for one, next_ in pairwise(found))
        await again.close()
    assert len(found) == 3
