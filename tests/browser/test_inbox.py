"""The inbox in a real browser: live, by keyboard, and taking back with what becomes of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx
from playwright.async_api import Locator, Page, Route, expect

from tests.parts.browser import Visit, axe, fits, shoot
from tests.servers import Server

Json = dict[str, Any]
READ = "messages"


class Desk:
    """The same server by its API, and the other side of its chats."""

    def __init__(self, server: Server) -> None:
        self.api = httpx.AsyncClient(
            base_url=server.line["native"], headers={"Authorization": f"Bearer {server.line['key']}"}
        )
        self.sim = httpx.AsyncClient(base_url=server.line["sim"])

    async def __aenter__(self) -> "Desk":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.api.aclose()
        await self.sim.aclose()

    async def sent(self, text: str, chat: str | None = None) -> Json:
        """A message that was just sent from here."""
        chat = chat or (await self.own())["chat_id"]
        answer = await self.api.post(f"/chats/{chat}/messages", json={"text": text})
        message: Json = answer.json()["message"]
        return message

    async def own(self) -> Json:
        """A message of the account's."""
        found = (await self.api.get("/messages", params={"limit": 250})).json()["items"]
        return next(each for each in found if each["is_sender"] and each["deleted_at"] is None)

    async def fault(self, operation: str, **rule: Any) -> None:
        answer = await self.sim.post("/_sim/faults", json={"network": "linkedin", "operation": operation, **rule})
        assert answer.status_code == 201, answer.text

    async def no_faults(self) -> None:
        await self.sim.delete("/_sim/faults")

    async def leave(self, seconds: float, until: str) -> None:
        """Let the time pass until so much is left before a moment."""
        now = datetime.fromisoformat((await self.sim.get("/_sim/clock")).json()["now"])
        left = (datetime.fromisoformat(until) - now).total_seconds()
        await self.sim.post("/_sim/clock/advance", json={"seconds": left - seconds})

    async def write(self, chat: str, text: str) -> None:
        """Somebody else writes."""
        path = f"/_sim/network/linkedin/chats/{quote(chat, safe='')}/messages"
        answer = await self.sim.post(path, json={"text": text})
        assert answer.status_code == 200, answer.text


def row(page: Page, message: Json) -> Locator:
    return page.locator(f"[id='{message['id']}']")


@asynccontextmanager
async def held(page: Page, pattern: str) -> AsyncIterator[None]:
    """Nothing at these addresses is answered meanwhile."""
    over = asyncio.Event()

    async def wait(route: Route) -> None:
        await over.wait()
        await route.continue_()

    await page.route(pattern, wait)
    yield
    over.set()
    await page.unroute_all(behavior="wait")


async def test_what_was_just_put_into_the_page_does_at_once_what_it_says(page: Page, server: Server) -> None:
    async with Desk(server) as desk:
        message = await desk.own()
        await page.goto(f"/inbox/{message['chat_id']}")
        await page.evaluate(
            """() => new MutationObserver((_, seen) => {
                const sent = [...document.querySelectorAll("article")].find((each) => each.textContent.includes("Quick."));
                const edit = sent?.querySelector("[data-edit]");
                if (edit) { seen.disconnect(); edit.click(); }
            }).observe(document.body, {childList: true, subtree: true})"""
        )
        await page.get_by_label("Message", exact=True).fill("Quick.")
        await page.keyboard.press("Control+Enter")
        await expect(page.locator("article textarea")).to_have_value("Quick.")
        assert not page.url.endswith("/edit")


async def test_a_message_goes_out_is_answered_edited_and_taken_back_in_the_end(page: Page, server: Server) -> None:
    async with Desk(server) as desk:
        message = await desk.own()
        await page.goto("/inbox")
        await page.locator(f"[data-chat='{message['chat_id']}'] > a").click()
        await page.wait_for_url(f"**/inbox/{message['chat_id']}**")
        await page.get_by_label("Message", exact=True).fill("See you at the pier.")
        await page.keyboard.press("Control+Enter")
        mine = page.locator("article", has_text="See you at the pier.")
        await expect(mine).to_have_count(1)
        await expect(mine).to_contain_text("can be taken back for 59:")
        await desk.write(message["chat_provider_id"], "Bring the lantern.")
        theirs = page.locator("article", has_text="Bring the lantern.")
        await expect(theirs).to_be_visible()
        await expect(page.locator(".chat-row").first).to_contain_text("Bring the lantern.")
        await theirs.focus()
        await page.keyboard.press("r")
        await expect(page.locator("[data-quoted]")).to_have_text("Bring the lantern.")
        await page.keyboard.type("Which one?")
        await page.keyboard.press("Control+Enter")
        answer = page.locator("article", has_text="Which one?")
        await expect(answer.locator(".quote")).to_contain_text("Bring the lantern.")
        await answer.focus()
        await page.keyboard.press("e")
        await answer.get_by_role("textbox").fill("Which one of the two?")
        await page.keyboard.press("Control+Enter")
        await expect(answer).to_have_count(0)
        edited = page.locator("article", has_text="Which one of the two?")
        await expect(edited).to_contain_text("edited")
        await edited.focus()
        await page.keyboard.press("f")
        await page.get_by_role("button", name="React with 🎉").click()
        await expect(edited.locator(".reaction")).to_have_text("🎉")
        await edited.hover()
        await shoot(page, "inbox-chat")
        await axe(page)
        await edited.focus()
        await page.keyboard.press("x")
        await expect(page.locator("#recall-dialog")).to_be_visible()
        await shoot(page, "inbox-take-back")
        await axe(page)
        await page.get_by_role("button", name="Take back now").click()
        await expect(page.locator("article.is-gone")).to_contain_text("You took this message back")
        await expect(page.locator("#recall-dialog")).to_be_hidden()
        await shoot(page, "inbox-taken-back")
        await axe(page)


