"""What is put off: undone until it is done, done once, and its end is the truth whatever happened meanwhile."""

import asyncio
from datetime import timedelta

import pytest

from postroom.clock import iso
from postroom.domain.deferrals import Cause, Deferral, DeferralState, Deferred
from postroom.domain.events import EventType
from postroom.domain.jobs import Job, Task
from postroom.domain.messages import Message
from postroom.errors import Conflict, CredentialsRejected, InvalidParameters, Kind, NotFound, Refused, Unprocessable
from postroom.store import jobs
from tests import opened
from tests.scene import MINUTE, Scene
from tests.scene import the_scene as the_scene

WAITING, DONE, UNDONE = DeferralState.WAITING, DeferralState.DONE, DeferralState.UNDONE
REFUSED, IN_DOUBT, UNDER_WAY = DeferralState.REFUSED, DeferralState.IN_DOUBT, DeferralState.UNDER_WAY


async def work(scene: Scene, task: Task | None = None) -> int:
    """Do what is due now, as the worker does; how many jobs that were. `task`: only such, the others stay claimed."""
    for count in range(50):
        claimed = await scene.house.worker._claim(1)
        if not claimed:
            return count
        if task in (None, claimed[0].task):
            await scene.house.worker._run(claimed[0])
    raise AssertionError("the work has no end")


async def get(scene: Scene, made: Deferral | None) -> Deferral:
    assert made is not None
    return await scene.services.deferrals.get(scene.caller, made.id)


async def ends(scene: Scene) -> list[tuple[str | None, str | None]]:
    """What the log says of how deferrals ended: the message's id and how."""
    return [(event.data.message_id, event.data.reason) for event in await scene.events(EventType.DEFERRAL_SETTLED)]


async def minutes_old(scene: Scene, message: Message, minutes: float) -> None:
    """Move the clock until the message is so old."""
    await scene.advance(minutes * MINUTE - (scene.now_ms() - message.sent_at) / 1000)


async def named(scene: Scene, text: str) -> list[Message]:
    return [message for message in await scene.messages() if message.content.text == text]


# Deleting with grace.


async def test_a_deletion_with_grace_calls_nobody_until_it_is_over_and_then_once(scene: Scene) -> None:
    message = await scene.own()
    await work(scene)
    await scene.forget_calls()
    made = await scene.services.deferrals.delete(scene.caller, message.id, 10)
    assert made is not None
    assert (made.state, made.kind, made.cause, made.message_id) == (WAITING, Deferred.DELETE, Cause.GRACE, message.id)
    assert abs(made.due_at - scene.now_ms() - 10_000) < 3000
    await work(scene)
    assert (await scene.calls(), (await scene.get(message)).is_tombstone) == ([], False)
    await scene.advance(11)
    await work(scene)
    assert await scene.calls() == ["recall"]
    assert (await scene.shown(message))["state"] == "RECALLED"
    assert (await scene.get(message)).is_tombstone
    done = await get(scene, made)
    assert (done.state, done.settled_at is not None) == (DONE, True)
    assert await ends(scene) == [(message.id, "done")]
    assert len(await scene.receipts()) == len(await scene.events(EventType.MESSAGE_DELETED)) == 1
    assert await scene.services.deferrals.delete(scene.caller, message.id, 10) is None
    with pytest.raises(Conflict, match="it is done"):
        await scene.services.deferrals.undo(scene.caller, made.id)


async def test_what_is_undone_is_not_done_also_when_its_job_was_claimed(scene: Scene) -> None:
    message = await scene.own()
    await work(scene)
    await scene.forget_calls()
    for claimed in (False, True):
        made = await scene.services.deferrals.delete(scene.caller, message.id, 10)
        assert made is not None
        await scene.advance(11)
        found: list[Job] = await scene.house.worker._claim(1) if claimed else []
        assert (await scene.services.deferrals.undo(scene.caller, made.id)).state is UNDONE
        assert (await scene.services.deferrals.undo(scene.caller, made.id)).state is UNDONE
        for job in found:
            await scene.house.worker._run(job)
        await work(scene)
        assert (await get(scene, made)).state is UNDONE
    assert await scene.calls() == []
    assert not (await scene.get(message)).is_tombstone
    assert await ends(scene) == [(message.id, "undone")] * 2


async def test_an_undo_and_the_work_at_once_agree_about_who_was_first(scene: Scene) -> None:
    made = await scene.services.deferrals.delete(scene.caller, (message := await scene.own()).id, 1)
    assert made is not None
    await scene.advance(2)
    undone, _ = await asyncio.gather(
        scene.services.deferrals.undo(scene.caller, made.id), work(scene), return_exceptions=True
    )
    gone = (await scene.get(message)).is_tombstone
    assert (await get(scene, made)).state is (DONE if gone else UNDONE)
    assert isinstance(undone, Conflict) is gone


