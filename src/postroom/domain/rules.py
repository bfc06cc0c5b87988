"""Pure decisions: whether a message may be recalled, whether a draft fits a network, when to try again."""

from collections.abc import Sequence
from datetime import timedelta

from postroom.clock import iso
from postroom.domain.capabilities import Capabilities, Publishing
from postroom.domain.messages import Message
from postroom.domain.texts import text_length
from postroom.errors import Kind, NotSupported, Refused

_LONGEST_SECONDS = 2 * 86_400.0


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
