import asyncio

import asyncpg
import pytest

from tests.parts.faultproxy import FaultProxy
from tests.parts.postgres import PostgresServer, running_postgres


async def test_each_database_is_its_own(postgres_server: PostgresServer) -> None:
    first, second = postgres_server.create(), postgres_server.create()
    one, other = await asyncpg.connect(first), await asyncpg.connect(second)
    await one.execute("CREATE TABLE seen (id int)")
    assert await other.fetchval("SELECT to_regclass('seen')::text") is None
    await one.close()
    await other.close()
    postgres_server.drop(first)
    postgres_server.drop(second)


async def test_the_fixture_gives_an_empty_database(postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    assert await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    assert await connection.fetchval("SELECT current_setting('server_version_num')::int") >= 150000
    await connection.close()


async def test_a_clone_has_what_its_template_has_and_keeps_its_changes(postgres_server: PostgresServer) -> None:
    prepared = 0

    async def prepare(url: str) -> None:
        nonlocal prepared
        prepared += 1
        connection = await asyncpg.connect(url)
        await connection.execute("CREATE TABLE seen (id int); INSERT INTO seen VALUES (1)")
        await connection.close()

    urls = [postgres_server.create(postgres_server.template("clones", prepare)) for _ in range(2)]
    assert prepared == 1
    one, other = [await asyncpg.connect(url) for url in urls]
    await one.execute("INSERT INTO seen VALUES (2)")
    assert await one.fetchval("SELECT count(*) FROM seen") == 2
    assert await other.fetchval("SELECT count(*) FROM seen") == 1
    await one.close()
    await other.close()
    for url in urls:
        postgres_server.drop(url)


async def test_it_listens_on_loopback_only(postgres_server: PostgresServer) -> None:
    assert [row[0] for row in postgres_server.fetch("SELECT current_setting('listen_addresses')")] == ["127.0.0.1"]


async def test_notifications_and_skipped_locks_work(postgres_url: str) -> None:
    heard: asyncio.Queue[object] = asyncio.Queue()
    listener, speaker = await asyncpg.connect(postgres_url), await asyncpg.connect(postgres_url)
    await listener.add_listener("news", lambda *told: heard.put_nowait(told[3]))
    await speaker.execute("CREATE TABLE work (id int); INSERT INTO work VALUES (1), (2)")
    await speaker.execute("NOTIFY news, 'fresh'")
    assert await asyncio.wait_for(heard.get(), 5) == "fresh"
    claim = "SELECT id FROM work ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED"
    async with listener.transaction(), speaker.transaction():
        assert await listener.fetchval(claim) == 1
        assert await speaker.fetchval(claim) == 2
    await listener.close()
    await speaker.close()


async def test_connections_can_be_cut_as_in_a_failover(postgres_server: PostgresServer, postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    assert postgres_server.disconnect_all(postgres_url) == 1
    with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.AdminShutdownError)):
        await connection.execute("SELECT 1")


async def test_a_proxy_can_stand_before_it(postgres_server: PostgresServer, postgres_url: str) -> None:
    database = postgres_url.rpartition("/")[2]
    async with FaultProxy(postgres_server.host, postgres_server.port) as proxy:
        connection = await asyncpg.connect(postgres_server.url(database, port=proxy.port))
        assert await connection.fetchval("SELECT 1") == 1
        proxy.faults.blackhole = True
        with pytest.raises(TimeoutError):
            await connection.fetchval("SELECT 2", timeout=0.3)
        proxy.heal()
        connection.terminate()


def test_a_durable_server_waits_for_the_disk() -> None:
    with running_postgres(durable=True) as server:
        assert [tuple(row) for row in server.fetch("SELECT current_setting('fsync')")] == [("on",)]
        folder = server.folder
    assert not folder.exists()
