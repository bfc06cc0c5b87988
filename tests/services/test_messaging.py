"""What is done with messages and chats is done at the network first, and is here what it is there."""

import asyncio
import struct
from typing import Any

import msgspec
import pytest

from postroom.domain.chats import ChatMark
from postroom.domain.events import EventType
from postroom.domain.files import Upload, Uploaded, read_whole
from postroom.domain.messages import Audio, File, Image, Message, Reaction, Video
from postroom.errors import (
    ErrorCode,
    InvalidParameters,
    Kind,
    NotFound,
    NotSupported,
    OutcomeUnknown,
    ProviderDown,
    Refused,
    Unprocessable,
)
from postroom.store import messages as stored_messages
from tests.scene import Scene
from tests.scene import the_scene as the_scene

PNG = Upload(name="dot.png", content_type="image/png", data=b"\x89PNG\r\n\x1a\n" + b"dot" * 9)
NOTE = Upload(name="Übersicht 1.txt", content_type="text/plain", data=b"A note.")


def m4a(seconds: int, *, voice: bool = True) -> Upload:
    """A recording as far as its header says."""
    header = struct.pack(">II", 24, 0x66747970) + b"M4A \0\0\0\0M4A mp42"
    movie = b"\0\0\0\x20mvhd" + struct.pack(">IIIII", 0, 0, 0, 1000, seconds * 1000)
    return Upload(name="voice.m4a", content_type="audio/mp4", data=header + movie, voice=voice)


async def nothing_is_called(scene: Scene, asked: Any, error: type[Exception], code: ErrorCode | None = None) -> None:
    await scene.forget_calls()
    with pytest.raises(error) as raised:
        await asked
    assert code is None or raised.value.code is code  # type: ignore[attr-defined]
    assert await scene.calls() == []


# Editing.


async def test_an_edit_is_seen_by_the_others_and_told_once(scene: Scene) -> None:
    message = await scene.own()
    edit = scene.services.messages.edit
    async with scene.listening():
        edited = await edit(scene.caller, message.id, "Put better.")
        await asyncio.sleep(0.5)
    assert (edited.content.text, edited.edited, edited.sent_at) == ("Put better.", True, message.sent_at)
    assert await scene.get(message) == edited
    shown = await scene.shown(message)
    assert (shown["text"], shown["state"]) == ("Put better.", "EDITED")
    await scene.sync(await scene.linkedin(), full=True)
    assert (await scene.get(message)).content.text == "Put better."
    (event,) = await scene.events(EventType.MESSAGE_EDITED)
    assert event.data.message_id == message.id
    # One after the other: what is last there is last here.
    await asyncio.gather(*(edit(scene.caller, message.id, f"Put {number}.") for number in range(4)))
    assert (await scene.get(message)).content.text == (await scene.shown(message))["text"]


async def test_what_cannot_be_edited_is_refused_without_a_call(scene: Scene) -> None:
    edit, message = scene.services.messages.edit, await scene.own()
    await nothing_is_called(scene, edit(scene.caller, (await scene.others()).id, "Mine."), Refused)
    await nothing_is_called(scene, edit(scene.caller, message.id, " "), InvalidParameters, ErrorCode.MISSING_PARAMETERS)
    long = edit(scene.caller, message.id, "x" * 8001)
    await nothing_is_called(scene, long, InvalidParameters, ErrorCode.TOO_MANY_CHARACTERS)
    await nothing_is_called(scene, edit(scene.built.other, message.id, "Not theirs."), NotFound)
    gone = await scene.own(quoted=True)
    await scene.recall(gone)
    await nothing_is_called(scene, edit(scene.caller, gone.id, "Back again."), NotFound)
    await nothing_is_called(scene, scene.services.messages.react(scene.caller, gone.id, "👍"), NotFound)
    await scene.advance(60 * 60)
    await nothing_is_called(scene, edit(scene.caller, message.id, "Too late."), Refused)


# Reactions.


