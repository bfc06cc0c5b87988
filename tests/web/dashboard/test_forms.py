"""Who comes in, what a form proves, and what every answer says of itself."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import msgspec
import pytest

from postroom.domain.access import Scope
from tests.desk import Desk
from tests.servers import lent
from tests.web.dashboard.browser import Browser, Form, browser


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """On one database: these are about requests and answers."""
    async with lent(tmp_path / "data") as found:
        yield Desk(found)


async def key_for(desk: Desk, *scopes: Scope, name: str = "made here") -> tuple[str, str]:
    """The id and secret of a new key."""
    key, secret = await desk.services.access.issue_key(desk.caller.workspace_id, name, frozenset(scopes))
    return key.id, secret


async def test_without_a_session_every_page_leads_to_the_door(stranger: Browser) -> None:
    answer = await stranger.get("/keys?page=2")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Fkeys%3Fpage%3D2")
    part = await stranger.part("/keys")
    assert (part.status_code, part.headers["hx-redirect"]) == (401, "/sign-in")
    assert (await stranger.get("/live")).status_code == 401
    assert (await stranger.send("/sign-out")).headers["location"] == "/sign-in"


async def test_who_follows_a_link_from_elsewhere_is_not_taken_for_a_stranger(stranger: Browser) -> None:
    link = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    bounced = await stranger.get('/inbox?q="><script>', **link)
    assert bounced.status_code == 200
    assert 'content="0;url=/inbox?q=%22%3E%3Cscript%3E"' in bounced.text
    assert (
        'url=/"'
        in (
            await stranger.client.get(
                httpx.URL("http://127.0.0.1", raw_path=b"//evil.test"),
                headers={name.replace("_", "-"): value for name, value in link.items()},
            )
        ).text
    )
    assert (await stranger.get("/inbox", **{**link, "sec_fetch_site": "same-origin"})).status_code == 303
    assert (await stranger.get("/inbox", **{**link, "sec_fetch_dest": "iframe"})).status_code == 303


async def test_a_key_opens_the_page_that_was_asked_for(desk: Desk, stranger: Browser) -> None:
    shown = await stranger.get("/sign-in?next=/health")
    fields = {**Form(shown.text).forms["/sign-in"], "key": f"  {desk.built.kept.key} "}
    answer = await stranger.send("/sign-in", fields)
    assert (answer.status_code, answer.headers["location"]) == (303, "/health")
    assert (await stranger.get("/sign-in")).headers["location"] == "/"


ELSEWHERE = ["//evil.test", "/\\evil.test", "https://evil.test/", "javascript:alert(1)", "/a\r\nx: y", "/\t/evil.test"]


async def test_nobody_is_led_to_another_site(desk: Desk) -> None:
    for next in ELSEWHERE:
        stranger = browser(desk.built)
        fields = Form((await stranger.get("/sign-in")).text).forms["/sign-in"]
        answer = await stranger.send("/sign-in", {**fields, "next": next, "key": desk.built.kept.key})
        assert answer.headers["location"] == "/", next
        await stranger.close()


async def test_a_key_that_opens_nothing_is_refused_in_words(stranger: Browser) -> None:
    answer = await stranger.sign_in("pr_test_nobody_has_this_one")
    assert answer.status_code == 401
    assert "unknown or was revoked" in answer.text
    assert "nobody_has_this_one" not in answer.text


async def test_cookies_are_for_this_host_alone_and_unseen_by_scripts(desk: Desk, stranger: Browser) -> None:
    answer = await stranger.sign_in(desk.built.kept.key)
    for cookie in answer.headers.get_list("set-cookie"):
        assert {"HttpOnly", "Path=/", "SameSite=strict"} <= set(cookie.split("; ")), cookie
        assert "Domain" not in cookie
    held = next(each for each in answer.headers.get_list("set-cookie") if each.startswith("postroom_session="))
    assert "Max-Age=43200" in held
    behind = browser(desk.built, "https://127.0.0.1")
    cookies = (await behind.sign_in(desk.built.kept.key)).headers.get_list("set-cookie")
    assert any(each.startswith("__Host-postroom_session=") for each in cookies)
    assert all("Secure" in each for each in cookies)
    assert (await behind.get("/")).status_code == 200
    await behind.close()


async def test_who_moves_the_sandbox_clock_stays_signed_in(desk: Desk, page: Browser) -> None:
    await desk.advance(400 * 24 * 3600)
    assert (await page.get("/")).status_code == 200


NOT_OURS: list[tuple[dict[str, str], dict[str, str] | None]] = [
    ({}, {}),
    ({}, {"form_token": "0" * 64}),
    ({"sec-fetch-site": "cross-site"}, None),
    ({"sec-fetch-site": "same-site"}, None),
    ({"sec-fetch-site": "none"}, None),
    ({"origin": "https://evil.test"}, None),
    ({"origin": "null"}, None),
    ({"x-form-token": "wrong"}, None),
]


async def test_a_form_that_is_not_ours_does_nothing(page: Browser) -> None:
    token = await page.token()
    for headers, fields in NOT_OURS:
        sent = {"form_token": token} if fields is None else fields
        answer = await page.send("/sign-out", sent, headers=headers)
        assert answer.status_code == 403, headers
        assert "nothing was done" in answer.text
    assert (await page.get("/")).status_code == 200


async def test_the_form_token_of_another_session_is_not_ours(desk: Desk, page: Browser) -> None:
    other = browser(desk.built)
    await other.sign_in(desk.built.kept.key)
    assert (await page.send("/sign-out", {"form_token": await other.token()})).status_code == 403
    await other.close()


async def test_the_door_is_not_opened_from_elsewhere(desk: Desk, stranger: Browser) -> None:
    fields = {**Form((await stranger.get("/sign-in")).text).forms["/sign-in"], "key": desk.built.kept.key}
    elsewhere = await stranger.send("/sign-in", fields, headers={"origin": "https://evil.test"})
    assert elsewhere.status_code == 403
    stranger.client.cookies.delete("postroom_door")
    assert (await stranger.send("/sign-in", fields)).status_code == 403
    # What somebody was given for a cookie of their choice opens it for nobody else.
    stranger.client.cookies.set("postroom_door", "-", domain="127.0.0.1")
    chosen = {**Form((await stranger.get("/sign-in")).text).forms["/sign-in"], "key": desk.built.kept.key}
    stranger.client.cookies.delete("postroom_door")
    assert (await stranger.send("/sign-in", chosen)).status_code == 403
    assert "postroom_session" not in stranger.client.cookies


async def test_a_key_may_do_here_what_it_may_do_and_no_more(desk: Desk, stranger: Browser) -> None:
    _, secret = await key_for(desk, Scope.SEND)
    await stranger.sign_in(secret)
    answer = await stranger.get("/")
    assert answer.status_code == 403
    assert "lacks the scope read" in answer.text


async def test_who_may_not_read_is_told_nothing_live(desk: Desk, stranger: Browser) -> None:
    _, secret = await key_for(desk, Scope.SEND)
    await stranger.sign_in(secret)
    assert "data-position" not in (await stranger.get("/")).text
    assert (await stranger.get("/live")).status_code == 403


async def test_what_is_no_form_is_refused(page: Browser) -> None:
    headers = {"content-type": "multipart/form-data; boundary=x", "sec-fetch-site": "same-origin"}
    many = "&".join(f"a{number}=1" for number in range(600))
    for content, kind in (
        (b"--x\r\nnonsense", headers["content-type"]),
        (b"", "multipart/form-data"),
        (many.encode(), "application/x-www-form-urlencoded"),
        (b"{}", "application/json"),
    ):
        answer = await page.client.post("/sign-out", content=content, headers={**headers, "content-type": kind})
        assert answer.status_code in (400, 403), (content[:20], answer.status_code)
    assert (await page.client.post("/sign-out", content=b"x" * (2 << 20), headers=headers)).status_code == 413
    assert (await page.get("/")).status_code == 200


PATHS = ["/", "/overview/no-such-page", "/sign-in", "/static/app.css", "/static/nothing", "/live?after=x", "/overview"]


async def test_every_answer_bears_the_content_policy(page: Browser, stranger: Browser) -> None:
    answers: list[httpx.Response] = [await stranger.get(path) for path in PATHS]
    answers += [await page.get(path) for path in PATHS if not path.startswith("/live")]
    answers += [await page.send("/sign-out"), await page.client.put("/"), await page.part("/")]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy, answer.url
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_pages_are_kept_by_no_cache_and_hold_no_script_of_their_own(page: Browser) -> None:
    answer = await page.get("/")
    assert answer.headers["cache-control"] == "no-store"
    assert not re.search(r"<script(?![^>]*src=)|\son\w+=|<style|\sstyle=|javascript:", answer.text)


NOT_FILES = ("../site.py", "..%2fsite.py", "%2e%2e/render.py", "/app.css", "", "app.css/", "README.md", "%00")


async def test_only_the_files_that_are_ours_are_served(stranger: Browser) -> None:
    for name in NOT_FILES:
        url = httpx.URL("http://127.0.0.1", raw_path=f"/static/{name}".encode())
        assert (await stranger.client.get(url)).status_code == 404, name


async def test_files_are_kept_for_good_under_their_mark(stranger: Browser) -> None:
    address = re.search(r"/static/app\.css\?v=\w+", (await stranger.get("/sign-in")).text)
    assert address is not None
    kept = await stranger.get(address.group())
    assert "immutable" in kept.headers["cache-control"]
    assert (await stranger.get("/static/app.css?v=0")).headers["cache-control"] == "no-cache"
    assert (await stranger.get(address.group(), if_none_match=kept.headers["etag"])).status_code == 304


async def test_hostile_words_are_words(desk: Desk, page: Browser) -> None:
    hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    workspace = msgspec.structs.replace(desk.caller.workspace, name=hostile)
    async with desk.house.database.begin() as tx:
        await tx.execute("update workspaces set name = $2 where id = $1", workspace.id, hostile)
    shown = (await page.get("/")).text
    assert "&lt;script&gt;alert(1)" in shown
    assert "<script>alert" not in shown
    assert "<img src=x" not in shown
    assert "<script>" not in (await page.get("/sign-in?next=%22%3E%3Cscript%3E")).text


async def test_a_field_or_address_that_no_database_takes_is_refused(page: Browser) -> None:
    assert (await page.do("/sign-out", {"x": "a\0b"})).status_code == 400
    assert (await page.get("/keys/%00")).status_code == 400
    assert (await page.get("/?q=%00")).status_code == 400
