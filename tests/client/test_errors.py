"""Every failure of our own API is raised by the client in the class of its name."""

import inspect

import httpx
import pytest

from postroom import errors
from postroom.dialects.native.errors import failure
from postroom.dialects.request import Request
from postroom_client import errors as raised

CLASSES = [found for _, found in inspect.getmembers(errors, inspect.isclass) if issubclass(found, errors.PostroomError)]
REQUEST = Request({"method": "POST", "path": "/", "headers": []})
# Their classes say what no caller of ours can tell apart.
NAMES = {"PostroomError": "ServerError", "ProviderError": "ProviderDown"}


def client_error(error: errors.PostroomError, *, changes: bool = True) -> raised.Problem:
    answer = failure(error, None, REQUEST)
    return raised.of_answer(httpx.Response(answer.status, content=answer.body), changes=changes)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_each_class_and_code_of_the_server_is_a_class_of_the_client(kind: type[errors.PostroomError]) -> None:
    for code in kind.codes:
        error = client_error(kind(code=code))
        name = NAMES.get(kind.__name__, kind.__name__)
        assert (type(error).__name__, error.code) == (name, code)
        assert error.in_doubt == (kind in (errors.OutcomeUnknown, errors.PostroomError))
        assert not client_error(kind(code=code), changes=False).in_doubt


def test_what_is_about_keys_and_cursors_has_its_class_by_its_status() -> None:
    for kind in (errors.Kind.KEY_REUSED, errors.Kind.IN_FLIGHT, errors.Kind.PUBLISHING):
        assert type(client_error(errors.Conflict(kind=kind))) is raised.Conflict
    cut_off = errors.Conflict(kind=errors.Kind.CUT_OFF, context={"sent": True})
    assert (type(client_error(cut_off)), client_error(cut_off).in_doubt) == (raised.Conflict, True)
    old = client_error(errors.InvalidParameters(kind=errors.Kind.CURSOR_TOO_OLD, context={"oldest": 17}))
    assert isinstance(old, raised.CursorTooOld)
    assert old.oldest == 17


def test_an_error_says_whether_what_was_asked_may_have_been_done() -> None:
    sent = errors.NotFound(kind=errors.Kind.MESSAGE, context={"sent": True})
    assert client_error(sent).in_doubt
    for status in (502, 503, 504):
        gateway = httpx.Response(status, text="<html>Bad gateway</html>")
        assert raised.of_answer(gateway, changes=True).in_doubt
        assert not raised.of_answer(gateway, changes=False).in_doubt
    assert not client_error(errors.RateLimited()).in_doubt


def test_answers_of_other_dialects_and_of_anybody_else_are_read_by_their_status() -> None:
    theirs = raised.of_answer(httpx.Response(404, json={"error": "Post group not found"}), changes=False)
    assert (type(theirs), theirs.detail) == (raised.NotFound, "Post group not found")
    for status, body in ((418, b"[]"), (400, b"\xff"), (599, b"")):
        found = raised.of_answer(httpx.Response(status, content=body), changes=False)
        assert isinstance(found, raised.ServerError if status > 500 else raised.InvalidParameters)
        assert str(status) in str(found)
