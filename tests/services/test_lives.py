"""The life of an account: what it shows is what is so; a first sync remembers where it stands; pause, resume, resync."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator

import pytest

from postroom.domain.accounts import Account, AccountStatus
from postroom.domain.events import EventType
from postroom.domain.syncs import SyncState
from postroom.errors import (
    CredentialsRejected,
    InvalidParameters,
    Kind,
    NoSession,
    NotFound,
    NotSupported,
    ProviderDown,
)
from postroom.services import listeners
from postroom.store import accounts
from tests.scene import Scene, running
from tests.scene import the_scene as the_scene

BIG = "user_new_big"
STATUS = {
    EventType.ACCOUNT_CONNECTED,
    EventType.ACCOUNT_RECONNECTING,
    EventType.ACCOUNT_DISCONNECTED,
    EventType.ACCOUNT_PAUSED,
}


async def mailbox(scene: Scene, chats: int, messages: int) -> Account:
    """An account with that much history, linked and not synced."""
    told = {"login": BIG, "chats": chats, "messages": messages}
    answer = await scene.built.sim.post("/_sim/network/linkedin/mailbox", json=told)
    assert answer.status_code == 200, answer.text
    return await scene.services.accounts.link(scene.caller, "linkedin", "cookie", {"access_token": BIG})


async def again(scene: Scene, account: Account) -> Account:
    return await scene.services.accounts.get(scene.caller, account.id)


async def shows(scene: Scene, account: Account, status: AccountStatus, seconds: float = 10.0) -> None:
    async def so() -> bool:
        return (await again(scene, account)).status is status

    await scene.until(so, seconds)


async def stood(scene: Scene, account: Account) -> list[EventType]:
    """What was told of where the account stands, in order."""
    return [event.type for event in await scene.events(*STATUS) if event.data.account_id == account.id]


@contextlib.asynccontextmanager
async def a_quick_line(monkeypatch: pytest.MonkeyPatch, scene: Scene) -> AsyncIterator[None]:
    """All accounts are listened to, and what is closed shows soon."""
    monkeypatch.setattr(listeners, "CLOSED_SECONDS", 0.3)
    async with scene.listening():
        yield


# What an account shows.


async def test_an_account_that_is_not_heard_is_not_connected_and_is_again_once_it_is(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = await scene.linkedin()
    async with a_quick_line(monkeypatch, scene), scene.working():
        assert (await again(scene, account)).status is AccountStatus.CONNECTED
        await scene.fault("realtime", account=account.provider_id, times=None, do={"status": 503})
        await scene.fault("realtime", account=account.provider_id, do={"end_stream": True})
        await shows(scene, account, AccountStatus.RECONNECTING)
        # It is said to be away, and is not: calls are made all the same.
        chat = (await scene.own()).chat_id
        await scene.services.messages.send(scene.caller, chat, "All the same.")
        written = await scene.write_at_linkedin((await scene.own()).chat_provider_id, "While nobody listened.")
        await scene.no_faults()
        await shows(scene, account, AccountStatus.CONNECTED)
        await scene.until(lambda: _has(scene, "While nobody listened."))
        assert written
    assert await stood(scene, account) == [EventType.ACCOUNT_RECONNECTING, EventType.ACCOUNT_CONNECTED]


async def _has(scene: Scene, text: str) -> bool:
    return any(message.content.text == text for message in await scene.messages())


async def test_a_stream_that_is_back_at_once_is_not_worth_a_word(scene: Scene) -> None:
    account = await scene.linkedin()
    async with scene.listening():
        for _ in range(3):
            await scene.fault("realtime", account=account.provider_id, do={"end_stream": True})
            await asyncio.sleep(0.1)
        assert (await again(scene, account)).status is AccountStatus.CONNECTED
    assert await stood(scene, account) == []


@pytest.mark.parametrize("how", ["ends", "stays"])
async def test_a_session_that_is_revoked_elsewhere_is_known_within_seconds_and_a_new_one_heals_it(
    scene: Scene, how: str
) -> None:
    account = await scene.linkedin()
    if how == "stays":
        # Its heartbeat finds out, which a stream sends as it opens.
        for operation in ("heartbeat", "me"):
            await scene.fault(operation, account=account.provider_id, times=None, do={"expired_session": True})
    async with scene.working(), running(scene.house.listeners.run()):
        if how == "ends":
            await scene.until(lambda: _streams(scene, account))
            await log_out(scene, account)
        await shows(scene, account, AccountStatus.DISCONNECTED)
        assert (await again(scene, account)).status_detail == "disconnected_account"
        chat = (await scene.own()).chat_id
        with pytest.raises(CredentialsRejected):
            await scene.services.messages.send(scene.caller, chat, "Too late.")
        await scene.no_faults()
        await scene.services.accounts.link(scene.caller, "linkedin", "cookie", {"access_token": "user_good"})
        await shows(scene, account, AccountStatus.CONNECTED)
        await scene.until(lambda: _streams(scene, account))
    assert await stood(scene, account) == [EventType.ACCOUNT_DISCONNECTED, EventType.ACCOUNT_CONNECTED]


async def _streams(scene: Scene, account: Account) -> bool:
    streams = (await scene.built.sim.get("/_sim/network/linkedin/streams")).json()["accounts"]
    return account.provider_id in streams


async def log_out(scene: Scene, account: Account) -> None:
    """The owner ends this session in LinkedIn's own settings."""
    async with scene.house.database.read() as reader:
        found = await accounts.find_credentials(reader, account.workspace_id, account.id)
    assert found is not None
    jar = f'li_at={found.values["li_at"]}; JSESSIONID="{found.values["jsessionid"]}"'
    await scene.built.sim.get(
        "/linkedin/uas/logout", params={"csrfToken": found.values["jsessionid"]}, headers={"cookie": jar}
    )


