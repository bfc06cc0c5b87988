"""Publishing to X: at most one post, found on the own timeline where X shows it, unconfirmed where it does not."""

from typing import Any

import pytest

from postroom import sandbox
from postroom.domain.accounts import Account, AccountStatus
from postroom.domain.media import MediaKind
from postroom.domain.posts import PostGroup, PostStatus
from postroom.domain.takedowns import TargetOutcome
from postroom.store import accounts
from tests.desk import ANOTHER, PICTURE, Desk
from tests.services.test_worker import until, working

LOST = {"commit_then_lose": True}
MP4 = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + b"\x00\x00\x00\x08free" + b"\x00\x00\x00\x08mdat"


@pytest.fixture
async def ada(desk: Desk) -> Account:
    return await desk.account("twitter")


async def live(desk: Desk) -> list[dict[str, Any]]:
    return list((await desk.built.sim.get("/_sim/network/twitter/posts")).json()["posts"])


async def due(desk: Desk, ada: Account, text: str = "Hello", **named: Any) -> PostGroup:
    return await desk.due(text, platforms=[f"twitter-{ada.provider_id}"], **named)


async def outcome(desk: Desk, group: PostGroup) -> tuple[PostStatus, str | None]:
    post = await desk.post(group)
    return post.status, None if post.error is None else post.error.code


async def test_a_post_goes_out_with_a_link_to_it(desk: Desk, ada: Account) -> None:
    group = await due(desk, ada)
    await desk.work()
    (post,) = await live(desk)
    held = await desk.post(group)
    assert (held.status, held.provider_id) == (PostStatus.PUBLISHED, post["id"])
    assert held.url == f"https://x.com/i/web/status/{post['id']}"


async def test_pictures_go_out_in_order_with_their_descriptions(desk: Desk, ada: Account) -> None:
    group = await desk.draft("Two pictures", platforms=[f"twitter-{ada.provider_id}"])
    await desk.attach(group, alt_text="A harbour")
    await desk.attach(group, alt_text="A moth")
    await desk.schedule(group)
    await desk.work()
    (post,) = await live(desk)
    assert [(each["type"], each["alt"]) for each in post["media"]] == [("image", "A harbour"), ("image", "A moth")]


async def test_a_video_is_shown_when_it_is_processed(desk: Desk, ada: Account) -> None:
    group = await desk.draft("Moving", platforms=[f"twitter-{ada.provider_id}"])
    address = await desk.services.media.upload_address(
        desk.caller, group.id, file_name="a.mp4", content_type="video/mp4", kind=MediaKind.VIDEO, alt_text="A hive"
    )
    await desk.upload(address, MP4, content_type="video/mp4")
    await desk.schedule(group)
    await desk.work()
    (post,) = await live(desk)
    assert post["media"] == [{"type": "video", "alt": "A hive", "size": len(MP4)}]


async def test_a_long_text_becomes_a_thread(desk: Desk, ada: Account) -> None:
    group = await due(desk, ada, "First part\n---\nSecond part", settings={"twitter": {"quoteTweet": ""}})
    await desk.settle()
    first, second = await live(desk)
    assert (first["reply_to"], second["reply_to"]) == (None, first["id"])
    assert [each.status for each in (await desk.view(group)).posts] == [PostStatus.PUBLISHED] * 2


async def test_an_answer_that_is_lost_leaves_one_post_which_is_found(desk: Desk, ada: Account) -> None:
    await desk.fault("create_tweet", "twitter", do=LOST)
    group = await due(desk, ada, "Bees & honey: https://example.com/hives")
    await desk.settle()
    (post,) = await live(desk)
    held = await desk.post(group)
    assert (held.status, held.provider_id) == (PostStatus.PUBLISHED, post["id"])
    assert await desk.calls("create_tweet", "twitter") == 1


async def test_a_timeline_that_is_late_is_looked_at_again(desk: Desk, ada: Account) -> None:
    await desk.fault("create_tweet", "twitter", do=LOST)
    await desk.fault("user_tweets", "twitter", times=3, do={"stale_read": 60})
    group = await due(desk, ada)
    await desk.settle()
    assert await outcome(desk, group) == (PostStatus.PUBLISHED, None)
    assert await desk.calls("user_tweets", "twitter") > 1
    assert len(await live(desk)) == 1


@pytest.mark.parametrize("do", [{"reset": True}, {"status": 503}])
async def test_what_x_never_shows_ends_unconfirmed_and_is_not_repeated(
    desk: Desk, ada: Account, do: dict[str, Any]
) -> None:
    await desk.fault("create_tweet", "twitter", do=do)
    group = await due(desk, ada)
    await desk.settle()
    assert await outcome(desk, group) == (PostStatus.UNCONFIRMED, "OUTCOME_UNKNOWN")
    assert await desk.calls("create_tweet", "twitter") == 1
    assert await live(desk) == []


