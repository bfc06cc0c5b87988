"""Quota: what a workspace may still use of the limits that the operator set."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from postroom.clock import Clock, to_ms
from postroom.domain.limits import LimitCode, LimitReached, Limits, month_of
from postroom.errors import Kind, NotPermitted
from postroom.store import usage
from postroom.store.database import Tx

_DAY = timedelta(days=1)


class Quota:
    """Checked in the transaction that uses it, so that two callers at once cannot pass a limit together."""

    def __init__(self, limits: Limits, now: Clock) -> None:
        self._limits = limits
        self._now = now

    def check_platforms(self, platforms: Collection[str]) -> None:
        """Raises:
        NotPermitted: (kind PLAN_LIMIT) some of these ids, `<platform>-<id>`, are of a platform that is not allowed.
        """
        allowed = self._limits.platforms
        wrong = sorted({platform for each in platforms if (platform := each.partition("-")[0]) not in allowed})
        if allowed and wrong:
            raise NotPermitted(
                **self._reached(
                    LimitCode.PLATFORM, 0, disallowed=tuple(wrong), allowed=tuple(sorted(allowed)), period=self._month()
                )
            )

    async def take(self, tx: Tx, workspace_id: str, group_id: str, posts: int, scheduled_at: int) -> None:
        """Count a group that is scheduled with so many platform posts; again where its time or its platforms change.

        Raises:
            NotPermitted: (kind PLAN_LIMIT) one of the limits is reached; nothing was counted.

        Source: PostPost "Create post", "Update post": LimitExceededError (March 2026).
        """
        limits = self._limits
        if limits.counted:
            await usage.hold(tx, workspace_id)
        self._check_horizon(scheduled_at)
        await self._check_connections(tx, workspace_id)
        if limits.scheduled_posts is not None:
            waiting = await usage.count_waiting(tx, workspace_id, group_id)
            if waiting + posts > limits.scheduled_posts:
                raise NotPermitted(**self._counted(LimitCode.SCHEDULED_POST, limits.scheduled_posts, waiting, posts))
        if limits.monthly_posts is not None:
            start, end = self._month()
            used = await usage.count_scheduled_in(tx, workspace_id, start, end)
            more = posts - (await usage.find(tx, workspace_id, group_id) or 0)
            if more > 0 and used + more > limits.monthly_posts:
                raise NotPermitted(**self._counted(LimitCode.POST, limits.monthly_posts, used, more))
        await usage.set_used(tx, workspace_id, group_id, posts, to_ms(self._now()))

    async def give_back(self, tx: Tx, workspace_id: str, group_id: str) -> None:
        """Count a group no more, of which nothing has begun to go out."""
        await usage.remove(tx, workspace_id, group_id)

    async def check_link(self, tx: Tx, workspace_id: str) -> None:
        """Whether one more account may be linked.

        Raises:
            NotPermitted: (kind PLAN_LIMIT) the workspace has as many as it may.
        """
        most = self._limits.connections
        if most is not None:
            await usage.hold(tx, workspace_id)
            held = await usage.count_connections(tx, workspace_id)
            if held >= most:
                raise NotPermitted(**self._counted(LimitCode.CHANNEL, most, held, 1))

    def _check_horizon(self, scheduled_at: int) -> None:
        days = self._limits.horizon_days
        if days is None:
            return
        latest = to_ms(self._now() + days * _DAY)
        if scheduled_at > latest:
            raise NotPermitted(**self._reached(LimitCode.HORIZON, days, scheduled_at=scheduled_at, latest_at=latest))

    async def _check_connections(self, tx: Tx, workspace_id: str) -> None:
        most = self._limits.connections
        if most is not None:
            held = await usage.count_connections(tx, workspace_id)
            if held > most:
                raise NotPermitted(**self._reached(LimitCode.CONNECTIONS, most, used=held))

    def _counted(self, code: LimitCode, limit: int, used: int, requested: int) -> dict[str, Any]:
        return self._reached(code, limit, used=used, requested=requested, period=self._month())

    def _reached(self, code: LimitCode, limit: int, **told: Any) -> dict[str, Any]:
        reached = LimitReached(code=code, limit=limit, plan_name=self._limits.plan_name, **told)
        detail = f"{code.replace('_', ' ').capitalize()}: {limit} on this server. Nothing was changed."
        return {"detail": detail, "kind": Kind.PLAN_LIMIT, "context": {"reached": reached}}

    def _month(self) -> tuple[int, int]:
        start, end = month_of(self._now())
        return to_ms(start), to_ms(end)
