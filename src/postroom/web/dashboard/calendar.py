"""Days as a reader's calendar has them: the zone that their browser told, months, weeks, and the moments of a form."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from urllib.parse import unquote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from starlette.requests import Request

from postroom.clock import from_ms, to_ms
from postroom.errors import InvalidParameters, Kind
from postroom.services.posts import PostGroupView

COOKIE = "postroom_zone"
"""Set by the calendar's script to the browser's zone, such as Europe/Berlin. Nothing depends on it but what is shown."""
_UTC = "UTC"
_FIRST, _LAST = date(1971, 1, 1), date(9000, 1, 1)


class Zone(msgspec.Struct, frozen=True):
    """Where the reader is. UTC where nobody said, or where this machine does not know the place."""

    name: str
    rules: tzinfo

    def at(self, ms: int) -> datetime:
        return from_ms(ms).astimezone(self.rules)

    def day(self, ms: int) -> date:
        return self.at(ms).date()

    def moment(self, text: str) -> int:
        """What a field of date and time says, such as `2026-11-21T09:30`.

        Raises:
            InvalidParameters: (kind SCHEDULED_TIME) it is no such moment.
        """
        try:
            local = datetime.fromisoformat(text)
        except ValueError:
            raise InvalidParameters("That is no date and time.", kind=Kind.SCHEDULED_TIME) from None
        if local.tzinfo is not None or not _FIRST <= local.date() <= _LAST:
            raise InvalidParameters("That is no date and time.", kind=Kind.SCHEDULED_TIME)
        return to_ms(local.replace(tzinfo=self.rules))

    def field(self, ms: int | None) -> str:
        """The moment as such a field has it; empty: there is none."""
        return "" if ms is None else self.at(ms).strftime("%Y-%m-%dT%H:%M")

    def start(self, day: date) -> int:
        return to_ms(datetime.combine(day, time(), self.rules))


def zone_of(request: Request, given: str = "") -> Zone:
    """The reader's zone: the one that a form was made in, else the cookie's."""
    name = given or unquote(request.cookies.get(COOKIE, ""))
    try:
        return Zone(name, ZoneInfo(name)) if name and name != _UTC else Zone(_UTC, UTC)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return Zone(_UTC, UTC)


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """A day of a calendar, with what goes out, or went out, on it."""

    date: date
    posts: Sequence[PostGroupView]
    today: bool
    outside: bool = False
    """Whether it belongs to the month before or after."""


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """What a calendar shows: whole weeks, Monday first."""

    view: str
    """`month` or `week`."""
    anchor: date
    first: date
    last: date

    @property
    def title(self) -> str:
        if self.view == "month":
            return f"{self.anchor:%B %Y}"
        if self.first.month == self.last.month:
            return f"{self.first.day} to {self.last.day} {self.last:%B %Y}"
        return f"{self.first.day} {self.first:%b} to {self.last.day} {self.last:%b %Y}"

    @property
    def before(self) -> date:
        return self.first - timedelta(days=1) if self.view == "week" else self.anchor.replace(day=1) - timedelta(days=1)

    @property
    def after(self) -> date:
        if self.view == "week":
            return self.last + timedelta(days=1)
        return (self.anchor.replace(day=28) + timedelta(days=4)).replace(day=1)

    def weeks(self, posts: Sequence[PostGroupView], zone: Zone, now: int) -> list[list[Day]]:
        by_day: dict[date, list[PostGroupView]] = {}
        for each in posts:
            if each.group.scheduled_at is not None:
                by_day.setdefault(zone.day(each.group.scheduled_at), []).append(each)
        today = zone.day(now)
        days = [
            Day(
                date=day,
                posts=by_day.get(day, ()),
                today=day == today,
                outside=self.view == "month" and day.month != self.anchor.month,
            )
            for day in (self.first + timedelta(days=place) for place in range((self.last - self.first).days + 1))
        ]
        return [days[place : place + 7] for place in range(0, len(days), 7)]


def sheet(view: str, text: str, today: date) -> Sheet:
    """The sheet around a day, such as `2026-11-21`; around today where that is none."""
    try:
        anchor = date.fromisoformat(text)
    except ValueError:
        anchor = today
    if not _FIRST <= anchor <= _LAST:
        anchor = today
    if view == "week":
        first = anchor - timedelta(days=anchor.weekday())
        return Sheet(view="week", anchor=anchor, first=first, last=first + timedelta(days=6))
    begins = anchor.replace(day=1)
    first = begins - timedelta(days=begins.weekday())
    ends = (begins.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    last = ends + timedelta(days=6 - ends.weekday())
    return Sheet(view="month", anchor=anchor, first=first, last=last)


def moved(zone: Zone, was: int | None, now: int, day: str, hour: str = "") -> int:
    """Where a post goes that was put on a day: at its time of day, else at nine, or on this very day at the next full
    hour; with `hour`, at that hour and its minute.

    Raises:
        InvalidParameters: (kind SCHEDULED_TIME) it is no day.
    """
    try:
        on = date.fromisoformat(day)
        local = zone.at(was).time() if was is not None else time(9)
        if hour:
            local = local.replace(hour=int(hour), minute=local.minute if was is not None else 0)
    except ValueError:
        raise InvalidParameters("That is no day.", kind=Kind.SCHEDULED_TIME) from None
    if not _FIRST <= on <= _LAST:
        raise InvalidParameters("That is no day.", kind=Kind.SCHEDULED_TIME)
    moment = to_ms(datetime.combine(on, local.replace(second=0, microsecond=0), zone.rules))
    if moment <= now and was is None and not hour and on == zone.day(now):
        return to_ms((zone.at(now) + timedelta(hours=1)).replace(minute=0, second=0, microsecond=0))
    return moment
