"""Publishing to Threads: a container is made, and published once, whatever is lost on the way."""

import asyncio
from typing import Any

import pytest

from postroom.domain.accounts import AccountStatus
from postroom.domain.posts import GroupStatus, PostStatus
from tests.desk import Desk
from tests.outlet import LOST, PUBLISHED, Outlet, link


@pytest.fixture
async def threads(answering: Desk) -> Outlet:
    return await link(answering, "threads")


async def test_a_text_goes_out_and_its_post_has_an_address(threads: Outlet) -> None:
    group = await threads.due("Hello")
    assert await threads.ends(group) == PUBLISHED
    (shown,) = await threads.live()
    post = await threads.desk.post(group)
    assert (shown["text"], post.provider_id) == ("Hello", shown["id"])
    assert (post.url or "").startswith("https://www.threads.com/@ada.threads/post/")


@pytest.mark.parametrize("pictures", [1, 3])
async def test_the_network_fetches_the_pictures_in_order_with_their_descriptions(
    threads: Outlet, pictures: int
) -> None:
    assert await threads.ends(await threads.due(pictures=pictures)) == PUBLISHED
    (shown,) = await threads.live()
    assert [each["alt"] for each in shown["media"]] == [f"Picture {number + 1}" for number in range(pictures)]
    assert all(each["size"] > 0 for each in shown["media"])


async def test_a_video_that_is_prepared_for_long_is_come_back_for(threads: Outlet) -> None:
    # Longer than an attempt waits, as soon as a clock that runs ahead is counted.
    assert await threads.ends(await threads.film()) == PUBLISHED
    assert [each["type"] for (shown,) in [await threads.live()] for each in shown["media"]] == ["video"]


@pytest.mark.parametrize("do", [LOST, {"reset": True}, {"status": 500}, {"status": 503}])
@pytest.mark.parametrize("operation", ["create", "container", "publish", "post"])
async def test_whatever_is_lost_there_is_one_post_in_the_end(
    threads: Outlet, operation: str, do: dict[str, Any]
) -> None:
    await threads.fault(operation, do=do)
    group = await threads.due("Once")
    assert await threads.ends(group) == PUBLISHED
    (shown,) = await threads.live()
    assert (await threads.desk.post(group)).provider_id == shown["id"]


async def test_a_container_that_was_not_published_is_not_made_again(threads: Outlet) -> None:
    await threads.fault("publish", do={"reset": True})
    assert await threads.ends(await threads.due("Once", pictures=2)) == PUBLISHED
    assert (await threads.calls("create"), await threads.calls("publish")) == (3, 2)
    assert len(await threads.live()) == 1


async def test_a_group_that_is_deleted_before_its_container_is_published_is_not_published(threads: Outlet) -> None:
    await threads.fault("create", do={"hold": True})
    group = await threads.due("Never")
    working = asyncio.create_task(threads.desk.work())
    await threads.desk.struck("create", "threads")
    await threads.desk.services.posts.delete(threads.desk.caller, group.id)
    await threads.desk.no_faults()
    await working
    await threads.desk.settle()
    assert (await threads.calls("publish"), await threads.live()) == (0, [])


async def test_while_nobody_says_what_became_of_it_nothing_is_published_again(threads: Outlet) -> None:
    await threads.fault("publish", do=LOST)
    await threads.fault("container", nth=2, times=None, do={"status": 503})
    group = await threads.due("Once")
    await threads.desk.work()
    for _ in range(2):
        await threads.desk.advance(301)
        await threads.desk.work()
        assert await threads.desk.status(group) is PostStatus.PROCESSING
    assert await threads.calls("publish") == 1
    await threads.desk.no_faults()
    assert await threads.ends(group) == PUBLISHED
    assert (await threads.calls("publish"), len(await threads.live())) == (1, 1)


async def test_a_post_that_was_published_and_is_not_listed_yet_is_waited_for(threads: Outlet) -> None:
    await threads.fault("publish", do=LOST)
    await threads.fault("posts", times=3, do={"truncate_page": 0})
    group = await threads.due("Once")
    assert await threads.ends(group) == PUBLISHED
    assert (await threads.calls("publish"), await threads.calls("posts")) == (1, 4)


