"""`postroom mcp`: tools for an agent that starts this command and speaks with it over its standard streams."""

import click

from postroom.cli.options import run
from postroom.cli.outcomes import CANNOT, Said

_LOCAL = "http://127.0.0.1:8010"


@click.command()
@click.option("--server", envvar="POSTROOM_SERVER", default=_LOCAL, show_default=True, help="The server's address.")
@click.option(
    "--key", envvar="POSTROOM_KEY", help="An API key. Better in POSTROOM_KEY, where other users do not see it."
)
def mcp(server: str, key: str | None) -> None:
    """Give an agent tools for messages, posts and accounts, by the Model Context Protocol over standard input and output.

    Give its key a budget of deletions: `deletes_per_hour`, `deletes_per_day`.
    """
    from postroom.mcp.http import installed

    if not installed():
        raise Said("Tools for agents are not installed: pip install 'postroom[agents]'.", CANNOT)
    if not key:
        raise Said("A key is needed: set POSTROOM_KEY.", CANNOT)
    run(_serve(server, key))


async def _serve(server: str, key: str) -> None:
    from postroom.mcp.server import over_stdio
    from postroom_client import AsyncClient, PostroomError

    async with AsyncClient(server, key) as client:
        try:
            await client.with_options(retries=0).workspace.get()
        except PostroomError as error:
            raise Said(f"{server}: {error}", CANNOT) from error
        await over_stdio(client)
