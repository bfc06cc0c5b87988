"""`follow`: accounts that each receive a message a second: how late a WebSocket hears of it, and the memory that takes."""

import asyncio
import contextlib
import json
import shutil
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import mailboxes, seeding
from bench.processes import Served, postroom, started
from bench.ratios import Measured, Ratio
from bench.size import Size
from postroom.app import House
from postroom.clock import now, to_ms
from postroom.domain.accounts import Account, AccountStatus
from postroom.domain.remote import Credentials, Profile
from postroom.ids import new_id
from postroom.store import accounts
from tests.parts.postgres import PostgresServer

_LATE_MS = 500.0
_MEMORY_MB = 500.0
_PATIENCE_SECONDS = 30.0
_EVERYWHERE = range(64)


def measure(size: Size, postgres: PostgresServer) -> Measured:
    """A run on each database: server, database, far side and consumer share this machine's cores."""
    measured = Measured(
        name="follow",
        unit="",
        what=f"{size.follow_accounts} linked accounts, a message a second each, {size.follow_seconds} s, one WebSocket",
        runs={},
    )
    expected = size.follow_accounts * size.follow_seconds
    for postgres_or_none in (None, postgres):
        dialect = "postgres" if postgres_or_none else "sqlite"
        found = _run(size, postgres_or_none, expected)
        measured.runs[f"{dialect}, p99, ms"] = [found["p99_ms"]]
        measured.runs[f"{dialect}, most memory, MB"] = [found["memory_mb"]]
        measured.notes[dialect] = found
        heard_once = found["heard"] - found["twice"] - found["out_of_order"]
        measured.ratios += [
            Ratio(name=f"{dialect}, heard once", value=min(heard_once, found["pushed"]) / expected, bar=1.0),
            Ratio(name=f"{dialect}, 500 ms / p99", value=_LATE_MS / max(found["p99_ms"], 0.001), bar=1.0),
            Ratio(name=f"{dialect}, 500 MB / most", value=_MEMORY_MB / found["memory_mb"], bar=1.0),
        ]
    return measured


def _run(size: Size, postgres: PostgresServer | None, expected: int) -> dict[str, Any]:
    with _home(size, postgres) as (data, url), started("bench.mailboxes", cores=_EVERYWHERE) as far:
        base = f"http://127.0.0.1:{far.port}"
        key = asyncio.run(_link(data, url, size))
        more = {"POSTROOM_PROVIDER_LINKEDIN_ORIGIN": base}
        with postroom(data, url, cores=_EVERYWHERE, more=more) as served:
            _wait(far, lambda counts: counts["streams"] == size.follow_accounts)
            consumer = ("bench.consumer", str(served.port), key, str(expected), str(_PATIENCE_SECONDS))
            with started(*consumer, cores=_EVERYWHERE) as hearing:
                # What follows a start, such as the first sync of each account, is over.
                time.sleep(size.follow_rest_seconds)
                before = served.cpu_seconds()
                urllib.request.urlopen(f"{base}/begin?seconds={size.follow_seconds}", data=b"").close()
                memory = _most_memory(served, hearing)
                assert hearing.process.stdout is not None
                told: dict[str, Any] = json.loads(hearing.process.stdout.readline())
            cpu = served.cpu_seconds() - before
            counts = _counts(far)
    if "p99_ms" not in told:
        raise RuntimeError(f"nothing was heard: {told}, {counts}")
    return {
        **told,
        "pushed": counts["pushed"],
        "memory_mb": round(memory, 1),
        "cpu_ms_a_message": round(cpu * 1000 / expected, 2),
        "calls": counts["calls"],
    }


def _most_memory(served: Served, hearing: Served) -> float:
    """The most that the server held at a time, until the consumer has heard all."""
    most = 0.0
    while hearing.process.poll() is None:
        most = max(most, served.pss_mb())
        time.sleep(1.0)
    return most


@contextlib.contextmanager
def _home(size: Size, postgres: PostgresServer | None) -> Iterator[tuple[Path, str]]:
    """A data folder and a database that are empty, and removed at the end."""
    data = (seeding.FOLDER / size.name / ("follow-postgres" if postgres else "follow-sqlite")).absolute()
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True)
    name = "bench_follow"
    try:
        if postgres is not None:
            postgres.drop(postgres.url(name))
        yield data, postgres.kept(name) if postgres is not None else ""
    finally:
        shutil.rmtree(data, ignore_errors=True)
        if postgres is not None:
            postgres.drop(postgres.url(name))


async def _link(data: Path, url: str, size: Size) -> str:
    """Accounts that were linked and synced; the key of whoever listens."""
    async with seeding.opened(data, url) as house:
        workspace = await house.services.access.create_workspace("Bench")
        _, secret = await house.services.access.issue_key(workspace.id, "bench")
        for number in range(size.follow_accounts):
            await _add(house, workspace.id, number)
    return secret


async def _add(house: House, workspace_id: str, number: int) -> None:
    moment, member = now(), mailboxes.member(number)
    account = Account(
        id=new_id("acc", moment),
        workspace_id=workspace_id,
        user_id=workspace_id,
        provider="linkedin",
        provider_id=member,
        status=AccountStatus.CONNECTED,
        status_detail=None,
        profile=Profile(provider_id=member, username=f"ada-{number}", name="Ada Okafor"),
        created_at=to_ms(moment),
        last_synced_at=None,
        last_used_at=to_ms(moment),
        synced=True,
        has_chats=True,
    )
    house.database.keyring.create(account.id)
    async with house.database.begin() as tx:
        await accounts.add(tx, account, Credentials(values={"li_at": member, "jsessionid": "ajax:1"}))
        await accounts.set_sync_token(tx, workspace_id, account.id, "1|dG9rZW4=", to_ms(moment), synced=True)


def _wait(far: Served, enough: Any) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while not enough(counts := _counts(far)):
        if time.monotonic() > until:
            raise RuntimeError(f"not all accounts are listened to: {counts}")
        time.sleep(0.2)


def _counts(far: Served) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://127.0.0.1:{far.port}/counts") as answer:
        counts: dict[str, Any] = json.load(answer)
    return counts
