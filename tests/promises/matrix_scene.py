"""A house and the simulated homeserver: Ada, whose account is linked, and Bea, who has a client of her own."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from postroom.domain.accounts import Account
from postroom.domain.messages import Message
from tests.parts.synapse import Person
from tests.scene import Scene
from tests.servers import lent


class MatrixScene(Scene):
    """The scene with an account on Matrix; operations and faults are the homeserver's."""

    account: Account
    bea: Person
    chat_id: str
    room: str

    async def begin(self, client: httpx.Client) -> None:
        """Link Ada's account, and make a room with Bea in it."""
        self.bea = Person("@bea:quillfern.test", "bea", "user_second", "", client)
        ada = Person("@ada:quillfern.test", "ada", "user_good", "", client)
        self.room = await asyncio.to_thread(ada.create_room, self.bea)
        await self.link_again()
        await self.sync(self.account)
        chats = (await self.services.chats.list(self.caller, account_ids=[self.account.id])).items
        self.chat_id = next(chat.id for chat in chats if chat.provider_id == self.room)

    async def link_again(self) -> None:
        answers = {"user": "ada", "password": "ada-pass"}
        self.account = await self.services.accounts.link(self.caller, "matrix", "password", answers)

    async def sent(self, text: str = "From here.") -> Message:
        return await self.services.messages.send(self.caller, self.chat_id, text)

    async def refuse(self, operation: str, do: dict[str, Any]) -> None:
        """The next call of this operation goes wrong."""
        await self.fault(operation, network="matrix", do=do)

    def seen(self) -> list[dict[str, Any]]:
        """What is said in the room, as Bea sees it, oldest first."""
        return [event for event in self.bea.history(self.room) if event["type"] in ("m.room.message", "m.reaction")]


@pytest.fixture(name="scene", params=["sqlite", "postgres"])
async def the_matrix_scene(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[MatrixScene]:
    """Once on each database. A test file has the fixture `scene` by importing this."""
    postgres = request.getfixturevalue("postgres_server") if request.param == "postgres" else None
    async with lent(tmp_path / "data", postgres) as house:
        with httpx.Client(
            base_url=f"{str(house.sim.base_url).rstrip('/')}/matrix", timeout=30, trust_env=False
        ) as client:
            scene = MatrixScene(house)
            await scene.begin(client)
            yield scene
