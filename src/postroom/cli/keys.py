"""`postroom key`: API keys, made and ended beside the database, whether or not a server runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from postroom.cli.lazily import ShortGroup
from postroom.cli.options import data_option, json_option, run, settings_of
from postroom.cli.output import ago, print_json, print_table

if TYPE_CHECKING:
    from postroom.domain.access import ApiKey, Caller, DeleteBudget, Scope, Workspace
    from postroom.services.access import Access
    from postroom.settings import Settings


@click.group(cls=ShortGroup)
def key() -> None:
    """API keys. Each is shown once; only a keyed hash is stored."""


@asynccontextmanager
async def opened(settings: "Settings") -> AsyncIterator["Access"]:
    """The keys and workspaces of a database."""
    from postroom.app import open_database, open_keyring
    from postroom.clock import now
    from postroom.services.access import Access

    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with closing(open_keyring(settings)) as keyring:
        database = await open_database(settings, keyring)
        try:
            yield Access(database, now, sandbox=False)
        finally:
            await database.close()


async def workspace_of(access: "Access", workspace_id: str | None) -> "Workspace | None":
    """The workspace that is named; without a name the first one, if there is any.

    Raises:
        NotFound: there is none of that name.
    """
    from postroom.errors import NotFound

    held = await access.list_workspaces()
    found = next((workspace for workspace in held if workspace_id in (None, workspace.id)), None)
    if found is None and workspace_id is not None:
        raise NotFound(f"There is no workspace {workspace_id}.")
    return found


def owner(workspace: "Workspace") -> "Caller":
    """Whoever has the database may do what the workspace's owner may."""
    from postroom.domain.access import Caller, Scope

    return Caller(
        workspace=workspace,
        key_id="",
        scopes=frozenset(Scope),
        key_user_id=workspace.id,
        user_id=workspace.id,
    )


@key.command("create")
@data_option
@click.option("--workspace", help="Id of the workspace; without it the first one, made if there is none.")
@click.option("--name", default="default", show_default=True, help="What to call the key.")
@click.option("--admin", is_flag=True, help="The key may also manage keys and read metrics.")
@click.option("--scope", "scopes", multiple=True, help="What it may do: read, send, delete, publish, link, admin.")
@click.option("--deletes-per-hour", type=click.IntRange(0), help="How many deletions it may ask for in any hour.")
@click.option("--deletes-per-day", type=click.IntRange(0), help="The same for any day. Give an agent's key a budget.")
@json_option
def create_key(
    data: Path | None,
    workspace: str | None,
    name: str,
    admin: bool,
    scopes: tuple[str, ...],
    deletes_per_hour: int | None,
    deletes_per_day: int | None,
    as_json: bool,
) -> None:
    """Make a live key and print it, this once."""
    from postroom import sandbox
    from postroom.domain.access import EVERYDAY_SCOPES, DeleteBudget, Scope

    unknown = sorted(set(scopes) - set(Scope))
    if unknown:
        raise click.BadParameter(f"{', '.join(unknown)}: one of {', '.join(Scope)}.", param_hint="--scope")
    chosen = {Scope(each) for each in scopes} or set(EVERYDAY_SCOPES)
    settings = settings_of(data)
    sandbox.refuse_folder(settings.data)
    may = frozenset(chosen | ({Scope.ADMIN} if admin else set()))
    budget = DeleteBudget(per_hour=deletes_per_hour, per_day=deletes_per_day)
    made, secret = run(_create(settings, workspace, name, may, budget))
    if as_json:
        print_json({**_shown(made), "key": secret})
        return
    click.echo(secret)
    click.echo(f"Keep it now: it is not shown again. Workspace {made.workspace_id}.", err=True)


async def _create(
    settings: "Settings", workspace_id: str | None, name: str, scopes: "frozenset[Scope]", budget: "DeleteBudget"
) -> "tuple[ApiKey, str]":
    async with opened(settings) as access:
        found = await workspace_of(access, workspace_id) or await access.create_workspace("Workspace")
        return await access.issue_key(found.id, name, scopes, budget=budget)


@key.command("list")
@data_option
@click.option("--workspace", help="Id of the workspace.  [default: all]")
@click.option("--all", "with_revoked", is_flag=True, help="Also those that were revoked.")
@json_option
def list_keys(data: Path | None, workspace: str | None, with_revoked: bool, as_json: bool) -> None:
    """Show keys by their first characters. The rest is stored nowhere."""
    found = [each for each in run(_list(settings_of(data), workspace)) if with_revoked or each.revoked_at is None]
    if as_json:
        print_json([_shown(each) for each in found])
        return
    rows = [
        (each.id, each.prefix + "…", each.name, ",".join(sorted(each.scopes)), ago(each.created_at), _state(each))
        for each in found
    ]
    print_table(("id", "key", "name", "may", "made", ""), rows, "No keys yet: postroom key create")


async def _list(settings: "Settings", workspace_id: str | None) -> "list[ApiKey]":
    async with opened(settings) as access:
        if workspace_id is not None:
            await workspace_of(access, workspace_id)
        held = [each for each in await access.list_workspaces() if workspace_id in (None, each.id)]
        return [found for each in held for found in await access.list_keys(owner(each))]


@key.command("revoke")
@click.argument("key_id", metavar="ID")
@data_option
@json_option
def revoke_key(key_id: str, data: Path | None, as_json: bool) -> None:
    """End a key for good. A running server stops taking it within a second."""
    run(_revoke(settings_of(data), key_id))
    if as_json:
        print_json({"id": key_id, "revoked": True})
    else:
        click.echo(f"{key_id} is revoked.")


async def _revoke(settings: "Settings", key_id: str) -> None:
    from postroom.errors import NotFound

    async with opened(settings) as access:
        for each in await access.list_workspaces():
            caller = owner(each)
            if any(found.id == key_id for found in await access.list_keys(caller)):
                await access.revoke_key(caller, key_id)
                return
    raise NotFound(f"There is no key {key_id}: `postroom key list` shows their ids.")


def _shown(key: "ApiKey") -> dict[str, object]:
    from postroom.clock import iso

    return {
        "id": key.id,
        "workspace_id": key.workspace_id,
        "managed_user_id": key.managed_user_id,
        "name": key.name,
        "prefix": key.prefix,
        "scopes": sorted(key.scopes),
        "deletes_per_hour": key.budget.per_hour,
        "deletes_per_day": key.budget.per_day,
        "created_at": iso(key.created_at),
        "revoked_at": None if key.revoked_at is None else iso(key.revoked_at),
    }


def _state(key: "ApiKey") -> str:
    return "" if key.revoked_at is None else f"revoked {ago(key.revoked_at)}"
