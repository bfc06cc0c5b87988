"""Receipts of deletions: written in the transaction that deletes, listed and got by the caller."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from postroom.clock import Clock, to_ms
from postroom.domain.access import Caller
from postroom.domain.pages import Listing, check_limit, decode_cursor, listing
from postroom.domain.receipts import Receipt
from postroom.errors import ErrorCode, Kind, NotFound
from postroom.ids import is_id, new_id
from postroom.store import receipts
from postroom.store.database import Database, Tx

MOST = 250


class _Filters(msgspec.Struct, frozen=True, kw_only=True):
    target_id: str | None


class Receipts:
    """Records of what was deleted: ids, answers and links, never content."""

    def __init__(self, database: Database, now: Clock) -> None:
        self._database = database
        self._now = now

    async def write(
        self, tx: Tx, workspace_id: str, user_id: str | None, kind: str, target_id: str, document: Mapping[str, Any]
    ) -> None:
        """Record a deletion of something of this user's, in the deletion's own transaction."""
        now = self._now()
        receipt = Receipt(
            id=new_id("rcp", now),
            workspace_id=workspace_id,
            kind=kind,
            target_id=target_id,
            document=dict(document),
            created_at=to_ms(now),
            user_id=user_id,
        )
        await receipts.add(tx, receipt)

    async def list_of_target(self, tx: Tx, workspace_id: str, target_id: str, kind: str) -> Sequence[Receipt]:
        """All receipts of one kind about one target, of whichever user: for work that goes on after its deletion."""
        found = await receipts.list_page(tx, workspace_id, target_id=target_id, limit=MOST)
        return [receipt for receipt in found if receipt.kind == kind]

    async def get(self, caller: Caller, receipt_id: str) -> Receipt:
        """Raises:
        NotFound: no such receipt of the caller's.
        """
        if not is_id("rcp", receipt_id):
            raise NotFound("Not a receipt's id.", code=ErrorCode.INVALID_RESOURCE_IDENTIFIER, kind=Kind.RECEIPT)
        async with self._database.read() as reader:
            receipt = await receipts.find(reader, caller.workspace_id, receipt_id)
        if receipt is None or caller.only_user not in (None, receipt.user_id):
            raise NotFound("No such receipt.", kind=Kind.RECEIPT)
        return receipt

    async def list(
        self, caller: Caller, *, target_id: str | None = None, cursor: str | None = None, limit: int = 100
    ) -> Listing[Receipt]:
        """Newest first, of one target or of all."""
        after = None
        if cursor is not None:
            start = decode_cursor(cursor, _Filters)
            target_id, limit, after = start.filters.target_id, start.limit, start.cursor
        check_limit(limit, MOST)
        async with self._database.read() as reader:
            found = await receipts.list_page(
                reader,
                caller.workspace_id,
                user_id=caller.only_user,
                target_id=target_id,
                after=after,
                limit=limit + 1,
            )
        return listing(found, limit, _Filters(target_id=target_id), lambda receipt: (receipt.created_at, receipt.id))
