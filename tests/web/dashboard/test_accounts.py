"""The pages of accounts: how each is, the steps of linking one, and what is said before one is unlinked."""

import re
from html import unescape

import httpx
import pytest

from postroom.domain.access import Scope
from postroom.domain.accounts import AccountStatus
from postroom.domain.proxies import make_proxy
from tests.desk import Desk
from tests.web.dashboard.browser import Browser, Form, browser


def step_of(answer: httpx.Response) -> str:
    """The address of the step that a browser is sent to."""
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].startswith("/accounts/link/lgn_")
    return str(answer.headers["location"])


def asked(answer: httpx.Response) -> list[str]:
    """The fields that a person is shown."""
    return re.findall(r'<input id="f-(\w+)"', answer.text)


async def test_each_account_is_shown_with_how_it_is_and_what_helps(page: Browser, desk: Desk) -> None:
    account = await desk.account("linkedin")
    shown = (await page.get("/accounts")).text
    assert shown.count('class="account-row"') == len((await desk.services.accounts.list(desk.caller)).items)
    assert (">connected</span>" in shown, ">Link again</a>" in shown) == (True, False)
    await desk.services.accounts._connections.set_status(
        account.workspace_id, account.id, AccountStatus.DISCONNECTED, "expired_credentials"
    )
    shown = (await page.get("/accounts")).text
    assert f'href="/accounts/{account.id}#relink">Link again</a>' in shown
    detail = (await page.get(f"/accounts/{account.id}")).text
    assert "The session at the network is over. Link it again." in detail
    assert "expired credentials" in detail
    assert "for 60 minutes after sending" in detail


async def test_the_proxy_of_an_account_is_shown_without_its_login_and_what_is_wrong_with_it(
    page: Browser, desk: Desk
) -> None:
    account = await desk.account("linkedin")
    assert "Goes out by" not in (await page.get(f"/accounts/{account.id}")).text
    proxy = make_proxy("socks5", "127.0.0.1", 9, "ada-session", "canary-of-a-proxy")
    await desk.services.accounts.set_proxy(desk.caller, account.id, proxy)
    for status, reason, words in (
        (AccountStatus.RECONNECTING, "proxy_error", "it does not lead there now"),
        (AccountStatus.ACTION_REQUIRED, "invalid_proxy_credentials", "Its proxy refused the login to it."),
    ):
        await desk.services.accounts._connections.set_status(account.workspace_id, account.id, status, reason)
        detail = (await page.get(f"/accounts/{account.id}")).text
        assert "socks5://127.0.0.1:9" in detail
        assert words in detail
        assert "The network's word for it" not in detail
        assert "canary-of-a-proxy" not in detail


async def test_an_account_is_linked_by_name_and_password_with_a_check_in_between(page: Browser, desk: Desk) -> None:
    begun = await page.do("/accounts/link", {"provider": "linkedin", "flow": "password"})
    first = step_of(begun)
    shown = await page.get(first)
    assert asked(shown) == ["username", "password", "user_agent"]
    assert '<input id="f-password" name="password" type="password"' in shown.text
    action = next(iter(name for name in map(unescape, Form(shown.text).forms) if name.startswith("/accounts/link/")))
    checked = await page.do(action, {"username": "user_otp", "password": "zanzibar"})
    shown = await page.get(step_of(checked))
    assert asked(shown) == ["code"]
    assert "zanzibar" not in shown.text
    wrong = await page.do(action, {"code": "000000"})
    assert "Try again" in (refused := await page.get(step_of(wrong))).text or 'role="alert"' in refused.text
    linked = await page.do(action, {"code": "123456"})
    assert re.fullmatch(r"/accounts/acc_\w+", linked.headers["location"])
    assert "is linked." in (await page.get(linked.headers["location"])).text


async def test_a_login_that_is_over_says_why_and_begins_anew(page: Browser) -> None:
    where = step_of(await page.do("/accounts/link", {"provider": "bluesky", "flow": "app_password"}))
    answer = await page.do(where, {"identifier": "ada.test", "password": "zanzibar-wrong"})
    assert answer.status_code == 422
    assert "does not accept this handle and app password" in answer.text
    assert ("Start again" in answer.text, "zanzibar-wrong" in answer.text) == (True, False)
    assert (await page.do("/accounts/link", {"provider": "bluesky", "flow": "no_such"})).status_code == 400
    assert (await page.get("/accounts/link/lgn_01HXYZ4QK3WJ8FN3M6QH7TZ8GR")).status_code == 404


