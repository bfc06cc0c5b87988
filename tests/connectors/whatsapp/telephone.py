"""A house with a WhatsApp account, whose native library is simulated, and what other people do and see there."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from postroom import sandbox
from postroom.connectors.whatsapp.connector import WhatsAppConnector
from postroom.connectors.whatsapp.host import Host
from postroom.domain.accounts import Account
from postroom.domain.chats import Chat
from postroom.domain.messages import Message
from tests.parts.postgres import PostgresServer
from tests.servers import Built, lent

Json = dict[str, Any]
CLEO = "4915550000003@s.whatsapp.net"
BEA = "4915550000002@s.whatsapp.net"
GROUP = "120363000000000001@g.us"
ALL_MESSAGES = 4 * 28
"""In Ada's four chats, before anybody writes more."""


class Telephone:
    """Ada's account, and the simulated network."""

    def __init__(self, built: Built, account: Account) -> None:
        self.built = built
        self.account = account
        self.caller = built.caller
        self.services = built.house.services
        self._sent = 0

    @property
    def connector(self) -> WhatsAppConnector:
        found = self.built.house.connectors["whatsapp"]
        assert isinstance(found, WhatsAppConnector)
        return found

    @property
    def host(self) -> Host:
        return self.connector.host

    # what is here

    async def messages(self, **wanted: Any) -> list[Message]:
        """Newest first."""
        found: list[Message] = []
        cursor = None
        while True:
            page = await self.services.messages.list(
                self.caller, account_id=self.account.id, cursor=cursor, limit=250, **wanted
            )
            found += page.items
            cursor = page.next
            if cursor is None:
                return found

    async def find(self, text: str) -> Message | None:
        return next((each for each in await self.messages() if each.content.text == text), None)

    async def come(self, text: str) -> Message:
        """The message with this text, once it is here."""
        found: Message = await self.until(lambda: self.find(text))
        return found

    async def get(self, message: Message) -> Message:
        return await self.services.messages.get(self.caller, message.id)

    async def gone(self, message: Message) -> bool:
        return (await self.get(message)).is_tombstone

    async def chat(self, address: str) -> Chat:
        found = (await self.services.chats.list(self.caller, limit=250)).items
        return next(chat for chat in found if chat.provider_id == address)

    async def own(self, address: str = CLEO) -> Message:
        """A message that Ada sends in this chat now."""
        self._sent += 1
        chat = await self.chat(address)
        return await self.services.messages.send(self.caller, chat.id, f"Number {self._sent} of mine")

    async def status(self) -> tuple[str, str | None]:
        account = await self.services.accounts.get(self.caller, self.account.id)
        return account.status, account.status_detail

    async def until(self, told: Callable[[], Awaitable[Any]], seconds: float = 20.0) -> Any:
        async with asyncio.timeout(seconds):
            while not (found := await told()):
                await asyncio.sleep(0.05)
            return found

    # what other people do and see

    async def write(self, text: str, address: str = CLEO, **more: Any) -> Json:
        return await self._post(f"{_path(address)}/messages", text=text, **more)

    async def act(self, message: str, action: str, address: str = CLEO, **more: Any) -> Json:
        return await self._post(f"{_path(address)}/messages/{message.rpartition('/')[2]}/{action}", **more)

    async def do(self, action: str, **more: Any) -> Json:
        return await self._post(f"/_sim/network/whatsapp/do/{action}", **more)

    async def shown(self, message: str, address: str = CLEO) -> Json:
        chat = (await self.built.sim.get(_path(address))).json()
        return next(each for each in chat["messages"] if each["id"] == message.rpartition("/")[2])

    async def fault(self, operation: str, **do: Any) -> None:
        await self._post("/_sim/faults", network="whatsapp", operation=operation, times=1, do=do)

    async def forget_calls(self) -> None:
        await self.built.sim.delete("/_sim/requests")

    async def calls(self, *operations: str) -> list[str]:
        """What was asked of the network since `forget_calls`, of these operations."""
        asked = (await self.built.sim.get("/_sim/requests?network=whatsapp")).json()["requests"]
        return [each["operation"] for each in asked if each["operation"] in operations]

    async def advance(self, hours: float) -> None:
        await self._post("/_sim/clock/advance", seconds=hours * 3600)

    async def _post(self, path: str, **body: Any) -> Json:
        answer = await self.built.sim.post(path, json=body)
        assert answer.status_code in (200, 201), answer.text
        found: Json = answer.json()
        return found


def _path(address: str) -> str:
    return f"/_sim/network/whatsapp/chats/{quote(address, safe='')}"


@contextlib.asynccontextmanager
async def linked(
    data: Path, postgres: PostgresServer | None = None, *, listens: bool = True, login: str = "user_good"
) -> AsyncIterator[Telephone]:
    """The account, linked by QR code; `listens`: with its history, and followed from then on."""
    async with lent(data, postgres) as built:
        sim = str(built.sim.base_url).rstrip("/")
        account = await sandbox.link_by_telephone(built.house, built.caller, sim, login)
        assert account is not None
        found = Telephone(built, account)
        if not listens:
            yield found
            return
        async with listening(built):
            await found.until(lambda: is_imported(found))
            yield found


async def is_imported(found: Telephone) -> bool:
    return len(await found.messages()) >= ALL_MESSAGES


@contextlib.asynccontextmanager
async def listening(built: Built) -> AsyncIterator[None]:
    task = asyncio.create_task(built.house.listeners.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
