"""How errors travel, and that the product does not know that it is tested."""

import ast
import re

import pytest

from tests.house.tree import ROOT, SERVER, SRC, called, must_exist, source, sources

# Who may catch everything, and why. Anyone else names what it expects.
CATCHES_EVERYTHING = {
    "src/postroom/worker.py": "the job boundary: a job that fails in an unknown way is recorded, and the next one runs",
    "src/postroom/services/listeners.py": "a listener that fell in an unknown way is started again, with backoff",
    "src/postroom/serve.py": "the worker and the listeners are started again, whatever stopped them: a database away",
    "src/postroom/connectors/whatsapp/child.py": "a process of its own, whose library raises what it likes: the server is told",
    "src/postroom/store/sqlite.py": "rows of several are read together: who asked hears what failed, and waits no more",
    "src/postroom/web/dashboard/site.py": "the last handler of the pages: a bug is answered in words, and logged",
    "src/postroom/cli/__init__.py": "what is no bug is a line and an exit code, whoever raised it; a bug is raised on",
    "src/postroom/dialects/operation.py": "the last handler of every dialect: a bug is answered in the dialect's shape",
}

KNOWS_IT_IS_TESTED = re.compile(
    r"PYTEST|\bTESTING\b|\bunittest\b|\bpytest\b|\bmonkeypatch\b|\bMock\(|IS_TEST\b|\bin_tests?\b"
)


def test_services_raise_our_own_errors_only() -> None:
    if not must_exist(SERVER / "services") or not must_exist(SERVER / "errors.py"):
        return
    ours = {node.name for node in ast.walk(source(SERVER / "errors.py").tree) if isinstance(node, ast.ClassDef)}
    foreign = []
    for found in sources(SERVER / "services"):
        for node in ast.walk(found.tree):
            # A bare `raise`, and raising a caught or kept error again by its variable, hand on what came.
            if not isinstance(node, ast.Raise) or node.exc is None:
                continue
            name = called(node.exc)
            if (isinstance(node.exc, ast.Call) or name[:1].isupper()) and name not in ours:
                foreign.append(f"{found.name}:{node.lineno} {name}")
    assert foreign == []


def test_nobody_catches_everything_but_those_who_must() -> None:
    catching = set()
    for found in sources(SERVER):
        for node in ast.walk(found.tree):
            if isinstance(node, ast.ExceptHandler) and _is_everything(node.type) and not _hands_on(node):
                catching.add(found.name)
            if isinstance(node, ast.Call) and called(node) == "suppress" and any(map(_is_everything, node.args)):
                catching.add(found.name)
    assert catching <= CATCHES_EVERYTHING.keys()


@pytest.mark.parametrize("name", CATCHES_EVERYTHING)
def test_whoever_may_catch_everything_exists(name: str) -> None:
    must_exist(ROOT / name)


def test_the_product_does_not_know_that_it_is_tested() -> None:
    knowing = [
        f"{found.name}: {match.group()}" for found in sources(SRC) for match in KNOWS_IT_IS_TESTED.finditer(found.text)
    ]
    assert knowing == []


def test_files_of_the_store_are_opened_through_one_sqlite_library() -> None:
    """Of two in one process, one that closes a file takes the other's locks on it. WhatsApp's session is in another process."""
    importing = {
        found.name
        for found in sources(SERVER)
        for node in ast.walk(found.tree)
        if (isinstance(node, ast.Import) and any(each.name == "sqlite3" for each in node.names))
        or (isinstance(node, ast.ImportFrom) and node.module == "sqlite3")
    }
    assert importing == {"src/postroom/connectors/whatsapp/vault.py"}


def test_no_test_is_skipped() -> None:
    """What cannot be set up fails loudly; a test that cannot run yet is not written yet."""
    skipping = [
        f"{found.name}:{node.lineno}"
        for found in sources(ROOT / "tests")
        for node in ast.walk(found.tree)
        if isinstance(node, ast.Attribute) and node.attr in ("skip", "skipif", "importorskip", "xfail")
    ]
    assert skipping == []


def _hands_on(handler: ast.ExceptHandler) -> bool:
    """Whether it cleans up and raises again what came: that catches nothing."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def _is_everything(caught: ast.expr | None) -> bool:
    if isinstance(caught, ast.Tuple):
        return any(_is_everything(each) for each in caught.elts)
    return caught is None or called(caught) in ("Exception", "BaseException")
