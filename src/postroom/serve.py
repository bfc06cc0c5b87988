"""A server's life: one at a time for a data folder, ready when it says so, stopped within ten seconds."""

import asyncio
import contextlib
import fcntl
import gc
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from pathlib import Path

import structlog
import uvicorn

from postroom.app import House
from postroom.errors import PostroomError
from postroom.settings import Settings
from postroom.web.protocol import Http

log = structlog.get_logger()


class FolderInUse(PostroomError):
    """Another server is running on this data folder."""


class CannotListen(PostroomError):
    """The address to listen on is in use, or not this machine's."""


@contextlib.contextmanager
def own_folder(folder: Path) -> Iterator[None]:
    """Hold the data folder for this process alone. The lock goes with the process, however it ends.

    Raises:
        FolderInUse: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise FolderInUse(f"Another Postroom is running on {folder}: stop it, or choose another --data.") from error
        yield


def listen(settings: Settings) -> socket.socket:
    """The socket that the server will answer on.

    Raises:
        CannotListen: the address is in use, or not this machine's.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    opened = socket.socket(family)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((settings.host, settings.port))
    except OSError as error:
        opened.close()
        raise CannotListen(f"Cannot listen on {settings.host}:{settings.port}: {error.strerror}.") from error
    opened.set_inheritable(True)
    return opened


class _Server(uvicorn.Server):
    """Says when it listens, and leaves signals to whoever runs it."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def run(
    house: House, settings: Settings, opened: socket.socket, ready: Callable[[], None], *, works: bool = True
) -> None:
    """Answer, work and listen until SIGTERM or SIGINT. `works`: else other processes do, and this one only answers."""
    await house.restores.require_whole()
    config = uvicorn.Config(
        house.app,
        loop="none",
        http=type("_TimedHttp", (Http,), {"head_seconds": settings.request_seconds}),
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_max_size=65_536,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        limit_concurrency=settings.most_connections,
        timeout_graceful_shutdown=6,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies) or None,
    )
    server = _Server(config, ready)

    def stop() -> None:
        server.should_exit = True
        house.dashboard.stop()

    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop)
    # What a server is made of stays until its end: no collection needs to look at it again.
    gc.collect()
    gc.freeze()
    if not works:
        house.listeners.stay_away()
    async with _background(house) if works else contextlib.nullcontext():
        await server.serve(sockets=[opened])


async def work(house: House, ready: Callable[[], None]) -> None:
    """Work and listen until SIGTERM or SIGINT, and answer nobody."""
    await house.restores.require_whole()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, ended.set)
    gc.collect()
    gc.freeze()
    async with _background(house):
        ready()
        await ended.wait()


@contextlib.asynccontextmanager
async def _background(house: House) -> AsyncIterator[None]:
    """The worker and the listeners, beside the server; they are cancelled with it."""
    # Where no other process can be at work, whatever was being done was left by one that died.
    alone = house.database.dialect == "sqlite"
    if alone:
        await house.worker.take_over()
        await house.listeners.take_over()
        await house.deliveries.take_over()
    await house.services.recalls.resume(older_than_seconds=0 if alone else 60)
    await house.upkeep.schedule(timedelta(seconds=5))
    tasks = [
        asyncio.create_task(_kept_running("worker", house.worker.run)),
        asyncio.create_task(_kept_running("listeners", house.listeners.run)),
        asyncio.create_task(_kept_running("deliveries", house.deliveries.run)),
        asyncio.create_task(_kept_running("receipts", house.services.chains.run)),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=3)


async def _kept_running(name: str, run: Callable[[], object]) -> None:
    """Run it again whenever it fails: a database that was away for a moment must not end the work for good."""
    while True:
        try:
            await run()  # type: ignore[misc]
        except Exception:
            log.exception("background.failed", what=name)
            await asyncio.sleep(1)
