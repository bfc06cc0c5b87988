"""The event log over WebSocket: in order, from any position, nothing twice and nothing left out.

A client sends its key as a header, or as its first frame `{"type": "auth", "token": "..."}` within five seconds; never
in the address, which is logged. `?after=<position>` is where it resumes; without, it hears what happens from now on.

Close codes: 4400 a wrong `after`; 4401 no key, or one that was revoked; 4403 a key that may not read; 4408 the client
is too slow, and may resume; 4410 what happened after its position is kept no longer; 1011 the log cannot be read now.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any
from urllib.parse import parse_qs

import msgspec
import structlog

from postroom.domain.access import Caller, Scope
from postroom.errors import InvalidParameters, Kind, NotAuthenticated, NotPermitted, PostroomError
from postroom.services.events import Joined
from postroom.services.house import Services

AsgiScope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
View = Callable[[Caller, Sequence[Joined]], Awaitable[list[bytes | None]]]
"""How a dialect words events; None: its clients do not hear of this one."""

AUTH_SECONDS = 5.0
RECHECK_SECONDS = 3.0
WAIT_SECONDS = 15.0
CLOSE_SECONDS = 5.0
CATCH_UP_SECONDS = 10.0
"""For each batch, while a client catches up."""
BATCH = 100
MOST_WAITING = 1_000
MOST_WAITING_BYTES = 4 << 20
HIGHEST_POSITION = 2**53

BROKEN = 1011
WRONG_POSITION = 4400
NO_KEY = 4401
NOT_ALLOWED = 4403
TOO_SLOW = 4408
TOO_OLD = 4410

log = structlog.get_logger(__name__)


class Closing(Exception):
    """The connection ends, with this code; a frame first, where there is more to say."""

    def __init__(self, code: int, reason: str, frame: Mapping[str, Any] | None = None) -> None:
        self.code = code
        self.reason = reason
        self.frame = frame
        super().__init__(reason)


class _Client:
    """What waits to be sent to one client. Bounded: a client that does not read is let go, and resumes."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, bytes | None]] = deque()
        self._bytes = 0
        self.failed: Closing | None = None
        self.changed = asyncio.Event()

    def offer(self, events: Sequence[tuple[int, bytes | None]]) -> None:
        """More for it, in order."""
        self._waiting.extend(events)
        self._bytes += sum(len(text) for _, text in events if text is not None)
        if len(self._waiting) > MOST_WAITING or self._bytes > MOST_WAITING_BYTES:
            self.fail(Closing(TOO_SLOW, "too slow: resume from the last position"))
        self.changed.set()

    def fail(self, closing: Closing) -> None:
        """End it: what is waiting is not sent any more."""
        self.failed = closing
        self._waiting.clear()
        self.changed.set()

    def take(self) -> list[tuple[int, bytes | None]]:
        """All that waits."""
        if self.failed is not None:
            raise self.failed
        taken = list(self._waiting)
        self._waiting.clear()
        self._bytes = 0
        self.changed.clear()
        return taken


class _Feed:
    """The log of one workspace in one dialect's words: read and worded once for all of its clients."""

    def __init__(self, services: Services, view: View, caller: Caller, position: int) -> None:
        self._services = services
        self._view = view
        self._caller = caller
        self.position = position
        self.clients: set[_Client] = set()
        self._task: asyncio.Task[None] | None = None

    def join(self, client: _Client) -> None:
        """From the feed's position on, this client hears what happens."""
        self.clients.add(client)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"stream:{self._caller.workspace_id}")

    def leave(self, client: _Client) -> None:
        """No more for this one; a feed without clients stops."""
        self.clients.discard(client)
        if not self.clients and self._task is not None:
            self._task.cancel()
            self._task = None

    async def read(self, position: int) -> list[tuple[int, bytes | None]]:
        """Up to a batch of events after a position, worded."""
        events = await self._services.events.after(self._caller, position, BATCH)
        joined = await self._services.events.join(self._caller.workspace_id, events)
        texts = await self._view(self._caller, joined)
        return [(event.position, text) for event, text in zip(events, texts, strict=True)]

    async def _run(self) -> None:
        try:
            while True:
                found = await self.read(self.position)
                if not found:
                    await self._services.events.wait(self._caller, self.position, WAIT_SECONDS)
                    continue
                # No await between the two: whoever joins sees both or neither.
                self.position = found[-1][0]
                for client in self.clients:
                    client.offer(found)
        except PostroomError as error:
            log.warning("stream.stopped", workspace=self._caller.workspace_id, error=type(error).__name__)
        finally:
            # Also after a bug: nobody is left waiting for what does not come.
            for client in self.clients:
                client.fail(Closing(BROKEN, "the log cannot be read now: resume from the last position"))


