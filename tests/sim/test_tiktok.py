from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

CALLBACK = "http://127.0.0.1/callback"
VIDEO = b"\x00\x00\x00\x18ftypmp42" + b"frame" * 20


class Creator:
    """A client of one account."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.tokens: dict[str, Any] = {}

    async def sign_in(self, login: str = "user_good") -> Creator:
        query = {
            "client_key": "sandbox",
            "response_type": "code",
            "redirect_uri": CALLBACK,
            "state": "s",
            "login": login,
        }
        page = await self.client.get(
            "/tiktok/v2/auth/authorize/", params={**query, "scope": "user.info.basic,video.publish"}
        )
        code = parse_qs(urlsplit(page.headers["location"]).query)["code"][0]
        self.tokens = (await self.token(grant_type="authorization_code", code=code, redirect_uri=CALLBACK)).json()
        return self

    async def token(self, **fields: str) -> httpx.Response:
        app = {"client_key": "sandbox", "client_secret": "sandbox-secret"}
        return await self.client.post("/tiktok/v2/oauth/token/", data={**app, **fields})

    async def ask(self, path: str, tree: Any = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.tokens['access_token']}"}
        return await self.client.post(f"/tiktok/v2/post/publish/{path}/", json=tree or {}, headers=headers)

    async def begin(self, size: int = len(VIDEO), **post: Any) -> httpx.Response:
        info = {"title": "A moth", "privacy_level": "PUBLIC_TO_EVERYONE", "disable_duet": True, **post}
        source = {"source": "FILE_UPLOAD", "video_size": size, "chunk_size": size, "total_chunk_count": 1}
        return await self.ask("video/init", {"post_info": info, "source_info": source})

    async def put(self, url: str, content: bytes, first: int, total: int) -> httpx.Response:
        span = f"bytes {first}-{first + len(content) - 1}/{total}"
        return await self.client.put(url, content=content, headers={"Content-Range": span, "Content-Type": "video/mp4"})

    async def status(self, publish_id: str) -> Any:
        return (await self.ask("status/fetch", {"publish_id": publish_id})).json()["data"]


@pytest.fixture
async def ada(client: httpx.AsyncClient) -> Creator:
    return await Creator(client).sign_in()


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def test_nothing_is_published_before_the_last_byte_and_then_once(ada: Creator) -> None:
    begun = (await ada.begin()).json()["data"]
    assert (await ada.status(begun["publish_id"]))["status"] == "PROCESSING_UPLOAD"
    assert (await ada.client.get("/_sim/network/tiktok/posts")).json()["posts"] == []
    assert (await ada.put(begun["upload_url"], VIDEO, 0, len(VIDEO))).status_code == 201
    assert (await ada.put(begun["upload_url"], VIDEO, 0, len(VIDEO))).status_code == 416
    found = await ada.status(begun["publish_id"])
    (post,) = (await ada.client.get("/_sim/network/tiktok/posts")).json()["posts"]
    assert (found["status"], [str(each) for each in found["publicaly_available_post_id"]]) == (
        "PUBLISH_COMPLETE",
        [post["id"]],
    )


async def test_a_switch_makes_it_work_on_videos_for_a_while(ada: Creator) -> None:
    await ada.client.post("/_sim/state/switches", json={"processing_seconds": 60})
    begun = (await ada.begin()).json()["data"]
    await ada.put(begun["upload_url"], VIDEO, 0, len(VIDEO))
    found = await ada.status(begun["publish_id"])
    assert (found["status"], found["uploaded_bytes"]) == ("PROCESSING_UPLOAD", len(VIDEO))
    await ada.client.post("/_sim/clock/advance", json={"seconds": 61})
    assert (await ada.status(begun["publish_id"]))["status"] == "PUBLISH_COMPLETE"


async def test_chunks_are_of_the_sizes_that_are_allowed_and_in_order(ada: Creator) -> None:
    def cut(size: int, chunk: int, count: int) -> dict[str, Any]:
        info = {"title": "A", "privacy_level": "SELF_ONLY", "disable_duet": True}
        source = {"source": "FILE_UPLOAD", "video_size": size, "chunk_size": chunk, "total_chunk_count": count}
        return {"post_info": info, "source_info": source}

    for size, chunk, count in [
        (20_000_000, 1_000_000, 20),
        (20_000_000, 10_000_000, 3),
        (70_000_000, 70_000_000, 1),
        (0, 0, 0),
    ]:
        assert code(await ada.ask("video/init", cut(size, chunk, count))) == (400, "invalid_params")
    begun = (await ada.ask("video/init", cut(10_000_001, 5_000_000, 2))).json()["data"]
    url = begun["upload_url"]
    assert (await ada.put(url, b"x" * 5_000_001, 5_000_000, 10_000_001)).status_code == 416
    assert (await ada.put(url, b"x" * 5_000_000, 0, 10_000_001)).status_code == 206
    assert (await ada.status(begun["publish_id"]))["uploaded_bytes"] == 5_000_000
    await ada.client.post("/_sim/clock/advance", json={"seconds": 3601})
    assert (await ada.put(url, b"x" * 5_000_001, 5_000_000, 10_000_001)).status_code == 403
    assert (await ada.put(url.replace("token", "tok"), b"x", 0, 1)).status_code == 404


async def test_refusals_have_the_networks_own_codes(client: httpx.AsyncClient) -> None:
    async def begun(login: str, **post: Any) -> tuple[int, str]:
        return code(await (await Creator(client).sign_in(login)).begin(**post))

    assert await begun("user_banned") == (403, "spam_risk_user_banned_from_posting")
    assert await begun("user_private") == (400, "privacy_level_option_mismatch")
    assert await begun("user_unaudited") == (403, "unaudited_client_can_only_post_to_private_accounts")
    assert await begun("user_good", title="a" * 2201) == (400, "invalid_params")


async def test_tokens_end_and_refresh_tokens_work_once(ada: Creator) -> None:
    await ada.client.post("/_sim/clock/advance", json={"seconds": 86_401})
    assert code(await ada.ask("creator_info/query")) == (401, "access_token_invalid")
    old = ada.tokens["refresh_token"]
    ada.tokens = (await ada.token(grant_type="refresh_token", refresh_token=old)).json()
    assert (await ada.ask("creator_info/query")).status_code == 200
    assert (await ada.token(grant_type="refresh_token", refresh_token=old)).json()["error"] == "invalid_grant"


async def test_six_uploads_a_minute_are_begun_where_that_is_enforced(ada: Creator) -> None:
    await ada.client.post("/_sim/state/switches", json={"enforce_rate_limits": True})
    codes = [code(await ada.begin()) for _ in range(7)]
    assert (codes[5], codes[6]) == ((200, "ok"), (429, "rate_limit_exceeded"))


async def test_the_journal_keeps_no_token_and_no_video(ada: Creator) -> None:
    begun = (await ada.begin()).json()["data"]
    await ada.put(begun["upload_url"], VIDEO, 0, len(VIDEO))
    journal = (await ada.client.get("/_sim/requests", params={"network": "tiktok"})).text
    assert '"operation":"send"' in journal
    for secret in (ada.tokens["access_token"], ada.tokens["refresh_token"], "upload-token", "sandbox-secret"):
        assert secret not in journal
