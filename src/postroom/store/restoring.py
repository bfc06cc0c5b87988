"""What a restored database is asked for, and relieved of, before anybody reads it. Across workspaces: it is the operator's.

The mark says that a restore into this database was begun, and is not over.
"""

from collections.abc import Sequence

from postroom.domain.jobs import Task
from postroom.domain.posts import PostStatus
from postroom.store.burials import tombstone
from postroom.store.database import Reader, Row, Tx
from postroom.store.graves import KEY, MESSAGE, POST_GROUP, Grave

MARK = "restoring"
REMEMBERED = "graves"
"""Under this name the keyring keeps the moment up to which it remembers all that the database knows to be deleted."""
SLACK_MS = 3_600_000
"""How long before its commit a deletion may have taken its moment, and clocks may differ."""
_AT_ONCE = 1_000


async def begun(reader: Reader) -> str | None:
    """The id of the backup of which this database is being made; None: it is whole."""
    row = await reader.fetch_one("select value from settings_kept where name = $1", MARK)
    return None if row is None else str(row[0])


async def over(tx: Tx) -> None:
    """The database is whole."""
    await tx.execute("delete from settings_kept where name = $1", MARK)


async def list_accounts(reader: Reader) -> Sequence[Row]:
    """Every account: workspace, id, status, whether it has chats."""
    return await reader.fetch("select workspace_id, id, status, has_chats from accounts order by workspace_id, id")


async def list_keys_of_messages(reader: Reader, after: str) -> tuple[set[tuple[str, str, str, str]], str | None]:
    """What some messages say or quote: workspace, network, key of a message, and its hash; and where to go on."""
    rows = await reader.fetch(
        """
        select id, workspace_id, provider, message_key, quoted_key from messages
        where id > $1 and content is not null order by id limit $2
        """,
        after,
        _AT_ONCE,
    )
    found = {(row[1], row[2], key) for row in rows for key in (row[3], row[4]) if key is not None}
    return _hashed(reader, found), rows[-1][0] if len(rows) == _AT_ONCE else None


async def list_keys_of_subjects(reader: Reader) -> set[tuple[str, str, str, str]]:
    """The same of the messages whose subject a chat shows."""
    rows = await reader.fetch(
        "select distinct workspace_id, provider, subject_key from chats where subject_key is not null"
    )
    return _hashed(reader, {(row[0], row[1], row[2]) for row in rows})


def _hashed(reader: Reader, found: set[tuple[str, str, str]]) -> set[tuple[str, str, str, str]]:
    return {(workspace, network, key, tombstone(reader.keyring, network, key)) for workspace, network, key in found}


async def list_posts_in_doubt(reader: Reader, until: int) -> Sequence[Row]:
    """Posts that were to be published by a moment and have no outcome: workspace, id. Later parts of a thread first."""
    return await reader.fetch(
        f"""
        select p.workspace_id, p.id from posts p
        join post_groups g on g.workspace_id = p.workspace_id and g.id = p.group_id
        where p.status = '{PostStatus.PROCESSING}' or (p.status = '{PostStatus.PENDING}' and g.scheduled_at <= $1)
        order by p.workspace_id, p.group_id, p.position desc
        """,
        until,
    )


async def list_scheduled(reader: Reader) -> Sequence[tuple[str, str]]:
    """Post groups that go out at their time: workspace, id."""
    rows = await reader.fetch(
        f"""
        select distinct workspace_id, group_id from posts where status = '{PostStatus.PENDING}'
        order by workspace_id, group_id
        """
    )
    return [(row[0], row[1]) for row in rows]


async def list_deletions(reader: Reader) -> Sequence[tuple[str, str]]:
    """Messages that are to be deleted at a moment: workspace, id of the deferral."""
    rows = await reader.fetch(
        "select workspace_id, id from deferrals where kind = 'delete' and state = 'waiting' and settled_at is null"
    )
    return [(row[0], row[1]) for row in rows]


async def list_expiries(reader: Reader) -> Sequence[tuple[str, str]]:
    """Post groups that are to be taken down at a moment: workspace, id of the job."""
    rows = await reader.fetch(
        f"select workspace_id, id from jobs where task = '{Task.EXPIRE_POSTS}' and status in ('todo', 'doing')"
    )
    return [(row[0], row[1]) for row in rows]


async def cancel(tx: Tx, job_id: str) -> None:
    """No process does this job any more."""
    await tx.execute("update jobs set status = 'cancelled', claimed_by = null where id = $1", job_id)


async def find_version(reader: Reader, workspace_id: str, group_id: str) -> int | None:
    """Which version of a post group this is; None: there is none."""
    row = await reader.fetch_one(
        "select updated_at from post_groups where workspace_id = $1 and id = $2", workspace_id, group_id
    )
    return None if row is None else int(row[0])


async def count_scheduled(reader: Reader) -> int:
    """How many posts go out at their time."""
    row = await reader.fetch_one(f"select count(*) from posts where status = '{PostStatus.PENDING}'")
    return 0 if row is None else int(row[0])


async def list_unsent(reader: Reader) -> Sequence[Row]:
    """Messages that were to be sent and have no outcome: workspace, id."""
    return await reader.fetch("select workspace_id, id from deferrals where kind = 'send' and settled_at is null")


async def let_go(tx: Tx) -> None:
    """What was held by processes that are no more is free."""
    await tx.execute("update jobs set status = 'todo', claimed_by = null, claimed_until = null where status = 'doing'")
    await tx.execute("update accounts set leased_by = null, leased_until = null")
    await tx.execute("update webhook_endpoints set leased_by = null, leased_until = null")


async def close_pages(tx: Tx) -> None:
    """No managed user has a page: the address may have been replaced since, or the user detached."""
    await tx.execute("update managed_users set page_nonce = null, page_hash = null, page_expires_at = null")


async def list_graves(reader: Reader, since: int) -> list[Grave]:
    """What this database knows to be deleted since a moment, as far as it keeps traces of that."""
    return [Grave(*row) for trace in TRACES for row in await reader.fetch(trace, since)]


# Of each what a grave is made of; other deletions leave a row in `unwritten_graves`.
TRACES = (
    f"select workspace_id, '{MESSAGE}:' || provider, key_hash, buried_at from tombstones where buried_at >= $1",
    f"""
    select workspace_id, '{POST_GROUP}', target_id, created_at from receipts
    where kind = 'post_group.deleted' and created_at >= $1
    """,
    f"select workspace_id, '{KEY}', id, revoked_at from api_keys where revoked_at >= $1",
)
