"""Idempotency keys of requests that were under way when a server was killed."""

import asyncio

import pytest

from postroom.errors import Conflict, Kind
from tests.desk import Desk

ASKED = b"asked"


async def begin(desk: Desk, *, repeatable: bool, asked: bytes = ASKED) -> tuple[int, bytes] | None:
    return await desk.services.idempotency.begin(desk.caller, "k", asked, repeatable=repeatable)


async def told(desk: Desk, *, repeatable: bool, asked: bytes = ASKED) -> str:
    with pytest.raises(Conflict) as raised:
        await begin(desk, repeatable=repeatable, asked=asked)
    assert raised.value.kind is (Kind.IN_FLIGHT if asked == ASKED else Kind.KEY_REUSED)
    return raised.value.detail


@pytest.mark.parametrize("repeatable", [True, False])
async def test_what_may_still_be_under_way_is_in_flight(desk: Desk, repeatable: bool) -> None:
    assert await begin(desk, repeatable=repeatable) is None
    await desk.advance(300)
    assert "in flight" in await told(desk, repeatable=repeatable)


async def test_what_was_cut_off_and_is_safe_to_repeat_is_begun_again_by_one(desk: Desk) -> None:
    assert await begin(desk, repeatable=True) is None
    await desk.advance(601)
    await told(desk, repeatable=True, asked=b"something else")
    both = await asyncio.gather(*(begin(desk, repeatable=True) for _ in range(2)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in both) == ["Conflict", "NoneType"]
    await desk.services.idempotency.finish(desk.caller, "k", 200, b"{}")
    assert await begin(desk, repeatable=True) == (200, b"{}")


async def test_what_was_cut_off_and_must_not_happen_twice_is_not_begun_again_and_says_so(desk: Desk) -> None:
    assert await begin(desk, repeatable=False) is None
    await desk.advance(601)
    assert "may have been done" in await told(desk, repeatable=False)