async def test_the_same_text_twice_is_refused_with_xs_words(desk: Desk, ada: Account) -> None:
    await due(desk, ada, "Once")
    await desk.settle()
    group = await due(desk, ada, "Once")
    await desk.settle()
    assert await outcome(desk, group) == (PostStatus.FAILED, "INVALID_CONTENT")
    error = (await desk.post(group)).error
    assert error is not None
    assert "duplicate content" in (error.platform_error or "")
    assert len(await live(desk)) == 1


async def test_a_token_that_expired_is_renewed_and_kept_before_it_is_used(desk: Desk, ada: Account) -> None:
    await desk.advance(7300)
    first = await due(desk, ada, "One")
    await desk.work()
    await desk.advance(7300)
    # The kept refresh token is read anew: the one before has been used up.
    desk.services.accounts._connections.forget(ada.id)
    second = await due(desk, ada, "Two")
    await desk.work()
    assert await outcome(desk, first) == await outcome(desk, second) == (PostStatus.PUBLISHED, None)
    assert await desk.calls("create_tweet", "twitter") == 2


async def test_a_token_that_ended_early_is_renewed_and_nothing_is_posted_twice(desk: Desk, ada: Account) -> None:
    await desk.fault("create_tweet", "twitter", do={"expired_session": True})
    group = await due(desk, ada)
    await desk.work()
    assert await outcome(desk, group) == (PostStatus.PUBLISHED, None)
    assert len(await live(desk)) == 1


async def test_a_revoked_app_disconnects_the_account(desk: Desk, ada: Account) -> None:
    await desk.fault("create_tweet", "twitter", times=None, do={"expired_session": True})
    await desk.fault("token", "twitter", do={"status": 400, "body": {"error": "invalid_request"}})
    group = await due(desk, ada)
    await desk.settle()
    assert await outcome(desk, group) == (PostStatus.FAILED, "PLATFORM_AUTH_EXPIRED")
    found = await desk.services.accounts.get(desk.caller, ada.id)
    assert found.status is AccountStatus.DISCONNECTED
    again = await sandbox.link(desk.house, desk.caller, "twitter", "oauth", {"login": "user_good"})
    assert (again.id, again.status) == (ada.id, AccountStatus.CONNECTED)


async def test_a_locked_account_needs_its_owner(desk: Desk, ada: Account) -> None:
    await desk.fault("create_tweet", "twitter", do={"challenge": True})
    group = await due(desk, ada)
    await desk.settle()
    assert await outcome(desk, group) == (PostStatus.FAILED, "PLATFORM_AUTH_EXPIRED")
    found = await desk.services.accounts.get(desk.caller, ada.id)
    assert found.status is AccountStatus.ACTION_REQUIRED


