"""P2. Network first: a recall that the network refused leaves every row about the message as it was, byte for byte.

So does whatever else is done with messages and chats.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from postroom.domain.chats import ChatMark
from postroom.domain.files import Upload
from postroom.domain.messages import Message
from postroom.errors import (
    ActionRequired,
    CredentialsRejected,
    OutcomeUnknown,
    PostroomError,
    ProviderDown,
    RateLimited,
    Refused,
    Unprocessable,
)
from tests import opened
from tests.scene import Scene
from tests.scene import the_scene as the_scene

pytestmark = pytest.mark.promise("P2")

# About a message, its chat and its events; a refusal may note itself in the others.
_WATCHED = ("messages", "chats", "chat_attendees", "attendees", "tombstones", "events", "receipts", "jobs")
_ABOUT_ACCOUNTS = "account."


async def bytes_of(scene: Scene) -> dict[str, list[tuple[Any, ...]]]:
    """Every watched row as it is stored, sealed documents as they are. Events about the account itself are its own."""
    found = {}
    columns = await opened.tables(scene.house.database)
    for table in _WATCHED:
        named = ", ".join(columns[table])
        async with scene.house.database.read() as reader:
            rows = [tuple(row) for row in await reader.fetch(f"select {named} from {table}")]
        if table == "events":
            kind = columns[table].index("type")
            rows = [row for row in rows if not row[kind].startswith(_ABOUT_ACCOUNTS)]
        found[table] = sorted(rows, key=repr)
    return found


@dataclass(frozen=True)
class Refusal:
    name: str
    """What goes wrong with the call."""
    do: dict[str, Any]
    error: type[PostroomError]
    calls: tuple[str, ...] = ("recall",)


REFUSALS = [
    Refusal("a 400 with the message still there", {"status": 400}, Refused, ("recall", "messages")),
    Refusal("a 403", {"status": 403}, Refused),
    Refusal("a 404", {"status": 404}, Refused, ("recall", "messages")),
    Refusal("a 409", {"status": 409}, Refused, ("recall", "messages")),
    Refusal("a 422", {"status": 422}, Unprocessable),
    Refusal("a 401", {"status": 401}, CredentialsRejected),
    Refusal("a session that has ended", {"expired_session": True}, CredentialsRejected),
    Refusal("a challenge", {"challenge": True}, ActionRequired),
    Refusal("a 403 that asks for a check", {"status": 403, "body": "captcha"}, ActionRequired),
    Refusal("a 999", {"status": 999}, ActionRequired),
    Refusal("a 429", {"status": 429}, RateLimited),
    Refusal("a 500 with the message still there", {"status": 500}, ProviderDown, ("recall", "messages")),
    Refusal("a 503 with the message still there", {"status": 503}, ProviderDown, ("recall", "messages")),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.name)
async def test_what_the_network_refuses_changes_no_row(scene: Scene, refusal: Refusal) -> None:
    message = await scene.own(quoted=True)
    before = await bytes_of(scene)
    await scene.fault("recall", do=refusal.do)
    await scene.forget_calls()
    with pytest.raises(refusal.error):
        await scene.recall(message)
    assert tuple(await scene.calls()) == refusal.calls
    assert await bytes_of(scene) == before
    assert (await scene.shown(message))["text"] == message.content.text
    assert [row["outcome"] for row in await scene.intents()] == ["refused"]


async def refused_before_the_call(scene: Scene, message: Message) -> None:
    before = await bytes_of(scene)
    await scene.forget_calls()
    with pytest.raises(PostroomError):
        await scene.recall(message)
    assert await scene.calls() == []
    assert await bytes_of(scene) == before
    assert await scene.intents() == []


async def test_what_is_refused_before_the_call_changes_no_row(scene: Scene) -> None:
    await refused_before_the_call(scene, await scene.others())
    old = await scene.own(minutes=(60, 10_000_000))
    await refused_before_the_call(scene, old)
    fresh = await scene.own()
    await scene.advance(61 * 60)
    await refused_before_the_call(scene, fresh)
    await scene.fault("messages", do={"expired_session": True})
    with pytest.raises(CredentialsRejected):
        await scene.sync(await scene.linkedin(), full=True)
    await refused_before_the_call(scene, fresh)


async def test_a_message_that_is_not_held_and_refused_leaves_no_tombstone(scene: Scene) -> None:
    chat = (await scene.others()).chat_provider_id
    written = await scene.write_at_linkedin(chat, "Somebody else's, and never synced.")
    before = await bytes_of(scene)
    with pytest.raises(Refused):
        await scene.services.recalls.recall_by_key(scene.caller, "linkedin", chat, written["id"], None)
    assert await bytes_of(scene) == before


async def test_the_snapshot_sees_a_recall_that_was_done(scene: Scene) -> None:
    before = await bytes_of(scene)
    await scene.recall(await scene.own(quoted=True))
    after = await bytes_of(scene)
    assert {table for table in before if before[table] != after[table]} == {
        "messages",
        "tombstones",
        "events",
        "receipts",
    }


# Whatever else is done with messages and chats.

NOTE = Upload(name="note.txt", content_type="text/plain", data=b"A note.")


@dataclass(frozen=True)
class Deed:
    name: str
    operation: str
    """The call that is refused."""
    do: Callable[[Scene, Message], Awaitable[Any]]
    failure: type[PostroomError] = OutcomeUnknown
    """What a failure of the network's own means. Where it can be read back: that nothing was done."""


