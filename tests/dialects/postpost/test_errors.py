"""PostPost's failures, word for word."""

import pytest

from postroom.dialects.postpost.operations import DIALECT
from postroom.errors import (
    Conflict,
    ErrorCode,
    InvalidParameters,
    Kind,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    PostroomError,
    Unavailable,
)
from tests.dialects.tables import worded


# The eleven rows of "Delete post".
@pytest.mark.parametrize(
    ("error", "begun", "status", "sentence"),
    [
        (
            InvalidParameters("Invalid x-postpost-user-id", kind=Kind.MANAGED_USER_ID),
            False,
            400,
            "Invalid x-postpost-user-id",
        ),
        (
            NotAuthenticated(code=ErrorCode.MISSING_CREDENTIALS, kind=Kind.KEY_MISSING),
            False,
            401,
            "API key is required",
        ),
        (NotAuthenticated(kind=Kind.KEY), False, 401, "Invalid API key"),
        (NotAuthenticated(kind=Kind.KEY_OWNER), False, 401, "Invalid API key owner"),
        (NotPermitted(kind=Kind.API_ACCESS), False, 403, "API access is not enabled for this account"),
        (NotPermitted(kind=Kind.MCP_ACCESS), False, 403, "MCP access is not enabled for this account"),
        (NotPermitted(kind=Kind.WORKSPACE_ACCESS), False, 403, "Workspace access is not enabled for this key"),
        (NotPermitted(kind=Kind.MANAGED_USER), False, 403, "User is not managed by key"),
        (NotFound(kind=Kind.POST_GROUP), True, 404, "Post group not found"),
        (PostroomError(), True, 500, "Failed to delete post group"),
        (PostroomError(), False, 500, "Internal server error"),
    ],
)
def test_the_eleven_rows_of_delete_post(error: PostroomError, begun: bool, status: int, sentence: str) -> None:
    assert worded(DIALECT, "delete_post", error, begun=begun) == (status, {"error": sentence})


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("create_post", "Failed to create post group"),
        ("get_post", "Failed to fetch post group"),
        ("list_posts", "Failed to list posts"),
        ("update_post", "Failed to update post"),
        ("delete_post", "Failed to delete post group"),
        ("get_upload_url", "Failed to create upload URL"),
        ("platform_connections", "Failed to fetch platform connections"),
    ],
)
def test_each_operation_has_its_own_sentence_for_what_goes_wrong_inside(name: str, sentence: str) -> None:
    malformed = NotFound(code=ErrorCode.INVALID_RESOURCE_IDENTIFIER, kind=Kind.POST_GROUP)
    for error in (PostroomError(), Unavailable(), malformed):
        assert worded(DIALECT, name, error) == (500, {"error": sentence})


def test_a_post_that_has_gone_out_cannot_be_updated_and_its_status_is_named() -> None:
    error = InvalidParameters(kind=Kind.STATUS, context={"status": "published"})
    sentence = "Cannot update post: post is currently in published status"
    assert worded(DIALECT, "update_post", error) == (400, {"error": sentence})


def test_an_idempotency_key_has_the_statuses_of_the_sister_product() -> None:
    assert worded(DIALECT, "create_post", Conflict(kind=Kind.IN_FLIGHT))[0] == 409
    assert worded(DIALECT, "create_post", Conflict(kind=Kind.KEY_REUSED))[0] == 422
