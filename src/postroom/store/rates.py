"""How much of a rate budget is used up in the period that runs, by account id or by network: two numbers, no content."""

from postroom.store.database import Tx


async def spend(tx: Tx, scope: str, period_seconds: int, most: int, now: int) -> int | None:
    """Count one more; or, where there were as many as that already, when the period ends."""
    row = await tx.fetch_one(
        """
        insert into rate_windows (scope, period_seconds, ends_at, used) values ($1, $2, $3, 1)
        on conflict (scope, period_seconds) do update set
            used = case when rate_windows.ends_at <= $4 then 1 else rate_windows.used + 1 end,
            ends_at = case when rate_windows.ends_at <= $4 then excluded.ends_at else rate_windows.ends_at end
        returning used, ends_at
        """,
        scope,
        period_seconds,
        now + period_seconds * 1000,
        now,
    )
    assert row is not None
    return int(row[1]) if row[0] > most else None


async def remove_ended(tx: Tx, now: int) -> int:
    """Forget periods that are over; how many. For upkeep."""
    return await tx.execute("delete from rate_windows where ends_at <= $1", now)
