"""`postroom doctor`: looks at all that a server needs, and says what to mend."""

import shutil
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from postroom.cli.options import data_option, json_option, run, settings_of
from postroom.cli.outcomes import FAILED
from postroom.cli.output import ago, print_json, size

if TYPE_CHECKING:
    from postroom.settings import Settings
    from postroom.store.graves import Grave

_LITTLE_ROOM_BYTES = 1 << 30
_MARKS = {"good": ("✓", "green"), "note": ("!", "yellow"), "bad": ("✗", "red")}


class Finding(NamedTuple):
    """What was looked at, whether it is `good`, worth a `note`, or `bad`; and what to do about it."""

    what: str
    state: str
    detail: str
    mend: str = ""


@click.command()
@data_option
@json_option
def doctor(data: Path | None, as_json: bool) -> None:
    """Check what a server needs, and say what to mend. Exit code 1: something is to be mended.

    It looks at the settings, the data folder, the keyring, the database, the media store and the networks' settings. It
    changes nothing (in the media store a small file is written and removed), and can be run beside the server.
    """
    findings = run(_collect(data))
    if as_json:
        print_json([finding._asdict() for finding in findings])
    else:
        for finding in findings:
            mark, colour = _MARKS[finding.state]
            click.echo(f"{click.style(mark, fg=colour)} {finding.what}: {finding.detail}")
            if finding.mend:
                click.echo(f"    {finding.mend}")
    bad = sum(finding.state == "bad" for finding in findings)
    if bad:
        if not as_json:
            click.echo(f"\n{bad} to be mended.", err=True)
        sys.exit(FAILED)


async def _collect(data: Path | None) -> list[Finding]:
    from postroom.settings import WrongSetting

    try:
        settings = settings_of(data)
    except WrongSetting as error:
        # Whatever else is wrong cannot be seen before.
        return [Finding("Settings", "bad", error.detail, "docs/reference/settings.md has all of them.")]
    found = [*_settings(settings), *_folder(settings)]
    if any(finding.state == "bad" for finding in found):
        return found
    keys = list(_keyring(settings))
    keys_open = all(finding.state != "bad" for finding in keys)
    found += keys
    found += [each async for each in _database(settings, keys_open=keys_open)]
    found += [each async for each in _media(settings)]
    found += [*_networks(settings)]
    return found


def _settings(settings: "Settings") -> Iterator[Finding]:
    yield Finding("Settings", "good", "all have values that they can have")
    if not settings.public_url:
        yield Finding(
            "Public address",
            "note",
            "POSTROOM_PUBLIC_URL is not set",
            "Set it, if anybody but this machine is to upload files or link accounts by a network's own page.",
        )
    elif not settings.public_url.startswith("https://"):
        yield Finding(
            "Public address",
            "note",
            f"{settings.public_url} is not encrypted",
            "Put a reverse proxy that ends TLS before the server, and set POSTROOM_PUBLIC_URL to its https:// address.",
        )
    else:
        yield Finding("Public address", "good", settings.public_url)
    if settings.host not in ("127.0.0.1", "::1", "localhost") and not settings.public_url.startswith("https://"):
        yield Finding(
            "Listening",
            "note",
            f"it listens on {settings.host}, and keys would go there in clear",
            "Listen on 127.0.0.1 behind a reverse proxy.",
        )


def _folder(settings: "Settings") -> Iterator[Finding]:
    folder = settings.data
    if not folder.exists():
        yield Finding("Data folder", "bad", f"{folder} is not there", "Start a server once, or name another by --data.")
        return
    if not folder.is_dir():
        yield Finding("Data folder", "bad", f"{folder} is a file", "Name a folder by --data or POSTROOM_DATA.")
        return
    mode = folder.stat().st_mode & 0o077
    free = shutil.disk_usage(folder).free
    if mode:
        yield Finding("Data folder", "bad", f"others than you may look into {folder}", f"chmod 700 {folder}")
    elif free < _LITTLE_ROOM_BYTES:
        yield Finding("Data folder", "bad", f"{size(free)} are left on the disk of {folder}", "Make room.")
    else:
        yield Finding("Data folder", "good", f"{folder}, {size(free)} free")


def _keyring(settings: "Settings") -> Iterator[Finding]:
    from postroom.app import open_keyring
    from postroom.errors import PostroomError
    from postroom.services import backups

    beside = settings.data / "master.key"
    if not settings.master_key and not beside.exists():
        yield Finding("Master key", "bad", f"{beside} is not there", "Start a server once, or put it back as it was.")
        return
    file = _keyring_file(settings)
    if not file.exists():
        yield Finding(
            "Keyring", "bad", f"{file} is not there", "Put it back: without it no account opens. Do not start a server."
        )
        return
    try:
        with closing(open_keyring(settings)) as keyring:
            count = len(keyring.accounts())
            backed_up = backups.last_made_at(keyring)
    except PostroomError as error:
        yield Finding("Keyring", "bad", error.detail)
        return
    yield Finding("Keyring", "good", f"opens with the master key; keys of {count} accounts")
    if backed_up is None:
        yield Finding("Backup", "note", "there was none yet", "postroom backup FILE --keyring ELSEWHERE")
    else:
        yield Finding("Backup", "good", f"the last one was made {ago(backed_up)}")
    if not settings.master_key:
        yield Finding(
            "Master key",
            "note",
            f"it lies in {beside}, beside what it protects",
            "Keep it elsewhere: set POSTROOM_MASTER_KEY to what the file holds, and remove the file.",
        )


