"""Taking a message back in the inbox: until when, why not, and what became of it, said as it is."""

import re

import pytest

from postroom.domain.access import Scope
from postroom.domain.messages import Message
from tests.desk import Desk
from tests.scene import MINUTE, Scene
from tests.web.dashboard.browser import Browser, browser


@pytest.fixture
def scene(desk: Desk) -> Scene:
    return Scene(desk.built)


@pytest.fixture
async def own(scene: Scene) -> Message:
    return await scene.own()


async def took_back(page: Browser, message: Message, grace: int = 0) -> str:
    """What stands in the message's place then."""
    fields = {"grace": str(grace)}
    answer = await page.do(f"/inbox/messages/{message.id}/recall", fields, headers={"hx-request": "true"})
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_a_message_says_until_when_it_can_be_taken_back_and_then_why_not(
    page: Browser, scene: Scene, own: Message
) -> None:
    where = f"/inbox/messages/{own.id}"
    deadline = own.sent_at + 60 * 60 * 1000
    assert f'data-until="{deadline}"' in (await page.part(where)).text
    asked = (await page.part(f"{where}/recall")).text
    assert (f'data-until="{deadline}"' in asked, "Take back now" in asked) == (True, True)
    others = (await page.part(f"/inbox/messages/{(await scene.others()).id}/recall")).text
    assert "Only the sender of a message can delete it" in others
    await scene.advance(61 * MINUTE)
    assert "can no longer be taken back" in (await page.part(where)).text
    asked = (await page.part(f"{where}/recall")).text
    assert ("60 minutes after it was sent" in asked, "Take back now" in asked) == (True, False)
    shown = await took_back(page, own)
    assert ("is-gone" in shown, "can no longer be deleted" in shown) == (False, True)


async def test_what_is_taken_back_is_gone_for_everyone(page: Browser, scene: Scene, own: Message) -> None:
    shown = await took_back(page, own)
    assert "You took this message back" in shown
    assert str(own.content.text) not in shown
    assert (await scene.shown(own))["state"] == "RECALLED"
    assert "deleted already" in (await page.part(f"/inbox/messages/{own.id}/recall")).text


async def test_a_refusal_is_shown_as_one_and_the_message_stays(page: Browser, scene: Scene, own: Message) -> None:
    await scene.fault("recall", do={"status": 400})
    shown = await took_back(page, own)
    assert ("LinkedIn did not take the message back" in shown, str(own.content.text) in shown) == (True, True)
    assert "It was not taken back" in (await page.part(f"/inbox/messages/{own.id}")).text


async def test_what_is_in_doubt_says_so_until_it_was_read_back(page: Browser, scene: Scene, own: Message) -> None:
    await scene.fault("recall", do={"commit_then_lose": True})
    shown = await took_back(page, own)
    assert "It is in doubt whether it is gone" in shown
    assert "is-gone" not in shown
    chat = (await page.get(f"/inbox/{own.chat_id}")).text
    assert "It is in doubt whether it is gone" in chat
    async with scene.working():
        await scene.until(lambda: _is_gone(scene, own))
    assert "You took this message back" in (await page.part(f"/inbox/messages/{own.id}")).text


async def _is_gone(scene: Scene, message: Message) -> bool:
    return (await scene.get(message)).is_tombstone


async def test_a_deletion_and_a_send_are_undone_while_that_can_be(page: Browser, scene: Scene, own: Message) -> None:
    await scene.forget_calls()
    shown = await took_back(page, own, 30)
    assert "Is taken back in" in shown
    undo = re.search(r'hx-post="(/inbox/deferrals/dfr_\w+)/undo"', shown)
    assert undo is not None
    await page.do(f"{undo.group(1)}/undo")
    assert "Is taken back in" not in (await page.part(f"/inbox/messages/{own.id}")).text
    part = {"hx-request": "true"}
    sent = await page.do(f"/inbox/{own.chat_id}/send", {"text": "Zanzibar?", "grace": "30"}, headers=part)
    assert ("Zanzibar?" in sent.text, "is sent in" in sent.text) == (True, True)
    assert "Zanzibar?" in (await page.get(f"/inbox/{own.chat_id}")).text
    undo = re.search(r'hx-post="(/inbox/deferrals/dfr_\w+)/undo"', sent.text)
    assert undo is not None
    assert "you undid it" in (await page.do(f"{undo.group(1)}/undo", headers=part)).text
    again = await page.do(f"{undo.group(1)}/undo", headers=part)
    assert "you undid it" in again.text
    assert "Zanzibar?" not in (await page.get(f"/inbox/{own.chat_id}")).text
    assert await scene.calls() == []


async def test_what_is_put_off_is_done_when_its_time_comes(
    page: Browser, desk: Desk, scene: Scene, own: Message
) -> None:
    sent = await page.do(
        f"/inbox/{own.chat_id}/send", {"text": "In a while", "grace": "10"}, headers={"hx-request": "true"}
    )
    place = re.search(r'id="(dfr_\w+)"', sent.text)
    assert place is not None
    await took_back(page, own, 10)
    await scene.advance(11)
    await desk.work()
    assert "You took this message back" in (await page.part(f"/inbox/messages/{own.id}")).text
    assert re.search(r'<article [^>]*id="msg_', (await page.part(f"/inbox/deferrals/{place.group(1)}")).text)
    undone = await page.do(f"/inbox/deferrals/{place.group(1)}/undo", headers={"hx-request": "true"})
    assert "cannot be undone any more" in undone.text


async def test_a_key_that_may_not_delete_is_not_offered_to(desk: Desk, own: Message) -> None:
    scopes = frozenset((Scope.READ, Scope.SEND))
    _, secret = await desk.services.access.issue_key(desk.caller.workspace_id, "writes", scopes)
    writer = browser(desk.built)
    await writer.sign_in(secret)
    assert "data-recall" not in (await writer.part(f"/inbox/messages/{own.id}")).text
    made = await desk.services.deferrals.delete(desk.caller, own.id, 30)
    assert made is not None
    assert "data-undo" not in (await writer.part(f"/inbox/messages/{own.id}")).text
    assert (await writer.do(f"/inbox/messages/{own.id}/recall", {"grace": "0"})).status_code == 403
    assert (await writer.do(f"/inbox/deferrals/{made.id}/undo")).status_code == 403
    await writer.close()
