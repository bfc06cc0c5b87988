"""Deferrals: what is to be sent or deleted later, and what came of it."""

from collections.abc import Sequence

import msgspec

from postroom.domain.deferrals import Cause, Deferral, DeferralState, Deferred, DeferredDraft
from postroom.store.database import Reader, Row, Tx

_COLUMNS = (
    "id, workspace_id, user_id, account_id, provider, kind, cause, state, chat_id, message_id, due_at, created_at, "
    "begun_at, settled_at, detail"
)
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(DeferredDraft).decode


async def add(tx: Tx, deferral: Deferral, draft: DeferredDraft | None) -> None:
    """Keep what is to be done. Its account is held."""
    sealed = None
    if draft is not None:
        seal = tx.keyring.seal(deferral.account_id)
        sealed = seal.close(_encode(draft), f"deferrals.draft:{deferral.id}")
    await tx.execute(
        f"""
        insert into deferrals ({_COLUMNS}, draft_sealed)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
        """,
        deferral.id,
        deferral.workspace_id,
        deferral.user_id,
        deferral.account_id,
        deferral.provider,
        deferral.kind,
        deferral.cause,
        deferral.state,
        deferral.chat_id,
        deferral.message_id,
        deferral.due_at,
        deferral.created_at,
        deferral.begun_at,
        deferral.settled_at,
        deferral.detail,
        sealed,
    )


async def find(reader: Reader, workspace_id: str, deferral_id: str) -> Deferral | None:
    """The deferral, if this workspace has it."""
    row = await reader.fetch_one(_FIND, workspace_id, deferral_id)
    return None if row is None else _deferral(row)


async def hold(tx: Tx, workspace_id: str, deferral_id: str) -> Deferral | None:
    """The same, held to the commit."""
    row = await tx.fetch_one(_FIND + tx.for_update, workspace_id, deferral_id)
    return None if row is None else _deferral(row)


_FIND = f"select {_COLUMNS} from deferrals where workspace_id = $1 and id = $2"


async def find_draft(reader: Reader, workspace_id: str, deferral: Deferral) -> DeferredDraft | None:
    """What is to be sent; None: it is settled.

    Raises:
        NoKey: the account was unlinked.
    """
    row = await reader.fetch_one(
        "select draft_sealed from deferrals where workspace_id = $1 and id = $2", workspace_id, deferral.id
    )
    if row is None or row[0] is None:
        return None
    return _decode(reader.keyring.seal(deferral.account_id).open(row[0], f"deferrals.draft:{deferral.id}"))


async def hold_open_of_message(tx: Tx, workspace_id: str, message_id: str) -> Deferral | None:
    """The deletion of a message that is not settled, held to the commit."""
    row = await tx.fetch_one(
        f"""
        select {_COLUMNS} from deferrals
        where workspace_id = $1 and message_id = $2 and kind = 'delete' and settled_at is null{tx.for_update}
        """,
        workspace_id,
        message_id,
    )
    return None if row is None else _deferral(row)


async def list_moments(reader: Reader, workspace_id: str, message_ids: Sequence[str]) -> dict[str, int]:
    """When messages are to be deleted, by id, of those that are."""
    rows = await reader.fetch(
        f"""
        select message_id, due_at from deferrals
        where workspace_id = $1 and kind = 'delete' and settled_at is null and {reader.any_of("message_id", 2)}
        """,
        workspace_id,
        reader.array(message_ids),
    )
    return {row[0]: row[1] for row in rows}


async def list_deletions(reader: Reader, workspace_id: str, message_ids: Sequence[str]) -> dict[str, Deferral]:
    """The deletions of messages that are not settled, by message id."""
    rows = await reader.fetch(
        f"""
        select {_COLUMNS} from deferrals
        where workspace_id = $1 and kind = 'delete' and settled_at is null and {reader.any_of("message_id", 2)}
        """,
        workspace_id,
        reader.array(message_ids),
    )
    return {row[9]: _deferral(row) for row in rows}


async def list_sends(reader: Reader, workspace_id: str, account_id: str, chat_id: str) -> list[Deferral]:
    """What is still to be sent to an account's chat, the next one first."""
    rows = await reader.fetch(
        f"""
        select {_COLUMNS} from deferrals
        where workspace_id = $1 and account_id = $2 and chat_id = $3 and kind = 'send' and settled_at is null
        order by due_at, id
        """,
        workspace_id,
        account_id,
        chat_id,
    )
    return [_deferral(row) for row in rows]


async def hold_open_of_account(tx: Tx, workspace_id: str, account_id: str) -> list[Deferral]:
    """What is not settled of an account's, held to the commit."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS} from deferrals
        where workspace_id = $1 and account_id = $2 and settled_at is null order by id{tx.for_update}
        """,
        workspace_id,
        account_id,
    )
    return [_deferral(row) for row in rows]


async def count_open(reader: Reader, workspace_id: str, account_id: str) -> int:
    """How many of an account's are not settled."""
    row = await reader.fetch_one(
        "select count(*) from deferrals where workspace_id = $1 and account_id = $2 and settled_at is null",
        workspace_id,
        account_id,
    )
    return int(row[0]) if row else 0


async def set_state(tx: Tx, workspace_id: str, deferral: Deferral) -> None:
    """Record what is known. What is settled needs no draft any more. The row is held."""
    await tx.execute(
        """
        update deferrals set state = $3, message_id = $4, begun_at = $5, settled_at = $6, detail = $7,
            draft_sealed = case when cast($6 as bigint) is null then draft_sealed end
        where workspace_id = $1 and id = $2
        """,
        workspace_id,
        deferral.id,
        deferral.state,
        deferral.message_id,
        deferral.begun_at,
        deferral.settled_at,
        deferral.detail,
    )


async def remove_settled(tx: Tx, before: int) -> int:
    """Remove what was settled before a moment; how many. For upkeep."""
    return await tx.execute("delete from deferrals where settled_at < $1", before)


def _deferral(row: Row) -> Deferral:
    return Deferral(
        id=row[0],
        workspace_id=row[1],
        user_id=row[2],
        account_id=row[3],
        provider=row[4],
        kind=Deferred(row[5]),
        cause=Cause(row[6]),
        state=DeferralState(row[7]),
        chat_id=row[8],
        message_id=row[9],
        due_at=row[10],
        created_at=row[11],
        begun_at=row[12],
        settled_at=row[13],
        detail=row[14],
    )
