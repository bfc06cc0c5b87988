"""What was asked, what became of it, and what was answered."""

import asyncio

from postroom.domain.messages import RecallOutcome
from postroom.domain.receipts import Receipt
from postroom.store import idempotency, recalls, receipts
from postroom.store.database import Database
from tests.store.things import OTHER_WORKSPACE, T0, WORKSPACE, new_id, recall


async def test_a_message_has_one_open_recall(database: Database) -> None:
    first, second = recall(), recall()
    async with database.begin() as tx:
        assert await recalls.begin(tx, first)
        assert not await recalls.begin(tx, second)
        assert await recalls.begin(tx, recall(workspace_id=OTHER_WORKSPACE))
        assert await recalls.find_open(tx, WORKSPACE, "linkedin", "m1") == first
        assert await recalls.find(tx, OTHER_WORKSPACE, first.id) is None
        await recalls.finish(tx, WORKSPACE, first.id, RecallOutcome.IN_DOUBT, detail="no answer", at=T0 + 1)
        assert not await recalls.begin(tx, second)
        assert first.id in {each.id for each in await recalls.list_open(tx, T0 + 1)}
        assert await recalls.list_open(tx, T0) == []
        await recalls.finish(tx, WORKSPACE, first.id, RecallOutcome.DONE, read_back="gone", at=T0 + 2)
        await recalls.finish(tx, WORKSPACE, first.id, RecallOutcome.REFUSED, at=T0 + 3)
        found = await recalls.find(tx, WORKSPACE, first.id)
        assert await recalls.begin(tx, second)
    assert found is not None
    assert (found.outcome, found.detail, found.read_back, found.settled_at) == (
        RecallOutcome.DONE,
        "no answer",
        "gone",
        T0 + 2,
    )


async def test_of_recalls_at_once_one_begins(database: Database) -> None:
    async def begin() -> bool:
        async with database.begin() as tx:
            return await recalls.begin(tx, recall())

    assert sum(await asyncio.gather(*(begin() for _ in range(8)))) == 1


async def test_receipts_are_listed_newest_first(database: Database) -> None:
    kept = [
        Receipt(
            id=new_id("rcp"),
            workspace_id=WORKSPACE,
            kind="message_recall",
            target_id=f"msg_{number % 2}",
            document={"answers": [number], "links": {"self": "/"}},
            created_at=T0 + number // 2,
        )
        for number in range(6)
    ]
    async with database.begin() as tx:
        for each in kept:
            await receipts.add(tx, each)
    newest_first = list(reversed(kept))
    async with database.read() as reader:
        assert await receipts.list_page(reader, WORKSPACE, limit=3) == newest_first[:3]
        after = (newest_first[2].created_at, newest_first[2].id)
        assert await receipts.list_page(reader, WORKSPACE, after=after, limit=9) == newest_first[3:]
        assert await receipts.list_page(reader, WORKSPACE, target_id="msg_1", limit=9) == newest_first[::2]
        assert await receipts.list_page(reader, OTHER_WORKSPACE, limit=9) == []
        assert await receipts.find(reader, WORKSPACE, kept[0].id) == kept[0]
        assert await receipts.find(reader, OTHER_WORKSPACE, kept[0].id) is None


async def test_a_key_runs_one_call_and_then_tells_what_it_answered(database: Database) -> None:
    async def begin(fingerprint: bytes = b"f", user_id: str = WORKSPACE) -> idempotency.Stored | None:
        async with database.begin() as tx:
            return await idempotency.begin(tx, WORKSPACE, user_id, "k", fingerprint, T0)

    begun = await asyncio.gather(*(begin() for _ in range(5)))
    in_flight = idempotency.Stored(fingerprint=b"f", status=None, answer=None, heard_at=T0)
    assert begun.count(None) == 1
    assert begun.count(in_flight) == 4
    assert await begin(user_id="d" * 24) is None
    async with database.begin() as tx:
        await idempotency.finish(tx, WORKSPACE, WORKSPACE, "k", 201, '{"id": 1}')
    assert await begin(b"g") == idempotency.Stored(fingerprint=b"f", status=201, answer='{"id": 1}', heard_at=T0)
    async with database.begin() as tx:
        await idempotency.forget(tx, WORKSPACE, WORKSPACE, "k")
    assert await begin(b"g") is None
    async with database.begin() as tx:
        assert await idempotency.remove_older(tx, T0 + 1) == 2


async def test_a_call_that_is_in_flight_is_taken_over_once_and_not_after_it_ended(database: Database) -> None:
    async def begin_again(user_id: str = WORKSPACE) -> bool:
        async with database.begin() as tx:
            return await idempotency.begin_again(tx, WORKSPACE, user_id, "k", T0, T0 + 9)

    assert not await begin_again()
    async with database.begin() as tx:
        assert await idempotency.begin(tx, WORKSPACE, WORKSPACE, "k", b"f", T0) is None
    assert not await begin_again("d" * 24)
    assert sorted(await asyncio.gather(*(begin_again() for _ in range(5)))) == [False] * 4 + [True]
    async with database.begin() as tx:
        await idempotency.forget(tx, WORKSPACE, WORKSPACE, "k")
        assert await idempotency.begin(tx, WORKSPACE, WORKSPACE, "k", b"f", T0) is None
        await idempotency.finish(tx, WORKSPACE, WORKSPACE, "k", 200, "{}")
    assert not await begin_again()
