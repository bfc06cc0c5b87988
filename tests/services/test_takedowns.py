"""Take-down: live posts go from their networks, with an outcome for each that is the truth, whatever dies meanwhile."""

import asyncio
from typing import Any

import pytest

from postroom.domain.events import EventType
from postroom.domain.posts import GroupStatus, PostGroup, PostStatus
from postroom.domain.takedowns import Takedown, TargetOutcome
from postroom.errors import NotFound
from postroom.store import posts
from postroom.store.database import Tx
from tests.desk import Desk
from tests.services.test_worker import second, until, working

LOST = {"commit_then_lose": True}
DOWN = {"status": 503}


async def published(desk: Desk, text: str = "Live", **named: Any) -> PostGroup:
    group = await desk.due(text, **named)
    await desk.work()
    assert await desk.status(group) is PostStatus.PUBLISHED
    return group


async def ask(desk: Desk, group: PostGroup) -> Takedown:
    """Ask without waiting, and do the work that is due."""
    made = await desk.services.takedowns.take_down(desk.caller, group.id, 0)
    await desk.work()
    return await desk.services.takedowns.get(desk.caller, made.id)


async def outcomes(desk: Desk, takedown: Takedown) -> list[TargetOutcome]:
    found = await desk.services.takedowns.get(desk.caller, takedown.id)
    return [target.outcome for target in found.targets]


async def test_a_live_post_goes_and_a_receipt_and_an_event_say_so(desk: Desk) -> None:
    group = await published(desk)
    post = await desk.post(group)
    made = await ask(desk, group)
    assert [target.outcome for target in made.targets] == [TargetOutcome.DONE]
    assert made.settled_at is not None
    assert await desk.live() == []
    (receipt,) = await desk.receipts(group.id)
    assert receipt["takedown_id"] == made.id
    assert [(each["outcome"], each["provider_id"]) for each in receipt["targets"]] == [("done", post.provider_id)]
    (event,) = await desk.events(EventType.POST_TAKEN_DOWN)
    assert (event.data.post_id, event.data.takedown_id, event.data.reason) == (post.id, made.id, "done")
    assert await desk.status(group) is PostStatus.PUBLISHED


async def test_the_history_of_a_post_tells_of_take_downs_where_postposts_log_does_not(desk: Desk) -> None:
    group = await published(desk)

    async def told() -> list[tuple[str, str | None]]:
        history = await desk.services.post_logs.history(desk.caller, group.id)
        return [
            (each.event.value, each.detail.error if each.detail else None)
            for each in history
            if "down" in each.event or "taken" in each.event
        ]

    before = await desk.services.post_logs.list(desk.caller, group.id)
    assert await told() == []
    await desk.fault("deleteRecord", do={"status": 400, "body": {"error": "Nope", "message": "Not today."}})
    await ask(desk, group)
    assert [event for event, _ in await told()] == ["take_down_asked", "take_down_refused"]
    await desk.services.takedowns.take_down(desk.caller, group.id, 0)
    assert (await told())[2:] == [("take_down_asked", None)]
    await desk.advance(5)
    await desk.work()
    assert (await told())[2:] == [("take_down_asked", None), ("taken_down", None)]
    history = await desk.services.post_logs.history(desk.caller, group.id)
    assert [each.created_at for each in history] == sorted(each.created_at for each in history)
    assert await desk.services.post_logs.list(desk.caller, group.id) == before


async def test_asking_again_calls_nobody(desk: Desk) -> None:
    group = await published(desk)
    await ask(desk, group)
    again = await ask(desk, group)
    assert await outcomes(desk, again) == [TargetOutcome.DONE]
    assert await desk.calls("deleteRecord") == 1


async def test_asking_while_it_is_under_way_is_the_same_one(desk: Desk) -> None:
    group = await published(desk)
    made = [await desk.services.takedowns.take_down(desk.caller, group.id, 0) for _ in range(3)]
    assert len({each.id for each in made}) == 1
    await desk.work()
    assert await desk.calls("deleteRecord") == 1


async def test_what_is_asked_is_on_record_before_the_network_is_called(desk: Desk) -> None:
    group = await published(desk)
    made = await desk.services.takedowns.take_down(desk.caller, group.id, 0)
    assert await desk.calls("deleteRecord") == 0
    assert await outcomes(desk, made) == [TargetOutcome.ASKED]
    await desk.fault("deleteRecord", do={"hold": True})
    task = asyncio.create_task(desk.work())
    await desk.struck("deleteRecord")
    assert await desk.rows("select outcome, called from takedown_targets") == [("asked", 1)]
    await desk.no_faults()
    await task
    assert await outcomes(desk, made) == [TargetOutcome.DONE]


