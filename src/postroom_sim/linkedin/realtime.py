"""The realtime stream: server-sent events to each open connection, and the faults that hit them."""

from __future__ import annotations

import asyncio
import json
import random
import uuid
from collections.abc import AsyncGenerator, Callable

from postroom_sim.linkedin.events import Event
from postroom_sim.network import Ground

_HELD_SECONDS = 1.0
_PIECE_BYTES = 7

Chunks = list[bytes]


def frame(text: str) -> bytes:
    return f"data: {text}\n\n".encode()


class Stream:
    """One open connection of a member."""

    def __init__(self, member_id: str, session: str, *, decorated: bool) -> None:
        self.member_id = member_id
        self.session = session
        self.decorated = decorated
        self.queue: asyncio.Queue[Chunks | None] = asyncio.Queue()
        self._held: Chunks | None = None

    def put(self, event: Event, effects: dict[str, object]) -> None:
        data = frame(event.decorated if self.decorated else event.undecorated)
        if "split_chunks" in effects:
            chunks = [data[start : start + _PIECE_BYTES] for start in range(0, len(data), _PIECE_BYTES)]
        else:
            chunks = [data]
        if "drop_events" in effects:
            return
        if "reorder_events" in effects and self._held is None:
            self._held = chunks
            asyncio.get_running_loop().call_later(_HELD_SECONDS, self.release)
            return
        for _ in range(1 + int(str(effects.get("duplicate_events", 0)))):
            self.queue.put_nowait(chunks)
        self.release()

    def release(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            self.queue.put_nowait(held)


class Streams:
    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._open: list[Stream] = []

    def connect(self, member_id: str, session: str, *, decorated: bool) -> AsyncGenerator[bytes, None]:
        """Registers at once, so that nothing which is committed after the answer is missed."""
        stream = Stream(member_id, session, decorated=decorated)
        self._open.append(stream)
        return self._follow(stream)

    async def _follow(self, stream: Stream) -> AsyncGenerator[bytes, None]:
        try:
            connection = {"com.linkedin.realtimefrontend.ClientConnection": {"id": str(uuid.uuid4())}}
            yield frame(json.dumps(connection))
            if self._struck(stream, "end_stream"):
                return
            while True:
                try:
                    chunks = await asyncio.wait_for(stream.queue.get(), self._ground.switches["heartbeat_seconds"])
                except TimeoutError:
                    if not self._struck(stream, "silence_heartbeats"):
                        yield frame('{"com.linkedin.realtimefrontend.Heartbeat":{}}')
                    continue
                if chunks is None:
                    return
                for chunk in chunks:
                    yield chunk
                    if len(chunks) > 1:
                        await asyncio.sleep(0)
        finally:
            if stream in self._open:
                self._open.remove(stream)

    def _struck(self, stream: Stream, effect: str) -> bool:
        struck = bool(self._ground.faults.for_event("linkedin", stream.member_id, only=effect))
        self._ground.database.commit()
        return struck

    def publish(self, events: list[Event]) -> None:
        if not self._open:
            return
        for event in events:
            streams = [stream for stream in self._open if stream.member_id == event.member_id]
            if streams:
                effects = self._ground.faults.for_event("linkedin", event.member_id)
                for stream in streams:
                    stream.put(event, effects)
        self._ground.database.commit()

    def replay(self, events: list[Event], *, shuffle_seed: int | None, duplicates: int) -> int:
        """Send past events again as they were, to every open stream of their members."""
        again = [event for event in events for _ in range(1 + duplicates)]
        if shuffle_seed is not None:
            random.Random(shuffle_seed).shuffle(again)
        sent = 0
        for event in again:
            for stream in self._open:
                if stream.member_id == event.member_id:
                    stream.put(event, {})
                    sent += 1
        return sent

    def end(self, wanted: Callable[[Stream], bool]) -> int:
        ending = [stream for stream in self._open if wanted(stream)]
        for stream in ending:
            stream.release()
            stream.queue.put_nowait(None)
        return len(ending)

    def members(self) -> set[str]:
        return {stream.member_id for stream in self._open}
