"""Files of messages on their way to a network. Pure."""

from collections.abc import AsyncGenerator

import msgspec

from postroom.domain.remote import Download
from postroom.errors import ErrorCode, InvalidParameters, Kind

_LONGEST_SHOWN = 60


def kind_of_file(content_type: str, *, voice: bool = False) -> str:
    """`image`, `video`, `audio`, `voice` or `file`, by the content type; a drawing made of text is a file."""
    family, _, rest = content_type.lower().partition(";")[0].strip().partition("/")
    if family == "audio":
        return "voice" if voice else "audio"
    return family if family in ("image", "video") and rest != "svg+xml" else "file"


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a caller gave, in memory."""

    name: str
    content_type: str
    data: bytes
    voice: bool = False
    """Whether a sound is meant as a voice message."""

    def __repr__(self) -> str:
        return f"Upload({self.name[:_LONGEST_SHOWN]!r}, {self.content_type}, {len(self.data)} bytes)"

    @property
    def kind(self) -> str:
        return kind_of_file(self.content_type, voice=self.voice)

    @property
    def size_bytes(self) -> int:
        return len(self.data)

    async def read(self) -> bytes:
        return self.data


class Uploaded(msgspec.Struct, frozen=True, kw_only=True):
    """A file that the network has already, under an id of its own; there is nothing to read."""

    name: str
    content_type: str
    size_bytes: int
    provider_id: str

    @property
    def kind(self) -> str:
        return kind_of_file(self.content_type)

    async def read(self) -> bytes:
        return b""


async def read_whole(download: Download, most_bytes: int) -> bytes:
    """All of a file.

    Raises:
        InvalidParameters: (kind ATTACHMENT) it is larger than that.
    """
    found = bytearray()
    try:
        async for chunk in download.chunks:
            found += chunk
            if len(found) > most_bytes:
                raise InvalidParameters(
                    f"The file is larger than {most_bytes} bytes.",
                    code=ErrorCode.CONTENT_TOO_LARGE,
                    kind=Kind.ATTACHMENT,
                )
        return bytes(found)
    finally:
        if isinstance(download.chunks, AsyncGenerator):
            await download.chunks.aclose()
