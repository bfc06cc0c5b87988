"""The command `postroom`: one file for each noun, each read only when it is called."""

import os
import sys

import click

from postroom import __version__
from postroom.cli.lazily import EnoughRead, LazyGroup
from postroom.cli.outcomes import DONE, INTERRUPTED, explain


def main() -> None:
    """Run the command. A failure that is not a bug is one line on standard error, and an exit code that says of what kind."""
    try:
        commands(standalone_mode=False, prog_name="postroom", color=False if os.environ.get("NO_COLOR") else None)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except EnoughRead:
        # What is still to be written would fail as Python ends, with an exit code of its own.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(DONE)
    except Exception as error:
        known = explain(error)
        if known is None:
            raise
        from postroom.cli.output import clean

        line, code = known
        click.echo(f"postroom: {clean(line)}", err=True)
        sys.exit(code)


_COMMANDS = {
    "Run a server": {
        "serve": ("postroom.cli.serve:serve", "Start the server: its APIs, its worker and its listeners."),
        "worker": ("postroom.cli.serve:worker", "Work and listen beside servers on the same PostgreSQL."),
        "migrate": ("postroom.cli.serve:migrate", "Bring the database up to date, and stop."),
        "doctor": ("postroom.cli.doctor:doctor", "Check what a server needs, and say what to mend."),
        "key": ("postroom.cli.keys:key", "API keys: create, list, revoke."),
        "receipts": (
            "postroom.cli.receipts:receipts",
            "Receipts of deletions: verify, export, key.",
        ),
        "backup": ("postroom.cli.backups:backup", "Write a backup into one file, while the server runs."),
        "restore": ("postroom.cli.backups:restore", "Make a server of a backup, less what was deleted since."),
    },
    "Ask a server": {
        "account": ("postroom.cli.accounts:account", "Linked accounts: list, link, pause, resync, unlink."),
        "chat": ("postroom.cli.messages:chat", "Chats: list, messages, send."),
        "message": ("postroom.cli.messages:message", "Messages: list, get, edit, react, recall."),
        "post": ("postroom.cli.posts:post", "Posts: list, create, schedule, take down, delete."),
        "webhook": ("postroom.cli.webhooks:webhook", "Webhooks: list, create, test; listen to events here."),
        "events": ("postroom.cli.webhooks:events", "The log of what happened: tail."),
        "export": ("postroom.cli.exports:export", "Write a workspace's data as lines of JSON."),
        "import": ("postroom.cli.exports:import_", "Take in posts and users from such lines."),
    },
    "Agents": {
        "mcp": ("postroom.cli.mcp:mcp", "Give an agent tools for messages, posts and accounts."),
    },
    "Help": {
        "completion": ("postroom.cli.completion:completion", "Print what makes your shell complete these commands."),
        "help": ("postroom.cli.help:help_page", "Help on a command, or on: exit-codes, environment."),
    },
}


@click.group(cls=LazyGroup, sections=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", "-V")
def commands() -> None:
    """One self-hosted server for the social accounts a product works with."""
