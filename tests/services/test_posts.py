"""Post groups: written, scheduled, moved, listed, and deleted with everything that belongs to them."""

import asyncio

import pytest

from postroom.domain.events import EventType
from postroom.domain.posts import GroupStatus, PostStatus
from postroom.errors import ErrorCode, InvalidParameters, NotFound
from postroom.services.post_lists import Wanted
from postroom.services.posts import Change
from tests.desk import Desk


async def test_a_draft_waits_for_its_owner(desk: Desk) -> None:
    group = await desk.draft("Not yet")
    assert group.status is GroupStatus.DRAFT
    await desk.work()
    assert await desk.status(group) is PostStatus.DRAFT
    assert await desk.live() == []


async def test_a_scheduled_post_goes_out_at_its_time_and_not_before(desk: Desk) -> None:
    group = await desk.draft("At nine", at=desk.now_ms() + 60_000)
    assert group.status is GroupStatus.SCHEDULED
    await desk.work()
    assert await desk.status(group) is PostStatus.PENDING
    await desk.advance(61)
    await desk.work()
    assert await desk.status(group) is PostStatus.PUBLISHED
    assert (await desk.view(group)).group.status is GroupStatus.PUBLISHED


async def test_a_time_that_has_passed_is_now(desk: Desk) -> None:
    group = await desk.draft(at=1)
    assert abs((group.scheduled_at or 0) - desk.now_ms()) < 10_000


async def test_a_post_that_is_moved_goes_out_once_at_the_later_time(desk: Desk) -> None:
    group = await desk.draft("Moved", at=desk.now_ms() + 60_000)
    await desk.schedule(group, desk.now_ms() + 600_000)
    await desk.advance(120)
    await desk.work()
    assert await desk.status(group) is PostStatus.PENDING
    await desk.advance(600)
    await desk.settle()
    assert [post["text"] for post in await desk.live()] == ["Moved"]


async def test_a_post_that_is_moved_to_sooner_goes_out_once(desk: Desk) -> None:
    group = await desk.draft("Sooner", at=desk.now_ms() + 600_000)
    await desk.schedule(group)
    await desk.work()
    await desk.advance(700)
    await desk.settle()
    assert await desk.calls("createRecord") == 1
    assert await desk.status(group) is PostStatus.PUBLISHED


async def test_a_post_made_a_draft_again_does_not_go_out_and_keeps_its_time(desk: Desk) -> None:
    group = await desk.draft("Perhaps", at=desk.now_ms() + 60_000)
    again = await desk.services.posts.update(desk.caller, group.id, Change(status=GroupStatus.DRAFT, scheduled_at=None))
    assert (again.status, again.scheduled_at) == (GroupStatus.DRAFT, group.scheduled_at)
    await desk.advance(120)
    await desk.work()
    assert await desk.live() == []
    await desk.services.posts.update(desk.caller, group.id, Change(status=GroupStatus.SCHEDULED, scheduled_at=None))
    await desk.work()
    assert await desk.status(group) is PostStatus.PUBLISHED


async def test_what_was_published_cannot_be_scheduled_again(desk: Desk) -> None:
    group = await desk.due()
    await desk.work()
    with pytest.raises(InvalidParameters):
        await desk.schedule(group)


async def test_lists_count_all_and_show_a_page_with_its_posts_and_files(desk: Desk) -> None:
    for number in range(3):
        await desk.attach(await desk.draft(f"Number {number}"))
        await desk.advance(1)
    wanted = Wanted(status=GroupStatus.DRAFT, platform="bluesky", descending=False)
    found = await desk.services.post_lists.list(desk.caller, wanted, page=2, limit=2)
    assert (found.total, found.next) == (3, None)
    assert [(view.group.content, len(view.posts), len(view.media)) for view in found.items] == [("Number 2", 1, 1)]


