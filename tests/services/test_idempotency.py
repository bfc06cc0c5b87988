"""Idempotency keys of requests that were under way when a server was killed."""

import asyncio
from datetime import timedelta

import pytest

from postroom.errors import Conflict, Kind
from tests.desk import Desk

ASKED = b"asked"


async def begin(desk: Desk, *, repeatable: bool, asked: bytes = ASKED) -> tuple[int, bytes] | None:
    return await desk.services.idempotency.begin(desk.caller, "k", asked, repeatable=repeatable)


async def told(desk: Desk, *, repeatable: bool, asked: bytes = ASKED) -> str:
    with pytest.raises(Conflict) as raised:
        await begin(desk, repeatable=repeatable, asked=asked)
    if asked != ASKED:
        assert raised.value.kind is Kind.KEY_REUSED
    return f"{raised.value.kind}: {raised.value.detail}"


@pytest.mark.parametrize("repeatable", [True, False])
async def test_what_may_still_be_under_way_is_in_flight(desk: Desk, repeatable: bool) -> None:
    assert await begin(desk, repeatable=repeatable) is None
    await desk.advance(29)
    assert "in_flight: " in await told(desk, repeatable=repeatable)


async def test_who_is_still_at_it_says_so_and_is_not_taken_for_cut_off(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("postroom.services.idempotency._SAID_EVERY", timedelta(seconds=0.05))
    assert await begin(desk, repeatable=True) is None
    async with desk.services.idempotency.under_way(desk.caller, "k"):
        for _ in range(3):
            await desk.advance(20)
            await asyncio.sleep(0.2)
        assert "in_flight: " in await told(desk, repeatable=True)
    await desk.advance(31)
    assert await begin(desk, repeatable=True) is None


async def test_what_was_cut_off_and_is_safe_to_repeat_is_begun_again_by_one(desk: Desk) -> None:
    assert await begin(desk, repeatable=True) is None
    await desk.advance(31)
    await told(desk, repeatable=True, asked=b"something else")
    both = await asyncio.gather(*(begin(desk, repeatable=True) for _ in range(2)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in both) == ["Conflict", "NoneType"]
    await desk.services.idempotency.finish(desk.caller, "k", 200, b"{}")
    assert await begin(desk, repeatable=True) == (200, b"{}")


async def test_what_was_cut_off_and_must_not_happen_twice_is_not_begun_again_and_says_so(desk: Desk) -> None:
    assert await begin(desk, repeatable=False) is None
    await desk.advance(31)
    said = await told(desk, repeatable=False)
    assert said.startswith("cut_off: ")
    assert "not done again" in said
