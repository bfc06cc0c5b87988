"""The journal: every call the networks got, in order, without secrets."""

from __future__ import annotations

import json
from typing import Any

from postroom_sim.database import Database

_FIELDS = ("seq", "at", "network", "operation", "account", "method", "path", "query", "body", "status", "fault")


class Journal:
    def __init__(self, database: Database) -> None:
        self._database = database

    def open(
        self, *, at: float, network: str, operation: str, account: str | None, method: str, path: str, query: str,
        body: Any, fault: str | None,
    ) -> int:  # fmt: skip
        """Note that a call arrived; its status stays null until `close`."""
        text = None if body is None else json.dumps(body, ensure_ascii=False)
        cursor = self._database.execute(
            "INSERT INTO requests (at, network, operation, account, method, path, query, body, fault)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (at, network, operation, account, method, path, query, text, fault),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def close(self, seq: int, status: int) -> None:
        self._database.execute("UPDATE requests SET status = ? WHERE seq = ?", (status, seq))

    def entries(
        self, *, network: str | None, operation: str | None, account: str | None, after: int
    ) -> list[dict[str, Any]]:
        sql = f"SELECT {', '.join(_FIELDS)} FROM requests WHERE seq > ?"
        wanted: list[Any] = [after]
        for field, value in (("network", network), ("operation", operation), ("account", account)):
            if value is not None:
                sql += f" AND {field} = ?"
                wanted.append(value)
        found = []
        for row in self._database.all(sql + " ORDER BY seq", wanted):
            entry = dict(zip(_FIELDS, row, strict=True))
            entry["body"] = json.loads(entry["body"]) if entry["body"] is not None else None
            found.append(entry)
        return found

    def latest(self, count: int) -> list[dict[str, Any]]:
        """The last of all calls, newest first, without what was sent."""
        rows = self._database.all("SELECT network, operation, status FROM requests ORDER BY seq DESC LIMIT ?", [count])
        return [dict(zip(("network", "operation", "status"), row, strict=True)) for row in rows]

    def clear(self) -> None:
        self._database.execute("DELETE FROM requests")
