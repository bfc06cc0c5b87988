"""What is asked of the Instagram API, and what its answers mean. How containers are used is tested with Threads."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from postroom.connectors.contract import Ask, Linked, Reply, Visit
from postroom.connectors.graph import words
from postroom.connectors.instagram.connection import InstagramConnection
from postroom.connectors.instagram.connector import InstagramConnector, InstagramSettings
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

ME = "17841400000000001"
AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
PHOTO = Picture(b"\xff\xd8\xff", content_type="image/jpeg", address="https://us.example/media/1")
FILM = Picture(b"film", content_type="video/mp4", kind="video", address="https://us.example/media/2")
DRAFT = PostDraft(text="Hello", created_at=AT, media=(PHOTO,))
SETTINGS = InstagramSettings(client_id="us", client_secret="ours", wait_seconds=0)

MADE, READY = answer(200, {"id": "179"}), answer(200, {"status_code": "FINISHED", "id": "179"})
POSTED, SHOWN = answer(200, {"id": "181"}), answer(200, {"id": "181", "permalink": "https://www.instagram.com/p/C/"})


def opened(
    wire: Wire, *, login: str = "instagram", granted: str = "", ends_at: datetime | None = None
) -> InstagramConnection:
    async def keep(credentials: Credentials) -> None:
        assert credentials.values["login"] == login

    connector = InstagramConnector(http=wire.http(tries=1), settings=SETTINGS, now=lambda: AT)
    expires_at = None if ends_at is None else round(ends_at.timestamp() * 1000)
    values = {"access_token": "token-1", "login": login, "granted": granted}
    profile = Profile(provider_id=ME, username="ada", name="Ada")
    return connector.open(profile, Credentials(values=values, expires_at=expires_at), keep)


def film(kind: Any = None) -> PostDraft:
    return PostDraft(text="Film", created_at=AT, media=(FILM,), settings={"videoType": kind})


IMAGE = {"image_url": "https://us.example/media/1", "alt_text": "A hive"}
VIDEO = {"video_url": "https://us.example/media/2"}


@pytest.mark.parametrize(
    ("draft", "fields"),
    [
        (DRAFT, IMAGE | {"caption": "Hello"}),
        (PostDraft(text="", created_at=AT, media=(PHOTO,)), IMAGE),
        (film("REELS"), VIDEO | {"media_type": "REELS", "caption": "Film"}),
        (film("POEM"), VIDEO | {"media_type": "REELS", "caption": "Film"}),
        (film(), VIDEO | {"media_type": "REELS", "caption": "Film"}),
        (film("STORIES"), VIDEO | {"media_type": "STORIES"}),
    ],
)
async def test_one_file_is_a_container_that_is_published(draft: PostDraft, fields: dict[str, str]) -> None:
    wire, attempt = Wire(MADE, READY, POSTED, SHOWN), Trying()
    post = await opened(wire).publish(draft, attempt)
    assert (post.provider_id, post.url) == ("181", "https://www.instagram.com/p/C/")
    assert asked(wire, 0) == ("POST", f"/v25.0/{ME}/media", fields | {"access_token": "token-1"})
    assert asked(wire, 2)[1:] == (
        f"/v25.0/{ME}/media_publish",
        {"creation_id": "179", "access_token": "token-1"},
    )
    assert attempt.note["container"] == "179"


@pytest.mark.parametrize(("login", "host"), [("instagram", "graph.instagram.com"), ("facebook", "graph.facebook.com")])
async def test_the_host_is_that_of_the_login(login: str, host: str) -> None:
    wire = Wire(MADE, READY, POSTED, SHOWN)
    await opened(wire, login=login).publish(DRAFT, Trying())
    assert {request.url.host for request in wire.requests} == {host}


async def test_several_files_are_a_carousel() -> None:
    wire = Wire(answer(200, {"id": "1"}), answer(200, {"id": "2"}), READY, READY, MADE, READY, POSTED, SHOWN)
    await opened(wire).publish(PostDraft(text="Two", created_at=AT, media=(PHOTO, FILM)), Trying())
    assert asked(wire, 0)[2] == IMAGE | {"is_carousel_item": "true", "access_token": "token-1"}
    assert asked(wire, 1)[2] == VIDEO | {"media_type": "VIDEO", "is_carousel_item": "true", "access_token": "token-1"}
    whole = {"media_type": "CAROUSEL", "children": "1,2", "caption": "Two", "access_token": "token-1"}
    assert asked(wire, 4)[2] == whole


@pytest.mark.parametrize(
    "media",
    [
        (),
        (Picture(content_type="image/png"),),
        (Picture(content_type="image/jpeg", size=8 * 1024 * 1024 + 1),),
        (Picture(content_type="image/jpeg", width=1000, height=1300),),
        (Picture(content_type="image/jpeg", width=2000, height=1000),),
        (Picture(content_type="video/webm", kind="video"),),
        tuple(PHOTO for _ in range(11)),
    ],
)
async def test_what_instagram_does_not_take_is_refused_before_any_call(media: Any) -> None:
    wire = Wire(MADE)
    with pytest.raises(Unprocessable):
        await opened(wire).publish(PostDraft(text="x", created_at=AT, media=media), Trying())
    assert wire.requests == []


@pytest.mark.parametrize(("width", "height"), [(1080, 1350), (1910, 1000), (1440, 754), (500, 500)])
async def test_pictures_at_the_edges_of_what_it_takes_go_out(width: int, height: int) -> None:
    picture = Picture(content_type="image/jpeg", width=width, height=height, address="https://us.example/1")
    draft = PostDraft(text="x", created_at=AT, media=(picture,))
    assert (await opened(Wire(MADE, READY, POSTED, SHOWN)).publish(draft, Trying())).provider_id == "181"


# Source: Instagram Platform documentation, "Error Codes".
TABLE: dict[str, tuple[int, int, type[ProviderError], type[ProviderError]]] = {
    "the download took too long": (-2, 2207003, ProviderDown, OutcomeUnknown),
    "the container expired": (-2, 2207020, ProviderDown, OutcomeUnknown),
    "a failure of the server": (-1, 2207001, ProviderDown, OutcomeUnknown),
    "creation failed": (-1, 2207032, ProviderDown, OutcomeUnknown),
    "blocked as spam": (4, 2207051, Refused, Refused),
    "the day's limit": (9, 2207042, RateLimited, RateLimited),
    "no such media": (24, 2207006, Unprocessable, Unprocessable),
    "the container is temporary": (24, 2207008, ProviderDown, ProviderDown),
    "restricted": (25, 2207050, ActionRequired, ActionRequired),
    "a carousel that is none": (100, 2207028, Unprocessable, Unprocessable),
    "an unsupported video": (352, 2207026, Unprocessable, Unprocessable),
    "not fetchable": (9004, 2207052, Unprocessable, Unprocessable),
    "not ready": (9007, 2207027, ProviderDown, ProviderDown),
    "too large": (36000, 2207004, Unprocessable, Unprocessable),
    "another format": (36001, 2207005, Unprocessable, Unprocessable),
    "another shape": (36003, 2207009, Unprocessable, Unprocessable),
    "a caption too long": (36004, 2207010, Unprocessable, Unprocessable),
    "the token is over": (190, 463, CredentialsRejected, CredentialsRejected),
}


@pytest.mark.parametrize(("code", "subcode", "making", "publishing"), TABLE.values(), ids=TABLE)
async def test_every_error_of_the_table_says_what_to_do(
    code: int, subcode: int, making: type[ProviderError], publishing: type[ProviderError]
) -> None:
    with pytest.raises(ProviderError) as caught:
        await opened(Wire(says(code, subcode))).publish(DRAFT, Trying())
    assert type(caught.value) is making
    with pytest.raises(ProviderError) as caught:
        await opened(Wire(MADE, READY, says(code, subcode), READY)).publish(DRAFT, Trying())
    assert type(caught.value) is publishing


async def test_only_a_picture_that_is_too_large_is_called_that() -> None:
    for code, subcode, large in ((36000, 2207004, True), (36001, 2207005, False)):
        with pytest.raises(Unprocessable) as caught:
            await opened(Wire(says(code, subcode, error_user_msg="The picture."))).publish(DRAFT, Trying())
        assert bool(caught.value.context.get("too_large")) is large
        assert "The picture." in caught.value.detail


@pytest.mark.parametrize(("draft", "edge", "caption"), [(DRAFT, "media", "Hello"), (film("STORIES"), "stories", None)])
async def test_a_published_container_is_looked_up_where_such_posts_are_listed(
    draft: PostDraft, edge: str, caption: str | None
) -> None:
    row = {"id": "181", "timestamp": "2026-11-21T12:00:01+0000", "caption": caption}
    wire = Wire(answer(200, {"status_code": "PUBLISHED"}), answer(200, {"data": [row]}))
    post = await opened(wire).find(draft, Trying(note={"container": "179", "words": words(caption or "")}, begun_at=AT))
    assert post is not None
    assert post.provider_id == "181"
    assert asked(wire, 1)[1] == f"/v25.0/{ME}/{edge}"


async def test_only_an_account_linked_by_facebook_with_the_permission_deletes() -> None:
    wire = Wire(answer(200, {"success": True}))
    with pytest.raises(NotSupported):
        await opened(wire).unpublish("181")
    with pytest.raises(NotSupported):
        await opened(wire, login="facebook", granted="instagram_basic").unpublish("181")
    with pytest.raises(Refused):
        await opened(wire, login="facebook", granted="instagram_manage_contents").unpublish("181/../me")
    assert wire.requests == []
    await opened(wire, login="facebook", granted="instagram_basic,instagram_manage_contents").unpublish("181")
    assert asked(wire, 0)[:2] == ("DELETE", "/v25.0/181")


async def test_gone_is_success_and_forbidden_is_not() -> None:
    with pytest.raises(Refused):
        await opened(
            Wire(GONE, answer(200, {"id": "181"})), login="facebook", granted="instagram_manage_contents"
        ).unpublish("181")
    await opened(
        Wire(GONE, GONE, answer(200, {"id": "1"})), login="facebook", granted="instagram_manage_contents"
    ).unpublish("181")


async def test_the_token_of_instagrams_login_is_renewed_at_instagram() -> None:
    wire = Wire(answer(200, {"access_token": "token-2", "expires_in": 5_184_000}), answer(200, {"user_id": ME}))
    profile = await opened(wire, ends_at=AT + timedelta(days=3)).profile()
    assert profile.provider_id == ME
    assert str(wire.requests[0].url).startswith("https://graph.instagram.com/refresh_access_token?")
    assert asked(wire, 0)[2]["grant_type"] == "ig_refresh_token"


# linking


async def back(wire: Wire, flow: str, settings: InstagramSettings = SETTINGS) -> tuple[InstagramConnector, Any, Visit]:
    url = "https://us.example/callbacks/oauth"
    it = InstagramConnector(http=wire.http(tries=1), settings=settings, callback_url=url, now=lambda: AT)
    visit = await it.login(flow, None)
    assert isinstance(visit, Visit)
    answers = {"code": "c0de", "state": visit.nonce}
    return it, await it.login(flow, Reply(state=visit.state, answers=answers)), visit


@pytest.mark.parametrize("wrapped", [True, False])
async def test_instagrams_login_gives_a_token_of_sixty_days(wrapped: bool) -> None:
    short = {"access_token": "short", "user_id": ME, "permissions": "instagram_business_basic"}
    wire = Wire(
        answer(200, {"data": [short]} if wrapped else short),
        answer(200, {"access_token": "long", "expires_in": 5_184_000}),
        answer(200, {"id": "app-scoped", "user_id": int(ME), "username": "ada", "name": "Ada Moss"}),
    )
    _, step, visit = await back(wire, "oauth")
    assert visit.url.startswith("https://www.instagram.com/oauth/authorize?")
    assert isinstance(step, Linked)
    assert (step.profile.provider_id, step.profile.username) == (ME, "ada")
    assert step.credentials.values == {"access_token": "long", "login": "instagram"}
    assert step.credentials.expires_at == round((AT + timedelta(days=60)).timestamp() * 1000)
    assert str(wire.requests[0].url) == "https://api.instagram.com/oauth/access_token"


def owned(*ids: str, tasks: tuple[str, ...] = ("CREATE_CONTENT",)) -> Responder:
    rows = [
        {"id": f"9{id}", "access_token": f"page-{id}", "tasks": list(tasks), "instagram_business_account": {"id": id}}
        for id in ids
    ]
    return answer(200, {"data": [{"id": "90", "access_token": "x"}, None, *rows]})


TOKENS = (answer(200, {"access_token": "short"}), answer(200, {"access_token": "long"}))
GRANTED = answer(
    200,
    {
        "data": [
            {"permission": "instagram_basic", "status": "granted"},
            {"permission": "instagram_manage_contents", "status": "declined"},
        ]
    },
)


async def test_facebooks_login_goes_through_facebooks_app_and_keeps_what_was_granted() -> None:
    settings = InstagramSettings(
        client_id="us", client_secret="ours", facebook_client_id="fb", facebook_client_secret="fb-secret"
    )
    wire = Wire(*TOKENS, owned("1"), GRANTED)
    _, step, visit = await back(wire, "facebook_oauth", settings)
    query = parse_qs(urlsplit(visit.url).query)
    assert visit.url.startswith("https://www.facebook.com/v25.0/dialog/oauth?")
    assert query["client_id"] == ["fb"]
    assert "instagram_manage_contents" in query["scope"][0]
    assert isinstance(step, Linked)
    values = {"access_token": "page-1", "login": "facebook", "granted": "instagram_basic"}
    assert step.credentials == Credentials(values=values)
    assert asked(wire, 0)[2]["client_secret"] == "fb-secret"


async def test_the_owner_of_several_accounts_chooses() -> None:
    it, step, _ = await back(Wire(*TOKENS, owned("1", "2"), GRANTED), "facebook_oauth")
    assert isinstance(step, Ask)
    assert set(step.choices["account"]) == {"1", "2"}
    again = await it.login("facebook_oauth", Reply(state=step.state, answers={}))
    assert isinstance(again, Ask)
    linked = await it.login("facebook_oauth", Reply(state=again.state, answers={"account": "2"}))
    assert isinstance(linked, Linked)
    assert (linked.profile.provider_id, linked.credentials.values["granted"]) == ("2", "instagram_basic")


@pytest.mark.parametrize(
    ("flow", "script", "kind"),
    [
        ("facebook_oauth", [*TOKENS, owned()], LoginFailed),
        ("facebook_oauth", [*TOKENS, owned("1", tasks=("ANALYZE",))], LoginFailed),
        ("facebook_oauth", [*TOKENS, answer(500)], ProviderDown),
        ("oauth", [says(100, 36009)], LoginFailed),
        ("oauth", [says(190, 459)], LoginFailed),
        ("oauth", [breaks(httpx.ReadError)], ProviderDown),
        ("oauth", [*TOKENS, answer(200, {"id": "1"})], ProviderDown),
    ],
)
async def test_a_login_that_fails_says_whether_to_start_again(
    flow: str, script: list[Responder], kind: type[ProviderError]
) -> None:
    with pytest.raises(kind):
        await back(Wire(*script), flow)


async def test_a_server_without_an_app_says_so_and_an_unknown_flow_is_refused() -> None:
    with pytest.raises(LoginFailed, match="POSTROOM_PROVIDER_INSTAGRAM_CLIENT_ID"):
        await InstagramConnector(http=Wire(answer()).http()).login("oauth", None)
    with pytest.raises(InvalidParameters):
        await InstagramConnector(http=Wire(answer()).http()).login("cookie", None)
