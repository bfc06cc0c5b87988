"""Texts in parts: each fits, nothing is lost, and no text keeps the server busy."""

import time

import pytest

from postroom.domain.capabilities import Measure, Publishing
from postroom.domain.texts import parts, text_length

SMILE = "\N{GRINNING FACE}"


@pytest.mark.parametrize("measure", list(Measure))
@pytest.mark.parametrize("text", ["x" * 5_000, SMILE * 900, "word " * 900, "\u0441\u043b\u043e\u0432\u043e " * 500])
def test_each_part_fits_and_nothing_is_lost(text: str, measure: Measure) -> None:
    limits = Publishing(max_length=280, measure=measure, threads=True)
    found = parts(text, limits)
    assert len(found) > 1
    assert max(text_length(part, measure) for part in found) <= 280
    kept = "".join(part.rpartition(" (")[0] for part in found)
    assert kept.replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize("text", ["x" * 1_000_000, "word " * 200_000])
def test_a_text_too_long_for_any_thread_is_told_from_others_at_once(text: str) -> None:
    began = time.monotonic()
    assert parts(text + " y" * 1_000, Publishing(max_length=280, measure=Measure.WEIGHTED, threads=True))[0]
    assert time.monotonic() - began < 2.0


def test_line_ends_count_as_one_where_people_see_one() -> None:
    assert text_length("a\r\nb", Measure.GRAPHEMES) == 3
    assert text_length("a\r\nb", Measure.WEIGHTED) == 4