async def _as_it_is(desk: Desk, state: str) -> tuple[str, bool]:
    """A post group with a file, in this state: its id, and whether it is live then."""
    group = await desk.draft(f"In state {state}")
    await desk.attach(group)
    if state == "draft":
        return group.id, False
    if state == "scheduled":
        await desk.schedule(group, desk.now_ms() + 3_600_000)
        return group.id, False
    if state == "failed":
        await desk.fault("createRecord", do={"status": 400, "body": {"error": "InvalidRequest", "message": "no"}})
    if state == "processing":
        await desk.fault("createRecord", do={"commit_then_lose": True})
        await desk.fault("getRecord", times=9, do={"status": 502})
    await desk.schedule(group)
    await desk.work()
    assert (await desk.status(group)).value == state
    return group.id, state in ("published", "processing")


@pytest.mark.parametrize("state", ["draft", "scheduled", "failed", "processing", "published"])
async def test_a_group_is_deleted_whatever_its_status(desk: Desk, state: str) -> None:
    group_id, is_live = await _as_it_is(desk, state)
    assert len(desk.files()) == 1
    await desk.services.posts.delete(desk.caller, group_id)
    with pytest.raises(NotFound):
        await desk.services.posts.get(desk.caller, group_id)
    await desk.no_faults()
    await desk.settle()
    assert desk.files() == set()
    assert await desk.rows("select id from posts") == await desk.rows("select id from media_items") == []
    assert len(await desk.live()) == is_live
    (receipt,) = await desk.receipts(group_id)
    assert (receipt["files"], receipt["targets"][0]["status"]) == (1, "pending" if state == "scheduled" else state)
    assert len(await desk.events(EventType.POST_GROUP_DELETED)) == 1


async def test_the_receipt_of_a_published_group_names_what_stays_live(desk: Desk) -> None:
    group = await desk.due("Stays live")
    await desk.work()
    await desk.services.posts.delete(desk.caller, group.id)
    ((receipt,), (post,)) = await desk.receipts(group.id), await desk.live()
    assert receipt["targets"][0]["provider_id"] == post["uri"]
    assert receipt["targets"][0]["url"].startswith("https://bsky.app/profile/")


async def test_deleted_while_it_is_being_published_it_stays_deleted_and_a_receipt_names_what_is_live(
    desk: Desk,
) -> None:
    group = await desk.due("Too late")
    await desk.fault("createRecord", do={"hold": True})
    working = asyncio.create_task(desk.work())
    await desk.struck("createRecord")
    await desk.services.posts.delete(desk.caller, group.id)
    await desk.no_faults()
    await working
    with pytest.raises(NotFound):
        await desk.view(group)
    assert await desk.rows("select id from posts") == []
    (post,) = await desk.live()
    (later,) = [receipt for receipt in await desk.receipts(group.id) if "provider_id" in receipt]
    assert later["provider_id"] == post["uri"]
    assert await desk.events(EventType.POST_PUBLISHED) == []


async def test_a_second_delete_finds_nothing(desk: Desk) -> None:
    group = await desk.draft()
    await desk.services.posts.delete(desk.caller, group.id)
    with pytest.raises(NotFound):
        await desk.services.posts.delete(desk.caller, group.id)
    assert len(await desk.receipts(group.id)) == 1


async def test_two_deletes_at_once_delete_once(desk: Desk) -> None:
    group = await desk.draft()
    both = [desk.services.posts.delete(desk.caller, group.id) for _ in range(2)]
    outcomes = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "NotFound"]
    assert len(await desk.receipts(group.id)) == 1


async def test_an_id_that_is_none_says_so(desk: Desk) -> None:
    with pytest.raises(NotFound) as raised:
        await desk.services.posts.delete(desk.caller, "not-an-id")
    assert raised.value.code is ErrorCode.INVALID_RESOURCE_IDENTIFIER


async def test_the_other_workspace_deletes_nothing_here(desk: Desk) -> None:
    group = await desk.draft()
    with pytest.raises(NotFound):
        await desk.services.posts.delete(desk.built.other, group.id)
    assert await desk.status(group) is PostStatus.DRAFT
