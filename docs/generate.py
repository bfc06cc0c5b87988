"""Writes the reference pages that come from the code; `--check` only says whether they are up to date."""

import ast
import inspect
import re
import sys
import tomllib
from collections.abc import Sequence
from datetime import timedelta
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import msgspec
from writers import catalogues, client, commands, operations, tools

from postroom.connectors.contract import AppSettings
from postroom.connectors.registry import GROUP
from postroom.dialects.connectsafely.operations import DIALECT as CONNECTSAFELY
from postroom.dialects.native.operations import DIALECT as NATIVE
from postroom.dialects.postpost.operations import DIALECT as POSTPOST
from postroom.dialects.postpress.operations import DIALECT as POSTPRESS
from postroom.domain.capabilities import Capabilities, ImageLimits, Measure, Publishing, Sending, Settles, VideoLimits
from postroom.settings import words

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs" / "reference"
SRC = ROOT / "src" / "postroom"


def connectors() -> dict[str, Any]:
    """The classes of this repository's connectors by name, whatever else is installed here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = sorted(project["entry-points"][GROUP].items())
    return {name: EntryPoint(name, value, GROUP).load() for name, value in listed}


def settings() -> str:
    """Every setting with its default and its own words, in the order of `settings.py`."""
    lines = [
        "# Settings",
        "",
        "From the environment, or (without the prefix, in lower case) from `postroom.toml` in the working folder, or from",
        "the file that `POSTROOM_SETTINGS` names. The command line wins over the environment, the environment over the",
        "file. A list is written with commas in the environment. A wrong value is one line on standard error, and no start.",
        "",
        "Commands that call a server read which one from `POSTROOM_SERVER`, and its key from `POSTROOM_KEY`: no settings",
        "of a server.",
        "",
        "| setting | default | meaning |",
        "|---|---|---|",
    ]
    lines += [f"| `POSTROOM_{name.upper()}` | {default} | {text} |" for name, (default, text) in words().items()]
    lines += [
        "",
        "## Networks",
        "",
        "In `postroom.toml` under `[providers.<network>]`.",
        "",
        "| setting | default | meaning |",
        "|---|---|---|",
    ]
    for name, connector in connectors().items():
        kind = connector.settings_type
        for own in msgspec.structs.fields(kind):
            default = f"`{own.default}`" if own.default not in ("", msgspec.NODEFAULT) else "empty"
            setting = f"POSTROOM_PROVIDER_{name.upper()}_{own.name.upper()}"
            lines.append(f"| `{setting}` | {default} | {_words(kind, own.name)} |")
    return "\n".join(lines) + "\n"


def _words(kind: type, field: str) -> str:
    """What the source says under a field, here or in a class above."""
    for each in kind.__mro__:
        if field in vars(each).get("__annotations__", {}):
            found = ast.parse(inspect.getsource(each)).body[0]
            assert isinstance(found, ast.ClassDef)
            for line, text in zip(found.body, found.body[1:], strict=False):
                named = (
                    isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and line.target.id == field
                )
                if named and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
                    return str(text.value.value)
    return ""


def _taken_down(powers: Capabilities) -> str:
    ways = " or ".join(f"`{each}`" for each in sorted(powers.unpublish_flows))
    return f"only accounts linked by {ways}" if ways else _yes(powers.unpublish)


def networks() -> str:
    """What every connector declares of its network: limits, threads, taking down, unknown outcomes."""
    found = {name: connector().capabilities for name, connector in connectors().items()}
    lines = [
        "# Networks",
        "",
        "What each connector declares of its network. The same declaration is what posts are checked against. Where each",
        "figure comes from, and when it was checked, stands beside it in `src/postroom/connectors/<network>/`; what else there",
        "is to know of a network is in its README there.",
        "",
        "## Posts",
        "",
        "| network | text | images | videos | threads | taking down | posts in a time |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, powers in found.items():
        if powers.publish is not None:
            cells = [_text(powers.publish), _images(powers.publish.images), _videos(powers.publish.video)]
            cells += [_yes(powers.publish.threads), _taken_down(powers), _budgets(powers.publish)]
            lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += [
        "",
        "Larger images, and images of other types, are re-encoded until they fit. Videos go out as they are. A text that is",
        "too long goes out as a thread where there are threads, and is refused where there are none. Taking down may also",
        "depend on how old the post is (Telegram) and on what its owner allowed (Instagram): their READMEs say, and so does",
        "each answer.",
        "",
        "## Linking accounts",
        "",
        "Networks with an app want you to register one there, and to tell this server its id and secret. Wherever they ask for",
        "a callback (or redirect) address, it is `<POSTROOM_PUBLIC_URL>/callbacks/oauth`. The README has the steps, and the",
        "permissions to ask for.",
        "",
        "| network | flows | the app's settings | by a proxy | README |",
        "|---|---|---|---|---|",
        *(_linking(name, connector) for name, connector in connectors().items()),
        "",
        "## When a network does not answer",
        "",
        "An answer can be lost after the network published. Nothing is repeated blindly then: the network is asked what became",
        "of the post. Not every network can be asked.",
        "",
        "| it can be asked | networks | what there is in the end |",
        "|---|---|---|",
    ]
    for settles, end in _ENDS.items():
        names = [name for name, powers in found.items() if _settles(powers) is settles]
        lines.append(f"| {settles} | {', '.join(names) or 'none'} | {end} |")
    lines += [
        "",
        "## Rules and risks",
        "",
        "What a network forbids, in the words of its README, which also says what works there and what is worth knowing.",
    ]
    for name in found:
        forbids = _section(SRC / "connectors" / name / "README.md", "What the network forbids")
        lines += [
            "",
            f"### {name}",
            "",
            forbids,
            "",
            f"[All about {name}](../../src/postroom/connectors/{name}/README.md)",
        ]
    lines += ["", "## Messages", "", *_row(_MESSAGES), *_row(["---"] * len(_MESSAGES))]
    for name, powers in found.items():
        lines += [] if powers.send is None else _row([name, *_messages(powers, powers.send)])
    return "\n".join(lines) + "\n"


def _section(page: Path, title: str) -> str:
    """A section's words, without its heading."""
    found = re.search(rf"^## {title}\n\n(.*?)\n(?=#)", page.read_text(), re.M | re.S)
    if found is None:
        raise SystemExit(f"{page} has no section '## {title}'")
    return found[1].strip()