async def test_a_heartbeat_that_fails_by_itself_ends_nothing(scene: Scene) -> None:
    account = await scene.linkedin()
    await scene.fault("heartbeat", account=account.provider_id, do={"expired_session": True})
    await scene.forget_calls()
    async with scene.listening():
        await scene.until(lambda: scene.calls("me"))
        assert await _streams(scene, account)
        assert (await again(scene, account)).status is AccountStatus.CONNECTED


# Pause and resume.


async def test_a_paused_account_is_left_alone_and_catches_up_when_it_is_resumed(scene: Scene) -> None:
    account, message = await scene.linkedin(), await scene.own()
    async with scene.working(), scene.listening():
        paused = await scene.services.accounts.pause(scene.caller, account.id)
        assert paused.status is AccountStatus.PAUSED
        assert (await scene.services.accounts.pause(scene.caller, account.id)).status is AccountStatus.PAUSED

        async def silent() -> bool:
            return not await _streams(scene, account)

        await scene.until(silent)
        await asyncio.sleep(1.0)  # A call that was on its way is over.
        await scene.forget_calls()
        with pytest.raises(NoSession, match="paused"):
            await scene.services.messages.send(scene.caller, message.chat_id, "Not now.")
        with pytest.raises(NoSession, match="paused"):
            await scene.services.recalls.recall(scene.caller, message.id)
        with pytest.raises(NoSession, match="paused"):
            await scene.services.resyncs.resync(scene.caller, account.id)
        await scene.services.accounts.sync(scene.caller, account.id)
        await scene.write_at_linkedin(message.chat_provider_id, "In the pause.")
        await asyncio.sleep(0.5)
        assert not await _has(scene, "In the pause.")
        told = [call for call in await scene.calls() if call not in ("heartbeat",)]
        assert [call for call in told if call in ("send", "recall", "conversations", "messages")] == []
        assert (await scene.get(message)).content.text == message.content.text

        resumed = await scene.services.accounts.resume(scene.caller, account.id)
        # Not connected before it is heard.
        assert resumed.status in (AccountStatus.RECONNECTING, AccountStatus.CONNECTED)
        await shows(scene, account, AccountStatus.CONNECTED)
        await scene.until(lambda: _has(scene, "In the pause."))
    assert (await stood(scene, account))[0] is EventType.ACCOUNT_PAUSED
    assert (await stood(scene, account))[-1] is EventType.ACCOUNT_CONNECTED


