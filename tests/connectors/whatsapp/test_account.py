"""One WhatsApp account against the simulated network: what is done here, seen there, and the other way round."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from postroom.domain.chats import ChatMark
from postroom.domain.files import Upload
from postroom.domain.messages import Message
from postroom.errors import NotSupported, OutcomeUnknown, RateLimited, Refused, Unprocessable
from tests import opened
from tests.connectors.whatsapp.telephone import BEA, CLEO, GROUP, Telephone, linked
from tests.pictures import png

# One account for all: the library's process takes seconds to start.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(name="account", scope="module", loop_scope="module")
async def _account(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Telephone]:
    async with linked(tmp_path_factory.mktemp("whatsapp") / "data") as found:
        yield found


@pytest_asyncio.fixture(name="it", loop_scope="module")
async def _it(account: Telephone) -> Telephone:
    await account.forget_calls()
    return account


async def rows_of(it: Telephone, message: Message) -> list[object]:
    """All that is stored of a message, and the events about it."""
    found = await opened.rows(it.built.house.database)
    events = [row for row in found["events"] if message.id in str(row)]
    return [*(row for row in found["messages"] if row["id"] == message.id), *events]


async def test_history_comes_after_linking_and_the_account_is_itself(it: Telephone) -> None:
    chats = [chat for chat in (await it.services.chats.list(it.caller, limit=250)).items if chat.provider == "whatsapp"]
    assert {(chat.content.name, chat.kind) for chat in chats} == {
        ("Cleo Marsh", 0), ("Dario Voss", 0), ("Bea Lindqvist", 0), ("Lighthouse walk", 1),
    }  # fmt: skip
    held = await it.messages()
    for chat in chats:
        own = [each.is_sender for each in held if each.chat_id == chat.id]
        assert len(own) >= 20
        assert {True, False} == set(own)
    newest = held[0]
    assert it.built.now().timestamp() * 1000 - newest.sent_at < 10 * 60_000
    assert it.account.profile.username == "+4915550000001"
    # In the group people have hidden ids; they are known by their numbers all the same.
    assert {each.sender_id.rpartition("@")[2] for each in held} == {"s.whatsapp.net"}
    await it.built.house.sync.sync(it.account.workspace_id, it.account.id)
    people = await it.services.chats.attendees(it.caller, (await it.chat(GROUP)).id)
    assert {person.content.name for person in people} >= {"Ada Marlow", "Bea Lindqvist"}
    assert (await it.status())[0] == "connected"


async def test_what_is_sent_here_is_seen_there(it: Telephone) -> None:
    chat = await it.chat(CLEO)
    theirs = await it.come((await it.write("Shall we?"))["text"])
    sent = await it.services.messages.send(it.caller, chat.id, "We shall.", quote_id=theirs.id)
    assert (sent.quoted_id, sent.is_sender, sent.delivered) == (theirs.id, True, False)
    assert (await it.shown(sent.key))["text"] == "We shall."
    edited = await it.services.messages.edit(it.caller, sent.id, "We shall not.")
    assert (edited.edited, edited.content.text) == (True, "We shall not.")
    assert (await it.shown(sent.key))["text"] == "We shall not."
    await it.services.messages.react(it.caller, theirs.id, "👍")
    await it.services.messages.react(it.caller, theirs.id, "🎉")
    ada = it.account.provider_id
    assert (await it.shown(theirs.key))["reactions"] == [{"emoji": "🎉", "members": [ada]}]
    assert [each.value for each in (await it.get(theirs)).content.reactions] == ["🎉"]
    await it.services.chats.type(it.caller, chat.id, on=True)
    await it.services.chats.mark(it.caller, chat.id, ChatMark.READ, on=True)
    assert (await it.shown(theirs.key))["read_by"] == [ada]
    forwarded = await it.services.messages.forward(it.caller, theirs.id, (await it.chat(GROUP)).id)
    assert forwarded.content.is_forwarded
    assert (await it.shown(forwarded.key, GROUP))["text"] == "Shall we?"
    with pytest.raises(NotSupported):
        await it.services.chats.mark(it.caller, chat.id, ChatMark.ARCHIVED, on=True)


async def test_a_file_goes_out_with_its_caption_and_comes_back_as_it_was(it: Telephone) -> None:
    chat = await it.chat(CLEO)
    data = png()
    file = Upload(name="lamp.png", content_type="image/png", data=data)
    sent = await it.services.messages.send(it.caller, chat.id, "The lamp", files=(file,))
    (image,) = sent.content.attachments
    assert ((await it.shown(sent.key))["text"], (await it.shown(sent.key))["kind"]) == ("The lamp", "imageMessage")
    _, download = await it.services.messages.open_attachment(it.caller, sent.id, image.id)
    assert b"".join([chunk async for chunk in download.chunks]) == data
    edited = await it.services.messages.edit(it.caller, sent.id, "The new lamp")
    assert (await it.shown(sent.key))["text"] == "The new lamp"
    _, download = await it.services.messages.open_attachment(it.caller, edited.id, image.id)
    assert b"".join([chunk async for chunk in download.chunks]) == data


async def test_a_chat_begins_with_a_person_or_a_group_and_not_with_nobody(it: Telephone) -> None:
    alone = await it.services.chats.start(it.caller, it.account.id, ["4915550000005@s.whatsapp.net"], "Hello Emil")
    assert alone.chat_provider_id == "4915550000005@s.whatsapp.net"
    group = await it.services.chats.start(it.caller, it.account.id, [BEA, CLEO], "Hello both", title="Both")
    assert group.chat_provider_id.endswith("@g.us")
    assert (await it.shown(group.key, group.chat_provider_id))["text"] == "Hello both"
    with pytest.raises(Unprocessable):
        await it.services.chats.start(it.caller, it.account.id, ["4999999999999@s.whatsapp.net"], "Anybody?")


@pytest.mark.parametrize("sealed", [True, False], ids=["sealed edits", "plain edits"])
async def test_what_others_do_arrives_and_only_from_those_who_may(it: Telephone, sealed: bool) -> None:
    await it.built.sim.post("/_sim/state/switches", json={"whatsapp_sealed_edits": sealed})
    for address in (CLEO, GROUP):
        theirs = await it.come((await it.write(f"First in {address}", address))["text"])
        own = await it.own(address)
        # Somebody says of another's message that it is theirs: the keys are wrong, and nothing happens.
        await it.act(own.key, "edit", address, by=CLEO, forged=True, text="Forged")
        await it.act(own.key, "recall", address, by=CLEO, forged=True)
        await it.act(own.key, "recall", address, by=CLEO)
        await it.act(theirs.key, "edit", address, text=f"Second in {address}")
        await it.act(own.key, "react", address, emoji="🎉", by=CLEO)
        await it.act(own.key, "read", address, by=CLEO)
        assert (await it.come(f"Second in {address}")).id == theirs.id
        assert (await it.get(theirs)).edited

        async def is_read(own: object = own) -> bool:
            return (await it.get(own)).seen  # type: ignore[arg-type]

        await it.until(is_read)
        held = await it.get(own)
        assert (held.is_tombstone, held.edited, held.content.text) == (False, False, own.content.text)
        assert [(each.value, each.sender_id) for each in held.content.reactions] == [("🎉", CLEO)]
        await it.act(theirs.key, "recall", address)
        await it.until(lambda theirs=theirs: it.gone(theirs))  # type: ignore[misc]
    # Everything once more, as it was first written: nothing comes back.
    await it.do("replay", chat=GROUP, shuffle_seed=1)
    await it.come((await it.write("After all that"))["text"])
    assert await it.find("First in " + GROUP) is None
    assert await it.find("Second in " + GROUP) is None


async def test_a_recall_takes_it_back_there_and_its_receipt_says_that_nobody_can_tell(it: Telephone) -> None:
    own = await it.own()
    await it.services.recalls.recall(it.caller, own.id)
    assert (await it.shown(own.key))["state"] == "RECALLED"
    assert await it.gone(own)
    (receipt,) = [
        each for each in (await it.services.receipts.list(it.caller)).items if each.kind == "message.recalled"
    ]
    assert (receipt.document["network_answer"], receipt.document["verified"]) == ("accepted", False)
    await it.services.recalls.recall(it.caller, own.id)
    assert await it.calls("recall") == ["recall"]
    theirs = await it.come((await it.write("Not yours"))["text"])
    with pytest.raises(Refused):
        await it.services.recalls.recall(it.caller, theirs.id)


async def test_a_refusal_changes_nothing_and_a_lost_answer_is_no_success(it: Telephone) -> None:
    own = await it.own()
    before = await rows_of(it, own)
    assert before
    for do, error in (({"status": 479}, Refused), ({"status": 429}, RateLimited), ({"challenge": True}, Refused)):
        await it.fault("recall", **do)
        with pytest.raises(error):
            await it.services.recalls.recall(it.caller, own.id)
        assert await rows_of(it, own) == before
    await it.fault("recall", commit_then_lose=True)
    with pytest.raises(OutcomeUnknown):
        await it.services.recalls.recall(it.caller, own.id)
    assert not await it.gone(own)
    assert (await it.shown(own.key))["state"] == "RECALLED"
    # Nobody can read it back: to ask again is the way.
    await it.services.recalls.recall(it.caller, own.id)
    assert await it.gone(own)
    assert await it.calls("recall") == ["recall"] * 5
    await it.forget_calls()
    await it.fault("send", commit_then_lose=True)
    with pytest.raises(OutcomeUnknown):
        await it.services.messages.send(it.caller, own.chat_id, "Once")
    assert await it.calls("send") == ["send"]


async def test_the_process_may_die_and_nothing_is_lost(it: Telephone) -> None:
    chat = await it.chat(CLEO)
    first = it.host.pid
    sending = asyncio.create_task(it.services.messages.send(it.caller, chat.id, "Into the void"))
    await it.fault("send", latency_seconds=5)
    await it.do("abort")

    async def is_another() -> bool:
        return it.host.pid not in (None, first)

    await it.write("Written meanwhile")
    with pytest.raises(OutcomeUnknown):
        while True:
            await sending
            sending = asyncio.create_task(it.services.messages.send(it.caller, chat.id, "Into the void"))
    await it.until(is_another)
    await it.come("Written meanwhile")
    sent = await it.services.messages.send(it.caller, chat.id, "And on it goes")
    assert (await it.shown(sent.key))["text"] == "And on it goes"
    assert (await it.status())[0] == "connected"


async def test_what_came_too_late_is_refused_here_because_whatsapp_would_say_yes(it: Telephone) -> None:
    own = await it.own()
    await it.advance(0.3)
    with pytest.raises(Refused, match="edited"):
        await it.services.messages.edit(it.caller, own.id, "Too late")
    await it.advance(60)
    before = await rows_of(it, own)
    with pytest.raises(Refused, match="deadline"):
        await it.services.recalls.recall(it.caller, own.id)
    assert await rows_of(it, own) == before
    assert await it.calls("recall", "edit") == []
