"""How much is measured: one setting, `POSTROOM_BENCH_SIZE` or `--size`, for all of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    name: str
    messages: int
    """Messages stored where the reads and the larger ingest happen."""
    few: int
    """Messages stored where the smaller ingest happens."""
    inbox: int
    """Messages of the inbox that is scrolled."""
    rounds: int
    """Rounds of the interleaved runs: A B C, A B C, ..."""
    reads: int
    """Requests in a run; a third of it for the baseline, which is slow."""
    deletes: int
    """Post groups deleted in a run."""
    pages: int
    """Pages of 100 messages taken in, in a run."""
    posts: int
    """Posts that are due in the same moment."""
    post_accounts: int
    """Accounts that they are for."""
    workspaces: int
    """Workspaces that these accounts belong to."""
    follow_accounts: int
    """Linked accounts that each receive a message a second."""
    follow_seconds: int
    """For how long."""
    follow_rest_seconds: float
    """How long after all of them are listened to."""
    idle_seconds: float
    """How long a server is left alone before its memory is read."""


SIZES = {
    "smallest": Size(
        name="smallest",
        messages=2_000,
        few=500,
        inbox=500,
        rounds=2,
        reads=300,
        deletes=60,
        pages=2,
        posts=60,
        post_accounts=12,
        workspaces=3,
        follow_accounts=4,
        follow_seconds=2,
        follow_rest_seconds=0.5,
        idle_seconds=0.5,
    ),
    "small": Size(
        name="small",
        messages=50_000,
        few=10_000,
        inbox=20_000,
        rounds=3,
        reads=6_000,
        deletes=1_000,
        pages=10,
        posts=1_000,
        post_accounts=40,
        workspaces=10,
        follow_accounts=20,
        follow_seconds=20,
        follow_rest_seconds=2,
        idle_seconds=5,
    ),
    "full": Size(
        name="full",
        messages=1_000_000,
        few=10_000,
        inbox=100_000,
        rounds=5,
        reads=6_000,
        deletes=1_500,
        pages=10,
        posts=10_000,
        post_accounts=200,
        workspaces=10,
        follow_accounts=200,
        follow_seconds=300,
        follow_rest_seconds=5,
        idle_seconds=30,
    ),
}
