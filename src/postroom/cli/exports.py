"""`postroom export` and `import`: what a key's workspace has, as lines of JSON.

What comes back in by them is what is the workspace's own: drafts, scheduled posts, the users that it acts for. Accounts are
linked anew, and their messages come from their networks, which alone know what was taken back meanwhile.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from postroom.cli.calling import calls
from postroom.cli.outcomes import FAILED, Said
from postroom.cli.output import clean, print_json, progress

if TYPE_CHECKING:
    from postroom_client import Client

FORMAT = 1
KINDS = ("managed_user", "account", "chat", "message", "post", "webhook", "receipt")


def _lists(postroom: "Client") -> dict[str, Callable[[], Iterable[Any]]]:
    return {
        "managed_user": postroom.managed_users.list,
        "account": postroom.accounts.list,
        "chat": lambda: postroom.chats.list(limit=250),
        "message": lambda: postroom.messages.list(limit=250),
        "post": lambda: postroom.posts.list(limit=100),
        "webhook": postroom.webhooks.list,
        "receipt": lambda: postroom.receipts.list(limit=250),
    }


@click.command("export")
@click.option(
    "-o", "--output", type=click.File("wb"), default="-", help="The file to write.  [default: standard output]"
)
@click.option("--only", multiple=True, type=click.Choice(KINDS), help="Only this; again for each one.")
@calls
def export(postroom: "Client", output: BinaryIO, only: tuple[str, ...], as_json: bool) -> None:
    """Write what the key's workspace has as lines of JSON, each with what it is in `record`.

    Messages that were taken back are without their words, as everywhere. Credentials, keys and secrets are not in it, nor
    are the bytes of files. A server as it is goes into a backup: postroom backup.
    """
    import msgspec

    counts: Counter[str] = Counter()
    lists = _lists(postroom)
    workspace = postroom.workspace.get()
    first = {"record": "postroom_export", "format": FORMAT, "workspace_id": workspace.id, "made_at": datetime.now(UTC)}
    output.write(msgspec.json.encode(first) + b"\n")
    with progress("Lines", None, shown=not output.isatty() and not as_json) as step:
        for kind in only or KINDS:
            for each in lists[kind]():
                output.write(msgspec.json.encode({"record": kind, **msgspec.to_builtins(each)}) + b"\n")
                counts[kind] += 1
                step(1)
    output.flush()
    told = ", ".join(f"{count} of {kind}" for kind, count in counts.items()) or "nothing"
    click.echo(msgspec.json.encode(counts).decode() if as_json else f"Exported: {told}.", err=True)


@click.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--schedule", is_flag=True, help="Schedule posts whose time is yet to come.  [default: all are drafts]")
@calls
def import_(postroom: "Client", file: BinaryIO, schedule: bool, as_json: bool) -> None:
    """Take in drafts, scheduled posts and managed users from an export's lines (- is standard input).

    A post goes to the accounts of the same `platforms`; link them first. Accounts, chats and messages are passed over: they
    come from their networks. Done again within a day, the same file makes nothing twice. Exit code 1: some lines were refused.
    """
    from postroom_client import Problem

    made: Counter[str] = Counter()
    passed_over: Counter[str] = Counter()
    refused = 0
    known = {each.username for each in postroom.managed_users.list()}
    with progress("Lines", None, shown=not as_json) as step:
        for number, line, kind in _lines(file):
            try:
                if kind == "post" and line.get("status") in ("draft", "scheduled"):
                    _import_post(postroom, line, schedule=schedule)
                elif kind == "managed_user" and line.get("username") not in known:
                    postroom.managed_users.create(line["username"], display_name=line.get("display_name"))
                else:
                    passed_over[kind] += 1
                    continue
                made[kind] += 1
            except (Problem, KeyError, TypeError, ValueError) as error:
                refused += 1
                click.echo(clean(f"Line {number}: {error}"), err=True)
            step(1)
    if as_json:
        print_json({"made": made, "passed_over": passed_over, "refused": refused})
    else:
        click.echo(f"Made: {_told(made)}. Passed over: {_told(passed_over)}. Refused: {refused}.")
    if refused:
        raise Said(f"{refused} lines were refused: see above.", FAILED)


def _lines(file: BinaryIO) -> Iterator[tuple[int, dict[str, Any], str]]:
    """The lines of an export, but its first."""
    import msgspec

    for number, raw in enumerate(file, 1):
        try:
            line = msgspec.json.decode(raw, type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise Said(f"Line {number} is not of an export: {error}.") from error
        kind = str(line.get("record"))
        if number == 1:
            if kind != "postroom_export" or line.get("format") != FORMAT:
                raise Said("This file is no export of Postroom, or one of a newer one.")
            continue
        yield number, line, kind


def _import_post(postroom: "Client", line: dict[str, Any], *, schedule: bool) -> None:
    at = line.get("scheduled_at")
    moment = datetime.fromisoformat(at) if at is not None else None
    due = moment if schedule and moment is not None and moment > datetime.now(UTC) else None
    name = hashlib.sha256(f"{line['id']} {due}".encode()).hexdigest()
    postroom.once(f"import-{name[:40]}").posts.create(
        line["content"], line["platforms"], scheduled_at=due, settings=line.get("settings") or {}
    )


def _told(counts: "Counter[str]") -> str:
    return ", ".join(f"{count} of {kind}" for kind, count in sorted(counts.items())) or "nothing"
