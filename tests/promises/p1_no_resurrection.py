"""P1. No resurrection: once a message is recalled its content is readable nowhere, and nothing brings it back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from postroom.domain.webhooks import Format
from postroom.errors import NotFound, Refused
from postroom.store.database import Database
from postroom.store.keyring import Keyring
from postroom.store.postgres import PostgresDatabase
from postroom.store.sqlite import SqliteDatabase
from tests import opened
from tests.promises.traces import Trace, everything_said
from tests.promises.traces_whatsapp import WhatsAppTrace
from tests.receiver import receiving
from tests.scene import Scene, staged
from tests.size import Size

pytestmark = pytest.mark.promise("P1")
_STORIES_IN_ONE_DATABASE = 250
_AT_ONCE = 10
_SHARE_ON_POSTGRES = 10


@asynccontextmanager
async def kept_in(folder: Path, url: str) -> AsyncIterator[Database]:
    folder.mkdir()  # noqa: ASYNC240
    keyring = Keyring(folder / "keyring.db", bytes(32))
    database: Database
    database = await PostgresDatabase.connect(url, keyring) if url else SqliteDatabase(folder / "postroom.db", keyring)
    yield database
    await database.close()
    keyring.close()


async def one(trace: Trace) -> bool:
    """Whether the secret was here before it was taken back, as far as somebody looked."""
    try:
        told = await trace.tell()
    except BaseException as error:
        error.add_note(f"this was the story of seed {trace.seed}")
        raise
    assert told.twin_kept_its_own, f"seed {trace.seed}: buried in a workspace that never heard of the recall"
    return told.secret_was_here


async def tell(seeds: range, folder: Path, url: str, of: type[Trace] = Trace) -> None:
    """Tell these stories in one database, and search all of it at the end."""
    seen = 0
    async with kept_in(folder, url) as database:
        for start in range(seeds.start, seeds.stop, _AT_ONCE):
            # Several at once, so that they share their commits.
            some = range(start, min(start + _AT_ONCE, seeds.stop))
            told = await asyncio.gather(*(one(of(database, folder, seed)) for seed in some))
            seen += sum(told)
        found = await opened.rows(database)
        assert opened.where(found, "canary") == []
        assert len(opened.where(found, "answer ")) > len(seeds) // 4, "the search does not open what is sealed"
    assert seen > len(seeds) // 50, "the secrets were never here: these stories prove nothing"
    assert opened.files_with(folder, "canary") == []


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_no_order_of_news_brings_a_recalled_message_back(
    tmp_path: Path, size: Size, capfd: pytest.CaptureFixture[str]
) -> None:
    for number, start in enumerate(range(0, size.traces, _STORIES_IN_ONE_DATABASE)):
        await tell(range(start, min(start + _STORIES_IN_ONE_DATABASE, size.traces)), tmp_path / f"{number}", "")
    logged = capfd.readouterr()
    assert "canary" not in logged.out + logged.err


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_no_order_of_what_whatsapp_tells_brings_one_back(tmp_path: Path, size: Size) -> None:
    for number, start in enumerate(range(0, size.traces, _STORIES_IN_ONE_DATABASE)):
        seeds = range(start, min(start + _STORIES_IN_ONE_DATABASE, size.traces))
        await tell(seeds, tmp_path / f"{number}", "", WhatsAppTrace)


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_no_order_of_news_brings_a_recalled_message_back_on_postgresql(
    tmp_path: Path, size: Size, postgres_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    first = 1_000_000
    await tell(range(first, first + size.traces // _SHARE_ON_POSTGRES), tmp_path / "stories", postgres_url)
    logged = capfd.readouterr()
    assert "canary" not in logged.out + logged.err


# The whole path, from the network to the answers.


SECRET = "canary in the lantern room"


async def nowhere(scene: Scene) -> None:
    """The words are in no row, no answer, no file; and nothing else was lost with them."""
    found = await scene.rows()
    assert opened.where(found, SECRET) == []
    assert len(found["messages"]) > 100
    for caller in (scene.caller, scene.built.other):
        assert SECRET not in await everything_said(scene.services, caller)
    assert opened.files_with(scene.built.data, SECRET) == []


async def everything_comes_again(scene: Scene, message_id: str) -> None:
    """All that was ever pushed, shuffled and doubled; the message as it was first written; and the whole mailbox."""
    async with scene.listening():
        late = await scene.built.sim.post("/_sim/network/linkedin/late_frame", json={"message_id": message_id})
        assert late.status_code == 200
        for seed in (1, 2):
            await scene.built.sim.post("/_sim/replay", json={"shuffle_seed": seed, "duplicates": 2})
        await asyncio.sleep(0.5)
    for account in (await scene.services.accounts.list(scene.caller, provider="linkedin")).items:
        await scene.sync(account, full=True)
        await scene.sync(account)


@pytest.mark.parametrize("where", ["sqlite", "postgres"])
@pytest.mark.parametrize("by", ["us", "its sender in LinkedIn"])
async def test_on_the_whole_path_nothing_brings_a_recalled_message_back(
    tmp_path: Path, request: pytest.FixtureRequest, capfd: pytest.CaptureFixture[str], where: str, by: str
) -> None:
    url = "" if where == "sqlite" else request.getfixturevalue("postgres_url")
    async with staged(tmp_path / "data", url) as scene:
        chat = await scene.shared()
        bea = await scene.link("user_second")
        message = await scene.services.messages.send(scene.caller, chat.chat_id, f"{SECRET}, first")
        bare = message.provider_id.removeprefix("urn:li:msg:")
        async with scene.listening():
            await scene.write_at_linkedin(message.chat_provider_id, "My own words.", reply_to=bare)
            await scene.at_linkedin(message, "edit", text=f"{SECRET}, and better")
            await asyncio.sleep(0.5)
        for account in (await scene.services.accounts.list(scene.caller, provider="linkedin")).items:
            await scene.sync(account, full=True)
        assert len(opened.where(await scene.rows(), SECRET)) >= 4  # two copies, two quotes
        if by == "us":
            await scene.recall(message)
        else:
            await scene.at_linkedin(message, "recall")
            await scene.sync(bea)
        other = await scene.linkedin(scene.built.other)
        await scene.sync(other)
        await nowhere(scene)

        await everything_comes_again(scene, bare)
        await nowhere(scene)

        await scene.forget_calls()
        urn = f"urn:li:msg_message:(urn:li:fsd_profile:{bea.provider_id},{bare})"
        await scene.services.recalls.recall_by_key(scene.caller, "linkedin", message.chat_provider_id, urn, None)
        assert await scene.calls() == []
        await scene.services.accounts.unlink(scene.caller, bea.id)
        await scene.link("user_second~again")
        await nowhere(scene)

    async with staged(tmp_path / "data", url) as scene:  # started again
        await everything_comes_again(scene, bare)
        await nowhere(scene)
        assert (await scene.get(message)).is_tombstone
    logged = capfd.readouterr()
    assert SECRET not in logged.out + logged.err


@pytest.mark.parametrize("where", ["sqlite", "postgres"])
@pytest.mark.parametrize(
    "do",
    [
        pytest.param({"latency_seconds": 0.5}, id="the recall comes first"),
        pytest.param({"commit_then_hang_seconds": 0.5}, id="the edit's answer is lost behind it"),
    ],
)
async def test_an_edit_that_meets_a_recall_loses(
    tmp_path: Path, request: pytest.FixtureRequest, where: str, do: dict[str, float]
) -> None:
    url = "" if where == "sqlite" else request.getfixturevalue("postgres_url")
    async with staged(tmp_path / "data", url) as scene:
        messages, chat = scene.services.messages, await scene.shared()
        message = await messages.send(scene.caller, chat.chat_id, f"{SECRET}, first")
        await messages.edit(scene.caller, message.id, f"{SECRET}, and better")
        await messages.react(scene.caller, message.id, "👍")
        other = await scene.linkedin(scene.built.other)
        await scene.sync(other)
        assert len(opened.where(await scene.rows(), f"{SECRET}, and better")) == 2
        await scene.fault("edit", do=do)
        await scene.forget_calls()
        editing = asyncio.create_task(messages.edit(scene.caller, message.id, f"{SECRET}, and best"))
        await scene.until(lambda: scene.calls("edit"))
        # In another process, which knows nothing of whose turn it is here; in this one the recall would wait.
        messages._turns._turns.clear()
        await scene.recall(message)
        with pytest.raises((NotFound, Refused)):
            await editing
        await scene.sync(other)
        await nowhere(scene)
        await everything_comes_again(scene, message.provider_id.removeprefix("urn:li:msg:"))
        await nowhere(scene)
        await scene.forget_calls()
        for asked in (
            messages.edit(scene.caller, message.id, f"{SECRET} again"),
            messages.react(scene.caller, message.id, "👍"),
        ):
            with pytest.raises(NotFound):
                await asked
        assert await scene.calls() == []
        assert (await scene.get(message)).is_tombstone
        await nowhere(scene)


@pytest.mark.parametrize("where", ["sqlite", "postgres"])
async def test_a_webhook_that_waits_tells_of_a_recalled_message_without_its_words(
    tmp_path: Path, request: pytest.FixtureRequest, where: str
) -> None:
    url = "" if where == "sqlite" else request.getfixturevalue("postgres_url")
    async with staged(tmp_path / "data", url) as scene, receiving() as receiver:
        chat = await scene.shared()
        await scene.services.webhooks.create(scene.caller, name="x", url=receiver.url, types=[], format=Format.NATIVE)
        deliver = scene.house.deliveries.deliver_due
        receiver.status = 500
        message = await scene.services.messages.send(scene.caller, chat.chat_id, f"{SECRET}, first")
        await deliver()
        (tried,) = receiver.told
        assert SECRET in tried.json["message"]["text"]
        found = await scene.rows()
        assert {place.partition(".")[0] for place in opened.where(found, SECRET)} == {"messages"}

        await scene.recall(message)
        await scene.built.sim.post("/_sim/clock/advance", json={"seconds": 60})
        receiver.status = 200
        await deliver()
        again, *others = receiver.told[1:]
        assert (again.id, again.json["type"]) == (tried.id, "message.sent")
        assert again.json["message"]["text"] is None
        assert "message.deleted" in [told.json["type"] for told in others]
        assert not any(SECRET in told.body.decode() for told in (again, *others))
        await nowhere(scene)
