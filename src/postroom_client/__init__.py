"""The Python client of Postroom: `Client`, `AsyncClient`, what they answer with, and what they raise.

It needs httpx and msgspec, and nothing of the server.
"""

from postroom_client.calls import Page
from postroom_client.client import AsyncClient, Client
from postroom_client.errors import (
    ActionRequired,
    Conflict,
    CredentialsRejected,
    CursorTooOld,
    InvalidParameters,
    LoginFailed,
    NoAnswer,
    NoSession,
    NotAuthenticated,
    NotFound,
    NotImplementedHere,
    NotPermitted,
    NotSupported,
    OutcomeUnknown,
    PostroomError,
    Problem,
    ProviderDown,
    ProxyRefused,
    RateLimited,
    Refused,
    ServerError,
    Unavailable,
    UnexpectedAnswer,
    Unprocessable,
)
from postroom_client.nouns import AsyncPages, Pages
from postroom_client.types import *  # noqa: F403 what is answered with, each by name
from postroom_client.types import __all__ as _TYPES

__all__ = [  # noqa: PLE0604 names of types, which their own list has
    "ActionRequired",
    "AsyncClient",
    "AsyncPages",
    "Client",
    "Conflict",
    "CredentialsRejected",
    "CursorTooOld",
    "InvalidParameters",
    "LoginFailed",
    "NoAnswer",
    "NoSession",
    "NotAuthenticated",
    "NotFound",
    "NotImplementedHere",
    "NotPermitted",
    "NotSupported",
    "OutcomeUnknown",
    "Page",
    "Pages",
    "PostroomError",
    "Problem",
    "ProviderDown",
    "ProxyRefused",
    "RateLimited",
    "Refused",
    "ServerError",
    "Unavailable",
    "UnexpectedAnswer",
    "Unprocessable",
    *_TYPES,
]
