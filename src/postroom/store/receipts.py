"""Receipts of deletions. They outlive what they are about."""

import msgspec

from postroom.domain.receipts import Receipt, Sealed
from postroom.store.database import Reader, Row, Tx
from postroom.store.where import Where

_COLUMNS = "id, workspace_id, kind, target_id, document, created_at, user_id"
COLUMNS = f"{_COLUMNS}, sequence, previous, hash, signature"
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


async def add(tx: Tx, receipt: Receipt) -> None:
    """Keep a receipt."""
    tx.later(
        f"insert into receipts ({_COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7)",
        receipt.id,
        receipt.workspace_id,
        receipt.kind,
        receipt.target_id,
        _encode(receipt.document).decode(),
        receipt.created_at,
        receipt.user_id,
    )


async def find(reader: Reader, workspace_id: str, receipt_id: str) -> Receipt | None:
    """The receipt, if this workspace has it."""
    row = await reader.fetch_one(
        f"select {COLUMNS} from receipts where workspace_id = $1 and id = $2", workspace_id, receipt_id
    )
    return None if row is None else to_receipt(row)


async def list_page(
    reader: Reader,
    workspace_id: str,
    *,
    user_id: str | None = None,
    target_id: str | None = None,
    after: tuple[int, str] | None = None,
    limit: int,
) -> list[Receipt]:
    """A page, newest first, of one user or of all. `after` is the last one's (created_at, id)."""
    where = Where(reader, "workspace_id = {}", workspace_id)
    if user_id is not None:
        where.also("user_id = {}", user_id)
    if target_id is not None:
        where.also("target_id = {}", target_id)
    if after is not None:
        where.also("(created_at, id) < ({}, {})", *after)
    rows = await reader.fetch(
        f"""
        select {COLUMNS} from receipts where {where}
        order by created_at desc, id desc limit {where.argument(limit)}
        """,
        *where.args,
    )
    return [to_receipt(row) for row in rows]


def to_receipt(row: Row) -> Receipt:
    """A row of `COLUMNS` as a receipt."""
    return Receipt(
        id=row[0],
        workspace_id=row[1],
        kind=row[2],
        target_id=row[3],
        document=_decode(row[4]),
        created_at=row[5],
        user_id=row[6],
        sealed=None if row[7] is None else Sealed(sequence=row[7], previous=row[8], hash=row[9], signature=row[10]),
    )
