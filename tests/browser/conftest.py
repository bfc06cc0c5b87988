"""A browser for each worker of the run, a server for each module, and for each test pages that are signed in.

All tests of this folder run in one loop, since the browser lives in it. What a page may not do fails the test: errors in
its console, breaches of its content policy, requests to other machines (tests/parts/browser.py).
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.parts.browser import Visit, Watch, running_browser, sign_in
from tests.servers import Server, running_server

HERE = Path(__file__).parent
PHONE = 390
"""Pixels across the smallest window that pages are made for."""
_PATIENCE_MS = 20_000
expect.set_options(timeout=_PATIENCE_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.slow)
            if isinstance(item, pytest.Function) and pytest_asyncio.is_async_test(item):
                item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """One browser for all tests of this worker; each test has contexts of its own."""
    async with running_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That server's data folder."""
    return tmp_path_factory.mktemp("browsed")


@pytest.fixture(scope="module")
def server(data: Path) -> Iterator[Server]:
    """A server as a user starts it, with its simulated networks, for all tests of a module."""
    with running_server(data) as running:
        yield running


@pytest.fixture(scope="module")
def base(server: Server) -> str:
    """Where that server's pages are."""
    return server.line["native"].removesuffix("/api")


@pytest.fixture(scope="module")
def _sessions() -> dict[str, Any]:
    return {}


@pytest.fixture
def watch() -> Iterator[Watch]:
    """What is looked at while pages are open: `watch.expect("status of 401")` where an error is what the test is about."""
    yield (watching := Watch())
    watching.check()


@pytest_asyncio.fixture(loop_scope="session")
async def visit(
    chromium: Browser, server: Server, base: str, watch: Watch, _sessions: dict[str, Any]
) -> AsyncIterator[Visit]:
    """Opens further pages: `await visit(dark=True)`, `await visit(server.line["other_key"], phone=True)`."""
    async with AsyncExitStack() as opened:

        async def open_page(key: str | None = None, *, dark: bool = False, phone: bool = False) -> Page:
            key = server.line["key"] if key is None else key
            context = await chromium.new_context(
                base_url=base,
                color_scheme="dark" if dark else "light",
                viewport={"width": PHONE, "height": 844} if phone else {"width": 1280, "height": 800},
                has_touch=phone,
                is_mobile=phone,
                reduced_motion="reduce",
                storage_state=_sessions.get(key),
            )
            opened.push_async_callback(context.close)
            context.set_default_timeout(_PATIENCE_MS)
            watch.over(context)
            page = await context.new_page()
            if key and key not in _sessions:
                await sign_in(page, key)
                _sessions[key] = await context.storage_state()
            return page

        yield open_page


@pytest_asyncio.fixture(loop_scope="session")
async def page(visit: Visit) -> Page:
    """A page of the sandbox's first workspace, signed in, in the light, on a desk."""
    return await visit()
