"""A browser that is signed in, on each database."""

from collections.abc import AsyncIterator

import pytest

from tests.desk import Desk
from tests.web.dashboard.browser import Browser, browser


@pytest.fixture
async def page(desk: Desk) -> AsyncIterator[Browser]:
    """Signed in with the sandbox's key."""
    opened = browser(desk.built)
    assert (await opened.sign_in(desk.built.kept.key)).status_code == 303
    yield opened
    await opened.close()


@pytest.fixture
async def stranger(desk: Desk) -> AsyncIterator[Browser]:
    """Not signed in."""
    opened = browser(desk.built)
    yield opened
    await opened.close()
