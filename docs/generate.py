"""Writes the reference pages that come from the code; `--check` only says whether they are up to date."""

import ast
import inspect
import sys
from pathlib import Path

import msgspec

from postroom.connectors.registry import settings_types

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs" / "reference"


def settings() -> str:
    """Every setting with its default and its own words, in the order of `settings.py`."""
    module = ast.parse((ROOT / "src" / "postroom" / "settings.py").read_text())
    found = next(node for node in module.body if isinstance(node, ast.ClassDef) and node.name == "Settings")
    lines = [
        "# Settings",
        "",
        "From the environment, or (without the prefix, in lower case) from `postroom.toml` in the working folder, or from",
        "the file that `POSTROOM_SETTINGS` names. The command line wins over the environment, the environment over the",
        "file. A list is written with commas in the environment. A wrong value is one line on standard error, and no start.",
        "",
        "| setting | default | meaning |",
        "|---|---|---|",
    ]
    for field, text in zip(found.body, found.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            assert isinstance(field.target, ast.Name)
            assert field.value is not None
            default = ast.unparse(field.value).replace("Path(", "").replace(")", "").strip("'\"(") or "empty"
            lines.append(f"| `POSTROOM_{field.target.id.upper()}` | {default} | {text.value.value} |")
    lines += [
        "",
        "## Networks",
        "",
        "In `postroom.toml` under `[providers.<network>]`.",
        "",
        "| setting | default | meaning |",
        "|---|---|---|",
    ]
    for name, kind in sorted(settings_types().items()):
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


def main(check: bool) -> int:
    """Write the pages, or say which are out of date; the exit code."""
    late = 0
    for name, text in {"settings.md": settings()}.items():
        page = PAGES / name
        if check and (not page.is_file() or page.read_text() != text):
            sys.stderr.write(f"docs/reference/{name} is out of date: run `make docs`\n")
            late = 1
        elif not check:
            page.write_text(text)
    return late


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