_ENDS = {
    Settles.ALWAYS: "Exactly one post; `unconfirmed` where this server was away until the network had forgotten (its README"
    " says how long it remembers).",
    Settles.PARTLY: "At most one post. Where the network shows it, it is found; otherwise it ends `unconfirmed`.",
    Settles.NEVER: "At most one post. It ends `unconfirmed`: its owner looks.",
}

_MEASURES = {
    Measure.UTF8_BYTES: "bytes",
    Measure.UTF16_UNITS: "UTF-16 units",
    Measure.WEIGHTED: "weighted characters (an address 23, beyond Latin 2)",
    Measure.SHORT_LINKS: "characters (an address 23)",
    Measure.EMOJI_BYTES: "characters (an emoji its bytes)",
}


def _linking(name: str, connector: Any) -> str:
    prefix = f"POSTROOM_PROVIDER_{name.upper()}_CLIENT_"
    app = f"`{prefix}ID`, `{prefix}SECRET`" if issubclass(connector.settings_type, AppSettings) else "none"
    if name == "mastodon":
        app = "none: it registers by itself"
    flows = ", ".join(f"`{each}`" for each in connector().login_flows)
    page = f"../../src/postroom/connectors/{name}/README.md"
    proxies = _yes(connector().capabilities.proxies)
    return f"| {name} | {flows} | {app} | {proxies} | [how to get the credentials]({page}#how-to-get-the-credentials) |"


def _settles(powers: Capabilities) -> Settles | None:
    return None if powers.publish is None else powers.publish.settles


def _text(publish: Publishing) -> str:
    words = f"{publish.max_length:,} {_MEASURES.get(publish.measure, publish.measure)}"
    if publish.max_bytes is not None:
        words += f", {publish.max_bytes:,} bytes"
    if publish.max_caption_length is not None:
        words += f"; {publish.max_caption_length:,} beside media"
    return words + ("; only beside media" if publish.media_required else "")


