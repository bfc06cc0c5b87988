"""A file that is sent in several requests: its bytes by range, without ever holding all of it."""

from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

from postroom.domain.remote import MediaSource


class Pieces:
    """One file, to be used as a context. Ranges are cheap in order; going back reads the file anew."""

    def __init__(self, media: MediaSource) -> None:
        self._media = media
        self._chunks: AsyncIterator[bytes] | None = None
        self._at = 0
        self._rest = b""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._let_go()

    async def range(self, start: int, length: int) -> AsyncIterator[bytes]:
        """`length` bytes from `start` on, piece by piece; fewer where the file ends before."""
        if start < self._at:
            await self._let_go()
        while self._at < start and await self._fill():
            self._drop(min(len(self._rest), start - self._at))
        while length > 0 and await self._fill():
            piece = self._rest[:length]
            self._drop(len(piece))
            length -= len(piece)
            yield piece

    async def _fill(self) -> bool:
        """Have some bytes at hand; False at the end of the file."""
        if self._chunks is None:
            self._chunks = aiter(self._media.chunks())
        while not self._rest:
            try:
                self._rest = await anext(self._chunks)
            except StopAsyncIteration:
                return False
        return True

    def _drop(self, count: int) -> None:
        self._rest = self._rest[count:]
        self._at += count

    async def _let_go(self) -> None:
        close = getattr(self._chunks, "aclose", None)
        self._chunks, self._at, self._rest = None, 0, b""
        if close is not None:
            await close()
