"""Chains of receipts in both databases: sealed in turn by however many, exported whole, trimmed without a break."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from postroom.domain.access import EVERYDAY_SCOPES, Caller
from postroom.domain.chains import Report, verify
from postroom.domain.receipts import Receipt, Sealed
from postroom.errors import NotPermitted
from postroom.services.chains import Chains
from postroom.store import chains as stored
from postroom.store import receipts
from postroom.store.database import Database
from tests.store.things import OTHER_WORKSPACE, T0, WORKSPACE, new_id, workspace

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def caller(workspace_id: str = WORKSPACE, user_id: str | None = None) -> Caller:
    user_id = user_id or workspace_id
    return Caller(
        workspace=workspace(workspace_id), key_id="k", scopes=EVERYDAY_SCOPES, key_user_id=user_id, user_id=user_id
    )


async def write(database: Database, count: int, workspace_id: str = WORKSPACE, at: int = T0) -> None:
    for number in range(count):
        async with database.begin() as tx:
            receipt = Receipt(
                id=new_id("rcp"),
                workspace_id=workspace_id,
                kind="message.recalled",
                target_id=f"msg_{number}",
                document={"outcome": "done", "number": number, "read_back": None},
                created_at=at + number,
            )
            await receipts.add(tx, receipt)


async def checked(database: Database, workspace_id: str = WORKSPACE, **part: int) -> Report:
    sealer = Chains(database, lambda: NOW)
    exported = await sealer.export(caller(workspace_id), part.get("after", 0), part.get("limit", 1000))
    return verify(exported, sealer.public_key)


async def ids(database: Database) -> list[str]:
    async with database.read() as reader:
        return [receipt.id for receipt in await receipts.list_page(reader, WORKSPACE, limit=1000)]


async def test_sealers_and_writers_at_once_make_one_chain_without_a_gap(database: Database) -> None:
    sealers = [Chains(database, lambda: NOW) for _ in range(4)]
    writing = [asyncio.create_task(write(database, 30, at=T0 + 1000 * number)) for number in range(4)]
    while not all(task.done() for task in writing):
        await asyncio.gather(*(sealer.seal_some() for sealer in sealers))
    await asyncio.gather(*writing, *(sealer.seal(WORKSPACE) for sealer in sealers))
    async with database.read() as reader:
        assert await stored.count_unsealed(reader, WORKSPACE) == 0
        sealed = await stored.list_sealed(reader, WORKSPACE, 0, 1000)
    assert [each.sealed.sequence for each in sealed if each.sealed] == list(range(1, 121))
    assert sorted(each.id for each in sealed) == sorted(await ids(database))
    report = await checked(database)
    assert (report.problems, report.receipts, report.last) == ([], 120, 120)


async def test_a_receipt_is_not_sealed_until_it_is(database: Database) -> None:
    await write(database, 1)
    (id,) = await ids(database)

    async def sealed() -> Sealed | None:
        async with database.read() as reader:
            found = await receipts.find(reader, WORKSPACE, id)
        assert found is not None
        return found.sealed

    assert await sealed() is None
    running = asyncio.create_task(Chains(database, lambda: NOW).run())
    async with asyncio.timeout(5):
        while (now := await sealed()) is None:
            await asyncio.sleep(0.05)
    running.cancel()
    assert (now.sequence, now.previous) == (1, "0" * 64)


async def test_each_workspace_has_its_own_chain_and_exports_it_in_parts(database: Database) -> None:
    await write(database, 7)
    await write(database, 3, OTHER_WORKSPACE)
    assert (await checked(database, OTHER_WORKSPACE)).receipts == 3
    sealer = Chains(database, lambda: NOW)
    parts = [await sealer.export(caller(), after, 3) for after in (0, 3, 6)]
    report = verify(b"".join(parts), sealer.public_key)
    assert (report.problems, report.receipts, report.workspace_id) == ([], 7, WORKSPACE)
    assert verify(parts[1] + parts[2]).problems == []
    assert verify(parts[0] + parts[2]).problems == ["Receipts 4 to 6 are missing."]
    with pytest.raises(NotPermitted):
        await sealer.export(caller(user_id="7" * 24), 0, 3)


async def test_what_is_old_goes_and_the_rest_is_a_chain_still(database: Database) -> None:
    sealer = Chains(database, lambda: NOW)
    await write(database, 5)
    await write(database, 5, at=T0 + 1000)
    assert await sealer.trim(T0 + 5000) == 0  # nothing goes before it is sealed
    await sealer.seal(WORKSPACE)
    assert await sealer.trim(T0 + 1000) == 5
    report = await checked(database)
    assert (report.problems, report.first, report.last) == ([], 6, 10)
    assert report.notes[0].startswith("Receipts up to 5 were removed because of their age, on 2026-11-21")
    assert await sealer.trim(T0 + 1000) == 0
    await write(database, 1, at=T0 + 9000)
    await sealer.seal(WORKSPACE)
    await write(database, 1, at=T0 + 2000)
    await sealer.seal(WORKSPACE)
    assert await sealer.trim(T0 + 5000) == 5  # of what came late, its turn has not come
    assert await sealer.trim(T0 + 10_000) == 2
    await write(database, 2, at=T0 + 20_000)
    report = await checked(database)
    assert (report.problems, report.first, report.last) == ([], 13, 14)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("update receipts set document = '{}' where sequence = 2", "Line 3: it was changed"),
        ("update receipts set created_at = created_at + 1 where sequence = 2", "Line 3: it was changed"),
        ("update receipts set user_id = 'x' where sequence = 2", "Line 3: it was changed"),
        ("delete from receipts where sequence = 2", "Receipt 2 is missing."),
        (
            "update receipts set signature = (select signature from receipts where sequence = 1) where sequence = 2",
            "Line 3: it was changed",
        ),
        (
            "update receipt_chains set anchor_sequence = 2, anchor_hash = (select hash from receipts where sequence = 2)",
            None,
        ),
    ],
)
async def test_what_is_changed_in_the_database_shows_in_the_export(
    database: Database, change: str, problem: str | None
) -> None:
    await write(database, 4)
    await Chains(database, lambda: NOW).seal(WORKSPACE)
    async with database.begin() as tx:
        await tx.execute(change)
    report = await checked(database)
    if problem is None:
        # Without the signed word of the server that it removed them, they are not said to be removed.
        assert report.notes == ["It begins after receipt 2."]
    else:
        assert report.problems[0].startswith(problem)


async def test_the_line_of_a_receipt_is_the_receipt(database: Database) -> None:
    await write(database, 2)
    exported = await Chains(database, lambda: NOW).export(caller(), 0, 10)
    lines: list[dict[str, Any]] = [msgspec.json.decode(raw) for raw in exported.splitlines()]
    assert [each["body"]["type"] for each in lines] == ["start", "receipt", "receipt", "end"]
    assert lines[1]["body"]["receipt"]["document"] == {"outcome": "done", "number": 0, "read_back": None}
    assert lines[1]["body"]["previous"] == "0" * 64
    assert (lines[3]["body"]["sequence"], lines[3]["body"]["head"]) == (2, 2)


@pytest.mark.parametrize("taken", ["sequence <= 3", "sequence = 5", "sequence >= 8"])
async def test_receipts_that_somebody_took_out_of_the_database_are_missed(database: Database, taken: str) -> None:
    await write(database, 10)
    assert (await checked(database)).problems == []
    async with database.begin() as tx:
        await tx.execute(f"delete from receipts where workspace_id = $1 and {taken}", WORKSPACE)
    assert (await checked(database)).problems