async def test_a_page_that_waits_goes_on_when_its_owner_was_at_the_network(page: Browser, desk: Desk) -> None:
    where = step_of(await page.do("/accounts/link", {"provider": "twitter", "flow": "oauth"}))
    shown = (await page.get(where)).text
    again, url = re.search(r'hx-get="([^"]+)"', shown), re.search(r'href="(http[^"]+)" target="_blank"', shown)
    assert again is not None
    assert url is not None
    same = await page.part(unescape(again.group(1)))
    assert (same.status_code, same.text) == (204, "")
    async with httpx.AsyncClient() as network:
        back = await network.get(unescape(url.group(1)) + "&login=user_second")
    await page.get("/callbacks/oauth?" + back.headers["location"].partition("?")[2])
    done = await page.part(unescape(again.group(1)))
    assert done.headers["hx-redirect"].startswith("/accounts/acc_"), done.text


async def test_an_account_is_linked_again_by_its_own_credentials_alone(page: Browser, desk: Desk) -> None:
    account = await desk.account("linkedin")
    begun = {"account": account.id, "flow": "cookie"}
    where = step_of(await page.do("/accounts/link", begun))
    other = await page.do(where, {"access_token": "user_new_somebody"})
    assert (other.status_code, "the credentials of another account" in other.text) == (422, True)
    assert Form(other.text).forms["/accounts/link"]["account"] == account.id
    where = step_of(await page.do("/accounts/link", begun))
    again = await page.do(where, {"access_token": "user_good~another"})
    assert again.headers["location"] == f"/accounts/{account.id}"


async def test_an_account_is_paused_resumed_and_read_anew(page: Browser, desk: Desk) -> None:
    account = await desk.account("linkedin")
    where = f"/accounts/{account.id}"
    assert (await page.do(f"{where}/pause")).headers["location"] == where
    assert (await desk.account("linkedin")).status is AccountStatus.PAUSED
    assert (await page.do(f"{where}/resync")).status_code == 503
    assert ">Resume</button>" in (await page.get(where)).text
    await page.do(f"{where}/resume")
    assert (await page.do(f"{where}/resync")).headers["location"] == where
    assert "<progress" in (await page.get(where)).text


async def test_what_unlinking_means_is_spelled_out_before_it_is_done(page: Browser, desk: Desk) -> None:
    account = await desk.account("linkedin")
    stakes = await desk.services.accounts.stakes(desk.caller, account.id)
    assert stakes.messages > 0
    where = f"/accounts/{account.id}/unlink"
    shown = (await page.get(where)).text
    assert f"<b>{stakes.messages}</b> messages in <b>{stakes.chats}</b> chats" in shown
    assert "Everything at LinkedIn" in shown
    unsure = await page.do(where)
    assert (unsure.status_code, "nothing was done" in unsure.text) == (400, True)
    assert (await desk.account("linkedin")).id == account.id
    assert (await page.do(where, {"sure": "yes"})).headers["location"] == "/accounts"
    assert "is unlinked" in (await page.get("/accounts")).text
    assert (await page.get(f"/accounts/{account.id}")).status_code == 404


async def test_what_a_key_may_not_do_is_not_offered_and_refused(desk: Desk) -> None:
    account = await desk.account("linkedin")
    _, secret = await desk.services.access.issue_key(desk.caller.workspace_id, "reads", frozenset((Scope.READ,)))
    reader = browser(desk.built)
    await reader.sign_in(secret)
    shown = (await reader.get("/accounts")).text + (await reader.get(f"/accounts/{account.id}")).text
    assert [words for words in ("Link an account", "Pause", "Unlink…", "Link it again") if words in shown] == []
    for path in ("/pause", "/resync", "/unlink"):
        assert (await reader.do(f"/accounts/{account.id}{path}", {"sure": "yes"})).status_code == 403
    assert (await reader.do("/accounts/link", {"provider": "bluesky", "flow": "app_password"})).status_code == 403
    await reader.close()


@pytest.mark.parametrize("path", ["", "/unlink", "/pause", "/resync", "/resume"])
async def test_another_workspaces_account_is_not_there(stranger: Browser, desk: Desk, path: str) -> None:
    account = await desk.account("linkedin")
    await stranger.sign_in(desk.built.kept.other_key)
    assert account.profile.username not in (await stranger.get("/accounts")).text or path == "/pause"
    where = f"/accounts/{account.id}{path}"
    answers = [await stranger.do(where, {"sure": "yes"})] if path else [await stranger.get(where)]
    assert [answer.status_code for answer in answers] == [404]
