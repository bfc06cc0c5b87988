"""Files of messages: given to LinkedIn before their message, and fetched from LinkedIn's own hosts alone.

Source: requests as published clients send them, and ConnectSafely "Download media" for the hosts, checked 2026-11-20.
"""

import secrets
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, suppress
from urllib.parse import urlsplit

from postroom.connectors.linkedin import refusals
from postroom.connectors.linkedin.api import Json, Voyager
from postroom.connectors.linkedin.people import as_object, as_text
from postroom.domain.files import Uploaded
from postroom.domain.messages import AnyAttachment, Audio, File, Image, Video
from postroom.domain.remote import Download, MessageFile
from postroom.errors import (
    ErrorCode,
    InvalidParameters,
    Kind,
    NotFound,
    OutcomeUnknown,
    ProviderDown,
    Refused,
    Unprocessable,
)

_KINDS = {
    "image": "MESSAGING_PHOTO_ATTACHMENT",
    "video": "MESSAGING_VIDEO_ATTACHMENT",
    "voice": "VOICE_MESSAGE",
}
_LONGEST_VOICE_MS = 60_000
_MOST_REDIRECTS = 3
_LINKEDIN = "https://www.linkedin.com"
_PICTURES = "https://media.licdn.com"


class Media:
    """One session's files."""

    def __init__(self, api: Voyager) -> None:
        self._api = api

    async def upload(self, file: MessageFile) -> Uploaded:
        """Give LinkedIn a file. It is in no message yet, so a lost answer costs nothing.

        Raises:
            ProviderDown: it did not arrive; nothing was sent.
        """
        if isinstance(file, Uploaded):
            return file
        data = await file.read()
        kind = _KINDS.get(file.kind, "MESSAGING_FILE_ATTACHMENT")
        try:
            place = await self._api.upload_place(kind, len(data), file.name)
            urn, url = as_text(place.get("urn")), as_text(place.get("singleUploadUrl"))
            if urn is None or url is None or not self._is_ours(url, "/dms-uploads/"):
                raise refusals.unreadable("place to upload to")
            await self._api.put(url, data, file.content_type, as_object(place.get("singleUploadHeaders")))
        except OutcomeUnknown as error:
            raise ProviderDown("LinkedIn did not take the file; nothing was sent.") from error
        return Uploaded(name=file.name, content_type=file.content_type, size_bytes=len(data), provider_id=urn)

    async def open(self, url: str) -> Download:
        """What is at an address of LinkedIn's. The session's cookies go to its own host, and nowhere else.

        Raises:
            InvalidParameters: (kind ADDRESS) the address is none of LinkedIn's files; nobody was called.
            NotFound: (kind ATTACHMENT) nothing is there, or not any more.
        """
        for _ in range(_MOST_REDIRECTS + 1):
            target, as_member = self._target(url)
            async with AsyncExitStack() as held:
                stream = await held.enter_async_context(self._api.media(target, as_member=as_member))
                if stream.status == 200:
                    chunks = _closing(held.pop_all(), stream.chunks())
                    # Begun, so that it lets go of its socket however it is left.
                    await anext(chunks)
                    length = stream.headers.get("content-length", "")
                    whole = length.isdecimal() and "content-encoding" not in stream.headers
                    kind = stream.headers.get("content-type") or "application/octet-stream"
                    return Download(content_type=kind, size_bytes=int(length) if whole else None, chunks=chunks)
                answer = await stream.answer()
            onward = answer.headers.get("location", "")
            if not (300 <= answer.status < 400 and self._is_file(onward)) or refusals.ends_session(answer):
                error = refusals.meaning(answer, write=False)
                if isinstance(error, Refused):
                    raise NotFound("LinkedIn does not have this file any more.", kind=Kind.ATTACHMENT) from error
                raise error
            url = onward
        raise ProviderDown("LinkedIn sent from one address to the next, and gave no file.")

    def _is_file(self, url: str) -> bool:
        return any(_is_at(url, host, path) for host, path in self._hosts())

    def _is_ours(self, url: str, path: str) -> bool:
        return _is_at(url, self._api.origin, path)

    def _hosts(self) -> Sequence[tuple[str, str]]:
        return ((self._api.origin, "/dms/"), (_LINKEDIN, "/dms/"), (_PICTURES, "/"))

    def _target(self, url: str) -> tuple[str, bool]:
        """Where to ask, and whether as the member. One origin that answers for all hosts is asked for all of them."""
        if not self._is_file(url):
            raise InvalidParameters(
                "That is no address of a file at LinkedIn.", code=ErrorCode.INVALID_URL, kind=Kind.ADDRESS
            )
        if self._is_ours(url, "/dms/"):
            return url, True
        if self._api.origin == _LINKEDIN:
            return url, False
        return f"{self._api.origin}/{url.split('/', 3)[3]}", True


