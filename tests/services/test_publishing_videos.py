"""Publishing to TikTok and YouTube: one video in the end, whatever happens to its bytes and its answers on the way."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from postroom import sandbox
from postroom.domain.accounts import Account, AccountStatus
from postroom.domain.media import MediaKind
from postroom.domain.posts import GroupStatus, PostGroup, PostStatus
from tests.desk import Desk, pieces

LOST = {"commit_then_lose": True}
VIDEO = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 8
MATROSKA = b"\x1a\x45\xdf\xa3\x8b\x42\x82\x88matroska" + VIDEO
# More than two of TikTok's chunks, and than two of YouTube's.
LONG = VIDEO + b"frame" * 4_000_200


@dataclass
class Channel:
    """An account that takes videos, and the desk at which posts for it are made."""

    desk: Desk
    account: Account
    ask: str
    """The operation by which the network is asked what became of an upload."""

    async def due(self, text: str = "A moth", video: bytes = VIDEO, kind: str = "video/mp4", **named: Any) -> PostGroup:
        group = await self.desk.draft(text, platforms=[f"{self.account.provider}-{self.account.provider_id}"], **named)
        media = self.desk.services.media
        address = await media.upload_address(
            self.desk.caller, group.id, file_name="moth.mp4", content_type=kind, kind=MediaKind.VIDEO
        )
        query = parse_qs(urlsplit(address.upload_url).query)
        expires, signature = int(query["expires"][0]), query["signature"][0]
        await media.receive(address.media_id, expires, signature, kind, pieces(video, 1 << 20))
        return await self.desk.schedule(group)

    async def fault(self, operation: str, **rule: Any) -> None:
        await self.desk.fault(operation, self.account.provider, **rule)

    async def calls(self, operation: str) -> int:
        return await self.desk.calls(operation, self.account.provider)

    async def live(self) -> list[dict[str, Any]]:
        answer = await self.desk.built.sim.get(f"/_sim/network/{self.account.provider}/posts")
        return list(answer.json()["posts"])

    async def ends(self, group: PostGroup) -> tuple[PostStatus, str | None]:
        await self.desk.settle()
        post = await self.desk.post(group)
        return post.status, None if post.error is None else post.error.code

    async def status(self) -> AccountStatus:
        return (await self.desk.services.accounts.get(self.desk.caller, self.account.id)).status


async def link(desk: Desk, provider: str, login: str = "user_good") -> Channel:
    account = await sandbox.link(desk.house, desk.caller, provider, "oauth", {"login": login})
    return Channel(desk, account, {"tiktok": "status", "youtube": "progress"}[provider])


@pytest.fixture(params=["tiktok", "youtube"])
async def channel(request: pytest.FixtureRequest, desk: Desk) -> Channel:
    return await link(desk, request.param)


PUBLISHED = (PostStatus.PUBLISHED, None)


async def test_a_video_goes_out_and_its_post_has_an_address(channel: Channel) -> None:
    group = await channel.due("A moth at dusk")
    assert await channel.ends(group) == PUBLISHED
    (shown,) = await channel.live()
    assert (shown["text"], shown["media"][0]["size"]) == ("A moth at dusk", len(VIDEO))
    post = await channel.desk.post(group)
    assert post.provider_id == shown["id"]
    assert shown["id"] in (post.url or "")
    assert (await channel.desk.view(group)).group.status is GroupStatus.PUBLISHED


async def test_a_long_video_goes_out_in_pieces_and_arrives_whole(channel: Channel) -> None:
    assert await channel.ends(await channel.due(video=LONG)) == PUBLISHED
    assert [each["media"][0]["size"] for each in await channel.live()] == [len(LONG)]
    assert await channel.calls("send") >= 2


@pytest.mark.parametrize(
    ("operation", "do"),
    [
        ("begin", LOST),
        ("begin", {"status": 503}),
        ("begin", {"reset": True}),
        ("send", LOST),
        ("send", {"reset": True}),
        ("send", {"status": 500}),
    ],
)
async def test_whatever_is_lost_there_is_one_video_in_the_end(
    channel: Channel, operation: str, do: dict[str, Any]
) -> None:
    await channel.fault(operation, do=do)
    assert await channel.ends(await channel.due()) == PUBLISHED
    assert len(await channel.live()) == 1


async def test_while_nobody_says_what_became_of_it_nothing_is_sent_again(channel: Channel) -> None:
    await channel.fault("send", do=LOST)
    await channel.fault(channel.ask, times=None, do={"status": 503})
    group = await channel.due()
    await channel.desk.work()
    for _ in range(2):
        await channel.desk.advance(301)
        await channel.desk.work()
        assert await channel.desk.status(group) is PostStatus.PROCESSING
    assert await channel.calls("send") == 1
    await channel.desk.no_faults()
    assert await channel.ends(group) == PUBLISHED
    assert (await channel.calls("send"), len(await channel.live())) == (1, 1)


@pytest.mark.parametrize("do", [LOST, {"reset": True}, {"status": 503}])
async def test_an_upload_that_breaks_off_is_gone_on_with_where_it_stands(channel: Channel, do: dict[str, Any]) -> None:
    await channel.fault("send", nth=1, do=do)
    assert await channel.ends(await channel.due(video=LONG)) == PUBLISHED
    assert await channel.calls("begin") == 1
    answer = await channel.desk.built.sim.get(
        "/_sim/requests", params={"network": channel.account.provider, "operation": "send"}
    )
    first, second, *_ = [call["body"]["content_range"] for call in answer.json()["requests"]]
    # What was lost after it had arrived is not sent again; what never arrived is.
    assert (first == second) is (do != LOST)
    assert [each["media"][0]["size"] for each in await channel.live()] == [len(LONG)]


async def test_an_expired_token_is_renewed_and_stored_before_it_is_used(channel: Channel) -> None:
    sealed = f"select credentials_sealed from accounts where provider = '{channel.account.provider}'"
    before = await channel.desk.rows(sealed)
    await channel.desk.advance(2 * 86_400)
    group = await channel.due()
    await channel.desk.work()
    assert await channel.desk.status(group) is PostStatus.PUBLISHED
    assert before != await channel.desk.rows(sealed)
    assert await channel.calls("token") == 2
    channel.desk.house.services.accounts._connections.forget(channel.account.id)
    again = await channel.due("With the stored tokens")
    await channel.desk.work()
    assert await channel.desk.status(again) is PostStatus.PUBLISHED
    assert await channel.calls("token") == 2


async def test_an_app_whose_approval_was_taken_back_disconnects_the_account(channel: Channel) -> None:
    await channel.desk.house.services.accounts._connections.revoke(channel.account)
    assert await channel.ends(await channel.due()) == (PostStatus.FAILED, "PLATFORM_AUTH_EXPIRED")
    assert await channel.status() is AccountStatus.DISCONNECTED
    assert await channel.live() == []


async def test_a_rate_limit_is_waited_for(channel: Channel) -> None:
    body = {"error": {"code": "rate_limit_exceeded", "message": "", "log_id": "1"}}
    await channel.fault("begin", do={"status": 429, "headers": {"retry-after": "600"}, "body": body})
    group = await channel.due()
    await channel.desk.work()
    await channel.desk.advance(300)
    await channel.desk.work()
    assert (await channel.calls("begin"), await channel.desk.status(group)) == (1, PostStatus.PENDING)
    assert await channel.ends(group) == PUBLISHED


async def test_a_post_without_a_video_or_with_another_file_is_refused_without_a_call(channel: Channel) -> None:
    group = await channel.desk.due(platforms=[f"{channel.account.provider}-{channel.account.provider_id}"])
    assert await channel.ends(group) == (PostStatus.FAILED, "INVALID_CONTENT")
    other = await channel.due(video=MATROSKA, kind="video/x-matroska")
    assert await channel.ends(other) == (PostStatus.FAILED, "INVALID_CONTENT")
    assert await channel.calls("begin") == 0


async def test_a_text_that_is_too_long_is_refused_without_a_call(channel: Channel) -> None:
    assert await channel.ends(await channel.due("a" * 5001)) == (PostStatus.FAILED, "CONTENT_TOO_LARGE")
    assert await channel.calls("begin") == 0


# TikTok


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({}, {"disable_comment": False, "disable_duet": True, "disable_stitch": True}),
        ({"allowComments": False}, {"disable_comment": True}),
        ({"allowDuet": True, "allowStitch": True}, {"disable_duet": False, "disable_stitch": False}),
        ({"viewerSetting": "SELF_ONLY"}, {"privacy_level": "SELF_ONLY"}),
    ],
)
async def test_what_a_tiktok_post_allows_is_allowed(desk: Desk, said: dict[str, Any], shown: dict[str, Any]) -> None:
    tiktok = await link(desk, "tiktok")
    assert await tiktok.ends(await tiktok.due(settings={"tiktok": said})) == PUBLISHED
    (post,) = await tiktok.live()
    assert shown.items() <= post.items()


@pytest.mark.parametrize(
    ("login", "code"),
    [("user_private", "INVALID_CONTENT"), ("user_banned", "INVALID_CONTENT"), ("user_unaudited", "INVALID_CONTENT")],
)
async def test_what_a_tiktok_account_may_not_do_fails_with_the_reason(desk: Desk, login: str, code: str) -> None:
    tiktok = await link(desk, "tiktok", login)
    group = await tiktok.due()
    assert await tiktok.ends(group) == (PostStatus.FAILED, code)
    error = (await desk.post(group)).error
    assert error is not None
    assert error.platform_error
    assert await tiktok.calls("send") == 0


async def test_tiktok_giving_up_on_a_video_is_the_end_of_it(desk: Desk) -> None:
    tiktok = await link(desk, "tiktok")
    failed = {"status": "FAILED", "fail_reason": "file_format_check_failed"}
    body = {"data": failed, "error": {"code": "ok", "message": "", "log_id": "1"}}
    await tiktok.fault("status", do={"status": 200, "body": body})
    group = await tiktok.due()
    assert await tiktok.ends(group) == (PostStatus.FAILED, "INVALID_CONTENT")
    assert "file_format_check_failed" in str((await desk.post(group)).error)
    assert await tiktok.calls("begin") == 1


async def test_an_upload_address_that_has_expired_is_asked_for_anew(desk: Desk) -> None:
    tiktok = await link(desk, "tiktok")
    await tiktok.fault("send", do={"reset": True})
    group = await tiktok.due(video=LONG)
    await desk.work()
    await desk.advance(3601)
    assert await tiktok.ends(group) == PUBLISHED
    assert (await tiktok.calls("begin"), len(await tiktok.live())) == (2, 1)


# YouTube


async def test_a_youtube_video_is_called_what_its_settings_say_or_what_its_text_begins_with(desk: Desk) -> None:
    youtube = await link(desk, "youtube")
    named = {"youtube": {"title": "Moths", "privacy": "unlisted"}}
    assert await youtube.ends(await youtube.due("Of moths\nand men", settings=named)) == PUBLISHED
    assert (
        await youtube.ends(await youtube.due("Of moths\nand men, " * 9, settings={"youtube": {"title": ""}}))
        == PUBLISHED
    )
    first, second = await youtube.live()
    assert (first["title"], first["description"], first["privacy"]) == ("Moths", "Of moths\nand men", "unlisted")
    assert (second["title"], second["privacy"]) == (("Of moths and men, " * 9)[:70].strip(), "public")


async def test_a_spent_quota_waits_until_midnight_in_california(desk: Desk) -> None:
    youtube = await link(desk, "youtube")
    words = {"error": {"code": 403, "message": "spent", "errors": [{"reason": "quotaExceeded"}]}}
    await youtube.fault("begin", do={"status": 403, "body": words})
    group = await youtube.due()
    await desk.work()
    ((due,),) = await desk.rows("select scheduled_at from jobs where task = 'publish_post' and status = 'todo'")
    # Midnight there is eight or seven o'clock in the morning in UTC.
    assert due // 1000 % 86_400 // 3600 in (7, 8)
    await desk.advance((due - desk.now_ms()) / 1000 + 1)
    assert await youtube.ends(group) == PUBLISHED


async def test_a_session_that_youtube_forgot_is_begun_anew(desk: Desk) -> None:
    youtube = await link(desk, "youtube")
    await youtube.fault("send", nth=1, do={"status": 404})
    assert await youtube.ends(await youtube.due()) == PUBLISHED
    assert (await youtube.calls("begin"), len(await youtube.live())) == (2, 1)


async def test_a_session_that_ended_before_it_could_be_asked_leaves_nobody_to_know(desk: Desk) -> None:
    youtube = await link(desk, "youtube")
    await youtube.fault("send", do=LOST)
    await youtube.fault("progress", do={"status": 404})
    assert await youtube.ends(await youtube.due()) == (PostStatus.UNCONFIRMED, "OUTCOME_UNKNOWN")
    assert await youtube.calls("send") == 1
