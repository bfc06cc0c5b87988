"""Idempotency-Key: the same key and request give the first answer again, and do nothing twice."""

from postroom.clock import Clock, to_ms
from postroom.domain.access import Caller
from postroom.errors import Conflict, InvalidParameters, Kind
from postroom.store import idempotency
from postroom.store.database import Database

_LONGEST_KEY = 255
# A network answers within a minute or is given up, and few are asked for one request.
_LONGEST_REQUEST_MS = 10 * 60_000
_SOON_SECONDS = 1.0
"""When to ask again for the answer of what is in flight."""


class Idempotency:
    """Keys of mutating calls, scoped to the user that is acted for. Answers hold ids and states, never content."""

    def __init__(self, database: Database, now: Clock) -> None:
        self._database = database
        self._now = now

    async def begin(
        self, caller: Caller, key: str, fingerprint: bytes, *, repeatable: bool
    ) -> tuple[int, bytes] | None:
        """Claim a key. None: go on, then `finish` or `forget`. Else the status and body to give again.

        What was in flight when a server was killed may have happened. `repeatable`: then it is done (again).

        Raises:
            Conflict: it is in flight (and says when to ask again), or came with another request (`fingerprint` differs);
                or nobody will know any more what became of it.
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
            cut_off = stored.begun_at < at - _LONGEST_REQUEST_MS
            if cut_off and repeatable:
                if await idempotency.begin_again(tx, caller.workspace_id, caller.user_id, key, stored.begun_at, at):
                    return None
        if cut_off and not repeatable:
            detail = "A request with this Idempotency-Key was cut off. It may have been done, and is not done again."
            raise Conflict(detail, kind=Kind.IN_FLIGHT)
        detail = "A request with this Idempotency-Key is in flight."
        raise Conflict(detail, kind=Kind.IN_FLIGHT, retry_after_seconds=_SOON_SECONDS)

    async def finish(self, caller: Caller, key: str, status: int, body: bytes) -> None:
        """Keep the answer for whoever comes with the key again."""
        async with self._database.begin() as tx:
            await idempotency.finish(tx, caller.workspace_id, caller.user_id, key, status, body.decode())

    async def forget(self, caller: Caller, key: str) -> None:
        """Nothing happened: the key may be used again."""
        async with self._database.begin() as tx:
            await idempotency.forget(tx, caller.workspace_id, caller.user_id, key)
