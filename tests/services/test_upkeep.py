"""Upkeep and health: what has outlived its time goes, what was left half done is finished, and it is told how it stands."""

from datetime import timedelta

import pytest

from postroom.domain.messages import RecallOutcome
from postroom.errors import Kind, LoginFailed, NotFound
from tests.desk import Desk

DAY = 24 * 3600.0


async def test_events_are_kept_thirty_days(desk: Desk) -> None:
    assert await desk.events() != []
    await desk.advance(29 * DAY)
    await desk.house.upkeep.clean_up()
    assert await desk.events() != []
    await desk.advance(2 * DAY)
    await desk.house.upkeep.clean_up()
    assert await desk.events() == []


async def test_receipts_and_tombstones_are_kept_for_good(desk: Desk) -> None:
    group = await desk.draft()
    await desk.services.posts.delete(desk.caller, group.id)
    await desk.advance(3650 * DAY)
    await desk.house.upkeep.clean_up()
    assert len(await desk.receipts(group.id)) == 1


async def test_an_attempt_to_link_is_forgotten_when_it_expires(desk: Desk) -> None:
    attempt, _ = await desk.services.accounts.start_link(desk.caller, "bluesky", "app_password")
    await desk.advance(301)
    with pytest.raises(LoginFailed) as told:
        await desk.services.accounts.answer_link(desk.caller, attempt.id, {})
    assert told.value.kind is Kind.LINK_TIMED_OUT
    with pytest.raises(NotFound):
        await desk.services.accounts.answer_link(desk.caller, attempt.id, {})
    await desk.services.accounts.start_link(desk.caller, "bluesky", "app_password")
    await desk.advance(901)
    await desk.house.upkeep.clean_up()
    assert await desk.rows("select id from login_attempts") == []


async def test_an_unlink_that_was_left_half_done_is_finished(desk: Desk) -> None:
    account = await desk.account("linkedin")
    async with desk.house.database.begin() as tx:
        await tx.execute("update accounts set status = 'unlinking' where id = $1", account.id)
    await desk.house.upkeep.clean_up()
    assert await desk.rows(f"select id from accounts where id = '{account.id}'") == []
    assert account.id not in desk.house.database.keyring.accounts()


async def test_a_recall_that_a_dead_process_asked_for_is_settled_without_a_restart(desk: Desk) -> None:
    message = next(
        held
        for held in (await desk.services.messages.list(desk.caller, limit=250)).items
        if held.is_sender and held.content.text and not held.is_tombstone
    )
    await desk.services.recalls.recall(desk.caller, message.id)
    # As it stood when the network had accepted, and nothing was written down yet.
    async with desk.house.database.begin() as tx:
        await tx.execute("update recalls set outcome = $1, settled_at = null", RecallOutcome.ASKED)
    await desk.advance(10 * 60 + 301)
    await desk.house.upkeep.schedule(timedelta(0))
    await desk.settle()
    assert await desk.rows("select outcome from recalls") == [("done",)]


async def test_clean_up_comes_again_and_waits_but_once(desk: Desk) -> None:
    for _ in range(3):
        await desk.house.upkeep.clean_up()
    assert [status for status, _ in await desk.jobs("clean_up") if status == "todo"] == ["todo"]


async def test_health_is_failing_while_due_work_is_not_done(desk: Desk) -> None:
    await desk.work()
    assert await desk.services.health.ready()
    await desk.due()
    await desk.advance(61)
    assert not await desk.services.health.ready()
    await desk.work()
    assert await desk.services.health.ready()


async def test_metrics_count_what_nothing_refers_to(desk: Desk) -> None:
    await desk.attach(await desk.draft())
    assert "postroom_media_orphans 0" in await desk.services.health.metrics()
    (kept,) = desk.files()
    (desk.built.data / "media" / kept).with_name("stray").write_bytes(b"x")
    assert "postroom_media_orphans 1" in await desk.services.health.metrics()
