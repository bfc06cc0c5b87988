"""The tree of errors: the class says what Postroom does next, the code and the kind say what the caller reads.

PostroomError                a bug of ours
+- InvalidParameters         the request is wrong
+- NotAuthenticated          no usable key, or a key without the scope
+- NotPermitted              the key is good, the thing is not for it
+- NotFound                  no such thing in the caller's workspace
+- Conflict                  an Idempotency-Key that is in flight, or came with another request
+- NotImplementedHere        the network has it, this server does not
+- Unavailable               this server cannot answer now
|  +- NoSession              the account has no running session here
+- ProviderError             what a network did to a call of ours
   +- NotSupported           the network has no such power; it is never called
   +- Refused                the network said no, and nothing changed
   |  +- Unprocessable       the network cannot use what was sent
   +- CredentialsRejected    the session is over: the owner has to link again
   +- ActionRequired         the owner has to do something at the network
   +- ProxyRefused           the account's proxy did not let it through: another login to it is needed
   +- LoginFailed            this attempt to link is over
   +- RateLimited            later: nothing happened
   +- ProviderDown           the network did not take the call: nothing happened
   +- OutcomeUnknown         the call may have happened: it is looked up, never repeated blindly
"""

from enum import StrEnum
from typing import Any, ClassVar


class ErrorCode(StrEnum):
    """What the caller reads, by the names of PostPress (seed pages, May 2026, and the whole dialect's catalogue)."""

    INVALID_PARAMETERS = "invalid_parameters"
    MISSING_PARAMETERS = "missing_parameters"
    INVALID_URL = "invalid_url"
    TOO_MANY_CHARACTERS = "too_many_characters"
    CONTENT_TOO_LARGE = "content_too_large"
    UNESCAPED_CHARACTERS = "unescaped_characters"
    LIMIT_TOO_HIGH = "limit_too_high"
    MALFORMED_REQUEST = "malformed_request"
    INVALID_CREDENTIALS = "invalid_credentials"
    MISSING_CREDENTIALS = "missing_credentials"
    INSUFFICIENT_PRIVILEGES = "insufficient_privileges"
    RESOURCE_ACCESS_RESTRICTED = "resource_access_restricted"
    FEATURE_NOT_SUBSCRIBED = "feature_not_subscribed"
    SUBSCRIPTION_REQUIRED = "subscription_required"
    SESSION_MISMATCH = "session_mismatch"
    RESOURCE_NOT_FOUND = "resource_not_found"
    INVALID_RESOURCE_IDENTIFIER = "invalid_resource_identifier"
    ACCOUNT_MISMATCH = "account_mismatch"
    INSUFFICIENT_PERMISSIONS = "insufficient_permissions"
    ACCOUNT_RESTRICTED = "account_restricted"
    DISCONNECTED_ACCOUNT = "disconnected_account"
    EXPIRED_CREDENTIALS = "expired_credentials"
    DISCONNECTED_FEATURE = "disconnected_feature"
    MULTIPLE_SESSIONS = "multiple_sessions"
    INVALID_CREDENTIALS_BUT_VALID_ACCOUNT_IMAP = "invalid_credentials_but_valid_account_imap"
    ACTION_REQUIRED = "action_required"
    UNKNOWN_AUTHENTICATION_CONTEXT = "unknown_authentication_context"
    CHECKPOINT_ERROR = "checkpoint_error"
    INVALID_CHECKPOINT_SOLUTION = "invalid_checkpoint_solution"
    INVALID_PROXY_CREDENTIALS = "invalid_proxy_credentials"
    WRONG_ACCOUNT = "wrong_account"
    EXPIRED_LINK = "expired_link"
    AUTHENTICATION_INTENT_ERROR = "authentication_intent_error"
    TOO_MANY_REQUESTS = "too_many_requests"
    PROVIDER_ERROR = "provider_error"
    PROXY_ERROR = "proxy_error"
    REQUEST_TIMEOUT = "request_timeout"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    INVALID_ACTION = "invalid_action"
    UNPROCESSABLE_ENTITY = "unprocessable_entity"
    INVALID_RECIPIENT = "invalid_recipient"
    NO_CONNECTION_WITH_RECIPIENT = "no_connection_with_recipient"
    BLOCKED_RECIPIENT = "blocked_recipient"
    USER_UNREACHABLE = "user_unreachable"
    RECIPIENT_REJECTED = "recipient_rejected"
    INVALID_ACCOUNT = "invalid_account"
    INVALID_MESSAGE = "invalid_message"
    INVALID_THREAD = "invalid_thread"
    NOT_ALLOWED_INMAIL = "not_allowed_inmail"
    INSUFFICIENT_CREDITS = "insufficient_credits"
    CANNOT_RESEND_YET = "cannot_resend_yet"
    CANNOT_RESEND_WITHIN_24HRS = "cannot_resend_within_24hrs"
    LIMIT_EXCEEDED = "limit_exceeded"
    ACTION_ALREADY_PERFORMED = "action_already_performed"
    CANT_SEND_MESSAGE = "cant_send_message"
    FEATURE_NOT_IMPLEMENTED = "feature_not_implemented"
    NO_CLIENT_SESSION = "no_client_session"
    NO_CHANNEL = "no_channel"
    NO_HANDLER = "no_handler"
    SERVICE_UNAVAILABLE = "service_unavailable"
    NETWORK_DOWN = "network_down"
    UNEXPECTED_ERROR = "unexpected_error"


