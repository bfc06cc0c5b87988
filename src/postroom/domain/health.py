"""How the server is: its settings as they may be shown, its figures, its work."""

from collections.abc import Mapping, Sequence

import msgspec

from postroom.domain.attention import JobCounts


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
