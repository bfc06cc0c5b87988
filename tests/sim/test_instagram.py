"""The simulated Instagram refuses what Instagram refuses, fetches what it is given an address of, and shows what was done."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

APP = {"client_id": "sandbox", "client_secret": "sandbox-secret", "redirect_uri": "http://127.0.0.1/back"}
GRAPH = "/instagram/v25.0"
FACEBOOK_SCOPES = "instagram_basic,instagram_content_publish,instagram_manage_contents"


class Person:
    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.token = ""
        self.id = ""

    async def sign_in(self, login: str = "user_good") -> None:
        """By Instagram's own login."""
        code = await self._code("/instagram/oauth/authorize", login, "instagram_business_basic")
        form = {**APP, "grant_type": "authorization_code", "code": code}
        (short,) = (await self.client.post("/instagram/oauth/access_token", data=form)).json()["data"]
        query = {"grant_type": "ig_exchange_token", "client_secret": "sandbox-secret", **_token(short)}
        self.token = (await self.client.get("/instagram/access_token", params=query)).json()["access_token"]
        self.id = (await self.get("me", fields="user_id")).json()["user_id"]

    async def sign_in_by_facebook(self, login: str = "user_good") -> None:
        code = await self._code(f"{GRAPH}/dialog/oauth", login, FACEBOOK_SCOPES)
        short = (await self.client.get(f"{GRAPH}/oauth/access_token", params={**APP, "code": code})).json()
        query = {**APP, "grant_type": "fb_exchange_token", "fb_exchange_token": short["access_token"]}
        self.token = (await self.client.get(f"{GRAPH}/oauth/access_token", params=query)).json()["access_token"]
        fields = "id,access_token,instagram_business_account{id}"
        rows = (await self.get("me/accounts", fields=fields)).json()["data"]
        self.id, self.token = rows[1]["instagram_business_account"]["id"], rows[1]["access_token"]

    async def _code(self, path: str, login: str, scope: str) -> str:
        query = {**APP, "response_type": "code", "state": "s", "login": login, "scope": scope}
        page = await self.client.get(path, params=query)
        return parse_qs(urlsplit(page.headers["location"]).query)["code"][0]

    async def get(self, path: str, **query: str) -> httpx.Response:
        return await self.client.get(f"{GRAPH}/{path}", params={**query, "access_token": self.token})

    async def post(self, edge: str, **form: str) -> httpx.Response:
        return await self.client.post(f"{GRAPH}/{self.id}/{edge}", data={**form, "access_token": self.token})

    async def delete(self, id: str) -> httpx.Response:
        return await self.client.delete(f"{GRAPH}/{id}", params={"access_token": self.token})


def _token(answer: dict[str, str]) -> dict[str, str]:
    return {"access_token": answer["access_token"]}


@pytest.fixture
async def ada(client: httpx.AsyncClient) -> Person:
    person = Person(client)
    await person.sign_in()
    return person


def refused(answer: httpx.Response, code: int, subcode: int | None = None) -> None:
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error.get("error_subcode")) == (400, code, subcode)


async def test_a_picture_is_fetched_published_once_and_listed(
    client: httpx.AsyncClient, ada: Person, files: str
) -> None:
    made = (await ada.post("media", image_url=f"{files}/a.jpg", caption="Moth", alt_text="A")).json()["id"]
    assert (await ada.get(made, fields="status_code")).json()["status_code"] == "FINISHED"
    id = (await ada.post("media_publish", creation_id=made)).json()["id"]
    refused(await ada.post("media_publish", creation_id=made), 24, 2207008)
    assert (await ada.get(made, fields="status_code")).json()["status_code"] == "PUBLISHED"
    (row,) = (await ada.get(f"{ada.id}/media", fields="id,caption,permalink,timestamp")).json()["data"]
    assert (row["id"], row["caption"]) == (id, "Moth")
    (shown,) = (await client.get("/_sim/network/instagram/posts", params={"account": "ada.moss"})).json()["posts"]
    assert shown["media"] == [{"type": "image", "alt": "A", "size": 60}]
    refused(await ada.delete(id), 100, 33)