async def test_what_could_not_be_deleted_by_then_is_refused_at_once(scene: Scene) -> None:
    message, others = await scene.own(), await scene.others()
    await minutes_old(scene, message, 59)
    await scene.forget_calls()
    with pytest.raises(Refused, match="the last moment to choose is 20") as refused:
        await scene.services.deferrals.delete(scene.caller, message.id, 55)
    assert refused.value.kind is Kind.WINDOW_EXPIRED
    assert iso(message.sent_at + 60 * 60_000 - 10_000) in refused.value.detail
    assert await scene.services.deferrals.delete(scene.caller, message.id, 45) is not None
    with pytest.raises(Refused) as refused:
        await scene.services.deferrals.delete(scene.caller, others.id, 1)
    assert refused.value.kind is Kind.NOT_OWN
    theirs = (await scene.messages(scene.built.other))[0]
    with pytest.raises(NotFound):
        await scene.services.deferrals.delete(scene.caller, theirs.id, 1)
    await scene.fault("messages", do={"expired_session": True})
    with pytest.raises(CredentialsRejected):
        await scene.sync(await scene.linkedin(), full=True)
    with pytest.raises(CredentialsRejected):
        await scene.services.deferrals.delete(scene.caller, message.id, 1)
    assert await scene.calls("recall") == []


# Deleting at a moment.


async def test_a_message_deletes_itself_at_its_moment_which_can_be_moved_and_taken_back(scene: Scene) -> None:
    message = await scene.own()
    ask = scene.services.deferrals.delete_at
    moment = message.sent_at + 50 * 60_000
    first = await ask(scene.caller, message.id, moment)
    second = await ask(scene.caller, message.id, moment + 60_000)
    assert (await get(scene, first)).state is UNDONE
    assert await scene.services.deferrals.moments(scene.caller, [message]) == {message.id: moment + 60_000}
    assert await ask(scene.caller, message.id, None) is None
    assert (await get(scene, second)).state is UNDONE
    assert await scene.services.deferrals.moments(scene.caller, [message]) == {}
    third = await ask(scene.caller, message.id, moment)
    with pytest.raises(Refused, match="the last moment to choose"):
        await ask(scene.caller, message.id, message.sent_at + 60 * 60_000)
    assert (await get(scene, third)).state is WAITING  # what was refused took no place
    await minutes_old(scene, message, 50.1)
    await work(scene)
    assert ((await get(scene, third)).state, (await get(scene, third)).cause) == (DONE, Cause.DELETE_AT)
    assert (await scene.shown(message))["state"] == "RECALLED"
    with pytest.raises(NotFound, match="deleted already"):
        await ask(scene.caller, message.id, moment)


async def test_who_was_deleted_otherwise_meanwhile_is_done_without_a_call(scene: Scene) -> None:
    message = await scene.own()
    made = await scene.services.deferrals.delete_at(scene.caller, message.id, scene.now_ms() + 60_000)
    await scene.recall(message)
    await scene.forget_calls()
    await scene.advance(61)
    await work(scene)
    assert (await get(scene, made)).state is DONE
    assert await scene.calls("recall") == []
    assert len(await scene.receipts()) == 1


async def test_a_network_that_is_away_is_asked_again_until_its_window_ends(scene: Scene) -> None:
    message = await scene.own()
    made = await scene.services.deferrals.delete(scene.caller, message.id, 5)
    await scene.fault("recall", do={"status": 503}, times=3)
    await scene.advance(6)
    for _ in range(3):
        await work(scene)
        waiting = await get(scene, made)
        assert (waiting.state, waiting.settled_at) == (WAITING, None)
        await scene.advance(20)
    await work(scene)
    assert (await get(scene, made)).state is DONE
    assert await ends(scene) == [(message.id, "done")]


async def test_when_the_window_has_ended_it_says_that_it_was_not_done(scene: Scene) -> None:
    message = await scene.own()
    made = await scene.services.deferrals.delete_at(scene.caller, message.id, message.sent_at + 59 * 60_000)
    await scene.fault("recall", do={"status": 503}, times=1000)
    await minutes_old(scene, message, 59.01)
    await work(scene)
    assert (await get(scene, made)).state is WAITING
    await minutes_old(scene, message, 59.96)
    await work(scene)
    late = await get(scene, made)
    assert (late.state, "its time ended" in (late.detail or "")) == (REFUSED, True)
    assert (await ends(scene), (await scene.get(message)).is_tombstone) == ([(message.id, "refused")], False)


