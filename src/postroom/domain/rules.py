"""Pure decisions: whether a message may be recalled, whether a draft fits a network, when to try again."""

from datetime import timedelta

import regex

from postroom.clock import iso
from postroom.domain.capabilities import Capabilities, Measure, Publishing
from postroom.domain.messages import Message
from postroom.errors import Kind, NotSupported, Refused

_GRAPHEME = regex.compile(r"\X")


def check_recall(message: Message, capabilities: Capabilities, at_ms: int) -> None:
    """Whether asking the network to take this message back makes sense now.

    Raises:
        NotSupported: the network has no recall.
        Refused: someone else sent it, or the network's window has passed.

    Source: PostPress "Delete a message" (May 2026): LinkedIn within the first 60 minutes.
    """
    if capabilities.recall is None:
        raise NotSupported("This network has no deletion of messages.", kind=Kind.NO_RECALL)
    if not message.is_sender:
        raise Refused("Only the sender of a message can delete it; nothing was changed.", kind=Kind.NOT_OWN)
    window = capabilities.recall.window
    if window is not None:
        deadline = message.sent_at + window // timedelta(milliseconds=1)
        if at_ms > deadline:
            raise Refused(
                f"The message can no longer be deleted: the deadline was {iso(deadline)}, "
                f"{window // timedelta(minutes=1)} minutes after it was sent. Nothing was changed.",
                kind=Kind.WINDOW_EXPIRED,
            )


def text_length(text: str, measure: Measure) -> int:
    """How long a network counts this text to be."""
    if measure is Measure.GRAPHEMES:
        return len(_GRAPHEME.findall(text))
    return len(text.encode()) if measure is Measure.UTF8_BYTES else len(text)


def draft_problem(text: str, content_types: list[str], publishing: Publishing) -> tuple[str, str] | None:
    """Why this draft cannot go to this network, as (PostPost's error code, sentence); None where it fits."""
    length = text_length(text, publishing.measure)
    if length > publishing.max_length:
        return "CONTENT_TOO_LARGE", f"The text has {length} {publishing.measure}; the limit is {publishing.max_length}."
    if publishing.max_bytes is not None and len(text.encode()) > publishing.max_bytes:
        return "CONTENT_TOO_LARGE", f"The text has more than {publishing.max_bytes} bytes."
    if len(content_types) > publishing.max_images:
        return "INVALID_CONTENT", f"{len(content_types)} files; the limit is {publishing.max_images}."
    for content_type in content_types:
        if content_type not in publishing.image_types:
            return "INVALID_CONTENT", f"Files of type {content_type} cannot be published there."
    return None


def next_attempt(attempts: int, at_least_seconds: float = 0.0) -> timedelta:
    """How long to wait after this many attempts: 1 s doubling to 5 minutes, and never less than what was asked for."""
    return timedelta(seconds=max(at_least_seconds, min(300.0, 2.0 ** min(attempts, 10))))
