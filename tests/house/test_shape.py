"""The shape of the tree: sizes, names, floors."""

import ast
import tomllib
from pathlib import Path

import pytest

from tests.house.tree import ROOT, SERVER, SRC, is_built, must_exist, source, sources

MOST_LINES = 500
MOST_LINES_OF_AN_OPERATION = 15
NAMES_THAT_SAY_NOTHING = {"utils", "util", "common", "base", "helper", "helpers", "manager", "managers", "misc"}

FLOORS = ["domain", "store", "connectors", "services", "dialects", "web", "errors.py", "ids.py", "clock.py", "logs.py"]
FLOORS += ["settings.py", "worker.py", "cli", "__main__.py"]


@pytest.mark.parametrize("floor", FLOORS)
def test_a_built_house_has_all_its_floors(floor: str) -> None:
    must_exist(SERVER / floor)


def test_no_file_is_longer_than_the_ceiling() -> None:
    lengths = {found.name: len(found.text.splitlines()) for found in sources(SRC)}
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}


def test_no_module_has_a_name_that_says_nothing() -> None:
    parts = {part.removesuffix(".py") for path in SRC.rglob("*") for part in path.relative_to(SRC).parts}
    assert parts & NAMES_THAT_SAY_NOTHING == set()


def test_an_operation_of_a_dialect_is_short() -> None:
    """It resolves the caller, calls one service method and renders; whatever is longer belongs to a service."""
    if not must_exist(SERVER / "dialects"):
        return
    operations = sources(SERVER / "dialects", "*/operations*.py")
    assert operations or not is_built()
    long = {}
    for found in operations:
        for function in found.functions():
            body = function.body[1:] if ast.get_docstring(function) else function.body
            lines = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
            if lines >= MOST_LINES_OF_AN_OPERATION:
                long[f"{found.name}: {function.name}"] = lines
    assert long == {}


def test_every_dialect_is_three_files() -> None:
    if not must_exist(SERVER / "dialects"):
        return
    for folder in _folders(SERVER / "dialects"):
        present = {path.stem for path in folder.glob("*.py")}
        begun = present != {"__init__"}
        assert not (begun and is_built()) or {"operations", "wire", "errors"} <= present, folder
        assert begun or not is_built(), f"{folder} is empty"


def test_settings_know_the_ground_only() -> None:
    if not must_exist(SERVER / "settings.py"):
        return
    known = {name for name in _imported(SERVER / "settings.py") if name.startswith("postroom")}
    assert known <= {f"postroom.{name}" for name in ("errors", "ids", "clock", "logs")}


def test_every_service_has_its_place_in_the_order_of_services() -> None:
    """An import contract of pyproject.toml orders them; one that it does not name could import upward."""
    if not must_exist(SERVER / "services"):
        return
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    order = next(contract for contract in contracts if contract["name"].startswith("inside services"))
    named = " ".join(order["layers"])
    modules = [found.path.stem for found in sources(SERVER / "services") if found.path.stem != "__init__"]
    assert [name for name in modules if f"postroom.services.{name})" not in named] == []


def test_services_store_and_domain_know_no_network_by_name() -> None:
    if not must_exist(SERVER / "connectors"):
        return
    networks = {folder.name for folder in _folders(SERVER / "connectors")}
    named = [
        f"{found.name}:{text.lineno} {text.value}"
        for floor in ("services", "store", "domain")
        for found in sources(SERVER / floor)
        for text in found.strings()
        if text.value in networks
    ]
    assert named == []


def _folders(home: Path) -> list[Path]:
    return [path for path in sorted(home.iterdir()) if path.is_dir() and (path / "__init__.py").exists()]


def _imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(source(path).tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "postroom":
            names |= {f"postroom.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def test_no_two_steps_of_the_schema_have_the_same_number() -> None:
    numbers = [file.name[:4] for file in (SERVER / "store" / "schema").glob("[0-9]*.sql")]
    assert sorted(set(numbers)) == sorted(numbers)
