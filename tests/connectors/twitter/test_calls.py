"""What is asked of X, and what its answers mean."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from postroom.connectors.contract import AppSettings
from postroom.connectors.http import Http
from postroom.connectors.twitter.connection import XConnection
from postroom.connectors.twitter.connector import XConnector
from postroom.domain.remote import Credentials, PostDraft, Profile
from postroom.errors import (
    ActionRequired,
    CredentialsRejected,
    NotSupported,
    OutcomeUnknown,
    ProviderDown,
    ProviderError,
    RateLimited,
    Refused,
    Unprocessable,
)
from tests.connectors.wire import Picture, Responder, Trying, Wire, answer, breaks

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
NOW_MS = 1795262400000
DRAFT = PostDraft(text="Hello", created_at=NOW)
MADE = answer(201, {"data": {"id": "1445880548472328192", "text": "Hello"}})
ID, URL = "1445880548472328192", "https://x.com/i/web/status/1445880548472328192"
PROFILE = Profile(provider_id="42", username="ada_marlow", name="Ada")
EXPIRED = answer(401, {"title": "Unauthorized", "type": "about:blank", "status": 401, "detail": "Unauthorized"})
RENEWED = answer(
    200, {"access_token": "access-2", "refresh_token": "refresh-2", "expires_in": 7200, "token_type": "bearer"}
)
DUPLICATE = answer(
    403,
    {
        "detail": "You are not allowed to create a Tweet with duplicate content.",
        "type": "about:blank",
        "title": "Forbidden",
        "status": 403,
    },
)
UNKNOWN_MEDIA = answer(
    400,
    {
        "errors": [{"parameters": {"media.media_ids": ["7"]}, "message": "Your media IDs are invalid."}],
        "title": "Invalid Request",
        "detail": "One or more parameters to your request was invalid.",
        "type": "https://api.twitter.com/2/problems/invalid-request",
    },
)
NOTHING = answer(200, {"meta": {"result_count": 0}})


def opened(
    wire: Wire, at: datetime = NOW, kept: list[Credentials] | None = None, expires_at: int | None = None
) -> XConnection:
    async def keep(credentials: Credentials) -> None:
        # What is kept is kept before it is used.
        assert all("access-2" not in request.headers.get("authorization", "") for request in wire.requests)
        assert kept is not None
        kept.append(credentials)

    settings = AppSettings(client_id="app", client_secret="app-secret")
    connector = XConnector(http=wire.http(tries=1), settings=settings, now=lambda: at)
    values = {"access_token": "access-1", "refresh_token": "refresh-1"}
    return connector.open(PROFILE, Credentials(values=values, expires_at=expires_at), keep)


def trying(**more: Any) -> Trying:
    return Trying(**{"begun_at": NOW, **more})


def draft(**more: Any) -> PostDraft:
    return PostDraft(**{"text": "Hello", "created_at": NOW, **more})


def media(id: str = "7", **more: Any) -> Responder:
    return answer(200, {"data": {"id": id, "media_key": f"3_{id}", "expires_after_secs": 86400, **more}})


def shown(text: str = "Hello", **more: Any) -> Responder:
    return answer(200, {"data": [{"id": ID, "text": text, **more}], "meta": {"result_count": 1}})


# publishing


async def test_a_post_is_sent_once_and_the_note_is_written_before() -> None:
    attempt = trying()

    def answers(request: httpx.Request) -> httpx.Response:
        assert attempt.notes == [{"first_sent_at": NOW_MS, "sent_at": NOW_MS}]
        return MADE(request)

    wire = Wire(answers)
    post = await opened(wire).publish(DRAFT, attempt)
    assert (post.provider_id, post.url) == (ID, URL)
    assert str(wire.last.url) == "https://api.x.com/2/tweets"
    assert wire.last.headers["authorization"] == "Bearer access-1"
    assert wire.sent() == {"text": "Hello"}


async def test_what_a_post_answers_and_quotes_goes_along_and_parts_answer_the_one_before() -> None:
    wire = Wire(MADE)
    settings = {"replyTo": "https://x.com/bea_l/status/100?s=20", "quoteTweet": "101"}
    await opened(wire).publish(draft(settings=settings), trying())
    assert wire.sent() == {"text": "Hello", "reply": {"in_reply_to_tweet_id": "100"}, "quote_tweet_id": "101"}
    await opened(wire).publish(draft(settings=settings, reply_to="102"), trying())
    assert wire.sent() == {"text": "Hello", "reply": {"in_reply_to_tweet_id": "102"}}


async def test_images_are_uploaded_at_once_with_their_descriptions() -> None:
    wire = Wire(media("7"), answer(200, {"data": {"id": "7"}}), media("8"), MADE)
    attempt = trying()
    await opened(wire).publish(draft(media=(Picture(), Picture(alt_text=""))), attempt)
    assert wire.paths() == ["/2/media/upload", "/2/media/metadata", "/2/media/upload", "/2/tweets"]
    assert b'name="media_category"\r\n\r\ntweet_image' in wire.requests[0].content
    assert b"\x89PNG" in wire.requests[0].content
    assert wire.sent(1) == {"id": "7", "metadata": {"alt_text": {"text": "A hive"}}}
    assert wire.sent()["media"] == {"media_ids": ["7", "8"]}
    assert [note["files"]["0"]["id"] for note in attempt.notes] == ["7", "7", "7"]


async def test_a_video_goes_out_in_segments_and_is_waited_for() -> None:
    done = media("7", processing_info={"state": "succeeded", "progress_percent": 100})
    pending = media("7", processing_info={"state": "pending", "check_after_secs": 0.01})
    bytes_of = b"moving" * 1_000_000
    segment = answer(200, {"data": {"expires_at": 1}})
    wire = Wire(media("7"), segment, segment, pending, pending, done, MADE)
    video = Picture(bytes_of, content_type="video/mp4", kind="video", alt_text="")
    await opened(wire).publish(draft(media=(video,)), trying())
    assert wire.paths() == [
        "/2/media/upload/initialize",
        "/2/media/upload/7/append",
        "/2/media/upload/7/append",
        "/2/media/upload/7/finalize",
        "/2/media/upload",
        "/2/media/upload",
        "/2/tweets",
    ]
    about = {"media_type": "video/mp4", "total_bytes": len(bytes_of), "media_category": "tweet_video"}
    assert wire.sent(0) == about
    assert b'name="segment_index"\r\n\r\n1\r\n' in wire.requests[2].content
    assert wire.requests[1].content.count(b"moving") + wire.requests[2].content.count(b"moving") >= 999_999
    assert dict(wire.requests[4].url.params) == {"command": "STATUS", "media_id": "7"}


async def test_a_video_that_cannot_be_processed_is_refused() -> None:
    failed = media("7", processing_info={"state": "failed", "error": {"name": "InvalidMedia", "message": "No frames"}})
    segment = answer(200, {"data": {"expires_at": 1}})
    wire = Wire(media("7"), segment, failed, failed)
    video = Picture(b"moving", content_type="video/mp4", kind="video", alt_text="")
    with pytest.raises(Unprocessable, match="No frames"):
        await opened(wire).publish(draft(media=(video,)), trying())


async def test_an_animated_picture_alone_goes_out_as_one() -> None:
    segment = answer(200, {"data": {"expires_at": 1}})
    wire = Wire(media("7"), segment, media("7"), MADE)
    await opened(wire).publish(draft(media=(Picture(content_type="image/gif", alt_text=""),)), trying())
    assert wire.sent(0)["media_category"] == "tweet_gif"


async def test_what_an_earlier_attempt_uploaded_is_used_as_long_as_x_keeps_it() -> None:
    note = {"files": {"0": {"id": "7", "at": NOW_MS, "ready": True, "etag": Picture().etag}}}
    wire = Wire(MADE)
    await opened(wire, NOW + timedelta(hours=19)).publish(draft(media=(Picture(),)), trying(note=note))
    assert wire.sent()["media"] == {"media_ids": ["7"]}
    wire = Wire(media("8"), media("8"), MADE)
    await opened(wire, NOW + timedelta(hours=21)).publish(draft(media=(Picture(),)), trying(note=note))
    assert wire.sent()["media"] == {"media_ids": ["8"]}


async def test_media_that_are_not_known_yet_are_waited_for() -> None:
    wire = Wire(media("7"), UNKNOWN_MEDIA, MADE)
    await opened(wire).publish(draft(media=(Picture(alt_text=""),)), trying())
    assert wire.paths() == ["/2/media/upload", "/2/tweets", "/2/tweets"]


async def test_media_of_an_earlier_attempt_that_x_forgot_are_sent_anew_by_the_next() -> None:
    attempt = trying(note={"files": {"0": {"id": "7", "at": NOW_MS, "ready": True, "etag": Picture().etag}}})
    with pytest.raises(ProviderDown):
        await opened(Wire(UNKNOWN_MEDIA)).publish(draft(media=(Picture(),)), attempt)
    assert "files" not in attempt.note


@pytest.mark.parametrize(
    "files",
    [
        tuple(Picture() for _ in range(5)),
        (Picture(), Picture(content_type="video/mp4", kind="video")),
        (Picture(content_type="image/tiff"),),
        (Picture(content_type="video/webm", kind="video"),),
        (Picture(size=5 * 1024 * 1024 + 1),),
        (Picture(content_type="video/mp4", kind="video", size=512 * 1024 * 1024 + 1),),
    ],
)
async def test_files_that_x_does_not_take_are_refused_before_any_call(files: Any) -> None:
    wire = Wire(answer(200))
    with pytest.raises(Unprocessable):
        await opened(wire).publish(draft(media=files), trying())
    assert wire.requests == []


@pytest.mark.parametrize("settings", [{"replyTo": "nobody"}, {"quoteTweet": "https://example.com/status/1"}])
async def test_a_post_that_is_none_cannot_be_answered_or_quoted(settings: dict[str, str]) -> None:
    wire = Wire(answer(200))
    with pytest.raises(Unprocessable):
        await opened(wire).publish(draft(settings=settings), trying())
    assert wire.requests == []


FAILURES = {
    "duplicate": (DUPLICATE, Refused),
    "wrong": (answer(400, {"title": "Invalid Request", "detail": "One or more parameters..."}), Unprocessable),
    "not allowed": (answer(403, {"detail": "Reply to this conversation is not allowed"}), Refused),
    "suspended": (answer(403, {"detail": "Your account is suspended and is not permitted to..."}), ActionRequired),
    "too many": (answer(429, {"title": "Too Many Requests"}), RateLimited),
    "broken": (answer(500, {"title": "Internal Server Error"}), OutcomeUnknown),
    "over capacity": (answer(503, body=b"<html>"), OutcomeUnknown),
    "connection lost": (breaks(httpx.ReadError), OutcomeUnknown),
    "no connection": (breaks(httpx.ConnectError), ProviderDown),
    "no JSON": (answer(201, body=b"fine"), OutcomeUnknown),
    "no id": (answer(201, {"data": {"id": 7}}), OutcomeUnknown),
    "errors beside nothing": (answer(200, {"errors": [{"message": "x"}]}), OutcomeUnknown),
    "another address": (answer(302, headers={"location": "https://x/"}), ProviderDown),
}


@pytest.mark.parametrize(("responder", "kind"), FAILURES.values(), ids=FAILURES)
async def test_a_post_that_fails_says_what_may_have_happened(responder: Responder, kind: type[ProviderError]) -> None:
    wire = Wire(responder)
    with pytest.raises(ProviderError) as caught:
        await opened(wire).publish(DRAFT, trying())
    assert type(caught.value) is kind
    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    "responder",
    [answer(413), answer(400, {"errors": [{"message": "Your post text is too long."}], "detail": "One or more"})],
)
async def test_what_is_too_long_or_too_large_is_told_from_other_refusals(responder: Responder) -> None:
    with pytest.raises(Unprocessable) as caught:
        await opened(Wire(responder)).publish(DRAFT, trying())
    assert caught.value.context["too_large"]


async def test_an_upload_that_fails_published_nothing() -> None:
    for responder in (answer(500), breaks(httpx.ReadError), media("no id"), answer(200, {"data": None})):
        with pytest.raises(ProviderDown):
            await opened(Wire(responder)).publish(draft(media=(Picture(),)), trying())


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-rate-limit-remaining": "0", "x-rate-limit-reset": "1795262700"}, 300),
        (
            {
                "x-rate-limit-remaining": "90",
                "x-rate-limit-reset": "1795262700",
                "x-app-limit-24hour-remaining": "0",
                "x-app-limit-24hour-reset": "1795266000",
            },
            3600,
        ),
        ({"x-rate-limit-reset": "1795262700"}, 300),
        ({"x-rate-limit-reset": "1"}, 0),
        ({}, None),
    ],
)
async def test_a_rate_limit_says_when_to_come_back(headers: dict[str, str], seconds: float | None) -> None:
    with pytest.raises(RateLimited) as caught:
        await opened(Wire(answer(429, {"title": "Too Many Requests"}, headers=headers))).publish(DRAFT, trying())
    assert caught.value.retry_after_seconds == seconds
    # What the app has used up concerns all accounts.
    assert (caught.value.context.get("scope") == "network") is ("x-app-limit-24hour-remaining" in headers)


# settling what is unknown


async def test_a_lost_post_is_found_on_the_own_timeline() -> None:
    attempt = trying()
    with pytest.raises(OutcomeUnknown):
        await opened(Wire(answer(503))).publish(DRAFT, attempt)
    wire = Wire(shown())
    found = await opened(wire).find(DRAFT, attempt)
    assert found is not None
    assert (found.provider_id, found.url) == (ID, URL)
    assert wire.last.url.path == "/2/users/42/tweets"
    assert wire.last.url.params["start_time"] == "2026-11-21T11:59:00Z"


async def test_all_pages_of_the_timeline_are_looked_at() -> None:
    first = answer(200, {"data": [{"id": "1", "text": "Other"}], "meta": {"result_count": 1, "next_token": "more"}})
    wire = Wire(first, shown())
    assert await opened(wire).find(DRAFT, trying()) is not None
    assert wire.last.url.params["pagination_token"] == "more"


async def test_a_post_that_is_not_shown_is_asked_for_again_and_then_given_up() -> None:
    note = {"sent_at": NOW_MS, "first_sent_at": NOW_MS}
    with pytest.raises(OutcomeUnknown):
        await opened(Wire(NOTHING), NOW + timedelta(minutes=9)).find(DRAFT, trying(note=note))
    with pytest.raises(NotSupported):
        await opened(Wire(NOTHING), NOW + timedelta(minutes=10)).find(DRAFT, trying(note=note))


async def test_a_post_is_never_called_not_made_because_it_is_not_shown() -> None:
    for minutes in (0, 5, 11, 600):
        with pytest.raises(ProviderError):
            await opened(Wire(NOTHING), NOW + timedelta(minutes=minutes)).find(DRAFT, trying())


async def test_the_ten_minutes_count_from_the_attempt_that_was_sent_last() -> None:
    later = NOW + timedelta(hours=1)
    attempt = trying(note={"sent_at": NOW_MS, "first_sent_at": NOW_MS})
    with pytest.raises(OutcomeUnknown):
        await opened(Wire(answer(503)), later).publish(DRAFT, attempt)
    with pytest.raises(OutcomeUnknown):
        await opened(Wire(NOTHING), later + timedelta(minutes=9)).find(DRAFT, attempt)


async def test_an_attempt_that_ended_before_it_was_sent_made_nothing() -> None:
    wire = Wire(shown())
    assert await opened(wire).find(DRAFT, trying(note={"files": {}})) is None
    assert wire.requests == []


async def test_a_second_attempt_forgets_when_the_first_was_sent_until_it_sends() -> None:
    attempt = trying(note={"sent_at": 1, "first_sent_at": 1})
    with pytest.raises(ProviderDown):
        await opened(Wire(answer(500))).publish(draft(media=(Picture(),)), attempt)
    assert attempt.note == {"first_sent_at": 1}


@pytest.mark.parametrize("responder", [answer(503), answer(404, body=b""), answer(200, body=b"x"), answer(429)])
async def test_a_failed_look_never_means_that_a_post_was_not_made(responder: Responder) -> None:
    with pytest.raises(ProviderError):
        await opened(Wire(responder)).find(DRAFT, trying())


async def test_the_same_text_again_after_an_attempt_of_ours_is_looked_for() -> None:
    note = {"first_sent_at": NOW_MS, "sent_at": NOW_MS}
    wire = Wire(DUPLICATE, shown())
    found = await opened(wire, NOW + timedelta(minutes=30)).publish(DRAFT, trying(note=note))
    assert found.provider_id == ID
    assert wire.last.url.params["start_time"] == "2026-11-21T11:59:00Z"


async def test_the_same_text_as_somebody_elses_post_is_refused() -> None:
    wire = Wire(DUPLICATE, shown())
    with pytest.raises(Refused):
        await opened(wire).publish(DRAFT, trying())
    assert len(wire.requests) == 1
    with pytest.raises(Refused):
        await opened(Wire(DUPLICATE, NOTHING)).publish(DRAFT, trying(note={"sent_at": NOW_MS}))


# sessions


async def test_an_expired_token_is_renewed_kept_and_the_call_made_once_more() -> None:
    kept: list[Credentials] = []

    def used(request: httpx.Request) -> httpx.Response:
        assert [each.values["access_token"] for each in kept] == ["access-2"]
        return MADE(request)

    wire = Wire(EXPIRED, RENEWED, used)
    await opened(wire, kept=kept).publish(DRAFT, trying())
    assert wire.paths() == ["/2/tweets", "/2/oauth2/token", "/2/tweets"]
    assert wire.requests[1].content == b"grant_type=refresh_token&refresh_token=refresh-1"
    assert wire.requests[1].headers["authorization"].startswith("Basic ")
    assert wire.last.headers["authorization"] == "Bearer access-2"
    assert [(dict(each.values), each.expires_at) for each in kept] == [
        ({"access_token": "access-2", "refresh_token": "refresh-2"}, NOW_MS + 7_200_000)
    ]


async def test_a_token_whose_time_is_over_is_renewed_before_it_is_used() -> None:
    kept: list[Credentials] = []
    wire = Wire(RENEWED, MADE)
    await opened(wire, kept=kept, expires_at=NOW_MS + 30_000).publish(DRAFT, trying())
    assert wire.paths() == ["/2/oauth2/token", "/2/tweets"]


async def test_calls_that_expire_together_renew_once() -> None:
    renewals = 0

    async def far(request: httpx.Request) -> httpx.Response:
        nonlocal renewals
        await asyncio.sleep(0)
        if "token" in request.url.path:
            renewals += 1
            return RENEWED(request)
        return EXPIRED(request) if "access-1" in request.headers["authorization"] else MADE(request)

    async def keep(credentials: Credentials) -> None:
        return None

    http = Http(transport=httpx.MockTransport(far))
    connector = XConnector(http=http, settings=AppSettings(client_id="app", client_secret="s"), now=lambda: NOW)
    values = {"access_token": "access-1", "refresh_token": "refresh-1"}
    connection = connector.open(PROFILE, Credentials(values=values), keep)
    await asyncio.gather(*(connection.publish(DRAFT, trying()) for _ in range(5)))
    assert renewals == 1


async def test_tokens_that_cannot_be_kept_are_not_used() -> None:
    async def fail(credentials: Credentials) -> None:
        raise RuntimeError("the disk is full")

    wire = Wire(EXPIRED, RENEWED)
    connection = opened(wire)
    connection._session._keep = fail
    with pytest.raises(RuntimeError):
        await connection.publish(DRAFT, trying())
    assert len(wire.requests) == 2


@pytest.mark.parametrize("refusal", [answer(400, {"error": "invalid_grant"}), answer(401), answer(403)])
async def test_a_session_that_cannot_be_renewed_is_over(refusal: Responder) -> None:
    with pytest.raises(CredentialsRejected) as caught:
        await opened(Wire(EXPIRED, refusal)).publish(DRAFT, trying())
    assert "refresh-1" not in repr(caught.value)


@pytest.mark.parametrize("trouble", [answer(500), breaks(httpx.ReadError)])
async def test_a_renewal_that_gets_no_answer_published_nothing(trouble: Responder) -> None:
    with pytest.raises(ProviderDown):
        await opened(Wire(EXPIRED, trouble)).publish(DRAFT, trying())


async def test_a_session_is_ended_by_its_refresh_token() -> None:
    wire = Wire(answer(200, {"revoked": True}))
    await opened(wire).revoke()
    assert wire.last.url.path == "/2/oauth2/revoke"
    assert b"token=refresh-1" in wire.last.content


# taking down


async def test_a_post_is_taken_down_and_gone_already_is_success() -> None:
    gone = answer(404, {"title": "Not Found Error", "detail": "Could not find tweet with id: [1]."})
    wire = Wire(answer(200, {"data": {"deleted": True}}), gone)
    await opened(wire).unpublish(ID)
    await opened(wire).unpublish(ID)
    assert [(each.method, each.url.path) for each in wire.requests] == [("DELETE", f"/2/tweets/{ID}")] * 2


async def test_a_page_that_is_not_found_does_not_mean_that_a_post_is_gone() -> None:
    with pytest.raises(Refused):
        await opened(Wire(answer(404, body=b"<html>"))).unpublish(ID)


@pytest.mark.parametrize("id", ["", "1/../2", "abc", "at://did:plc:ada/app.bsky.feed.post/x", "1?x", "٣"])
async def test_what_is_no_post_of_xs_is_never_deleted(id: str) -> None:
    wire = Wire(answer(200, {}))
    with pytest.raises(Refused):
        await opened(wire).unpublish(id)
    assert wire.requests == []
