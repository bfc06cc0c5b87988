"""`publish`: posts that are due in the same moment, over many accounts: how late the last one is, and the memory that takes."""

import asyncio
import contextlib
import json
import shutil
import time
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench import seeding
from bench.networks import ACCOUNTS, environment, used
from bench.processes import Served, postroom, started
from bench.ratios import Measured, Ratio
from bench.size import Size
from postroom.app import House
from postroom.clock import now, to_ms
from postroom.domain.access import Caller
from postroom.domain.accounts import Account, AccountStatus
from postroom.domain.remote import Credentials, Profile
from postroom.ids import new_id
from postroom.store import accounts
from tests.parts.postgres import PostgresServer

FAR_SIDE_MS = 50
_LATE_SECONDS = 60.0
_MEMORY_MB = 300.0
_HEAD_START_SECONDS = 4.0
_AT_ONCE = 64
_PATIENCE_SECONDS = 30.0


def measure(size: Size, postgres: PostgresServer) -> Measured:
    """A run on each database: server, database and far side share this machine's cores."""
    measured = Measured(
        name="publish",
        unit="",
        what=(
            f"{size.posts:,} posts due at once, {size.post_accounts} accounts in {size.workspaces} workspaces; "
            f"the far side answers in {FAR_SIDE_MS} ms"
        ),
        runs={},
    )
    for postgres_or_none in (None, postgres):
        dialect = "postgres" if postgres_or_none else "sqlite"
        found = _run(size, postgres_or_none)
        measured.runs[f"{dialect}, last is late, s"] = [found["late_seconds"]]
        measured.runs[f"{dialect}, most memory, MB"] = [found["memory_mb"]]
        measured.notes[dialect] = found
        measured.ratios += [
            Ratio(
                name=f"{dialect}, published once",
                value=min(found["counted_once"], found["published"]) / size.posts,
                bar=1.0,
            ),
            Ratio(name=f"{dialect}, 60 s / last", value=_LATE_SECONDS / max(found["late_seconds"], 0.001), bar=1.0),
            Ratio(name=f"{dialect}, 300 MB / most", value=_MEMORY_MB / found["memory_mb"], bar=1.0),
        ]
    return measured


def _run(size: Size, postgres: PostgresServer | None) -> dict[str, Any]:
    with _home(size, postgres) as (data, url), started("bench.farside", str(FAR_SIDE_MS), cores=range(64)) as far:
        base = f"http://127.0.0.1:{far.port}"
        networks = asyncio.run(_schedule(data, url, size, base))
        moment = to_ms(now() + timedelta(seconds=_HEAD_START_SECONDS))
        asyncio.run(_move(data, url, moment))
        with postroom(data, url, cores=range(64), more=environment(base, networks)) as served:
            before = served.cpu_seconds()
            counts = _wait(far, served, size.posts)
            memory, cpu = served.most_memory_mb(), served.cpu_seconds() - before
        published, late = asyncio.run(_lateness(data, url, moment))
    return {
        "late_seconds": late[-1],
        "median_late_seconds": late[len(late) // 2],
        "posts_a_second": round(size.posts / late[-1], 1),
        "published": published,
        "counted_once": counts["posts"] - counts["twice"],
        "memory_mb": round(memory, 1),
        "cpu_ms_a_post": round(cpu * 1000 / size.posts, 2),
        "calls": counts["paths"],
    }


@contextlib.contextmanager
def _home(size: Size, postgres: PostgresServer | None) -> Iterator[tuple[Path, str]]:
    """A data folder and a database that are empty, and removed at the end."""
    data = (seeding.FOLDER / size.name / ("publish-postgres" if postgres else "publish-sqlite")).absolute()
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True)
    name = "bench_publish"
    try:
        if postgres is not None:
            postgres.drop(postgres.url(name))
        yield data, postgres.kept(name) if postgres is not None else ""
    finally:
        shutil.rmtree(data, ignore_errors=True)
        if postgres is not None:
            postgres.drop(postgres.url(name))


