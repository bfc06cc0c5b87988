"""What can go wrong. The class says what to do next; `code` is the server's stable word for it.

PostroomError
+- NoAnswer                  the server was not reached, or its answer was lost
+- UnexpectedAnswer          it answered, and not as Postroom does
+- Problem                   it answered that it did not do it
   +- InvalidParameters      the request is wrong
   |  +- CursorTooOld        what happened after this position is kept no longer
   +- NotAuthenticated       no usable key, or a key without the scope
   +- NotPermitted           the key is good, this is not for it
   +- NotFound               no such thing in the key's workspace
   +- Conflict               something else is under way, or came first
   +- NotImplementedHere     this server has no such feature
   +- Unavailable            the server cannot answer now; nothing was changed
   |  +- NoSession           the account has no running session
   +- NotSupported           the network has no such power; it was not called
   +- Refused                the network said no, and nothing changed
   |  +- Unprocessable       the network cannot use what was sent
   +- CredentialsRejected    the account's session is over: link it again
   +- ActionRequired         the owner has to do something at the network
   +- ProxyRefused           the account's proxy refused the login to it
   +- LoginFailed            this attempt to link is over
   +- RateLimited            later: nothing happened
   +- ProviderDown           the network did not take the call: nothing happened
   +- OutcomeUnknown         it may have happened: look it up, do not repeat it blindly
   +- ServerError            a bug of the server
"""

from typing import Any

import httpx
import msgspec


class PostroomError(Exception):
    """Something went wrong. `in_doubt`: what was asked may have been done all the same."""

    in_doubt: bool = False


class NoAnswer(PostroomError):
    """The server did not answer. `in_doubt`: the request may have reached it."""

    def __init__(self, detail: str, *, in_doubt: bool) -> None:
        super().__init__(detail)
        self.in_doubt = in_doubt


class UnexpectedAnswer(PostroomError):
    """An answer that is none of Postroom's: is the address right, and the server of this client's version?"""


