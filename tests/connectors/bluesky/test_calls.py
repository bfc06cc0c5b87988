"""What is asked of a PDS, and what its answers mean."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from postroom.connectors.bluesky.connection import BlueskyConnection
from postroom.connectors.bluesky.connector import BlueskyConnector
from postroom.connectors.contract import Ask, Linked, Reply
from postroom.connectors.http import Http
from postroom.domain.remote import Credentials, PostDraft, Profile
from postroom.errors import (
    ActionRequired,
    CredentialsRejected,
    ErrorCode,
    InvalidParameters,
    LoginFailed,
    OutcomeUnknown,
    ProviderDown,
    ProviderError,
    RateLimited,
    Refused,
    Unprocessable,
)
from tests.connectors.wire import Picture, Responder, Trying, Wire, answer, breaks

DID = "did:plc:ada"
DRAFT = PostDraft(text="Hello", created_at=datetime(2026, 11, 20, 12, tzinfo=UTC))
URI = f"at://{DID}/app.bsky.feed.post/3l472o4abllld"
EXPIRED = answer(400, {"error": "ExpiredToken", "message": "Token has expired"})
ABSENT = answer(400, {"error": "RecordNotFound", "message": "Could not locate record: at://x"})
SESSION = {"accessJwt": "access-2", "refreshJwt": "refresh-2", "did": DID, "handle": "ada.test"}


def opened(wire: Wire, kept: list[Credentials] | None = None) -> BlueskyConnection:
    async def keep(credentials: Credentials) -> None:
        # What is kept is kept before it is used.
        assert all("access-2" not in request.headers.get("authorization", "") for request in wire.requests)
        assert kept is not None
        kept.append(credentials)

    values = {"accessJwt": "access-1", "refreshJwt": "refresh-1", "did": DID, "service": "https://pds.example"}
    profile = Profile(provider_id=DID, username="ada.test", name="Ada")
    return BlueskyConnector(http=wire.http()).open(profile, Credentials(values=values), keep)


# publishing


async def test_a_post_is_one_record_under_the_key_of_its_token() -> None:
    wire = Wire(answer(200, {"uri": URI, "cid": "bafy"}))
    post = await opened(wire).publish(DRAFT, Trying("token-1"))
    assert (post.provider_id, post.url) == (URI, f"https://bsky.app/profile/{DID}/post/3l472o4abllld")
    assert str(wire.last.url) == "https://pds.example/xrpc/com.atproto.repo.createRecord"
    assert wire.last.headers["authorization"] == "Bearer access-1"
    assert wire.sent() == {
        "repo": DID,
        "collection": "app.bsky.feed.post",
        "rkey": "3l472o4abllld",
        "validate": True,
        "record": {"$type": "app.bsky.feed.post", "text": "Hello", "createdAt": "2026-11-20T12:00:00.000Z"},
    }


async def test_images_are_uploaded_before_the_post_that_shows_them() -> None:
    blob = {"$type": "blob", "ref": {"$link": "bafkrei"}, "mimeType": "image/png", "size": 4}
    wire = Wire(answer(200, {"blob": blob}), answer(200, {"uri": URI}))
    await opened(wire).publish(
        PostDraft(text="Hello", created_at=DRAFT.created_at, media=(Picture(),)), Trying("token-1")
    )
    assert wire.paths() == ["/xrpc/com.atproto.repo.uploadBlob", "/xrpc/com.atproto.repo.createRecord"]
    assert wire.requests[0].headers["content-type"] == "image/png"
    assert wire.requests[0].content == b"\x89PNG"
    assert wire.sent()["record"]["embed"] == {
        "$type": "app.bsky.embed.images",
        "images": [{"alt": "A hive", "image": blob}],
    }


@pytest.mark.parametrize(
    "media", [(Picture(size=1_000_001),), (Picture(content_type="video/mp4"),), tuple(Picture() for _ in range(5))]
)
async def test_files_that_bluesky_does_not_take_are_refused_before_any_call(media: Any) -> None:
    wire = Wire(answer(200))
    with pytest.raises(Unprocessable):
        await opened(wire).publish(PostDraft(text="", created_at=DRAFT.created_at, media=media), Trying("token-1"))
    assert wire.requests == []


async def test_a_mention_is_looked_up_and_one_of_nobody_stays_text() -> None:
    def resolve(request: httpx.Request) -> httpx.Response:
        if request.url.params.get("handle") == "bea.test":
            return httpx.Response(200, json={"did": "did:plc:bea"})
        if "resolveHandle" in request.url.path:
            return httpx.Response(400, json={"error": "InvalidRequest", "message": "Unable to resolve handle"})
        return httpx.Response(200, json={"uri": URI})

    wire = Wire(resolve)
    draft = PostDraft(text="Hi @bea.test and @no.body.test", created_at=DRAFT.created_at)
    await opened(wire).publish(draft, Trying("token-1"))
    features = [feature for facet in wire.sent()["record"]["facets"] for feature in facet["features"]]
    assert features == [{"$type": "app.bsky.richtext.facet#mention", "did": "did:plc:bea"}]


@pytest.mark.parametrize(
    "collision",
    [
        answer(400, {"error": "InvalidRequest", "message": "There is already a value at key"}),
        answer(500, {"error": "InternalServerError", "message": "Internal Server Error"}),
        breaks(httpx.ReadTimeout),
    ],
)
async def test_a_key_that_is_taken_means_that_an_earlier_attempt_landed(collision: Responder) -> None:
    wire = Wire(collision, answer(200, {"uri": URI, "cid": "bafy", "value": {}}))
    assert (await opened(wire).publish(DRAFT, Trying("token-1"))).provider_id == URI
    assert wire.paths() == ["/xrpc/com.atproto.repo.createRecord", "/xrpc/com.atproto.repo.getRecord"]


FAILURES = {
    "a record it refuses": (answer(400, {"error": "InvalidRequest", "message": "Invalid record"}), Unprocessable),
    "a file too large": (answer(400, {"error": "BlobTooLarge", "message": "too large"}), Unprocessable),
    "a body too large": (answer(413, {"error": "PayloadTooLarge"}), Unprocessable),
    "a token it does not know": (answer(400, {"error": "InvalidToken", "message": "no"}), CredentialsRejected),
    "no authentication": (answer(401, {"error": "AuthMissing"}), CredentialsRejected),
    "an account taken down": (answer(401, {"error": "AccountTakedown", "message": "no"}), ActionRequired),
    "not allowed": (answer(403, {"error": "Forbidden"}), Refused),
    "too many": (answer(429, {"error": "RateLimitExceeded"}), RateLimited),
    "broken": (answer(500, {"error": "InternalServerError"}), OutcomeUnknown),
    "bad gateway": (answer(502, body=b"<html>"), OutcomeUnknown),
    "connection lost": (breaks(httpx.ReadError), OutcomeUnknown),
    "no connection": (breaks(httpx.ConnectError), ProviderDown),
    "no JSON": (answer(200, body=b"fine"), OutcomeUnknown),
    "another address": (answer(307, headers={"location": "https://x/"}), ProviderDown),
}


@pytest.mark.parametrize(("responder", "kind"), FAILURES.values(), ids=FAILURES)
async def test_a_post_that_fails_says_what_may_have_happened(responder: Responder, kind: type[ProviderError]) -> None:
    wire = Wire(responder, ABSENT)
    with pytest.raises(ProviderError) as caught:
        await opened(wire).publish(DRAFT, Trying("token-1"))
    assert type(caught.value) is kind
    assert wire.paths().count("/xrpc/com.atproto.repo.createRecord") == 1
    assert "access-1" not in repr(caught.value)


async def test_a_look_that_fails_leaves_the_outcome_unknown() -> None:
    with pytest.raises(OutcomeUnknown):
        await opened(Wire(answer(500), answer(500))).publish(DRAFT, Trying("token-1"))


async def test_an_upload_that_fails_published_nothing() -> None:
    draft = PostDraft(text="", created_at=DRAFT.created_at, media=(Picture(),))
    for responder in (answer(500), breaks(httpx.ReadError), answer(200, {"blob": None})):
        with pytest.raises(ProviderDown):
            await opened(Wire(responder)).publish(draft, Trying("token-1"))


async def test_a_rate_limit_says_when_to_come_back() -> None:
    headers = {"ratelimit-reset": "1795176120", "date": "Fri, 20 Nov 2026 12:00:00 GMT"}
    with pytest.raises(RateLimited) as caught:
        await opened(Wire(answer(429, {"error": "RateLimitExceeded"}, headers=headers))).publish(DRAFT, Trying("t"))
    assert caught.value.retry_after_seconds == 120


# finding and taking down


async def test_a_post_is_found_by_its_token_without_signing_in() -> None:
    wire = Wire(answer(200, {"uri": URI, "value": {}}))
    post = await opened(wire).find(DRAFT, Trying("token-1"))
    assert post is not None
    assert post.provider_id == URI
    assert "authorization" not in wire.last.headers


@pytest.mark.parametrize(
    "absent", [ABSENT, answer(400, {"error": "InvalidRequest", "message": "Could not locate record: at://x"})]
)
async def test_a_post_that_was_not_made_is_none(absent: Responder) -> None:
    assert await opened(Wire(absent)).find(DRAFT, Trying("token-1")) is None


@pytest.mark.parametrize(
    "responder",
    [
        answer(400, {"error": "InvalidRequest", "message": "Could not find repo: did:plc:ada"}),
        answer(404, body=b"Not Found"),
        answer(500),
        answer(200, body=b""),
        breaks(httpx.ReadError),
    ],
)
async def test_a_failed_look_never_means_that_a_post_was_not_made(responder: Responder) -> None:
    with pytest.raises(ProviderError):
        await opened(Wire(responder)).find(DRAFT, Trying("token-1"))


async def test_a_post_is_taken_down_by_its_address() -> None:
    wire = Wire(answer(200, {}))
    await opened(wire).unpublish(URI)
    assert wire.sent() == {"repo": DID, "collection": "app.bsky.feed.post", "rkey": "3l472o4abllld"}


@pytest.mark.parametrize(
    "uri", ["", "at://", f"at://{DID}", "at://did:plc:bea/app.bsky.feed.post/x", f"at://{DID}/app.bsky.feed.like/x"]
)
async def test_what_is_no_post_of_this_account_is_never_deleted(uri: str) -> None:
    wire = Wire(answer(200, {}))
    with pytest.raises(Refused):
        await opened(wire).unpublish(uri)
    assert wire.requests == []


# sessions


async def test_an_expired_token_is_renewed_kept_and_the_call_made_once_more() -> None:
    kept: list[Credentials] = []

    def used(request: httpx.Request) -> httpx.Response:
        assert [item.values["accessJwt"] for item in kept] == ["access-2"]
        return answer(200, {"uri": URI})(request)

    wire = Wire(EXPIRED, answer(200, SESSION), used)
    await opened(wire, kept).publish(DRAFT, Trying("token-1"))
    assert wire.paths()[1] == "/xrpc/com.atproto.server.refreshSession"
    assert [request.headers["authorization"] for request in wire.requests] == [
        "Bearer access-1",
        "Bearer refresh-1",
        "Bearer access-2",
    ]
    assert wire.requests[1].content == b""
    assert [dict(item.values) for item in kept] == [
        {"accessJwt": "access-2", "refreshJwt": "refresh-2", "did": DID, "service": "https://pds.example"}
    ]


async def test_calls_that_expire_together_renew_once() -> None:
    renewals = 0

    async def far(request: httpx.Request) -> httpx.Response:
        nonlocal renewals
        await asyncio.sleep(0)
        if "refreshSession" in request.url.path:
            renewals += 1
            return httpx.Response(200, json=SESSION)
        if "access-1" in request.headers["authorization"]:
            return httpx.Response(400, json={"error": "ExpiredToken"})
        return httpx.Response(200, json={"uri": URI})

    values = {"accessJwt": "access-1", "refreshJwt": "refresh-1", "did": DID, "service": "https://pds.example"}
    profile = Profile(provider_id=DID, username="ada.test", name="Ada")
    http = Http(transport=httpx.MockTransport(far))
    connection = BlueskyConnector(http=http).open(profile, Credentials(values=values), keep_nothing)
    await asyncio.gather(*(connection.publish(DRAFT, Trying(f"token-{number}")) for number in range(5)))
    assert renewals == 1


async def keep_nothing(credentials: Credentials) -> None:
    return None


async def test_a_session_that_cannot_be_kept_is_not_used() -> None:
    async def fail(credentials: Credentials) -> None:
        raise RuntimeError("the disk is full")

    wire = Wire(EXPIRED, answer(200, SESSION))
    connection = opened(wire)
    connection._session._keep = fail
    with pytest.raises(RuntimeError):
        await connection.publish(DRAFT, Trying("token-1"))
    assert len(wire.requests) == 2


@pytest.mark.parametrize(
    "refusal",
    [
        EXPIRED,
        answer(401, {"error": "AuthMissing"}),
        answer(400, {"error": "InvalidToken"}),
        answer(200, SESSION | {"did": "did:plc:eve"}),
        answer(200, {}),
    ],
)
async def test_a_session_that_cannot_be_renewed_is_over(refusal: Responder) -> None:
    with pytest.raises(CredentialsRejected):
        await opened(Wire(EXPIRED, refusal), []).publish(DRAFT, Trying("token-1"))


@pytest.mark.parametrize("trouble", [answer(500), breaks(httpx.ReadError)])
async def test_a_renewal_that_gets_no_answer_published_nothing(trouble: Responder) -> None:
    with pytest.raises(ProviderDown):
        await opened(Wire(EXPIRED, trouble), []).publish(DRAFT, Trying("token-1"))


@pytest.mark.parametrize("ended", [answer(200), EXPIRED, answer(401), answer(400, {"error": "InvalidToken"})])
async def test_a_session_that_has_ended_is_revoked(ended: Responder) -> None:
    wire = Wire(ended)
    await opened(wire).revoke()
    assert wire.last.headers["authorization"] == "Bearer refresh-1"


# linking


async def link(wire: Wire, **answers: str) -> Any:
    connector = BlueskyConnector(http=wire.http())
    return await connector.login("app_password", Reply(state=None, answers=answers))


async def test_linking_asks_for_handle_and_app_password_first_and_again_without_one() -> None:
    wire = Wire(answer(200))
    assert isinstance(await BlueskyConnector(http=wire.http()).login("app_password", None), Ask)
    assert isinstance(await link(wire, identifier="ada.test"), Ask)
    assert isinstance(await link(wire, password="x"), Ask)
    assert wire.requests == []


async def test_linking_tells_whose_account_it_is_and_where_it_lives() -> None:
    document = {"service": [{"id": "#atproto_pds", "serviceEndpoint": "https://morel.host.example"}]}
    about = {"value": {"displayName": "Ada", "avatar": {"ref": {"$link": "bafkrei"}}}}
    wire = Wire(answer(200, SESSION | {"didDoc": document}), answer(200, about))
    linked = await link(wire, identifier=" @ada.test ", password="app-pass")
    assert isinstance(linked, Linked)
    assert wire.sent(0) == {"identifier": "ada.test", "password": "app-pass"}
    assert str(wire.requests[0].url) == "https://bsky.social/xrpc/com.atproto.server.createSession"
    assert wire.requests[1].url.host == "morel.host.example"
    assert linked.profile == Profile(
        provider_id=DID,
        username="ada.test",
        name="Ada",
        picture_url=f"https://morel.host.example/xrpc/com.atproto.sync.getBlob?did={DID}&cid=bafkrei",
        profile_url=f"https://bsky.app/profile/{DID}",
    )
    assert linked.credentials.values["service"] == "https://morel.host.example"


async def test_linking_works_without_a_profile_record() -> None:
    linked = await link(Wire(answer(200, SESSION), ABSENT), identifier="ada.test", password="x")
    assert (linked.profile.name, linked.profile.picture_url) == ("ada.test", None)


@pytest.mark.parametrize(
    ("responder", "code"),
    [
        (answer(401, {"error": "AuthenticationRequired"}), ErrorCode.INVALID_CREDENTIALS),
        (answer(400, {"error": "InvalidRequest", "message": "no"}), ErrorCode.INVALID_CREDENTIALS),
        (answer(401, {"error": "AccountTakedown"}), ErrorCode.CHECKPOINT_ERROR),
        (answer(401, {"error": "AuthFactorTokenRequired"}), ErrorCode.CHECKPOINT_ERROR),
    ],
)
async def test_linking_fails_where_bluesky_refuses(responder: Responder, code: ErrorCode) -> None:
    with pytest.raises(LoginFailed) as caught:
        await link(Wire(responder), identifier="ada.test", password="the-password")
    assert caught.value.code is code
    assert "the-password" not in repr(caught.value)


@pytest.mark.parametrize("responder", [answer(500), breaks(httpx.ReadError), answer(200, {}), answer(200, body=b"x")])
async def test_linking_may_be_tried_again_where_bluesky_is_down(responder: Responder) -> None:
    wire = Wire(responder)
    with pytest.raises(ProviderDown):
        await link(wire, identifier="ada.test", password="x")
    assert len(wire.requests) == 1


async def test_another_way_to_link_is_refused() -> None:
    with pytest.raises(InvalidParameters):
        await BlueskyConnector(http=Wire(answer()).http()).login("cookie", None)
