"""`delete`: durable deletions of post groups a second at 32 clients, over the least statements that do the same."""

import asyncio
import contextlib
import json
import subprocess
import sys

from bench import load, machine, seeding
from bench.processes import postroom
from bench.ratios import Measured, Ratio
from bench.size import Size
from tests.parts.postgres import PostgresServer

CLIENTS = 32
_BAR = 0.3
_PATH = "/postpost/api/v1/delete-post/"


def measure(size: Size, postgres: PostgresServer) -> Measured:
    """Interleaved runs of the server and of the floor, on the same database."""
    runs: dict[str, list[float]] = {}
    for postgres_or_none in (None, postgres):
        home = seeding.home(size, postgres_or_none)
        ids = asyncio.run(seeding.add_groups(home, size.deletes * size.rounds * 2 + CLIENTS * 2))
        ours, floor = runs.setdefault(home.dialect, []), runs.setdefault(f"floor of {home.dialect}", [])
        with contextlib.ExitStack() as running:
            served = running.enter_context(postroom(home.data, home.database_url))
            # A few that are not counted: statements are prepared, connections are open.
            _ours(served.port, home, ids[: CLIENTS * 2])
            for number in range(size.rounds * 2):
                first = CLIENTS * 2 + number * size.deletes
                run = ids[first : first + size.deletes]
                (ours if number % 2 == 0 else floor).append(
                    _ours(served.port, home, run) if number % 2 == 0 else _floor(home, run)
                )
    measured = Measured(
        name="delete",
        unit="deletions a second",
        what=f"DELETE a post group of two posts, durably, {CLIENTS} clients; {size.messages:,} messages beside it",
        runs=runs,
    )
    for dialect in ("sqlite", "postgres"):
        value = measured.median(dialect) / measured.median(f"floor of {dialect}")
        measured.ratios.append(Ratio(name=f"{dialect} / floor", value=value, bar=_BAR))
    return measured


def _ours(port: int, home: seeding.Home, ids: list[str]) -> float:
    done = load.run(
        port, "DELETE", [_PATH + each for each in ids], {"x-api-key": home.kept.secret}, CLIENTS, sleeps=True
    )
    return float(done["count"] / done["seconds"])


def _floor(home: seeding.Home, ids: list[str]) -> float:
    told = {
        "database": home.database_url or str(home.data / "postroom.db"),
        "workspace_id": home.kept.workspace_id,
        "ids": ids,
        "clients": CLIENTS,
        "cores": sorted(machine.cores()[0]),
    }
    done = subprocess.run(
        [sys.executable, "-m", "bench.floors"], input=json.dumps(told), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"the floor failed: {done.stderr[-2000:]}")
    return float(len(ids) / json.loads(done.stdout)["seconds"])
