"""Publishing to Mastodon: exactly one post, whatever becomes of the answers."""

from typing import Any

import pytest

from postroom import sandbox
from postroom.domain.accounts import Account, AccountStatus
from postroom.domain.media import MediaKind
from postroom.domain.posts import PostGroup, PostStatus
from postroom.domain.takedowns import TargetOutcome
from tests.desk import Desk

LOST = {"commit_then_lose": True}


@pytest.fixture
async def ada(desk: Desk) -> Account:
    return await desk.account("mastodon")


async def live(desk: Desk) -> list[dict[str, Any]]:
    answer = await desk.built.sim.get("/_sim/network/mastodon/posts")
    return list(answer.json()["posts"])


async def due(desk: Desk, ada: Account, text: str = "Hello", **named: Any) -> PostGroup:
    return await desk.due(text, platforms=[f"mastodon-{ada.provider_id}"], **named)


async def outcome(desk: Desk, group: PostGroup) -> tuple[PostStatus, str | None]:
    post = await desk.post(group)
    return post.status, None if post.error is None else post.error.code


async def attach_video(desk: Desk, group: PostGroup) -> None:
    address = await desk.services.media.upload_address(
        desk.caller, group.id, file_name="a.mp4", content_type="video/mp4", kind=MediaKind.VIDEO, alt_text="A hive"
    )
    await desk.upload(address, MP4, content_type="video/mp4")


MP4 = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + b"\x00\x00\x00\x08free" + b"\x00\x00\x00\x08mdat"


async def test_a_post_goes_out_as_the_owner_set_it(desk: Desk, ada: Account) -> None:
    settings = {"mastodon": {"visibility": "unlisted", "spoiler_text": "Bees"}}
    group = await due(desk, ada, settings=settings)
    await desk.work()
    (post,) = await live(desk)
    held = await desk.post(group)
    assert (held.status, held.provider_id, held.url) == (PostStatus.PUBLISHED, post["id"], post["url"])
    assert (post["text"], post["visibility"], post["spoiler_text"]) == ("Hello", "unlisted", "Bees")


async def test_pictures_go_out_in_order_with_their_descriptions(desk: Desk, ada: Account) -> None:
    group = await desk.draft("Two pictures", platforms=[f"mastodon-{ada.provider_id}"])
    await desk.attach(group, alt_text="A harbour")
    await desk.attach(group, alt_text="A moth")
    await desk.schedule(group)
    await desk.work()
    (post,) = await live(desk)
    assert [(each["type"], each["alt"]) for each in post["media"]] == [("image", "A harbour"), ("image", "A moth")]


async def test_a_video_is_shown_when_it_is_processed(desk: Desk, ada: Account) -> None:
    group = await desk.draft("Moving", platforms=[f"mastodon-{ada.provider_id}"])
    await attach_video(desk, group)
    await desk.schedule(group)
    await desk.work()
    (post,) = await live(desk)
    assert post["media"] == [{"type": "video", "alt": "A hive", "size": len(MP4)}]


async def test_a_long_text_becomes_a_thread(desk: Desk, ada: Account) -> None:
    group = await due(desk, ada, "First part\n---\nSecond part")
    await desk.settle()
    first, second = await live(desk)
    assert (first["reply_to"], second["reply_to"]) == (None, first["id"])
    assert [each.provider_id for each in (await desk.view(group)).posts] == [first["id"], second["id"]]


@pytest.mark.parametrize("do", [LOST, {"reset": True}, {"status": 502}])
async def test_an_answer_that_is_lost_leaves_exactly_one_post(desk: Desk, ada: Account, do: dict[str, Any]) -> None:
    await desk.fault("create_status", "mastodon", do=do)
    group = await due(desk, ada)
    await desk.settle()
    (post,) = await live(desk)
    held = await desk.post(group)
    assert (held.status, held.provider_id) == (PostStatus.PUBLISHED, post["id"])
    assert await desk.calls("create_status", "mastodon") == 2


async def test_a_lost_answer_after_uploads_uploads_nothing_again(desk: Desk, ada: Account) -> None:
    await desk.fault("create_status", "mastodon", do=LOST)
    group = await desk.draft("A picture", platforms=[f"mastodon-{ada.provider_id}"])
    await desk.attach(group)
    await desk.schedule(group)
    await desk.settle()
    assert await outcome(desk, group) == (PostStatus.PUBLISHED, None)
    assert (len(await live(desk)), await desk.calls("upload", "mastodon")) == (1, 1)


async def test_what_cannot_be_asked_within_the_hour_is_left_to_the_owner(desk: Desk, ada: Account) -> None:
    await desk.fault("create_status", "mastodon", do=LOST)
    await desk.fault("create_status", "mastodon", nth=2, times=None, do={"status": 503})
    group = await due(desk, ada)
    await desk.settle()
    assert await outcome(desk, group) == (PostStatus.UNCONFIRMED, "OUTCOME_UNKNOWN")
    assert len(await live(desk)) == 1


async def test_a_revoked_token_disconnects_the_account(desk: Desk, ada: Account) -> None:
    await desk.fault("create_status", "mastodon", do={"expired_session": True})
    group = await due(desk, ada)
    await desk.settle()
    assert await outcome(desk, group) == (PostStatus.FAILED, "PLATFORM_AUTH_EXPIRED")
    found = await desk.services.accounts.get(desk.caller, ada.id)
    assert found.status is AccountStatus.DISCONNECTED
    again = await sandbox.link(desk.house, desk.caller, "mastodon", "oauth", {"login": "user_good"})
    assert (again.id, again.status) == (ada.id, AccountStatus.CONNECTED)


async def test_a_limit_is_waited_out_as_long_as_mastodon_says(desk: Desk, ada: Account) -> None:
    do = {"status": 429, "headers": {"retry-after": "600"}, "body": {"error": "Too many requests"}}
    await desk.fault("create_status", "mastodon", do=do)
    group = await due(desk, ada)
    await desk.work()
    await desk.advance(300)
    await desk.work()
    assert await desk.calls("create_status", "mastodon") == 1
    await desk.advance(301)
    await desk.work()
    assert await outcome(desk, group) == (PostStatus.PUBLISHED, None)


@pytest.mark.parametrize(
    ("do", "code"),
    [
        ({"status": 422, "body": {"error": "Validation failed: Text can't be blank"}}, "INVALID_CONTENT"),
        (
            {"status": 422, "body": {"error": "Validation failed: Text character limit of 500 exceeded"}},
            "CONTENT_TOO_LARGE",
        ),
    ],
)
async def test_a_refusal_is_final(desk: Desk, ada: Account, do: dict[str, Any], code: str) -> None:
    await desk.fault("create_status", "mastodon", do=do)
    group = await due(desk, ada)
    await desk.settle()
    assert await outcome(desk, group) == (PostStatus.FAILED, code)
    assert await live(desk) == []


async def test_a_post_is_taken_down_and_so_is_one_that_its_owner_deleted_there(desk: Desk, ada: Account) -> None:
    group = await due(desk, ada)
    await desk.work()
    assert len(await live(desk)) == 1
    await desk.fault("delete_status", "mastodon", do=LOST)
    made = await desk.services.takedowns.take_down(desk.caller, group.id, 0)
    await desk.settle()
    settled = await desk.services.takedowns.get(desk.caller, made.id)
    assert [target.outcome for target in settled.targets] == [TargetOutcome.DONE]
    assert await live(desk) == []


async def test_unlinking_ends_the_token_at_the_server(desk: Desk, ada: Account) -> None:
    await desk.services.accounts.unlink(desk.caller, ada.id)
    assert await desk.calls("revoke", "mastodon") == 1
