"""Breaks each rule on purpose and sees a test fail.   python tests/mutants/run.py [NAME ...]

A mutant is a unified diff against the repository in tests/mutants/NAME.patch that begins with

    # rule: what the product promises, in a sentence
    # test: a pytest node id, or several divided by spaces

It is applied to a copy of src and tests, where those tests must then fail, and must pass without it. A mutant that
survives, a patch that no longer applies and a test that does not run are failures.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPIED = (
    "src",
    "tests",
    "docs",
    "deploy",
    "examples",
    "requirements",
    "pyproject.toml",
    "README.md",
    "CHANGELOG.md",
    "Makefile",
)

# pytest's exit codes: tests ran and all passed, or some failed. Anything else proves nothing.
ALL_PASSED, SOME_FAILED = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    name: str
    path: Path
    rule: str
    tests: tuple[str, ...]


def read(path: Path) -> Mutant:
    """The mutant of a file; a header that lacks is a ValueError."""
    header = dict(re.findall(r"^# (rule|test): (.+)$", path.read_text(), re.M))
    if header.keys() != {"rule", "test"}:
        raise ValueError(f"{path.name} must begin with '# rule: ...' and '# test: ...'")
    return Mutant(name=path.stem, path=path, rule=header["rule"].strip(), tests=tuple(header["test"].split()))


def copy_tree(to: Path) -> None:
    """What the tests need, and `.parts` by reference."""
    for name in COPIED:
        here = ROOT / name
        if here.is_dir():
            shutil.copytree(here, to / name, ignore=shutil.ignore_patterns("__pycache__", "*.patch"))
        elif here.exists():
            shutil.copy2(here, to / name)
    if (ROOT / ".parts").exists():
        (to / ".parts").symlink_to(ROOT / ".parts")


def run_tests(copy: Path, tests: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """Run these tests on the copy; it comes before the installed package, and whatever else is on the path."""
    path = os.pathsep.join([str(copy / "src"), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider", *tests],
        cwd=copy, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )  # fmt: skip


def judge(mutant: Mutant) -> str | None:
    """Why this mutant counts as a failure, or None where it was caught."""
    with tempfile.TemporaryDirectory(prefix="postroom-mutant-") as folder:
        copy = Path(folder)
        copy_tree(copy)
        applied = subprocess.run(
            ["git", "apply", "-p1", "--whitespace=nowarn", str(mutant.path.resolve())],
            cwd=copy, env={**os.environ, "GIT_CEILING_DIRECTORIES": str(copy.parent)}, capture_output=True, text=True,
        )  # fmt: skip
        if applied.returncode != 0:
            return "the patch no longer applies:\n" + applied.stdout + applied.stderr
        ran = run_tests(copy, mutant.tests)
        if ran.returncode == ALL_PASSED:
            return "it survived: no test of " + " ".join(mutant.tests) + " failed"
        if ran.returncode != SOME_FAILED:
            return f"the tests did not run (pytest said {ran.returncode}):\n" + ran.stdout[-3000:] + ran.stderr[-1000:]
        if "ImportError" in ran.stdout or "SyntaxError" in ran.stdout:
            return "the mutant does not even start:\n" + ran.stdout[-3000:]
    return None


def unbroken(mutants: list[Mutant]) -> str | None:
    """Without a mutant all their tests pass; otherwise a failure shows nothing."""
    tests = tuple(sorted({test for mutant in mutants for test in mutant.tests}))
    with tempfile.TemporaryDirectory(prefix="postroom-mutant-") as folder:
        copy_tree(Path(folder))
        ran = run_tests(Path(folder), tests)
    return None if ran.returncode == ALL_PASSED else ran.stdout[-4000:] + ran.stderr[-1000:]


def main(wanted: list[str]) -> int:
    here = Path(__file__).parent
    mutants = [read(path) for path in sorted(here.glob("*.patch")) if not wanted or path.stem in wanted]
    if missing := set(wanted) - {mutant.name for mutant in mutants}:
        print(f"no such mutant: {' '.join(sorted(missing))}", file=sys.stderr)
        return 1
    if mutants and (why := unbroken(mutants)):
        print(f"the tests fail without any mutant:\n{why}")
        return 1
    failed = 0
    for mutant in mutants:
        began = time.monotonic()
        why = judge(mutant)
        failed += why is not None
        verdict = "caught" if why is None else "FAILED"
        print(f"{verdict}  {time.monotonic() - began:5.1f} s  {mutant.name:36} {mutant.rule}", flush=True)
        if why:
            print("    " + why.replace("\n", "\n    "), flush=True)
    print(f"{len(mutants) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
