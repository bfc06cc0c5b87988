"""The connector against a real homeserver, and the simulated one; other people have clients of their own."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest

from postroom.connectors.contract import Linked, Reply
from postroom.connectors.matrix.connection import MatrixConnection
from postroom.domain.chats import ChatKind, ChatMark
from postroom.domain.messages import File, Image, Reaction
from postroom.domain.remote import (
    ChatChanged,
    ChatDraft,
    ChatGone,
    Gap,
    MessageGone,
    MessageKey,
    MessageSeen,
    ReactionChanged,
    ReadUpTo,
    RemoteEvent,
)
from postroom.errors import (
    CredentialsRejected,
    InvalidParameters,
    LoginFailed,
    NotFound,
    NotSupported,
    Refused,
    Unprocessable,
)
from tests.connectors.matrix.people import Linker, all_messages, draft, held
from tests.parts.synapse import Homeserver, Person

pytestmark = pytest.mark.parts


@dataclass
class Stage:
    """Ada, whose account is linked, and Bea, who has a client of her own, in a room."""

    linker: Linker
    ada: Person
    bea: Person
    room: str
    us: MatrixConnection


@pytest.fixture(params=["synapse", "simulation"])
def homeserver(request: pytest.FixtureRequest) -> Iterator[Homeserver]:
    """The simulation does what the real one does."""
    if request.param == "synapse":
        yield request.getfixturevalue("synapse")
        return
    found = Homeserver(f"{request.getfixturevalue('simulation').addresses['sim']}/matrix")
    yield found
    found.close()


@pytest.fixture
async def stage(homeserver: Homeserver) -> AsyncIterator[Stage]:
    linker = Linker(homeserver.address)
    ada, bea = homeserver.register("ada"), homeserver.register("bea")
    room = bea.create_room(ada)
    yield Stage(linker, ada, bea, room, await linker.link(ada))
    await linker.connector.close()


async def news(connection: MatrixConnection, token: str) -> tuple[list[RemoteEvent], str]:
    delta = await connection.changes(token)
    assert delta.complete
    return list(delta.events), delta.token


async def first_token(connection: MatrixConnection) -> str:
    return (await connection.changes(None)).token


async def test_an_account_is_linked_by_password_or_by_token_and_its_session_ends(stage: Stage) -> None:
    profile = await stage.us.profile()
    assert (profile.provider_id, profile.name) == (stage.ada.user, stage.ada.name)
    step = await stage.linker.connector.login(
        "access_token", Reply(state=None, answers={"access_token": stage.bea.token})
    )
    assert isinstance(step, Linked)
    bea = stage.linker.open(step)
    await bea.revoke()
    await bea.revoke()
    with pytest.raises(CredentialsRejected):
        await bea.list_chats(None)
    wrong = {"user": stage.ada.name, "password": "wrong"}
    with pytest.raises(LoginFailed):
        await stage.linker.connector.login("password", Reply(state=None, answers=wrong))
    with pytest.raises(LoginFailed):
        await stage.linker.connector.login("access_token", Reply(state=None, answers={"access_token": "syt_wrong"}))


async def test_chats_are_listed_page_by_page_with_who_is_in_them(homeserver: Homeserver) -> None:
    linker = Linker(homeserver.address)
    ada, bea, carl = (homeserver.register(name) for name in ("ada", "bea", "carl"))
    rooms = [ada.create_room(name=f"Room {number}") for number in range(9)]
    alone = ada.create_room(bea, is_direct=True)
    three = ada.create_room(bea, carl)
    bea.send(alone, "unread")
    us = await linker.link(ada)
    first = await us.list_chats(None)
    second = await us.list_chats(first.next)
    assert second.next is None
    chats = {chat.provider_id: chat for chat in (*first.items, *second.items)}
    assert set(chats) == {*rooms, alone, three}
    assert chats[rooms[0]].name == "Room 0"
    assert (chats[alone].name, chats[alone].kind, chats[alone].unread_count) == (None, ChatKind.SINGLE, 1)
    assert {person.name: person.is_self for person in chats[alone].attendees} == {ada.name: True, bea.name: False}
    assert chats[three].name == f"{bea.name}, {carl.name}"
    with pytest.raises(InvalidParameters):
        await us.list_chats("nonsense")
    with pytest.raises(InvalidParameters):
        await us.list_messages(alone, "nonsense")
    await linker.connector.close()


async def test_a_history_shows_what_is_true_now(stage: Stage) -> None:
    us, room, ada, bea = stage.us, stage.room, stage.ada, stage.bea
    kept = bea.send(room, "kept")
    edited = bea.send(room, "first")
    ada.edit(room, edited, "not hers to edit")
    bea.edit(room, edited, "second")
    bea.edit(room, edited, "third")
    gone = bea.send(room, "gone")
    reacted = [bea.react(room, kept, emoji) for emoji in ("👍", "🎉")]
    ada.react(room, kept, "👍")
    bea.redact(room, gone)
    bea.redact(room, reacted[1])
    fallback = f"> <{bea.user}> kept\n\nanswer"
    bea.send(
        room,
        {"msgtype": "m.text", "body": fallback, "m.relates_to": {"m.in_reply_to": {"event_id": kept}}},
    )
    for number in range(52):
        bea.send(room, f"more {number}")
    ada.react(room, edited, "🚀")
    found = {str(message.key): message for message in await all_messages(us, room)}
    assert found[kept].reactions == (
        Reaction(value="👍", sender_id=bea.user, is_sender=False),
        Reaction(value="👍", sender_id=ada.user, is_sender=True),
    )
    assert (found[edited].text, found[edited].edited) == ("third", True)
    assert [reaction.value for reaction in found[edited].reactions or ()] == ["🚀"]
    assert (found[gone].recalled, found[gone].text, found[gone].original) == (True, None, "")
    (answer,) = [message for message in found.values() if message.quote is not None]
    assert answer.quote is not None
    assert (answer.text, answer.quote.key, answer.quote.sender_id) == ("answer", kept, bea.user)
    assert "kept" not in answer.original
    assert sum(not message.recalled for message in found.values()) == 55
    # A page that another process asks for knows nothing of those before it.
    cursor = (await us.list_messages(room, None)).next
    elsewhere = await (await stage.linker.link(ada)).list_messages(room, cursor)
    assert next(m for m in elsewhere.items if m.key == kept).reactions == found[kept].reactions


async def test_what_changes_is_told_since_a_token(stage: Stage) -> None:
    us, room, ada, bea = stage.us, stage.room, stage.ada, stage.bea
    old = bea.send(room, "before")
    early = bea.react(room, old, "👀")
    token = await first_token(us)
    one, two = bea.send(room, "one"), bea.send(room, "two")
    told, token = await news(us, token)
    assert isinstance(told[0], ChatChanged)
    seen = [event for event in told if isinstance(event, MessageSeen)]
    assert [(event.message.text, event.message.sender.name) for event in seen] == [("one", bea.name), ("two", bea.name)]

    bea.edit(room, one, "one, edited")
    thumb = bea.react(room, one, "👍")
    bea.redact(room, two)
    bea.call("POST", f"client/v3/rooms/{room}/receipt/m.read/{one}", {})
    told, token = await news(us, token)
    assert [
        (each.key, each.emoji, each.sender_id, each.added) for each in told if isinstance(each, ReactionChanged)
    ] == [(one, "👍", bea.user, True)]
    assert [event.key for event in told if isinstance(event, MessageGone)] == [two]
    assert [event.message.text for event in told if isinstance(event, MessageSeen)] == ["one, edited"]
    assert {(event.key, event.reader_id) for event in told if isinstance(event, ReadUpTo)} == {(one, bea.user)}

    bea.redact(room, thumb)
    bea.redact(room, early)
    told, token = await news(us, token)
    assert [(event.emoji, event.added) for event in told if isinstance(event, ReactionChanged)] == [("👍", False)]
    # Nobody had heard of the early one: the newest messages are looked at once more.
    again = {str(event.message.key): event.message for event in told if isinstance(event, MessageSeen)}
    assert again[old].reactions == ()

    ada.call("POST", f"client/v3/rooms/{room}/leave", {})
    told, token = await news(us, token)
    assert isinstance(told[-1], ChatGone)
    assert told[-1].key == room


async def test_a_limited_timeline_is_filled_and_too_much_is_not_complete(stage: Stage) -> None:
    token = await first_token(stage.us)
    sent = [stage.bea.send(stage.room, f"message {number}") for number in range(58)]
    stage.bea.edit(stage.room, sent[0], "the oldest, edited")
    told, token = await news(stage.us, token)
    last = {str(event.message.key): event.message for event in told if isinstance(event, MessageSeen)}
    assert set(last) == set(sent)
    assert last[sent[0]].text == "the oldest, edited"
    more = [stage.bea.send(stage.room, f"message {number}") for number in range(58)]
    stage.bea.redact(stage.room, more[1])
    told, _ = await news(stage.us, token)
    last = {str(event.message.key): event.message for event in told if isinstance(event, MessageSeen)}
    assert set(last) >= set(more) - {more[1]}
    gone = {event.key for event in told if isinstance(event, MessageGone)}
    assert more[1] in gone or last[more[1]].recalled
    delta = await stage.us.changes("nonsense")
    assert not delta.complete
    assert (await stage.us.changes(delta.token)).complete


async def test_listening_begins_with_a_gap_and_goes_on_with_all_that_is_new(stage: Stage) -> None:
    heard = stage.us.listen()
    assert isinstance(await anext(heard), Gap)
    id = stage.bea.send(stage.room, "psst")
    async with asyncio.timeout(20):
        while not isinstance(event := await anext(heard), MessageSeen):
            pass
    assert (event.message.key, event.message.text) == (id, "psst")
    assert event.chat is not None
    assert event.chat.unread_count == 1
    await stage.us.revoke()
    with pytest.raises(CredentialsRejected):
        await anext(heard)


async def test_what_is_sent_edited_and_taken_back_is_so_for_the_others(stage: Stage) -> None:
    us, room, bea = stage.us, stage.room, stage.bea
    question = bea.send(room, "question")
    sent = await us.send_message(room, draft("answer", "t1", quote_provider_id=question))
    again = await us.send_message(room, draft("answer", "t1", quote_provider_id=question))
    assert (again.key, again.sent_at) == (sent.key, sent.sent_at)
    shown = bea.event(room, sent.key)
    assert (shown["content"]["body"], shown["sender"]) == ("answer", stage.ada.user)
    assert shown["content"]["m.relates_to"]["m.in_reply_to"] == {"event_id": question}
    assert sent.quote is not None
    assert sent.quote.sender_id == bea.user

    await us.edit_message(room, held(sent), "a better answer")
    newest = bea.event(room, sent.key)["unsigned"]["m.relations"]["m.replace"]
    assert newest["content"]["m.new_content"]["body"] == "a better answer"
    read = await us.read_message(room, sent.key)
    assert read is not None
    assert (read.text, read.edited, read.quote) == ("a better answer", True, sent.quote)

    await us.recall_message(room, sent.key)
    await us.recall_message(room, sent.key)
    assert [each for each in bea.history(room) if "answer" in str(each["content"])] == []
    gone = await us.read_message(room, sent.key)
    assert gone is not None
    assert gone.recalled
    with pytest.raises(Refused):
        await us.recall_message(room, MessageKey(question))
    assert bea.event(room, question)["content"]["body"] == "question"
    with pytest.raises(Refused):
        await us.recall_message(room, MessageKey("$never-was"))
    assert await us.read_message(room, MessageKey("$never-was")) is None


async def test_reactions_are_set_once_and_taken_back(stage: Stage) -> None:
    us, room, bea = stage.us, stage.room, stage.bea
    bea.react(room, bea.send(room, "hello"), "👍")
    (message,) = await all_messages(us, room)
    for _ in range(2):
        await us.set_reaction(room, held(message), "👍", on=True)
    await us.set_reaction(room, held(message), "🎉", on=True)
    (found,) = await all_messages(us, room)
    assert found.reactions is not None
    assert [(each.value, each.is_sender) for each in found.reactions] == [("👍", False), ("👍", True), ("🎉", True)]
    for _ in range(2):
        await us.set_reaction(room, held(message), "👍", on=False)
    (found,) = await all_messages(us, room)
    assert found.reactions is not None
    assert [(each.value, each.is_sender) for each in found.reactions] == [("👍", False), ("🎉", True)]


@dataclass(frozen=True)
class Upload:
    """A file in memory."""

    name: str
    content_type: str
    kind: str
    content: bytes

    @property
    def size_bytes(self) -> int:
        return len(self.content)

    async def read(self) -> bytes:
        return self.content


async def test_files_go_up_and_come_down(stage: Stage) -> None:
    us, room, bea = stage.us, stage.room, stage.bea
    picture = Upload("dot.png", "image/png", "image", b"\x89PNG\r\n\x1a\n" * 4_000)
    sent = await us.send_message(room, draft("Look", files=(picture,)))
    (image,) = sent.attachments
    assert (sent.text, type(image), image.mimetype, image.file_size) == ("Look", Image, "image/png", 32_000)
    download = await us.open_attachment(held(sent), image)
    assert (download.content_type, download.size_bytes) == ("image/png", 32_000)
    assert b"".join([chunk async for chunk in download.chunks]) == picture.content
    plain = await us.send_message(room, draft("", "t2", files=(Upload("a.txt", "text/plain", "file", b"words"),)))
    assert plain.text is None
    (file,) = plain.attachments
    assert isinstance(file, File)
    assert file.file_name == "a.txt"
    with pytest.raises(NotFound):
        await us.open_attachment(held(plain), image)
    await us.edit_message(room, held(sent), "Look here")
    found = await us.read_message(room, sent.key)
    assert found is not None
    assert (found.text, found.attachments) == ("Look here", (image,))
    forwarded = await us.forward_message(held(sent), other := bea.create_room(stage.ada))
    assert [each["content"]["url"] for each in bea.history(other) if each["type"] == "m.room.message"] == [
        bea.event(room, sent.key)["content"]["url"]
    ]
    assert forwarded.attachments == (image,)
    with pytest.raises(Unprocessable):
        await us.send_message(room, draft("", "t3", files=(picture, picture)))


async def test_a_chat_begins_once_and_is_gone_on_with(homeserver: Homeserver) -> None:
    linker = Linker(homeserver.address)
    ada, bea, carl = (homeserver.register(name) for name in ("ada", "bea", "carl"))
    us = await linker.link(ada)
    first = await us.start_chat(ChatDraft(people=(bea.user,), message=draft("Hello")))
    bea.join(first.chat_provider_id)
    second = await us.start_chat(ChatDraft(people=(bea.user,), message=draft("Hello again", "t2")))
    assert second.chat_key == first.chat_key
    both = (bea.user, carl.user)
    group = await us.start_chat(ChatDraft(people=both, message=draft("All", "t3"), title="Three"))
    carl.join(group.chat_provider_id)
    chats = {chat.provider_id: chat for chat in (await us.list_chats(None)).items}
    assert chats[first.chat_provider_id].kind is ChatKind.SINGLE
    assert (chats[group.chat_provider_id].name, chats[group.chat_provider_id].kind) == ("Three", ChatKind.GROUP)
    for people in ((), (ada.user,), ("nobody",)):
        with pytest.raises(Unprocessable):
            await us.start_chat(ChatDraft(people=people, message=draft("Hello", "t4")))
    await linker.connector.close()


async def test_what_an_owner_says_of_a_chat(stage: Stage) -> None:
    us, room, bea = stage.us, stage.room, stage.bea

    async def chat() -> tuple[int, bool]:
        (found,) = (await us.list_chats(None)).items
        return found.unread_count, found.pinned

    last = [bea.send(room, "one"), bea.send(room, "two")][-1]
    assert await chat() == (2, False)
    await us.mark_chat(room, ChatMark.READ, on=True)
    await us.mark_chat(room, ChatMark.PINNED, on=True)
    assert await chat() == (0, True)
    heard = bea.call("GET", "client/v3/sync")["rooms"]["join"][room]["ephemeral"]["events"]
    assert stage.ada.user in next(each for each in heard if each["type"] == "m.receipt")["content"][last]["m.read"]
    await us.mark_chat(room, ChatMark.READ, on=False)
    await us.mark_chat(room, ChatMark.PINNED, on=False)
    assert await chat() == (1, False)
    with pytest.raises(NotSupported):
        await us.mark_chat(room, ChatMark.STARRED, on=True)
    await us.show_typing(room, on=True)
    # Asked otherwise than before, since Synapse repeats its answers for a while.
    heard = bea.call("GET", "client/v3/sync", timeout=1)["rooms"]["join"][room]["ephemeral"]["events"]
    assert {"type": "m.typing", "content": {"user_ids": [stage.ada.user]}} in heard
    await us.show_typing(room, on=False)


async def test_what_is_encrypted_is_shown_as_unavailable_and_nothing_is_sent_there(stage: Stage) -> None:
    us, room, bea = stage.us, stage.room, stage.bea
    message = await us.send_message(room, draft("before"))
    path = f"client/v3/rooms/{room}/state/m.room.encryption"
    bea.call("PUT", path, {"algorithm": "m.megolm.v1.aes-sha2"})
    sealed = {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "c2VhbGVk", "session_id": "s"}
    id = bea.send(room, sealed, "m.room.encrypted")
    found = next(each for each in await all_messages(us, room) if each.key == id)
    assert found.text is None
    assert [each.unavailable for each in found.attachments] == [True]
    assert "c2VhbGVk" not in found.original
    (chat,) = (await us.list_chats(None)).items
    assert chat.read_only
    for write in (
        us.send_message(room, draft("in the clear", "t2")),
        us.edit_message(room, held(message), "in the clear"),
        us.forward_message(held(message), room),
    ):
        with pytest.raises(NotSupported, match="encrypted from end to end"):
            await write
    with pytest.raises(NotSupported):
        await us.open_attachment(held(found), found.attachments[0])
    assert [each for each in bea.history(room) if "clear" in str(each["content"])] == []
    # What was said before can still be taken back.
    await us.recall_message(room, message.key)
    assert bea.event(room, message.key)["content"] == {}
