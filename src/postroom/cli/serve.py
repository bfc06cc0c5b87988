"""`postroom serve`, `worker` and `migrate`: the processes that a deployment is made of."""

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from postroom.cli.options import data_option, json_option, run, settings_of
from postroom.cli.outcomes import CANNOT, Said
from postroom.cli.output import print_json, print_line

if TYPE_CHECKING:
    from postroom.settings import Settings


@click.command()
@click.option("--sandbox", "in_sandbox", is_flag=True, help="Serve simulated networks and test keys.")
@click.option("--port", type=int, help="Port to listen on; 0: any that is free.  [default: 8010]")
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@data_option
@click.option("--json", "as_json", is_flag=True, help="Say where it listens as one line of JSON.")
@click.option(
    "--no-whatsapp", is_flag=True, help="With --sandbox: no WhatsApp account, whose library is a second process."
)
@click.option(
    "--no-worker",
    is_flag=True,
    help="Answer only. Nothing is published, synced or delivered until a `postroom worker`, or a server with one, runs.",
)
def serve(
    in_sandbox: bool,
    port: int | None,
    host: str | None,
    data: Path | None,
    as_json: bool,
    no_whatsapp: bool,
    no_worker: bool,
) -> None:
    """Start the server: its APIs, its worker and its listeners in one process."""
    from postroom import logs
    from postroom.serve import own_folder

    if in_sandbox and data is None:
        data = Path(".data/sandbox")
    settings = settings_of(data, port=port, host=host)
    logs.configure(settings.log_level or ("WARNING" if in_sandbox else "INFO"), settings.log_json)
    with own_folder(settings.data):
        if in_sandbox:
            run(_sandbox(settings, as_json, with_whatsapp=not no_whatsapp, works=not no_worker))
        else:
            run(_live(settings, as_json, works=not no_worker))


async def _live(settings: "Settings", as_json: bool, *, works: bool) -> None:
    from postroom import __version__, sandbox, serve
    from postroom.app import build
    from postroom.clock import now

    sandbox.refuse_folder(settings.data)
    opened = serve.listen(settings)
    base = f"http://{settings.host}:{opened.getsockname()[1]}"
    house = await build(settings, public_url=settings.public_url or base, now=now, sandbox=False)

    def ready() -> None:
        if as_json:
            bases = {name: f"{base}/{name}" for name in ("postpress", "connectsafely", "postpost")}
            print_line({**bases, "native": f"{base}/api"})
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
        await serve.run(house, settings, opened, ready, works=works)
    finally:
        await house.close()


async def _sandbox(settings: "Settings", as_json: bool, *, with_whatsapp: bool, works: bool) -> None:
    import msgspec

    from postroom import clock, sandbox, serve
    from postroom.app import build

    opened = serve.listen(settings)
    port = opened.getsockname()[1]
    base = f"http://{settings.host}:{port}"
    async with sandbox.networks(settings.data, port + 1) as networks:
        settings = msgspec.structs.replace(settings, providers=sandbox.providers(networks.sim, settings.providers))
        moment = clock.offset_clock(sandbox.clock_file(settings.data))
        public_url = settings.public_url or base
        house = await build(settings, public_url=public_url, now=moment, sandbox=True, control=networks.sim)
        try:
            kept = await sandbox.furnish(house, settings.data, networks.sim, base=base)
            lines = sandbox.as_json(base, networks, kept)
            if not as_json:
                lines = await sandbox.welcome(house, base, networks, kept)
            async with contextlib.AsyncExitStack() as stack:
                if with_whatsapp:
                    await stack.enter_async_context(sandbox.telephone(house, kept, networks.sim))
                await serve.run(house, settings, opened, lambda: click.echo(lines), works=works)
        finally:
            await house.close()


@click.command()
@data_option
@json_option
def worker(data: Path | None, as_json: bool) -> None:
    """Work and listen, and answer nobody: beside servers on the same PostgreSQL, as many as there is work for.

    It needs the servers' settings: the database, the keyring's file and the master key, the media.
    """
    from postroom import logs

    settings = settings_of(data)
    if not settings.database_url:
        raise Said(
            "SQLite has one process, which is `postroom serve`. A worker of its own needs POSTROOM_DATABASE_URL.",
            CANNOT,
        )
    logs.configure(settings.log_level or "INFO", settings.log_json)
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    run(_work(settings, as_json))


async def _work(settings: "Settings", as_json: bool) -> None:
    from postroom import sandbox, serve
    from postroom.app import build
    from postroom.clock import now

    sandbox.refuse_folder(settings.data)
    public_url = settings.public_url or f"http://{settings.host}:{settings.port}"
    house = await build(settings, public_url=public_url, now=now, sandbox=False)

    def ready() -> None:
        if as_json:
            print_line({"working": True, "process": os.getpid()})
        else:
            click.echo("Working. Ctrl-C or SIGTERM ends it; what it had begun is given back.")

    try:
        await serve.work(house, ready)
    finally:
        await house.close()


@click.command()
@data_option
@json_option
def migrate(data: Path | None, as_json: bool) -> None:
    """Bring the database up to date, and stop. A server does the same as it starts; asking again is safe."""
    settings = settings_of(data)
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    version = run(_migrate(settings))
    if as_json:
        print_json({"version": version})
    else:
        click.echo(f"The database is at version {version}.")


async def _migrate(settings: "Settings") -> int:
    from postroom.app import open_database, open_keyring
    from postroom.store import schema

    with contextlib.closing(open_keyring(settings)) as keyring:
        database = await open_database(settings, keyring)
        await database.close()
    return schema.newest()
