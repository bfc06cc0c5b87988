"""The process that holds the native library, from the server's side: started when it is needed, and again when it dies.

There is one for all WhatsApp accounts of a server. If it dies, all of them are without a connection until it is there
again, and whatever was asked of it has an unknown outcome; the server and its other networks go on.
"""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import structlog

from postroom.connectors.whatsapp import frames, vault
from postroom.errors import ProviderDown

Json = dict[str, Any]

_START_SECONDS = 30.0
_LONGEST_PAUSE_SECONDS = 30.0
_STEADY_SECONDS = 60.0

log = structlog.get_logger()


class Lost(Exception):
    """The process died while it was asked."""


class LibraryError(Exception):
    """What the library says of a call, in its own words."""


class Session(msgspec.Struct, kw_only=True):
    """What is known of one session that is open."""

    name: str
    news: "asyncio.Queue[frames.Event]" = msgspec.field(default_factory=asyncio.Queue)
    changed: asyncio.Event = msgspec.field(default_factory=asyncio.Event)
    is_open: bool = False
    is_connected: bool = False
    me: Json | None = None
    people: Json = {}
    code: str | None = None
    """The QR code that is shown now."""
    store: str | None = None
    """The session as it was packed last."""
    ending: frames.Event | None = None
    """Why it cannot go on."""
    began: float = 0.0
    is_given: bool = False
    """Whether its credentials were given out: whoever has them ends it."""
    paired: Json | None = None
    """What the library said when the telephone took the code."""


# After these the library does not connect again by itself.
ENDINGS = frozenset({"logged_out", "replaced", "banned", "outdated", "failed", "ended", "lost"})


