"""P1. No resurrection: once a message is recalled its content is readable nowhere, and nothing brings it back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from postroom.store.database import Database
from postroom.store.keyring import Keyring
from postroom.store.postgres import PostgresDatabase
from postroom.store.sqlite import SqliteDatabase
from tests import opened
from tests.promises.traces import Trace
from tests.size import Size

pytestmark = pytest.mark.promise("P1")
_STORIES_IN_ONE_DATABASE = 250
_AT_ONCE = 10
_SHARE_ON_POSTGRES = 10


@asynccontextmanager
async def kept_in(folder: Path, url: str) -> AsyncIterator[Database]:
    folder.mkdir()
    keyring = Keyring(folder / "keyring.db", bytes(32))
    database: Database
    database = await PostgresDatabase.connect(url, keyring) if url else SqliteDatabase(folder / "postroom.db", keyring)
    yield database
    await database.close()
    keyring.close()


async def one(trace: Trace) -> bool:
    """Whether the secret was here before it was taken back, as far as somebody looked."""
    try:
        told = await trace.tell()
    except BaseException as error:
        error.add_note(f"this was the story of seed {trace.seed}")
        raise
    assert told.twin_kept_its_own, f"seed {trace.seed}: buried in a workspace that never heard of the recall"
    return told.secret_was_here


async def tell(seeds: range, folder: Path, url: str) -> None:
    """Tell these stories in one database, and search all of it at the end."""
    seen = 0
    async with kept_in(folder, url) as database:
        for start in range(seeds.start, seeds.stop, _AT_ONCE):
            # Several at once, so that they share their commits.
            some = range(start, min(start + _AT_ONCE, seeds.stop))
            told = await asyncio.gather(*(one(Trace(database, folder, seed)) for seed in some))
            seen += sum(told)
        found = await opened.rows(database)
        assert opened.where(found, "canary") == []
        assert len(opened.where(found, "answer ")) > len(seeds) // 4, "the search does not open what is sealed"
    assert seen > len(seeds) // 50, "the secrets were never here: these stories prove nothing"
    assert opened.files_with(folder, "canary") == []


@pytest.mark.timeout(3600)
async def test_no_order_of_news_brings_a_recalled_message_back(
    tmp_path: Path, size: Size, capfd: pytest.CaptureFixture[str]
) -> None:
    for number, start in enumerate(range(0, size.traces, _STORIES_IN_ONE_DATABASE)):
        await tell(range(start, min(start + _STORIES_IN_ONE_DATABASE, size.traces)), tmp_path / f"{number}", "")
    logged = capfd.readouterr()
    assert "canary" not in logged.out + logged.err


@pytest.mark.timeout(3600)
async def test_no_order_of_news_brings_a_recalled_message_back_on_postgresql(
    tmp_path: Path, size: Size, postgres_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    first = 1_000_000
    await tell(range(first, first + size.traces // _SHARE_ON_POSTGRES), tmp_path / "stories", postgres_url)
    logged = capfd.readouterr()
    assert "canary" not in logged.out + logged.err
