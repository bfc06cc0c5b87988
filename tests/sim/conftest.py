from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from tests.sim.files import served
from tests.sim.simulation import Member, Process


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    process = Process(tmp_path_factory.mktemp("simulation"))
    yield process
    process.end()


@pytest.fixture
async def client(running: Process) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a simulation that is as good as new. Reading the certificates it never needs would take longest."""
    async with httpx.AsyncClient(base_url=running.origin, verify=False) as client:
        await client.post("/_sim/state/reset")
        yield client


@pytest.fixture
async def ada(client: httpx.AsyncClient) -> Member:
    return await Member(client).sign_in()


@pytest.fixture
async def bea(client: httpx.AsyncClient) -> Member:
    return await Member(client, "user_second", "ajax:2").sign_in()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture(scope="module")
def files() -> Iterator[str]:
    """Where pictures and a film are to be had."""
    with served() as address:
        yield address
