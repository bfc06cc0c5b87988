"""Publishing to Telegram: at most one post, and unconfirmed where the network did not answer."""

import pytest

from postroom import sandbox
from postroom.domain.accounts import Account, AccountStatus
from postroom.domain.posts import PostGroup, PostStatus
from tests.desk import Desk

CHANNEL = "-1001000000001"
PLATFORM = f"telegram-{CHANNEL}"


@pytest.fixture
async def channel(desk: Desk) -> Account:
    answers = {"token": "7000000001:user_good", "chat": "@harbour_news"}
    return await sandbox.link(desk.house, desk.caller, "telegram", "bot_token", answers)


async def live(desk: Desk) -> list[str]:
    answer = await desk.built.sim.get("/_sim/network/telegram/posts", params={"account": CHANNEL})
    return [post["text"] for post in answer.json()["posts"]]


async def due(desk: Desk, text: str = "Hello") -> PostGroup:
    return await desk.due(text, platforms=[PLATFORM])


async def outcome(desk: Desk, group: PostGroup) -> tuple[PostStatus, str | None]:
    post = await desk.post(group)
    return post.status, None if post.error is None else post.error.code


async def status(desk: Desk, account: Account) -> AccountStatus:
    return (await desk.services.accounts.get(desk.caller, account.id)).status


async def test_a_chat_has_a_platform_id_with_two_dashes_and_takes_texts_and_pictures(
    desk: Desk, channel: Account
) -> None:
    assert f"{channel.provider}-{channel.provider_id}" == "telegram--1001000000001"
    group = await desk.draft("A *picture*", platforms=[PLATFORM])
    await desk.attach(group)
    await desk.schedule(group)
    await desk.work()
    held = await desk.post(group)
    assert (held.status, held.provider_id, held.url) == (
        PostStatus.PUBLISHED,
        f"{CHANNEL}:1",
        "https://t.me/harbour_news/1",
    )
    assert await live(desk) == ["A picture"]


@pytest.mark.parametrize("do", [{"commit_then_lose": True}, {"reset": True}, {"status": 502}])
async def test_an_answer_that_is_lost_ends_unconfirmed_and_nothing_is_repeated(
    desk: Desk, channel: Account, do: dict[str, object]
) -> None:
    await desk.fault("sendMessage", "telegram", do=do)
    group = await due(desk, "Perhaps")
    await desk.settle()
    assert await outcome(desk, group) == (PostStatus.UNCONFIRMED, "OUTCOME_UNKNOWN")
    assert await desk.calls("sendMessage", "telegram") == 1
    assert len(await live(desk)) <= 1


async def test_a_revoked_token_disconnects_the_chat(desk: Desk, channel: Account) -> None:
    await desk.fault("sendMessage", "telegram", do={"expired_session": True})
    group = await due(desk)
    await desk.settle()
    assert await outcome(desk, group) == (PostStatus.FAILED, "PLATFORM_AUTH_EXPIRED")
    assert await status(desk, channel) is AccountStatus.DISCONNECTED


async def test_a_bot_that_was_put_out_of_the_channel_needs_its_owner(desk: Desk, channel: Account) -> None:
    await desk.fault("sendMessage", "telegram", do={"challenge": True})
    group = await due(desk)
    await desk.settle()
    assert await outcome(desk, group) == (PostStatus.FAILED, "PLATFORM_AUTH_EXPIRED")
    assert await status(desk, channel) is AccountStatus.ACTION_REQUIRED


async def test_a_flood_is_waited_out_as_long_as_telegram_says(desk: Desk, channel: Account) -> None:
    body = {
        "ok": False,
        "error_code": 429,
        "description": "Too Many Requests: retry after 600",
        "parameters": {"retry_after": 600},
    }
    await desk.fault("sendMessage", "telegram", do={"status": 429, "body": body})
    group = await due(desk, "Later")
    await desk.work()
    await desk.advance(590)
    await desk.work()
    assert (await desk.calls("sendMessage", "telegram"), await desk.status(group)) == (1, PostStatus.PENDING)
    await desk.advance(11)
    await desk.work()
    assert (await desk.status(group), await live(desk)) == (PostStatus.PUBLISHED, ["Later"])


async def test_a_caption_may_be_shorter_than_a_text(desk: Desk, channel: Account) -> None:
    group = await desk.draft("x" * 1025, platforms=[PLATFORM])
    await desk.attach(group)
    await desk.schedule(group)
    await desk.settle()
    assert await outcome(desk, group) == (PostStatus.FAILED, "CONTENT_TOO_LARGE")
    assert await live(desk) == []


async def test_unlinking_says_that_the_bot_lives_on(desk: Desk, channel: Account) -> None:
    await desk.services.accounts.unlink(desk.caller, channel.id)
    (receipt,) = await desk.receipts(channel.id)
    assert receipt["session_ended_at_network"] is False
    assert receipt["key_destroyed"] is True
