"""Which process has the session of an account, where there can be one only: whoever holds the lease of its listener."""

from postroom.store.database import Reader, Tx


async def claim_session(tx: Tx, workspace_id: str, account_id: str, owner: str, now: int, until: int) -> bool:
    """Lease an account to who is about to call with its session; False: it is another's."""
    changed = await tx.execute(
        """
        update accounts set leased_by = $3, leased_until = $5
        where workspace_id = $1 and id = $2 and (leased_by = $3 or leased_until is null or leased_until < $4)
        """,
        workspace_id,
        account_id,
        owner,
        now,
        until,
    )
    return changed > 0


async def take_session(tx: Tx, workspace_id: str, account_id: str, owner: str, until: int) -> None:
    """The same, whoever has it: its session was made here just now, and another's is over."""
    await tx.execute(
        "update accounts set leased_by = $3, leased_until = $4 where workspace_id = $1 and id = $2",
        workspace_id,
        account_id,
        owner,
        until,
    )


async def has_session(reader: Reader, workspace_id: str, account_id: str, owner: str, now: int) -> bool:
    """Whether an account is leased to this owner."""
    row = await reader.fetch_one(
        "select 1 from accounts where workspace_id = $1 and id = $2 and leased_by = $3 and leased_until >= $4",
        workspace_id,
        account_id,
        owner,
        now,
    )
    return row is not None
