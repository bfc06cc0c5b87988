"""The inbox: chats, their messages, and what is done with them, as pages and as parts of pages."""

import re
from html import unescape

import pytest

from postroom.domain.messages import Message
from tests.desk import Desk
from tests.scene import Scene
from tests.web.dashboard.browser import Browser


@pytest.fixture
def scene(desk: Desk) -> Scene:
    return Scene(desk.built)


@pytest.fixture
async def own(scene: Scene) -> Message:
    return await scene.own()


def ids(text: str) -> list[str]:
    """The messages that a page or a part shows, in its order."""
    return re.findall(r'<article [^>]*id="(msg_\w+)"', text)


async def test_chats_are_listed_by_their_last_message_and_filtered(page: Browser, scene: Scene) -> None:
    chats = (await scene.services.chats.list(scene.caller)).items
    shown = (await page.get("/inbox")).text
    assert re.findall(r'id="row-(chat_\w+)"', shown) == [chat.id for chat in chats]
    unread = [chat.id for chat in chats if chat.unread_count]
    assert 0 < len(unread) < len(chats)
    assert re.findall(r'id="row-(chat_\w+)"', (await page.get("/inbox?show=unread")).text) == unread
    bluesky = await scene.services.accounts.list(scene.caller, provider="bluesky")
    nothing = (await page.get(f"/inbox?account={bluesky.items[0].id}")).text
    assert "No chat is like that." in nothing


async def test_a_long_chat_is_read_page_by_page_without_a_gap(page: Browser, scene: Scene) -> None:
    box = {"login": "user_new_busy", "chats": 1, "messages": 95}
    await scene.built.sim.post("/_sim/network/linkedin/mailbox", json=box)
    account = await scene.link("user_new_busy")
    chats = (await scene.services.chats.list(scene.caller, account_ids=[account.id])).items
    held = {chat.id: await scene.messages(chat_id=chat.id) for chat in chats}
    chat_id = max(held, key=lambda id: len(held[id]))
    everything = [message.id for message in reversed(held[chat_id])]
    assert len(everything) >= 95
    shown = (await page.get(f"/inbox/{chat_id}")).text
    seen = ids(shown)
    while more := re.search(r'hx-get="(/inbox/chat_\w+/messages\?cursor=[^"]+)"', shown):
        shown = (await page.part(unescape(more.group(1)))).text
        seen = ids(shown) + seen
    assert seen == everything
    newest = await scene.get(await scene.services.messages.get(scene.caller, everything[-3]))
    since = (await page.part(f"/inbox/{chat_id}/messages?since={newest.sent_at}")).text
    assert ids(since) == [id for id in everything if id in ids(since)]
    assert ids(since)[-3:] == everything[-3:]


async def test_a_message_is_sent_answered_edited_and_reacted_to(page: Browser, scene: Scene, own: Message) -> None:
    sent = await page.do(f"/inbox/{own.chat_id}/send", {"text": "  Hello <b>you</b>  ", "quote": own.id, "grace": "0"})
    chat, _, message_id = sent.headers["location"].partition("#")
    assert chat == f"/inbox/{own.chat_id}"
    shown = (await page.part(f"/inbox/messages/{message_id}")).text
    assert "Hello &lt;b&gt;you&lt;/b&gt;</p>" in shown
    assert f'href="#{own.id}"' in shown
    where = f"/inbox/messages/{message_id}"
    await page.do(f"{where}/edit", {"text": "Look."})
    await page.do(f"{where}/react", {"emoji": "👍"})
    shown = (await page.part(where)).text
    assert ("Look.</p>" in shown, "· edited" in shown, "👍, yours: take it back" in shown) == (True, True, True)
    await page.do(f"{where}/react", {"emoji": "👍", "on": "no"})
    assert "👍" not in (await page.part(where)).text
    assert "🎉" in (await page.part(f"{where}/react")).text
    other = await scene.others()
    assert (await page.do(f"/inbox/messages/{other.id}/edit", {"text": "Mine now"})).status_code == 422
    assert (await page.do(f"/inbox/{own.chat_id}/send", {"text": " "})).status_code == 400


