"""Pure decisions: whether a message may be recalled, whether a draft fits a network, when to try again."""

from collections.abc import Sequence
from datetime import timedelta

import msgspec

from postroom.clock import iso
from postroom.domain.accounts import AccountStatus
from postroom.domain.capabilities import Capabilities, Publishing
from postroom.domain.messages import Message
from postroom.domain.texts import text_length
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

_LONGEST_SECONDS = 2 * 86_400.0
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
        case AccountStatus.CONNECTED:
            return None
        case AccountStatus.ACTION_REQUIRED:
            return ActionRequired("The account's owner has to do something at the network first. Nothing was changed.")
        case AccountStatus.DISCONNECTED:
            return CredentialsRejected("The account is disconnected: link it again. Nothing was changed.")
        case _:
            return NoSession("The account is being linked or unlinked.")


def draft_problem(text: str, content_types: Sequence[str], publishing: Publishing) -> tuple[str, str] | None:
    """Why this post, one part of a thread, cannot go to this network: (PostPost's error code, sentence). None: it can.

    Images of other types and sizes fit: they are re-encoded on their way.
    """
    limit = publishing.max_length
    if content_types and publishing.max_caption_length is not None:
        limit = publishing.max_caption_length
    length = text_length(text, publishing.measure)
    if length > limit:
        return "CONTENT_TOO_LARGE", f"The text has {length} {publishing.measure}; the limit is {limit}."
    if publishing.max_bytes is not None and len(text.encode()) > publishing.max_bytes:
        return "CONTENT_TOO_LARGE", f"The text has more than {publishing.max_bytes} bytes."
    return _media_problem(content_types, publishing)


def _media_problem(content_types: Sequence[str], publishing: Publishing) -> tuple[str, str] | None:
    images = [each for each in content_types if each.startswith("image/")]
    videos = [each for each in content_types if each not in images]
    if publishing.media_required and not content_types:
        return "INVALID_CONTENT", f"A post there needs {'a video' if publishing.images is None else 'media'}."
    if images and publishing.images is None:
        return "INVALID_CONTENT", "Images cannot be published there."
    if videos and publishing.video is None:
        return "INVALID_CONTENT", f"Files of type {videos[0]} cannot be published there."
    if images and videos and not publishing.mixed:
        return "INVALID_CONTENT", "Images and videos cannot be published together there."
    for files, limits in ((images, publishing.images), (videos, publishing.video)):
        if limits is not None and len(files) > limits.max_count:
            return "INVALID_CONTENT", f"{len(files)} files; the limit is {limits.max_count}."
    for content_type in videos:
        if publishing.video is not None and content_type not in publishing.video.types:
            return "INVALID_CONTENT", f"Files of type {content_type} cannot be published there."
    return None


def next_attempt(attempts: int, at_least_seconds: float = 0.0) -> timedelta:
    """How long to wait after this many attempts: 1 s doubling to 5 minutes, and never less than what was asked for.

    No more than two days, whatever is asked for: limits of networks begin anew within one.
    """
    return timedelta(seconds=max(min(at_least_seconds, _LONGEST_SECONDS), min(300.0, 2.0 ** min(attempts, 10))))
