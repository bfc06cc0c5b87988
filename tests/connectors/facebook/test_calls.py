"""What is asked of the Pages API, and what its answers mean."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from postroom.connectors.contract import Ask, Linked, Reply, Visit
from postroom.connectors.facebook import convert
from postroom.connectors.facebook.connection import FacebookConnection
from postroom.connectors.facebook.connector import FacebookConnector, FacebookSettings
from postroom.connectors.graph import digest, words
from postroom.domain.remote import Credentials, PostDraft, Profile
from postroom.errors import (
    ActionRequired,
    CredentialsRejected,
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

PAGE = "112233445566001"
POST = f"{PAGE}_1220000000001"
AT = datetime(2026, 11, 21, 12, 0, 30, 500_000, tzinfo=UTC)
DRAFT = PostDraft(text="Hello", created_at=AT)
PHOTO = Picture(b"\xff\xd8\xff", content_type="image/jpeg")
FILM = Picture(b"film", content_type="video/mp4", kind="video", address="https://us.example/media/2")
POSTED = answer(200, {"id": POST})
BEGUN = {"posting": True, "words": words("Hello")}


async def keep(credentials: Credentials) -> None:
    raise AssertionError("a page's token is not renewed")


def opened(wire: Wire, now: datetime = AT) -> FacebookConnection:
    connector = FacebookConnector(http=wire.http(tries=1), now=lambda: now)
    credentials = Credentials(values={"access_token": "token-1"})
    return connector.open(Profile(provider_id=PAGE, username="harbour", name="Harbour"), credentials, keep)


def row(text: str | None, *, at: datetime = AT, id: Any = POST, photos: tuple[str, ...] = ()) -> Any:
    tree: dict[str, Any] = {"id": id, "created_time": f"{at:%Y-%m-%dT%H:%M:%S}+0000"}
    if text is not None:
        tree["message"] = text
    if photos:
        parts = {"data": [{"target": {"id": each}} for each in photos]}
        tree["attachments"] = {"data": [{"target": {"id": "album"}, "subattachments": parts}]}
    return tree


def listed(*rows: Any) -> Responder:
    return answer(200, {"data": list(rows)})


# publishing


async def test_a_text_is_one_post_in_the_feed_that_is_noted_before() -> None:
    attempt, text = Trying(), "See https://moths.test/a, now"
    seen: list[Any] = []

    def sent(request: httpx.Request) -> httpx.Response:
        seen.extend(attempt.notes)
        return POSTED(request)

    wire = Wire(sent)
    post = await opened(wire).publish(PostDraft(text=text, created_at=AT), attempt)
    assert (post.provider_id, post.url) == (POST, f"https://www.facebook.com/{POST}")
    fields = {"message": "See https://moths.test/a, now", "link": "https://moths.test/a", "access_token": "token-1"}
    assert asked(wire, 0) == ("POST", f"/v25.0/{PAGE}/feed", fields)
    assert str(wire.last.url).startswith("https://graph.facebook.com/")
    assert seen == attempt.notes == [{"posting": True, "sent_at": 1795262430500, "words": words(text)}]


async def test_pictures_are_uploaded_unseen_and_attached_in_order() -> None:
    wire, attempt = Wire(answer(200, {"id": "7"}), answer(200, {"id": "8"}), POSTED), Trying()
    draft = PostDraft(text="Two", created_at=AT, media=(PHOTO, PHOTO))
    await opened(wire).publish(draft, attempt)
    body = wire.requests[0].content
    assert b'name="published"\r\n\r\nfalse' in body
    assert b'name="alt_text_custom"\r\n\r\nA hive' in body
    assert b"\xff\xd8\xff" in body
    assert json.loads(asked(wire, 2)[2]["attached_media"]) == [{"media_fbid": "7"}, {"media_fbid": "8"}]
    uploaded = {"photos": ["7", "8"], "uploaded_at": int(AT.timestamp()), "digest": digest(draft)}
    assert attempt.notes == [uploaded, {"posting": True, "sent_at": 1795262430500, "words": words("Two"), **uploaded}]


async def test_uploads_of_an_earlier_attempt_are_used_until_they_are_old() -> None:
    draft = PostDraft(text="One", created_at=AT, media=(PHOTO,))
    uploaded = {"photos": ["7"], "uploaded_at": int(AT.timestamp()), "digest": digest(draft)}
    attempt = Trying(note=uploaded)
    wire = Wire(POSTED)
    await opened(wire, AT + timedelta(hours=19)).publish(draft, attempt)
    assert len(wire.requests) == 1
    wire = Wire(answer(200, {"id": "9"}), POSTED)
    await opened(wire, AT + timedelta(hours=21)).publish(draft, attempt)
    assert json.loads(asked(wire, 1)[2]["attached_media"]) == [{"media_fbid": "9"}]
    wire = Wire(answer(200, {"id": "9"}), POSTED)
    changed = PostDraft(text="Another", created_at=AT, media=(PHOTO,))
    await opened(wire).publish(changed, Trying(note=uploaded))
    assert len(wire.requests) == 2


async def test_a_video_is_fetched_from_us_and_has_an_id_of_its_own() -> None:
    wire = Wire(answer(200, {"id": "55"}))
    post = await opened(wire).publish(PostDraft(text="Film", created_at=AT, media=(FILM,)), Trying())
    assert (post.provider_id, post.url) == ("55", f"https://www.facebook.com/{PAGE}/videos/55")
    fields = {"file_url": "https://us.example/media/2", "description": "Film", "access_token": "token-1"}
    assert asked(wire, 0) == ("POST", f"/v25.0/{PAGE}/videos", fields)


async def test_a_link_that_cannot_be_read_is_left_out_and_nothing_else_is_tried_twice() -> None:
    wire = Wire(says(1609005), POSTED)
    await opened(wire).publish(PostDraft(text="https://moths.test", created_at=AT), Trying())
    assert "link" not in asked(wire, 1)[2]
    wire = Wire(says(1609005))
    with pytest.raises(Unprocessable):
        await opened(wire).publish(DRAFT, Trying())
    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    "media",
    [
        (PHOTO, FILM),
        (FILM, FILM),
        (Picture(content_type="image/webp"),),
        (Picture(size=4_000_001),),
        (Picture(content_type="video/webm", kind="video"),),
        tuple(PHOTO for _ in range(11)),
    ],
)
async def test_files_that_facebook_does_not_take_are_refused_before_any_call(media: Any) -> None:
    wire = Wire(POSTED)
    with pytest.raises(Unprocessable):
        await opened(wire).publish(PostDraft(text="", created_at=AT, media=media), Trying())
    assert wire.requests == []


FAILURES: dict[str, tuple[Responder, type[ProviderError]]] = {
    "the app was removed": (says(190, 458, status=401), CredentialsRejected),
    "a checkpoint": (says(190, 459), ActionRequired),
    "the page has to be authorised": (says(100, 1404078), ActionRequired),
    "too many calls": (says(32), RateLimited),
    "slow down": (says(368), RateLimited),
    "another limit": (says(80001), RateLimited),
    "no permission": (says(200, status=403), Refused),
    "a duplicate": (says(506, 1455006), Unprocessable),
    "flagged before": (says(368 + 1, 1346003), Unprocessable),
    "no such page": (GONE, Unprocessable),
    "its own failure": (says(2, status=500), OutcomeUnknown),
    "a failure that passes": (says(77, 1363047), OutcomeUnknown),
    "transient": (says(77, is_transient=True), OutcomeUnknown),
    "broken": (answer(502, body=b"<html>"), OutcomeUnknown),
    "too large": (answer(413), Unprocessable),
    "no id": (answer(200, {}), OutcomeUnknown),
    "connection lost": (breaks(httpx.ReadError), OutcomeUnknown),
    "no connection": (breaks(httpx.ConnectError), ProviderDown),
    "another address": (answer(302, headers={"location": "https://x/"}), ProviderDown),
}


@pytest.mark.parametrize(("responder", "kind"), FAILURES.values(), ids=FAILURES)
async def test_a_post_that_fails_says_what_may_have_happened(responder: Responder, kind: type[ProviderError]) -> None:
    wire = Wire(responder)
    with pytest.raises(ProviderError) as caught:
        await opened(wire).publish(DRAFT, Trying())
    assert type(caught.value) is kind
    assert len(wire.requests) == 1


@pytest.mark.parametrize("responder", [answer(500), says(1), breaks(httpx.ReadError), answer(200, {})])
async def test_an_upload_that_fails_published_nothing(responder: Responder) -> None:
    with pytest.raises(ProviderDown):
        await opened(Wire(responder)).publish(PostDraft(text="", created_at=AT, media=(PHOTO,)), Trying())


async def test_a_picture_that_facebook_does_not_take_is_final() -> None:
    with pytest.raises(Unprocessable):
        await opened(Wire(says(1, 1366046))).publish(PostDraft(text="", created_at=AT, media=(PHOTO,)), Trying())


# finding


@pytest.mark.parametrize("note", [None, {"photos": ["7"], "uploaded_at": 1}])
async def test_what_was_never_begun_was_never_posted(note: Any) -> None:
    wire = Wire(answer(500))
    assert await opened(wire).find(DRAFT, Trying(note=note)) is None
    assert wire.requests == []


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([row("Hello")], True),
        ([row("Hello") | {"from": {"id": PAGE}}], True),
        ([row("Hello, you")], False),
        ([row("Hello") | {"from": {"id": "somebody"}}], False),
        ([row("Hello", at=AT - timedelta(seconds=2))], False),
        ([row(None)], False),
        ([row("Hello", id=7)], False),
        ([None, {"id": POST}], False),
    ],
)
async def test_a_text_is_found_by_its_words_and_time(rows: list[Any], found: bool) -> None:
    wire, attempt = Wire(listed(*rows)), Trying(note=BEGUN, begun_at=AT)
    if found:
        post = await opened(wire).find(DRAFT, attempt)
        assert post is not None
        assert post.provider_id == POST
    else:
        with pytest.raises(NotSupported):
            await opened(wire, AT + timedelta(minutes=4)).find(DRAFT, attempt)
    assert asked(wire, 0)[2]["since"] == str(int(AT.timestamp()))


async def test_pictures_are_found_by_what_they_are_whatever_stands_beside_them() -> None:
    draft = PostDraft(text="Same words", created_at=AT, media=(PHOTO, PHOTO))
    note = {**BEGUN, "photos": ["7", "8"], "uploaded_at": 1}
    rows = [row("Same words", id=f"{PAGE}_2", photos=("5", "6")), row("Same words", photos=("7", "8"))]
    post = await opened(Wire(listed(*rows))).find(draft, Trying(note=note, begun_at=AT))
    assert post is not None
    assert post.provider_id == POST


async def test_a_page_that_does_not_show_it_yet_is_asked_again_and_then_nobody_knows() -> None:
    attempt = Trying(note=BEGUN, begun_at=AT)
    with pytest.raises(OutcomeUnknown):
        await opened(Wire(listed()), AT + timedelta(minutes=2)).find(DRAFT, attempt)
    with pytest.raises(NotSupported):
        await opened(Wire(listed()), AT + timedelta(minutes=4)).find(DRAFT, attempt)


@pytest.mark.parametrize("responder", [answer(500), says(190), breaks(httpx.ReadError)])
async def test_a_failed_look_never_means_that_a_post_was_not_made(responder: Responder) -> None:
    with pytest.raises(ProviderError) as caught:
        await opened(Wire(responder)).find(DRAFT, Trying(note=BEGUN))
    assert not isinstance(caught.value, NotSupported)


# taking down


@pytest.mark.parametrize("id", [POST, "1220000000001"])
async def test_a_post_or_a_video_of_the_page_is_deleted(id: str) -> None:
    wire = Wire(answer(200, {"success": True}))
    await opened(wire).unpublish(id)
    assert asked(wire, 0)[:2] == ("DELETE", f"/v25.0/{id}")


@pytest.mark.parametrize("id", ["", "me", "999_1", f"{PAGE}_1/comments", f"{PAGE}_", "_1", f"{PAGE}_x"])
async def test_what_is_no_post_of_this_page_is_not_deleted(id: str) -> None:
    wire = Wire(answer(200, {"success": True}))
    with pytest.raises(Refused):
        await opened(wire).unpublish(id)
    assert wire.requests == []


async def test_gone_is_success_and_forbidden_is_not() -> None:
    await opened(Wire(GONE, GONE, answer(200, {"id": PAGE}))).unpublish(POST)
    with pytest.raises(Refused):
        await opened(Wire(GONE, answer(200, {"id": POST}))).unpublish(POST)
    with pytest.raises(CredentialsRejected):
        await opened(Wire(GONE, GONE, says(190))).unpublish(POST)


# linking

SETTINGS = FacebookSettings(client_id="us", client_secret="ours")
TOKENS = (answer(200, {"access_token": "short"}), answer(200, {"access_token": "long"}))


def managed(*ids: str, tasks: tuple[str, ...] = ("CREATE_CONTENT",)) -> Responder:
    rows = [{"id": id, "name": f"Page {id}", "access_token": f"page-{id}", "tasks": list(tasks)} for id in ids]
    return listed(*rows)


async def back(wire: Wire) -> tuple[FacebookConnector, Any]:
    url = "https://us.example/callbacks/oauth"
    it = FacebookConnector(http=wire.http(tries=1), settings=SETTINGS, callback_url=url)
    visit = await it.login("oauth", None)
    assert isinstance(visit, Visit)
    assert visit.url.startswith("https://www.facebook.com/v25.0/dialog/oauth?")
    query = parse_qs(urlsplit(visit.url).query)
    assert query["scope"] == ["pages_show_list,pages_read_engagement,pages_manage_posts"]
    return it, await it.login("oauth", Reply(state=visit.state, answers={"code": "c0de", "state": visit.nonce}))


async def test_the_owner_of_several_pages_chooses_and_only_that_page_is_opened() -> None:
    wire = Wire(*TOKENS, managed("1", "2"))
    it, step = await back(wire)
    assert isinstance(step, Ask)
    assert step.choices == {"page": {"1": "Page 1", "2": "Page 2"}}
    assert asked(wire, 1)[2] == {
        "grant_type": "fb_exchange_token",
        "client_id": "us",
        "client_secret": "ours",
        "fb_exchange_token": "short",
    }
    again = await it.login("oauth", Reply(state=step.state, answers={"page": "3"}))
    assert isinstance(again, Ask)
    linked = await it.login("oauth", Reply(state=again.state, answers={"page": "2"}))
    assert isinstance(linked, Linked)
    assert (linked.profile.provider_id, linked.profile.name) == ("2", "Page 2")
    assert linked.credentials == Credentials(values={"access_token": "page-2"})
    assert len(wire.requests) == 3


async def test_a_single_page_is_linked_at_once() -> None:
    _, step = await back(Wire(*TOKENS, managed("1")))
    assert isinstance(step, Linked)


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ([*TOKENS, listed()], LoginFailed),
        ([*TOKENS, managed("1", tasks=("ANALYZE",))], LoginFailed),
        ([says(100, 36009)], LoginFailed),
        ([*TOKENS, says(190, 459)], LoginFailed),
        ([*TOKENS, answer(500)], ProviderDown),
    ],
)
async def test_a_login_that_fails_says_whether_to_start_again(
    script: list[Responder], kind: type[ProviderError]
) -> None:
    with pytest.raises(kind):
        await back(Wire(*script))


async def test_a_server_without_an_app_says_so_and_an_unknown_flow_is_refused() -> None:
    with pytest.raises(LoginFailed, match="POSTROOM_PROVIDER_FACEBOOK_CLIENT_ID"):
        await FacebookConnector(http=Wire(answer()).http()).login("oauth", None)
    with pytest.raises(InvalidParameters):
        await FacebookConnector(http=Wire(answer()).http()).login("cookie", None)


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("Nothing", None),
        ("See https://a.test/x?y=1. Or http://b.test", "https://a.test/x?y=1"),
        ("(https://a.test)", "https://a.test"),
        ("mail@https.test", None),
    ],
)
def test_the_first_address_is_shown_with_a_preview(text: str, link: str | None) -> None:
    assert convert.link(text) == link
