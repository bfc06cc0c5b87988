"""Enumerates the I/O steps of an operation, kills a server at each of them, starts it again and asks what is true.

The steps are counted once, on a copy of a prepared data folder; then, for each step and both of its sides, a fresh copy is
served with the kill armed (see server.py), the operation is performed, the server dies, a plain one is started on what it
left, and once its jobs have settled the operation's own check says whether all agrees with what was acknowledged.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from postroom.store.sqlite_files import open_file
from tests.parts.networks import Moment, SimulatedNetworks
from tests.parts.postgres import Admin, PostgresServer

LAUNCHER = Path(__file__).with_name("server.py")
SECONDS_TO_START = 30.0
SECONDS_TO_DIE = 20.0
SECONDS_TO_SETTLE = 40.0
SECONDS_TO_WORK = 0.25
DAY_MS = 86_400_000


class Died(Exception):
    """The server ended while something was waited for."""


class Ground:
    """What stays while servers come and go: the simulated networks, and the process that servers are forked from."""

    def __init__(self, folder: Path, postgres: PostgresServer | None) -> None:
        self.folder = folder
        self.postgres = postgres
        self._networks = SimulatedNetworks(folder / "sim")
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        self._launcher = subprocess.Popen(
            [sys.executable, str(LAUNCHER)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip
        self.networks = self._networks.line
        self.sim = self._networks.client
        self._moment: Moment | None = None

    def remember(self) -> None:
        """Keep the networks' state and moment, to come back to for each case."""
        self._moment = self._networks.moment()

    def restore(self) -> None:
        assert self._moment is not None
        self._networks.back_to(self._moment)

    def start(self, data: Path, environment: dict[str, str]) -> "Run":
        """`postroom serve --sandbox` on this folder, listening."""
        out, errors = data.with_suffix(".out"), data.with_suffix(".errors")
        request = {
            "argv": ["serve", "--sandbox", "--no-whatsapp", "--port", "0", "--data", str(data), "--json"],
            "environment": {"CRASH_NETWORKS": self.networks, **environment},
            "out": str(out),
            "errors": str(errors),
        }
        out.unlink(missing_ok=True)
        pid = int(self._tell(json.dumps(request)))
        until = time.monotonic() + SECONDS_TO_START
        while not (out.exists() and out.read_text().endswith("\n")):
            if time.monotonic() > until or not _is_running(pid):
                raise RuntimeError(f"the server did not start:\n{errors.read_text()}")
            time.sleep(0.01)
        return Run(pid=pid, line=json.loads(out.read_text()), ground=self)

    def _tell(self, line: str) -> str:
        assert self._launcher.stdin is not None
        self._launcher.stdin.write(line + "\n")
        self._launcher.stdin.flush()
        return self.hear()

    def hear(self) -> str:
        assert self._launcher.stdout is not None
        return self._launcher.stdout.readline()

    def close(self) -> None:
        self._launcher.communicate()
        self._networks.close()


@dataclass(kw_only=True)
class Run:
    """A server that was forked for one case."""

    pid: int
    line: dict[str, str]
    ground: Ground
    code: int | None = None

    def dead_by(self, until: float) -> int | None:
        """Its exit code, once it has ended; None: it runs on."""
        while self.code is None and time.monotonic() < until:
            if not _is_running(self.pid):
                self.code = int(self.ground.hear())
            time.sleep(0.01)
        return self.code

    def end(self, number: signal.Signals) -> int:
        if self.code is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
            self.code = int(self.ground.hear())
        return self.code


def _is_running(pid: int) -> bool:
    # The launcher waits for it, so that it does not stay as a zombie.
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@dataclass(kw_only=True)
class Prepared:
    """A stopped server's folder (and database), to be copied for each case."""

    data: Path
    database_url: str
    facts: dict[str, Any]
    ground: Ground


