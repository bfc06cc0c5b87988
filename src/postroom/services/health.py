"""Whether the server can do its work, and figures about it."""

import time

from postroom.clock import Clock, to_ms
from postroom.services.media import Media
from postroom.store import accounts, jobs
from postroom.store.database import Database

_LATE_MS = 60_000


class Health:
    """Readiness and metrics. Counts only: nothing of anyone's content."""

    def __init__(self, database: Database, media: Media, now: Clock) -> None:
        self._database = database
        self._media = media
        self._now = now
        self._started = time.monotonic()

    async def ready(self) -> bool:
        """Whether the database answers and due work is being done. Nothing more is said to those without a key."""
        async with self._database.read() as reader:
            due = await jobs.next_due(reader)
        return due is None or to_ms(self._now()) - due < _LATE_MS

    async def metrics(self) -> str:
        """The figures in Prometheus' text format."""
        async with self._database.read() as reader:
            counts = await jobs.counts(reader)
            states = await accounts.count_by_status(reader)
        orphans = await self._media.orphans()
        lines = [
            "# TYPE postroom_uptime_seconds gauge",
            f"postroom_uptime_seconds {time.monotonic() - self._started:.0f}",
        ]
        lines.append("# TYPE postroom_jobs gauge")
        lines += [f'postroom_jobs{{status="{status}"}} {count}' for status, count in sorted(counts.items())]
        lines.append("# TYPE postroom_accounts gauge")
        lines += [f'postroom_accounts{{status="{status}"}} {count}' for status, count in sorted(states.items())]
        lines += ["# TYPE postroom_media_orphans gauge", f"postroom_media_orphans {len(orphans)}"]
        return "\n".join(lines) + "\n"
