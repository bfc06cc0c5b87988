"""What a workspace may use: limits that the operator sets, in platform posts, and what is said where one is reached."""

from datetime import datetime
from enum import StrEnum

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The same for every workspace; what its managed users do counts as its own. None, and no platforms: no limit."""

    monthly_posts: int | None = None
    """Platform posts that are scheduled in a calendar month (UTC): a post for three platforms is three."""
    scheduled_posts: int | None = None
    """Platform posts that wait for their time."""
    horizon_days: int | None = None
    """How far ahead a post may be scheduled."""
    platforms: frozenset[str] = frozenset()
    connections: int | None = None
    """Linked accounts that take posts."""
    plan_name: str = "Self-hosted"

    @property
    def counted(self) -> bool:
        """Whether something has to be counted, which two callers at once must not do side by side."""
        return (self.monthly_posts, self.scheduled_posts, self.connections) != (None, None, None)


class LimitCode(StrEnum):
    """PostPost's codes."""

    POST = "POST_LIMIT_REACHED"
    SCHEDULED_POST = "SCHEDULED_POST_LIMIT_REACHED"
    HORIZON = "SCHEDULE_HORIZON_REACHED"
    CONNECTIONS = "CONNECTIONS_OVER_LIMIT"
    PLATFORM = "PLATFORM_NOT_AVAILABLE"
    CHANNEL = "CHANNEL_LIMIT_REACHED"


class LimitReached(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which limit, and how things stand with it. Moments are milliseconds since 1970."""

    code: LimitCode
    limit: int
    plan_name: str
    used: int | None = None
    requested: int | None = None
    period: tuple[int, int] | None = None
    scheduled_at: int | None = None
    latest_at: int | None = None
    disallowed: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()

    @property
    def remaining(self) -> int | None:
        """How many are left; None where nothing is counted."""
        return None if self.used is None else max(0, self.limit - self.used)


def month_of(moment: datetime) -> tuple[datetime, datetime]:
    """The calendar month of an aware moment in UTC: its first moment, and that of the next."""
    start = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    after = start.replace(year=start.year + 1, month=1) if start.month == 12 else start.replace(month=start.month + 1)
    return start, after
