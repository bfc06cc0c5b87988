"""Deletions in two steps: what would go is shown, with a token; the token confirms that, as it was shown, once."""

from enum import StrEnum
from typing import Any

import msgspec

from postroom.domain.access import Scope
from postroom.domain.takedowns import Takedown


class DeletionKind(StrEnum):
    """What can be deleted in two steps."""

    MESSAGE = "message"
    POST_GROUP = "post_group"
    TAKE_DOWN = "take_down"
    """A post group's live posts, at their networks. The id is the group's."""
    ACCOUNT = "account"
    WEBHOOK = "webhook"
    MANAGED_USER = "managed_user"
    COMMENT = "comment"
    """The network's id of a comment of an account's, on a post."""
    REACTION = "reaction"
    """An account's reaction to a post. The id is the network's of the post."""


NEEDS = {
    DeletionKind.MESSAGE: Scope.DELETE,
    DeletionKind.POST_GROUP: Scope.DELETE,
    DeletionKind.TAKE_DOWN: Scope.DELETE,
    DeletionKind.ACCOUNT: Scope.DELETE,
    DeletionKind.WEBHOOK: Scope.LINK,
    DeletionKind.MANAGED_USER: Scope.LINK,
    DeletionKind.COMMENT: Scope.PUBLISH,
    DeletionKind.REACTION: Scope.PUBLISH,
}
"""What a key needs beside the scope to delete."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What is to go. Of comments and reactions: on which post, by which account (`<network>-<its id there>`)."""

    kind: DeletionKind
    id: str
    post_id: str | None = None
    platform_id: str | None = None


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A target as it now stands."""

    provider: str | None
    content: dict[str, Any]
    """What would go, as far as it is held here. Others may have written of it."""
    consequences: tuple[str, ...]
    """What a confirmation does, in our sentences."""
    can_delete: bool = True
    delete_by: int | None = None
    """The last moment at which the network does it; None: there is no such moment, or it never does."""
    reason: str | None = None
    detail: str | None = None
    """Why it cannot be deleted, as a word and as a sentence."""


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What a deletion would do, and the token that confirms it. Moments are milliseconds since 1970."""

    target: Target
    shown: Shown
    token: str | None
    """None: it cannot be deleted."""
    expires_at: int | None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a confirmation did. `done`: deleted, unlinked, detached, or how far a take-down is."""

    target: Target
    done: str
    takedown: Takedown | None = None
    receipt_id: str | None = None
    """The newest receipt about it, where one was written."""
