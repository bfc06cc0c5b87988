"""PostPress's envelope, and which status and type each of our errors has there.

A page of PostPress lists the statuses that its operation answers, and an operation answers no other: where the first
choice is not on the page, the next one is taken.
"""

from collections.abc import Sequence

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


class Error(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Every failure. `type` is stable; `instance` is the id of the request, for support."""

    title: str
    detail: str | None = None
    instance: str | None = None
    type: str
    status: int


Choice = tuple[int, ErrorCode | None]
"""A status, and the type it comes with; None: the error's own."""

_OWN = None

# Class to choices, the first that the page lists is taken. 401, 500, 503 and 504 are on every page.
TABLE: dict[type[PostroomError], Sequence[Choice]] = {
    InvalidParameters: (
        (400, _OWN),
        # "Send a message" lists no 400; the pages of one message have nothing to be wrong but the id.
        (422, ErrorCode.UNPROCESSABLE_ENTITY),
        (404, ErrorCode.INVALID_RESOURCE_IDENTIFIER),
    ),
    NotAuthenticated: ((401, _OWN),),
    # "Delete an account" lists no 403.
    NotPermitted: ((403, _OWN), (401, ErrorCode.INSUFFICIENT_PRIVILEGES)),
    # "Connect an account" lists no 404.
    NotFound: ((404, _OWN), (400, ErrorCode.INVALID_PARAMETERS)),
    # Only where an Idempotency-Key can be sent; elsewhere it is a bug.
    Conflict: ((409, ErrorCode.INVALID_PARAMETERS), (500, ErrorCode.UNEXPECTED_ERROR)),
    NotImplementedHere: ((501, _OWN), (403, ErrorCode.ACCOUNT_MISMATCH), (400, ErrorCode.INVALID_PARAMETERS)),
    Unavailable: ((503, _OWN),),
    NoSession: ((503, _OWN),),
    ProviderError: ((500, _OWN),),
    NotSupported: ((403, _OWN), (400, ErrorCode.MALFORMED_REQUEST)),
    Refused: ((403, _OWN), (400, ErrorCode.MALFORMED_REQUEST)),
    Unprocessable: (
        (422, _OWN),
        (400, ErrorCode.MALFORMED_REQUEST),
        (403, ErrorCode.INSUFFICIENT_PERMISSIONS),
    ),
    CredentialsRejected: ((401, _OWN),),
    ActionRequired: ((403, _OWN), (401, ErrorCode.DISCONNECTED_ACCOUNT)),
    ProxyRefused: ((401, _OWN),),
    LoginFailed: ((401, _OWN),),
    RateLimited: ((429, _OWN),),
    ProviderDown: ((500, _OWN),),
    OutcomeUnknown: ((504, _OWN),),
    PostroomError: ((500, _OWN),),
}

# Codes that PostPress lists under another status than the rest of their class.
BY_CODE: dict[tuple[type[PostroomError], ErrorCode], Sequence[Choice]] = {
    (InvalidParameters, ErrorCode.UNSUPPORTED_MEDIA_TYPE): (
        (415, _OWN),
        (400, ErrorCode.INVALID_PARAMETERS),
        (404, ErrorCode.INVALID_RESOURCE_IDENTIFIER),
    ),
    (Refused, ErrorCode.MALFORMED_REQUEST): ((400, _OWN), (403, ErrorCode.INSUFFICIENT_PERMISSIONS)),
    (LoginFailed, ErrorCode.AUTHENTICATION_INTENT_ERROR): ((500, _OWN),),
    (OutcomeUnknown, ErrorCode.PROVIDER_ERROR): ((500, _OWN),),
    (ProviderDown, ErrorCode.PROXY_ERROR): ((502, _OWN), (500, ErrorCode.PROVIDER_ERROR)),
}

# What no page lists: a wrong method, and an Idempotency-Key that came with another request.
BY_KIND: dict[tuple[type[PostroomError], Kind], Sequence[Choice]] = {
    (InvalidParameters, Kind.METHOD): ((405, ErrorCode.INVALID_PARAMETERS),),
    # Source: PostPress "Connect an account": 408 timed out, 409 superseded, 425 running already, checked 2026-11-20.
    (LoginFailed, Kind.LINK_TIMED_OUT): ((408, _OWN), (401, ErrorCode.CHECKPOINT_ERROR)),
    (LoginFailed, Kind.LINK_SUPERSEDED): ((409, _OWN), (401, ErrorCode.CHECKPOINT_ERROR)),
    (LoginFailed, Kind.LINK_RUNNING): ((425, _OWN), (401, ErrorCode.CHECKPOINT_ERROR)),
    # Source: the same page: 407, the proxy asks for a login; where that is refused it is 401.
    (ProxyRefused, Kind.PROXY_LOGIN): ((407, _OWN), (401, _OWN)),
    (Conflict, Kind.KEY_REUSED): ((422, ErrorCode.UNPROCESSABLE_ENTITY), (500, ErrorCode.UNEXPECTED_ERROR)),
}


# Types that only some pages list, and what stands for them elsewhere.
_ONLY: dict[ErrorCode, tuple[frozenset[str], ErrorCode]] = {
    ErrorCode.INVALID_ACTION: (frozenset({"update_chat"}), ErrorCode.INVALID_PARAMETERS),
}


def failure(error: PostroomError, operation: Operation | None, request: Request) -> Answer:
    """The answer to a failure."""
    status, code = _choice(error, operation)
    slug = code or error.code
    where, instead = _ONLY.get(slug, (None, slug))
    if where is not None and (operation is None or operation.name not in where):
        slug = instead
    body = Error(
        title=slug.replace("_", " ").capitalize(),
        detail=error.detail,
        instance=request.id,
        type=f"errors/{slug}",
        status=status,
    )
    return Answer(status, msgspec.json.encode(body))


def _choice(error: PostroomError, operation: Operation | None) -> Choice:
    kind = class_of(error)
    choices = BY_KIND.get((kind, error.kind)) or BY_CODE.get((kind, error.code)) or TABLE[kind]
    if operation is None:
        return choices[0]
    # 409 and 422 are for an Idempotency-Key: they are no choice for others where the page does not list them.
    listed = operation.statuses if kind is Conflict else operation.errors | {429}
    return next((choice for choice in choices if choice[0] in listed), choices[-1])