async def test_a_reaction_is_seen_by_the_others_until_it_is_taken_back(scene: Scene) -> None:
    message, account = await scene.others(), await scene.linkedin()
    react = scene.services.messages.react
    reacted = await react(scene.caller, message.id, "❤")  # without its variation selector, as many send it
    mine = [each for each in reacted.content.reactions if each.is_sender]
    assert mine == [Reaction(value="❤\N{VARIATION SELECTOR-16}", sender_id=account.provider_id, is_sender=True)]
    assert "❤\N{VARIATION SELECTOR-16}" in [each["emoji"] for each in (await scene.shown(message))["reactions"]]
    await scene.sync(account, full=True)
    assert (await scene.get(message)).content.reactions == reacted.content.reactions
    for _ in range(2):  # LinkedIn refuses to take back what is not there; that is as good as done
        left = await react(scene.caller, message.id, "❤", on=False)
        assert not any(each.is_sender for each in left.content.reactions)
    assert not any("❤" in each["emoji"] for each in (await scene.shown(message))["reactions"])
    assert len(await scene.events(EventType.MESSAGE_UPDATED)) == 2
    for wrong in ("", "yes", "👍👍", "\0"):
        await nothing_is_called(scene, react(scene.caller, message.id, wrong), InvalidParameters)


# Files.


async def test_files_go_out_and_can_be_had_again(scene: Scene) -> None:
    chat_id, messages = (await scene.own()).chat_id, scene.services.messages
    await scene.forget_calls()
    sent = await messages.send(scene.caller, chat_id, "", files=[PNG, NOTE, m4a(3)])
    assert await scene.calls() == [*["upload_metadata", "upload"] * 3, "send", "messages"]
    picture, note, voice = sent.content.attachments
    assert isinstance(picture, Image)
    assert isinstance(note, File)
    assert (note.file_name, note.file_size) == (NOTE.name, NOTE.size_bytes)
    assert isinstance(voice, Audio)
    assert (voice.duration, voice.voice_note) == (3.0, True)
    shown = (await scene.shown(sent))["attachments"]
    assert [(each["kind"], each["name"]) for each in shown[:2]] == [("photo", PNG.name), ("file", NOTE.name)]
    for attachment, upload in ((picture, PNG), (note, NOTE)):
        held, download = await messages.open_attachment(scene.caller, sent.id, attachment.id)
        assert (held, download.content_type, download.size_bytes) == (
            attachment,
            upload.content_type,
            upload.size_bytes,
        )
        assert await read_whole(download, 1000) == upload.data
    _, download = await messages.open_attachment(scene.caller, sent.id, picture.id)
    with pytest.raises(InvalidParameters):
        await read_whole(download, 10)
    with pytest.raises(NotFound):
        await messages.open_attachment(scene.built.other, sent.id, picture.id)
    await scene.recall(sent)
    await nothing_is_called(scene, messages.open_attachment(scene.caller, sent.id, picture.id), NotFound)


async def test_files_that_a_lost_read_does_not_show_are_filled_in_by_the_next_sync(scene: Scene) -> None:
    await scene.fault("messages", do={"status": 500}, times=2)
    film = Upload(name="film.mp4", content_type="video/mp4", data=b"\0\0\0\x18ftypmp42")
    sent = await scene.services.messages.send(scene.caller, (await scene.own()).chat_id, "See.", files=[film])
    (video,) = sent.content.attachments
    assert isinstance(video, Video)
    assert video.url is None
    with pytest.raises(NotFound):
        await scene.services.messages.open_attachment(scene.caller, sent.id, video.id)
    _, download = await scene.services.messages.open_attachment(scene.caller, sent.id, video.id)
    assert await read_whole(download, 1000) == film.data
    await scene.sync(await scene.linkedin())
    (shown,) = (await scene.get(sent)).content.attachments
    assert (shown.id, shown.url is None) == (video.id, False)


