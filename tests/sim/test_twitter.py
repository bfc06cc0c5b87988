"""The simulated X refuses what X refuses, in its words."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

PNG = b"\x89PNG\r\n\x1a\n" + b"picture"
CALLBACK = "http://127.0.0.1:9/back"
SCOPES = "tweet.read tweet.write users.read media.write offline.access"
APP = ("sandbox", "sandbox-secret")
VERIFIER = "v" * 43


class Person:
    """A client of one account."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.tokens: dict[str, Any] = {}

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens['access_token']}"}

    async def sign_in(self, login: str = "user_good", scope: str = SCOPES) -> Person:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
        query = {
            "client_id": "sandbox",
            "response_type": "code",
            "redirect_uri": CALLBACK,
            "scope": scope,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "login": login,
        }
        page = await self.client.get("/twitter/i/oauth2/authorize", params=query)
        code = parse_qs(urlsplit(page.headers["location"]).query)["code"][0]
        form = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER, "redirect_uri": CALLBACK}
        answer = await self.client.post("/twitter/2/oauth2/token", data=form, auth=APP)
        self.tokens = answer.json()
        return self

    async def refresh(self, token: str) -> httpx.Response:
        form = {"grant_type": "refresh_token", "refresh_token": token}
        return await self.client.post("/twitter/2/oauth2/token", data=form, auth=APP)

    async def get(self, path: str, **query: Any) -> httpx.Response:
        return await self.client.get(f"/twitter/2/{path}", params=query, headers=self.headers)

    async def post(self, path: str, tree: Any = None) -> httpx.Response:
        return await self.client.post(f"/twitter/2/{path}", json=tree, headers=self.headers)

    async def tweet(self, text: str = "hello", **fields: Any) -> httpx.Response:
        return await self.post("tweets", {"text": text, **fields})

    async def delete(self, id: str) -> httpx.Response:
        return await self.client.delete(f"/twitter/2/tweets/{id}", headers=self.headers)

    async def upload(self, content: bytes = PNG, kind: str = "image/png") -> httpx.Response:
        return await self.client.post(
            "/twitter/2/media/upload",
            files={"media": ("a", content, kind)},
            data={"media_category": "tweet_image"},
            headers=self.headers,
        )

    async def append(self, id: str, index: int, content: bytes) -> httpx.Response:
        return await self.client.post(
            f"/twitter/2/media/upload/{id}/append",
            files={"media": ("a", content, "application/octet-stream")},
            data={"segment_index": str(index)},
            headers=self.headers,
        )


@pytest.fixture
async def ada(client: httpx.AsyncClient) -> Person:
    return await Person(client).sign_in()


async def shown(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.get("/_sim/network/twitter/posts")).json()["posts"]
    return found


def refused(answer: httpx.Response, status: int, words: str) -> None:
    assert answer.status_code == status, answer.text
    assert words in answer.text


async def test_a_post_appears_and_a_delete_takes_it_away_for_good(client: httpx.AsyncClient, ada: Person) -> None:
    id = (await ada.upload()).json()["data"]["id"]
    await ada.post("media/metadata", {"id": id, "metadata": {"alt_text": {"text": "A hive"}}})
    answer = await ada.tweet("with a picture", media={"media_ids": [id]})
    made = answer.json()["data"]
    assert (answer.status_code, made["text"]) == (201, "with a picture")
    (post,) = await shown(client)
    assert (post["id"], post["media"]) == (made["id"], [{"type": "image", "alt": "A hive", "size": len(PNG)}])
    bea = await Person(client).sign_in("user_second")
    refused(await bea.delete(made["id"]), 403, "not authorized to delete this Tweet")
    assert (await ada.delete(made["id"])).json() == {"data": {"deleted": True}}
    refused(await ada.delete(made["id"]), 404, "Could not find tweet")
    assert await shown(client) == []


async def test_the_same_text_is_a_duplicate_for_a_day(client: httpx.AsyncClient, ada: Person) -> None:
    assert (await ada.tweet("once")).status_code == 201
    refused(await ada.tweet("once"), 403, "You are not allowed to create a Tweet with duplicate content.")
    assert (await (await Person(client).sign_in("user_second")).tweet("once")).status_code == 201
    await client.post("/_sim/clock/advance", json={"seconds": 86_401})
    await ada.sign_in()
    assert (await ada.tweet("once")).status_code == 201


async def test_posts_that_are_not_right_are_refused_in_xs_words(client: httpx.AsyncClient, ada: Person) -> None:
    refused(await ada.tweet(""), 400, "Requires either text, or media.")
    refused(await ada.tweet("x" * 281), 400, "too long")
    refused(await ada.tweet("蜂" * 141), 400, "too long")
    assert (await ada.tweet("https://example.com/" + "x" * 400 + " " + "y" * 256)).status_code == 201
    refused(await ada.tweet(visibility="x"), 400, "does not allow additional properties")
    refused(await ada.tweet(media={"media_ids": []}), 400, "there must be a minimum of 1 item in the array")
    refused(await ada.tweet(media={"media_ids": list("12345")}), 400, "there must be a maximum of 4 items in the array")
    refused(await ada.tweet(media={"media_ids": ["1"]}), 400, "Your media IDs are invalid.")
    refused(await ada.tweet(reply={"in_reply_to_tweet_id": "1"}), 403, "deleted or not visible to you")
    bea = await Person(client).sign_in("user_second")
    theirs = (await bea.tweet("Mine")).json()["data"]["id"]
    refused(await ada.tweet(reply={"in_reply_to_tweet_id": theirs}), 403, "Reply to this conversation is not allowed")
    mention = (await bea.tweet("Hi @ada_marlow")).json()["data"]["id"]
    assert (await ada.tweet(reply={"in_reply_to_tweet_id": mention})).status_code == 201


