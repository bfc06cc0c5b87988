"""Every status and type of failure that PostPress's pages list, reached at every operation, over the whole way out."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog

from postroom.dialects.openapi import every_error
from postroom.dialects.operation import Application, Operation
from postroom.dialects.postpress import outside
from postroom.dialects.postpress.operations import DIALECT
from postroom.dialects.request import Request
from postroom.errors import Conflict, ErrorCode, Kind, LoginFailed, PostroomError
from postroom.services.house import Services
from tests.dialects.postpress.shapes import check

CATALOGUE: dict[str, list[str]] = json.loads((Path(__file__).parent / "error_types.json").read_text())

# What is published and never answered here, for the want of what it is about.
NOT_HERE = {
    400: {"invalid_request", "invalid_label"},
    401: {"captcha_not_supported", "invalid_imap_configuration", "invalid_smtp_configuration"},
    422: {
        "payment_error", "invalid_post", "already_invited_recently", "already_connected", "cannot_invite_attendee",
        "connection_limit_reached", "parent_mail_not_found", "invalid_reply_subject", "invalid_headers",
        "send_as_denied", "invalid_folder", "limit_too_high", "unauthorized", "sender_rejected",
        "ip_rejected_by_server", "provider_unreachable", "account_configuration_error",
        "realtime_client_not_initialized", "comments_disabled", "insufficient_job_slot",
    },
}  # fmt: skip

# The pages print these with a title and no type.
UNPUBLISHED = {407, 408, 409, 425}
OURS = {422, 429, 409}


class Failing:
    """An operation that fails as it is told to, and what its caller hears."""

    def __init__(self, operation: Operation) -> None:
        async def handler(services: Services, request: Request) -> Any:
            raise self.error

        self.error = PostroomError()
        changed = msgspec.structs.replace(operation, handler=handler, scope=None, body=None, path="/x")
        dialect = msgspec.structs.replace(DIALECT, operations=[changed])
        self._application = Application(dialect, None, 1024, lambda name: None)  # type: ignore[arg-type]
        self._scope = {"type": "http", "method": operation.method, "path": "/postpress/v1/x", "headers": []}

    async def heard(self, error: PostroomError) -> tuple[int, dict[str, Any]]:
        self.error = error
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self._application(self._scope, receive, send)
        return sent[0]["status"], json.loads(sent[1]["body"])


async def reached(operation: Operation) -> dict[int, set[str]]:
    """Every status and type that the operation answers with, whatever goes wrong."""
    found: dict[int, set[str]] = {}
    failing = Failing(operation)
    for error in every_error():
        if type(error) is PostroomError and error.kind is not Kind.GENERAL:
            continue  # a bug of ours: each is written to the log, and one is like the other
        with structlog.testing.capture_logs():
            status, body = await failing.heard(error)
        assert body["status"] == status
        word = body["type"].removeprefix("errors/")
        if word not in found.setdefault(status, set()):
            check("Error" if status in UNPUBLISHED else f"Error{status}", body)
            found[status].add(word)
    return found


# Those that are outside have one page in common.
OPERATIONS = [*(each for each in DIALECT.operations if each not in outside.OPERATIONS), *outside.OPERATIONS[:1]]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
async def test_an_operation_answers_every_type_of_every_status_on_its_page_and_no_other(operation: Operation) -> None:
    found = await reached(operation)
    assert found.keys() <= operation.errors | OURS
    for status in operation.errors - UNPUBLISHED:
        published = set(CATALOGUE[str(status)]) - NOT_HERE.get(status, set())
        if operation.name != "update_chat":
            published -= {"invalid_action"}
        assert found[status] == published, status


async def test_everything_that_is_published_is_answered_somewhere_or_known_not_to_be() -> None:
    found: dict[int, set[str]] = {}
    for operation in DIALECT.operations:
        if operation.name in ("connect_account", "start_chat", "update_chat"):
            for status, words in (await reached(operation)).items():
                found.setdefault(status, set()).update(words)
    for published, types in CATALOGUE.items():
        assert set(types) - found.get(int(published), set()) == NOT_HERE.get(int(published), set()), published


@pytest.mark.parametrize(
    ("kind", "status"), [(Kind.LINK_TIMED_OUT, 408), (Kind.LINK_SUPERSEDED, 409), (Kind.LINK_RUNNING, 425)]
)
async def test_an_attempt_to_link_that_is_over_replaced_or_running_has_a_status_of_its_own(
    kind: Kind, status: int
) -> None:
    connect = next(each for each in DIALECT.operations if each.name == "connect_account")
    heard, body = await Failing(connect).heard(LoginFailed(kind=kind, code=ErrorCode.AUTHENTICATION_INTENT_ERROR))
    assert (heard, body["type"]) == (status, "errors/authentication_intent_error")


async def test_a_key_that_came_with_another_request_is_told_from_a_request_that_cannot_be_used() -> None:
    send = next(each for each in DIALECT.operations if each.name == "send_message")
    status, body = await Failing(send).heard(Conflict(kind=Kind.KEY_REUSED))
    assert (status, body["type"]) == (422, "errors/unprocessable_entity")
