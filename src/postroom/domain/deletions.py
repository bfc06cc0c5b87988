"""Whether a message can be deleted, until when, and why not: one rule for what is shown, put off, and done."""

from datetime import timedelta

import msgspec

from postroom.clock import iso
from postroom.domain.accounts import AccountStatus
from postroom.domain.capabilities import Capabilities
from postroom.domain.messages import Message
from postroom.errors import (
    ActionRequired,
    CredentialsRejected,
    Kind,
    NoSession,
    NotSupported,
    PostroomError,
    ProviderError,
    Refused,
)

TIME_TO_BEGIN = timedelta(seconds=10)
"""How long before the end of a network's window a deletion is put off at most."""


class Deletion(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a message can be deleted now, and until when."""

    can_delete: bool
    delete_by: int | None = None
    """The last moment at which the network takes it back; None: no such moment, or it never does."""
    reason: str | None = None
    """Why not, as a word: a `Kind`, an account's status, or `deleted`."""
    detail: str | None = None
    """The same as a sentence."""


def check_recall(message: Message, capabilities: Capabilities, at_ms: int) -> None:
    """Whether asking the network to take this message back makes sense now.

    Raises:
        NotSupported: the network has no recall.
        Refused: someone else sent it, or the network's window has passed.

    Source: PostPress "Delete a message" (May 2026): LinkedIn within the first 60 minutes.
    """
    obstacle = _recall_obstacle(message, capabilities, at_ms)
    if obstacle is not None:
        raise obstacle


def check_deferral(sent_at: int, capabilities: Capabilities, at_ms: int) -> None:
    """Whether a message of one's own that is sent at a moment can be put off to be deleted at another.

    There is time for the work to begin: what this lets pass, `check_recall` lets pass some seconds after `at_ms` too.

    Raises:
        NotSupported: the network has no recall.
        Refused: its window will have passed.
    """
    if capabilities.recall is None:
        raise NotSupported("This network has no deletion of messages.", kind=Kind.NO_RECALL)
    window = capabilities.recall.window
    if window is None:
        return
    latest = sent_at + (window - TIME_TO_BEGIN) // timedelta(milliseconds=1)
    if at_ms > latest:
        raise Refused(
            f"The message cannot be deleted at {iso(at_ms)}: its network allows {window // timedelta(minutes=1)} minutes "
            f"after it was sent, so the last moment to choose is {iso(latest)}. Nothing was changed.",
            kind=Kind.WINDOW_EXPIRED,
        )


def check_connected(status: AccountStatus) -> None:
    """Raises:
    CredentialsRejected, ActionRequired, NoSession: the account cannot be used as it stands; nobody was called.
    """
    obstacle = _account_obstacle(status)
    if obstacle is not None:
        raise obstacle


def deletion(message: Message, capabilities: Capabilities, status: AccountStatus, at_ms: int) -> Deletion:
    """What a recall of this message by an account in this state would do now, before the network is asked.

    It can be deleted exactly where the network would be called: what is refused here, and what is gone already, is not.
    """
    if message.is_tombstone:
        return Deletion(can_delete=False, reason="deleted", detail="The message is deleted already.")
    deadline = recall_deadline(message, capabilities)
    obstacle = _recall_obstacle(message, capabilities, at_ms)
    if obstacle is not None:
        return Deletion(can_delete=False, delete_by=deadline, reason=obstacle.kind, detail=obstacle.detail)
    disconnected = _account_obstacle(status)
    if disconnected is not None:
        return Deletion(can_delete=False, delete_by=deadline, reason=status, detail=disconnected.detail)
    return Deletion(can_delete=True, delete_by=deadline)


def recall_deadline(message: Message, capabilities: Capabilities) -> int | None:
    """The last moment at which the network takes this message back; None: it always does, or never."""
    if capabilities.recall is None or capabilities.recall.window is None or not message.is_sender:
        return None
    return message.sent_at + capabilities.recall.window // timedelta(milliseconds=1)


def _recall_obstacle(message: Message, capabilities: Capabilities, at_ms: int) -> ProviderError | None:
    if capabilities.recall is None:
        return NotSupported("This network has no deletion of messages.", kind=Kind.NO_RECALL)
    if not message.is_sender:
        return Refused("Only the sender of a message can delete it; nothing was changed.", kind=Kind.NOT_OWN)
    window, deadline = capabilities.recall.window, recall_deadline(message, capabilities)
    if window is not None and deadline is not None and at_ms > deadline:
        return Refused(
            f"The message can no longer be deleted: the deadline was {iso(deadline)}, "
            f"{window // timedelta(minutes=1)} minutes after it was sent. Nothing was changed.",
            kind=Kind.WINDOW_EXPIRED,
        )
    return None


def _account_obstacle(status: AccountStatus) -> PostroomError | None:
    match status:
        case AccountStatus.CONNECTED | AccountStatus.RECONNECTING:
            return None
        case AccountStatus.PAUSED:
            return NoSession("The account is paused: resume it first. Nothing was changed.")
        case AccountStatus.ACTION_REQUIRED:
            return ActionRequired("The account's owner has to do something at the network first. Nothing was changed.")
        case AccountStatus.DISCONNECTED:
            return CredentialsRejected("The account is disconnected: link it again. Nothing was changed.")
        case _:
            return NoSession("The account is being linked or unlinked.")