async def test_what_is_not_in_use_cannot_be_paused_and_resuming_it_changes_nothing(scene: Scene) -> None:
    account = await scene.linkedin()
    assert (await scene.services.accounts.resume(scene.caller, account.id)).status is AccountStatus.CONNECTED
    async with scene.house.database.begin() as tx:
        await accounts.set_status(tx, account.workspace_id, account.id, AccountStatus.DISCONNECTED)
    with pytest.raises(CredentialsRejected):
        await scene.services.accounts.pause(scene.caller, account.id)
    assert (await scene.services.accounts.resume(scene.caller, account.id)).status is AccountStatus.DISCONNECTED
    with pytest.raises(NotFound):
        await scene.services.accounts.pause(scene.built.other, account.id)


async def test_a_paused_account_that_is_unlinked_is_gone_and_its_session_is_ended(scene: Scene) -> None:
    account = await scene.linkedin()
    await scene.services.accounts.pause(scene.caller, account.id)
    await scene.services.accounts.unlink(scene.caller, account.id)
    with pytest.raises(NotFound):
        await again(scene, account)
    assert "logout" in await scene.calls()


# The first sync.


async def test_a_first_sync_that_is_cut_off_goes_on_where_it_stood(scene: Scene) -> None:
    account = await mailbox(scene, chats=30, messages=300)
    await scene.fault("messages", account=account.provider_id, nth=20, times=None, do={"status": 503})
    await scene.forget_calls()
    with pytest.raises(ProviderDown):
        await scene.sync(account)
    stopped = (await again(scene, account)).sync
    assert stopped is not None
    assert (stopped.state, stopped.error, stopped.listed, stopped.chats_known) == (
        SyncState.FAILED,
        "provider_error",
        True,
        32,
    )
    assert 0 < stopped.messages < 300
    assert not (await again(scene, account)).synced
    await scene.no_faults()
    await scene.forget_calls()
    await scene.sync(account)
    asked = await scene.calls("conversations", "messages")
    # Nothing is listed again, and what was read is not read again: a page or two for each chat that was left.
    assert "conversations" not in asked
    assert asked.count("messages") < 2 * 32 - 15
    done = (await again(scene, account)).sync
    assert done is not None
    assert (done.state, done.chats_done, done.chats_failed, done.error) == (SyncState.DONE, 32, 0, None)
    held = [
        message for message in await scene.messages(account_id=account.id) if "No. " in (message.content.text or "")
    ]
    assert len(held) == len({message.key for message in held}) == 300
    told = [event for event in await scene.events(EventType.ACCOUNT_SYNCED) if event.data.account_id == account.id]
    assert len(told) == 1
    assert await scene.rows_of("sync_chats") == []


async def test_a_long_sync_shows_how_far_it_is_and_lets_others_pass(scene: Scene) -> None:
    account = await mailbox(scene, chats=8, messages=400)
    assert await scene.house.sync.sync(account.workspace_id, account.id, seconds=0.0) is False
    begun = (await again(scene, account)).sync
    assert begun is not None
    assert begun.state is SyncState.RUNNING
    runs = 1
    while not await scene.house.sync.sync(account.workspace_id, account.id, seconds=0.05):
        runs += 1
        # So long ago that it is time for a word.
        await scene.advance(3)
    done = (await again(scene, account)).sync
    assert done is not None
    assert (done.chats_known, done.chats_done) == (10, 10)
    assert runs > 2
    told = [event for event in await scene.events() if event.data.account_id == account.id]
    progress = [event for event in told if event.type is EventType.ACCOUNT_SYNC_PROGRESS]
    assert 1 <= len(progress) <= runs + 1
    assert all(later.created_at - earlier.created_at >= 2000 for earlier, later in itertools.pairwise(progress))
    assert told[-1].type is EventType.ACCOUNT_SYNCED
    assert EventType.MESSAGE_RECEIVED not in {event.type for event in told}


