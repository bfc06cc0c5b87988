"""What is sent again, and what is not: over a line that loses answers, and at a border that answers as it is told."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from postroom_client import (
    AsyncClient,
    Client,
    CursorTooOld,
    NoAnswer,
    NotAuthenticated,
    OutcomeUnknown,
    RateLimited,
    ServerError,
    Unavailable,
    UnexpectedAnswer,
)
from tests.parts.faultproxy import FaultProxy, Faults
from tests.servers import Server, running_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("again") / "data") as running:
        yield running


@pytest.fixture
async def line(server: Server) -> AsyncIterator[FaultProxy]:
    address = httpx.URL(server.line["native"])
    assert address.port is not None
    async with FaultProxy(address.host, address.port) as proxy:
        yield proxy


@contextlib.asynccontextmanager
async def losing_the_first_answer(proxy: FaultProxy) -> AsyncIterator[None]:
    """The first connection is reset as its answer begins; those after it find a good line."""

    async def heal() -> None:
        while not proxy.accepted:
            await asyncio.sleep(0.001)
        # The fault holds for a connection that is open, too: so it is healed once that one is cut.
        while proxy.accepted < 2 and not done.is_set():
            await asyncio.sleep(0.001)
        proxy.heal()

    proxy.faults, done = Faults(reset_after_bytes=1), asyncio.Event()
    healing = asyncio.create_task(heal())
    try:
        yield
    finally:
        done.set()
        await healing


async def drafts(server: Server, content: str) -> int:
    async with AsyncClient(server.line["native"], server.line["key"]) as client:
        return [each.content async for each in client.posts.list(limit=100)].count(content)


async def test_a_post_whose_answer_is_lost_is_not_sent_again_without_a_key(server: Server, line: FaultProxy) -> None:
    async with AsyncClient(f"http://127.0.0.1:{line.port}", server.line["key"], idempotent=False) as client:
        async with losing_the_first_answer(line):
            with pytest.raises(NoAnswer) as lost:
                await client.posts.create("Once, or not at all", ["bluesky-x"])
        assert lost.value.in_doubt
        assert line.accepted == 1
    assert await drafts(server, "Once, or not at all") == 1


@pytest.mark.parametrize("key", [None, "of-mine"])
async def test_a_post_whose_answer_is_lost_is_sent_again_under_its_key_and_done_once(
    server: Server, line: FaultProxy, key: str | None
) -> None:
    content = f"Once for all, {key}"
    async with AsyncClient(f"http://127.0.0.1:{line.port}", server.line["key"]) as client:
        asking = client if key is None else client.once(key)
        async with losing_the_first_answer(line):
            made = await asking.posts.create(content, ["bluesky-x"])
        assert line.accepted >= 2
        assert (await client.posts.get(made.id)).content == content
    assert await drafts(server, content) == 1


async def test_the_client_that_blocks_does_the_same_and_reads_are_sent_again(server: Server, line: FaultProxy) -> None:
    def ask() -> int:
        with Client(f"http://127.0.0.1:{line.port}", server.line["key"]) as client:
            return len(list(client.accounts.list()))

    async with losing_the_first_answer(line):
        assert await asyncio.to_thread(ask) > 1
    assert line.accepted >= 2


async def test_an_answer_that_takes_too_long_is_given_up(server: Server, line: FaultProxy) -> None:
    line.faults = Faults(blackhole=True)
    async with AsyncClient(f"http://127.0.0.1:{line.port}", timeout_seconds=0.2, retries=1) as client:
        began = time.monotonic()
        with pytest.raises(NoAnswer, match="lost") as lost:
            await client.server.health()
    assert (line.accepted, lost.value.in_doubt) == (2, False)
    assert time.monotonic() - began < 3


class Border:
    """Answers as it is told, one after the other; the last one for ever."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    def client(self, *, idempotent: bool = True, most_wait_seconds: float = 60.0) -> Client:
        transport = httpx.MockTransport(self)
        return Client("http://it", "k", transport=transport, idempotent=idempotent, most_wait_seconds=most_wait_seconds)


