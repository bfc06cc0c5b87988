from __future__ import annotations

from typing import Any

import httpx
import pytest

from postroom_sim.bluesky import content_ids

POST = "app.bsky.feed.post"
PNG = b"\x89PNG\r\n\x1a\n" + b"picture"


class Person:
    """A Bluesky client of one account."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.session: dict[str, Any] = {}

    async def call(self, method: str, tree: Any = None, token: str | None = None, **query: Any) -> httpx.Response:
        token = token or self.session.get("accessJwt")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        address = f"/bluesky/xrpc/com.atproto.{method}"
        if tree is None and method.rpartition(".")[2].startswith(("get", "list", "resolve", "describe")):
            return await self.client.get(address, params=query, headers=headers)
        return await self.client.post(address, json=tree, headers=headers)

    async def sign_in(self, handle: str = "ada.test", password: str = "app-ada-pass") -> httpx.Response:
        answer = await self.call("server.createSession", {"identifier": handle, "password": password})
        self.session = answer.json()
        return answer

    async def upload(self, content: bytes = PNG, kind: str = "image/png") -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.session['accessJwt']}", "Content-Type": kind}
        address = "/bluesky/xrpc/com.atproto.repo.uploadBlob"
        answer = await self.client.post(address, content=content, headers=headers)
        assert answer.status_code == 200, answer.text
        blob: dict[str, Any] = answer.json()["blob"]
        return blob

    async def post(self, text: str = "hello", *, rkey: str | None = None, **fields: Any) -> httpx.Response:
        record = {"$type": POST, "text": text, "createdAt": "2026-01-01T00:00:00.000Z", **fields}
        tree = {"repo": self.session["did"], "collection": POST, "record": record}
        return await self.call("repo.createRecord", tree if rkey is None else tree | {"rkey": rkey})

    async def delete(self, rkey: str) -> httpx.Response:
        return await self.call("repo.deleteRecord", {"repo": self.session["did"], "collection": POST, "rkey": rkey})


@pytest.fixture
async def ada(client: httpx.AsyncClient) -> Person:
    person = Person(client)
    assert (await person.sign_in()).status_code == 200
    return person


def images(*blobs: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"$type": "app.bsky.embed.images", "images": [{"alt": "", "image": blob, **more} for blob in blobs]}


def refused(answer: httpx.Response, status: int, error: str, message: str) -> None:
    tree = answer.json()
    assert (answer.status_code, tree["error"]) == (status, error)
    assert message in tree["message"]


async def test_a_post_appears_and_a_delete_takes_it_away_for_good(client: httpx.AsyncClient, ada: Person) -> None:
    blob = await ada.upload()
    assert blob["ref"]["$link"].startswith("bafkrei")
    made = (await ada.post("with a picture", embed=images(blob))).json()
    assert made["cid"].startswith("bafyrei")
    assert made["validationStatus"] == "valid"
    rkey = made["uri"].rpartition("/")[2]
    assert len(rkey) == 13
    (shown,) = (await client.get("/_sim/network/bluesky/posts", params={"account": "ada.test"})).json()["posts"]
    assert (shown["uri"], shown["text"], shown["images"][0]["size"]) == (made["uri"], "with a picture", len(PNG))
    page = await client.get("/_sim/network/bluesky/posts", headers={"Accept": "text/html"})
    assert "with a picture" in page.text
    got = await ada.call("sync.getBlob", did=ada.session["did"], cid=blob["ref"]["$link"])
    assert got.content == PNG
    assert "commit" in (await ada.delete(rkey)).json()
    again = await ada.delete(rkey)
    assert (again.status_code, again.json()) == (200, {})
    assert (await client.get("/_sim/network/bluesky/posts")).json() == {"posts": []}
    assert (await client.get("/_sim/network/bluesky/blobs")).json() == {"blobs": []}
    lost = await ada.call("repo.getRecord", repo=ada.session["did"], collection=POST, rkey=rkey)
    refused(lost, 400, "RecordNotFound", "Could not locate record")


async def test_logins_fail_as_the_error_table_says(client: httpx.AsyncClient) -> None:
    person = Person(client)
    refused(await person.sign_in(password="no"), 401, "AuthenticationRequired", "Invalid identifier or password")
    refused(await person.sign_in("barnaby.test", "app-barnaby-pass"), 401, "AccountTakedown", "taken down")
    refused(await person.sign_in("cleo.test", "app-cleo-pass"), 401, "AuthFactorTokenRequired", "sign in code")
    tree = {"identifier": "cleo.test", "password": "app-cleo-pass", "authFactorToken": "CLEO1-CODE2"}
    assert (await person.call("server.createSession", tree)).status_code == 200
    logged = (await client.get("/_sim/requests", params={"network": "bluesky"})).text
    assert "app-cleo-pass" not in logged
    assert "CLEO1" not in logged


async def test_tokens_fail_as_the_error_table_says(client: httpx.AsyncClient, ada: Person) -> None:
    bare = await client.get("/bluesky/xrpc/com.atproto.server.getSession")
    refused(bare, 401, "AuthMissing", "Authentication Required")
    refused(await ada.call("server.getSession", token="x"), 400, "InvalidToken", "Malformed token")
    forged = ada.session["accessJwt"][:-4] + "AAAA"
    refused(await ada.call("server.getSession", token=forged), 400, "InvalidToken", "could not be verified")
    refresh = ada.session["refreshJwt"]
    refused(await ada.call("server.getSession", token=refresh), 400, "InvalidToken", "Bad token scope")
    await client.post("/_sim/clock/advance", json={"seconds": 7201})
    refused(await ada.call("server.getSession"), 400, "ExpiredToken", "Token has expired")


async def test_a_refresh_token_works_once(ada: Person) -> None:
    old = ada.session["refreshJwt"]
    fresh = (await ada.call("server.refreshSession", token=old)).json()
    refused(await ada.call("server.refreshSession", token=old), 400, "ExpiredToken", "revoked")
    assert (await ada.call("server.getSession", token=fresh["accessJwt"])).json()["handle"] == "ada.test"
    assert (await ada.call("server.deleteSession", token=fresh["refreshJwt"])).status_code == 200
    refused(await ada.call("server.refreshSession", token=fresh["refreshJwt"]), 400, "ExpiredToken", "revoked")


async def test_the_session_names_this_server(client: httpx.AsyncClient, ada: Person) -> None:
    (service,) = ada.session["didDoc"]["service"]
    assert service["serviceEndpoint"] == f"{client.base_url}/bluesky".replace("//bluesky", "/bluesky")
    assert (await ada.call("server.describeServer")).json()["did"].startswith("did:web:")
    assert (await ada.call("identity.resolveHandle", handle="ada.test")).json() == {"did": ada.session["did"]}
    refused(await ada.call("identity.resolveHandle", handle="x.test"), 400, "InvalidRequest", "Unable to resolve")


FAMILY = "👨‍👩‍👧"


@pytest.mark.parametrize(
    ("text", "fields", "message"),
    [
        ("x" * 301, {}, "must not be longer than 300 graphemes"),
        ("\u00e9" * 1501, {}, "must not be longer than 3000"),
        ("x", {"createdAt": "yesterday"}, "createdAt must be an valid atproto datetime"),
        ("x", {"langs": ["a", "b", "c", "d"]}, "langs must not have more than 3"),
        ("h\u00e9llo", {"facets": [{"index": {"byteStart": 2, "byteEnd": 4}, "features": []}]}, "cut a character"),
        ("hello", {"facets": [{"index": {"byteStart": 0, "byteEnd": 6}, "features": []}]}, "lie within the text"),
        (
            "hello",
            {"facets": [{"index": {"byteStart": a, "byteEnd": b}, "features": []} for a, b in ((0, 3), (2, 5))]},
            "overlap",
        ),
        ("x", {"embed": {"$type": "app.bsky.embed.external", "external": {"uri": "https://e.test"}}}, '"title"'),
    ],
)
async def test_a_bad_post_is_refused(ada: Person, text: str, fields: dict[str, Any], message: str) -> None:
    refused(await ada.post(text, **fields), 400, "InvalidRequest", message)


async def test_graphemes_and_bytes_are_counted_apart(ada: Person) -> None:
    assert (await ada.post(FAMILY * 160)).status_code == 200
    assert (await ada.post("x" * 300)).status_code == 200
    refused(await ada.post(FAMILY * 170), 400, "InvalidRequest", "3000")


async def test_images_must_be_uploaded_few_small_and_described(ada: Person) -> None:
    blob = await ada.upload()
    refused(await ada.post(embed=images(*[blob] * 5)), 400, "InvalidRequest", "not have more than 4 elements")
    bare = {"$type": "app.bsky.embed.images", "images": [{"image": blob}]}
    refused(await ada.post(embed=bare), 400, "InvalidRequest", 'must have the property "alt"')
    missing = blob | {"ref": {"$link": "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"}}
    refused(await ada.post(embed=images(missing)), 400, "BlobNotFound", "Could not find blob")
    large = await ada.upload(PNG + b"x" * 1_262_486)
    answer = await ada.post(embed=images(large))
    refused(answer, 400, "BlobTooLarge", "It is 1.20MB but the maximum size is 976.56KB.")


async def test_a_known_content_id(ada: Person) -> None:
    blob = await ada.upload(b"hello world", "text/plain")
    # CIDv1, raw, of sha-256 b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9.
    assert blob["ref"]["$link"] == "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"


def test_a_known_record_id() -> None:
    # The empty map in DAG-CBOR, an often quoted CID.
    assert content_ids.of_record({}) == "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua"
    assert content_ids.of_record({"bb": 1, "a": 2}) == content_ids.of_record({"a": 2, "bb": 1})


async def test_a_chosen_key_collides_or_is_put_over(ada: Person) -> None:
    assert (await ada.post(rkey="3k4duaz5vfs2b")).status_code == 200
    refused(await ada.post("other", rkey="3k4duaz5vfs2b"), 400, "InvalidRequest", "already a value at key")
    record = {"$type": POST, "text": "put", "createdAt": "2026-01-01T00:00:00Z"}
    tree = {"repo": "ada.test", "collection": POST, "rkey": "3k4duaz5vfs2b", "record": record}
    assert (await ada.call("repo.putRecord", tree)).status_code == 200
    got = await ada.call("repo.getRecord", repo="ada.test", collection=POST, rkey="3k4duaz5vfs2b")
    assert got.json()["value"]["text"] == "put"
    swapped = await ada.call("repo.putRecord", tree | {"swapRecord": "bafyreiother"})
    refused(swapped, 400, "InvalidSwap", "Record was at")


async def test_records_are_listed_in_pages_newest_first(ada: Person) -> None:
    for number in range(5):
        await ada.post(f"post {number}")
    first = (await ada.call("repo.listRecords", repo=ada.session["did"], collection=POST, limit=3)).json()
    assert [row["value"]["text"] for row in first["records"]] == ["post 4", "post 3", "post 2"]
    rest = await ada.call("repo.listRecords", repo="ada.test", collection=POST, limit=3, cursor=first["cursor"])
    assert [row["value"]["text"] for row in rest.json()["records"]] == ["post 1", "post 0"]


async def test_nobody_writes_into_anothers_repository(client: httpx.AsyncClient, ada: Person) -> None:
    bea = Person(client)
    await bea.sign_in("bea.test", "app-bea-pass")
    bea.session["did"] = ada.session["did"]
    refused(await bea.post(), 401, "AuthenticationRequired", "Authentication Required")


async def test_rate_limits_are_told_and_enforced_when_asked(client: httpx.AsyncClient, ada: Person) -> None:
    answer = await ada.post()
    assert answer.headers["ratelimit-limit"] == "5000"
    assert answer.headers["ratelimit-remaining"] == "4997"
    assert answer.headers["ratelimit-policy"] == "5000;w=3600"
    await client.post("/_sim/state/switches", json={"enforce_rate_limits": True})
    statuses = {(await Person(client).sign_in()).status_code for _ in range(31)}
    assert statuses == {200, 429}


async def test_a_lost_answer_leaves_a_post_that_its_key_finds(client: httpx.AsyncClient, ada: Person) -> None:
    rule = {"network": "bluesky", "operation": "createRecord", "do": {"commit_then_lose": True}}
    await client.post("/_sim/faults", json=rule)
    with pytest.raises(httpx.ReadError):
        await ada.post("landed", rkey="3k4duaz5vfs2c")
    got = await ada.call("repo.getRecord", repo=ada.session["did"], collection=POST, rkey="3k4duaz5vfs2c")
    assert got.json()["value"]["text"] == "landed"
    rule["do"] = {"expired_session": True}
    await client.post("/_sim/faults", json=rule)
    refused(await ada.post(), 400, "ExpiredToken", "Token has expired")


async def test_an_unknown_method_is_not_implemented(ada: Person) -> None:
    refused(await ada.call("repo.getEverything"), 501, "MethodNotImplemented", "Method Not Implemented")
