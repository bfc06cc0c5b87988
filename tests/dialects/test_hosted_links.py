"""A link for somebody outside: made through PostPress, followed over HTTP, used up by one account, and told of."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from postroom.clock import iso
from postroom.domain.logins import Checkpoint, CheckpointKind, Show, Wait
from postroom.web.connect import _waiting
from postroom.web.steps import shown
from tests.desk import Desk
from tests.dialects.postpress.shapes import check
from tests.receiver import Receiver, receiving

DAY = timedelta(days=1)


@pytest.fixture
async def http(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=desk.house.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:1") as client:
        yield client


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


async def make(http: httpx.AsyncClient, desk: Desk, **more: Any) -> httpx.Response:
    expires_on = iso(desk.now_ms() + int(DAY.total_seconds() * 1000))
    body = {"type": "create", "providers": ["LINKEDIN"], "expiresOn": expires_on, "api_url": "http://x.example", **more}
    headers = {"X-API-KEY": desk.built.kept.key}
    return await http.post("/postpress/v1/hosted/accounts/link", json=body, headers=headers)


async def made(http: httpx.AsyncClient, desk: Desk, **more: Any) -> str:
    answer = await make(http, desk, **more)
    assert answer.status_code == 201, answer.text
    check("HostedAuthLink", answer.json())
    return str(answer.json()["url"])


def hidden(answer: httpx.Response, name: str) -> str:
    found = re.search(f'name="{name}" value="([^"]*)"', answer.text)
    assert found is not None, answer.text
    return found.group(1)


async def link(http: httpx.AsyncClient, url: str, cookie: str) -> httpx.Response:
    asked = await http.post(url, data={"provider": "linkedin", "flow": "cookie"})
    answers = {"attempt": hidden(asked, "attempt"), "access_token": cookie, "user_agent": "x"}
    return await http.post(url, data=answers)


async def test_a_link_links_one_account_tells_of_it_and_is_used_up(
    desk: Desk, http: httpx.AsyncClient, receiver: Receiver
) -> None:
    url = await made(
        http, desk, name="their-id-7", notify_url=receiver.url, success_redirect_url="https://app.example/done?a=1&b=2"
    )
    page = await http.get(url)
    assert "Link LinkedIn with a session" in page.text
    assert "Bluesky" not in page.text
    assert "at the network" not in page.text
    linked = await link(http, url, "user_new_ida")
    assert (linked.status_code, "url=https://app.example/done?a=1&amp;b=2" in linked.text) == (200, True)
    (account_id,) = await desk.rows("select account_id from hosted_links")
    receiver.script.extend([500])
    for _ in range(3):
        await desk.work()
        await desk.advance(5)
    told = [each.json for each in receiver.told]
    assert told == [{"status": "CREATION_SUCCESS", "account_id": account_id[0], "name": "their-id-7"}] * 2
    check("HostedAuthNotify", told[0])
    again = await http.post(url, data={"provider": "linkedin", "flow": "cookie"})
    assert "The account is linked" in again.text
    assert await desk.rows("select id from login_attempts") == []


async def test_a_password_is_asked_and_a_code_and_a_wrong_one_again(desk: Desk, http: httpx.AsyncClient) -> None:
    url = await made(http, desk, providers="*", failure_redirect_url="https://app.example/failed")
    asked = await http.post(url, data={"provider": "linkedin", "flow": "password"})
    attempt = hidden(asked, "attempt")
    credentials = {"attempt": attempt, "username": "user_otp", "password": "secret-of-it"}
    asked = await http.post(url, data=credentials)
    assert 'name="code"' in asked.text
    wrong = await http.post(url, data={"attempt": attempt, "code": "0"})
    assert (wrong.status_code, 'name="code"' in wrong.text) == (200, True)
    assert 'role="alert"' in wrong.text
    assert "https://app.example/failed" in wrong.text
    assert "secret-of-it" not in wrong.text
    linked = await http.post(url, data={"attempt": attempt, "code": "123456"})
    assert "The account is linked" in linked.text


async def test_a_page_that_waits_looks_again_by_itself_until_it_is_done(desk: Desk, http: httpx.AsyncClient) -> None:
    url = await made(http, desk)
    asked = await http.post(url, data={"provider": "linkedin", "flow": "password"})
    credentials = {"attempt": hidden(asked, "attempt"), "username": "user_in_app", "password": "secret-of-it"}
    waits = await http.post(url, data=credentials)
    again = re.search(r'http-equiv="refresh" content="3;url=([^"]+)"', waits.text)
    assert again is not None
    assert "http-equiv" in (await http.get(again[1])).text
    for _ in range(4):
        await desk.advance(10)
        await desk.work()
    assert "The account is linked" in (await http.get(again[1])).text


async def test_a_link_to_link_again_takes_that_account_alone(
    desk: Desk, http: httpx.AsyncClient, receiver: Receiver
) -> None:
    account = await desk.services.accounts.link(desk.caller, "linkedin", "cookie", {"access_token": "user_new_ida"})
    url = await made(http, desk, type="reconnect", reconnect_account=account.id, notify_url=receiver.url, name="n")
    other = await link(http, url, "user_new_ola")
    assert other.status_code == 401
    assert "The account is linked" in (await link(http, url, "user_new_ida~again")).text
    await desk.work()
    assert [each.json["status"] for each in receiver.told] == ["RECONNECTED"]


async def test_an_attempt_of_anothers_is_not_gone_on_with_at_a_link(desk: Desk, http: httpx.AsyncClient) -> None:
    attempt, _ = await desk.services.accounts.start_link(desk.caller, "linkedin", "cookie")
    url = await made(http, desk)
    answers = {"attempt": attempt.id, "access_token": "user_new_ida", "user_agent": "x"}
    assert (await http.post(url, data=answers)).status_code == 404
    assert (await http.get(url, params={"attempt": attempt.id})).status_code == 404


async def test_a_link_that_has_ended_or_never_was_opens_nothing(desk: Desk, http: httpx.AsyncClient) -> None:
    url = await made(http, desk)
    assert (await http.get(url)).status_code == 200
    await desk.advance(DAY.total_seconds() + 1)
    for gone in (url, url + "x", "http://127.0.0.1:1/connect/h.nothing"):
        assert (await http.get(gone)).status_code == 401
        assert (await http.post(gone, data={"provider": "linkedin", "flow": "cookie"})).status_code == 401
    for _ in range(3):
        await desk.advance(DAY.total_seconds())
    await desk.house.upkeep.clean_up()
    assert await desk.rows("select id from hosted_links") == []


WRONG: list[tuple[dict[str, Any], int, str]] = [
    ({"type": "other"}, 400, "invalid_parameters"),
    ({"expiresOn": "soon"}, 400, "invalid_parameters"),
    ({"expiresOn": "2020-01-01T00:00:00.000Z"}, 400, "invalid_parameters"),
    ({"expiresOn": "2999-01-01T00:00:00.000Z"}, 400, "invalid_parameters"),
    ({"providers": []}, 400, "invalid_parameters"),
    ({"providers": ["MYSPACE"]}, 400, "invalid_parameters"),
    ({"providers": ["OUTLOOK"]}, 501, "feature_not_implemented"),
    ({"providers": "*:MAILING"}, 501, "feature_not_implemented"),
    ({"type": "reconnect"}, 400, "missing_parameters"),
    ({"type": "reconnect", "reconnect_account": "acc_1"}, 404, "resource_not_found"),
    ({"success_redirect_url": "javascript:alert(1)"}, 400, "invalid_url"),
    ({"failure_redirect_url": "nowhere"}, 400, "invalid_url"),
    ({"notify_url": "http://169.254.169.254/latest"}, 400, "invalid_url"),
    ({"name": "x" * 501}, 400, "invalid_parameters"),
]


async def test_a_link_that_cannot_be_is_said(desk: Desk, http: httpx.AsyncClient) -> None:
    for changed, status, slug in WRONG:
        answer = await make(http, desk, **changed)
        assert (answer.status_code, answer.json()["type"]) == (status, f"errors/{slug}"), changed
        check(f"Error{status}", answer.json())


def test_a_code_is_drawn_to_be_scanned_or_written_to_be_typed() -> None:
    drawn = _waiting(shown(Show(code="2@abc,def", state=None)))
    assert drawn.count("<svg") == 1
    assert "2@abc" not in drawn
    typed = _waiting(shown(Show(code="AB<CD", checkpoint=Checkpoint(kind=CheckpointKind.PAIRING_CODE), state=None)))
    assert "<b>AB&lt;CD</b>" in typed
    assert "app" in _waiting(shown(Wait(again_seconds=1, state=None)))


async def test_what_is_kept_of_a_link_opens_nothing_and_names_nobody(
    desk: Desk, http: httpx.AsyncClient, receiver: Receiver
) -> None:
    url = await made(http, desk, name="zanzibar-name", notify_url=receiver.url)
    stored = repr(await desk.rows("select * from hosted_links"))
    assert url.rpartition("/")[2] not in stored
    assert "zanzibar-name" not in stored
    assert receiver.url not in stored


async def test_a_link_links_one_account_also_where_a_login_was_begun_before(
    desk: Desk, http: httpx.AsyncClient
) -> None:
    url = await made(http, desk)
    begun = []
    for login in ("user_in_app", "user_otp"):
        asked = await http.post(url, data={"provider": "linkedin", "flow": "password"})
        begun.append(hidden(asked, "attempt"))
        await http.post(url, data={"attempt": begun[-1], "username": login, "password": "secret-of-it"})
    done = await http.post(url, data={"attempt": begun[1], "code": "123456"})
    assert "The account is linked" in done.text
    linked = await desk.rows("select id from accounts order by id")
    for _ in range(5):
        await desk.advance(10)
        await desk.work()
    assert await desk.rows("select id from accounts order by id") == linked


async def test_what_is_kept_for_an_idempotency_key_has_no_token_in_it(desk: Desk, http: httpx.AsyncClient) -> None:
    body = {"type": "create", "providers": ["LINKEDIN"], "expiresOn": iso(desk.now_ms() + 86_400_000)}
    headers = {"X-API-KEY": desk.built.kept.key, "Idempotency-Key": "once"}
    answer = await http.post("/postpress/v1/hosted/accounts/link", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    kept = await desk.rows("select answer from idempotency_keys")
    assert kept
    assert answer.json()["url"].rpartition("/")[2] not in str(kept)
