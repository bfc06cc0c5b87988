"""What happened to post groups on their way out, in order. A group is held by whoever writes to its log."""

from collections.abc import Sequence

import msgspec

from postroom.domain.posts import LogDetail, LogEntry, LogEvent
from postroom.store.database import Reader, Tx

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(LogDetail).decode


async def add(tx: Tx, entries: Sequence[LogEntry]) -> None:
    """Append to the logs of post groups."""
    await tx.execute_many(
        """
        insert into post_logs (workspace_id, group_id, number, id, post_id, platform, event, detail, created_at)
        values (
            $1, $2,
            (select coalesce(max(number), 0) + 1 from post_logs where workspace_id = $1 and group_id = $2),
            $3, $4, $5, $6, $7, $8
        )
        """,
        [
            (
                entry.workspace_id,
                entry.group_id,
                entry.id,
                entry.post_id,
                entry.platform,
                entry.event,
                None if entry.detail is None else _encode(entry.detail).decode(),
                entry.created_at,
            )
            for entry in entries
        ],
    )


async def list_of_group(reader: Reader, workspace_id: str, group_id: str, limit: int) -> list[LogEntry]:
    """The first entries of a group's log, oldest first."""
    rows = await reader.fetch(
        """
        select id, post_id, platform, event, detail, created_at from post_logs
        where workspace_id = $1 and group_id = $2 order by number limit $3
        """,
        workspace_id,
        group_id,
        limit,
    )
    return [
        LogEntry(
            id=row[0],
            workspace_id=workspace_id,
            group_id=group_id,
            post_id=row[1],
            platform=row[2],
            event=LogEvent(row[3]),
            detail=None if row[4] is None else _decode(row[4]),
            created_at=row[5],
        )
        for row in rows
    ]
