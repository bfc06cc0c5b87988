"""How a WhatsApp account is linked, how it ends, and what lies where meanwhile."""

import asyncio
import importlib.util
import os
import signal
from pathlib import Path

import pytest

from postroom import sandbox
from postroom.connectors.contract import Ask, CheckpointKind, Linked, Reply, Show
from postroom.connectors.whatsapp import connector as connectors
from postroom.connectors.whatsapp import vault
from postroom.connectors.whatsapp.connector import WhatsAppConnector
from postroom.domain.accounts import Account
from postroom.errors import LoginFailed, NotImplementedHere
from postroom.services.quota import Quota
from tests.connectors.whatsapp.telephone import ALL_MESSAGES, Telephone, linked, listening
from tests.servers import lent

KEY = b"PRIVATE-KEY"


def places(it: Telephone) -> list[Path]:
    """The sessions of this account that lie in the working folder now."""
    return [place for place in vault.working_folder("").iterdir() if place.name in it.host._sessions]


async def test_a_server_without_the_extra_says_so_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(NotImplementedHere, match=r"pip install 'postroom\[whatsapp\]'"):
        await WhatsAppConnector().login("qr", None)


async def test_a_code_can_be_typed_on_the_telephone_and_codes_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with lent(tmp_path / "data") as built:
        accounts = built.house.services.accounts
        attempt, asked = await accounts.start_link(built.caller, "whatsapp", "pairing_code")
        assert isinstance(asked, Ask)
        _, shown = await accounts.answer_link(built.caller, attempt.id, {"phone_number": "+49 1555 0000001"})
        assert isinstance(shown, Show)
        assert shown.checkpoint is not None
        assert (shown.checkpoint.kind, shown.again_seconds) == (CheckpointKind.PAIRING_CODE, 2.0)
        await built.sim.post("/_sim/network/whatsapp/do/scan", json={"code": shown.code})
        async with asyncio.timeout(20):
            while not isinstance(found := (await accounts.answer_link(built.caller, attempt.id, {}))[1], Account):
                await asyncio.sleep(0.05)
        assert found.profile.name == "Ada Marlow"
        # Codes that nobody scanned.
        monkeypatch.setattr(connectors, "_CODES_SECONDS", 0.0)
        attempt, asked = await accounts.start_link(built.caller, "whatsapp", "qr")
        assert isinstance(asked, Show)
        with pytest.raises(LoginFailed, match="in time"):
            await accounts.answer_link(built.caller, attempt.id, {})


async def test_how_a_session_ends_is_said_as_it_is(tmp_path: Path) -> None:
    async with linked(tmp_path / "data") as it:
        sim = str(it.built.sim.base_url).rstrip("/")
        for action, status, code in (
            ("unlink", "disconnected", "disconnected_account"),
            ("ban", "action_required", "action_required"),
            ("outdated", "action_required", "action_required"),
            ("replace", "disconnected", "multiple_sessions"),
        ):
            await it.do(action)

            async def is_said(status: str = status, code: str = code) -> bool:
                return await it.status() == (status, code)

            await it.until(is_said)
            # Nothing of an ended session stays in clear.
            await it.until(lambda: _nothing(it))
            again, step = await it.services.accounts.start_link(it.caller, "whatsapp", "qr")
            assert isinstance(step, Show)
            await it.do("scan", code=step.code)
            async with asyncio.timeout(20):
                while not isinstance(
                    found := (await it.services.accounts.answer_link(it.caller, again.id, {}))[1], Account
                ):
                    await asyncio.sleep(0.05)
            assert found.id == it.account.id

            async def is_back() -> bool:
                return (await it.status())[0] == "connected" and it.host.find(_session(it)) is not None

            await it.until(is_back)
            await it.come((await it.write(f"After {action}"))["text"])
        assert await sandbox.link_by_telephone(it.built.house, it.caller, sim) is not None
        # A connection that is away for a moment comes back by itself, with what was said meanwhile.
        await it.do("cut")
        await it.come((await it.write("While it was cut"))["text"])


def _session(it: Telephone) -> str:
    return next(iter(it.host._sessions))


async def _nothing(it: Telephone) -> bool:
    return not [place for place in places(it) if (place / "session.db").exists()]


