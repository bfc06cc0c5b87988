"""What LinkedIn's statuses mean: one table, used by every call."""

from email.utils import parsedate_to_datetime
from typing import Any

from postroom.connectors.http import Answer
from postroom.errors import (
    ActionRequired,
    CredentialsRejected,
    ErrorCode,
    OutcomeUnknown,
    ProviderDown,
    ProviderError,
    RateLimited,
    Refused,
    Unprocessable,
)

_LONGEST_WORDS = 300
_CODES = {
    "CREDIT": ErrorCode.INSUFFICIENT_CREDITS,
    "NOT_ALLOWED": ErrorCode.NOT_ALLOWED_INMAIL,
    "NOT_CONNECTED": ErrorCode.NO_CONNECTION_WITH_RECIPIENT,
}
_CHALLENGE = ("checkpoint", "challenge", "captcha")


def check(answer: Answer, *, write: bool, hide: tuple[str, ...] = ()) -> None:
    """Nothing for an answer that is a success; otherwise raises what it means.

    `write`: a failure of LinkedIn's own leaves open whether the request was carried out. `hide`: secrets that its words
    might repeat.
    """
    if answer.status >= 300:
        raise meaning(answer, write=write, hide=hide)


def meaning(answer: Answer, *, write: bool, hide: tuple[str, ...] = ()) -> ProviderError:
    """The class, code and words for an answer that is no success."""
    status = answer.status
    words = _words(answer, hide)
    if status == 999:
        return ActionRequired("LinkedIn took this server for a bot (999): sign in with a browser and answer its check.")
    if 300 <= status < 400:
        if _is_challenge(answer) and not ends_session(answer):
            return ActionRequired("LinkedIn asks for a check: sign in with a browser and answer it.")
        return CredentialsRejected("LinkedIn ended this session: link the account again.")
    if status == 401:
        return CredentialsRejected("LinkedIn does not accept this session any more: link the account again.")
    if status == 403:
        if _is_challenge(answer):
            return ActionRequired("LinkedIn asks for a check: sign in with a browser and answer it.")
        return Refused(f"LinkedIn does not allow this account to do that{words}.", code=ErrorCode.ACCOUNT_RESTRICTED)
    if status == 429:
        return RateLimited(
            f"LinkedIn allows no more requests for now{words}.", retry_after_seconds=_retry_after(answer)
        )
    if status >= 500 or status == 408:
        if write:
            return OutcomeUnknown(
                f"LinkedIn answered {status}; it may have done it all the same{words}.", code=ErrorCode.PROVIDER_ERROR
            )
        return ProviderDown(f"LinkedIn answered {status}{words}.", retry_after_seconds=_retry_after(answer))
    if status in (413, 422):
        return Unprocessable(f"LinkedIn cannot use what was sent ({status}){words}.", code=_code(answer))
    return Refused(f"LinkedIn refused ({status}){words}.", code=ErrorCode.MALFORMED_REQUEST)


def unreadable(what: str) -> ProviderDown:
    """An answer to a read that is a success by its status, and not what was asked for."""
    return ProviderDown(f"LinkedIn's answer could not be understood ({what}).")


def ends_session(answer: Answer) -> bool:
    """Whether the answer takes the session's cookie away."""
    for cookie in answer.headers.get_list("set-cookie"):
        name, _, rest = cookie.partition("=")
        if name.strip() == "li_at":
            value, text = rest.partition(";")[0].strip(' "'), rest.lower()
            if value in ("delete me", "") or "01 jan 1970" in text or "01-jan-1970" in text or "max-age=0" in text:
                return True
    return False


def _is_challenge(answer: Answer) -> bool:
    place = answer.headers.get("location", "").lower()
    text = answer.body[:4096].decode("utf-8", "replace").lower()
    return any(word in place or word in text for word in _CHALLENGE)


def _code(answer: Answer) -> ErrorCode:
    """Why, where LinkedIn says it by a word. The words are not documented."""
    tree: Any = answer.json()
    word = str(tree.get("code")).upper() if isinstance(tree, dict) else ""
    return next((code for part, code in _CODES.items() if part in word), ErrorCode.UNPROCESSABLE_ENTITY)


def _words(answer: Answer, hide: tuple[str, ...]) -> str:
    """What LinkedIn said, with a colon before it, short and without this session's secrets."""
    tree: Any = answer.json()
    found = tree.get("message") if isinstance(tree, dict) else None
    if not isinstance(found, str) or not found.strip():
        return ""
    for secret in hide:
        found = found.replace(secret, "***")
    return ": " + " ".join(found.split())[:_LONGEST_WORDS].rstrip(".")


def _retry_after(answer: Answer) -> float | None:
    text = answer.headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(answer.headers.get("date", ""))
    except (ValueError, TypeError):
        return None
    return max(0.0, wait.total_seconds())
