"""What is asked of a Mastodon server, and what its answers mean."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from postroom.connectors.mastodon.connection import MastodonConnection
from postroom.connectors.mastodon.connector import MastodonConnector
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
DRAFT = PostDraft(text="Hello", created_at=NOW)
STATUS = {"id": "115", "url": "https://mastodon.example/@ada/115", "uri": "https://mastodon.example/users/ada/115"}
VALUES = {
    "server": "https://mastodon.example",
    "client_id": "app",
    "client_secret": "app-secret",
    "access_token": "token-of-ada",
}


async def keep(credentials: Credentials) -> None:
    raise AssertionError("tokens of Mastodon stay as they are")


def opened(wire: Wire, at: datetime = NOW) -> MastodonConnection:
    profile = Profile(provider_id="109", username="ada@mastodon.example", name="Ada")
    connector = MastodonConnector(http=wire.http(tries=1), now=lambda: at)
    return connector.open(profile, Credentials(values=VALUES), keep)


def trying(**more: Any) -> Trying:
    return Trying(**{"begun_at": NOW, **more})


def draft(**more: Any) -> PostDraft:
    return PostDraft(**{"text": "Hello", "created_at": NOW, **more})


# publishing


async def test_a_post_carries_its_token_as_key_and_the_note_is_written_before() -> None:
    attempt = trying()

    def answers(request: Any) -> Any:
        assert attempt.notes == [{"sent_at": 1795262400000}]
        return answer(200, STATUS)(request)

    wire = Wire(answers)
    post = await opened(wire).publish(DRAFT, attempt)
    assert (post.provider_id, post.url) == ("115", "https://mastodon.example/@ada/115")
    assert str(wire.last.url) == "https://mastodon.example/api/v1/statuses"
    assert wire.last.headers["idempotency-key"] == "token-1"
    assert wire.last.headers["authorization"] == "Bearer token-of-ada"
    assert wire.sent() == {"status": "Hello"}


async def test_the_owners_settings_and_the_part_before_go_along() -> None:
    wire = Wire(answer(200, STATUS))
    settings = {"visibility": "unlisted", "sensitive": True, "spoiler_text": "Bees", "language": "en", "poll": {"x": 1}}
    await opened(wire).publish(draft(settings=settings, reply_to="114"), trying())
    assert wire.sent() == {
        "status": "Hello",
        "visibility": "unlisted",
        "sensitive": True,
        "spoiler_text": "Bees",
        "language": "en",
        "in_reply_to_id": "114",
    }


async def test_files_are_uploaded_with_their_descriptions_before_the_post_that_shows_them() -> None:
    wire = Wire(answer(200, {"id": "7", "url": "x"}), answer(200, {"id": "8", "url": "x"}), answer(200, STATUS))
    await opened(wire).publish(draft(media=(Picture(), Picture(alt_text=""))), trying())
    assert wire.paths() == ["/api/v2/media", "/api/v2/media", "/api/v1/statuses"]
    assert b'name="description"\r\n\r\nA hive' in wire.requests[0].content
    assert b"\x89PNG" in wire.requests[0].content
    assert b"description" not in wire.requests[1].content
    assert int(wire.requests[0].headers["content-length"]) == len(wire.requests[0].content)
    assert wire.sent()["media_ids"] == ["7", "8"]


async def test_a_video_is_waited_for_until_it_is_processed() -> None:
    busy, ready = answer(206, {"id": "7", "url": None}), answer(200, {"id": "7", "url": "x"})
    wire = Wire(answer(202, {"id": "7", "url": None}), busy, ready, answer(200, STATUS))
    video = Picture(content_type="video/mp4", kind="video")
    await opened(wire).publish(draft(media=(video,)), trying())
    assert wire.paths() == ["/api/v2/media", "/api/v1/media/7", "/api/v1/media/7", "/api/v1/statuses"]


async def test_what_an_earlier_attempt_uploaded_is_not_uploaded_again() -> None:
    note = {"files": {"0": {"id": "7", "at": 1795262400000, "ready": True, "etag": Picture().etag}}}
    wire = Wire(answer(200, STATUS))
    await opened(wire, NOW + timedelta(hours=11)).publish(draft(media=(Picture(),)), trying(note=note))
    assert wire.paths() == ["/api/v1/statuses"]
    assert wire.sent()["media_ids"] == ["7"]


async def test_what_was_uploaded_long_ago_is_uploaded_again() -> None:
    note = {"files": {"0": {"id": "7", "at": 1795262400000, "ready": True, "etag": Picture().etag}}}
    wire = Wire(answer(200, {"id": "8", "url": "x"}), answer(200, STATUS))
    await opened(wire, NOW + timedelta(hours=13)).publish(draft(media=(Picture(),)), trying(note=note))
    assert wire.sent()["media_ids"] == ["8"]


async def test_a_file_that_the_server_lost_is_uploaded_by_the_next_attempt() -> None:
    attempt = trying(note={"files": {"0": {"id": "7", "at": 1795262400000, "ready": False, "etag": Picture().etag}}})
    with pytest.raises(ProviderDown):
        await opened(Wire(answer(404, {"error": "Record not found"}))).publish(draft(media=(Picture(),)), attempt)
    wire = Wire(answer(200, {"id": "8", "url": "x"}), answer(200, STATUS))
    await opened(wire).publish(draft(media=(Picture(),)), attempt)
    assert wire.sent()["media_ids"] == ["8"]


@pytest.mark.parametrize(
    "media",
    [
        tuple(Picture() for _ in range(5)),
        (Picture(), Picture(content_type="video/mp4", kind="video")),
        (Picture(content_type="image/tiff"),),
        (Picture(content_type="video/x-matroska", kind="video"),),
        (Picture(size=16 * 1024 * 1024 + 1),),
        (Picture(content_type="video/mp4", kind="video", size=99 * 1024 * 1024 + 1),),
    ],
)
async def test_files_that_mastodon_does_not_take_are_refused_before_any_call(media: Any) -> None:
    wire = Wire(answer(200))
    with pytest.raises(Unprocessable):
        await opened(wire).publish(draft(media=media), trying())
    assert wire.requests == []


async def test_a_visibility_that_there_is_not_is_refused_before_any_call() -> None:
    wire = Wire(answer(200))
    with pytest.raises(Unprocessable):
        await opened(wire).publish(draft(settings={"visibility": "friends"}), trying())
    assert wire.requests == []


FAILURES = {
    "no text": (answer(422, {"error": "Validation failed: Text can't be blank"}), Unprocessable),
    "files in work": (answer(422, {"error": "Cannot attach files that have not finished processing."}), ProviderDown),
    "revoked": (answer(401, {"error": "The access token was revoked"}), CredentialsRejected),
    "disabled": (answer(403, {"error": "Your login is currently disabled"}), ActionRequired),
    "scope": (answer(403, {"error": "This action is outside the authorized scopes"}), Refused),
    "part before gone": (answer(404, {"error": "The post you are trying to reply to does not exist."}), Refused),
    "too many": (answer(429, {"error": "Too many requests"}), RateLimited),
    "broken": (answer(500, {"error": "Internal"}), OutcomeUnknown),
    "bad gateway": (answer(502, body=b"<html>"), OutcomeUnknown),
    "connection lost": (breaks(httpx.ReadError), OutcomeUnknown),
    "no connection": (breaks(httpx.ConnectError), ProviderDown),
    "no JSON": (answer(200, body=b"fine"), OutcomeUnknown),
    "no id": (answer(200, {"id": None}), OutcomeUnknown),
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
    "words",
    ["Validation failed: Text character limit of 500 exceeded", "Validation failed: File must be less than 16 MB"],
)
async def test_what_is_too_long_or_too_large_is_told_from_other_refusals(words: str) -> None:
    with pytest.raises(Unprocessable) as caught:
        await opened(Wire(answer(422, {"error": words}))).publish(DRAFT, trying())
    assert caught.value.context["too_large"]


async def test_an_upload_that_fails_published_nothing() -> None:
    for responder in (answer(500), breaks(httpx.ReadError), answer(200, {"id": None})):
        with pytest.raises(ProviderDown):
            await opened(Wire(responder)).publish(draft(media=(Picture(),)), trying())
    thumbnail = answer(500, {"error": "Error processing thumbnail for uploaded media"})
    with pytest.raises(Unprocessable):
        await opened(Wire(thumbnail)).publish(draft(media=(Picture(),)), trying())


async def test_a_rate_limit_says_when_to_come_back() -> None:
    headers = {"x-ratelimit-reset": "2026-11-21T12:04:30.000000Z"}
    with pytest.raises(RateLimited) as caught:
        await opened(Wire(answer(429, {"error": "Too many requests"}, headers=headers))).publish(DRAFT, trying())
    assert caught.value.retry_after_seconds == 270


# settling what is unknown


async def test_a_lost_post_is_sent_again_word_for_word_under_its_key() -> None:
    attempt = trying()
    with pytest.raises(OutcomeUnknown):
        await opened(Wire(answer(502))).publish(draft(settings={"visibility": "private"}), attempt)
    wire = Wire(answer(200, STATUS))
    found = await opened(wire, NOW + timedelta(minutes=54)).find(draft(settings={"visibility": "private"}), attempt)
    assert found is not None
    assert (found.provider_id, wire.last.headers["idempotency-key"]) == ("115", "token-1")
    assert wire.sent() == {"status": "Hello", "visibility": "private"}


@pytest.mark.parametrize("note", [None, {"sent_at": 1795262400000}])
async def test_nobody_can_tell_when_the_key_may_be_forgotten(note: Any) -> None:
    wire = Wire(answer(200, STATUS))
    with pytest.raises(NotSupported):
        await opened(wire, NOW + timedelta(minutes=55)).find(DRAFT, trying(note=note))
    assert wire.requests == []


async def test_the_hour_counts_from_the_attempt_that_was_sent_last() -> None:
    later = NOW + timedelta(hours=3)
    attempt = trying()
    with pytest.raises(RateLimited):
        await opened(Wire(answer(429))).publish(DRAFT, attempt)
    with pytest.raises(OutcomeUnknown):
        await opened(Wire(answer(502)), later).publish(DRAFT, attempt)
    wire = Wire(answer(200, STATUS))
    assert await opened(wire, later + timedelta(minutes=50)).find(DRAFT, attempt) is not None


async def test_an_attempt_that_ended_before_it_was_sent_made_nothing() -> None:
    note = {"files": {"0": {"id": "7", "at": 1795262400000, "ready": True, "etag": Picture().etag}}}
    wire = Wire(answer(200, STATUS))
    assert await opened(wire, NOW + timedelta(days=1)).find(DRAFT, trying(note=note)) is None
    assert wire.requests == []


async def test_a_second_attempt_forgets_when_the_first_was_sent_until_it_sends() -> None:
    attempt = trying(note={"sent_at": 1})
    with pytest.raises(ProviderDown):
        await opened(Wire(answer(500))).publish(draft(media=(Picture(),)), attempt)
    assert "sent_at" not in attempt.note


async def test_a_repeat_that_mastodon_finds_invalid_was_never_made() -> None:
    wire = Wire(answer(422, {"error": "Validation failed: Text can't be blank"}))
    assert await opened(wire).find(DRAFT, trying()) is None


@pytest.mark.parametrize(
    "responder",
    [
        answer(422),
        answer(422, {"error": "Validation failed: Media 7 not found or already attached to another post"}),
        answer(404, {"error": "Record not found"}),
        answer(401, {"error": "The access token is invalid"}),
        answer(429),
        answer(503),
    ],
)
async def test_a_failed_repeat_never_means_that_a_post_was_not_made(responder: Responder) -> None:
    with pytest.raises(ProviderError):
        await opened(Wire(responder)).find(DRAFT, trying())


# taking down


async def test_a_post_is_taken_down_with_its_files_and_gone_already_is_success() -> None:
    wire = Wire(answer(200, STATUS | {"text": "Hello"}), answer(404, {"error": "Record not found"}))
    await opened(wire).unpublish("115")
    await opened(wire).unpublish("115")
    assert [(each.method, str(each.url)) for each in wire.requests] == [
        ("DELETE", "https://mastodon.example/api/v1/statuses/115?delete_media=true")
    ] * 2


async def test_a_page_that_is_not_found_does_not_mean_that_a_post_is_gone() -> None:
    with pytest.raises(Refused):
        await opened(Wire(answer(404, body=b"<html>nginx</html>"))).unpublish("115")


@pytest.mark.parametrize("id", ["", "115/../116", "at://did:plc:ada/app.bsky.feed.post/x", "115?x", "ü"])
async def test_what_is_no_post_of_mastodons_is_never_deleted(id: str) -> None:
    wire = Wire(answer(200, {}))
    with pytest.raises(Refused):
        await opened(wire).unpublish(id)
    assert wire.requests == []