async def test_a_lost_answer_leaves_it_in_doubt_until_the_network_says_that_it_is_gone(desk: Desk) -> None:
    group = await published(desk)
    await desk.fault("deleteRecord", do=LOST, times=2)
    made = await ask(desk, group)
    assert [target.outcome for target in made.targets] == [TargetOutcome.IN_DOUBT]
    assert made.settled_at is None
    assert await desk.receipts(group.id) == []
    await desk.settle()
    assert await outcomes(desk, made) == [TargetOutcome.DONE]
    assert len(await desk.receipts(group.id)) == 1


async def test_a_network_that_is_away_is_asked_until_it_is_back(desk: Desk) -> None:
    group = await published(desk)
    await desk.fault("deleteRecord", do={"status": 429, "headers": {"retry-after": "60"}, "body": {}}, times=2)
    made = await ask(desk, group)
    assert [target.outcome for target in made.targets] == [TargetOutcome.ASKED]
    assert len(await desk.live()) == 1
    await desk.settle()
    assert await outcomes(desk, made) == [TargetOutcome.DONE]
    assert await desk.live() == []


async def test_a_refusal_says_why_and_changes_nothing(desk: Desk) -> None:
    group = await published(desk)
    await desk.fault("deleteRecord", do={"status": 403, "body": {"error": "Forbidden", "message": "Not yours."}})
    made = await ask(desk, group)
    assert [target.outcome for target in made.targets] == [TargetOutcome.REFUSED]
    assert "Not yours." in str(made.targets[0].detail)
    assert len(await desk.live()) == 1
    (event,) = await desk.events(EventType.POST_TAKE_DOWN_FAILED)
    assert event.data.reason == "refused"
    assert await outcomes(desk, await ask(desk, group)) == [TargetOutcome.DONE]


async def test_who_died_in_the_middle_of_the_call_is_not_said_to_have_been_refused(desk: Desk) -> None:
    group = await published(desk)
    made = await desk.services.takedowns.take_down(desk.caller, group.id, 0)
    async with desk.house.database.begin() as tx:
        await tx.execute("update takedown_targets set called = 1")
    await desk.fault("deleteRecord", do={"status": 401, "body": {"error": "InvalidToken"}})
    await desk.work()
    assert await outcomes(desk, made) == [TargetOutcome.IN_DOUBT]
    assert (await desk.services.takedowns.get(desk.caller, made.id)).settled_at is not None


async def test_without_its_account_a_post_is_not_taken_down_and_the_link_stays(desk: Desk) -> None:
    group = await published(desk)
    await desk.services.accounts.unlink(desk.caller, (await desk.account()).id)
    made = await ask(desk, group)
    (target,) = made.targets
    assert target.outcome is TargetOutcome.REFUSED
    assert target.url is not None
    assert "link it again" in str(target.detail)


async def test_a_network_that_takes_no_deletions_is_not_called(desk: Desk) -> None:
    group = await published(desk)
    async with desk.house.database.begin() as tx:
        await tx.execute("update posts set platform = 'elsewhere'")
    made = await desk.services.takedowns.take_down(desk.caller, group.id, 0)
    assert [(target.outcome, target.settled_at is not None) for target in made.targets] == [
        (TargetOutcome.UNSUPPORTED, True)
    ]
    assert made.targets[0].url is not None
    assert len(await desk.receipts(group.id)) == 1


async def test_each_target_has_its_own_outcome(desk: Desk) -> None:
    mine = f"bluesky-{(await desk.account()).provider_id}"
    other = await second(desk)
    group = await desk.due("Twice", platforms=[mine, other])
    await desk.work()
    assert len(await desk.live()) == 2
    await desk.fault("deleteRecord", do={"status": 403, "body": {"error": "Forbidden"}}, times=1)
    made = await ask(desk, group)
    assert sorted(target.outcome for target in made.targets) == [TargetOutcome.DONE, TargetOutcome.REFUSED]
    assert len(await desk.live()) == 1


async def test_a_post_that_is_being_published_goes_as_soon_as_it_is_there(desk: Desk) -> None:
    group = await desk.due("On its way")
    await desk.fault("createRecord", do=LOST)
    await desk.fault("getRecord", do=DOWN, times=4)
    await desk.work()
    assert await desk.status(group) is PostStatus.PROCESSING
    made = await ask(desk, group)
    assert made.settled_at is None
    await desk.settle()
    assert await outcomes(desk, made) == [TargetOutcome.DONE]
    assert await desk.live() == []


