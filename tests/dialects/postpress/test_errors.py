"""PostPress's failures: the three seed pages list exactly what is answered there."""

import pytest

from postroom.dialects.openapi import failures
from postroom.dialects.postpress.operations import DIALECT
from postroom.errors import (
    Conflict,
    ErrorCode,
    InvalidParameters,
    Kind,
    NotPermitted,
    NotSupported,
    OutcomeUnknown,
    PostroomError,
    RateLimited,
    Refused,
    Unprocessable,
)
from tests.dialects.tables import worded

# The pages "Retrieve a message", "Delete a message" and "Delete an account" (May 2026).
T401 = {
    "missing_credentials",
    "multiple_sessions",
    "invalid_checkpoint_solution",
    "invalid_proxy_credentials",
    "checkpoint_error",
    "invalid_credentials",
    "expired_credentials",
    "insufficient_privileges",
    "disconnected_account",
    "disconnected_feature",
    "invalid_credentials_but_valid_account_imap",
    "expired_link",
    "wrong_account",
}
T403 = {
    "account_restricted",
    "account_mismatch",
    "insufficient_permissions",
    "session_mismatch",
    "feature_not_subscribed",
    "subscription_required",
    "unknown_authentication_context",
    "action_required",
    "resource_access_restricted",
}
T404 = {"resource_not_found", "invalid_resource_identifier"}
T400 = {
    "invalid_parameters",
    "missing_parameters",
    "malformed_request",
    "content_too_large",
    "invalid_url",
    "too_many_characters",
    "unescaped_characters",
    "limit_too_high",
}
T500 = {"unexpected_error", "provider_error", "authentication_intent_error"}
T503 = {"no_client_session", "no_channel", "no_handler", "network_down", "service_unavailable"}
MESSAGE = {401: T401, 403: T403, 404: T404, 500: T500, 503: T503, 504: {"request_timeout"}}
UNLINK = {400: T400, 401: T401, 404: T404, 500: T500, 503: T503, 504: {"request_timeout"}}


@pytest.mark.parametrize(
    ("name", "listed"), [("retrieve_message", MESSAGE), ("delete_message", MESSAGE), ("delete_account", UNLINK)]
)
def test_the_seed_pages_list_exactly_what_is_answered(name: str, listed: dict[int, set[str]]) -> None:
    operation = next(each for each in DIALECT.operations if each.name == name)
    found = {
        status: {word.removeprefix("errors/") for word in words}
        for status, words in failures(DIALECT, operation).items()
    }
    ours = {429, 409, 422}
    assert {status: words for status, words in found.items() if status not in ours} == listed


@pytest.mark.parametrize(
    ("name", "error", "status", "slug"),
    [
        ("delete_message", Refused(kind=Kind.WINDOW_EXPIRED), 403, "insufficient_permissions"),
        ("delete_message", Refused(code=ErrorCode.MALFORMED_REQUEST), 403, "insufficient_permissions"),
        ("delete_account", Refused(code=ErrorCode.MALFORMED_REQUEST), 400, "malformed_request"),
        ("delete_message", NotSupported(kind=Kind.NO_RECALL), 403, "account_mismatch"),
        ("delete_message", Unprocessable(), 403, "insufficient_permissions"),
        ("send_message", Unprocessable(code=ErrorCode.INVALID_RECIPIENT), 422, "invalid_recipient"),
        ("delete_message", OutcomeUnknown(), 504, "request_timeout"),
        ("delete_message", OutcomeUnknown(code=ErrorCode.PROVIDER_ERROR), 500, "provider_error"),
        ("delete_message", RateLimited(), 429, "too_many_requests"),
        ("delete_account", NotPermitted(), 401, "insufficient_privileges"),
        ("retrieve_message", InvalidParameters(), 404, "invalid_resource_identifier"),
        ("send_message", InvalidParameters(), 422, "unprocessable_entity"),
        ("send_message", InvalidParameters(code=ErrorCode.UNSUPPORTED_MEDIA_TYPE), 415, "unsupported_media_type"),
        ("connect_account", InvalidParameters(code=ErrorCode.UNSUPPORTED_MEDIA_TYPE), 400, "invalid_parameters"),
        ("list_messages", InvalidParameters(code=ErrorCode.LIMIT_TOO_HIGH), 400, "limit_too_high"),
        ("delete_message", Conflict(kind=Kind.IN_FLIGHT), 409, "invalid_parameters"),
        ("delete_message", Conflict(kind=Kind.KEY_REUSED), 422, "unprocessable_entity"),
    ],
)
def test_what_is_not_on_the_page_becomes_the_nearest_that_is(
    name: str, error: PostroomError, status: int, slug: str
) -> None:
    found, body = worded(DIALECT, name, error)
    assert (found, body["type"]) == (status, f"errors/{slug}")


def test_the_envelope_is_the_pages() -> None:
    status, body = worded(DIALECT, "delete_message", Refused("Too late."))
    assert status == 403
    assert body == {
        "title": "Insufficient permissions",
        "detail": "Too late.",
        "instance": "req-1",
        "type": "errors/insufficient_permissions",
        "status": 403,
    }
