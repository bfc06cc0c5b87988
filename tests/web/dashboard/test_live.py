"""The stream that pages listen to: the log in its order, resumed where it was, and no longer than the key."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import msgspec

from postroom.domain.access import Scope
from postroom.domain.events import EventType
from tests.desk import Desk
from tests.web.dashboard.browser import Browser, browser


class Stream:
    """What a browser is told, piece by piece."""

    def __init__(self) -> None:
        self.status = 0
        self._said: asyncio.Queue[str] = asyncio.Queue()
        self._rest = ""

    async def put(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message["type"] == "http.response.body":
            await self._said.put(message.get("body", b"").decode())

    async def next(self) -> dict[str, str]:
        """The next event: its fields."""
        async with asyncio.timeout(30):
            while True:
                while "\n\n" not in self._rest:
                    self._rest += await self._said.get()
                event, _, self._rest = self._rest.partition("\n\n")
                fields = dict(line.split(": ", 1) for line in event.splitlines() if not line.startswith(":"))
                if "data" in fields:
                    return fields


@contextlib.asynccontextmanager
async def listening(desk: Desk, page: Browser, query: str = "", **headers: str) -> AsyncIterator[Stream]:
    """As an EventSource does; at the end the browser goes away."""
    stream, gone = Stream(), asyncio.Event()
    cookies = "; ".join(f"{name}={value}" for name, value in page.client.cookies.items())
    sent = {"host": "127.0.0.1", "cookie": cookies, **{name.replace("_", "-"): text for name, text in headers.items()}}
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/live",
        "raw_path": b"/live",
        "query_string": query.encode(),
        "headers": [(name.encode(), text.encode()) for name, text in sent.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }

    async def receive() -> MutableMapping[str, Any]:
        await gone.wait()
        return {"type": "http.disconnect"}

    answering = asyncio.ensure_future(desk.house.app(scope, receive, stream.put))
    try:
        # Who signs out before the server has looked at the session has no stream that could end.
        async with asyncio.timeout(30):
            while stream.status == 0:
                await asyncio.sleep(0.005)
        yield stream
    finally:
        gone.set()
        async with asyncio.timeout(30):
            await answering


async def test_what_happens_is_told_in_order_with_ids_and_no_words(desk: Desk, page: Browser) -> None:
    start = await desk.services.events.newest(desk.caller)
    async with listening(desk, page, f"after={start}") as stream:
        await desk.due("Words that are nobody's on the way")
        await desk.work()
        seen = [await stream.next(), await stream.next()]
    told = [msgspec.json.decode(each["data"]) for each in seen]
    assert [each["type"] for each in told] == [EventType.POST_SCHEDULED, EventType.POST_PUBLISHED]
    assert "Words" not in repr(seen)
    assert [int(each["id"]) for each in seen] == sorted(int(each["id"]) for each in seen)
    async with listening(desk, page, f"after={start}", last_event_id=seen[0]["id"]) as again:
        assert (await again.next()) == seen[1]


async def test_another_workspaces_things_are_not_told(desk: Desk, page: Browser) -> None:
    other = browser(desk.built)
    await other.sign_in(desk.built.kept.other_key)
    theirs = await desk.services.events.newest(desk.built.other)
    async with listening(desk, other, f"after={theirs}") as stream:
        await desk.due("not theirs")
        account = (await desk.services.accounts.list(desk.built.other)).items[0]
        await desk.services.accounts.pause(desk.built.other, account.id)
        told = msgspec.json.decode((await stream.next())["data"])
    assert (told["type"], told["account_id"]) == (EventType.ACCOUNT_PAUSED, account.id)
    await other.close()


async def test_a_stream_ends_with_its_key_and_tells_nothing_more(desk: Desk, stranger: Browser) -> None:
    key, secret = await desk.services.access.issue_key(desk.caller.workspace_id, "soon gone", frozenset({Scope.READ}))
    await stranger.sign_in(secret)
    async with listening(desk, stranger, "after=0") as stream:
        while "data" in (event := await stream.next()):
            if int(event["id"]) == await desk.services.events.newest(desk.caller):
                break
        await desk.services.access.revoke_key(desk.caller, key.id)
        await desk.due("after the end")
        ended = await stream.next()
    assert ended["event"] == "over"
    assert "was revoked" in ended["data"]


async def test_a_stream_ends_when_its_owner_signs_out_and_when_the_server_stops(desk: Desk, page: Browser) -> None:
    other = browser(desk.built)
    await other.sign_in(desk.built.kept.key)
    async with listening(desk, other) as stream, listening(desk, page) as last:
        await other.do("/sign-out")
        assert (await stream.next())["event"] == "over"
        desk.house.dashboard.stop()
        async with asyncio.timeout(30):
            while last.status == 0:
                await asyncio.sleep(0.01)
    await other.close()


async def test_a_position_that_makes_no_sense_is_now(desk: Desk, page: Browser) -> None:
    for query in ("after=x", "after=-1", "after=99999999999999999999", f"after={2**52}"):
        async with listening(desk, page, query) as stream:
            await asyncio.sleep(0.05)
            await desk.due("now")
            assert msgspec.json.decode((await stream.next())["data"])["type"] == EventType.POST_SCHEDULED
            assert stream.status == 200
