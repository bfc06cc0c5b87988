"""Publishing: done once, refused with a reason, tried again later, or looked up; never repeated blindly."""

import pytest

from postroom.domain.events import EventType
from postroom.domain.posts import GroupStatus, PostStatus
from postroom.services.posts import Change
from tests.desk import ANOTHER, Desk
from tests.services.test_worker import until, working

LOST = {"commit_then_lose": True}


async def outcome(desk: Desk, group: object) -> tuple[PostStatus, str | None]:
    post = await desk.post(group)  # type: ignore[arg-type]
    return post.status, None if post.error is None else post.error.code


async def test_a_post_goes_out_with_its_pictures_in_order_and_their_descriptions(desk: Desk) -> None:
    group = await desk.draft("Two pictures")
    await desk.attach(group, alt_text="A harbour")
    await desk.attach(group, ANOTHER, alt_text="A moth")
    await desk.schedule(group)
    await desk.work()
    (post,) = await desk.live()
    assert [image["alt"] for image in post["images"]] == ["A harbour", "A moth"]
    held = await desk.post(group)
    assert (held.status, held.provider_id, held.attempts) == (PostStatus.PUBLISHED, post["uri"], 1)
    assert (await desk.view(group)).group.status is GroupStatus.PUBLISHED
    assert len(await desk.events(EventType.POST_PUBLISHED)) == 1


async def test_a_refusal_is_final_and_carries_the_networks_words(desk: Desk) -> None:
    await desk.fault("createRecord", do={"status": 400, "body": {"error": "InvalidRequest", "message": "No such tag"}})
    group = await desk.due()
    await desk.settle()
    assert await outcome(desk, group) == (PostStatus.FAILED, "INVALID_CONTENT")
    error = (await desk.post(group)).error
    assert error is not None
    assert "No such tag" in (error.platform_error or "")
    assert not error.retryable
    assert await desk.calls("createRecord") == 1
    assert len(await desk.events(EventType.POST_FAILED)) == 1


async def test_a_rate_limit_is_waited_for(desk: Desk) -> None:
    await desk.fault(
        "createRecord", do={"status": 429, "headers": {"retry-after": "600"}, "body": {"error": "RateLimitExceeded"}}
    )
    group = await desk.due()
    await desk.work()
    await desk.advance(300)
    await desk.work()
    assert (await desk.calls("createRecord"), await desk.status(group)) == (1, PostStatus.PENDING)
    await desk.advance(301)
    await desk.work()
    assert (await desk.calls("createRecord"), await desk.status(group)) == (2, PostStatus.PUBLISHED)


async def test_a_rate_limit_that_does_not_end_fails_in_the_end_and_may_be_retried(desk: Desk) -> None:
    await desk.fault("createRecord", times=None, do={"status": 429, "body": {"error": "RateLimitExceeded"}})
    group = await desk.due()
    await desk.settle()
    assert await outcome(desk, group) == (PostStatus.FAILED, "RATE_LIMITED")
    assert await desk.calls("createRecord") == 12


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_failure_of_the_network_is_looked_up_and_then_tried_again(desk: Desk, status: int) -> None:
    await desk.fault("createRecord", do={"status": status})
    group = await desk.due("After a failure")
    await desk.settle()
    assert await desk.status(group) is PostStatus.PUBLISHED
    assert [post["text"] for post in await desk.live()] == ["After a failure"]


async def test_an_answer_lost_after_the_commit_is_found_and_not_repeated(desk: Desk) -> None:
    await desk.fault("createRecord", do=LOST)
    group = await desk.due("Once")
    await desk.settle()
    assert await desk.status(group) is PostStatus.PUBLISHED
    assert (await desk.calls("createRecord"), len(await desk.live())) == (1, 1)


