"""What was deleted or called off and leaves no trace of its own here: kept until the keyring remembers it.

Of messages, post groups and keys there are tombstones, receipts and the keys themselves (see `restoring.list_graves`).
"""

from collections.abc import Sequence

from postroom.store.database import Reader, Tx
from postroom.store.graves import Grave

EVERY = "select workspace_id, kind, name, at from unwritten_graves"


async def dig(tx: Tx, grave: Grave) -> None:
    """Have the keyring remember something, by way of a row that is there when a kill or a full disk comes between."""
    tx.later(
        """
        insert into unwritten_graves (workspace_id, kind, name, at) values ($1, $2, $3, $4)
        on conflict (workspace_id, kind, name) do nothing
        """,
        grave.workspace_id,
        grave.kind,
        grave.name,
        grave.at,
    )
    graves = tx.keyring.graves
    tx.on_commit(lambda: graves.dig(grave))


async def list_all(reader: Reader) -> list[Grave]:
    """What the keyring may not remember yet."""
    return [Grave(*row) for row in await reader.fetch(EVERY)]


async def remove(tx: Tx, graves: Sequence[Grave]) -> None:
    """The keyring remembers these."""
    await tx.execute_many(
        "delete from unwritten_graves where workspace_id = $1 and kind = $2 and name = $3",
        [(grave.workspace_id, grave.kind, grave.name) for grave in graves],
    )
