"""A user's library: the files kept for posts to come, and, beside them, those of the user's post groups.

As a `MediaItem` a file of the library is one of no post group. Bytes are shared as `store.media` says.
"""

import msgspec

from postroom.domain.media import MediaItem, MediaKind, MediaStatus
from postroom.domain.posts import GroupStatus
from postroom.store import media
from postroom.store.database import Reader, Row, Tx
from postroom.store.media import Place

_COLUMNS = "workspace_id, user_id, id, kind, file_name, content_type, blob_key, size_bytes, alt_text, created_at, width, height"
# Of a post group's file as of the library's; `group_id` is empty there.
_FILE = "id, kind, file_name, content_type, blob_key, size_bytes, alt_text, created_at, width, height"


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """A post group that has a file, and the file's id there."""

    media_id: str
    blob_key: str
    group_id: str
    status: GroupStatus
    content: str


async def add(tx: Tx, user_id: str, item: MediaItem, place: Place) -> tuple[str, str | None]:
    """Keep a file whose bytes are at this place, or where the workspace has the same content already.

    Answers its id, another where the library has that content already; and the key that is not needed, for
    `media.let_go`.
    """
    kept = await media.keep(tx, item.workspace_id, place)
    unneeded = None if kept == place.blob_key else place.blob_key
    there = await tx.fetch_one(
        "select id from library_files where workspace_id = $1 and user_id = $2 and blob_key = $3",
        item.workspace_id,
        user_id,
        kept,
    )
    if there is not None:
        return str(there[0]), unneeded
    await tx.execute(
        f"insert into library_files ({_COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        item.workspace_id,
        user_id,
        item.id,
        item.kind,
        item.file_name,
        item.content_type,
        kept,
        place.size_bytes,
        item.alt_text,
        item.created_at,
        item.width,
        item.height,
    )
    return item.id, unneeded


async def find(reader: Reader, workspace_id: str, user_id: str, file_id: str) -> MediaItem | None:
    """A stored file of the user's: of the library, or of one of the user's post groups."""
    row = await reader.fetch_one(
        f"""
        select {_FILE}, '' as group_id from library_files where workspace_id = $1 and user_id = $2 and id = $3
        union all
        select {_OF_GROUPS}, m.group_id from media_items m
        join post_groups g on g.workspace_id = m.workspace_id and g.id = m.group_id
        where m.workspace_id = $1 and g.user_id = $2 and m.id = $3 and m.blob_key is not null
        """,
        workspace_id,
        user_id,
        file_id,
    )
    return None if row is None else _item(workspace_id, row)


_OF_GROUPS = ", ".join(f"m.{name}" for name in _FILE.split(", "))


async def list_files(
    reader: Reader, workspace_id: str, user_id: str, *, before: tuple[int, str] | None = None, limit: int
) -> list[MediaItem]:
    """The user's files, those that share their bytes as one, newest first.

    Of those the library's stands for all; else the one that came last. `before` is the last one's moment and id.
    """
    args: list[object] = [workspace_id, user_id, limit]
    place = ""
    if before is not None:
        args += before
        place = "and (created_at < $4 or (created_at = $4 and id < $5))"
    rows = await reader.fetch(
        f"""
        select {_FILE}, group_id from (
            select every.*, row_number() over (
                partition by blob_key order by case when group_id = '' then 0 else 1 end, created_at desc, id desc
            ) as place from (
                select {_FILE}, '' as group_id from library_files where workspace_id = $1 and user_id = $2
                union all
                select {_OF_GROUPS}, m.group_id from media_items m
                join post_groups g on g.workspace_id = m.workspace_id and g.id = m.group_id
                where m.workspace_id = $1 and g.user_id = $2 and m.blob_key is not null
            ) every
        ) ranked where place = 1 {place}
        order by created_at desc, id desc limit $3
        """,
        *args,
    )
    return [_item(workspace_id, row) for row in rows]


async def list_uses(reader: Reader, workspace_id: str, user_id: str, blob_keys: list[str]) -> list[Use]:
    """Which of the user's post groups have files with these bytes, newest first."""
    rows = await reader.fetch(
        f"""
        select m.id, m.blob_key, g.id, g.status, g.content from media_items m
        join post_groups g on g.workspace_id = m.workspace_id and g.id = m.group_id
        where m.workspace_id = $1 and g.user_id = $2 and {reader.any_of("m.blob_key", 3)}
        order by g.created_at desc, g.id, m.id
        """,
        workspace_id,
        user_id,
        reader.array(blob_keys),
    )
    return [
        Use(media_id=row[0], blob_key=row[1], group_id=row[2], status=GroupStatus(row[3]), content=row[4])
        for row in rows
    ]


async def remove(tx: Tx, workspace_id: str, file_id: str, user_id: str | None = None) -> str | None:
    """Remove a file from a user's library, or whosever it is; its blob's key, for `media.let_go`. None: there is none."""
    row = await tx.fetch_one(
        """
        delete from library_files where workspace_id = $1 and id = $2 and user_id = coalesce($3, user_id)
        returning blob_key
        """,
        workspace_id,
        file_id,
        user_id,
    )
    return None if row is None else str(row[0])


def _item(workspace_id: str, row: Row) -> MediaItem:
    return MediaItem(
        id=row[0],
        workspace_id=workspace_id,
        post_group_id=row[10],
        kind=MediaKind(row[1]),
        status=MediaStatus.STORED,
        file_name=row[2],
        content_type=row[3],
        blob_key=row[4],
        size_bytes=row[5],
        alt_text=row[6],
        created_at=row[7],
        upload_expires_at=row[7],
        width=row[8],
        height=row[9],
    )
