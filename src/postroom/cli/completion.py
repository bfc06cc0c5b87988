"""`postroom completion`: for bash, zsh and fish."""

import os
from pathlib import Path

import click

_WHERE = {
    "bash": '~/.bashrc:             eval "$(postroom completion bash)"',
    "zsh": '~/.zshrc:              eval "$(postroom completion zsh)"',
    "fish": "in a terminal, once:   postroom completion fish > ~/.config/fish/completions/postroom.fish",
}


@click.command(epilog="\b\n" + "\n".join(_WHERE.values()))
@click.argument("shell", type=click.Choice(list(_WHERE)), required=False)
@click.pass_context
def completion(context: click.Context, shell: str | None) -> None:
    """Print what makes your shell complete these commands.

    The shell is the one that you are in, if none is named.
    """
    from click.shell_completion import get_completion_class

    shell = shell or Path(os.environ.get("SHELL", "")).name
    kind = get_completion_class(shell)
    if shell not in _WHERE or kind is None:
        raise click.UsageError("Name your shell: bash, zsh or fish.")
    click.echo(kind(context.find_root().command, {}, "postroom", "_POSTROOM_COMPLETE").source())
