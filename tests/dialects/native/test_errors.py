"""Our own failures: problem details."""

import pytest

from postroom.dialects.native.operations import DIALECT
from postroom.errors import (
    CredentialsRejected,
    ErrorCode,
    InvalidParameters,
    Kind,
    NotAuthenticated,
    OutcomeUnknown,
    PostroomError,
    ProviderDown,
)
from tests.dialects.tables import asked, worded


@pytest.mark.parametrize(
    ("name", "error", "status", "code"),
    [
        ("create_key", InvalidParameters(code=ErrorCode.CONTENT_TOO_LARGE), 413, "content_too_large"),
        ("create_key", InvalidParameters(code=ErrorCode.UNSUPPORTED_MEDIA_TYPE), 415, "unsupported_media_type"),
        ("list_keys", NotAuthenticated(code=ErrorCode.INSUFFICIENT_PRIVILEGES), 403, "insufficient_privileges"),
        ("answer_link", CredentialsRejected(), 409, "disconnected_account"),
        ("answer_link", ProviderDown(), 502, "provider_error"),
        ("answer_link", OutcomeUnknown(), 504, "request_timeout"),
        ("list_events", InvalidParameters(kind=Kind.CURSOR_TOO_OLD), 410, "cursor_too_old"),
    ],
)
def test_the_status_says_whose_turn_it_is(name: str, error: PostroomError, status: int, code: str) -> None:
    found, body = worded(DIALECT, name, error)
    assert (found, body["status"], body["code"]) == (status, status, code)
    assert body["instance"] == "req-1"


def test_it_is_a_problem_by_its_content_type() -> None:
    assert DIALECT.failure(PostroomError(), None, asked(None)).content_type == b"application/problem+json"


def test_a_cursor_that_is_too_old_says_where_the_log_begins() -> None:
    error = InvalidParameters(kind=Kind.CURSOR_TOO_OLD, context={"oldest": 17})
    assert worded(DIALECT, "list_events", error)[1]["context"] == {"oldest": 17}
