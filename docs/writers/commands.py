"""The page of commands, from the commands themselves."""

from collections.abc import Iterator

import click

from postroom.cli import commands
from postroom.cli.help import ENVIRONMENT
from postroom.cli.lazily import LazyGroup
from postroom.cli.outcomes import EXIT_CODES


def page() -> str:
    """Every command with its arguments and options, and what all of them share."""
    assert isinstance(commands, LazyGroup)
    lines = [
        "# Commands",
        "",
        "`postroom` runs a server, looks after its data, and asks a running one. `postroom COMMAND --help` says the same as",
        "this page. In a terminal lists are tables; in a pipe their cells stand between tabs, without headings; with `--json`",
        "the answer is JSON. What is told to you goes to standard error, what you asked for to standard output.",
        "",
        "## Exit codes",
        "",
        "| code | meaning |",
        "|---|---|",
        *(f"| {code} | {words} |" for code, words in EXIT_CODES.items()),
        "",
        "## Environment",
        "",
        "| variable | meaning |",
        "|---|---|",
        *(f"| `{name}` | {words} |" for name, words in ENVIRONMENT.items()),
        "",
        "Where no key is said, the key of the sandbox in the working folder is taken (`.data/sandbox`), so that after",
        "`make run` all of these work as they stand.",
    ]
    context = click.Context(commands, info_name="postroom")
    for heading, listed in commands.sections.items():
        lines += ["", f"## {heading}"]
        for name in listed:
            command = commands.get_command(context, name)
            assert command is not None
            lines += _about(command, click.Context(command, parent=context, info_name=name))
    return "\n".join(lines) + "\n"


def _about(command: click.Command, context: click.Context) -> Iterator[str]:
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from _about(below, click.Context(below, parent=context, info_name=name))
        return
    pieces = " ".join(command.collect_usage_pieces(context))
    yield from ("", f"### postroom {context.command_path.partition(' ')[2]}", "")
    yield from (f"`{context.command_path} {pieces}`", "")
    yield from (line.strip() for line in (command.help or "").replace("\b\n", "").strip().splitlines())
    options = [found for each in command.get_params(context) if (found := each.get_help_record(context)) is not None]
    told = [(names, " ".join(words.split())) for names, words in options if words and names != "--help"]
    if told:
        yield from ("", "| option | meaning |", "|---|---|")
        yield from (f"| `{_cell(names)}` | {_cell(words)} |" for names, words in told)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
