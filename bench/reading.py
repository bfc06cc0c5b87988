"""`read`: processor time of one GET of a message, against a bare static answer and against the baseline."""

import asyncio
import contextlib
import random
from collections.abc import Iterator

import asyncpg

from bench import load
from bench.processes import Served, postroom, started
from bench.ratios import Measured, Ratio
from bench.seeding import Home, home
from bench.size import Size
from tests.parts.postgres import PostgresServer

_PATH = "/postpress/v1/messages/"
_CONNECTIONS = 32
_WARMING_ROUNDS = 5
_BARS = {"sqlite": (0.33, 8.0), "postgres": (0.20, 5.0)}


def measure(size: Size, postgres: PostgresServer, *, against_bare: bool, against_baseline: bool) -> Measured:
    """Interleaved runs of all of them, the same random messages for each in turn."""
    homes = [home(size, None), home(size, postgres)]
    with contextlib.ExitStack() as running:
        subjects: dict[str, tuple[Served, Home, int]] = {}
        for each in homes:
            subjects[each.dialect] = (running.enter_context(postroom(each.data, each.database_url)), each, size.reads)
        bytes_answered = _warmed(*subjects["sqlite"][:2])
        if against_bare:
            bare = running.enter_context(started("bench.bare", str(bytes_answered)))
            subjects["bare"] = (bare, homes[0], size.reads * 2)
        if against_baseline:
            url = _baseline(size, postgres, homes[1])
            subjects["baseline"] = (running.enter_context(started("bench.baseline", url)), homes[1], size.reads // 3)
        runs: dict[str, list[float]] = {name: [] for name in subjects}
        chance = random.Random(2)
        for served, target, count in subjects.values():
            served.rest()
            # Caches are empty at first.
            _run(served, target, chance.choices(target.kept.message_ids, k=count * _WARMING_ROUNDS))
        for _ in range(size.rounds):
            for name, (served, target, count) in subjects.items():
                runs[name].append(_microseconds(served, target, chance.choices(target.kept.message_ids, k=count)))
    measured = Measured(
        name="read",
        unit="µs of CPU per request",
        what=f"GET a message of {size.messages:,}, key checked, {bytes_answered} bytes, {_CONNECTIONS} connections",
        runs=runs,
        notes={"bytes": bytes_answered},
    )
    for dialect, (of_bare, of_baseline) in _BARS.items():
        ours = measured.median(dialect)
        if against_bare:
            measured.ratios.append(Ratio(name=f"bare / {dialect}", value=measured.median("bare") / ours, bar=of_bare))
        if against_baseline:
            value = measured.median("baseline") / ours
            measured.ratios.append(Ratio(name=f"baseline / {dialect}", value=value, bar=of_baseline))
    return measured


def _warmed(served: Served, target: Home) -> int:
    """Some requests that are not counted; how many bytes an answer has."""
    return _run(served, target, target.kept.message_ids[:500])


def _run(served: Served, target: Home, ids: list[str]) -> int:
    done = load.run(served.port, "GET", [_PATH + each for each in ids], {"x-api-key": target.kept.secret}, _CONNECTIONS)
    return int(done["bytes"])


def _microseconds(served: Served, target: Home, ids: list[str]) -> float:
    before = served.cpu_seconds()
    _run(served, target, ids)
    return (served.cpu_seconds() - before) / len(ids) * 1e6


def _baseline(size: Size, postgres: PostgresServer, target: Home) -> str:
    """The baseline's own database, with as many messages and the same ids among them."""
    made = f"baseline_{target.kept.workspace_id}"
    url = postgres.kept(made)
    asyncio.run(_fill(url, size.messages, target))
    return url


async def _fill(url: str, count: int, target: Home) -> None:
    from bench import baseline

    connection = await asyncpg.connect(url)
    try:
        if await connection.fetchval("select to_regclass('messages_ready')") is not None:
            return
        print(f"  storing {count:,} messages for the baseline ...", flush=True)
        await baseline.create(url, target.kept.secret, target.kept.workspace_id)
        columns = [column.name for column in baseline.Message.__table__.columns]
        await connection.copy_records_to_table("messages", columns=columns, records=_rows(count, target, columns))
        await connection.execute("vacuum analyze")
        await connection.execute("create table messages_ready ()")
    finally:
        await connection.close()


def _rows(count: int, target: Home, columns: list[str]) -> Iterator[tuple[object, ...]]:
    ids = target.kept.message_ids
    text = "engine number weaves pattern flower leaf loom note " * 2 + "engine number weaves"
    row: dict[str, object] = {
        "workspace_id": target.kept.workspace_id,
        "account_id": "acc_01HXYZ4QK3WJ8FN3M6QH7TZ8GR",
        "chat_id": "chat_01HXYZ4QK3WJ8FN3M6QH7TZ8GR",
        "provider_id": "2-" + "0" * 50,
        "chat_provider_id": "2-" + "0" * 42,
        "sender_id": "ACoAA" + "0" * 34,
        "sender_attendee_id": "att_01HXYZ4QK3WJ8FN3M6QH7TZ8GR",
        "timestamp": "2026-05-17T09:42:11.000Z",
        "text": text,
        "attachments": "[]",
        "reactions": '[{"value":"\N{CLAPPING HANDS SIGN}","sender_id":"ACoAA' + "0" * 34 + '","is_sender":false}]',
        "seen_by": '{"att_01HXYZ4QK3WJ8FN3M6QH7TZ8GR":true}',
        "original": '{"body":{"text":"' + text + '","attributes":[]},"deliveredAt":1747474931000}',
        "message_type": "MESSAGE",
        "attendee_type": "MEMBER",
        "attendee_distance": 1,
        "sender_urn": "urn:li:member:100000000",
    }
    for number in range(count):
        row["id"] = ids[number] if number < len(ids) else f"msg_{number:026d}"
        yield tuple(row.get(column, 0) for column in columns)
