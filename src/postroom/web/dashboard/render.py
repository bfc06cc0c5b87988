"""Templates to pages. Whatever a template is given is escaped; the engine is not loaded before the first page is asked for."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from postroom.clock import iso
from postroom.web.dashboard.assets import address
from postroom.web.steps import called

if TYPE_CHECKING:
    from jinja2 import Environment

_FOLDER = Path(__file__).parent / "templates"


@functools.cache
def environment() -> Environment:
    """The one environment; templates are compiled once each."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        auto_reload=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        cache_size=-1,
    )
    made.globals["static"] = address
    made.filters["iso"] = iso
    made.filters["network"] = called
    made.filters["words"] = words
    made.filters["web"] = web
    return made


def render(template: str, values: dict[str, Any]) -> str:
    """A template of the folder, with these values."""
    return environment().get_template(template).render(values)


def web(address: str | None) -> bool:
    """Whether an address that a network gave leads to a page, rather than to a script or a program."""
    return address is not None and address.startswith(("https://", "http://"))


def words(name: str) -> str:
    """`action_required` as people read it."""
    return name.replace("_", " ")
