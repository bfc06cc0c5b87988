"""The connector against servers that speak the protocol: the simulated one, and a real PDS."""

import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from postroom.connectors.bluesky.connection import BlueskyConnection
from postroom.connectors.bluesky.connector import BlueskyConnector, BlueskySettings
from postroom.connectors.contract import Linked, Reply
from postroom.connectors.http import Http
from postroom.domain.remote import Credentials, PostDraft
from postroom.errors import CredentialsRejected, LoginFailed, OutcomeUnknown, ProviderDown, RateLimited, Unprocessable
from tests.connectors.bluesky.test_calls import DRAFT
from tests.connectors.wire import Picture, Trying
from tests.parts.faultproxy import FaultProxy

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Server:
    """A PDS with one account on it, and what the network holds of that account."""

    def __init__(self, url: str, handle: str, password: str, records: Any) -> None:
        self.url = url
        self.handle = handle
        self.password = password
        self.records = records
        self.kept: list[Credentials] = []

    async def keep(self, credentials: Credentials) -> None:
        self.kept.append(credentials)

    async def open(self, http: Http, url: str | None = None) -> BlueskyConnection:
        connector = BlueskyConnector(http=http, settings=BlueskySettings(origin=url or self.url))
        answers = {"identifier": self.handle, "password": self.password}
        linked = await connector.login("app_password", Reply(state=None, answers=answers))
        assert isinstance(linked, Linked)
        assert linked.profile.provider_id.startswith("did:plc:")
        return connector.open(linked.profile, linked.credentials, self.keep)


@pytest.fixture(params=["simulated", pytest.param("real", marks=pytest.mark.parts)])
def server(request: pytest.FixtureRequest) -> Server:
    if request.param == "simulated":
        simulation = request.getfixturevalue("simulation")
        return Server(
            simulation.bluesky,
            "ada.test",
            "app-ada-pass",
            lambda: simulation.get("network/bluesky/posts", account="ada.test")["posts"],
        )
    pds = request.getfixturevalue("pds")
    account = request.getfixturevalue("pds_account")
    return Server(
        pds.base_url,
        account.handle,
        pds.create_app_password(account),
        lambda: [{"uri": item["uri"], **item["value"]} for item in pds.records(account.did)],
    )


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    made = Http(backoff_seconds=0.01, read_seconds=5)
    yield made
    await made.close()


async def test_a_post_goes_out_is_found_and_comes_down(server: Server, http: Http) -> None:
    connection = await server.open(http)
    draft = PostDraft(text="Grüße 🐝 https://example.com/a #蜂 @nobody.test", created_at=AT)
    assert await connection.find(DRAFT, Trying("token-1")) is None
    post = await connection.publish(draft, Trying("token-1"))
    (record,) = server.records()
    assert (record["uri"], record["text"]) == (post.provider_id, draft.text)
    assert [facet["features"][0]["$type"].partition("#")[2] for facet in record["facets"]] == ["link", "tag"]
    assert await connection.find(DRAFT, Trying("token-1")) == post
    await connection.unpublish(post.provider_id)
    assert server.records() == []
    assert await connection.find(DRAFT, Trying("token-1")) is None
    await connection.unpublish(post.provider_id)


async def test_a_post_that_is_tried_again_is_one_post(server: Server, http: Http) -> None:
    connection = await server.open(http)
    draft = PostDraft(text="Once", created_at=AT)
    first = await connection.publish(draft, Trying("token-1"))
    assert await connection.publish(draft, Trying("token-1")) == first
    assert len(server.records()) == 1
    assert await connection.publish(draft, Trying("token-2")) != first
    assert len(server.records()) == 2


async def test_a_post_shows_its_images(server: Server, http: Http) -> None:
    connection = await server.open(http)
    await connection.publish(PostDraft(text="", created_at=AT, media=(Picture(PNG), Picture(PNG))), Trying("token-1"))
    (record,) = server.records()
    images = record["images"] if "images" in record else record["embed"]["images"]
    assert [image["alt"] for image in images] == ["A hive", "A hive"]


async def test_a_text_that_is_too_long_is_refused_in_the_networks_words(server: Server, http: Http) -> None:
    connection = await server.open(http)
    with pytest.raises(Unprocessable, match="grapheme"):
        await connection.publish(PostDraft(text="x" * 301, created_at=AT), Trying("token-1"))
    assert server.records() == []


async def test_three_hundred_families_fit(server: Server, http: Http) -> None:
    connection = await server.open(http)
    await connection.publish(PostDraft(text="é" * 299 + "👩‍🌾", created_at=AT), Trying("token-1"))
    assert len(server.records()) == 1


