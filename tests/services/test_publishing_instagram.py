"""Publishing to Instagram: a container is made, and published once; what goes out is what Instagram takes."""

from typing import Any

import pytest

from postroom.domain.accounts import AccountStatus
from postroom.domain.posts import PostStatus
from postroom.domain.previews import DeletionKind, Target
from postroom.domain.takedowns import TargetOutcome
from postroom.errors import LoginFailed, NotSupported
from tests.desk import Desk
from tests.outlet import LOST, PUBLISHED, Outlet, link
from tests.pictures import encoded, noise

ADA, BEA, DORA = "17841400000000001", "17841400000000002", "17841400000000003"


@pytest.fixture
async def instagram(answering: Desk) -> Outlet:
    return await link(answering, "instagram")


async def unpublish(outlet: Outlet, provider_id: str) -> None:
    async with outlet.desk.house.services.accounts._connections.publisher(outlet.account) as connection:
        await connection.unpublish(provider_id)


@pytest.mark.parametrize("pictures", [1, 3])
async def test_pictures_of_any_type_are_fetched_as_jpegs_with_their_descriptions(
    instagram: Outlet, pictures: int
) -> None:
    group = await instagram.due("Moths", pictures=pictures)
    assert await instagram.ends(group) == PUBLISHED
    (shown,) = await instagram.live()
    post = await instagram.desk.post(group)
    assert (shown["text"], post.provider_id) == ("Moths", shown["id"])
    assert [each["alt"] for each in shown["media"]] == [f"Picture {number + 1}" for number in range(pictures)]
    assert (post.url or "").startswith("https://www.instagram.com/p/")


@pytest.mark.parametrize("kind", ["REELS", "STORIES"])
async def test_a_video_is_a_reel_or_a_story_and_either_is_found_again(instagram: Outlet, kind: str) -> None:
    await instagram.fault("publish", do=LOST)
    group = await instagram.film("A moth", settings={"instagram": {"videoType": kind}})
    assert await instagram.ends(group) == PUBLISHED
    (shown,) = await instagram.live()
    assert shown["text"] == ("A moth" if kind == "REELS" else "")
    assert (await instagram.desk.post(group)).provider_id == shown["id"]
    assert await instagram.calls("publish") == 1


@pytest.mark.parametrize("do", [LOST, {"reset": True}, {"status": 500}])
@pytest.mark.parametrize("operation", ["create", "container", "publish", "post"])
async def test_whatever_is_lost_there_is_one_post_in_the_end(
    instagram: Outlet, operation: str, do: dict[str, Any]
) -> None:
    await instagram.fault(operation, do=do)
    group = await instagram.due("Once", pictures=1)
    assert await instagram.ends(group) == PUBLISHED
    (shown,) = await instagram.live()
    assert (await instagram.desk.post(group)).provider_id == shown["id"]


async def test_a_post_without_a_picture_is_refused_without_a_call(instagram: Outlet) -> None:
    assert await instagram.ends(await instagram.due("Words")) == (PostStatus.FAILED, "INVALID_CONTENT")
    assert await instagram.ends(await instagram.due("a" * 2201, pictures=1)) == (PostStatus.FAILED, "CONTENT_TOO_LARGE")
    assert await instagram.calls("create") == 0


async def test_a_picture_of_another_shape_is_refused_without_a_call(instagram: Outlet) -> None:
    group = await instagram.desk.draft("Wide", platforms=[instagram.platform])
    await instagram.desk.attach(group, encoded(noise((40, 10))))
    await instagram.desk.schedule(group)
    assert await instagram.ends(group) == (PostStatus.FAILED, "INVALID_CONTENT")
    assert await instagram.calls("create") == 0


async def test_a_token_is_renewed_a_month_before_its_end_and_stored_before_it_is_used(instagram: Outlet) -> None:
    sealed = "select credentials_sealed from accounts where provider = 'instagram'"
    before = await instagram.desk.rows(sealed)
    await instagram.desk.advance(31 * 86_400)
    assert await instagram.ends(await instagram.due(pictures=1)) == PUBLISHED
    assert before != await instagram.desk.rows(sealed)
    await instagram.desk.advance(61 * 86_400)
    assert await instagram.ends(await instagram.due(pictures=1)) == (PostStatus.FAILED, "PLATFORM_AUTH_EXPIRED")
    assert await instagram.status() is AccountStatus.DISCONNECTED


async def test_a_daily_limit_is_waited_out(instagram: Outlet) -> None:
    body = {"error": {"message": "No more", "code": 9, "error_subcode": 2207042, "type": "OAuthException"}}
    await instagram.fault("publish", do={"status": 400, "body": body})
    group = await instagram.due(pictures=1)
    await instagram.desk.work()
    await instagram.desk.advance(3500)
    await instagram.desk.work()
    assert (await instagram.calls("publish"), await instagram.desk.status(group)) == (1, PostStatus.PENDING)
    assert await instagram.ends(group) == PUBLISHED
    assert await instagram.calls("create") == 1


