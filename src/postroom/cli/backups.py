"""`postroom backup` and `restore`: a whole server in one file."""

import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from postroom.cli.options import data_option, json_option, run, settings_of
from postroom.cli.outcomes import CANNOT, Said
from postroom.cli.output import ago, print_json, progress, size

if TYPE_CHECKING:
    from postroom.services.backups import Step, Written
    from postroom.services.restores import Replayed
    from postroom.settings import Settings
    from postroom.store.snapshots import Snapshot


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@data_option
@click.option(
    "--media/--no-media",
    default=None,
    help="Put the bytes of media into the file, or their names only.  [default: bytes, where they lie in a folder]",
)
@click.option(
    "--keyring",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also copy the keyring there, in the place of the copy before. Never beside the backup.",
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@json_option
def backup(
    file: Path | None, data: Path | None, media: bool | None, keyring: Path | None, force: bool, as_json: bool
) -> None:
    """Write a backup into FILE, while the server runs.

    It holds the database as it was at one moment, whichever that is, and the media. It holds no account's key: it opens
    beside keyring.db and the master key only, so keep those, apart from it. What is deleted after the backup was made is
    remembered in the keyring, and stays deleted when the backup is restored.
    """
    settings = settings_of(data)
    file = file or Path(f"postroom-{datetime.now(UTC):%Y%m%d-%H%M%S}.backup")
    if not settings.database_url and not (settings.data / "postroom.db").exists():
        raise Said(f"There is no database in {settings.data}: name another folder by --data.", CANNOT)
    if file.exists() and not force:
        raise Said(f"{file} is there already: name another file, or say --force.", CANNOT)
    if keyring is not None and keyring.absolute().parent == file.absolute().parent:
        raise Said("A keyring beside the backup opens it for whoever finds them: name another place for it.", CANNOT)
    with_media = media if media is not None else "://" not in settings.media_url
    for place in (file, *([keyring] if keyring is not None else ())):
        if not place.absolute().parent.is_dir():
            raise Said(f"There is no folder {place.absolute().parent}.", CANNOT)
    written = run(_backup(settings, file, with_media=with_media, keyring_copy=keyring, quiet=as_json))
    if as_json:
        print_json({"file": str(file), "size_bytes": file.stat().st_size, "media": with_media, **_shown(written)})
        return
    files = f"{written.files} files of media" if with_media else "the names of media, not their bytes"
    click.echo(f"{file} ({size(file.stat().st_size)}): {written.rows} rows, {files}.")
    if written.missing and with_media:
        click.echo(f"{len(written.missing)} files were not there any more when they were read.", err=True)
    if keyring is None:
        click.echo(
            "It opens beside keyring.db and the master key. Keep a copy of those elsewhere (--keyring).", err=True
        )


def _shown(written: "Written") -> dict[str, object]:
    return {
        "id": written.id,
        "made_at": datetime.fromtimestamp(written.made_at / 1000, UTC).isoformat(),
        "rows": written.rows,
        "files": written.files,
        "missing": list(written.missing),
    }


async def _backup(
    settings: "Settings", file: Path, *, with_media: bool, keyring_copy: Path | None, quiet: bool
) -> "Written":
    from postroom import __version__
    from postroom.app import open_blobs, open_keyring
    from postroom.clock import now
    from postroom.services import backups

    part = file.with_name(f"{file.name}.part")
    database = "postgres" if settings.database_url else "sqlite"
    with contextlib.closing(open_keyring(settings)) as keyring:
        try:
            with _own(part) as out, _bar("Backup", quiet) as told:
                async with _snapshot(settings) as snapshot:
                    blobs = open_blobs(settings) if with_media else None
                    written = await backups.write(out, snapshot, keyring, blobs, now, __version__, database, told)
                out.flush()
                os.fsync(out.fileno())
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
        if keyring_copy is not None:
            keyring.copy(keyring_copy)
    return written


def _own(part: Path) -> BinaryIO:
    return os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


@contextlib.asynccontextmanager
async def _snapshot(settings: "Settings") -> AsyncIterator["Snapshot"]:
    import asyncpg

    from postroom.store import schema, snapshots

    file = settings.data / "postroom.db"
    try:
        opened = snapshots.of_postgres(settings.database_url) if settings.database_url else snapshots.of_sqlite(file)
        async with opened as snapshot:
            if snapshot.version > schema.newest():
                raise Said("The database was written by a newer Postroom: use that one's backup.", CANNOT)
            yield snapshot
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise Said(f"The database cannot be read: {error}", CANNOT) from error


@contextlib.contextmanager
def _bar(label: str, quiet: bool) -> Iterator["Step"]:
    """One bar for each phase of long work."""
    with contextlib.ExitStack() as stack:
        bars: dict[str, Callable[[int], None]] = {}

        def told(phase: str, count: int, total: int) -> None:
            if phase not in bars:
                stack.close()
                bars[phase] = stack.enter_context(progress(f"{label}: {phase}", total, shown=not quiet))
            bars[phase](count)

        yield told


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@data_option
@click.option("--older-keyring", is_flag=True, help="Go on with a keyring that was copied before the backup was made.")
@click.option(
    "--hold",
    is_flag=True,
    help="Let nothing happen that waits for its moment: scheduled posts become drafts, deletions are not done.",
)
@click.option("--remove-orphans", is_flag=True, help="Remove media that nothing in the backup refers to.")
@json_option
def restore(
    file: Path, data: Path | None, older_keyring: bool, hold: bool, remove_orphans: bool, as_json: bool
) -> None:
    """Make a server of a backup: into an empty data folder or PostgreSQL database, whichever the settings name.

    Put keyring.db (the newest there is) and the master key in their place first. Accounts that were unlinked since the
    backup, messages that were recalled, posts, keys and webhooks that were deleted do not come back. What may have been
    published or sent since is left to its owner, and not sent again. Scheduled posts that were unscheduled, moved or
    written anew since are drafts; deletions that were undone since are not done. What else waits for its moment happens
    then, unless --hold or --older-keyring is said.
    """
    settings = settings_of(data)
    keyring_file = Path(settings.keyring_file or settings.data / "keyring.db")
    if not keyring_file.exists():
        raise Said(f"Put the keyring in its place first, the newest there is: {keyring_file}.", CANNOT)
    if not settings.master_key and not (settings.data / "master.key").exists():
        raise Said(
            f"Put the master key in its place first: {settings.data / 'master.key'}, or POSTROOM_MASTER_KEY.", CANNOT
        )
    from postroom.serve import own_folder

    with own_folder(settings.data):
        replayed, figures = run(_restore(settings, file, older_keyring, hold or older_keyring, remove_orphans, as_json))
    if as_json:
        import msgspec

        print_json({**figures, "deleted_again": msgspec.structs.asdict(replayed)})
        return
    _tell(replayed, figures)


def _tell(replayed: "Replayed", figures: dict[str, int]) -> None:
    click.echo(f"Restored what was there {ago(figures['made_at'])}: {figures['rows']} rows, {figures['files']} files.")
    for words, count in (
        ("Accounts unlinked since, or without a key here, that stay forgotten", replayed.accounts),
        ("Messages recalled since, and stay gone", replayed.messages),
        ("Posts deleted since, and stay deleted", replayed.post_groups),
        ("Files deleted from libraries since, and stay deleted", replayed.files),
        ("API keys revoked since, and stay revoked", replayed.keys),
        ("Webhooks removed since, and stay removed", replayed.webhooks),
        ("Posts that were due since: look whether they are live", replayed.posts_in_doubt),
        ("Posts changed or unscheduled since, or held: drafts now", len(replayed.posts_called_off)),
        ("Deletions undone since, or held: not done", len(replayed.deletions_called_off)),
        ("Take-downs called off or moved since, or held: not done", replayed.takedowns_called_off),
        ("Messages that were waiting to be sent, and are not sent", replayed.unsent),
        ("Posts that go out at their time, unless you unschedule them", replayed.scheduled),
        ("Files of media that are missing", figures["missing_files"]),
        ("Files of media that nothing refers to (--remove-orphans)", figures["orphans"]),
    ):
        if count:
            click.echo(f"  {words}: {count}")
    for words, ids in (("Drafts now", replayed.posts_called_off), ("Not deleted", replayed.deletions_called_off)):
        if ids:
            click.echo(f"{words}: {' '.join(ids)}")
    click.echo(
        "As they were when the backup was made, whatever was changed since: budgets of keys, secrets and settings of "
        "webhooks, drafts."
    )
    click.echo("Look first with `postroom serve --no-worker`, if you like; then start the server.")


async def _restore(
    settings: "Settings", file: Path, older_keyring: bool, hold: bool, remove_orphans: bool, quiet: bool
) -> "tuple[Replayed, dict[str, int]]":
    import asyncpg

    from postroom.app import build, open_blobs, open_keyring
    from postroom.clock import now
    from postroom.services import backups
    from postroom.store import snapshots

    with file.open("rb") as opened, contextlib.closing(open_keyring(settings)) as keyring:
        with _bar("Restore", quiet) as told:
            heading = backups.check(opened, keyring, told, older_keyring=older_keyring)
            try:
                into = (
                    snapshots.into_postgres(settings.database_url, heading.version, heading.id)
                    if settings.database_url
                    else snapshots.into_sqlite(settings.data / "postroom.db", heading.version, heading.id)
                )
                rows = await backups.fill(opened, keyring, into, told)
            except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                raise Said(f"The database cannot be filled: {error}", CANNOT) from error
        house = await build(settings, public_url=settings.public_url or "http://localhost", now=now, sandbox=False)
        try:

            def say(phase: str) -> None:
                if not quiet and sys.stderr.isatty():
                    click.echo(f"Deleting again: {phase}", err=True)

            replayed = await house.restores.replay(say, hold=hold)
            blobs = open_blobs(settings)
            wanted = await house.services.media.stored()
            files = await backups.put_files(opened, keyring, blobs, wanted) if heading.media else 0
            held = set(await blobs.list())
            orphans = sorted(held - wanted)
            if remove_orphans:
                await blobs.delete(orphans)
                orphans = []
            await house.restores.finish()
        finally:
            await house.close()
    return replayed, {
        "made_at": heading.made_at,
        "rows": rows,
        "files": files,
        "missing_files": len(wanted - held),
        "orphans": len(orphans),
    }
