"""Media rows and the blobs that they share. A row that goes says which blob may have to go as well.

A blob's bytes are uploaded under a key of their own, which is never used twice. If the workspace has the same content
already, the row gets the key of that, and the new bytes are let go.
"""

import msgspec

from postroom.domain.media import MediaItem, MediaKind, MediaStatus
from postroom.store.database import Reader, Row, Tx

_COLUMNS = (
    "id, workspace_id, group_id, kind, status, file_name, content_type, blob_key, size_bytes, alt_text, created_at, "
    "upload_expires_at, width, height"
)


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where the bytes of a file were put, and the keyed hash of what they are."""

    blob_key: str
    content_hash: str
    size_bytes: int


async def add(tx: Tx, item: MediaItem) -> None:
    """Keep a new media item of a post group."""
    await tx.execute(
        f"insert into media_items ({_COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        item.id,
        item.workspace_id,
        item.post_group_id,
        item.kind,
        item.status,
        item.file_name,
        item.content_type,
        item.blob_key,
        item.size_bytes,
        item.alt_text,
        item.created_at,
        item.upload_expires_at,
        item.width,
        item.height,
    )


async def find(reader: Reader, workspace_id: str, media_id: str) -> MediaItem | None:
    """The media item, if this workspace has it."""
    row = await reader.fetch_one(
        f"select {_COLUMNS} from media_items where id = $2 and workspace_id = $1", workspace_id, media_id
    )
    return None if row is None else _item(row)


async def find_any(reader: Reader, media_id: str) -> MediaItem | None:
    """The media item, whosever it is: for signed addresses, which are the permission."""
    row = await reader.fetch_one(f"select {_COLUMNS} from media_items where id = $1", media_id)
    return None if row is None else _item(row)


async def list_of_groups(reader: Reader, workspace_id: str, group_ids: list[str]) -> dict[str, list[MediaItem]]:
    """Media items by post group, in the order in which their upload addresses were asked for."""
    rows = await reader.fetch(
        f"""
        select {_COLUMNS} from media_items where workspace_id = $1 and {reader.any_of("group_id", 2)}
        order by created_at, id
        """,
        workspace_id,
        reader.array(group_ids),
    )
    found: dict[str, list[MediaItem]] = {group_id: [] for group_id in group_ids}
    for row in rows:
        found[row[2]].append(_item(row))
    return found


async def set_stored(
    tx: Tx,
    workspace_id: str,
    media_id: str,
    *,
    blob_key: str,
    content_hash: str,
    size_bytes: int,
    content_type: str,
    width: int | None = None,
    height: int | None = None,
) -> list[str] | None:
    """Note where the bytes are: at this key, or where the workspace has the same content already.

    Answers the keys that the item does not need (any more), for `let_go`. None: the item is gone, nothing was noted.
    """
    row = await tx.fetch_one(
        f"select blob_key from media_items where id = $2 and workspace_id = $1{tx.for_update}", workspace_id, media_id
    )
    if row is None:
        return None
    place = Place(blob_key=blob_key, content_hash=content_hash, size_bytes=size_bytes)
    kept = await keep(tx, workspace_id, place)
    await tx.execute(
        """
        update media_items
        set status = 'stored', blob_key = $3, size_bytes = $4, content_type = $5, width = $6, height = $7
        where id = $2 and workspace_id = $1
        """,
        workspace_id,
        media_id,
        kept,
        size_bytes,
        content_type,
        width,
        height,
    )
    return [key for key in (blob_key, row[0]) if key is not None and key != kept]


async def keep(tx: Tx, workspace_id: str, place: Place) -> str:
    """The key of this content, and its row held to the commit: whoever would let it go waits, and then counts again."""
    row = await tx.fetch_one(
        """
        insert into blobs (workspace_id, content_hash, blob_key, size_bytes) values ($1, $2, $3, $4)
        on conflict (workspace_id, content_hash) do update set size_bytes = excluded.size_bytes
        returning blob_key
        """,
        workspace_id,
        place.content_hash,
        place.blob_key,
        place.size_bytes,
    )
    assert row is not None
    kept: str = row[0]
    return kept


async def hold_bytes(tx: Tx, workspace_id: str, blob_key: str) -> bool:
    """Hold a blob to the commit, so that one more file can share it. False: it was let go."""
    row = await tx.fetch_one(
        f"select 1 from blobs where workspace_id = $1 and blob_key = $2{tx.for_update}", workspace_id, blob_key
    )
    return row is not None


async def let_go(tx: Tx, workspace_id: str, blob_keys: list[str]) -> list[str]:
    """Forget those of these blobs that no file needs, and answer their keys: once this is durable, nobody can get hold
    of their bytes again, and they can be deleted. Safe to repeat.
    """
    asked = tx.array(blob_keys)
    # One after the other in the same order, so that no two wait for each other; counted in a statement that begins later.
    await tx.fetch(
        f"select 1 from blobs where workspace_id = $1 and {tx.any_of('blob_key', 2)} order by blob_key{tx.for_update}",
        workspace_id,
        asked,
    )
    needed = await tx.fetch(
        f"""
        select blob_key from media_items where workspace_id = $1 and {tx.any_of("blob_key", 2)}
        union all select blob_key from library_files where workspace_id = $1 and {tx.any_of("blob_key", 2)}
        """,
        workspace_id,
        asked,
    )
    free = sorted(set(blob_keys) - {row[0] for row in needed})
    await tx.execute(
        f"delete from blobs where workspace_id = $1 and {tx.any_of('blob_key', 2)}", workspace_id, tx.array(free)
    )
    return free


async def known_keys(reader: Reader, workspace_id: str, blob_keys: list[str]) -> set[str]:
    """Those of these keys that are blobs of the workspace, whether an item needs them or they wait to be let go."""
    rows = await reader.fetch(
        f"select blob_key from blobs where workspace_id = $1 and {reader.any_of('blob_key', 2)}",
        workspace_id,
        reader.array(blob_keys),
    )
    return {row[0] for row in rows}


async def remove_of_group(tx: Tx, workspace_id: str, group_id: str) -> list[str]:
    """Remove a post group's media items; the keys of their blobs, for `let_go`."""
    rows = await tx.fetch(
        "delete from media_items where workspace_id = $1 and group_id = $2 returning blob_key", workspace_id, group_id
    )
    return [row[0] for row in rows if row[0] is not None]