async def _database(settings: "Settings", *, keys_open: bool) -> AsyncIterator[Finding]:
    from postroom.errors import Unavailable
    from postroom.store import schema, standing

    since = _remembered_until(settings) if keys_open else 0
    try:
        if settings.database_url:
            found = await standing.of_postgres(settings.database_url, since)
        else:
            found = standing.of_sqlite(settings.data / "postroom.db", since)
    except Unavailable as error:
        mend = "See whether it runs, and what POSTROOM_DATABASE_URL says." if settings.database_url else ""
        yield Finding("Database", "bad", error.detail, mend or "Restore a backup: postroom restore --help")
        return
    newest = schema.newest()
    what = f"{found.software}, {size(found.size_bytes)}, version {found.version}"
    if found.version > newest:
        yield Finding("Database", "bad", f"{what}, and this Postroom knows {newest}", "Start the newer Postroom.")
    elif found.version < newest:
        state = "note"
        yield Finding(
            "Database", state, f"{what} of {newest}", "postroom migrate, or start the server: it does so, too."
        )
    else:
        yield Finding("Database", "good", what)
        for finding in _remembering(settings, found.deleted) if keys_open else ():
            yield finding


def _remembered_until(settings: "Settings") -> int:
    from postroom.app import open_keyring
    from postroom.store.restoring import REMEMBERED, SLACK_MS

    with closing(open_keyring(settings)) as keyring:
        return max(int(keyring.marked(REMEMBERED) or 0) - SLACK_MS, 0)


def _remembering(settings: "Settings", deleted: "Sequence[Grave]") -> Iterator[Finding]:
    """Whether the keyring knows what the database knows to be deleted, but for the last minute."""
    from postroom.app import open_keyring
    from postroom.clock import now, to_ms

    before = to_ms(now()) - 60_000
    known = [each for each in deleted if each.at < before]
    with closing(open_keyring(settings)) as keyring:
        missing = len(known) - keyring.graves.has(known)
    if missing:
        yield Finding(
            "Deletions",
            "bad",
            f"{missing} are not in the keyring: with a backup of before they would come back",
            "See that its disk has room, and start the server: it writes them as soon as it can.",
        )


def _keyring_file(settings: "Settings") -> Path:
    return Path(settings.keyring_file or settings.data / "keyring.db")


async def _media(settings: "Settings") -> AsyncIterator[Finding]:
    from postroom.app import open_blobs
    from postroom.clock import now
    from postroom.errors import PostroomError
    from postroom.ids import new_ulid

    where = settings.media_url or str(settings.data / "media")
    key = f"doctor/{new_ulid(now())}"

    async def content() -> AsyncIterator[bytes]:
        yield b"postroom doctor\n"

    try:
        blobs = open_blobs(settings)
        await blobs.put(key, content())
        whole = await blobs.read(key) == b"postroom doctor\n"
        await blobs.delete([key])
        await blobs.sweep("doctor")
    except PostroomError as error:
        mend = "See POSTROOM_MEDIA_URL, _ENDPOINT, _REGION, _ACCESS_KEY and _SECRET_KEY, and what the key may do."
        yield Finding("Media", "bad", f"{where}: {error.detail}", mend)
        return
    if whole:
        yield Finding("Media", "good", f"{where}: a file was written, read and removed")
    else:
        yield Finding("Media", "bad", f"{where}: what was read is not what was written", "Use another store.")


def _networks(settings: "Settings") -> Iterator[Finding]:
    import msgspec

    from postroom.connectors.contract import AppSettings
    from postroom.connectors.registry import settings_types

    kinds = settings_types()
    for name in sorted(set(settings.providers) - set(kinds)):
        yield Finding(name, "bad", "settings for a network that is not installed", f"Installed: {_listed(kinds)}.")
    ready = []
    for name, kind in sorted(kinds.items()):
        try:
            own = msgspec.convert(settings.providers.get(name, {}), kind, strict=False)
        except msgspec.ValidationError as error:
            yield Finding(name, "bad", str(error), f"See POSTROOM_PROVIDER_{name.upper()}_... in the settings.")
            continue
        if isinstance(own, AppSettings) and not own.client_id:
            ready.append(f"{name} (no app)")
        elif isinstance(own, AppSettings) and not own.client_secret:
            variable = f"POSTROOM_PROVIDER_{name.upper()}_CLIENT_SECRET"
            yield Finding(name, "bad", "its app has an id and no secret", f"Set {variable}.")
        else:
            ready.append(name)
    apart = [each.removesuffix(" (no app)") for each in ready if each.endswith(")")]
    yield Finding("Networks", "good", _listed([each for each in ready if not each.endswith(")")]) or "none")
    if apart:
        mend = (
            "To link accounts there, register an app and set POSTROOM_PROVIDER_<NETWORK>_CLIENT_ID and _CLIENT_SECRET."
        )
        yield Finding("Networks without an app", "note", _listed(apart), mend)


def _listed(names: Sequence[str] | dict[str, type]) -> str:
    return ", ".join(names)