def _is_at(url: str, host: str, path: str) -> bool:
    """Whether an address is below a path of a host, however it is spelled."""
    if not url.startswith(f"{host}{path}") or not url.isascii() or not url.isprintable() or "\\" in url or " " in url:
        return False
    segments = urlsplit(url).path.lower().replace("%2e", ".").replace("%2f", "/").split("/")
    return ".." not in segments


async def _closing(held: AsyncExitStack, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Chunks after an empty one; whatever is held is let go at their end."""
    async with held:
        yield b""
        async for chunk in chunks:
            yield chunk


def unions(files: Sequence[tuple[MessageFile, Uploaded, int]]) -> list[Json]:
    """Uploaded files as parts of a message; each with its duration in milliseconds, where it is a voice message."""
    return [_union(file, uploaded, duration_ms) for file, uploaded, duration_ms in files]


def _union(file: MessageFile, uploaded: Uploaded, duration_ms: int) -> Json:
    if file.kind == "voice":
        audio = {"assetUrn": uploaded.provider_id, "byteSize": uploaded.size_bytes, "duration": duration_ms}
        return {"audio": audio}
    if file.kind == "video":
        return {"video": {"media": uploaded.provider_id, "trackingId": secrets.token_hex(8), "progressiveStreams": []}}
    return {
        "file": {
            "assetUrn": uploaded.provider_id,
            "byteSize": uploaded.size_bytes,
            "mediaType": uploaded.content_type,
            "name": uploaded.name,
        }
    }


def sent_attachments(files: Sequence[MessageFile], key: str, first: int) -> tuple[AnyAttachment, ...]:
    """The files of a message that was sent just now, before LinkedIn has shown it with their addresses."""
    return tuple(_sent(file, f"{key}.{first + place}") for place, file in enumerate(files))


def _sent(file: MessageFile, id: str) -> AnyAttachment:
    match file.kind:
        case "image":
            return Image(id=id, file_size=file.size_bytes, mimetype=file.content_type)
        case "video":
            return Video(id=id, file_size=file.size_bytes, mimetype=file.content_type)
        case "voice":
            return Audio(id=id, file_size=file.size_bytes, mimetype=file.content_type, voice_note=True)
        case _:
            return File(id=id, file_size=file.size_bytes, mimetype=file.content_type, file_name=file.name)


def voice_ms(data: bytes) -> int:
    """How long a recording is, as it says itself.

    Raises:
        Unprocessable: it is no m4a, or longer than a minute.

    Source: ISO/IEC 14496-12, movie header; a minute at most as published clients send it, checked 2026-11-21.
    """
    at = data.find(b"mvhd")
    scale = length = 0
    with suppress(IndexError, struct.error):
        # Version 1 has moments of eight bytes, and a duration of eight.
        long = data[at + 4] == 1
        scale, length = struct.unpack_from(">IQ" if long else ">II", data, at + (24 if long else 16))
    if at < 0 or data[4:8] != b"ftyp" or not scale:
        raise Unprocessable("LinkedIn takes voice messages as m4a only. Nothing was sent.", kind=Kind.ATTACHMENT)
    duration_ms = length * 1000 // scale
    if duration_ms > _LONGEST_VOICE_MS:
        raise Unprocessable("LinkedIn takes voice messages of a minute at most.", kind=Kind.ATTACHMENT)
    return duration_ms