async def test_a_chat_that_the_network_does_not_show_does_not_stop_the_others(scene: Scene) -> None:
    account = await mailbox(scene, chats=3, messages=9)
    await scene.fault("messages", account=account.provider_id, do={"status": 400})
    await scene.sync(account)
    done = (await again(scene, account)).sync
    assert done is not None
    assert (done.state, done.chats_done, done.chats_failed) == (SyncState.DONE, 5, 1)


async def test_an_account_that_may_do_nothing_fails_as_a_whole(scene: Scene) -> None:
    account = await mailbox(scene, chats=3, messages=9)
    await scene.fault("messages", account=account.provider_id, times=None, do={"status": 403})
    with pytest.raises(Exception, match="does not allow"):
        await scene.sync(account)
    stopped = (await again(scene, account)).sync
    assert stopped is not None
    assert (stopped.state, stopped.error, stopped.chats_done) == (SyncState.FAILED, "account_restricted", 0)


@pytest.mark.parametrize("end", ["pause", "unlink"])
async def test_a_first_sync_ends_where_the_account_does(scene: Scene, end: str) -> None:
    account = await mailbox(scene, chats=20, messages=400)
    async with scene.working():
        await scene.until(lambda: _has_of(scene, account))
        if end == "pause":
            await scene.services.accounts.pause(scene.caller, account.id)
            await asyncio.sleep(0.3)
            held = len(await scene.messages(account_id=account.id))
            await asyncio.sleep(0.5)
            assert len(await scene.messages(account_id=account.id)) == held < 400
            await scene.services.accounts.resume(scene.caller, account.id)

            async def synced() -> bool:
                return (await again(scene, account)).synced

            await scene.until(synced, 30)
            assert len(await scene.messages(account_id=account.id)) >= 400
        else:
            await scene.services.accounts.unlink(scene.caller, account.id)
            await asyncio.sleep(0.5)
            for table in ("chats", "messages", "attendees", "account_syncs", "sync_chats"):
                assert [row for row in await scene.rows_of(table) if row["account_id"] == account.id] == [], table
            assert account.id not in scene.house.database.keyring.accounts()


async def _has_of(scene: Scene, account: Account) -> bool:
    return bool(await scene.messages(account_id=account.id))


async def test_what_comes_in_while_the_first_sync_goes_on_is_not_lost_and_not_there_twice(scene: Scene) -> None:
    account = await mailbox(scene, chats=10, messages=200)
    assert not await scene.house.sync.sync(account.workspace_id, account.id, seconds=0.0)
    async with scene.house.database.read() as reader:
        rows = await reader.fetch("select chat_key from sync_chats where account_id = $1 order by position", account.id)
    await scene.write_at_linkedin(rows[-1][0] if rows else await _any_chat(scene), "In between.")
    await scene.sync(account)
    await scene.sync(account)
    held = [message.content.text for message in await scene.messages(account_id=account.id)]
    assert held.count("In between.") == 1


async def _any_chat(scene: Scene) -> str:
    chats = (await scene.built.sim.get("/_sim/network/linkedin/chats")).json()["chats"]
    return next(chat["id"] for chat in chats if any(person["login"] == BIG for person in chat["participants"]))


# Resync.


