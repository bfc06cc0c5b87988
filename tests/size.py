"""How much the long tests do: one setting, `TEST_SIZE`, for all of them.

`small` is for every change and fits CI; `long` is what the promises speak of.
"""

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    name: str
    traces: int
    """Seeded traces of permuted, duplicated and delayed events (P1)."""
    examples: int
    """Hypothesis examples for each property."""
    fuzz_examples: int
    """Requests that the fuzzer makes to each operation of a dialect."""
    rounds: int
    """Rounds of random create, share and delete (P4), of kill and restart, and the like."""
    every_nth: int
    """Which part of a full enumeration is run: 1 is all of it."""
    rows: int
    """Rows in a test about growth."""
    matrix_messages: int
    """Messages that two sides write, edit and take back on a real homeserver."""


SIZES = {
    "small": Size(
        name="small",
        traces=300,
        examples=50,
        fuzz_examples=20,
        rounds=10,
        every_nth=6,
        rows=10_000,
        matrix_messages=60,
    ),
    "long": Size(
        name="long",
        traces=10_000,
        examples=1_000,
        fuzz_examples=300,
        rounds=200,
        every_nth=1,
        rows=1_000_000,
        matrix_messages=1_000,
    ),
}


def chosen(name: str | None = None) -> Size:
    """The size that the environment asks for; an unknown name is an error, not the small size."""
    name = name or os.environ.get("TEST_SIZE") or "small"
    if name not in SIZES:
        raise ValueError(f"TEST_SIZE is {name!r}; it may be {' or '.join(SIZES)}")
    return SIZES[name]


size = chosen()