async def _schedule(data: Path, url: str, size: Size, base: str) -> list[str]:
    """As callers would: created for an hour from now, by the service that answers create-post. On which networks."""
    at = to_ms(now() + timedelta(hours=1))
    turn = asyncio.Semaphore(_AT_ONCE)

    async def create(house: House, caller: Caller, platform: str, number: int) -> None:
        async with turn:
            await house.services.posts.create(
                caller,
                content=f"The engine weaves algebraical patterns as the loom weaves flowers and leaves. No. {number}",
                platforms=[platform],
                scheduled_at=at,
                platform_settings={},
            )

    async with seeding.opened(data, url) as house:
        linked = [await _link(house, size, number, base) for number in range(size.post_accounts)]
        await asyncio.gather(*(create(house, *linked[number % len(linked)], number) for number in range(size.posts)))
        return used(house)


_callers: dict[int, Caller] = {}


async def _link(house: House, size: Size, number: int, base: str) -> tuple[Caller, str]:
    """One account more, on the next network, in the next workspace."""
    if number < size.workspaces:
        workspace = await house.services.access.create_workspace(f"Bench {number}")
        _, secret = await house.services.access.issue_key(workspace.id, "bench")
        _callers[number] = await house.services.access.resolve(secret)
    caller = _callers[number % size.workspaces]
    providers = used(house)
    provider = providers[number // size.workspaces % len(providers)]
    start, values = ACCOUNTS[provider]
    provider_id = f"{start}{number}"
    moment = now()
    account = Account(
        id=new_id("acc", moment),
        workspace_id=caller.workspace_id,
        user_id=caller.user_id,
        provider=provider,
        provider_id=provider_id,
        status=AccountStatus.CONNECTED,
        status_detail=None,
        profile=Profile(provider_id=provider_id, username=f"bench{number}", name=f"Bench {number}"),
        created_at=to_ms(moment),
        last_synced_at=None,
        last_used_at=to_ms(moment),
        synced=True,
    )
    house.database.keyring.create(account.id)
    async with house.database.begin() as tx:
        await accounts.add(tx, account, Credentials(values=values(provider_id, base)))
    return caller, f"{provider}-{provider_id}"


async def _move(data: Path, url: str, moment: int) -> None:
    """All of them to one moment: what is created in a minute is due in another."""
    async with seeding.opened(data, url) as house, house.database.begin() as tx:
        await tx.execute("update post_groups set scheduled_at = $1", moment)
        await tx.execute("update jobs set scheduled_at = $1 where task = 'publish_post'", moment)


def _wait(far: Served, served: Served, posts: int) -> dict[str, Any]:
    """Until the far side has seen all of them, or nothing happens any more."""
    seen, changed = -1, time.monotonic()
    while True:
        with urllib.request.urlopen(f"http://127.0.0.1:{far.port}/counts") as answer:
            counts: dict[str, Any] = json.load(answer)
        if counts["posts"] != seen:
            seen, changed = counts["posts"], time.monotonic()
        if served.process.poll() is not None or time.monotonic() - changed > _PATIENCE_SECONDS:
            raise RuntimeError(f"only {seen} of {posts} posts were published: {counts['paths']}")
        if seen >= posts:
            # Time for the last ones to be written down.
            time.sleep(1.0)
            return counts
        time.sleep(0.25)


async def _lateness(data: Path, url: str, moment: int) -> tuple[int, list[float]]:
    """How many posts are published, and how many seconds after their moment that was written down, the last one last."""
    async with seeding.opened(data, url) as house, house.database.read() as reader:
        counted = await reader.fetch("select count(*) from posts where status = 'published'")
        rows = await reader.fetch("select created_at from events where type = 'post.published' order by created_at")
    return counted[0][0], [(row[0] - moment) / 1000 for row in rows]
