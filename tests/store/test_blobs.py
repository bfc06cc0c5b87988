"""Media bytes: all of them at the key, or nothing anywhere."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from postroom.errors import Unavailable
from postroom.store.blobs import Blobs


async def pieces(*chunks: bytes, error: BaseException | None = None) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    if error is not None:
        raise error


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "media"


async def test_bytes_come_back_whole_and_piece_by_piece(folder: Path) -> None:
    blobs = Blobs(folder)
    content = [os.urandom(3_000_000) for _ in range(4)]
    assert await blobs.put("ab/1", pieces(*content)) == 12_000_000
    assert await blobs.put("ab/2", pieces()) == 0
    assert await blobs.read("ab/1") == b"".join(content)
    assert b"".join([chunk async for chunk in blobs.stream("ab/1")]) == b"".join(content)
    assert await blobs.read("ab/2") == b""
    assert sorted(await blobs.list()) == ["ab/1", "ab/2"]
    assert await blobs.list("zz") == []
    assert await blobs.put("ab/2", pieces(b"again")) == 5
    assert await blobs.read("ab/2") == b"again"


async def test_an_upload_that_breaks_off_leaves_nothing(folder: Path) -> None:
    blobs = Blobs(folder)
    with pytest.raises(ConnectionResetError):
        await blobs.put("a", pieces(b"x" * 9_000_000, error=ConnectionResetError()))
    assert files(folder) == []


async def test_an_upload_that_is_cancelled_leaves_nothing(folder: Path) -> None:
    blobs = Blobs(folder)
    begun = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 6_000_000
            begun.set()
            await asyncio.sleep(0.01)

    task = asyncio.create_task(blobs.put("a", endless()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for _ in range(100):
        if not files(folder):
            break
        await asyncio.sleep(0.02)
    assert files(folder) == []


async def test_deleting_what_is_not_there_is_success_and_the_rest_goes(folder: Path) -> None:
    blobs = Blobs(folder)
    await blobs.put("a", pieces(b"1"))
    await blobs.put("b", pieces(b"1"))
    await blobs.delete(["none", "a", "b"])
    await blobs.delete(["a"])
    assert files(folder) == []


async def test_what_is_not_there_or_a_broken_store_is_unavailable(folder: Path, tmp_path: Path) -> None:
    blobs = Blobs(str(folder))
    with pytest.raises(Unavailable):
        await blobs.read("none")
    with pytest.raises(Unavailable):
        _ = [chunk async for chunk in blobs.stream("none")]
    with pytest.raises(Unavailable):
        Blobs("nonsense://x")
    with pytest.raises(Unavailable):
        await blobs.read("../outside")
