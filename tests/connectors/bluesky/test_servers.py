"""The connector against servers that speak the protocol: the simulated one, and a real PDS."""

import base64
import hmac
import json
import struct
import zlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from postroom.connectors.bluesky import convert
from postroom.connectors.bluesky.connection import BlueskyConnection
from postroom.connectors.bluesky.connector import BlueskyConnector, BlueskySettings
from postroom.connectors.contract import Linked, Reply
from postroom.connectors.http import Http
from postroom.domain.remote import Credentials, PostDraft
from postroom.errors import CredentialsRejected, LoginFailed, OutcomeUnknown, ProviderDown, RateLimited, Unprocessable
from tests.connectors.bluesky.test_calls import DRAFT
from tests.connectors.wire import Picture, Trying
from tests.parts.faultproxy import FaultProxy
from tests.parts.pds import Pds, PdsAccount, running_pds

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def png(width: int) -> bytes:
    """A picture of so many white pixels in a row."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, 1, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" + b"\xff" * 3 * width)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


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


async def test_a_post_has_four_images_with_their_shapes_and_not_five(server: Server, http: Http) -> None:
    connection = await server.open(http)
    media = tuple(Picture(png(side), alt_text=f"{side} wide", width=side, height=1) for side in (1, 2, 3, 4))
    post = await connection.publish(PostDraft(text="Four", created_at=AT, media=media), Trying("token-1"))
    record = await connection._api.get_record(*convert.split_uri(post.provider_id) or ("", "", ""))
    images = record["value"]["embed"]["images"]
    assert [image["alt"] for image in images] == ["1 wide", "2 wide", "3 wide", "4 wide"]
    assert [image["aspectRatio"] for image in images] == [{"width": side, "height": 1} for side in (1, 2, 3, 4)]
    with pytest.raises(Unprocessable, match="takes 4 images"):
        await connection.publish(PostDraft(text="Five", created_at=AT, media=(*media, Picture(PNG))), Trying("token-2"))
    assert len(server.records()) == 1


async def test_the_parts_of_a_thread_answer_each_other_and_come_down(server: Server, http: Http) -> None:
    connection = await server.open(http)
    published: list[str] = []
    for number in (1, 2, 3):
        draft = PostDraft(text=f"Part {number}", created_at=AT, reply_to=published[-1] if published else None)
        published.append((await connection.publish(draft, Trying(f"token-{number}"))).provider_id)
    replies = {record["uri"]: record.get("reply") for record in server.records()}
    assert replies[published[0]] is None
    for before, uri in pairwise(published):
        reply = replies[uri]
        assert reply is not None
        assert (reply["root"]["uri"], reply["parent"]["uri"]) == (published[0], before)
    for uri in reversed(published):
        await connection.unpublish(uri)
    assert server.records() == []


async def test_a_part_whose_predecessor_is_gone_is_refused(server: Server, http: Http) -> None:
    connection = await server.open(http)
    first = await connection.publish(PostDraft(text="One", created_at=AT), Trying("token-1"))
    await connection.unpublish(first.provider_id)
    with pytest.raises(Unprocessable, match="gone"):
        await connection.publish(PostDraft(text="Two", created_at=AT, reply_to=first.provider_id), Trying("token-2"))
    assert server.records() == []


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
        await connection._session._renewed(connection._session.values["accessJwt"])


async def test_a_session_is_renewed_and_works_on(server: Server, http: Http) -> None:
    connection = await server.open(http)
    await connection._session._renewed(connection._session.values["accessJwt"])
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
        values = dict(connection._session.values) | {"service": f"http://127.0.0.1:{proxy.port}/{path}".rstrip("/")}
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


# What takes a real one.


def aged(token: str, secret: bytes) -> str:
    """The same access token, two days older: only who has the server's secret can make it."""
    head, claims, _ = token.split(".")
    told = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    told |= {"iat": told["iat"] - 2 * 86_400, "exp": told["iat"] - 86_400}
    signed = f"{head}.{base64.urlsafe_b64encode(json.dumps(told).encode()).rstrip(b'=').decode()}"
    signature = hmac.digest(secret, signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


@pytest.mark.parts
async def test_a_token_that_a_real_pds_finds_expired_is_renewed_kept_and_used(
    pds: Pds, pds_account: PdsAccount, http: Http
) -> None:
    real = Server(pds.base_url, pds_account.handle, pds.create_app_password(pds_account), list)
    connection = await real.open(http)
    values = dict(connection._session.values)
    values["accessJwt"] = aged(values["accessJwt"], b"a secret of the tests")
    connection._session._credentials = Credentials(values=values)
    post = await connection.publish(PostDraft(text="Still here", created_at=AT), Trying("token-1"))
    assert [record["uri"] for record in pds.records(pds_account.did)] == [post.provider_id]
    assert len(real.kept) == 1
    assert real.kept[0].values["refreshJwt"] != values["refreshJwt"]


@pytest.mark.parts
async def test_a_real_pds_that_has_had_enough_says_until_when(http: Http) -> None:
    with running_pds(rate_limits=True) as strict:
        account = strict.create_account()
        answers = {"identifier": account.handle, "password": "a-long-password"}
        connector = BlueskyConnector(http=http, settings=BlueskySettings(origin=strict.base_url))
        with pytest.raises(RateLimited) as caught:
            for _ in range(40):
                await connector.login("app_password", Reply(state=None, answers=answers))
    assert caught.value.retry_after_seconds is not None
    assert 0 < caught.value.retry_after_seconds <= 300


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