async def test_what_a_deleted_group_left_live_goes_by_its_receipt(desk: Desk) -> None:
    group = await published(desk)
    await desk.services.posts.delete(desk.caller, group.id)
    assert len(await desk.live()) == 1
    (receipt,) = (await desk.services.receipts.list(desk.caller, target_id=group.id)).items
    made = await desk.services.takedowns.take_down_receipt(desk.caller, receipt.id, 0)
    await desk.work()
    assert await outcomes(desk, made) == [TargetOutcome.DONE]
    assert await desk.live() == []
    again = await desk.services.takedowns.take_down_receipt(desk.caller, receipt.id, 0)
    assert await outcomes(desk, again) == [TargetOutcome.DONE]
    assert await desk.calls("deleteRecord") == 1
    with pytest.raises(NotFound):
        await desk.services.takedowns.take_down(desk.caller, group.id)


async def test_a_receipt_of_something_else_takes_nothing_down(desk: Desk) -> None:
    group = await published(desk)
    await ask(desk, group)
    (receipt,) = (await desk.services.receipts.list(desk.caller, target_id=group.id)).items
    with pytest.raises(NotFound):
        await desk.services.takedowns.take_down_receipt(desk.caller, receipt.id, 0)


async def test_a_group_with_nothing_live_is_settled_at_once(desk: Desk) -> None:
    group = await desk.draft()
    made = await desk.services.takedowns.take_down(desk.caller, group.id)
    assert made.targets == ()
    assert made.settled_at is not None


async def test_the_answer_waits_for_the_outcome(desk: Desk) -> None:
    group = await published(desk)
    async with working(desk):
        made = await desk.services.takedowns.take_down(desk.caller, group.id)
    assert [target.outcome for target in made.targets] == [TargetOutcome.DONE]


async def test_the_later_parts_of_a_thread_are_not_begun(desk: Desk) -> None:
    group = await desk.due("word " * 130)
    await desk.fault("createRecord", nth=2, do={"status": 429, "headers": {"retry-after": "60"}, "body": {}})
    await desk.work()
    view = await desk.view(group)
    assert [post.status for post in view.posts][:2] == [PostStatus.PUBLISHED, PostStatus.PENDING]
    await desk.services.takedowns.take_down(desk.caller, group.id, 0)
    await desk.settle()
    assert await desk.live() == []
    later = (await desk.view(group)).posts[1:]
    assert {(post.status, post.error and post.error.message) for post in later} == {
        (PostStatus.FAILED, "It was taken down before it was published.")
    }


async def test_what_is_due_and_waits_for_its_turn_is_not_published_any_more(desk: Desk) -> None:
    group = await desk.due("Its turn had not come")
    made = await desk.services.takedowns.take_down(desk.caller, group.id, 0)
    assert [(target.outcome, target.detail) for target in made.targets] == [
        (TargetOutcome.DONE, "It was not published.")
    ]
    await desk.settle()
    assert await desk.calls("createRecord") == 0
    assert await desk.status(group) is PostStatus.FAILED
    assert (await desk.view(group)).group.status is GroupStatus.FAILED


async def test_what_waits_to_be_tried_again_is_not_published_any_more(desk: Desk) -> None:
    group = await desk.due("Tried once")
    await desk.fault("createRecord", do={"status": 429, "headers": {"retry-after": "60"}, "body": {}})
    await desk.work()
    assert await desk.status(group) is PostStatus.PENDING
    made = await desk.services.takedowns.take_down(desk.caller, group.id, 0)
    assert await outcomes(desk, made) == [TargetOutcome.DONE]
    await desk.settle()
    assert await desk.live() == []
    assert await desk.calls("createRecord") == 1


async def test_what_is_scheduled_for_later_stays_so(desk: Desk) -> None:
    group = await desk.draft(at=desk.now_ms() + 3_600_000)
    made = await desk.services.takedowns.take_down(desk.caller, group.id, 0)
    assert made.targets == ()
    assert await desk.status(group) is PostStatus.PENDING


async def test_what_is_being_published_and_fails_for_now_is_not_published_later(desk: Desk) -> None:
    limited = {"status": 429, "headers": {"retry-after": "60"}, "body": {"error": "RateLimitExceeded"}}
    await desk.fault("createRecord", do={**limited, "hold": True})
    group = await desk.due("Not any more")
    async with working(desk):
        await desk.struck("createRecord")
        made = await desk.services.takedowns.take_down(desk.caller, group.id, 0)
        await desk.no_faults()
        await until(desk, "select status from posts", [("failed",)])
    await desk.settle()
    assert await outcomes(desk, made) == [TargetOutcome.DONE]
    assert await desk.live() == []
    post = await desk.post(group)
    assert (post.status, post.error and post.error.message) == (
        PostStatus.FAILED,
        "It was taken down before it was published.",
    )
    assert (await desk.view(group)).group.status is GroupStatus.FAILED
    assert await desk.calls("createRecord") == 1


