from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

CALLBACK = "http://127.0.0.1/callback"
VIDEO = b"\x00\x00\x00\x18ftypmp42" + b"frame" * 20
SCOPE = "https://www.googleapis.com/auth/youtube"
STEP = 256 * 1024


class Owner:
    """A client of one channel."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.tokens: dict[str, Any] = {}

    async def sign_in(self, login: str = "user_good", scope: str = SCOPE) -> Owner:
        query = {
            "client_id": "sandbox",
            "response_type": "code",
            "redirect_uri": CALLBACK,
            "state": "s",
            "login": login,
        }
        challenge = {"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256"}
        page = await self.client.get("/youtube/o/oauth2/v2/auth", params={**query, **challenge, "scope": scope})
        code = parse_qs(urlsplit(page.headers["location"]).query)["code"][0]
        verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        made = await self.token(
            grant_type="authorization_code", code=code, redirect_uri=CALLBACK, code_verifier=verifier
        )
        self.tokens = made.json()
        return self

    async def token(self, **fields: str) -> httpx.Response:
        app = {"client_id": "sandbox", "client_secret": "sandbox-secret"}
        return await self.client.post("/youtube/token", data={**app, **fields})

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens['access_token']}"}

    async def begin(self, size: int = len(VIDEO), **changed: Any) -> httpx.Response:
        video = {"snippet": {"title": "A moth", "description": "At dusk"}, "status": {"privacyStatus": "public"}}
        headers = {**self.headers, "X-Upload-Content-Length": str(size), "X-Upload-Content-Type": "video/mp4"}
        query = {"uploadType": "resumable", "part": "snippet,status"}
        return await self.client.post(
            "/youtube/upload/youtube/v3/videos", params=query, json={**video, **changed}, headers=headers
        )

    async def put(self, url: str, content: bytes, span: str) -> httpx.Response:
        return await self.client.put(url, content=content, headers={**self.headers, "Content-Range": f"bytes {span}"})

    async def delete(self, video_id: str) -> httpx.Response:
        return await self.client.delete("/youtube/youtube/v3/videos", params={"id": video_id}, headers=self.headers)


@pytest.fixture
async def ada(client: httpx.AsyncClient) -> Owner:
    return await Owner(client).sign_in()


def reason(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["errors"][0]["reason"]


async def test_a_session_says_how_much_it_has_and_its_last_byte_publishes_once(ada: Owner) -> None:
    total = STEP + 100
    url = (await ada.begin(total)).headers["location"]
    assert (await ada.put(url, b"", f"*/{total}")).headers.get("range") is None
    # What is no multiple of 256 KiB is taken up to the last one that is.
    part = await ada.put(url, b"x" * (STEP + 7), f"0-{STEP + 6}/{total}")
    assert (part.status_code, part.headers["range"]) == (308, f"bytes=0-{STEP - 1}")
    assert (await ada.put(url, b"x", f"0-0/{total}")).headers["range"] == f"bytes=0-{STEP - 1}"
    assert (await ada.client.get("/_sim/network/youtube/posts")).json()["posts"] == []
    made = await ada.put(url, b"y" * 100, f"{STEP}-{total - 1}/{total}")
    again = await ada.put(url, b"", f"*/{total}")
    assert (made.status_code, made.json()["id"]) == (200, again.json()["id"])
    (post,) = (await ada.client.get("/_sim/network/youtube/posts")).json()["posts"]
    assert (post["id"], post["media"][0]["size"]) == (made.json()["id"], total)


async def test_a_session_lives_a_week_and_only_for_its_owner(ada: Owner) -> None:
    url = (await ada.begin()).headers["location"]
    bea = await Owner(ada.client).sign_in("user_second")
    assert reason(await bea.put(url, VIDEO, f"0-{len(VIDEO) - 1}/{len(VIDEO)}")) == (403, "forbidden")
    await ada.client.post("/_sim/clock/advance", json={"seconds": 7 * 86_400 + 1})
    assert (await ada.put(url, b"", f"*/{len(VIDEO)}")).status_code == 404


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"snippet": {"title": ""}}, "invalidTitle"),
        ({"snippet": {"title": "a" * 101}}, "invalidTitle"),
        ({"snippet": {"title": "<b>"}}, "invalidTitle"),
        ({"snippet": {"title": "A", "description": "ä" * 2501}}, "invalidDescription"),
        ({"status": {"privacyStatus": "friends"}}, "invalidVideoMetadata"),
    ],
)
async def test_metadata_is_checked_before_a_session_is_given(ada: Owner, changed: Any, name: str) -> None:
    assert reason(await ada.begin(**changed)) == (400, name)


async def test_refusals_have_the_networks_own_reasons(client: httpx.AsyncClient) -> None:
    assert reason(await (await Owner(client).sign_in("user_limited")).begin()) == (400, "uploadLimitExceeded")
    assert reason(await (await Owner(client).sign_in("user_banned")).begin())[1] == "authenticatedUserAccountSuspended"
    assert reason(await (await Owner(client).sign_in(scope="openid")).begin()) == (403, "insufficientPermissions")


async def test_a_quota_is_spent_where_that_is_enforced(ada: Owner) -> None:
    await ada.client.post("/_sim/state/switches", json={"enforce_rate_limits": True})
    answers = [await ada.begin() for _ in range(7)]
    assert answers[5].status_code == 200
    assert reason(answers[6]) == (403, "quotaExceeded")


async def test_a_refresh_token_stays_and_ends_with_the_approval(ada: Owner) -> None:
    await ada.client.post("/_sim/clock/advance", json={"seconds": 3601})
    assert reason(await ada.begin()) == (401, "authError")
    refresh = ada.tokens["refresh_token"]
    for _ in range(2):
        ada.tokens = (await ada.token(grant_type="refresh_token", refresh_token=refresh)).json()
        assert "refresh_token" not in ada.tokens
    assert (await ada.begin()).status_code == 200
    assert (await ada.client.post("/youtube/revoke", data={"token": refresh})).status_code == 200
    assert (await ada.token(grant_type="refresh_token", refresh_token=refresh)).json()["error"] == "invalid_grant"


async def test_a_video_is_deleted_by_its_owner_once(ada: Owner) -> None:
    url = (await ada.begin()).headers["location"]
    made = (await ada.put(url, VIDEO, f"0-{len(VIDEO) - 1}/{len(VIDEO)}")).json()
    bea = await Owner(ada.client).sign_in("user_second")
    assert reason(await bea.delete(made["id"])) == (403, "forbidden")
    assert (await ada.delete(made["id"])).status_code == 204
    assert reason(await ada.delete(made["id"])) == (404, "videoNotFound")
    assert (await ada.client.get("/_sim/network/youtube/posts")).json()["posts"] == []


async def test_the_journal_keeps_no_token_and_no_session(ada: Owner) -> None:
    url = (await ada.begin()).headers["location"]
    await ada.put(url, VIDEO, f"0-{len(VIDEO) - 1}/{len(VIDEO)}")
    journal = (await ada.client.get("/_sim/requests", params={"network": "youtube"})).text
    assert '"operation":"send"' in journal
    for secret in (ada.tokens["access_token"], ada.tokens["refresh_token"], "AAANsU", "sandbox-secret"):
        assert secret not in journal
