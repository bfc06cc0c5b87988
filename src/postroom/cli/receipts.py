"""`postroom receipts`: exported and checked without a server."""

import contextlib
import sys
from pathlib import Path
from typing import BinaryIO

import click

from postroom.cli.lazily import ShortGroup
from postroom.cli.options import data_option, json_option, run, settings_of
from postroom.cli.outcomes import FAILED, Said
from postroom.cli.output import clean, print_json, progress

_AT_ONCE = 5_000


@click.group(cls=ShortGroup)
def receipts() -> None:
    """Receipts of deletions: signed, chained, and checked without a server."""


@receipts.command("verify")
@click.argument("files", nargs=-1, required=True, type=click.File("rb"))
@click.option("--key", help="The server's public key.  [default: the one that the export names]")
@json_option
def verify_receipts(files: tuple[BinaryIO, ...], key: str | None, as_json: bool) -> None:
    """Check an export, or several that follow each other (- is standard input). Exit code 1: it is not whole."""
    from postroom.domain.chains import verify

    report = verify(b"".join(file.read() for file in files), None if key is None else key.strip().lower())
    if as_json:
        print_json(
            {
                "whole": not report.problems,
                "problems": report.problems,
                "notes": report.notes,
                "receipts": report.receipts,
                "first": report.first,
                "last": report.last,
                "workspace_id": report.workspace_id,
                "key": report.key,
                "key_given": key is not None,
            }
        )
        sys.exit(FAILED if report.problems else 0)
    for note in report.notes:
        click.echo(clean(note))
    for problem in report.problems:
        click.echo(clean(problem), err=True)
    count = f"{report.receipts} receipt{'' if report.receipts == 1 else 's'}"
    where = f", {report.first} to {report.last}," if report.receipts else ""
    if report.problems:
        click.echo(clean(f"NOT WHOLE: see above; {count}{where} were read."), err=True)
        sys.exit(FAILED)
    click.echo(clean(f"Whole: {count}{where} of workspace {report.workspace_id}."))
    click.echo(f"Signed with the key {report.key}.")
    if key is None:
        click.echo("That is the export's own word: compare it with `postroom receipts key`, or give --key.")


@receipts.command("key")
@data_option
@json_option
def show_receipts_key(data: Path | None, as_json: bool) -> None:
    """Print the public key that this server's receipts are signed for."""
    from postroom.app import open_keyring

    with contextlib.closing(open_keyring(settings_of(data))) as keyring:
        public = keyring.signer.public_key.hex()
    if as_json:
        print_json({"key": public})
    else:
        click.echo(public)


@receipts.command("export")
@data_option
@click.option("--workspace", help="Id of the workspace; without it the first one.")
@click.option("--after", type=click.IntRange(min=0), default=0, help="Only those after this place in the chain.")
@click.option(
    "-o", "--output", type=click.File("wb"), default="-", help="The file to write.  [default: standard output]"
)
def export_receipts(data: Path | None, workspace: str | None, after: int, output: BinaryIO) -> None:
    """Write a workspace's chain of receipts as lines of JSON, for `postroom receipts verify`, here or elsewhere."""
    run(_export(data, workspace, after, output))


async def _export(data: Path | None, workspace_id: str | None, after: int, output: BinaryIO) -> None:
    import msgspec

    from postroom.app import open_database, open_keyring
    from postroom.cli.keys import owner, workspace_of
    from postroom.clock import now
    from postroom.services.access import Access
    from postroom.services.chains import Chains

    settings = settings_of(data)
    with contextlib.closing(open_keyring(settings)) as keyring:
        database = await open_database(settings, keyring)
        try:
            found = await workspace_of(Access(database, now, sandbox=False), workspace_id)
            if found is None:
                raise Said("There is no workspace yet, and no receipt.")
            chains = Chains(database, now)
            with progress("Receipts", None, shown=not output.isatty()) as step:
                while True:
                    part = await chains.export(owner(found), after, _AT_ONCE)
                    output.write(part)
                    end = msgspec.json.decode(part.rstrip(b"\n").rpartition(b"\n")[2])["body"]
                    step(end["sequence"] - after)
                    if end["sequence"] >= end["head"]:
                        return
                    after = end["sequence"]
        finally:
            await database.close()
