"""The log of what happened. Positions ascend; a reader that goes on from one misses nothing before it."""

import msgspec

from postroom.domain.events import Event, EventData, EventType
from postroom.store.database import Reader, Tx

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(EventData).decode


async def append(tx: Tx, event_id: str, workspace_id: str, type: EventType, data: EventData, at: int) -> None:
    """Log an event with the change that it tells of, in one transaction."""
    position, place = tx.next_position(6)
    await tx.execute(
        f"""
        insert into events (position, id, workspace_id, type, data, created_at)
        values ({position}, $1, $2, $3, $4, $5)
        """,
        event_id,
        workspace_id,
        type,
        _encode(data).decode(),
        at,
        place,
    )


async def after(reader: Reader, workspace_id: str, position: int, limit: int) -> list[Event]:
    """What happened after this position, in order.

    It stops where a transaction that is still open may yet put an event before the next one.
    """
    rows = await reader.fetch(
        f"""
        select position, id, type, data, created_at from events
        where workspace_id = $1 and position > $2 and position < {reader.settled_position} order by position limit $3
        """,
        workspace_id,
        position,
        limit,
    )
    return [
        Event(
            position=row[0],
            id=row[1],
            workspace_id=workspace_id,
            type=EventType(row[2]),
            data=_decode(row[3]),
            created_at=row[4],
        )
        for row in rows
    ]


async def newest(reader: Reader, workspace_id: str) -> int:
    """The position of the newest event that `after` shows; 0 if there is none."""
    return await _position(reader, "desc", workspace_id, f" and position < {reader.settled_position}")


async def oldest(reader: Reader, workspace_id: str) -> int:
    """The position of the oldest event that is kept; 0 if there is none."""
    return await _position(reader, "asc", workspace_id)


async def remove_older(tx: Tx, before: int) -> int:
    """Remove events logged before this moment, and remember how far that went; how many. For upkeep."""
    row = await tx.fetch_one("select max(position) from events where created_at < $1", before)
    if row is None or row[0] is None:
        return 0
    await tx.execute(
        """
        insert into settings_kept values ('events_trimmed', $1)
        on conflict (name) do update set value = excluded.value
        """,
        str(row[0]),
    )
    return await tx.execute("delete from events where position <= $1", row[0])


async def trimmed(reader: Reader) -> int:
    """The last position that is kept no longer; 0 if none was removed yet. Positions are of all workspaces."""
    row = await reader.fetch_one("select value from settings_kept where name = 'events_trimmed'")
    return 0 if row is None else int(row[0])


async def _position(reader: Reader, order: str, workspace_id: str, settled: str = "") -> int:
    row = await reader.fetch_one(
        f"select position from events where workspace_id = $1{settled} order by position {order} limit 1", workspace_id
    )
    return 0 if row is None else int(row[0])
