"""What `new Date()` reads, and what it does not; the expected moments are those of a server whose clock is in UTC."""

from datetime import UTC, datetime

import pytest

from postroom.dialects.postpost.dates import parsed

NOON = datetime(2026, 3, 15, 12, 30, tzinfo=UTC)
DAY = datetime(2026, 3, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-15T12:30:00.000Z",
        "2026-03-15T12:30Z",
        "2026-03-15T12:30",
        "2026-03-15 12:30:00",
        "2026-03-15T14:30:00+02:00",
        "+002026-03-15T12:30:00Z",
        "Sun Mar 15 2026 12:30:00 GMT+0000 (Coordinated Universal Time)",
        "Sun Mar 15 2026 14:30:00 GMT+0200 (Central European Standard Time)",
        "Sun, 15 Mar 2026 12:30:00 GMT",
        "Sun, 15 Mar 2026 07:30:00 EST",
        "March 15, 2026 12:30",
        "March 15, 2026, 12:30 PM",
        "15 March 2026 12:30:00 UTC",
        "Mar 15 2026 2:30 pm +0200",
        "03/15/2026 12:30",
        "3/15/2026, 12:30:00 PM",
        "2026/3/15 12:30",
    ],
)
def test_a_moment_is_read_in_its_usual_forms(text: str) -> None:
    assert parsed(text) == NOON


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-15",
        "March 15, 2026",
        "15 Mar 2026",
        "Sun Mar 15 2026",
        "03/15/2026",
        "3/15/26",
        "2026/03/15",
        "2026-3-15",
    ],
)
def test_a_day_begins_at_midnight(text: str) -> None:
    assert parsed(text) == DAY


def test_a_year_and_a_month_begin_with_their_first_day() -> None:
    assert parsed("2026") == datetime(2026, 1, 1, tzinfo=UTC)
    assert parsed("2026-03") == datetime(2026, 3, 1, tzinfo=UTC)
    assert parsed("2026-03-15T24:00") == datetime(2026, 3, 16, tzinfo=UTC)
    assert parsed("12/31/99 12:00 am") == datetime(1999, 12, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "2026-13-15",
        "2026-02-30",
        "2026-03-15T25:00",
        "2026-03-15T12:60",
        "15/03/2026",
        "Sunday",
        "March 2026 soon",
        "March 15, 2026 13:00 PM",
        "Smarch 15, 2026",
        "9999-12-31T23:59:59-12:00",
        "0000-01-01",
        "-000001-01-01",
        "March 15, 2026" * 20,
        "2026-03-15; drop",
    ],
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert parsed(text) is None
