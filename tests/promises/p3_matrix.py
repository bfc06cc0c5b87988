"""P3 over Matrix: done, refused or in doubt; never success for an unknown outcome, never a blind repeat."""

from typing import Any

import pytest

from postroom.domain.events import EventType
from postroom.errors import OutcomeUnknown, PostroomError, ProviderDown
from tests.promises.matrix_scene import MatrixScene
from tests.promises.matrix_scene import the_matrix_scene as the_matrix_scene

pytestmark = pytest.mark.promise("P3")

LOST: dict[str, Any] = {"commit_then_lose": True}
NEVER_ARRIVED: dict[str, Any] = {"reset": True}


async def settled(scene: MatrixScene) -> str:
    """Let the worker settle it; how."""
    async with scene.working():
        found = await scene.until(lambda: scene.events(EventType.RECALL_SETTLED))
    return str(found[-1].data.reason)


async def test_a_redaction_whose_answer_is_lost_is_in_doubt_then_read_back_and_done(scene: MatrixScene) -> None:
    message = await scene.sent()
    await scene.refuse("redact", LOST)
    await scene.forget_calls()
    with pytest.raises(OutcomeUnknown):
        await scene.recall(message)
    assert not (await scene.get(message)).is_tombstone
    assert await settled(scene) == "done"
    assert await scene.calls("redact") == ["redact"]
    (receipt,) = await scene.receipts()
    assert (receipt.document["read_back"], receipt.document["verified"]) == ("gone", True)
    assert scene.seen()[-1]["content"] == {}


async def test_a_redaction_that_never_arrived_was_not_done_and_says_so(scene: MatrixScene) -> None:
    message = await scene.sent()
    await scene.refuse("redact", NEVER_ARRIVED)
    with pytest.raises(OutcomeUnknown):
        await scene.recall(message)
    assert await settled(scene) == "refused"
    assert await scene.receipts() == []
    assert scene.seen()[-1]["content"]["body"] == "From here."
    await scene.recall(message)
    assert scene.seen()[-1]["content"] == {}


async def test_a_recall_takes_the_edits_first_so_that_what_is_gone_is_gone_whole(scene: MatrixScene) -> None:
    message = await scene.sent()
    await scene.services.messages.edit(scene.caller, message.id, "From here, and better.")
    await scene.forget_calls()
    await scene.refuse("redact", LOST)
    with pytest.raises(PostroomError):
        await scene.recall(message)
    # The edit is gone, and the message is not: nobody is told that it was.
    assert await settled(scene) == "refused"
    assert not (await scene.get(message)).is_tombstone
    await scene.recall(message)
    assert (await scene.get(message)).is_tombstone
    assert [event["content"] for event in scene.seen()] == [{}, {}]


async def test_a_message_whose_answer_is_lost_shows_up_once_by_itself(scene: MatrixScene) -> None:
    await scene.refuse("send", LOST)
    with pytest.raises(OutcomeUnknown):
        await scene.sent("Only once, please.")
    await scene.refuse("send", NEVER_ARRIVED)
    with pytest.raises(OutcomeUnknown):
        await scene.sent("Never arrived.")
    await scene.sync(scene.account)
    await scene.sync(scene.account, full=True)
    texts = [message.content.text for message in await scene.messages(account_id=scene.account.id)]
    assert (texts.count("Only once, please."), texts.count("Never arrived.")) == (1, 0)
    assert [event["content"]["body"] for event in scene.seen()] == ["Only once, please."]


async def test_an_edit_and_a_reaction_whose_answers_are_lost_are_read_back(scene: MatrixScene) -> None:
    message = await scene.sent()
    messages = scene.services.messages
    for do, done in ((NEVER_ARRIVED, False), (LOST, True)):
        for operation in ("edit", "react"):
            await scene.refuse(operation, do)
            await scene.forget_calls()
            change = (
                messages.edit(scene.caller, message.id, "Better.")
                if operation == "edit"
                else messages.react(scene.caller, message.id, "👍")
            )
            if done:
                await change
            else:
                with pytest.raises((OutcomeUnknown, ProviderDown)):
                    await change
            assert await scene.calls(operation) == [operation]
        held = await scene.get(message)
        assert held.content.text == ("Better." if done else "From here.")
        assert [reaction.value for reaction in held.content.reactions] == (["👍"] if done else [])
    assert [event["type"] for event in scene.seen()] == ["m.room.message", "m.room.message", "m.reaction"]


async def test_a_session_whose_end_is_unknown_is_told_so_and_the_account_goes(scene: MatrixScene) -> None:
    await scene.refuse("logout", LOST)
    await scene.services.accounts.unlink(scene.caller, scene.account.id)
    (receipt,) = (await scene.services.receipts.list(scene.caller, target_id=scene.account.id)).items
    assert receipt.document["session_ended_at_network"] is False
