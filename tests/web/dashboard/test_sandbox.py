"""The sandbox's page: the clock, what goes wrong, and what the other person sees."""

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import pytest

from postroom.domain.access import Scope
from tests.desk import Desk
from tests.servers import lent
from tests.web.dashboard.browser import Browser, browser


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """On one database: these are about the simulated networks."""
    async with lent(tmp_path / "data") as found:
        yield Desk(found)


async def test_time_passes_when_it_is_told_to(desk: Desk, page: Browser) -> None:
    before = desk.now_ms()
    assert (await page.do("/sandbox/clock", {"seconds": "3600"})).status_code == 303
    assert desk.now_ms() - before >= 3600 * 1000
    assert "1 hour passed" in (await page.get("/sandbox")).text
    for wrong in ("", "-5", "1e3", "999999999999"):
        assert (await page.do("/sandbox/clock", {"seconds": wrong})).status_code == 400


async def test_what_is_to_go_wrong_does_until_it_is_taken_away(desk: Desk, page: Browser) -> None:
    made = await page.do("/sandbox/faults", {"network": "bluesky", "operation": "createRecord", "effect": "forbidden"})
    assert made.status_code == 303
    await page.do("/sandbox/faults", {"effect": "slow", "times": "3"})
    shown = (await page.get("/sandbox")).text
    assert "createRecord" in shown
    assert "latency seconds 5" in shown
    (first, _) = (await desk.built.sim.get("/_sim/faults")).json()["faults"]
    assert first["do"] == {"status": 403}
    await page.do("/sandbox/faults/remove", {"id": first["id"]})
    assert len((await desk.built.sim.get("/_sim/faults")).json()["faults"]) == 1
    await page.do("/sandbox/faults/remove")
    assert (await desk.built.sim.get("/_sim/faults")).json()["faults"] == []
    for wrong in ({"effect": "magic"}, {"effect": "slow", "times": "0"}, {"effect": "slow", "nth": "x"}):
        answer = await page.do("/sandbox/faults", wrong)
        assert answer.status_code == 400
        assert 'role="alert"' in answer.text


async def test_the_other_person_sees_writes_reacts_and_takes_back(desk: Desk, page: Browser) -> None:
    listed = (await page.get("/sandbox/linkedin")).text
    address = unescape(re.findall(r'href="(/sandbox/linkedin/chats\?[^"]+)"', listed)[0])
    chat_id = re.search(r"id=([^&]+)", address)
    assert chat_id is not None
    shown = (await page.get(address)).text
    viewer = re.search(r'name="as" value="([^"]+)"', shown)
    assert viewer is not None
    fields = {"id": unquote(chat_id.group(1)), "as": viewer.group(1)}
    await page.do("/sandbox/linkedin/chats", {**fields, "do": "write", "text": "<i>hello</i> from there"})
    shown = (await page.get(address)).text
    assert "&lt;i&gt;hello&lt;/i&gt; from there" in shown
    message = re.findall(r'data-message="([^"]+)"', shown)[-1]
    await page.do("/sandbox/linkedin/chats", {**fields, "do": "recall", "message": unescape(message)})
    shown = (await page.get(address)).text
    assert "from there" not in shown
    assert "was recalled" in shown
    own = re.search(r'name="message" value="([^"]+)"><input type="hidden" name="emoji"', shown)
    assert own is not None
    reacted = {**fields, "do": "react", "message": unescape(own.group(1)), "emoji": "👍"}
    assert (await page.do("/sandbox/linkedin/chats", reacted)).status_code == 303
    refused = await page.do("/sandbox/linkedin/chats", {**fields, "do": "recall", "message": unescape(own.group(1))})
    assert refused.status_code == 400
    assert "LinkedIn refuses" in refused.text
    assert (await page.do("/sandbox/linkedin/chats", {**fields, "do": "write", "text": ""})).status_code == 400


async def test_posts_are_seen_as_everybody_sees_them(desk: Desk, page: Browser) -> None:
    assert "Nothing is to be seen" in (await page.get("/sandbox/bluesky")).text
    await desk.due("<s>Seen by all</s>")
    await desk.work()
    assert "&lt;s&gt;Seen by all&lt;/s&gt;" in (await page.get("/sandbox/bluesky")).text
    for network in ("facebook", "nothing"):
        assert (await page.get(f"/sandbox/{network}")).status_code == 404


async def test_another_workspaces_chats_are_not_to_be_seen(desk: Desk, page: Browser) -> None:
    theirs = browser(desk.built)
    await theirs.sign_in(desk.built.kept.other_key)
    own = set(re.findall(r'href="(/sandbox/linkedin/chats\?[^"]+)"', (await page.get("/sandbox/linkedin")).text))
    other = set(re.findall(r'href="(/sandbox/linkedin/chats\?[^"]+)"', (await theirs.get("/sandbox/linkedin")).text))
    assert other
    assert own - other
    for address in map(unescape, own - other):
        assert (await theirs.get(address)).status_code == 404
    assert (await theirs.get("/sandbox/bluesky")).status_code == 404
    await theirs.close()


async def test_who_may_only_read_changes_nothing(desk: Desk, stranger: Browser) -> None:
    _, secret = await desk.services.access.issue_key(desk.caller.workspace_id, "reads", frozenset({Scope.READ}))
    await stranger.sign_in(secret)
    assert (await stranger.get("/sandbox")).status_code == 200
    assert (await stranger.do("/sandbox/clock", {"seconds": "60"})).status_code == 403
    assert (await stranger.do("/sandbox/faults", {"effect": "slow"})).status_code == 403
