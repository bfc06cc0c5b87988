"""WhatsApp where several processes work at one database: a session is open in one of them, and the others say so."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from postroom import sandbox
from postroom.app import House, build
from postroom.connectors.whatsapp.connector import WhatsAppConnector
from postroom.errors import ErrorCode, NoSession
from postroom.settings import Settings
from tests import opened
from tests.connectors.whatsapp.telephone import CLEO, Telephone, is_imported, linked, listening
from tests.parts.postgres import PostgresServer


@asynccontextmanager
async def another(it: Telephone) -> AsyncIterator[House]:
    """A second server at the same database."""
    sim = str(it.built.sim.base_url).rstrip("/")
    url = getattr(it.built.house.database, "_url", "")
    settings = Settings(data=it.built.data, database_url=url, providers=sandbox.providers(sim))
    house = await build(settings, public_url="http://127.0.0.1:1", now=it.built.now, sandbox=True)
    try:
        yield house
    finally:
        await house.close()


def pid(house: House) -> int | None:
    """The process of its library, if it was begun."""
    connector = house.connectors["whatsapp"]
    assert isinstance(connector, WhatsAppConnector)
    return connector.host.pid


async def test_a_session_that_another_server_has_is_not_opened_again_and_nothing_is_sent(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    async with linked(tmp_path / "data", postgres_server) as it, another(it) as house:
        chat, own = await it.chat(CLEO), await it.own()
        await it.forget_calls()
        there = house.services
        for asked in (
            there.messages.send(it.caller, chat.id, "From elsewhere"),
            there.recalls.recall(it.caller, own.id),
            there.messages.edit(it.caller, own.id, "Another text"),
        ):
            with pytest.raises(NoSession, match="nobody was called") as raised:
                await asked
            assert raised.value.code is ErrorCode.NO_HANDLER
        transport = httpx.ASGITransport(app=house.app)
        headers = {"X-API-KEY": it.built.kept.key}
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:1", headers=headers) as http:
            told = await http.post(f"/postpress/v1/chats/{chat.id}/messages", json={"text": "From elsewhere"})
        assert (told.status_code, told.json()["type"], told.headers["retry-after"]) == (503, "errors/no_handler", "20")
        assert pid(house) is None
        assert await it.calls("send", "recall") == []
        assert await it.get(own) == own
        # Whoever has it goes on, and hears that the account is being unlinked by the other one.
        await it.services.messages.send(it.caller, chat.id, "From here")
        await there.accounts.unlink(it.caller, it.account.id)
        (receipt,) = [
            row for row in (await opened.rows(house.database))["receipts"] if row["kind"] == "account.unlinked"
        ]
        assert '"session_ended_at_network":true' in str(receipt["document"]).replace(" ", "")


async def test_a_session_goes_to_another_server_once_the_first_lets_go_and_never_to_one_that_only_answers(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    async with linked(tmp_path / "data", postgres_server, listens=False) as it, another(it) as house:
        there = house.services
        held = [row for row in (await opened.rows(house.database))["accounts"] if row["id"] == it.account.id]
        assert held[0]["leased_by"] is not None, "whoever linked it has its session"
        async with listening(it.built):
            await it.until(lambda: is_imported(it))
        chat = await it.chat(CLEO)
        sent = await there.messages.send(it.caller, chat.id, "From the other one")
        assert (await it.shown(sent.provider_id))["text"] == "From the other one"
        with pytest.raises(NoSession):
            await it.services.messages.send(it.caller, chat.id, "No more from here")
        house.listeners.stay_away()
        await it.advance(1)
        for asked in (
            there.messages.send(it.caller, chat.id, "Nor from there"),
            there.accounts.start_link(it.caller, "whatsapp", "qr"),
        ):
            with pytest.raises(NoSession) as raised:
                await asked
            assert raised.value.code is ErrorCode.NO_HANDLER