async def test_files_that_linkedin_does_not_take_are_refused_and_nothing_is_sent(scene: Scene) -> None:
    chat_id, send = (await scene.own()).chat_id, scene.services.messages.send
    large = Upload(name="a", content_type="image/png", data=bytes(20 * 1024 * 1024 + 1))
    empty = Upload(name="a", content_type="image/png", data=b"")
    for files, code in (
        ([large], ErrorCode.CONTENT_TOO_LARGE),
        ([empty], ErrorCode.INVALID_PARAMETERS),
        ([NOTE] * 11, ErrorCode.INVALID_PARAMETERS),
    ):
        await nothing_is_called(scene, send(scene.caller, chat_id, "See.", files=files), InvalidParameters, code)
    mp3 = Upload(name="voice.mp3", content_type="audio/mpeg", data=b"ID3" + bytes(99), voice=True)
    for voice in (m4a(61), mp3):
        await nothing_is_called(scene, send(scene.caller, chat_id, "", files=[NOTE, voice]), Unprocessable)
    for operation in ("upload_metadata", "upload"):
        await scene.fault(operation, do={"commit_then_lose": True})
        await scene.forget_calls()
        with pytest.raises(ProviderDown):
            await send(scene.caller, chat_id, "See.", files=[NOTE])
        assert "send" not in await scene.calls()


async def test_a_file_is_fetched_from_linkedin_and_from_nowhere_else(scene: Scene) -> None:
    messages, account = scene.services.messages, await scene.linkedin()
    own = await scene.own()
    sent = await messages.send(scene.caller, own.chat_id, "", files=[PNG])
    (picture,) = sent.content.attachments
    assert picture.url is not None
    origin, path = picture.url.split("/linkedin/", 1)
    at_linkedin = f"https://www.linkedin.com/{path}"
    for url in (picture.url, at_linkedin):
        assert await read_whole(await messages.open_media(scene.caller, account.id, url), 1000) == PNG.data
    for wrong in (
        "https://example.org/dms/prv/image/1/original",
        "http://www.linkedin.com/dms/prv/image/1/original",
        "https://www.linkedin.com.example.org/dms/prv/1",
        "https://www.linkedin.com@example.org/dms/prv/1",
        "https://www.linkedin.com:444/dms/prv/1",
        "https://www.linkedin.com/voyager/api/me",
        "https://www.linkedin.com/dms/../voyager/api/me",
        "https://www.linkedin.com/dms/%2e%2E/voyager/api/me",
        "https://www.linkedin.com/dms/x\\..\\me",
        f"{origin}/linkedin/voyager/api/me",
        f"{origin}/_sim/requests",
        "",
    ):
        asked = messages.open_media(scene.caller, account.id, wrong)
        await nothing_is_called(scene, asked, InvalidParameters, ErrorCode.INVALID_URL)
    with pytest.raises(NotFound):
        await messages.open_media(scene.caller, account.id, at_linkedin.replace("/dms/prv/image/", "/dms/prv/none/x"))
    for onward, error in ((at_linkedin, None), ("https://example.org/", "closed")):
        await scene.fault("media", do={"status": 302, "headers": {"location": onward}})
        asked = messages.open_media(scene.caller, account.id, picture.url)
        if error is None:
            assert await read_whole(await asked, 1000) == PNG.data
        else:
            with pytest.raises(Exception, match="link the account again"):
                await asked


async def test_a_files_address_that_has_expired_is_asked_for_anew(scene: Scene) -> None:
    messages, own = scene.services.messages, await scene.own()
    sent = await messages.send(scene.caller, own.chat_id, "", files=[PNG])
    (picture,) = sent.content.attachments
    old = msgspec.structs.replace(picture, url=str(picture.url).replace("/original", "x/original"))
    content = msgspec.structs.replace(sent.content, attachments=(old,))
    await rewritten(scene, sent, content)
    await scene.forget_calls()
    _, download = await messages.open_attachment(scene.caller, sent.id, picture.id)
    assert await read_whole(download, 1000) == PNG.data
    assert await scene.calls() == ["media", "messages", "media"]
    await scene.fault("media", do={"status": 410}, times=None)
    with pytest.raises(NotFound) as gone:
        await messages.open_attachment(scene.caller, sent.id, picture.id)
    assert gone.value.kind is Kind.ATTACHMENT


