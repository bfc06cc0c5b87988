"""The realtime stream: frames cut anywhere, streams that end, fail or fall silent, and what is told after each."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.connectors.linkedin import realtime
from postroom.connectors.linkedin.connection import LinkedInConnection
from postroom.connectors.linkedin.connector import LinkedInConnector
from postroom.domain.remote import Closed, Credentials, Gap, MessageSeen, Profile, RemoteEvent
from postroom.errors import ActionRequired, CredentialsRejected, Refused
from tests.connectors.linkedin.test_convert import fixture
from tests.connectors.linkedin.test_keys import A
from tests.connectors.wire import Responder, answer, breaks

CONNECTED = {"com.linkedin.realtimefrontend.ClientConnection": {"id": "one"}}


def frame(tree: Any) -> bytes:
    return b"data: " + json.dumps(tree, ensure_ascii=False).encode() + b"\n\n"


class Script(httpx.AsyncByteStream):
    """Chunks, then the end, a failure, or silence."""

    def __init__(self, chunks: list[bytes], end: type[Exception] | None = None, *, silent: bool = False) -> None:
        self._chunks = chunks
        self._end = end
        self._silent = silent

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk
        if self._silent:
            await asyncio.Event().wait()
        if self._end is not None:
            raise self._end("scripted")


def stream(*trees: Any, end: type[Exception] | None = None, silent: bool = False) -> Responder:
    return lambda request: httpx.Response(
        200, stream=Script([frame(CONNECTED), *(frame(tree) for tree in trees)], end, silent=silent)
    )


class Realtime:
    """LinkedIn's two addresses of realtime: the stream is scripted, a heartbeat is always fine."""

    def __init__(self, *script: Responder) -> None:
        self._script = list(script)
        self.connects: list[httpx.Request] = []
        self.beats: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path != "/realtime/connect":
            self.beats.append(request)
            return httpx.Response(200)
        self.connects.append(request)
        # After the script the stream is open and says nothing.
        return (self._script.pop(0) if self._script else stream(silent=True))(request)

    @property
    def sessions(self) -> list[str]:
        return [request.headers["x-li-realtime-session"] for request in self.connects]


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the listener would have waited, instead of waiting."""
    found: list[float] = []
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def at_once(seconds: float) -> None:
        if seconds == 60:  # between two heartbeats, or the longest wait of all
            found.append(seconds)
            await sleep(3600 if len(found) > 200 else 0.001)
            return
        found.append(seconds)
        await sleep(0)

    monkeypatch.setattr("postroom.connectors.linkedin.listening.asyncio.sleep", at_once)
    return found


def listener(far: Realtime) -> LinkedInConnection:
    from postroom.connectors.http import Http

    async def keep(credentials: Credentials) -> None:
        raise AssertionError

    credentials = Credentials(values={"li_at": "x", "jsessionid": "ajax:1"})
    profile = Profile(provider_id=A, username="ada", name="Ada Merino")
    http = Http(transport=httpx.MockTransport(far), backoff_seconds=0)
    connection = LinkedInConnector(http=http).open(profile, credentials, keep)
    assert isinstance(connection, LinkedInConnection)
    return connection


async def heard(far: Realtime, count: int, *, closings: bool = False) -> list[RemoteEvent]:
    events: list[RemoteEvent] = []
    async with asyncio.timeout(5), aclosing(listener(far).listen()) as news:  # type: ignore[type-var]
        async for event in news:
            if isinstance(event, Closed) and not closings:
                continue
            events.append(event)
            if len(events) == count:
                break
    return events


def shape(events: list[RemoteEvent]) -> list[str]:
    return [type(event).__name__ for event in events]


async def test_what_is_new_is_told_after_a_gap_for_what_came_before() -> None:
    far = Realtime(stream(fixture("realtime-message"), fixture("realtime-heartbeat"), fixture("realtime-recall")))
    events = await heard(far, 3)
    assert shape(events) == ["Gap", "MessageSeen", "MessageSeen"]
    assert isinstance(events[2], MessageSeen)
    assert events[2].message.recalled


async def test_the_stream_is_asked_for_as_the_web_client_asks() -> None:
    far = Realtime(stream(fixture("realtime-message")))
    await heard(far, 2)
    headers = far.connects[0].headers
    assert str(far.connects[0].url) == "https://www.linkedin.com/realtime/connect?rc=1"
    assert headers["accept"] == "text/event-stream"
    topics = json.loads(headers["x-li-query-map"])["topicToGraphQLQueryParams"]
    assert {"messagesTopic", "messagesBroadcastTopic", "conversationDeletesTopic"} <= set(topics)
    assert topics["messagesTopic"]["queryId"].startswith("voyagerMessagingDashMessengerRealtimeDecoration.")


async def test_a_stream_that_ends_is_opened_at_once_in_the_same_session(waits: list[float]) -> None:
    far = Realtime(stream(fixture("realtime-message")), stream(fixture("realtime-reaction")))
    events = await heard(far, 4)
    assert shape(events) == ["Gap", "MessageSeen", "Gap", "ReactionChanged"]
    assert len(set(far.sessions)) == 1
    assert [seconds for seconds in waits if seconds != 60] == []


async def test_a_stream_that_breaks_is_opened_again_after_a_while(waits: list[float]) -> None:
    far = Realtime(
        breaks(httpx.ConnectError),
        answer(500),
        answer(503),
        stream(fixture("realtime-message"), end=httpx.ReadTimeout),
        stream(fixture("realtime-reaction")),
    )
    events = await heard(far, 4)
    assert shape(events) == ["Gap", "MessageSeen", "Gap", "ReactionChanged"]
    assert_grown([seconds for seconds in waits if seconds != 60], [2, 4, 8, 2])


def assert_grown(waits: list[float], most: list[float]) -> None:
    """Each wait is between half of what it may be and that, and no two are the same: accounts do not come back at once."""
    assert len(waits) == len(set(waits)) == len(most)
    assert all(whole / 2 <= waited <= whole for waited, whole in zip(waits, most, strict=True)), waits


async def test_what_is_not_heard_any_more_is_said_once_until_it_is_heard_again(waits: list[float]) -> None:
    far = Realtime(answer(500), answer(500), stream(fixture("realtime-message")), answer(503), answer(503), stream())
    events = await heard(far, 5, closings=True)
    assert shape(events) == ["Closed", "Gap", "MessageSeen", "Closed", "Gap"]


async def test_a_wait_is_never_longer_than_a_minute(waits: list[float]) -> None:
    far = Realtime(*[answer(500)] * 40, stream(fixture("realtime-message")))
    await heard(far, 2)
    assert max(seconds for seconds in waits) <= 60
    assert max(seconds for seconds in waits if seconds != 60) > 30


async def test_streams_that_say_nothing_are_not_opened_without_rest(waits: list[float]) -> None:
    far = Realtime(*[stream()] * 5, stream(fixture("realtime-message")))
    await heard(far, 7)
    assert_grown([seconds for seconds in waits if seconds != 60], [2, 4, 8, 16])


async def test_a_session_that_is_refused_is_replaced(waits: list[float]) -> None:
    far = Realtime(answer(400), stream(fixture("realtime-message")))
    await heard(far, 2)
    assert len(set(far.sessions)) == 2


async def test_a_rate_limit_is_waited_for(waits: list[float]) -> None:
    far = Realtime(answer(429, headers={"retry-after": "7"}), stream(fixture("realtime-message")))
    await heard(far, 2)
    assert any(7 <= seconds <= 8.4 for seconds in waits)


@pytest.mark.parametrize(
    ("responder", "kind"),
    [
        (answer(401), CredentialsRejected),
        (answer(302, headers={"location": "/uas/login"}), CredentialsRejected),
        (answer(302, headers={"location": "/checkpoint/challenge/x"}), ActionRequired),
        (answer(999), ActionRequired),
        (answer(403), Refused),
    ],
)
async def test_listening_ends_where_only_the_owner_can_help(responder: Any, kind: type[Exception]) -> None:
    far = Realtime(stream(fixture("realtime-message")), responder)
    with pytest.raises(kind):
        await heard(far, 9)


async def test_another_session_in_one_stream_is_a_gap() -> None:
    other = {"com.linkedin.realtimefrontend.ClientConnection": {"id": "two"}}
    events = await heard(Realtime(stream(CONNECTED, other, fixture("realtime-message"))), 3)
    assert shape(events) == ["Gap", "Gap", "MessageSeen"]


async def test_a_frame_that_cannot_be_read_is_a_gap() -> None:
    broken: Responder = lambda request: httpx.Response(  # noqa: E731 - a responder is a lambda
        200, stream=Script([b"data: {\xff\n\n", frame(fixture("realtime-message"))])
    )
    assert shape(await heard(Realtime(broken), 3)) == ["Gap", "Gap", "MessageSeen"]


async def test_somebody_is_said_to_be_listening() -> None:
    far = Realtime(stream(fixture("realtime-message"), silent=True))
    events: list[RemoteEvent] = []
    async with asyncio.timeout(5), aclosing(listener(far).listen()) as news:  # type: ignore[type-var]
        async for event in news:
            events.append(event)
            while not far.beats:
                await asyncio.sleep(0.01)
            if len(events) == 2:
                break
    body = json.loads(far.beats[0].content)
    assert body["isFirstHeartbeat"] is True
    assert body["realtimeSessionId"] == far.sessions[0]
    assert body["actorUrn"] == f"urn:li:fsd_profile:{A}"


async def test_nothing_goes_on_once_nobody_listens() -> None:
    before = asyncio.all_tasks()
    await heard(Realtime(stream(fixture("realtime-message"), silent=True)), 2)
    for _ in range(5):  # Generators inside generators are closed one after the other.
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


@given(data=st.data())
def test_frames_may_be_cut_anywhere(data: st.DataObject) -> None:
    trees = [fixture("realtime-message"), fixture("realtime-reaction"), CONNECTED]
    whole = b": comment\nevent: x\r\nid: 1\r\n" + b"".join(frame(tree) for tree in trees).replace(b"\n", b"\r\n")
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=30)))
    parts = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    frames = realtime.Frames()
    assert [json.loads(found) for part in parts for found in frames.feed(part)] == trees


def test_a_frame_that_never_ends_is_given_up() -> None:
    frames = realtime.Frames()
    with pytest.raises(realtime.FrameTooLong):
        for _ in range(realtime.MAX_FRAME_BYTES // 65536 + 2):
            list(frames.feed(b"x" * 65536))


def test_many_frames_in_one_stream_are_no_long_frame() -> None:
    frames = realtime.Frames()
    one = frame({"com.linkedin.realtimefrontend.Heartbeat": {"x": "y" * 100_000}})
    assert sum(1 for _ in range(200) for _ in frames.feed(one)) == 200


def test_a_gap_is_told_in_words() -> None:
    assert realtime.news(b"[]", A) == []
    assert realtime.news(b"{", A) == [Gap(reason="a realtime frame could not be read")]
