from pathlib import Path

import pytest

from tests.mutants import run

HEADER = "# rule: the version is told in one place\n# test: {test}\n"
PATCH = """--- a/src/postroom/__init__.py
+++ b/src/postroom/__init__.py
@@ -1,3 +1,3 @@
 {first}
 {second}
-{third}
+{changed}
"""

KILLER = "tests/house/test_papers.py::test_the_version_has_one_place"
BYSTANDER = "tests/house/test_papers.py::test_the_changelog_has_a_place_for_what_comes"


@pytest.fixture
def lines() -> list[str]:
    return (run.ROOT / "src" / "postroom" / "__init__.py").read_text().splitlines()


def mutant(folder: Path, lines: list[str], *, test: str, third: str | None = None) -> run.Mutant:
    path = folder / "version.patch"
    patch = PATCH.format(first=lines[0], second=lines[1], third=third or lines[2], changed='__version__ = "of late"')
    path.write_text(HEADER.format(test=test) + patch)
    return run.read(path)


def test_a_mutant_that_a_test_notices_is_caught(tmp_path: Path, lines: list[str]) -> None:
    assert run.judge(mutant(tmp_path, lines, test=KILLER)) is None


def test_a_mutant_that_no_test_notices_is_a_failure(tmp_path: Path, lines: list[str]) -> None:
    assert "survived" in (run.judge(mutant(tmp_path, lines, test=BYSTANDER)) or "")


def test_a_patch_that_no_longer_applies_is_a_failure(tmp_path: Path, lines: list[str]) -> None:
    assert "no longer applies" in (run.judge(mutant(tmp_path, lines, test=KILLER, third="gone = True")) or "")


def test_a_test_that_does_not_exist_is_a_failure(tmp_path: Path, lines: list[str]) -> None:
    assert "did not run" in (run.judge(mutant(tmp_path, lines, test="tests/house/test_papers.py::test_gone")) or "")


def test_every_mutant_names_its_rule_and_its_tests() -> None:
    for path in Path(__file__).parent.glob("*.patch"):
        found = run.read(path)
        assert all((run.ROOT / test.partition("::")[0]).exists() for test in found.tests), path.name
