"""Idempotency keys: what a mutating call was, and what it answered."""

import msgspec

from postroom.store.database import Tx


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """An earlier call with the same key. `status` is None while it is in flight, and `heard_at` when that was last so."""

    fingerprint: bytes
    status: int | None
    answer: str | None
    heard_at: int


async def begin(tx: Tx, workspace_id: str, user_id: str, key: str, fingerprint: bytes, at: int) -> Stored | None:
    """Begin a call with this key. None: it is new, and in flight now; otherwise the earlier one."""
    new = await tx.execute(
        """
        insert into idempotency_keys (workspace_id, user_id, idempotency_key, fingerprint, created_at)
        values ($1, $2, $3, $4, $5) on conflict (workspace_id, user_id, idempotency_key) do nothing
        """,
        workspace_id,
        user_id,
        key,
        fingerprint,
        at,
    )
    if new:
        return None
    row = await tx.fetch_one(
        """
        select fingerprint, status, answer, created_at from idempotency_keys
        where workspace_id = $1 and user_id = $2 and idempotency_key = $3
        """,
        workspace_id,
        user_id,
        key,
    )
    if row is None:
        # It was forgotten between the two statements.
        return await begin(tx, workspace_id, user_id, key, fingerprint, at)
    return Stored(fingerprint=row[0], status=row[1], answer=row[2], heard_at=row[3])


async def begin_again(tx: Tx, workspace_id: str, user_id: str, key: str, heard_at: int, at: int) -> bool:
    """Take over a call of which nothing was heard since that moment. False: it has ended, or somebody else was first."""
    changed = await tx.execute(
        """
        update idempotency_keys set created_at = $5
        where workspace_id = $1 and user_id = $2 and idempotency_key = $3 and status is null and created_at = $4
        """,
        workspace_id,
        user_id,
        key,
        heard_at,
        at,
    )
    return changed > 0


async def hear(tx: Tx, workspace_id: str, user_id: str, key: str, at: int) -> None:
    """A call that is in flight is still being done."""
    await tx.execute(
        """
        update idempotency_keys set created_at = $4
        where workspace_id = $1 and user_id = $2 and idempotency_key = $3 and status is null and created_at < $4
        """,
        workspace_id,
        user_id,
        key,
        at,
    )


async def finish(tx: Tx, workspace_id: str, user_id: str, key: str, status: int, answer: str) -> None:
    """Keep what the call answered: ids and a status, to be rendered again."""
    await tx.execute(
        """
        update idempotency_keys set status = $4, answer = $5
        where workspace_id = $1 and user_id = $2 and idempotency_key = $3
        """,
        workspace_id,
        user_id,
        key,
        status,
        answer,
    )


async def forget(tx: Tx, workspace_id: str, user_id: str, key: str) -> None:
    """The call changed nothing: the same key may be used again."""
    await tx.execute(
        "delete from idempotency_keys where workspace_id = $1 and user_id = $2 and idempotency_key = $3",
        workspace_id,
        user_id,
        key,
    )


async def remove_older(tx: Tx, before: int) -> int:
    """Forget keys of calls that began before this moment; how many. For upkeep."""
    return await tx.execute("delete from idempotency_keys where created_at < $1", before)
