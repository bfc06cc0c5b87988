"""Against a real homeserver: what is held here and what the others see agree, whoever did what, and in whichever order."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from postroom.domain.accounts import Account
from postroom.domain.messages import Message
from postroom.domain.remote import MessageKey
from postroom.errors import PostroomError
from tests.connectors.matrix.people import held as as_held
from tests.parts.synapse import PASSWORD, Homeserver, Person
from tests.servers import Built, built
from tests.size import Size

pytestmark = [pytest.mark.parts, pytest.mark.slow]

_EMOJIS = ("👍", "🎉", "❤️")


class Both:
    """Ada, through Postroom, and Bea, with a client of her own, in one room; each does as chance has it."""

    def __init__(
        self, house: Built, synapse: Homeserver, account: Account, ada: Person, bea: Person, room: str
    ) -> None:
        self.house = house
        self.services = house.house.services
        self.account = account
        self.ada, self.bea, self.room = ada, bea, room
        self.chance = Random(7)
        self.chat_id = ""
        self.hers: list[str] = []
        self.reacted: list[str] = []

    async def held(self) -> list[Message]:
        """All messages that are held, oldest first."""
        found: list[Message] = []
        cursor = None
        while True:
            page = await self.services.messages.list(
                self.house.caller, account_id=self.account.id, limit=250, cursor=cursor
            )
            found += page.items
            cursor = page.next
            if cursor is None:
                return sorted(found, key=lambda message: (message.sent_at, message.key))

    async def ours(self) -> Message | None:
        own = [message for message in await self.held() if message.is_sender and not message.is_tombstone]
        return self.chance.choice(own) if own else None

    async def write(self, number: int) -> None:
        """One message more, from one side or the other."""
        if number % 2:
            sent = await self.services.messages.send(self.house.caller, self.chat_id, f"ours {number}")
            assert sent.is_sender
        else:
            self.hers.append(await asyncio.to_thread(self.bea.send, self.room, f"hers {number}"))

    async def do(self) -> None:
        """Something to a message that is there: an edit, a reaction, a redaction, from either side."""
        match self.chance.randrange(6):
            case 0:
                await asyncio.to_thread(self.bea.edit, self.room, self.chance.choice(self.hers), f"edit {self._some()}")
            case 1:
                id = self.chance.choice(self.hers)
                with contextlib.suppress(AssertionError):  # the same reaction twice
                    self.reacted.append(
                        await asyncio.to_thread(self.bea.react, self.room, id, self.chance.choice(_EMOJIS))
                    )
            case 2 if self.reacted:
                reaction = self.reacted.pop(self.chance.randrange(len(self.reacted)))
                await asyncio.to_thread(self.bea.redact, self.room, reaction)
            case 3 if len(self.hers) > 5:
                id = self.hers.pop(self.chance.randrange(len(self.hers)))
                await asyncio.to_thread(self.bea.redact, self.room, id)
            case 4:
                message = await self.ours()
                if message is not None:
                    await self.services.recalls.recall(self.house.caller, message.id)
            case _:
                await self._as_ada()

    async def _as_ada(self) -> None:
        """An edit or a reaction of Ada's, through the connection."""
        message = await self.ours()
        if message is None:
            return
        async with self.services.recalls._connections.messenger(self.account) as connection:
            shown = await connection.read_message(self.room, MessageKey(message.key))
            if shown is None or shown.recalled:
                return
            if self.chance.random() < 0.6:
                await connection.edit_message(self.room, as_held(shown), f"edit {self._some()}")
            else:
                on = self.chance.random() < 0.7
                await connection.set_reaction(self.room, as_held(shown), self.chance.choice(_EMOJIS), on=on)

    def _some(self) -> str:
        return f"{self.chance.getrandbits(32):x}"

    async def agree(self) -> None:
        """What is held is what Bea sees, message by message."""
        here = [seen_here(message) for message in await self.held() if not message.is_tombstone]
        there = seen_there(await asyncio.to_thread(self.bea.history, self.room))
        assert here == there


