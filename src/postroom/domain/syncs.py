"""Syncs of a whole account, or of one chat's history: how far they are."""

from enum import StrEnum

import msgspec


class SyncState(StrEnum):
    """`resting`: a chunk is done, and the next one is to be asked for."""

    QUEUED = "queued"
    RUNNING = "running"
    RESTING = "resting"
    DONE = "done"
    FAILED = "failed"


UNFINISHED = frozenset({SyncState.QUEUED, SyncState.RUNNING, SyncState.FAILED})
"""What the next sync of the account goes on with: one that failed is tried again from where it stood."""


class SyncProgress(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far a sync is. Figures only; moments are milliseconds since 1970."""

    state: SyncState
    started_at: int
    finished_at: int | None = None
    chats_known: int = 0
    listed: bool = False
    """Whether those are all: until then there may be more."""
    chats_done: int = 0
    chats_failed: int = 0
    """Of those done, how many the network refused to show."""
    messages: int = 0
    """How many were read; those that were held already count as well."""
    error: str | None = None
    """The code of what went wrong last, while it has not gone on since."""
    asked: bool = False
    """Whether a caller asked for it; not so the first one of an account, and what a network makes necessary."""
    before: int | None = None
    after: int | None = None
    """Only messages sent before, and not before, these moments; None: all."""
    chunk_chats: int | None = None
    """After how many chats it rests; None: never."""
    chunk_left: int | None = None
    told: bool = False
    """Whether whoever asked for it has heard how it ended."""
    announced_at: int = 0

    @property
    def unfinished(self) -> bool:
        return self.state in UNFINISHED


def queued(now: int) -> SyncProgress:
    """A sync that is about to begin."""
    return SyncProgress(state=SyncState.QUEUED, started_at=now, announced_at=now)
