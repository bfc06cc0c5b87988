"""What is asked of the Threads API, and what its answers mean."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from postroom.connectors.contract import Linked, Reply, Visit
from postroom.connectors.graph import digest, words
from postroom.connectors.threads.connection import ThreadsConnection
from postroom.connectors.threads.connector import ThreadsConnector, ThreadsSettings
from postroom.domain.remote import Credentials, PostDraft, Profile
from postroom.errors import (
    ActionRequired,
    CredentialsRejected,
    ErrorCode,
    InvalidParameters,
    LoginFailed,
    NotSupported,
    OutcomeUnknown,
    ProviderDown,
    ProviderError,
    RateLimited,
    Refused,
    Unprocessable,
)
from tests.connectors.graph import GONE, asked, says
from tests.connectors.wire import Picture, Responder, Trying, Wire, answer, breaks

ME = "26400000000000001"
AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
DRAFT = PostDraft(text="Hello", created_at=AT)
SETTINGS = ThreadsSettings(client_id="us", client_secret="ours", wait_seconds=0)
NOTE = {"container": "178", "words": words("Hello")}
PHOTO = Picture(b"\xff\xd8\xff", content_type="image/jpeg", address="https://us.example/media/1")
FILM = Picture(b"film", content_type="video/mp4", kind="video", alt_text="", address="https://us.example/media/2")

MADE, SHOWN = answer(200, {"id": "178"}), answer(200, {"id": "180", "permalink": "https://www.threads.com/@ada/post/C"})
READY, POSTED = answer(200, {"status": "FINISHED", "id": "178"}), answer(200, {"id": "180"})


def stands(status: str, **more: str) -> Responder:
    return answer(200, {"status": status, "id": "178", **more})


def listed(*rows: tuple[str, str, datetime]) -> Responder:
    data = [
        {
            "id": id,
            "text": text,
            "permalink": f"https://www.threads.com/{id}",
            "timestamp": f"{at:%Y-%m-%dT%H:%M:%S}+0000",
        }
        for id, text, at in rows
    ]
    return answer(200, {"data": data})


def opened(wire: Wire, kept: list[Credentials] | None = None, *, ends_at: datetime | None = None) -> ThreadsConnection:
    async def keep(credentials: Credentials) -> None:
        # What is kept is kept before it is used.
        assert not any("token-2" in str(request.url) + request.content.decode() for request in wire.requests)
        assert kept is not None
        kept.append(credentials)

    connector = ThreadsConnector(http=wire.http(tries=1), settings=SETTINGS, now=lambda: AT)
    expires_at = None if ends_at is None else round(ends_at.timestamp() * 1000)
    credentials = Credentials(values={"access_token": "token-1"}, expires_at=expires_at)
    return connector.open(Profile(provider_id=ME, username="ada", name="Ada"), credentials, keep)


# publishing


async def test_a_text_is_a_container_that_is_ready_and_then_published() -> None:
    wire, attempt = Wire(MADE, READY, POSTED, SHOWN), Trying(begun_at=AT)
    draft = PostDraft(text="Hello", created_at=AT, settings={"replyControl": "mentioned_only"}, reply_to="179")
    post = await opened(wire).publish(draft, attempt)
    assert (post.provider_id, post.url) == ("180", "https://www.threads.com/@ada/post/C")
    fields = {"text": "Hello", "reply_control": "mentioned_only", "reply_to_id": "179", "media_type": "TEXT"}
    assert asked(wire, 0) == ("POST", f"/v1.0/{ME}/threads", fields | {"access_token": "token-1"})
    assert asked(wire, 1)[:2] == ("GET", "/v1.0/178")
    assert asked(wire, 2) == (
        "POST",
        f"/v1.0/{ME}/threads_publish",
        {"creation_id": "178", "access_token": "token-1"},
    )
    assert str(wire.requests[0].url).startswith("https://graph.threads.net/v1.0/")
    assert attempt.notes == [NOTE | {"digest": digest(draft)}]


@pytest.mark.parametrize("control", ["", "nobody", 7, None])
async def test_a_reply_control_that_is_none_is_left_out(control: Any) -> None:
    wire = Wire(MADE, READY, POSTED, SHOWN)
    await opened(wire).publish(PostDraft(text="Hello", created_at=AT, settings={"replyControl": control}), Trying())
    assert "reply_control" not in asked(wire, 0)[2]


async def test_the_container_is_noted_before_it_is_published() -> None:
    class Closed(Trying):
        async def write(self, note: Any) -> None:
            raise Refused("The post was deleted while it was being published.")

    wire = Wire(MADE, READY, POSTED)
    with pytest.raises(Refused):
        await opened(wire).publish(DRAFT, Closed())
    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    ("item", "fields"),
    [
        (PHOTO, {"media_type": "IMAGE", "image_url": "https://us.example/media/1", "alt_text": "A hive"}),
        (FILM, {"media_type": "VIDEO", "video_url": "https://us.example/media/2"}),
    ],
)
async def test_one_file_is_fetched_from_us(item: Picture, fields: dict[str, str]) -> None:
    wire = Wire(MADE, READY, POSTED, SHOWN)
    await opened(wire).publish(PostDraft(text="", created_at=AT, media=(item,)), Trying())
    assert asked(wire, 0)[2] == fields | {"access_token": "token-1"}


async def test_several_files_are_a_carousel_of_containers_that_are_ready() -> None:
    wire = Wire(answer(200, {"id": "1"}), answer(200, {"id": "2"}), READY, READY, MADE, READY, POSTED, SHOWN)
    attempt, draft = Trying(), PostDraft(text="Two", created_at=AT, media=(PHOTO, FILM))
    await opened(wire).publish(draft, attempt)
    assert [asked(wire, index)[2].get("is_carousel_item") for index in (0, 1, 4)] == ["true", "true", None]
    assert [asked(wire, index)[1] for index in (2, 3)] == ["/v1.0/1", "/v1.0/2"]
    carousel = {"media_type": "CAROUSEL", "children": "1,2", "text": "Two", "access_token": "token-1"}
    assert asked(wire, 4)[2] == carousel
    same = {"digest": digest(draft)}
    assert attempt.notes == [{"children": ["1", "2"]} | same, {"container": "178", "words": words("Two")} | same]


async def test_files_that_are_still_prepared_are_come_back_for() -> None:
    first = Wire(answer(200, {"id": "1"}), answer(200, {"id": "2"}), stands("IN_PROGRESS"))
    attempt, draft = Trying(), PostDraft(text="Two", created_at=AT, media=(PHOTO, FILM))
    with pytest.raises(ProviderDown) as caught:
        await opened(first).publish(draft, attempt)
    assert caught.value.retry_after_seconds == 15
    second = Wire(READY, READY, READY, READY, MADE, READY, POSTED, SHOWN)
    assert (await opened(second).publish(draft, attempt)).provider_id == "180"
    assert [request.method for request in second.requests].count("POST") == 2


@pytest.mark.parametrize("status", ["EXPIRED", "ERROR"])
async def test_a_noted_container_that_is_no_good_is_made_anew(status: str) -> None:
    wire = Wire(stands(status), answer(200, {"id": "178b"}), READY, POSTED, SHOWN)
    attempt = Trying(note=NOTE | {"digest": digest(DRAFT)})
    await opened(wire).publish(DRAFT, attempt)
    assert attempt.note["container"] == "178b"


async def test_a_noted_container_is_used_again_unless_the_post_was_changed_meanwhile() -> None:
    note = NOTE | {"digest": digest(DRAFT)}
    wire = Wire(READY, READY, POSTED, SHOWN)
    await opened(wire).publish(DRAFT, Trying(note=note))
    assert asked(wire, 2)[2]["creation_id"] == "178"
    for changed in (
        PostDraft(text="Hello there", created_at=AT),
        PostDraft(text="Hello", created_at=AT, settings={"replyControl": "everyone"}),
        PostDraft(text="Hello", created_at=AT, media=(PHOTO,)),
    ):
        wire = Wire(READY, answer(200, {"id": "178b"}), READY, POSTED, SHOWN)
        await opened(wire).publish(changed, Trying(note=note))
        assert asked(wire, 3)[2]["creation_id"] == "178b"


async def test_a_noted_container_that_was_published_is_not_published_again() -> None:
    wire = Wire(stands("PUBLISHED"), listed(("180", "Hello", AT + timedelta(seconds=2))))
    post = await opened(wire).publish(DRAFT, Trying(note=NOTE, begun_at=AT))
    assert post.provider_id == "180"
    assert all(request.method == "GET" for request in wire.requests)


async def test_a_refusal_of_a_container_that_a_call_before_has_published_is_success() -> None:
    refusal = says(24, 4279009)
    wire = Wire(MADE, READY, refusal, stands("PUBLISHED"), listed(("180", "Hello", AT)))
    assert (await opened(wire).publish(DRAFT, Trying(begun_at=AT))).provider_id == "180"


@pytest.mark.parametrize("reason", ["INVALID_ASPEC_RATIO", "UNKNOWN"])
async def test_a_container_that_fails_says_why(reason: str) -> None:
    wire = Wire(MADE, stands("ERROR", error_message=reason))
    with pytest.raises(Unprocessable, match=reason):
        await opened(wire).publish(PostDraft(text="", created_at=AT, media=(PHOTO,)), Trying())


@pytest.mark.parametrize(
    "media",
    [(Picture(content_type="image/gif"),), (Picture(size=8 * 1024 * 1024 + 1),), tuple(PHOTO for _ in range(11))],
)
async def test_files_that_threads_does_not_take_are_refused_before_any_call(media: Any) -> None:
    wire = Wire(answer())
    with pytest.raises(Unprocessable):
        await opened(wire).publish(PostDraft(text="", created_at=AT, media=media), Trying())
    assert wire.requests == []


async def test_a_post_whose_address_cannot_be_read_is_published_all_the_same() -> None:
    post = await opened(Wire(MADE, READY, POSTED, answer(500))).publish(DRAFT, Trying())
    assert (post.provider_id, post.url) == ("180", None)


LIMIT = '{"1": [{"estimated_time_to_regain_access": 7}]}'
FAILURES: dict[str, tuple[Responder, type[ProviderError]]] = {
    "the token is over": (says(190, 460), CredentialsRejected),
    "the session is unknown": (says(102), CredentialsRejected),
    "a checkpoint": (says(190, 459), ActionRequired),
    "too many calls": (says(4), RateLimited),
    "too many posts": (says(9, 2207042), RateLimited),
    "blocked for a while": (says(368, 1390008), RateLimited),
    "taken for spam": (says(4, 2207051), Refused),
    "no permission": (says(10), Refused),
    "a permission of another kind": (says(200), Refused),
    "not ready": (says(24, 4279009), ProviderDown),
    "a wrong parameter": (says(100), Unprocessable),
    "its own failure": (says(2, status=500), OutcomeUnknown),
    "an unknown failure": (says(1), OutcomeUnknown),
    "broken": (answer(502, body=b"<html>"), OutcomeUnknown),
    "no JSON": (answer(200, body=b"fine"), OutcomeUnknown),
    "no id": (answer(200, {}), OutcomeUnknown),
    "connection lost": (breaks(httpx.ReadError), OutcomeUnknown),
    "no connection": (breaks(httpx.ConnectError), ProviderDown),
}


@pytest.mark.parametrize(("responder", "kind"), FAILURES.values(), ids=FAILURES)
async def test_a_publication_that_fails_says_what_may_have_happened(
    responder: Responder, kind: type[ProviderError]
) -> None:
    wire = Wire(MADE, READY, responder, READY)
    with pytest.raises(ProviderError) as caught:
        await opened(wire).publish(DRAFT, Trying())
    assert type(caught.value) is kind
    assert wire.paths().count(f"/v1.0/{ME}/threads_publish") == 1


@pytest.mark.parametrize(
    "responder", [answer(500), says(1), breaks(httpx.ReadError), answer(200, {}), answer(200, body=b"fine")]
)
async def test_a_container_that_may_or_may_not_have_been_made_published_nothing(responder: Responder) -> None:
    with pytest.raises(ProviderDown):
        await opened(Wire(responder)).publish(DRAFT, Trying())


@pytest.mark.parametrize(
    ("responder", "seconds"),
    [
        (says(4, headers={"x-business-use-case-usage": LIMIT}), 420),
        (says(4, headers={"x-app-usage": '{"call_count": 100}'}), 900),
        (says(4, headers={"x-app-usage": "no JSON"}), None),
        (says(9, 2207042), 3600),
        (answer(429, headers={"retry-after": "30"}), 30),
    ],
)
async def test_a_limit_says_when_to_come_back(responder: Responder, seconds: float | None) -> None:
    with pytest.raises(RateLimited) as caught:
        await opened(Wire(responder)).publish(DRAFT, Trying())
    assert caught.value.retry_after_seconds == seconds


# finding


async def test_what_was_never_noted_was_never_published() -> None:
    wire = Wire(answer(500))
    assert await opened(wire).find(DRAFT, Trying()) is None
    assert await opened(wire).find(DRAFT, Trying(note={"children": ["1", "2"]})) is None
    assert wire.requests == []


@pytest.mark.parametrize("status", ["FINISHED", "IN_PROGRESS", "EXPIRED", "ERROR"])
async def test_a_container_that_is_not_published_means_that_nothing_is_live(status: str) -> None:
    assert await opened(Wire(stands(status))).find(DRAFT, Trying(note=NOTE)) is None


async def test_of_several_with_the_same_text_the_first_since_the_attempt_began_is_it() -> None:
    rows = [("4", "Hello", AT + timedelta(hours=1)), ("3", " Hello\n", AT + timedelta(seconds=3)), ("2", "Other", AT)]
    wire = Wire(stands("PUBLISHED"), listed(*rows, ("1", "Hello", AT - timedelta(seconds=60))))
    post = await opened(wire).find(DRAFT, Trying(note=NOTE, begun_at=AT))
    assert post is not None
    assert (post.provider_id, post.url) == ("3", "https://www.threads.com/3")
    assert asked(wire, 1)[1:] == (
        f"/v1.0/{ME}/threads",
        {
            "fields": "id,text,permalink,timestamp",
            "since": str(int(AT.timestamp()) - 120),
            "limit": "100",
            "access_token": "token-1",
        },
    )


async def test_clocks_that_differ_a_little_do_not_hide_a_post() -> None:
    wire = Wire(stands("PUBLISHED"), listed(("1", "Hello", AT - timedelta(seconds=60))))
    post = await opened(wire).find(DRAFT, Trying(note=NOTE, begun_at=AT))
    assert post is not None


async def test_a_post_that_was_changed_while_it_was_in_doubt_is_found_as_it_went_out() -> None:
    wire = Wire(stands("PUBLISHED"), listed(("2", "Other", AT), ("1", "Hello", AT)))
    post = await opened(wire).find(PostDraft(text="Other", created_at=AT), Trying(note=NOTE, begun_at=AT))
    assert post is not None
    assert post.provider_id == "1"


async def test_an_answer_to_a_post_is_looked_for_among_the_answers() -> None:
    wire = Wire(stands("PUBLISHED"), listed(("3", "Hello", AT)))
    draft = PostDraft(text="Hello", created_at=AT, reply_to="179")
    assert await opened(wire).find(draft, Trying(note=NOTE, begun_at=AT)) is not None
    assert asked(wire, 1)[1] == f"/v1.0/{ME}/replies"


async def test_published_and_not_listed_yet_is_asked_for_again() -> None:
    with pytest.raises(OutcomeUnknown):
        await opened(Wire(stands("PUBLISHED"), listed())).find(DRAFT, Trying(note=NOTE, begun_at=AT))


async def test_a_container_that_is_forgotten_leaves_the_list_to_tell_and_else_nobody() -> None:
    post = await opened(Wire(GONE, listed(("3", "Hello", AT)))).find(DRAFT, Trying(note=NOTE, begun_at=AT))
    assert post is not None
    with pytest.raises(NotSupported):
        await opened(Wire(GONE, listed())).find(DRAFT, Trying(note=NOTE, begun_at=AT))


@pytest.mark.parametrize("responder", [answer(500), answer(200, {}), says(190), breaks(httpx.ReadError)])
async def test_a_failed_look_never_means_that_a_post_was_not_made(responder: Responder) -> None:
    with pytest.raises(ProviderError):
        await opened(Wire(responder)).find(DRAFT, Trying(note=NOTE))


# taking down


async def test_a_post_is_deleted_by_its_id() -> None:
    wire = Wire(answer(200, {"success": True, "deleted_id": "180"}))
    await opened(wire).unpublish("180")
    assert asked(wire, 0) == ("DELETE", "/v1.0/180", {"access_token": "token-1"})


async def test_gone_already_is_success_where_the_token_still_stands() -> None:
    await opened(Wire(GONE, GONE, answer(200, {"id": ME}))).unpublish("180")


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        # The network says the same of what is gone and of what the token may not touch.
        ([GONE, answer(200, {"id": "180"})], Refused),
        ([GONE, GONE, says(190)], CredentialsRejected),
        ([GONE, answer(500)], ProviderDown),
        ([answer(500)], OutcomeUnknown),
        ([answer(200, {"success": False})], OutcomeUnknown),
        ([says(10)], Refused),
    ],
)
async def test_a_deletion_is_success_only_where_it_is_sure(script: list[Responder], kind: type[ProviderError]) -> None:
    with pytest.raises(ProviderError) as caught:
        await opened(Wire(*script)).unpublish("180")
    assert type(caught.value) is kind


@pytest.mark.parametrize("id", ["", "x", "180/../me", "18 0", "١٢"])
async def test_what_is_no_post_is_not_deleted(id: str) -> None:
    wire = Wire(answer(200, {"success": True}))
    with pytest.raises(Refused):
        await opened(wire).unpublish(id)
    assert wire.requests == []


# tokens


async def test_a_token_near_its_end_is_renewed_and_kept_before_it_is_used() -> None:
    kept: list[Credentials] = []

    def used(request: httpx.Request) -> httpx.Response:
        assert [each.values["access_token"] for each in kept] == ["token-2"]
        return answer(200, {"id": ME})(request)

    wire = Wire(answer(200, {"access_token": "token-2", "expires_in": 5_184_000}), used)
    connection = opened(wire, kept, ends_at=AT + timedelta(days=29))
    await connection.profile()
    assert asked(wire, 0)[1:] == (
        "/refresh_access_token",
        {"grant_type": "th_refresh_token", "access_token": "token-1"},
    )
    assert asked(wire, 1)[2]["access_token"] == "token-2"
    assert kept == [
        Credentials(values={"access_token": "token-2"}, expires_at=round((AT + timedelta(days=60)).timestamp() * 1000))
    ]
    await connection.profile()
    assert len(wire.requests) == 3


async def test_a_token_with_a_long_life_before_it_is_left_alone() -> None:
    wire = Wire(answer(200, {"id": ME}))
    await opened(wire, ends_at=AT + timedelta(days=31)).profile()
    assert len(wire.requests) == 1


@pytest.mark.parametrize("responder", [answer(500), says(4), breaks(httpx.ReadError)])
async def test_a_renewal_that_fails_leaves_the_token_that_is_still_good(responder: Responder) -> None:
    wire = Wire(responder, answer(200, {"id": ME}))
    await opened(wire, ends_at=AT + timedelta(days=20)).profile()
    assert asked(wire, 1)[2]["access_token"] == "token-1"


async def test_a_token_that_cannot_be_renewed_is_over() -> None:
    with pytest.raises(CredentialsRejected) as caught:
        await opened(Wire(says(190, 463)), ends_at=AT - timedelta(days=1)).profile()
    assert caught.value.code is ErrorCode.EXPIRED_CREDENTIALS


# linking


def connector(wire: Wire, settings: ThreadsSettings = SETTINGS) -> ThreadsConnector:
    url = "https://us.example/callbacks/oauth"
    return ThreadsConnector(http=wire.http(tries=1), settings=settings, callback_url=url, now=lambda: AT)


async def test_an_owner_comes_back_with_a_code_that_becomes_a_token_of_sixty_days() -> None:
    wire = Wire(
        answer(200, {"access_token": "short", "user_id": 26400000000000001}),
        answer(200, {"access_token": "long", "token_type": "bearer", "expires_in": 5_184_000}),
        answer(200, {"id": ME, "username": "ada", "name": "Ada Moss"}),
    )
    it = connector(wire)
    visit = await it.login("oauth", None)
    assert isinstance(visit, Visit)
    assert visit.url.startswith("https://threads.net/oauth/authorize?response_type=code&client_id=us&")
    assert "threads_delete" in visit.url
    assert "code_challenge" not in visit.url
    linked = await it.login("oauth", Reply(state=visit.state, answers={"code": "c0de", "state": visit.nonce}))
    assert isinstance(linked, Linked)
    assert linked.profile == Profile(
        provider_id=ME, username="ada", name="Ada Moss", profile_url="https://www.threads.com/@ada"
    )
    assert linked.credentials.values == {"access_token": "long"}
    assert linked.credentials.expires_at == round((AT + timedelta(days=60)).timestamp() * 1000)
    assert asked(wire, 0)[2] == {
        "client_id": "us",
        "client_secret": "ours",
        "redirect_uri": "https://us.example/callbacks/oauth",
        "code": "c0de",
        "grant_type": "authorization_code",
    }
    assert asked(wire, 1)[1:] == (
        "/access_token",
        {"grant_type": "th_exchange_token", "client_secret": "ours", "access_token": "short"},
    )


@pytest.mark.parametrize(
    ("responder", "kind"),
    [
        (answer(400, {"error_type": "OAuthException", "code": 400, "error_message": "No"}), LoginFailed),
        (says(190, 459), LoginFailed),
        (says(4), RateLimited),
        (answer(500), ProviderDown),
        (breaks(httpx.ReadError), ProviderDown),
        (answer(200, {"id": ME}), LoginFailed),
    ],
)
async def test_a_login_that_fails_says_whether_to_start_again(responder: Responder, kind: type[ProviderError]) -> None:
    it = connector(Wire(responder))
    visit = await it.login("oauth", None)
    assert isinstance(visit, Visit)
    with pytest.raises(kind):
        await it.login("oauth", Reply(state=visit.state, answers={"code": "c0de", "state": visit.nonce}))


async def test_a_server_without_an_app_says_so() -> None:
    with pytest.raises(LoginFailed, match="POSTROOM_PROVIDER_THREADS_CLIENT_ID"):
        await connector(Wire(answer()), ThreadsSettings()).login("oauth", None)


async def test_an_unknown_flow_is_refused() -> None:
    with pytest.raises(InvalidParameters):
        await connector(Wire(answer())).login("cookie", None)
