from __future__ import annotations

import asyncio
import mmap
import signal
import struct
import time
from pathlib import Path

import httpx
import pytest

from tests.sim.simulation import Member, Process


async def test_a_killed_simulation_comes_back_with_all_it_answered(folder: Path) -> None:
    first = Process(folder)
    async with httpx.AsyncClient(base_url=first.origin, verify=False) as client:
        ada = await Member(client).sign_in()
        chat = (await ada.conversation_with("Bea"))["entityUrn"]
        kept, gone = await ada.send("kept", chat), await ada.send("gone", chat)
        assert (await ada.recall(gone)).status_code == 204
        await client.post("/_sim/faults", json={"operation": "me", "nth": 2, "do": {"status": 503}})
        await client.post("/_sim/state/switches", json={"repeat_recall": 204})
        first.process.send_signal(signal.SIGKILL)
        first.wait()
    second = Process(folder)
    async with httpx.AsyncClient(base_url=second.origin, verify=False) as client:
        ada = await Member(client).sign_in()
        rows = (await ada.messages(chat))["elements"][:2]
        formats = {row["entityUrn"]: row["messageBodyRenderFormat"] for row in rows}
        assert formats == {kept: "DEFAULT", gone: "RECALLED"}
        assert (await ada.recall(gone)).status_code == 204
        assert (await ada.get("/voyager/api/me")).status_code == 503
        operations = [row["operation"] for row in (await client.get("/_sim/requests")).json()["requests"]]
        assert operations[:5] == ["me", "conversations", "send", "send", "recall"]
    assert second.end() == 0


async def test_a_restart_hours_later_brings_fresh_messages(folder: Path) -> None:
    first = Process(folder)
    async with httpx.AsyncClient(base_url=first.origin, verify=False) as client:
        ada = await Member(client).sign_in()
        before = await ada.conversation_with("Bea")
        await client.post("/_sim/clock/advance", json={"seconds": 7200})
    first.end()
    second = Process(folder)
    async with httpx.AsyncClient(base_url=second.origin, verify=False) as client:
        ada = await Member(client).sign_in()
        after = await ada.conversation_with("Bea")
        assert after["lastActivityAt"] - before["lastActivityAt"] > 7_000_000
    second.end()


async def test_it_stops_at_once_although_a_stream_is_open(folder: Path) -> None:
    process = Process(folder)
    async with httpx.AsyncClient(base_url=process.origin, verify=False) as client:
        ada = await Member(client).sign_in()
        async with ada.listening() as stream:
            process.process.terminate()
            with pytest.raises((StopAsyncIteration, httpx.RemoteProtocolError, httpx.ReadError)):
                await stream.next()
        started = time.monotonic()
        assert process.wait() == 0
        assert time.monotonic() - started < 3


async def test_it_stops_when_its_parent_does(folder: Path) -> None:
    process = Process(folder, "--until-stdin-closes")
    assert process.process.poll() is None
    assert process.process.stdin is not None
    process.process.stdin.close()
    assert process.process.wait(timeout=5) == 0
    process.wait()


async def test_a_folder_has_one_simulation_at_a_time(folder: Path) -> None:
    holder = Process(folder)
    waiting = asyncio.create_task(asyncio.to_thread(Process, folder))
    await asyncio.sleep(0.5)
    assert not waiting.done()
    holder.end()
    successor = await waiting
    assert successor.addresses["linkedin"].startswith("http://127.0.0.1:")
    successor.end()


async def test_another_process_follows_the_clock_through_its_file(folder: Path) -> None:
    process = Process(folder)
    assert process.clock.stat().st_size == 8
    with process.clock.open("r+b") as file, mmap.mmap(file.fileno(), 8) as offset:
        assert struct.unpack("<d", offset[:])[0] == 0.0
        async with httpx.AsyncClient(base_url=process.origin, verify=False) as client:
            await client.post("/_sim/clock/advance", json={"seconds": 60})
        assert struct.unpack("<d", offset[:])[0] == 60.0
    process.end()
