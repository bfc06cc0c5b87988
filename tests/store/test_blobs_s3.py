"""Media bytes in a bucket of a real S3 server: the same as in a folder."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from postroom.errors import Unavailable
from postroom.store.blobs import Blobs
from tests.parts.faultproxy import FaultProxy
from tests.parts.s3 import KEY, REGION, S3, SECRET

PART = 5 * 1024 * 1024
"""What S3 takes at least as one part of several (Amazon S3, multipart upload limits, checked 2026-11-21)."""


async def pieces(*chunks: bytes, error: BaseException | None = None) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    if error is not None:
        raise error


@pytest.fixture
def bucket(s3: S3) -> str:
    return s3.bucket()


@pytest.fixture
def blobs(s3: S3, bucket: str) -> Blobs:
    return Blobs(f"s3://{bucket}/some/prefix", s3.options())


async def test_bytes_come_back_whole_in_pieces_and_in_part(s3: S3, bucket: str, blobs: Blobs) -> None:
    assert await blobs.put("ab/1", pieces(b"hello ", b"there")) == 11
    assert await blobs.put("ab/2", pieces()) == 0
    assert await blobs.read("ab/1") == b"hello there"
    assert b"".join([chunk async for chunk in blobs.stream("ab/1")]) == b"hello there"
    assert b"".join([chunk async for chunk in blobs.stream("ab/1", 6)]) == b"there"
    assert b"".join([chunk async for chunk in blobs.stream("ab/1", 2, 5)]) == b"llo"
    assert sorted(await blobs.list()) == ["ab/1", "ab/2"]
    assert await blobs.list("ab/1") == []
    assert s3.keys(bucket) == {"some/prefix/ab/1", "some/prefix/ab/2"}


async def test_what_is_larger_than_a_part_goes_in_several_and_leaves_whole(s3: S3, bucket: str, blobs: Blobs) -> None:
    content = [os.urandom(1_000_000) for _ in range(3 * PART // 1_000_000)]
    assert await blobs.put("large", pieces(*content)) == sum(map(len, content))
    assert b"".join([chunk async for chunk in blobs.stream("large")]) == b"".join(content)
    start, end = PART - 10, PART + 10
    assert b"".join([chunk async for chunk in blobs.stream("large", start, end)]) == b"".join(content)[start:end]
    await blobs.delete(["large", "large"])
    assert s3.keys(bucket) == set()


async def test_an_upload_that_breaks_off_leaves_nothing(s3: S3, bucket: str, blobs: Blobs) -> None:
    with pytest.raises(ConnectionResetError):
        await blobs.put("a", pieces(*[bytes(1_000_000)] * 12, error=ConnectionResetError()))
    assert await blobs.list() == []
    for _ in range(100):
        if not s3.keys(bucket):
            break
        await asyncio.sleep(0.05)
    assert s3.keys(bucket) == set()


async def test_deleting_what_is_not_there_is_success(s3: S3, bucket: str, blobs: Blobs) -> None:
    await blobs.put("a", pieces(b"1"))
    await blobs.put("b", pieces(b"1"))
    await blobs.delete(["none", "a", "b"])
    await blobs.delete(["a"])
    assert s3.keys(bucket) == set()


async def test_a_store_that_says_no_or_nothing_is_unavailable(
    s3: S3, bucket: str, fault_proxy: Callable[[str, int], Awaitable[FaultProxy]]
) -> None:
    wrong = Blobs(f"s3://{bucket}", {**s3.options(), "secret_access_key": "wrong"})
    for calls in (wrong.put("a", pieces(b"1")), wrong.read("a"), wrong.delete(["a"]), wrong.list()):
        with pytest.raises(Unavailable):
            await calls
    with pytest.raises(Unavailable):
        await Blobs("s3://no-such-bucket", s3.options()).put("a", pieces(b"1"))
    proxy = await fault_proxy(s3.host, s3.port)
    behind = Blobs(f"s3://{bucket}", s3.options(proxy.port))
    proxy.faults.refuse = True
    with pytest.raises(Unavailable):
        await behind.read("a")
    proxy.heal()
    assert await behind.put("a", pieces(b"1")) == 1


async def test_the_usual_variables_name_the_region_and_the_key(
    s3: S3, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    await Blobs(f"s3://{bucket}", {"endpoint": s3.endpoint()}).put("a", pieces(b"1"))
    assert s3.keys(bucket) == {"a"}
