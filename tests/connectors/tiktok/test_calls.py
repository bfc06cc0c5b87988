"""TikTok's calls: what is asked, what its answers mean, and what is never done twice."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from postroom.connectors.contract import Linked, Reply, Visit
from postroom.connectors.tiktok import convert
from postroom.connectors.tiktok.connection import TikTokConnection, TikTokSettings
from postroom.connectors.tiktok.connector import TikTokConnector
from postroom.domain.remote import Credentials, PostDraft, Profile
from postroom.errors import (
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

UPLOAD = "https://upload.us.tiktokapis.com/video/?upload_id=1&upload_token=t"
ADA = Profile(provider_id="-000ada", username="ada", name="Ada", profile_url="https://www.tiktok.com/@ada")
FILM = Picture(b"moving", content_type="video/mp4", kind="video")
DRAFT = PostDraft(text="A moth", created_at=datetime(2026, 11, 20, tzinfo=UTC), media=(FILM,))
SETTINGS = TikTokSettings(client_id="us", client_secret="ours", patience_seconds=0)


def ok(data: Any) -> Responder:
    return answer(200, {"data": data, "error": {"code": "ok", "message": "", "log_id": "1"}})


def no(code: str, status: int = 400) -> Responder:
    return answer(status, {"data": {}, "error": {"code": code, "message": "Because.", "log_id": "1"}})


CREATOR = ok({"creator_username": "ada", "privacy_level_options": ["PUBLIC_TO_EVERYONE", "SELF_ONLY"]})
BEGUN = ok({"publish_id": "v1", "upload_url": UPLOAD})
SENT = answer(201)
DONE = ok({"status": "PUBLISH_COMPLETE", "publicaly_available_post_id": [7400000000000000001], "uploaded_bytes": 6})
WORKING = ok({"status": "PROCESSING_UPLOAD", "uploaded_bytes": 6})
LACKING = ok({"status": "PROCESSING_UPLOAD", "uploaded_bytes": 0})
TOKENS = answer(
    200,
    {
        "access_token": "access-2",
        "refresh_token": "refresh-2",
        "expires_in": 86400,
        "scope": "user.info.basic,video.publish",
    },
)
NOTE = {"publish_id": "v1", "upload_url": UPLOAD, "size_bytes": 6, "digest": convert.digest(DRAFT)}


def opened(wire: Wire, kept: list[Credentials] | None = None, settings: TikTokSettings = SETTINGS) -> TikTokConnection:
    async def keep(credentials: Credentials) -> None:
        if kept is not None:
            kept.append(credentials)

    credentials = Credentials(values={"access_token": "access-1", "refresh_token": "refresh-1"})
    return TikTokConnector(http=wire.http(tries=1), settings=settings).open(ADA, credentials, keep)


async def test_a_video_is_announced_written_down_sent_and_asked_for() -> None:
    wire, attempt = Wire(CREATOR, BEGUN, SENT, DONE), Trying()
    seen: list[Any] = []

    def sent(request: httpx.Request) -> httpx.Response:
        seen.extend(attempt.notes)
        return SENT(request)

    wire.script[2] = sent
    post = await opened(wire).publish(DRAFT, attempt)
    assert (post.provider_id, post.url) == (
        "7400000000000000001",
        "https://www.tiktok.com/@ada/video/7400000000000000001",
    )
    assert seen == [NOTE]
    assert wire.paths() == [
        "/v2/post/publish/creator_info/query/",
        "/v2/post/publish/video/init/",
        "/video/",
        "/v2/post/publish/status/fetch/",
    ]
    assert wire.sent(1)["source_info"] == {
        "source": "FILE_UPLOAD",
        "video_size": 6,
        "chunk_size": 6,
        "total_chunk_count": 1,
    }
    put = wire.requests[2]
    assert (put.content, put.headers["content-range"], put.headers["content-length"]) == (b"moving", "bytes 0-5/6", "6")
    # The address is the secret there; the token is for the API only.
    assert "authorization" not in put.headers


@pytest.mark.parametrize(
    ("size", "cut"),
    [
        (1, [(0, 0)]),
        (19_999_999, [(0, 19_999_998)]),
        (20_000_000, [(0, 9_999_999), (10_000_000, 19_999_999)]),
        (30_000_123, [(0, 9_999_999), (10_000_000, 19_999_999), (20_000_000, 30_000_122)]),
    ],
)
def test_a_file_is_cut_as_tiktok_takes_it(size: int, cut: list[tuple[int, int]]) -> None:
    assert convert.chunks(size) == cut
    told = convert.source_info(size)
    assert told["total_chunk_count"] == len(cut) == size // told["chunk_size"]
    assert convert.chunks(size, size) == []
    if len(cut) > 1:
        assert convert.chunks(size, 10_000_000) == cut[1:]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"viewerSetting": "FOLLOWER_OF_CREATOR"}, "PUBLIC_TO_EVERYONE, SELF_ONLY"),
        ({"commercialContent": True}, "brandOrganic"),
    ],
)
async def test_what_the_account_cannot_do_is_said_before_anything_is_begun(
    settings: dict[str, Any], words: str
) -> None:
    wire = Wire(CREATOR)
    draft = PostDraft(text="A moth", created_at=DRAFT.created_at, media=(FILM,), settings=settings)
    with pytest.raises(Unprocessable, match=words):
        await opened(wire).publish(draft, Trying())
    assert len(wire.requests) == 1


def test_what_was_allowed_is_not_disabled_and_what_the_creator_disabled_stays_so() -> None:
    creator = {"privacy_level_options": ["SELF_ONLY"], "duet_disabled": True}
    said = {"viewerSetting": "SELF_ONLY", "allowComments": False, "allowDuet": True, "allowStitch": True}
    assert convert.post_info("A", {**said, "commercialContent": True, "brandOrganic": True}, creator) == {
        "title": "A",
        "privacy_level": "SELF_ONLY",
        "disable_comment": True,
        "disable_duet": True,
        "disable_stitch": False,
        "brand_organic_toggle": True,
        "brand_content_toggle": False,
    }


FAILURES: dict[str, tuple[Responder, type[ProviderError]]] = {
    "too many posts today": (no("spam_risk_too_many_posts", 403), RateLimited),
    "too fast": (no("rate_limit_exceeded", 429), RateLimited),
    "banned": (no("spam_risk_user_banned_from_posting", 403), Refused),
    "not audited": (no("unaudited_client_can_only_post_to_private_accounts", 403), Refused),
    "privacy": (no("privacy_level_option_mismatch", 403), Unprocessable),
    "wrong": (no("invalid_params"), Unprocessable),
    "a scope is missing": (no("scope_not_authorized", 401), CredentialsRejected),
    "broken": (no("internal_error", 500), ProviderDown),
    "bad gateway": (answer(502, body=b"<html>"), ProviderDown),
    "connection lost": (breaks(httpx.ReadError), ProviderDown),
    "no connection": (breaks(httpx.ConnectError), ProviderDown),
    "no JSON": (answer(200, body=b"fine"), ProviderDown),
    "no address": (ok({"publish_id": "v1"}), ProviderDown),
    "another address": (ok({"publish_id": "v1", "upload_url": "https://evil.example/"}), ProviderDown),
    "plain HTTP": (ok({"publish_id": "v1", "upload_url": "http://upload.tiktokapis.com/"}), ProviderDown),
}


@pytest.mark.parametrize(("responder", "kind"), FAILURES.values(), ids=FAILURES)
async def test_an_upload_that_cannot_be_begun_published_nothing(
    responder: Responder, kind: type[ProviderError]
) -> None:
    wire, attempt = Wire(CREATOR, responder), Trying()
    with pytest.raises(ProviderError) as caught:
        await opened(wire).publish(DRAFT, attempt)
    assert type(caught.value) is kind
    assert (attempt.notes, len(wire.requests)) == ([], 2)


@pytest.mark.parametrize("responder", [answer(500), breaks(httpx.ReadTimeout), breaks(httpx.RemoteProtocolError)])
async def test_the_last_piece_lost_is_an_unknown_outcome(responder: Responder) -> None:
    wire, attempt = Wire(CREATOR, BEGUN, responder), Trying()
    with pytest.raises(OutcomeUnknown):
        await opened(wire).publish(DRAFT, attempt)
    assert attempt.note == NOTE


async def test_a_video_that_takes_long_is_left_for_the_next_run() -> None:
    with pytest.raises(OutcomeUnknown, match="still working"):
        await opened(Wire(CREATOR, BEGUN, SENT, WORKING)).publish(DRAFT, Trying())
    patient = TikTokSettings(client_id="us", client_secret="ours", patience_seconds=1.0)
    wire = Wire(CREATOR, BEGUN, SENT, WORKING, DONE)
    assert (await opened(wire, settings=patient).publish(DRAFT, Trying())).provider_id == "7400000000000000001"


async def test_a_post_that_is_not_for_everyone_has_the_id_of_its_upload() -> None:
    wire = Wire(CREATOR, BEGUN, SENT, ok({"status": "PUBLISH_COMPLETE", "publicaly_available_post_id": []}))
    post = await opened(wire).publish(DRAFT, Trying())
    assert (post.provider_id, post.url) == ("v1", None)


REASONS = {
    "file_format_check_failed": Unprocessable,
    "duration_check_failed": Unprocessable,
    "spam_risk_text": Unprocessable,
    "spam_risk_user_banned_from_posting": Refused,
    "spam_risk_too_many_posts": RateLimited,
    "auth_removed": CredentialsRejected,
    "internal": ProviderDown,
}


@pytest.mark.parametrize(("reason", "kind"), REASONS.items())
async def test_why_tiktok_gave_up_says_what_is_next(reason: str, kind: type[ProviderError]) -> None:
    with pytest.raises(ProviderError) as caught:
        await opened(Wire(CREATOR, BEGUN, SENT, ok({"status": "FAILED", "fail_reason": reason}))).publish(
            DRAFT, Trying()
        )
    assert type(caught.value) is kind
    assert reason in caught.value.detail


# the next attempt


async def test_an_upload_that_lacks_bytes_is_gone_on_with() -> None:
    wire, attempt = Wire(LACKING, SENT, DONE), Trying(note=NOTE)
    await opened(wire).publish(DRAFT, attempt)
    assert wire.paths()[1:2] == ["/video/"]
    assert attempt.notes == []


async def test_an_upload_of_a_post_that_was_changed_is_begun_anew() -> None:
    wire, attempt = Wire(LACKING, CREATOR, BEGUN, SENT, DONE), Trying(note=NOTE)
    await opened(wire).publish(PostDraft(text="Two moths", created_at=DRAFT.created_at, media=(FILM,)), attempt)
    assert wire.sent(2)["post_info"]["title"] == "Two moths"


@pytest.mark.parametrize("state", [WORKING, DONE])
async def test_what_is_at_tiktok_already_is_never_sent_again(state: Responder) -> None:
    wire = Wire(state, DONE)
    assert (await opened(wire).publish(DRAFT, Trying(note=NOTE))).provider_id == "7400000000000000001"
    assert set(wire.paths()) == {"/v2/post/publish/status/fetch/"}


@pytest.mark.parametrize("status", [403, 404, 416])
async def test_an_address_that_takes_no_more_is_given_up_where_bytes_are_missing(status: int) -> None:
    attempt = Trying(note=NOTE)
    with pytest.raises(ProviderDown):
        await opened(Wire(LACKING, answer(status), LACKING)).publish(DRAFT, attempt)
    assert attempt.notes == [None]


async def test_an_address_that_takes_no_more_because_all_of_it_arrived_late_is_no_reason_to_begin_anew() -> None:
    attempt = Trying(note=NOTE)
    wire = Wire(LACKING, answer(416), WORKING, DONE)
    assert (await opened(wire).publish(DRAFT, attempt)).provider_id == "7400000000000000001"
    assert attempt.notes == []
    with pytest.raises(OutcomeUnknown):
        await opened(Wire(LACKING, answer(416), answer(503))).publish(DRAFT, attempt)
    assert attempt.notes == []


# finding, taking down


@pytest.mark.parametrize("data", [{"status": "FAILED", "fail_reason": "internal"}, {"status": "PROCESSING_UPLOAD"}])
async def test_an_upload_that_failed_or_lacks_bytes_was_not_published(data: Any) -> None:
    assert await opened(Wire(ok(data))).find(DRAFT, Trying(note=NOTE)) is None


async def test_an_upload_that_was_never_begun_was_not_published() -> None:
    wire = Wire(answer(500))
    assert await opened(wire).find(DRAFT, Trying()) is None
    assert wire.requests == []


async def test_a_post_is_found_by_its_upload() -> None:
    post = await opened(Wire(DONE)).find(DRAFT, Trying(note=NOTE))
    assert post is not None
    assert post.provider_id == "7400000000000000001"


@pytest.mark.parametrize(
    ("responder", "kind"),
    [
        (WORKING, OutcomeUnknown),
        (ok({"status": "SOMETHING_NEW"}), OutcomeUnknown),
        (answer(503), ProviderDown),
        (no("rate_limit_exceeded", 429), RateLimited),
        (no("invalid_publish_id"), NotSupported),
    ],
)
async def test_a_look_that_tells_nothing_never_means_that_nothing_was_made(
    responder: Responder, kind: type[ProviderError]
) -> None:
    with pytest.raises(ProviderError) as caught:
        await opened(Wire(responder)).find(DRAFT, Trying(note=NOTE))
    assert type(caught.value) is kind


# tokens


async def test_a_token_that_is_not_taken_is_renewed_kept_and_the_call_made_once_more() -> None:
    kept: list[Credentials] = []
    expired = no("access_token_invalid", 401)

    def used(request: httpx.Request) -> httpx.Response:
        assert [item.values["access_token"] for item in kept] == ["access-2"]
        return CREATOR(request)

    wire = Wire(expired, TOKENS, used, BEGUN, SENT, DONE)
    await opened(wire, kept).publish(DRAFT, Trying())
    form = parse_qs(wire.requests[1].content.decode())
    assert (form["refresh_token"], form["client_key"], form["grant_type"]) == (["refresh-1"], ["us"], ["refresh_token"])
    assert [dict(item.values) for item in kept] == [{"access_token": "access-2", "refresh_token": "refresh-2"}]
    assert wire.requests[2].headers["authorization"] == "Bearer access-2"


@pytest.mark.parametrize("status", [200, 400])
async def test_an_approval_that_was_taken_back_ends_the_session(status: int) -> None:
    wire = Wire(no("access_token_invalid", 401), answer(status, {"error": "invalid_grant", "error_description": "no"}))
    with pytest.raises(CredentialsRejected):
        await opened(wire).publish(DRAFT, Trying())


# linking


def came_back(step: Visit, **answers: str) -> Reply:
    return Reply(state=step.state, answers={"code": "code-1", "state": step.nonce, **answers})


async def visit(connector: TikTokConnector) -> Visit:
    step = await connector.login("oauth", None)
    assert isinstance(step, Visit)
    return step


def connector(wire: Wire) -> TikTokConnector:
    return TikTokConnector(http=wire.http(tries=1), settings=SETTINGS, callback_url="https://us.example/callback")


async def test_an_owner_is_sent_to_tiktok_and_comes_back_linked() -> None:
    user = ok({"user": {"open_id": "-000ada", "display_name": "Ada", "avatar_url": "https://x/a.jpg"}})
    linking = connector(wire := Wire(TOKENS, user, CREATOR))
    step = await visit(linking)
    query = parse_qs(urlsplit(step.url).query)
    assert (query["client_key"], query["scope"]) == (["us"], ["user.info.basic,video.publish"])
    assert "code_challenge" not in query
    linked = await linking.login("oauth", came_back(step))
    assert isinstance(linked, Linked)
    assert (linked.profile.provider_id, linked.profile.username) == ("-000ada", "ada")
    assert dict(linked.credentials.values) == {"access_token": "access-2", "refresh_token": "refresh-2"}
    assert parse_qs(wire.requests[0].content.decode())["redirect_uri"] == ["https://us.example/callback"]


async def test_an_account_that_may_not_post_now_is_linked_without_its_handle() -> None:
    user = ok({"user": {"open_id": "-000ada", "display_name": "Ada"}})
    linking = connector(Wire(TOKENS, user, no("spam_risk_too_many_posts", 403)))
    linked = await linking.login("oauth", came_back(await visit(linking)))
    assert isinstance(linked, Linked)
    assert (linked.profile.username, linked.profile.profile_url) == ("Ada", None)


@pytest.mark.parametrize(
    ("answers", "script"),
    [
        ({"error": "access_denied"}, [answer(500)]),
        ({"state": "another"}, [answer(500)]),
        ({}, [answer(400, {"error": "invalid_grant"})]),
        ({}, [answer(200, {"access_token": "a", "refresh_token": "r", "scope": "user.info.basic"})]),
        ({}, [TOKENS, no("scope_not_authorized", 401)]),
    ],
)
async def test_an_owner_who_says_no_or_not_enough_is_not_linked(
    answers: dict[str, str], script: list[Callable[[httpx.Request], httpx.Response]]
) -> None:
    linking = connector(Wire(*script))
    with pytest.raises(LoginFailed):
        await linking.login("oauth", came_back(await visit(linking), **answers))


async def test_without_an_app_nobody_can_be_linked() -> None:
    with pytest.raises(LoginFailed, match="POSTROOM_PROVIDER_TIKTOK_CLIENT_ID"):
        await TikTokConnector(http=Wire(answer()).http()).login("oauth", None)
