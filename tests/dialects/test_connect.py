"""The page at which a managed user links accounts, over HTTP: its token, its steps, and what it never says."""

import re
from datetime import timedelta
from typing import Any

import httpx
import pytest

from postroom.domain.access import ManagedUser
from tests.desk import Desk

WEEK = timedelta(days=7)


@pytest.fixture
async def user(desk: Desk) -> ManagedUser:
    made = await desk.services.access.add_managed_user(desk.caller, "client@example.org", "Acme <b>Corp</b>")
    return await desk.services.managed_users.page(desk.caller, made.id, WEEK, rotate=False)


def http(desk: Desk) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=desk.house.app)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:1")


def address(desk: Desk, user: ManagedUser) -> str:
    url = desk.services.managed_users.page_url(user)
    assert url is not None
    return url


def hidden(answer: httpx.Response, name: str) -> str:
    found = re.search(f'name="{name}" value="([^"]*)"', answer.text)
    assert found is not None, answer.text
    return found.group(1)


async def test_a_user_links_an_account_step_by_step_and_sees_it(desk: Desk, user: ManagedUser) -> None:
    async with http(desk) as client:
        page = await client.get(address(desk, user))
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "Acme &lt;b&gt;Corp&lt;/b&gt;" in page.text
        assert "No account is linked yet." in page.text
        asked = await client.post(address(desk, user), data={"provider": "bluesky", "flow": "app_password"})
        assert '<input type="password" name="password"' in asked.text
        answers = {"attempt": hidden(asked, "attempt"), "identifier": "ada.test", "password": "app-ada-pass"}
        linked = await client.post(address(desk, user), data=answers)
        assert (linked.status_code, "The account is linked" in linked.text) == (200, True)
        page = await client.get(address(desk, user))
        assert "on Bluesky: connected" in page.text
    acting = await desk.services.access.act_for(desk.caller, user.id)
    (account,) = (await desk.services.accounts.list(acting)).items
    assert account.user_id == user.id


async def test_every_way_to_link_is_offered_in_words_of_its_own(desk: Desk, user: ManagedUser) -> None:
    async with http(desk) as client:
        offers = re.findall("<button>(.*?)</button>", (await client.get(address(desk, user))).text)
    ways = [way for ways in desk.services.accounts.login_flows().values() for way in ways]
    assert len(set(offers)) == len(ways)
    assert {"Link X at the network", "Link Telegram with a bot&#x27;s token", "Link Instagram at Facebook"} < set(
        offers
    )
    assert [each for each in offers if " by " in each] == []


async def test_a_page_shows_its_users_accounts_alone(desk: Desk, user: ManagedUser) -> None:
    async with http(desk) as client:
        page = await client.get(address(desk, user))
    for account in (await desk.services.accounts.list(desk.caller)).items:
        assert account.profile.username not in page.text


async def test_a_wrong_answer_links_nothing_and_repeats_no_secret(desk: Desk, user: ManagedUser) -> None:
    async with http(desk) as client:
        asked = await client.post(address(desk, user), data={"provider": "bluesky", "flow": "app_password"})
        answers = {"attempt": hidden(asked, "attempt"), "identifier": "ada.test", "password": "zanzibar-wrong"}
        refused = await client.post(address(desk, user), data=answers)
    assert refused.status_code == 401
    assert "zanzibar-wrong" not in refused.text


async def test_a_code_that_is_wrong_is_asked_again_and_a_yes_elsewhere_is_waited_for(
    desk: Desk, user: ManagedUser
) -> None:
    async with http(desk) as client:
        for login, told in (("user_otp", "The code that LinkedIn sent."), ("user_in_app", "say yes in its own app")):
            asked = await client.post(address(desk, user), data={"provider": "linkedin", "flow": "password"})
            assert 'name="user_agent" autocomplete="off">' in asked.text
            attempt = {"attempt": hidden(asked, "attempt")}
            asked = await client.post(
                address(desk, user), data={**attempt, "username": login, "password": "secret-of-it"}
            )
            assert told in asked.text
            again = await client.post(address(desk, user), data={**attempt, "code": "000000"})
            assert (again.status_code, told in again.text) == (200, True)
            assert ('role="alert"' in again.text) is (login == "user_otp")
            linked = await client.post(address(desk, user), data={**attempt, "code": "123456"})
            assert "The account is linked" in linked.text


@pytest.mark.parametrize("body", [{}, {"provider": "nowhere", "flow": "x"}, {"provider": "bluesky", "flow": "x"}])
async def test_another_way_to_link_is_refused(desk: Desk, user: ManagedUser, body: dict[str, Any]) -> None:
    async with http(desk) as client:
        assert (await client.post(address(desk, user), data=body)).status_code == 400


async def test_an_attempt_of_anothers_is_not_answered_here(desk: Desk, user: ManagedUser) -> None:
    attempt, _ = await desk.services.accounts.start_link(desk.caller, "bluesky", "app_password")
    answers = {"attempt": attempt.id, "identifier": "ada.test", "password": "app-ada-pass"}
    async with http(desk) as client:
        assert (await client.post(address(desk, user), data=answers)).status_code == 404


async def test_an_address_that_was_replaced_or_has_ended_opens_nothing(desk: Desk, user: ManagedUser) -> None:
    old = address(desk, user)
    fresh = await desk.services.managed_users.page(desk.caller, user.id, WEEK, rotate=True)
    async with http(desk) as client:
        for gone in (old, old + "x", "http://127.0.0.1:1/connect/", "http://127.0.0.1:1/connect/%00"):
            assert (await client.get(gone)).status_code == 404
        assert (await client.get(address(desk, fresh))).status_code == 200
        new = address(desk, fresh)
        await desk.advance(WEEK.total_seconds() + 1)
        assert (await client.get(new)).status_code == 404
        assert (await client.post(new, data={"provider": "bluesky", "flow": "app_password"})).status_code == 404


async def test_a_page_is_kept_nowhere_framed_nowhere_and_tells_nobody_its_address(
    desk: Desk, user: ManagedUser
) -> None:
    async with http(desk) as client:
        headers = (await client.get(address(desk, user))).headers
        assert (await client.request("PUT", address(desk, user))).status_code == 405
    assert (headers["cache-control"], headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