class Stream:
    """The WebSockets of all dialects, as one ASGI application."""

    def __init__(self, services: Services, views: Mapping[str, View]) -> None:
        self._services = services
        self._views = views
        self._feeds: dict[tuple[str, str, str], _Feed] = {}

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        path: str = scope["path"].rstrip("/")
        await receive()
        if path not in self._views:
            await send({"type": "websocket.close", "code": 4404, "reason": "no such path"})
            return
        accepted = False
        try:
            secret = _secret(scope)
            after = _after(scope)
            # With the key in a header, all that happens once the client is accepted is heard: the position is older.
            caller = None if secret is None else await self._caller(secret)
            start = after if after is not None or caller is None else await self._services.events.newest(caller)
            await send({"type": "websocket.accept"})
            accepted = True
            if caller is None:
                secret = await _first_frame(receive)
                caller = await self._caller(secret)
                start = after if after is not None else await self._services.events.newest(caller)
                await _frame(send, {"type": "authenticated", "position": start})
            assert secret is not None
            assert start is not None
            await self._serve(path, caller, secret, start, receive, send)
        except Closing as closing:
            if not accepted:
                await send({"type": "websocket.accept"})
            await _close(send, closing)
        except PostroomError as error:
            log.warning("stream.broken", error=type(error).__name__)
            if not accepted:
                await send({"type": "websocket.accept"})
            await _close(send, Closing(BROKEN, "the server cannot answer now: resume from the last position"))

    async def _caller(self, secret: str) -> Caller:
        try:
            caller = await self._services.access.resolve(secret)
            self._services.access.require(caller, Scope.READ)
            self._services.access.require_api(caller, "api")
        except NotAuthenticated as error:
            code = NOT_ALLOWED if error.kind is Kind.SCOPE else NO_KEY
            raise Closing(code, error.detail, {"type": "error", "code": error.code}) from error
        except NotPermitted as error:
            raise Closing(NOT_ALLOWED, error.detail, {"type": "error", "code": error.code}) from error
        return caller

    async def _serve(self, path: str, caller: Caller, secret: str, start: int, receive: Receive, send: Send) -> None:
        """Send until the client goes, is too slow, or its key is no more."""
        tasks = {
            asyncio.create_task(self._follow(path, caller, start, send)),
            asyncio.create_task(self._watch_key(secret)),
            asyncio.create_task(_until_gone(receive)),
        }
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        closings = [each for each in results if isinstance(each, Closing)]
        if closings:
            raise closings[0]
        for task in done:
            task.result()

    async def _follow(self, path: str, caller: Caller, start: int, send: Send) -> None:
        """First what is in the log, then what is offered by the workspace's feed."""
        key = (path, caller.workspace_id, caller.user_id)
        newest = await self._services.events.newest(caller)
        if start > newest:
            raise Closing(WRONG_POSITION, "after is ahead of the log", {"type": "error", "code": "invalid_parameters"})
        feed = self._feeds.setdefault(key, _Feed(self._services, self._views[path], caller, newest))
        position = await self._catch_up(feed, start, send)
        client = _Client()
        # No await from here to `join`: between the feed's position and this client's there is what follows.
        until = feed.position
        feed.join(client)
        try:
            while position < until:
                position = await _give_in_time(send, await _checked(feed.read(position)), position)
            sender = asyncio.create_task(_drain(client, position, send))
            await _until_failed(client, sender)
        finally:
            feed.leave(client)
            if not feed.clients and self._feeds.get(key) is feed:
                del self._feeds[key]

    async def _catch_up(self, feed: _Feed, position: int, send: Send) -> int:
        while True:
            found = await _checked(feed.read(position))
            if not found:
                return position
            position = await _give_in_time(send, found, position)

    async def _watch_key(self, secret: str) -> None:
        while True:
            await asyncio.sleep(RECHECK_SECONDS)
            await self._caller(secret)


