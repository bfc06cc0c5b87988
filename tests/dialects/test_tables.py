"""What holds for every dialect: each failure of each operation has a status of its page, and the dialect's shape."""

import re

import msgspec
import pytest

from postroom.dialects.operation import Dialect
from postroom.errors import InvalidParameters, Kind, NotFound, PostroomError
from tests.dialects.tables import DIALECTS, all_failures, asked

BY_NAME = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)


def test_every_failure_of_every_operation_has_a_status_of_its_page_and_the_dialects_shape() -> None:
    wrong = []
    for dialect, operation, error, answer in all_failures():
        msgspec.json.decode(answer.body, type=dialect.failure_type)
        if error.kind is not Kind.METHOD and answer.status not in operation.statuses:
            wrong.append((dialect.name, operation.name, type(error).__name__, error.code, error.kind, answer.status))
    assert wrong == []


def test_a_failure_never_looks_like_success_and_a_bug_is_always_a_500() -> None:
    for dialect, operation, error, answer in all_failures():
        assert answer.status >= 400, (dialect.name, operation.name, error)
        if type(error) is PostroomError:
            assert answer.status == 500, (dialect.name, operation.name)


@BY_NAME
def test_every_error_class_stands_in_the_dialects_table(dialect: Dialect) -> None:
    errors = __import__(f"postroom.dialects.{dialect.name}.errors", fromlist=["TABLE"])
    classes = {PostroomError}
    waiting = [PostroomError]
    while waiting:
        below = [each for each in waiting.pop().__subclasses__() if each.__module__ == "postroom.errors"]
        classes |= set(below)
        waiting += below
    assert set(errors.TABLE) == classes


@BY_NAME
def test_unknown_paths_and_wrong_methods_speak_the_dialect(dialect: Dialect) -> None:
    for error, status in (
        (NotFound("No such path.", kind=Kind.ROUTE), 404),
        (InvalidParameters("Not possible.", kind=Kind.METHOD), 405),
        (PostroomError(), 500),
    ):
        answer = dialect.failure(error, None, asked(None))
        assert answer.status == status
        msgspec.json.decode(answer.body, type=dialect.failure_type)


@BY_NAME
def test_operations_are_named_once_described_and_their_path_values_explained(dialect: Dialect) -> None:
    names = [operation.name for operation in dialect.operations]
    assert len(set(names)) == len(names)
    for operation in dialect.operations:
        assert operation.summary.endswith((".", "?")), operation.name
        assert set(re.findall(r"{(\w+)}", operation.path)) == set(operation.path_values), operation.name


@BY_NAME
def test_whatever_changes_something_asks_for_a_scope_of_its_own(dialect: Dialect) -> None:
    careless = [each.name for each in dialect.operations if each.mutates and each.scope in (None, "read")]
    # Its handler asks for the scope of what is undone: tests/dialects/native/test_messages.py.
    assert careless in ([], ["undo_deferral"])