async def test_a_resync_is_started_followed_and_ended_by_the_same_question(scene: Scene) -> None:
    account = await scene.linkedin()
    message = await scene.own()
    async with scene.house.database.begin() as tx:
        await tx.execute("delete from messages where id = $1", message.id)
    asked = scene.services.resyncs.resync
    assert (await asked(scene.caller, account.id)).state is SyncState.QUEUED
    assert (await asked(scene.caller, account.id)).state is SyncState.RUNNING
    await scene.sync(account)
    assert message.key in {held.key for held in await scene.messages(account_id=account.id)}
    done = await asked(scene.caller, account.id)
    assert (done.state, done.chats_done) == (SyncState.DONE, done.chats_known)
    assert (await asked(scene.caller, account.id)).state is SyncState.QUEUED
    await scene.fault("conversations", account=account.provider_id, times=3, do={"status": 503})
    with pytest.raises(ProviderDown):
        await scene.sync(account)
    failed = await asked(scene.caller, account.id)
    assert (failed.state, failed.error) == (SyncState.FAILED, "provider_error")
    assert (await asked(scene.caller, account.id)).state is SyncState.QUEUED
    with pytest.raises(NotFound):
        await asked(scene.built.other, account.id)
    bluesky = (await scene.services.accounts.list(scene.caller, provider="bluesky")).items[0]
    with pytest.raises(NotSupported):
        await asked(scene.caller, bluesky.id)
    with pytest.raises(InvalidParameters):
        await asked(scene.caller, account.id, before=1, after=2)


async def test_a_resync_in_chunks_rests_until_it_is_asked_for_again(scene: Scene) -> None:
    account = await scene.linkedin()
    states = []
    for _ in range(12):
        states.append((await scene.services.resyncs.resync(scene.caller, account.id, chunk_chats=4)).state)
        await scene.sync(account)
    assert states[:5] == [
        SyncState.QUEUED,
        SyncState.RESTING,
        SyncState.QUEUED,
        SyncState.DONE,
        SyncState.QUEUED,
    ]


async def test_a_resync_brings_nothing_back_and_only_what_was_asked_for(scene: Scene) -> None:
    account, message = await scene.linkedin(), await scene.own()
    await scene.recall(message)
    now = scene.now_ms()
    async with scene.house.database.begin() as tx:
        await tx.execute("delete from messages where account_id = $1 and deleted_at is null", account.id)
    await scene.services.resyncs.resync(scene.caller, account.id, after=now - 30 * 60_000)
    await scene.sync(account)
    held = await scene.messages(account_id=account.id)
    assert all(copy.sent_at >= now - 30 * 60_000 for copy in held if not copy.is_tombstone)
    assert [copy.is_tombstone for copy in held if copy.key == message.key] == [True]
    assert any(not copy.is_tombstone for copy in held)


async def test_the_history_of_one_chat_is_read_anew_and_no_other(scene: Scene) -> None:
    message = await scene.own()
    other = next(held for held in await scene.messages() if held.chat_id != message.chat_id)
    async with scene.house.database.begin() as tx:
        await tx.execute("delete from messages where id in ($1, $2)", message.id, other.id)
    asked = scene.services.resyncs.resync_chat
    assert (await asked(scene.caller, message.chat_id)).state is SyncState.QUEUED
    assert await scene.house.sync.sync(scene.caller.workspace_id, message.account_id, chat_id=message.chat_id)
    done = await asked(scene.caller, message.chat_id)
    assert (done.state, done.chats_done) == (SyncState.DONE, 1)
    held = {copy.key for copy in await scene.messages()}
    assert message.key in held
    assert other.key not in held
    with pytest.raises(NotFound) as refusal:
        await asked(scene.built.other, message.chat_id)
    assert refusal.value.kind is Kind.CHAT


async def test_reads_are_answered_while_a_large_mailbox_comes_in(scene: Scene) -> None:
    account = await mailbox(scene, chats=40, messages=2_000)
    slowest = 0.0
    async with scene.working():
        while not (await again(scene, account)).synced:
            began = time.perf_counter()
            await scene.services.messages.list(scene.caller, limit=20)
            slowest = max(slowest, time.perf_counter() - began)
            await asyncio.sleep(0.01)
    assert slowest < 1.0
