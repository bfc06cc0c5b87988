"""Switches: where the real networks' behaviour is unknown or varies, a test chooses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from postroom_sim.database import Database


def _one_of(*allowed: Any) -> Callable[[Any], bool]:
    return lambda value: any(value is choice or (type(value) is type(choice) and value == choice) for choice in allowed)


def _strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 3600


def _seconds(value: Any) -> bool:
    return value == 0 or _positive(value)


# name: (default, is this value allowed)
KNOWN: dict[str, tuple[Any, Callable[[Any], bool]]] = {
    "recalled_rows": ("tombstone", _one_of("tombstone", "omit")),
    "repeat_recall": (400, _one_of(400, 204)),
    "deleted_urns": (True, _one_of(True, False, "plain")),
    "rejected_query_hashes": ([], _strings),
    "recalled_body": ("empty", _one_of("empty", "null", "absent")),
    "quotes_follow_recall": (False, _one_of(True, False)),
    "clear_cache": (False, _one_of(True, False)),
    "unknown_fields": (False, _one_of(True, False)),
    "sparse_conversations": (False, _one_of(True, False)),
    "heartbeat_seconds": (15, _positive),
    "processing_seconds": (0, _seconds),
    "enforce_rate_limits": (False, _one_of(True, False)),
    "telegram_old_deletes": (False, _one_of(True, False)),
    "linkedin_refresh_tokens": (True, _one_of(True, False)),
    "whatsapp_sealed_edits": (True, _one_of(True, False)),
    "linkedin_inmail_credits": (5, lambda value: type(value) is int and 0 <= value <= 1000),
    "linkedin_video_seconds": (0, lambda value: value == 0 or _positive(value)),
}


class Switches:
    def __init__(self, database: Database) -> None:
        self._database = database
        self.load()

    def load(self) -> None:
        """Read them again, after a reset or an import."""
        stored = self._database.setting("switches", {})
        self._values = {name: stored.get(name, default) for name, (default, _) in KNOWN.items()}

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def all(self) -> dict[str, Any]:
        return dict(self._values)

    def set(self, changes: dict[str, Any]) -> None:
        """Raises ValueError, and changes nothing, when a name or a value is unknown."""
        for name, value in changes.items():
            if name not in KNOWN:
                raise ValueError(f"no switch {name!r}; there are {', '.join(sorted(KNOWN))}")
            if not KNOWN[name][1](value):
                raise ValueError(f"switch {name} cannot be {value!r}")
        self._values.update(changes)
        self._database.set_setting("switches", self._values)
