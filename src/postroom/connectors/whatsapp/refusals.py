"""What the library says, in our classes: what Postroom does next depends on them. Pure."""

from typing import Any

from postroom.connectors.whatsapp.frames import Event
from postroom.errors import (
    ActionRequired,
    CredentialsRejected,
    ErrorCode,
    NotFound,
    OutcomeUnknown,
    ProviderDown,
    ProviderError,
    ProxyRefused,
    RateLimited,
    Refused,
    Unprocessable,
)

# What is said before anything is sent.
_NOT_SENT = (
    "client is nil",
    "websocket not connected",
    "failed to get user info",
    "failed to get device list",
    "failed to send usync query",
    "failed to upload",
    "failed to prepare",
)
_NO_DEVICE = ("the store doesn't contain a device JID", "not logged in")
_NO_RECIPIENT = (
    "no LID found",
    "message recipient must be a user JID",
    "can't send message to unknown server",
    "no encrypted devices",
    "not on WhatsApp",
)
_ENDED = frozenset({"LOGGED_OUT", "MAIN_DEVICE_GONE", "UNKNOWN_LOGOUT"})
_OUTDATED = frozenset({"CLIENT_OUTDATED", "BAD_USER_AGENT"})
# Source: what neonize 0.5.2 says of proxies that refuse, are down, or are none, as it was tried, 2026-11-21.
_NO_PROXY_LOGIN = (
    "Proxy Authentication Required",
    "username/password authentication failed",
    "no acceptable authentication methods",
)
_NO_WAY = ("failed to dial", "unsupported proxy scheme")

OUTDATED = "This server's WhatsApp library is too old for WhatsApp: its operator has to upgrade neonize."


def of_call(words: str) -> ProviderError:
    """Why a call did not do what it should. Only what surely was not sent is said to have done nothing."""
    if any(part in words for part in _NO_DEVICE):
        return CredentialsRejected("WhatsApp has unlinked this device: link the account again.")
    if any(part in words for part in _NOT_SENT):
        return ProviderDown("WhatsApp cannot be reached now. Nothing was sent.")
    if any(part in words for part in _NO_RECIPIENT):
        return Unprocessable("Nobody can be reached at WhatsApp there.", code=ErrorCode.INVALID_RECIPIENT)
    if "not participating in that group" in words:
        return Refused("The account is not in that group any more.")
    if "server returned error 429" in words or "rate-overlimit" in words:
        return RateLimited("WhatsApp wants nothing more of this account for now.", retry_after_seconds=60.0)
    if "server returned error" in words:
        number = words.rpartition("server returned error")[2].strip()[:3]
        return Refused(f"WhatsApp refused it ({number}).")
    return OutcomeUnknown("WhatsApp did not say whether it took it.")


def of_download(words: str) -> Exception:
    """Why a file cannot be had."""
    if any(part in words for part in ("404", "403", "410", "no url", "not found")):
        return NotFound("WhatsApp does not have this file any more.")
    return ProviderDown("WhatsApp did not give the file.")


def of_ending(event: Event, *, is_proxied: bool = False) -> ProviderError:
    """Why the session cannot go on. `is_proxied`: it goes out by a proxy, whose failures have all sorts of words."""
    values: dict[str, Any] = event.values or {}
    reason = values.get("Reason", "")
    if event.kind == "logged_out" or (event.kind == "failed" and reason in _ENDED):
        return CredentialsRejected("This device was unlinked from WhatsApp: link the account again.")
    if event.kind == "replaced":
        return CredentialsRejected(
            "The same session was opened somewhere else: only one server may have it. Link the account again.",
            code=ErrorCode.MULTIPLE_SESSIONS,
        )
    if event.kind == "banned" or (event.kind == "failed" and reason == "TEMP_BANNED"):
        return ActionRequired(_banned(values))
    if event.kind == "outdated" or (event.kind == "failed" and reason in _OUTDATED):
        return ActionRequired(OUTDATED)
    words = str(values.get("error", ""))
    if is_proxied and any(part in words for part in _NO_PROXY_LOGIN):
        return ProxyRefused("The account's proxy refused the login to it. Nothing was sent.")
    if is_proxied and any(part in words for part in _NO_WAY):
        return ProviderDown(
            "The account's proxy did not lead to WhatsApp. Nothing was sent.", code=ErrorCode.PROXY_ERROR
        )
    if event.kind == "lost":
        return ProviderDown("WhatsApp's process ended; it is started again.")
    return ProviderDown("The connection to WhatsApp ended; it is made again.")


def _banned(values: dict[str, Any]) -> str:
    seconds = values.get("Expire")
    until = f" for {seconds} seconds" if seconds not in (None, "0", 0) else ""
    why = str(values.get("Code", "")).replace("_", " ").lower()
    return f"WhatsApp has banned this account{until}{f' ({why})' if why else ''}: see WhatsApp on the telephone."
