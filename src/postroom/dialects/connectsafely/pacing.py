"""How often ConnectSafely's API may be asked: by a key, and for what changes something by an account.

Counted in this process: several processes let through as many times more. Recalls are no writes here: nobody is to wait
with taking something back.

Source: ConnectSafely "Rate limits" and its cookbook (2026): 60 requests a minute for each key and 100 in a burst of 10
seconds, 15 writes a minute for each account, reads of the inbox without end.
"""

import time
from collections import OrderedDict

from postroom.clock import Clock, iso, to_ms
from postroom.dialects.request import Request
from postroom.errors import Kind, RateLimited

BURST = 100
A_SECOND = 1.0
WRITES = 15
WRITES_A_SECOND = 0.25
_MOST_KNOWN = 10_000


class _Buckets:
    """So many at once, and then so many a second, for each name; who was not seen for longest is forgotten first."""

    def __init__(self, most: int, a_second: float) -> None:
        self._most = most
        self._a_second = a_second
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str, now: float) -> tuple[float, float]:
        """One of what is left; what is left then, below 0 where there was none, and in how many seconds there is one."""
        left, at = self._left.pop(name, (float(self._most), now))
        left = min(float(self._most), left + (now - at) * self._a_second)
        taken = left >= 1
        self._left[name] = (left - 1 if taken else left, now)
        if len(self._left) > _MOST_KNOWN:
            self._left.popitem(last=False)
        return left - 1, max(0.0, (1 - (left - 1)) / self._a_second) if left - 1 < 1 else 0.0


class Pacing:
    """Counts, and says in headers what is left."""

    def __init__(self, now: Clock) -> None:
        self._now = now
        self._keys = _Buckets(BURST, A_SECOND)
        self._accounts = _Buckets(WRITES, WRITES_A_SECOND)

    def __call__(self, request: Request) -> None:
        """One request of its caller's.

        Raises:
            RateLimited: there were too many.
        """
        request.spend = lambda account_id: self._take(request, self._accounts, account_id, "WRITE", WRITES)
        self._take(request, self._keys, request.caller.key_id, "API", BURST)

    def _take(self, request: Request, buckets: _Buckets, name: str, action: str, most: int) -> None:
        left, seconds = buckets.take(name, time.monotonic())
        resets_at = iso(to_ms(self._now()) + round(seconds * 1000))
        remaining = max(0, int(left))
        said = {
            b"x-ratelimit-limit": str(most),
            b"x-ratelimit-remaining": str(remaining),
            b"x-ratelimit-used": str(most - remaining),
            b"x-ratelimit-action": action,
            b"x-ratelimit-reset": resets_at,
        }
        request.answer_headers = [each for each in request.answer_headers if each[0] not in said]
        request.answer_headers += [(header, value.encode()) for header, value in said.items()]
        if left < 0:
            raise RateLimited(
                f"Rate limit exceeded for {action}: {most}/{most} used. Resets at {resets_at}.",
                kind=Kind.LIMIT,
                retry_after_seconds=max(1.0, -left / (A_SECOND if action == "API" else WRITES_A_SECOND)),
            )
