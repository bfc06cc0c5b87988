"""PostPost's sentences, word for word, and which status each of our errors has there.

Its table is (class, kind) to (status, sentence). An operation has a sentence of its own for whatever goes wrong inside.

Source: PostPost "Delete post", and the pages of the other operations (March 2026).
"""

import math

import msgspec
from msgspec import UNSET, UnsetType

from postroom.clock import iso
from postroom.dialects.operation import Answer, Operation, class_of
from postroom.dialects.request import Request
from postroom.domain.limits import LimitCode, LimitReached
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

# What the pages list; 400, 401 and 403 come from the headers that every operation takes.
ANY = frozenset({400, 401, 403, 500})
ONE = ANY | {404}


class MediaResult(msgspec.Struct, kw_only=True):
    """What came of fetching a file."""

    ok: bool = False
    url: str
    code: str
    error: str


class Error(msgspec.Struct, kw_only=True, rename="camel"):
    """Every failure. `success` is there on success only; `code` where the newer pages have one."""

    error: str
    code: str | UnsetType = UNSET
    field: str | UnsetType = UNSET
    details: str | UnsetType = UNSET
    invalid_platforms: list[str] | UnsetType = UNSET
    media_results: list[MediaResult] | UnsetType = UNSET
    retry_after_sec: int | UnsetType = UNSET


class LimitExceeded(msgspec.Struct, kw_only=True, rename="camel"):
    """HTTP 403 where a limit of this server is reached; counted are posts to platforms.

    Source: PostPost "Create post", "Error handling" (March 2026).
    """

    error: str
    code: str
    metric: str
    message: str
    limit: int
    used: int | None
    requested: int | None
    remaining: int | None
    period_start: str | None
    period_end: str | None
    plan_name: str
    scheduled_time: str | UnsetType = UNSET
    max_scheduled_date: str | UnsetType = UNSET
    over_limit_by: int | UnsetType = UNSET
    disallowed_platforms: list[str] | UnsetType = UNSET
    allowed_platforms: list[str] | UnsetType = UNSET


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
    "test_connection": "Failed to test connection",
    "post_logs": "Failed to get post logs",
    "attach_media": "Failed to update post",
    "linkedin_post_statistics": "Failed to fetch LinkedIn post statistics",
    "linkedin_account_statistics": "Failed to fetch LinkedIn account statistics",
    "linkedin_followers": "Failed to fetch LinkedIn followers statistics",
    "linkedin_profile_summary": "Failed to fetch LinkedIn profile summary",
    "linkedin_create_reaction": "Failed to create LinkedIn reaction",
    "linkedin_delete_reaction": "Failed to delete LinkedIn reaction",
    "linkedin_create_comment": "Failed to create LinkedIn comment",
    "linkedin_delete_comment": "Failed to delete LinkedIn comment",
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
    ProxyRefused: (400, OWN),
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
    (NotPermitted, Kind.PLAN_LIMIT): (403, OWN),
    (NotPermitted, Kind.DELETE_BUDGET): (403, OWN),
    (NotFound, Kind.POST_GROUP): (404, "Post group not found"),
    (NotFound, Kind.WEBHOOK): (404, "Webhook not found"),
    (InvalidParameters, Kind.METHOD): (405, OWN),
    (Conflict, Kind.KEY_REUSED): (422, OWN),
    (Conflict, Kind.PUBLISHING): (
        409,
        "Publishing has already started; the post cannot be changed. Duplicate the post to recover its content.",
    ),
}

_NO_USER = (404, "User not found or not managed by this key")
_OWNER_WITHOUT_API = (403, "API access is not enabled for this workspace owner")

BY_KIND |= {(InvalidParameters, Kind.FETCH): (400, "Media ingestion failed")}

# Where one operation says it in other words than all others.
OF_OPERATION: dict[tuple[str, type[PostroomError], Kind], Row] = {
    ("test_connection", NotFound, Kind.ACCOUNT): (404, "Connection not found"),
    ("create_workspace_user", Conflict, Kind.MANAGED_USER): (409, "User with this email already exists"),
    ("detach_workspace_user", NotFound, Kind.MANAGED_USER): _NO_USER,
    ("create_user_api_key", NotFound, Kind.MANAGED_USER): _NO_USER,
    ("create_user_api_key", NotPermitted, Kind.API_ACCESS): _OWNER_WITHOUT_API,
    ("create_connection_url", NotFound, Kind.MANAGED_USER): _NO_USER,
}

