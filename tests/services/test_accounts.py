"""Accounts: linked, linked again, and unlinked for good, whether or not their network answers."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

import pytest

from postroom.domain.accounts import AccountStatus
from postroom.domain.events import EventType
from postroom.domain.posts import PostStatus
from postroom.errors import InvalidParameters, Kind, LoginFailed, NotFound
from postroom.store import snapshots
from tests.desk import Desk

ADA = {"identifier": "ada.test", "password": "app-ada-pass"}
TABLES = ("accounts", "chats", "messages", "attendees", "chat_attendees")


async def held(desk: Desk, account_id: str) -> dict[str, int]:
    """How many rows of the account each table holds."""
    count = {}
    for table in ("chats", "messages", "attendees"):
        ((count[table],),) = await desk.rows(f"select count(*) from {table} where account_id = '{account_id}'")
    ((count["accounts"],),) = await desk.rows(f"select count(*) from accounts where id = '{account_id}'")
    return count


async def test_nothing_is_the_id_of_a_conversation_where_a_network_has_none(desk: Desk) -> None:
    account = await desk.account()
    with pytest.raises(InvalidParameters) as refusal:
        await desk.services.chats.get(desk.caller, "2-NzkzMDFl", account.id)
    assert (refusal.value.kind, refusal.value.context) == (Kind.URN, {"reason": "wrong_type"})


async def test_linking_again_keeps_the_account_and_its_messages(desk: Desk) -> None:
    account = await desk.account("linkedin")
    before = await held(desk, account.id)
    again = await desk.services.accounts.link(desk.caller, "linkedin", "cookie", {"access_token": "user_good"})
    assert again.id == account.id
    assert await held(desk, account.id) == before


async def test_linking_again_connects_a_disconnected_account(desk: Desk) -> None:
    account = await desk.account()
    async with desk.house.database.begin() as tx:
        await tx.execute("update accounts set status = 'disconnected' where id = $1", account.id)
    again = await desk.services.accounts.link(desk.caller, "bluesky", "app_password", ADA)
    assert (again.id, again.status) == (account.id, AccountStatus.CONNECTED)
    assert len(await desk.events(EventType.ACCOUNT_CONNECTED)) == 1


async def test_two_who_link_the_same_account_at_once_link_it_once(desk: Desk) -> None:
    await desk.services.accounts.unlink(desk.caller, (await desk.account()).id)
    both = [desk.services.accounts.link(desk.caller, "bluesky", "app_password", ADA) for _ in range(2)]
    first, second = await asyncio.gather(*both)
    assert first.id == second.id


async def test_a_link_step_by_step_asks_and_then_links(desk: Desk) -> None:
    await desk.services.accounts.unlink(desk.caller, (await desk.account()).id)
    attempt, _ = await desk.services.accounts.start_link(desk.caller, "bluesky", "app_password")
    _, linked = await desk.services.accounts.answer_link(desk.caller, attempt.id, ADA)
    assert linked == await desk.account()
    with pytest.raises(NotFound):
        await desk.services.accounts.answer_link(desk.caller, attempt.id, ADA)


async def test_a_login_that_the_network_refuses_links_nothing(desk: Desk) -> None:
    accounts, keys = await desk.rows("select id from accounts"), desk.house.database.keyring.accounts()
    with pytest.raises(LoginFailed):
        await desk.services.accounts.link(desk.caller, "bluesky", "app_password", {**ADA, "password": "wrong"})
    assert await desk.rows("select id from accounts") == accounts
    assert desk.house.database.keyring.accounts() == keys


@pytest.mark.parametrize("provider", ["linkedin", "bluesky"])
async def test_unlinking_leaves_no_row_and_no_key(desk: Desk, provider: str) -> None:
    account = await desk.account(provider)
    others = await desk.rows(f"select count(*) from messages where account_id <> '{account.id}'")
    await desk.services.accounts.unlink(desk.caller, account.id)
    assert set((await held(desk, account.id)).values()) == {0}
    assert account.id not in desk.house.database.keyring.accounts()
    with pytest.raises(NotFound):
        await desk.services.accounts.get(desk.caller, account.id)
    assert await desk.rows(f"select count(*) from messages where account_id <> '{account.id}'") == others
    (receipt,) = await desk.receipts(account.id)
    assert (receipt["session_ended_at_network"], receipt["key_destroyed"]) == (True, True)
    (event,) = await desk.events(EventType.ACCOUNT_DELETED)
    assert event.data.account_id == account.id
    await desk.settle()
    assert len(await desk.receipts(account.id)) == 1


async def test_unlinking_ends_the_session_at_the_network(desk: Desk) -> None:
    await desk.services.accounts.unlink(desk.caller, (await desk.account()).id)
    assert await desk.calls("deleteSession") == 1


async def test_what_was_scheduled_there_fails_and_says_why_and_what_was_published_stays(desk: Desk) -> None:
    done = await desk.due("Done")
    await desk.work()
    waiting, draft = await desk.draft("Waiting", at=desk.now_ms() + 3_600_000), await desk.draft("Draft")
    await desk.services.accounts.unlink(desk.caller, (await desk.account()).id)
    post = await desk.post(waiting)
    assert post.status is PostStatus.FAILED
    assert post.error is not None
    assert (post.error.code, post.account_id) == ("PLATFORM_AUTH_EXPIRED", None)
    assert (await desk.status(done), await desk.status(draft)) == (PostStatus.PUBLISHED, PostStatus.DRAFT)
    await desk.advance(3601)
    await desk.work()
    assert [each["text"] for each in await desk.live()] == ["Done"]


async def test_what_was_being_published_there_may_be_live_and_says_so(desk: Desk) -> None:
    await desk.fault("createRecord", do={"commit_then_lose": True})
    await desk.fault("getRecord", times=3, do={"status": 502})
    group = await desk.due("In doubt")
    await desk.work()
    await desk.services.accounts.unlink(desk.caller, (await desk.account()).id)
    post = await desk.post(group)
    assert post.error is not None
    assert (post.status, post.error.code) == (PostStatus.UNCONFIRMED, "OUTCOME_UNKNOWN")


async def test_tombstones_outlive_the_account_and_keep_their_messages_gone(desk: Desk) -> None:
    message = next(
        held
        for held in (await desk.services.messages.list(desk.caller, limit=250)).items
        if held.is_sender and held.content.text and not held.is_tombstone
    )
    await desk.services.recalls.recall(desk.caller, message.id)
    stones = await desk.rows("select key_hash from tombstones")
    await desk.services.accounts.unlink(desk.caller, message.account_id)
    assert await desk.rows("select key_hash from tombstones") == stones != []


async def test_a_network_that_is_away_does_not_keep_the_account(desk: Desk) -> None:
    account = await desk.account()
    await desk.fault("deleteSession", do={"reset": True})
    await desk.services.accounts.unlink(desk.caller, account.id)
    assert set((await held(desk, account.id)).values()) == {0}
    (receipt,) = await desk.receipts(account.id)
    assert receipt["session_ended_at_network"] is False


async def test_a_network_that_never_answers_is_waited_for_five_seconds_at_most(desk: Desk) -> None:
    account = await desk.account()
    await desk.fault("deleteSession", do={"latency_seconds": 30})
    began = time.monotonic()
    await desk.services.accounts.unlink(desk.caller, account.id)
    assert time.monotonic() - began < 8
    assert set((await held(desk, account.id)).values()) == {0}


async def test_what_a_backup_keeps_from_being_overwritten_is_overwritten_once_it_is_over(desk: Desk) -> None:
    async with backing_up(desk):
        await desk.services.accounts.unlink(desk.caller, (await desk.account()).id)
    await desk.settle()
    assert is_overwritten(desk)


async def test_so_is_what_an_unlinking_leaves_that_was_cut_short(desk: Desk) -> None:
    account = await desk.account()
    await desk.fault("deleteSession", do={"latency_seconds": 30})
    async with backing_up(desk):
        unlinking = asyncio.create_task(desk.services.accounts.unlink(desk.caller, account.id))
        while not await desk.jobs("finish_unlink"):
            await asyncio.sleep(0.01)
        unlinking.cancel()
        await asyncio.wait([unlinking])
        assert await desk.receipts(account.id) == []
    assert len(await desk.receipts(account.id)) == 1
    await desk.settle()
    assert is_overwritten(desk)


@asynccontextmanager
async def backing_up(desk: Desk) -> AsyncIterator[None]:
    """A backup is being made until the job that finishes what was unlinked in the block has run, for the first time."""
    on_sqlite = desk.house.database.dialect == "sqlite"
    async with snapshots.of_sqlite(desk.built.data / "postroom.db") if on_sqlite else nullcontext():
        yield
        await desk.advance(31)
        await desk.work()
        assert [status for status, _ in await desk.jobs("finish_unlink")] == (["todo"] if on_sqlite else ["done"])


def is_overwritten(desk: Desk) -> bool:
    log = desk.built.data / "postroom.db-wal"
    return desk.house.database.dialect != "sqlite" or log.stat().st_size < 100_000


async def test_of_two_unlinks_at_once_one_finds_nothing(desk: Desk) -> None:
    account = await desk.account()
    both = [desk.services.accounts.unlink(desk.caller, account.id) for _ in range(2)]
    outcomes = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "NotFound"]
    assert len(await desk.receipts(account.id)) == 1


async def test_an_account_that_is_being_unlinked_is_in_no_list(desk: Desk) -> None:
    account = await desk.account()
    async with desk.house.database.begin() as tx:
        await tx.execute("update accounts set status = 'unlinking' where id = $1", account.id)
    assert (await desk.services.accounts.list(desk.caller, provider="bluesky")).items == []
    standings = await desk.services.checkups.standings(desk.caller)
    assert account.id not in [standing.account.id for standing in standings]


async def test_linked_again_after_it_was_unlinked_it_is_another_account(desk: Desk) -> None:
    account = await desk.account()
    await desk.services.accounts.unlink(desk.caller, account.id)
    again = await desk.services.accounts.link(desk.caller, "bluesky", "app_password", ADA)
    assert again.id != account.id
    group = await desk.due("From the new one")
    await desk.work()
    assert await desk.status(group) is PostStatus.PUBLISHED
