"""The four dialects' tables, and every failure that each of their operations can be asked to word."""

from collections.abc import Iterator

import msgspec

from postroom.dialects.connectsafely.operations import DIALECT as CONNECTSAFELY
from postroom.dialects.native.operations import DIALECT as NATIVE
from postroom.dialects.openapi import every_error
from postroom.dialects.operation import Answer, Dialect, Operation
from postroom.dialects.postpost.operations import DIALECT as POSTPOST
from postroom.dialects.postpress.operations import DIALECT as POSTPRESS
from postroom.dialects.request import Request
from postroom.errors import PostroomError

DIALECTS = [POSTPRESS, CONNECTSAFELY, POSTPOST, NATIVE]


def asked(operation: Operation | None, *, begun: bool = True) -> Request:
    """A request for this operation; `begun`: its key was good."""
    method = "GET" if operation is None else operation.method
    request = Request({"type": "http", "method": method, "path": "/", "headers": [(b"x-request-id", b"req-1")]})
    request.begun = begun
    return request


def worded(dialect: Dialect, name: str, error: PostroomError, *, begun: bool = True) -> tuple[int, dict[str, object]]:
    """The status and body with which an operation answers this failure."""
    operation = next(each for each in dialect.operations if each.name == name)
    answer = dialect.failure(error, operation, asked(operation, begun=begun))
    return answer.status, msgspec.json.decode(answer.body)


def all_failures() -> Iterator[tuple[Dialect, Operation, PostroomError, Answer]]:
    """Every operation with every class, code and kind of error."""
    for dialect in DIALECTS:
        for operation in dialect.operations:
            for error in every_error():
                yield dialect, operation, error, dialect.failure(error, operation, asked(operation))