async def test_the_parts_of_a_thread_answer_each_other_and_a_lost_one_is_found_among_the_replies(
    threads: Outlet,
) -> None:
    await threads.fault("publish", nth=2, do=LOST)
    group = await threads.due("One\n---\nTwo\n---\nThree", settings={"threads": {"replyControl": "mentioned_only"}})
    await threads.desk.settle()
    assert (await threads.desk.view(group)).group.status is GroupStatus.PUBLISHED
    first, second, third = await threads.live()
    assert [each["text"] for each in (first, second, third)] == ["One", "Two", "Three"]
    assert [each["reply_to"] for each in (first, second, third)] == [None, first["id"], second["id"]]
    assert await threads.calls("publish") == 3


async def test_a_container_that_expired_before_it_could_be_published_is_made_anew(threads: Outlet) -> None:
    body = {"error": {"message": "Application request limit reached", "code": 4, "type": "OAuthException"}}
    await threads.fault("publish", do={"status": 400, "body": body})
    group = await threads.due("Once")
    await threads.desk.work()
    await threads.desk.advance(25 * 3600)
    assert await threads.ends(group) == PUBLISHED
    assert (await threads.calls("create"), len(await threads.live())) == (2, 1)


async def test_a_rate_limit_is_waited_for_as_long_as_the_usage_header_says(threads: Outlet) -> None:
    usage = '{"1": [{"type": "threads", "call_count": 100, "estimated_time_to_regain_access": 10}]}'
    body = {"error": {"message": "Application request limit reached", "code": 4, "type": "OAuthException"}}
    do = {"status": 400, "headers": {"x-business-use-case-usage": usage}, "body": body}
    await threads.fault("create", do=do)
    group = await threads.due()
    await threads.desk.work()
    await threads.desk.advance(590)
    await threads.desk.work()
    assert (await threads.calls("create"), await threads.desk.status(group)) == (1, PostStatus.PENDING)
    await threads.desk.advance(11)
    await threads.desk.work()
    assert await threads.desk.status(group) is PostStatus.PUBLISHED


async def test_a_token_is_renewed_a_month_before_its_end_and_stored_before_it_is_used(threads: Outlet) -> None:
    sealed = "select credentials_sealed from accounts where provider = 'threads'"
    before = await threads.desk.rows(sealed)
    await threads.desk.advance(31 * 86_400)
    await threads.fault("create", do={"status": 503})
    assert await threads.ends(await threads.due()) == PUBLISHED
    assert before != await threads.desk.rows(sealed)
    assert await threads.calls("refresh_token") == 1
    threads.desk.house.services.accounts._connections.forget(threads.account.id)
    assert await threads.ends(await threads.due("With the stored token")) == PUBLISHED
    assert await threads.calls("refresh_token") == 1


async def test_a_token_that_ended_disconnects_the_account(threads: Outlet) -> None:
    await threads.desk.advance(61 * 86_400)
    assert await threads.ends(await threads.due()) == (PostStatus.FAILED, "PLATFORM_AUTH_EXPIRED")
    assert await threads.status() is AccountStatus.DISCONNECTED


@pytest.mark.parametrize(
    ("do", "status"),
    [({"expired_session": True}, AccountStatus.DISCONNECTED), ({"challenge": True}, AccountStatus.ACTION_REQUIRED)],
)
async def test_an_app_that_the_network_lets_no_longer_in_is_told_to_the_owner(
    threads: Outlet, do: dict[str, Any], status: AccountStatus
) -> None:
    await threads.fault("create", do=do)
    assert await threads.ends(await threads.due()) == (PostStatus.FAILED, "PLATFORM_AUTH_EXPIRED")
    assert await threads.status() is status


async def test_a_text_that_is_too_long_is_refused_without_a_call(threads: Outlet) -> None:
    # As one part of a thread that its author cut: longer texts become several by themselves.
    group = await threads.due(f"{'🐝' * 126}\n---\nTwo")
    assert await threads.ends(group) == (PostStatus.FAILED, "CONTENT_TOO_LARGE")
    assert await threads.calls("create") == 0


async def test_a_server_that_the_network_cannot_reach_is_told_so(desk: Desk) -> None:
    page = await link(desk, "threads")
    group = await page.due(pictures=1)
    assert await page.ends(group) == (PostStatus.FAILED, "INVALID_CONTENT")
    error = (await desk.post(group)).error
    assert error is not None
    assert "public address" in (error.platform_error or "")
    assert await page.live() == []


async def test_unlinking_says_that_the_token_lives_on(threads: Outlet) -> None:
    await threads.desk.services.accounts.unlink(threads.desk.caller, threads.account.id)
    (receipt,) = await threads.desk.receipts(threads.account.id)
    assert (receipt["session_ended_at_network"], receipt["key_destroyed"]) == (False, True)