def stream(services: Services, views: Mapping[str, View]) -> Stream:
    """The WebSockets: `views` says by path how events are worded there."""
    return Stream(services, views)


async def _until_failed(client: _Client, sender: asyncio.Task[None]) -> None:
    """Wait for the sender; but one that is stuck in a full socket does not outlive its client's failure."""
    try:
        while not sender.done():
            await asyncio.wait({sender}, timeout=1.0)
            if client.failed is not None:
                raise client.failed
        sender.result()
    finally:
        sender.cancel()


async def _drain(client: _Client, position: int, send: Send) -> None:
    while True:
        await client.changed.wait()
        position = await _give(send, client.take(), position)


async def _give_in_time(send: Send, events: Sequence[tuple[int, bytes | None]], position: int) -> int:
    """The same for a client that catches up: nothing waits for it that could grow, so it is let go by the clock."""
    try:
        async with asyncio.timeout(CATCH_UP_SECONDS):
            return await _give(send, events, position)
    except TimeoutError:
        raise Closing(TOO_SLOW, "too slow: resume from the last position") from None


async def _give(send: Send, events: Sequence[tuple[int, bytes | None]], position: int) -> int:
    """Send what is after `position`; the new position."""
    for at, text in events:
        if at > position:
            if text is not None:
                await send({"type": "websocket.send", "text": text.decode()})
            position = at
    return position


async def _checked(reading: Awaitable[list[tuple[int, bytes | None]]]) -> list[tuple[int, bytes | None]]:
    try:
        return await reading
    except InvalidParameters as error:
        if error.kind is not Kind.CURSOR_TOO_OLD:
            raise
        frame = {"type": "error", "code": "cursor_too_old", "oldest": error.context.get("oldest")}
        raise Closing(TOO_OLD, "what happened after this position is kept no longer", frame) from error


async def _first_frame(receive: Receive) -> str:
    try:
        async with asyncio.timeout(AUTH_SECONDS):
            message = await receive()
    except TimeoutError:
        raise Closing(NO_KEY, "no key came within five seconds") from None
    try:
        frame = msgspec.json.decode(message.get("text") or message.get("bytes") or b"null", type=_Auth)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise Closing(NO_KEY, 'the first frame must be {"type": "auth", "token": "..."}') from None
    return frame.token


class _Auth(msgspec.Struct, tag="auth"):
    token: str


async def _until_gone(receive: Receive) -> None:
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return


async def _frame(send: Send, frame: Mapping[str, Any]) -> None:
    await send({"type": "websocket.send", "text": msgspec.json.encode(frame).decode()})


async def _close(send: Send, closing: Closing) -> None:
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            if closing.frame is not None:
                await _frame(send, closing.frame)
            await send({"type": "websocket.close", "code": closing.code, "reason": closing.reason[:120]})
    except (TimeoutError, OSError):
        return


def _secret(scope: AsgiScope) -> str | None:
    headers = {name: value.decode("latin-1").strip() for name, value in scope["headers"]}
    authorization = headers.get(b"authorization", "")
    if authorization[:7].lower() == "bearer ":
        return authorization[7:].strip() or None
    return headers.get(b"x-api-key") or None


def _after(scope: AsgiScope) -> int | None:
    values = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("after")
    if not values:
        return None
    if not values[-1].isascii() or not values[-1].isdigit() or int(values[-1]) > HIGHEST_POSITION:
        frame = {"type": "error", "code": "invalid_parameters"}
        raise Closing(WRONG_POSITION, "after must be a position", frame)
    return int(values[-1])
