"""When a project's quota starts anew: at midnight in California."""

from datetime import UTC, datetime, timedelta


def seconds_to_midnight(at: datetime) -> float:
    """Until midnight at Google's, when a project's quota starts anew. Daylight saving time as it is since 2007.

    Source: YouTube Data API, quota and compliance audits, checked 2026-11-21: midnight Pacific Time.
    """
    local = _pacific(at)
    midnight = datetime(local.year, local.month, local.day) + timedelta(days=1)  # noqa: DTZ001
    return (midnight - local).total_seconds()


def _pacific(at: datetime) -> datetime:
    """The clock on the wall there."""
    utc = at.astimezone(UTC).replace(tzinfo=None)
    # From the second Sunday of March to the first one of November, at two in the morning.
    begins = _sunday(utc.year, 3, 2) + timedelta(hours=2 + 8)
    ends = _sunday(utc.year, 11, 1) + timedelta(hours=2 + 7)
    return utc - timedelta(hours=7 if begins <= utc < ends else 8)


def _sunday(year: int, month: int, number: int) -> datetime:
    first = datetime(year, month, 1)  # noqa: DTZ001
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (number - 1))
