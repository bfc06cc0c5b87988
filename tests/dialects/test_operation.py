"""The machine under the dialects, with a table of its own: what a bug in an operation becomes."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from postroom.dialects.operation import Answer, Application, Dialect, Operation, Streamed
from postroom.dialects.postpress.errors import Error, failure
from postroom.dialects.request import Request
from postroom.errors import ProviderDown, RateLimited
from postroom.services.house import Services


class Said(msgspec.Struct):
    value: str


async def breaks(services: Services, request: Request) -> Said:
    raise ZeroDivisionError("a secret of ours")


async def waits(services: Services, request: Request) -> Said:
    raise RateLimited(retry_after_seconds=1.2)


async def says(services: Services, request: Request) -> Said:
    return Said(value="/".join(request.path.values()))


async def drips(services: Services, request: Request) -> Streamed:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"first"
        if request.path["id"] == "broken":
            raise ProviderDown
        yield b"last"

    return Streamed(content_type="text/html", size_bytes=None, chunks=chunks())


def row(name: str, method: str, path: str, handler: Any) -> Operation:
    return Operation(
        name=name,
        method=method,
        path=path,
        summary=".",
        handler=handler,
        answer=Said,
        errors=frozenset({500}),
        scope=None,
    )


async def nobody(services: Services, request: Request) -> Any:
    raise NotImplementedError


TABLE = Dialect(
    name="test",
    title="",
    docs="",
    base="/test",
    prefixes=("/v1", ""),
    operations=[
        row("breaks", "GET", "/breaks", breaks),
        row("waits", "GET", "/waits", waits),
        row("one", "GET", "/things/{id}", says),
        row("named", "GET", "/things/named", says),
        row("drips", "GET", "/drips/{id}", drips),
        row("two", "GET", "/things/{id}/parts/{part}", says),
    ],
    authenticate=nobody,
    failure=failure,
    failure_type=Error,
    security={},
)


async def ask(path: bytes, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    """What the table answers, by the whole raw path."""
    heard = await hear(path, method)
    headers = {name.decode(): value.decode() for name, value in heard[0]["headers"]}
    return heard[0]["status"], headers, heard[1]["body"]


async def hear(path: bytes, method: str = "GET") -> list[Any]:
    """Every message of that answer."""
    heard: list[Any] = []

    async def send(message: Any) -> None:
        heard.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    # The operations of this table ask for no services.
    application = Application(TABLE, None, 1024, lambda name: None)  # type: ignore[arg-type]
    await application({"type": "http", "method": method, "raw_path": path, "path": "", "headers": []}, receive, send)
    return heard


async def test_an_answer_that_goes_on_is_no_page_of_ours_and_has_no_end_where_it_breaks_off() -> None:
    start, *whole = await hear(b"/test/v1/drips/a")
    headers = dict(start["headers"])
    assert headers[b"content-disposition"] == b"attachment"
    assert b"sandbox" in headers[b"content-security-policy"]
    assert [(each["body"], each.get("more_body", False)) for each in whole] == [
        (b"first", True),
        (b"last", True),
        (b"", False),
    ]
    _, *broken = await hear(b"/test/v1/drips/broken")
    assert [(each["body"], each.get("more_body", False)) for each in broken] == [(b"first", True)]
    _, *head = await hear(b"/test/v1/drips/a", "HEAD")
    assert [each["body"] for each in head] == [b""]


async def test_a_bug_is_a_500_in_the_dialects_shape_that_tells_nothing_of_it() -> None:
    status, headers, body = await ask(b"/test/v1/breaks")
    assert status == 500
    assert b"secret" not in body
    assert msgspec.json.decode(body, type=Error).instance == headers["x-request-id"]


async def test_whoever_has_to_wait_is_told_how_long_in_whole_seconds() -> None:
    status, headers, _ = await ask(b"/test/v1/waits")
    assert (status, headers["retry-after"]) == (429, "2")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (b"/test/v1/things/a", "a"),
        (b"/test/things/a", "a"),
        (b"/test/v1/things/named", ""),
        (b"/test/v1/things/a%2Fb", "a/b"),
        (b"/test/v1/things/a%252Fb", "a%2Fb"),
        (b"/test/v1/things/a+b", "a+b"),
        (b"/test/v1/things/urn%3Ali%3A%28x%2Cy%29/parts/%C3%A9", "urn:li:(x,y)/é"),
        (b"/test/v1/things/a:b(c,d)=/parts/\xc3\xa9", "a:b(c,d)=/é"),
    ],
)
async def test_segments_are_told_apart_before_they_are_decoded_and_decoded_once(path: bytes, value: str) -> None:
    status, _, body = await ask(path)
    assert (status, msgspec.json.decode(body)) == (200, {"value": value})


@pytest.mark.parametrize(
    "path",
    [b"/test/v1/things", b"/test/v1/things//parts/a", b"/test/v1/things/a/parts", b"/test/v1/things/a/b", b"/test"],
)
async def test_what_no_row_has_is_not_found(path: bytes) -> None:
    assert (await ask(path))[0] == 404


async def test_an_answer_may_be_whole() -> None:
    assert Answer(200, b"x").content_type == b"application/json"