async def test_a_server_that_was_off_at_the_moment_does_not_ask_when_it_is_too_late(scene: Scene) -> None:
    asleep = await scene.own()
    made = await scene.services.deferrals.delete_at(scene.caller, asleep.id, asleep.sent_at + 59 * 60_000)
    await minutes_old(scene, asleep, 90)  # as if the server had been off
    await scene.forget_calls()
    await work(scene)
    assert (await get(scene, made)).state is REFUSED
    assert "The message can no longer be deleted" in ((await get(scene, made)).detail or "")
    assert await scene.calls("recall") == []


async def test_what_the_network_refuses_and_what_is_unlinked_is_refused(scene: Scene) -> None:
    message, account = await scene.own(), await scene.linkedin()
    made = await scene.services.deferrals.delete(scene.caller, message.id, 1)
    await scene.fault("recall", do={"status": 403})
    await scene.advance(2)
    await work(scene)
    assert (await get(scene, made)).state is REFUSED
    later = await scene.services.deferrals.delete(scene.caller, message.id, 60)
    sending = await scene.services.deferrals.send(scene.caller, message.chat_id, "quillfeather", grace_seconds=60)
    assert "quillfeather" in str((await scene.rows())["deferrals"])
    await scene.services.accounts.unlink(scene.caller, account.id)
    for each in (later, sending):
        ended = await get(scene, each)
        assert (ended.state, ended.detail) == (REFUSED, "The account was unlinked before it was done.")
    assert {row["draft_sealed"] for row in (await scene.rows())["deferrals"]} == {None}
    assert [reason for _, reason in await ends(scene)] == ["refused"] * 3
    await scene.advance(61)
    await work(scene)
    assert (await get(scene, sending)).state is REFUSED


async def test_a_lost_answer_is_in_doubt_and_read_back_before_anything_is_said(scene: Scene) -> None:
    message = await scene.own()
    made = await scene.services.deferrals.delete(scene.caller, message.id, 1)
    await work(scene)
    await scene.fault("recall", do={"commit_then_lose": True})
    await scene.fault("messages", do={"status": 503}, times=2)
    await scene.advance(2)
    await work(scene)
    doubted = await get(scene, made)
    assert (doubted.state, doubted.settled_at) == (IN_DOUBT, None)
    with pytest.raises(Conflict, match="in doubt"):
        await scene.services.deferrals.undo(scene.caller, doubted.id)
    await scene.no_faults()
    await scene.advance(120)
    await work(scene)
    await scene.advance(120)
    await work(scene)
    assert (await get(scene, made)).state is DONE
    assert await scene.calls("recall") == ["recall"]
    assert (await scene.get(message)).is_tombstone


# Sending.


async def test_a_send_with_grace_goes_out_once_and_leaves_no_words_in_what_was_put_off(scene: Scene) -> None:
    chat = (await scene.own()).chat_id
    await scene.forget_calls()
    made = await scene.services.deferrals.send(scene.caller, chat, "Heronsgate", grace_seconds=10)
    assert (await named(scene, "Heronsgate"), await scene.calls("send")) == ([], [])
    await scene.advance(11)
    await work(scene)
    done = await get(scene, made)
    (sent,) = await named(scene, "Heronsgate")
    assert (done.state, done.message_id) == (DONE, sent.id)
    assert (await scene.shown(sent))["text"] == "Heronsgate"
    rows = await scene.rows()
    assert opened.where({name: found for name, found in rows.items() if name != "messages"}, "Heronsgate") == []


async def test_an_undone_send_never_goes_out_and_its_words_are_gone(scene: Scene) -> None:
    chat = (await scene.own()).chat_id
    made = await scene.services.deferrals.send(scene.caller, chat, "Heronsgate", grace_seconds=10)
    await scene.services.deferrals.undo(scene.caller, made.id)
    await scene.advance(11)
    await work(scene)
    assert await named(scene, "Heronsgate") == []
    assert opened.where(await scene.rows(), "Heronsgate") == []


