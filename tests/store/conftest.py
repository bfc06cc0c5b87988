"""A database of each kind, empty, with two workspaces; and short ways to make what is kept in it."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from postroom.store import access
from postroom.store.database import Database
from postroom.store.keyring import Keyring
from postroom.store.postgres import PostgresDatabase
from postroom.store.sqlite import SqliteDatabase
from tests.store.things import OTHER_WORKSPACE, WORKSPACE, workspace


@pytest.fixture
def keyring(tmp_path: Path) -> Iterator[Keyring]:
    opened = Keyring(tmp_path / "keyring.db", os.urandom(32))
    yield opened
    opened.close()


@pytest.fixture
async def sqlite(tmp_path: Path, keyring: Keyring) -> AsyncIterator[SqliteDatabase]:
    opened = SqliteDatabase(tmp_path / "postroom.db", keyring)
    yield opened
    await opened.close()


@pytest.fixture
async def postgres(postgres_url: str, keyring: Keyring) -> AsyncIterator[PostgresDatabase]:
    opened = await PostgresDatabase.connect(postgres_url, keyring)
    yield opened
    await opened.close()


@pytest.fixture(params=["sqlite", "postgres"])
async def database(request: pytest.FixtureRequest, tmp_path: Path, keyring: Keyring) -> AsyncIterator[Database]:
    """Each database in turn, with the two workspaces in it."""
    opened: Database
    if request.param == "sqlite":
        opened = SqliteDatabase(tmp_path / "postroom.db", keyring)
    else:
        opened = await PostgresDatabase.connect(request.getfixturevalue("postgres_url"), keyring)
    async with opened.begin() as tx:
        for workspace_id in (WORKSPACE, OTHER_WORKSPACE):
            await access.add_workspace(tx, workspace(workspace_id), 1)
    yield opened
    await opened.close()
