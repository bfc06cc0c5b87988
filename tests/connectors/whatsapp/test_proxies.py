"""A WhatsApp account goes out by its proxy: the simulated library really does, and the real one is seen to try."""

import asyncio
from ipaddress import ip_address
from pathlib import Path

import pytest

from postroom.connectors.contract import Show
from postroom.connectors.whatsapp.connector import WhatsAppConnector, WhatsAppSettings
from postroom.domain.accounts import Account
from postroom.domain.addresses import IpAddress
from postroom.domain.proxies import Proxy, ProxyProtocol
from postroom.errors import ProviderDown, ProxyRefused
from tests.connectors.whatsapp.telephone import ALL_MESSAGES, CLEO, Telephone, listening
from tests.parts.tunnelproxy import TunnelProxy
from tests.servers import Built, lent

LOGIN = ("ada@home", "p/w:d%")


def by(proxy: TunnelProxy, password: str = LOGIN[1], protocol: ProxyProtocol = ProxyProtocol.HTTP) -> Proxy:
    return Proxy(protocol=protocol, host="127.0.0.1", port=proxy.port, username=LOGIN[0], password=password)


async def linked_by(built: Built, proxy: Proxy) -> Telephone:
    accounts = built.house.services.accounts
    attempt, step = await accounts.start_link(built.caller, "whatsapp", "qr", proxy=proxy)
    assert isinstance(step, Show)
    await built.sim.post("/_sim/network/whatsapp/do/scan", json={"code": step.code})
    async with asyncio.timeout(20):
        while not isinstance(found := (await accounts.answer_link(built.caller, attempt.id, {}))[1], Account):
            await asyncio.sleep(0.05)
    return Telephone(built, found)


async def test_an_account_goes_by_its_proxy_from_its_code_to_its_end_and_by_another_one_once_it_has_it(
    tmp_path: Path,
) -> None:
    async with TunnelProxy(login=LOGIN) as proxy, lent(tmp_path / "data") as built:
        accounts = built.house.services.accounts
        with pytest.raises(ProxyRefused) as refused:
            await accounts.start_link(built.caller, "whatsapp", "qr", proxy=by(proxy, "wrong"))
        assert "wrong" not in refused.value.detail
        assert proxy.paths == []
        it = await linked_by(built, by(proxy))
        assert {"/whatsapp/begin", "/whatsapp/paired"} <= set(paths(proxy))
        async with listening(built):
            await it.until(lambda: heard(it))
            chat = await it.chat(CLEO)
            await it.services.messages.send(it.caller, chat.id, "by the first")
            assert "/whatsapp/send" in paths(proxy)
            async with TunnelProxy() as second:
                bare = Proxy(protocol=ProxyProtocol.HTTP, host="127.0.0.1", port=second.port)
                await accounts.set_proxy(it.caller, it.account.id, bare)
                await it.until(lambda: through(second, "/whatsapp/stream"))
                told = len(proxy.paths)
                await it.services.messages.send(it.caller, chat.id, "by the second")
                assert "/whatsapp/send" in paths(second)
                assert len(proxy.paths) == told


@pytest.mark.parametrize("protocol", [ProxyProtocol.HTTP, ProxyProtocol.SOCKS5])
async def test_the_real_library_asks_the_proxy_for_whatsapp_and_nobody_else(
    tmp_path: Path, protocol: ProxyProtocol
) -> None:
    async with TunnelProxy(login=LOGIN) as proxy:
        proxy.answers = b"HTTP/1.1 502 Bad Gateway\r\n\r\n"
        connector = WhatsAppConnector(settings=WhatsAppSettings(working_folder=str(tmp_path)))
        for password, error in ((LOGIN[1], ProviderDown), ("wrong", ProxyRefused)):
            with pytest.raises(error) as caught:
                await connector.through(by(proxy, password, protocol), find).login("qr", None)
            assert LOGIN[1] not in caught.value.detail
        assert (proxy.accepted, proxy.refused_logins) == (2, 1)
        await connector.close()


async def find(proxy: Proxy) -> list[IpAddress]:
    return [ip_address(proxy.host)]


def paths(proxy: TunnelProxy) -> list[str]:
    return [path.partition("?")[0] for path in proxy.paths]


async def through(proxy: TunnelProxy, path: str) -> bool:
    return path in paths(proxy)


async def heard(it: Telephone) -> bool:
    return len(await it.messages()) >= ALL_MESSAGES
