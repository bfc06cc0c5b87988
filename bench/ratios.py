"""What a measurement says: figures of several runs, their medians, and ratios with the bar that each should reach."""

import statistics
from collections.abc import Iterable
from typing import Any

import msgspec


class Ratio(msgspec.Struct, kw_only=True):
    """One of the project's bars. At least `bar` is good."""

    name: str
    value: float
    bar: float

    @property
    def reached(self) -> bool:
        return self.value >= self.bar


class Measured(msgspec.Struct, kw_only=True):
    """A measurement: what was run, in which unit, every run's figure, and the ratios of the medians."""

    name: str
    unit: str
    what: str
    runs: dict[str, list[float]]
    ratios: list[Ratio] = []
    notes: dict[str, Any] = {}

    def median(self, name: str) -> float:
        """The median of one subject's runs."""
        return statistics.median(self.runs[name])

    def lines(self) -> Iterable[str]:
        """For a person."""
        yield f"{self.name}: {self.what}"
        for name, figures in self.runs.items():
            low, high = min(figures), max(figures)
            yield f"  {name:<28} {self.median(name):>10,.1f} {self.unit}   ({low:,.1f} to {high:,.1f})"
        for ratio in self.ratios:
            verdict = "reached" if ratio.reached else "NOT REACHED"
            yield f"  {ratio.name:<28} {ratio.value:>10.2f}   at least {ratio.bar:g}: {verdict}"
