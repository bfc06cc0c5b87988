"""Wake-ups: in this process, and between processes of one PostgreSQL database."""

import asyncio

from postroom.store.notify import Notifier
from tests.parts.postgres import PostgresServer


async def test_who_waits_is_woken_and_others_are_not() -> None:
    notifier = Notifier()
    await notifier.start()
    jobs = [asyncio.create_task(notifier.wait("jobs", 5)) for _ in range(3)]
    keys = asyncio.create_task(notifier.wait("keys", 0.05))
    await asyncio.sleep(0)
    notifier.wake("jobs")
    assert await asyncio.gather(*jobs) == [True, True, True]
    assert not await keys
    assert not await notifier.wait("jobs", 0.01)
    await notifier.close()


async def test_one_who_is_cancelled_as_it_is_woken_is_cancelled() -> None:
    notifier = Notifier()
    waiting = asyncio.create_task(notifier.wait("jobs", 5))
    await asyncio.sleep(0)
    notifier.wake("jobs")
    waiting.cancel()
    await asyncio.wait([waiting], timeout=5)
    assert waiting.cancelled()


async def test_other_processes_are_woken(postgres_url: str) -> None:
    here, there = Notifier(postgres_url), Notifier(postgres_url)
    await here.start()
    await there.start()
    waiting = asyncio.create_task(there.wait("events:a", 5))
    other = asyncio.create_task(there.wait("events:b", 0.2))
    await asyncio.sleep(0)
    here.wake("events:a")
    assert await waiting
    assert not await other
    await here.close()
    await there.close()


async def test_wake_ups_that_come_at_once_are_all_heard_by_other_processes(postgres_url: str) -> None:
    here, there = Notifier(postgres_url), Notifier(postgres_url)
    await here.start()
    await there.start()
    waiting = [asyncio.create_task(there.wait(f"events:{number}", 5)) for number in range(100)]
    await asyncio.sleep(0)
    for _ in range(3):
        for number in range(100):
            here.wake(f"events:{number}")
    assert all(await asyncio.gather(*waiting))
    again = asyncio.create_task(there.wait("events:0", 5))
    await asyncio.sleep(0.05)
    here.wake("events:0")
    assert await again
    await here.close()
    await there.close()


async def test_a_lost_connection_is_opened_again(postgres_url: str, postgres_server: PostgresServer) -> None:
    here, there = Notifier(postgres_url), Notifier(postgres_url)
    await here.start()
    await there.start()
    assert postgres_server.disconnect_all(postgres_url) == 2
    for _ in range(50):
        waiting = asyncio.create_task(there.wait("jobs", 0.2))
        await asyncio.sleep(0)
        here.wake("jobs")
        if await waiting:
            break
    else:
        raise AssertionError("nobody was woken again")
    await here.close()
    await there.close()
