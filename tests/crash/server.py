"""Runs the `postroom` command again and again, counts the I/O steps of one operation, and kills it at one of them.

It reads one JSON object a line, `{"argv": [...], "environment": {...}, "out": FILE, "errors": FILE}`; for each it runs the
command in a process of its own, and answers a line with its pid, and one with its exit code when it has ended. The processes
are forked from this one, which has imported and read everything already: a start costs a tenth of what it would.

    CRASH_NETWORKS  the simulated networks to use, as JSON: they outlive the server, as the real ones do
    CRASH_LOG       count, and write each begun step as a line to this file
    CRASH_AT        such as `3 after`: there the process sends itself SIGKILL
    CRASH_TASKS     jobs whose steps are counted, by their tasks and divided by commas

The steps of requests that carry the header `x-crash-counted`, and of those jobs, are numbered from 1 as they come. A kill
is just before a step is taken, or just after it has taken effect and before anyone has learned of it.

A step is whatever outlives the process: a commit, bytes put into or removed from the object store, a request to a network,
a key made or destroyed, a scrub. Statements between two commits leave nothing behind, so they are no steps.
"""

import contextlib
import contextvars
import functools
import gc
import importlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from postroom import cli, sandbox, serve, worker
from postroom.connectors import registry
from postroom.connectors.http import Http, tls
from postroom.store.blobs import Blobs
from postroom.store.keyring import Keyring
from postroom.store.postgres import PostgresDatabase
from postroom.store.sqlite import SqliteDatabase
from postroom.worker import Worker

HEADER = b"x-crash-counted"
_LATE = (
    "anyio._backends._asyncio",
    "anyio.streams.tls",
    "postroom.cli.serve",
    "postroom.logs",
    "uvicorn.lifespan.off",
    "uvicorn.protocols.websockets.websockets_sansio_impl",
    "uvloop",
)
_PART_BYTES = 4 * 1024 * 1024

_counted: contextvars.ContextVar[bool] = contextvars.ContextVar("counted", default=False)
_log = -1
_at, _side = 0, "never"
_tasks: set[str] = set()
_taken = 0


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@contextlib.contextmanager
def _step(name: str, *, counted: bool | None = None) -> Iterator[None]:
    global _taken
    if not (_counted.get() if counted is None else counted):
        yield
        return
    _taken += 1
    number = _taken
    os.write(_log, f"{number} {name}\n".encode())
    if number == _at and _side == "before":
        _die()
    try:
        yield
    finally:
        if number == _at and _side == "after":
            _die()


def _watched_begin(begin: Any) -> Any:
    @contextlib.asynccontextmanager
    async def watched(self: Any, *, single: bool = False) -> AsyncIterator[Any]:
        by_itself = single and self.dialect == "postgres"
        with contextlib.ExitStack() as step:
            async with begin(self, single=single) as tx:
                if by_itself:
                    step.enter_context(_step("commit"))
                yield tx
                if not by_itself:
                    step.enter_context(_step("commit"))

    return watched


def _watch_commits() -> None:
    # Around the whole transaction, not the statement: on SQLite several may share one commit, done by any of them.
    for database in (SqliteDatabase, PostgresDatabase):
        database.begin = _watched_begin(database.begin)  # type: ignore[method-assign]
    scrub = SqliteDatabase.scrub

    async def sqlite_scrub(self: SqliteDatabase) -> bool:
        with _step("scrub"):
            return await scrub(self)

    SqliteDatabase.scrub = sqlite_scrub  # type: ignore[method-assign]


def _watch_blobs() -> None:
    put, delete = Blobs.put, Blobs.delete

    async def watched_put(self: Blobs, key: str, chunks: AsyncIterator[bytes]) -> int:
        counted = _counted.get()

        async def parts() -> AsyncIterator[bytes]:
            size = 0
            async for chunk in chunks:
                yield chunk
                # Asked for more: the store has taken what came before.
                if (size + len(chunk)) // _PART_BYTES > size // _PART_BYTES:
                    with _step("blob part", counted=counted):
                        pass
                size += len(chunk)
            with _step("blob end", counted=counted):
                pass

        with _step("blob put"):
            return await put(self, key, parts())

    async def watched_delete(self: Blobs, keys: list[str]) -> None:
        for key in keys:
            with _step("blob delete"):
                await delete(self, [key])

    Blobs.put = watched_put  # type: ignore[method-assign]
    Blobs.delete = watched_delete  # type: ignore[method-assign]


def _watch_networks() -> None:
    exchange = Http._exchange

    async def watched(self: Http, method: str, url: str, *rest: Any) -> Any:
        with _step(f"network {method} {urlsplit(url).path.rpartition('/')[2][:40]}"):
            return await exchange(self, method, url, *rest)

    Http._exchange = watched  # type: ignore[assignment, method-assign]


def _watch_keys() -> None:
    create, destroy = Keyring.create, Keyring.destroy

    def watched_create(self: Keyring, account_id: str) -> Any:
        with _step("key create"):
            return create(self, account_id)

    def watched_destroy(self: Keyring, account_id: str) -> None:
        with _step("key destroy"):
            destroy(self, account_id)

    Keyring.create = watched_create  # type: ignore[method-assign]
    Keyring.destroy = watched_destroy  # type: ignore[method-assign]


def _watch_work() -> None:
    work = Worker._run

    async def watched_work(self: Worker, job: Any) -> None:
        _counted.set(job.task in _tasks)
        await work(self, job)

    Worker._run = watched_work  # type: ignore[method-assign]
    run = serve.run

    async def watched_run(house: Any, *rest: Any, **more: Any) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            _counted.set(any(name == HEADER for name, _ in scope.get("headers", ())))
            await house.app(scope, receive, send)

        await run(msgspec.structs.replace(house, app=app), *rest, **more)

    serve.run = watched_run


def _watch(environment: dict[str, str]) -> None:
    global _log, _at, _side, _tasks
    _log = os.open(environment["CRASH_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    number, _, _side = environment.get("CRASH_AT", "0 never").partition(" ")
    _at, _tasks = int(number), set(environment.get("CRASH_TASKS", "").split(","))
    _watch_commits()
    _watch_blobs()
    _watch_networks()
    _watch_keys()
    _watch_work()


def _use_networks(told: str) -> None:
    @contextlib.asynccontextmanager
    async def networks(folder: Path, port: int) -> AsyncIterator[sandbox.Networks]:
        yield msgspec.json.decode(told, type=sandbox.Networks)

    sandbox.networks = networks


def _become(request: dict[str, Any]) -> None:
    """The forked process: the command, with its files and its environment."""
    for name, number in (("out", 1), ("errors", 2)):
        os.dup2(os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    environment = request["environment"]
    os.environ.update({name: value for name, value in environment.items() if not name.startswith("CRASH_")})
    _use_networks(environment["CRASH_NETWORKS"])
    # The clock is moved from outside, by days at a time: it is looked at more often than elsewhere.
    worker._LOOK_SECONDS = 0.1
    if "CRASH_LOG" in environment:
        _watch(environment)
    sys.argv = ["postroom", *request["argv"]]
    cli.main()


def _warm_up() -> None:
    """What every start would read again: modules that are imported late, connectors, the roots of trust."""
    registry.entry_points = functools.cache(entry_points)  # type: ignore[assignment, attr-defined]
    registry.settings_types()
    tls()
    for name in _LATE:
        importlib.import_module(name)
    # Else the collection before a server listens looks at all of it, and nothing of this memory stays shared.
    gc.collect()
    gc.freeze()


def _main() -> None:
    _warm_up()
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _become(json.loads(line))
            os._exit(0)
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    _main()
