"""Receipts: for every deletion a record of what was asked, what the network answered, what was read back, what was erased."""

from typing import Any

import msgspec


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """`document` holds ids, answers and links; never content."""

    id: str
    workspace_id: str
    kind: str
    """`message.recalled`, `account.unlinked`, `post_group.deleted` or `posts.taken_down`."""
    target_id: str
    document: dict[str, Any]
    created_at: int
    user_id: str | None = None
    """Whose it was; None: only the workspace's owner sees the receipt."""
