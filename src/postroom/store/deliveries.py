"""What was tried to tell webhook endpoints: when, of what, and whether it arrived. No content, and no answer's."""

from postroom.domain.webhooks import Delivery, Occasion
from postroom.store.database import Reader, Row, Tx
from postroom.store.where import Where

_COLUMNS = "id, workspace_id, webhook_id, event_id, event_type, position, occasion, failure, status, took_ms, tried_at"


async def add(tx: Tx, delivery: Delivery) -> None:
    """Keep what was tried."""
    await tx.execute(
        f"insert into deliveries ({_COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        delivery.id,
        delivery.workspace_id,
        delivery.webhook_id,
        delivery.event_id,
        delivery.event_type,
        delivery.position,
        delivery.occasion,
        delivery.failure,
        delivery.status,
        delivery.took_ms,
        delivery.tried_at,
    )


async def find(reader: Reader, workspace_id: str, webhook_id: str, delivery_id: str) -> Delivery | None:
    """The delivery, if it was one of this endpoint."""
    row = await reader.fetch_one(
        f"select {_COLUMNS} from deliveries where workspace_id = $1 and webhook_id = $2 and id = $3",
        workspace_id,
        webhook_id,
        delivery_id,
    )
    return None if row is None else _delivery(row)


async def list_page(
    reader: Reader, workspace_id: str, webhook_id: str, *, failed: bool, before: str | None, limit: int
) -> list[Delivery]:
    """Those of an endpoint, newest first, older than `before`; `failed`: only those that did not arrive."""
    where = Where(reader, "workspace_id = {}", workspace_id)
    where.also("webhook_id = {}", webhook_id)
    if failed:
        where.also("failure is not null")
    if before is not None:
        where.also("id < {}", before)
    rows = await reader.fetch(
        f"select {_COLUMNS} from deliveries where {where} order by id desc limit {where.argument(limit)}", *where.args
    )
    return [_delivery(row) for row in rows]


async def remove_of_endpoint(tx: Tx, workspace_id: str, webhook_id: str) -> None:
    """Forget what was tried to tell an endpoint."""
    await tx.execute("delete from deliveries where workspace_id = $1 and webhook_id = $2", workspace_id, webhook_id)


async def remove_older(tx: Tx, before: int) -> None:
    """Forget what was tried before this moment. For upkeep."""
    await tx.execute("delete from deliveries where tried_at < $1", before)


def _delivery(row: Row) -> Delivery:
    return Delivery(
        id=row[0],
        workspace_id=row[1],
        webhook_id=row[2],
        event_id=row[3],
        event_type=row[4],
        position=row[5],
        occasion=Occasion(row[6]),
        failure=row[7],
        status=row[8],
        took_ms=row[9],
        tried_at=row[10],
    )