async def test_a_video_comes_in_segments_and_takes_its_time(ada: Person) -> None:
    about = {"media_type": "video/mp4", "total_bytes": 10, "media_category": "tweet_video"}
    id = (await ada.post("media/upload/initialize", about)).json()["data"]["id"]
    await ada.append(id, 0, b"moving")
    refused(await ada.post(f"media/upload/{id}/finalize"), 400, "Segments do not add up")
    await ada.append(id, 1, b"moth")
    info = (await ada.post(f"media/upload/{id}/finalize")).json()["data"]["processing_info"]
    assert info["state"] == "pending"
    refused(await ada.tweet(media={"media_ids": [id]}), 400, "Your media IDs are invalid.")
    states = []
    for _ in range(2):
        found = await ada.get("media/upload", command="STATUS", media_id=id)
        states.append(found.json()["data"]["processing_info"]["state"])
    assert states == ["in_progress", "succeeded"]
    assert (await ada.tweet(media={"media_ids": [id]})).status_code == 201


async def test_files_that_x_does_not_take_are_refused(ada: Person) -> None:
    refused(await ada.upload(kind="image/tiff"), 400, "image/tiff is not allowed")
    refused(await ada.upload(b"x" * (5 * 1024 * 1024 + 1)), 413, "File size exceeds")


async def test_a_timeline_shows_ones_posts_as_x_stores_them(client: httpx.AsyncClient, ada: Person) -> None:
    first = (await ada.tweet("Bees & https://example.com/a!")).json()["data"]["id"]
    second = (await ada.tweet("More", reply={"in_reply_to_tweet_id": first})).json()["data"]["id"]
    path = f"users/{(await ada.get('users/me')).json()['data']['id']}/tweets"
    tree = (await ada.get(path, max_results=5)).json()
    assert [each["id"] for each in tree["data"]] == [second, first]
    assert tree["data"][0]["referenced_tweets"] == [{"type": "replied_to", "id": first}]
    (url,) = tree["data"][1]["entities"]["urls"]
    assert tree["data"][1]["text"] == f"Bees &amp; {url['url']}!"
    assert (url["expanded_url"], url["url"][:13]) == ("https://example.com/a", "https://t.co/")
    assert (await ada.get(path, start_time="2100-01-01T00:00:00Z")).json() == {"meta": {"result_count": 0}}
    refused(await ada.get(path, start_time="today"), 400, "start_time")
    fault = {"network": "twitter", "operation": "user_tweets", "do": {"stale_read": True}}
    await client.post("/_sim/faults", json=fault)
    assert (await ada.get(path)).json()["meta"]["result_count"] == 0


async def test_tokens_end_after_two_hours_and_refresh_tokens_work_once(client: httpx.AsyncClient, ada: Person) -> None:
    await client.post("/_sim/clock/advance", json={"seconds": 7201})
    refused(await ada.tweet(), 401, "Unauthorized")
    used = ada.tokens["refresh_token"]
    renewed = (await ada.refresh(used)).json()
    assert renewed["refresh_token"] != used
    ada.tokens = renewed
    assert (await ada.tweet()).status_code == 201
    refused(await ada.refresh(used), 400, "invalid_grant")
    await client.post("/twitter/2/oauth2/revoke", data={"token": renewed["refresh_token"]}, auth=APP)
    refused(await ada.tweet("again"), 401, "Unauthorized")


async def test_scopes_and_suspended_accounts_are_told(client: httpx.AsyncClient) -> None:
    reader = await Person(client).sign_in(scope="tweet.read users.read")
    assert "refresh_token" not in reader.tokens
    refused(await reader.tweet(), 403, "You are not permitted to perform this action.")
    refused(await (await Person(client).sign_in("user_banned")).tweet(), 403, "Your account is suspended")


async def test_limits_are_told_and_kept_where_that_is_wanted(client: httpx.AsyncClient, ada: Person) -> None:
    await client.post("/_sim/state/switches", json={"enforce_rate_limits": True})
    answers = [await ada.get("users/me") for _ in range(76)]
    assert answers[0].headers["x-rate-limit-limit"] == "75"
    assert [each.status_code for each in answers[-2:]] == [200, 429]
    assert answers[-1].headers["x-rate-limit-remaining"] == "0"
    assert answers[-1].json()["title"] == "Too Many Requests"


async def test_the_journal_keeps_no_secrets(client: httpx.AsyncClient, ada: Person) -> None:
    await ada.refresh(ada.tokens["refresh_token"])
    journal = (await client.get("/_sim/requests", params={"network": "twitter"})).text
    assert ada.tokens["refresh_token"] not in journal
    assert ada.tokens["access_token"] not in journal
    assert VERIFIER not in journal
