"""Idempotency-Key: the same key and request give the first answer again, and do nothing twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import structlog

from postroom.clock import Clock, to_ms
from postroom.domain.access import Caller
from postroom.errors import Conflict, InvalidParameters, Kind
from postroom.store import idempotency
from postroom.store.database import Database

_LONGEST_KEY = 255
# Whoever does a request says so again and again: who is silent for so long was killed.
_SILENT_MS = 30_000
_SAID_EVERY = timedelta(seconds=8)
_SOON_SECONDS = 1.0
"""When to ask again for the answer of what is in flight."""


log = structlog.get_logger()


class Idempotency:
    """Keys of mutating calls, scoped to the user that is acted for. Answers hold ids and states, never content."""

    def __init__(self, database: Database, now: Clock) -> None:
        self._database = database
        self._now = now

    async def begin(
        self, caller: Caller, key: str, fingerprint: bytes, *, repeatable: bool, asked: str = "it"
    ) -> tuple[int, bytes] | None:
        """Claim a key. None: go on, `under_way`, then `finish` or `forget`. Else the status and body to give again.

        What was in flight when a server was killed may have happened. `repeatable`: then it is done (again). `asked`: what
        to look for where it is not.

        Raises:
            Conflict: (kind IN_FLIGHT, and when to ask again) it is in flight; (kind KEY_REUSED) it came with another
                request (`fingerprint` differs); (kind CUT_OFF) nobody knows any more what became of it.
        """
        if not key or len(key) > _LONGEST_KEY:
            raise InvalidParameters(f"Idempotency-Key has 1 to {_LONGEST_KEY} characters.", kind=Kind.KEY_REUSED)
        # Keyed: what was asked may be a password or a short text, which a plain hash would let one guess.
        fingerprint = self._database.keyring.hash(fingerprint.hex())
        at = to_ms(self._now())
        async with self._database.begin() as tx:
            stored = await idempotency.begin(tx, caller.workspace_id, caller.user_id, key, fingerprint, at)
            if stored is None:
                return None
            if stored.fingerprint != fingerprint:
                raise Conflict("This Idempotency-Key came before with another request.", kind=Kind.KEY_REUSED)
            if stored.status is not None:
                return stored.status, (stored.answer or "").encode()
            cut_off = stored.heard_at < at - _SILENT_MS
            if cut_off and repeatable:
                if await idempotency.begin_again(tx, caller.workspace_id, caller.user_id, key, stored.heard_at, at):
                    return None
        if cut_off and not repeatable:
            detail = (
                "A request with this Idempotency-Key was cut off when a server ended. Whether it was done is not known, and "
                f"under this key it is not done again: look whether what {asked} makes or sends is there, and if it is not, "
                "ask with another key."
            )
            raise Conflict(detail, kind=Kind.CUT_OFF, context={"sent": True})
        detail = "A request with this Idempotency-Key is in flight."
        raise Conflict(detail, kind=Kind.IN_FLIGHT, retry_after_seconds=_SOON_SECONDS)

    @asynccontextmanager
    async def under_way(self, caller: Caller, key: str) -> AsyncIterator[None]:
        """Around what is done with a key that was claimed: nobody takes it for cut off meanwhile."""
        saying = asyncio.create_task(self._say(caller, key))
        try:
            yield
        finally:
            saying.cancel()
            (ended,) = await asyncio.gather(saying, return_exceptions=True)
            if not isinstance(ended, asyncio.CancelledError):
                log.warning("idempotency.not_said", error=repr(ended))

    async def _say(self, caller: Caller, key: str) -> None:
        while True:
            await asyncio.sleep(_SAID_EVERY.total_seconds())
            async with self._database.begin() as tx:
                await idempotency.hear(tx, caller.workspace_id, caller.user_id, key, to_ms(self._now()))

    async def finish(self, caller: Caller, key: str, status: int, body: bytes) -> None:
        """Keep the answer for whoever comes with the key again."""
        async with self._database.begin() as tx:
            await idempotency.finish(tx, caller.workspace_id, caller.user_id, key, status, body.decode())

    async def forget(self, caller: Caller, key: str) -> None:
        """Nothing happened: the key may be used again."""
        async with self._database.begin() as tx:
            await idempotency.forget(tx, caller.workspace_id, caller.user_id, key)