async def test_taking_back_is_undone_and_what_is_not_undone_happens(page: Page, server: Server) -> None:
    async with Desk(server) as desk:
        message = await desk.sent("Undo this, please.")
        await page.goto(f"/inbox/{message['chat_id']}")
        await row(page, message).focus()
        await page.keyboard.press("x")
        await page.get_by_role("button", name="Take back, undo for 10 s").click()
        await expect(row(page, message)).to_contain_text("Is taken back in 0:0")
        await shoot(page, "inbox-undo")
        await axe(page)
        await row(page, message).get_by_role("button", name="Undo").click()
        await expect(row(page, message)).to_contain_text("can be taken back for")
        await page.get_by_label("When it is sent").select_option("10")
        await page.get_by_label("Message", exact=True).fill("Sent in a while.")
        await page.get_by_role("button", name="Send", exact=True).click()
        waiting = page.locator("[data-deferral]")
        await expect(waiting).to_contain_text("is sent in 0:0")
        await shoot(page, "inbox-waiting")
        await row(page, message).focus()
        await page.keyboard.press("x")
        await page.get_by_role("button", name="Take back, undo for 10 s").click()
        await desk.sim.post("/_sim/clock/advance", json={"seconds": 9})
        await expect(row(page, message)).to_contain_text("You took this message back")
        await expect(waiting).to_have_count(0)
        await expect(page.locator("article", has_text="Sent in a while.")).to_have_count(1)


async def test_the_countdown_runs_out_before_the_eyes(page: Page, server: Server, visit: Visit) -> None:
    async with Desk(server) as desk:
        message = await desk.sent("Not for long.")
        await desk.leave(6, message["delete_by"])
        await page.goto(f"/inbox/{message['chat_id']}#{message['id']}")
        await expect(row(page, message)).to_contain_text("can be taken back for 0:0")
        await row(page, message).focus()
        await page.keyboard.press("x")
        await expect(page.get_by_role("button", name="Take back now")).to_be_visible()
        await shoot(page, "inbox-countdown")
        alone = await visit()
        await alone.goto(f"/inbox/messages/{message['id']}/recall")
        # Whatever the server's answers take: the moment itself is the end of it.
        async with held(page, f"**/messages/{message['id']}**"):
            await expect(page.get_by_role("button", name="Take back now")).to_be_disabled()
            await expect(page.get_by_role("button", name="Take back, undo")).to_be_disabled()
            await shoot(page, "inbox-over")
        await expect(row(page, message)).to_contain_text("can no longer be taken back")
        await expect(page.locator("#recall-body")).to_contain_text("60 minutes after it was sent")
        await expect(page.get_by_role("button", name="Take back now")).to_have_count(0)
        await expect(alone.get_by_role("alert")).to_contain_text("60 minutes after it was sent")
        await expect(alone.get_by_role("button", name="Take back now")).to_have_count(0)
        await shoot(page, "inbox-too-late")
        await page.keyboard.press("Escape")
        await expect(row(page, message).get_by_label("Why it cannot be taken back")).to_have_count(1)
        await row(page, message).focus()
        await page.keyboard.press("x")
        await expect(page.locator("#recall-body")).to_contain_text("60 minutes after it was sent")
        await axe(page)
        phone = await visit(phone=True, dark=True)
        await phone.goto(f"/inbox/{message['chat_id']}")
        await fits(phone)
        await axe(phone)
        await shoot(phone, "inbox-chat-phone-dark")