async def remove_of(tx: Tx, workspace_id: str, group_id: str, media_ids: list[str]) -> list[str]:
    """Remove some files of a post group that is held; the keys of their blobs, for `let_go`."""
    rows = await tx.fetch(
        f"""
        delete from media_items where workspace_id = $1 and group_id = $2 and {tx.any_of("id", 3)} returning blob_key
        """,
        workspace_id,
        group_id,
        tx.array(media_ids),
    )
    return [row[0] for row in rows if row[0] is not None]


async def remove_awaiting(tx: Tx, workspace_id: str, media_id: str) -> bool:
    """Remove the row of a file whose bytes never came. False: they came, or there is no such row."""
    return (
        await tx.execute(
            "delete from media_items where workspace_id = $1 and id = $2 and status = 'awaiting'",
            workspace_id,
            media_id,
        )
        > 0
    )


async def stored_keys(reader: Reader) -> set[str]:
    """The blobs that rows speak of, of all workspaces. For upkeep."""
    rows = await reader.fetch(
        "select blob_key from media_items where blob_key is not null union select blob_key from library_files"
    )
    return {row[0] for row in rows}


async def stored_keys_of(reader: Reader, workspace_id: str) -> set[str]:
    """The blobs that rows of a workspace speak of."""
    rows = await reader.fetch(
        """
        select blob_key from media_items where workspace_id = $1 and blob_key is not null
        union select blob_key from library_files where workspace_id = $1
        """,
        workspace_id,
    )
    return {row[0] for row in rows}


def _item(row: Row) -> MediaItem:
    return MediaItem(
        id=row[0],
        workspace_id=row[1],
        post_group_id=row[2],
        kind=MediaKind(row[3]),
        status=MediaStatus(row[4]),
        file_name=row[5],
        content_type=row[6],
        blob_key=row[7],
        size_bytes=row[8],
        alt_text=row[9],
        created_at=row[10],
        upload_expires_at=row[11],
        width=row[12],
        height=row[13],
    )
