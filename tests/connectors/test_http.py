"""The one way out: what each failure of an exchange means, and what is never repeated, kept or logged."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from postroom.connectors.http import Answer, Http, ProxyLogin, failure, rest_seconds
from postroom.errors import OutcomeUnknown, ProviderDown, ProxyRefused
from tests.connectors.wire import Wire, answer, breaks
from tests.parts.faultproxy import FaultProxy

URL = "https://network.test/call?secret=in-the-query"
NOTHING_SENT = {
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
}


def every_subclass(kind: type[httpx.HTTPError]) -> Iterator[type[httpx.HTTPError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from every_subclass(child)


ERRORS = sorted({*every_subclass(httpx.HTTPError)} - {httpx.HTTPStatusError}, key=str)


def made(kind: type[BaseException]) -> BaseException:
    return kind("scripted")


async def read(http: Http, url: str = URL) -> Any:
    return await http.read("net", "look", url, headers={"cookie": "session=very-secret"})


async def write(http: Http, url: str = URL) -> Any:
    return await http.write("net", "act", url, headers={"cookie": "session=very-secret"}, content=b"words")


@pytest.mark.parametrize("kind", ERRORS)
def test_every_transport_error_of_a_write_says_whether_it_may_have_arrived(kind: type[BaseException]) -> None:
    expected = (
        ProxyRefused if issubclass(kind, ProxyLogin) else ProviderDown if kind in NOTHING_SENT else OutcomeUnknown
    )
    assert type(failure(made(kind), sent_matters=True)) is expected


@pytest.mark.parametrize("kind", ERRORS)
def test_every_transport_error_of_a_read_means_that_nothing_happened(kind: type[BaseException]) -> None:
    expected = ProxyRefused if issubclass(kind, ProxyLogin) else ProviderDown
    assert type(failure(made(kind), sent_matters=False)) is expected


@pytest.mark.parametrize("kind", sorted({*every_subclass(httpx.TransportError)}, key=str))
async def test_no_httpx_error_leaves_the_client(kind: type[httpx.TransportError]) -> None:
    http = Wire(breaks(kind)).http()
    with pytest.raises((ProviderDown, ProxyRefused)):
        await read(http)
    with pytest.raises((ProviderDown, ProxyRefused, OutcomeUnknown)):
        await write(http)


@pytest.mark.parametrize("responder", [breaks(httpx.ReadError), breaks(httpx.ConnectError), answer(503), answer(502)])
async def test_a_read_is_tried_three_times(responder: Any) -> None:
    wire = Wire(responder, responder, answer(200, {"fine": True}))
    assert (await read(wire.http())).json() == {"fine": True}
    assert len(wire.requests) == 3


async def test_a_network_that_stays_out_of_order_is_answered_with_its_own_status() -> None:
    wire = Wire(answer(503))
    assert (await read(wire.http())).status == 503
    assert len(wire.requests) == 3


@pytest.mark.parametrize("status", [500, 429, 404, 302])
async def test_a_read_that_was_answered_is_not_repeated(status: int) -> None:
    wire = Wire(answer(status, headers={"location": "https://elsewhere.test/"}))
    assert (await read(wire.http())).status == status
    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    "responder",
    [breaks(httpx.ReadError), breaks(httpx.ReadTimeout), breaks(httpx.ConnectError), breaks(httpx.RemoteProtocolError)],
)
async def test_a_write_that_fails_is_sent_once(responder: Any) -> None:
    wire = Wire(responder)
    with pytest.raises((ProviderDown, OutcomeUnknown)):
        await write(wire.http())
    assert len(wire.requests) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_write_that_was_answered_with_a_failure_is_sent_once(status: int) -> None:
    wire = Wire(answer(status))
    assert (await write(wire.http())).status == status
    assert len(wire.requests) == 1


async def test_cookies_that_a_network_sets_are_not_kept() -> None:
    wire = Wire(answer(200, headers={"set-cookie": "session=of-another-account"}))
    http = wire.http()
    await read(http)
    await http.read("net", "look", URL, headers={})
    assert "cookie" not in wire.last.headers


async def test_redirects_are_not_followed() -> None:
    wire = Wire(answer(302, headers={"location": "https://elsewhere.test/"}))
    assert (await read(wire.http())).status == 302
    assert {request.url.host for request in wire.requests} == {"network.test"}


async def test_an_answer_that_never_ends_is_given_up() -> None:
    http = Wire(answer(200, body=b"x" * 2000)).http(max_bytes=1000)
    with pytest.raises(ProviderDown):
        await read(http)
    with pytest.raises(OutcomeUnknown):
        await write(http)


async def test_an_answer_that_drips_is_given_up() -> None:
    class Drip(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                await asyncio.sleep(0.01)
                yield b"x"

    http = Wire(lambda request: httpx.Response(200, stream=Drip())).http(whole_seconds=0.1, tries=1)
    with pytest.raises(ProviderDown):
        await read(http)
    with pytest.raises(OutcomeUnknown):
        await write(http)


async def test_a_compressed_answer_is_read() -> None:
    import gzip

    packed = gzip.compress(b'{"a": 1}')
    wire = Wire(answer(200, body=packed, headers={"content-encoding": "gzip"}))
    assert (await read(wire.http())).json() == {"a": 1}


async def test_a_call_is_one_line_without_address_header_or_body() -> None:
    http = Wire(answer(503), answer(200, {"told": "very-private"})).http()
    with capture_logs() as lines:
        await read(http)
        await write(http)
    assert [line["operation"] for line in lines] == ["look", "act"]
    assert lines[0] == {
        "event": "provider.called",
        "log_level": "info",
        "provider": "net",
        "operation": "look",
        "status": 200,
        "ms": lines[0]["ms"],
        "attempt": 2,
    }
    assert not any(word in str(lines) for word in ("secret", "private", "network.test", "words"))


async def test_a_failed_call_is_one_line_that_names_the_cause() -> None:
    http = Wire(breaks(httpx.ReadTimeout)).http()
    with capture_logs() as lines, pytest.raises(OutcomeUnknown) as caught:
        await write(http)
    assert [(line["log_level"], line["cause"], line["status"]) for line in lines] == [("warning", "ReadTimeout", None)]
    assert "secret" not in repr(caught.value) + str(caught.value.context)


async def test_the_libraries_below_write_no_address_and_no_header(
    caplog: pytest.LogCaptureFixture, simulation: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    http = Http()
    headers = {"cookie": "li_at=user_revoked; JSESSIONID=ajax:1", "csrf-token": "ajax:1"}
    with capture_logs():
        told = await http.read("net", "look", f"{simulation.linkedin}/voyager/api/me?secret=1", headers=headers)
    await http.close()
    assert "delete me" in told.headers["set-cookie"]
    assert not any(word in caplog.text for word in ("user_revoked", "delete me", "secret=1"))


async def test_nobody_listening_means_nothing_was_sent() -> None:
    http = Http(tries=1)
    with pytest.raises(ProviderDown):
        await write(http, "http://127.0.0.1:9/")
    await http.close()


async def test_a_connection_that_is_cut_after_the_request_leaves_the_outcome_open(simulation: Any) -> None:
    simulation.fault("recall", {"reset": True})
    http = Http()
    with pytest.raises(OutcomeUnknown):
        await http.write(
            "net",
            "recall",
            f"{simulation.linkedin}/voyager/api/voyagerMessagingDashMessengerMessages?action=recall",
            headers={},
            content=b"{}",
        )
    await http.close()


async def test_a_silence_after_the_request_leaves_the_outcome_open(simulation: Any) -> None:
    host, _, port = simulation.linkedin.removeprefix("http://").partition("/")[0].partition(":")
    async with FaultProxy(host, int(port)) as proxy:
        http = Http(read_seconds=0.2, tries=1)
        proxy.faults.blackhole = True
        with pytest.raises(OutcomeUnknown):
            await write(http, f"http://127.0.0.1:{proxy.port}/linkedin/x")
        with pytest.raises(ProviderDown):
            await read(http, f"http://127.0.0.1:{proxy.port}/linkedin/x")
        await http.close()


async def test_a_stream_that_is_silent_for_too_long_ends() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {}\n\n")
        await writer.drain()
        await reader.read()
        writer.close()
        await writer.wait_closed()
        hung_up.set()

    hung_up = asyncio.Event()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    http = Http(idle_seconds=0.2)
    heard = []
    with pytest.raises(ProviderDown):
        async with http.stream("net", "listen", f"http://127.0.0.1:{port}/", headers={}) as stream:
            async for chunk in stream.chunks():
                heard.append(chunk)  # noqa: PERF401 - what was heard counts although the loop breaks
    assert b"".join(heard) == b"data: {}\n\n"
    await http.close()
    await hung_up.wait()
    server.close()
    await server.wait_closed()


DATE = {"date": "Fri, 20 Nov 2026 12:00:00 GMT"}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0.0),
        ({"ratelimit-remaining": "1", "retry-after": "9"}, 0.0),
        ({"ratelimit-remaining": "0"}, 0.0),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "1795176120", **DATE}, 120.0),
        ({"x-rate-limit-remaining": "0", "x-rate-limit-reset": "1795176060", **DATE}, 60.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "2026-11-20T12:05:00.000000Z", **DATE}, 300.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "30"}, 30.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "soon"}, 0.0),
        ({"ratelimit-remaining": "0", "retry-after": "7", "ratelimit-reset": "1795176120", **DATE}, 7.0),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "1795170000", **DATE}, 0.0),
    ],
)
def test_an_answer_that_uses_up_the_limit_says_how_long_to_rest(headers: dict[str, str], seconds: float) -> None:
    assert rest_seconds(Answer(200, httpx.Headers(headers), b"")) == seconds


async def test_many_calls_at_once_each_get_their_own_answer() -> None:
    """They go by several pools, and what comes after them by the same sockets."""
    opened = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                body = head.split(b" ", 2)[1]
                await asyncio.sleep(0.02)
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    http = Http()
    for _ in range(3):
        answers = await asyncio.gather(*(read(http, f"{base}/{number}") for number in range(40)))
        assert [answer.body.decode() for answer in answers] == [f"/{number}" for number in range(40)]
    assert opened <= 48
    await http.close()
    server.close()
    await asyncio.sleep(0.05)
