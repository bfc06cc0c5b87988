"""Files in a bucket of a real S3 server: the same promises as in a folder, also while the bucket does not answer."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from postroom.domain.media import MediaKind
from postroom.errors import InvalidParameters, NotFound, NotPermitted, Unavailable
from tests.desk import ANOTHER, PICTURE, Desk
from tests.parts.faultproxy import FaultProxy
from tests.parts.s3 import S3
from tests.pictures import mp4
from tests.servers import built

Proxies = Callable[[str, int], Awaitable[FaultProxy]]


async def test_what_was_put_is_read_until_its_group_is_deleted(s3_desk: Desk) -> None:
    group = await s3_desk.draft()
    address = await s3_desk.attach(group)
    assert await s3_desk.read(address) == PICTURE
    await s3_desk.services.posts.delete(s3_desk.caller, group.id)
    with pytest.raises(NotFound):
        await s3_desk.read(address)
    await s3_desk.settle()
    assert s3_desk.files() == set()


async def test_a_video_of_several_parts_is_kept_whole_and_once(s3_desk: Desk) -> None:
    group = await s3_desk.draft()
    video = mp4(PICTURE * 30_000)
    assert len(video) > 12 * 1024 * 1024
    addresses = [await s3_desk.address(group, "a.mp4", kind=MediaKind.VIDEO) for _ in range(2)]
    for address in addresses:
        await s3_desk.upload(address, video, piece_bytes=300_000)
    await s3_desk.work()
    for address in addresses:
        assert await s3_desk.read(address) == video
    assert len(s3_desk.files()) == 1


async def test_addresses_that_were_changed_or_are_too_old_put_nothing_into_the_bucket(s3_desk: Desk) -> None:
    address = await s3_desk.address(await s3_desk.draft())
    for changed in ({"signature": "0" * 64}, {"expires": 4102444800000}, {"content_type": "text/html"}):
        with pytest.raises(NotPermitted):
            await s3_desk.upload(address, **changed)
    with pytest.raises(InvalidParameters):
        await s3_desk.upload(address, b"no picture")
    await s3_desk.advance(3601)
    with pytest.raises(NotPermitted):
        await s3_desk.upload(address)
    assert s3_desk.files() == set()


async def test_a_bucket_that_is_away_does_not_fail_the_deletion_and_is_asked_until_the_files_are_gone(
    s3: S3, tmp_path: Path, fault_proxy: Proxies
) -> None:
    proxy, bucket = await fault_proxy(s3.host, s3.port), s3.bucket()
    async with built(tmp_path / "data", **s3.settings(bucket, proxy.port)) as house:
        desk = Desk(house, lambda: s3.keys(bucket))
        await desk.work()
        group = await desk.draft()
        for content in (PICTURE, ANOTHER):
            await desk.attach(group, content)
        proxy.faults.refuse = True
        proxy.cut()
        await desk.services.posts.delete(desk.caller, group.id)
        with pytest.raises(NotFound):
            await desk.view(group)
        await desk.work()
        await desk.advance(301)
        await desk.work()
        assert await desk.jobs("purge_blobs") == [("todo", 2)]
        assert len(desk.files()) == 2
        proxy.heal()
        await desk.settle()
        assert desk.files() == set()
        assert await desk.services.media.orphans() == []


async def test_an_upload_to_a_bucket_that_goes_away_is_not_acknowledged_and_leaves_nothing(
    s3: S3, tmp_path: Path, fault_proxy: Proxies
) -> None:
    proxy, bucket = await fault_proxy(s3.host, s3.port), s3.bucket()
    async with built(tmp_path / "data", **s3.settings(bucket, proxy.port)) as house:
        desk = Desk(house, lambda: s3.keys(bucket))
        address = await desk.address(await desk.draft())
        proxy.faults.refuse = True
        with pytest.raises(Unavailable):
            await desk.upload(address)
        proxy.heal()
        await desk.upload(address)
        assert await desk.read(address) == PICTURE
        await desk.settle()
        assert len(desk.files()) == 1
