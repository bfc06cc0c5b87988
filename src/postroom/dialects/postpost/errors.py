"""PostPost's sentences, word for word, and which status each of our errors has there.

Its table is (class, kind) to (status, sentence). An operation has a sentence of its own for whatever goes wrong inside.

Source: PostPost "Delete post", and the pages of the other operations (March 2026).
"""

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
    RateLimited,
    Refused,
    Unavailable,
    Unprocessable,
)


class Error(msgspec.Struct, kw_only=True):
    """Every failure. `success` is there on success only."""

    error: str


OWN = ""
"""The error's own detail is the sentence: the operation found it, or the vendor has none for it."""

FAILED = "failed"
"""The operation's own sentence."""

INTERNAL = "Internal server error"

# What each operation says when something goes wrong inside, a malformed id included:
# "If the postGroupId is not a valid MongoDB ObjectId format [...] the server returns a 500 error" (Delete post).
FAILURES = {
    "create_post": "Failed to create post group",
    "get_post": "Failed to fetch post group",
    "list_posts": "Failed to list posts",
    "update_post": "Failed to update post",
    "delete_post": "Failed to delete post group",
    "get_upload_url": "Failed to create upload URL",
    "platform_connections": "Failed to fetch platform connections",
    "list_webhooks": "Failed to list webhooks",
    "create_webhook": "Failed to create webhook",
    "update_webhook": "Failed to update webhook",
    "delete_webhook": "Failed to delete webhook",
    "regenerate_webhook_secret": "Failed to regenerate secret",
}

Row = tuple[int, str]

TABLE: dict[type[PostroomError], Row] = {
    InvalidParameters: (400, OWN),
    NotAuthenticated: (401, "Invalid API key"),
    NotPermitted: (403, "API access is not enabled for this account"),
    NotFound: (404, OWN),
    Conflict: (409, OWN),
    NotImplementedHere: (501, OWN),
    Unavailable: (500, FAILED),
    NoSession: (500, FAILED),
    ProviderError: (500, FAILED),
    NotSupported: (400, OWN),
    Refused: (400, OWN),
    Unprocessable: (400, OWN),
    CredentialsRejected: (400, OWN),
    ActionRequired: (400, OWN),
    LoginFailed: (400, OWN),
    RateLimited: (429, OWN),
    ProviderDown: (500, FAILED),
    OutcomeUnknown: (500, FAILED),
    PostroomError: (500, FAILED),
}

BY_KIND: dict[tuple[type[PostroomError], Kind], Row] = {
    (NotAuthenticated, Kind.KEY_MISSING): (401, "API key is required"),
    (NotAuthenticated, Kind.KEY): (401, "Invalid API key"),
    (NotAuthenticated, Kind.KEY_OWNER): (401, "Invalid API key owner"),
    # The vendor's keys have no scopes.
    (NotAuthenticated, Kind.SCOPE): (403, OWN),
    (NotPermitted, Kind.API_ACCESS): (403, "API access is not enabled for this account"),
    (NotPermitted, Kind.MCP_ACCESS): (403, "MCP access is not enabled for this account"),
    (NotPermitted, Kind.WORKSPACE_ACCESS): (403, "Workspace access is not enabled for this key"),
    (NotPermitted, Kind.MANAGED_USER): (403, "User is not managed by key"),
    (NotFound, Kind.POST_GROUP): (404, "Post group not found"),
    (NotFound, Kind.WEBHOOK): (404, "Webhook not found"),
    (InvalidParameters, Kind.METHOD): (405, OWN),
    (Conflict, Kind.KEY_REUSED): (422, OWN),
}

# Where a page lists no such status; else 500.
NEAREST = {501: 400, 404: 400}


def failure(error: PostroomError, operation: Operation | None, request: Request) -> Answer:
    """The answer to a failure."""
    kind = class_of(error)
    status, sentence = BY_KIND.get((kind, error.kind)) or TABLE[kind]
    inside = INTERNAL
    if operation is not None and request.begun:
        inside = FAILURES.get(operation.name, INTERNAL)
    if kind is NotFound and error.code is ErrorCode.INVALID_RESOURCE_IDENTIFIER:
        status, sentence = 500, FAILED
    if kind is InvalidParameters and error.kind is Kind.STATUS and "status" in error.context:
        sentence = f"Cannot update post: post is currently in {error.context['status']} status"
    if operation is not None and status not in operation.statuses and status != 405:
        status = NEAREST.get(status, 500)
    if sentence == FAILED or (status == 500 and sentence == OWN):
        sentence = inside
    return Answer(status, msgspec.json.encode(Error(error=sentence or error.detail)))
