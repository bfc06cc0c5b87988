"""Lists of post groups by cursor, on both databases: every group once, whatever is deleted meanwhile."""

from typing import Any

import pytest

from postroom.domain.posts import GroupStatus
from postroom.errors import InvalidParameters
from postroom.services.post_lists import Wanted
from tests.desk import Desk

HOUR = 3_600_000


async def seeded(desk: Desk, count: int) -> list[str]:
    """Drafts without a moment, and scheduled ones, some at the same moment; their ids."""
    made = []
    for number in range(count):
        at = None if number % 3 == 0 else desk.now_ms() + (number // 2 + 1) * HOUR
        made.append((await desk.draft(f"Number {number}", platforms=["twitter-1"], at=at)).id)
    return made


async def walked(desk: Desk, wanted: Wanted, limit: int) -> list[str]:
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = await desk.services.post_lists.list(desk.caller, wanted, limit=limit, cursor=cursor)
        found += [view.group.id for view in page.items]
        cursor = page.next
        if cursor is None:
            return found


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("sort_by", ["createdAt", "updatedAt", "scheduledTime"])
async def test_cursors_lead_through_all_groups_as_pages_do(desk: Desk, sort_by: Any, descending: bool) -> None:
    made = await seeded(desk, 8)
    wanted = Wanted(sort_by=sort_by, descending=descending, platform="twitter")
    whole = await desk.services.post_lists.list(desk.caller, wanted, limit=100)
    in_order = [view.group.id for view in whole.items]
    assert sorted(in_order) == sorted(made)
    for limit in (1, 3):
        assert await walked(desk, wanted, limit) == in_order


@pytest.mark.parametrize("count", [1, 5, 12])
async def test_deleting_while_paging_leaves_none(desk: Desk, count: int) -> None:
    await seeded(desk, count)
    keep = await desk.draft("Another platform's", at=desk.now_ms() + HOUR)
    wanted = Wanted(status=GroupStatus.SCHEDULED, platform="twitter")
    cursor: str | None = None
    while True:
        page = await desk.services.post_lists.list(desk.caller, wanted, limit=2, cursor=cursor)
        for view in page.items:
            await desk.services.posts.delete(desk.caller, view.group.id)
        cursor = page.next
        if cursor is None:
            break
    assert (await desk.services.post_lists.list(desk.caller, wanted)).total == 0
    assert (await desk.view(keep)).group.id == keep.id


@pytest.mark.parametrize("cursor", ["", "x", "e30=", "W10=", "bnVsbA==", "AAAA"])
async def test_a_cursor_that_was_never_given_out_is_refused(desk: Desk, cursor: str) -> None:
    with pytest.raises(InvalidParameters):
        await desk.services.post_lists.list(desk.caller, Wanted(), cursor=cursor)
