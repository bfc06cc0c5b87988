"""Options that several commands share."""

import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from postroom.settings import Settings

_F = TypeVar("_F", bound=Callable[..., Any])
_T = TypeVar("_T")


def data_option(command: _F) -> _F:
    """--data"""
    return click.option("--data", type=click.Path(path_type=Path), help="Data folder.  [default: .data/live]")(command)


def json_option(command: _F) -> _F:
    """--json"""
    return click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")(command)


def settings_of(data: Path | None, **given: Any) -> "Settings":
    """This process's settings, and its log as they say.

    Raises:
        WrongSetting: one line that names it.
    """
    from postroom import logs
    from postroom.settings import load

    settings = load(os.environ, data=data, **given)
    logs.configure(settings.log_level or "WARNING", settings.log_json)
    return settings


def run(coroutine: Coroutine[Any, Any, _T]) -> _T:
    """Run it on the quick event loop."""
    import uvloop

    return uvloop.run(coroutine)
