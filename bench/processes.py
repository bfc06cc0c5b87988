"""Servers that are measured: started on cores of their own, with the processor time that they have used."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import machine

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Served:
    """A server that listens."""

    process: subprocess.Popen[str]
    line: dict[str, Any]
    """The line of JSON that it printed when it was listening."""
    seconds_to_listen: float

    @property
    def port(self) -> int:
        address: str = self.line.get("native") or self.line["base"]
        return int(address.split(":")[2].split("/")[0])

    def cpu_seconds(self) -> float:
        """The processor time that it has used, all its threads, not its children."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def rest(self, most_seconds: float = 60.0) -> None:
        """Until it has next to nothing to do: what a start brings with it is no part of what is measured then."""
        end = time.monotonic() + most_seconds
        quiet = 0
        while quiet < 3 and time.monotonic() < end:
            before = self.cpu_seconds()
            time.sleep(1)
            quiet = quiet + 1 if self.cpu_seconds() - before < 0.02 else 0

    def pss_mb(self) -> float:
        """Its share of memory: what is its own, and its part of what it shares."""
        for line in Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
        raise RuntimeError("no Pss in smaps_rollup")

    def most_memory_mb(self) -> float:
        """The most that was resident at a time, with what it shares."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
        raise RuntimeError("no VmHWM in status")


@contextlib.contextmanager
def started(
    *arguments: str, environment: Mapping[str, str] | None = None, cores: Sequence[int] | set[int] | None = None
) -> Iterator[Served]:
    """`python -m ARGUMENTS`, until the end of the block; it must print one line of JSON once it listens."""
    chosen = set(machine.cores()[0] if cores is None else cores)
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            stdout=subprocess.PIPE,
            stderr=errors,
            stdin=subprocess.DEVNULL,
            text=True,
            env={**_environment(), **(environment or {})},
            preexec_fn=lambda: os.sched_setaffinity(0, chosen),
        )
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line:
                process.wait(timeout=10)
                errors.seek(0)
                raise RuntimeError(f"{' '.join(arguments)} did not start:\n{errors.read()[-4000:]}")
            yield Served(process, json.loads(line), time.perf_counter() - start)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()


DEPLOYED = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
"""How `deploy/` has servers run: whatever is measured runs so, what it is measured against as well."""


def _environment() -> dict[str, str]:
    """This process's, without what would be taken for settings of the server."""
    return {**{name: value for name, value in os.environ.items() if not name.startswith("POSTROOM_")}, **DEPLOYED}


def postroom(
    data: Path,
    database_url: str = "",
    cores: Sequence[int] | set[int] | None = None,
    more: Mapping[str, str] | None = None,
) -> contextlib.AbstractContextManager[Served]:
    """`postroom serve` on a data folder, as it is run for real. `more`: settings beside the database's."""
    environment = {"POSTROOM_LOG_LEVEL": "WARNING", **(more or {})}
    if database_url:
        environment["POSTROOM_DATABASE_URL"] = database_url
    arguments = ("serve", "--port", "0", "--data", str(data), "--json")
    return started("postroom", *arguments, environment=environment, cores=cores)