async def test_a_restricted_account_needs_its_owner(answering: Desk) -> None:
    outlet = await link(answering, "instagram", "user_restricted")
    assert await outlet.ends(await outlet.due(pictures=1)) == (PostStatus.FAILED, "PLATFORM_AUTH_EXPIRED")
    assert await outlet.status() is AccountStatus.ACTION_REQUIRED


async def test_a_server_that_the_network_cannot_reach_is_told_so(desk: Desk) -> None:
    outlet = await link(desk, "instagram")
    group = await outlet.due(pictures=1)
    assert await outlet.ends(group) == (PostStatus.FAILED, "INVALID_CONTENT")
    assert "public address" in str((await desk.post(group)).error)


# linking by Facebook


async def test_an_account_linked_by_facebook_posts_outlives_its_owners_token_and_deletes(answering: Desk) -> None:
    outlet = await link(answering, "instagram", flow="facebook_oauth")
    assert (outlet.account.provider_id, outlet.account.profile.username) == (ADA, "ada.moss")
    await answering.advance(90 * 86_400)
    group = await outlet.due(pictures=1)
    assert await outlet.ends(group) == PUBLISHED
    provider_id = (await answering.post(group)).provider_id
    assert provider_id is not None
    await unpublish(outlet, provider_id)
    assert await outlet.live() == []
    await unpublish(outlet, provider_id)


async def test_how_it_was_linked_says_before_anybody_is_asked_that_posts_cannot_be_taken_down(answering: Desk) -> None:
    services, caller = answering.services, answering.caller
    outlet = await link(answering, "instagram")
    group = await outlet.due(pictures=1)
    assert await outlet.ends(group) == PUBLISHED
    (preview,) = await services.fittings.previews(caller, "A moth", [outlet.platform], ())
    (outcome,) = (await services.outcomes.of(caller, group.id)).outcomes
    shown = await services.deletions.preview(caller, Target(kind=DeletionKind.TAKE_DOWN, id=group.id))
    assert (preview.unpublish, outcome.by_hand, outcome.other_way) == (False, True, True)
    assert any("instagram" in each for each in shown.shown.consequences)
    made = await services.takedowns.take_down(caller, group.id, 0)
    assert [each.outcome for each in made.targets] == [TargetOutcome.UNSUPPORTED]
    assert "facebook_oauth" in (made.targets[0].detail or "")
    assert (len(await outlet.live()), await outlet.calls("delete")) == (1, 0)
    # The same account linked once more by Facebook, as the answer says.
    await link(answering, "instagram", flow="facebook_oauth")
    (preview,) = await services.fittings.previews(caller, "A moth", [outlet.platform], ())
    assert preview.unpublish
    await services.takedowns.take_down(caller, group.id, 0)
    await answering.settle()
    assert await outlet.live() == []


async def test_what_the_owner_did_not_allow_is_said_of_the_take_down(answering: Desk) -> None:
    outlet = await link(answering, "instagram", "user_partial", "facebook_oauth")
    group = await outlet.due(pictures=1)
    assert await outlet.ends(group) == PUBLISHED
    made = await answering.services.takedowns.take_down(answering.caller, group.id, 0)
    await answering.settle()
    (target,) = (await answering.services.takedowns.get(answering.caller, made.id)).targets
    told = await answering.services.post_logs.history(answering.caller, group.id)
    assert [each.event.value for each in told][-2:] == ["take_down_asked", "take_down_not_possible"]
    assert (target.outcome, "instagram_manage_contents" in (target.detail or "")) == (TargetOutcome.UNSUPPORTED, True)


@pytest.mark.parametrize(("login", "flow"), [("user_good", "oauth"), ("user_partial", "facebook_oauth")])
async def test_a_login_without_that_permission_says_that_it_cannot_delete(
    answering: Desk, login: str, flow: str
) -> None:
    outlet = await link(answering, "instagram", login, flow)
    group = await outlet.due(pictures=1)
    assert await outlet.ends(group) == PUBLISHED
    with pytest.raises(NotSupported):
        await unpublish(outlet, (await answering.post(group)).provider_id or "")
    assert len(await outlet.live()) == 1
    assert await outlet.calls("delete") == 0


async def test_of_several_accounts_the_owner_chooses(desk: Desk) -> None:
    outlet = await link(desk, "instagram", "user_second", "facebook_oauth", account=DORA)
    assert outlet.account.provider_id == DORA
    with pytest.raises(LoginFailed, match="No page"):
        await link(desk, "instagram", "user_nopage", "facebook_oauth")
    with pytest.raises(LoginFailed, match="log in and confirm"):
        await link(desk, "instagram", "user_banned")