@dataclass(kw_only=True)
class House:
    """A running server, and what an operation needs to know about it."""

    server: Run
    data: Path
    database_url: str
    facts: dict[str, Any]
    acknowledged: list[str] = field(default_factory=list)
    """The requests that were answered with success, in order."""

    def __post_init__(self) -> None:
        key = self.server.line["key"]
        self.client = httpx.Client(headers={"x-api-key": key, "authorization": f"Bearer {key}"}, timeout=30)
        self.sim = self.server.ground.sim
        self._postgres = Admin(self.database_url) if self.database_url else None

    def close(self) -> None:
        self.client.close()
        if self._postgres:
            self._postgres.close()

    def url(self, dialect: str, path: str) -> str:
        return self.server.line[dialect] + path

    def ask(self, method: str, dialect: str, path: str, **named: Any) -> httpx.Response:
        return self.client.request(method, self.url(dialect, path), **named)

    def counted(
        self, name: str, method: str, url: str, *, in_doubt: tuple[int, ...] = (), **named: Any
    ) -> httpx.Response:
        """A request whose steps are counted; noted as acknowledged when it succeeds.

        Else it must be a lost connection, or one of the statuses that say that the outcome is in doubt.
        """
        headers = {"x-crash-counted": "1", **named.pop("headers", {})}
        answer = self.client.request(method, url, headers=headers, **named)
        if answer.status_code not in in_doubt:
            assert answer.status_code in (200, 201), answer.text
            self.acknowledged.append(name)
        return answer

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the database itself."""
        if self._postgres:
            return [tuple(row) for row in self._postgres.fetch(sql)]
        with contextlib.closing(open_file(self.data / "postroom.db", read_only=True)) as opened:
            return opened.execute(sql).fetchall()

    def keyring(self) -> set[str]:
        """The accounts whose keys are in the keyring."""
        with contextlib.closing(open_file(self.data / "keyring.db", read_only=True)) as opened:
            return {row[0] for row in opened.execute("select account_id from keys")}

    def check_remembered(self, graves: set[tuple[str, str]]) -> None:
        """Once the server has cleaned up: the keyring knows, by kind and name, what is gone."""
        self.advance(700)
        until = time.monotonic() + SECONDS_TO_DIE
        while True:
            with contextlib.closing(open_file(self.data / "keyring.db", read_only=True)) as opened:
                known = set(opened.execute("select kind, name from graves").fetchall())
            if graves <= known:
                return
            assert time.monotonic() < until, f"the keyring does not remember {graves - known}"
            time.sleep(0.1)

    def advance(self, seconds: float) -> None:
        assert self.sim.post("/_sim/clock/advance", json={"seconds": seconds}).status_code == 200

    def now_ms(self) -> int:
        return int((time.time() + self.sim.get("/_sim/clock").json()["offset_seconds"]) * 1000)

    def calls(self, network: str, operation: str) -> list[dict[str, Any]]:
        found = self.sim.get("/_sim/requests", params={"network": network, "operation": operation})
        return list(found.json()["requests"])

    def settle(self) -> None:
        """Wait until no job is left to do but those that come again, and those of upload addresses not yet expired."""
        until = time.monotonic() + SECONDS_TO_SETTLE
        while left := self._jobs():
            if not _is_running(self.server.pid):
                raise Died
            assert time.monotonic() < until, f"jobs do not settle: {left}"
            # Retries, claims of a process that died and the second try of an unlink all wait for their time.
            self.advance(45)
            moved = time.monotonic()
            while time.monotonic() < moved + SECONDS_TO_WORK and self._jobs():
                time.sleep(0.02)

    def _jobs(self) -> list[tuple[Any, ...]]:
        now = self.now_ms()
        return self.rows(
            "select task, status, scheduled_at, last_error from jobs where status = 'doing' "
            f"or (status = 'todo' and scheduled_at <= {now}) or (status = 'todo' and scheduled_at < {now + DAY_MS} "
            "and task not in ('expire_upload', 'clean_up', 'sync_account'))"
        )

    def check_no_orphans(self) -> None:
        """Once every upload address has expired: the files that rows speak of, and no others, whatever their names."""
        self.advance(2 * 3600)
        self.settle()
        home = self.data / "media"
        files = {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()}
        assert files == {row[0] for row in self.rows("select blob_key from media_items where status = 'stored'")}


@dataclass(frozen=True, kw_only=True)
class Operation:
    """Something whose every I/O step is to be survived."""

    name: str
    perform: Callable[[House], None]
    check: Callable[[House], None]
    """Asserts what must hold, given `house.acknowledged`."""
    tasks: Sequence[str] = ()
    """The jobs that belong to it: their steps are counted as well."""

    @property
    def id(self) -> str:
        """The name without blanks, as a test's id."""
        return re.sub(r"[^a-z]+", "-", self.name).strip("-")


