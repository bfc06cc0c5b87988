"""Whole servers for tests: built in this process, or running as a user would start them."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from postroom import sandbox
from postroom.app import House, build
from postroom.clock import offset_clock
from postroom.domain.access import Caller
from postroom.settings import Settings


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


@contextlib.asynccontextmanager
async def built(
    data: Path,
    database_url: str = "",
    *,
    furnished: bool = True,
    answers: bool = False,
    providers: Mapping[str, dict[str, str]] | None = None,
    **more: Any,
) -> AsyncIterator[Built]:
    """A house in this process, with nothing in its background: tests run its worker and listeners as they need.

    `answers`: its public address does, for networks that fetch files. `providers`: networks that are no simulations.
    What else is given are settings, by their names.
    """
    async with contextlib.AsyncExitStack() as stack:
        networks = await stack.enter_async_context(sandbox.networks(data, 0))  # makes the folder
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = listener.getsockname()[1] if answers else 1
        settings = Settings(
            data=data,
            database_url=database_url,
            provider_seconds=3.0,
            providers={**sandbox.providers(networks.sim), **(providers or {})},
            **more,
        )
        now = offset_clock(sandbox.clock_file(data))
        house = await build(settings, public_url=f"http://127.0.0.1:{port}", now=now, sandbox=True)
        try:
            if answers:
                await stack.enter_async_context(_answering(house, listener))
            kept = await sandbox.furnish(house, data, networks.sim, link=furnished)
            access = house.services.access
            async with httpx.AsyncClient(base_url=networks.sim) as sim:
                yield Built(
                    house=house,
                    caller=await access.resolve(kept.key),
                    other=await access.resolve(kept.other_key),
                    kept=kept,
                    sim=sim,
                    data=data,
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
) -> Iterator[Server]:
    """A server as a user starts it; killed at the end if it still runs."""
    process = subprocess.Popen(
        [*command, "serve", "--sandbox", "--port", str(port), "--data", str(data), "--json"],
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
