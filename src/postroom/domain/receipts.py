"""Receipts of deletions: what was asked, what was answered, what is gone. Ids and links, never content."""

from typing import Any

import msgspec


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """One receipt. `rcp_` and a ULID."""

    id: str
    workspace_id: str
    kind: str
    """Which promise it is about, such as `message_recall`, `account_unlink` or `post_group_delete`."""
    target_id: str
    """What was deleted, by its id."""
    document: dict[str, Any]
    created_at: int
