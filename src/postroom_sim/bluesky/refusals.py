"""How Bluesky says no: `{"error": name, "message": text}` with the status that goes with the name."""

from __future__ import annotations

from postroom_sim.network import Refused, json_answer

_STATUS = {
    "AuthenticationRequired": 401,
    "AuthMissing": 401,
    "AccountTakedown": 401,
    "AuthFactorTokenRequired": 401,
    "PayloadTooLarge": 413,
    "RateLimitExceeded": 429,
    "MethodNotImplemented": 501,
}


def refusal(error: str, message: str, status: int | None = None) -> Refused:
    """A Refused to raise; names that are not in the table are a 400."""
    return Refused(json_answer({"error": error, "message": message}, status=status or _STATUS.get(error, 400)))


def invalid(message: str) -> Refused:
    return refusal("InvalidRequest", message)
