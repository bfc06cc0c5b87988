"""Deferrals: messages that are to be sent or deleted at a moment, and what came of that. Until then they can be undone."""

from enum import StrEnum

import msgspec


class Deferred(StrEnum):
    """What is done at the moment."""

    DELETE = "delete"
    SEND = "send"


class Cause(StrEnum):
    GRACE = "grace"
    """It was asked for now, with some seconds to think better of it."""
    DELETE_AT = "delete_at"
    """It is to go at that moment."""


class DeferralState(StrEnum):
    WAITING = "waiting"
    """Nobody was called yet, or what was called did nothing: it can be undone."""
    UNDER_WAY = "under_way"
    """The network is being called."""
    DONE = "done"
    UNDONE = "undone"
    """Nobody was called, and nobody will be."""
    REFUSED = "refused"
    """It was not done; the detail says why."""
    IN_DOUBT = "in_doubt"
    """It may have been done. It is being read back until `settled_at` is there; then nobody can know."""


class Deferral(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    workspace_id: str
    user_id: str
    account_id: str
    provider: str
    kind: Deferred
    cause: Cause
    state: DeferralState
    chat_id: str
    message_id: str | None
    """What is deleted, or what was sent once it is."""
    due_at: int
    created_at: int
    begun_at: int | None = None
    """When the network was called first."""
    settled_at: int | None = None
    """When the state became final."""
    detail: str | None = None


class DeferredDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be sent. It is kept sealed, and only until that is settled."""

    text: str
    token: str
    """By which it is found again in what the network shows."""
    quote_id: str | None = None
    delete_at: int | None = None
    """When the sent message is to go again."""
