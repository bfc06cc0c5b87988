"""How LinkedIn's versioned API says no.

Source: LinkedIn "Error handling".
"""

from __future__ import annotations

from typing import Any

from postroom_sim.network import Refused, json_answer


def refusal(status: int, code: str, message: str, number: int | None = None, **more: Any) -> Refused:
    tree: dict[str, Any] = {"status": status, "code": code, "message": message, **more}
    if number is not None:
        tree["serviceErrorCode"] = number
    return Refused(json_answer(tree, status=status))


def invalid(message: str, status: int = 400) -> Refused:
    return refusal(status, "INVALID_REQUEST", message)


def denied(what: str) -> Refused:
    return refusal(403, "ACCESS_DENIED", f"Not enough permissions to access: {what}", 100)


def no_token() -> Refused:
    return refusal(401, "EMPTY_ACCESS_TOKEN", "Empty oauth2_access_token", 401)


def invalid_token() -> Refused:
    return refusal(401, "INVALID_ACCESS_TOKEN", "Invalid access token", 65600)


def revoked() -> Refused:
    return refusal(401, "REVOKED_ACCESS_TOKEN", "The token used in the request has been revoked by the user", 65601)


def expired() -> Refused:
    return refusal(401, "EXPIRED_ACCESS_TOKEN", "The token used in the request has expired", 65602)


def duplicate(urn: str) -> Refused:
    return Refused(
        json_answer(
            {
                "errorDetailType": "com.linkedin.common.error.BadRequest",
                "message": f"Content is a duplicate of {urn}",
                "errorDetails": {
                    "inputErrors": [
                        {"description": "Duplicate post is detected", "input": {}, "code": "DUPLICATE_POST"}
                    ]
                },
                "status": 422,
            },
            status=422,
        )
    )
