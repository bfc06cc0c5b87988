"""Graph's answers, scripted, and what Graph was asked."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from tests.connectors.wire import Responder, Wire, answer


def says(
    code: int, subcode: int | None = None, *, status: int = 400, headers: Mapping[str, str] | None = None, **more: Any
) -> Responder:
    """Graph's error."""
    tree: dict[str, Any] = {"message": "No", "type": "OAuthException", "code": code, "fbtrace_id": "A", **more}
    if subcode is not None:
        tree["error_subcode"] = subcode
    return answer(status, {"error": tree}, headers=headers)


def asked(wire: Wire, index: int) -> tuple[str, str, dict[str, str]]:
    """Method, path and parameters of a request."""
    request = wire.requests[index]
    sent = request.content.decode() if request.method == "POST" else request.url.query.decode()
    return request.method, request.url.path, dict(parse_qsl(sent))


GONE = says(100, 33)
