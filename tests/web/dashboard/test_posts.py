"""The pages of posts: written once for several networks, moved on a calendar, taken down with an outcome for each."""

import re
from datetime import UTC, datetime
from typing import Any

import httpx

from postroom.clock import to_ms
from postroom.domain.access import Scope
from postroom.domain.posts import GroupStatus, PostStatus
from postroom.services.outcomes import Live
from tests.desk import ANOTHER, PICTURE, Desk, pieces
from tests.web.dashboard.browser import Browser, browser


async def platforms(desk: Desk, *networks: str) -> list[str]:
    return [f"{name}-{(await desk.account(name)).provider_id}" for name in networks]


async def form(page: Browser, path: str = "/posts/new") -> dict[str, Any]:
    """What the compose page's form carries along."""
    text = (await page.get(path)).text
    hidden = re.findall(r'<input type="hidden" name="(once|version|group|zone)" value="([^"]*)"', text)
    return dict(hidden)


def group_of(answer: httpx.Response) -> str:
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].removeprefix("/posts/").partition("#")[0]


async def test_a_post_is_written_with_files_for_several_networks_and_sent_twice_it_is_one(
    page: Browser, desk: Desk
) -> None:
    kept = await desk.services.library.upload(desk.caller, pieces(PICTURE), file_name="boats.png")
    written = {
        **await form(page),
        "content": "Fog\r\nand sun",
        "platforms": await platforms(desk, "bluesky", "mastodon"),
        "file": kept.id,
        "alt": "Two boats",
        "setting.mastodon.visibility": "unlisted",
        "when": "now",
    }
    files = {"upload": ("b.png", ANOTHER, "image/png")}
    first = await page.do("/posts/new", written, files=files)
    group_id = group_of(first)
    view = await desk.services.posts.get(desk.caller, group_id)
    assert (view.group.content, view.group.status) == ("Fog\nand sun", GroupStatus.SCHEDULED)
    assert view.group.platform_settings == '{"mastodon":{"visibility":"unlisted"}}'
    assert [(each.file_name, each.alt_text) for each in view.media] == [("boats.png", "Two boats"), ("b.png", "")]
    again = await page.do("/posts/new", {**written, "file": [kept.id, view.media[1].id], "alt": ["Two boats", ""]})
    assert (again.status_code, "sent before" in again.text) == (409, True)
    once = {**written, **await form(page)}
    made = {group_of(await page.do("/posts/new", once)) for _ in range(2)}
    assert len(made | {group_id}) == 2
    assert await desk.rows("select count(*) from post_groups") == [(2,)]
    await desk.work()
    shown = (await page.get(f"/posts/{group_id}")).text
    assert shown.count(">Live<") == 2
    assert all(each.url in shown for each in (await desk.services.posts.get(desk.caller, group_id)).posts if each.url)


async def test_previews_count_as_the_networks_do_and_what_does_not_fit_is_not_sent(page: Browser, desk: Desk) -> None:
    wanted = await platforms(desk, "bluesky", "twitter")
    text = "x" * 400 + "\n---\nEnd"
    shown = (await page.do("/posts/preview", {"content": text, "platforms": wanted})).text
    assert "400 of 300 characters" in shown
    assert "400 of 280 weighted characters" in shown
    assert "3 of 300 characters" in shown
    assert shown.count("Thread of 2") == 2
    assert "a line <code>---</code> says where to cut" in shown
    written = {**await form(page), "content": text, "platforms": wanted}
    for when, status in (("now", 400), ("at", 400), ("draft", 303)):
        answer = await page.do("/posts/new", {**written, "when": when, "at": "2099-01-01T09:00"})
        assert answer.status_code == status, answer.text
        if status == 400:
            assert "does not fit everywhere" in answer.text
            assert "x" * 400 in answer.text
    for wrong, words in (
        ({"platforms": []}, "Choose at least one account"),
        ({"content": " "}, "nothing to post yet"),
        ({"when": "at", "at": "2001-01-01T09:00"}, "has passed"),
        ({"when": "at", "at": "soon"}, "no date and time"),
    ):
        answer = await page.do("/posts/new", {**written, "content": "Fine", "when": "now", **wrong})
        assert (answer.status_code, words in answer.text) == (400, True), answer.text
    assert await desk.rows("select status from post_groups") == [("draft",)]