async def rewritten(scene: Scene, message: Message, content: Any) -> None:
    async with scene.house.database.begin() as tx:
        await stored_messages.replace_content(tx, scene.caller.workspace_id, message.id, content=content)


async def test_a_file_can_be_given_before_its_message(scene: Scene) -> None:
    messages, own = scene.services.messages, await scene.own()
    given = await messages.upload(scene.caller, own.account_id, NOTE)
    assert isinstance(given, Uploaded)
    assert given.provider_id.startswith("urn:li:digitalmediaAsset:")
    await scene.forget_calls()
    sent = await messages.send(scene.caller, own.chat_id, "Here.", files=[given])
    assert await scene.calls() == ["send", "messages"]
    (note,) = sent.content.attachments
    assert isinstance(note, File)
    assert note.file_name == NOTE.name
    with pytest.raises(NotFound):
        await messages.upload(scene.built.other, own.account_id, NOTE)


async def test_linkedin_forwards_nothing_and_is_not_asked_to(scene: Scene) -> None:
    message = await scene.own()
    await nothing_is_called(
        scene, scene.services.messages.forward(scene.caller, message.id, message.chat_id), NotSupported
    )


async def test_a_message_is_found_by_any_spelling_of_its_ids(scene: Scene) -> None:
    message, find = await scene.own(), scene.services.messages.find_by_key
    account = await scene.linkedin()
    chat = f"urn:li:msg_conversation:(urn:li:fsd_profile:{account.provider_id},{message.chat_provider_id})"
    for spelling in (message.provider_id, message.key, f"urn:li:messagingMessage:{message.key}"):
        for wanted in (None, message.account_id):
            assert await find(scene.caller, "linkedin", chat, spelling, wanted) == message
    other = next(held for held in await scene.messages() if held.chat_id != message.chat_id)
    for elsewhere in (
        find(scene.caller, "linkedin", other.chat_provider_id, message.key, None),
        find(scene.caller, "linkedin", chat, message.key, "acc_none"),
    ):
        with pytest.raises(NotFound):
            await elsewhere


# Chats.


@pytest.mark.parametrize("mark", [ChatMark.ARCHIVED, ChatMark.STARRED, ChatMark.READ])
async def test_a_mark_is_linkedins_and_ours_and_told_once(scene: Scene, mark: ChatMark) -> None:
    chats, account = scene.services.chats, await scene.linkedin()
    chat_id = (await scene.own()).chat_id
    await chats.mark(scene.caller, chat_id, ChatMark.READ, on=True)
    begun = len(await scene.events(EventType.CHAT_UPDATED))
    for number, on in enumerate((mark is not ChatMark.READ, mark is ChatMark.READ), 1):
        await chats.mark(scene.caller, chat_id, mark, on=on)
        marked = await chats.mark(scene.caller, chat_id, mark, on=on)
        told = (marked.archived, marked.starred, marked.unread_count == 0)
        assert told[[ChatMark.ARCHIVED, ChatMark.STARRED, ChatMark.READ].index(mark)] is on
        await scene.sync(account)
        again, _ = await chats.get(scene.caller, chat_id)
        assert (again.archived, again.starred, again.unread_count) == (
            marked.archived,
            marked.starred,
            marked.unread_count,
        )
        assert len(await scene.events(EventType.CHAT_UPDATED)) == begun + number


async def test_a_mark_that_linkedin_does_not_have_or_refuses_is_none(scene: Scene) -> None:
    chats, chat_id = scene.services.chats, (await scene.own()).chat_id
    for mark in (ChatMark.MUTED, ChatMark.PINNED):
        await nothing_is_called(scene, chats.mark(scene.caller, chat_id, mark, on=True), NotSupported)
    before, _ = await chats.get(scene.caller, chat_id)
    body = '{"results": {}, "errors": {"urn:li:msg_conversation:x": {"status": 404}}}'
    await scene.fault("mark_read", do={"status": 200, "body": body})
    with pytest.raises(Refused):
        await chats.mark(scene.caller, chat_id, ChatMark.READ, on=before.unread_count > 0)
    assert (await chats.get(scene.caller, chat_id))[0] == before


