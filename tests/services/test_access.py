"""Keys, on both databases: one that was revoked opens nothing, whoever was looking at it meanwhile."""

import asyncio

import pytest

from postroom.domain.access import EVERYDAY_SCOPES
from postroom.errors import NotAuthenticated
from postroom.store import access as keys
from postroom.store.database import Reader
from tests.desk import Desk


async def test_a_request_that_is_under_way_as_its_key_is_revoked_lets_no_other_in(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = desk.services.access
    key, secret = await access.issue_key(desk.caller.workspace_id, "leaked", EVERYDAY_SCOPES)
    has_read, may_go_on = asyncio.Event(), asyncio.Event()
    find = keys.find_by_secret

    async def slow(reader: Reader, secret_hash: bytes) -> object:
        found = await find(reader, secret_hash)
        has_read.set()
        await may_go_on.wait()
        return found

    monkeypatch.setattr(keys, "find_by_secret", slow)
    asking = asyncio.create_task(access.resolve(secret))
    await has_read.wait()
    await access.revoke_key(desk.caller, key.id)
    may_go_on.set()
    assert (await asking).key_id == key.id
    with pytest.raises(NotAuthenticated):
        await access.resolve(secret)
