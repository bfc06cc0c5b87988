"""Linking an X account: the owner's yes at X's page, and what comes of it."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from postroom.connectors.contract import AppSettings, Linked, Reply, Visit
from postroom.connectors.twitter.connector import XConnector
from postroom.domain.remote import Profile
from postroom.errors import InvalidParameters, LoginFailed, ProviderDown
from tests.connectors.wire import Responder, Wire, answer, breaks

CALLBACK = "https://postroom.example/callbacks/oauth"
TOKENS = answer(200, {"access_token": "access-1", "refresh_token": "refresh-1", "expires_in": 7200})
ME = answer(
    200, {"data": {"id": "42", "name": "Ada", "username": "ada_marlow", "profile_image_url": "https://p/a.png"}}
)


def connector(wire: Wire, **settings: str) -> XConnector:
    settings = {"client_id": "app-id", "client_secret": "app-secret"} | settings
    return XConnector(http=wire.http(tries=1), callback_url=CALLBACK, settings=AppSettings(**settings))


async def visit(made: XConnector) -> Visit:
    step = await made.login("oauth", None)
    assert isinstance(step, Visit)
    return step


async def finish(wire: Wire, **answers: str) -> Any:
    made = connector(wire)
    step = await visit(made)
    return await made.login("oauth", Reply(state=step.state, answers={"state": step.nonce, **answers}))


async def test_the_owner_is_sent_to_xs_page_with_all_that_is_needed_for_posting() -> None:
    wire = Wire(answer(500))
    step = await visit(connector(wire))
    assert step.url.startswith("https://x.com/i/oauth2/authorize?")
    query = parse_qs(urlsplit(step.url).query)
    assert query["scope"] == ["tweet.read tweet.write users.read media.write offline.access"]
    assert (query["code_challenge_method"], query["redirect_uri"]) == (["S256"], [CALLBACK])
    assert (query["client_id"], query["state"]) == (["app-id"], [step.nonce])
    assert wire.requests == []


async def test_without_an_app_nobody_is_sent_anywhere() -> None:
    with pytest.raises(LoginFailed, match="POSTROOM_PROVIDER_TWITTER_CLIENT_ID"):
        await connector(Wire(answer()), client_id="").login("oauth", None)


async def test_the_code_becomes_tokens_of_two_hours() -> None:
    wire = Wire(TOKENS, ME)
    linked = await finish(wire, code="the-code")
    assert isinstance(linked, Linked)
    assert str(wire.requests[0].url) == "https://api.x.com/2/oauth2/token"
    assert wire.requests[0].headers["authorization"] == "Basic YXBwLWlkOmFwcC1zZWNyZXQ="
    fields = parse_qs(wire.requests[0].content.decode())
    assert (fields["grant_type"], fields["code"]) == (["authorization_code"], ["the-code"])
    assert len(fields["code_verifier"][0]) >= 43
    assert linked.profile == Profile(
        provider_id="42",
        username="ada_marlow",
        name="Ada",
        picture_url="https://p/a.png",
        profile_url="https://x.com/ada_marlow",
    )
    assert dict(linked.credentials.values) == {"access_token": "access-1", "refresh_token": "refresh-1"}
    assert linked.credentials.expires_at is not None


async def test_an_app_without_a_secret_names_itself_in_the_form() -> None:
    wire = Wire(TOKENS, ME)
    made = connector(wire, client_secret="")
    step = await visit(made)
    await made.login("oauth", Reply(state=step.state, answers={"state": step.nonce, "code": "c"}))
    assert "authorization" not in wire.requests[0].headers
    assert parse_qs(wire.requests[0].content.decode())["client_id"] == ["app-id"]


@pytest.mark.parametrize("answers", [{"error": "access_denied"}, {"code": "c", "state": "another"}, {}])
async def test_an_owner_who_says_no_or_comes_from_elsewhere_is_not_linked(answers: dict[str, str]) -> None:
    wire = Wire(TOKENS, ME)
    with pytest.raises(LoginFailed):
        await finish(wire, **answers)
    assert wire.requests == []


@pytest.mark.parametrize(
    "script",
    [
        (answer(400, {"error": "invalid_request"}),),
        (TOKENS, answer(401, {"title": "Unauthorized"})),
        (TOKENS, answer(403, {"detail": "Your account is suspended"})),
        (TOKENS, answer(200, {"data": {"id": "none"}})),
    ],
)
async def test_a_link_that_x_refuses_is_over(script: tuple[Responder, ...]) -> None:
    with pytest.raises(LoginFailed) as caught:
        await finish(Wire(*script), code="the-code")
    assert "the-code" not in repr(caught.value)


@pytest.mark.parametrize("responder", [answer(500), breaks(httpx.ReadError), breaks(httpx.ConnectError)])
async def test_linking_may_be_tried_again_where_x_is_down(responder: Responder) -> None:
    for script in ((responder,), (TOKENS, responder)):
        with pytest.raises(ProviderDown):
            await finish(Wire(*script), code="c")


async def test_another_way_to_link_is_refused() -> None:
    with pytest.raises(InvalidParameters):
        await connector(Wire(answer())).login("cookie", None)
