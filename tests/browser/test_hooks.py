"""In a real browser: a webhook from its form to a replay; receipts checked and exported; a key that is revoked meanwhile."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.parts.browser import Visit, Watch, axe, fits, shoot
from tests.receiver import Receiver, receiving_beside
from tests.servers import Server


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving_beside() as made:
        yield made


def api(server: Server) -> httpx.AsyncClient:
    headers = {"authorization": f"Bearer {server.line['key']}"}
    return httpx.AsyncClient(base_url=server.line["native"], headers=headers)


async def test_a_webhook_is_added_tested_told_and_told_again(page: Page, receiver: Receiver, server: Server) -> None:
    await page.goto("/webhooks")
    await shoot(page, "webhooks-empty")
    await page.get_by_role("link", name="Add an endpoint").first.click()
    await page.get_by_label("Name").fill("Orders")
    await page.get_by_label("URL").fill(receiver.url)
    await page.get_by_label("message.sent", exact=True).check()
    await shoot(page, "webhooks-new")
    await axe(page)
    await page.get_by_role("button", name="Add the endpoint").click()
    await expect(page.locator("#secret")).to_contain_text("whsec_")
    secret = await page.locator("#secret").inner_text()
    await axe(page)
    receiver.answer = '{"hello": "from the receiver"}'
    await page.get_by_role("button", name="Send a test").click()
    await expect(page.get_by_text("It arrived: 200")).to_be_visible()
    await expect(page.get_by_text("from the receiver")).to_be_visible()
    assert receiver.told[-1].headers["webhook-signature"] == receiver.told[-1].standard_signature(secret)
    await shoot(page, "webhooks-tried")
    await axe(page)
    await page.get_by_role("link", name="To the endpoint").click()
    receiver.script.append(500)
    # What happens elsewhere shows on the open page.
    async with api(server) as client:
        message = (await client.get("/messages", params={"limit": 1})).json()["items"][0]
        await client.post(f"/chats/{message['chat_id']}/messages", json={"text": "Is it told?"})
    await expect(page.get_by_text("answered 500").first).to_be_visible()
    await shoot(page, "webhooks-one")
    await axe(page)
    await page.get_by_role("link", name="message.sent").first.click()
    await expect(page.get_by_text("Is it told?")).to_be_visible()
    await page.get_by_role("button", name="Tell it again").click()
    await expect(page.get_by_text("It arrived: 200")).to_be_visible()
    again = receiver.told[-1]
    assert again.json["type"] == "message.sent"
    assert again.id in receiver.ids[:-1]


async def test_a_receipt_is_read_checked_and_exported_to_be_checked_elsewhere(
    page: Page, server: Server, tmp_path: Path
) -> None:
    await page.goto("/receipts")
    async with api(server) as client:
        messages = (await client.get("/messages", params={"limit": 100})).json()["items"]
        mine = next(each for each in messages if each["can_delete"])
        await client.delete(f"/messages/{mine['id']}")
    await page.get_by_role("link", name="Message taken back").first.click()
    await expect(page.get_by_text("Read back")).to_be_visible()
    await page.wait_for_timeout(1500)
    await page.reload()
    await expect(page.get_by_text("It says what it said when it was sealed")).to_be_visible()
    await shoot(page, "receipts-one")
    await axe(page)
    await page.get_by_role("link", name="Check the whole chain").click()
    await expect(page.get_by_text("The chain is whole: each")).to_be_visible()
    await shoot(page, "receipts-check")
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Export").click()
    path = tmp_path / "receipts.jsonl"
    await (await download.value).save_as(path)
    assert "1 receipt" in postroom("receipts", "verify", str(path))


async def test_a_key_that_is_revoked_ends_what_its_owner_has_open(
    visit: Visit, server: Server, data: Path, watch: Watch
) -> None:
    watch.expect("status of 401")
    key = server.line["other_key"]
    page = await visit(key)
    await page.goto("/webhooks")
    held = json.loads(postroom("key", "list", "--json", "--data", str(data)))
    (id,) = [each["id"] for each in held if key.startswith(each["prefix"])]
    postroom("key", "revoke", id, "--data", str(data))
    await page.wait_for_url("**/sign-in*")
    await page.goto("/webhooks")
    await expect(page.get_by_label("API key")).to_be_visible()
    await page.get_by_label("API key").fill(key)
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("was revoked")).to_be_visible()
    await shoot(page, "sign-in-revoked")
    await fits(page)
    await axe(page)


def postroom(*arguments: str) -> str:
    """The command, as an administrator gives it beside the running server."""
    ran = subprocess.run([sys.executable, "-m", "postroom", *arguments], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