async def test_a_chat_with_one_person_is_gone_on_with_and_a_group_is_new(scene: Scene) -> None:
    chats, account = scene.services.chats, await scene.linkedin()
    held = (await chats.list(scene.caller, account_ids=[account.id])).items
    known = next(chat for chat in held if chat.attendee_provider_id is not None and chat.content_type is None)
    people = sorted({str(chat.attendee_provider_id) for chat in held if chat.attendee_provider_id})
    first = await chats.start(scene.caller, account.id, [str(known.attendee_provider_id)], "Hello once more.")
    assert first.chat_id == known.id
    assert (await scene.shown(first))["text"] == "Hello once more."
    group = await chats.start(scene.caller, account.id, people[:2], "Hello all.", title="The Harbour", files=[NOTE])
    begun, newest = await chats.get(scene.caller, group.chat_id)
    assert (begun.content.name, begun.kind, newest) == ("The Harbour", 1, group)
    async with scene.working():
        await scene.until(lambda: named(scene, group.chat_id))
    assert sorted(each.provider_id for each in await chats.attendees(scene.caller, group.chat_id)) == sorted(
        [*people[:2], account.provider_id]
    )


async def named(scene: Scene, chat_id: str) -> bool:
    """Whether the next sync has filled in who is in a chat."""
    people = await scene.services.chats.attendees(scene.caller, chat_id)
    chat, _ = await scene.services.chats.get(scene.caller, chat_id)
    return bool(chat.folders) and all(each.content.name for each in people)


async def test_a_chat_that_cannot_begin_begins_nowhere(scene: Scene) -> None:
    start, account = scene.services.chats.start, await scene.linkedin()
    for people, text, title in (
        ([], "Hello.", None),
        ([""], "Hello.", None),
        (["ACoAA1", "ACoAA1"], "Hello.", None),
        (["ACoAA1"], " ", None),
        (["ACoAA1", "ACoAA2"], "Hello.", "x" * 301),
    ):
        await nothing_is_called(scene, start(scene.caller, account.id, people, text, title=title), InvalidParameters)
    await nothing_is_called(scene, start(scene.built.other, account.id, ["ACoAA1"], "Hello."), NotFound)
    with pytest.raises(Unprocessable):
        await start(scene.caller, account.id, ["ACoAANobody"], "Hello.")
    before = await scene.messages()
    await scene.fault("send", do={"commit_then_lose": True})
    held = (await scene.services.chats.list(scene.caller, account_ids=[account.id])).items
    person = next(str(chat.attendee_provider_id) for chat in held if chat.attendee_provider_id)
    await scene.forget_calls()
    with pytest.raises(OutcomeUnknown):
        await start(scene.caller, account.id, [person], "Perhaps.")
    assert await scene.calls() == ["send"]
    assert await scene.messages() == before
    await scene.sync(account)
    assert [held.content.text for held in await scene.messages()].count("Perhaps.") == 1


async def test_the_others_see_who_is_writing(scene: Scene) -> None:
    chat_id = (await scene.own()).chat_id
    await scene.forget_calls()
    await scene.services.chats.type(scene.caller, chat_id, on=True)
    await scene.services.chats.type(scene.caller, chat_id, on=False)
    assert await scene.calls() == ["typing"]
    await scene.fault("typing", do={"status": 500})
    sent = await scene.services.messages.send(scene.caller, chat_id, "Written slowly.", typing=0.01)
    assert sent.content.text == "Written slowly."
    assert await scene.calls() == ["typing", "typing", "send"]
    with pytest.raises(InvalidParameters):
        await scene.services.messages.send(scene.caller, chat_id, "Never.", typing=3600)