class Kind(StrEnum):
    """What the error is about, where a dialect has a sentence or a code of its own for it."""

    GENERAL = "general"
    # NotFound and InvalidParameters: the noun
    ROUTE = "route"
    METHOD = "method"
    BODY = "body"
    ACCOUNT = "account"
    CHAT = "chat"
    MESSAGE = "message"
    ATTENDEE = "attendee"
    ATTACHMENT = "attachment"
    POST_GROUP = "post_group"
    MEDIA = "media"
    MEDIA_ID = "media_id"
    FETCH = "fetch"
    RECEIPT = "receipt"
    TAKEDOWN = "takedown"
    DEFERRAL = "deferral"
    WEBHOOK = "webhook"
    KEY = "key"
    CURSOR = "cursor"
    CURSOR_TOO_OLD = "cursor_too_old"
    LIMIT = "limit"
    URN = "urn"
    # NotAuthenticated and NotPermitted
    KEY_MISSING = "key_missing"
    KEY_OWNER = "key_owner"
    SCOPE = "scope"
    API_ACCESS = "api_access"
    MCP_ACCESS = "mcp_access"
    WORKSPACE_ACCESS = "workspace_access"
    MANAGED_USER = "managed_user"
    MANAGED_USER_ID = "managed_user_id"
    PLAN_LIMIT = "plan_limit"
    # a recall that is refused
    WINDOW_EXPIRED = "window_expired"
    NOT_OWN = "not_own"
    NO_RECALL = "no_recall"
    WRONG_CHAT = "wrong_chat"
    # a deletion that is shown, and then confirmed
    CONFIRMATION = "confirmation"
    DELETE_BUDGET = "delete_budget"
    RECALL_REFUSED = "recall_refused"
    # other doings with messages and chats
    REACTION = "reaction"
    TITLE = "title"
    # posts
    CONTENT = "content"
    PLATFORMS = "platforms"
    PLATFORM_ID = "platform_id"
    PLATFORM_CONNECTION = "platform_connection"
    PLATFORM_SETTINGS = "platform_settings"
    SCHEDULED_TIME = "scheduled_time"
    STATUS = "status"
    # an address that a caller gave
    ADDRESS = "address"
    PUBLISHING = "publishing"
    VERSION = "version"
    # an attempt to link
    LINK = "link"
    LINK_RUNNING = "link_running"
    LINK_SUPERSEDED = "link_superseded"
    LINK_TIMED_OUT = "link_timed_out"
    # a proxy that asks for a login, and was given none
    PROXY_LOGIN = "proxy_login"
    # Idempotency-Key
    IN_FLIGHT = "in_flight"
    CUT_OFF = "cut_off"
    KEY_REUSED = "key_reused"


