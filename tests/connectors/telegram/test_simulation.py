"""The connector against a server that speaks the Bot API: what the channel's readers see is the judge."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from postroom.connectors.contract import Linked, Reply
from postroom.connectors.http import Http
from postroom.connectors.telegram.connection import TelegramConnection
from postroom.connectors.telegram.connector import TelegramConnector, TelegramSettings
from postroom.domain.remote import Credentials, PostDraft
from postroom.errors import ActionRequired, CredentialsRejected, LoginFailed, RateLimited, Refused, Unprocessable
from tests.connectors.wire import Picture, Trying

TOKEN = "7000000001:user_good"
AT = datetime(2026, 11, 21, tzinfo=UTC)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 300


async def keep(credentials: Credentials) -> None:
    raise AssertionError("nothing changed")


@pytest.fixture
async def connector(simulation: Any) -> AsyncIterator[TelegramConnector]:
    made = TelegramConnector(
        http=Http(backoff_seconds=0.01), settings=TelegramSettings(origin=simulation.addresses["telegram"])
    )
    yield made
    await made.close()


async def link(connector: TelegramConnector, chat: str = "@harbour_news", token: str = TOKEN) -> TelegramConnection:
    linked = await connector.login("bot_token", Reply(state=None, answers={"token": token, "chat": chat}))
    assert isinstance(linked, Linked)
    return connector.open(linked.profile, linked.credentials, keep)


def shown(simulation: Any) -> list[dict[str, Any]]:
    return list(simulation.get("network/telegram/posts")["posts"])


@pytest.mark.parametrize(
    ("chat", "provider_id", "name"),
    [
        ("@harbour_news", "-1001000000001", "Harbour news"),
        ("-1001000000002", "-1001000000002", "Crew only"),
        ("https://t.me/harbour_talk", "-1001000000003", "Harbour talk"),
        ("5000000008", "5000000008", "Ines"),
    ],
)
async def test_a_chat_is_an_account(connector: TelegramConnector, chat: str, provider_id: str, name: str) -> None:
    connection = await link(connector, chat)
    profile = await connection.profile()
    assert (profile.provider_id, profile.name) == (provider_id, name)


@pytest.mark.parametrize(
    ("token", "chat"),
    [
        ("7000000009:user_banned", "@harbour_news"),
        ("1:nobody", "@harbour_news"),
        (TOKEN, "@nowhere_at_all"),
        (TOKEN, "@strangers_news"),
        (TOKEN, "@read_only_news"),
    ],
)
async def test_a_bot_that_may_not_post_there_is_not_linked(connector: TelegramConnector, token: str, chat: str) -> None:
    with pytest.raises(LoginFailed):
        await link(connector, chat, token)


async def test_a_text_goes_out_and_comes_down(connector: TelegramConnector, simulation: Any) -> None:
    connection = await link(connector)
    post = await connection.publish(PostDraft(text="🐝 *Grüße*", created_at=AT), Trying())
    (seen,) = shown(simulation)
    assert (seen["id"], seen["text"]) == (post.provider_id, "🐝 Grüße")
    assert seen["entities"] == [{"type": "bold", "offset": 3, "length": 5}]
    assert post.url == "https://t.me/harbour_news/1"
    await connection.unpublish(post.provider_id)
    await connection.unpublish(post.provider_id)
    assert shown(simulation) == []


@pytest.mark.parametrize("count", [1, 2, 10])
async def test_pictures_go_out_together_and_come_down_together(
    connector: TelegramConnector, simulation: Any, count: int
) -> None:
    connection = await link(connector)
    media = tuple(Picture(PNG) for _ in range(count))
    post = await connection.publish(PostDraft(text="Look", created_at=AT, media=media), Trying())
    (seen,) = shown(simulation)
    assert (seen["id"], seen["text"]) == (post.provider_id, "Look")
    assert [file["size"] for file in seen["media"]] == [len(PNG)] * count
    await connection.unpublish(post.provider_id)
    assert shown(simulation) == []


async def test_a_video_goes_out(connector: TelegramConnector, simulation: Any) -> None:
    film = Picture(bytes(300_000), content_type="video/mp4", kind="video")
    await (await link(connector)).publish(PostDraft(text="", created_at=AT, media=(film,)), Trying())
    assert [(file["type"], file["size"]) for file in shown(simulation)[0]["media"]] == [("video", 300_000)]


async def test_an_old_message_stays_and_that_is_said(connector: TelegramConnector, simulation: Any) -> None:
    connection = await link(connector)
    post = await connection.publish(PostDraft(text="Old", created_at=AT), Trying())
    simulation.post("clock/advance", {"seconds": 49 * 3600})
    with pytest.raises(Refused):
        await connection.unpublish(post.provider_id)
    assert len(shown(simulation)) == 1


async def test_the_limits_of_texts_are_told_apart_from_other_refusals(connector: TelegramConnector) -> None:
    connection = await link(connector)
    with pytest.raises(Unprocessable) as caught:
        await connection.publish(PostDraft(text="x" * 1025, created_at=AT, media=(Picture(PNG),)), Trying())
    assert caught.value.context == {"too_large": True}


async def test_too_many_messages_are_to_be_sent_later(connector: TelegramConnector, simulation: Any) -> None:
    simulation.post("state/switches", {"enforce_rate_limits": True})
    connection = await link(connector)
    album = PostDraft(text="", created_at=AT, media=tuple(Picture(PNG) for _ in range(10)))
    await connection.publish(album, Trying())
    await connection.publish(album, Trying())
    with pytest.raises(RateLimited) as caught:
        await connection.publish(album, Trying())
    assert 0 < (caught.value.retry_after_seconds or 0) <= 60


async def test_a_bot_that_was_put_out_or_revoked_is_told_apart(connector: TelegramConnector, simulation: Any) -> None:
    connection = await link(connector)
    simulation.fault("sendMessage", {"challenge": True}, network="telegram")
    with pytest.raises(ActionRequired):
        await connection.publish(PostDraft(text="Hello", created_at=AT), Trying())
    simulation.fault("sendMessage", {"expired_session": True}, network="telegram")
    with pytest.raises(CredentialsRejected):
        await connection.publish(PostDraft(text="Hello", created_at=AT), Trying())
