"""A real Chromium for tests, which reaches nothing but this machine, and what looks at the accessibility of a page."""

import contextlib
import shutil
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, FloatRect, Page, Request, async_playwright

from tests.parts.loopback import is_loopback

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / "build" / "screenshots"
AXE = ROOT / ".parts" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
NAMES = ("chromium", "chromium-browser", "google-chrome")
# No sandbox: tests may run as root, and all pages are our own.
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)
_TALLEST = 4_000
_GRAVE = ("serious", "critical")


class Unwatched(Exception):
    """A page did what none of ours may."""


@contextlib.asynccontextmanager
async def running_browser() -> AsyncIterator[Browser]:
    """The Chromium of this system, without a window."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise RuntimeError("there is no Chromium; `make test-setup` says how to get one")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


class Visit(Protocol):
    """Opens a page, signed in with `key`; empty: as somebody who is not. `dark` and `phone` are what it is looked at with."""

    async def __call__(self, key: str | None = None, *, dark: bool = False, phone: bool = False) -> Page: ...


class Watch:
    """Notes what goes wrong in pages: errors of scripts and of the content policy, and requests to other machines."""

    def __init__(self) -> None:
        self._faults: list[str] = []
        self._expected: list[str] = []

    def over(self, context: BrowserContext) -> None:
        """Look at all pages of it from now on."""
        context.on("console", self._said)
        context.on("weberror", lambda error: self._faults.append(f"uncaught: {error.error}"))
        context.on("request", self._asked)

    def expect(self, words: str) -> None:
        """Errors with these words are what this test is about, such as `status of 401`."""
        self._expected.append(words)

    def check(self) -> None:
        """Raises:
        Unwatched: something went wrong that was not expected.
        """
        grave = [fault for fault in self._faults if not any(words in fault for words in self._expected)]
        if grave:
            raise Unwatched("\n".join(grave))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._faults.append(f"{message.type}: {message.text} ({message.location['url']})")

    def _asked(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and not is_loopback((parts.hostname,)):
            self._faults.append(f"left this machine: {request.url}")


async def sign_in(page: Page, key: str) -> None:
    """As a person does: the key into the form."""
    await page.goto("/sign-in")
    await page.locator("input[name=key]").fill(key)
    await page.locator("input[name=key]").press("Enter")
    await page.wait_for_url(lambda url: "/sign-in" not in url)


async def shoot(page: Page, name: str) -> Path:
    """Keep what the page looks like, all of it or its first 4,000 pixels, as build/screenshots/NAME.png."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    path = SCREENSHOTS / f"{name}.png"
    # Between two pages there is no element.
    found = await page.wait_for_function("() => document.body && [innerWidth, document.documentElement.scrollHeight]")
    size = await found.json_value()
    whole: FloatRect = {"x": 0, "y": 0, "width": size[0], "height": min(size[1], _TALLEST)}
    # A caret is hidden by styles in the page's own elements, which the page may then copy, and be held to have written.
    await page.screenshot(path=path, full_page=True, clip=whole, animations="disabled", caret="initial")
    return path


async def axe(page: Page, within: str = "html") -> None:
    """Look at the page, or what is within the element of a selector.

    Raises:
        AssertionError: who cannot see, point or tell colours apart meets something serious or critical there.
    """
    if not await page.evaluate("() => 'axe' in window"):
        await page.evaluate(_engine())
    found = await page.evaluate("where => axe.run(where, {resultTypes: ['violations']})", within)
    grave = [
        f"{each['impact']}: {each['help']} ({each['id']})\n    {node['html'][:200]}\n    {node['failureSummary']}"
        for each in found["violations"]
        if each["impact"] in _GRAVE
        for node in each["nodes"]
    ]
    assert not grave, f"{page.url}\n" + "\n".join(grave)


async def fits(page: Page) -> None:
    """Raises:
    AssertionError: the page is wider than its window, so that one must scroll sideways.
    """
    wide = await page.evaluate(_TOO_WIDE)
    assert wide is None, f"{page.url} is wider than its window: {wide}"


# The elements that stick out, unless something around them scrolls or cuts them off.
_TOO_WIDE = """() => {
    const room = Math.min(document.documentElement.clientWidth, screen.width);
    if (document.documentElement.scrollWidth <= room) return null;
    const out = [...document.body.querySelectorAll('*')].filter(each => each.getBoundingClientRect().right > room + 1);
    return document.documentElement.scrollWidth + ' of ' + room + ': '
        + out.slice(0, 5).map(each => each.outerHTML.slice(0, 120)).join(' | ');
}"""


@cache
def _engine() -> str:
    if not AXE.exists():
        raise RuntimeError("axe-core is not there; `make test-setup` gets it")
    return AXE.read_text() + ";0"
