"""The docs site: built as `make site` builds it, whole, and loading nothing from anywhere else."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.parts]

CONTENTS = tomllib.loads((ROOT / "docs" / "site" / "contents.toml").read_text())["section"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built without a warning: a dead link or anchor is one."""
    folder = tmp_path_factory.mktemp("built") / "site"
    built = subprocess.run(
        [ROOT / ".parts" / "docs" / "bin" / "python", ROOT / "docs" / "site" / "build.py", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (built.returncode, built.stderr) == (0, ""), built.stdout + built.stderr
    return folder


def test_every_page_of_docs_is_in_the_sites_contents() -> None:
    named = {page for section in CONTENTS for page in section["pages"]} | {"docs/index.md"}
    every = {str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")}
    every |= {str(path.relative_to(ROOT)) for path in (ROOT / "src" / "postroom" / "connectors").glob("*/README.md")}
    below = {name for name in every if re.match(r"docs/decisions/\d", name)}
    assert sorted(every - below - named) == []


def test_the_sites_pages_load_nothing_from_other_hosts(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 40
    loaded = re.compile(r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"(?:https?:)?//|<link\b[^>]*href=\"(?:https?:)?//")
    assert [page.name for page in pages if loaded.search(page.read_text())] == []
    for style in site.rglob("*.css"):
        assert not re.search(r"@import|url\(\s*['\"]?(?:https?:)?//", style.read_text()), style.name


def test_what_a_page_includes_is_shown_and_what_excuses_a_block_is_not(site: Path) -> None:
    pages = "".join(page.read_text() for page in site.rglob("*.html"))
    assert "not run:" not in pages
    assert "<!-- include" not in pages
