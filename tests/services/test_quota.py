"""Limits, on both databases: counted in platform posts, given back while nothing has gone out, never passed together."""

import asyncio
from typing import Any

import pytest

from postroom.domain.limits import LimitCode, LimitReached, Limits
from postroom.domain.posts import GroupStatus
from postroom.errors import NotPermitted
from postroom.services.posts import Change
from tests.desk import Desk

DAY = 24 * 3600 * 1000


def limited(desk: Desk, **limits: Any) -> None:
    """The desk's server, as if it had been started with these limits."""
    desk.services.posts._quota._limits = Limits(**limits)


async def reached(call: Any) -> LimitReached:
    with pytest.raises(NotPermitted) as caught:
        await call
    found = caught.value.context["reached"]
    assert isinstance(found, LimitReached)
    return found


@pytest.fixture
async def two(desk: Desk) -> list[str]:
    """Ids of two platforms."""
    return [f"bluesky-{(await desk.account()).provider_id}", "twitter-1"]


async def test_without_limits_nothing_is_refused(desk: Desk) -> None:
    for _ in range(3):
        await desk.draft(at=desk.now_ms() + 4000 * DAY)


async def test_the_month_counts_platform_posts_as_they_are_scheduled(desk: Desk, two: list[str]) -> None:
    limited(desk, monthly_posts=3, plan_name="Pro")
    draft = await desk.draft(platforms=two)
    await desk.draft(platforms=two, at=desk.now_ms() + DAY)
    found = await reached(desk.draft(platforms=two, at=desk.now_ms() + DAY))
    assert (found.code, found.limit, found.used, found.requested, found.remaining) == (LimitCode.POST, 3, 2, 2, 1)
    assert (await reached(desk.schedule(draft))).used == 2
    assert (await desk.view(draft)).group.status is GroupStatus.DRAFT
    await desk.draft(at=desk.now_ms() + DAY)
    assert (await reached(desk.draft(at=desk.now_ms() + DAY))).used == 3


async def test_a_group_counts_once_however_often_it_is_moved(desk: Desk) -> None:
    limited(desk, monthly_posts=1, scheduled_posts=1)
    group = await desk.draft(at=desk.now_ms() + DAY)
    for days in (2, 3, 4):
        await desk.schedule(group, desk.now_ms() + days * DAY)


@pytest.mark.parametrize("how", ["to a draft", "deleted"])
async def test_what_never_went_out_is_given_back(desk: Desk, how: str) -> None:
    limited(desk, monthly_posts=1, scheduled_posts=1)
    group = await desk.draft(at=desk.now_ms() + DAY)
    if how == "deleted":
        await desk.services.posts.delete(desk.caller, group.id)
    else:
        await desk.services.posts.update(desk.caller, group.id, Change(status=GroupStatus.DRAFT))
    await desk.draft(at=desk.now_ms() + DAY)


async def test_deleting_what_is_live_gives_nothing_back_and_a_new_month_does(desk: Desk) -> None:
    limited(desk, monthly_posts=1)
    group = await desk.due()
    await desk.work()
    await desk.services.posts.delete(desk.caller, group.id)
    assert (await reached(desk.due())).used == 1
    await desk.advance(32 * DAY / 1000)
    await desk.due()


async def test_the_queue_counts_what_waits(desk: Desk, two: list[str]) -> None:
    limited(desk, scheduled_posts=2)
    await desk.draft(platforms=two, at=desk.now_ms() + 1000)
    found = await reached(desk.draft(at=desk.now_ms() + DAY))
    assert (found.code, found.used, found.requested, found.remaining) == (LimitCode.SCHEDULED_POST, 2, 1, 0)
    await desk.advance(2)
    await desk.work()
    await desk.draft(at=desk.now_ms() + DAY)


