"""Intents to take a message back, durable before a network is called, and what became of them."""

from collections.abc import Sequence

from postroom.domain.messages import Recall, RecallOutcome
from postroom.store.database import Reader, Row, Tx

_COLUMNS = (
    "id, workspace_id, account_id, provider, chat_key, message_key, message_id, outcome, detail, read_back, "
    "asked_at, settled_at"
)


async def begin(tx: Tx, recall: Recall) -> bool:
    """Keep an intent. False: one is open for that message already, and nothing was written."""
    return (
        await tx.execute(
            f"""
        insert into recalls ({_COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        on conflict do nothing
        """,
            recall.id,
            recall.workspace_id,
            recall.account_id,
            recall.provider,
            recall.chat_key,
            recall.message_key,
            recall.message_id,
            recall.outcome,
            recall.detail,
            recall.read_back,
            recall.asked_at,
            recall.settled_at,
        )
        > 0
    )


async def find(reader: Reader, workspace_id: str, recall_id: str) -> Recall | None:
    """The intent, open or settled."""
    row = await reader.fetch_one(
        f"select {_COLUMNS} from recalls where workspace_id = $1 and id = $2", workspace_id, recall_id
    )
    return None if row is None else _recall(row)


async def find_open(reader: Reader, workspace_id: str, provider: str, message_key: str) -> Recall | None:
    """The one open intent for a message."""
    row = await reader.fetch_one(
        f"""
        select {_COLUMNS} from recalls
        where workspace_id = $1 and provider = $2 and message_key = $3 and outcome in ('asked', 'in_doubt')
        """,
        workspace_id,
        provider,
        message_key,
    )
    return None if row is None else _recall(row)


async def find_last(reader: Reader, workspace_id: str, message_id: str, since: int) -> Recall | None:
    """The last intent for a message that we hold, asked at this moment or later, open or settled."""
    row = await reader.fetch_one(
        f"""
        select {_COLUMNS} from recalls where workspace_id = $1 and message_id = $2 and asked_at >= $3
        order by asked_at desc, id desc limit 1
        """,
        workspace_id,
        message_id,
        since,
    )
    return None if row is None else _recall(row)


async def list_last(reader: Reader, workspace_id: str, message_ids: Sequence[str]) -> dict[str, Recall]:
    """The last intent for each of these messages that we hold, by the message's id, open or settled."""
    rows = await reader.fetch(
        f"""
        select {_COLUMNS} from recalls where workspace_id = $1 and {reader.any_of("message_id", 2)}
        order by asked_at, id
        """,
        workspace_id,
        reader.array(message_ids),
    )
    return {row[6]: _recall(row) for row in rows}


async def finish(
    tx: Tx,
    workspace_id: str,
    recall_id: str,
    outcome: RecallOutcome,
    *,
    detail: str | None = None,
    read_back: str | None = None,
    at: int,
) -> bool:
    """Note what became of an intent. `in_doubt` leaves it open. False: it was settled before, and stays as it is."""
    settled_at = None if outcome in (RecallOutcome.ASKED, RecallOutcome.IN_DOUBT) else at
    return (
        await tx.execute(
            """
        update recalls set outcome = $3, detail = coalesce($4, detail), read_back = coalesce($5, read_back),
            settled_at = $6
        where workspace_id = $1 and id = $2 and outcome in ('asked', 'in_doubt')
        """,
            workspace_id,
            recall_id,
            outcome,
            detail,
            read_back,
            settled_at,
        )
        > 0
    )


async def list_open(reader: Reader, older_than: int) -> list[Recall]:
    """Open intents asked before this moment, oldest first. For the worker: a crash left them."""
    rows = await reader.fetch(
        f"""
        select {_COLUMNS} from recalls where outcome in ('asked', 'in_doubt') and asked_at < $1
        order by asked_at, id
        """,
        older_than,
    )
    return [_recall(row) for row in rows]


def _recall(row: Row) -> Recall:
    return Recall(
        id=row[0],
        workspace_id=row[1],
        account_id=row[2],
        provider=row[3],
        chat_key=row[4],
        message_key=row[5],
        message_id=row[6],
        outcome=RecallOutcome(row[7]),
        detail=row[8],
        read_back=row[9],
        asked_at=row[10],
        settled_at=row[11],
    )
