"""Whole servers for tests: built in this process, or running as a user would start them."""

import asyncio
import contextlib
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from postroom import sandbox
from postroom.app import House, build
from postroom.clock import Clock, offset_clock
from postroom.domain.access import Caller
from postroom.settings import Settings
from tests.parts.networks import Moment, SimulatedNetworks
from tests.parts.postgres import PostgresServer


@dataclass(frozen=True)
class Built:
    """A house in this process, furnished as the sandbox is, and the simulated networks it speaks to."""

    house: House
    caller: Caller
    other: Caller
    kept: sandbox.Kept
    sim: httpx.AsyncClient
    """A client whose base URL is the simulated networks'."""
    data: Path
    now: Clock
    """The clock that the house and the networks go by."""

    async def catch_up(self) -> None:
        """Until it is the time that others, who know nothing of that clock, take it to be."""
        behind = time.time() - self.now().timestamp()
        await self.sim.post("/_sim/clock/advance", json={"seconds": max(0.0, behind)})


@contextlib.asynccontextmanager
async def built(
    data: Path, database_url: str = "", *, furnished: bool = True, answers: bool = False, **more: Any
) -> AsyncIterator[Built]:
    """A house in this process, with nothing in its background: tests run its worker and listeners as they need.

    `answers`: its public address does, for networks that fetch files. What else is given are settings, by their names.
    """
    async with (
        sandbox.networks(data, 0) as networks,  # makes the folder
        _served(data, database_url, networks.sim, furnished=furnished, answers=answers, **more) as found,
    ):
        yield found


@contextlib.asynccontextmanager
async def lent(
    data: Path,
    postgres: PostgresServer | None = None,
    *,
    answers: bool = False,
    origins: Mapping[str, str] | None = None,
    **more: Any,
) -> AsyncIterator[Built]:
    """The same, furnished, many times quicker: a copy of what was built once, beside networks that are put back.

    With `postgres` it has a database of its own there; `origins` are of networks that are not the simulated ones. It cannot
    be started again on its folder: that is for `built`.
    """
    networks = _idle.pop() if _idle else _Lent(Path(_folder.name) / str(next(_numbers)))
    try:
        template = await networks.template(postgres)
        shutil.copytree(template.data, data, symlinks=True)
        networks.back_to(template.moment)
        url = "" if postgres is None else postgres.create(template=template.database)
        try:
            async with _served(
                data, url, networks.sim, furnished=False, answers=answers, origins=origins, **more
            ) as found:
                yield found
        finally:
            if postgres is not None:
                postgres.drop(url)
    finally:
        _idle.append(networks)


@dataclass(frozen=True)
class _Template:
    data: Path
    database: str
    moment: Moment


class _Lent(SimulatedNetworks):
    """With the furnished houses that were built beside them, one on each database."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "sim")
        self._home = folder
        self._templates: dict[str, _Template] = {}

    async def template(self, postgres: PostgresServer | None) -> _Template:
        kind = "sqlite" if postgres is None else str(postgres.folder)
        if kind not in self._templates:
            data = Path(tempfile.mkdtemp(dir=self._home))
            (data / "sim").symlink_to(self.folder)
            self.start_over()
            url = "" if postgres is None else postgres.create()
            async with _served(data, url, self.sim, furnished=True, answers=False):
                pass
            self._templates[kind] = _Template(data, url.rpartition("/")[2], self.moment())
        return self._templates[kind]


_folder = tempfile.TemporaryDirectory(prefix="postroom-lent-")
_numbers = itertools.count(1)
_idle: list[_Lent] = []


@contextlib.asynccontextmanager
async def _served(
    data: Path,
    database_url: str,
    sim: str,
    *,
    furnished: bool,
    answers: bool,
    origins: Mapping[str, str] | None = None,
    **more: Any,
) -> AsyncIterator[Built]:
    async with contextlib.AsyncExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = listener.getsockname()[1] if answers else 1
        settings = Settings(
            data=data,
            database_url=database_url,
            provider_seconds=3.0,
            providers=sandbox.providers(sim) | {name: {"origin": origin} for name, origin in (origins or {}).items()},
            **more,
        )
        now = offset_clock(sandbox.clock_file(data))
        house = await build(settings, public_url=f"http://127.0.0.1:{port}", now=now, sandbox=True, control=sim)
        try:
            if answers:
                await stack.enter_async_context(_answering(house, listener))
            kept = await sandbox.furnish(house, data, sim, link=furnished)
            access = house.services.access
            async with httpx.AsyncClient(base_url=sim) as client:
                yield Built(
                    house=house,
                    caller=await access.resolve(kept.key),
                    other=await access.resolve(kept.other_key),
                    kept=kept,
                    sim=client,
                    data=data,
                    now=now,
                )
        finally:
            await house.close()


@contextlib.asynccontextmanager
async def _answering(house: House, listener: socket.socket) -> AsyncIterator[None]:
    server = uvicorn.Server(uvicorn.Config(house.app, lifespan="off", log_config=None))
    # Not `serve`: that would take the signals, which are pytest's.
    serving = asyncio.create_task(server._serve([listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await serving


@dataclass
class Server:
    """`postroom serve --sandbox --json`, running."""

    process: subprocess.Popen[str]
    line: dict[str, str]
    """The JSON line: postpress, connectsafely, postpost, native, sim, key, other_key."""
    errors: list[str]
    """What it wrote to standard error, line by line."""

    def kill(self) -> None:
        """SIGKILL, and wait until it and the simulated networks are gone."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM, and wait; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=15)


@contextlib.contextmanager
def running_server(
    data: Path,
    *,
    port: int = 0,
    environment: Mapping[str, str] | None = None,
    command: Sequence[str] = (sys.executable, "-m", "postroom"),
    whatsapp: bool = False,
) -> Iterator[Server]:
    """A server as a user starts it; killed at the end if it still runs. `whatsapp`: with that account, a second later."""
    more = () if whatsapp else ("--no-whatsapp",)
    process = subprocess.Popen(
        [*command, "serve", "--sandbox", "--port", str(port), "--data", str(data), "--json", *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), **(environment or {})},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    errors: list[str] = []
    reading = threading.Thread(target=lambda stream: errors.extend(stream), args=(process.stderr,), daemon=True)
    reading.start()
    try:
        line = process.stdout.readline()
        if not line:
            process.wait(timeout=10)
            reading.join(timeout=5)
            raise RuntimeError("the server did not start:\n" + "".join(errors))
        yield Server(process=process, line=json.loads(line), errors=errors)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        reading.join(timeout=5)
        process.stdout.close()
        process.stderr.close()