async def test_only_facebooks_login_deletes_and_only_with_the_permission(client: httpx.AsyncClient, files: str) -> None:
    for login, deletes in (("user_good", True), ("user_partial", False)):
        person = Person(client)
        await person.sign_in_by_facebook(login)
        made = (await person.post("media", image_url=f"{files}/a.jpg")).json()["id"]
        id = (await person.post("media_publish", creation_id=made)).json()["id"]
        answer = await person.delete(id)
        assert (answer.status_code == 200) is deletes
        if not deletes:
            refused(answer, 100, 33)


@pytest.mark.parametrize(
    ("form", "code", "subcode"),
    [
        ({"image_url": "{files}/none.jpg"}, 9004, 2207052),
        ({"image_url": "http://127.0.0.1:1/a.jpg"}, 9004, 2207052),
        ({"image_url": "{files}/a.png"}, 36001, 2207005),
        ({"image_url": "{files}/large.jpg"}, 36000, 2207004),
        ({"image_url": "{files}/wide.jpg"}, 36003, 2207009),
        ({"image_url": "{files}/a.jpg", "caption": "x" * 2201}, 36004, 2207010),
        ({"media_type": "CAROUSEL", "children": "1"}, 100, 2207028),
        ({"media_type": "VIDEO", "video_url": "{files}/a.mp4"}, 100, None),
        ({"caption": "Words"}, 100, None),
    ],
)
async def test_what_it_cannot_use_is_refused(
    ada: Person, files: str, form: dict[str, str], code: int, subcode: int | None
) -> None:
    made = await ada.post("media", **{name: value.format(files=files) for name, value in form.items()})
    refused(made, code, subcode)


async def test_a_video_takes_a_while_and_a_story_is_listed_apart(
    client: httpx.AsyncClient, ada: Person, files: str
) -> None:
    made = (await ada.post("media", media_type="STORIES", video_url=f"{files}/a.mp4", caption="x")).json()["id"]
    refused(await ada.post("media_publish", creation_id=made), 9007, 2207027)
    await client.post("/_sim/clock/advance", json={"seconds": 6})
    id = (await ada.post("media_publish", creation_id=made)).json()["id"]
    assert (await ada.get(f"{ada.id}/media")).json() == {"data": []}
    assert [row["id"] for row in (await ada.get(f"{ada.id}/stories")).json()["data"]] == [id]
    lost = (await ada.post("media", media_type="REELS", video_url=f"{files}/none.mp4")).json()["id"]
    await client.post("/_sim/clock/advance", json={"seconds": 6})
    node = (await ada.get(lost, fields="status_code,status")).json()
    assert (node["status_code"], "2207052" in node["status"]) == ("ERROR", True)


async def test_restricted_limited_and_foreign_accounts_publish_nothing(
    client: httpx.AsyncClient, ada: Person, files: str
) -> None:
    emil = Person(client)
    await emil.sign_in("user_restricted")
    made = (await emil.post("media", image_url=f"{files}/a.jpg")).json()["id"]
    refused(await emil.post("media_publish", creation_id=made), 25, 2207050)
    refused(await ada.post("media_publish", creation_id=made), 24, 2207006)
    await client.post("/_sim/state/switches", json={"enforce_rate_limits": True})
    for _ in range(50):
        made = (await ada.post("media", image_url=f"{files}/a.jpg")).json()["id"]
        assert (await ada.post("media_publish", creation_id=made)).status_code == 200
    made = (await ada.post("media", image_url=f"{files}/a.jpg")).json()["id"]
    refused(await ada.post("media_publish", creation_id=made), 9, 2207042)
    assert (await ada.get(f"{ada.id}/content_publishing_limit")).json()["data"][0]["quota_usage"] == 50


async def test_tokens_end_and_the_journal_keeps_none(client: httpx.AsyncClient, ada: Person) -> None:
    journal = (await client.get("/_sim/requests", params={"network": "instagram"})).text
    assert ada.token not in journal
    assert "sandbox-secret" not in journal
    await client.post("/_sim/clock/advance", json={"seconds": 61 * 86_400})
    refused(await ada.get("me"), 190, 463)
