"""What is asked of LinkedIn's Posts API, and what its answers mean."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from postroom.connectors.linkedin.connector import LinkedInConnector, LinkedInSettings
from postroom.connectors.linkedin.posts_connection import PostsConnection
from postroom.domain.remote import Credentials, PostDraft, Profile
from postroom.errors import (
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

AUTHOR = "urn:li:person:Tz9W5i6ZYG"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DRAFT = PostDraft(text="Hello (there)", created_at=NOW)


def urn_of(moment: datetime, kind: str = "share") -> str:
    return f"urn:li:{kind}:{int(moment.timestamp() * 1000) << 22}"


URN = urn_of(NOW)
MADE = answer(201, headers={"x-restli-id": URN})
kept: list[Credentials] = []


async def keep(credentials: Credentials) -> None:
    kept.append(credentials)


def opened(wire: Wire, **values: Any) -> PostsConnection:
    kept.clear()
    settings = LinkedInSettings(client_id="us", client_secret="ours", api_version="202601")
    connector = LinkedInConnector(http=wire.http(tries=1), settings=settings, now=lambda: NOW)
    ends_at = values.pop("expires_at", None)
    credentials = Credentials(
        values={"author": AUTHOR, "access_token": "token-1", "scope": "openid w_member_social", **values},
        expires_at=ends_at,
    )
    connection = connector.open(Profile(provider_id="Tz9W5i6ZYG", username="ada", name="Ada"), credentials, keep)
    assert isinstance(connection, PostsConnection)
    return connection


def duplicate(urn: str | None, at: datetime | None = NOW) -> Responder:
    tree = {
        "status": 422,
        "message": "Content is a duplicate of " + (urn or "something"),
        "errorDetails": {"inputErrors": [{"code": "DUPLICATE_POST"}]},
    }
    return answer(422, tree, headers={} if at is None else {"date": format_datetime(at, usegmt=True)})


async def test_a_post_is_written_down_before_it_is_sent_and_named_by_its_header() -> None:
    attempt = Trying(begun_at=NOW)
    seen: list[Any] = []

    def sent(request: httpx.Request) -> httpx.Response:
        seen.extend(attempt.notes)
        return MADE(request)

    wire = Wire(sent)
    post = await opened(wire).publish(DRAFT, attempt)
    assert (post.provider_id, post.url) == (URN, f"https://www.linkedin.com/feed/update/{URN}/")
    assert str(wire.last.url) == "https://api.linkedin.com/rest/posts"
    headers = [wire.last.headers[name] for name in ("linkedin-version", "x-restli-protocol-version", "authorization")]
    assert headers == ["202601", "2.0.0", "Bearer token-1"]
    assert wire.sent()["commentary"] == r"Hello \(there\)"
    assert seen == attempt.notes == [{"media": [], "body": wire.sent(), "sent_at": 1795262400000}]


async def test_an_image_is_uploaded_before_it_is_posted_and_not_again() -> None:
    begun = answer(200, {"value": {"uploadUrl": "https://www.linkedin.com/dms-uploads/1", "image": "urn:li:image:1"}})
    wire = Wire(begun, answer(201), breaks(httpx.ConnectError), MADE)
    attempt = Trying(begun_at=NOW)
    draft = PostDraft(text="Look", created_at=NOW, media=(Picture(),))
    connection = opened(wire)
    with pytest.raises(ProviderDown):
        await connection.publish(draft, attempt)
    await connection.publish(draft, attempt)
    assert [request.method for request in wire.requests] == ["POST", "PUT", "POST", "POST"]
    assert wire.requests[1].headers["authorization"] == "Bearer token-1"
    assert wire.sent()["content"] == {"media": {"id": "urn:li:image:1", "altText": "A hive"}}
    assert attempt.notes[0] == {"media": [{"id": "urn:li:image:1", "etag": Picture().etag}]}


@pytest.mark.parametrize(
    "url",
    ["https://linkedin.com.example/x", "http://www.linkedin.com/x", "https://evil.test/x", "https://a@x.linkedin.com"],
)
async def test_a_token_goes_to_linkedin_only(url: str) -> None:
    wire = Wire(answer(200, {"value": {"uploadUrl": url, "image": "urn:li:image:1"}}))
    with pytest.raises(ProviderDown):
        await opened(wire).publish(PostDraft(text="", created_at=NOW, media=(Picture(),)), Trying())
    assert len(wire.requests) == 1


FAILURES: dict[str, tuple[Responder, type[ProviderError]]] = {
    "a revoked token": (
        answer(401, {"status": 401, "serviceErrorCode": 65601, "code": "REVOKED_ACCESS_TOKEN"}), CredentialsRejected
    ),
    "no permission": (answer(403, {"status": 403, "code": "ACCESS_DENIED", "message": "Not enough"}), Refused),
    "an older post of these words": (duplicate("urn:li:share:1"), Unprocessable),
    "too long": (answer(422, {"status": 422, "message": "/commentary is too long"}), Unprocessable),
    "an old version": (answer(426, {"status": 426, "code": "NONEXISTENT_VERSION", "message": "not active"}), Refused),
    "too many": (answer(429, {"status": 429, "message": "throttle"}, headers={"retry-after": "17"}), RateLimited),
    "broken": (answer(500, {"status": 500}), OutcomeUnknown),
    "bad gateway": (answer(502, body=b"<html>"), OutcomeUnknown),
    "no id": (answer(201), OutcomeUnknown),
    "connection lost": (breaks(httpx.ReadError), OutcomeUnknown),
    "no connection": (breaks(httpx.ConnectError), ProviderDown),
}  # fmt: skip


@pytest.mark.parametrize(("responder", "kind"), FAILURES.values(), ids=FAILURES)
async def test_a_post_that_fails_says_what_may_have_happened(responder: Responder, kind: type[ProviderError]) -> None:
    wire = Wire(responder)
    with pytest.raises(ProviderError) as caught:
        await opened(wire).publish(DRAFT, Trying(begun_at=NOW))
    assert type(caught.value) is kind
    assert len(wire.requests) == 1


async def test_an_old_version_names_the_setting_that_is_wrong() -> None:
    with pytest.raises(Refused, match="POSTROOM_PROVIDER_LINKEDIN_API_VERSION"):
        await opened(Wire(answer(426))).publish(DRAFT, Trying())


async def test_a_limit_of_the_day_ends_at_midnight_by_linkedins_clock() -> None:
    words = "Resource level throttle MEMBER DAY limit for calls to this resource is reached."
    late = format_datetime(NOW + timedelta(hours=11), usegmt=True)
    with pytest.raises(RateLimited) as caught:
        await opened(Wire(answer(429, {"message": words}, headers={"date": late}))).publish(DRAFT, Trying())
    assert caught.value.retry_after_seconds == 3600


BEGUN = NOW - timedelta(minutes=5)
NOTE = {"media": [], "body": {"author": AUTHOR, "commentary": "Hello"}}


async def test_what_was_never_sent_was_never_made() -> None:
    wire = Wire(MADE)
    assert await opened(wire).find(DRAFT, Trying(begun_at=BEGUN)) is None
    assert await opened(wire).find(DRAFT, Trying(note={"media": []}, begun_at=BEGUN)) is None
    assert wire.requests == []


async def test_a_lost_post_is_found_by_sending_it_again_word_for_word() -> None:
    wire = Wire(duplicate(urn_of(BEGUN + timedelta(seconds=1), "ugcPost")))
    found = await opened(wire).find(DRAFT, Trying(note=NOTE, begun_at=BEGUN))
    assert found is not None
    assert found.provider_id == urn_of(BEGUN + timedelta(seconds=1), "ugcPost")
    assert wire.sent() == NOTE["body"]


async def test_a_post_that_was_not_made_is_made_by_looking() -> None:
    found = await opened(Wire(MADE)).find(DRAFT, Trying(note=NOTE, begun_at=BEGUN))
    assert found is not None
    assert found.provider_id == URN


@pytest.mark.parametrize("ahead_minutes", [-30, 0, 30])
async def test_an_older_post_of_the_same_words_is_not_taken_for_this_one(ahead_minutes: int) -> None:
    ahead = timedelta(minutes=ahead_minutes)
    older = duplicate(urn_of(BEGUN + ahead - timedelta(seconds=10)), NOW + ahead)
    assert await opened(Wire(older)).find(DRAFT, Trying(note=NOTE, begun_at=BEGUN)) is None
    ours = duplicate(urn_of(BEGUN + ahead), NOW + ahead)
    assert await opened(Wire(ours)).find(DRAFT, Trying(note=NOTE, begun_at=BEGUN)) is not None


async def test_where_nobody_can_tell_nothing_is_sent() -> None:
    wire = Wire(MADE)
    with pytest.raises(NotSupported):
        await opened(wire).find(DRAFT, Trying(note=NOTE, begun_at=NOW - timedelta(hours=25)))
    assert wire.requests == []
    with pytest.raises(NotSupported):
        await opened(Wire(duplicate(None))).find(DRAFT, Trying(note=NOTE, begun_at=BEGUN))


@pytest.mark.parametrize("responder", [answer(500), answer(429), breaks(httpx.ReadError), breaks(httpx.ConnectError)])
async def test_a_look_that_fails_is_to_be_repeated(responder: Responder) -> None:
    with pytest.raises((OutcomeUnknown, RateLimited, ProviderDown)):
        await opened(Wire(responder)).find(DRAFT, Trying(note=NOTE, begun_at=BEGUN))


class Gone(Trying):
    async def write(self, note: Any) -> None:
        raise Refused("The post was deleted while it was being published.")


async def test_a_post_that_was_deleted_meanwhile_is_not_sent_to_be_found() -> None:
    wire = Wire(MADE)
    with pytest.raises(Refused):
        await opened(wire).find(DRAFT, Gone(note=NOTE, begun_at=BEGUN))
    assert wire.requests == []


async def test_a_post_is_deleted_by_its_encoded_urn() -> None:
    wire = Wire(answer(204))
    await opened(wire).unpublish("urn:li:share:7141138937766391808")
    assert wire.last.method == "DELETE"
    assert wire.last.url.raw_path == b"/rest/posts/urn%3Ali%3Ashare%3A7141138937766391808"
    await opened(Wire(answer(404, {"status": 404}))).unpublish(URN)
    with pytest.raises(Refused):
        await opened(Wire(answer(403))).unpublish(URN)
    with pytest.raises(Refused):
        await opened(Wire(answer(204))).unpublish("urn:li:activity:1")


EXPIRED = answer(401, {"status": 401, "serviceErrorCode": 65602, "code": "EXPIRED_ACCESS_TOKEN"})
RENEWED = answer(200, {"access_token": "token-2", "expires_in": 5_184_000})


async def test_an_expired_token_is_renewed_and_kept_before_it_is_used() -> None:
    def used(request: httpx.Request) -> httpx.Response:
        assert [each.values["access_token"] for each in kept] == ["token-2"]
        return MADE(request)

    wire = Wire(EXPIRED, RENEWED, used)
    await opened(wire, refresh_token="refresh-1").publish(DRAFT, Trying())
    (credentials,) = kept
    assert credentials.values["access_token"] == "token-2"
    assert (credentials.values["refresh_token"], credentials.values["author"]) == ("refresh-1", AUTHOR)
    assert wire.last.headers["authorization"] == "Bearer token-2"
    assert wire.paths() == ["/rest/posts", "/oauth/v2/accessToken", "/rest/posts"]


async def test_a_token_whose_time_is_over_is_renewed_before_it_is_tried() -> None:
    wire = Wire(RENEWED, MADE)
    over = int(NOW.timestamp() * 1000) - 1
    await opened(wire, refresh_token="refresh-1", expires_at=over).publish(DRAFT, Trying())
    assert wire.paths() == ["/oauth/v2/accessToken", "/rest/posts"]


async def test_an_expired_token_without_a_second_one_ends_the_account() -> None:
    wire = Wire(EXPIRED)
    with pytest.raises(CredentialsRejected):
        await opened(wire).publish(DRAFT, Trying())
    assert len(wire.requests) == 1


TOO_MUCH = {
    "too many images": tuple(Picture() for _ in range(21)),
    "a large image": (Picture(size=5 * 1024 * 1024 + 1),),
    "another type": (Picture(content_type="image/webp"),),
    "an image and a video": (Picture(), Picture(kind="video", content_type="video/mp4")),
    "two videos": (Picture(kind="video", content_type="video/mp4"), Picture(kind="video", content_type="video/mp4")),
}


@pytest.mark.parametrize("media", TOO_MUCH.values(), ids=TOO_MUCH)
async def test_what_linkedin_does_not_take_is_not_sent(media: tuple[Picture, ...]) -> None:
    wire = Wire(MADE)
    with pytest.raises(Unprocessable):
        await opened(wire).publish(PostDraft(text="", created_at=NOW, media=media), Trying())
    assert wire.requests == []
