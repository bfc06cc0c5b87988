"""A server that only answers, and a worker beside it, on the same PostgreSQL."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import httpx
import pytest

pytestmark = pytest.mark.slow


@contextmanager
def running(*arguments: str, **environment: str) -> Iterator[dict[str, object]]:
    """The command, until the block is left; the line of JSON by which it says that it is ready."""
    own = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), **environment}
    process = subprocess.Popen(
        [sys.executable, "-m", "postroom", *arguments, "--json"],
        env=own,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate(timeout=10)[1]
        yield json.loads(line)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 0
    finally:
        process.kill()
        process.communicate()


def jobs(url: str) -> int:
    async def count() -> int:
        connection = await asyncpg.connect(url)
        try:
            return int(await connection.fetchval("select count(*) from jobs"))
        finally:
            await connection.close()

    return asyncio.run(count())


def test_a_server_without_a_worker_answers_and_a_worker_beside_it_works(tmp_path: Path, postgres_url: str) -> None:
    data, setting = str(tmp_path / "data"), {"POSTROOM_DATABASE_URL": postgres_url}
    with running("serve", "--no-worker", "--port", "0", "--data", data, **setting) as served:
        assert httpx.get(f"{served['native']}/health").json() == {"status": "ok"}
        assert jobs(postgres_url) == 0
        with running("worker", "--data", data, **setting) as working:
            assert working["working"] is True
            end = time.monotonic() + 10
            while not jobs(postgres_url):
                assert time.monotonic() < end, "nobody looks after the server's own work"
                time.sleep(0.1)
