"""The floors of a deletion: the least statements that do the same, straight through the driver, with shared commits.

The same: the group goes with its posts and media rows, a receipt says what they were, an event tells of it, all in one
durable transaction; no group, no receipt. `python -m bench.floors`, told what to do on standard input as JSON.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import uvloop

from postroom.ids import new_ulid
from postroom.store.sqlite_files import open_file

_POSTS = (
    "select platform, platform_id, status, provider_id, url from posts where workspace_id = ?1 and group_id = ?2 "
    "order by position"
)
_MEDIA = "delete from media_items where workspace_id = ?1 and group_id = ?2 returning blob_key"
_GROUP = "delete from post_groups where workspace_id = ?1 and user_id = ?1 and id = ?2 returning status"
_RECEIPT = (
    "insert into receipts (workspace_id, id, kind, target_id, document, created_at, user_id) "
    "values (?1, ?3, 'post_group.deleted', ?2, ?4, ?5, ?1)"
)
_EVENT = (
    "insert into events (id, workspace_id, type, data, created_at, user_id) "
    "values (?2, ?1, 'post_group.deleted', ?3, ?4, ?1)"
)

_ALL_IN_ONE = """
with gone as (delete from post_groups where workspace_id = $1 and user_id = $1 and id = $2 returning status),
files as (delete from media_items where workspace_id = $1 and group_id = $2 returning blob_key),
receipt as (
    insert into receipts (workspace_id, user_id, id, kind, target_id, document, created_at)
    select $1, $1, $3, 'post_group.deleted', $2, json_build_object(
        'status', status, 'files', (select count(blob_key) from files), 'targets', (
            select json_agg(json_build_object('platform', platform, 'platform_id', platform_id, 'status', p.status,
                'provider_id', provider_id, 'url', url) order by position)
            from posts p where p.workspace_id = $1 and p.group_id = $2)
    )::text, $5 from gone
)
insert into events (position, id, workspace_id, user_id, type, data, created_at)
select (pg_current_xact_id()::text::bigint << 16) + $7, $4, $1, $1, 'post_group.deleted', $6, $5 from gone
"""


class _Shared:
    """Who waits is done together, in one transaction."""

    def __init__(self, do: Callable[[list[str]], Awaitable[None]], workers: int) -> None:
        self._do = do
        self._free = workers
        self._working: set[asyncio.Future[None]] = set()
        self._waiting: list[tuple[str, asyncio.Future[None]]] = []

    async def delete(self, group_id: str) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((group_id, done))
        if self._free:
            self._free -= 1
            self._working.add(work := asyncio.ensure_future(self._work()))
            work.add_done_callback(self._working.discard)
        await done

    async def _work(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                await self._do([group_id for group_id, _ in batch])
            except Exception as error:  # noqa: BLE001 - those who wait are told
                for _, done in batch:
                    done.set_exception(error)
                continue
            for _, done in batch:
                done.set_result(None)
        self._free += 1


def _sqlite(file: str, workspace_id: str) -> Callable[[list[str]], Awaitable[None]]:
    database = open_file(Path(file))
    for pragma in ("foreign_keys = on", "secure_delete = on", "synchronous = full", "cache_size = -32768"):
        database.execute(f"pragma {pragma}")
    encode = json.JSONEncoder().encode

    async def delete(ids: list[str]) -> None:
        database.execute("begin immediate")
        for group_id in ids:
            now = datetime.now(UTC)
            at = int(now.timestamp() * 1000)
            targets = [
                {"platform": row[0], "platform_id": row[1], "status": row[2], "provider_id": row[3], "url": row[4]}
                for row in database.execute(_POSTS, (workspace_id, group_id))
            ]
            files = len(database.execute(_MEDIA, (workspace_id, group_id)).fetchall())
            (status,) = database.execute(_GROUP, (workspace_id, group_id)).fetchone()
            document = encode({"status": status, "files": files, "targets": targets})
            database.execute(_RECEIPT, (workspace_id, group_id, f"rcp_{new_ulid(now)}", document, at))
            database.execute(_EVENT, (workspace_id, f"evt_{new_ulid(now)}", _data(group_id), at))
        database.execute("commit")

    return delete


async def _postgres(url: str, workspace_id: str, connections: int) -> Callable[[list[str]], Awaitable[None]]:
    free = [await asyncpg.connect(url) for _ in range(connections)]

    async def delete(ids: list[str]) -> None:
        connection = free.pop()
        now = datetime.now(UTC)
        at = int(now.timestamp() * 1000)
        # One transaction, its statements sent without waiting for each other.
        await connection.executemany(
            _ALL_IN_ONE,
            [
                (workspace_id, each, f"rcp_{new_ulid(now)}", f"evt_{new_ulid(now)}", at, _data(each), place)
                for place, each in enumerate(ids)
            ],
        )
        free.append(connection)

    return delete


def _data(group_id: str) -> str:
    return f'{{"post_group_id":"{group_id}","origin":"api"}}'


async def _run(told: dict[str, Any]) -> float:
    if told["database"].startswith("postgresql://"):
        connections = 2
        shared = _Shared(await _postgres(told["database"], told["workspace_id"], connections), connections)
    else:
        shared = _Shared(_sqlite(told["database"], told["workspace_id"]), 1)
    waiting = iter(told["ids"])

    async def client() -> None:
        for group_id in waiting:
            await shared.delete(group_id)

    start = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(told["clients"])))
    return time.perf_counter() - start


if __name__ == "__main__":
    _told = json.loads(sys.stdin.read())
    os.sched_setaffinity(0, _told["cores"])
    print(json.dumps({"seconds": uvloop.run(_run(_told))}))
