"""What is sent is sent once, and nothing goes out after a message was taken back, whatever happens in between."""

import asyncio
from typing import Any

import httpx
import pytest

from postroom.domain.deferrals import DeferralState
from postroom.domain.remote import MessageDraft, MessageGone, RemoteMessage
from postroom.store import chats
from tests.dialects.native.test_messages import client as client
from tests.scene import Scene
from tests.scene import the_scene as the_scene
from tests.services.test_deferrals import get, work


async def connection(scene: Scene) -> Any:
    opened = await scene.services.messages._connections._opened(await scene.linkedin())
    return opened.connection


async def test_a_message_that_was_taken_back_before_its_answer_came_is_not_sent_again(
    scene: Scene, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, account, far = await scene.own(), await scene.linkedin(), await connection(scene)
    real = far.send_message

    async def send(chat: str, draft: MessageDraft) -> RemoteMessage:
        sent: RemoteMessage = await real(chat, draft)
        gone = MessageGone(key=sent.key, chat_key=sent.chat_key)
        await scene.services.messages._ingest.take(account, [gone], origin="network")
        return sent

    monkeypatch.setattr(far, "send_message", send)
    await scene.forget_calls()
    for _ in range(2):
        body, headers = {"text": "Sandpiper"}, {"Idempotency-Key": "k"}
        answer = await client.post(f"/chats/{own.chat_id}/messages", json=body, headers=headers)
        assert answer.status_code >= 400
    assert await scene.calls("send") == ["send"]


async def test_a_send_that_was_put_off_and_whose_chat_is_gone_is_not_said_to_be_done(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, messages = await scene.own(), scene.services.messages
    made = await scene.services.deferrals.send(scene.caller, own.chat_id, "Never sent")
    real = messages.check_send

    async def check(*args: Any) -> Any:
        found = await real(*args)
        async with scene.house.database.begin() as tx:
            await chats.remove(tx, scene.caller.workspace_id, own.chat_id)
        return found

    monkeypatch.setattr(messages, "check_send", check)
    await scene.forget_calls()
    await work(scene)
    assert (await get(scene, made)).state is not DeferralState.DONE
    assert await scene.calls("send") == []


async def test_an_edit_that_waited_for_its_turn_is_not_sent_after_the_recall(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, far = await scene.own(minutes=(0, 20)), await connection(scene)
    asked: list[str] = []
    held = asyncio.Event()
    recall = far.recall_message

    async def edit(chat: str, message: object, text: str) -> None:
        asked.append(f"edit {text}")
        await held.wait()
        asked.append(f"edit {text} ended")

    async def recalled(*args: Any) -> None:
        asked.append("recall")
        await recall(*args)

    monkeypatch.setattr(far, "edit_message", edit)
    monkeypatch.setattr(far, "recall_message", recalled)
    messages, recalls = scene.services.messages, scene.services.recalls
    edits = [asyncio.create_task(messages.edit(scene.caller, own.id, text)) for text in ("one", "two")]
    await asyncio.sleep(0.2)
    recalling = asyncio.create_task(recalls.recall(scene.caller, own.id))
    await asyncio.sleep(0.5)
    held.set()
    await asyncio.gather(*edits, recalling, return_exceptions=True)
    assert asked[0] == "edit one"
    assert asked[-1] == "recall"
