"""Receipts: for every deletion a record of what was asked, what the network answered, what was read back, what was erased."""

from typing import Any

import msgspec


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt's place in the chain of its workspace."""

    sequence: int
    """From 1, without gaps."""
    previous: str
    """The hash of the one before; 64 zeros for the first."""
    hash: str
    signature: str
    """Ed25519, by the server's key; as all of these in hexadecimal digits."""


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
    sealed: Sealed | None = None
    """None: not yet, which is for about a second."""


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """Where a workspace's chain of receipts ends, and up to where old ones were removed."""

    sequence: int
    hash: str
    anchor_sequence: int
    anchor_hash: str
    anchor: dict[str, Any] | None
    """What was signed when they were removed: its body and signature."""
