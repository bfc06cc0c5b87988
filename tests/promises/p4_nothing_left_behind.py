"""P4. Nothing left behind: when the jobs have settled, the media store holds the bytes of the files that are stored, and
no others; whatever was created, shared, uploaded, replaced, deleted or left to expire before.

Under `kill -9` at each I/O step of an upload and of a deletion: tests/crash/test_crash.py.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

import pytest

from postroom.domain.access import Caller
from postroom.domain.posts import PostGroup
from postroom.errors import Conflict, InvalidParameters, NotFound, NotPermitted
from postroom.services.composing import Composed, Extras
from postroom.services.media import UploadAddress
from postroom.services.posts import Change
from postroom.store import media
from tests.desk import ANOTHER, PICTURE, PNG, Desk, pieces
from tests.pictures import mp4
from tests.size import Size

pytestmark = pytest.mark.promise("P4")

CONTENTS = (PICTURE, ANOTHER, PICTURE + bytes(1000), ANOTHER + b"more")


async def nothing_left_behind(desk: Desk) -> None:
    """Looked up in the folder itself: a listing does not show a file that is still being written."""
    stored = await desk.rows(
        "select blob_key from media_items where status = 'stored' union select blob_key from library_files"
    )
    assert desk.files() == {row[0] for row in stored}
    assert await desk.services.media.orphans() == []


class _Life:
    """What may happen to post groups and their files in two workspaces, drawn by a seed."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self._desk = desk
        self._random = random.Random(seed)
        self._groups: list[tuple[Caller, PostGroup]] = []
        self._addresses: list[UploadAddress] = []
        self._stored: dict[str, bytes] = {}
        """What every file must hold in the end, unless its group is gone."""
        self._urls: dict[str, str] = {}
        self._library: list[str] = []

    async def step(self) -> None:
        happening = (self._create, self._address, self._address, self._upload, self._upload, self._upload)
        rarer = (self._cut_off, self._refused, self._delete, self._publish, self._expire, self._at_once)
        library = (self._keep, self._give, self._let_go)
        await self._random.choice((*happening, *rarer, *library))()

    async def hold(self) -> None:
        """Every file that is stored has the bytes that were put there last."""
        for (media_id,) in await self._desk.rows("select id from media_items where status = 'stored'"):
            if media_id in self._stored:
                assert await self._desk.read_at(self._urls[media_id]) == self._stored[media_id]

    def _group(self) -> tuple[Caller, PostGroup] | None:
        return self._random.choice(self._groups) if self._groups else None

    async def _create(self) -> None:
        caller = self._random.choice((self._desk.caller, self._desk.caller, self._desk.built.other))
        group = await self._desk.services.posts.create(
            caller,
            content=f"Number {len(self._groups)}",
            platforms=[f"bluesky-{(await self._desk.account()).provider_id}"],
            scheduled_at=None,
            platform_settings={},
        )
        self._groups.append((caller, group))

    async def _address(self) -> None:
        found = self._group()
        if found is not None:
            caller, group = found
            self._addresses.append(await self._desk.address(group, caller=caller))

    async def _upload(self) -> None:
        if self._addresses:
            # Few contents, so that they meet.
            await self._arrive(self._random.choice(self._addresses), self._random.choice(CONTENTS))

    async def _cut_off(self) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            yield PICTURE
            raise ConnectionResetError

        if self._addresses:
            with pytest.raises((ConnectionResetError, NotFound, NotPermitted)):
                await self._desk.upload(self._random.choice(self._addresses), chunks=chunks())

    async def _refused(self) -> None:
        if self._addresses:
            broken = self._random.choice((PICTURE[:-30], b"<html>", PICTURE[:20]))
            with pytest.raises((InvalidParameters, NotFound, NotPermitted)):
                await self._desk.upload(self._random.choice(self._addresses), broken)

    async def _arrive(self, address: UploadAddress, content: bytes) -> None:
        try:
            await self._desk.upload(address, content)
            self._stored[address.media_id] = content
            self._urls[address.media_id] = address.file_url
        except (NotFound, NotPermitted):
            # Its group was deleted, or its hour is over.
            self._addresses.remove(address)

    async def _keep(self) -> None:
        """A file comes to the library, or is no good."""
        content = self._random.choice((*CONTENTS, PICTURE[:-30]))
        with contextlib.suppress(InvalidParameters):
            made = await self._desk.services.library.upload(self._desk.caller, pieces(content), file_name="a.png")
            if made.id not in self._library:
                self._library.append(made.id)

    async def _give(self) -> None:
        """A file of the library becomes a post group's as well, while perhaps it is removed from there."""
        found = self._group()
        if found is None or not self._library:
            return
        file_id = self._random.choice(self._library)
        extras = Extras(files=[file_id])
        giving = self._desk.services.composing.update(found[0], found[1].id, Change(), extras)
        removing = (self._let_go(), self._desk.work()) if self._random.random() < 0.5 else ()
        outcome, *_ = await asyncio.gather(giving, *removing, return_exceptions=True)
        assert outcome is None or isinstance(outcome, Composed | NotFound | InvalidParameters | Conflict), outcome

    async def _let_go(self) -> None:
        if self._library:
            file_id = self._library.pop(self._random.randrange(len(self._library)))
            await self._desk.services.library.delete(self._desk.caller, file_id)

    async def _delete(self) -> None:
        found = self._group()
        if found is not None:
            self._groups.remove(found)
            await self._desk.services.posts.delete(found[0], found[1].id)

    async def _at_once(self) -> None:
        """A group goes, its files are purged, and the same contents arrive elsewhere."""
        uploads = []
        if self._addresses:
            several = {address.media_id: address for address in self._random.choices(self._addresses, k=3)}
            uploads = [self._arrive(address, self._random.choice(CONTENTS)) for address in several.values()]
        await asyncio.gather(self._delete(), *uploads, self._desk.work())

    async def _publish(self) -> None:
        found = self._group()
        if found is None or found[0] is not self._desk.caller:
            return
        if (await self._desk.view(found[1])).group.status == "draft":
            await self._desk.schedule(found[1])

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
        await life.hold()


