"""The pages of posts and media in a real browser: composed for five networks, moved by hand and by key, taken down."""

import re
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.parts.browser import Visit, Watch, axe, fits, shoot
from tests.pictures import encoded, noise, png
from tests.servers import Server

NETWORKS = ("bluesky", "instagram", "mastodon", "threads", "twitter")
ADDED = {"threads": "oauth", "instagram": "oauth"}


@pytest.fixture(scope="module")
def five(server: Server) -> dict[str, str]:
    """Accounts of five networks, of which one takes no deletions from the way that it was linked."""
    with httpx.Client(base_url=server.line["native"], headers={"x-api-key": server.line["key"]}) as client:
        for network, flow in ADDED.items():
            step = client.post("/links", json={"provider": network, "flow": flow}).raise_for_status().json()
            approved = httpx.get(f"{step['url']}&login=user_good")
            given = dict(parse_qsl(urlsplit(approved.headers["location"]).query))
            client.post(f"/links/{step['id']}", json={"answers": given}).raise_for_status()
        held = client.get("/accounts").raise_for_status().json()["items"]
    return {each["provider"]: each["provider_id"] for each in held if each["provider"] in NETWORKS}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("pictures")
    made = {"harbour.png": png(60, 110, 150, size=(640, 480)), "fog.png": encoded(noise((320, 320)))}
    for name, content in made.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in made]


@pytest.fixture(autouse=True)
def _hurried(watch: Watch) -> None:
    """Who goes on to another page while this one asks for something lets go of the answer, and htmx says so."""
    watch.expect("htmx:sendAbort")
    watch.expect("htmx:afterRequest")


async def looked_at(visit: Visit, page: Page, name: str) -> None:
    """On a desk and on a phone, in the light and in the dark."""
    await shoot(page, name)
    await axe(page)
    phone = await visit(dark=True, phone=True)
    await phone.goto(page.url)
    await phone.wait_for_load_state("networkidle")
    await shoot(phone, f"{name}-phone")
    await fits(phone)
    await axe(phone)
    await phone.context.close()


async def draft(page: Page, words: str) -> str:
    await page.goto("/posts/new")
    await page.get_by_label("Bluesky").first.check()
    await page.get_by_role("textbox", name="Text", exact=True).fill(words)
    await page.get_by_role("button", name="Save the draft").click()
    await page.wait_for_url(re.compile(r"/posts/[0-9a-f]{24}$"))
    return page.url.rpartition("/")[2]


async def test_a_post_is_composed_for_five_networks_and_taken_down_with_an_outcome_for_each(
    visit: Visit, page: Page, server: Server, five: dict[str, str], pictures: list[Path]
) -> None:
    await page.goto("/posts")
    await page.get_by_role("link", name="New post", exact=True).click()
    boxes = page.locator("input[name=platforms]")
    await expect(boxes).to_have_count(5)
    for place in range(5):
        await boxes.nth(place).check()
    previews = page.locator(".preview")
    await expect(previews).to_have_count(5)
    await page.get_by_role("textbox", name="Text", exact=True).fill("Fog in the harbour, and then the sun. " * 9)
    x = page.get_by_role("article", name="X")
    await expect(x.get_by_text("Thread of 2")).to_be_visible()
    await expect(page.get_by_role("article", name="Instagram")).to_contain_text("Needs an image or a video.")
    await shoot(page, "posts-compose-lacking")
    await page.get_by_role("textbox", name="Text", exact=True).fill(
        "Fog in the harbour \N{SAILBOAT} https://example.org/a-long-address/of-a-page"
    )
    await page.set_input_files("#upload", pictures)
    await expect(page.locator("#files li")).to_have_count(2)
    await page.get_by_label("What fog.png shows").fill("Grey noise")
    await page.get_by_role("button", name="Leave out harbour.png").click()
    await expect(page.locator(".preview-bad")).to_have_count(0)
    await expect(x).to_contain_text("45 of 280 weighted characters")
    await page.get_by_text("What Bluesky takes").click()
    await looked_at(visit, page, "posts-compose")
    await page.get_by_label("Now", exact=True).check()
    await page.get_by_role("button", name="Publish now").click()
    states = page.locator(".outcomes .badge")
    await expect(states).to_have_text(["Live"] * 5, timeout=30_000)
    await looked_at(visit, page, "posts-live")

    async with httpx.AsyncClient(base_url=server.line["sim"]) as sim:
        for network, operation, do in (
            ("mastodon", "delete_status", {"status": 403}),
            ("twitter", "delete_tweet", {"commit_then_lose": True}),
        ):
            rule = {"network": network, "operation": operation, "do": do}
            (await sim.post("/_sim/faults", json=rule)).raise_for_status()
    await page.get_by_role("link", name="Take it down").click()
    await expect(page.get_by_role("dialog")).to_contain_text("is asked to delete it")
    await shoot(page, "posts-take-down-asked")
    await page.get_by_role("dialog").get_by_role("button", name="Take it down").click()
    await expect(page.get_by_text("In doubt")).to_be_visible()
    await expect(page.get_by_text("It is being taken down.")).to_be_visible()
    await shoot(page, "posts-take-down-in-doubt")
    left = page.get_by_text("Left: 2 of 5.")
    await expect(left).to_be_visible(timeout=30_000)
    row = page.locator(".outcomes tbody tr")
    for network, state in {"Bluesky": "Taken down", "Mastodon": "Live: refused", "X": "Taken down"}.items():
        await expect(row.filter(has=page.get_by_text(network, exact=True))).to_contain_text(state)
    await expect(row.filter(has_text="Instagram").first).to_contain_text("Live: by hand")
    await looked_at(visit, page, "posts-take-down-mixed")
    async with httpx.AsyncClient(base_url=server.line["sim"]) as sim:
        shown = {
            name: len((await sim.get(f"/_sim/network/{name}/posts")).json()["posts"])
            for name in ("bluesky", "mastodon", "twitter")
        }
    assert shown == {"bluesky": 0, "mastodon": 1, "twitter": 0}
    await page.get_by_role("link", name="Take it down").click()
    await page.get_by_role("dialog").get_by_role("button", name="Take it down").click()
    await expect(page.get_by_text("Left: 1 of 5.")).to_be_visible(timeout=30_000)


