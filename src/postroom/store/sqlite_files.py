"""SQLite files, opened: the database, the keyring, and what is made of them.

All through one library, the SQLite that it brings included: of two in one process, one that closes a file takes the
other's locks on it.
"""

from pathlib import Path

import apsw

_PATIENCE_MS = 5_000
_STATEMENTS = 512


def open_file(file: Path, *, read_only: bool = False, patience_ms: int = _PATIENCE_MS) -> apsw.Connection:
    """A connection to this file, which is made where it is not there. `patience_ms`: how long to wait for others' locks.

    What a statement changes outside of `begin` and `commit` is committed with it.

    Raises:
        apsw.Error: it cannot be opened.
    """
    flags = apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    connection = apsw.Connection(str(file), flags=flags, statementcachesize=_STATEMENTS)
    # Without it a statement is planned anew for each value that it is run with.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    connection.set_busy_timeout(patience_ms)
    return connection
