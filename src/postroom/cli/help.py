"""`postroom help`: on a command, or on what all commands share."""

import click

from postroom.cli.outcomes import EXIT_CODES

ENVIRONMENT = {
    "POSTROOM_SERVER": "The server that account, chat, message, post, webhook and events call.",
    "POSTROOM_KEY": "The API key for it.",
    "POSTROOM_SETTINGS": "The file of settings. [default: postroom.toml in the working folder]",
    "POSTROOM_...": "Each setting of a server: docs/reference/settings.md.",
    "NO_COLOR": "No colours, if it is set.",
}


@click.command("help")
@click.argument("topic", nargs=-1)
@click.pass_context
def help_page(context: click.Context, topic: tuple[str, ...]) -> None:
    """Help on a command, or on: exit-codes, environment."""
    if topic == ("exit-codes",):
        _page("Every command ends with one of these:", {str(code): words for code, words in EXIT_CODES.items()})
        return
    if topic == ("environment",):
        _page("Commands read these from the environment:", ENVIRONMENT)
        return
    assert context.parent is not None
    command: click.Command = context.parent.command
    place = context.parent
    for name in topic:
        found = command.get_command(place, name) if isinstance(command, click.Group) else None
        if found is None:
            raise click.UsageError(f"There is no help on {' '.join(topic)!r}.")
        place = click.Context(found, parent=place, info_name=name)
        command = found
    click.echo(command.get_help(place))


def _page(first: str, lines: dict[str, str]) -> None:
    formatter = click.HelpFormatter(max_width=100)
    formatter.write_text(first)
    formatter.write_paragraph()
    with formatter.indentation():
        formatter.write_dl(list(lines.items()))
    click.echo(formatter.getvalue().rstrip())