async def test_whatever_happens_to_files_in_an_s3_bucket_none_is_left_behind(s3_desk: Desk, size: Size) -> None:
    for seed in range(1 + size.rounds // 20):
        life = _Life(s3_desk, seed)
        for _ in range(25):
            await life.step()
        await s3_desk.settle()
        await nothing_left_behind(s3_desk)
        await life.hold()


async def test_the_same_content_is_kept_once_until_nobody_shares_it(desk: Desk) -> None:
    first, second = await desk.draft("First"), await desk.draft("Second")
    await desk.attach(first)
    address = await desk.attach(second)
    await desk.attach(second)
    await desk.work()
    assert len(desk.files()) == 1
    await nothing_left_behind(desk)
    await desk.services.posts.delete(desk.caller, first.id)
    await desk.settle()
    assert len(desk.files()) == 1
    assert await desk.read(address) == PICTURE
    await desk.services.posts.delete(desk.caller, second.id)
    await desk.settle()
    assert desk.files() == set()
    await nothing_left_behind(desk)


async def test_another_workspace_never_shares(desk: Desk) -> None:
    await desk.attach(await desk.draft())
    others = await desk.services.posts.create(
        desk.built.other, content="Theirs", platforms=["bluesky-x"], scheduled_at=None, platform_settings={}
    )
    await desk.upload(await desk.address(others, caller=desk.built.other))
    await desk.settle()
    assert len(desk.files()) == 2
    await nothing_left_behind(desk)


async def test_bytes_that_come_again_between_a_deletion_and_its_purge_are_not_purged(desk: Desk) -> None:
    group, again = await desk.draft("First"), await desk.draft("Again")
    await desk.attach(group)
    await desk.services.posts.delete(desk.caller, group.id)
    address = await desk.attach(again)
    await desk.settle()
    assert await desk.read(address) == PICTURE
    await nothing_left_behind(desk)


async def test_a_purge_waits_for_an_upload_that_is_about_to_share_and_then_keeps_the_bytes(desk: Desk) -> None:
    group, again = await desk.draft("First"), await desk.draft("Again")
    await desk.attach(group)
    await desk.work()
    (held,) = await desk.rows("select workspace_id, content_hash, blob_key, size_bytes from blobs")
    waiting = await desk.address(again)
    await desk.services.posts.delete(desk.caller, group.id)
    async with desk.house.database.begin() as tx:
        # As `receive` does with bytes of the same content, up to its commit.
        unneeded = await media.set_stored(
            tx,
            held[0],
            waiting.media_id,
            blob_key="its/own",
            content_hash=held[1],
            size_bytes=held[3],
            content_type=PNG,
        )
        assert unneeded == ["its/own"]
        purging = asyncio.create_task(desk.work())
        await asyncio.sleep(0.3)
        assert not purging.done()
    await purging
    assert await desk.read(waiting) == PICTURE
    await desk.settle()
    await nothing_left_behind(desk)


async def test_an_upload_waits_for_a_purge_that_was_first_and_then_keeps_its_own_bytes(desk: Desk) -> None:
    group, again = await desk.draft("First"), await desk.draft("Again")
    await desk.attach(group)
    await desk.work()
    (held,) = await desk.rows("select workspace_id, blob_key from blobs")
    address = await desk.address(again)
    await desk.services.posts.delete(desk.caller, group.id)
    async with desk.house.database.begin() as tx:
        assert await media.let_go(tx, held[0], [held[1]]) == [held[1]]
        uploading = asyncio.create_task(desk.upload(address))
        await asyncio.sleep(0.3)
        assert not uploading.done()
    await uploading
    await desk.services.media.purge(held[0], [held[1]])
    assert await desk.read(address) == PICTURE
    await desk.settle()
    await nothing_left_behind(desk)


async def test_a_purge_that_is_done_again_takes_nothing_that_came_since(desk: Desk) -> None:
    group, again = await desk.draft("First"), await desk.draft("Again")
    await desk.attach(group)
    (key,) = desk.files()
    await desk.services.posts.delete(desk.caller, group.id)
    await desk.work()
    address = await desk.attach(again)
    for _ in range(2):
        await desk.services.media.purge(desk.caller.workspace_id, [key])
    assert await desk.read(address) == PICTURE
    await desk.settle()
    await nothing_left_behind(desk)


async def test_a_file_whose_address_expires_leaves_its_bytes_to_those_who_share_them(desk: Desk) -> None:
    first, second = await desk.draft("First"), await desk.draft("Second")
    await desk.attach(first)
    await desk.advance(1800)
    address = await desk.attach(second)
    await desk.services.posts.delete(desk.caller, first.id)
    await desk.settle()
    assert await desk.read(address) == PICTURE
    await nothing_left_behind(desk)


async def test_what_is_refused_leaves_nothing_and_what_was_there_stays(desk: Desk) -> None:
    group = await desk.draft()
    address = await desk.attach(group)
    for broken in (PICTURE[:-30], b"no picture", mp4(b"x" * 1000)):
        with pytest.raises(InvalidParameters):
            await desk.upload(address, broken)
    await desk.work()
    assert len(desk.files()) == 1
    assert await desk.read(address) == PICTURE
    await nothing_left_behind(desk)


async def test_a_store_that_is_away_does_not_fail_the_deletion_and_is_asked_until_the_files_are_gone(
    desk: Desk,
) -> None:
    await desk.work()
    group = await desk.draft()
    for content in CONTENTS[:3]:
        await desk.attach(group, content)
    home, away = desk.built.data / "media", desk.built.data / "away"
    home.rename(away)
    home.write_text("not a folder")
    await desk.services.posts.delete(desk.caller, group.id)
    with pytest.raises(NotFound):
        await desk.view(group)
    for _ in range(5):
        await desk.work()
        await desk.advance(301)
    ((status, attempts),) = await desk.jobs("purge_blobs")
    assert (status, attempts) == ("todo", 5)
    home.unlink()
    away.rename(home)
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
        await desk.upload(address, ANOTHER)
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
