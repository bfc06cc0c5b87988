"""The event log as a browser follows it: `GET /live`, ids only, from where it was when it comes back."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from postroom.domain.access import Caller, Scope
from postroom.domain.events import Event
from postroom.errors import InvalidParameters, Kind, NotAuthenticated
from postroom.services.house import Services

_BATCH = 100
_LOOK_SECONDS = 2.0
"""How often the session is looked at while nothing happens; before something is told it always is."""
_MOST_SILENT = 7
_HIGHEST = 2**53


class Live:
    """The streams of all who have a page open."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End all streams: the server is about to."""
        self._stopping.set()

    async def stream(self, request: Request, token: str, caller: Caller) -> Response:
        """What happens after Last-Event-ID, else after `?after=`, else from now on."""
        newest = await self._services.events.newest(caller)
        asked = request.headers.get("last-event-id") or request.query_params.get("after") or ""
        start = int(asked) if asked.isascii() and asked.isdigit() and int(asked) <= _HIGHEST else newest
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        # A position that is yet to come is of another log, which was here before.
        told = self._told(token, min(start, newest))
        return StreamingResponse(told, headers=headers, media_type="text/event-stream")

    async def _told(self, token: str, position: int) -> AsyncIterator[str]:
        yield "retry: 2000\n\n"
        silent = 0
        while not self._stopping.is_set():
            try:
                caller = await self._services.sessions.resolve(token)
                self._services.access.require(caller, Scope.READ)
            except NotAuthenticated as error:
                yield f"event: over\ndata: {msgspec.json.encode(error.detail).decode()}\n\n"
                return
            found = await self._found(caller, position)
            if found is None:
                # What was missed is kept no longer: the page is to be read anew.
                position = await self._services.events.newest(caller)
                yield f"id: {position}\nevent: missed\ndata: {{}}\n\n"
                continue
            if found:
                position, silent = found[-1].position, 0
                yield "".join(map(_worded, found))
                continue
            silent += 1
            if silent % _MOST_SILENT == 0:
                yield ": still here\n\n"
            await self._wait(caller, position)

    async def _found(self, caller: Caller, position: int) -> Sequence[Event] | None:
        """What follows; None: what follows is kept no longer."""
        try:
            return await self._services.events.after(caller, position, _BATCH)
        except InvalidParameters as error:
            if error.kind is not Kind.CURSOR_TOO_OLD:
                raise
            return None

    async def _wait(self, caller: Caller, position: int) -> None:
        waiting = {
            asyncio.ensure_future(self._services.events.wait(caller, position, _LOOK_SECONDS)),
            asyncio.ensure_future(self._stopping.wait()),
        }
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)


def _worded(event: Event) -> str:
    told = {"type": event.type, **msgspec.to_builtins(event.data)}
    return f"id: {event.position}\ndata: {msgspec.json.encode(told).decode()}\n\n"
