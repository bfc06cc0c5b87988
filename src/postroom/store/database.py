"""The door to the database: `begin()` for writes, `read()` for reads; rows in, rows out. The same on both databases.

SQL is one text with `$1`, `$2`, ... for its arguments. Where the two databases differ, the door has the words for it,
and `dialect` says which one it is.
Moments are milliseconds since 1970, flags are 0 and 1, ids are text, sealed documents are bytes.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, Protocol

from postroom.store.keyring import Keyring

Row = Sequence[Any]


class Reader(Protocol):
    """Sees what is committed."""

    @property
    def keyring(self) -> Keyring:
        """The account keys that open what is sealed."""
        ...

    @property
    def dialect(self) -> Literal["sqlite", "postgres"]: ...

    def any_of(self, column: str, number: int) -> str:
        """The condition that a text column is among the values that `array` made of argument `$number`."""
        ...

    def array(self, values: Iterable[str]) -> Any:
        """Texts as one argument, for `any_of`."""
        ...

    @property
    def settled_position(self) -> str:
        """SQL for the position below which no more events can come; those at it and above may still be overtaken."""
        ...

    async def fetch(self, sql: str, *args: Any) -> Sequence[Row]: ...

    async def fetch_one(self, sql: str, *args: Any) -> Row | None: ...

    async def look_up(self, sql: str, *args: Any) -> Row | None:
        """The one row that has a key, or none: quick to find, so that many can be asked for together."""
        ...


class Tx(Reader, Protocol):
    """One transaction: all of it, or none. No network call happens inside."""

    @property
    def for_update(self) -> str:
        """What to append to a select so that its rows are held to the commit."""
        ...

    async def execute(self, sql: str, *args: Any) -> int:
        """Run one statement; how many rows it changed."""
        ...

    async def execute_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each row of arguments."""
        ...

    def next_position(self, number: int) -> tuple[str, Any]:
        """Where the next event goes: SQL for its position, and the value of argument `$number` in that."""
        ...

    async def agree(self, name: str, *, exclusive: bool) -> None:
        """Wait for others who agreed on this name, to the commit: all of them, or only those who do so exclusively.

        Where there is one writer there is nobody to wait for.
        """
        ...

    def later(self, sql: str, *args: Any) -> None:
        """Run one statement before the commit whose outcome this transaction does not need: such ones go together."""
        ...

    def on_commit(self, call: Callable[[], None]) -> None:
        """Call this once the transaction is durable; never if it is not."""
        ...


class Database(Protocol):
    """One database, opened."""

    @property
    def dialect(self) -> Literal["sqlite", "postgres"]: ...

    @property
    def keyring(self) -> Keyring: ...

    def begin(self, *, single: bool = False) -> AbstractAsyncContextManager[Tx]:
        """A transaction. Leaving the block commits durably, before it returns; an exception rolls all of it back.

        `single`: on PostgreSQL it takes only statements for `fetch_one` that always answer a row, and whose arguments begin
        with the workspace, the user and the id that they change. Each is durable when it returns, whatever follows: what
        waits at the same time shares one transaction.
        """
        ...

    def read(self) -> AbstractAsyncContextManager[Reader]:
        """A reader. Not a snapshot: what is committed meanwhile may be seen, by its next statement already."""
        ...

    async def scrub(self) -> bool:
        """Overwrite what was deleted, as far as the database can. False: another process reads what was; try later."""
        ...

    async def close(self) -> None: ...
