"""What simulated networks publish: posts that other people see, uploaded files, and how often who called."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from postroom_sim.moments import from_seconds
from postroom_sim.network import Ground

Json = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS feed_posts (
    network TEXT NOT NULL, id TEXT NOT NULL, account TEXT NOT NULL, text TEXT NOT NULL, created_at REAL NOT NULL,
    media TEXT NOT NULL, reply_to TEXT, more TEXT NOT NULL, deleted_at REAL, PRIMARY KEY (network, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS feed_posts_of_account ON feed_posts (network, account, created_at);
CREATE TABLE IF NOT EXISTS feed_files (
    network TEXT NOT NULL, id TEXT NOT NULL, account TEXT NOT NULL, media_type TEXT NOT NULL, bytes BLOB NOT NULL,
    created_at REAL NOT NULL, more TEXT NOT NULL, PRIMARY KEY (network, id));
CREATE TABLE IF NOT EXISTS feed_usage (
    network TEXT NOT NULL, subject TEXT NOT NULL, window_start INTEGER NOT NULL, used INTEGER NOT NULL,
    PRIMARY KEY (network, subject, window_start)) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Post:
    id: str
    account: str
    text: str
    created_at: float
    media: list[Json]
    reply_to: str | None
    more: Json
    """What else the network knows of it."""
    deleted_at: float | None


@dataclass(frozen=True, slots=True)
class File:
    id: str
    account: str
    media_type: str
    content: bytes
    created_at: float
    more: Json


@dataclass(frozen=True, slots=True)
class Spent:
    """How much of a limit is used up, this call included."""

    limit: int
    remaining: int
    resets_at: int
    """Seconds since 1970."""
    exceeded: bool


class Feed:
    """One network's posts and files. Ids are the network's own, made by its folder."""

    def __init__(self, ground: Ground, network: str) -> None:
        self._ground = ground
        self._database = ground.database
        self._network = network

    def next(self, what: str) -> int:
        """A number that was never given before, for ids."""
        return self._database.next(f"{self._network}_{what}")

    def add(
        self,
        id: str,
        account: str,
        text: str,
        *,
        media: list[Json] | None = None,
        reply_to: str | None = None,
        more: Json | None = None,
    ) -> Post:
        """Publish. `media` is what other people see of each file: {type, alt, size, ...}."""
        now = self._ground.clock.now()
        self._database.execute(
            "INSERT INTO feed_posts VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)",
            (self._network, id, account, text, now, json.dumps(media or []), reply_to, json.dumps(more or {})),
        )
        return Post(id, account, text, now, media or [], reply_to, more or {}, None)

    def find(self, id: str) -> Post | None:
        """A post that is live."""
        found = self._select("id = ? AND deleted_at IS NULL", (id,))
        return found[0] if found else None

    def live(self, account: str | None = None, *, since: float | None = None) -> list[Post]:
        """Live posts, oldest first."""
        return self._select(
            "deleted_at IS NULL AND (? IS NULL OR account = ?) AND (? IS NULL OR created_at >= ?)",
            (account, account, since, since),
        )

    def remove(self, id: str) -> bool:
        """Delete. False: it is not live."""
        changed = self._database.execute(
            "UPDATE feed_posts SET deleted_at = ? WHERE network = ? AND id = ? AND deleted_at IS NULL",
            (self._ground.clock.now(), self._network, id),
        )
        return changed.rowcount > 0

    def shown(self, account: str | None) -> list[Json]:
        """What `/_sim/network/{network}/posts` answers."""
        return [
            {
                "id": post.id,
                "account": post.account,
                "text": post.text,
                "created_at": from_seconds(post.created_at),
                "media": post.media,
                "reply_to": post.reply_to,
            }
            for post in self.live(account)
        ]

    def keep_file(self, id: str, account: str, media_type: str, content: bytes, more: Json | None = None) -> File:
        """Keep an uploaded file, or replace one."""
        now = self._ground.clock.now()
        self._database.execute(
            "INSERT OR REPLACE INTO feed_files VALUES (?, ?, ?, ?, ?, ?, ?)",
            (self._network, id, account, media_type, content, now, json.dumps(more or {})),
        )
        return File(id, account, media_type, content, now, more or {})

    def file(self, id: str) -> File | None:
        """An uploaded file."""
        row = self._database.one(
            "SELECT id, account, media_type, bytes, created_at, more FROM feed_files WHERE network = ? AND id = ?",
            (self._network, id),
        )
        return File(row[0], row[1], row[2], row[3], row[4], json.loads(row[5])) if row else None

    def spend(self, subject: str, limit: int, window_seconds: int, cost: int = 1) -> Spent:
        """Count a call. Whether too many are refused is for the caller: the switch `enforce_rate_limits` says."""
        start = int(self._ground.clock.now() // window_seconds * window_seconds)
        row = self._database.one(
            "INSERT INTO feed_usage VALUES (?, ?, ?, ?) ON CONFLICT (network, subject, window_start)"
            " DO UPDATE SET used = used + excluded.used RETURNING used",
            (self._network, subject, start, cost),
        )
        used = int(row[0]) if row else cost
        exceeded = used > limit and bool(self._ground.switches["enforce_rate_limits"])
        return Spent(limit, max(0, limit - used), start + window_seconds, exceeded)

    def _select(self, where: str, values: tuple[Any, ...]) -> list[Post]:
        rows = self._database.all(
            "SELECT id, account, text, created_at, media, reply_to, more, deleted_at FROM feed_posts"
            f" WHERE network = ? AND {where} ORDER BY created_at, id",
            (self._network, *values),
        )
        return [
            Post(row[0], row[1], row[2], row[3], json.loads(row[4]), row[5], json.loads(row[6]), row[7]) for row in rows
        ]
