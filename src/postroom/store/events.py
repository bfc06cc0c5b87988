"""The log of what happened. Positions ascend; a reader that goes on from one misses nothing before it."""

from collections.abc import Collection

import msgspec

from postroom.domain.events import Event, EventData, EventType
from postroom.store.database import Reader, Row, Tx
from postroom.store.where import Where

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(EventData).decode


async def append(
    tx: Tx,
    event_id: str,
    workspace_id: str,
    type: EventType,
    data: EventData,
    at: int,
    user_id: str | None = None,
) -> None:
    """Log an event with the change that it tells of, in one transaction. `user_id`: whose things it is about."""
    position, place = tx.next_position(7)
    tx.later(
        f"""
        insert into events (position, id, workspace_id, type, data, created_at, user_id)
        values ({position}, $1, $2, $3, $4, $5, $6)
        """,
        event_id,
        workspace_id,
        type,
        _encode(data).decode(),
        at,
        user_id,
        place,
    )


async def after(
    reader: Reader,
    workspace_id: str,
    position: int,
    limit: int,
    user_id: str | None = None,
    types: Collection[EventType] = (),
) -> list[Event]:
    """What happened after this position, in order, to one user or to all; only of these types, if any are said.

    It stops where a transaction that is still open may yet put an event before the next one.
    """
    where = _where(reader, workspace_id, user_id)
    where.also(f"position > {{}} and position < {reader.settled_position}", position)
    if types:
        where.any_of("type", types)
    rows = await reader.fetch(
        f"""
        select position, id, type, data, created_at from events
        where {where} order by position limit {where.argument(limit)}
        """,
        *where.args,
    )
    return [_event(workspace_id, row) for row in rows]


async def latest(reader: Reader, workspace_id: str, limit: int, user_id: str | None = None) -> list[Event]:
    """What happened last, the newest first, to one user or to all."""
    where = _where(reader, workspace_id, user_id)
    rows = await reader.fetch(
        f"""
        select position, id, type, data, created_at from events
        where {where} order by position desc limit {where.argument(limit)}
        """,
        *where.args,
    )
    return [_event(workspace_id, row) for row in rows]


async def newest(reader: Reader, workspace_id: str, user_id: str | None = None) -> int:
    """The position of the newest event that `after` shows; 0 if there is none."""
    where = _where(reader, workspace_id, user_id)
    where.also(f"position < {reader.settled_position}")
    return await _position(reader, "desc", where)


async def what_follows(
    reader: Reader, workspace_id: str, position: int, user_id: str | None = None
) -> tuple[bool, bool]:
    """Whether anything is logged after this position, and whether `after` would show it."""
    where = _where(reader, workspace_id, user_id)
    where.also("position > {}", position)
    row = await reader.fetch_one(
        f"select position < {reader.settled_position} from events where {where} order by position limit 1", *where.args
    )
    return row is not None, row is not None and bool(row[0])


async def oldest(reader: Reader, workspace_id: str) -> int:
    """The position of the oldest event that is kept; 0 if there is none."""
    return await _position(reader, "asc", Where(reader, "workspace_id = {}", workspace_id))


async def remove_older(tx: Tx, before: int) -> int:
    """Remove events logged before this moment, and remember how far that went; how many. For upkeep."""
    row = await tx.fetch_one("select max(position) from events where created_at < $1", before)
    if row is None or row[0] is None:
        return 0
    await tx.execute(
        """
        insert into settings_kept values ('events_trimmed', $1)
        on conflict (name) do update set value = excluded.value
        where cast(settings_kept.value as bigint) < cast(excluded.value as bigint)
        """,
        str(row[0]),
    )
    return await tx.execute("delete from events where position <= $1", row[0])


async def trimmed(reader: Reader) -> int:
    """The last position that is kept no longer; 0 if none was removed yet. Positions are of all workspaces."""
    row = await reader.fetch_one("select value from settings_kept where name = 'events_trimmed'")
    return 0 if row is None else int(row[0])


async def _position(reader: Reader, order: str, where: Where) -> int:
    row = await reader.fetch_one(
        f"select position from events where {where} order by position {order} limit 1", *where.args
    )
    return 0 if row is None else int(row[0])


def _event(workspace_id: str, row: Row) -> Event:
    return Event(
        position=row[0],
        id=row[1],
        workspace_id=workspace_id,
        type=EventType(row[2]),
        data=_decode(row[3]),
        created_at=row[4],
    )


def _where(reader: Reader, workspace_id: str, user_id: str | None) -> Where:
    where = Where(reader, "workspace_id = {}", workspace_id)
    if user_id is not None:
        where.also("user_id = {}", user_id)
    return where
