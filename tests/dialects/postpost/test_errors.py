"""PostPost's failures, word for word."""

import pytest

from postroom.dialects.postpost.operations import DIALECT
from postroom.domain.limits import LimitCode, LimitReached
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
        ("test_connection", "Failed to test connection"),
        ("post_logs", "Failed to get post logs"),
        ("list_workspace_users", "Internal server error"),
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
    for kind, status, code in (
        (Kind.IN_FLIGHT, 409, "IDEMPOTENCY_IN_FLIGHT"),
        (Kind.CUT_OFF, 409, "IDEMPOTENCY_OUTCOME_UNKNOWN"),
        (Kind.KEY_REUSED, 422, "IDEMPOTENCY_KEY_CONFLICT"),
    ):
        answered, body = worded(DIALECT, "create_post", Conflict(kind=kind))
        assert (answered, body["code"]) == (status, code)


MARCH = (1_772_323_200_000, 1_775_001_600_000)
IN_MARCH = {"periodStart": "2026-03-01T00:00:00.000Z", "periodEnd": "2026-04-01T00:00:00.000Z"}
NEVER = {"periodStart": None, "periodEnd": None}


def figures(limit: int, used: int | None, requested: int | None, remaining: int | None) -> dict[str, int | None]:
    return {"limit": limit, "used": used, "requested": requested, "remaining": remaining}


@pytest.mark.parametrize(
    ("reached", "row", "more"),
    [
        (
            LimitReached(code=LimitCode.POST, limit=100, plan_name="Pro", used=100, requested=2, period=MARCH),
            (
                "Post limit reached",
                "posts.platform_monthly",
                "Monthly post limit reached. Your Pro plan allows 100 platform posts per month.",
            ),
            figures(100, 100, 2, 0) | IN_MARCH,
        ),
        (
            LimitReached(code=LimitCode.SCHEDULED_POST, limit=3, plan_name="Pro", used=2, requested=2, period=MARCH),
            (
                "Scheduled post limit reached",
                "posts.scheduled_active",
                "Scheduled post limit reached. Your Pro plan allows 3 scheduled platform posts at a time.",
            ),
            figures(3, 2, 2, 1) | IN_MARCH,
        ),
        (
            LimitReached(code=LimitCode.HORIZON, limit=7, plan_name="Pro", scheduled_at=MARCH[1], latest_at=MARCH[0]),
            (
                "Schedule horizon reached",
                "posts.schedule_horizon_days",
                "Schedule horizon reached. Your Pro plan allows scheduling up to 7 days ahead.",
            ),
            figures(7, None, None, None)
            | NEVER
            | {"scheduledTime": "2026-04-01T00:00:00.000Z", "maxScheduledDate": "2026-03-01T00:00:00.000Z"},
        ),
        (
            LimitReached(code=LimitCode.CONNECTIONS, limit=3, plan_name="Pro", used=5),
            (
                "Account over channel limit",
                "connections.total",
                "Your Pro plan allows 3 connected channels, and more are connected. Disconnect some first.",
            ),
            figures(3, 5, None, 0) | NEVER | {"overLimitBy": 2},
        ),
        (
            LimitReached(
                code=LimitCode.PLATFORM, limit=0, plan_name="Pro", disallowed=("twitter",), allowed=("bluesky",)
            ),
            (
                "Platform not available",
                "posts.platform_monthly",
                "Your Pro plan does not include these platforms: twitter.",
            ),
            figures(0, None, None, None)
            | NEVER
            | {"disallowedPlatforms": ["twitter"], "allowedPlatforms": ["bluesky"]},
        ),
    ],
    ids=lambda each: each.code if isinstance(each, LimitReached) else "",
)
def test_a_limit_that_is_reached_is_told_with_its_figures(
    reached: LimitReached, row: tuple[str, str, str], more: dict[str, object]
) -> None:
    told = {"error": row[0], "code": reached.code, "metric": row[1], "message": row[2], "planName": "Pro"} | more
    for operation in ("create_post", "update_post"):
        error = NotPermitted(kind=Kind.PLAN_LIMIT, context={"reached": reached})
        assert worded(DIALECT, operation, error) == (403, told)


def test_a_workspace_has_sentences_of_its_own() -> None:
    nobody = NotFound(kind=Kind.MANAGED_USER)
    for name in ("detach_workspace_user", "create_user_api_key", "create_connection_url"):
        assert worded(DIALECT, name, nobody) == (404, {"error": "User not found or not managed by this key"})
    taken = Conflict(kind=Kind.MANAGED_USER)
    assert worded(DIALECT, "create_workspace_user", taken) == (409, {"error": "User with this email already exists"})
    refused = NotPermitted(kind=Kind.API_ACCESS)
    sentence = "API access is not enabled for this workspace owner"
    assert worded(DIALECT, "create_user_api_key", refused) == (403, {"error": sentence})


def test_what_is_being_published_is_not_edited_and_has_a_code() -> None:
    status, body = worded(DIALECT, "update_post", Conflict(kind=Kind.PUBLISHING))
    assert (status, body["code"]) == (409, "POST_PUBLISH_IN_PROGRESS")
    error = InvalidParameters("x", kind=Kind.PLATFORM_CONNECTION, context={"platforms": ["twitter-1"]})
    assert worded(DIALECT, "update_post", error) == (
        400,
        {"error": "x", "code": "INVALID_PLATFORM_CONNECTION", "invalidPlatforms": ["twitter-1"]},
    )