async def test_the_calendar_is_of_the_readers_zone_and_posts_are_moved_on_it(page: Browser, desk: Desk) -> None:
    page.client.cookies.set("postroom_zone", "Pacific%2FAuckland")
    group = await desk.draft("Moved about")
    text = (await page.get("/posts")).text
    assert ("Moved about" in text, "Times are of Pacific/Auckland" in text) == (True, True)
    moving = f"/posts/{group.id}/move"
    back = {"zone": "Pacific/Auckland", "view": "month", "date": "2098-07-01"}
    script = {"headers": {"hx-request": "true"}}
    moved = await page.do(moving, {**back, "day": "2098-07-02"}, **script)
    assert (moved.status_code, 'id="sheet"' in moved.text) == (200, True), moved.text
    assert "Wednesday 2 July at 09:00" in moved.headers["hx-trigger"]
    # Winter in Auckland is twelve hours ahead of UTC.
    at = datetime(2098, 7, 1, 21, tzinfo=UTC)
    assert (await desk.view(group)).group.scheduled_at == to_ms(at)
    assert re.search(r'data-day="2098-07-02">.*?<time[^>]*>09:00</time>', moved.text, re.S)
    await page.do(moving, {**back, "view": "week", "day": "2098-07-03", "hour": "17"}, **script)
    week = (await page.get("/posts?view=week&date=2098-07-01")).text
    assert re.search(r'data-day="2098-07-03" data-hour="17">.*?17:00', week, re.S)
    held = (await desk.view(group)).group
    for day in ("2020-01-01", "never", "99999-01-01"):
        refused = await page.do(moving, {**back, "day": day}, **script)
        assert (refused.status_code, refused.headers["hx-reswap"]) == (400, "none")
    assert (await desk.view(group)).group == held
    assert (await page.do(moving, {"day": "2098-07-09"})).status_code == 303


async def test_a_draft_is_edited_scheduled_held_back_and_deleted(page: Browser, desk: Desk) -> None:
    group = await desk.draft("Before", platforms=await platforms(desk, "bluesky"))
    await desk.attach(group, alt_text="Old")
    (file,) = (await desk.view(group)).media
    path = f"/posts/{group.id}"
    written = await form(page, f"{path}/edit")
    body = {**written, "content": "After", "platforms": await platforms(desk, "mastodon"), "without": file.id}
    assert (await page.do("/posts/preview", body)).text.count("<article") == 1
    assert group_of(await page.do(f"{path}/edit", {**body, "when": "at", "at": "2098-01-01T10:00"})) == group.id
    view = await desk.view(group)
    assert (view.group.content, view.media, view.posts[0].platform) == ("After", [], "mastodon")
    stale = await page.do(f"{path}/edit", {**body, "content": "Late", "when": "draft", "without": []})
    assert (stale.status_code, "Another write came first" in stale.text) == (409, True)
    await page.do(f"{path}/schedule", {"zone": "UTC", "at": "2098-01-02T10:00"})
    await page.do(f"{path}/delete-at", {"zone": "UTC", "at": "2098-01-03T10:00", "then": "delete"})
    shown = (await page.get(path)).text
    assert "Goes out Thu 2 Jan 2098, 10:00 UTC" in shown
    assert "On Fri 3 Jan 2098, 10:00" in shown
    await page.do(f"{path}/hold")
    await page.do(f"{path}/delete-at")
    assert await desk.status(group) is PostStatus.DRAFT
    assert "It stays until somebody takes it down" in (await page.get(path)).text
    assert (await page.do(f"{path}/delete")).headers["location"] == "/posts"
    assert (await page.get(path)).status_code == 404


async def test_a_take_down_with_mixed_outcomes_is_told_as_it_is(page: Browser, desk: Desk) -> None:
    group = await desk.due("Mixed", platforms=await platforms(desk, "bluesky", "mastodon", "twitter"))
    await desk.work()
    path = f"/posts/{group.id}"
    await desk.fault("delete_status", "mastodon", do={"status": 403})
    await desk.fault("delete_tweet", "twitter", do={"commit_then_lose": True})
    taken = await desk.services.takedowns.take_down(desk.caller, group.id, 0)
    assert (await page.get(path)).text.count("Being taken down") == 3
    await desk.work()
    shown = (await page.get(path)).text
    for words in ("Taken down", "Live: refused", "In doubt", "It is being taken down"):
        assert words in shown
    await desk.settle()
    shown = (await page.get(path)).text
    assert ("Left: 1 of 3" in shown, "the network refused" in shown, "In doubt" in shown) == (True, True, False)
    assert 'rel="noreferrer" target="_blank">' in shown
    async with desk.house.database.begin() as tx:
        await tx.execute("update posts set url = 'javascript:alert(1)'")
        await tx.execute("update takedown_targets set url = 'javascript:alert(1)'")
    led = (await page.get(path)).text + (await page.get(f"/posts/take-downs/{taken.id}")).text
    assert 'href="javascript:' not in led
    assert (await page.do(f"{path}/take-down")).headers["location"] == f"{path}#outcomes"
    await desk.work()
    assert "Nothing of it is live any more" in (await page.get(path)).text


