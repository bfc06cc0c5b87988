"""The overview: what waits for a person comes first."""

import sys
from pathlib import Path
from subprocess import run

from postroom.domain.posts import PostStatus
from postroom.domain.webhooks import Format
from tests.desk import Desk
from tests.web.dashboard.browser import Browser, browser


async def test_all_is_well_until_something_waits_for_a_person(desk: Desk, page: Browser) -> None:
    answer = await page.get("/")
    assert "All is well" in answer.text
    account = await desk.account()
    async with desk.house.database.begin() as tx:
        await tx.execute(
            "update accounts set status = 'disconnected', status_detail = '<b>Gone</b>' where id = $1", account.id
        )
    shown = (await page.get("/")).text
    assert "All is well" not in shown
    assert "Accounts to link again" in shown
    assert "&lt;b&gt;Gone&lt;/b&gt;" in shown
    assert f'href="/accounts/{account.id}"' in shown


async def test_posts_that_failed_or_are_in_doubt_and_webhooks_that_fail_are_named(desk: Desk, page: Browser) -> None:
    await desk.fault("createRecord", do={"status": 400, "body": {"error": "InvalidRequest", "message": "No <i>"}})
    failed = await desk.due("It will not be taken")
    await desk.work()
    assert await desk.status(failed) is PostStatus.FAILED
    doubtful = await desk.due("May be live")
    endpoint, _ = await desk.services.webhooks.create(
        desk.caller, name="Never answers", url="https://8.8.8.8/", types=[], format=Format.NATIVE
    )
    async with desk.house.database.begin() as tx:
        await tx.execute("update posts set status = 'unconfirmed' where group_id = $1", doubtful.id)
        await tx.execute("update webhook_endpoints set failure_count = 3 where id = $1", endpoint.id)
    shown = (await page.get("/")).text
    for words in (
        "It will not be taken",
        "No &lt;i&gt;",
        "May be live",
        "Posts in doubt",
        "Never answers",
        "3 in a row",
    ):
        assert words in shown, words


async def test_another_workspaces_troubles_are_not_told(desk: Desk, page: Browser) -> None:
    await desk.fault("createRecord", do={"status": 400, "body": {"error": "InvalidRequest", "message": "No"}})
    await desk.due("It will not be taken")
    await desk.work()
    assert "It will not be taken" in (await page.get("/")).text
    other = browser(desk.built)
    await other.sign_in(desk.built.kept.other_key)
    assert "It will not be taken" not in (await other.get("/")).text
    assert "All is well" in (await other.get("/")).text
    await other.close()


async def test_what_happened_last_is_told_once_for_many(desk: Desk, page: Browser) -> None:
    group = await desk.due("Goes out")
    await desk.work()
    account = await desk.account("linkedin")
    for _ in range(2):
        await desk.services.accounts.pause(desk.caller, account.id)
        await desk.services.accounts.resume(desk.caller, account.id)
    shown = (await page.get("/")).text
    lately = shown[shown.index("h-lately") :]
    assert (
        lately.index("An account was paused") < lately.index("A post went out") < lately.index("A post was scheduled")
    )
    assert f'href="/posts/{group.id}"' in lately
    assert f'href="/accounts/{account.id}"' in lately
    paused = lately[lately.index("An account was paused") :]
    assert account.profile.name in paused[: paused.index("</li>")]


async def test_a_script_gets_what_stands_inside_the_page(page: Browser) -> None:
    answer = await page.part("/")
    assert "<html" not in answer.text
    assert 'id="attention"' in answer.text


def test_a_server_without_visitors_does_not_load_the_engine() -> None:
    said = run(
        [sys.executable, "-c", "import postroom.app, sys; print('jinja2' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path.cwd(),
        env={"PYTHONPATH": ":".join(filter(None, sys.path))},
    )
    assert said.stdout == "False\n"