async def test_a_post_is_scheduled_by_hand_and_by_key(visit: Visit, page: Page, five: dict[str, str]) -> None:
    ids = [await draft(page, words) for words in ("Moved by hand", "Moved by key")]
    await page.goto("/posts")
    first, second = (page.locator(f"#post-{each}") for each in ids)
    days = page.locator("[data-day]")
    target = await days.nth(3).get_attribute("data-day")
    assert target is not None
    await first.drag_to(page.locator(f'[data-day="{target}"]'))
    await expect(page.locator(f'[data-day="{target}"] #post-{ids[0]}')).to_be_visible()
    await expect(page.get_by_role("status").get_by_text("It goes out on")).to_be_visible()
    await expect(first).to_be_focused()
    await second.focus()
    await page.keyboard.press("Alt+ArrowRight")
    await expect(page.locator(f".cal #post-{ids[1]}")).to_be_visible()
    await expect(second).to_be_focused()
    # Today, or tomorrow where little is left of today.
    placed = await days.filter(has=second).get_attribute("data-day")
    assert placed is not None
    await page.keyboard.press("Alt+ArrowRight")
    day_after = (datetime.fromisoformat(placed) + timedelta(days=1)).date().isoformat()
    await expect(page.locator(f'[data-day="{day_after}"] #post-{ids[1]}')).to_be_visible()
    await expect(second).to_be_focused()
    await looked_at(visit, page, "posts-month")
    await page.goto(f"/posts?view=week&date={target}")
    slot = page.locator("[data-hour]").filter(has=first)
    at = int(await slot.get_attribute("data-hour") or "")
    to = at - 2 if at >= 2 else at + 2
    hour = page.locator(f'[data-day="{target}"][data-hour="{to}"]')
    await first.drag_to(hour)
    await expect(hour.locator(first)).to_contain_text(f"{to:02}:00")
    await page.keyboard.press("Alt+ArrowDown")
    await expect(first).to_contain_text(f"{to + 1:02}:00")
    await looked_at(visit, page, "posts-week")
    await page.get_by_role("link", name="List").click()
    await expect(page.locator("tbody tr").first).to_be_visible()
    await looked_at(visit, page, "posts-list")
    await page.goto(f"/posts/{ids[0]}")
    await page.get_by_role("link", name="Delete", exact=True).click()
    await expect(page.get_by_role("dialog")).to_contain_text("it is not published")
    await page.get_by_role("button", name="Delete it here").click()
    await page.wait_for_url("**/posts")


async def test_files_are_looked_after(visit: Visit, page: Page, five: dict[str, str], pictures: list[Path]) -> None:
    await page.goto("/library")
    await page.set_input_files("#upload", pictures)
    await expect(page.get_by_text("files are kept")).to_be_visible()
    # What came a second time goes by a job.
    await expect(page.get_by_text("in the store.")).to_be_visible()
    while not await page.get_by_text("0 orphans").is_visible():
        await page.goto("/library/figures")
    await page.goto("/library")
    await page.get_by_role("link", name="Post it").first.click()
    await expect(page.locator("#files li")).to_have_count(1)
    await page.get_by_label("Bluesky").first.check()
    await page.get_by_role("textbox", name="Text", exact=True).fill("With a file")
    await page.get_by_role("button", name="From the library").click()
    await page.locator(".chooser button").last.click()
    await expect(page.locator("#files li")).to_have_count(2)
    await page.get_by_role("button", name="Save the draft").click()
    await expect(page.locator(".pictures img")).to_have_count(2)
    await page.goto("/library")
    await page.get_by_text(re.compile(r"In \d posts?")).first.click()
    await looked_at(visit, page, "library")
    await page.get_by_role("link", name="Delete", exact=True).first.click()
    await expect(page.get_by_role("dialog")).to_contain_text("The posts that have it keep it")
    await page.get_by_role("button", name="Delete it").click()
    await expect(page.get_by_text("Came with a post")).to_be_visible()
