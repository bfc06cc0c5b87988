"""An account with a proxy goes out by that, with everything that is done for it, and never past it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from postroom.domain.accounts import Account, AccountStatus
from postroom.domain.files import Upload
from postroom.domain.messages import Message
from postroom.domain.proxies import Proxy, ProxyProtocol, make_proxy
from postroom.errors import ErrorCode, InvalidParameters, Kind, ProviderDown, ProxyRefused
from postroom.services import listeners
from tests import opened
from tests.parts.tunnelproxy import TunnelProxy
from tests.promises.p2_network_first import bytes_of
from tests.scene import Scene, running
from tests.servers import lent

NOTE = Upload(name="note.txt", content_type="text/plain", data=b"A note.")
LOGIN = ("ada-session-7", "canary-of-a-proxy")


@dataclass
class Field:
    """A house without a LinkedIn account yet, and a proxy."""

    scene: Scene
    proxy: TunnelProxy

    def by(self, protocol: ProxyProtocol = ProxyProtocol.HTTP, **other: Any) -> Proxy:
        values: dict[str, Any] = {"port": self.proxy.port, "username": LOGIN[0], "password": LOGIN[1]}
        return Proxy(protocol=protocol, host="127.0.0.1", **(values | other))

    async def arrived(self) -> list[str]:
        """The paths that LinkedIn was asked for since its journal was emptied."""
        found = await self.scene.built.sim.get("/_sim/requests", params={"network": "linkedin"})
        return [each["path"] for each in found.json()["requests"]]

    async def link(self, proxy: Proxy | None = None, login: str = "user_good") -> Account:
        _, account = await self.scene.services.accounts.start_link(
            self.scene.caller, "linkedin", "cookie", {"access_token": login}, proxy=proxy or self.by()
        )
        assert isinstance(account, Account)
        return account

    async def status(self, account: Account) -> tuple[AccountStatus, str | None]:
        found = await self.scene.services.accounts.get(self.scene.caller, account.id)
        return found.status, found.status_detail


@pytest.fixture(params=["sqlite", "postgres"])
async def field(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Field]:
    postgres = request.getfixturevalue("postgres_server") if request.param == "postgres" else None
    async with TunnelProxy(login=LOGIN) as proxy, lent(tmp_path / "data", postgres) as house:
        for caller in (house.caller, house.other):
            for account in (await house.house.services.accounts.list(caller, provider="linkedin")).items:
                await house.house.services.accounts.unlink(caller, account.id)
        field = Field(Scene(house), proxy)
        await field.scene.forget_calls()
        yield field


async def sent(scene: Scene, account: Account, text: str, *files: Upload) -> Message:
    chat = (await scene.services.chats.list(scene.caller, account_ids=[account.id])).items[0]
    return await scene.services.messages.send(scene.caller, chat.id, text, files=files)


async def same(field: Field) -> int:
    """How many requests there were: all that arrived came through the proxy, and the other way round."""
    arrived = await field.arrived()
    assert sorted(path.partition("?")[0].removeprefix("/linkedin") for path in field.proxy.paths) == sorted(arrived)
    return len(arrived)


@pytest.mark.parametrize("protocol", [ProxyProtocol.HTTP, ProxyProtocol.SOCKS5])
async def test_everything_of_an_account_from_its_linking_to_its_end_goes_through_its_proxy(
    field: Field, protocol: ProxyProtocol
) -> None:
    scene = field.scene
    account = await field.link(field.by(protocol))
    await scene.sync(account)
    message = await sent(scene, account, "through the tunnel", NOTE)
    _, file = await scene.services.messages.open_attachment(scene.caller, message.id, message.content.attachments[0].id)
    assert b"".join([chunk async for chunk in file.chunks]) == NOTE.data
    await scene.recall(message)
    async with running(scene.house.listeners.run()):
        await scene.until(lambda: streams(scene))
        await scene.write_at_linkedin(message.chat_provider_id, "to be heard")
        await scene.until(lambda: heard(scene, "to be heard"))
    people = (await scene.services.attendees.list(scene.caller, account_id=account.id)).items
    seen = next(person for person in people if person.content.picture_url is not None)
    await scene.services.attendees.picture(scene.caller, seen.id)
    await scene.services.accounts.relink(scene.caller, account.id, "cookie", {"access_token": "user_good"})
    fetching = await scene.services.attendees._connections.by_proxy(account, scene.house.guarded)
    await fetching.read("picture", "get", str(scene.built.sim.base_url.join("/linkedin/elsewhere")), headers={})
    await scene.services.accounts.unlink(scene.caller, account.id)
    assert await same(field) > 20


async def test_a_login_of_several_steps_goes_through_the_proxy_with_each_of_them(field: Field) -> None:
    accounts = field.scene.services.accounts
    answers = {"username": "user_2fa", "password": "secret-of-it"}
    attempt, _ = await accounts.start_link(field.scene.caller, "linkedin", "password", answers, proxy=field.by())
    _, account = await accounts.answer_link(field.scene.caller, attempt.id, {"code": "123456"})
    assert isinstance(account, Account)
    assert await accounts.proxy(field.scene.caller, account.id) == field.by()
    assert await same(field) > 3


async def test_with_its_proxy_down_nothing_reaches_the_network_and_nothing_changes_here(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listeners, "CLOSED_SECONDS", 0.3)
    scene = field.scene
    account = await field.link()
    await scene.sync(account)
    message = await sent(scene, account, "still there")
    await field.proxy.stop()
    await scene.forget_calls()
    before = await bytes_of(scene)
    for attempt in (lambda: scene.recall(message), lambda: sent(scene, account, "never"), lambda: scene.sync(account)):
        with pytest.raises(ProviderDown) as caught:
            await attempt()
        assert caught.value.code is ErrorCode.PROXY_ERROR
    assert await bytes_of(scene) == before
    async with running(scene.house.listeners.run()):
        shown = (AccountStatus.RECONNECTING, ErrorCode.PROXY_ERROR)
        await scene.until(lambda: is_shown(field, account, shown))
        assert await field.arrived() == []
        await field.proxy.start()
        await scene.until(lambda: is_shown(field, account, (AccountStatus.CONNECTED, None)))
    await field.proxy.stop()
    await scene.forget_calls()
    await scene.services.accounts.unlink(scene.caller, account.id)
    assert await field.arrived() == []


async def test_a_refused_login_to_the_proxy_stops_the_account_until_it_has_another_one(field: Field) -> None:
    scene = field.scene
    for wrong, kind in ((field.by(password="wrong"), Kind.GENERAL), (bare(field), Kind.PROXY_LOGIN)):
        with pytest.raises(ProxyRefused) as caught:
            await field.link(wrong)
        assert caught.value.kind is kind
        assert "wrong" not in caught.value.detail
    account = await field.link()
    await scene.sync(account)
    field.proxy.login = ("ada-session-8", "another")
    await field.proxy.stop()
    await field.proxy.start()
    await scene.forget_calls()
    refused = field.proxy.refused_logins
    with pytest.raises(ProxyRefused):
        await sent(scene, account, "never")
    # Once: a login that is tried again and again is locked.
    assert field.proxy.refused_logins == refused + 1
    assert await field.status(account) == (AccountStatus.ACTION_REQUIRED, ErrorCode.INVALID_PROXY_CREDENTIALS)
    assert await field.arrived() == []
    other = field.by(username="ada-session-8", password="another")
    await scene.services.accounts.set_proxy(scene.caller, account.id, other)
    assert await field.status(account) == (AccountStatus.RECONNECTING, None)
    assert (await sent(scene, account, "now it goes")).content.text == "now it goes"


async def test_another_proxy_is_gone_through_at_once_also_by_what_listens_already(field: Field) -> None:
    scene = field.scene
    account = await field.link()
    await scene.sync(account)
    async with TunnelProxy() as second, running(scene.house.listeners.run()):
        await scene.until(lambda: streams(scene))
        await scene.services.accounts.set_proxy(scene.caller, account.id, bare(field, second.port))
        await scene.until(lambda: through(second, "realtime"))
        told = len(field.proxy.paths)
        message = await sent(scene, account, "by the other one")
        await scene.write_at_linkedin(message.chat_provider_id, "heard by the other one")
        await scene.until(lambda: heard(scene, "heard by the other one"))
        assert len(field.proxy.paths) == told
        await field.proxy.stop()
        relinked = await scene.services.accounts.relink(
            scene.caller, account.id, "cookie", {"access_token": "user_good"}, proxy=bare(field, second.port)
        )
        assert isinstance(relinked[1], Account)
        await scene.services.accounts.set_proxy(scene.caller, account.id, None)
        await sent(scene, account, "by nothing at all")
        assert len(second.paths) < len(await field.arrived())


async def test_a_proxy_is_sealed_under_the_accounts_own_key_and_goes_with_it(field: Field) -> None:
    scene = field.scene
    answers = {"username": "user_2fa", "password": "secret-of-it"}
    attempt, _ = await scene.services.accounts.start_link(
        scene.caller, "linkedin", "password", answers, proxy=field.by()
    )
    assert LOGIN[1] not in repr(attempt)
    held = opened.where(await scene.rows(), LOGIN[1])
    assert held == [f"login_attempts.proxy_sealed of {attempt.id}"]
    account = await field.link()
    assert f"accounts.proxy_sealed of {account.id}" in opened.where(await scene.rows(), LOGIN[1])
    assert opened.files_with(scene.built.data, LOGIN[1]) == []
    await scene.services.accounts.unlink(scene.caller, account.id)
    assert opened.where(await scene.rows(), LOGIN[1]) == held


async def test_a_proxy_at_an_address_of_the_servers_own_network_is_refused(field: Field) -> None:
    for host in ("10.0.0.7", "169.254.169.254", "metadata.google.internal", "[::ffff:10.0.0.7]"):
        with pytest.raises(InvalidParameters) as caught:
            await field.link(make_proxy("http", host, 3128, None, None))
        assert caught.value.kind is Kind.ADDRESS
    account = await field.link()
    with pytest.raises(InvalidParameters):
        await field.scene.services.accounts.set_proxy(
            field.scene.caller, account.id, make_proxy("socks5", "192.168.1.1", 1080, None, None)
        )
    assert await field.scene.services.accounts.proxy(field.scene.caller, account.id) == field.by()


def bare(field: Field, port: int | None = None) -> Proxy:
    return field.by(username=None, password=None, port=port or field.proxy.port)


async def streams(scene: Scene) -> bool:
    return bool((await scene.built.sim.get("/_sim/network/linkedin/streams")).json()["accounts"])


async def through(proxy: TunnelProxy, word: str) -> bool:
    return any(word in path for path in proxy.paths)


async def heard(scene: Scene, text: str) -> bool:
    return any(message.content.text == text for message in await scene.messages())


async def is_shown(field: Field, account: Account, shown: tuple[AccountStatus, str | None]) -> bool:
    return await field.status(account) == shown
