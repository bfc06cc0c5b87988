"""Whether the server can do its work, and figures about it."""

import math
import time
from collections.abc import Callable, Sequence

from postroom.clock import Clock, to_ms
from postroom.domain.access import Caller
from postroom.domain.health import Figures, Remembering, Setting, Work
from postroom.errors import Unavailable
from postroom.services.media import Media
from postroom.store import accounts, attention, jobs
from postroom.store.database import Database
from postroom.store.restoring import REMEMBERED

_LATE_MS = 60_000
_MOST_TROUBLES = 50


class Health:
    """Readiness and metrics. Counts only: nothing of anyone's content."""

    def __init__(
        self,
        database: Database,
        media: Media,
        now: Clock,
        settings: Callable[[], Sequence[tuple[str, str, str, bool]]],
    ) -> None:
        """`settings`: each with its value, as it may be shown; asked for when somebody looks."""
        self._database = database
        self._media = media
        self._now = now
        self._settings = settings
        self._started = time.monotonic()

    async def ready(self) -> bool:
        """Whether the database answers and due work is being done. Nothing more is said to those without a key."""
        async with self._database.read() as reader:
            due = await jobs.next_due(reader)
        return due is None or to_ms(self._now()) - due < _LATE_MS

    def keyring(self) -> Remembering:
        """Whether the keyring remembers what was deleted."""
        keyring = self._database.keyring
        try:
            known = keyring.marked(REMEMBERED)
        except Unavailable:
            behind = math.inf
        else:
            behind = 0.0 if known is None else (to_ms(self._now()) - int(known)) / 1000
        return Remembering(unwritten=keyring.graves.behind, behind_seconds=max(0.0, behind))

    async def figures(self) -> Figures:
        """Counts about the whole server."""
        async with self._database.read() as reader:
            counts = await jobs.counts(reader)
            states = await accounts.count_by_status(reader)
        return Figures(
            uptime_seconds=time.monotonic() - self._started,
            jobs=counts,
            accounts=states,
            orphans=len(await self._media.orphans()),
            database="SQLite" if self._database.dialect == "sqlite" else "PostgreSQL",
            keyring=self.keyring(),
        )

    async def work(self, caller: Caller) -> Work:
        """The workspace's durable work, and what of it does not go as it should."""
        late = to_ms(self._now()) - _LATE_MS
        async with self._database.read() as reader:
            counts = await attention.count_jobs(reader, caller.workspace_id, late)
            troubles = await attention.list_troubles(reader, caller.workspace_id, late, _MOST_TROUBLES)
        return Work(counts=counts, troubles=troubles)

    def settings(self) -> Sequence[Setting]:
        """The server's settings. Of secrets it says whether they are set."""
        return [
            Setting(name=name, value=value, about=about, chosen=chosen)
            for name, value, about, chosen in self._settings()
        ]

    async def metrics(self) -> str:
        """The figures in Prometheus' text format."""
        found = await self.figures()
        lines = ["# TYPE postroom_uptime_seconds gauge", f"postroom_uptime_seconds {found.uptime_seconds:.0f}"]
        lines.append("# TYPE postroom_jobs gauge")
        lines += [f'postroom_jobs{{status="{status}"}} {count}' for status, count in sorted(found.jobs.items())]
        lines.append("# TYPE postroom_accounts gauge")
        lines += [f'postroom_accounts{{status="{status}"}} {count}' for status, count in sorted(found.accounts.items())]
        lines += ["# TYPE postroom_media_orphans gauge", f"postroom_media_orphans {found.orphans}"]
        lines += ["# TYPE postroom_keyring_unwritten gauge", f"postroom_keyring_unwritten {found.keyring.unwritten}"]
        lines += [
            "# TYPE postroom_keyring_behind_seconds gauge",
            f"postroom_keyring_behind_seconds {found.keyring.behind_seconds:.0f}".replace("inf", "+Inf"),
        ]
        return "\n".join(lines) + "\n"
