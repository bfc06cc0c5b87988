"""What a page answers where a service raises: the status. The words are the error's own."""

from postroom.errors import (
    ActionRequired,
    Conflict,
    CredentialsRejected,
    ErrorCode,
    InvalidParameters,
    LoginFailed,
    NotAuthenticated,
    NotFound,
    NotImplementedHere,
    NotPermitted,
    NotSupported,
    OutcomeUnknown,
    PostroomError,
    ProviderError,
    ProxyRefused,
    RateLimited,
    Refused,
    Unavailable,
)

_STATUSES: dict[type[PostroomError], int] = {
    InvalidParameters: 400,
    NotAuthenticated: 401,
    NotPermitted: 403,
    NotFound: 404,
    Conflict: 409,
    NotImplementedHere: 501,
    Unavailable: 503,
    NotSupported: 422,
    Refused: 422,
    CredentialsRejected: 409,
    ActionRequired: 409,
    ProxyRefused: 409,
    LoginFailed: 422,
    RateLimited: 429,
    OutcomeUnknown: 504,
    ProviderError: 502,
    PostroomError: 500,
}
_BY_CODE = {
    ErrorCode.CONTENT_TOO_LARGE: 413,
    ErrorCode.UNSUPPORTED_MEDIA_TYPE: 415,
    ErrorCode.INSUFFICIENT_PRIVILEGES: 403,
}


def status_of(error: PostroomError) -> int:
    """The status that a failure is answered with."""
    return _BY_CODE.get(error.code) or next(_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES)