def problem(status: int, code: str, **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"code": code, "detail": "No.", "context": {}}, headers=headers)


DONE = httpx.Response(200, json={"id": "x", "done": "queued"})
GATEWAY = httpx.Response(503, text="<html>", headers={"Retry-After": "0"})


def test_what_says_that_nothing_was_done_is_asked_again_when_it_says() -> None:
    border = Border(problem(429, "too_many_requests", **{"Retry-After": "1"}), DONE)
    began = time.monotonic()
    assert border.client(idempotent=False).accounts.sync("acc_1").done == "queued"
    assert time.monotonic() - began >= 1
    for answer in (problem(503, "service_unavailable"), problem(502, "provider_error"), httpx.ConnectError("refused")):
        border = Border(answer, DONE)
        assert border.client(idempotent=False).accounts.sync("acc_1").done == "queued"
        assert not any("idempotency-key" in request.headers for request in border.asked)


def test_what_is_to_be_asked_again_too_late_is_raised_at_once() -> None:
    border = Border(problem(429, "too_many_requests", **{"Retry-After": "90"}))
    with pytest.raises(RateLimited) as limited:
        border.client().accounts.sync("acc_1")
    assert (len(border.asked), limited.value.retry_after_seconds, limited.value.in_doubt) == (1, 90.0, False)


def test_what_goes_on_failing_is_raised_after_two_more_tries() -> None:
    border = Border(GATEWAY)
    with pytest.raises(Unavailable):
        border.client().accounts.get("acc_1")
    assert len(border.asked) == 3


def test_a_gateways_failure_is_asked_again_only_where_that_is_safe() -> None:
    border = Border(GATEWAY, DONE)
    with pytest.raises(Unavailable) as failed:
        border.client(idempotent=False).accounts.sync("acc_1")
    assert (len(border.asked), failed.value.in_doubt) == (1, True)
    border = Border(GATEWAY, DONE)
    border.client().accounts.sync("acc_1")
    assert len({request.headers["idempotency-key"] for request in border.asked}) == 1
    border = Border(GATEWAY, DONE)
    with pytest.raises(Unavailable):
        border.client().request("POST", "/api/accounts/acc_1/sync")
    assert border.client().request("GET", "/api/anything") == {"id": "x", "done": "queued"}


def test_what_may_have_been_done_is_never_asked_again_by_itself() -> None:
    for answer, kind in (
        (problem(504, "request_timeout"), OutcomeUnknown),
        (problem(500, "unexpected_error"), ServerError),
    ):
        border = Border(answer, DONE)
        with pytest.raises(kind) as unknown:
            border.client().messages.delete("msg_1")
        assert (len(border.asked), unknown.value.in_doubt) == (1, True)
    border = Border(httpx.ReadError("lost"), DONE)
    with pytest.raises(NoAnswer) as lost:
        border.client(idempotent=False).messages.delete("msg_1")
    assert (len(border.asked), lost.value.in_doubt) == (1, True)


def test_the_answer_of_what_is_in_flight_under_the_same_key_is_waited_for() -> None:
    border = Border(*[problem(409, "invalid_parameters", **{"Retry-After": "0"})] * 4, DONE)
    assert border.client().once("mine").accounts.sync("acc_1").done == "queued"
    assert {request.headers["idempotency-key"] for request in border.asked} == {"mine"}


def test_the_key_goes_to_its_server_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTROOM_SERVER", "http://of-the-environment/api")
    monkeypatch.setenv("POSTROOM_KEY", "of-the-environment")
    for server, sent in ((None, "of-the-environment"), ("http://another", None)):
        border = Border(DONE)
        Client(server, transport=httpx.MockTransport(border)).accounts.sync("acc_1")
        assert (border.asked[0].url.host, border.asked[0].headers.get("x-api-key")) == (
            sent or "another",
            sent,
        )
    address = {"media_id": "m", "upload_url": "https://elsewhere/put", "file_url": "x"}
    border = Border(httpx.Response(201, json=address), httpx.Response(403, json={}))
    with pytest.raises(Exception, match="403"):
        border.client().posts.upload("g", b"x", file_name="a.png")
    first, second = border.asked
    assert (first.headers["x-api-key"], first.url.path) == ("k", "/api/post-groups/g/media")
    assert not {"x-api-key", "authorization", "idempotency-key"} & set(second.headers)
    border = Border(DONE)
    border.client().accounts.sync("a/../../keys?x#y")
    assert border.asked[0].url.raw_path == b"/api/accounts/a%2F..%2F..%2Fkeys%3Fx%23y/sync"
    border = Border(DONE, DONE)
    for nothing in ("..", ""):
        border.client().accounts.sync(nothing)
    assert {each.url.raw_path for each in border.asked} == {b"/api/accounts/_/sync"}


