"""Exit codes: what each failure is to a script that called."""

import sys
from typing import Any

DONE, FAILED, CANNOT, UNKNOWN, INTERRUPTED = 0, 1, 2, 3, 130

EXIT_CODES = {
    DONE: "Done.",
    FAILED: "Refused, not found, or failed: nothing was changed, unless the line on standard error says so. "
    "Also what a check found wanting.",
    CANNOT: "It could not be tried: a wrong option or setting, no key or a wrong one, a server or database that cannot be "
    "reached.",
    UNKNOWN: "The network did not say what became of it. It may be done; look before you ask again.",
    INTERRUPTED: "Stopped by Ctrl-C.",
}


class Said(Exception):
    """A failure in a line, with its exit code."""

    def __init__(self, line: str, code: int = FAILED) -> None:
        super().__init__(line)
        self.line = line
        self.code = code


def explain(error: Exception) -> tuple[str, int] | None:
    """The line and the exit code of a failure; None: it is a bug."""
    if isinstance(error, Said):
        return error.line, error.code
    if isinstance(error, OSError):
        return str(error), CANNOT
    sqlite = _loaded("apsw")
    if sqlite is not None and isinstance(error, sqlite.Error):
        return f"The database or the keyring cannot be used: {error}.", CANNOT
    for judge in (_of_the_server, _of_the_client):
        found = judge(error)
        if found is not None:
            return found
    return None


def _loaded(module: str) -> Any:
    """What was not imported did not raise."""
    return sys.modules.get(module)


def _of_the_server(error: Exception) -> tuple[str, int] | None:
    errors = _loaded("postroom.errors")
    if errors is None or not isinstance(error, errors.PostroomError):
        return None
    if isinstance(error, errors.OutcomeUnknown):
        return error.detail, UNKNOWN
    refused = (
        errors.InvalidParameters,
        errors.NotPermitted,
        errors.NotFound,
        errors.Conflict,
        errors.NotImplementedHere,
        errors.ProviderError,
    )
    return error.detail, FAILED if isinstance(error, refused) else CANNOT


def _of_the_client(error: Exception) -> tuple[str, int] | None:
    client = _loaded("postroom_client")
    if client is None or not isinstance(error, client.PostroomError):
        return None
    if isinstance(error, client.OutcomeUnknown) or (error.in_doubt and not isinstance(error, client.Refused)):
        return f"{error} It may be done all the same: look before you ask again.", UNKNOWN
    cannot = (client.NoAnswer, client.UnexpectedAnswer, client.NotAuthenticated, client.Unavailable, client.ServerError)
    return str(error), CANNOT if isinstance(error, cannot) else FAILED
