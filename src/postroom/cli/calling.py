"""Commands that call a server: which one, by whose key, and how its answers are told."""

import os
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

import click
from click.core import ParameterSource

from postroom.cli.options import json_option
from postroom.cli.outcomes import CANNOT, Said

if TYPE_CHECKING:
    from postroom_client import Client

P = ParamSpec("P")
When = datetime | timedelta
"""A moment, or how long it is from now on, by the clock of the server that is asked."""
_SERVER = "http://127.0.0.1:8010"
_SANDBOX = Path(".data/sandbox/sandbox.json")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def calls(command: Callable[Concatenate["Client", P], None]) -> Callable[..., None]:
    """A command that is given a client first, and has --server, --key and --json."""

    @wraps(command)
    def called(*args: Any, server: str | None, key: str | None, **more: Any) -> None:
        with connected(server, key) as postroom:
            command(postroom, *args, **more)

    return where(json_option(called))


def where(command: Callable[..., Any]) -> Callable[..., Any]:
    """--server and --key"""
    server = click.option(
        "--server", envvar="POSTROOM_SERVER", help=f"The server.  [default: the sandbox here, else {_SERVER}]"
    )
    key = click.option("--key", envvar="POSTROOM_KEY", help="Your API key.  [default: the key of the sandbox here]")
    return server(key(command))


def connected(server: str | None, key: str | None) -> "Client":
    """A client of the server that is meant."""
    from postroom_client import Client

    return Client(*meant(server, key))


def meant(server: str | None, key: str | None) -> tuple[str, str]:
    """The server that is meant, and the key to it; without either those of the sandbox here."""
    import msgspec

    if not key and _SANDBOX.exists():
        kept = msgspec.json.decode(_SANDBOX.read_bytes())
        here = kept.get("server") or _SERVER
        if server in (None, here):
            server, key = here, kept["key"]
    if not key:
        raise Said("Which key? Say --key, or set POSTROOM_KEY; `postroom key create` makes one.", CANNOT)
    address = server or _SERVER
    if not address.startswith(("http://", "https://")):
        raise Said(f"--server {address}: http:// or https:// and a host are needed.", CANNOT)
    if _is_for_another(address):
        raise Said("POSTROOM_KEY is for POSTROOM_SERVER, and --server names another: say --key as well.", CANNOT)
    return address, key


def _is_for_another(address: str) -> bool:
    """Whether the key is the environment's, and the server is not the one that the environment names with it."""
    named, asked = os.environ.get("POSTROOM_SERVER"), click.get_current_context()
    from_environment = asked.get_parameter_source("key") is ParameterSource.ENVIRONMENT
    return bool(named) and from_environment and address.rstrip("/") != str(named).rstrip("/")


def confirmed(question: str, yes: bool) -> None:
    """Ask before what cannot be undone; where nobody can be asked, --yes has to be said."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise Said("That cannot be undone: say --yes.", CANNOT)
    if not click.confirm(question, err=True):
        raise Said("Nothing was done.")


class Moment(click.ParamType):  # type: ignore[type-arg]  # generic in newer ones only
    """A moment: `2026-12-01T09:30`, with a zone or in that of this machine; or from now on: `90s`, `2h`, `3d`."""

    name = "when"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> When:
        if isinstance(value, datetime | timedelta):
            return value
        text = str(value).strip()
        if text[:-1].isdigit() and text[-1:] in _UNITS:
            return timedelta(**{_UNITS[text[-1]]: int(text[:-1])})
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self.fail(f"{text!r} is no moment: 2026-12-01T09:30, 2026-12-01T09:30+01:00, or from now on 90s, 2h, 3d.")
        return moment.astimezone() if moment.tzinfo is None else moment


def at_server(postroom: "Client", when: When | None) -> datetime | None:
    """The moment that is meant. From now on goes by the server's clock, which in a sandbox may have been moved."""
    if not isinstance(when, timedelta):
        return when
    postroom.workspace.get()
    return postroom.now() + when


def text_of(words: tuple[str, ...]) -> str:
    """A text from the command line; - is standard input."""
    text = sys.stdin.read() if words == ("-",) else " ".join(words)
    if not text.strip():
        raise click.UsageError("There is no text; - takes it from standard input.")
    return text
