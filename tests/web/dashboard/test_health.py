"""Health and settings: what is told to whom, and that no secret is."""

from pathlib import Path

import pytest

from postroom.domain.access import EVERYDAY_SCOPES
from postroom.settings import Settings, shown
from tests.desk import Desk
from tests.web.dashboard.browser import Browser


async def test_health_tells_of_the_workspaces_work(desk: Desk, page: Browser) -> None:
    assert "due work is being done" in (await page.get("/health")).text
    await desk.fault("createRecord", do={"status": 503}, times=9)
    await desk.due("goes out later")
    await desk.work()
    shown = (await page.get("/health")).text
    assert "publish post" in shown
    assert "again" in shown
    await desk.due("waits")
    await desk.advance(120)
    assert "is a worker running?" in (await page.get("/health")).text
    assert "due a minute ago" in (await page.get("/")).text


@pytest.mark.parametrize("path", ["/health", "/settings"])
async def test_what_is_about_the_server_is_for_those_who_administer(
    desk: Desk, page: Browser, stranger: Browser, path: str
) -> None:
    _, secret = await desk.services.access.issue_key(desk.caller.workspace_id, "everyday", EVERYDAY_SCOPES)
    await stranger.sign_in(secret)
    told, untold = (await page.get(path)).text, (await stranger.get(path)).text
    assert "h-server" in told
    assert "h-server" not in untold


def test_no_secret_is_among_the_settings_that_are_shown() -> None:
    settings = Settings(
        data=Path("here"),
        master_key="11" * 32,
        database_url="postgresql://someone:hunter2@db.example:5432/p?x=1&password=hunter7",
        media_secret_key="hunter3",
        media_access_key="hunter4",
        providers={"mastodon": {"client_secret": "hunter5", "origin": "https://u:hunter6@example.org"}},
    )
    rows = {name: value for name, value, _, _ in shown(settings)}
    assert "hunter" not in repr(rows)
    assert "1111" not in repr(rows)
    assert rows["POSTROOM_DATABASE_URL"] == "postgresql://…@db.example:5432/p?x=1&password=…"
    assert rows["POSTROOM_PROVIDERS"] == "mastodon (client_secret, origin)"
    assert rows["POSTROOM_PORT"] == "8010"
    assert [name for name, _, _, chosen in shown(Settings()) if chosen] == []
