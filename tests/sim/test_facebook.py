"""The simulated Facebook refuses what Facebook refuses, and shows what was posted."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

PNG = b"\x89PNG\r\n\x1a\n" + b"picture"
APP = {"client_id": "sandbox", "client_secret": "sandbox-secret", "redirect_uri": "http://127.0.0.1/back"}
GRAPH = "/facebook/v25.0"


class Owner:
    """A user, and the pages that are theirs."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.token = ""
        self.page = ""
        self.page_token = ""

    async def sign_in(self, login: str = "user_good", *, lengthen: bool = True) -> httpx.Response:
        query = {**APP, "response_type": "code", "state": "s", "login": login}
        page = await self.client.get(f"{GRAPH}/dialog/oauth", params=query)
        code = parse_qs(urlsplit(page.headers["location"]).query)["code"][0]
        answer = await self.client.get(f"{GRAPH}/oauth/access_token", params={**APP, "code": code})
        self.token = answer.json()["access_token"]
        if lengthen:
            query = {"grant_type": "fb_exchange_token", "fb_exchange_token": self.token, **APP}
            answer = await self.client.get(f"{GRAPH}/oauth/access_token", params=query)
            self.token = answer.json().get("access_token", "")
        return answer

    async def choose(self, index: int = 0) -> None:
        rows = (await self.get("me/accounts", token=self.token, fields="id,access_token")).json()["data"]
        self.page, self.page_token = rows[index]["id"], rows[index]["access_token"]

    async def get(self, path: str, *, token: str | None = None, **query: str) -> httpx.Response:
        query["access_token"] = token if token is not None else self.page_token
        return await self.client.get(f"{GRAPH}/{path}", params=query)

    async def post(self, edge: str = "feed", **form: str) -> httpx.Response:
        token = {"access_token": self.page_token} | form
        return await self.client.post(f"{GRAPH}/{self.page}/{edge}", data=token)

    async def photo(self, content: bytes = PNG, **form: str) -> httpx.Response:
        data = {"access_token": self.page_token, "published": "false"} | form
        return await self.client.post(f"{GRAPH}/{self.page}/photos", data=data, files={"source": ("a", content)})

    async def delete(self, path: str) -> httpx.Response:
        return await self.client.delete(f"{GRAPH}/{path}", params={"access_token": self.page_token})


@pytest.fixture
async def ada(client: httpx.AsyncClient) -> Owner:
    owner = Owner(client)
    await owner.sign_in()
    await owner.choose()
    return owner


def refused(answer: httpx.Response, code: int, subcode: int | None = None, *, status: int = 400) -> None:
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error.get("error_subcode")) == (status, code, subcode)


async def test_pictures_are_seen_once_they_are_attached(client: httpx.AsyncClient, ada: Owner) -> None:
    first, second = [(await ada.photo(alt_text_custom=alt)).json()["id"] for alt in ("A", "B")]
    assert (await client.get("/_sim/network/facebook/posts")).json() == {"posts": []}
    attached = json.dumps([{"media_fbid": first}, {"media_fbid": second}])
    id = (await ada.post(message="Two", attached_media=attached)).json()["id"]
    assert id.startswith(f"{ada.page}_")
    (shown,) = (await client.get("/_sim/network/facebook/posts", params={"account": "harbourbooks"})).json()["posts"]
    assert [(each["alt"], each["size"]) for each in shown["media"]] == [("A", len(PNG)), ("B", len(PNG))]
    fields = "id,message,from,created_time,attachments{target{id},subattachments{target{id}}}"
    (row,) = (await ada.get(f"{ada.page}/feed", fields=fields)).json()["data"]
    parts = row["attachments"]["data"][0]["subattachments"]["data"]
    assert [each["target"]["id"] for each in parts] == [first, second]
    refused(await ada.post(message="Again", attached_media=attached), 100)
    assert (await ada.delete(id)).json() == {"success": True}
    refused(await ada.delete(id), 100, 33)
    refused(await ada.get(id), 100, 33)


