"""YouTube's calls: what is asked, what its answers mean, and what is never done twice."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from postroom.connectors.contract import Linked, Reply, Visit
from postroom.connectors.youtube import convert
from postroom.connectors.youtube.connection import CHUNK_BYTES, YouTubeConnection
from postroom.connectors.youtube.connector import YouTubeConnector, YouTubeSettings
from postroom.connectors.youtube.quota import seconds_to_midnight
from postroom.domain.remote import Credentials, PostDraft, Profile
from postroom.errors import (
    ActionRequired,
    CredentialsRejected,
    LoginFailed,
    NotSupported,
    OutcomeUnknown,
    ProviderDown,
    ProviderError,
    RateLimited,
    Refused,
    Unprocessable,
)
from tests.connectors.wire import Picture, Responder, Trying, Wire, answer, breaks

SESSION = "https://www.googleapis.com/upload/youtube/v3/videos?uploadType=resumable&upload_id=1"
ADA = Profile(provider_id="UCada", username="@ada", name="Ada")
FILM = Picture(b"moving", content_type="video/mp4", kind="video")
DRAFT = PostDraft(text="A moth", created_at=datetime(2026, 11, 20, tzinfo=UTC), media=(FILM,))
LONG = PostDraft(
    text="A moth",
    created_at=DRAFT.created_at,
    media=(Picture(b"film" * (CHUNK_BYTES // 4) + b"more" * 10, content_type="video/mp4", kind="video"),),
)
SETTINGS = YouTubeSettings(client_id="us", client_secret="ours")

BEGUN = answer(200, headers={"location": SESSION})
MADE = answer(200, {"kind": "youtube#video", "id": "dQw4w9WgXcQ"})
NOTHING = answer(308)
HALF = answer(308, headers={"range": f"bytes=0-{CHUNK_BYTES - 1}"})
TOKENS = answer(
    200, {"access_token": "access-2", "expires_in": 3599, "scope": "https://www.googleapis.com/auth/youtube"}
)


def no(status: int, reason: str) -> Responder:
    return answer(status, {"error": {"code": status, "message": "Because.", "errors": [{"reason": reason}]}})


def note(draft: PostDraft = DRAFT) -> dict[str, Any]:
    return {"session": SESSION, "size_bytes": draft.media[0].size_bytes, "digest": convert.digest(draft)}


def opened(wire: Wire, kept: list[Credentials] | None = None) -> YouTubeConnection:
    async def keep(credentials: Credentials) -> None:
        if kept is not None:
            kept.append(credentials)

    credentials = Credentials(values={"access_token": "access-1", "refresh_token": "refresh-1"})
    return YouTubeConnector(http=wire.http(tries=1), settings=SETTINGS).open(ADA, credentials, keep)


async def test_a_video_is_announced_its_session_written_down_and_then_sent() -> None:
    wire, attempt = Wire(BEGUN, MADE), Trying()
    seen: list[Any] = []

    def sent(request: httpx.Request) -> httpx.Response:
        seen.extend(attempt.notes)
        return MADE(request)

    wire.script[1] = sent
    post = await opened(wire).publish(DRAFT, attempt)
    assert (post.provider_id, post.url) == ("dQw4w9WgXcQ", "https://www.youtube.com/watch?v=dQw4w9WgXcQ")
    assert seen == [note()]
    begun, put = wire.requests
    assert parse_qs(urlsplit(str(begun.url)).query) == {"uploadType": ["resumable"], "part": ["snippet,status"]}
    assert wire.sent(0) == {
        "snippet": {"title": "A moth", "description": "A moth"},
        "status": {"privacyStatus": "public"},
    }
    assert (begun.headers["x-upload-content-length"], begun.headers["x-upload-content-type"]) == ("6", "video/mp4")
    assert (put.content, put.headers["content-range"], put.headers["content-length"]) == (b"moving", "bytes 0-5/6", "6")


async def test_a_long_video_goes_piece_by_piece_from_where_youtube_says() -> None:
    short = answer(308, headers={"range": f"bytes=0-{CHUNK_BYTES // 2 - 1}"})
    wire = Wire(BEGUN, short, HALF, MADE)
    await opened(wire).publish(LONG, Trying())
    total, half = CHUNK_BYTES + 40, CHUNK_BYTES // 2
    assert [each.headers["content-range"] for each in wire.requests[1:]] == [
        f"bytes 0-{CHUNK_BYTES - 1}/{total}",
        f"bytes {half}-{total - 1}/{total}",
        f"bytes {CHUNK_BYTES}-{total - 1}/{total}",
    ]
    assert wire.requests[3].content == b"more" * 10


async def test_an_upload_that_does_not_go_on_is_left_for_later() -> None:
    wire = Wire(BEGUN, NOTHING)
    with pytest.raises(ProviderDown):
        await opened(wire).publish(DRAFT, Trying())
    assert len(wire.requests) == 4


@pytest.mark.parametrize(
    ("settings", "text", "title", "privacy"),
    [
        ({"title": "Moths", "privacy": "private"}, "Of moths", "Moths", "private"),
        ({"title": "  "}, "Of moths\n\nand men", "Of moths and men", "public"),
        ({}, "a" * 200, "a" * 70, "public"),
        ({}, "1 < 2 > 1", "1 2 1", "public"),
        ({}, "<>", "Video", "public"),
    ],
)
def test_a_title_is_given_or_is_the_first_seventy_characters(
    settings: dict[str, Any], text: str, title: str, privacy: str
) -> None:
    video = convert.video(PostDraft(text=text, created_at=DRAFT.created_at, settings=settings))
    assert (video["snippet"]["title"], video["status"]["privacyStatus"]) == (title, privacy)
    assert video["snippet"]["description"] == text


@pytest.mark.parametrize("settings", [{"title": "a" * 101}, {"privacy": "friends"}, {"privacy": ["public"]}])
async def test_settings_that_youtube_does_not_have_are_refused_before_a_call(settings: dict[str, Any]) -> None:
    wire = Wire(answer(500))
    draft = PostDraft(text="A moth", created_at=DRAFT.created_at, media=(FILM,), settings=settings)
    with pytest.raises(Unprocessable):
        await opened(wire).publish(draft, Trying())
    assert wire.requests == []


FAILURES: dict[str, tuple[Responder, type[ProviderError]]] = {
    "quota": (no(403, "quotaExceeded"), RateLimited),
    "too many videos": (no(400, "uploadLimitExceeded"), RateLimited),
    "too fast": (no(403, "rateLimitExceeded"), RateLimited),
    "wrong title": (no(400, "invalidTitle"), Unprocessable),
    "not allowed": (no(403, "forbidden"), Refused),
    "no channel": (no(401, "youtubeSignupRequired"), ActionRequired),
    "suspended": (no(403, "authenticatedUserAccountSuspended"), ActionRequired),
    "a scope is missing": (no(403, "insufficientPermissions"), CredentialsRejected),
    "broken": (no(500, "backendError"), ProviderDown),
    "bad gateway": (answer(502, body=b"<html>"), ProviderDown),
    "connection lost": (breaks(httpx.ReadError), ProviderDown),
    "no connection": (breaks(httpx.ConnectError), ProviderDown),
    "no address": (answer(200), ProviderDown),
    "another address": (answer(200, headers={"location": "https://evil.example/"}), ProviderDown),
    "nearly Google's": (answer(200, headers={"location": "https://evilgoogleapis.com/"}), ProviderDown),
}


@pytest.mark.parametrize(("responder", "kind"), FAILURES.values(), ids=FAILURES)
async def test_an_upload_that_cannot_be_begun_published_nothing(
    responder: Responder, kind: type[ProviderError]
) -> None:
    wire, attempt = Wire(responder), Trying()
    with pytest.raises(ProviderError) as caught:
        await opened(wire).publish(DRAFT, attempt)
    assert type(caught.value) is kind
    assert (attempt.notes, len(wire.requests)) == ([], 1)


@pytest.mark.parametrize(
    "responder", [answer(500), breaks(httpx.ReadTimeout), answer(200, body=b"fine"), answer(200, {})]
)
async def test_the_last_piece_lost_is_an_unknown_outcome_and_any_other_is_not(responder: Responder) -> None:
    attempt = Trying()
    with pytest.raises(OutcomeUnknown):
        await opened(Wire(BEGUN, responder)).publish(DRAFT, attempt)
    assert attempt.note == note()


@pytest.mark.parametrize("responder", [answer(500), breaks(httpx.ReadTimeout)])
async def test_a_piece_before_the_last_that_is_lost_published_nothing(responder: Responder) -> None:
    attempt = Trying()
    with pytest.raises(ProviderDown):
        await opened(Wire(BEGUN, responder)).publish(LONG, attempt)
    assert attempt.note == note(LONG)


@pytest.mark.parametrize(
    ("at", "seconds"),
    [
        (datetime(2026, 11, 20, 12, tzinfo=UTC), 20 * 3600),
        (datetime(2026, 7, 20, 12, tzinfo=UTC), 19 * 3600),
        (datetime(2026, 7, 20, 6, 59, tzinfo=UTC), 60),
        # The days on which the clocks change: the second Sunday of March, the first of November.
        (datetime(2026, 3, 8, 9, 59, tzinfo=UTC), 22 * 3600 + 60),
        (datetime(2026, 3, 8, 10, tzinfo=UTC), 21 * 3600),
        (datetime(2026, 11, 1, 9, tzinfo=UTC), 23 * 3600),
    ],
)
def test_a_quota_starts_anew_at_midnight_in_california(at: datetime, seconds: int) -> None:
    assert seconds_to_midnight(at) == seconds


# the next attempt


async def test_a_session_is_gone_on_with_where_it_stands() -> None:
    wire, attempt = Wire(HALF, MADE), Trying(note=note(LONG))
    await opened(wire).publish(LONG, attempt)
    asked, put = wire.requests
    total = CHUNK_BYTES + 40
    assert (asked.method, asked.headers["content-range"], asked.content) == ("PUT", f"bytes */{total}", b"")
    assert put.headers["content-range"] == f"bytes {CHUNK_BYTES}-{total - 1}/{total}"
    assert attempt.notes == []


async def test_a_video_that_has_arrived_is_never_sent_again() -> None:
    wire = Wire(MADE)
    assert (await opened(wire).publish(DRAFT, Trying(note=note()))).provider_id == "dQw4w9WgXcQ"
    assert len(wire.requests) == 1


@pytest.mark.parametrize("gone", [404, 410])
async def test_a_session_that_youtube_forgot_is_begun_anew(gone: int) -> None:
    wire = Wire(answer(gone), BEGUN, MADE)
    await opened(wire).publish(DRAFT, Trying(note=note()))
    assert [each.method for each in wire.requests] == ["PUT", "POST", "PUT"]
    attempt = Trying(note=note())
    with pytest.raises(ProviderDown):
        await opened(Wire(NOTHING, answer(gone))).publish(DRAFT, attempt)
    assert attempt.notes == [None]


async def test_a_session_of_a_post_that_was_changed_is_begun_anew() -> None:
    wire = Wire(NOTHING, BEGUN, MADE)
    await opened(wire).publish(
        PostDraft(text="Two moths", created_at=DRAFT.created_at, media=(FILM,)), Trying(note=note())
    )
    assert wire.sent(1)["snippet"]["title"] == "Two moths"


# finding, taking down


async def test_a_session_that_lacks_bytes_published_nothing_and_one_that_was_never_begun_neither() -> None:
    assert await opened(Wire(NOTHING)).find(DRAFT, Trying(note=note())) is None
    wire = Wire(answer(500))
    assert await opened(wire).find(DRAFT, Trying()) is None
    assert wire.requests == []


async def test_a_post_is_found_by_its_session() -> None:
    post = await opened(Wire(MADE)).find(DRAFT, Trying(note=note()))
    assert post is not None
    assert post.provider_id == "dQw4w9WgXcQ"


@pytest.mark.parametrize(
    ("responder", "kind"),
    [
        (answer(503), ProviderDown),
        (no(403, "rateLimitExceeded"), RateLimited),
        (answer(404), NotSupported),
        (answer(200, {}), OutcomeUnknown),
        (answer(400), Unprocessable),
    ],
)
async def test_a_look_that_tells_nothing_never_means_that_nothing_was_made(
    responder: Responder, kind: type[ProviderError]
) -> None:
    with pytest.raises(ProviderError) as caught:
        await opened(Wire(responder)).find(DRAFT, Trying(note=note()))
    assert type(caught.value) is kind


async def test_a_video_is_taken_down_and_one_that_is_gone_as_well() -> None:
    wire = Wire(answer(204), no(404, "videoNotFound"))
    await opened(wire).unpublish("a&b")
    await opened(wire).unpublish("a&b")
    assert str(wire.last.url).endswith("/youtube/v3/videos?id=a%26b")


@pytest.mark.parametrize(
    ("responder", "kind"),
    [(no(403, "forbidden"), Refused), (answer(404, body=b"<html>"), Refused), (answer(500), OutcomeUnknown)],
)
async def test_a_video_that_cannot_be_taken_down_is_not_said_to_be_gone(
    responder: Responder, kind: type[ProviderError]
) -> None:
    with pytest.raises(ProviderError) as caught:
        await opened(Wire(responder)).unpublish("dQw4w9WgXcQ")
    assert type(caught.value) is kind


# tokens


async def test_an_expired_token_is_renewed_kept_and_the_piece_sent_once_more() -> None:
    kept: list[Credentials] = []

    def used(request: httpx.Request) -> httpx.Response:
        assert [item.values["access_token"] for item in kept] == ["access-2"]
        return MADE(request)

    wire = Wire(BEGUN, no(401, "authError"), TOKENS, used)
    await opened(wire, kept).publish(DRAFT, Trying())
    assert [dict(item.values) for item in kept] == [{"access_token": "access-2", "refresh_token": "refresh-1"}]
    assert wire.last.content == b"moving"


async def test_an_approval_that_was_taken_back_ends_the_session() -> None:
    words = {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
    with pytest.raises(CredentialsRejected):
        await opened(Wire(no(401, "authError"), answer(400, words))).publish(DRAFT, Trying())


# linking

CHANNEL = answer(
    200,
    {
        "items": [
            {"id": "UCada", "snippet": {"title": "Ada", "customUrl": "@ada", "thumbnails": {"default": {"url": "u"}}}}
        ]
    },
)
LINKING = answer(
    200,
    {
        "access_token": "access-1",
        "refresh_token": "refresh-1",
        "expires_in": 3599,
        "scope": "openid https://www.googleapis.com/auth/youtube",
    },
)


def connector(wire: Wire) -> YouTubeConnector:
    return YouTubeConnector(http=wire.http(tries=1), settings=SETTINGS, callback_url="https://us.example/callback")


async def visit(linking: YouTubeConnector) -> Visit:
    step = await linking.login("oauth", None)
    assert isinstance(step, Visit)
    return step


def came_back(step: Visit, **answers: str) -> Reply:
    return Reply(state=step.state, answers={"code": "code-1", "state": step.nonce, **answers})


async def test_an_owner_is_sent_to_google_and_comes_back_linked() -> None:
    linking = connector(wire := Wire(LINKING, CHANNEL))
    step = await visit(linking)
    query = parse_qs(urlsplit(step.url).query)
    assert (query["access_type"], query["prompt"], query["code_challenge_method"]) == (
        ["offline"],
        ["consent"],
        ["S256"],
    )
    linked = await linking.login("oauth", came_back(step))
    assert isinstance(linked, Linked)
    assert (linked.profile.provider_id, linked.profile.username, linked.profile.name) == ("UCada", "@ada", "Ada")
    assert dict(linked.credentials.values) == {"access_token": "access-1", "refresh_token": "refresh-1"}
    assert parse_qs(wire.requests[0].content.decode())["code_verifier"] == [step.state["verifier"]]


@pytest.mark.parametrize(
    ("answers", "script"),
    [
        ({"error": "access_denied"}, [answer(500)]),
        ({"state": "another"}, [answer(500)]),
        ({}, [answer(400, {"error": "invalid_grant"})]),
        ({}, [answer(200, {"access_token": "a", "refresh_token": "r", "scope": "openid"})]),
        ({}, [LINKING, answer(200, {"pageInfo": {"totalResults": 0}})]),
        ({}, [LINKING, no(401, "youtubeSignupRequired")]),
    ],
)
async def test_an_owner_who_says_no_or_has_no_channel_is_not_linked(
    answers: dict[str, str], script: list[Callable[[httpx.Request], httpx.Response]]
) -> None:
    linking = connector(Wire(*script))
    with pytest.raises(LoginFailed):
        await linking.login("oauth", came_back(await visit(linking), **answers))


async def test_without_an_app_nobody_can_be_linked() -> None:
    with pytest.raises(LoginFailed, match="POSTROOM_PROVIDER_YOUTUBE_CLIENT_ID"):
        await YouTubeConnector(http=Wire(answer()).http()).login("oauth", None)
