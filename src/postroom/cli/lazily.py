"""Commands that are read when they are called: help and completion of names cost no import of the server."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import click

Sections = Mapping[str, Mapping[str, tuple[str, str]]]
"""Headings; below each its commands by name, with where they are (`module:attribute`) and what they do, in a line."""


class EnoughRead(Exception):
    """Whoever reads standard output went away, such as `head`. No OSError: click would make exit code 1 of it."""


class LazyGroup(click.Group):
    """A group whose commands lie in modules that are named, not imported.

    Raises:
        EnoughRead: what it printed was not wanted to its end.
    """

    def __init__(self, *args: Any, sections: Sections, **more: Any) -> None:
        super().__init__(*args, **more)
        self.sections = sections
        self._places = {name: place for each in sections.values() for name, (place, _) in each.items()}

    def make_context(self, *args: Any, **more: Any) -> click.Context:
        with _told_apart():
            return super().make_context(*args, **more)

    def invoke(self, ctx: click.Context) -> Any:
        with _told_apart():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        # Who types `receipt` or `accounts` means the same.
        names = (cmd_name, f"{cmd_name}s", cmd_name.removesuffix("s"))
        place = next((self._places[name] for name in names if name in self._places), None)
        if place is None:
            return None
        module, _, attribute = place.partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if self.get_command(ctx, args[0]) is None and not ctx.resilient_parsing and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], self._places, 1)
            raise click.UsageError(f"No such command {args[0]!r}.{f' Did you mean {near[0]!r}?' if near else ''}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, self._places))
        for heading, commands in self.sections.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), words) for name, (_, words) in commands.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        found = [
            CompletionItem(name, help=words)
            for commands in self.sections.values()
            for name, (_, words) in commands.items()
            if name.startswith(incomplete)
        ]
        # Its own options, by which no command needs to be known.
        return found + click.Command.shell_complete(self, ctx, incomplete)


@contextmanager
def _told_apart() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise EnoughRead from error


class ShortGroup(click.Group):
    """A group that says its commands in the order in which they are written."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)