def _images(limits: ImageLimits | None) -> str:
    if limits is None:
        return "no"
    words = f"{limits.max_count}: {_types(limits.types)}; {_size(limits.max_bytes)}"
    if limits.max_width is not None and limits.max_height is not None:
        words += f"; {limits.max_width:,} × {limits.max_height:,}"
    if limits.min_aspect is not None or limits.max_aspect is not None:
        words += f"; width / height {limits.min_aspect or 0:g} to {limits.max_aspect or 0:g}"
    return words


def _videos(limits: VideoLimits | None) -> str:
    if limits is None:
        return "no"
    words = f"{limits.max_count}: {_types(limits.types)}; {_size(limits.max_bytes)}"
    if limits.max_seconds is not None:
        least = f"{_length(limits.min_seconds)} to" if limits.min_seconds else "up to"
        words += f"; {least} {_length(limits.max_seconds)}"
    return words


def _budgets(publish: Publishing) -> str:
    """What is kept to before the network is called."""
    told = [
        f"{each.posts:,} in {_length(each.period.total_seconds())}" + (" of all accounts" if each.of_network else "")
        for each in publish.budgets
    ]
    return ", ".join(told) or "as the network says"


def _types(types: frozenset[str]) -> str:
    return ", ".join(sorted(each.partition("/")[2] for each in types))


def _size(count: int) -> str:
    for unit, size in (("GiB", 1024**3), ("MiB", 1024**2), ("MB", 1000**2)):
        if count >= size and count % size == 0:
            return f"{count // size:,} {unit}"
    return f"{count:,} bytes"


def _length(seconds: float) -> str:
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


_MESSAGES = [
    "network",
    "text",
    "files",
    "beginning chats",
    "editing",
    "taking back",
    "reactions",
    "forwarding",
    "marks",
]


def _row(cells: Sequence[str]) -> list[str]:
    return [f"| {' | '.join(cells)} |"]


def _messages(powers: Capabilities, sending: Sending) -> list[str]:
    """What a network can do with messages, in the order of `_MESSAGES`."""
    files, reacting = "none", powers.react
    if sending.attachments:
        kinds = ", ".join(sorted(sending.attachments))
        files = f"{sending.max_attachments}: {kinds}; {_size(sending.max_attachment_bytes)}"
    beginning = "no" if powers.start is None else "with one or several" if powers.start.groups else "with one"
    reactions = (
        "no" if reacting is None else "any emoji" if reacting.emojis is None else " ".join(sorted(reacting.emojis))
    )
    if reacting is not None:
        reactions += ", one of each person" if reacting.replaces else ", several of each person"
    marks = ", ".join(sorted(powers.marks)) or "none"
    return [
        f"{sending.max_length:,} characters",
        files,
        beginning,
        "no" if powers.edit is None else _window(powers.edit.window),
        "no" if powers.recall is None else _window(powers.recall.window),
        reactions,
        _yes(powers.forward),
        marks,
    ]


def _window(window: timedelta | None) -> str:
    return "always" if window is None else f"{window.total_seconds() / 60:g} minutes"


def pages() -> dict[str, str]:
    """Every reference page that comes from the code, by its name."""
    dialects = {
        "postpress": POSTPRESS,
        "connectsafely": CONNECTSAFELY,
        "postpost": POSTPOST,
        "native": NATIVE,
    }
    found = {"settings.md": settings(), "networks.md": networks(), "errors.md": catalogues.errors(dialects)}
    found["commands.md"] = commands.page()
    found["tools.md"] = tools.page()
    found["events.md"] = catalogues.events(ROOT / "src" / "postroom" / "domain" / "events.py")
    found["client.md"] = client.page(ROOT / "src" / "postroom_client")
    return found | {f"operations-{name}.md": operations.page(dialect) for name, dialect in dialects.items()}


def main(check: bool) -> int:
    """Write the pages, or say which are out of date; the exit code."""
    late = 0
    for name, text in pages().items():
        page = PAGES / name
        if check and (not page.is_file() or page.read_text() != text):
            sys.stderr.write(f"docs/reference/{name} is out of date: run `make docs`\n")
            late = 1
        elif not check:
            page.write_text(text)
    return late


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
