from __future__ import annotations

import httpx

from tests.sim.simulation import Member

ME = "/voyager/api/me"


async def test_without_cookies_nothing_is_answered(client: httpx.AsyncClient) -> None:
    assert (await client.get(f"/linkedin{ME}")).status_code == 401


async def test_a_csrf_token_that_differs_from_the_cookie_is_forbidden(ada: Member) -> None:
    answer = await ada.get(ME, **{"csrf-token": "ajax:9"})
    assert answer.status_code == 403


async def test_the_csrf_token_is_the_cookie_without_its_quotes(ada: Member) -> None:
    assert (await ada.get(ME, **{"csrf-token": '"ajax:1"'})).status_code == 403
    assert (await ada.get(ME)).status_code == 200


async def test_a_revoked_session_is_redirected_and_its_cookie_deleted(client: httpx.AsyncClient) -> None:
    answer = await Member(client, "user_revoked").get(ME)
    assert answer.status_code == 302
    assert answer.headers["set-cookie"].startswith("li_at=delete me;")
    assert "Thu, 01 Jan 1970" in answer.headers["set-cookie"]


async def test_each_bad_login_fails_its_own_way(client: httpx.AsyncClient) -> None:
    assert (await Member(client, "user_expired").get(ME)).status_code == 401
    assert (await Member(client, "nobody").get(ME)).status_code == 401
    challenged = await Member(client, "user_challenge").get(ME)
    assert challenged.status_code == 302
    assert "/checkpoint/" in challenged.headers["location"]
    assert "set-cookie" not in challenged.headers
    banned = Member(client, "user_banned")
    assert (await banned.get(ME)).status_code == 200
    assert (await banned.query("messengerConversations", "(mailboxUrn:x)")).status_code == 403


async def test_logging_out_ends_that_session_and_no_other(client: httpx.AsyncClient, ada: Member) -> None:
    other = Member(client, "user_good", "ajax:77")
    assert (await ada.get("/uas/logout?csrfToken=ajax%3A1")).status_code == 303
    assert (await ada.get(ME)).status_code == 302
    assert (await other.get(ME)).status_code == 200
    logged = (await client.get("/_sim/requests", params={"operation": "logout"})).text
    assert "ajax" not in logged


async def test_a_new_login_makes_its_member_once(client: httpx.AsyncClient) -> None:
    first = await Member(client, "user_new_ines").sign_in()
    again = await Member(client, "user_new_ines", "ajax:5").sign_in()
    assert first.id == again.id
    chats = (await first.conversations())["elements"]
    assert len(chats) == 2


async def test_every_scenario_has_an_example(client: httpx.AsyncClient) -> None:
    scenarios = (await client.get("/_sim/scenarios")).json()["scenarios"]
    assert {"user_good", "user_revoked", "ada.test"} <= {item["login"] for item in scenarios}
    assert all(item["example"].startswith("curl") and item["description"] for item in scenarios)


async def test_media_need_the_cookies_but_no_token(client: httpx.AsyncClient, ada: Member) -> None:
    profile = (await ada.get(ME)).json()["miniProfile"]["picture"]["com.linkedin.common.VectorImage"]
    address = profile["rootUrl"] + profile["artifacts"][0]["fileIdentifyingUrlPathSegment"]
    assert (await client.get(address)).status_code == 401
    answer = await client.get(address, headers={"Cookie": ada.headers["Cookie"]})
    assert answer.content.startswith(b"\x89PNG")
    head = await client.head(address, headers={"Cookie": ada.headers["Cookie"]})
    assert "filename" in head.headers["content-disposition"]