async def test_a_limit_is_waited_out_until_x_says(desk: Desk, ada: Account) -> None:
    headers = {"x-rate-limit-remaining": "0", "x-rate-limit-reset": str(desk.now_ms() // 1000 + 600)}
    do = {"status": 429, "headers": headers, "body": {"title": "Too Many Requests", "status": 429}}
    await desk.fault("create_tweet", "twitter", do=do)
    group = await due(desk, ada)
    await desk.work()
    await desk.advance(300)
    await desk.work()
    assert await desk.calls("create_tweet", "twitter") == 1
    await desk.advance(301)
    await desk.work()
    assert await outcome(desk, group) == (PostStatus.PUBLISHED, None)


async def test_a_file_that_is_too_large_is_told_so(desk: Desk, ada: Account) -> None:
    do = {"status": 413, "body": {"title": "Payload Too Large", "detail": "File size exceeds", "status": 413}}
    await desk.fault("media_upload", "twitter", do=do)
    group = await desk.draft("A picture", platforms=[f"twitter-{ada.provider_id}"])
    await desk.attach(group)
    await desk.schedule(group)
    await desk.settle()
    assert await outcome(desk, group) == (PostStatus.FAILED, "CONTENT_TOO_LARGE")
    assert await live(desk) == []


async def test_a_post_is_taken_down_and_so_is_one_that_its_owner_deleted_there(desk: Desk, ada: Account) -> None:
    group = await due(desk, ada)
    await desk.work()
    assert len(await live(desk)) == 1
    await desk.fault("delete_tweet", "twitter", do=LOST)
    made = await desk.services.takedowns.take_down(desk.caller, group.id, 0)
    await desk.settle()
    settled = await desk.services.takedowns.get(desk.caller, made.id)
    assert [target.outcome for target in settled.targets] == [TargetOutcome.DONE]
    assert await live(desk) == []


async def test_unlinking_ends_the_session_at_x(desk: Desk, ada: Account) -> None:
    await desk.services.accounts.unlink(desk.caller, ada.id)
    assert await desk.calls("revoke", "twitter") == 1


@pytest.mark.parametrize(("network", "operation"), [("twitter", "create_tweet"), ("mastodon", "create_status")])
async def test_a_picture_that_is_replaced_before_the_next_attempt_goes_out_as_it_is_then(
    desk: Desk, network: str, operation: str
) -> None:
    account = await desk.account(network)
    group = await desk.draft("Corrected", platforms=[f"{network}-{account.provider_id}"])
    address = await desk.attach(group, PICTURE)
    await desk.fault(operation, network, do={"status": 429, "headers": {"retry-after": "60"}, "body": {}})
    await desk.schedule(group)
    await desk.work()
    await desk.upload(address, ANOTHER)
    await desk.settle()
    assert await desk.status(group) is PostStatus.PUBLISHED
    (post,) = (await desk.built.sim.get(f"/_sim/network/{network}/posts")).json()["posts"]
    assert [each["size"] for each in post["media"]] == [len(ANOTHER)]


async def test_what_is_said_of_credentials_that_were_replaced_meanwhile_disconnects_nobody(
    desk: Desk, ada: Account
) -> None:
    await desk.fault("create_tweet", "twitter", do={"expired_session": True, "hold": True})
    await due(desk, ada)
    async with working(desk):
        await desk.struck("create_tweet", "twitter")
        await sandbox.link(desk.house, desk.caller, "twitter", "oauth", {"login": "user_good"})
        await desk.no_faults()
        await desk.fault("token", "twitter", do={"status": 400, "body": {"error": "invalid_grant"}})
        await until(desk, "select status from posts", [("published",)])
    assert (await desk.services.accounts.get(desk.caller, ada.id)).status is AccountStatus.CONNECTED
    assert len(await live(desk)) == 1


async def test_tokens_that_were_renewed_late_do_not_replace_those_of_a_new_link(desk: Desk, ada: Account) -> None:
    await desk.fault("token", "twitter", do={"hold": True})
    await desk.advance(7300)
    group = await due(desk, ada)
    async with working(desk):
        await desk.struck("token", "twitter")
        await sandbox.link(desk.house, desk.caller, "twitter", "oauth", {"login": "user_good"})
        async with desk.house.database.read() as reader:
            linked = await accounts.find_credentials(reader, ada.workspace_id, ada.id)
        await desk.no_faults()
        await until(desk, "select status from posts", [("published",)])
    async with desk.house.database.read() as reader:
        assert await accounts.find_credentials(reader, ada.workspace_id, ada.id) == linked
    assert await outcome(desk, group) == (PostStatus.PUBLISHED, None)


async def test_of_a_group_that_was_deleted_meanwhile_a_receipt_says_that_a_post_may_be_live(
    desk: Desk, ada: Account
) -> None:
    await desk.fault("create_tweet", "twitter", do={**LOST, "hold": True})
    group = await due(desk, ada)
    async with working(desk):
        await desk.struck("create_tweet", "twitter")
        await desk.services.posts.delete(desk.caller, group.id)
        await desk.no_faults()
        await until(desk, "select count(*) from receipts", [(2,)])
    told = next(each for each in await desk.receipts(group.id) if "note" in each)
    assert (told["platform_id"], told["provider_id"]) == (ada.provider_id, None)
    assert "did not say" in told["note"]
    await desk.settle()
    assert (len(await live(desk)), await desk.calls("create_tweet", "twitter")) == (1, 1)


async def test_a_post_that_was_written_before_its_account_was_linked_goes_with_it_all_the_same(desk: Desk) -> None:
    answers = {"login": "user_second"}
    account = await sandbox.link(desk.house, desk.caller, "twitter", "oauth", answers)
    await desk.services.accounts.unlink(desk.caller, account.id)
    group = await due(desk, account)
    account = await sandbox.link(desk.house, desk.caller, "twitter", "oauth", answers)
    await desk.fault("create_tweet", "twitter", do={"reset": True})
    await desk.work()
    assert await desk.status(group) is PostStatus.PROCESSING
    await desk.services.accounts.unlink(desk.caller, account.id)
    await sandbox.link(desk.house, desk.caller, "twitter", "oauth", answers)
    await desk.settle()
    assert await outcome(desk, group) == (PostStatus.UNCONFIRMED, "OUTCOME_UNKNOWN")