class Host:
    """Starts and supervises the process; nothing is started before it is asked for something."""

    def __init__(self, library: str, origin: str, working_folder: str) -> None:
        self._library = library
        self._origin = origin
        self._chosen = working_folder
        self._starting = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._pending: dict[int, asyncio.Future[Any]] = {}
        self._next = 0
        self._sessions: dict[str, Session] = {}
        self._deaths = 0
        self._started_at = 0.0
        self._not_before = 0.0
        self._ready: asyncio.Future[None] | None = None
        self._is_closed = False
        self.keepers: dict[str, Callable[[], Awaitable[None]]] = {}
        """How the sessions that connections have opened are closed and kept, by name."""

    def session(self, name: str) -> Session:
        """What is known of a session, open or not."""
        return self._sessions.setdefault(name, Session(name=name))

    def find(self, name: str) -> Session | None:
        return self._sessions.get(name)

    @property
    def pid(self) -> int | None:
        """The process, while there is one."""
        return None if self._process is None else self._process.pid

    async def open(
        self, name: str, *, me: Json | None, store: str | None, generation: int, proxy: str | None = None
    ) -> Session:
        """Have the session connect, unless it does already; by this proxy, where there is one, and by nothing else.

        Raises:
            ProviderDown: the process cannot be started now.
        """
        held = self.session(name)
        if held.is_open:
            return held
        held.ending, held.is_connected = None, False
        held.news = asyncio.Queue()
        held.me = me
        held.began = asyncio.get_running_loop().time()
        held.is_open = True
        try:
            told = await self.ask(name, "open", me=me, store=store, generation=generation, proxy=proxy)
            held.people = told or {}
        except BaseException as error:
            held.is_open = False
            if isinstance(error, Lost | LibraryError | TimeoutError):
                raise ProviderDown(f"WhatsApp's session could not be opened: {error}") from error
            raise
        return held

    async def stop(self, name: str) -> str | None:
        """End the session's connection; the session, packed, if it was open."""
        held = self._sessions.get(name)
        if held is None or not held.is_open:
            return None
        held.is_open = held.is_connected = False
        try:
            answer = await self.ask(name, "stop", seconds=15)
        except (Lost, LibraryError, TimeoutError, ProviderDown):
            return None
        store: str = answer["store"]
        return store

    async def discard(self, name: str) -> None:
        """End the session's connection; what is in its place stays there."""
        held = self._sessions.get(name)
        if held is not None and held.is_open:
            held.is_open = held.is_connected = False
            with contextlib.suppress(Lost, LibraryError, TimeoutError, ProviderDown):
                await self.ask(name, "discard", seconds=15)

    async def wipe(self, name: str) -> None:
        """End it, and remove all that is in its place."""
        await self.discard(name)
        self._sessions.pop(name, None)
        vault.wipe(vault.working_folder(self._chosen), name)

    async def ask(self, session: str, operation: str, *, seconds: float = 60.0, **values: Any) -> Any:
        """Have the process do something.

        Raises:
            LibraryError: the library said no, or could not.
            Lost: the process died meanwhile.
            TimeoutError: it did not answer.
            ProviderDown: it cannot be started now; nothing was asked.
        """
        await self._running()
        assert self._writer is not None
        self._next += 1
        id = self._next
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._pending[id] = future
        frames.write(self._writer, frames.Request(id=id, operation=operation, session=session, values=values))
        try:
            async with asyncio.timeout(seconds):
                return await future
        finally:
            self._pending.pop(id, None)

    def tell(self, session: str, operation: str, **values: Any) -> None:
        """The same, where no answer is waited for; if there is no process, it is not told."""
        if self._writer is not None:
            request = frames.Request(id=0, operation=operation, session=session, values=values)
            frames.write(self._writer, request)

    async def close(self) -> None:
        """End the process. Sessions that are open are kept by those who opened them; others lie in their places."""
        await asyncio.gather(*(rest() for rest in list(self.keepers.values())))
        self._is_closed = True
        process, self._process = self._process, None
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if process is not None:
            try:
                async with asyncio.timeout(4):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
            self._reading = None

    # the process

    async def _running(self) -> None:
        async with self._starting:
            if self._writer is not None:
                return
            if self._is_closed:
                raise ProviderDown("This server is stopping.")
            loop = asyncio.get_running_loop()
            if loop.time() < self._not_before:
                raise ProviderDown(
                    "WhatsApp's process ended, and is started again soon. Nothing was sent.",
                    retry_after_seconds=self._not_before - loop.time(),
                )
            await self._start()

    async def _start(self) -> None:
        loop = asyncio.get_running_loop()
        folder = vault.working_folder(self._chosen)
        vault.sweep(folder)
        ours, theirs = socket.socketpair()
        command = (sys.executable, "-m", "postroom.connectors.whatsapp.child", str(theirs.fileno()), str(folder))
        try:
            # What the library prints has numbers and words of people in it.
            self._process = await asyncio.create_subprocess_exec(
                *command,
                self._library,
                self._origin,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        finally:
            theirs.close()
        self._started_at = loop.time()
        reader, self._writer = await asyncio.open_unix_connection(sock=ours, limit=1 << 20)
        self._ready = loop.create_future()
        self._reading = asyncio.create_task(self._read(reader, self._process), name="whatsapp")
        try:
            async with asyncio.timeout(_START_SECONDS):
                await asyncio.shield(self._ready)
        except (Lost, LibraryError, TimeoutError) as error:
            raise ProviderDown(f"WhatsApp's process did not start: {error}") from error
        log.info("whatsapp.process_started", pid=self._process.pid)

    async def _read(self, reader: asyncio.StreamReader, process: asyncio.subprocess.Process) -> None:
        while (frame := await frames.read(reader)) is not None:
            match frame:
                case frames.Answer():
                    self._answered(frame)
                case frames.Event():
                    self._told(frame)
        status = await process.wait()
        if self._process is process:
            self._died(status)

    def _answered(self, answer: frames.Answer) -> None:
        future = self._pending.get(answer.id)
        if future is None or future.done():
            return
        if answer.error is None:
            future.set_result(answer.values)
        else:
            future.set_exception(LibraryError(answer.error))

    def _told(self, event: frames.Event) -> None:
        if not event.session:
            assert self._ready is not None
            if event.kind == "ready":
                self._ready.set_result(None)
            elif not self._ready.done():
                self._ready.set_exception(LibraryError(event.values["error"]))
            return
        held = self._sessions.get(event.session)
        if held is None:
            return
        match event.kind:
            case "qr":
                held.code = event.values["code"]
            case "paired":
                held.paired = event.values
            case "connected":
                held.me, held.people, held.is_connected = event.values, event.values, True
            case "disconnected":
                held.is_connected = False
            case "packed":
                held.store = event.values["store"]
            case "unread":
                log.warning("whatsapp.event_unread", error=event.values["error"])
            case kind if kind in ENDINGS:
                # What ends first is the reason; that the task ended then says no more.
                held.ending, held.is_connected = held.ending or event, False
        held.news.put_nowait(event)
        held.changed.set()

    def _died(self, status: int) -> None:
        """Everybody who waits is told, and the next one who asks starts it again, though not at once each time."""
        log.warning("whatsapp.process_died", status=status, sessions=len(self._sessions))
        loop = asyncio.get_running_loop()
        self._deaths = 1 if loop.time() - self._started_at > _STEADY_SECONDS else self._deaths + 1
        self._not_before = loop.time() + min(_LONGEST_PAUSE_SECONDS, 0.25 * 2.0 ** (self._deaths - 1))
        self._process = None
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        lost = Lost("WhatsApp's process ended")
        if self._ready is not None and not self._ready.done():
            self._ready.set_exception(lost)
        for future in self._pending.values():
            if not future.done():
                future.set_exception(lost)
        for held in self._sessions.values():
            if held.is_open:
                held.is_open = held.is_connected = False
                held.ending = frames.Event(session=held.name, kind="lost")
                held.news.put_nowait(held.ending)
                held.changed.set()
