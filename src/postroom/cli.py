"""The `postroom` command."""

import contextlib
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, BinaryIO

import click
import msgspec
import uvloop

from postroom import __version__, clock, logs, sandbox
from postroom.app import build, open_keyring
from postroom.clock import now
from postroom.domain.access import EVERYDAY_SCOPES, Scope
from postroom.domain.chains import verify
from postroom.errors import NotFound, PostroomError
from postroom.serve import listen, own_folder, run
from postroom.settings import Settings, load


def main() -> None:
    """Run the command; a failure that is not a bug is one line on standard error, and exit code 2."""
    try:
        commands(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    except (PostroomError, OSError) as error:
        detail = error.detail if isinstance(error, PostroomError) else str(error)
        click.echo(f"postroom: {detail}", err=True)
        sys.exit(2)


@click.group()
@click.version_option(__version__)
def commands() -> None:
    """One self-hosted server for the social accounts a product works with."""


def _run(coroutine: Coroutine[Any, Any, None]) -> None:
    uvloop.run(coroutine)


@commands.command()
@click.option("--sandbox", "in_sandbox", is_flag=True, help="Serve simulated networks and test keys.")
@click.option("--port", type=int, help="Port to listen on; 0: any that is free.  [default: 8010]")
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--data", type=click.Path(path_type=Path), help="Data folder.  [default: .data/live]")
@click.option("--json", "as_json", is_flag=True, help="Say where it listens as one line of JSON.")
@click.option(
    "--no-whatsapp", is_flag=True, help="With --sandbox: no WhatsApp account, whose library is a second process."
)
def serve(
    in_sandbox: bool, port: int | None, host: str | None, data: Path | None, as_json: bool, no_whatsapp: bool
) -> None:
    """Start the server: its APIs, its worker and its listeners in one process."""
    if in_sandbox and data is None:
        data = Path(".data/sandbox")
    settings = load(os.environ, port=port, host=host, data=data)
    logs.configure(settings.log_level or ("WARNING" if in_sandbox else "INFO"), settings.log_json)
    with own_folder(settings.data):
        _run(_sandbox(settings, as_json, with_whatsapp=not no_whatsapp) if in_sandbox else _live(settings, as_json))


async def _live(settings: Settings, as_json: bool) -> None:
    sandbox.refuse_folder(settings.data)
    opened = listen(settings)
    base = f"http://{settings.host}:{opened.getsockname()[1]}"
    house = await build(settings, public_url=settings.public_url or base, now=now, sandbox=False)

    def ready() -> None:
        if as_json:
            bases = {name: f"{base}/{name}" for name in ("postpress", "connectsafely", "postpost")}
            click.echo(msgspec.json.encode({**bases, "native": f"{base}/api"}).decode())
        else:
            click.echo(
                f"Postroom {__version__} listens on {base}\n"
                f"The first key: postroom key create --data {settings.data}\n"
                f"The dashboard, to sign in with a key: {settings.public_url or base}/"
            )
        if not settings.public_url:
            click.echo("Note: POSTROOM_PUBLIC_URL is not set; upload addresses name this machine.", err=True)
        if not settings.master_key:
            click.echo(
                f"Note: the master key is in {settings.data / 'master.key'}, beside what it protects; "
                "set POSTROOM_MASTER_KEY to keep it elsewhere.",
                err=True,
            )

    try:
        await run(house, settings, opened, ready)
    finally:
        await house.close()


async def _sandbox(settings: Settings, as_json: bool, *, with_whatsapp: bool) -> None:
    opened = listen(settings)
    port = opened.getsockname()[1]
    base = f"http://{settings.host}:{port}"
    async with sandbox.networks(settings.data, port + 1) as networks:
        settings = msgspec.structs.replace(settings, providers=sandbox.providers(networks.sim, settings.providers))
        moment = clock.offset_clock(sandbox.clock_file(settings.data))
        house = await build(settings, public_url=settings.public_url or base, now=moment, sandbox=True)
        try:
            kept = await sandbox.furnish(house, settings.data, networks.sim)
            lines = sandbox.as_json(base, networks, kept)
            if not as_json:
                lines = await sandbox.welcome(house, base, networks, kept)
            async with contextlib.AsyncExitStack() as stack:
                if with_whatsapp:
                    await stack.enter_async_context(sandbox.telephone(house, kept, networks.sim))
                await run(house, settings, opened, lambda: click.echo(lines))
        finally:
            await house.close()


@commands.group()
def key() -> None:
    """API keys. They are shown once; only keyed hashes are stored."""


@key.command("create")
@click.option("--data", type=click.Path(path_type=Path), help="Data folder.  [default: .data/live]")
@click.option("--workspace", help="Id of the workspace; without it the first one, made if there is none.")
@click.option("--name", default="default", show_default=True, help="What to call the key.")
@click.option("--admin", is_flag=True, help="The key may also manage keys and read metrics.")
def create_key(data: Path | None, workspace: str | None, name: str, admin: bool) -> None:
    """Make a live key and print it."""
    settings = load(os.environ, data=data)
    logs.configure(settings.log_level or "INFO", settings.log_json)
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    _run(_create_key(settings, workspace, name, admin))


async def _create_key(settings: Settings, workspace_id: str | None, name: str, admin: bool) -> None:
    sandbox.refuse_folder(settings.data)
    house = await build(settings, public_url="http://localhost", now=now, sandbox=False)
    try:
        access = house.services.access
        held = await access.list_workspaces()
        found = next((workspace for workspace in held if workspace_id in (None, workspace.id)), None)
        if found is None and workspace_id is not None:
            raise NotFound(f"There is no workspace {workspace_id}.")
        found = found or await access.create_workspace("Workspace")
        scopes = EVERYDAY_SCOPES | ({Scope.ADMIN} if admin else set())
        _, secret = await access.issue_key(found.id, name, frozenset(scopes))
        click.echo(secret)
        click.echo(f"Keep it now: it is not shown again. Workspace {found.id}.", err=True)
    finally:
        await house.close()


@commands.group()
def receipts() -> None:
    """Receipts of deletions: checked without a server."""


@receipts.command("verify")
@click.argument("files", nargs=-1, required=True, type=click.File("rb"))
@click.option("--key", help="The server's public key.  [default: the one that the export names]")
def verify_receipts(files: tuple[BinaryIO, ...], key: str | None) -> None:
    """Check an export, or several that follow each other (- is standard input). Exit code 1: it is not whole."""
    report = verify(b"".join(file.read() for file in files), None if key is None else key.strip().lower())
    for note in report.notes:
        click.echo(note)
    for problem in report.problems:
        click.echo(problem, err=True)
    count = f"{report.receipts} receipt{'' if report.receipts == 1 else 's'}"
    where = f", {report.first} to {report.last}," if report.receipts else ""
    if report.problems:
        click.echo(f"NOT WHOLE: see above; {count}{where} were read.", err=True)
        sys.exit(1)
    click.echo(f"Whole: {count}{where} of workspace {report.workspace_id}.")
    click.echo(f"Signed with the key {report.key}.")
    if key is None:
        click.echo("That is the export's own word: compare it with `postroom receipts key`, or give --key.")


@receipts.command("key")
@click.option("--data", type=click.Path(path_type=Path), help="Data folder.  [default: .data/live]")
def show_receipts_key(data: Path | None) -> None:
    """Print the public key that this server's receipts are signed for."""
    settings = load(os.environ, data=data)
    with contextlib.closing(open_keyring(settings)) as keyring:
        click.echo(keyring.signer.public_key.hex())


if __name__ == "__main__":
    main()
