"""Sessions: made at each sign-in, ended with their key, their time, or their owner."""

import re
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from postroom.clock import now
from postroom.domain.access import Scope
from postroom.services.sessions import Sessions
from tests.desk import Desk
from tests.web.dashboard.browser import Browser, browser


async def key_for(desk: Desk, *scopes: Scope, name: str = "made here") -> tuple[str, str]:
    """The id and secret of a new key."""
    key, secret = await desk.services.access.issue_key(desk.caller.workspace_id, name, frozenset(scopes))
    return key.id, secret


async def test_a_session_ends_with_its_key_at_once(desk: Desk, stranger: Browser) -> None:
    key_id, secret = await key_for(desk, Scope.READ)
    await stranger.sign_in(secret)
    assert (await stranger.get("/")).status_code == 200
    await desk.services.access.revoke_key(desk.caller, key_id)
    assert (await stranger.get("/")).headers["location"] == "/sign-in"
    shown = await stranger.get("/sign-in")
    assert "was revoked" in shown.text
    assert "postroom_session=" in " ".join(shown.headers.get_list("set-cookie"))
    assert "was revoked" not in (await stranger.get("/sign-in")).text


async def test_a_session_ends_at_its_time(desk: Desk, page: Browser) -> None:
    token = page.client.cookies["postroom_session"]
    for hours, good in ((11.9, True), (12.1, False)):
        moment = now() + timedelta(hours=hours)
        later = Sessions(
            desk.house.database, desk.services.access, partial(_same, moment), lives=timedelta(hours=12), sandbox=True
        )
        if good:
            assert (await later.resolve(token)).workspace_id == desk.caller.workspace_id
        else:
            with pytest.raises(Exception, match="long enough"):
                await later.resolve(token)


def _same(moment: datetime) -> datetime:
    return moment


async def test_signing_in_makes_a_new_session_whatever_the_browser_held(desk: Desk, stranger: Browser) -> None:
    planted = "A" * 43
    stranger.client.cookies.set("postroom_session", planted, domain="127.0.0.1")
    answer = await stranger.sign_in(desk.built.kept.key)
    held = re.search(r"postroom_session=([\w-]+)", " ".join(answer.headers.get_list("set-cookie")))
    assert held is not None
    assert held.group(1) != planted
    other = browser(desk.built)
    other.client.cookies.set("postroom_session", planted, domain="127.0.0.1")
    assert (await other.get("/")).status_code == 303
    await other.close()


async def test_signed_out_is_signed_out_for_whoever_kept_the_cookie(desk: Desk, page: Browser) -> None:
    token = page.client.cookies["postroom_session"]
    assert (await page.do("/sign-out")).headers["location"] == "/sign-in"
    other = browser(desk.built)
    other.client.cookies.set("postroom_session", token, domain="127.0.0.1")
    assert (await other.get("/")).status_code == 303
    await other.close()


async def test_what_is_kept_of_a_session_opens_nothing(desk: Desk, page: Browser) -> None:
    token = page.client.cookies["postroom_session"]
    async with desk.house.database.read() as reader:
        rows = await reader.fetch("select * from sessions")
    assert rows
    assert token not in repr([tuple(row) for row in rows])
    assert all(token.encode() not in bytes(row[0]) for row in rows)


async def test_expired_sessions_are_cleaned_up(desk: Desk, page: Browser) -> None:
    async with desk.house.database.begin() as tx:
        await tx.execute(
            "update sessions set expires_at = $1", int(datetime(2020, 1, 1, tzinfo=UTC).timestamp() * 1000)
        )
    assert "long enough" in (await page.get("/sign-in")).text
    await desk.house.upkeep.clean_up()
    async with desk.house.database.read() as reader:
        assert await reader.fetch("select * from sessions") == []


async def test_where_nothing_is_a_browser_gets_a_page_and_a_program_gets_json(page: Browser, stranger: Browser) -> None:
    accept = "text/html,application/xhtml+xml,*/*;q=0.8"
    for path in ("/nowhere", "/nowhere/at/all", "/v1/chats", "/favicon.ico"):
        shown = await stranger.get(path, accept=accept)
        assert (shown.status_code, "There is no such page" in shown.text) == (404, True), path
        assert "frame-ancestors 'none'" in shown.headers["content-security-policy"]
        inside = await page.get(path, accept=accept)
        assert (inside.status_code, "To the overview" in inside.text) == (404, True), path
        for told in (await page.get(path, accept="*/*"), await page.client.post(path, json={})):
            assert (told.status_code, told.headers["content-type"]) == (404, "application/problem+json"), path
            assert told.json()["code"] == "resource_not_found"
    assert (await page.get("/api/nowhere", accept=accept)).headers["content-type"] == "application/problem+json"
