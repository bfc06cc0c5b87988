"""InMails, and requests to chat, which are accepted or declined."""

import pytest

from postroom.domain.chats import ChatMark, ChatRequest
from postroom.domain.events import EventType
from postroom.domain.messages import MessageKind
from postroom.errors import ErrorCode, InvalidParameters, Kind, Unprocessable
from tests.scene import Scene
from tests.scene import the_scene as the_scene

INMAIL = {"inmail": True}


async def test_a_stranger_takes_an_inmail_which_has_a_subject_and_costs_a_credit(scene: Scene) -> None:
    ada = await scene.linkedin()
    goran = (await scene.services.people.profile(scene.caller, ada.id, "goran-petrov")).provider_id
    bea = (await scene.services.people.profile(scene.caller, ada.id, "bea-okafor")).provider_id
    start = scene.services.chats.start
    dilan = (await scene.services.people.profile(scene.caller, ada.id, "farah-nouri")).provider_id
    with pytest.raises(InvalidParameters) as missing:
        await start(scene.caller, ada.id, [dilan], "No subject.", options=INMAIL)
    assert missing.value.code is ErrorCode.MISSING_PARAMETERS
    with pytest.raises(InvalidParameters):
        await start(scene.caller, ada.id, [dilan, bea], "To two.", subject="Two", options=INMAIL)
    with pytest.raises(InvalidParameters) as long:
        await start(scene.caller, ada.id, [dilan], "x" * 2001, subject="Long", options=INMAIL)
    assert long.value.code is ErrorCode.TOO_MANY_CHARACTERS
    assert await scene.calls("send") == []

    sent = await start(scene.caller, ada.id, [goran], "A sail for you.", subject="Sails", options=INMAIL)
    assert (sent.kind, sent.content.subject, sent.content.text) == (MessageKind.INMAIL, "Sails", "A sail for you.")
    await scene.sync(ada)
    assert (await scene.services.chats.get(scene.caller, sent.chat_id))[0].content_type == "inmail"
    await scene.switch(linkedin_inmail_credits=1)
    with pytest.raises(Unprocessable) as refused:
        await start(scene.caller, ada.id, [dilan], "One too many.", subject="More", options=INMAIL)
    assert refused.value.code is ErrorCode.INSUFFICIENT_CREDITS


async def test_a_stranger_cannot_be_written_to_without_one(scene: Scene) -> None:
    stranger = await scene.link("user_new_stranger_ines")
    bea = (await scene.services.people.profile(scene.caller, stranger.id, "bea-okafor")).provider_id
    with pytest.raises(Unprocessable) as refused:
        await scene.services.chats.start(scene.caller, stranger.id, [bea], "Hello?")
    assert refused.value.code is ErrorCode.NO_CONNECTION_WITH_RECIPIENT


@pytest.mark.parametrize("accept", [True, False], ids=["accepted", "declined"])
async def test_a_request_is_answered_once_at_the_network_first(scene: Scene, accept: bool) -> None:
    ada, stranger = await scene.linkedin(), await scene.link("user_new_stranger_ines")
    await scene.services.chats.start(
        scene.caller, stranger.id, [ada.provider_id], "May I?", subject="A question", options=INMAIL
    )
    await scene.sync(ada)
    (chat,) = [
        each
        for each in (await scene.services.chats.list(scene.caller, account_ids=[ada.id])).items
        if each.request is ChatRequest.PENDING
    ]
    await scene.fault("rename", do={"status": 403})
    with pytest.raises(Exception, match="does not allow"):
        await scene.services.chats.mark(scene.caller, chat.id, ChatMark.ACCEPTED, on=accept)
    assert (await scene.services.chats.get(scene.caller, chat.id))[0].request is ChatRequest.PENDING
    await scene.forget_calls()
    said = ChatRequest.ACCEPTED if accept else ChatRequest.DECLINED
    for _ in range(2):
        answered = await scene.services.chats.mark(scene.caller, chat.id, ChatMark.ACCEPTED, on=accept)
        assert answered.request is said
    assert len(await scene.calls("rename")) == 1
    with pytest.raises(InvalidParameters) as other:
        await scene.services.chats.mark(scene.caller, chat.id, ChatMark.ACCEPTED, on=not accept)
    assert other.value.kind is Kind.STATUS
    await scene.sync(ada)
    assert (await scene.services.chats.get(scene.caller, chat.id))[0].request is said
    updated = [event.data.chat_id for event in await scene.events(EventType.CHAT_UPDATED)]
    assert updated.count(chat.id) == 1


async def test_an_ordinary_chat_is_no_request(scene: Scene) -> None:
    ada = await scene.linkedin()
    chats = (await scene.services.chats.list(scene.caller, account_ids=[ada.id])).items
    chat = next(each for each in chats if each.request is None)
    with pytest.raises(InvalidParameters):
        await scene.services.chats.mark(scene.caller, chat.id, ChatMark.ACCEPTED, on=True)
