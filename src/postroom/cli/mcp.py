"""`postroom mcp`: tools for an agent that starts this command and speaks with it over its standard streams."""

import click

from postroom.cli.calling import meant, where
from postroom.cli.options import run
from postroom.cli.outcomes import CANNOT, Said


@click.command()
@where
def mcp(server: str | None, key: str | None) -> None:
    """Give an agent tools for messages, posts and accounts, by the Model Context Protocol over standard input and output.

    Its key is better in POSTROOM_KEY, where other users of the machine do not see it, and best one with a budget of
    deletions: `postroom key create --deletes-per-hour 5`.
    """
    from postroom.mcp.http import installed

    if not installed():
        raise Said("Tools for agents are not installed: pip install 'postroom[agents]'.", CANNOT)
    run(_serve(*meant(server, key)))


async def _serve(server: str, key: str) -> None:
    from postroom.mcp.server import over_stdio
    from postroom_client import AsyncClient, PostroomError

    async with AsyncClient(server, key) as client:
        try:
            await client.with_options(retries=0).workspace.get()
        except PostroomError as error:
            raise Said(f"{server}: {error}", CANNOT) from error
        await over_stdio(client)