async def test_a_session_is_sealed_at_rest_and_what_a_kill_leaves_is_taken_up(tmp_path: Path) -> None:
    async with linked(tmp_path / "data") as it:
        (place,) = places(it)
        assert (place.stat().st_mode & 0o777, (place / "session.db").stat().st_mode & 0o777) == (0o700, 0o600)
        assert KEY in (place / "session.db").read_bytes()
        data = it.built.data
        # The data folder and what a backup would hold never have it in clear.
        own = await it.own()
        said = str(own.content.text).encode()
        assert said in (place / "session.db").read_bytes()
        await it.services.recalls.recall(it.caller, own.id)
        assert said not in (place / "session.db").read_bytes()
        assert [file for file in data.rglob("*") if file.is_file() and KEY in file.read_bytes()] == []
        pid = it.host.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await it.come((await it.write("After the kill"))["text"])
        assert it.host.pid != pid
        # Unlinking ends the device at WhatsApp, and removes the session here.
        await it.services.accounts.unlink(it.caller, it.account.id)
        assert not place.exists()
        assert [file for file in data.rglob("*") if file.is_file() and KEY in file.read_bytes()] == []
        assert await it.calls("logout") == ["logout"]


async def test_what_was_told_and_not_taken_in_is_told_again_after_a_restart(tmp_path: Path) -> None:
    async with linked(tmp_path / "data", listens=False) as it:
        connection = await it.built.house.services.accounts._connections._opened(it.account)
        await connection.connection.profile()
        session = _session(it)

        async def has_history() -> bool:
            return it.host.session(session).news.qsize() >= 5

        await it.until(has_history)
        # Nobody listened yet; the server ends, and the next one begins with what was sealed.
        store = await it.host.stop(session)
        assert store is not None
        vault.wipe(vault.working_folder(""), session)
        place = vault.Place(vault.working_folder(""), session)
        place.take(store, 1)
        kinds = [kind for _, kind, _ in place.waiting()]
        assert kinds.count("history") == 3
        with pytest.raises(BlockingIOError):
            vault.Place(vault.working_folder(""), session).take(store, 1)
        place.leave()
        # This one left it in its place, as a process that was killed does.
        async with listening(it.built):

            async def is_imported() -> bool:
                return len(await it.messages()) >= ALL_MESSAGES

            await it.until(is_imported)
        assert not place.folder.exists()


async def test_an_account_that_is_banned_at_once_is_not_linked(tmp_path: Path) -> None:
    async with lent(tmp_path / "data") as built:
        connector = built.house.connectors["whatsapp"]
        step = await connector.login("qr", None)
        assert isinstance(step, Show)
        await built.sim.post("/_sim/network/whatsapp/do/scan", json={"code": step.code, "login": "user_banned"})
        with pytest.raises(LoginFailed, match="banned"):
            async with asyncio.timeout(20):
                while True:
                    assert not isinstance(await connector.login("qr", Reply(state=step.state, answers={})), Linked)
                    await asyncio.sleep(0.05)


async def test_a_link_that_is_refused_leaves_no_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with linked(tmp_path / "data", listens=False) as it:
        accounts = it.services.accounts
        await accounts.unlink(it.caller, it.account.id)
        attempt, step = await accounts.start_link(it.caller, "whatsapp", "qr")
        assert isinstance(step, Show)

        async def full(*_: object) -> None:
            raise LoginFailed("The plan is full.")

        monkeypatch.setattr(Quota, "check_link", full)
        await it.do("scan", code=step.code)
        with pytest.raises(LoginFailed, match="plan is full"):
            async with asyncio.timeout(20):
                while True:
                    await accounts.answer_link(it.caller, attempt.id, {})
                    await asyncio.sleep(0.05)
        assert len(await it.calls("logout")) == 2
        assert places(it) == []


def test_only_what_is_a_sessions_is_swept_from_the_working_folder(tmp_path: Path) -> None:
    old = [tmp_path / name for name in ("photos", "0123456789abcdef" * 2)]
    for place in old:
        place.mkdir()
        os.utime(place, (1, 1))
    vault.sweep(tmp_path)
    assert [place.exists() for place in old] == [True, False]
