"""ConnectSafely's body for a failure, and which status and code each of our errors has there.

The vendor documents three shapes; the body satisfies all of them, and `error` is always a string. What LinkedIn
answered to a recall is a 400 ("Recall failed on LinkedIn"), whatever it was; so it is for what else is asked of it.

Source: ConnectSafely "Delete (recall) a message" and the overview of its API (2026).
"""

from collections.abc import Sequence

import msgspec

from postroom.dialects.operation import Answer, Operation, class_of
from postroom.dialects.request import Request
from postroom.errors import (
    ActionRequired,
    Conflict,
    CredentialsRejected,
    InvalidParameters,
    Kind,
    LoginFailed,
    NoSession,
    NotAuthenticated,
    NotFound,
    NotImplementedHere,
    NotPermitted,
    NotSupported,
    OutcomeUnknown,
    PostroomError,
    ProviderDown,
    ProviderError,
    ProxyRefused,
    RateLimited,
    Refused,
    Unavailable,
    Unprocessable,
)


class Error(msgspec.Struct, kw_only=True):
    """Every failure. `code` is stable; `error` and `message` are the same sentence."""

    error: str
    success: bool = False
    code: str
    message: str


RECALL = "recall_refused"
"""LinkedIn said no to a recall; to anything else it is `refused`."""

# Class to statuses, the first that the page lists is taken, and the code.
TABLE: dict[type[PostroomError], tuple[Sequence[int], str]] = {
    InvalidParameters: ((400,), "validation_error"),
    NotAuthenticated: ((401,), "unauthorized"),
    # The pages list no 403; the overview does.
    NotPermitted: ((403, 401), "forbidden"),
    NotFound: ((404,), "not_found"),
    Conflict: ((409,), "idempotency_conflict"),
    NotImplementedHere: ((501, 400), "not_implemented"),
    Unavailable: ((503, 500), "unavailable"),
    NoSession: ((503, 500), "no_session"),
    ProviderError: ((400,), "provider_error"),
    NotSupported: ((400,), "unsupported_channel"),
    Refused: ((400,), RECALL),
    Unprocessable: ((400,), RECALL),
    CredentialsRejected: ((400,), "account_disconnected"),
    ActionRequired: ((400,), "action_required"),
    ProxyRefused: ((400,), "proxy_refused"),
    LoginFailed: ((400,), "login_failed"),
    RateLimited: ((429,), "rate_limited"),
    ProviderDown: ((400,), "network_unavailable"),
    OutcomeUnknown: ((500,), "outcome_unknown"),
    PostroomError: ((500,), "server_error"),
}

BY_KIND: dict[tuple[type[PostroomError], Kind], tuple[Sequence[int], str]] = {
    (NotFound, Kind.ACCOUNT): ((404,), "account_not_found"),
    (NotFound, Kind.CHAT): ((404,), "conversation_not_found"),
    (NotFound, Kind.MESSAGE): ((404,), "message_not_found"),
    (NotFound, Kind.ATTENDEE): ((404,), "profile_not_found"),
    (NotFound, Kind.ATTACHMENT): ((404,), "media_not_found"),
    (NotSupported, Kind.NO_RECALL): ((400,), RECALL),
    (Refused, Kind.WINDOW_EXPIRED): ((400,), "recall_window_expired"),
    (Refused, Kind.NOT_OWN): ((400,), "not_message_owner"),
    (InvalidParameters, Kind.METHOD): ((405,), "method_not_allowed"),
    (Conflict, Kind.KEY_REUSED): ((422,), "idempotency_conflict"),
    (Conflict, Kind.CUT_OFF): ((409,), "outcome_unknown"),
}

# Sentences of the vendor's own.
SENTENCES = {"account_not_found": "Account not found"}


def failure(error: PostroomError, operation: Operation | None, request: Request) -> Answer:
    """The answer to a failure."""
    kind = class_of(error)
    statuses, code = BY_KIND.get((kind, error.kind)) or TABLE[kind]
    if code == RECALL and operation is not None and operation.name != "recall_message":
        code = "refused"
    status = statuses[0]
    if operation is not None:
        status = next((each for each in statuses if each in operation.statuses or each == 405), 500)
    sentence = SENTENCES.get(code, error.detail)
    return Answer(status, msgspec.json.encode(Error(error=sentence, code=code, message=sentence)))
