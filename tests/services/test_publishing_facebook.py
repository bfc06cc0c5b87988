"""Publishing to a Facebook page: found where the page shows it, else unconfirmed; never twice."""

from typing import Any

import pytest

from postroom.domain.accounts import AccountStatus
from postroom.domain.posts import PostGroup, PostStatus
from postroom.errors import LoginFailed
from tests.desk import Desk
from tests.outlet import LOST, PUBLISHED, Outlet, link

HARBOUR, MOTHS = "112233445566001", "112233445566002"
UNCONFIRMED = (PostStatus.UNCONFIRMED, "OUTCOME_UNKNOWN")


@pytest.fixture
async def page(desk: Desk) -> Outlet:
    return await link(desk, "facebook", page=MOTHS)


async def shown_id(page: Outlet, group: PostGroup) -> tuple[str | None, list[str]]:
    return (await page.desk.post(group)).provider_id, [each["id"] for each in await page.live()]


async def test_of_several_pages_the_owner_chooses_and_a_single_one_is_not_asked_about(desk: Desk) -> None:
    moths = await link(desk, "facebook", page=MOTHS)
    assert (moths.account.provider_id, moths.account.profile.name) == (MOTHS, "Moth Society")
    lighthouse = await link(desk, "facebook", "user_second")
    assert lighthouse.account.profile.username == "lighthouse"
    for login, reason in (("user_nopage", "no page"), ("user_banned", "log in and confirm"), ("user_denied", "allow")):
        with pytest.raises(LoginFailed, match=reason):
            await link(desk, "facebook", login)


async def test_a_text_goes_out_on_the_page_that_was_chosen(page: Outlet) -> None:
    group = await page.due("Moths tonight: https://moths.test/tonight.")
    assert await page.ends(group) == PUBLISHED
    (shown,) = await page.live()
    post = await page.desk.post(group)
    assert (shown["account"], post.provider_id, post.url) == (
        MOTHS,
        shown["id"],
        f"https://www.facebook.com/{shown['id']}",
    )
    answer = await page.desk.built.sim.get("/_sim/requests", params={"network": "facebook", "operation": "feed"})
    assert answer.json()["requests"][0]["body"]["link"] == "https://moths.test/tonight"


async def test_a_link_that_facebook_cannot_read_goes_out_without_its_preview(page: Outlet) -> None:
    assert await page.ends(await page.due("See https://moths.test/unreadable")) == PUBLISHED
    assert (await page.calls("feed"), len(await page.live())) == (2, 1)


@pytest.mark.parametrize("pictures", [1, 3])
async def test_pictures_are_uploaded_unseen_and_then_posted_together(page: Outlet, pictures: int) -> None:
    assert await page.ends(await page.due(pictures=pictures)) == PUBLISHED
    (shown,) = await page.live()
    assert [each["alt"] for each in shown["media"]] == [f"Picture {number + 1}" for number in range(pictures)]


async def test_uploaded_pictures_are_used_again(page: Outlet) -> None:
    await page.fault("photo", nth=2, do={"status": 503})
    body = {"error": {"message": "(#32) Page request limit reached", "code": 32, "type": "OAuthException"}}
    await page.fault("feed", do={"status": 400, "body": body})
    assert await page.ends(await page.due(pictures=2)) == PUBLISHED
    # Three of the first two attempts, none of the third.
    assert (await page.calls("photo"), await page.calls("feed")) == (4, 2)
    assert len(await page.live()) == 1


@pytest.mark.parametrize("pictures", [0, 2])
async def test_an_answer_lost_after_the_commit_is_found_on_the_page(page: Outlet, pictures: int) -> None:
    await page.fault("feed", do=LOST)
    group = await page.due("Once", pictures=pictures)
    assert await page.ends(group) == PUBLISHED
    provider_id, live = await shown_id(page, group)
    assert live == [provider_id]
    assert await page.calls("feed") == 1


async def test_pictures_without_words_are_found_by_themselves(page: Outlet) -> None:
    await page.fault("feed", do=LOST)
    group = await page.due(" ", pictures=1)
    assert await page.ends(group) == PUBLISHED
    assert await page.calls("feed") == 1


