"""`postroom post`: written once for several networks, scheduled, taken down."""

import sys
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from postroom.cli.calling import Moment, When, at_server, calls, confirmed, text_of
from postroom.cli.lazily import ShortGroup
from postroom.cli.outcomes import FAILED, UNKNOWN
from postroom.cli.output import ago, clean, print_fields, print_json, print_table, progress

if TYPE_CHECKING:
    from postroom_client import Client, PostGroup, TakeDown


@click.group(cls=ShortGroup)
def post() -> None:
    """Posts: list, create, schedule, take down, delete."""


@post.command("list")
@click.option("--status", help="Only draft, scheduled, published, failed or partially_published.")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=30, show_default=True)
@calls
def list_posts(postroom: "Client", status: str | None, limit: int, as_json: bool) -> None:
    """List posts, those that were written last first."""
    found = list(islice(postroom.posts.list(status=status, limit=min(limit, 100)), limit))
    if as_json:
        print_json(found)
        return
    now = postroom.now()
    rows = [
        (
            each.id,
            each.status,
            ago(each.scheduled_at, now),
            ",".join(sorted({name.partition("-")[0] for name in each.platforms})),
            each.content or "",
        )
        for each in found
    ]
    print_table(("id", "status", "scheduled", "networks", "text"), rows, "No posts yet: postroom post create")


@post.command("get")
@click.argument("post_id", metavar="ID")
@calls
def get_post(postroom: "Client", post_id: str, as_json: bool) -> None:
    """Show a post: how it stands at each network, and what keeps it from going out."""
    _show(postroom.posts.get(post_id), postroom.now(), as_json)


@post.command("create")
@click.argument("text", nargs=-1, required=True)
@click.option(
    "--to",
    "platforms",
    multiple=True,
    required=True,
    metavar="ACCOUNT",
    help="An account, by its id or as network-id; again for each one.",
)
@click.option("--at", type=Moment(), help="When it goes out: 2026-12-01T09:30, or 90s, 2h, 3d.  [default: a draft]")
@click.option("--now", "at_once", is_flag=True, help="Now.")
@click.option(
    "--media", multiple=True, type=click.Path(path_type=Path, exists=True, dir_okay=False), help="An image or a video."
)
@click.option("--delete-at", type=Moment(), help="When its live posts are taken down again.")
@calls
def create_post(
    postroom: "Client",
    text: tuple[str, ...],
    platforms: tuple[str, ...],
    at: When | None,
    at_once: bool,
    media: tuple[Path, ...],
    delete_at: When | None,
    as_json: bool,
) -> None:
    """Write a post for one or several accounts: a draft, or to go out at a moment; - takes its text from standard input."""
    moment = datetime.now(UTC) if at_once else at_server(postroom, at)
    named = [postroom.accounts.get(each).platform_id if each.startswith("acc_") else each for each in platforms]
    # With files it is scheduled once they are there.
    group = postroom.posts.create(
        text_of(text), named, scheduled_at=None if media else moment, delete_at=at_server(postroom, delete_at)
    )
    with progress("Files", sum(file.stat().st_size for file in media), shown=bool(media) and not as_json) as step:
        for file in media:
            postroom.posts.upload(group.id, file)
            step(file.stat().st_size)
    if media and moment is not None:
        group = postroom.posts.update(group.id, scheduled_at=moment)
    _show(postroom.posts.get(group.id), postroom.now(), as_json)


@post.command("schedule")
@click.argument("post_id", metavar="ID")
@click.argument("when", type=Moment())
@calls
def schedule_post(postroom: "Client", post_id: str, when: When, as_json: bool) -> None:
    """Have a post go out at a moment: 2026-12-01T09:30, or from now on: 90s, 2h, 3d."""
    _show(postroom.posts.update(post_id, scheduled_at=at_server(postroom, when)), postroom.now(), as_json)


@post.command("unschedule")
@click.argument("post_id", metavar="ID")
@calls
def unschedule_post(postroom: "Client", post_id: str, as_json: bool) -> None:
    """Make it a draft again."""
    _show(postroom.posts.update(post_id, scheduled_at=None), postroom.now(), as_json)


@post.command("take-down")
@click.argument("post_id", metavar="ID")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@calls
def take_down_post(postroom: "Client", post_id: str, yes: bool, as_json: bool) -> None:
    """Remove a post from the networks where it is live, with an outcome for each. The post stays here.

    Exit code 1: it is still live somewhere; 3: of one nobody knows yet. A receipt (rcp_...) of a deleted post is taken, too.
    """
    confirmed(f"Take {post_id} down wherever it is live?", yes)
    noun = postroom.receipts if post_id.startswith("rcp_") else postroom.posts
    done = noun.take_down(post_id)
    _tell(done, as_json)
    outcomes = {each.outcome for each in done.targets}
    if outcomes - {"done"}:
        sys.exit(FAILED if outcomes & {"refused", "unsupported"} else UNKNOWN)


@post.command("delete")
@click.argument("post_id", metavar="ID")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@calls
def delete_post(postroom: "Client", post_id: str, yes: bool, as_json: bool) -> None:
    """Delete a post here, with its files. What is live at a network stays live: take it down first."""
    if not yes:
        for each in postroom.deletions.preview("post_group", post_id).consequences:
            click.echo(f"  - {clean(each)}", err=True)
    confirmed("Delete it?", yes)
    done = postroom.posts.delete(post_id)
    if as_json:
        print_json(done)
    else:
        click.echo(f"{post_id} is deleted.")


def _show(group: "PostGroup", now: datetime, as_json: bool) -> None:
    if as_json:
        print_json(group)
        return
    at = (
        f"{group.scheduled_at.astimezone():%Y-%m-%d %H:%M} ({ago(group.scheduled_at, now)})"
        if group.scheduled_at
        else ""
    )
    files = ", ".join(clean(each.file_name) for each in group.media)
    print_fields((("id", group.id), ("status", group.status), ("goes out", at), ("files", files)))
    for each in group.posts:
        told = each.url or each.error_detail or each.error or ""
        click.echo(clean(f"  {each.platform} {each.platform_id}: {each.status} {told}".rstrip()))
    for problem in group.problems:
        most = f" (at most {problem.most}, here {problem.current})" if problem.most is not None else ""
        click.echo(f"  {problem.platform_id}: {problem.code}{most}", err=True)
    click.echo(f"\n{clean(group.content or '')}")


def _tell(done: "TakeDown", as_json: bool) -> None:
    if as_json:
        print_json(done)
        return
    if not done.targets:
        click.echo("It is live nowhere.")
    for each in done.targets:
        by_hand = f", by hand: {each.url}" if each.outcome in ("unsupported", "refused") and each.url else ""
        why = f" ({each.detail})" if each.detail else ""
        click.echo(clean(f"{each.platform} {each.platform_id}: {each.outcome}{why}{by_hand}"))