def seen_here(message: Message) -> dict[str, Any]:
    return {
        "id": message.key,
        "sender": message.sender_id,
        "sent_at": message.sent_at,
        "text": message.content.text,
        "edited": message.edited,
        "reactions": sorted((each.value, each.sender_id) for each in message.content.reactions),
    }


def seen_there(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Everything that a plain reading of the events comes to."""
    events = [event for event in history if "redacted_because" not in event.get("unsigned", {})]
    shown = {}
    for event in events:
        relation = event["content"].get("m.relates_to", {})
        if event["type"] == "m.room.message" and relation.get("rel_type") != "m.replace":
            shown[event["event_id"]] = {
                "id": event["event_id"],
                "sender": event["sender"],
                "sent_at": event["origin_server_ts"],
                "text": event["content"]["body"],
                "edited": False,
                "reactions": [],
            }
    for event in events:
        relation = event["content"].get("m.relates_to", {})
        target = shown.get(relation.get("event_id"))
        if target is None:
            continue
        if relation.get("rel_type") == "m.replace" and event["sender"] == target["sender"]:
            target |= {"text": event["content"]["m.new_content"]["body"], "edited": True}
        elif relation.get("rel_type") == "m.annotation":
            target["reactions"] = sorted([*target["reactions"], (relation["key"], event["sender"])])
    return sorted(shown.values(), key=lambda each: (each["sent_at"], each["id"]))


@contextlib.asynccontextmanager
async def both(folder: Path, url: str, synapse: Homeserver) -> AsyncIterator[Both]:
    ada, bea = synapse.register("ada"), synapse.register("bea")
    room = bea.create_room(ada)
    async with built(folder, url, furnished=False, origins={"matrix": synapse.address}) as house:
        answers = {"user": ada.name, "password": PASSWORD}
        account = await house.house.services.accounts.link(house.caller, "matrix", "password", answers)
        await house.house.sync.sync(account.workspace_id, account.id)
        found = Both(house, synapse, account, ada, bea, room)
        (chat,) = (await found.services.chats.list(house.caller, account_ids=[account.id])).items
        found.chat_id = chat.id
        yield found


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("where", ["sqlite", "postgres"])
async def test_after_edits_reactions_and_redactions_from_both_sides_the_two_views_agree(
    tmp_path: Path, request: pytest.FixtureRequest, synapse: Homeserver, size: Size, where: str
) -> None:
    url = "" if where == "sqlite" else request.getfixturevalue("postgres_url")
    many = size.matrix_messages
    async with both(tmp_path / "data", url, synapse) as found:
        sync = found.house.house.sync
        listening = asyncio.create_task(found.house.house.listeners.run())
        try:
            for number in range(many // 2):
                await found.write(number)
                if number > 4 and found.chance.random() < 0.6:
                    await found.do()
        finally:
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listening
        # Nobody listens, for the rest of them: some is caught up with from the token, some from the start.
        for number in range(many // 2, many):
            await found.write(number)
            if found.chance.random() < 0.6:
                await found.do()
            if number == many * 3 // 4:
                await sync.sync(found.account.workspace_id, found.account.id)
        await sync.sync(found.account.workspace_id, found.account.id)
        await found.agree()
        found.services.recalls._connections.forget(found.account.id)
        await sync.sync(found.account.workspace_id, found.account.id, full=True)
        await found.agree()
        tombstones = sum(message.is_tombstone for message in await found.held())
        assert tombstones >= many // 20


async def test_an_account_that_was_unlinked_has_no_session_left(tmp_path: Path, synapse: Homeserver) -> None:
    async with both(tmp_path / "data", "", synapse) as found:
        devices = found.ada.call("GET", "client/v3/devices")["devices"]
        assert "Postroom" in [device["display_name"] for device in devices]
        await found.services.accounts.unlink(found.house.caller, found.account.id)
        devices = found.ada.call("GET", "client/v3/devices")["devices"]
        assert "Postroom" not in [device["display_name"] for device in devices]
        with pytest.raises(PostroomError):
            await found.services.messages.send(found.house.caller, found.chat_id, "after all")
