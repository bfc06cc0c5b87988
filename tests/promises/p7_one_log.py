"""P7, one log, one cursor: WebSocket, webhooks and polling read the same ordered log, and nobody misses anything."""

import asyncio
import contextlib
import json
import random
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets.exceptions
from websockets.sync.client import ClientConnection, connect

from postroom.domain.events import EventData, EventType
from postroom.ids import new_id
from postroom.store import events as log
from postroom.store.postgres import PostgresDatabase
from postroom.web import stream
from tests.receiver import DROPS, SILENT, Receiver, receiving_beside
from tests.servers import Built, Server, built, running_server
from tests.size import size

pytestmark = pytest.mark.promise("P7")

Json = dict[str, Any]


# Servers that run, and clients that come and go.


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue("postgres_url") if request.param == "postgres" else ""


@contextlib.contextmanager
def serving(data: Path, database_url: str) -> Iterator[tuple[Server, httpx.Client]]:
    with running_server(data, environment={"POSTROOM_DATABASE_URL": database_url} if database_url else {}) as server:
        headers = {"X-API-KEY": server.line["key"]}
        with httpx.Client(base_url=server.line["native"].removesuffix("/api"), headers=headers, timeout=40) as api:
            yield server, api


def stream_of(server: Server, after: int) -> ClientConnection:
    address = server.line["native"].replace("http", "ws", 1) + f"/events?after={after}"
    return connect(address, additional_headers={"X-API-KEY": server.line["key"]})


def polled(api: httpx.Client, after: int = 0) -> list[Json]:
    """The log as polling shows it, page by page."""
    found: list[Json] = []
    while True:
        page = api.get("/api/events", params={"after": after, "limit": 100}).json()
        if not page["items"]:
            return found
        found += page["items"]
        after = page["position"]


