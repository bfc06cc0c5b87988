"""A house beside the simulated networks, and what a test about messages wants of both."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from postroom.clock import to_ms
from postroom.domain.access import Caller
from postroom.domain.accounts import Account
from postroom.domain.events import Event, EventType
from postroom.domain.messages import Message
from postroom.domain.receipts import Receipt
from tests import opened
from tests.servers import Built, built, lent

Json = dict[str, Any]
MINUTE = 60.0


class Scene:
    """Two workspaces: the first has Ada's accounts, the other has Bea's, who shares two chats with Ada."""

    def __init__(self, house: Built) -> None:
        self.built = house
        self.house = house.house
        self.services = house.house.services
        self.caller = house.caller

    # what the networks are told to do, and what they saw

    async def fault(self, operation: str, *, network: str = "linkedin", **rule: Any) -> None:
        """The next call of this operation goes wrong; `do` says how."""
        answer = await self.built.sim.post("/_sim/faults", json={"network": network, "operation": operation, **rule})
        assert answer.status_code == 201, answer.text

    async def no_faults(self) -> None:
        await self.built.sim.delete("/_sim/faults")

    async def switch(self, **values: Any) -> None:
        answer = await self.built.sim.post("/_sim/state/switches", json=values)
        assert answer.status_code == 200, answer.text

    async def calls(self, *operations: str) -> list[str]:
        """The operations that the networks were asked for since `forget_calls`: all, or those that are named."""
        asked = (await self.built.sim.get("/_sim/requests")).json()["requests"]
        found = [entry["operation"] for entry in asked]
        return [operation for operation in found if not operations or operation in operations]

    async def forget_calls(self) -> None:
        await self.built.sim.delete("/_sim/requests")

    async def advance(self, seconds: float) -> None:
        await self.built.sim.post("/_sim/clock/advance", json={"seconds": seconds})

    async def shown(self, message: Message, viewer: str | None = None) -> Json:
        """The message as another person sees it in LinkedIn."""
        query = "" if viewer is None else f"?viewer={viewer}"
        chat = await self.built.sim.get(f"{_chat(message)}{query}")
        return next(item for item in chat.json()["messages"] if item["id"].rstrip("=") == message.key)

    async def at_linkedin(self, message: Message, action: str, **body: Any) -> None:
        """Somebody, usually its sender, does something with the message in LinkedIn itself."""
        answer = await self.built.sim.post(
            f"{_chat(message)}/messages/{quote(_id(message), safe='')}/{action}", json=body
        )
        assert answer.status_code == 200, answer.text

    async def write_at_linkedin(self, chat: str, text: str, **body: Any) -> Json:
        """Somebody writes in a chat, in LinkedIn itself."""
        path = f"/_sim/network/linkedin/chats/{quote(chat, safe='')}/messages"
        answer = await self.built.sim.post(path, json={"text": text, **body})
        assert answer.status_code == 200, answer.text
        written: Json = answer.json()
        return written

    # what is here

    async def linkedin(self, caller: Caller | None = None) -> Account:
        """The LinkedIn account that was linked first."""
        return (await self.services.accounts.list(caller or self.caller, provider="linkedin")).items[-1]

    async def link(self, login: str, caller: Caller | None = None) -> Account:
        """Link one more LinkedIn account, and have it synced."""
        account = await self.services.accounts.link(
            caller or self.caller, "linkedin", "cookie", {"access_token": login}
        )
        await self.sync(account)
        return await self.services.accounts.get(caller or self.caller, account.id)

    async def sync(self, account: Account, *, full: bool = False) -> None:
        await self.house.sync.sync(account.workspace_id, account.id, full=full)

    async def messages(self, caller: Caller | None = None, **wanted: Any) -> list[Message]:
        """All messages, newest first."""
        found: list[Message] = []
        cursor = None
        while True:
            page = await self.services.messages.list(caller or self.caller, cursor=cursor, limit=250, **wanted)
            found += page.items
            cursor = page.next
            if cursor is None:
                return found

    async def own(self, *, minutes: tuple[int, int] = (0, 30), quoted: bool = False) -> Message:
        """A message that Ada sent so many minutes ago; `quoted`: one that another message quotes."""
        now = self.now_ms()
        held = await self.messages()
        quotes = {message.content.quote.key for message in held if message.content.quote is not None}
        for message in held:
            age = (now - message.sent_at) / 60_000
            plain = message.is_sender and not message.is_tombstone and message.content.text
            if plain and minutes[0] <= age < minutes[1] and (message.key in quotes) is quoted:
                return message
        raise LookupError("no such message")

    async def others(self) -> Message:
        """A fresh message that somebody else sent."""
        return next(message for message in await self.messages() if not message.is_sender and message.content.text)

    async def shared(self) -> Message:
        """A fresh message of Ada's in a chat that Bea's account sees too."""
        theirs = {message.key for message in await self.messages(self.built.other)}
        return next(
            message
            for message in await self.messages(account_id=(await self.linkedin()).id)
            if message.is_sender and message.key in theirs and self.now_ms() - message.sent_at < 30 * 60_000
        )

    async def get(self, message: Message, caller: Caller | None = None) -> Message:
        return await self.services.messages.get(caller or self.caller, message.id)

    async def recall(self, message: Message) -> None:
        await self.services.recalls.recall(self.caller, message.id)

    async def events(self, *types: EventType, caller: Caller | None = None) -> list[Event]:
        """The log from its start: all, or those of these types."""
        found = await self.services.events.after(caller or self.caller, 0, 10_000)
        return [event for event in found if not types or event.type in types]

    async def receipts(self) -> list[Receipt]:
        """Receipts of recalls, newest first."""
        held = (await self.services.receipts.list(self.caller)).items
        return [receipt for receipt in held if receipt.kind == "message.recalled"]

    async def intents(self) -> list[opened.Opened]:
        return sorted((await self.rows())["recalls"], key=lambda row: row["id"])

    async def rows(self) -> dict[str, list[opened.Opened]]:
        """Everything that is stored, opened."""
        return await opened.rows(self.house.database)

    async def rows_of(self, table: str) -> list[opened.Opened]:
        return (await self.rows())[table]

    def now(self) -> datetime:
        return self.services.recalls._now()

    def now_ms(self) -> int:
        return to_ms(self.now())

    # what runs in the background of a server

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """The worker runs."""
        async with running(self.house.worker.run()):
            yield

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """All accounts are listened to."""
        async with running(self.house.listeners.run()):
            while len((await self.built.sim.get("/_sim/network/linkedin/streams")).json()["accounts"]) < 2:
                await asyncio.sleep(0.02)
            yield

    async def until(self, told: Any, seconds: float = 15.0) -> Any:
        """Wait until an async function answers something true, and give that."""
        async with asyncio.timeout(seconds):
            while not (found := await told()):
                await asyncio.sleep(0.05)
            return found


def _chat(message: Message) -> str:
    return f"/_sim/network/linkedin/chats/{quote(message.chat_provider_id, safe='')}"


def _id(message: Message) -> str:
    """The message's bare id, as LinkedIn pads it."""
    return message.provider_id.removeprefix("urn:li:msg:")


@contextlib.asynccontextmanager
async def running(work: Any) -> AsyncIterator[None]:
    """It goes on beside the block."""
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture(name="scene", params=["sqlite", "postgres"])
async def the_scene(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Scene]:
    """The scene, once on each database. A test file has the fixture `scene` by importing this."""
    postgres = request.getfixturevalue("postgres_server") if request.param == "postgres" else None
    async with lent(tmp_path / "data", postgres) as house:
        yield Scene(house)


@contextlib.asynccontextmanager
async def staged(data: Path, database_url: str = "") -> AsyncIterator[Scene]:
    """The scene, on SQLite or on the PostgreSQL database that is named; staged again, it goes on where it was."""
    async with built(data, database_url) as house:
        yield Scene(house)
