"""Backups: a whole server in one file, written while it works; and a database filled from it.

It holds what the database holds, of one moment, and the bytes of media or their names; no account's key, so that it opens
beside the keyring of the day only.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, BinaryIO

import msgspec

from postroom.clock import Clock, to_ms
from postroom.errors import Conflict, Unavailable
from postroom.ids import new_id
from postroom.store import archive, snapshots
from postroom.store.archive import Heading
from postroom.store.blobs import Blobs
from postroom.store.keyring import Keyring

_LAST = "last_backup"

Step = Callable[[str, int, int], None]
"""Told of each step: what it is, how much of it is done now, and how much it is in all."""


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds."""

    id: str
    made_at: int
    rows: int
    files: int
    files_bytes: int
    missing: Sequence[str] = ()
    """Files that were removed while it was written, or that the store had lost."""


async def write(
    file: BinaryIO,
    snapshot: snapshots.Snapshot,
    keyring: Keyring,
    blobs: Blobs | None,
    now: Clock,
    software: str,
    database: str,
    told: Step,
) -> Written:
    """Write a backup. With `blobs` the bytes of media are a part of it, else their names alone."""
    moment = now()
    heading = Heading(
        postroom_backup=archive.FORMAT,
        id=new_id("bak", moment),
        made_at=to_ms(moment),
        made_by=software,
        version=snapshot.version,
        database=database,
        media=blobs is not None,
    )
    # Before anything is read: whichever copy of the keyring knows it knows all that was deleted until then.
    keyring.mark(_mark(heading.id), str(heading.made_at))
    writer = archive.Writer(file, keyring, heading)
    names = snapshots.tables(snapshot.version)
    total = sum([await snapshot.count(name) for name in names])
    rows, stored = 0, []
    for name in names:
        async for columns, part in snapshot.rows(name):
            writer.add(["rows", name, columns, [list(row) for row in part]])
            rows += len(part)
            told("rows", len(part), total)
            if name == "blobs":
                places = columns.index("blob_key"), columns.index("size_bytes")
                stored += [(row[places[0]], row[places[1]]) for row in part]
    missing = []
    for key, size in stored:
        if blobs is None or not await _add_file(writer, blobs, key):
            missing.append(key)
        told("files", size, sum(each for _, each in stored))
    writer.finish()
    keyring.mark(_LAST, str(heading.made_at))
    held = set(missing)
    return Written(
        id=heading.id,
        made_at=heading.made_at,
        rows=rows,
        files=len(stored) - len(missing),
        files_bytes=sum(size for key, size in stored if key not in held),
        missing=missing,
    )


async def _add_file(writer: archive.Writer, blobs: Blobs, key: str) -> bool:
    try:
        async for chunk in blobs.stream(key):
            writer.add(["file", key, chunk])
    except Unavailable:
        # What of it is there already is not what the rows say: it is left out when it is restored.
        writer.add(["no file", key])
        return False
    writer.add(["whole file", key])
    return True


def last_made_at(keyring: Keyring) -> int | None:
    """When the last backup was finished; None: there was none."""
    marked = keyring.marked(_LAST)
    return None if marked is None else int(marked)


def check(file: BinaryIO, keyring: Keyring, told: Step, *, older_keyring: bool = False) -> Heading:
    """Read a backup to its end, before anything is made of it.

    Raises:
        NoBackup: it is not whole, or of another server.
        Conflict: the keyring here does not know of it.
    """
    file.seek(0)
    heading, _ = archive.heading(file)
    if keyring.marked(_mark(heading.id)) is None and not older_keyring:
        raise Conflict(
            "The keyring here was copied before this backup was made, so that it does not know what was deleted since: that "
            "would come back. Put the newest keyring.db in its place; if there is none, say --older-keyring."
        )
    size = file.seek(0, 2)
    place = 0
    for _ in archive.records(file, keyring):
        told("checking", file.tell() - place, size)
        place = file.tell()
    return heading


async def fill(
    file: BinaryIO, keyring: Keyring, into: AbstractAsyncContextManager[snapshots.Filler], told: Step
) -> int:
    """Fill a new database with the rows of a backup that was checked; how many. All of them, or none."""
    rows = 0
    size = file.seek(0, 2)
    place = 0
    async with into as filler:
        for record in archive.records(file, keyring):
            if record[0] == "rows":
                _, table, columns, part = record
                await filler.add(table, columns, part)
                rows += len(part)
            told("filling", file.tell() - place, size)
            place = file.tell()
    return rows


async def put_files(file: BinaryIO, keyring: Keyring, blobs: Blobs, wanted: set[str]) -> int:
    """Put the files of a backup that are wanted where media are kept; how many."""
    waiting = wanted - set(await blobs.list())
    whole = {record[1] for record in archive.records(file, keyring) if record[0] == "whole file"}
    records = (record for record in archive.records(file, keyring) if record[0] in ("file", "whole file"))
    count = 0
    for record in records:
        key = record[1]
        if key in waiting & whole:
            await blobs.put(key, _bytes_of(key, record, records))
            waiting.discard(key)
            count += 1
    return count


async def _bytes_of(key: str, first: list[Any], rest: Any) -> AsyncIterator[bytes]:
    """The bytes of a file: of its first record, and of those that follow to its end."""
    record = first
    while record[0] == "file" and record[1] == key:
        yield record[2]
        record = next(rest)


def _mark(backup_id: str) -> str:
    return f"backup:{backup_id}"
