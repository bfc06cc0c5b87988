"""Listening to one LinkedIn account: the realtime stream, opened again whenever it is lost, and its heartbeats."""

import asyncio
import random
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

from postroom.connectors.http import Stream
from postroom.connectors.linkedin import realtime
from postroom.connectors.linkedin.api import Voyager
from postroom.domain.remote import Closed, Gap, RemoteEvent
from postroom.errors import (
    ActionRequired,
    CredentialsRejected,
    ErrorCode,
    ProviderDown,
    ProviderError,
    RateLimited,
    Refused,
)

_LONGEST_WAIT_SECONDS = 60.0
_OPENING_SECONDS = 10.0
_HEARTBEAT_SECONDS = 60.0


async def listen(api: Voyager, me: str, wait_seconds: float) -> AsyncIterator[RemoteEvent]:
    """Everything new. Each time the stream opens, the first event is a `Gap`: what came before it is not in it."""
    session_id = str(uuid.uuid4())
    failed, hearing = 0, True
    while True:
        opened_at = time.monotonic()
        frames = 0
        least_seconds, lost, code = 0.0, "the realtime stream ended", "realtime_closed"
        beating = _Beating()
        try:
            async with _opened(api, session_id) as stream:
                beating.begin(_beat(api, me, session_id, stream))
                try:
                    hearing = True
                    yield Gap(reason="the realtime stream was opened")
                    async with aclosing(_events(me, stream.chunks())) as events:
                        async for event in events:
                            frames += 1
                            if event is not None:
                                yield event
                finally:
                    await beating.end()
            failed = 0 if frames > 1 or time.monotonic() - opened_at > 1 else failed + 1
        except Refused as error:
            if error.code is not ErrorCode.MALFORMED_REQUEST:
                raise
            session_id, lost = str(uuid.uuid4()), "LinkedIn refused the realtime session"
            failed += 1
        except RateLimited as error:
            least_seconds, lost = error.retry_after_seconds or _LONGEST_WAIT_SECONDS, "LinkedIn's rate limit"
            failed += 1
        except (ProviderDown, realtime.FrameTooLong) as error:
            lost = "the realtime stream broke"
            if isinstance(error, ProviderDown) and error.code is ErrorCode.PROXY_ERROR:
                code = error.code
            # Not at once, as after a stream that came to its end.
            failed = 2 if frames > 1 else max(failed, 1) + 1
        beating.check()
        if hearing:
            hearing = False
            yield Closed(reason=lost, code=code)
        if failed > 1 or least_seconds:
            await asyncio.sleep(_patience(failed, wait_seconds, least_seconds))


def _patience(failed: int, wait_seconds: float, least_seconds: float) -> float:
    """Longer after each failure, and never the same for all accounts: they would come back all at once."""
    grown = min(_LONGEST_WAIT_SECONDS, wait_seconds * 2.0 ** min(failed - 2, 10))
    return max(least_seconds * random.uniform(1.0, 1.2), grown * random.uniform(0.5, 1.0))


@asynccontextmanager
async def _opened(api: Voyager, session_id: str) -> AsyncIterator[Stream]:
    async with AsyncExitStack() as stack:
        try:
            async with asyncio.timeout(_OPENING_SECONDS):
                stream = await stack.enter_async_context(api.realtime(session_id))
        except TimeoutError as error:
            raise ProviderDown("LinkedIn did not open the realtime stream in time.") from error
        yield stream


async def _events(me: str, chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[RemoteEvent | None, None]:
    """What each frame tells, and None for a frame that tells nothing."""
    frames = realtime.Frames()
    connected: str | None = None
    async with aclosing(chunks):
        async for chunk in chunks:
            for data in frames.feed(chunk):
                told = realtime.news(data, me)
                if isinstance(told, realtime.Connected):
                    if connected not in (None, told.id):
                        yield Gap(reason="LinkedIn began another realtime session")
                    connected = told.id
                    yield None
                    continue
                if not told:
                    yield None
                for event in told:
                    yield event


async def _beat(api: Voyager, me: str, session_id: str, stream: Stream) -> None:
    """Say again and again that somebody listens. Ends the stream and raises where the session is over."""
    first = True
    while True:
        # A heartbeat that fails changes nothing, unless LinkedIn says by another call, too, that the session is over.
        try:
            await api.heartbeat(me, session_id, first=first)
            first = False
        except (CredentialsRejected, ActionRequired):
            try:
                await api.me()
            except (CredentialsRejected, ActionRequired):
                await stream.close()
                raise
            except ProviderError:
                pass
        except ProviderError:
            pass
        await asyncio.sleep(_HEARTBEAT_SECONDS)


class _Beating:
    """The task that says that somebody listens, and what ended it."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    def begin(self, beat: Coroutine[None, None, None]) -> None:
        self._task = asyncio.create_task(beat)

    async def end(self) -> None:
        """Stop it; how it ended is for `check`."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def check(self) -> None:
        """Raises:
        CredentialsRejected, ActionRequired: the session was found to be over.
        """
        if self._task is not None and self._task.done() and not self._task.cancelled():
            self._task.result()
