"""`dashboard`: when the first of a page is painted, and what the database is asked while somebody scrolls a large inbox."""

import asyncio
import contextlib
import html
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from bench.processes import started
from bench.ratios import Measured, Ratio
from bench.seeding import Home, home
from bench.size import Size
from postroom.store import postgres, sqlite
from tests.parts.browser import running_browser, sign_in
from tests.parts.postgres import PostgresServer
from tests.web.dashboard.browser import Browser

PAGES = ("/", "/inbox", "/posts", "/library", "/accounts", "/webhooks", "/receipts", "/keys", "/health", "/settings")
MOST_MS_TO_PAINT, MOST_MS_OF_A_QUERY = 200.0, 50.0
_MESSAGES_A_PAGE = 250
"""Of a chat no more pages than there are such portions of the whole: where little is stored, little is scrolled."""
_NEXT = re.compile(r'hx-get="(/inbox[^"]*[?&;]cursor=[^"]*)"')
_CHAT = re.compile(r'href="(/inbox/chat_\w+)')
_PAINTED = """() => new Promise(done => {
    const found = () => performance.getEntriesByName('first-contentful-paint')[0];
    if (found()) done(found().startTime);
    else new PerformanceObserver(() => found() && done(found().startTime)).observe({type: 'paint', buffered: true});
})"""


def measure(size: Size, server: PostgresServer) -> Measured:
    """Paint by the browser's own timing, from the click; queries by the clock around each."""
    painted = asyncio.run(_painted(size))
    homes = [home(size, None, inbox=True), home(size, server, inbox=True)]
    measured = Measured(
        name="dashboard",
        unit="ms",
        what=f"first contentful paint, and the slowest query of a scroll through {size.inbox:,} messages",
        runs={f"paint {address}": runs for address, runs in painted.items()},
    )
    worst = max(painted, key=lambda address: measured.median(f"paint {address}"))
    paint = measured.median(f"paint {worst}")
    name = f"{MOST_MS_TO_PAINT:g} ms / paint {worst}"
    measured.ratios.append(Ratio(name=name, value=MOST_MS_TO_PAINT / paint, bar=1.0))
    for each in homes:
        scrolls = [asyncio.run(_scrolled(each, size)) for _ in range(size.rounds)]
        # The same queries in the same order each time: one is as slow as it was at its quickest, the rest is the machine's.
        quickest = [min(query) for query in zip(*(scroll.queries for scroll in scrolls), strict=True)]
        slowest = max(quickest)
        measured.runs[f"query {each.dialect}"] = [scroll.queries[quickest.index(slowest)].ms for scroll in scrolls]
        measured.runs[f"page {each.dialect}"] = [scroll.slowest_page for scroll in scrolls]
        value = MOST_MS_OF_A_QUERY / slowest.ms
        measured.ratios.append(Ratio(name=f"{MOST_MS_OF_A_QUERY:g} ms / query {each.dialect}", value=value, bar=1.0))
        asked = {"pages": scrolls[0].pages, "queries": len(quickest), "slowest": slowest.sql}
        timed = {
            "slowest_ms": round(slowest.ms, 1),
            "median_ms": round(statistics.median(query.ms for query in quickest), 2),
        }
        measured.notes[each.dialect] = asked | timed
    return measured


async def _painted(size: Size) -> dict[str, list[float]]:
    """Every page some times, each time by a browser that was here before but for the first."""
    found: dict[str, list[float]] = {address: [] for address in PAGES}
    with tempfile.TemporaryDirectory(prefix="postroom-bench-") as folder:
        arguments = ("postroom", "serve", "--sandbox", "--no-whatsapp", "--port", "0", "--data", folder, "--json")
        with started(*arguments, cores=list(range(64))) as served:
            async with running_browser() as browser:
                base = served.line["native"].removesuffix("/api")
                context = await browser.new_context(base_url=base, viewport={"width": 1280, "height": 800})
                page = await context.new_page()
                await sign_in(page, served.line["key"])
                for _ in range(size.rounds):
                    for address in PAGES:
                        answer = await page.goto(address)
                        if answer is None or answer.status != 200:
                            raise RuntimeError(f"{address}: {answer and answer.status}")
                        found[address].append(await page.evaluate(_PAINTED))
    return found


class _Query(NamedTuple):
    ms: float
    sql: str


class _Scroll:
    """How many pages, how long the slowest took, and what the database was asked for them all."""

    def __init__(self) -> None:
        self.pages = 0
        self.slowest_page = 0.0
        self.queries: list[_Query] = []


async def _scrolled(target: Home, size: Size) -> _Scroll:
    """All chats page by page, then the messages of the first ones, each to its beginning."""
    scroll, most = _Scroll(), size.inbox // _MESSAGES_A_PAGE
    async with target.open() as house:
        browser = Browser(house.app)
        answer = await browser.sign_in(target.kept.secret)
        if answer.status_code != 303:
            raise RuntimeError(f"the key does not sign in: {answer.status_code}")
        # What is done once for a process is not a page's.
        await browser.get("/inbox")
        with _timed(scroll):
            first = await _through(browser, "/inbox", scroll, most)
            for chat in list(dict.fromkeys(_CHAT.findall(first)))[:6]:
                await _through(browser, chat, scroll, most)
        await browser.close()
    return scroll


async def _through(browser: Browser, address: str, scroll: _Scroll, most: int) -> str:
    """A page, and what it leads on to, as a script fetches it; the text of the first."""
    began = time.perf_counter()
    answer = await browser.get(address)
    text = first = answer.text
    for _ in range(most):
        if answer.status_code != 200:
            raise RuntimeError(f"{address}: {answer.status_code}")
        scroll.slowest_page = max(scroll.slowest_page, (time.perf_counter() - began) * 1000)
        scroll.pages += 1
        further = _NEXT.findall(text)
        if not further:
            break
        # The thread's pages come before those of the list beside it.
        address = html.unescape(next((each for each in further if "/messages" in each), further[0]))
        began = time.perf_counter()
        answer = await browser.part(address)
        text = answer.text
    return first


@contextlib.contextmanager
def _timed(scroll: _Scroll) -> Iterator[None]:
    """Look at the clock around every read of either database."""
    kinds: list[Any] = [sqlite._Reads, sqlite._Tx, postgres._Reads, postgres._Tx]
    before = [(kind, name, getattr(kind, name)) for kind in kinds for name in ("fetch", "fetch_one", "look_up")]
    for kind, name, method in before:
        setattr(kind, name, _around(method, scroll))
    try:
        yield
    finally:
        for kind, name, method in before:
            setattr(kind, name, method)


def _around(method: Any, scroll: _Scroll) -> Any:
    async def timed(self: Any, sql: str, *args: Any) -> Any:
        began = time.perf_counter()
        try:
            return await method(self, sql, *args)
        finally:
            scroll.queries.append(_Query((time.perf_counter() - began) * 1000, " ".join(sql.split())[:300]))

    return timed
