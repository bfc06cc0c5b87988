"""The code blocks of a page, and what is done with each.

A page is run from its first block to its last, in one folder and against one sandbox server of its own:

- `sh` goes into one shell, in order; what it names as 127.0.0.1:8010 and :8011 is the page's own server, and :9900 to
  :9909 are free ports.
- A block after a line that is only a name and a colon, as in "`hooks.py`:", is a file of that name.
- `python` is executed, with the shell's variables in its environment.
- `json` after `sh` is what that printed last: the same names and values, but for ids, secrets, moments and ports.
- `text` after `sh` are lines that it printed, likewise.
- `toml` and `env` are settings of ours; other formats are read by what reads them (`formats.py`).

`<!-- not run: why -->` before a block excuses it, and is to be rare: the block is still read (`checked.py`).
"""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^( *)(`{3,})([\w+-]*)[^`]*$")
_EXCUSE = re.compile(r"^ *<!-- not run: (.+) -->$")
_NAMED = re.compile(r"^ *`([\w./-]+)`:$")


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    page: Path
    line: int
    language: str
    text: str
    file: str | None
    """The file that it is, where the page says so."""
    excuse: str | None
    """Why it is not run."""

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """Every page whose blocks hold: all READMEs, and all of docs/ but the decisions."""
    found = sorted(path for path in (ROOT / "docs").rglob("*.md") if "decisions" not in path.parts)
    beside = [ROOT / "README.md", ROOT / "examples" / "README.md"]
    return [*beside, *found, *sorted((ROOT / "src").rglob("README.md"))]


def blocks(page: Path) -> list[Block]:
    """The page's blocks, in order."""
    found: list[Block] = []
    before = ["", ""]
    opened: tuple[int, str, str, int, list[str]] | None = None
    for number, line in enumerate(page.read_text().splitlines(), 1):
        fence = _FENCE.match(line)
        if opened is None:
            if fence:
                opened = (number, fence[3], fence[2], len(fence[1]), [])
            elif line.strip():
                before = [before[1], line]
            continue
        start, language, ticks, indent, lines = opened
        if fence and fence[2] == ticks and not fence[3]:
            excuse, named = _EXCUSE.match(before[1]), _NAMED.match(before[1])
            named = named or _NAMED.match(before[0]) if excuse else named
            text = "".join(f"{each}\n" for each in lines)
            found.append(Block(page, start, language, text, named[1] if named else None, excuse[1] if excuse else None))
            opened, before = None, ["", ""]
        else:
            lines.append(line[indent:] if line[:indent].isspace() else line)
    assert opened is None, f"{page}: the last block does not end"
    return found