async def test_while_it_cannot_be_looked_up_nothing_is_tried_again(desk: Desk) -> None:
    await desk.fault("createRecord", do=LOST)
    await desk.fault("getRecord", times=None, do={"status": 502})
    group = await desk.due("Once")
    await desk.work()
    for _ in range(5):
        await desk.advance(300)
        await desk.work()
        assert await desk.status(group) is PostStatus.PROCESSING
    assert await desk.calls("createRecord") == 1
    await desk.no_faults()
    await desk.settle()
    assert (await desk.status(group), await desk.calls("createRecord")) == (PostStatus.PUBLISHED, 1)


async def test_an_account_that_was_disconnected_leaves_an_unknown_outcome_unknown(desk: Desk) -> None:
    await desk.fault("createRecord", do=LOST)
    await desk.fault("getRecord", times=3, do={"status": 502})
    group = await desk.due("May be live")
    await desk.work()
    async with desk.house.database.begin() as tx:
        await tx.execute("update accounts set status = 'disconnected' where provider = 'bluesky'")
    await desk.advance(300)
    await desk.work()
    assert await desk.status(group) is PostStatus.PROCESSING
    async with desk.house.database.begin() as tx:
        await tx.execute("update accounts set status = 'connected' where provider = 'bluesky'")
    await desk.settle()
    assert await desk.status(group) is PostStatus.PUBLISHED


async def test_an_account_that_is_unlinked_while_a_post_is_in_doubt_leaves_it_unconfirmed(desk: Desk) -> None:
    await desk.fault("createRecord", do=LOST)
    await desk.fault("getRecord", times=3, do={"status": 502})
    group = await desk.due("May be live")
    await desk.work()
    assert await desk.status(group) is PostStatus.PROCESSING
    await desk.services.accounts.unlink(desk.caller, (await desk.account()).id)
    assert await outcome(desk, group) == (PostStatus.UNCONFIRMED, "OUTCOME_UNKNOWN")
    await desk.settle()
    assert await desk.status(group) is PostStatus.UNCONFIRMED
    assert await desk.calls("createRecord") == 1


async def test_what_can_never_be_looked_up_ends_unconfirmed(desk: Desk) -> None:
    await desk.fault("createRecord", do=LOST)
    await desk.fault("getRecord", times=None, do={"status": 404, "body": {"error": "NotFound"}})
    group = await desk.due("Who knows")
    await desk.work()
    post = await desk.post(group)
    async with desk.house.database.begin() as tx:
        await tx.execute("update jobs set attempts = 300 where task = 'publish_post'")
    await desk.advance(301)
    await desk.work()
    assert await outcome(desk, group) == (PostStatus.UNCONFIRMED, "OUTCOME_UNKNOWN")
    assert (await desk.view(group)).group.status is GroupStatus.FAILED
    assert (await desk.post(group)).token == post.token
    assert await desk.calls("createRecord") == 1


async def test_a_timeout_before_the_commit_is_tried_again_once(desk: Desk) -> None:
    await desk.fault("createRecord", do={"reset": True})
    group = await desk.due("At last")
    await desk.settle()
    assert await desk.status(group) is PostStatus.PUBLISHED
    assert (await desk.calls("createRecord"), len(await desk.live())) == (2, 1)


async def test_the_token_is_the_same_on_every_attempt(desk: Desk) -> None:
    await desk.fault("createRecord", times=3, do={"status": 503})
    group = await desk.due()
    tokens = {(await desk.post(group)).token}
    for _ in range(12):
        await desk.work()
        tokens.add((await desk.post(group)).token)
        await desk.advance(60)
    assert await desk.status(group) is PostStatus.PUBLISHED
    assert len(tokens) == 1
    answer = await desk.built.sim.get("/_sim/requests", params={"network": "bluesky", "operation": "createRecord"})
    asked = answer.json()["requests"]
    assert len(asked) == 4
    assert len({call["body"]["rkey"] for call in asked}) == 1


