"""The repository as the house tests see it: files, syntax trees, and how far it is built."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"
SERVER = SRC / "postroom"


@dataclass(frozen=True, slots=True)
class Source:
    """One Python file, parsed."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """Its path in the repository."""
        return self.path.relative_to(ROOT).as_posix()

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Every function and method, inner ones too."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node

    def strings(self) -> Iterator[ast.Constant]:
        """Every text in the code that is not a docstring or a line of its own."""
        prose = {id(node.value) for node in ast.walk(self.tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
                yield node


@cache
def source(path: Path) -> Source:
    text = path.read_text()
    return Source(path, text, ast.parse(text, str(path)))


def sources(folder: Path, pattern: str = "**/*.py") -> list[Source]:
    return [source(path) for path in sorted(folder.glob(pattern))]


def is_built() -> bool:
    """Whether the floors are put together. From then on what a rule speaks of must exist."""
    return (SERVER / "app.py").exists()


def must_exist(path: Path) -> bool:
    """Whether there is something to look at. A young tree may lack it; a built one may not."""
    if not path.exists():
        assert not is_built(), f"{path.relative_to(ROOT)} is gone, or was renamed: the rule about it must follow"
        return False
    return True


def committed() -> list[Path]:
    """The files that git knows, and those it would take."""
    told = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    return [ROOT / name for name in told.stdout.split("\0") if name and (ROOT / name).is_file()]


def called(node: ast.AST) -> str:
    """The last part of a dotted name: `errors.NotFound(...)` is NotFound."""
    if isinstance(node, ast.Call):
        return called(node.func)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
