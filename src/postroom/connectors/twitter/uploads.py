"""Files on their way to X: images at once, GIFs and videos in segments, and what an attempt remembers of them."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from postroom.clock import Clock, from_ms, to_ms
from postroom.connectors.contract import Attempt
from postroom.connectors.multipart import Form
from postroom.connectors.pieces import Pieces
from postroom.connectors.sessions import Session
from postroom.connectors.twitter import convert
from postroom.connectors.twitter.api import X
from postroom.domain.capabilities import MIB, ImageLimits, VideoLimits
from postroom.domain.remote import MediaSource
from postroom.errors import ProviderDown, Unprocessable

Json = Any

# Source: X API v2 documentation, media (best practices), checked 2026-11-21.
IMAGES = ImageLimits(
    max_count=4, types=frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"}), max_bytes=5 * MIB
)
VIDEO = VideoLimits(
    types=frozenset({"video/mp4", "video/quicktime"}), max_bytes=512 * MIB, min_seconds=0.5, max_seconds=140
)
_SEGMENT_BYTES = 4 * MIB
_LONGEST_ALT_TEXT = 1000
# Uploaded media expire after a day.
_LIVES = timedelta(hours=20)
_MOST_SECONDS, _LONGEST_PAUSE_SECONDS = 60.0, 10.0


def check(media: tuple[MediaSource, ...]) -> None:
    """Raises Unprocessable where X does not take these files together, or one of them."""
    videos = sum(item.kind == "video" for item in media)
    if len(media) > (1 if videos else IMAGES.max_count):
        raise Unprocessable(f"X takes {IMAGES.max_count} images or one video.")
    for item in media:
        limits: ImageLimits | VideoLimits = VIDEO if item.kind == "video" else IMAGES
        if item.content_type not in limits.types:
            raise Unprocessable(f"X takes no file of type {item.content_type} here.")
        if item.size_bytes > limits.max_bytes:
            raise Unprocessable(
                f"A file has {item.size_bytes} bytes; X takes {limits.max_bytes}.", context={"too_large": True}
            )


class Uploads:
    """The files of one post. What an earlier attempt sent is used again, as long as X keeps it."""

    def __init__(self, api: X, session: Session, attempt: Attempt, now: Clock) -> None:
        self._api = api
        self._session = session
        self._attempt = attempt
        self._now = now

    async def ids(self, media: tuple[MediaSource, ...]) -> list[str]:
        """The files' ids, each ready to be shown.

        Raises:
            ProviderDown: not ready yet; the next attempt goes on from here.
        """
        found = []
        for number, item in enumerate(media):
            entry = self._entry(number)
            if not entry or entry.get("etag") != item.etag:
                entry = await self._send(item, alone=len(media) == 1)
                await self._remember(number, entry)
            if not entry["ready"]:
                await self._wait(str(entry["id"]), number)
            found.append(str(entry["id"]))
        return found

    async def forget(self) -> None:
        """X does not know these files (any more): the next attempt sends them anew."""
        note = note_of(self._attempt)
        note.pop("files", None)
        await self._attempt.write(note)

    def _entry(self, number: int) -> Mapping[str, Json]:
        entry = note_of(self._attempt).get("files", {}).get(str(number))
        if not isinstance(entry, dict) or self._now() >= from_ms(int(entry["at"])) + _LIVES:
            return {}
        return entry

    async def _remember(self, number: int, entry: Mapping[str, Json]) -> None:
        note = note_of(self._attempt)
        await self._attempt.write({**note, "files": {**note.get("files", {}), str(number): dict(entry)}})

    async def _send(self, item: MediaSource, *, alone: bool) -> dict[str, Json]:
        if item.kind == "video":
            tree = await self._in_segments(item, "tweet_video")
        elif item.content_type == "image/gif" and alone:
            tree = await self._in_segments(item, "tweet_gif")
        else:
            form = _form({"media_category": "tweet_image"}, item)
            tree = await self._session.call(lambda token: self._api.upload(token, form(), item.size_bytes))
        id = _id(tree)
        if item.alt_text:
            text = item.alt_text[:_LONGEST_ALT_TEXT]
            await self._session.call(lambda token: self._api.describe(token, id, text))
        return {"id": id, "at": to_ms(self._now()), "ready": _is_ready(tree), "etag": item.etag}

    async def _in_segments(self, item: MediaSource, category: str) -> dict[str, Json]:
        about = {"media_type": item.content_type, "total_bytes": item.size_bytes, "media_category": category}
        id = _id(await self._session.call(lambda token: self._api.initialize(token, about)))
        async with Pieces(item) as pieces:
            for index, start in enumerate(range(0, item.size_bytes, _SEGMENT_BYTES)):
                await self._append(id, pieces, index, start, min(_SEGMENT_BYTES, item.size_bytes - start))
        tree: dict[str, Json] = await self._session.call(lambda token: self._api.finalize(token, id))
        return tree

    async def _append(self, id: str, pieces: Pieces, index: int, start: int, size: int) -> None:
        def form() -> Form:
            return Form(
                {"segment_index": str(index)},
                name="media",
                file_name="media",
                content_type="application/octet-stream",
                size_bytes=size,
                chunks=pieces.range(start, size),
            )

        await self._session.call(lambda token: self._api.append(token, id, form(), size))

    async def _wait(self, id: str, number: int) -> None:
        waited = 0.0
        while True:
            tree = await self._session.call(lambda token: self._api.processing(token, id))
            info = tree.get("processing_info")
            info = info if isinstance(info, dict) else {}
            if info.get("state") == "failed":
                raise Unprocessable(f"X could not process a file: {_reason(info)}")
            if _is_ready(tree):
                await self._remember(number, {**self._entry(number), "ready": True})
                return
            after = info.get("check_after_secs")
            pause = min(float(after), _LONGEST_PAUSE_SECONDS) if isinstance(after, int | float) and after > 0 else 1.0
            if waited + pause > _MOST_SECONDS:
                raise ProviderDown("X is still processing a file; nothing was published.")
            await asyncio.sleep(pause)
            waited += pause


def note_of(attempt: Attempt) -> dict[str, Json]:
    """What was written last, as an object."""
    return dict(attempt.note) if isinstance(attempt.note, dict) else {}


def _form(fields: Mapping[str, str], item: MediaSource) -> Callable[[], Form]:
    def make() -> Form:
        return Form(
            fields,
            name="media",
            file_name=f"media.{item.content_type.rpartition('/')[2]}",
            content_type=item.content_type,
            size_bytes=item.size_bytes,
            chunks=item.chunks(),
        )

    return make


def _id(tree: Mapping[str, Json]) -> str:
    id = tree.get("id")
    if not convert.is_id(id):
        raise ProviderDown("X took a file and did not say how it is called.")
    return str(id)


def _is_ready(tree: Mapping[str, Json]) -> bool:
    info = tree.get("processing_info")
    return not isinstance(info, dict) or info.get("state") == "succeeded"


def _reason(info: Mapping[str, Json]) -> str:
    error = info.get("error")
    message = error.get("message") or error.get("name") if isinstance(error, dict) else None
    return str(message)[:200] if message else "it does not say why."
