"""Fault rules: which calls or realtime events go wrong, how, and how often."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import dataclass, field
from typing import Any

import msgspec

from postroom_sim.database import Database

CALL_EFFECTS = {
    "status", "body", "headers", "latency_seconds", "reset", "commit_then_lose", "commit_then_hang_seconds",
    "truncate_page", "stale_read", "expired_session", "challenge", "hold",
}  # fmt: skip
STREAM_EFFECTS = {
    "duplicate_events", "reorder_events", "drop_events", "end_stream", "split_chunks", "silence_heartbeats",
}  # fmt: skip
_FLAGS = {
    "reset", "commit_then_lose", "expired_session", "challenge", "hold", "reorder_events", "end_stream", "split_chunks",
    "silence_heartbeats",
}  # fmt: skip


MOST_COPIES = 1000
_LONGEST_SECONDS = 86_400


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One rule as a test writes it. None means any network, operation or account."""

    do: dict[str, Any]
    network: str | None = None
    operation: str | None = None
    account: str | None = None
    nth: int = 1
    times: int | None = 1
    probability: float | None = None
    seed: int = 1


@dataclass(slots=True, eq=False)
class _Standing:
    id: str
    rule: Rule
    seen: int
    hits: int
    removed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def for_stream(self) -> bool:
        return not STREAM_EFFECTS.isdisjoint(self.rule.do)

    def concerns(self, network: str, operation: str, account: str | None) -> bool:
        rule = self.rule
        return (
            rule.network in (None, network)
            and rule.operation in (None, operation)
            and rule.account in (None, account)
            and (rule.times is None or self.hits < rule.times)
        )

    def strikes(self) -> bool:
        """Count one matching call, and say whether this is one that goes wrong."""
        self.seen += 1
        if self.seen < self.rule.nth:
            return False
        chance = self.rule.probability
        if chance is not None and random.Random(f"{self.rule.seed}:{self.seen}").random() >= chance:
            return False
        self.hits += 1
        return True


class Faults:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._standing: list[_Standing] = []
        self.load()

    def load(self) -> None:
        """Read the rules again, after a reset or an import."""
        self._let_go(self._standing)
        self._standing = [
            _Standing(id, msgspec.json.decode(rule, type=Rule), seen, hits)
            for id, rule, seen, hits in self._database.all("SELECT id, rule, seen, hits FROM faults ORDER BY rowid")
        ]

    def add(self, tree: Any) -> tuple[str, Rule]:
        """Raises ValueError when the rule is not one."""
        try:
            rule = msgspec.convert(tree, Rule)
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from error
        rule = _checked(rule)
        id = f"fault-{self._database.next('faults')}"
        self._standing.append(_Standing(id, rule, 0, 0))
        self._database.execute("INSERT INTO faults VALUES (?, ?, 0, 0)", (id, json.dumps(msgspec.to_builtins(rule))))
        return id, rule

    def listed(self) -> list[dict[str, Any]]:
        return [
            {"id": item.id, **msgspec.to_builtins(item.rule), "seen": item.seen, "hits": item.hits}
            for item in self._standing
        ]

    def remove(self, id: str | None) -> int:
        """Remove one rule, or all of them; says how many there were."""
        removed = [item for item in self._standing if id in (None, item.id)]
        self._standing = [item for item in self._standing if item not in removed]
        self._let_go(removed)
        if id is None:
            self._database.execute("DELETE FROM faults")
        else:
            self._database.execute("DELETE FROM faults WHERE id = ?", (id,))
        return len(removed)

    async def held(self, ids: list[str]) -> None:
        """Until those of these rules that hold calls are removed."""
        for item in [item for item in self._standing if item.id in ids and "hold" in item.rule.do]:
            await item.removed.wait()

    def _let_go(self, removed: list[_Standing]) -> None:
        for item in removed:
            item.removed.set()

    def for_call(self, network: str, operation: str, account: str | None) -> tuple[dict[str, Any], list[str]]:
        """The merged effects of every rule that strikes this call, and their ids."""
        return self._take(network, operation, account, for_stream=False, only=None)

    def for_event(self, network: str, account: str, only: str | None = None) -> dict[str, Any]:
        """The effects that strike one realtime event, or one heartbeat with only="silence_heartbeats"."""
        return self._take(network, "realtime", account, for_stream=True, only=only)[0]

    def _take(
        self, network: str, operation: str, account: str | None, *, for_stream: bool, only: str | None
    ) -> tuple[dict[str, Any], list[str]]:
        effects: dict[str, Any] = {}
        ids: list[str] = []
        for item in self._standing:
            if item.for_stream is not for_stream or not item.concerns(network, operation, account):
                continue
            if for_stream and only is None and item.rule.do.keys() <= {"silence_heartbeats", "end_stream"}:
                continue
            if only is not None and only not in item.rule.do:
                continue
            if item.strikes():
                effects |= item.rule.do
                ids.append(item.id)
            self._database.execute("UPDATE faults SET seen = ?, hits = ? WHERE id = ?", (item.seen, item.hits, item.id))
        return effects, ids


def _checked(rule: Rule) -> Rule:
    names = set(rule.do)
    if not names or not names <= CALL_EFFECTS | STREAM_EFFECTS:
        raise ValueError(f"do must name some of {', '.join(sorted(CALL_EFFECTS | STREAM_EFFECTS))}")
    if not names.isdisjoint(CALL_EFFECTS) and not names.isdisjoint(STREAM_EFFECTS):
        raise ValueError("one rule concerns either calls or realtime events")
    if names & {"body", "headers"} and "status" not in names:
        raise ValueError("body and headers need a status")
    for name in names & _FLAGS:
        if rule.do[name] is not True:
            raise ValueError(f"{name} must be true")
    for name in names - _FLAGS - {"body", "headers"}:
        value = rule.do[name]
        numeric = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
        if not numeric and not (name == "stale_read" and value is True):
            raise ValueError(f"{name} must be a number, zero or more")
        if numeric and value > (MOST_COPIES if name in ("duplicate_events", "drop_events") else _LONGEST_SECONDS):
            raise ValueError(f"{name} is too large")
    status = rule.do.get("status", 200)
    if not isinstance(status, int) or status not in (*range(200, 600), 999):
        raise ValueError("status must be between 200 and 599, or 999")
    if "headers" in names and not isinstance(rule.do["headers"], dict):
        raise ValueError("headers must be an object")
    if rule.nth < 1 or (rule.times is not None and rule.times < 1):
        raise ValueError("nth and times count from 1")
    if "drop_events" in names and rule.times == 1:
        return msgspec.structs.replace(rule, times=max(1, int(rule.do["drop_events"])))
    return rule