@pytest.mark.parametrize("do", [{"reset": True}, {"status": 500}])
async def test_what_the_page_does_not_show_ends_unconfirmed_and_is_not_repeated(
    page: Outlet, do: dict[str, Any]
) -> None:
    await page.fault("feed", do=do)
    assert await page.ends(await page.due("Perhaps")) == UNCONFIRMED
    assert (await page.calls("feed"), await page.live()) == (1, [])


async def test_a_post_that_the_page_shows_late_is_waited_for(page: Outlet) -> None:
    await page.fault("feed", do=LOST)
    await page.fault("posts", times=3, do={"truncate_page": 0})
    assert await page.ends(await page.due("Once")) == PUBLISHED
    assert await page.calls("feed") == 1


async def test_an_older_post_with_the_same_words_is_not_taken_for_this_one(page: Outlet) -> None:
    assert await page.ends(await page.due("Again")) == PUBLISHED
    await page.desk.advance(3600)
    await page.fault("feed", do={"reset": True})
    assert await page.ends(await page.due("Again")) == UNCONFIRMED


async def test_a_failure_before_the_call_that_publishes_is_tried_again(page: Outlet) -> None:
    await page.fault("photo", do=LOST)
    assert await page.ends(await page.due(pictures=1)) == PUBLISHED
    assert (await page.calls("feed"), len(await page.live())) == (1, 1)


async def test_a_duplicate_is_refused(page: Outlet) -> None:
    assert await page.ends(await page.due("Twice")) == PUBLISHED
    group = await page.due("Twice")
    assert await page.ends(group) == (PostStatus.FAILED, "INVALID_CONTENT")
    assert len(await page.live()) == 1


async def test_a_text_that_is_too_long_is_refused_without_a_call(page: Outlet) -> None:
    assert await page.ends(await page.due("a" * 63_207)) == (PostStatus.FAILED, "CONTENT_TOO_LARGE")
    assert await page.calls("feed") == 0


async def test_a_limit_is_waited_out(page: Outlet) -> None:
    usage = '{"1": [{"type": "pages", "call_count": 100, "estimated_time_to_regain_access": 10}]}'
    body = {"error": {"message": "(#32) Page request limit reached", "code": 32, "type": "OAuthException"}}
    await page.fault("feed", do={"status": 400, "headers": {"x-business-use-case-usage": usage}, "body": body})
    group = await page.due()
    await page.desk.work()
    await page.desk.advance(590)
    await page.desk.work()
    assert (await page.calls("feed"), await page.desk.status(group)) == (1, PostStatus.PENDING)
    assert await page.ends(group) == PUBLISHED


async def test_a_page_outlives_the_token_of_its_owner_but_not_the_permission(page: Outlet) -> None:
    await page.desk.advance(90 * 86_400)
    assert await page.ends(await page.due("Later")) == PUBLISHED
    async with page.desk.house.services.accounts._connections.publisher(page.account) as connection:
        token = connection._token  # type: ignore[attr-defined]
    await page.desk.built.sim.delete("/facebook/v25.0/me/permissions", params={"access_token": token})
    assert await page.ends(await page.due("Too late")) == (PostStatus.FAILED, "PLATFORM_AUTH_EXPIRED")
    assert await page.status() is AccountStatus.DISCONNECTED


async def test_a_video_is_fetched_and_found_again(answering: Desk) -> None:
    page = await link(answering, "facebook", page=HARBOUR)
    await page.fault("video", do=LOST)
    group = await page.film("A moth")
    assert await page.ends(group) == PUBLISHED
    (shown,) = await page.live()
    post = await answering.post(group)
    assert (post.provider_id, [each["type"] for each in shown["media"]]) == (shown["id"], ["video"])
    assert post.url == f"https://www.facebook.com/{HARBOUR}/videos/{shown['id']}"
    assert await page.calls("video") == 1


async def test_a_video_that_cannot_be_fetched_fails_with_the_reason(page: Outlet) -> None:
    group = await page.film("A moth")
    assert await page.ends(group) == (PostStatus.FAILED, "INVALID_CONTENT")
    assert "public address" in str((await page.desk.post(group)).error)