@pytest.mark.parametrize("went_out", [True, False])
async def test_a_send_that_was_cut_off_is_looked_for_and_never_made_again(scene: Scene, went_out: bool) -> None:
    own = await scene.own()
    made = await scene.services.deferrals.send(scene.caller, own.chat_id, "Heronsgate", grace_seconds=1)
    await scene.forget_calls()
    do = {"commit_then_lose": True} if went_out else {"reset": True}
    await scene.fault("send", do=do)
    await scene.advance(2)
    await work(scene)
    assert ((await get(scene, made)).state, (await get(scene, made)).settled_at) == (IN_DOUBT, None)
    await scene.no_faults()
    for _ in range(4):
        await scene.advance(40)
        await work(scene)
    ended = await get(scene, made)
    assert (ended.state, len(await named(scene, "Heronsgate"))) == ((DONE, 1) if went_out else (IN_DOUBT, 0))
    assert ended.settled_at is not None
    assert len(await scene.calls("send")) == 1


async def test_whoever_finds_a_send_begun_by_a_dead_process_asks_the_network(scene: Scene) -> None:
    own = await scene.own()
    made = await scene.services.deferrals.send(scene.caller, own.chat_id, "Heronsgate", grace_seconds=1)
    await scene.advance(2)
    async with scene.house.database.begin() as tx:
        # As a kill leaves it: under way, and nobody knows whether it was called.
        await tx.execute("update deferrals set state = 'under_way', begun_at = $1", scene.now_ms())
        await jobs.rescue(tx, 2**60)
    await scene.forget_calls()
    await work(scene)
    assert (await scene.calls("send"), (await get(scene, made)).state) == ([], IN_DOUBT)


async def test_a_message_can_be_sent_with_the_moment_at_which_it_goes(scene: Scene) -> None:
    own = await scene.own()
    send = scene.services.deferrals.send
    with pytest.raises(Refused, match="the last moment to choose"):
        await send(scene.caller, own.chat_id, "Mayfly", delete_at=scene.now_ms() + 61 * 60_000)
    with pytest.raises(InvalidParameters, match="before it is sent"):
        await send(scene.caller, own.chat_id, "Mayfly", grace_seconds=60, delete_at=scene.now_ms() + 59_000)
    made = await send(
        scene.caller, own.chat_id, "Mayfly", grace_seconds=5, delete_at=scene.now_ms() + 59 * 60_000, quote_id=own.id
    )
    await scene.advance(6)
    await work(scene)
    (sent,) = await named(scene, "Mayfly")
    assert sent.content.quote is not None
    moment = (await scene.services.deferrals.moments(scene.caller, [sent]))[sent.id]
    assert ((await get(scene, made)).state, moment > scene.now_ms()) == (DONE, True)
    await scene.advance((moment - scene.now_ms()) / 1000 + 1)
    await work(scene)
    assert (await scene.shown(sent))["state"] == "RECALLED"
    assert opened.where(await scene.rows(), "Mayfly") == []


async def test_what_cannot_be_sent_is_said_at_once_and_what_cannot_any_more_when_it_is_due(scene: Scene) -> None:
    own = await scene.own()
    send = scene.services.deferrals.send
    for_others = (await scene.messages(scene.built.other))[0]
    with pytest.raises(NotFound):
        await send(scene.caller, for_others.chat_id, "Hello", grace_seconds=5)
    with pytest.raises((NotFound, Unprocessable)):
        await send(scene.caller, own.chat_id, "Hello", grace_seconds=5, quote_id=for_others.id)
    made = await send(scene.caller, own.chat_id, "Hello", grace_seconds=5, quote_id=own.id)
    away = await send(scene.caller, own.chat_id, "Late", grace_seconds=5)
    await scene.recall(own)
    await scene.fault("send", do={"status": 429}, times=1000)
    await scene.advance(6)
    await work(scene)
    assert ((await get(scene, made)).state, (await get(scene, away)).state) == (REFUSED, WAITING)
    await scene.advance(11 * MINUTE)
    await work(scene)
    assert (await get(scene, away)).state is REFUSED
    assert await named(scene, "Late") == []


async def test_others_see_nothing_of_it_and_old_ones_go(scene: Scene) -> None:
    message = await scene.own()
    made = await scene.services.deferrals.delete(scene.caller, message.id, 60)
    assert made is not None
    for ask in (scene.services.deferrals.get, scene.services.deferrals.undo):
        with pytest.raises(NotFound):
            await ask(scene.built.other, made.id)
        with pytest.raises(NotFound):
            await ask(scene.caller, "dfr_01ARZ3NDEKTSV4RRFFQ69G5FAV")
        with pytest.raises(NotFound):
            await ask(scene.caller, "42")
    await scene.services.deferrals.undo(scene.caller, made.id)
    await scene.house.upkeep.clean_up()
    assert (await get(scene, made)).state is UNDONE
    await scene.advance(timedelta(days=31).total_seconds())
    await scene.house.upkeep.clean_up()
    with pytest.raises(NotFound):
        await get(scene, made)