async def begin(scene: Scene, message: Message) -> None:
    people = await scene.services.chats.attendees(scene.caller, message.chat_id)
    others = [each.provider_id for each in people if not each.is_self]
    await scene.services.chats.start(scene.caller, message.account_id, others, "Hello.")


DEEDS = [
    Deed("edit", "edit", lambda on, it: on.services.messages.edit(on.caller, it.id, "Put better."), ProviderDown),
    Deed("react", "react", lambda on, it: on.services.messages.react(on.caller, it.id, "👍"), ProviderDown),
    Deed("send", "send", lambda on, it: on.services.messages.send(on.caller, it.chat_id, "See.", files=[NOTE])),
    Deed(
        "upload",
        "upload",
        lambda on, it: on.services.messages.send(on.caller, it.chat_id, "See.", files=[NOTE]),
        ProviderDown,
    ),
    Deed("begin", "send", begin),
    Deed("star", "category", lambda on, it: on.services.chats.mark(on.caller, it.chat_id, ChatMark.STARRED, on=True)),
    Deed("read", "mark_read", lambda on, it: on.services.chats.mark(on.caller, it.chat_id, ChatMark.READ, on=False)),
    Deed("type", "typing", lambda on, it: on.services.chats.type(on.caller, it.chat_id, on=True)),
]


@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.name)
async def test_what_the_network_refuses_to_do_with_a_message_or_chat_changes_no_row(scene: Scene, deed: Deed) -> None:
    message = await scene.own(quoted=True)
    before = await bytes_of(scene)
    for do, error in (
        ({"status": 400}, Refused),
        ({"status": 403}, Refused),
        ({"status": 422}, Unprocessable),
        ({"status": 429}, RateLimited),
        ({"status": 503}, deed.failure),
        ({"challenge": True}, ActionRequired),
    ):
        await scene.fault(deed.operation, do=do)
        await scene.forget_calls()
        with pytest.raises(error):
            await deed.do(scene, message)
        assert await scene.calls(deed.operation) == [deed.operation]
        assert await bytes_of(scene) == before, do
    # The challenge has stopped the account: nobody is called any more.
    await scene.forget_calls()
    with pytest.raises(ActionRequired):
        await deed.do(scene, message)
    assert await scene.calls() == []
    assert await bytes_of(scene) == before
