"""Post groups written anew before they go out, and the log of what became of them; on both databases."""

import msgspec
import pytest

from postroom.domain.posts import GroupStatus, LogEvent, PostStatus
from postroom.errors import Conflict, InvalidParameters, NotFound
from postroom.services.posts import Change
from tests.desk import Desk

HOUR = 3_600_000


async def logged(desk: Desk, group_id: str) -> list[str]:
    return [entry.event.value for entry in await desk.services.post_logs.list(desk.caller, group_id)]


async def test_what_is_written_anew_goes_out_as_it_stands_then(desk: Desk) -> None:
    group = await desk.draft("Old words", at=desk.now_ms() + HOUR)
    before = await desk.post(group)
    fresh = await desk.services.posts.update(desk.caller, group.id, Change(content="New words"))
    after = await desk.post(group)
    assert (fresh.content, fresh.status, fresh.scheduled_at) == ("New words", GroupStatus.SCHEDULED, group.scheduled_at)
    assert (after.id, after.status) == (before.id, PostStatus.PENDING)
    assert after.token != before.token
    await desk.advance(HOUR / 1000 + 1)
    await desk.work()
    assert [each["text"] for each in await desk.live()] == ["New words"]


async def test_a_longer_text_becomes_a_thread_and_a_short_one_a_post_again(desk: Desk) -> None:
    group = await desk.draft("Short")
    await desk.services.posts.update(desk.caller, group.id, Change(content="Many words. " * 60))
    parts = (await desk.view(group)).posts
    assert len(parts) > 1
    await desk.services.posts.update(desk.caller, group.id, Change(content="Short again"))
    assert len((await desk.view(group)).posts) == 1


async def test_platforms_are_those_that_are_linked_or_were_there(desk: Desk) -> None:
    own = f"bluesky-{(await desk.account()).provider_id}"
    group = await desk.draft(platforms=["twitter-1"])
    await desk.services.posts.update(desk.caller, group.id, Change(platforms=("twitter-1", own)))
    assert [each.platform for each in (await desk.view(group)).posts] == ["twitter", "bluesky"]
    with pytest.raises(InvalidParameters) as caught:
        await desk.services.posts.update(desk.caller, group.id, Change(platforms=(own, "twitter-2")))
    assert caught.value.context["platforms"] == ["twitter-2"]
    assert len((await desk.view(group)).posts) == 2
    await desk.services.posts.update(desk.caller, group.id, Change(platforms=()))
    with pytest.raises(InvalidParameters):
        await desk.services.posts.update(
            desk.caller, group.id, Change(platforms=(), status=GroupStatus.SCHEDULED, scheduled_at=desk.now_ms())
        )


async def test_settings_are_laid_over_those_that_there_are(desk: Desk) -> None:
    group = await desk.draft(settings={"youtube": {"privacy": "public", "title": ""}})
    settings: dict[str, dict[str, object]] = {"youtube": {"title": "Mine"}, "telegram": {"protectContent": True}}
    fresh = await desk.services.posts.update(desk.caller, group.id, Change(platform_settings=settings))
    assert msgspec.json.decode(fresh.platform_settings) == {
        "youtube": {"privacy": "public", "title": "Mine"},
        "telegram": {"protectContent": True},
    }


async def test_what_has_begun_to_go_out_is_not_written_anew(desk: Desk) -> None:
    own = f"bluesky-{(await desk.account()).provider_id}"
    group = await desk.due("Once", platforms=[own])
    async with desk.house.database.begin() as tx:
        await tx.execute("update posts set status = 'processing' where group_id = $1", group.id)
    for change in (Change(content="Twice"), Change(platforms=()), Change(platform_settings={})):
        with pytest.raises(Conflict):
            await desk.services.posts.update(desk.caller, group.id, change)
    assert (await desk.view(group)).group.content == "Once"


async def test_the_log_tells_how_a_post_went_out(desk: Desk) -> None:
    group = await desk.draft("Logged")
    await desk.schedule(group)
    await desk.work()
    assert await logged(desk, group.id) == [
        "status_changed",
        "scheduled",
        "processing",
        "publish_attempted",
        "publish_succeeded",
        "status_changed",
    ]
    entries = await desk.services.post_logs.list(desk.caller, group.id)
    post = await desk.post(group)
    assert [entry.post_id for entry in entries] == [None, post.id, post.id, post.id, post.id, None]
    last = entries[-1].detail
    assert last is not None
    assert (last.was, last.becomes) == ("scheduled", "published")


async def test_the_log_tells_of_each_failure_and_each_retry(desk: Desk) -> None:
    await desk.fault("createRecord", times=1, do={"status": 502})
    await desk.fault("getRecord", times=1, do={"status": 400, "body": {"error": "RecordNotFound", "message": "none"}})
    group = await desk.due("Tried again")
    await desk.settle()
    entries = await desk.services.post_logs.list(desk.caller, group.id)
    attempts = [entry for entry in entries if entry.event is LogEvent.PUBLISH_ATTEMPTED]
    assert [None if entry.detail is None else entry.detail.retry_count for entry in attempts] == [None, 1]
    (failed,) = [entry.detail for entry in entries if entry.event is LogEvent.PUBLISH_FAILED]
    assert failed is not None
    assert failed.retryable is True
    assert entries[-2].event is LogEvent.PUBLISH_SUCCEEDED


async def test_a_log_goes_with_its_group(desk: Desk) -> None:
    group = await desk.due("Gone")
    await desk.work()
    await desk.services.posts.delete(desk.caller, group.id)
    with pytest.raises(NotFound):
        await desk.services.post_logs.list(desk.caller, group.id)
    assert await desk.rows(f"select number from post_logs where group_id = '{group.id}'") == []
