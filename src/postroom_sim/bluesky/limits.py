"""Rate limits: the RateLimit-* headers, and 429 when a switch asks for the real thing."""

from __future__ import annotations

from postroom_sim.bluesky.refusals import refusal
from postroom_sim.network import Call, Ground

# Source: bsky-docs 390c1e9, advanced-guides/rate-limits:
# 3000 requests in 5 minutes by address; createSession 30 in 5 minutes;
# 5,000 write points an hour, a create costs 3, an update 2, a delete 1.
_POINTS = {"createRecord": 3, "putRecord": 2, "deleteRecord": 1}


class Limits:
    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def spend(self, call: Call) -> dict[str, str]:
        """Count this call and return the headers of the limit that applies. Raises Refused (429) when it is used up."""
        if call.operation in _POINTS and call.account:
            subject, limit, window, cost = f"write:{call.account}", 5000, 3600, _POINTS[call.operation]
        elif call.operation == "createSession" and call.account:
            subject, limit, window, cost = f"login:{call.account}", 30, 300, 1
        else:
            subject, limit, window, cost = "address", 3000, 300, 1
        start = int(self._ground.clock.now() // window * window)
        row = self._ground.database.one(
            "INSERT INTO bluesky_usage VALUES (?, ?, ?) ON CONFLICT (subject, window_start)"
            " DO UPDATE SET points = points + excluded.points RETURNING points",
            (subject, start, cost),
        )
        used = int(row[0]) if row else cost
        headers = {
            "ratelimit-limit": str(limit),
            "ratelimit-remaining": str(max(0, limit - used)),
            "ratelimit-reset": str(start + window),
            "ratelimit-policy": f"{limit};w={window}",
        }
        if used > limit and self._ground.switches["enforce_rate_limits"]:
            refused = refusal("RateLimitExceeded", "Rate Limit Exceeded")
            refused.answer.headers |= headers
            raise refused
        return headers