OF_OPERATION |= {
    (name, NotFound, Kind.ACCOUNT): (404, "LinkedIn connection not found")
    for name in FAILURES
    if name.startswith("linkedin_")
}
# A refusal of LinkedIn's is passed on as such. A single figure that it does not give has a sentence of its own.
OF_OPERATION |= {(name, Refused, Kind.GENERAL): (403, OWN) for name in FAILURES if name.startswith("linkedin_")}
OF_OPERATION |= {
    (name, error, Kind.GENERAL): (500, "Failed to fetch metric from LinkedIn")
    for name in ("linkedin_post_statistics", "linkedin_account_statistics")
    for error in (ProviderError, ProviderDown, OutcomeUnknown)
}
# These say what LinkedIn said, beside their own sentence.
_WITH_DETAILS = frozenset(name for name in FAILURES if name.endswith(("_reaction", "_comment")))

# The codes of the sister product's newer pages, beside the sentence.
CODES: dict[tuple[type[PostroomError], Kind], str] = {
    (Conflict, Kind.IN_FLIGHT): "IDEMPOTENCY_IN_FLIGHT",
    (Conflict, Kind.CUT_OFF): "IDEMPOTENCY_OUTCOME_UNKNOWN",
    (Conflict, Kind.KEY_REUSED): "IDEMPOTENCY_KEY_CONFLICT",
    (Conflict, Kind.PUBLISHING): "POST_PUBLISH_IN_PROGRESS",
    (Conflict, Kind.VERSION): "POST_GROUP_VERSION_CONFLICT",
    (RateLimited, Kind.FETCH): "MEDIA_URL_RATE_LIMITED",
    (InvalidParameters, Kind.PLATFORM_CONNECTION): "INVALID_PLATFORM_CONNECTION",
}

# The same, where its own clients ask: to others these are failures that the older pages describe without a code.
NEWER_CODES: dict[tuple[type[PostroomError], Kind], str] = {
    (InvalidParameters, Kind.STATUS): "POST_NOT_EDITABLE",
}

# The same, of one operation.
OPERATION_CODES: dict[tuple[str, type[PostroomError], Kind], str] = {
    ("attach_media", InvalidParameters, Kind.ADDRESS): "INVALID_MEDIA_FILE",
    ("attach_media", InvalidParameters, Kind.STATUS): "POST_NOT_EDITABLE",
    ("complete_media", InvalidParameters, Kind.MEDIA_ID): "INVALID_MEDIA_FILE_ID",
    ("complete_media", InvalidParameters, Kind.MEDIA): "MEDIA_NOT_READY",
    ("complete_media", NotFound, Kind.MEDIA): "MEDIA_FILE_NOT_FOUND",
}

# Of an update alone, and only where the field itself is wrong.
FIELD_CODES = {"content": "INVALID_CONTENT", "platforms": "INVALID_PLATFORMS"}

# Of what only the newer pages take.
NEWER_FIELDS = {Kind.PLATFORMS: "PLATFORMS_REQUIRED", Kind.PLATFORM_ID: "INVALID_PLATFORM_ID"}

_LIMITS = {
    LimitCode.POST: (
        "Post limit reached",
        "posts.platform_monthly",
        "Monthly post limit reached. Your {plan} plan allows {limit} platform posts per month.",
    ),
    LimitCode.SCHEDULED_POST: (
        "Scheduled post limit reached",
        "posts.scheduled_active",
        "Scheduled post limit reached. Your {plan} plan allows {limit} scheduled platform posts at a time.",
    ),
    LimitCode.HORIZON: (
        "Schedule horizon reached",
        "posts.schedule_horizon_days",
        "Schedule horizon reached. Your {plan} plan allows scheduling up to {limit} days ahead.",
    ),
    LimitCode.CONNECTIONS: (
        "Account over channel limit",
        "connections.total",
        "Your {plan} plan allows {limit} connected channels, and more are connected. Disconnect some first.",
    ),
    LimitCode.PLATFORM: (
        "Platform not available",
        "posts.platform_monthly",
        "Your {plan} plan does not include these platforms: {platforms}.",
    ),
    LimitCode.CHANNEL: (
        "Channel limit reached",
        "connections.total",
        "Channel limit reached. Your {plan} plan allows {limit} connected channels.",
    ),
}


