"""Every page that a link leads to: it opens, everybody can use it, it fits a phone, in the light and in the dark."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from playwright.async_api import Error, Page

from postroom.web.dashboard import SEGMENTS
from postroom.web.dashboard.assets import assets
from tests.parts.browser import Visit, axe, fits, shoot
from tests.receiver import receiving
from tests.servers import Server

_ID = re.compile(r"[a-z]{3,4}_[0-9A-HJKMNP-TV-Z]{26}|[0-9a-f]{24}")
_IDS = "all => all.map(each => each.id)"
_MOST = 150
MOST_BYTES = 150_000
"""Of script and style, all of it, as a browser reads it."""


def shape(address: str) -> str:
    """Pages of one shape differ in what they are about: one of them is looked at."""
    parts = urlsplit(address)
    names = sorted({name for name, _ in parse_qsl(parts.query)})
    return _ID.sub("{id}", parts.path.rstrip("/")) + ("?" + "&".join(names) if names else "")


def name_of(shape: str) -> str:
    """Of a screenshot."""
    return re.sub(r"\W+", "-", shape.replace("{id}", "one")).strip("-") or "overview"


async def links(page: Page) -> list[str]:
    """The pages that this one leads to, within the dashboard."""
    found: list[str] = await page.eval_on_selector_all(
        "a[href]:not([download]):not([target])", "all => all.map(each => each.getAttribute('href'))"
    )
    return [each for each in found if each.startswith("/") and urlsplit(each).path.split("/")[1] in SEGMENTS]


@pytest.fixture(scope="module")
def seen() -> dict[str, str]:
    """An address of each shape, as far as they were found."""
    return {}


async def furnish(server: Server) -> None:
    """Something of what the sandbox does not begin with."""
    headers = {"authorization": f"Bearer {server.line['key']}"}
    async with httpx.AsyncClient(base_url=server.line["native"], headers=headers) as client, receiving() as receiver:
        await client.post("/webhooks", json={"name": "Orders", "url": receiver.url})
        messages = (await client.get("/messages", params={"limit": 100})).json()["items"]
        mine = next(each for each in messages if each["can_delete"])
        await client.delete(f"/messages/{mine['id']}")
        accounts = (await client.get("/accounts")).json()["items"]
        platforms = [f"bluesky-{each['provider_id']}" for each in accounts if each["provider"] == "bluesky"]
        later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        for more in ({}, {"scheduled_at": later}):
            made = await client.post("/post-groups", json={"content": "Seen by all", "platforms": platforms, **more})
            assert made.status_code == 201, made.text
        await receiver.until(1)


async def look(page: Page, address: str, looks: str) -> list[str]:
    """What is wrong with a page, a line each."""
    wrong = []
    answer = await page.goto(address)
    if answer is None or answer.status != 200:
        return [f"{address}: {answer and answer.status}"]
    for check in (axe, fits):
        try:
            await check(page)
        except AssertionError as error:
            wrong.append(f"{looks} {error}")
    if await page.locator("h1").count() != 1:
        wrong.append(f"{address} has not one h1")
    await shoot(page, f"{looks}-{name_of(shape(address))}")
    return wrong


async def dialogs(page: Page) -> list[str]:
    """What is wrong with the dialogs of the page, once they are open."""
    wrong = []
    for id in await page.eval_on_selector_all("dialog[id]", _IDS):
        await page.evaluate("id => { const it = document.getElementById(id); if (!it.open) it.showModal(); }", id)
        try:
            await axe(page, within=f"[id='{id}']")
        except AssertionError as error:
            wrong.append(f"{id}: {error}")
        await page.evaluate("id => document.getElementById(id).close()", id)
    return wrong


@pytest.mark.timeout(300)
async def test_every_page_that_a_link_leads_to_opens_and_is_for_everybody(
    page: Page, server: Server, seen: dict[str, str]
) -> None:
    await furnish(server)
    wrong, waiting, looked_at = [], ["/"], set[str]()
    while waiting and len(seen) < _MOST:
        address = waiting.pop(0)
        if shape(address) in seen:
            continue
        seen[shape(address)] = address
        try:
            wrong += await look(page, address, "light")
            new = [each for each in await page.eval_on_selector_all("dialog[id]", _IDS) if each not in looked_at]
            looked_at |= set(new)
            wrong += await dialogs(page) if new else []
        except Error as error:
            wrong.append(f"{address}: {error.message}")
            continue
        waiting += [each for each in await links(page) if shape(each) not in seen]
    assert not wrong, "\n\n".join(wrong)
    assert len(seen) < _MOST, sorted(seen)


@pytest.mark.timeout(300)
async def test_every_page_fits_a_phone_in_the_dark(visit: Visit, seen: dict[str, str]) -> None:
    page = await visit(phone=True, dark=True)
    wrong = [fault for address in seen.values() for fault in await look(page, address, "phone")]
    assert not wrong, "\n\n".join(wrong)


def test_script_and_style_are_small() -> None:
    sizes = {name: len(each.content) for name, each in assets().items() if name.endswith((".js", ".css"))}
    assert sum(sizes.values()) < MOST_BYTES, sizes
