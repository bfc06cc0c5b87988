"""What every test may ask for."""

import functools
import gc
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from importlib.metadata import EntryPoints, entry_points
from pathlib import Path

import httpx
import hypothesis
import pytest

from postroom import logs
from postroom.connectors import registry
from tests.crash import networks
from tests.crash.harness import Ground, Prepared, prepare
from tests.crash.operations import furnish
from tests.desk import Desk
from tests.parts.faultproxy import FaultProxy
from tests.parts.loopback import only_loopback
from tests.parts.pds import Pds, PdsAccount, running_pds
from tests.parts.postgres import PostgresServer, running_postgres
from tests.parts.s3 import S3, running_s3
from tests.parts.synapse import Homeserver, running_synapse
from tests.servers import lent
from tests.size import Size, size

hypothesis.settings.register_profile(
    "postroom",
    max_examples=size.examples,
    deadline=None,
    derandomize=size.name == "small",
    # Fixtures of ours are cheap or shared; what an example changes it makes itself.
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture, hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("postroom")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest begin first: one that began last would leave all other cores idle."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: (-slow[item.path], item.path))


@pytest.fixture(scope="session", autouse=True)
def _nothing_leaves_loopback() -> Iterator[None]:
    with only_loopback():
        yield


@pytest.fixture(scope="session", autouse=True)
def _the_log_of_the_process_is_the_tests() -> Iterator[None]:
    """A command that is called inside this process would set up the log of every test that comes after it, for good."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logs, "configure", lambda level, as_json: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def _what_stays_is_read_once() -> Iterator[None]:
    """The roots of trust that a client is made with, and the packages that register connectors: thousands are made here."""

    @functools.cache
    def entries(path: tuple[str, ...], group: str) -> EntryPoints:
        return entry_points(group=group)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("httpx._transports.default.create_ssl_context", functools.cache(httpx.create_ssl_context))
        patch.setattr(registry, "entry_points", lambda group: entries(tuple(sys.path), group))
        yield


@pytest.fixture(scope="session", autouse=True)
def _what_was_imported_stays() -> Iterator[None]:
    """Until the end, so no collection looks at it again: there is more of it than of what a test makes."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="session", name="size")
def the_size() -> Size:
    """How much the long tests do, from TEST_SIZE."""
    return size


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A real PostgreSQL, one for each worker of the run."""
    with running_postgres() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a new, empty database, gone after the test."""
    url = postgres_server.create()
    yield url
    postgres_server.drop(url)


@pytest.fixture(params=["sqlite", "postgres"])
async def desk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Desk]:
    """A furnished house on each database, with what tests about posts, files and accounts want of it."""
    postgres = request.getfixturevalue("postgres_server") if request.param == "postgres" else None
    async with lent(tmp_path / "data", postgres) as found:
        yield Desk(found)


@pytest.fixture
async def s3_desk(s3: S3, tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk whose media are in a bucket of a real S3 server."""
    bucket = s3.bucket()
    async with lent(tmp_path / "data", **s3.settings(f"{bucket}/media")) as found:
        yield Desk(found, lambda: {key.removeprefix("media/") for key in s3.keys(bucket)})


@pytest.fixture(params=["sqlite", "postgres"])
async def answering(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Desk]:
    """A house whose files a network can fetch."""
    postgres = request.getfixturevalue("postgres_server") if request.param == "postgres" else None
    async with lent(tmp_path / "data", postgres, answers=True) as found:
        yield Desk(found)


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def crash_house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    """A furnished server that was stopped, to be copied and killed (tests/crash)."""
    server: PostgresServer | None = None
    if request.param == "postgres":
        server = request.getfixturevalue("postgres_server")
    ground = Ground(tmp_path_factory.mktemp(f"crash-{request.param}"), server)
    yield prepare(ground, furnish)
    ground.close()


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def network_house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    """The same with an account and a draft on each network."""
    server: PostgresServer | None = None
    if request.param == "postgres":
        server = request.getfixturevalue("postgres_server")
    ground = Ground(tmp_path_factory.mktemp(f"networks-{request.param}"), server)
    yield prepare(ground, networks.furnish)
    ground.close()


@pytest.fixture(scope="session")
def pds() -> Iterator[Pds]:
    """A real Bluesky PDS without rate limits, one for each worker of the run."""
    with running_pds() as server:
        yield server


@pytest.fixture
def pds_account(pds: Pds) -> PdsAccount:
    """A new account there."""
    return pds.create_account()


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    """A real S3 server, one for each worker of the run."""
    with running_s3() as server:
        yield server


@pytest.fixture(scope="session")
def synapse() -> Iterator[Homeserver]:
    """A real Matrix homeserver without rate limits, one for each worker of the run."""
    with running_synapse() as server:
        yield server


@pytest.fixture
async def fault_proxy() -> AsyncIterator[Callable[[str, int], Awaitable[FaultProxy]]]:
    """Puts a FaultProxy before an address, `await fault_proxy(host, port)`; it is gone after the test."""
    async with AsyncExitStack() as open_proxies:

        async def before(host: str, port: int) -> FaultProxy:
            return await open_proxies.enter_async_context(FaultProxy(host, port))

        yield before
