"""The official side of the simulated LinkedIn refuses what LinkedIn refuses."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest

BODY = {
    "author": "urn:li:person:Tz9W5i6ZYG",
    "commentary": "Hello",
    "visibility": "PUBLIC",
    "distribution": {"feedDistribution": "MAIN_FEED", "targetEntities": [], "thirdPartyDistributionChannels": []},
    "lifecycleState": "PUBLISHED",
}
BACK = "https://us.example/callback"


class Someone:
    """A client with a token."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.headers = {"LinkedIn-Version": "202601", "X-Restli-Protocol-Version": "2.0.0"}

    async def sign_in(self, scope: str = "openid w_member_social", **more: str) -> httpx.Response:
        query = {"client_id": "sandbox", "redirect_uri": BACK, "response_type": "code", "scope": scope, "state": "s"}
        page = await self.client.get("/linkedin/oauth/v2/authorization", params={**query, "login": "user_good"})
        code = parse_qs(urlsplit(page.headers["location"]).query)["code"][0]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
        app = {"client_id": "sandbox", "client_secret": "sandbox-secret"}
        answer = await self.client.post("/linkedin/oauth/v2/accessToken", data={**form, **app, **more})
        if answer.status_code == 200:
            self.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return answer

    async def post(self, **changed: Any) -> httpx.Response:
        return await self.client.post("/linkedin/rest/posts", headers=self.headers, json={**BODY, **changed})


@pytest.fixture
async def someone(client: httpx.AsyncClient) -> Someone:
    found = Someone(client)
    assert (await found.sign_in()).status_code == 200
    return found


async def test_a_post_is_answered_by_a_header_only(someone: Someone) -> None:
    answer = await someone.post()
    assert (answer.status_code, answer.content) == (201, b"")
    assert answer.headers["x-restli-id"].startswith("urn:li:share:")


async def test_both_version_headers_are_required(someone: Someone) -> None:
    whole = dict(someone.headers)
    del someone.headers["LinkedIn-Version"]
    assert (await someone.post()).json()["code"] == "VERSION_MISSING"
    someone.headers = {**whole, "LinkedIn-Version": "202101"}
    answer = await someone.post()
    assert (answer.status_code, answer.json()["message"]) == (426, "Requested version 202101 is not active")
    someone.headers = {**whole, "X-Restli-Protocol-Version": "1.0.0"}
    assert (await someone.post()).status_code == 400


async def test_the_same_again_names_the_first_also_when_that_is_gone(someone: Someone) -> None:
    urn = (await someone.post()).headers["x-restli-id"]
    for _ in range(2):
        answer = await someone.post()
        assert answer.status_code == 422
        assert answer.json()["message"].endswith(urn)
        assert answer.json()["errorDetails"]["inputErrors"][0]["code"] == "DUPLICATE_POST"
        address = f"/linkedin/rest/posts/{quote(urn, safe='')}"
        assert (await someone.client.delete(address, headers=someone.headers)).status_code == 204
    assert (await someone.client.delete(f"/linkedin/rest/posts/{urn}", headers=someone.headers)).status_code == 400


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"author": "urn:li:person:bEaOkaf0r1"}, 403),
        ({"author": "urn:li:organization:2414183"}, 403),
        ({"commentary": "x" * 3001}, 422),
        ({"visibility": "EVERYBODY"}, 422),
        ({"content": {"media": {"id": "urn:li:image:C5unknown"}}}, 400),
        ({"content": {"multiImage": {"images": []}}}, 422),
    ],
)
async def test_what_makes_no_post_is_refused(someone: Someone, changed: dict[str, Any], status: int) -> None:
    assert (await someone.post(**changed)).status_code == status


async def test_an_image_is_of_no_use_before_its_bytes_are_there(someone: Someone) -> None:
    begun = await someone.client.post(
        "/linkedin/rest/images?action=initializeUpload",
        headers=someone.headers,
        json={"initializeUploadRequest": {"owner": BODY["author"]}},
    )
    value = begun.json()["value"]
    content = {"media": {"id": value["image"], "altText": "A hive"}}
    refused = await someone.post(content=content)
    assert (refused.status_code, "WAITING_UPLOAD" in refused.text) == (400, True)
    await someone.client.put(value["uploadUrl"], headers=someone.headers, content=b"\x89PNG....")
    made = await someone.post(content=content)
    assert made.headers["x-restli-id"].startswith("urn:li:ugcPost:")


async def test_what_is_not_escaped_cuts_the_text_off(someone: Someone) -> None:
    await someone.post(commentary="Hello (there)")
    posts = (await someone.client.get("/_sim/network/linkedin/posts")).json()["posts"]
    assert [post["text"] for post in posts] == ["Hello "]


async def test_a_verifier_is_refused_as_linkedin_refuses_it(client: httpx.AsyncClient) -> None:
    answer = await Someone(client).sign_in(code_verifier="x" * 50)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_tokens_are_told_apart(someone: Someone) -> None:
    token = someone.headers["Authorization"].removeprefix("Bearer ")
    await someone.client.post("/_sim/clock/advance", json={"seconds": 61 * 86_400})
    assert (await someone.post()).json()["code"] == "EXPIRED_ACCESS_TOKEN"
    await someone.client.post("/linkedin/oauth/v2/revoke", data={"token": token})
    assert (await someone.post()).json()["code"] == "REVOKED_ACCESS_TOKEN"
    someone.headers["Authorization"] = "Bearer nobody"
    assert (await someone.post()).json()["code"] == "INVALID_ACCESS_TOKEN"


async def test_a_day_has_a_limit_where_that_is_wanted(someone: Someone) -> None:
    await someone.client.post("/_sim/state/switches", json={"enforce_rate_limits": True})
    answers = [await someone.post(commentary=f"Number {number}") for number in range(101)]
    assert [answer.status_code for answer in answers[-2:]] == [201, 429]
    assert answers[-1].json()["code"] == "TOO_MANY_REQUESTS"
