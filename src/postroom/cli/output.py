"""What commands print: tables and lines for people, JSON for programs, progress for who waits."""

import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click

_LEAST_WIDTH = 12


def print_json(value: Any) -> None:
    """One JSON document; over several lines where a person looks on."""
    import msgspec

    line = msgspec.json.encode(value)
    click.echo(_spelled((msgspec.json.format(line, indent=2) if sys.stdout.isatty() else line).decode()))


def print_line(value: Any) -> None:
    """One JSON document on one line, at once: for what comes bit by bit."""
    import msgspec

    click.echo(_spelled(msgspec.json.encode(value).decode()))
    sys.stdout.flush()


def _spelled(document: str) -> str:
    """The same document: what a terminal would obey and JSON leaves as it is, is spelled out."""
    return re.sub("[\x7f-\x9f]", lambda hit: f"\\u{ord(hit[0]):04x}", document)


def print_table(headings: Sequence[str], rows: Iterable[Sequence[Any]], empty: str) -> None:
    """A table for a terminal, cut to its width; in a pipe the same with tabs, whole, and without headings.

    The first column is whole everywhere: it is what other commands take.
    """
    cells = [["" if cell is None else _one_line(str(cell)) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in cells:
            click.echo("\t".join(row))
        return
    if not cells:
        click.echo(empty)
        return
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    room = shutil.get_terminal_size().columns - 2 * (len(widths) - 1)
    while sum(widths) > room and max(widths[1:], default=0) > _LEAST_WIDTH:
        widths[widths.index(max(widths[1:]), 1)] -= 1
    click.secho("  ".join(_cut(text.upper(), width) for text, width in zip(headings, widths, strict=True)), dim=True)
    for row in cells:
        click.echo("  ".join(_cut(text, width) for text, width in zip(row, widths, strict=True)).rstrip())


def print_fields(fields: Iterable[tuple[str, Any]]) -> None:
    """Names and values, one below the other; what is not there is left out."""
    shown = [(name, value) for name, value in fields if value not in (None, "")]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        click.echo(f"{name + ':':{width + 1}} {_one_line(str(value))}")


def clean(text: str) -> str:
    """Words of others without what a terminal would obey."""
    return "".join(
        letter if letter.isprintable() or letter in "\n\t" else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def _one_line(text: str) -> str:
    return clean(" ".join(text.split()) if "\n" in text or "\t" in text else text)


def _cut(text: str, width: int) -> str:
    return text.ljust(width) if len(text) <= width else text[: width - 1] + "…"


def ago(moment: datetime | int | None, now: datetime | None = None) -> str:
    """A moment in words of now: `5m ago`, `in 2h`. `now`: the clock that it goes by, if not this machine's."""
    if moment is None:
        return ""
    then = datetime.fromtimestamp(moment / 1000, UTC) if isinstance(moment, int) else moment
    seconds = ((now or datetime.now(UTC)) - then).total_seconds()
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")):
        if abs(seconds) >= size:
            words = f"{int(abs(seconds) // size)}{unit}"
            return f"{words} ago" if seconds > 0 else f"in {words}"
    return "now"


def size(count: int) -> str:
    """Bytes in a word."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


@contextmanager
def progress(label: str, total: int | None, *, shown: bool = True) -> Iterator[Callable[[int], None]]:
    """A bar on standard error while something long goes on, where a person looks on; call it with each step's count."""
    if not shown or not sys.stderr.isatty():
        yield lambda _: None
        return
    with click.progressbar(length=total or 0, label=label, file=sys.stderr, show_pos=True) as bar:
        yield bar.update