def is_newer(request: Request) -> bool:
    """Whether the sister product's client is asking: its newer pages say more than PostPost's."""
    return request.header(b"x-publora-key") is not None


# Where a page lists no such status; else 500.
NEAREST = {501: 400, 404: 400}


def failure(error: PostroomError, operation: Operation | None, request: Request) -> Answer:
    """The answer to a failure."""
    kind = class_of(error)
    status, sentence = BY_KIND.get((kind, error.kind)) or TABLE[kind]
    inside = INTERNAL
    if operation is not None and request.begun:
        inside = FAILURES.get(operation.name, INTERNAL)
        status, sentence = OF_OPERATION.get((operation.name, kind, error.kind), (status, sentence))
    if kind is NotFound and error.code is ErrorCode.INVALID_RESOURCE_IDENTIFIER:
        status, sentence = 500, FAILED
    if kind is InvalidParameters and error.kind is Kind.STATUS and "status" in error.context:
        sentence = f"Cannot update post: post is currently in {error.context['status']} status"
    if operation is not None and status not in operation.statuses and status != 405:
        status = NEAREST.get(status, 500)
    if sentence == FAILED or (status == 500 and sentence == OWN):
        sentence = inside
    reached = error.context.get("reached")
    if status == 403 and isinstance(reached, LimitReached):
        return Answer(status, msgspec.json.encode(_limit(reached)))
    answer = Error(error=sentence or error.detail, code=_code(kind, error, request, operation))
    if status == 500 and isinstance(error, ProviderError) and operation is not None:
        if operation.name in _WITH_DETAILS:
            answer.details = error.detail
    if "field" in error.context:
        answer.field = error.context["field"]
    if error.kind is Kind.FETCH:
        results = error.context.get("results", ())
        told = [MediaResult(url=each.url, code=each.code, error=each.detail) for each in results]
        answer.media_results = told or UNSET
        if error.retry_after_seconds is not None:
            answer.retry_after_sec = max(1, math.ceil(error.retry_after_seconds))
    if error.kind is Kind.PLATFORM_CONNECTION:
        answer.invalid_platforms = error.context.get("platforms", [])
    return Answer(status, msgspec.json.encode(answer))


def _code(
    kind: type[PostroomError], error: PostroomError, request: Request, operation: Operation | None
) -> str | UnsetType:
    if operation is not None and (operation.name, kind, error.kind) in OPERATION_CODES:
        return OPERATION_CODES[operation.name, kind, error.kind]
    if "field" in error.context:
        return FIELD_CODES[error.context["field"]]
    if error.context.get("newer"):
        return NEWER_FIELDS.get(error.kind, UNSET)
    code = CODES.get((kind, error.kind))
    if code is None and is_newer(request) and "status" in error.context:
        code = NEWER_CODES.get((kind, error.kind))
    return code or UNSET


def _limit(found: LimitReached) -> LimitExceeded:
    error, metric, message = _LIMITS[found.code]
    over = found.code is LimitCode.CONNECTIONS and found.used is not None
    wrong = found.code is LimitCode.PLATFORM
    return LimitExceeded(
        error=error,
        code=found.code,
        metric=metric,
        message=message.format(plan=found.plan_name, limit=found.limit, platforms=", ".join(found.disallowed)),
        limit=found.limit,
        used=found.used,
        requested=found.requested,
        remaining=found.remaining,
        period_start=None if found.period is None else iso(found.period[0]),
        period_end=None if found.period is None else iso(found.period[1]),
        plan_name=found.plan_name,
        scheduled_time=UNSET if found.scheduled_at is None else iso(found.scheduled_at),
        max_scheduled_date=UNSET if found.latest_at is None else iso(found.latest_at),
        over_limit_by=(found.used or 0) - found.limit if over else UNSET,
        disallowed_platforms=list(found.disallowed) if wrong else UNSET,
        allowed_platforms=list(found.allowed) if wrong else UNSET,
    )
