"""P2. Network first: a recall that the network refused leaves every row about the message as it was, byte for byte."""

from dataclasses import dataclass
from typing import Any

import pytest

from postroom.domain.messages import Message
from postroom.errors import (
    ActionRequired,
    CredentialsRejected,
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
