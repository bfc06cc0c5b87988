"""What waits for a person: things that do not go on, or did not end well, by themselves."""

from collections.abc import Sequence

import msgspec

from postroom.domain.accounts import Account
from postroom.domain.messages import Recall
from postroom.domain.posts import Post
from postroom.domain.webhooks import WebhookEndpoint


class Troubled(msgspec.Struct, frozen=True, kw_only=True):
    """A post that failed, or that may be live and nobody can tell; with the beginning of what it says."""

    post: Post
    content: str
    scheduled_at: int | None


class JobCounts(msgspec.Struct, frozen=True, kw_only=True):
    """The workspace's durable work."""

    waiting: int = 0
    late: int = 0
    """Of those that wait: how many were due a minute ago."""
    running: int = 0
    failed: int = 0
    """Of the last days."""


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """How much there is."""

    accounts: int
    connected: int
    scheduled: int
    """Post groups that wait for their time."""
    next_at: int | None
    """When the next of them goes out."""


class Attention(msgspec.Struct, frozen=True, kw_only=True):
    """What waits for a person, the first of each kind, and how much there is of the rest."""

    relink: Sequence[Account]
    """Accounts that do nothing until their owner does something."""
    expiring: Sequence[Account]
    """Accounts that end within a week unless they are linked again."""
    doubtful: Sequence[Troubled]
    """Posts that may be live and nobody can tell."""
    failed: Sequence[Troubled]
    """Posts that failed in the last week."""
    recalls: Sequence[Recall]
    """Recalls whose outcome is being looked up."""
    webhooks: Sequence[WebhookEndpoint]
    """Endpoints that were disabled, or do not take what they are sent."""
    jobs: JobCounts | None
    """None: the caller is a managed user, who sees none of it."""
    figures: Figures

    @property
    def count(self) -> int:
        """How many things wait for a person; 0: all is well."""
        lists = (self.relink, self.expiring, self.doubtful, self.failed, self.recalls, self.webhooks)
        jobs = 0 if self.jobs is None else bool(self.jobs.late) + bool(self.jobs.failed)
        return sum(map(len, lists)) + jobs
