"""Builds the docs site from the pages of the repository: `python docs/site/build.py [FOLDER]`, build/site if not said.

Pages are written to be read where they lie. Here they are gathered into one tree, links to what is no page of the site
become plain names, and files that a page includes are shown in it. A warning is an error: dead links and anchors too.
"""

import re
import shutil
import sys
import tomllib
from pathlib import Path

from sphinx.cmd.build import build_main

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
HOME = ROOT / "docs" / "index.md"
_LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\((?!https?:|mailto:|#)([^)\s]+)\)")
_INCLUDE = re.compile(r"^<!-- include: (\S+) as (\w+) -->$", re.M)
_REMARK = re.compile(r"^ *<!-- (?!include).*-->\n", re.M)
_CODE = re.compile(r"^```.*?^```$", re.M | re.S)
_LANGUAGES = {"env": "ini", "systemd": "ini", "caddy": "text", "mermaid": "text"}


def contents() -> list[dict]:
    """The sections of `contents.toml`, their patterns resolved."""
    found = tomllib.loads((HERE / "contents.toml").read_text())["section"]
    for section in found:
        section["below"] = {
            page: sorted(str(each.relative_to(ROOT)) for each in ROOT.glob(pattern))
            for page, pattern in section.get("below", {}).items()
        }
    return found


def pages() -> dict[Path, str]:
    """Every page of the site: the file that it is, and where it stands."""
    named = [Path(each) for section in contents() for each in section["pages"]]
    named += [Path(each) for section in contents() for below in section["below"].values() for each in below]
    return {HOME: "index.md"} | {ROOT / path: _place(path) for path in named}


def _place(path: Path) -> str:
    if path.parts[0] == "docs":
        return path.relative_to("docs").as_posix().replace("README.md", "index.md")
    if "connectors" in path.parts:
        return f"networks/{path.parent.name}.md"
    return {"postroom_sim": "simulated-networks.md", "examples": "examples.md"}.get(path.parent.name, path.name.lower())


def gather(to: Path) -> None:
    """Write all pages below `to`, as the site has them."""
    every = pages()
    declared = _declared()
    for page, place in every.items():
        text = _REMARK.sub("", page.read_text())
        text = _INCLUDE.sub(lambda found, page=page: _included(page, found[1], found[2]), text)
        text = _outside_code(text, lambda part, page=page, place=place: _linked(part, page, place, every))
        for told, known in _LANGUAGES.items():
            text = re.sub(rf"^```{told}$", f"```{known}", text, flags=re.M)
        if len(re.findall(r"^# ", re.sub(_CODE, "", text), re.M)) > 1:
            # A page has one title; what its file has beside it are parts.
            head, rest = text.split("\n", 1)
            text = f"{head}\n" + _outside_code(rest, lambda part: re.sub(r"^#", "##", part, flags=re.M))
        if page == HOME:
            text += _sidebar()
        text += "".join(_tree(below) for each in contents() for at, below in each["below"].items() if ROOT / at == page)
        if "connectors" in page.parts:
            text += declared.get(page.parent.name, "")
        (to / place).parent.mkdir(parents=True, exist_ok=True)
        (to / place).write_text(text)


def _outside_code(text: str, change) -> str:
    parts = re.split(f"({_CODE.pattern})", text, flags=re.M | re.S)
    return "".join(part if part.startswith("```") else change(part) for part in parts)


def _linked(text: str, page: Path, place: str, every: dict[Path, str]) -> str:
    def link(found: re.Match) -> str:
        words, target = found[1], found[2]
        name, _, anchor = target.partition("#")
        aim = every.get((page.parent / name).resolve())
        if aim is None:
            return words if words.startswith("`") or " " in words else f"`{words}`"
        up = "../" * place.count("/")
        return f"[{words}]({up}{aim}{'#' + anchor if anchor else ''})"

    return _LINK.sub(link, text)


def _included(page: Path, name: str, language: str) -> str:
    return f"```{language}\n{(page.parent / name).read_text()}```"


def _declared() -> dict[str, str]:
    """What `reference/networks.md` has of each network, to stand on the network's own page."""
    found: dict[str, str] = {}
    for part in re.split(r"^## ", (ROOT / "docs" / "reference" / "networks.md").read_text(), flags=re.M)[1:]:
        rows = [[cell.strip() for cell in row[1:-1].split("|")] for row in re.findall(r"^\|.*\|$", part, re.M)]
        if rows and rows[0][0] == "network" and part.startswith(("Posts", "Messages")):
            for row in rows[2:]:
                told = "".join(f"| {name} | {cell} |\n" for name, cell in zip(rows[0][1:], row[1:], strict=True))
                title = part.splitlines()[0]
                found[row[0]] = found.get(row[0], "\n## What the server keeps to\n") + (
                    f"\n| {title} | |\n|---|---|\n{told}"
                )
    return found


def _sidebar() -> str:
    return "".join(_tree(section["pages"], section["title"]) for section in contents())


def _tree(named: list[str], title: str = "") -> str:
    # Names begin at the top of the tree, wherever the list stands.
    entries = "\n".join("/" + _place(Path(each)).removesuffix(".md") for each in named)
    caption = f":caption: {title}\n" if title else ""
    return f"\n```{{toctree}}\n:hidden:\n{caption}\n{entries}\n```\n"


def mend(site: Path) -> None:
    """What readers of screens and keyboards miss in the theme: levels of headings, blocks that can be scrolled by key."""
    for page in site.rglob("*.html"):
        text = page.read_text()
        text = text.replace('class="caption" role="heading"', 'class="caption" role="heading" aria-level="2"')
        text = text.replace('<div class="highlight"><pre>', '<div class="highlight"><pre tabindex="0">')
        page.write_text(text)


def main(to: Path) -> int:
    """Build the site; the exit code."""
    source = to.with_name(to.name + "-pages")
    for each in (source, to):
        shutil.rmtree(each, ignore_errors=True)
    gather(source)
    options = [
        "--fail-on-warning",
        "--keep-going",
        "--nitpicky",
        "--quiet",
        "-c",
        str(HERE),
        "-d",
        str(source / ".made"),
    ]
    code = build_main([*options, "-b", "dirhtml", str(source), str(to)])
    if code == 0:
        mend(to)
        sys.stdout.write(f"The site is in {to}: python3 -m http.server -d {to}\n")
    return code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "site").resolve()))
