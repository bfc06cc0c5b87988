"""What waits for a person in a workspace: the first of each kind."""

from postroom.domain.accounts import Account, AccountStatus
from postroom.domain.attention import Figures, JobCounts, Troubled
from postroom.domain.health import Trouble
from postroom.domain.messages import Recall
from postroom.domain.posts import PostStatus
from postroom.store import accounts, posts, recalls
from postroom.store.database import Reader
from postroom.store.where import Where

_CONTENT = 140


async def list_relink(reader: Reader, workspace_id: str, user_id: str | None, limit: int) -> list[Account]:
    """Accounts that do nothing until their owner does something, newest first."""
    where = Where(reader, "workspace_id = {} and status in ('disconnected', 'action_required')", workspace_id)
    return await _accounts(reader, workspace_id, where, user_id, limit)


async def list_expiring(
    reader: Reader, workspace_id: str, user_id: str | None, before: int, limit: int
) -> list[Account]:
    """Accounts in use whose credentials end before then."""
    where = Where(reader, "workspace_id = {} and status in ('connected', 'reconnecting')", workspace_id)
    where.also("credentials_expire_at < {}", before)
    return await _accounts(reader, workspace_id, where, user_id, limit)


async def _accounts(reader: Reader, workspace_id: str, where: Where, user_id: str | None, limit: int) -> list[Account]:
    if user_id is not None:
        where.also("user_id = {}", user_id)
    rows = await reader.fetch(
        f"select id from accounts where {where} order by created_at desc, id desc limit {where.argument(limit)}",
        *where.args,
    )
    found = [await accounts.find(reader, workspace_id, row[0]) for row in rows]
    return [each for each in found if each is not None]


async def list_troubled(
    reader: Reader, workspace_id: str, user_id: str, status: PostStatus, since: int, limit: int
) -> list[Troubled]:
    """The user's posts of a status whose group was to go out at this moment or later, the latest first."""
    rows = await reader.fetch(
        f"""
        select p.id, substr(g.content, 1, {_CONTENT}), g.scheduled_at from posts p
        join post_groups g on g.workspace_id = p.workspace_id and g.id = p.group_id
        where p.workspace_id = $1 and g.user_id = $2 and p.status = $3 and g.scheduled_at >= $4
            and p.status in ('published', 'failed', 'unconfirmed')
        order by g.scheduled_at desc, p.id limit $5
        """,
        workspace_id,
        user_id,
        status,
        since,
        limit,
    )
    found = []
    for post_id, content, scheduled_at in rows:
        post = await posts.find_post(reader, workspace_id, post_id)
        if post is not None:
            found.append(Troubled(post=post, content=content, scheduled_at=scheduled_at))
    return found


async def list_in_doubt(reader: Reader, workspace_id: str, user_id: str | None, limit: int) -> list[Recall]:
    """Recalls whose outcome is being looked up, the oldest first."""
    where = Where(reader, "r.workspace_id = {} and r.outcome = 'in_doubt'", workspace_id)
    if user_id is not None:
        where.also("a.user_id = {}", user_id)
    rows = await reader.fetch(
        f"""
        select r.id from recalls r
        join accounts a on a.workspace_id = r.workspace_id and a.id = r.account_id
        where {where} order by r.asked_at, r.id limit {where.argument(limit)}
        """,
        *where.args,
    )
    found = [await recalls.find(reader, workspace_id, row[0]) for row in rows]
    return [each for each in found if each is not None]


async def count_jobs(reader: Reader, workspace_id: str, late_before: int) -> JobCounts:
    """The workspace's durable work."""
    rows = await reader.fetch(
        """
        select status, count(*), sum(case when scheduled_at < $2 then 1 else 0 end) from jobs
        where workspace_id = $1 and status in ('todo', 'doing', 'failed') group by status
        """,
        workspace_id,
        late_before,
    )
    counts = {row[0]: (row[1], row[2]) for row in rows}
    waiting, late = counts.get("todo", (0, 0))
    return JobCounts(
        waiting=waiting, late=late, running=counts.get("doing", (0, 0))[0], failed=counts.get("failed", (0, 0))[0]
    )


async def list_troubles(reader: Reader, workspace_id: str, late_before: int, limit: int) -> list[Trouble]:
    """The workspace's jobs that are late, were tried before, or were given up: the latest first."""
    rows = await reader.fetch(
        """
        select id, task, status, attempts, scheduled_at, provider, last_error from jobs
        where workspace_id = $1 and (
            status = 'failed' or (status = 'todo' and (scheduled_at < $2 or last_error is not null))
        )
        order by scheduled_at desc, id limit $3
        """,
        workspace_id,
        late_before,
        limit,
    )
    return [
        Trouble(
            id=row[0],
            task=row[1],
            status=row[2],
            attempts=row[3],
            scheduled_at=row[4],
            provider=row[5],
            last_error=row[6],
        )
        for row in rows
    ]


async def figures(reader: Reader, workspace_id: str, only_user: str | None, user_id: str) -> Figures:
    """How much there is: accounts of `only_user` (None: of all), post groups of `user_id`."""
    where = Where(reader, "workspace_id = {}", workspace_id)
    where.also("status <> {}", AccountStatus.UNLINKING)
    if only_user is not None:
        where.also("user_id = {}", only_user)
    held = await reader.fetch_one(
        f"""
        select count(*), sum(case when status in ('connected', 'reconnecting') then 1 else 0 end)
        from accounts where {where}
        """,
        *where.args,
    )
    waits = await reader.fetch_one(
        """
        select count(*), min(scheduled_at) from post_groups
        where workspace_id = $1 and user_id = $2 and status = 'scheduled'
        """,
        workspace_id,
        user_id,
    )
    assert held is not None
    assert waits is not None
    return Figures(accounts=held[0], connected=held[1] or 0, scheduled=waits[0], next_at=waits[1])
