import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from tests.parts.faultproxy import FaultProxy


@pytest.fixture
async def echo() -> AsyncIterator[int]:
    """A server that says everything back; its port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(4096):
                writer.write(chunk)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


async def say(port: int, words: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(words)
        return await reader.readexactly(len(words))
    finally:
        writer.close()


async def test_a_healthy_line_passes_everything(echo: int) -> None:
    async with FaultProxy("127.0.0.1", echo) as proxy:
        words = bytes(range(256)) * 1000
        assert await say(proxy.port, words) == words
        assert proxy.accepted == 1


async def test_latency_delays_the_answer(echo: int) -> None:
    async with FaultProxy("127.0.0.1", echo) as proxy:
        proxy.faults.latency_seconds = 0.1
        began = time.monotonic()
        assert await say(proxy.port, b"slow") == b"slow"
        assert time.monotonic() - began >= 0.2


async def test_a_refused_connection_is_reset_and_counted(echo: int) -> None:
    async with FaultProxy("127.0.0.1", echo) as proxy:
        proxy.faults.refuse = True
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await say(proxy.port, b"hello")
        assert proxy.accepted == 1
        proxy.heal()
        assert await say(proxy.port, b"hello") == b"hello"


async def test_a_black_hole_answers_nothing_until_it_heals(echo: int) -> None:
    async with FaultProxy("127.0.0.1", echo) as proxy:
        proxy.faults.blackhole = True
        waiting = asyncio.ensure_future(say(proxy.port, b"hello"))
        done, _ = await asyncio.wait([waiting], timeout=0.2)
        assert not done
        proxy.heal()
        assert await asyncio.wait_for(waiting, 5) == b"hello"


async def test_a_reset_comes_after_exactly_so_many_bytes(echo: int) -> None:
    async with FaultProxy("127.0.0.1", echo) as proxy:
        proxy.faults.reset_after_bytes = 10
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"x" * 100)
        received = b""
        with pytest.raises(ConnectionError):
            while chunk := await reader.read(5):
                received += chunk
        assert len(received) <= 10
        writer.close()


async def test_cut_resets_what_is_open(echo: int) -> None:
    async with FaultProxy("127.0.0.1", echo) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        assert proxy.cut() == 2
        with pytest.raises(ConnectionError):
            await reader.readexactly(1)
        writer.close()
