"""The containers of the simulated Threads and Instagram: they fetch their file themselves, take a while, and end.

Source: Threads API documentation, "Troubleshooting"; Instagram Platform documentation, "IG Container", checked
2026-11-21.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import struct
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from postroom_sim.network import Ground

Json = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS graph_containers (
    network TEXT NOT NULL, id TEXT NOT NULL, account TEXT NOT NULL, kind TEXT NOT NULL, fields TEXT NOT NULL,
    files TEXT NOT NULL, created_at REAL NOT NULL, ready_at REAL NOT NULL, error TEXT, media_id TEXT,
    PRIMARY KEY (network, id)) WITHOUT ROWID;
"""

_LIVES_SECONDS = 86_400
_VIDEO_SECONDS = 5.0
_FETCH_SECONDS = 5.0
_MOST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class File:
    """What was fetched: its bytes' own kind, and its size in pixels where they say it."""

    content_type: str
    size_bytes: int
    width: int | None
    height: int | None


@dataclass(frozen=True, slots=True)
class Container:
    id: str
    account: str
    kind: str
    fields: Json
    files: list[Json]
    status: str
    error: str | None
    media_id: str | None


class Containers:
    """One network's containers."""

    def __init__(self, ground: Ground, network: str) -> None:
        self._ground = ground
        self._database = ground.database
        self._network = network

    def add(self, id: str, account: str, kind: str, fields: Json, files: list[Json], error: str | None) -> None:
        """A new one. A video takes a while."""
        now = self._ground.clock.now()
        ready_at = now + (_VIDEO_SECONDS if any(each["type"] == "video" for each in files) else 0.0)
        self._database.execute(
            "INSERT INTO graph_containers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
            (self._network, id, account, kind, json.dumps(fields), json.dumps(files), now, ready_at, error),
        )

    def find(self, id: str) -> Container | None:
        """As it stands now."""
        row = self._database.one(
            "SELECT id, account, kind, fields, files, created_at, ready_at, error, media_id FROM graph_containers"
            " WHERE network = ? AND id = ?",
            (self._network, id),
        )
        if row is None:
            return None
        now = self._ground.clock.now()
        if row[8] is not None:
            status = "PUBLISHED"
        elif now >= row[5] + _LIVES_SECONDS:
            status = "EXPIRED"
        elif now < row[6]:
            status = "IN_PROGRESS"
        else:
            status = "ERROR" if row[7] is not None else "FINISHED"
        return Container(row[0], row[1], row[2], json.loads(row[3]), json.loads(row[4]), status, row[7], row[8])

    def published(self, id: str, media_id: str) -> None:
        """It became this post."""
        self._database.execute(
            "UPDATE graph_containers SET media_id = ? WHERE network = ? AND id = ?", (media_id, self._network, id)
        )


def fetch(url: str, own_origin: str) -> File | None:
    """Get a file, as the network does: from this machine only, without following anybody elsewhere. None: in vain."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname or not _is_loopback(parts.hostname):
        return None
    if parts.netloc == urlsplit(own_origin).netloc:
        return None
    connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=_FETCH_SECONDS)
    try:
        connection.request(
            "GET", f"{parts.path or '/'}?{parts.query}", headers={"user-agent": "facebookexternalhit/1.1"}
        )
        answer = connection.getresponse()
        content = answer.read(_MOST_BYTES)
        if answer.status != 200:
            return None
        return measured(content, answer.headers.get("content-type", ""))
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def measured(content: bytes, declared: str) -> File:
    """A file by its bytes."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        wide, high = struct.unpack(">II", content[16:24]) if content[12:16] == b"IHDR" else (None, None)
        return File("image/png", len(content), wide, high)
    if content.startswith(b"\xff\xd8\xff"):
        return File("image/jpeg", len(content), *_jpeg_size(content))
    return File(declared.partition(";")[0].strip().lower(), len(content), None, None)


def _jpeg_size(content: bytes) -> tuple[int | None, int | None]:
    """Width and height, from the frame header."""
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        kind = content[at + 1]
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            high, wide = struct.unpack(">HH", content[at + 5 : at + 9])
            return wide, high
        at += 2 + int(struct.unpack(">H", content[at + 2 : at + 4])[0])
    return None, None
