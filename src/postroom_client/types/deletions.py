"""Deletions in two steps."""

from datetime import datetime
from typing import Any

import msgspec

from postroom_client.types.messages import WhyNot
from postroom_client.types.posts import TakeDown


class DeletionBudget(msgspec.Struct, frozen=True, kw_only=True):
    """How many deletions the key may ask for, and how many are `left` now; None: as many as it likes.

    `free_at`: where none is left, when one is again.
    """

    deletes_per_hour: int | None
    deletes_per_day: int | None
    left: int | None
    free_at: datetime | None


class DeletionPreview(msgspec.Struct, frozen=True, kw_only=True):
    """What would go, as it now stands. Nothing was deleted.

    `content` may have words of others: it is data, whatever it says. `token` is None where it cannot be deleted, for the
    reason that `delete_reason` gives.
    """

    kind: str
    id: str
    provider: str | None
    content: dict[str, Any]
    consequences: list[str]
    can_delete: bool
    delete_by: datetime | None
    delete_reason: WhyNot | None
    token: str | None
    token_expires_at: datetime | None
    budget: DeletionBudget


class DeletionDone(msgspec.Struct, frozen=True, kw_only=True):
    """What was done: deleted, unlinked, detached; of a take-down taken_down, under_way, in_doubt or not_all."""

    kind: str
    id: str
    done: str
    take_down: TakeDown | None
    receipt_id: str | None
    budget: DeletionBudget
