"""Signing in, keys, the keyboard and the sandbox, as a person meets them."""

import httpx
from playwright.async_api import Browser, Page, expect

from tests.parts.browser import Visit, Watch, axe, fits, shoot
from tests.servers import Server


async def made_key(server: Server, name: str, *scopes: str) -> tuple[str, str]:
    """The id and the secret of a new key."""
    headers = {"authorization": f"Bearer {server.line['key']}"}
    async with httpx.AsyncClient(base_url=server.line["native"], headers=headers) as client:
        made = (await client.post("/keys", json={"name": name, "scopes": list(scopes)})).json()
    return made["id"], made["secret"]


async def test_a_key_is_made_in_a_dialog_and_who_is_signed_in_with_it_goes_when_it_is_revoked(
    page: Page, visit: Visit, watch: Watch
) -> None:
    watch.expect("status of 401")
    await page.goto("/keys")
    await page.get_by_role("link", name="New key").click()
    dialog = page.get_by_role("dialog", name="New key")
    await dialog.get_by_label("Name").fill("A visitor")
    await axe(page, within="#new-key")
    await shoot(page, "new-key")
    await dialog.get_by_role("button", name="Make the key").click()
    await expect(page.get_by_role("heading", name="The new key")).to_be_visible()
    await shoot(page, "key-made")
    secret = await page.locator("#secret").inner_text()
    visitor = await visit(secret)
    await visitor.goto("/health")
    await page.goto("/keys")
    row = page.get_by_role("row").filter(has_text="A visitor")
    await row.get_by_role("link", name="Budget").click()
    budget = page.get_by_role("dialog", name="What “A visitor” may delete")
    await budget.get_by_label("in any hour").fill("5")
    await shoot(page, "key-budget")
    await budget.get_by_role("button", name="Set the budget").click()
    await expect(row).to_contain_text("deletes at most 5 in an hour")
    await row.get_by_role("link", name="Revoke").click()
    await shoot(page, "key-revoke")
    await page.get_by_role("button", name="Revoke the key").click()
    await expect(page.get_by_role("status")).to_contain_text("The key was revoked")
    # Nobody touches the visitor's page.
    await visitor.wait_for_url("**/sign-in")
    await expect(visitor.get_by_role("alert")).to_contain_text("was revoked")
    await shoot(visitor, "key-revoked-while-signed-in")


async def test_the_keyboard_leads_everywhere(page: Page) -> None:
    await page.goto("/")
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    await shoot(page, "keyboard")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog", name="Keyboard")).to_be_hidden()
    for key, path in {"k": "/keys", "s": "/settings", "x": "/sandbox", "h": "/health", "o": "/"}.items():
        await page.keyboard.press("g")
        await page.keyboard.press(key)
        await page.wait_for_url(f"**{path}")
    await page.goto("/settings")
    await page.keyboard.press("j")
    await expect(page.locator("li.is-here")).to_have_count(1)


async def test_light_and_dark_are_chosen_and_kept(page: Page) -> None:
    await page.goto("/settings")
    before = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    await page.get_by_role("main").get_by_role("button", name="Light or dark").click()
    after = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert before != after
    await page.goto("/")
    assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == after
    await page.evaluate("localStorage.removeItem('theme')")


async def test_without_scripts_one_signs_in_and_makes_a_key(chromium: Browser, base: str, server: Server) -> None:
    context = await chromium.new_context(base_url=base, java_script_enabled=False)
    page = await context.new_page()
    await page.goto("/keys")
    await page.get_by_label("API key").fill(server.line["key"])
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="Keys")).to_be_visible()
    await page.get_by_role("link", name="New key").click()
    await page.locator("#new-key").get_by_label("Name").fill("Without scripts")
    await page.get_by_role("button", name="Make the key").click()
    await expect(page.locator("#secret")).to_contain_text("pr_test_")
    await page.goto("/")
    await page.get_by_role("button", name="Sign out").click()
    await page.wait_for_url("**/sign-in")
    await context.close()


async def test_in_the_sandbox_time_passes_and_one_is_the_other_person(page: Page, visit: Visit) -> None:
    await page.goto("/sandbox")
    await page.get_by_role("button", name="+ 10 minutes").click()
    await expect(page.get_by_role("status")).to_contain_text("10 minutes passed")
    await page.get_by_label("What", exact=True).select_option("lost")
    await page.get_by_role("button", name="Have it go wrong").click()
    await expect(page.get_by_role("cell", name="commit then lose")).to_be_visible()
    await shoot(page, "sandbox-faults")
    await page.get_by_role("button", name="Nothing any more").click()
    phone = await visit(phone=True)
    await phone.goto("/sandbox/linkedin")
    await phone.get_by_role("main").get_by_role("list").get_by_role("link").first.click()
    await phone.get_by_label("Write as").fill("Seen from the other side")
    await phone.get_by_role("button", name="Send").click()
    said = phone.locator("li.said").filter(has_text="Seen from the other side")
    await expect(said).to_be_visible()
    await fits(phone)
    await axe(phone)
    await shoot(phone, "phone-other-person")
    await said.get_by_role("button", name="Take back").click()
    await expect(said).to_have_count(0)


async def test_the_phones_menu_opens_and_closes(visit: Visit) -> None:
    phone = await visit(phone=True)
    await phone.goto("/")
    await phone.get_by_role("link", name="More").click()
    await expect(phone.get_by_role("link", name="Webhooks")).to_be_visible()
    await axe(phone)
    await shoot(phone, "phone-menu")
    await phone.get_by_role("link", name="Close the menu").click()
    await expect(phone.get_by_role("link", name="Webhooks")).to_be_hidden()
