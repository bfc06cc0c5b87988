"""How long a receiver is waited for."""

from datetime import timedelta

import pytest

from postroom.domain.webhooks import Format, again_after


@pytest.mark.parametrize("asked", [7 * 3600.0, 999_999_999_999_999.0, float("inf")])
@pytest.mark.parametrize("format", Format)
def test_a_receiver_is_not_waited_for_longer_than_six_hours_whatever_it_asks_for(format: Format, asked: float) -> None:
    assert again_after(format, 1, asked) == timedelta(hours=6)
