"""What keys with a budget deleted lately, one row for each: when, and nothing of what."""

from postroom.domain.access import DeleteBudget
from postroom.store.database import Reader, Tx


async def hold_budget(tx: Tx, workspace_id: str, key_id: str) -> DeleteBudget | None:
    """The budget of a key, held to the commit: who counts for this key waits. None: there is no such key any more."""
    row = await tx.fetch_one(_BUDGET + tx.for_update, workspace_id, key_id)
    return None if row is None else DeleteBudget(per_hour=row[0], per_day=row[1])


async def find_budget(reader: Reader, workspace_id: str, key_id: str) -> DeleteBudget | None:
    """The same, not held."""
    row = await reader.fetch_one(_BUDGET, workspace_id, key_id)
    return None if row is None else DeleteBudget(per_hour=row[0], per_day=row[1])


_BUDGET = """
select deletes_per_hour, deletes_per_day from api_keys where workspace_id = $1 and id = $2 and revoked_at is null
"""


async def set_budget(tx: Tx, workspace_id: str, key_id: str, budget: DeleteBudget) -> None:
    """Give a key another budget. What it deleted before counts."""
    await tx.execute(
        "update api_keys set deletes_per_hour = $3, deletes_per_day = $4 where workspace_id = $1 and id = $2",
        workspace_id,
        key_id,
        budget.per_hour,
        budget.per_day,
    )


async def list_since(reader: Reader, workspace_id: str, key_id: str, since: int) -> list[int]:
    """When the key deleted after this moment, oldest first."""
    rows = await reader.fetch(
        "select at from key_deletions where workspace_id = $1 and key_id = $2 and at > $3 order by at, id",
        workspace_id,
        key_id,
        since,
    )
    return [row[0] for row in rows]


async def add(tx: Tx, workspace_id: str, key_id: str, id: str, at: int) -> None:
    """Count one."""
    await tx.execute(
        "insert into key_deletions (workspace_id, key_id, id, at) values ($1, $2, $3, $4)",
        workspace_id,
        key_id,
        id,
        at,
    )


async def remove(tx: Tx, workspace_id: str, key_id: str, id: str) -> None:
    """Give one back: nothing was deleted."""
    await tx.execute(
        "delete from key_deletions where workspace_id = $1 and key_id = $2 and id = $3", workspace_id, key_id, id
    )


async def remove_older(tx: Tx, before: int) -> int:
    """Forget what no budget looks at any more; how many. For upkeep."""
    return await tx.execute("delete from key_deletions where at < $1", before)


async def add_token(tx: Tx, workspace_id: str, id: str, expires_at: int) -> None:
    """A token that was given out."""
    await tx.execute(
        "insert into deletion_tokens (workspace_id, id, expires_at) values ($1, $2, $3)", workspace_id, id, expires_at
    )


async def use_token(tx: Tx, workspace_id: str, id: str, at: int) -> bool:
    """Use a token. False: it was used, has expired, or was never given out."""
    return (
        await tx.execute(
            """
            update deletion_tokens set used_at = $3
            where workspace_id = $1 and id = $2 and used_at is null and expires_at > $3
            """,
            workspace_id,
            id,
            at,
        )
        > 0
    )


async def give_back_token(tx: Tx, workspace_id: str, id: str) -> None:
    """Nothing was done: it may be used again, as long as it lives."""
    await tx.execute("update deletion_tokens set used_at = null where workspace_id = $1 and id = $2", workspace_id, id)


async def remove_expired_tokens(tx: Tx, before: int) -> int:
    """Forget tokens that expired before this moment; how many. For upkeep."""
    return await tx.execute("delete from deletion_tokens where expires_at < $1", before)