async def test_files_are_sent_and_opened_and_only_pictures_stand_in_the_page(page: Browser, own: Message) -> None:
    token = {"form_token": await page.token(), "text": "See."}
    dot = bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000a49444154789c6360000002000154a24f5d0000000049454e44ae426082"
    )
    files = [("files", ("a.html", b"<script>1</script>", "text/html")), ("files", ("a.png", dot, "image/png"))]
    answers = [await page.send(f"/inbox/{own.chat_id}/send", token, files=[each]) for each in files]
    places = []
    for answer in answers:
        message_id = answer.headers["location"].partition("#")[2]
        shown = (await page.part(f"/inbox/messages/{message_id}")).text
        (place,) = set(re.findall(rf'"(/inbox/messages/{message_id}/files/[^"]+)"', shown))
        places.append((place, "<img " in shown))
    (page_file, drawn), (picture, pictured) = places
    assert (drawn, pictured) == (False, True)
    got = await page.get(page_file)
    assert (got.content, got.headers["content-disposition"]) == (b"<script>1</script>", "attachment")
    assert got.headers["x-content-type-options"] == "nosniff"
    got = await page.get(picture)
    assert (got.content, got.headers["content-disposition"]) == (dot, "inline")
    assert got.headers["cache-control"] == "no-store"
    assert (await page.do(picture.partition("/files/")[0] + "/recall")).status_code == 303
    assert (await page.get(picture)).status_code == 404


async def test_a_chat_is_begun_marked_and_its_request_answered(page: Browser, scene: Scene, own: Message) -> None:
    shown = (await page.get("/inbox/new")).text
    (person, *_) = [
        each for each in await scene.services.chats.attendees(scene.caller, own.chat_id) if not each.is_self
    ]
    assert f'value="{person.provider_id}"' in shown
    account = await scene.linkedin()
    begun = await page.do("/inbox/new", {"account": account.id, "people": [person.provider_id], "text": "Hello again"})
    assert begun.headers["location"].startswith("/inbox/chat_"), begun.text
    unread = next(chat for chat in (await scene.services.chats.list(scene.caller, unread=True)).items)
    assert "Mark as read" in (await page.get(f"/inbox/{unread.id}")).text
    await page.do(f"/inbox/{unread.id}/marks", {"mark": "read"})
    await page.do(f"/inbox/{unread.id}/marks", {"mark": "starred"})
    marked, _ = await scene.services.chats.get(scene.caller, unread.id)
    assert (marked.unread_count, marked.starred) == (0, True)
    assert f"row-{unread.id}" in (await page.get("/inbox?show=starred")).text
    assert (await page.do(f"/inbox/{unread.id}/marks", {"mark": "no_such"})).status_code == 400


async def test_another_workspaces_chats_and_messages_are_not_there(stranger: Browser, desk: Desk, own: Message) -> None:
    await stranger.sign_in(desk.built.kept.other_key)
    message = f"/inbox/messages/{own.id}"
    gets = [f"/inbox/{own.chat_id}", f"/inbox/{own.chat_id}/messages", message, f"{message}/edit", f"{message}/recall"]
    assert [(await stranger.get(path)).status_code for path in [*gets, f"{message}/files/att_1"]] == [404] * 6
    posts = [f"/inbox/{own.chat_id}/send", f"{message}/edit", f"{message}/react", f"{message}/recall"]
    fields = {"text": "Hello", "emoji": "👍", "mark": "read", "grace": "10"}
    assert [(await stranger.do(path, fields)).status_code for path in posts] == [404] * 4
    assert (await stranger.do(f"/inbox/{own.chat_id}/marks", fields)).status_code == 404
    wrong = "/inbox/deferrals/dfr_01HXYZ4QK3WJ8FN3M6QH7TZ8GR"
    assert (await stranger.do(f"{wrong}/undo")).status_code == 404


async def test_words_are_found_in_messages_and_lead_to_them(page: Browser, scene: Scene, own: Message) -> None:
    text = "Before it <b>the lantern</b> and & after"
    sent = await scene.services.messages.send(scene.caller, own.chat_id, text)
    shown = (await page.get("/inbox?q=the+LANTERN")).text
    assert f'id="found-{sent.id}"' in shown
    assert "Before it &lt;b&gt;<mark>the lantern</mark>&lt;/b&gt; and &amp; after" in shown
    assert f'href="/inbox/{own.chat_id}?found={sent.id}#{sent.id}"' in shown
    assert re.search(r"1 found in all [\d,]+ messages\.", shown)
    opened = (await page.get(f"/inbox/{own.chat_id}?found={sent.id}")).text
    assert (sent.id in ids(opened), "further up" in opened) == (True, False)
    assert "further up" in (await page.get(f"/inbox/{own.chat_id}?found=msg_older")).text
    await scene.recall(sent)
    assert f"found-{sent.id}" not in (await page.get("/inbox?q=the+LANTERN")).text
    assert "Nothing found in all" in (await page.get("/inbox?q=no+such+words")).text
    assert (await page.get("/inbox?q=" + "a" * 201)).status_code == 400
