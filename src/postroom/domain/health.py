"""How the server is: its settings as they may be shown, its figures, its work."""

import math
from collections.abc import Mapping, Sequence

import msgspec

from postroom.domain.attention import JobCounts

_USUAL_SECONDS = 30 * 60


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One setting; a secret's value is not here."""

    name: str
    """Its environment variable."""
    value: str
    """Empty: it has none."""
    about: str
    chosen: bool
    """Whether somebody chose it, or it is as it comes."""


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Counts about the whole server: nothing of anyone's content."""

    uptime_seconds: float
    jobs: Mapping[str, int]
    accounts: Mapping[str, int]
    """By status."""
    orphans: int
    """Files that no media row stands for."""
    database: str
    keyring: "Remembering"


class Remembering(msgspec.Struct, frozen=True, kw_only=True):
    """How far the keyring knows what was deleted: what it does not know would come back with an older backup."""

    unwritten: int
    """Deletions that could not be written to it; they are tried again until they are."""
    behind_seconds: float
    """Since when it may not know all; some minutes are usual, infinity where it cannot be read."""

    @property
    def lags(self) -> bool:
        return self.unwritten > 0 or self.behind_seconds > _USUAL_SECONDS

    @property
    def unreadable(self) -> bool:
        return math.isinf(self.behind_seconds)


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """A job that is late, was tried before, or was given up."""

    id: str
    task: str
    status: str
    attempts: int
    scheduled_at: int
    provider: str | None
    last_error: str | None
    """A word or two; never a network's sentence."""


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """A workspace's durable work, and the first of what does not go as it should."""

    counts: JobCounts
    troubles: Sequence[Trouble]
