"""Accounts in a real browser: linked by QR code, cookie, password with a check, and at the network; unlinked."""

import re

import httpx
from playwright.async_api import Page, expect

from tests.parts.browser import Visit, Watch, axe, fits, shoot
from tests.servers import Server

LINKED = re.compile(r"/accounts/acc_\w+$")


async def scan(page: Page, server: Server, login: str) -> None:
    """What a telephone does; once more where another code was shown meanwhile."""
    async with httpx.AsyncClient(base_url=server.line["sim"]) as sim:
        for _ in range(3):
            code = await page.locator("#code").text_content()
            asked = {"code": code, "login": login}
            if (await sim.post("/_sim/network/whatsapp/do/scan", json=asked)).is_success:
                return
    raise AssertionError("no telephone takes what is shown")


async def test_whatsapp_is_linked_by_a_code_that_a_telephone_scans(page: Page, server: Server) -> None:
    await page.goto("/accounts")
    await page.get_by_role("link", name="Link an account").click()
    await shoot(page, "accounts-ways")
    await axe(page)
    await page.get_by_role("button", name="Link WhatsApp with a QR code").click()
    await expect(page.locator(".qr svg")).to_be_visible()
    await shoot(page, "accounts-qr")
    await axe(page)
    await scan(page, server, "user_good")
    await page.wait_for_url(LINKED)
    await expect(page.locator(".toast")).to_contain_text("on WhatsApp is linked.")
    await expect(page.locator("#account-now")).to_contain_text("for 60 hours after sending")
    await shoot(page, "accounts-whatsapp")


async def test_whatsapp_is_linked_by_a_code_that_is_typed_on_a_telephone(page: Page, server: Server) -> None:
    await page.goto("/accounts/link")
    await page.get_by_role("button", name="Link WhatsApp with a code for your telephone").click()
    await page.get_by_label("Phone number").fill("+49 170 1234567")
    await page.keyboard.press("Enter")
    await expect(page.locator(".big-code")).to_be_visible()
    await shoot(page, "accounts-pairing-code")
    await axe(page)
    await scan(page, server, "user_second")
    await page.wait_for_url(LINKED)


async def test_linkedin_is_linked_by_a_cookie_and_by_name_and_password(page: Page) -> None:
    await page.goto("/accounts/link")
    await page.get_by_role("button", name="Link LinkedIn with a session's cookie").click()
    await shoot(page, "accounts-cookie")
    await axe(page)
    await page.get_by_label("Access token").fill("user_new_by_cookie")
    await page.keyboard.press("Enter")
    await page.wait_for_url(LINKED)
    await page.goto("/accounts/link")
    await page.get_by_role("button", name="Link LinkedIn with name and password").click()
    await page.get_by_label("Username").fill("user_otp")
    await page.get_by_label("Password").fill("a password")
    await page.get_by_role("button", name="Go on").click()
    await expect(page.get_by_label("Code")).to_be_focused()
    await page.get_by_label("Code").fill("000000")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_be_visible()
    await shoot(page, "accounts-code-refused")
    await axe(page)
    await page.get_by_label("Code").fill("123456")
    await page.keyboard.press("Enter")
    await page.wait_for_url(LINKED)
    await expect(page.locator("#account-now")).to_contain_text("chats", timeout=20_000)


async def test_an_account_is_linked_at_its_network_in_a_page_of_its_own(page: Page, watch: Watch) -> None:
    watch.expect("favicon.ico")  # of the network
    await page.goto("/accounts/link")
    await page.get_by_role("button", name="Link X at the network").click()
    await shoot(page, "accounts-visit")
    async with page.context.expect_page() as opening:
        await page.get_by_role("link", name="Go on at X").click()
    network = await opening.value
    await network.get_by_role("link", name="Approve as user_second").click()
    await expect(network.get_by_role("heading")).to_have_text("The account is linked")
    await page.wait_for_url(LINKED)


async def test_what_unlinking_means_is_read_before_it_is_done(page: Page, visit: Visit) -> None:
    await page.goto("/accounts")
    rows = page.locator(".account-row")
    before = await rows.count()
    await rows.filter(has_text="LinkedIn").last.get_by_role("link").click()
    await shoot(page, "account")
    await axe(page)
    await page.get_by_role("link", name="Unlink").click()
    await expect(page.locator(".stakes").first).to_contain_text("The account's key is destroyed")
    await shoot(page, "account-unlink")
    await axe(page)
    phone = await visit(phone=True)
    await phone.goto(page.url)
    await fits(phone)
    await shoot(phone, "account-unlink-phone")
    await page.get_by_label("I understand that this cannot be undone.").check()
    await page.get_by_role("button", name="Unlink for good").click()
    await expect(page.locator(".toast")).to_contain_text("is unlinked")
    await expect(rows).to_have_count(before - 1)
