"""P3. Truthful answers: done, refused or in doubt; never success for an unknown outcome, never a blind repeat."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from postroom.domain.chats import ChatMark
from postroom.domain.events import EventType
from postroom.domain.files import Upload
from postroom.domain.media import MediaKind
from postroom.domain.messages import Message
from postroom.domain.posts import GroupStatus
from postroom.errors import ErrorCode, OutcomeUnknown, PostroomError, ProviderDown
from postroom.ids import new_ulid
from postroom.services.posts import Change
from tests.scene import Scene
from tests.scene import the_scene as the_scene

pytestmark = pytest.mark.promise("P3")

_DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
HOUR = 60 * 60.0
# What becomes of a call that was carried out and whose answer never comes.
LOST = [
    pytest.param({"commit_then_lose": True}, id="the answer is lost"),
    pytest.param({"commit_then_hang_seconds": 5}, id="the answer never comes"),
]


async def in_doubt(scene: Scene, message: Message, do: dict[str, Any]) -> None:
    """Ask, and be told the truth: that nobody knows."""
    await scene.fault("recall", do=do)
    await scene.forget_calls()
    with pytest.raises(OutcomeUnknown) as unknown:
        await scene.recall(message)
    assert unknown.value.code is ErrorCode.REQUEST_TIMEOUT
    assert await scene.calls() == ["recall"]
    assert not (await scene.get(message)).is_tombstone
    assert await scene.receipts() == []
    (event,) = await scene.events(EventType.RECALL_IN_DOUBT)
    assert event.data.message_id == message.id


async def settled(scene: Scene) -> str:
    """Let the worker settle it; how."""
    async with scene.working():
        (event,) = await scene.until(lambda: scene.events(EventType.RECALL_SETTLED))
    assert event.data.reason is not None
    return str(event.data.reason)


@pytest.mark.parametrize("do", LOST)
async def test_a_recall_whose_answer_is_lost_is_in_doubt_then_read_back_and_done(
    scene: Scene, do: dict[str, Any]
) -> None:
    message = await scene.own()
    await in_doubt(scene, message, do)
    assert await settled(scene) == "done"
    assert await scene.calls("recall") == ["recall"]
    assert (await scene.get(message)).is_tombstone
    (receipt,) = await scene.receipts()
    said = receipt.document
    assert (said["network_answer"], said["read_back"], said["verified"]) == ("no answer", "gone", True)


async def test_a_recall_that_was_lost_on_its_way_is_read_back_and_was_not_done(scene: Scene) -> None:
    message = await scene.own()
    await in_doubt(scene, message, {"reset": True})
    assert await settled(scene) == "refused"
    assert await scene.calls("recall") == ["recall"]
    assert not (await scene.get(message)).is_tombstone
    assert await scene.receipts() == []
    await scene.recall(message)
    assert (await scene.get(message)).is_tombstone


async def test_asking_again_in_doubt_reads_back_and_does_not_repeat_the_call(scene: Scene) -> None:
    message = await scene.own()
    await in_doubt(scene, message, {"commit_then_lose": True})
    await scene.forget_calls()
    await scene.recall(message)
    assert await scene.calls() == ["messages"]
    assert (await scene.get(message)).is_tombstone
    (event,) = await scene.events(EventType.RECALL_SETTLED)
    assert event.data.reason == "done"
    # The job that was queued finds nothing left to do.
    (intent,) = await scene.intents()
    assert await scene.services.recalls.settle(scene.caller.workspace_id, intent["id"]) is None
    assert len(await scene.receipts()) == len(await scene.events(EventType.RECALL_SETTLED)) == 1


async def test_asking_again_calls_again_only_once_it_is_known_that_nothing_was_done(scene: Scene) -> None:
    message = await scene.own()
    await in_doubt(scene, message, {"reset": True})
    await scene.forget_calls()
    await scene.recall(message)
    assert await scene.calls() == ["messages", "recall"]
    assert [row["outcome"] for row in await scene.intents()] == ["refused", "done"]


async def test_asking_again_where_it_cannot_be_read_stays_in_doubt(scene: Scene) -> None:
    message = await scene.own()
    await in_doubt(scene, message, {"commit_then_lose": True})
    await scene.fault("messages", do={"status": 503}, times=None)
    await scene.forget_calls()
    with pytest.raises(OutcomeUnknown):
        await scene.recall(message)
    assert await scene.calls("recall") == []
    assert not (await scene.get(message)).is_tombstone


async def test_what_cannot_be_read_back_for_a_day_is_unverified_and_says_so(scene: Scene) -> None:
    message = await scene.own()
    await in_doubt(scene, message, {"commit_then_lose": True})
    await scene.fault("messages", do={"status": 500}, times=None)
    recalls, workspace_id = scene.services.recalls, scene.caller.workspace_id
    (intent,) = await scene.intents()
    again = await recalls.settle(workspace_id, intent["id"])
    assert again is not None
    await scene.advance(23 * HOUR)
    assert await recalls.settle(workspace_id, intent["id"]) is not None
    await scene.advance(2 * HOUR)
    assert await recalls.settle(workspace_id, intent["id"]) is None
    (event,) = await scene.events(EventType.RECALL_SETTLED)
    assert event.data.reason == "unverified"
    (receipt,) = await scene.receipts()
    assert (receipt.document["outcome"], receipt.document["verified"]) == ("unverified", False)
    assert receipt.document["erased"] == []
    assert not (await scene.get(message)).is_tombstone
    assert await scene.calls("recall") == ["recall"]


async def test_the_networks_own_news_buries_what_is_in_doubt_and_the_doubt_is_settled(scene: Scene) -> None:
    message = await scene.own()
    await in_doubt(scene, message, {"commit_then_lose": True})
    await scene.sync(await scene.linkedin())
    assert (await scene.get(message)).is_tombstone
    assert await settled(scene) == "done"
    assert len(await scene.events(EventType.MESSAGE_DELETED)) == 1


async def test_an_account_that_goes_leaves_its_doubt_unverified(scene: Scene) -> None:
    message = await scene.own()
    await in_doubt(scene, message, {"commit_then_lose": True})
    await scene.services.accounts.unlink(scene.caller, message.account_id)
    assert await settled(scene) == "unverified"


# Whatever else is done with messages and chats.


@pytest.mark.parametrize("do", LOST)
async def test_an_edit_or_reaction_whose_answer_is_lost_is_read_back_once(scene: Scene, do: dict[str, Any]) -> None:
    message, messages = await scene.own(), scene.services.messages
    await scene.fault("edit", do=do)
    await scene.fault("react", do=do)
    await scene.forget_calls()
    edited = await messages.edit(scene.caller, message.id, "Put better.")
    assert (edited.content.text, await scene.calls()) == ("Put better.", ["edit", "messages"])
    await scene.forget_calls()
    reacted = await messages.react(scene.caller, message.id, "👍")
    assert [each.value for each in reacted.content.reactions if each.is_sender] == ["👍"]
    assert await scene.calls() == ["react", "messages"]


@pytest.mark.parametrize("lost", ["on_its_way", "and_unreadable"])
async def test_an_edit_or_reaction_that_nobody_knows_of_is_no_success(scene: Scene, lost: str) -> None:
    message, messages = await scene.own(), scene.services.messages
    do = {"reset": True} if lost == "on_its_way" else {"commit_then_lose": True}
    deeds: dict[str, Callable[[], Awaitable[Message]]] = {
        "edit": lambda: messages.edit(scene.caller, message.id, "Put better."),
        "react": lambda: messages.react(scene.caller, message.id, "👍"),
    }
    for operation, ask in deeds.items():
        held = await scene.get(message)
        await scene.fault(operation, do=do)
        if lost != "on_its_way":
            await scene.fault("messages", do={"status": 500})
        await scene.forget_calls()
        with pytest.raises(OutcomeUnknown):
            await ask()
        assert await scene.calls() == [operation, "messages"]
        assert await scene.get(message) == held
        # To ask again is safe, and does it.
        await ask()
        assert await scene.get(message) != held
    shown = await scene.shown(message)
    assert (shown["text"], len(shown["reactions"])) == ("Put better.", 1)


async def test_a_message_with_files_whose_answer_is_lost_is_not_sent_again(scene: Scene) -> None:
    message, account = await scene.own(), await scene.linkedin()
    note = Upload(name="note.txt", content_type="text/plain", data=b"A note.")
    await scene.fault("send", do={"commit_then_lose": True})
    await scene.forget_calls()
    with pytest.raises(OutcomeUnknown):
        await scene.services.messages.send(scene.caller, message.chat_id, "Perhaps.", files=[note])
    assert await scene.calls() == ["upload_metadata", "upload", "send"]
    assert not [held for held in await scene.messages() if held.content.text == "Perhaps."]
    await scene.sync(account)
    (sent,) = [held for held in await scene.messages() if held.content.text == "Perhaps."]
    assert len(sent.content.attachments) == 1


async def test_a_mark_whose_answer_is_lost_is_none_until_the_network_shows_it(scene: Scene) -> None:
    chat_id, chats = (await scene.own()).chat_id, scene.services.chats
    await scene.fault("category", do={"commit_then_lose": True})
    before, _ = await chats.get(scene.caller, chat_id)
    await scene.forget_calls()
    with pytest.raises(OutcomeUnknown):
        await chats.mark(scene.caller, chat_id, ChatMark.STARRED, on=True)
    assert await scene.calls() == ["category"]
    assert (await chats.get(scene.caller, chat_id))[0] == before
    await scene.sync(await scene.linkedin())
    assert (await chats.get(scene.caller, chat_id))[0].starred
    assert len(await scene.events(EventType.CHAT_UPDATED)) == 1


async def test_what_a_dead_process_had_asked_for_is_read_back_and_not_asked_again(scene: Scene) -> None:
    message = await scene.own()
    await scene.fault("recall", do={"commit_then_hang_seconds": 3})
    asking = asyncio.create_task(scene.recall(message))
    await scene.until(lambda: scene.calls("recall"))
    # As far as the rows tell, it died in the middle of the call.
    (intent,) = await scene.intents()
    assert intent["outcome"] == "asked"
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await scene.forget_calls()
    await scene.services.recalls.resume(older_than_seconds=0)
    assert await settled(scene) == "done"
    assert await scene.calls("recall") == []
    assert (await scene.get(message)).is_tombstone


async def test_while_another_process_asks_nobody_asks_too(scene: Scene) -> None:
    message = await scene.own()
    await scene.fault("recall", do={"commit_then_hang_seconds": 3})
    asking = asyncio.create_task(scene.recall(message))
    await scene.until(lambda: scene.calls("recall"))
    # Another process knows nothing of this one's turns.
    scene.services.recalls._turns.clear()
    scene.services.messages._turns._turns.clear()
    with pytest.raises(OutcomeUnknown, match="already"):
        await scene.recall(message)
    with pytest.raises(OutcomeUnknown):
        await asking
    assert await scene.calls("recall") == ["recall"]


# The other writes.


@pytest.mark.parametrize("do", LOST)
async def test_a_message_whose_answer_is_lost_is_in_doubt_and_shows_up_once_by_itself(
    scene: Scene, do: dict[str, Any]
) -> None:
    chat_id = (await scene.own()).chat_id
    await scene.fault("send", do=do)
    await scene.forget_calls()
    with pytest.raises(OutcomeUnknown):
        await scene.services.messages.send(scene.caller, chat_id, "Only once, please.")
    assert await scene.calls() == ["send"]
    await scene.sync(await scene.linkedin())
    await scene.sync(await scene.linkedin(), full=True)
    held = [message for message in await scene.messages() if message.content.text == "Only once, please."]
    assert len(held) == 1
    assert held[0].is_sender
    assert await scene.calls("send") == ["send"]


async def test_a_message_that_was_lost_on_its_way_is_never_sent_again_by_us(scene: Scene) -> None:
    chat_id = (await scene.own()).chat_id
    await scene.fault("send", do={"reset": True})
    await scene.forget_calls()
    with pytest.raises(OutcomeUnknown):
        await scene.services.messages.send(scene.caller, chat_id, "Never arrived.")
    await scene.sync(await scene.linkedin(), full=True)
    assert await scene.calls("send") == ["send"]
    assert "Never arrived." not in {message.content.text for message in await scene.messages()}


async def published(scene: Scene, *, picture: bool = False) -> Any:
    """Post to Bluesky now, and wait until its fate is known."""
    account = (await scene.services.accounts.list(scene.caller, provider="bluesky")).items[0]
    group = await scene.services.posts.create(
        scene.caller,
        content=f"Only once {new_ulid(scene.now())}",
        platforms=[f"bluesky-{account.provider_id}"],
        scheduled_at=None,
        platform_settings={},
    )
    if picture:
        await with_picture(scene, group.id)
    await scene.services.posts.update(
        scene.caller, group.id, Change(status=GroupStatus.SCHEDULED, scheduled_at=scene.now_ms() + 1)
    )

    async def ended() -> Any:
        view = await scene.services.posts.get(scene.caller, group.id)
        return view.posts[0] if view.posts[0].status in ("published", "failed", "unconfirmed") else None

    async with scene.working():
        return await scene.until(ended, seconds=30)


async def with_picture(scene: Scene, group_id: str) -> None:
    media = scene.services.media
    address = await media.upload_address(
        scene.caller, group_id, file_name="dot.png", content_type="image/png", kind=MediaKind.IMAGE
    )
    query = parse_qs(urlsplit(address.upload_url).query)

    async def chunks() -> AsyncIterator[bytes]:
        yield base64.b64decode(_DOT)

    await media.receive(address.media_id, int(query["expires"][0]), query["signature"][0], "image/png", chunks())


async def test_a_picture_whose_answer_is_lost_leaves_one_post_or_none_and_says_which(scene: Scene) -> None:
    before = len((await scene.built.sim.get("/_sim/network/bluesky/posts")).json()["posts"])
    await scene.fault("uploadBlob", network="bluesky", do={"commit_then_lose": True})
    await scene.forget_calls()
    post = await published(scene, picture=True)
    now = len((await scene.built.sim.get("/_sim/network/bluesky/posts")).json()["posts"])
    made = len(await scene.calls("createRecord"))
    assert (post.status, now - before, made) in (("published", 1, 1), ("failed", 0, 0))


@pytest.mark.parametrize("do", LOST)
async def test_a_post_whose_answer_is_lost_is_looked_up_and_is_one_post(scene: Scene, do: dict[str, Any]) -> None:
    before = len((await scene.built.sim.get("/_sim/network/bluesky/posts")).json()["posts"])
    await scene.fault("createRecord", network="bluesky", do=do)
    await scene.forget_calls()
    post = await published(scene)
    assert post.status == "published"
    assert await scene.calls("createRecord") == ["createRecord"]
    assert len((await scene.built.sim.get("/_sim/network/bluesky/posts")).json()["posts"]) == before + 1


async def test_a_link_whose_answer_is_lost_is_no_link(scene: Scene) -> None:
    linked = len((await scene.services.accounts.list(scene.caller)).items)
    await scene.fault("createSession", network="bluesky", do={"commit_then_lose": True}, times=None)
    await scene.forget_calls()
    with pytest.raises(PostroomError) as failed:
        await scene.services.accounts.link(
            scene.caller, "bluesky", "app_password", {"identifier": "bea.test", "password": "app-bea-pass"}
        )
    assert isinstance(failed.value, OutcomeUnknown | ProviderDown)
    assert await scene.calls("createSession") == ["createSession"]
    assert len((await scene.services.accounts.list(scene.caller)).items) == linked


@pytest.mark.parametrize("do", [*LOST, pytest.param({"status": 503}, id="the network fails")])
async def test_a_session_whose_end_is_unknown_is_told_so_and_the_account_goes(scene: Scene, do: dict[str, Any]) -> None:
    account = await scene.linkedin()
    await scene.fault("logout", do=do)
    await scene.forget_calls()
    await scene.services.accounts.unlink(scene.caller, account.id)
    assert await scene.calls("logout") == ["logout"]
    (receipt,) = (await scene.services.receipts.list(scene.caller, target_id=account.id)).items
    assert receipt.document["session_ended_at_network"] is False
