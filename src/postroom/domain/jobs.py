"""Durable work: what is to be done, when, and how it is tried again."""

from datetime import timedelta
from enum import StrEnum

import msgspec


class Task(StrEnum):
    """The names of all durable work. Each is safe to repeat."""

    SYNC_ACCOUNT = "sync_account"
    SETTLE_RECALL = "settle_recall"
    DO_DEFERRED = "do_deferred"
    FINISH_UNLINK = "finish_unlink"
    NOTIFY_LINKED = "notify_linked"
    ASK_AGAIN = "ask_again"
    PUBLISH_POST = "publish_post"
    TAKE_DOWN = "take_down"
    EXPIRE_POSTS = "expire_posts"
    PURGE_BLOBS = "purge_blobs"
    EXPIRE_UPLOAD = "expire_upload"
    CLEAN_UP = "clean_up"


class JobStatus(StrEnum):
    TODO = "todo"
    DOING = "doing"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of durable work. `args` holds ids only."""

    id: str
    workspace_id: str | None
    task: Task
    args: dict[str, str | list[str]]
    lock: str | None
    """At most one job with the same lock runs at a time."""
    attempts: int
    scheduled_at: int
    provider: str | None = None
    """The network that it calls, where it calls one."""


def purge_of(job_id: str, workspace_id: str, keys: list[str], at: int) -> Job:
    """The job that deletes blobs."""
    return Job(
        id=job_id,
        workspace_id=workspace_id,
        task=Task.PURGE_BLOBS,
        args={"keys": keys},
        lock=None,
        attempts=0,
        scheduled_at=at,
    )


class Due(msgspec.Struct, frozen=True):
    """A job that could run now: what choosing needs to know of it."""

    id: str
    workspace_id: str | None
    lock: str | None
    provider: str | None


class Holds(StrEnum):
    """What waits until a job is run again."""

    JOB = "job"
    LOCK = "lock"
    """All jobs under its lock: its account is to rest."""
    PROVIDER = "provider"
    """All jobs of its network."""


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """What a job answers that is to be run again."""

    after: timedelta
    reason: str
    holds: Holds = Holds.JOB
