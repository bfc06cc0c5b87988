"""The simulated Mastodon refuses what a real server refuses, in its words."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

PNG = b"\x89PNG\r\n\x1a\n" + b"picture"
CALLBACK = "http://127.0.0.1:9/back"
SCOPES = "read:accounts write:statuses write:media"


class Person:
    """A client of one account."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.headers: dict[str, str] = {}

    async def sign_in(self, login: str = "user_good", scope: str = SCOPES) -> httpx.Response:
        fields = {"client_name": "Test", "redirect_uris": CALLBACK, "scopes": scope}
        app = (await self.client.post("/mastodon/api/v1/apps", json=fields)).json()
        query = {"client_id": app["client_id"], "response_type": "code", "redirect_uri": CALLBACK, "scope": scope}
        page = await self.client.get("/mastodon/oauth/authorize", params=query | {"login": login, "state": "s"})
        back = parse_qs(urlsplit(page.headers["location"]).query)
        assert back["state"] == ["s"]
        form = {
            "grant_type": "authorization_code",
            "code": back["code"][0],
            "client_id": app["client_id"],
            "client_secret": app["client_secret"],
            "redirect_uri": CALLBACK,
        }
        answer = await self.client.post("/mastodon/oauth/token", data=form)
        self.headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        return answer

    async def post(self, text: str = "hello", key: str | None = None, **fields: Any) -> httpx.Response:
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        return await self.client.post("/mastodon/api/v1/statuses", json={"status": text, **fields}, headers=headers)

    async def upload(self, kind: str = "image/png", content: bytes = PNG, **fields: str) -> httpx.Response:
        files = {"file": ("a", content, kind)}
        return await self.client.post("/mastodon/api/v2/media", files=files, data=fields, headers=self.headers)

    async def get(self, path: str) -> httpx.Response:
        return await self.client.get(f"/mastodon/api/v1/{path}", headers=self.headers)

    async def delete(self, id: str) -> httpx.Response:
        return await self.client.delete(f"/mastodon/api/v1/statuses/{id}", headers=self.headers)


@pytest.fixture
async def ada(client: httpx.AsyncClient) -> Person:
    person = Person(client)
    await person.sign_in()
    return person


async def shown(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.get("/_sim/network/mastodon/posts")).json()["posts"]
    return found


def refused(answer: httpx.Response, status: int, words: str) -> None:
    assert answer.status_code == status, answer.text
    assert words in answer.json()["error"]


async def test_a_post_appears_and_a_delete_takes_it_away_for_good(client: httpx.AsyncClient, ada: Person) -> None:
    media = (await ada.upload(description="A hive")).json()
    made = (await ada.post("with a picture", media_ids=[media["id"]], visibility="unlisted")).json()
    assert isinstance(made["id"], str)
    (post,) = await shown(client)
    assert (post["id"], post["text"], post["visibility"]) == (made["id"], "with a picture", "unlisted")
    assert post["media"] == [{"type": "image", "alt": "A hive", "size": len(PNG)}]
    assert (await ada.delete(made["id"])).json()["text"] == "with a picture"
    refused(await ada.delete(made["id"]), 404, "Record not found")
    refused(await ada.get(f"statuses/{made['id']}"), 404, "Record not found")
    assert await shown(client) == []


async def test_a_key_makes_one_post_in_an_hour_whatever_is_sent_with_it(client: httpx.AsyncClient, ada: Person) -> None:
    first = (await ada.post("once", key="k")).json()
    assert (await ada.post("", key="k")).json()["id"] == first["id"]
    assert len(await shown(client)) == 1
    await client.post("/_sim/clock/advance", json={"seconds": 3601})
    assert (await ada.post("once", key="k")).json()["id"] != first["id"]


async def test_a_key_of_somebody_else_is_another_key(client: httpx.AsyncClient, ada: Person) -> None:
    bea = Person(client)
    await bea.sign_in("user_second")
    assert (await ada.post("once", key="k")).json()["id"] != (await bea.post("once", key="k")).json()["id"]


async def test_a_video_takes_its_time(ada: Person) -> None:
    answer = await ada.upload("video/mp4")
    media = answer.json()
    assert (answer.status_code, media["url"]) == (202, None)
    refused(await ada.post(media_ids=[media["id"]]), 422, "Cannot attach files that have not finished processing")
    assert (await ada.get(f"media/{media['id']}")).status_code == 206
    ready = await ada.get(f"media/{media['id']}")
    assert (ready.status_code, ready.json()["type"]) == (200, "video")
    assert (await ada.post(media_ids=[media["id"]])).status_code == 200


async def test_posts_that_are_not_right_are_refused_in_mastodons_words(ada: Person) -> None:
    refused(await ada.post(" "), 422, "Validation failed: Text can't be blank")
    refused(await ada.post("x" * 501), 422, "Validation failed: Text character limit of 500 exceeded")
    assert (await ada.post("https://example.com/" + "x" * 600)).status_code == 200
    refused(await ada.post(in_reply_to_id="1"), 404, "does not appear to exist")
    ids = [(await ada.upload()).json()["id"] for _ in range(5)]
    refused(await ada.post(media_ids=ids), 422, "Cannot attach more than 4 files")
    assert (await ada.post(media_ids=ids[:1])).status_code == 200
    refused(await ada.post(media_ids=ids[:1]), 422, "not found or already attached")
    refused(await ada.upload("text/html"), 422, "Validation failed: File content type is invalid, File is invalid")
    refused(await ada.upload(content=b"x" * 16_777_217), 422, "must be less than 16 MB")


async def test_tokens_count_for_their_scopes_until_they_are_revoked(client: httpx.AsyncClient, ada: Person) -> None:
    reader = Person(client)
    await reader.sign_in(scope="read:accounts")
    refused(await reader.post(), 403, "This action is outside the authorized scopes")
    assert (await ada.get("accounts/verify_credentials")).json()["username"] == "ada"
    token = ada.headers["Authorization"].removeprefix("Bearer ")
    form = {"client_id": "sandbox", "client_secret": "wrong", "token": token}
    assert (await client.post("/mastodon/oauth/revoke", data=form)).status_code == 403
    assert (await client.post("/mastodon/oauth/revoke", data=form | {"client_secret": "sandbox-secret"})).is_success
    refused(await ada.post(), 401, "The access token was revoked")
    banned = Person(client)
    await banned.sign_in("user_banned")
    refused(await banned.post(), 403, "Your login is currently disabled")


async def test_limits_are_told_and_kept_where_that_is_wanted(client: httpx.AsyncClient, ada: Person) -> None:
    await client.post("/_sim/state/switches", json={"enforce_rate_limits": True})
    answers = [await ada.upload() for _ in range(31)]
    assert answers[0].headers["x-ratelimit-remaining"] == "29"
    assert answers[0].headers["x-ratelimit-reset"].endswith("Z")
    assert [each.status_code for each in answers[-2:]] == [200, 429]


async def test_the_journal_keeps_no_secrets(client: httpx.AsyncClient, ada: Person) -> None:
    await ada.post("hello", key="k")
    journal = (await client.get("/_sim/requests", params={"network": "mastodon"})).text
    token = ada.headers["Authorization"].removeprefix("Bearer ")
    assert token not in journal
    assert "sandbox-secret" not in journal
    assert '"Idempotency-Key":"k"' in journal.replace(": ", ":")