@pytest.mark.parametrize(
    ("form", "code", "subcode"),
    [
        ({}, 100, None),
        ({"message": "x", "link": "https://unreadable.test"}, 1609005, None),
        ({"message": "x", "attached_media": "no"}, 100, None),
        ({"message": "x", "attached_media": '[{"media_fbid": "1"}]'}, 100, None),
    ],
)
async def test_a_post_that_makes_no_sense_is_refused(
    ada: Owner, form: dict[str, str], code: int, subcode: int | None
) -> None:
    refused(await ada.post(**form), code, subcode)


async def test_the_same_words_twice_are_a_duplicate_for_a_while(client: httpx.AsyncClient, ada: Owner) -> None:
    assert (await ada.post(message="Again")).status_code == 200
    refused(await ada.post(message="Again"), 506, 1455006)
    await client.post("/_sim/clock/advance", json={"seconds": 601})
    assert (await ada.post(message="Again")).status_code == 200


@pytest.mark.parametrize("content", [b"no picture", PNG + bytes(4_000_000)])
async def test_a_photo_must_be_one_and_small(ada: Owner, content: bytes) -> None:
    refused(await ada.photo(content), 1, 1366046)


async def test_a_video_is_fetched_or_refused(ada: Owner) -> None:
    refused(await ada.post("videos", file_url="http://127.0.0.1:1/a.mp4"), 389)
    refused(await ada.post("videos", file_url="https://example.com/a.mp4"), 389)


async def test_a_page_is_posted_to_with_its_own_token_only(client: httpx.AsyncClient, ada: Owner) -> None:
    bea = Owner(client)
    await bea.sign_in("user_second")
    await bea.choose()
    id = (await ada.post(message="Mine")).json()["id"]
    refused(await bea.delete(id), 100, 33)
    bea.page = ada.page
    refused(await bea.post(message="Not mine"), 200, status=403)
    ada.page_token = ada.token
    refused(await ada.post(message="As a user"), 200, status=403)
    refused(await ada.get("me", token=""), 190)
    refused(await ada.get("me", token="x"), 190)


async def test_the_token_of_a_page_lasts_where_the_users_is_a_long_one(client: httpx.AsyncClient, ada: Owner) -> None:
    hasty = Owner(client)
    await hasty.sign_in(lengthen=False)
    await hasty.choose()
    await client.post("/_sim/clock/advance", json={"seconds": 70 * 86_400})
    assert (await ada.get("me")).json()["name"] == "Harbour Books"
    refused(await ada.get("me/accounts", token=ada.token), 190, 463)
    refused(await hasty.get("me"), 190, 463)


async def test_who_removes_the_app_ends_every_token(ada: Owner) -> None:
    assert (await ada.delete("me/permissions")).json() == {"success": True}
    refused(await ada.get("me"), 190, 458)
    refused(await ada.get("me/accounts", token=ada.token), 190, 458)


async def test_logins_are_as_the_scenarios_say(client: httpx.AsyncClient) -> None:
    refused(await Owner(client).sign_in("user_banned"), 190, 459)
    nobody = Owner(client)
    await nobody.sign_in("user_nopage")
    assert (await nobody.get("me/accounts", token=nobody.token)).json() == {"data": []}
    listed = (await client.get("/_sim/scenarios")).json()["scenarios"]
    assert {each["login"] for each in listed if each["network"] == "facebook"} >= {"user_good", "user_nopage"}


async def test_limits_are_told_and_enforced_when_asked(client: httpx.AsyncClient, ada: Owner) -> None:
    usage: Any = json.loads((await ada.get("me")).headers["x-business-use-case-usage"])
    assert usage[ada.page][0]["estimated_time_to_regain_access"] == 0
    await client.post("/_sim/state/switches", json={"enforce_rate_limits": True})
    for _ in range(199):
        await ada.get("me")
    answer = await ada.get("me")
    refused(answer, 32)
    usage = json.loads(answer.headers["x-business-use-case-usage"])
    assert usage[ada.page][0]["estimated_time_to_regain_access"] > 0


async def test_the_journal_keeps_no_secret_and_no_picture(client: httpx.AsyncClient, ada: Owner) -> None:
    await ada.photo(PNG + b"unmistakable")
    journal = (await client.get("/_sim/requests", params={"network": "facebook"})).text
    for secret in (ada.token, ada.page_token, "sandbox-secret", "unmistakable"):
        assert secret not in journal