class PostroomError(Exception):
    """Something unexpected happened in Postroom."""

    codes: ClassVar[tuple[ErrorCode, ...]] = (ErrorCode.UNEXPECTED_ERROR,)

    def __init__(
        self,
        detail: str | None = None,
        *,
        code: ErrorCode | None = None,
        kind: Kind = Kind.GENERAL,
        retry_after_seconds: float | None = None,
        context: dict[str, Any] | None = None,
    ) -> None:
        """`detail` defaults to the docstring of the class; `context` is for answers that carry more than a sentence."""
        self.detail = detail or (type(self).__doc__ or "").split("\n")[0]
        self.code = code or self.codes[0]
        assert self.code in self.codes, f"{type(self).__name__} cannot carry {self.code}"
        self.kind = kind
        self.retry_after_seconds = retry_after_seconds
        self.context = context or {}
        super().__init__(self.detail)


class InvalidParameters(PostroomError):
    """The request has a wrong or missing parameter."""

    codes: ClassVar[tuple[ErrorCode, ...]] = (
        ErrorCode.INVALID_PARAMETERS,
        ErrorCode.MISSING_PARAMETERS,
        ErrorCode.INVALID_URL,
        ErrorCode.TOO_MANY_CHARACTERS,
        ErrorCode.CONTENT_TOO_LARGE,
        ErrorCode.UNESCAPED_CHARACTERS,
        ErrorCode.LIMIT_TOO_HIGH,
        ErrorCode.UNSUPPORTED_MEDIA_TYPE,
        ErrorCode.INVALID_ACTION,
    )


class NotAuthenticated(PostroomError):
    """The key is missing, unknown or revoked, or lacks the scope."""

    codes: ClassVar[tuple[ErrorCode, ...]] = (
        ErrorCode.INVALID_CREDENTIALS,
        ErrorCode.MISSING_CREDENTIALS,
        ErrorCode.INSUFFICIENT_PRIVILEGES,
    )


class NotPermitted(PostroomError):
    """The key is good, but this is not for it."""

    codes: ClassVar[tuple[ErrorCode, ...]] = (
        ErrorCode.RESOURCE_ACCESS_RESTRICTED,
        ErrorCode.FEATURE_NOT_SUBSCRIBED,
        ErrorCode.SUBSCRIPTION_REQUIRED,
        ErrorCode.SESSION_MISMATCH,
    )


class NotFound(PostroomError):
    """There is no such thing in this workspace."""

    codes: ClassVar[tuple[ErrorCode, ...]] = (ErrorCode.RESOURCE_NOT_FOUND, ErrorCode.INVALID_RESOURCE_IDENTIFIER)


class Conflict(PostroomError):
    """The same Idempotency-Key is in flight, or came before with another request."""

    codes: ClassVar[tuple[ErrorCode, ...]] = (ErrorCode.INVALID_PARAMETERS,)


class NotImplementedHere(PostroomError):
    """This server has no such feature."""

    codes: ClassVar[tuple[ErrorCode, ...]] = (ErrorCode.FEATURE_NOT_IMPLEMENTED,)


class Unavailable(PostroomError):
    """The server cannot answer now; nothing was changed."""

    codes: ClassVar[tuple[ErrorCode, ...]] = (ErrorCode.SERVICE_UNAVAILABLE, ErrorCode.NETWORK_DOWN)


class NoSession(Unavailable):
    """The account has no running session on this server."""

    codes: ClassVar[tuple[ErrorCode, ...]] = (ErrorCode.NO_CLIENT_SESSION, ErrorCode.NO_CHANNEL, ErrorCode.NO_HANDLER)


class ProviderError(PostroomError):
    """A network did not do what it was asked. Always raised as one of the classes below."""

    codes: ClassVar[tuple[ErrorCode, ...]] = (ErrorCode.PROVIDER_ERROR,)


class NotSupported(ProviderError):
    """This network has no such power; it was not called."""

    codes: ClassVar[tuple[ErrorCode, ...]] = (ErrorCode.ACCOUNT_MISMATCH,)


