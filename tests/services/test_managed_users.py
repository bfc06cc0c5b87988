"""Managed users, on both databases: one key of their own, a page that ends, and nothing more than its maker may."""

import asyncio
import contextlib
from datetime import timedelta

import httpx
import pytest

from postroom.domain.access import Scope
from postroom.errors import Conflict, NotAuthenticated, NotFound
from tests.desk import Desk

WEEK = timedelta(days=7)


def token(url: str | None) -> str:
    assert url is not None
    return url.rpartition("/")[2]


async def test_of_two_keys_made_at_once_one_opens(desk: Desk) -> None:
    user = await desk.services.access.add_managed_user(desk.caller, "client@example.org", None)
    made = await asyncio.gather(
        *(desk.services.managed_users.issue_key(desk.caller, user.id) for _ in range(4)), return_exceptions=True
    )
    opened = 0
    for secret in made:
        assert isinstance(secret, str)
        with contextlib.suppress(NotAuthenticated):
            opened += (await desk.services.access.resolve(secret)).user_id == user.id
    assert opened == 1


async def test_a_users_key_may_do_no_more_than_the_key_that_made_it(desk: Desk) -> None:
    access = desk.services.access
    user = await access.add_managed_user(desk.caller, "client@example.org", None)
    _, narrow = await access.issue_key(desk.caller.workspace_id, "narrow", frozenset({Scope.READ, Scope.LINK}))
    secret = await desk.services.managed_users.issue_key(await access.resolve(narrow), user.id)
    assert (await access.resolve(secret)).scopes == {Scope.READ, Scope.LINK}
    _, whole = await access.issue_key(desk.caller.workspace_id, "whole", frozenset(Scope))
    secret = await desk.services.managed_users.issue_key(await access.resolve(whole), user.id)
    assert Scope.ADMIN not in (await access.resolve(secret)).scopes


async def test_of_two_users_of_one_name_added_at_once_one_is(desk: Desk) -> None:
    added = await asyncio.gather(
        *(desk.services.access.add_managed_user(desk.caller, "client@example.org", None) for _ in range(4)),
        return_exceptions=True,
    )
    assert sorted(type(each) is Conflict for each in added) == [False, True, True, True]


async def test_a_page_opens_for_its_user_until_it_ends(desk: Desk) -> None:
    users = desk.services.managed_users
    user = await desk.services.access.add_managed_user(desk.caller, "client@example.org", None)
    url = users.page_url(await users.page(desk.caller, user.id, WEEK, rotate=False))
    found, guest = await users.visitor(token(url))
    assert (found.id, guest.user_id, guest.only_user) == (user.id, user.id, user.id)
    assert guest.scopes == {Scope.READ, Scope.LINK}
    fresh = users.page_url(await users.page(desk.caller, user.id, WEEK, rotate=True))
    with pytest.raises(NotFound):
        await users.visitor(token(url))
    await users.visitor(token(fresh))
    await desk.advance(WEEK.total_seconds() + 1)
    with pytest.raises(NotFound):
        await users.visitor(token(fresh))
    listed = await desk.services.access.list_managed_users(desk.caller)
    assert [users.page_url(each) for each in listed if each.id == user.id] == [None]


async def test_a_pages_token_is_in_no_row(desk: Desk) -> None:
    users = desk.services.managed_users
    user = await desk.services.access.add_managed_user(desk.caller, "client@example.org", None)
    made = token(users.page_url(await users.page(desk.caller, user.id, WEEK, rotate=False)))
    ((nonce, page_hash),) = await desk.rows(f"select page_nonce, page_hash from managed_users where id = '{user.id}'")
    assert made not in (nonce, bytes(page_hash).hex())
    for guess in (nonce, bytes(page_hash).hex(), "", made[:-1]):
        with pytest.raises(NotFound):
            await users.visitor(guess)


async def test_a_detached_user_has_no_page_and_no_key_at_once(desk: Desk) -> None:
    users = desk.services.managed_users
    user = await desk.services.access.add_managed_user(desk.caller, "client@example.org", None)
    made = token(users.page_url(await users.page(desk.caller, user.id, WEEK, rotate=False)))
    secret = await users.issue_key(desk.caller, user.id)
    await desk.services.access.resolve(secret)
    await desk.services.access.detach_managed_user(desk.caller, user.id)
    with pytest.raises(NotFound):
        await users.visitor(made)
    with pytest.raises(NotAuthenticated):
        await desk.services.access.resolve(secret)


async def test_a_key_that_may_not_link_sees_no_page_and_makes_no_keys(desk: Desk) -> None:
    access, users = desk.services.access, desk.services.managed_users
    user = await access.add_managed_user(desk.caller, "client@example.org", None)
    await users.page(desk.caller, user.id, WEEK, rotate=False)
    address = "/postpost/api/v1/workspace/users"
    transport = httpx.ASGITransport(app=desk.house.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:1") as http:
        for scope, seen in ((Scope.READ, False), (Scope.LINK, True)):
            _, secret = await access.issue_key(desk.caller.workspace_id, "key", frozenset({Scope.READ, scope}))
            headers = {"x-api-key": secret}
            listed = (await http.get(address, headers=headers)).json()["users"]
            assert [each["connectionsPageUrl"] is not None for each in listed if each["_id"] == user.id] == [seen]
            made = await http.post(f"{address}/{user.id}/api-key", headers=headers)
            assert made.status_code == (200 if seen else 403)