async def test_a_renewed_session_is_stored_before_it_is_used(desk: Desk) -> None:
    await desk.fault("createRecord", do={"expired_session": True})
    # The renewed token goes nowhere: what is stored must be the new one all the same.
    await desk.fault("createRecord", nth=1, do={"latency_seconds": 0.0})
    before = await desk.rows("select credentials_sealed from accounts where provider = 'bluesky'")
    group = await desk.due()
    await desk.work()
    after = await desk.rows("select credentials_sealed from accounts where provider = 'bluesky'")
    assert before != after
    assert await desk.status(group) is PostStatus.PUBLISHED
    assert await desk.calls("refreshSession") == 1
    desk.house.services.accounts._connections.forget((await desk.account()).id)
    again = await desk.due("With the stored session")
    await desk.work()
    assert await desk.status(again) is PostStatus.PUBLISHED
    assert await desk.calls("refreshSession") == 1


async def test_a_session_that_is_over_fails_the_post_and_disconnects_the_account(desk: Desk) -> None:
    await desk.fault("createRecord", times=None, do={"status": 401, "body": {"error": "InvalidToken"}})
    group = await desk.due()
    await desk.settle()
    assert await outcome(desk, group) == (PostStatus.FAILED, "PLATFORM_AUTH_EXPIRED")
    assert len(await desk.events(EventType.ACCOUNT_DISCONNECTED)) == 1


async def test_a_platform_that_is_not_linked_fails_when_it_is_due(desk: Desk) -> None:
    group = await desk.due(platforms=["bluesky-did:plc:nobodyhere"])
    await desk.work()
    assert await outcome(desk, group) == (PostStatus.FAILED, "PLATFORM_AUTH_EXPIRED")


async def test_an_account_linked_before_the_time_comes_publishes_it(desk: Desk) -> None:
    account = await desk.account()
    await desk.services.accounts.unlink(desk.caller, account.id)
    group = await desk.due("Linked in time", platforms=[f"bluesky-{account.provider_id}"])
    answers = {"identifier": "ada.test", "password": "app-ada-pass"}
    await desk.services.accounts.link(desk.caller, "bluesky", "app_password", answers)
    await desk.work()
    assert await desk.status(group) is PostStatus.PUBLISHED


async def test_one_target_that_fails_leaves_the_group_partially_published(desk: Desk) -> None:
    there = f"bluesky-{(await desk.account()).provider_id}"
    group = await desk.due(platforms=[there, "bluesky-did:plc:nobodyhere"])
    await desk.work()
    assert (await desk.view(group)).group.status is GroupStatus.PARTIALLY_PUBLISHED


async def test_a_file_whose_bytes_never_came_fails_the_post(desk: Desk) -> None:
    group = await desk.draft()
    await desk.address(group)
    await desk.schedule(group)
    await desk.work()
    assert await outcome(desk, group) == (PostStatus.FAILED, "INVALID_CONTENT")
    assert await desk.calls("createRecord") == 0


async def test_a_part_that_is_too_long_fails_without_a_call_and_the_later_parts_with_it(desk: Desk) -> None:
    group = await desk.due("a" * 301 + "\n---\nAnd more")
    await desk.work()
    found = (await desk.services.posts.get(desk.caller, group.id)).posts
    assert [(post.status, post.error and post.error.code) for post in found] == [
        (PostStatus.FAILED, "CONTENT_TOO_LARGE"),
        (PostStatus.FAILED, "UNKNOWN_ERROR"),
    ]
    assert await desk.calls("createRecord") == 0


async def test_a_long_text_goes_out_as_a_thread_each_part_answering_the_one_before(desk: Desk) -> None:
    group = await desk.due("A sentence of forty characters, no more. " * 16)
    await desk.work()
    found = (await desk.services.posts.get(desk.caller, group.id)).posts
    assert [post.status for post in found] == [PostStatus.PUBLISHED] * 3
    assert [(post.content or "")[-6:] for post in found] == [" (1/3)", " (2/3)", " (3/3)"]
    shown = {post["id"]: post for post in await desk.live()}
    assert [shown[str(post.provider_id)]["reply_to"] for post in found] == [None, *(p.provider_id for p in found[:2])]
    roots = {shown[str(post.provider_id)]["reply"]["root"]["uri"] for post in found[1:]}
    assert roots == {found[0].provider_id}