async def test_the_horizon_is_so_many_days_away(desk: Desk) -> None:
    limited(desk, horizon_days=7)
    found = await reached(desk.draft(at=desk.now_ms() + 8 * DAY))
    assert (found.code, found.limit, found.used, found.period) == (LimitCode.HORIZON, 7, None, None)
    assert found.latest_at is not None
    assert found.scheduled_at is not None
    assert found.latest_at < found.scheduled_at
    group = await desk.draft(at=desk.now_ms() + 6 * DAY)
    assert (await reached(desk.schedule(group, desk.now_ms() + 8 * DAY))).code is LimitCode.HORIZON


async def test_a_platform_that_is_not_allowed_is_refused_for_drafts_too(desk: Desk, two: list[str]) -> None:
    limited(desk, platforms=frozenset({"bluesky", "mastodon"}))
    found = await reached(desk.draft(platforms=two))
    assert (found.code, found.disallowed, found.allowed) == (
        LimitCode.PLATFORM,
        ("twitter",),
        ("bluesky", "mastodon"),
    )
    group = await desk.draft(platforms=two[:1])
    limited(desk, platforms=frozenset({"mastodon"}))
    assert (await reached(desk.schedule(group))).disallowed == ("bluesky",)


async def test_with_too_many_accounts_nothing_is_scheduled_and_no_more_are_linked(desk: Desk) -> None:
    limited(desk, connections=1)
    held = len((await desk.services.accounts.list(desk.caller)).items)
    assert held > 1
    found = await reached(desk.draft(at=desk.now_ms() + DAY))
    assert (found.code, found.used, found.limit) == (LimitCode.CONNECTIONS, held, 1)
    await desk.draft()
    login = {"access_token": "user_second"}
    found = await reached(desk.services.accounts.link(desk.caller, "linkedin", "cookie", login))
    assert (found.code, found.used) == (LimitCode.CHANNEL, held)
    again = {"access_token": "user_good"}
    await desk.services.accounts.link(desk.caller, "linkedin", "cookie", again)


async def test_a_managed_users_posts_count_as_the_workspaces(desk: Desk) -> None:
    limited(desk, monthly_posts=1)
    user = await desk.services.access.add_managed_user(desk.caller, "client@example.org", None)
    acting = await desk.services.access.act_for(desk.caller, user.id)
    await desk.draft(at=desk.now_ms() + DAY)
    posts = desk.services.posts
    moment = desk.now_ms() + DAY
    found = await reached(
        posts.create(acting, content="a", platforms=["twitter-1"], scheduled_at=moment, platform_settings={})
    )
    assert found.used == 1


@pytest.mark.parametrize("limit", ["monthly_posts", "scheduled_posts"])
async def test_many_at_once_do_not_pass_a_limit_together(desk: Desk, limit: str) -> None:
    limited(desk, **{limit: 3})
    drafts = [await desk.draft() for _ in range(3)]
    moment = desk.now_ms() + DAY
    made = await asyncio.gather(
        *(desk.draft(at=moment) for _ in range(5)),
        *(desk.schedule(each, moment) for each in drafts),
        return_exceptions=True,
    )
    assert sum(not isinstance(each, BaseException) for each in made) == 3
    assert {type(each) for each in made if isinstance(each, BaseException)} == {NotPermitted}


async def test_two_who_link_at_once_do_not_pass_the_limit_together(desk: Desk) -> None:
    limited(desk, connections=1 + len((await desk.services.accounts.list(desk.caller)).items))
    made = await asyncio.gather(
        *(
            desk.services.accounts.link(desk.caller, "linkedin", "cookie", {"access_token": login})
            for login in ("user_second", "user_third")
        ),
        return_exceptions=True,
    )
    assert [type(each) for each in made if isinstance(each, BaseException)] == [NotPermitted]


async def test_whoever_links_waits_for_another_who_links(desk: Desk) -> None:
    limited(desk, connections=100)
    quota, workspace = desk.services.posts._quota, desk.caller.workspace_id

    async def second() -> None:
        async with desk.house.database.begin() as tx:
            await quota.check_link(tx, workspace)

    async with desk.house.database.begin() as tx:
        await quota.check_link(tx, workspace)
        waiting = asyncio.create_task(second())
        await asyncio.sleep(0.3)
        assert not waiting.done()
    await waiting