# delete_at


async def test_at_its_moment_a_live_post_goes_and_the_group_stays(desk: Desk) -> None:
    group = await published(desk)
    await desk.services.takedowns.schedule(desk.caller, group.id, desk.now_ms() + 60_000, delete_group=False)
    await desk.work()
    assert len(await desk.live()) == 1
    await desk.advance(61)
    await desk.work()
    assert await desk.live() == []
    assert await desk.status(group) is PostStatus.PUBLISHED


async def test_at_its_moment_the_group_goes_as_well_once_its_posts_are_gone(desk: Desk) -> None:
    group = await published(desk)
    await desk.services.takedowns.schedule(desk.caller, group.id, desk.now_ms() + 60_000, delete_group=True)
    await desk.advance(61)
    await desk.fault("deleteRecord", do=LOST)
    await desk.work()
    assert await desk.status(group) is PostStatus.PUBLISHED
    await desk.settle()
    with pytest.raises(NotFound):
        await desk.view(group)
    assert await desk.live() == []


async def test_its_moment_can_be_moved_and_taken_back(desk: Desk) -> None:
    group = await published(desk)
    schedule = desk.services.takedowns.schedule
    await schedule(desk.caller, group.id, desk.now_ms() + 60_000, delete_group=False)
    await schedule(desk.caller, group.id, desk.now_ms() + 120_000, delete_group=False)
    await desk.advance(61)
    await desk.work()
    assert len(await desk.live()) == 1
    await schedule(desk.caller, group.id, None, delete_group=False)
    await desk.advance(120)
    await desk.work()
    assert len(await desk.live()) == 1


async def test_its_moment_holds_where_the_group_was_deleted_before(desk: Desk) -> None:
    group = await published(desk)
    await desk.services.takedowns.schedule(desk.caller, group.id, desk.now_ms() + 60_000, delete_group=True)
    await desk.services.posts.delete(desk.caller, group.id)
    await desk.advance(61)
    await desk.work()
    assert await desk.live() == []


async def test_a_worker_that_is_stopped_in_the_middle_leaves_it_to_the_next(desk: Desk) -> None:
    group = await published(desk)
    await desk.fault("deleteRecord", do={"commit_then_hang_seconds": 5})
    made = await desk.services.takedowns.take_down(desk.caller, group.id, 0)
    async with working(desk):
        while await desk.live():
            await asyncio.sleep(0.02)
    async with working(desk):
        await until(desk, "select outcome from takedown_targets", [("done",)])
    assert await outcomes(desk, made) == [TargetOutcome.DONE]


async def test_a_take_down_is_shown_to_its_user_and_the_workspaces_owner_only(desk: Desk) -> None:
    made = await ask(desk, await published(desk))
    access = desk.services.access
    user = await access.add_managed_user(desk.caller, "another", None)
    _, secret = await access.issue_key(desk.caller.workspace_id, "theirs", managed_user_id=user.id)
    for stranger in (await access.resolve(secret), desk.built.other):
        with pytest.raises(NotFound):
            await desk.services.takedowns.get(stranger, made.id)
        with pytest.raises(NotFound):
            await desk.services.takedowns.take_down(stranger, made.group_id, 0)


async def test_who_asks_again_as_the_last_target_is_settled_and_who_settles_it_do_not_wait_in_a_circle(
    desk: Desk,
) -> None:
    group = await desk.due("Live")
    await desk.work()

    async def ask(tx: Tx) -> None:
        held = await posts.hold_group(tx, group.workspace_id, group.user_id, group.id)
        assert held is not None
        await desk.services.takedowns._of_group(tx, held, delete_group=True)

    async with desk.house.database.begin() as tx:
        await ask(tx)
    async with desk.house.database.begin() as tx:
        await posts.hold_group(tx, group.workspace_id, group.user_id, group.id)
        settling = asyncio.create_task(desk.work())
        await asyncio.sleep(1.0)
        await ask(tx)
    await settling
    assert await desk.live() == []
    assert await desk.rows("select id from post_groups") == []
    assert await desk.rows("select attempts from jobs where task = 'take_down'") == [(1,)]