async def test_what_a_deleted_post_left_live_comes_down_by_its_receipt(page: Browser, desk: Desk) -> None:
    group = await desk.due("Left", platforms=await platforms(desk, "bluesky", "mastodon"))
    await desk.work()
    gone = await page.do(f"/posts/{group.id}/delete")
    receipt = gone.headers["location"]
    assert (receipt.startswith("/receipts/rcp_"), len(await desk.live())) == (True, 1)
    assert "2 of its posts were live" in (await page.get(receipt)).text
    await desk.fault("delete_status", "mastodon", do={"status": 403})
    asked = (await page.do(f"{receipt}/take-down")).headers["location"]
    assert "It is being taken down" in (await page.get(asked)).text
    await desk.work()
    shown = (await page.get(asked)).text
    assert ("Left: 1 of 2" in shown, "Live: refused" in shown, await desk.live()) == (True, True, [])
    other = browser(desk.built)
    await other.sign_in(desk.built.kept.other_key)
    assert [(await other.get(asked)).status_code, (await other.do(f"{receipt}/take-down")).status_code] == [404, 404]
    await other.close()


async def test_what_failed_is_tried_again_from_its_page(page: Browser, desk: Desk) -> None:
    group = await desk.due("Again", platforms=await platforms(desk, "mastodon"))
    await desk.fault("create_status", "mastodon", do={"status": 422})
    await desk.work()
    shown = (await page.get(f"/posts/{group.id}")).text
    assert ("INVALID_CONTENT" in shown, "Try again what failed" in shown) == (True, True)
    group_of(await page.do(f"/posts/{group.id}/retry"))
    await desk.work()
    found = await desk.services.outcomes.of(desk.caller, group.id)
    assert [each.live for each in found.outcomes] == [Live.YES]
    assert (await page.do(f"/posts/{group.id}/retry")).status_code == 400


async def test_nobody_sees_or_changes_anothers_posts_and_what_a_key_may_not_is_not_offered(
    page: Browser, desk: Desk
) -> None:
    group = await desk.draft("Theirs not yours")
    path = f"/posts/{group.id}"
    _, secret = await desk.services.access.issue_key(desk.caller.workspace_id, "reader", frozenset({Scope.READ}))
    reader, other = browser(desk.built), browser(desk.built)
    await reader.sign_in(secret)
    await other.sign_in(desk.built.kept.other_key)
    pages = [path, f"{path}/edit", "/posts?view=list"]
    assert [(await other.get(each)).status_code for each in pages] == [404, 404, 200]
    for each in ("/posts", "/posts?view=list"):
        assert "Theirs not yours" not in (await other.get(each)).text
    doings = ("move", "schedule", "hold", "retry", "take-down", "delete-at", "delete", "edit")
    for doing in doings:
        assert (await other.do(f"{path}/{doing}", {"day": "2098-01-01", "at": "2098-01-01T09:00"})).status_code == 404
        assert (await reader.do(f"{path}/{doing}")).status_code == 403
    assert [(await reader.get(each)).status_code for each in (path, "/posts", "/posts/new")] == [200, 200, 403]
    shown = (await reader.get(path)).text
    assert not any(f"{path}/{doing}" in shown for doing in doings)
    _, secret = await desk.services.access.issue_key(
        desk.caller.workspace_id, "writer", frozenset({Scope.READ, Scope.PUBLISH})
    )
    writer = browser(desk.built)
    await writer.sign_in(secret)
    ending = {"content": "Gone soon", "when": "draft", "expires": "2098-01-01T09:00", "expires_then": "delete"}
    for at in ("/posts/new", f"{path}/edit"):
        refused = await writer.do(at, {**await form(page, at), **ending})
        assert (refused.status_code, "lacks the scope delete" in refused.text) == (403, True)
    assert await desk.rows("select count(*) from jobs where task = 'expire_posts'") == [(0,)]
    await writer.close()
    assert (await desk.view(group)).group == group
    await reader.close()
    await other.close()