def event(position: int) -> dict[str, Any]:
    return {
        "position": position,
        "id": "evt_1",
        "type": "post.failed",
        "created_at": "2026-05-17T09:42:11Z",
        "data": {},
    }


def test_the_log_is_followed_from_where_one_was_until_something_is_wrong_that_waiting_does_not_mend() -> None:
    page = httpx.Response(200, json={"items": [event(5)], "position": 7})
    border = Border(page, GATEWAY, httpx.ReadError("lost"), problem(401, "invalid_credentials"))
    events = border.client().events.follow(3)
    assert next(events).position == 5
    with pytest.raises(NotAuthenticated):
        next(events)
    asked = [(request.url.params["after"], request.url.params["wait_seconds"]) for request in border.asked]
    assert asked == [("3", "0"), ("7", "25"), ("7", "25"), ("7", "25")]


def test_who_follows_the_log_of_nobody_or_has_waited_long_enough_is_told() -> None:
    border = Border(httpx.ConnectError("refused"))
    with pytest.raises(NoAnswer):
        next(border.client().events.follow(0))
    assert len(border.asked) == 3
    border = Border(httpx.Response(200, json={"items": [event(1)], "position": 1}), httpx.ConnectError("refused"))
    events = border.client().events.follow(0, give_up_after_seconds=0)
    assert next(events).position == 1
    with pytest.raises(NoAnswer):
        next(events)
    old = httpx.Response(410, json={"code": "cursor_too_old", "detail": "No.", "context": {"oldest": 17}})
    with pytest.raises(CursorTooOld) as gap:
        next(Border(old).client().events.follow(1))
    assert gap.value.oldest == 17


def test_what_is_no_answer_of_postrooms_is_said_to_be_none() -> None:
    for body in (b"<html>", b"[]", b'{"id": 1}'):
        with pytest.raises(UnexpectedAnswer, match="/api/accounts/acc_1"):
            Border(httpx.Response(200, content=body)).client().accounts.get("acc_1")


@pytest.mark.slow
async def test_events_go_on_after_a_restart_of_the_server_with_none_missed_and_none_doubled(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    heard: list[int] = []

    async def listen(key: str) -> None:
        async with AsyncClient(f"http://127.0.0.1:{port}", key) as client:
            async for event in client.events.follow(0, types=["post.scheduled"]):
                heard.append(event.position)  # noqa: PERF401 it is looked at meanwhile

    async def write(key: str, many: int) -> list[int]:
        async with AsyncClient(f"http://127.0.0.1:{port}", key) as client:
            later = datetime.now(UTC) + timedelta(days=300)
            for _ in range(many):
                await client.posts.create("Later", ["bluesky-x"], scheduled_at=later)
            log = await client.events.read(0, limit=250)
            return [each.position for each in log.items if each.type == "post.scheduled"]

    async def until(wanted: list[int]) -> None:
        async with asyncio.timeout(30):
            while len(heard) < len(wanted):
                await asyncio.sleep(0.02)

    with running_server(tmp_path / "data", port=port) as first:
        key = first.line["key"]
        listening = asyncio.create_task(listen(key))
        await until(await write(key, 3))
        before = await write(key, 2)
        first.kill()
    with running_server(tmp_path / "data", port=port):
        after = await write(key, 3)
        await until(after)
        await asyncio.sleep(0.2)
    listening.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await listening
    assert heard == after
    assert after[: len(before)] == before
