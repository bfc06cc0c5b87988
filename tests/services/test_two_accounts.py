"""Two linked accounts of one workspace in one conversation: each has its copy, and both stay right."""

from typing import Any

from postroom.domain.chats import ChatMark
from postroom.domain.events import EventType
from postroom.domain.messages import Message
from tests.scene import Scene
from tests.scene import the_scene as the_scene


async def copies(scene: Scene, key: str) -> list[Message]:
    """What the two accounts hold of one message, the sender's first."""
    held = [each for each in await scene.messages() if each.key == key]
    return sorted(held, key=lambda each: not each.is_sender)


async def common(scene: Scene) -> tuple[str, str]:
    """The chat of Ada and Bea, by its id in each one's account."""
    ada, bea = await scene.linkedin(), await scene.link("user_second")
    theirs = {each.key: each.id for each in (await scene.services.chats.list(scene.caller, account_ids=[bea.id])).items}
    for chat in (await scene.services.chats.list(scene.caller, account_ids=[ada.id])).items:
        if chat.key in theirs and chat.attendee_provider_id == bea.provider_id:
            return chat.id, theirs[chat.key]
    raise AssertionError("they have no chat")


async def test_what_one_says_the_other_hears_once_and_its_edits_and_reactions_too(scene: Scene) -> None:
    ada_chat, bea_chat = await common(scene)
    said = await scene.services.messages.send(scene.caller, ada_chat, "Two of us read this.")
    bea = (await scene.services.chats.get(scene.caller, bea_chat))[0].account_id
    await scene.sync(await scene.services.accounts.get(scene.caller, bea))
    own, heard = await copies(scene, said.key)
    assert (own.id, own.is_sender, own.chat_id) == (said.id, True, ada_chat)
    assert (heard.is_sender, heard.chat_id, heard.content.text) == (False, bea_chat, "Two of us read this.")

    await scene.services.messages.edit(scene.caller, own.id, "Both of us read this.")
    await scene.services.messages.react(scene.caller, heard.id, "👍")
    for _ in range(2):
        for account_id in (own.account_id, heard.account_id):
            await scene.sync(await scene.services.accounts.get(scene.caller, account_id))
    both = await copies(scene, said.key)
    assert [(each.content.text, each.edited) for each in both] == [("Both of us read this.", True)] * 2
    reactions: list[Any] = [[(one.value, one.sender_id) for one in each.content.reactions] for each in both]
    (account,) = [
        each
        for each in (await scene.services.accounts.list(scene.caller, provider="linkedin")).items
        if each.id == heard.account_id
    ]
    assert reactions == [[("👍", account.provider_id)]] * 2
    told = [
        (event.type, event.data.message_id)
        for event in await scene.events(EventType.MESSAGE_SENT, EventType.MESSAGE_RECEIVED)
    ]
    assert told.count((EventType.MESSAGE_SENT, own.id)) == 1
    assert len([each for each in told if each[1] == heard.id]) <= 1


async def test_in_realtime_too_nothing_is_doubled(scene: Scene) -> None:
    ada_chat, bea_chat = await common(scene)
    async with scene.listening():
        streams = "/_sim/network/linkedin/streams"

        async def both_listen() -> bool:
            return len((await scene.built.sim.get(streams)).json()["accounts"]) >= 2

        await scene.until(both_listen)
        said = await scene.services.messages.send(scene.caller, bea_chat, "Heard at once.")

        async def heard() -> bool:
            return len(await copies(scene, said.key)) == 2

        await scene.until(heard)
        await scene.services.messages.edit(scene.caller, said.id, "Changed at once.")

        async def changed() -> bool:
            return {each.content.text for each in await copies(scene, said.key)} == {"Changed at once."}

        await scene.until(changed)
        await scene.recall(said)

        async def gone() -> bool:
            return all(each.is_tombstone for each in await copies(scene, said.key))

        await scene.until(gone)
    assert [each.chat_id for each in await copies(scene, said.key)] == [bea_chat, ada_chat]
    deleted = [str(event.data.message_id) for event in await scene.events(EventType.MESSAGE_DELETED)]
    assert sorted(deleted) == sorted(each.id for each in await copies(scene, said.key))


async def test_marks_are_each_ones_own(scene: Scene) -> None:
    ada_chat, bea_chat = await common(scene)
    await scene.services.chats.mark(scene.caller, ada_chat, ChatMark.STARRED, on=True)
    for chat_id in (ada_chat, bea_chat):
        chat, _ = await scene.services.chats.get(scene.caller, chat_id)
        await scene.sync(await scene.services.accounts.get(scene.caller, chat.account_id))
    assert (await scene.services.chats.get(scene.caller, ada_chat))[0].starred
    assert not (await scene.services.chats.get(scene.caller, bea_chat))[0].starred


async def test_one_of_them_unlinked_leaves_the_others_copy(scene: Scene) -> None:
    ada_chat, bea_chat = await common(scene)
    bea = (await scene.services.chats.get(scene.caller, bea_chat))[0].account_id
    before = [each.id for each in await scene.messages(chat_id=ada_chat)]
    await scene.services.accounts.unlink(scene.caller, bea)
    assert [each.id for each in await scene.messages(chat_id=ada_chat)] == before
