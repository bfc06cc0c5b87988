"""Wakes whoever waits for news: in this process at once, and in the others of a PostgreSQL database by LISTEN/NOTIFY.

A wake-up says that something may have changed, never what: who is woken reads. It may be lost with a connection, so
every wait has an end.
"""

import asyncio
import contextlib
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import asyncpg

if TYPE_CHECKING:
    from asyncpg import Connection
    from asyncpg.pool import PoolConnectionProxy

_CHANNEL = "postroom"
_NOTIFY = "select pg_notify($1, topic) from unnest($2::text[]) topic"
_PAUSE_SECONDS = 0.01
_AGAIN_SECONDS = 1.0
_LOST = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class Notifier:
    """Topics are texts: "jobs", "keys", "webhooks", "events:" and a workspace id. A wait for "events:*" is for all those."""

    def __init__(self, postgres_url: str | None = None) -> None:
        """With the URL of a PostgreSQL database, its other processes are woken too; without, only this one."""
        self._url = postgres_url
        self._waiting: defaultdict[str, set[asyncio.Future[None]]] = defaultdict(set)
        self._outgoing: set[str] = set()
        self._needed = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    def wake(self, topic: str) -> None:
        """Wake everyone who waits for the topic. To be called after the commit."""
        self.wake_here(topic)
        if self._running is not None:
            self._outgoing.add(topic)
            self._needed.set()

    def wake_here(self, topic: str) -> None:
        """Wake those of this process only: what happened is none of the others' business."""
        family, colon, _ = topic.partition(":")
        for each in (topic, f"{family}:*") if colon else (topic,):
            for waiter in self._waiting.pop(each, ()):
                if not waiter.done():
                    waiter.set_result(None)

    async def wait(self, topic: str, timeout: float) -> bool:
        """Wait to be woken, for so many seconds at most; whether one was."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[topic].add(waiter)
        try:
            # Not `wait_for`: before Python 3.12 that loses a cancellation which comes with the wake-up.
            async with asyncio.timeout(timeout):
                await waiter
        except TimeoutError:
            return False
        finally:
            waiters = self._waiting.get(topic)
            if waiters is not None:
                waiters.discard(waiter)
                if not waiters:
                    del self._waiting[topic]
        return True

    async def start(self) -> None:
        """Listen to the other processes, on a connection of its own; a lost one is opened again."""
        if self._url is not None:
            connection = await self._listen(self._url)
            self._running = asyncio.create_task(self._run(self._url, connection), name="notifier")

    async def close(self) -> None:
        """Stop listening. Wake-ups not yet sent are dropped."""
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running
            self._running = None

    async def _listen(self, url: str) -> "Connection[Any]":
        connection: Connection[Any] = await asyncpg.connect(url)
        try:
            await connection.add_listener(_CHANNEL, self._heard)
        except BaseException:
            connection.terminate()
            raise
        connection.add_termination_listener(lambda _: self._needed.set())
        return connection

    def _heard(
        self, connection: "Connection[Any] | PoolConnectionProxy[Any]", sender: int, channel: str, payload: object
    ) -> None:
        if connection.is_closed() or sender != connection.get_server_pid():
            self.wake_here(str(payload))

    async def _run(self, url: str, connection: "Connection[Any]") -> None:
        try:
            while True:
                # There are wake-ups to send, or the connection was lost.
                await self._needed.wait()
                self._needed.clear()
                topics, self._outgoing = self._outgoing, set()
                while True:
                    try:
                        if connection.is_closed():
                            connection = await self._listen_again(url)
                        if topics:
                            await connection.execute(_NOTIFY, _CHANNEL, topics)
                        break
                    except _LOST:
                        connection.terminate()
                # The next ones go together: each of a thousand a second would be a transaction.
                await asyncio.sleep(_PAUSE_SECONDS)
        finally:
            connection.terminate()

    async def _listen_again(self, url: str) -> "Connection[Any]":
        while True:
            try:
                connection = await self._listen(url)
                # What the others said meanwhile was not heard.
                for missed in list(self._waiting):
                    self.wake_here(missed)
                return connection
            except _LOST:
                await asyncio.sleep(_AGAIN_SECONDS)
