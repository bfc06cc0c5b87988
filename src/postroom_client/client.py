"""The two clients: the same nouns, one behind a door that blocks, one behind a door that awaits."""

import os
from collections.abc import Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Generic, Self

import httpx
import msgspec

from postroom_client.api.accounts import Accounts, Links, Networks
from postroom_client.api.deletions import Deletions
from postroom_client.api.messages import Chats, Deferrals, Messages, People
from postroom_client.api.posts import Library, Posts, TakeDowns
from postroom_client.api.workspace import (
    EventLog,
    Keys,
    ManagedUsers,
    Receipts,
    Server,
    Webhooks,
    Workspaces,
)
from postroom_client.calls import Call, Options
from postroom_client.doors import AsyncDoor, Door, Way, direct
from postroom_client.flow import perform
from postroom_client.nouns import D

_HERE = "http://127.0.0.1:8010"


class _Nouns(Generic[D]):
    """What a client has."""

    def __init__(self, door: D) -> None:
        self._door = door
        self.workspace = Workspaces(door)
        self.networks = Networks(door)
        self.accounts = Accounts(door)
        self.links = Links(door)
        self.chats = Chats(door)
        self.messages = Messages(door)
        self.people = People(door)
        self.deferrals = Deferrals(door)
        self.deletions = Deletions(door)
        self.posts = Posts(door)
        self.library = Library(door)
        self.take_downs = TakeDowns(door)
        self.events = EventLog(door)
        self.webhooks = Webhooks(door)
        self.receipts = Receipts(door)
        self.keys = Keys(door)
        self.managed_users = ManagedUsers(door)
        self.server = Server(door)

    def now(self) -> datetime:
        """What time it is at the server, as its last answer told, without asking: in a sandbox the clock can be moved."""
        return self._door.way.clock.now()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._door.way.server!r})"


class Client(_Nouns[Door]):
    """A Postroom server, asked by calls that block. Threads may share one.

        with Client("http://127.0.0.1:8010", key) as postroom:
            for account in postroom.accounts.list():
                print(account.name)

    Without `server` it is what POSTROOM_SERVER says, or a server on this machine, and `key` what POSTROOM_KEY says.
    `timeout_seconds`: how long an answer may take. `retries`: how often a call is made again that only reads, of which the
    server says that nothing was done, or that carries an Idempotency-Key; as long as waiting for that takes less than
    `most_wait_seconds` in all. `idempotent`: every call that changes something carries such a key, so that the server does
    it once however often it is sent. `transport`: how httpx gets there, if not over the network. Proxies are those of the
    environment; this machine is reached without one.
    """

    def __init__(
        self,
        server: str | None = None,
        key: str | None = None,
        *,
        timeout_seconds: float = 60.0,
        retries: int = 2,
        most_wait_seconds: float = 60.0,
        idempotent: bool = True,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        options = Options(
            timeout_seconds=timeout_seconds,
            retries=retries,
            most_wait_seconds=most_wait_seconds,
            idempotent=idempotent,
        )
        way = _way(server, key, options)
        super().__init__(Door(httpx.Client(transport=transport, mounts=direct(way.server)), way))

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = msgspec.UNSET,
        headers: Mapping[str, str] | None = None,
        answer: Any = Any,
        idempotency_key: str | None = None,
    ) -> Any:
        """Call anything that the server has, by its path from the server's root, such as /postpost/api/v1/list-posts.

        `answer`: the type that the answer is read as; any JSON if not said; `bytes` and `str` as they are. Such a call
        carries an Idempotency-Key, and is repeated though it changes something, only where one is given.

        Raises:
            PostroomError: as its class says, in every dialect.
        """
        call, options = _any_call(self._door, method, path, query, body, headers, answer, idempotency_key)
        return self._door.run(perform(call, options))

    def once(self, key: str) -> Self:
        """This client, for one call under an Idempotency-Key of yours: done once, though it is asked for by several.

            postroom.once(f"welcome-{order.id}").chats.send(chat_id, "Welcome!")

        The server knows a key for a day (its setting `keep_idempotency_hours`), and refuses another request with it. So
        it holds through restarts of yours, and of the server.
        """
        return self._with(key=key)

    def with_options(self, **options: Any) -> Self:
        """This client, with other `timeout_seconds`, `retries`, `most_wait_seconds` or `idempotent`."""
        return self._with(**options)

    def close(self) -> None:
        """Close its connections."""
        self._door.http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _with(self, **options: Any) -> Self:
        made = object.__new__(type(self))
        _Nouns.__init__(made, Door(self._door.http, self._door.way.changed(**options)))
        return made


class AsyncClient(_Nouns[AsyncDoor]):
    """The same, to be awaited; `Client` says what each parameter means.

    async with AsyncClient("http://127.0.0.1:8010", key) as postroom:
        async for event in postroom.events.follow():
            print(event.type)
    """

    def __init__(
        self,
        server: str | None = None,
        key: str | None = None,
        *,
        timeout_seconds: float = 60.0,
        retries: int = 2,
        most_wait_seconds: float = 60.0,
        idempotent: bool = True,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        options = Options(
            timeout_seconds=timeout_seconds,
            retries=retries,
            most_wait_seconds=most_wait_seconds,
            idempotent=idempotent,
        )
        way = _way(server, key, options)
        super().__init__(AsyncDoor(httpx.AsyncClient(transport=transport, mounts=direct(way.server)), way))

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = msgspec.UNSET,
        headers: Mapping[str, str] | None = None,
        answer: Any = Any,
        idempotency_key: str | None = None,
    ) -> Any:
        """Call anything that the server has, as `Client.request` does."""
        call, options = _any_call(self._door, method, path, query, body, headers, answer, idempotency_key)
        return await self._door.run(perform(call, options))

    def once(self, key: str) -> Self:
        """This client, for one call under an Idempotency-Key of yours, as `Client.once` says."""
        return self._with(key=key)

    def with_options(self, **options: Any) -> Self:
        """This client, with other `timeout_seconds`, `retries`, `most_wait_seconds` or `idempotent`."""
        return self._with(**options)

    async def close(self) -> None:
        """Close its connections."""
        await self._door.http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _with(self, **options: Any) -> Self:
        made = object.__new__(type(self))
        _Nouns.__init__(made, AsyncDoor(self._door.http, self._door.way.changed(**options)))
        return made


def _way(server: str | None, key: str | None, options: Options) -> Way:
    if server is None:
        # The key of the environment is for the server of the environment, and for no other.
        server = os.environ.get("POSTROOM_SERVER") or _HERE
        key = key or os.environ.get("POSTROOM_KEY") or None
    return Way(server, key, options)


def _any_call(
    door: Door | AsyncDoor,
    method: str,
    path: str,
    query: Mapping[str, Any] | None,
    body: Any,
    headers: Mapping[str, str] | None,
    answer: Any,
    key: str | None,
) -> tuple[Call[Any], Options]:
    if not path.startswith("/"):
        raise ValueError("A path begins at the server's root, with a slash.")
    call: Call[Any] = Call(
        method=method.upper(), path=path, answer=answer, query=query or {}, body=body, headers=headers or {}
    )
    own = msgspec.structs.replace(door.options, idempotent=False, key=key or door.options.key)
    return call, own
