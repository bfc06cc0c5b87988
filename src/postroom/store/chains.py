"""Chains of receipts: the head is held by whoever adds to one, so that none can fork."""

from collections.abc import Iterable, Mapping

import msgspec

from postroom.domain.chains import GENESIS
from postroom.domain.receipts import Chain, Receipt, Sealed
from postroom.store.database import Reader, Row, Tx
from postroom.store.receipts import COLUMNS, to_receipt

_CHAIN = "select sequence, hash, anchor_sequence, anchor_hash, anchor from receipt_chains where workspace_id = $1"
_NEW = Chain(sequence=0, hash=GENESIS, anchor_sequence=0, anchor_hash=GENESIS, anchor=None)


async def find(reader: Reader, workspace_id: str) -> Chain:
    """The chain as it stands; an empty one where nothing was sealed yet."""
    row = await reader.fetch_one(_CHAIN, workspace_id)
    return _NEW if row is None else _chain(row)


async def hold(tx: Tx, workspace_id: str) -> Chain:
    """The same, held to the commit: nobody else seals or removes meanwhile."""
    await tx.execute(
        """
        insert into receipt_chains (workspace_id, sequence, hash, anchor_sequence, anchor_hash)
        values ($1, 0, $2, 0, $2) on conflict do nothing
        """,
        workspace_id,
        GENESIS,
    )
    row = await tx.fetch_one(_CHAIN + tx.for_update, workspace_id)
    assert row is not None
    return _chain(row)


async def list_unsealed(reader: Reader, workspace_id: str, limit: int) -> list[Receipt]:
    """Receipts that have no place in the chain yet, the longest waiting first."""
    rows = await reader.fetch(
        f"""
        select {COLUMNS} from receipts where workspace_id = $1 and sequence is null
        order by created_at, id limit $2
        """,
        workspace_id,
        limit,
    )
    return [to_receipt(row) for row in rows]


async def count_unsealed(reader: Reader, workspace_id: str) -> int:
    """How many have no place yet."""
    row = await reader.fetch_one(
        "select count(*) from receipts where workspace_id = $1 and sequence is null", workspace_id
    )
    return 0 if row is None else int(row[0])


async def seal(tx: Tx, workspace_id: str, sealed: Iterable[tuple[str, Sealed]]) -> None:
    """Give receipts, by id, their places. The chain is held."""
    rows = [(workspace_id, id, each.sequence, each.previous, each.hash, each.signature) for id, each in sealed]
    await tx.execute_many(
        """
        update receipts set sequence = $3, previous = $4, hash = $5, signature = $6
        where workspace_id = $1 and id = $2 and sequence is null
        """,
        rows,
    )
    await tx.execute(
        "update receipt_chains set sequence = $2, hash = $3 where workspace_id = $1",
        workspace_id,
        rows[-1][2],
        rows[-1][4],
    )


async def list_sealed(reader: Reader, workspace_id: str, after: int, limit: int) -> list[Receipt]:
    """The chain's receipts after a place, in order."""
    rows = await reader.fetch(
        f"""
        select {COLUMNS} from receipts where workspace_id = $1 and sequence > $2 order by sequence limit $3
        """,
        workspace_id,
        after,
        limit,
    )
    return [to_receipt(row) for row in rows]


async def find_last_before(tx: Tx, workspace_id: str, chain: Chain, before: int) -> Receipt | None:
    """The last receipt of the part of the chain that is older than a moment as a whole; None: there is no such part."""
    younger = await tx.fetch_one(
        """
        select sequence from receipts where workspace_id = $1 and sequence > $2 and created_at >= $3
        order by sequence limit 1
        """,
        workspace_id,
        chain.anchor_sequence,
        before,
    )
    last = chain.sequence if younger is None else younger[0] - 1
    row = await tx.fetch_one(
        f"select {COLUMNS} from receipts where workspace_id = $1 and sequence = $2", workspace_id, last
    )
    return None if row is None else to_receipt(row)


async def remove_up_to(tx: Tx, workspace_id: str, last: Sealed, anchor: Mapping[str, object]) -> int:
    """Remove the chain's receipts up to this one, and keep what was signed about that; how many. The chain is held."""
    await tx.execute(
        """
        update receipt_chains set anchor_sequence = $2, anchor_hash = $3, anchor = $4 where workspace_id = $1
        """,
        workspace_id,
        last.sequence,
        last.hash,
        msgspec.json.encode(anchor).decode(),
    )
    return await tx.execute(
        "delete from receipts where workspace_id = $1 and sequence <= $2", workspace_id, last.sequence
    )


async def list_with_unsealed(reader: Reader, limit: int) -> list[str]:
    """Workspaces that have receipts without a place."""
    rows = await reader.fetch("select distinct workspace_id from receipts where sequence is null limit $1", limit)
    return [row[0] for row in rows]


async def list_with_older(reader: Reader, before: int) -> list[str]:
    """Workspaces whose chains have receipts that were made before a moment."""
    rows = await reader.fetch(
        "select distinct workspace_id from receipts where sequence is not null and created_at < $1", before
    )
    return [row[0] for row in rows]


def _chain(row: Row) -> Chain:
    return Chain(
        sequence=row[0],
        hash=row[1],
        anchor_sequence=row[2],
        anchor_hash=row[3],
        anchor=None if row[4] is None else msgspec.json.decode(row[4]),
    )
