"""Answers go out as one, whole and in time; whoever does not end a head, or does not read, holds nothing up."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import uvicorn
from websockets.asyncio.client import connect

from postroom.web.protocol import Gathering, Http

CHUNK = b"x" * 50_000
HEAD_SECONDS = 1.0


async def answers(scope: Any, receive: Any, send: Callable[[dict[str, Any]], Any]) -> None:
    """`/` is answered whole; anything else with as many chunks as its path says, as fast as they are taken.

    A WebSocket hears an answer to all that it says.
    """
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            await send({"type": "websocket.send", "text": "heard"})
        return
    count = int(scope["path"][1:] or "0")
    body = b"whole" if count == 0 else b""
    headers = [(b"content-length", b"%d" % (len(body) + count * len(CHUNK)))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for _ in range(count):
        await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
        scope["state"]["sent"].append(len(CHUNK))
    await send({"type": "http.response.body", "body": body})


class Recorder(asyncio.Transport):
    """The far end of a transport: what it was told, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[bytes | str] = []
        self.closing = False

    def write(self, data: Any) -> None:
        self.told.append(bytes(data))

    def close(self) -> None:
        self.told.append("close")
        self.closing = True

    def is_closing(self) -> bool:
        return self.closing


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
async def sent() -> list[int]:
    """The sizes of the chunks that were taken off the application's hands."""
    return []


@pytest.fixture
async def port(sent: list[int]) -> AsyncIterator[int]:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["state"]["sent"] = sent
        await answers(scope, receive, send)

    opened = socket.create_server(("127.0.0.1", 0))
    http = type("Hasty", (Http,), {"head_seconds": HEAD_SECONDS})
    options: dict[str, Any] = {"loop": "none", "lifespan": "off", "log_config": None, "ws": "websockets-sansio"}
    server = uvicorn.Server(uvicorn.Config(app, http=http, **options))
    server.capture_signals = contextlib.nullcontext  # type: ignore[assignment]
    serving = asyncio.create_task(server.serve(sockets=[opened]))
    while not server.started:
        await asyncio.sleep(0.01)
    yield opened.getsockname()[1]
    server.should_exit = server.force_exit = True
    await serving


async def test_what_is_written_in_one_turn_goes_out_as_one(recorder: Recorder) -> None:
    gathering = Gathering(recorder, asyncio.get_running_loop())
    for part in (b"head", b"body"):
        gathering.write(part)
    assert recorder.told == []
    await asyncio.sleep(0)
    gathering.write(b"later")
    await asyncio.sleep(0)
    assert recorder.told == [b"headbody", b"later"]


async def test_what_was_written_goes_out_before_the_connection_closes(recorder: Recorder) -> None:
    gathering = Gathering(recorder, asyncio.get_running_loop())
    gathering.write(b"answer")
    gathering.close()
    await asyncio.sleep(0)
    assert recorder.told == [b"answer", "close"]


async def test_nothing_is_written_to_a_connection_that_the_other_side_closed(recorder: Recorder) -> None:
    gathering = Gathering(recorder, asyncio.get_running_loop())
    gathering.write(b"answer")
    recorder.closing = True
    await asyncio.sleep(0)
    assert recorder.told == []


async def test_answers_are_whole_however_many_are_asked_for_at_once(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 3 + b"GET /3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    answered = await asyncio.wait_for(reader.read(-1), 10)
    assert answered.count(b"\r\n\r\nwhole") == 3
    assert answered.endswith(CHUNK * 3)
    writer.close()


async def test_who_says_that_it_asks_no_more_is_answered(port: int) -> None:
    for _ in range(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.closing(writer):
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            writer.write_eof()
            assert (await asyncio.wait_for(reader.read(-1), 10)).endswith(b"whole")


async def test_a_connection_is_closed_where_a_head_takes_too_long_and_nowhere_else(port: int) -> None:
    whole = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in (whole, whole[:20], whole[20:], whole + whole[:10]):
        writer.write(part)
        await asyncio.sleep(HEAD_SECONDS * 0.4)
    answered = await asyncio.wait_for(reader.read(-1), HEAD_SECONDS * 3)
    assert answered.count(b"\r\n\r\nwhole") == 3
    writer.close()


async def test_a_websocket_lives_longer_than_a_head_may_take(port: int) -> None:
    async with connect(f"ws://127.0.0.1:{port}/") as socket:
        for _ in range(3):
            await asyncio.sleep(HEAD_SECONDS * 0.4)
            await socket.send("hello")
            assert await socket.recv() == "heard"


async def test_who_reads_slowly_holds_the_answer_up_and_not_in_memory(port: int, sent: list[int]) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
    writer.write(b"GET /4000 HTTP/1.1\r\nHost: a\r\n\r\n")
    before = -1
    while len(sent) > before:
        before = len(sent)
        await asyncio.sleep(0.2)
    # What the kernel holds for both ends, and a transport before it says so: far from the 200 MB that were asked for.
    assert 0 < sum(sent) < 50e6
    writer.transport.abort()
