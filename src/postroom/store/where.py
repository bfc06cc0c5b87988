"""The conditions of a listing: those that were asked for, with their arguments numbered in order."""

from collections.abc import Iterable
from typing import Any

from postroom.store.database import Reader


class Where:
    """Conditions joined by `and`. In a condition, each `{}` stands for the next of its arguments."""

    __slots__ = ("_conditions", "_reader", "args")

    def __init__(self, reader: Reader, condition: str, *args: Any) -> None:
        self._reader = reader
        self._conditions: list[str] = []
        self.args: list[Any] = []
        self.also(condition, *args)

    def also(self, condition: str, *args: Any) -> None:
        """One more condition."""
        self._conditions.append(condition.format(*[self.argument(value) for value in args]))

    def any_of(self, column: str, values: Iterable[str]) -> None:
        """A text column is among these values."""
        self.args.append(self._reader.array(values))
        self._conditions.append(self._reader.any_of(column, len(self.args)))

    def argument(self, value: Any) -> str:
        """Take an argument; its placeholder, such as `$3`."""
        self.args.append(value)
        return f"${len(self.args)}"

    def __str__(self) -> str:
        return " and ".join(self._conditions)
