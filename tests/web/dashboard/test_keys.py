"""Keys and managed users: made, shown once, revoked; nobody else's."""

import re

import httpx

from postroom.domain.access import EVERYDAY_SCOPES, DeleteBudget, Scope
from tests.desk import Desk
from tests.web.dashboard.browser import Browser, browser

HOSTILE = "<b onmouseover=alert(1)>\"'"


def secret_of(answer: httpx.Response) -> str:
    found = re.search(r"pr_test_[\w-]+", answer.text)
    assert found is not None
    return found.group()


async def test_a_key_is_made_shown_once_and_ends_with_whoever_is_signed_in_with_it(desk: Desk, page: Browser) -> None:
    made = await page.do("/keys", {"name": HOSTILE, "scope": ["read", "send"]})
    secret = secret_of(made)
    assert made.headers["cache-control"] == "no-store"
    assert (await desk.services.access.resolve(secret)).scopes == {Scope.READ, Scope.SEND}
    listed = await page.get("/keys")
    assert secret not in listed.text
    assert "&lt;b onmouseover" in listed.text
    assert "<b onmouseover" not in listed.text
    other = browser(desk.built)
    await other.sign_in(secret)
    assert (await other.get("/")).status_code == 200
    key_id = next(key.id for key in await desk.services.access.list_keys(desk.caller) if key.name == HOSTILE)
    assert (await page.do(f"/keys/{key_id}/revoke")).headers["location"] == "/keys"
    assert "was revoked: it opens nothing" in (await page.get("/keys")).text
    assert "was revoked: it opens nothing" not in (await page.get("/keys")).text
    assert (await other.get("/")).headers["location"] == "/sign-in"
    await other.close()


async def test_what_a_key_cannot_be_is_said_at_the_form(page: Browser) -> None:
    for fields in (
        {"name": "", "scope": "read"},
        {"name": "x" * 201, "scope": "read"},
        {"name": "x"},
        {"name": "x", "scope": "all"},
    ):
        answer = await page.do("/keys", fields)
        assert answer.status_code == 400, fields
        assert 'role="alert"' in answer.text


async def test_a_key_is_given_a_budget_of_deletions_and_another(desk: Desk, page: Browser) -> None:
    await page.do("/keys", {"name": "agent", "scope": ["read", "delete"], "per_hour": "5", "per_day": ""})
    (key,) = [each for each in await desk.services.access.list_keys(desk.caller) if each.name == "agent"]
    assert key.budget == DeleteBudget(per_hour=5)
    assert "deletes at most 5 in an hour" in (await page.get("/keys")).text
    assert (await page.do(f"/keys/{key.id}/budget", {"per_hour": "", "per_day": "0"})).status_code == 303
    (key,) = [each for each in await desk.services.access.list_keys(desk.caller) if each.name == "agent"]
    assert key.budget == DeleteBudget(per_day=0)
    assert "has a budget of deletions" in (await page.get("/keys")).text
    for wrong in ("-1", "many", "1e3", "999999999"):
        assert (await page.do("/keys", {"name": "x", "scope": "read", "per_hour": wrong})).status_code == 400


async def test_keys_are_for_those_who_may_administer(desk: Desk, stranger: Browser) -> None:
    _, secret = await desk.services.access.issue_key(desk.caller.workspace_id, "everyday", EVERYDAY_SCOPES)
    await stranger.sign_in(secret)
    assert 'href="/keys"' not in (await stranger.get("/")).text
    for answer in (
        await stranger.get("/keys"),
        await stranger.get("/keys/users"),
        await stranger.do("/keys", {"name": "more", "scope": "admin"}),
        await stranger.do("/keys/users", {"username": "x"}),
    ):
        assert answer.status_code == 403
    assert [key.name for key in await desk.services.access.list_keys(desk.caller)] == ["sandbox", "everyday"]


async def test_a_managed_user_has_a_page_and_a_key_until_it_is_detached(desk: Desk, page: Browser) -> None:
    assert "No managed users" in (await page.get("/keys/users")).text
    assert (await page.do("/keys/users", {"username": "bea@example.org", "display_name": HOSTILE})).status_code == 303
    assert (await page.do("/keys/users", {"username": "bea@example.org"})).status_code == 409
    (user,) = await desk.services.access.list_managed_users(desk.caller)
    assert (await page.do(f"/keys/users/{user.id}/page", {"days": "0"})).status_code == 400
    await page.do(f"/keys/users/{user.id}/page", {"days": "30"})
    shown = (await page.get("/keys/users")).text
    assert re.search(r"/connect/[\w-]+", shown)
    assert "<b onmouseover" not in shown
    secret = secret_of(await page.do(f"/keys/users/{user.id}/key"))
    theirs = browser(desk.built)
    await theirs.sign_in(secret)
    assert (await theirs.get("/")).status_code == 200
    assert (await theirs.get("/keys")).status_code == 403
    await page.do(f"/keys/users/{user.id}/detach")
    assert (await theirs.get("/")).status_code == 303
    await theirs.close()


async def test_a_managed_user_who_may_administer_sees_their_own_keys_alone(desk: Desk, stranger: Browser) -> None:
    access = desk.services.access
    user = await access.add_managed_user(desk.caller, "cy@example.org", None)
    other = await access.add_managed_user(desk.caller, "di@example.org", None)
    _, secret = await access.issue_key(desk.caller.workspace_id, "theirs", frozenset(Scope), user.id)
    await stranger.sign_in(secret)
    listed = (await stranger.get("/keys")).text
    assert "theirs" in listed
    assert ">sandbox<" not in listed
    assert (await stranger.get("/keys/users")).status_code == 403
    assert (await stranger.do("/keys", {"name": "x", "scope": "read", "user": other.id})).status_code == 404
    (first, *_) = await access.list_keys(desk.caller)
    assert (await stranger.do(f"/keys/{first.id}/revoke")).status_code == 404
    assert (await stranger.get("/")).status_code == 200


async def test_another_workspaces_keys_and_users_are_not_there(desk: Desk, page: Browser) -> None:
    access = desk.services.access
    user = await access.add_managed_user(desk.built.other, "eve@example.org", None)
    (key,) = await access.list_keys(desk.built.other)
    for path in (f"{key.id}/revoke", f"users/{user.id}/key", f"users/{user.id}/page", f"users/{user.id}/detach"):
        assert (await page.do(f"/keys/{path}", {"days": "5"})).status_code == 404, path
    assert await access.list_keys(desk.built.other) == [key]
    assert await access.list_managed_users(desk.built.other) == [user]
