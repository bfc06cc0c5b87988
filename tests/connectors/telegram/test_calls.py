"""What is asked of the Bot API, and what its answers mean."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from postroom.connectors.contract import Ask, Reply
from postroom.connectors.telegram.connection import TelegramConnection
from postroom.connectors.telegram.connector import TelegramConnector
from postroom.domain.remote import Credentials, PostDraft, Profile
from postroom.errors import (
    ActionRequired,
    CredentialsRejected,
    LoginFailed,
    OutcomeUnknown,
    ProviderDown,
    ProviderError,
    RateLimited,
    Refused,
    Unprocessable,
)
from tests.connectors.wire import Picture, Responder, Trying, Wire, answer, breaks

TOKEN = "1234567890:AAF-secret"
CHAT = "-1001234567890"
AT = datetime(2026, 11, 21, tzinfo=UTC)
DRAFT = PostDraft(text="Hello *there*", created_at=AT)
SENT = answer(200, {"ok": True, "result": {"message_id": 7, "chat": {"id": int(CHAT)}}})


def says(status: int, description: str, **parameters: Any) -> Responder:
    tree: dict[str, Any] = {"ok": False, "error_code": status, "description": description}
    return answer(status, tree | ({"parameters": parameters} if parameters else {}))


kept: list[Credentials] = []


async def keep(credentials: Credentials) -> None:
    kept.append(credentials)


def opened(wire: Wire) -> TelegramConnection:
    kept.clear()
    profile = Profile(provider_id=CHAT, username="harbour", name="Harbour")
    credentials = Credentials(values={"token": TOKEN, "chat": CHAT})
    return TelegramConnector(http=wire.http(tries=1)).open(profile, credentials, keep)


async def test_a_text_goes_out_with_entities_and_no_parse_mode() -> None:
    wire = Wire(SENT)
    draft = PostDraft(
        text="Hello *there*",
        created_at=AT,
        settings={"disableNotification": True, "disableWebPagePreview": True, "protectContent": True},
    )
    post = await opened(wire).publish(draft, Trying())
    assert (post.provider_id, post.url) == (f"{CHAT}:7", "https://t.me/c/1234567890/7")
    assert str(wire.last.url) == f"https://api.telegram.org/bot{TOKEN}/sendMessage"
    assert wire.sent() == {
        "chat_id": CHAT,
        "text": "Hello there",
        "entities": [{"type": "bold", "offset": 6, "length": 5}],
        "disable_notification": True,
        "protect_content": True,
        "link_preview_options": {"is_disabled": True},
    }


@pytest.mark.parametrize(
    ("media", "method"),
    [
        ([Picture()], "sendPhoto"),
        ([Picture(kind="video", content_type="video/mp4")], "sendVideo"),
        ([Picture(), Picture(kind="video", content_type="video/mp4")], "sendMediaGroup"),
    ],
)
async def test_files_go_with_the_one_call_that_publishes(media: list[Picture], method: str) -> None:
    wire = Wire(SENT)
    draft = PostDraft(text="Look", created_at=AT, media=tuple(media), settings={"showCaptionAboveMedia": True})
    await opened(wire).publish(draft, Trying())
    (path,) = wire.paths()
    assert path.endswith(f"/{method}")
    body = wire.last.content
    assert body.count(b"\x89PNG") == len(media)
    assert b"show_caption_above_media" in body
    assert body.count(b"Look") == 1


TOO_MUCH = {
    "eleven files": tuple(Picture() for _ in range(11)),
    "a large photo": (Picture(size=10 * 1024 * 1024 + 1),),
    "a large video": (Picture(size=50 * 1024 * 1024 + 1, kind="video", content_type="video/mp4"),),
    "another type": (Picture(content_type="image/tiff"),),
}


@pytest.mark.parametrize("media", TOO_MUCH.values(), ids=TOO_MUCH)
async def test_what_telegram_does_not_take_is_not_sent(media: tuple[Picture, ...]) -> None:
    wire = Wire(SENT)
    with pytest.raises(Unprocessable):
        await opened(wire).publish(PostDraft(text="", created_at=AT, media=media), Trying())
    assert wire.requests == []


FAILURES: dict[str, tuple[Responder, type[ProviderError]]] = {
    "a revoked token": (says(401, "Unauthorized"), CredentialsRejected),
    "a token that is none": (says(404, "Not Found"), CredentialsRejected),
    "no such method": (says(404, "Not Found: method not found"), Refused),
    "put out of the channel": (says(403, "Forbidden: bot was kicked from the channel chat"), ActionRequired),
    "no member": (says(403, "Forbidden: bot is not a member of the channel chat"), ActionRequired),
    "no rights": (says(400, "Bad Request: need administrator rights in the channel chat"), ActionRequired),
    "no rights to write": (says(400, "Bad Request: not enough rights to send text messages"), ActionRequired),
    "no such chat": (says(400, "Bad Request: chat not found"), ActionRequired),
    "no text": (says(400, "Bad Request: message text is empty"), Unprocessable),
    "a bad picture": (says(400, "Bad Request: IMAGE_PROCESS_FAILED"), Unprocessable),
    "too many": (says(429, "Too Many Requests: retry after 17", retry_after=17), RateLimited),
    "another server's": (says(421, "Misdirected Request: unallowed token specified"), Refused),
    "broken": (says(500, "Internal Server Error"), OutcomeUnknown),
    "bad gateway": (answer(502, body=b"<html>"), OutcomeUnknown),
    "no JSON": (answer(200, body=b"fine"), OutcomeUnknown),
    "no message": (answer(200, {"ok": True, "result": True}), OutcomeUnknown),
    "connection lost": (breaks(httpx.ReadError), OutcomeUnknown),
    "no connection": (breaks(httpx.ConnectError), ProviderDown),
}


@pytest.mark.parametrize(("responder", "kind"), FAILURES.values(), ids=FAILURES)
async def test_a_post_that_fails_says_what_may_have_happened(responder: Responder, kind: type[ProviderError]) -> None:
    wire = Wire(responder)
    with pytest.raises(ProviderError) as caught:
        await opened(wire).publish(DRAFT, Trying())
    assert type(caught.value) is kind
    assert len(wire.requests) == 1
    if kind is RateLimited:
        assert caught.value.retry_after_seconds == 17


@pytest.mark.parametrize("words", ["message is too long", "message caption is too long", "file is too big"])
async def test_what_is_too_large_says_so(words: str) -> None:
    with pytest.raises(Unprocessable) as caught:
        await opened(Wire(says(400, f"Bad Request: {words}"))).publish(DRAFT, Trying())
    assert caught.value.context == {"too_large": True}


async def test_a_group_that_became_a_supergroup_is_followed_and_its_new_id_kept_before_it_is_used() -> None:
    moved = says(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=-1009)
    wire = Wire(moved, SENT)
    await opened(wire).publish(DRAFT, Trying())
    assert [credentials.values["chat"] for credentials in kept] == ["-1009"]
    assert [wire.sent(0)["chat_id"], wire.sent(1)["chat_id"]] == [CHAT, "-1009"]


async def test_every_message_of_an_album_is_deleted_and_what_is_gone_is_done() -> None:
    gone = says(400, "Bad Request: message to delete not found")
    wire = Wire(answer(200, {"ok": True, "result": True}), gone, answer(200, {"ok": True, "result": True}))
    await opened(wire).unpublish(f"{CHAT}:7,8,9")
    assert [wire.sent(index)["message_id"] for index in range(3)] == [7, 8, 9]


DELETE_FAILURES: dict[str, tuple[Responder, type[ProviderError]]] = {
    "too old": (says(400, "Bad Request: message can't be deleted"), Refused),
    "too old for everyone": (says(400, "Bad Request: message can't be deleted for everyone"), Refused),
    "put out of the channel": (says(403, "Forbidden: bot was kicked from the channel chat"), ActionRequired),
    "too many": (says(429, "Too Many Requests: retry after 3", retry_after=3), RateLimited),
    "broken": (says(500, "Internal Server Error"), OutcomeUnknown),
}


@pytest.mark.parametrize(("responder", "kind"), DELETE_FAILURES.values(), ids=DELETE_FAILURES)
async def test_a_message_that_stays_is_never_called_deleted(responder: Responder, kind: type[ProviderError]) -> None:
    with pytest.raises(ProviderError) as caught:
        await opened(Wire(responder)).unpublish(f"{CHAT}:7")
    assert type(caught.value) is kind


@pytest.mark.parametrize("provider_id", ["-1009:7", "nonsense", "at://did/x/y"])
async def test_a_post_elsewhere_is_not_touched(provider_id: str) -> None:
    wire = Wire(SENT)
    with pytest.raises(Refused):
        await opened(wire).unpublish(provider_id)
    assert wire.requests == []


@pytest.mark.parametrize("answers", [{}, {"token": TOKEN}, {"chat": "@harbour"}])
async def test_an_answer_that_lacks_something_is_asked_again(answers: dict[str, str]) -> None:
    wire = Wire(SENT)
    step = await TelegramConnector(http=wire.http()).login("bot_token", Reply(state=None, answers=answers))
    assert isinstance(step, Ask)
    assert wire.requests == []


@pytest.mark.parametrize(
    "answers",
    [{"token": "../../x", "chat": "@harbour"}, {"token": "abc", "chat": "@harbour"}, {"token": TOKEN, "chat": "?"}],
)
async def test_what_is_no_token_or_no_chat_is_not_sent(answers: dict[str, str]) -> None:
    wire = Wire(SENT)
    with pytest.raises(LoginFailed):
        await TelegramConnector(http=wire.http()).login("bot_token", Reply(state=None, answers=answers))
    assert wire.requests == []