@contextlib.contextmanager
def _served(copy: Prepared, environment: dict[str, str]) -> Iterator[House]:
    if copy.database_url:
        environment = {**environment, "POSTROOM_DATABASE_URL": copy.database_url}
    server = copy.ground.start(copy.data, environment)
    house = House(server=server, data=copy.data, database_url=copy.database_url, facts=copy.facts)
    try:
        yield house
    finally:
        house.close()
        server.end(signal.SIGKILL)


def prepare(ground: Ground, furnish: Callable[[House], dict[str, Any]]) -> Prepared:
    """Start a server on an empty folder, furnish it, and stop it."""
    data = ground.folder / "base"
    data.mkdir()
    # The server and the networks go by one clock, in this file.
    (data / "sim").symlink_to(ground.folder / "sim")
    url = ground.postgres.create() if ground.postgres else ""
    base = Prepared(data=data, database_url=url, facts={}, ground=ground)
    with _served(base, {}) as house:
        base.facts.update(furnish(house))
        house.settle()
        assert house.server.end(signal.SIGTERM) == 0
    ground.remember()
    return base


@contextlib.contextmanager
def _copied(prepared: Prepared, to: Path) -> Iterator[Prepared]:
    shutil.copytree(prepared.data, to, symlinks=True)
    prepared.ground.restore()
    postgres = prepared.ground.postgres
    url = postgres.create(template=prepared.database_url.rpartition("/")[2]) if postgres else ""
    try:
        yield Prepared(data=to, database_url=url, facts=dict(prepared.facts), ground=prepared.ground)
    finally:
        if postgres:
            postgres.drop(url)
        shutil.rmtree(to, ignore_errors=True)


def _environment(operation: Operation, log: Path, at: str = "") -> dict[str, str]:
    armed = {"CRASH_AT": at} if at else {}
    return {"CRASH_LOG": str(log), "CRASH_TASKS": ",".join(operation.tasks), **armed}


def count(operation: Operation, prepared: Prepared, folder: Path) -> list[str]:
    """Perform the operation undisturbed, check it, and name its steps in order."""
    log = folder / "steps"
    log.unlink(missing_ok=True)
    with (
        _copied(prepared, folder / "counted") as copy,
        _served(copy, _environment(operation, log)) as house,
    ):
        operation.perform(house)
        house.settle()
        steps = [line.partition(" ")[2] for line in log.read_text().splitlines()]
        operation.check(house)
    assert steps, f"{operation.name} has no steps"
    return steps


def chosen(steps: Sequence[str], every_nth: int) -> list[tuple[int, str]]:
    """The (step, side) pairs to try: all, or every nth, and for each name just after its first."""
    pairs = [(number, side) for number in range(1, len(steps) + 1) for side in ("before", "after")]
    first = {steps.index(name) + 1 for name in steps}
    return [
        (number, side)
        for place, (number, side) in enumerate(pairs)
        if place % every_nth == 0 or (number in first and side == "after")
    ]


def survive(operation: Operation, prepared: Prepared, folder: Path, number: int, side: str) -> None:
    """Kill the server at this step while it performs the operation, start it again, and check."""
    with _copied(prepared, folder / f"{number}-{side}") as copy:
        log = folder / "survived"
        with _served(copy, _environment(operation, log, f"{number} {side}")) as house:
            with contextlib.suppress(httpx.TransportError, Died):
                operation.perform(house)
            acknowledged = house.acknowledged
            code = house.server.dead_by(time.monotonic() + SECONDS_TO_DIE)
            assert code == -signal.SIGKILL, f"it was not killed there, and ended with {code}"
        with _served(copy, {}) as house:
            house.acknowledged = acknowledged
            house.settle()
            operation.check(house)


def enumerate_crashes(operation: Operation, prepared: Prepared, folder: Path, every_nth: int) -> None:
    """Every chosen step of the operation, one after the other; all that fail are told together."""
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    steps = count(operation, prepared, folder)
    pairs = chosen(steps, every_nth)
    wrong = []
    for number, side in pairs:
        try:
            survive(operation, prepared, folder, number, side)
        except Exception as error:
            wrong.append(f"killed {side} step {number} ({steps[number - 1]}): {type(error).__name__}: {error}")
            if os.environ.get("CRASH_FIRST"):
                raise
    told = ", ".join(f"{number} {name}" for number, name in enumerate(steps, 1))
    print(f"\n{operation.name}: {len(pairs)} of {2 * len(steps)} kills in {time.monotonic() - began:.0f} s: {told}")
    assert not wrong, "\n" + "\n".join(wrong)
