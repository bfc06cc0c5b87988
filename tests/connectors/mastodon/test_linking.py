"""Linking a Mastodon account: which server, an app there, the owner's yes."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from postroom.connectors.contract import Ask, Linked, Reply, Visit
from postroom.connectors.guarded import Guard, guarded_http
from postroom.connectors.mastodon.connector import MastodonConnector, MastodonSettings
from postroom.connectors.mastodon.servers import account_id
from postroom.connectors.servers import server_address
from postroom.domain.remote import Profile
from postroom.errors import InvalidParameters, LoginFailed, OutcomeUnknown, ProviderDown, ProviderError
from tests.connectors.wire import Responder, Wire, answer, breaks

CALLBACK = "https://postroom.example/callbacks/oauth"
APP = answer(200, {"client_id": "app-id", "client_secret": "app-secret"})
TOKEN = answer(200, {"access_token": "token-of-ada", "token_type": "Bearer", "scope": "x", "created_at": 1})
ADA = {
    "id": "109",
    "username": "ada",
    "acct": "ada",
    "display_name": "Ada",
    "url": "https://mastodon.example/@ada",
    "avatar": "https://mastodon.example/ada.png",
}


def connector(wire: Wire, **settings: str) -> MastodonConnector:
    return MastodonConnector(http=wire.http(tries=1), callback_url=CALLBACK, settings=MastodonSettings(**settings))


async def visit(made: MastodonConnector, server: str = "mastodon.example") -> Visit:
    step = await made.login("oauth", Reply(state=None, answers={"server": server}))
    assert isinstance(step, Visit)
    return step


async def test_the_owner_is_asked_for_the_server_first_and_again_without_one() -> None:
    wire = Wire(answer(200))
    assert isinstance(await connector(wire).login("oauth", None), Ask)
    assert isinstance(await connector(wire).login("oauth", Reply(state=None, answers={"server": " "})), Ask)
    assert wire.requests == []


async def test_an_app_is_registered_at_the_server_and_the_owner_sent_there() -> None:
    wire = Wire(APP)
    step = await visit(connector(wire))
    assert str(wire.last.url) == "https://mastodon.example/api/v1/apps"
    fields = parse_qs(wire.last.content.decode())
    assert fields["redirect_uris"] == [CALLBACK]
    assert fields["scopes"] == ["read:accounts write:statuses write:media"]
    query = parse_qs(urlsplit(step.url).query)
    assert step.url.startswith("https://mastodon.example/oauth/authorize?")
    assert (query["client_id"], query["state"]) == (["app-id"], [step.nonce])
    assert (query["code_challenge_method"], query["redirect_uri"]) == (["S256"], [CALLBACK])


async def test_a_configured_app_and_server_are_used_as_they_are() -> None:
    wire = Wire(answer(500))
    made = connector(wire, origin="https://own.example/", client_id="mine", client_secret="x")
    step = await made.login("oauth", None)
    assert isinstance(step, Visit)
    assert step.url.startswith("https://own.example/oauth/authorize?response_type=code&client_id=mine&")
    assert wire.requests == []


async def test_the_code_becomes_a_token_that_goes_with_the_app_it_was_given_to() -> None:
    wire = Wire(APP, TOKEN, answer(200, ADA))
    made = connector(wire)
    step = await visit(made)
    linked = await made.login("oauth", Reply(state=step.state, answers={"code": "the-code", "state": step.nonce}))
    assert isinstance(linked, Linked)
    fields = {name: values[0] for name, values in parse_qs(wire.requests[1].content.decode()).items()}
    assert fields == {
        "grant_type": "authorization_code",
        "code": "the-code",
        "code_verifier": step.state["verifier"],
        "client_id": "app-id",
        "client_secret": "app-secret",
        "redirect_uri": CALLBACK,
    }
    assert linked.profile == Profile(
        provider_id="109_mastodon_example",
        username="ada@mastodon.example",
        name="Ada",
        picture_url="https://mastodon.example/ada.png",
        profile_url="https://mastodon.example/@ada",
    )
    assert dict(linked.credentials.values) == {
        "server": "https://mastodon.example",
        "client_id": "app-id",
        "client_secret": "app-secret",
        "access_token": "token-of-ada",
    }
    assert linked.credentials.expires_at is None


async def finish(*script: Responder, **answers: str) -> Any:
    made = connector(Wire(APP, *script))
    step = await visit(made)
    return await made.login("oauth", Reply(state=step.state, answers={"state": step.nonce, **answers}))


@pytest.mark.parametrize("answers", [{"error": "access_denied"}, {"code": "c", "state": "another"}, {}])
async def test_an_owner_who_says_no_or_comes_from_elsewhere_is_not_linked(answers: dict[str, str]) -> None:
    with pytest.raises(LoginFailed):
        await finish(TOKEN, answer(200, ADA), **answers)


@pytest.mark.parametrize(
    "script",
    [
        (answer(400, {"error": "invalid_grant"}),),
        (answer(401, {"error": "invalid_client"}),),
        (TOKEN, answer(401, {"error": "The access token is invalid"})),
        (TOKEN, answer(403, {"error": "Your login is currently disabled"})),
        (TOKEN, answer(403, {"error": "This action is outside the authorized scopes"})),
        (TOKEN, answer(200, {"id": None})),
    ],
)
async def test_a_link_that_the_server_refuses_is_over(script: tuple[Responder, ...]) -> None:
    with pytest.raises(LoginFailed) as caught:
        await finish(*script, code="the-code")
    assert "the-code" not in repr(caught.value)


@pytest.mark.parametrize("responder", [answer(500), breaks(httpx.ReadError), breaks(httpx.ConnectError), answer(200)])
async def test_linking_may_be_tried_again_where_the_server_is_down(responder: Responder) -> None:
    for script in ((responder,), (APP, responder), (APP, TOKEN, responder)):
        made = connector(Wire(*script))
        with pytest.raises(ProviderError) as caught:
            step = await visit(made)
            await made.login("oauth", Reply(state=step.state, answers={"state": step.nonce, "code": "c"}))
        assert isinstance(caught.value, ProviderDown)
        assert not isinstance(caught.value, OutcomeUnknown)


async def test_what_is_no_mastodon_is_said_to_be_none() -> None:
    with pytest.raises(LoginFailed, match="does not answer as Mastodon"):
        await visit(connector(Wire(answer(404, body=b"<html>Not Found</html>"))))


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("mastodon.social", "https://mastodon.social"),
        (" Mastodon.Social ", "https://mastodon.social"),
        ("https://mastodon.social/@ada", "https://mastodon.social"),
        ("@ada@mastodon.social", "https://mastodon.social"),
        ("ada@mastodon.social", "https://mastodon.social"),
        ("bücher.example", "https://xn--bcher-kva.example"),
    ],
)
def test_servers_are_understood_as_owners_write_them(text: str, server: str) -> None:
    assert server_address(text) == server


@pytest.mark.parametrize(
    "text",
    [
        "localhost",
        "mastodon",
        "127.0.0.1",
        "10.0.0.1",
        "[::1]",
        "0x7f.1",
        "2130706433",
        "http://mastodon.social",
        "https://user@mastodon.social",
        "https://mastodon.social:8443",
        "mastodon.social:22",
        "printer.local",
        "db.internal",
        "ftp://mastodon.social",
        "mastodon..social",
        "mastodon.social\r\nx: y",
        "x" * 300 + ".social",
    ],
)
async def test_what_is_no_public_server_is_refused_and_never_called(text: str) -> None:
    wire = Wire(APP)
    assert server_address(text) is None
    with pytest.raises(LoginFailed):
        await visit(connector(wire), text)
    assert wire.requests == []


async def test_a_name_that_leads_into_this_house_is_refused() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["10.1.2.3"]

    guarded = guarded_http(Guard(resolve=resolve))
    made = MastodonConnector(http=Wire(answer(200)).http(), callback_url=CALLBACK, guarded=guarded)
    with pytest.raises(LoginFailed):
        await visit(made)
    await guarded.close()


def test_accounts_of_several_servers_never_share_an_id() -> None:
    assert account_id("1", "https://mastodon.social", "https://mastodon.social") == "1"
    assert account_id("1", "https://a.b.example", "https://mastodon.social") == "1_a_b_example"
    assert account_id("1", "https://a-b.example", "https://mastodon.social") == "1_a-b_example"


async def test_another_way_to_link_is_refused() -> None:
    with pytest.raises(InvalidParameters):
        await connector(Wire(answer())).login("cookie", None)
