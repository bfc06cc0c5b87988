"""How the Bot API says no: `{"ok": false, "error_code", "description"}`, the status being the code."""

from __future__ import annotations

from typing import Any

from postroom_sim.network import Refused, json_answer

_CLASSES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    413: "Request Entity Too Large",
    429: "Too Many Requests",
}


def refusal(status: int, words: str = "", parameters: dict[str, Any] | None = None) -> Refused:
    description = _CLASSES[status] + (f": {words}" if words else "")
    tree: dict[str, Any] = {"ok": False, "error_code": status, "description": description}
    if parameters is not None:
        tree["parameters"] = parameters
    found = Refused(json_answer(tree, status=status))
    if parameters and "retry_after" in parameters:
        found.answer.headers["retry-after"] = str(parameters["retry_after"])
    return found


def bad(words: str) -> Refused:
    return refusal(400, words)
