"""How a stream ends: a key that is revoked, a client that does not read, a position that is kept no longer."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from postroom.domain.access import Scope
from postroom.domain.events import EventData, EventType
from postroom.store import events
from postroom.web import stream
from tests.servers import Built, built


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Built]:
    async with built(tmp_path, furnished=False) as made:
        yield made


class Listener:
    """A WebSocket client of the house's application, without a socket; it may stop reading."""

    def __init__(self, house: Built, secret: str, query: str = "") -> None:
        self.frames: list[Any] = []
        self.closed: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.accepted = asyncio.Event()
        self.reads = asyncio.Event()
        self.reads.set()
        self._heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._heard.put_nowait({"type": "websocket.connect"})
        scope = {
            "type": "websocket",
            "path": "/api/events",
            "query_string": query.encode(),
            "headers": [(b"x-api-key", secret.encode())],
        }
        self.task: asyncio.Future[None] = asyncio.ensure_future(house.house.app(scope, self._heard.get, self._send))

    async def _send(self, message: Any) -> None:
        if message["type"] == "websocket.accept":
            self.accepted.set()
        elif message["type"] == "websocket.close":
            self.closed.set_result(message["code"])
        else:
            await self.reads.wait()
            self.frames.append(json.loads(message["text"]))

    async def leave(self) -> None:
        self._heard.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await self.task


async def happens(house: Built, times: int = 1) -> None:
    """Something in the log."""
    for _ in range(times):
        async with house.house.database.begin() as tx:
            data = EventData(post_group_id="6" * 24)
            await house.house.services.events.announce(
                tx, house.caller.workspace_id, EventType.POST_GROUP_DELETED, data
            )


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_stream_ends_soon_after_its_key_was_revoked(house: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "RECHECK_SECONDS", 0.05)
    access = house.house.services.access
    key, secret = await access.issue_key(house.caller.workspace_id, "short", frozenset({Scope.READ}))
    listener = Listener(house, secret)
    await listener.accepted.wait()
    await happens(house)
    await until(lambda: listener.frames)
    await access.revoke_key(house.caller, key.id)
    assert await asyncio.wait_for(listener.closed, 5) == stream.NO_KEY
    await listener.task


async def test_a_key_without_the_scope_may_not_listen(house: Built) -> None:
    _, secret = await house.house.services.access.issue_key(house.caller.workspace_id, "send", frozenset({Scope.SEND}))
    listener = Listener(house, secret)
    assert await asyncio.wait_for(listener.closed, 5) == stream.NOT_ALLOWED


async def test_a_client_that_does_not_read_is_let_go_and_resumes_where_it_was(
    house: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "MOST_WAITING", 5)
    monkeypatch.setattr(stream, "CLOSE_SECONDS", 0.2)
    quick, slow = Listener(house, house.kept.key), Listener(house, house.kept.key)
    await quick.accepted.wait()
    await slow.accepted.wait()
    await happens(house)
    await until(lambda: quick.frames and slow.frames)
    slow.reads.clear()
    for count in range(2, 12):
        await happens(house)
        await until(lambda wanted=count: len(quick.frames) == wanted)
    assert await asyncio.wait_for(slow.closed, 5) == stream.TOO_SLOW
    await slow.task
    again = Listener(house, house.kept.key, f"after={slow.frames[-1]['position']}")
    await until(lambda: len(slow.frames) + len(again.frames) == 11)
    assert slow.frames + again.frames == quick.frames
    await quick.leave()
    await again.leave()


async def test_a_position_that_is_kept_no_longer_is_said_and_where_the_log_begins(house: Built) -> None:
    await happens(house, 3)
    async with house.house.database.begin() as tx:
        await events.remove_older(tx, 2**62)
    await happens(house, 2)
    listener = Listener(house, house.kept.key, "after=1")
    assert await asyncio.wait_for(listener.closed, 5) == stream.TOO_OLD
    (frame,) = listener.frames
    assert (frame["type"], frame["code"]) == ("error", "cursor_too_old")
    again = Listener(house, house.kept.key, f"after={frame['oldest']}")
    await until(lambda: len(again.frames) == 2)
    await again.leave()
    headers = {"X-API-KEY": house.kept.key}
    transport = httpx.ASGITransport(app=house.house.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/api", headers=headers) as client:
        answer = await client.get("/events?after=1")
        assert (answer.status_code, answer.json()["code"]) == (410, "cursor_too_old")
        assert answer.json()["context"]["oldest"] == frame["oldest"]


async def test_many_clients_hear_the_same_once_each_and_those_who_join_late_miss_nothing(house: Built) -> None:
    listeners = [Listener(house, house.kept.key, "after=0") for _ in range(5)]
    writing = asyncio.create_task(happens(house, 60))
    for _ in range(5):
        await asyncio.sleep(0.01)
        listeners.append(Listener(house, house.kept.key, "after=0"))
    await writing
    await until(lambda: all(len(each.frames) == 60 for each in listeners))
    positions = [frame["position"] for frame in listeners[0].frames]
    assert positions == sorted(set(positions))
    assert all(each.frames == listeners[0].frames for each in listeners)
    for each in listeners:
        await each.leave()


async def test_whoever_comes_back_after_all_others_left_hears_again(house: Built) -> None:
    for _ in range(3):
        listener = Listener(house, house.kept.key)
        await listener.accepted.wait()
        await asyncio.sleep(0.05)
        await happens(house)
        await until(lambda listening=listener: len(listening.frames) == 1)
        await listener.leave()


async def test_what_happened_during_a_slow_catching_up_is_heard_once(house: Built) -> None:
    await happens(house, 3)
    listener = Listener(house, house.kept.key, "after=0")
    listener.reads.clear()
    await listener.accepted.wait()
    await asyncio.sleep(0.05)
    await happens(house, 2)
    listener.reads.set()
    await until(lambda: len(listener.frames) >= 5)
    await happens(house)
    await until(lambda: len(listener.frames) >= 6)
    positions = [frame["position"] for frame in listener.frames]
    assert positions == sorted(set(positions))
    await listener.leave()


async def test_whoever_catches_up_while_the_last_listener_leaves_hears_what_follows(house: Built) -> None:
    await happens(house, 3)
    first, second = Listener(house, house.kept.key), Listener(house, house.kept.key, "after=0")
    second.reads.clear()
    await first.accepted.wait()
    await second.accepted.wait()
    await asyncio.sleep(0.05)
    await first.leave()
    second.reads.set()
    await until(lambda: len(second.frames) == 3)
    await happens(house)
    await until(lambda: len(second.frames) == 4)
    await second.leave()
