"""What is said elsewhere comes here, once, in the state that it has; what is said here is said once."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from postroom.clock import from_ms
from postroom.domain.events import EventType
from postroom.domain.messages import Message, Quote
from postroom.domain.remote import (
    ChatChanged,
    MessageDelivered,
    MessageEdited,
    MessageGone,
    MessageKey,
    MessageSeen,
    ReactionChanged,
    RemoteAttendee,
    RemoteChat,
    RemoteMessage,
)
from postroom.errors import NotFound, Unprocessable
from tests.scene import Scene
from tests.scene import the_scene as the_scene


def as_shown(message: Message, **changes: object) -> RemoteMessage:
    """The message as the network shows it, but for what is changed."""
    return msgspec.structs.replace(
        RemoteMessage(
            provider_id=message.provider_id,
            key=message.key,  # type: ignore[arg-type]
            chat_provider_id=message.chat_provider_id,
            chat_key=message.chat_provider_id.rstrip("="),  # type: ignore[arg-type]
            sender=RemoteAttendee(provider_id=message.sender_id, name="", is_self=message.is_sender),
            sent_at=from_ms(message.sent_at),
            text=message.content.text,
            subject=message.content.subject,
            attachments=message.content.attachments,
        ),
        **changes,
    )


async def take(scene: Scene, *news: object) -> int:
    return await scene.house.services.messages._ingest.take(await scene.linkedin(), news, origin="realtime")  # type: ignore[arg-type]


# Sending.


async def test_an_echo_before_or_after_the_answer_is_the_same_message(scene: Scene) -> None:
    chat_id = (await scene.own()).chat_id
    async with scene.listening():
        sent = await scene.services.messages.send(scene.caller, chat_id, "One of me.")
        await scene.fault("send", do={"latency_seconds": 0})
        late = await scene.services.messages.send(scene.caller, chat_id, "And one of me.")
        await asyncio.sleep(0.5)
    for message, text in ((sent, "One of me."), (late, "And one of me.")):
        held = [copy for copy in await scene.messages(chat_id=chat_id) if copy.content.text == text]
        assert [copy.id for copy in held] == [message.id]
    said = [event.data.message_id for event in await scene.events(EventType.MESSAGE_SENT)]
    assert said.count(sent.id) == said.count(late.id) == 1


async def test_a_reply_quotes_a_message_of_the_chat_that_is_still_there(scene: Scene) -> None:
    message = await scene.own()
    sent = await scene.services.messages.send(scene.caller, message.chat_id, "About that.", quote_id=message.id)
    assert sent.quoted_id == message.id
    assert sent.content.quote is not None
    assert sent.content.quote.text == message.content.text
    await scene.recall(message)
    held = await scene.get(sent)
    assert (held.content.quote and held.content.quote.text) is None
    with pytest.raises(Unprocessable):
        await scene.services.messages.send(scene.caller, message.chat_id, "Again.", quote_id=message.id)


async def test_a_chat_of_another_workspace_is_not_found(scene: Scene) -> None:
    theirs = (await scene.messages(scene.built.other))[0]
    with pytest.raises(NotFound):
        await scene.services.messages.send(scene.caller, theirs.chat_id, "Hello.")


# Syncing.


async def test_a_sync_by_token_takes_what_came_in_a_gap(scene: Scene) -> None:
    message, quoted = await scene.own(), await scene.own(quoted=True)
    await scene.write_at_linkedin(message.chat_provider_id, "While you were away.")
    await scene.at_linkedin(message, "edit", text="Put better.")
    await scene.at_linkedin(quoted, "recall")
    await scene.forget_calls()
    await scene.sync(await scene.linkedin())
    assert "conversations_category" not in await scene.calls()
    held = await scene.messages()
    assert [copy.content.text for copy in held].count("While you were away.") == 1
    edited = await scene.get(message)
    assert (edited.content.text, edited.edited) == ("Put better.", True)
    assert (await scene.get(quoted)).is_tombstone
    types = {event.type for event in await scene.events()}
    assert {EventType.MESSAGE_RECEIVED, EventType.MESSAGE_EDITED, EventType.MESSAGE_DELETED} <= types


async def test_a_sync_that_finds_nothing_new_says_nothing_and_changes_nothing(scene: Scene) -> None:
    before, held = await scene.events(), await scene.messages()
    await scene.sync(await scene.linkedin())
    await scene.sync(await scene.linkedin(), full=True)
    assert await scene.events() == before
    assert await scene.messages() == held


async def test_a_chats_last_moment_is_that_of_its_newest_message(scene: Scene) -> None:
    for chat in (await scene.services.chats.list(scene.caller)).items:
        newest = (await scene.messages(chat_id=chat.id))[0]
        assert chat.last_message_at == newest.sent_at


# Taking news in.


async def test_an_older_copy_does_not_undo_an_edit(scene: Scene) -> None:
    message = await scene.own()
    edited = as_shown(message, text="Put better.", edited=True)
    await take(scene, MessageSeen(message=edited))
    await take(scene, MessageSeen(message=as_shown(message)))
    assert (await scene.get(message)).content.text == "Put better."
    # Nor in one bundle, of a message that was never seen.
    key = scene.house.services.recalls._connections.mailboxes("linkedin").message_key
    fresh = {
        "key": key("2-MTc5NTI1MzMwMDY2NGI3Njk3NC0xMDA="),
        "provider_id": "urn:li:msg:2-MTc5NTI1MzMwMDY2NGI3Njk3NC0xMDA=",
    }
    first = as_shown(message, text="New.", **fresh)
    await take(
        scene,
        MessageSeen(message=msgspec.structs.replace(first, text="New, put better.", edited=True)),
        MessageSeen(message=first),
    )
    (held,) = [copy for copy in await scene.messages() if copy.key == fresh["key"]]
    assert (held.content.text, held.edited) == ("New, put better.", True)


async def test_reactions_come_and_go_and_tell_who(scene: Scene) -> None:
    message = await scene.own()
    reaction = ReactionChanged(
        key=MessageKey(message.key), chat_key=None, emoji="👍", sender_id="somebody", is_sender=False, added=True
    )
    await take(scene, reaction, reaction)
    assert [(held.value, held.sender_id) for held in (await scene.get(message)).content.reactions] == [
        ("👍", "somebody")
    ]
    await take(scene, MessageSeen(message=as_shown(message, reactions=None)))
    assert len((await scene.get(message)).content.reactions) == 1
    await take(scene, msgspec.structs.replace(reaction, added=False))
    assert (await scene.get(message)).content.reactions == ()
    await scene.recall(message)
    await take(scene, reaction)
    assert (await scene.get(message)).content.reactions == ()


async def test_an_answer_that_comes_after_the_burial_quotes_nothing(scene: Scene) -> None:
    message = await scene.own()
    await scene.recall(message)
    answer = as_shown(
        message,
        key="2-MTc5NTI1MzMwMDY2NGI3Njk3NC0xMDA",
        provider_id="urn:li:msg:2-MTc5NTI1MzMwMDY2NGI3Njk3NC0xMDA=",
        text="My own words.",
        quote=Quote(
            provider_id=message.provider_id, key=message.key, sender_id=message.sender_id, text=message.content.text
        ),
        original=f'{{"replied": "{message.content.text}"}}',
    )
    await take(scene, MessageSeen(message=answer))
    (held,) = [copy for copy in await scene.messages() if copy.content.text == "My own words."]
    assert held.content.quote is not None
    assert (held.content.quote.text, held.content.original) == (None, "")


async def test_a_subject_that_a_chat_repeats_goes_with_its_message(scene: Scene) -> None:
    message = await scene.own()
    (chat, _) = await scene.services.chats.get(scene.caller, message.chat_id)
    shown = RemoteChat(
        provider_id=chat.provider_id,
        key=chat.key,  # type: ignore[arg-type]
        name="Kept",
        subject="Secret subject",
        subject_key=message.key,  # type: ignore[arg-type]
        last_message_at=from_ms(message.sent_at) + timedelta(days=1),
    )

    async def content() -> tuple[str | None, str | None]:
        held, _ = await scene.services.chats.get(scene.caller, chat.id)
        return held.content.name, held.content.subject

    await take(scene, ChatChanged(chat=shown))
    assert await content() == ("Kept", "Secret subject")
    await scene.recall(message)
    assert await content() == ("Kept", None)
    await take(scene, ChatChanged(chat=shown))
    assert await content() == ("Kept", None)


async def test_news_that_a_message_of_an_unknown_chat_is_gone_is_kept_for_when_it_comes(scene: Scene) -> None:
    message = await scene.own()
    key = "2-MTc5NTI1MzMwMDY2NGI3Njk3NC0xMDA"
    await take(scene, MessageGone(key=key))  # type: ignore[arg-type]
    assert await take(scene, MessageSeen(message=as_shown(message, key=key, provider_id=f"urn:li:msg:{key}="))) == 0
    assert key not in {held.key for held in await scene.messages()}


async def test_only_its_author_takes_a_message_back_or_gives_it_another_text(scene: Scene) -> None:
    message = await scene.own()
    moment = from_ms(message.sent_at)

    def edited(text: str, seconds: int, *by: str) -> MessageEdited:
        return MessageEdited(
            key=message.key,  # type: ignore[arg-type]
            chat_key=None,
            text=text,
            by=by,
            edited_at=moment + timedelta(seconds=seconds),
        )

    async def text() -> tuple[str | None, bool]:
        held = await scene.get(message)
        return held.content.text, held.edited

    await take(scene, edited("Forged.", 9, "someone else"))
    await take(scene, MessageGone(key=message.key, by=("someone else",)))  # type: ignore[arg-type]
    assert await text() == (message.content.text, False)
    await take(
        scene, edited("Second.", 8, "another address", message.sender_id), edited("First.", 7, message.sender_id)
    )
    assert await text() == ("Second.", True)
    assert [event.data.message_id for event in await scene.events(EventType.MESSAGE_EDITED)] == [message.id]
    await take(scene, MessageGone(key=message.key, by=("another address", message.sender_id)))  # type: ignore[arg-type]
    await take(scene, edited("Too late.", 10, message.sender_id))
    assert await text() == (None, True)


async def test_the_networks_own_word_is_believed_of_anybodys_message(scene: Scene) -> None:
    message = await scene.own()
    await take(scene, MessageGone(key=message.key))  # type: ignore[arg-type]
    assert (await scene.get(message)).is_tombstone


async def test_a_message_that_is_seen_under_another_of_its_keys_is_the_same_message(scene: Scene) -> None:
    message = await scene.own()
    (by_phone, gone) = ("2-" + "cGhvbmU", "2-" + "Z29uZQ")
    again = as_shown(message, key=by_phone, other_keys=(message.key,), text="Edited.", edited=True)
    assert await take(scene, MessageSeen(message=again)) == 0
    assert (await scene.get(message)).content.text == "Edited."
    await take(scene, MessageGone(key=gone))  # type: ignore[arg-type]
    late = as_shown(message, key="2-bGF0ZQ", other_keys=(gone,))
    assert await take(scene, MessageSeen(message=late)) == 0


async def test_a_reaction_that_replaces_leaves_one_and_a_delivery_is_noted(scene: Scene) -> None:
    message = await scene.own()

    def reaction(emoji: str, *, added: bool = True) -> ReactionChanged:
        return ReactionChanged(
            key=message.key,  # type: ignore[arg-type]
            chat_key=None,
            emoji=emoji,
            sender_id="somebody",
            is_sender=False,
            added=added,
            replaces=True,
        )

    async def reactions() -> list[str]:
        held = await scene.get(message)
        return [each.value for each in held.content.reactions if each.sender_id == "somebody"]

    await take(scene, reaction("👍"), reaction("🎉"))
    assert await reactions() == ["🎉"]
    await take(scene, reaction("", added=False), MessageDelivered(key=message.key))  # type: ignore[arg-type]
    assert await reactions() == []


async def test_a_recall_at_the_network_arrives_by_realtime(scene: Scene) -> None:
    message = await scene.own()
    async with scene.listening():
        await scene.at_linkedin(message, "recall")

        async def gone() -> bool:
            return (await scene.get(message)).is_tombstone

        await scene.until(gone)
    (event,) = await scene.events(EventType.MESSAGE_DELETED)
    assert (event.data.message_id, event.data.origin) == (message.id, "realtime")
