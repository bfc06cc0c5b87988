"""P4. Nothing left behind: when the jobs have settled, the media store holds the bytes of the files that are stored, and
no others; whatever was created, shared, uploaded, replaced, deleted or left to expire before.

Under `kill -9` at each I/O step of an upload and of a deletion: tests/crash/test_crash.py.
"""

import random
from collections.abc import AsyncIterator

import pytest

from postroom.domain.posts import PostGroup
from postroom.errors import NotFound, NotPermitted
from postroom.services.media import UploadAddress
from tests.desk import PICTURE, Desk
from tests.size import Size

pytestmark = pytest.mark.promise("P4")


async def nothing_left_behind(desk: Desk) -> None:
    """Looked up in the folder itself: a listing does not show a file that is still being written."""
    stored = await desk.rows("select blob_key from media_items where status = 'stored'")
    assert desk.files() == {row[0] for row in stored}
    assert await desk.services.media.orphans() == []


class _Life:
    """What may happen to post groups and their files, drawn by a seed."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self._desk = desk
        self._random = random.Random(seed)
        self._groups: list[PostGroup] = []
        self._addresses: list[UploadAddress] = []

    async def step(self) -> None:
        happening = (self._create, self._address, self._address, self._upload, self._upload, self._upload)
        rarer = (self._cut_off, self._delete, self._publish, self._expire)
        await self._random.choice((*happening, *rarer))()

    def _group(self) -> PostGroup | None:
        return self._random.choice(self._groups) if self._groups else None

    async def _create(self) -> None:
        self._groups.append(await self._desk.draft(f"Number {len(self._groups)}"))

    async def _address(self) -> None:
        group = self._group()
        if group is not None:
            self._addresses.append(await self._desk.address(group))

    async def _upload(self) -> None:
        if self._addresses:
            content = PICTURE * self._random.randint(1, 4)
            await self._arrive(self._random.choice(self._addresses), content)

    async def _cut_off(self) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            yield PICTURE
            raise ConnectionResetError

        if self._addresses:
            with pytest.raises((ConnectionResetError, NotFound, NotPermitted)):
                await self._desk.upload(self._random.choice(self._addresses), chunks=chunks())

    async def _arrive(self, address: UploadAddress, content: bytes) -> None:
        try:
            await self._desk.upload(address, content)
        except (NotFound, NotPermitted):
            # Its group was deleted, or its hour is over.
            self._addresses.remove(address)

    async def _delete(self) -> None:
        group = self._group()
        if group is not None:
            self._groups.remove(group)
            await self._desk.services.posts.delete(self._desk.caller, group.id)

    async def _publish(self) -> None:
        group = self._group()
        if group is not None and (await self._desk.view(group)).group.status == "draft":
            await self._desk.schedule(group)

    async def _expire(self) -> None:
        await self._desk.advance(self._random.choice((600, 3700)))
        await self._desk.work()


async def test_whatever_happens_to_files_none_is_left_behind(desk: Desk, size: Size) -> None:
    for seed in range(size.rounds):
        life = _Life(desk, seed)
        for _ in range(25):
            await life.step()
        await desk.settle()
        await nothing_left_behind(desk)


async def test_a_store_that_is_away_does_not_fail_the_deletion_and_is_asked_until_the_files_are_gone(
    desk: Desk,
) -> None:
    await desk.work()
    group = await desk.draft()
    for _ in range(3):
        await desk.attach(group)
    media, away = desk.built.data / "media", desk.built.data / "away"
    media.rename(away)
    media.write_text("not a folder")
    await desk.services.posts.delete(desk.caller, group.id)
    with pytest.raises(NotFound):
        await desk.view(group)
    for _ in range(5):
        await desk.work()
        await desk.advance(301)
    ((status, attempts),) = await desk.jobs("purge_blobs")
    assert (status, attempts) == ("todo", 5)
    media.unlink()
    away.rename(media)
    assert len(desk.files()) == 3
    await desk.settle()
    await nothing_left_behind(desk)
    assert desk.files() == set()


async def test_a_deletion_and_the_work_it_makes_necessary_are_one_transaction(desk: Desk) -> None:
    """Nothing is done between the two: a process that dies right after the answer has forgotten nothing."""
    group = await desk.draft()
    await desk.attach(group)
    await desk.services.posts.delete(desk.caller, group.id)
    assert [status for status, _ in await desk.jobs("purge_blobs")] == ["todo"]
    assert len(desk.files()) == 1
    await desk.settle()
    await nothing_left_behind(desk)


async def test_a_file_that_is_replaced_leaves_its_first_bytes_to_the_same_work(desk: Desk) -> None:
    group = await desk.draft()
    address = await desk.attach(group)
    for _ in range(3):
        await desk.upload(address, b"another")
    await desk.work()
    await nothing_left_behind(desk)
    assert len(desk.files()) == 1


async def test_bytes_that_arrive_after_all_was_deleted_go_too(desk: Desk) -> None:
    group = await desk.draft()
    address = await desk.address(group)

    async def chunks() -> AsyncIterator[bytes]:
        yield PICTURE
        await desk.services.posts.delete(desk.caller, group.id)
        await desk.work()

    with pytest.raises(NotFound):
        await desk.upload(address, chunks=chunks())
    # At once: not only when the address expires.
    await desk.work()
    assert desk.files() == set()


async def test_what_a_process_that_died_left_goes_when_the_address_expires(desk: Desk) -> None:
    address = await desk.attach(await desk.draft())
    (kept,) = desk.files()
    beside = (desk.built.data / "media" / kept).parent
    (beside / "whole").write_bytes(PICTURE)
    (beside / "in-the-middle#1").write_bytes(PICTURE)
    await desk.settle()
    await nothing_left_behind(desk)
    assert desk.files() == {kept}, address
