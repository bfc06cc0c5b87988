"""No page shows, changes or lets infer what is another workspace's (P5): each is tried with ids of theirs, and of nobody."""

import re
from typing import Any

import httpx
import pytest

from postroom.domain.access import Scope
from postroom.web.dashboard.routes import Page
from postroom.web.dashboard.site import PAGES
from tests.desk import Desk
from tests.promises.p5_nobody_elses import Things, everything, furnish, missing
from tests.web.dashboard.browser import Browser, browser

pytestmark = pytest.mark.promise("P5")

# Which of our ids stands for a name in a page's path; None: no id of ours.
IN_PATH: dict[str, str | None] = {
    "/accounts/{attempt}": "link",
    "/accounts/{id}": "account",
    "/inbox/{chat}": "chat",
    "/inbox/{message}": "message",
    "/inbox/{deferral}": "deferral",
    "/inbox/{file}": None,
    "/posts/{id}": "post_group",
    "/library/{id}": "media",
    "/webhooks/{id}": "webhook_endpoint",
    "/webhooks/{delivery}": None,
    "/receipts/{id}": "receipt",
    "/keys/{id}": "key",
    "/keys/users/{id}": "managed_user",
    "/sandbox/{network}": None,
}
# And in the fields of addresses and forms: the page, the field, what it names, and what else the form says.
IN_FIELDS: list[tuple[str, str, str, str, dict[str, str]]] = [
    ("GET", "/inbox", "account", "account", {}),
    ("GET", "/inbox/chats", "account", "account", {}),
    ("GET", "/inbox/new", "account", "account", {}),
    ("POST", "/inbox/new", "account", "account", {"people": "ACoAAx", "text": "Hello"}),
    ("GET", "/accounts/link", "account", "account", {}),
    ("POST", "/accounts/link", "account", "account", {"provider": "linkedin", "flow": "cookie"}),
    ("GET", "/posts/new", "like", "post_group", {}),
    ("GET", "/posts/new", "file", "media", {}),
    ("POST", "/posts/new", "file", "media", {"text": "Hello", "platforms": "bluesky-x", "when": "draft"}),
    ("POST", "/posts/preview", "file", "media", {"text": "Hello", "platforms": "bluesky-x"}),
    ("GET", "/library", "file", "media", {}),
    ("GET", "/receipts", "target", "message", {}),
    (
        "POST",
        "/webhooks/new",
        "account_ids",
        "account",
        {"name": "x", "url": "https://8.8.8.8/", "format": "postpress"},
    ),
    ("POST", "/keys", "user", "managed_user", {"name": "x", "scope": "read"}),
]
FORM: dict[str, Any] = {
    "text": "Mine now",
    "emoji": "👍",
    "name": "Mine",
    "days": "9",
    "mark": "read",
    "active": "0",
    "sure": "1",
    "when": "now",
}


async def two(desk: Desk) -> tuple[Things, Things]:
    """Two workspaces that linked the very same account."""
    made = []
    for word, caller in (("zebrafinch", desk.caller), ("quokkamoss", desk.built.other)):
        _, key = await desk.services.access.issue_key(caller.workspace_id, "whole", frozenset(Scope))
        made.append(await furnish(desk.built, await desk.services.access.resolve(key), key, word, f"user_good~{word}"))
    return made[0], made[1]


def kinds(page: Page) -> dict[str, str | None]:
    """What the names of a page's path stand for; a page that is not known here is a gap of this file."""
    found = {}
    for name in re.findall(r"{(\w+)}", page.path):
        first = page.path[: page.path.index("/", 1)]
        user = "/users" if page.path.startswith("/keys/users/") else ""
        place = f"{first}{user}/{{{name}}}"
        assert place in IN_PATH, f"{page.path}: tell this test which id {name} is, or that it is none"
        found[name] = IN_PATH[place]
    return found


async def ask(page: Browser, method: str, path: str, fields: dict[str, Any], token: str) -> httpx.Response:
    if method == "GET":
        return await page.client.get(path, params=fields)
    return await page.send(path, {"form_token": token, **fields})


def told(answer: httpx.Response, id: str) -> tuple[int, str, str | None]:
    """An answer without the id that was asked for, and what is new in each."""
    text = re.sub(r'value="[^"]*"|data-(now|ahead|position)="\S*"', "", answer.text.replace(id, "<id>"))
    location = answer.headers.get("location")
    return answer.status_code, text, None if location is None else location.replace(id, "<id>")


async def test_no_page_knows_another_workspaces_ids(desk: Desk, stranger: Browser) -> None:
    theirs, own = await two(desk)
    before = await everything(desk.built, theirs.caller.workspace_id, frozenset({"sessions"}))
    await stranger.sign_in(own.key)
    token = await stranger.token()
    trials: list[tuple[str, str, str, dict[str, Any]]] = []
    for page in PAGES:
        for name, kind in kinds(page).items():
            if kind is not None:
                path = re.sub(r"{\w+}", "1", page.path.replace(f"{{{name}}}", "<id>"))
                trials.append((page.method, path, kind, FORM if page.method == "POST" else {}))
    trials += [(method, path, kind, {**more, field: "<id>"}) for method, path, field, kind, more in IN_FIELDS]
    for method, path, kind, fields in trials:
        answers = []
        for id in (theirs.ids[kind], missing(theirs.ids[kind])):
            given = {name: value.replace("<id>", id) for name, value in fields.items()}
            answer = await ask(stranger, method, path.replace("<id>", id), given, token)
            for word in theirs.secret_words - {theirs.ids[kind]}:
                assert word not in answer.text, (method, path)
            answers.append(told(answer, id))
        assert answers[0] == answers[1], (method, path)
        assert "<id>" not in path or answers[0][0] == 404, (method, path, answers[0])
    assert await everything(desk.built, theirs.caller.workspace_id, frozenset({"sessions"})) == before
    assert len(trials) > 45


async def test_no_list_holds_what_is_another_workspaces(desk: Desk, stranger: Browser) -> None:
    theirs, own = await two(desk)
    await stranger.sign_in(own.key)
    for page in PAGES:
        if page.method == "GET" and "{" not in page.path:
            answer = await stranger.get(page.path)
            assert answer.status_code in (200, 303, 404), page.path
            for word in theirs.secret_words:
                assert word not in answer.text, page.path


async def test_every_page_bears_the_content_policy_and_none_has_words_inline(desk: Desk) -> None:
    _, own = await two(desk)
    page = browser(desk.built)
    await page.sign_in(own.key)
    for each in PAGES:
        if each.method == "GET":
            path = each.path
            for name, kind in kinds(each).items():
                path = path.replace(f"{{{name}}}", "linkedin" if kind is None else own.ids[kind])
            answer = await page.get(path)
            assert answer.status_code < 500, (path, answer.text)
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            if answer.headers.get("content-type", "").startswith("text/html"):
                assert not re.search(r"<script(?![^>]*\ssrc=)|<[^>]+\son\w+=|<style|<[^>]+\sstyle=", answer.text), path
    await page.close()