class Problem(PostroomError):
    """The server answered that it did not do what was asked, or cannot say so (`in_doubt`).

    `code` is stable, `detail` says what happened, `context` what more there is to it, `request_id` finds it in the
    server's log, and `body` is the whole answer.
    """

    def __init__(
        self,
        detail: str,
        *,
        status: int,
        code: str = "",
        context: dict[str, Any] | None = None,
        request_id: str = "",
        retry_after_seconds: float | None = None,
        in_doubt: bool = False,
        body: Any = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status
        self.code = code
        self.context = context or {}
        self.request_id = request_id
        self.retry_after_seconds = retry_after_seconds
        self.in_doubt = in_doubt
        self.body = body

    def __str__(self) -> str:
        return f"{self.detail} ({self.status} {self.code})" if self.code else f"{self.detail} ({self.status})"


class InvalidParameters(Problem):
    """The request has a wrong or missing parameter."""


class CursorTooOld(InvalidParameters):
    """What happened after this position is kept no longer; `oldest` is where the log begins now."""

    @property
    def oldest(self) -> int:
        """The position to go on from; what was before it is lost to whoever follows the log."""
        return int(self.context.get("oldest", 0))


class NotAuthenticated(Problem):
    """The key is missing, unknown or revoked, or lacks the scope."""


class NotPermitted(Problem):
    """The key is good, but this is not for it."""


class NotFound(Problem):
    """There is no such thing in the key's workspace."""


class Conflict(Problem):
    """Something else is under way or came first; this request changed nothing."""


class NotImplementedHere(Problem):
    """This server has no such feature."""


class Unavailable(Problem):
    """The server cannot answer now; nothing was changed."""


class NoSession(Unavailable):
    """The account has no running session on this server."""


class NotSupported(Problem):
    """This network has no such power; it was not called."""


class Refused(Problem):
    """The network refused, and nothing changed; or it would, and was not called."""


class Unprocessable(Refused):
    """The network cannot use what was sent; nothing changed."""


class CredentialsRejected(Problem):
    """The account's session at the network is over; link it again."""


class ActionRequired(Problem):
    """The owner has to do something at the network first."""


class ProxyRefused(Problem):
    """The account's proxy refused the login to it; nothing was sent. Give the account another one."""


class LoginFailed(Problem):
    """This attempt to link is over; start again."""


class RateLimited(Problem):
    """Too many requests; nothing happened. `retry_after_seconds`: when to come again, where that is known."""


class ProviderDown(Problem):
    """The network is having problems; nothing happened, try again later."""


class OutcomeUnknown(Problem):
    """The network did not answer in time, so it may or may not have happened; the server looks it up."""


class ServerError(Problem):
    """A bug of the server, or of what stands before it."""


_CODES: dict[type[Problem], str] = {
    InvalidParameters: "invalid_parameters missing_parameters invalid_url too_many_characters content_too_large "
    "unescaped_characters limit_too_high unsupported_media_type invalid_action",
    CursorTooOld: "cursor_too_old",
    NotAuthenticated: "invalid_credentials missing_credentials insufficient_privileges",
    NotPermitted: "resource_access_restricted feature_not_subscribed subscription_required session_mismatch",
    NotFound: "resource_not_found invalid_resource_identifier",
    NotImplementedHere: "feature_not_implemented",
    Unavailable: "service_unavailable network_down",
    NoSession: "no_client_session no_channel no_handler",
    NotSupported: "account_mismatch",
    Refused: "insufficient_permissions account_restricted malformed_request",
    Unprocessable: "unprocessable_entity invalid_recipient no_connection_with_recipient blocked_recipient "
    "user_unreachable recipient_rejected invalid_account invalid_message invalid_thread not_allowed_inmail "
    "insufficient_credits cannot_resend_yet cannot_resend_within_24hrs limit_exceeded action_already_performed "
    "cant_send_message",
    CredentialsRejected: "disconnected_account expired_credentials disconnected_feature multiple_sessions "
    "invalid_credentials_but_valid_account_imap",
    ActionRequired: "action_required unknown_authentication_context",
    ProxyRefused: "invalid_proxy_credentials",
    LoginFailed: "checkpoint_error invalid_checkpoint_solution wrong_account expired_link authentication_intent_error",
    RateLimited: "too_many_requests",
    ProviderDown: "proxy_error",
    OutcomeUnknown: "request_timeout provider_error",
    ServerError: "unexpected_error",
}
BY_CODE: dict[str, type[Problem]] = {code: kind for kind, codes in _CODES.items() for code in codes.split()}
"""What class a code has, whatever its status."""
_BY_BOTH: dict[tuple[int, str], type[Problem]] = {
    (409, "invalid_parameters"): Conflict,
    (422, "invalid_parameters"): Conflict,
    (422, "invalid_credentials"): LoginFailed,
    (409, "invalid_credentials"): LoginFailed,
    (502, "provider_error"): ProviderDown,
}
_BY_STATUS: dict[int, type[Problem]] = {
    401: NotAuthenticated,
    403: NotPermitted,
    404: NotFound,
    409: Conflict,
    410: CursorTooOld,
    422: Refused,
    429: RateLimited,
    501: NotImplementedHere,
    503: Unavailable,
    504: OutcomeUnknown,
}
_PERHAPS_DONE = (OutcomeUnknown, ServerError)


def of_answer(answer: httpx.Response, *, changes: bool) -> Problem:
    """The error that an answer is. `changes`: the request was one that may change something.

    A gateway's 502, 503 or 504 does not say whether the server behind it was reached: then it is in doubt.
    """
    body = _body(answer)
    fields = body if isinstance(body, dict) else {}
    said = fields.get("code")
    code = said if isinstance(said, str) else ""
    context = fields.get("context")
    context = context if isinstance(context, dict) else {}
    kind = _BY_BOTH.get((answer.status_code, code)) or BY_CODE.get(code) or _of_status(answer.status_code)
    from_gateway = not code and answer.status_code in (502, 503, 504)
    return kind(
        _detail(fields, answer),
        status=answer.status_code,
        code=code,
        context=context,
        request_id=answer.headers.get("x-request-id", ""),
        retry_after_seconds=_retry_after(answer),
        in_doubt=changes and (issubclass(kind, _PERHAPS_DONE) or from_gateway or bool(context.get("sent"))),
        body=body,
    )


def _of_status(status: int) -> type[Problem]:
    return _BY_STATUS.get(status) or (ServerError if status >= 500 else InvalidParameters)


def _body(answer: httpx.Response) -> Any:
    try:
        return msgspec.json.decode(answer.content)
    except (msgspec.DecodeError, RecursionError):
        return None


def _detail(fields: dict[str, Any], answer: httpx.Response) -> str:
    for name in ("detail", "message", "error"):
        if isinstance(fields.get(name), str):
            return str(fields[name])
    return f"The server answered {answer.status_code} {answer.reason_phrase}".rstrip() + "."


def _retry_after(answer: httpx.Response) -> float | None:
    said = answer.headers.get("retry-after", "")
    # A date, which is allowed as well, is not what Postroom sends; without a number it is as if nothing was said.
    return float(said) if said.isascii() and said.isdecimal() else None
