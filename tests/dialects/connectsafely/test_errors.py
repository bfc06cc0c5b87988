"""ConnectSafely's failures: what LinkedIn said is a 400, and `code` tells one from the other."""

import pytest

from postroom.dialects.connectsafely.operations import DIALECT
from postroom.errors import (
    ActionRequired,
    CredentialsRejected,
    InvalidParameters,
    Kind,
    NotAuthenticated,
    NotFound,
    NotImplementedHere,
    NotPermitted,
    NotSupported,
    OutcomeUnknown,
    PostroomError,
    ProviderDown,
    RateLimited,
    Refused,
    Unavailable,
)
from tests.dialects.tables import worded


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InvalidParameters(kind=Kind.URN), 400, "validation_error"),
        (Refused(kind=Kind.WINDOW_EXPIRED), 400, "recall_window_expired"),
        (Refused(kind=Kind.NOT_OWN), 400, "not_message_owner"),
        (Refused(kind=Kind.RECALL_REFUSED), 400, "recall_refused"),
        (Refused(kind=Kind.WRONG_CHAT), 400, "recall_refused"),
        (NotSupported(), 400, "unsupported_channel"),
        (NotSupported(kind=Kind.NO_RECALL), 400, "recall_refused"),
        (CredentialsRejected(), 400, "account_disconnected"),
        (ActionRequired(), 400, "action_required"),
        (ProviderDown(), 400, "network_unavailable"),
        (NotImplementedHere(), 400, "not_implemented"),
        (NotAuthenticated(), 401, "unauthorized"),
        (NotPermitted(), 401, "forbidden"),
        (NotFound(kind=Kind.ACCOUNT), 404, "account_not_found"),
        (NotFound(kind=Kind.CHAT), 404, "conversation_not_found"),
        (OutcomeUnknown(), 500, "outcome_unknown"),
        (Unavailable(), 500, "unavailable"),
        (PostroomError(), 500, "server_error"),
        (RateLimited(), 429, "rate_limited"),
    ],
)
def test_a_recall_that_fails_says_which_way(error: PostroomError, status: int, code: str) -> None:
    found, body = worded(DIALECT, "recall_message", error)
    assert (found, body["code"], body["success"]) == (status, code, False)
    assert isinstance(body["error"], str)
    assert body["error"] == body["message"] != ""


def test_the_account_that_is_not_there_is_said_in_the_vendors_words() -> None:
    _, body = worded(DIALECT, "recall_message", NotFound("No acc_1 here.", kind=Kind.ACCOUNT))
    assert body["error"] == "Account not found"
