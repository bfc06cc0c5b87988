"""Moments as callers write them in bodies."""

from datetime import UTC, datetime

from postroom.clock import to_ms
from postroom.errors import InvalidParameters


def ms(value: datetime, name: str) -> int:
    """Milliseconds since 1970.

    Raises:
        InvalidParameters: it has no offset, or is no moment in UTC.
    """
    if value.tzinfo is None:
        raise InvalidParameters(f"`{name}` needs its offset from UTC, such as a Z at its end.")
    try:
        # A zone can carry the last hours of the year 9999 beyond it.
        return to_ms(value.astimezone(UTC))
    except OverflowError:
        raise InvalidParameters(f"`{name}` is no moment in UTC.") from None
