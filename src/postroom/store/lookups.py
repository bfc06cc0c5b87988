"""Rows looked up by key: those that are asked for in one turn of the event loop are read together, at its end."""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

from postroom.store.database import Row


class Asked(NamedTuple):
    """One of them: the statement's arguments, and who waits for its row."""

    args: tuple[Any, ...]
    done: asyncio.Future[Row | None]

    def answer(self, row: Row | None) -> None:
        """Tell who waits, unless it went away."""
        if not self.done.done():
            self.done.set_result(row)

    def fail(self, error: BaseException) -> None:
        """Tell who waits that it could not be read."""
        if not self.done.done():
            self.done.set_exception(error)

    def answer_from(self, read: Callable[[], Row | None]) -> None:
        """Tell who waits what comes of reading it."""
        try:
            self.answer(read())
        except asyncio.CancelledError:
            self.done.cancel()
        except Exception as error:  # noqa: BLE001 - who asked hears of it, and nobody waits for good
            self.fail(error)


class Lookups:
    """Collects statements that answer one row or none, and reads them a turn at a time.

    Nothing is read before the turn ends in which it was asked for, so whoever asks sees all that was committed before.
    """

    def __init__(self, read: Callable[[dict[str, list[Asked]]], None]) -> None:
        """`read` sees to it that all of these, by statement, are answered."""
        self._read = read
        self._asked: dict[str, list[Asked]] = {}

    async def look_up(self, sql: str, args: tuple[Any, ...]) -> Row | None:
        """What the statement answers."""
        loop = asyncio.get_running_loop()
        asked = Asked(args, loop.create_future())
        if not self._asked:
            loop.call_soon(self._end_of_turn)
        if sql in self._asked:
            self._asked[sql].append(asked)
        else:
            self._asked[sql] = [asked]
        return await asked.done

    def _end_of_turn(self) -> None:
        asked, self._asked = self._asked, {}
        self._read(asked)
