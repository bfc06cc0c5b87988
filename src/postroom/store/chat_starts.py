"""How many new conversations each account began on a day."""

from postroom.store.database import Reader, Tx


async def find(reader: Reader, workspace_id: str, account_id: str, day: int) -> int:
    """How many on this day, counted from 1970."""
    row = await reader.fetch_one(
        "select used from chat_starts where workspace_id = $1 and account_id = $2 and day = $3",
        workspace_id,
        account_id,
        day,
    )
    return 0 if row is None else int(row[0])


async def take(tx: Tx, workspace_id: str, account_id: str, day: int, most: int) -> bool:
    """Count one more, if that is not more than `most`; days before this one are forgotten."""
    await tx.execute(
        "delete from chat_starts where workspace_id = $1 and account_id = $2 and day < $3",
        workspace_id,
        account_id,
        day,
    )
    return (
        await tx.execute(
            """
            insert into chat_starts (workspace_id, account_id, day, used) values ($1, $2, $3, 1)
            on conflict (workspace_id, account_id, day) do update set used = chat_starts.used + 1
                where chat_starts.used < $4
            """,
            workspace_id,
            account_id,
            day,
            most,
        )
        > 0
    )


async def give_back(tx: Tx, workspace_id: str, account_id: str, day: int) -> None:
    """Count one less: it did not begin."""
    await tx.execute(
        """
        update chat_starts set used = used - 1
        where workspace_id = $1 and account_id = $2 and day = $3 and used > 0
        """,
        workspace_id,
        account_id,
        day,
    )
