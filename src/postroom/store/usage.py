"""What workspaces use of their limits: how many platform posts were scheduled, and when."""

from postroom.store.database import Reader, Tx


async def hold(tx: Tx, workspace_id: str) -> None:
    """Whoever counts in this workspace waits, to the commit."""
    # An update of nothing: unlike `for update` it lets others insert rows that refer to the workspace.
    await tx.execute("update workspaces set name = name where id = $1", workspace_id)


async def find(reader: Reader, workspace_id: str, group_id: str) -> int | None:
    """How many platform posts of a group were counted; None: it was not."""
    row = await reader.fetch_one(
        "select posts from post_usage where workspace_id = $1 and group_id = $2", workspace_id, group_id
    )
    return None if row is None else int(row[0])


async def set_used(tx: Tx, workspace_id: str, group_id: str, posts: int, at: int) -> None:
    """Count a group, once: when it is counted again, its first moment stays."""
    await tx.execute(
        """
        insert into post_usage (workspace_id, group_id, counted_at, posts) values ($1, $2, $3, $4)
        on conflict (workspace_id, group_id) do update set posts = excluded.posts
        """,
        workspace_id,
        group_id,
        at,
        posts,
    )


async def remove(tx: Tx, workspace_id: str, group_id: str) -> None:
    """Count a group no more: nothing of it has begun to go out."""
    await tx.execute("delete from post_usage where workspace_id = $1 and group_id = $2", workspace_id, group_id)


async def count_scheduled_in(reader: Reader, workspace_id: str, start: int, end: int) -> int:
    """The platform posts that were scheduled in a period: from `start`, before `end`."""
    row = await reader.fetch_one(
        """
        select coalesce(sum(posts), 0) from post_usage
        where workspace_id = $1 and counted_at >= $2 and counted_at < $3
        """,
        workspace_id,
        start,
        end,
    )
    return int(row[0]) if row else 0


async def count_waiting(reader: Reader, workspace_id: str, but: str) -> int:
    """The platform posts that wait for their time, but for those of one group."""
    row = await reader.fetch_one(
        """
        select coalesce(sum(u.posts), 0) from post_usage u
        join post_groups g on g.workspace_id = u.workspace_id and g.id = u.group_id
        where u.workspace_id = $1 and g.status = 'scheduled' and g.id <> $2
        """,
        workspace_id,
        but,
    )
    return int(row[0]) if row else 0


async def count_connections(reader: Reader, workspace_id: str) -> int:
    """The workspace's linked accounts."""
    row = await reader.fetch_one(
        "select count(*) from accounts where workspace_id = $1 and status <> 'unlinking'", workspace_id
    )
    return int(row[0]) if row else 0