class Refused(ProviderError):
    """The network refused, and nothing changed."""

    codes: ClassVar[tuple[ErrorCode, ...]] = (
        ErrorCode.INSUFFICIENT_PERMISSIONS,
        ErrorCode.ACCOUNT_RESTRICTED,
        ErrorCode.MALFORMED_REQUEST,
    )


class Unprocessable(Refused):
    """The network cannot use what was sent; nothing changed."""

    codes: ClassVar[tuple[ErrorCode, ...]] = (
        ErrorCode.UNPROCESSABLE_ENTITY,
        ErrorCode.INVALID_RECIPIENT,
        ErrorCode.NO_CONNECTION_WITH_RECIPIENT,
        ErrorCode.BLOCKED_RECIPIENT,
        ErrorCode.USER_UNREACHABLE,
        ErrorCode.RECIPIENT_REJECTED,
        ErrorCode.INVALID_ACCOUNT,
        ErrorCode.INVALID_MESSAGE,
        ErrorCode.INVALID_THREAD,
        ErrorCode.NOT_ALLOWED_INMAIL,
        ErrorCode.INSUFFICIENT_CREDITS,
        ErrorCode.CANNOT_RESEND_YET,
        ErrorCode.CANNOT_RESEND_WITHIN_24HRS,
        ErrorCode.LIMIT_EXCEEDED,
        ErrorCode.ACTION_ALREADY_PERFORMED,
        ErrorCode.CANT_SEND_MESSAGE,
    )


class CredentialsRejected(ProviderError):
    """The account's session at the network is over; link it again."""

    codes: ClassVar[tuple[ErrorCode, ...]] = (
        ErrorCode.DISCONNECTED_ACCOUNT,
        ErrorCode.EXPIRED_CREDENTIALS,
        ErrorCode.DISCONNECTED_FEATURE,
        ErrorCode.MULTIPLE_SESSIONS,
        ErrorCode.INVALID_CREDENTIALS_BUT_VALID_ACCOUNT_IMAP,
    )


class ActionRequired(ProviderError):
    """The owner has to do something at the network first."""

    codes: ClassVar[tuple[ErrorCode, ...]] = (ErrorCode.ACTION_REQUIRED, ErrorCode.UNKNOWN_AUTHENTICATION_CONTEXT)


class ProxyRefused(ProviderError):
    """The account's proxy refused the login to it; nothing was sent."""

    codes: ClassVar[tuple[ErrorCode, ...]] = (ErrorCode.INVALID_PROXY_CREDENTIALS,)


class LoginFailed(ProviderError):
    """This attempt to link is over; start again."""

    codes: ClassVar[tuple[ErrorCode, ...]] = (
        ErrorCode.CHECKPOINT_ERROR,
        ErrorCode.INVALID_CHECKPOINT_SOLUTION,
        ErrorCode.WRONG_ACCOUNT,
        ErrorCode.EXPIRED_LINK,
        ErrorCode.AUTHENTICATION_INTENT_ERROR,
        ErrorCode.INVALID_CREDENTIALS,
    )


class RateLimited(ProviderError):
    """Too many requests; nothing happened, try again later."""

    codes: ClassVar[tuple[ErrorCode, ...]] = (ErrorCode.TOO_MANY_REQUESTS,)


class ProviderDown(ProviderError):
    """The network is having problems; nothing happened, try again later."""

    # PROXY_ERROR: not even the account's own proxy was got through.
    codes: ClassVar[tuple[ErrorCode, ...]] = (ErrorCode.PROVIDER_ERROR, ErrorCode.PROXY_ERROR)


class OutcomeUnknown(ProviderError):
    """The network did not answer in time, so it may or may not have happened; it is being looked up."""

    # PROVIDER_ERROR: it did answer, with a failure of its own that does not say what was done.
    codes: ClassVar[tuple[ErrorCode, ...]] = (ErrorCode.REQUEST_TIMEOUT, ErrorCode.PROVIDER_ERROR)
