"""Dates as JavaScript's `new Date()` reads them, which the vendor does with `fromDate` and `toDate`. Its clock is in UTC.

Read are: the ISO forms (a year, a month, a day, a moment; years of six digits with a sign), what `toString`,
`toUTCString` and `toDateString` write, and the usual written ones: `March 15, 2026`, `15 Mar 2026 2:30 PM`, `03/15/2026`
(the month first), `2026/3/5 14:30`, each with `UTC`, `GMT`, `Z`, an American zone or `+0200` behind it, and remarks in
brackets. A date alone in ISO form begins in UTC, and so does every other, as on a server whose clock is in UTC.

Source: ECMAScript 2026, "Date Time String Format" and Date.parse; the other forms as V8 reads them, checked 2026-11-21.
"""

import re
from datetime import UTC, datetime, timedelta, timezone

_ISO = re.compile(
    r"(?P<year>[+-]\d{6}|\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d))?)?"
    r"(?:[T ](?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<part>\d{1,9}))?)?(?P<zone>Z|[+-]\d\d:?\d\d)?)?\Z"
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_ZONES = {"ut": 0, "utc": 0, "gmt": 0, "z": 0, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6}
_ZONES |= {"pst": -8, "pdt": -7}
_REMARK = re.compile(r"\([^()]*\)")
_TIME = re.compile(r"(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,9}))?)?\s*([ap]m)?\b", re.I)
_OFFSET = re.compile(r"(?:(?<=\s)|(?<=[A-Za-z]))([+-])(\d{2}):?(\d{2})?\Z")
_SLASHES = re.compile(r"(\d{1,4})[/-](\d{1,2})[/-](\d{1,4})\Z")
_WORDS = re.compile(r"[A-Za-z]+|\d+")
_LONGEST = 100


def parsed(text: str) -> datetime | None:
    """The moment, aware and in UTC; None: it is none that is read here."""
    text = text.strip()
    if not text or len(text) > _LONGEST:
        return None
    found = _ISO.match(text)
    try:
        return _iso(found) if found else _written(_REMARK.sub(" ", text).strip())
    except (ValueError, OverflowError):
        return None


def _iso(found: re.Match[str]) -> datetime:
    given = found.groupdict()
    day = datetime(int(given["year"]), int(given["month"] or 1), int(given["day"] or 1), tzinfo=UTC)
    if given["hour"] is None:
        return day
    return _at(day, given["hour"], given["minute"], given["second"], given["part"], _offset(given["zone"]))


def _written(text: str) -> datetime | None:
    zone = timedelta()
    offset = _OFFSET.search(text)
    if offset is not None and ":" in text:
        zone = _offset(offset.group(0))
        text = text[: offset.start()].strip()
    clock: tuple[str | None, ...] = ("0", "0", None, None, None)
    time = _TIME.search(text)
    if time is not None:
        clock = time.groups()
        text = f"{text[: time.start()]} {text[time.end() :]}".strip(" ,")
    zone_word = text.rpartition(" ")[2].lower()
    if zone_word in _ZONES and time is not None:
        zone += timedelta(hours=_ZONES[zone_word])
        text = text[: len(text) - len(zone_word)].strip(" ,")
    day = _date(text)
    if day is None:
        return None
    return _at(day, _hour(clock[0], clock[4]), clock[1], clock[2], clock[3], zone)


def _date(text: str) -> datetime | None:
    numeric = _SLASHES.match(text)
    if numeric is not None:
        first, second, third = numeric.groups()
        year, month, day = (first, second, third) if len(first) > 2 else (third, first, second)
        return datetime(_year(year), int(month), int(day), tzinfo=UTC)
    numbers, months = [], []
    for word in _WORDS.findall(text):
        if word.isdigit():
            numbers.append(word)
        elif word[:3].lower() in _MONTHS:
            months.append(_MONTHS.index(word[:3].lower()) + 1)
        elif word[:3].lower() not in _DAYS:
            return None
    if len(months) != 1 or len(numbers) != 2 or re.sub(r"[A-Za-z0-9\s,.-]", "", text):
        return None
    day, year = (numbers[1], numbers[0]) if len(numbers[0]) > 2 else (numbers[0], numbers[1])
    return datetime(_year(year), months[0], int(day), tzinfo=UTC)


def _year(text: str) -> int:
    """Of two digits, those below 50 are of this century."""
    return int(text) if len(text) > 2 else int(text) + (2000 if int(text) < 50 else 1900)


def _hour(hour: str | None, half: str | None) -> str:
    if half is None:
        return hour or "0"
    if not 1 <= int(hour or 0) <= 12:
        raise ValueError(hour)
    return str(int(hour or 0) % 12 + (12 if half.lower() == "pm" else 0))


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone == "Z":
        return timedelta()
    digits = zone[1:].replace(":", "")
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
    return -size if zone[0] == "-" else size


def _at(
    day: datetime, hour: str | None, minute: str | None, second: str | None, part: str | None, zone: timedelta
) -> datetime:
    """The time of that day, `zone` ahead of UTC. 24:00 is the day's end."""
    of_day = timedelta(
        hours=int(hour or 0),
        minutes=int(minute or 0),
        seconds=int(second or 0),
        microseconds=int(f"{part or 0:0<6}"[:6]),
    )
    if int(minute or 0) > 59 or int(second or 0) > 59 or of_day > timedelta(days=1):
        raise ValueError("no time of a day")
    return (day + of_day).replace(tzinfo=timezone(zone)).astimezone(UTC)