async def test_what_can_be_undone_no_more_offers_no_undo(page: Page, server: Server) -> None:
    async with Desk(server) as desk:
        message = await desk.sent("Gone in ten seconds.")
        await page.goto(f"/inbox/{message['chat_id']}")
        await page.get_by_label("When it is sent").select_option("10")
        await page.get_by_label("Message", exact=True).fill("Sent in ten.")
        await page.get_by_role("button", name="Send", exact=True).click()
        undo = row(page, message).get_by_role("button", name="Undo")
        unsend = page.locator("[data-deferral]").get_by_role("button", name="Undo")
        await expect(unsend).to_be_enabled()
        await row(page, message).focus()
        await page.keyboard.press("x")
        await page.get_by_role("button", name="Take back, undo for 10 s").click()
        await expect(undo).to_be_enabled()
        async with held(page, "**/inbox/**"):
            await expect(undo).to_be_disabled()
            await expect(unsend).to_be_disabled()
        await expect(row(page, message)).to_contain_text("You took this message back")
        await expect(page.locator("article", has_text="Sent in ten.")).to_have_count(1)


async def test_a_doubt_is_shown_as_one_and_settled_before_the_eyes(page: Page, server: Server) -> None:
    async with Desk(server) as desk:
        message = await desk.sent("Is it gone?")
        await page.goto(f"/inbox/{message['chat_id']}")
        # The call is lost on its way, and for a while the network cannot be read.
        await desk.fault("recall", do={"reset": True})
        await desk.fault(READ, do={"status": 503}, times=3)
        await row(page, message).focus()
        await page.keyboard.press("x")
        await page.get_by_role("button", name="Take back now").click()
        await expect(row(page, message)).to_contain_text("It is in doubt whether it is gone")
        await shoot(page, "inbox-in-doubt")
        await axe(page)
        await expect(row(page, message)).to_contain_text("the network was read, and still shows it", timeout=30_000)
        await shoot(page, "inbox-settled")
        # Once more, and it is settled sooner than the page hears that it is in doubt.
        await desk.no_faults()
        await desk.fault("recall", do={"reset": True})
        await row(page, message).focus()
        await page.keyboard.press("x")
        await page.get_by_role("button", name="Take back now").click()
        await expect(page.locator("#recall-dialog")).to_be_hidden()
        await expect(row(page, message)).to_contain_text("the network was read, and still shows it")
        refused = await desk.sent("This one stays.", message["chat_id"])
        await desk.fault("recall", do={"status": 400})
        await expect(row(page, refused)).to_be_visible()
        await row(page, refused).focus()
        await page.keyboard.press("x")
        await page.get_by_role("button", name="Take back now").click()
        await expect(row(page, refused)).to_contain_text("LinkedIn did not take the message back")
        await shoot(page, "inbox-refused")
        await axe(page)


async def test_a_chat_is_begun_and_earlier_messages_come_as_one_scrolls(page: Page, server: Server) -> None:
    async with Desk(server) as desk:
        await page.goto("/inbox/new")
        await shoot(page, "inbox-new")
        await axe(page)
        await page.locator("[name=people]").first.check()
        await page.get_by_label("First message").fill("A new beginning.")
        await page.get_by_role("button", name="Begin").click()
        mine = page.locator("article", has_text="A new beginning.")
        await expect(mine).to_be_in_viewport()
        shown = page.locator("[data-message]")
        for number in range(45):
            await desk.sent(f"Number {number}", page.url.rpartition("/")[2].partition("#")[0])
        await page.goto(page.url.partition("#")[0])
        before = await shown.count()
        await expect(page.locator("article", has_text="Number 44")).to_be_in_viewport()
        first = shown.first
        await first.scroll_into_view_if_needed()
        await expect(shown).not_to_have_count(before)
        assert await shown.count() > before


async def test_words_are_looked_for_by_keyboard_and_what_is_taken_back_is_found_no_more(
    page: Page, server: Server, visit: Visit
) -> None:
    async with Desk(server) as desk:
        message = await desk.sent("The almanac is under the lighthouse.")
        await page.goto("/inbox")
        await page.keyboard.press("/")
        await page.keyboard.type("UNDER the lighthouse")
        await page.keyboard.press("Enter")
        hit = page.locator(f"[id='found-{message['id']}']")
        await expect(hit).to_contain_text("The almanac is under the lighthouse.")
        await shoot(page, "inbox-found")
        await axe(page)
        await hit.get_by_role("link").click()
        await expect(row(page, message)).to_be_in_viewport()
        await expect(hit).to_be_visible()
        await shoot(page, "inbox-found-opened")
        phone = await visit(phone=True, dark=True)
        await phone.goto("/inbox?q=almanac")
        await fits(phone)
        await axe(phone)
        await shoot(phone, "inbox-found-phone-dark")
        await desk.api.delete(f"/messages/{message['id']}")
        await expect(hit).to_have_count(0)