async def test_the_session_tells_whose_it_is_until_it_is_revoked(server: Server, http: Http) -> None:
    connection = await server.open(http)
    assert (await connection.profile()).username == server.handle
    await connection.revoke()
    await connection.revoke()
    # Its access token ends by itself, within hours; nobody can renew it any more.
    with pytest.raises(CredentialsRejected):
        await connection._refresh(connection._credentials.values["accessJwt"])


async def test_a_session_is_renewed_and_works_on(server: Server, http: Http) -> None:
    connection = await server.open(http)
    await connection._refresh(connection._credentials.values["accessJwt"])
    assert len(server.kept) == 1
    assert (await connection.profile()).username == server.handle
    again = BlueskyConnector(http=http, settings=BlueskySettings(origin=server.url)).open(
        await connection.profile(), server.kept[0], server.keep
    )
    await again.publish(PostDraft(text="Renewed", created_at=AT), Trying("token-1"))
    assert len(server.records()) == 1


async def test_a_wrong_app_password_links_nothing(server: Server, http: Http) -> None:
    server.password = "wrong-pass-word"
    with pytest.raises(LoginFailed):
        await server.open(http)


async def test_an_answer_that_is_lost_leaves_one_post_that_is_found(server: Server, http: Http) -> None:
    base, _, path = server.url.removeprefix("http://").partition("/")
    host, _, port = base.partition(":")
    connection = await server.open(http)
    async with FaultProxy(host, int(port)) as proxy:
        through = Http(backoff_seconds=0.01, tries=1)
        values = dict(connection._credentials.values) | {"service": f"http://127.0.0.1:{proxy.port}/{path}".rstrip("/")}
        broken = BlueskyConnector(http=through, settings=BlueskySettings(origin=server.url)).open(
            connection._profile, Credentials(values=values), server.keep
        )
        proxy.faults.reset_after_bytes = 0
        with pytest.raises(OutcomeUnknown):
            await broken.publish(PostDraft(text="Once", created_at=AT), Trying("token-1"))
        await through.close()
    found = await connection.find(DRAFT, Trying("token-1"))
    assert found is not None
    assert await connection.publish(PostDraft(text="Once", created_at=AT), Trying("token-1")) == found
    assert len(server.records()) == 1


# What only a simulation can be told to do.


@pytest.fixture
async def ada(simulation: Any, http: Http) -> BlueskyConnection:
    return await Server(simulation.bluesky, "ada.test", "app-ada-pass", list).open(http)


async def test_an_expired_session_is_renewed_by_itself(ada: BlueskyConnection, simulation: Any) -> None:
    simulation.fault("createRecord", {"expired_session": True}, network="bluesky")
    await ada.publish(PostDraft(text="Hello", created_at=AT), Trying("token-1"))
    assert len(simulation.requests("refreshSession", "bluesky")) == 1
    assert len(simulation.get("network/bluesky/posts", account="ada.test")["posts"]) == 1


async def test_a_lost_answer_is_settled_by_looking(ada: BlueskyConnection, simulation: Any) -> None:
    simulation.fault("createRecord", {"commit_then_lose": True}, network="bluesky")
    post = await ada.publish(PostDraft(text="Hello", created_at=AT), Trying("token-1"))
    assert await ada.find(DRAFT, Trying("token-1")) == post
    assert len(simulation.requests("createRecord", "bluesky")) == 1


async def test_a_request_that_never_arrived_leaves_the_outcome_unknown(ada: BlueskyConnection, simulation: Any) -> None:
    simulation.fault("createRecord", {"reset": True}, network="bluesky")
    with pytest.raises(OutcomeUnknown):
        await ada.publish(PostDraft(text="Hello", created_at=AT), Trying("token-1"))
    assert await ada.find(DRAFT, Trying("token-1")) is None


async def test_a_rate_limit_is_told_with_its_end(ada: BlueskyConnection, simulation: Any) -> None:
    simulation.fault(
        "createRecord",
        {"status": 429, "body": {"error": "RateLimitExceeded"}, "headers": {"retry-after": "30"}},
        network="bluesky",
    )
    with pytest.raises(RateLimited) as caught:
        await ada.publish(PostDraft(text="Hello", created_at=AT), Trying("token-1"))
    assert caught.value.retry_after_seconds == 30


async def test_an_upload_that_is_lost_published_nothing(ada: BlueskyConnection, simulation: Any) -> None:
    simulation.fault("uploadBlob", {"reset": True}, network="bluesky")
    with pytest.raises(ProviderDown):
        await ada.publish(PostDraft(text="", created_at=AT, media=(Picture(PNG),)), Trying("token-1"))