async def test_a_thread_whose_second_answer_is_lost_goes_on_where_it_stopped(desk: Desk) -> None:
    group = await desk.due("One\n---\nTwo\n---\nThree")
    await desk.fault("createRecord", nth=2, do=LOST)
    await desk.fault("getRecord", nth=2, times=3, do={"status": 502})
    await desk.work()
    found = (await desk.services.posts.get(desk.caller, group.id)).posts
    in_doubt = [PostStatus.PUBLISHED, PostStatus.PROCESSING, PostStatus.PENDING]
    assert [post.status for post in found] == in_doubt
    await desk.settle()
    found = (await desk.services.posts.get(desk.caller, group.id)).posts
    assert [post.status for post in found] == [PostStatus.PUBLISHED] * 3
    shown = {post["text"]: post for post in await desk.live()}
    assert sorted(shown) == ["One", "Three", "Two"]
    assert [shown[text]["reply_to"] for text in ("One", "Two", "Three")] == [None, *(p.provider_id for p in found[:2])]


async def test_a_group_moved_while_one_post_is_in_doubt_still_settles_that_one(desk: Desk) -> None:
    there = f"bluesky-{(await desk.account()).provider_id}"
    group = await desk.due("In doubt", platforms=[there])
    await desk.fault("createRecord", do=LOST)
    await desk.fault("getRecord", times=3, do={"status": 502})
    await desk.work()
    await desk.services.posts.update(
        desk.caller, group.id, Change(status=None, scheduled_at=desk.now_ms() + 30 * 24 * 3600 * 1000)
    )
    await desk.advance(300)
    await desk.work()
    assert await desk.status(group) is PostStatus.PUBLISHED


async def test_a_file_attached_while_a_post_is_in_doubt_does_not_make_it_a_failure(desk: Desk) -> None:
    group = await desk.due("In doubt")
    await desk.fault("createRecord", do=LOST)
    await desk.fault("getRecord", times=3, do={"status": 502})
    await desk.work()
    await desk.address(group)
    await desk.settle()
    assert await desk.status(group) is PostStatus.PUBLISHED


async def test_a_post_that_is_given_another_time_while_it_fails_for_now_goes_out_then(desk: Desk) -> None:
    await desk.fault("createRecord", do={"status": 429, "hold": True, "body": {"error": "RateLimitExceeded"}})
    group = await desk.due("Tomorrow then")
    tomorrow = desk.now_ms() + 86_400_000
    async with working(desk):
        await desk.struck("createRecord")
        await desk.schedule(group, tomorrow)
        await desk.no_faults()
        await until(desk, "select status from posts", [("pending",)])
    await desk.advance(3600)
    await desk.work()
    assert (await desk.status(group), await desk.live()) == (PostStatus.PENDING, [])
    await desk.advance(86_400)
    await desk.work()
    assert (await desk.status(group), len(await desk.live())) == (PostStatus.PUBLISHED, 1)


@pytest.mark.parametrize("asked", ["1000000000000", "9" * 400, "\u00b2"])
async def test_a_network_that_asks_for_ever_is_asked_again_in_two_days(desk: Desk, asked: str) -> None:
    await desk.fault(
        "createRecord", do={"status": 429, "headers": {"retry-after": asked}, "body": {"error": "RateLimitExceeded"}}
    )
    group = await desk.due("In the end")
    async with working(desk):
        await until(desk, "select status, attempts from jobs where task = 'publish_post'", [("todo", 1)])
    await desk.advance(2 * 86_400 + 1)
    await desk.work()
    assert await desk.status(group) is PostStatus.PUBLISHED
