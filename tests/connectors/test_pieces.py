"""A file in ranges: what is sent in pieces is what is stored, in whatever pieces the store gives it."""

from collections.abc import AsyncIterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from postroom.connectors.pieces import Pieces
from tests.connectors.wire import Picture

CONTENT = bytes(range(256)) * 4


class Stored(Picture, frozen=True):
    """A file that comes from its store in pieces of seven bytes, now and then an empty one."""

    opened: list[int] = msgspec.field(default_factory=list)

    async def chunks(self) -> AsyncIterator[bytes]:
        self.opened.append(1)
        for start in range(0, len(self.content), 7):
            yield self.content[start : start + 7]
            yield b""


async def read(pieces: Pieces, start: int, length: int) -> bytes:
    return b"".join([piece async for piece in pieces.range(start, length)])


@given(some.lists(some.tuples(some.integers(0, 1100), some.integers(0, 300)), max_size=6))
async def test_a_range_is_what_stands_there_in_whatever_order_one_asks(ranges: list[tuple[int, int]]) -> None:
    async with Pieces(Stored(CONTENT, opened=[])) as pieces:
        for start, length in ranges:
            assert await read(pieces, start, length) == CONTENT[start : start + length]


async def test_a_file_that_is_read_in_order_is_opened_once_and_never_held() -> None:
    file = Stored(CONTENT, opened=[])
    async with Pieces(file) as pieces:
        for start in range(0, len(CONTENT), 100):
            async for piece in pieces.range(start, 100):
                assert len(piece) <= 7
    assert file.opened == [1]


@pytest.mark.parametrize("broken_off_after", [0, 1])
async def test_a_range_that_was_not_read_to_its_end_can_be_read_again(broken_off_after: int) -> None:
    file = Stored(CONTENT, opened=[])
    async with Pieces(file) as pieces:
        content = pieces.range(10, 100)
        for _ in range(broken_off_after):
            await anext(content)
        assert await read(pieces, 10, 100) == CONTENT[10:110]
