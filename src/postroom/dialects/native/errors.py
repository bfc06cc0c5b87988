"""Problem details (RFC 9457) for our own API: `type` and `code` are stable, `detail` says what happened."""

from typing import Any

import msgspec

from postroom.dialects.operation import Answer, Operation, class_of
from postroom.dialects.request import Request
from postroom.errors import (
    ActionRequired,
    Conflict,
    CredentialsRejected,
    ErrorCode,
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


class Problem(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Every failure. `instance` is the id of the request."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    context: dict[str, Any] = {}


TABLE: dict[type[PostroomError], int] = {
    InvalidParameters: 400,
    NotAuthenticated: 401,
    NotPermitted: 403,
    NotFound: 404,
    Conflict: 409,
    NotImplementedHere: 501,
    Unavailable: 503,
    NoSession: 503,
    ProviderError: 502,
    NotSupported: 422,
    Refused: 422,
    Unprocessable: 422,
    CredentialsRejected: 409,
    ActionRequired: 409,
    ProxyRefused: 409,
    LoginFailed: 422,
    RateLimited: 429,
    ProviderDown: 502,
    OutcomeUnknown: 504,
    PostroomError: 500,
}

BY_CODE: dict[tuple[type[PostroomError], ErrorCode], int] = {
    (InvalidParameters, ErrorCode.CONTENT_TOO_LARGE): 413,
    (InvalidParameters, ErrorCode.UNSUPPORTED_MEDIA_TYPE): 415,
    (NotAuthenticated, ErrorCode.INSUFFICIENT_PRIVILEGES): 403,
}

BY_KIND: dict[tuple[type[PostroomError], Kind], int] = {
    (InvalidParameters, Kind.METHOD): 405,
    (InvalidParameters, Kind.CURSOR_TOO_OLD): 410,
    (Conflict, Kind.KEY_REUSED): 422,
    (LoginFailed, Kind.LINK_RUNNING): 409,
    (LoginFailed, Kind.LINK_SUPERSEDED): 409,
}


def failure(error: PostroomError, operation: Operation | None, request: Request) -> Answer:
    """The answer to a failure."""
    kind = class_of(error)
    status = BY_KIND.get((kind, error.kind)) or BY_CODE.get((kind, error.code)) or TABLE[kind]
    if operation is not None and status not in operation.statuses and status != 405:
        status = 400 if status < 500 and 400 in operation.statuses else 500
    code = error.kind if (kind, error.kind) == (InvalidParameters, Kind.CURSOR_TOO_OLD) else error.code
    problem = Problem(
        type=f"urn:postroom:error:{code}",
        title=code.replace("_", " ").capitalize(),
        status=status,
        detail=error.detail,
        instance=request.id,
        code=code,
        context=error.context,
    )
    return Answer(status, msgspec.json.encode(problem), b"application/problem+json")
