"""The files of a LinkedIn post: uploaded before it, and named in it. None of it publishes anything."""

from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any

from postroom.connectors.linkedin.posts_api import PostsApi
from postroom.connectors.sessions import Session
from postroom.domain.capabilities import MIB
from postroom.domain.remote import MediaSource
from postroom.errors import ProviderDown, Unprocessable

Json = Any


# Source: LinkedIn MultiImage and Images API, checked 2026-11-21; PostPost "Platform limits" (March 2026) for the bytes.
MAX_IMAGES = 20
MAX_IMAGE_BYTES = 5 * MIB
IMAGE_TYPES = frozenset({"image/jpeg", "image/png", "image/gif"})
# Source: LinkedIn Videos API, checked 2026-11-21.
MAX_VIDEO_BYTES = 500 * MIB
VIDEO_TYPES = frozenset({"video/mp4"})
# How long to wait until LinkedIn is looked at again, while it works on a video.
_AGAIN_SECONDS = 10.0
# Parts are 4 MB; one is in memory at a time.
_LARGEST_PART = 64 * MIB


def check(media: Sequence[MediaSource]) -> None:
    """Raises Unprocessable where LinkedIn takes no such files."""
    videos = [item for item in media if item.kind == "video"]
    if videos and len(media) > 1:
        raise Unprocessable("LinkedIn takes images or one video in a post, not both.")
    if len(media) > MAX_IMAGES:
        raise Unprocessable(f"LinkedIn takes {MAX_IMAGES} images; there are {len(media)}.")
    for item in media:
        types, most = (VIDEO_TYPES, MAX_VIDEO_BYTES) if videos else (IMAGE_TYPES, MAX_IMAGE_BYTES)
        if item.content_type not in types:
            raise Unprocessable(f"LinkedIn takes no file of type {item.content_type} here.")
        if item.size_bytes > most:
            raise Unprocessable(
                f"A file has {item.size_bytes} bytes; LinkedIn takes {most}.", context={"too_large": True}
            )


def kept(note: Mapping[str, Json], media: Sequence[MediaSource]) -> list[Json] | None:
    """What an earlier attempt uploaded, where these are still the post's files."""
    found = note.get("media")
    if not isinstance(found, list) or [item.get("etag") for item in found] != [item.etag for item in media]:
        return None
    return found


def content(media: Sequence[MediaSource], uploaded: Sequence[Json]) -> list[Json]:
    """The files as the post names them."""
    made = []
    for item, file in zip(media, uploaded, strict=True):
        named = {"id": file["id"]}
        if item.kind != "video" and item.alt_text:
            named["altText"] = item.alt_text
        made.append(named)
    return made


class Uploads:
    """The uploads of one author."""

    def __init__(self, api: PostsApi, author: str, session: Session) -> None:
        self._api = api
        self._author = author
        self._session = session

    async def upload(self, media: Sequence[MediaSource]) -> list[Json]:
        """Upload each file; its URN, and by what it is known again."""
        made = []
        for item in media:
            urn = await (self._video(item) if item.kind == "video" else self._image(item))
            made.append({"id": urn, "etag": item.etag})
        return made

    async def wait(self, media: Sequence[MediaSource], uploaded: Sequence[Json]) -> None:
        """Nothing, once LinkedIn is ready with the videos.

        Raises:
            ProviderDown: it is not ready yet.
            Unprocessable: it could not do anything with one.
        """
        for item, file in zip(media, uploaded, strict=True):
            if item.kind != "video":
                continue
            status = await self._session.call(partial(self._api.file_status, kind="videos", urn=file["id"]))
            if status == "PROCESSING_FAILED":
                raise Unprocessable("LinkedIn could not read this video.")
            if status in ("PROCESSING", "WAITING_UPLOAD"):
                raise ProviderDown("LinkedIn is still working on the video.", retry_after_seconds=_AGAIN_SECONDS)

    async def _image(self, item: MediaSource) -> str:
        request = {"owner": self._author}
        value = await self._session.call(partial(self._api.begin_upload, kind="images", request=request))
        urn, url = value.get("image"), value.get("uploadUrl")
        if not isinstance(urn, str) or not isinstance(url, str):
            raise ProviderDown("LinkedIn did not say where the image goes.")
        await self._put(url, await item.read(), item.content_type)
        return urn

    async def _video(self, item: MediaSource) -> str:
        request = {
            "owner": self._author,
            "fileSizeBytes": item.size_bytes,
            "uploadCaptions": False,
            "uploadThumbnail": False,
        }
        value = await self._session.call(partial(self._api.begin_upload, kind="videos", request=request))
        urn, instructions = value.get("video"), value.get("uploadInstructions")
        if not isinstance(urn, str) or not isinstance(instructions, list):
            raise ProviderDown("LinkedIn did not say where the video goes.")
        sizes, urls = _plan(instructions, item.size_bytes)
        tags: list[str] = []
        async for content in _parts(item.chunks(), sizes):
            tags.append(await self._put(urls[len(tags)], content, "application/octet-stream"))
        token = str(value.get("uploadToken") or "")
        await self._session.call(partial(self._api.end_upload, video=urn, upload_token=token, parts=tags))
        return urn

    async def _put(self, url: str, content: bytes, content_type: str) -> str:
        return await self._session.call(partial(self._api.put, url=url, content=content, content_type=content_type))


def _plan(instructions: Sequence[Json], size_bytes: int) -> tuple[list[int], list[str]]:
    """How long each part is, and where it goes."""
    sizes, urls = [], []
    for part in instructions:
        first, last = (part.get("firstByte", 0), part.get("lastByte")) if isinstance(part, dict) else (None, None)
        if last is None and len(instructions) == 1:
            last = size_bytes - 1
        url = part.get("uploadUrl") if isinstance(part, dict) else None
        if not isinstance(first, int) or not isinstance(last, int) or not isinstance(url, str):
            raise ProviderDown("LinkedIn did not say where a part of the video goes.")
        if not 0 <= last - first < _LARGEST_PART:
            raise ProviderDown("LinkedIn wants a part of the video of a size that cannot be.")
        sizes.append(last - first + 1)
        urls.append(url)
    return sizes, urls


async def _parts(chunks: AsyncIterator[bytes], sizes: Sequence[int]) -> AsyncIterator[bytes]:
    """A file in pieces of these sizes, one piece in memory at a time."""
    held = bytearray()
    wanted = iter(sizes)
    size = next(wanted, 0)
    async for chunk in chunks:
        held += chunk
        while size and len(held) >= size:
            yield bytes(held[:size])
            del held[:size]
            size = next(wanted, 0)
    if held or size:
        raise ProviderDown("The file is not as long as it was said to be.")