def until(ready: Any, seconds: float = 30) -> Any:
    end = time.monotonic() + seconds
    while not (found := ready()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
    return found


@dataclass
class Follower:
    """A client that loses its connection at random, and comes back with its position."""

    source: random.Random
    position: int = 0
    seen: list[Json] = field(default_factory=list)
    connections: int = 0

    def follow(self, server: Server, seconds: float) -> None:
        """Read for so long; a server that is gone is a lost connection as well."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            lost = contextlib.suppress(OSError, websockets.exceptions.WebSocketException, TimeoutError)
            with lost, stream_of(server, self.position) as socket:
                self.connections += 1
                for _ in range(self.source.randrange(1, 12)):
                    self.take(socket.recv(timeout=self.source.uniform(0.05, 0.3)))

    def take(self, text: str | bytes) -> None:
        event = json.loads(text)
        assert event["position"] > self.position, "out of order, or twice"
        self.position = event["position"]
        self.seen.append(event)


def write(server: Server, chat: str, numbers: range) -> None:
    """Other people write to the account, each message one event or more."""
    for number in numbers:
        path = f"{server.line['sim']}/_sim/network/linkedin/chats/{chat}/messages"
        httpx.post(path, json={"text": f"Number {number}"}).raise_for_status()


@pytest.mark.slow
def test_a_client_that_drops_at_random_sees_the_whole_log_in_order_across_a_kill(
    tmp_path: Path, database_url: str
) -> None:
    follower = Follower(random.Random(7))
    many = 15 + size.rounds
    with serving(tmp_path / "data", database_url) as (server, api):
        chat = api.get("/postpress/v1/chats").json()["items"][0]["provider_id"]
        writing = threading.Thread(target=write, args=(server, chat, range(many)))
        writing.start()
        follower.follow(server, 3)
        writing.join()
        before = polled(api)
        write(server, chat, range(many, many + 5))
        server.kill()
        follower.follow(server, 0.3)
    with serving(tmp_path / "data", database_url) as (server, api):
        write(server, chat, range(many + 5, many + 10))
        last = f"Number {many + 9}"
        until(lambda: any(each.get("message", {}).get("text") == last for each in polled(api)))
        # What was missed while nobody listened has come by now as well.
        until(lambda: len([each for each in polled(api) if each["type"] == "message.received"]) >= many + 10)
        whole = polled(api)
        while follower.position < whole[-1]["position"]:
            follower.follow(server, 0.5)
        whole = [each for each in polled(api) if each["position"] <= follower.position]
    assert follower.connections > 3
    assert [each["position"] for each in follower.seen] == [each["position"] for each in whole]
    assert [each["id"] for each in follower.seen] == [each["id"] for each in whole]
    assert [each["id"] for each in before] == [each["id"] for each in whole][: len(before)]
    texts = [each["message"]["text"] for each in whole if each["type"] == "message.received"]
    assert {f"Number {number}" for number in range(many + 10)} <= set(texts)


@pytest.mark.slow
def test_content_is_joined_when_an_event_is_delivered_as_it_then_stands(tmp_path: Path, database_url: str) -> None:
    with serving(tmp_path / "data", database_url) as (server, api):
        chat = api.get("/postpress/v1/chats").json()["items"][0]
        start = polled(api)[-1]["position"]
        sent = api.post(f"/postpress/v1/chats/{chat['id']}/messages", json={"text": "Soon taken back"})
        message_id = sent.json()["message_id"]

        def told_of_it() -> list[Json]:
            return [each for each in polled(api, start) if each["data"].get("message_id") == message_id]

        (event,) = until(told_of_it)
        assert (event["type"], event["message"]["text"]) == ("message.sent", "Soon taken back")

        def streamed() -> Json:
            with stream_of(server, start) as socket:
                while True:
                    told: Json = json.loads(socket.recv(timeout=5))
                    if told["data"].get("message_id") == message_id:
                        return told

        assert streamed() == event
        assert api.delete(f"/postpress/v1/messages/{message_id}").status_code == 200
        again = streamed()
        assert again["id"] == event["id"]
        assert again["message"]["text"] is None
        assert again["message"]["deleted_at"]
        assert [each["type"] for each in told_of_it()] == ["message.sent", "message.deleted"], told_of_it()
        assert all(each["message"]["text"] is None for each in told_of_it())


# Receivers of webhooks, which fail, drop the line and are killed for.


def hook(api: httpx.Client, receiver: Receiver) -> int:
    """An endpoint for everything; the position from which it is told."""
    body = {"name": "Everything", "url": receiver.url, "events": []}
    answer = api.post("/api/webhooks", json=body)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["position"])


def let_time_pass(server: Server, seconds: float) -> None:
    httpx.post(f"{server.line['sim']}/_sim/clock/advance", json={"seconds": seconds}).raise_for_status()


def told_in_order(receiver: Receiver) -> list[str]:
    """The ids that a receiver was told of, each where it first came."""
    return list(dict.fromkeys(receiver.ids))


@pytest.mark.slow
def test_a_receiver_that_fails_and_drops_the_line_is_told_of_the_whole_log_in_order_across_a_kill(
    tmp_path: Path, database_url: str
) -> None:
    source = random.Random(5)
    many = 15 + size.rounds
    with receiving_beside() as receiver:
        with serving(tmp_path / "data", database_url) as (server, api):
            chat = api.get("/postpress/v1/chats").json()["items"][0]["provider_id"]
            start = hook(api, receiver)
            # Never five failures in a row, which would disable it.
            for _ in range(many):
                receiver.script.extend(source.choices([500, DROPS], k=source.randrange(0, 3)))
                receiver.script.extend([200] * source.randrange(1, 8))
            writing = threading.Thread(target=write, args=(server, chat, range(many)))
            writing.start()
            while writing.is_alive():
                let_time_pass(server, 130)
                time.sleep(0.3)

            def told_some() -> bool:
                # However soon all was written: what failed is told again a while later.
                let_time_pass(server, 130)
                time.sleep(0.1)
                return len(receiver.told) > many // 3

            until(told_some)
            server.kill()
        with serving(tmp_path / "data", database_url) as (server, api):
            write(server, chat, range(many, many + 5))
            until(lambda: len([each for each in polled(api) if each["type"] == "message.received"]) >= many + 5)

            def told_all() -> bool:
                let_time_pass(server, 130)
                time.sleep(0.1)
                return set(receiver.ids) >= {each["id"] for each in polled(api, start)}

            until(told_all, 60)
            log = [each["id"] for each in polled(api, start)]
            told = [each for each in told_in_order(receiver) if each in set(log)]
            assert told == log
            assert len(receiver.told) > len(told_in_order(receiver)), "nothing failed: this proves little"
            assert api.get("/api/webhooks").json()["items"][0]["active"] is True


@pytest.mark.slow
def test_what_was_on_its_way_to_a_receiver_when_the_server_was_killed_is_sent_again(
    tmp_path: Path, database_url: str
) -> None:
    with receiving_beside() as receiver:
        receiver.script.extend([200, 200, SILENT])
        with serving(tmp_path / "data", database_url) as (server, api):
            chat = api.get("/postpress/v1/chats").json()["items"][0]["provider_id"]
            start = hook(api, receiver)
            write(server, chat, range(6))
            until(lambda: len(receiver.told) == 3)
            until(lambda: len(polled(api, start)) >= 6)
            server.kill()
        with serving(tmp_path / "data", database_url) as (server, api):
            # The lease of a process that is gone is over after a while; here it is at once.
            let_time_pass(server, 30)
            until(lambda: len(receiver.told) >= 7)
            log = [each["id"] for each in polled(api, start)]
            assert receiver.ids[2] == receiver.ids[3]
            assert told_in_order(receiver)[:6] == log[:6]


# A house in this process: sockets that do not read, writers that overlap.


@pytest.fixture
async def house(database_url: str, tmp_path: Path) -> AsyncIterator[Built]:
    async with built(tmp_path / "data", database_url, furnished=False) as made:
        yield made


class Socket:
    """One WebSocket straight into the application: the test decides when it takes a frame."""

    def __init__(self, house: Built, after: int | None, *, reads: bool = True, key: str = "") -> None:
        self.frames: list[Json] = []
        self.close_code: int | None = None
        self._reads = reads
        self._incoming: asyncio.Queue[Json] = asyncio.Queue()
        self._incoming.put_nowait({"type": "websocket.connect"})
        query = b"" if after is None else b"after=%d" % after
        scope = {
            "type": "websocket",
            "path": "/api/events",
            "raw_path": b"/api/events",
            "query_string": query,
            "headers": [(b"host", b"127.0.0.1"), (b"x-api-key", (key or house.kept.key).encode())],
        }
        self.task = asyncio.ensure_future(house.house.app(scope, self._incoming.get, self._send))

    async def _send(self, message: Any) -> None:
        if message["type"] == "websocket.close":
            self.close_code = message["code"]
        elif message["type"] == "websocket.send":
            while not self._reads:
                await asyncio.sleep(3600)
            self.frames.append(json.loads(message["text"]))

    async def until(self, count: int) -> list[Json]:
        async with asyncio.timeout(20):
            while len(self.frames) < count:
                await asyncio.sleep(0.01)
        return self.frames

    async def closed(self) -> int | None:
        async with asyncio.timeout(20):
            while self.close_code is None and not self.task.done():
                await asyncio.sleep(0.01)
        return self.close_code

    async def leave(self) -> None:
        self._incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait({self.task}, timeout=5)
        self.task.cancel()


async def announce(house: Built, count: int = 1, at: int | None = None) -> None:
    async with house.house.database.begin() as tx:
        for _ in range(count):
            if at is None:
                data = EventData(reason="test")
                await house.house.services.events.announce(
                    tx, house.caller.workspace_id, EventType.CHAT_UPDATED, data, house.caller.user_id
                )
            else:
                await log.append(
                    tx,
                    new_id("evt", datetime.now(UTC)),
                    house.caller.workspace_id,
                    EventType.CHAT_UPDATED,
                    EventData(),
                    at,
                    None,
                )


async def whole_log(house: Built, after: int = 0) -> list[int]:
    found: list[int] = []
    while page := await house.house.services.events.after(house.caller, found[-1] if found else after, 500):
        found += [event.position for event in page]
    return found


async def test_a_client_that_does_not_read_is_let_go_and_resumes_where_it_was(house: Built) -> None:
    await announce(house)
    slow, quick = Socket(house, (await whole_log(house))[-1], reads=False), Socket(house, 0)
    await quick.until(1)
    await asyncio.sleep(0.2)
    for _ in range(25):
        await announce(house, 100)
    assert await slow.closed() == stream.TOO_SLOW
    assert len(await quick.until(2501)) == 2501
    back = Socket(house, 0)
    assert [each["position"] for each in await back.until(2501)] == await whole_log(house)
    for socket in (slow, quick, back):
        await socket.leave()


async def test_a_key_that_is_revoked_hears_no_more(house: Built) -> None:
    access = house.house.services.access
    key, secret = await access.issue_key(house.caller.workspace_id, "for a while")
    socket = Socket(house, 0, key=secret)
    await announce(house)
    await socket.until(1)
    await access.revoke_key(house.caller, key.id)
    await access.revoke_key(house.caller, key.id)
    assert await socket.closed() == stream.NO_KEY
    await announce(house)
    assert len([each for each in socket.frames if "position" in each]) == 1


async def test_a_position_that_is_kept_no_longer_gets_a_plain_answer(house: Built) -> None:
    await announce(house, 3, at=1)
    await announce(house, 2)
    positions = await whole_log(house)
    async with house.house.database.begin() as tx:
        assert await log.remove_older(tx, 2) == 3
    old = Socket(house, positions[0])
    assert await old.closed() == stream.TOO_OLD
    assert old.frames == [{"type": "error", "code": "cursor_too_old", "oldest": positions[2]}]
    transport = httpx.ASGITransport(app=house.house.app)
    headers = {"X-API-KEY": house.kept.key}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:1", headers=headers) as api:
        answer = await api.get("/api/events", params={"after": positions[0]})
        assert answer.status_code == 410
        assert answer.json()["code"] == "cursor_too_old"
        fresh = await api.get("/api/events", params={"after": positions[2]})
        assert [each["position"] for each in fresh.json()["items"]] == positions[3:]
    kept = Socket(house, positions[2])
    assert [each["position"] for each in await kept.until(2)] == positions[3:]
    await kept.leave()


async def test_who_is_up_to_date_stays_so_when_the_whole_log_has_gone(house: Built) -> None:
    await announce(house, 3, at=1)
    last = (await whole_log(house))[-1]
    async with house.house.database.begin() as tx:
        await log.remove_older(tx, 2)
    socket = Socket(house, last)
    await asyncio.sleep(0.2)
    await announce(house)
    assert [each["position"] for each in await socket.until(1)] == await whole_log(house, last)
    await socket.leave()


async def test_no_position_is_skipped_however_many_write_at_once(house: Built) -> None:
    writers, each_writes = 24, 4 + size.rounds // 2
    database = house.house.database
    source = random.Random(11)
    slowly = database.dialect == "postgres"
    done = asyncio.Event()

    async def write() -> None:
        for _ in range(each_writes):
            async with database.begin() as tx:
                for _ in range(source.randrange(1, 4)):
                    data = EventData(reason="test")
                    await house.house.services.events.announce(
                        tx, house.caller.workspace_id, EventType.CHAT_UPDATED, data, house.caller.user_id
                    )
                    if slowly:
                        await asyncio.sleep(source.uniform(0, 0.01))

    async def read() -> list[int]:
        found: list[int] = []
        while True:
            last = done.is_set()
            position = found[-1] if found else 0
            page = await house.house.services.events.after(house.caller, position, 7)
            found += [event.position for event in page]
            if last and not page:
                return found
            await asyncio.sleep(source.uniform(0, 0.003))

    socket = Socket(house, 0)
    reading = [asyncio.create_task(read()) for _ in range(3)]
    await asyncio.gather(*(write() for _ in range(writers)))
    done.set()
    logs = [await each for each in reading]
    whole = await whole_log(house)
    assert len(whole) >= writers * each_writes
    assert whole == sorted(set(whole))
    for found in logs:
        assert found == whole
    assert [each["position"] for each in await socket.until(len(whole))] == whole
    await socket.leave()


async def test_an_event_that_waits_for_an_older_transaction_is_told_as_soon_as_that_ends(
    postgres_url: str, tmp_path: Path
) -> None:
    async with built(tmp_path / "data", postgres_url, furnished=False) as house:
        database = house.house.database
        assert isinstance(database, PostgresDatabase)
        socket = Socket(house, 0)
        await asyncio.sleep(0.1)
        # It has its number first, and logs nothing: nobody is woken by its end.
        async with database.begin() as older:
            await older.fetch_one("select pg_current_xact_id()")
            await announce(house)
            await asyncio.sleep(0.2)
            assert socket.frames == []
        began = time.monotonic()
        await socket.until(1)
        assert time.monotonic() - began < 2
        await socket.leave()


async def test_the_log_holds_ids_and_no_content(house: Built) -> None:
    fields = set(EventData.__struct_fields__)
    assert fields == {
        "account_id", "chat_id", "message_id", "message_key", "chat_key", "recall_id", "post_group_id", "post_id",
        "takedown_id", "deferral_id", "platform", "webhook_id", "event_id", "person_id", "origin", "reason",
    }  # fmt: skip
