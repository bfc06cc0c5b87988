"""Files: where their bytes may arrive, until when, and what is left of those that did not."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from postroom.errors import NotFound, NotPermitted, Unavailable
from tests.desk import ANOTHER, PICTURE, Desk


async def test_what_was_put_is_what_is_read(desk: Desk) -> None:
    address = await desk.attach(await desk.draft())
    assert await desk.read(address) == PICTURE
    assert await desk.services.media.orphans() == []


@pytest.mark.parametrize("changed", [{"signature": "0" * 64}, {"expires": 4102444800000}, {"media_id": "0" * 24}])
async def test_an_address_that_was_changed_takes_nothing(desk: Desk, changed: dict[str, Any]) -> None:
    address = await desk.address(await desk.draft())
    with pytest.raises(NotPermitted):
        await desk.upload(address, **changed)
    assert desk.files() == set()


async def test_another_content_type_is_refused(desk: Desk) -> None:
    address = await desk.address(await desk.draft())
    with pytest.raises(NotPermitted):
        await desk.upload(address, content_type="text/html")
    assert desk.files() == set()


async def test_an_address_lives_an_hour(desk: Desk) -> None:
    group = await desk.draft()
    late, in_time = await desk.address(group), await desk.address(group)
    await desk.advance(3590)
    await desk.upload(in_time)
    await desk.advance(11)
    with pytest.raises(NotPermitted):
        await desk.upload(late)
    await desk.settle()
    assert [item.id for item in (await desk.view(group)).media] == [in_time.media_id]
    assert len(desk.files()) == 1


async def test_a_second_upload_replaces_the_first(desk: Desk) -> None:
    address = await desk.attach(await desk.draft())
    await desk.upload(address, ANOTHER)
    assert await desk.read(address) == ANOTHER
    await desk.settle()
    assert len(desk.files()) == 1
    assert await desk.read(address) == ANOTHER


async def test_bytes_that_come_after_the_group_was_deleted_are_purged(desk: Desk) -> None:
    group = await desk.draft()
    address = await desk.address(group)
    await desk.services.posts.delete(desk.caller, group.id)
    with pytest.raises(NotFound):
        await desk.upload(address)
    await desk.settle()
    assert desk.files() == set()


async def test_bytes_whose_group_is_deleted_while_they_come_are_purged(desk: Desk) -> None:
    group = await desk.draft()
    address = await desk.address(group)

    async def chunks() -> AsyncIterator[bytes]:
        yield PICTURE
        await desk.services.posts.delete(desk.caller, group.id)
        yield PICTURE

    with pytest.raises(NotFound):
        await desk.upload(address, chunks=chunks())
    await desk.settle()
    assert desk.files() == set()


async def test_an_upload_that_is_cut_off_leaves_nothing(desk: Desk) -> None:
    group = await desk.draft()
    address = await desk.address(group)

    async def chunks() -> AsyncIterator[bytes]:
        yield PICTURE
        for _ in range(12):
            yield b"x" * 1024 * 1024
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await desk.upload(address, chunks=chunks())
    assert await desk.services.media.orphans() == []
    await desk.settle()
    assert desk.files() == set()
    assert (await desk.view(group)).media == []


async def test_an_upload_that_takes_for_ever_is_ended_and_leaves_nothing(desk: Desk) -> None:
    group = await desk.draft()
    address = await desk.address(group)

    async def chunks() -> AsyncIterator[bytes]:
        yield PICTURE
        await desk.advance(2 * 3600)
        await desk.work()
        yield PICTURE

    with pytest.raises(NotPermitted):
        await desk.upload(address, chunks=chunks())
    await desk.settle()
    assert desk.files() == set()
    assert (await desk.view(group)).media == []


async def test_an_upload_that_ends_too_late_to_be_kept_is_purged(desk: Desk) -> None:
    address = await desk.attach(await desk.draft())

    async def chunks() -> AsyncIterator[bytes]:
        yield ANOTHER
        await desk.advance(2 * 3600)

    with pytest.raises(NotPermitted):
        await desk.upload(address, chunks=chunks())
    await desk.settle()
    assert await desk.read(address) == PICTURE
    assert len(desk.files()) == 1


async def test_a_file_that_never_came_is_forgotten_when_its_address_expires(desk: Desk) -> None:
    group = await desk.draft()
    await desk.address(group)
    assert len((await desk.view(group)).media) == 1
    await desk.settle()
    assert (await desk.view(group)).media == []


async def test_what_a_killed_upload_left_goes_when_the_address_expires(desk: Desk) -> None:
    address = await desk.attach(await desk.draft())
    (kept,) = desk.files()
    beside = (desk.built.data / "media" / kept).parent
    (beside / "whole").write_bytes(PICTURE)
    (beside / "part#1").write_bytes(PICTURE)
    await desk.settle()
    assert desk.files() == {kept}
    assert await desk.read(address) == PICTURE


async def test_a_file_of_which_the_signature_was_changed_is_not_found(desk: Desk) -> None:
    address = await desk.attach(await desk.draft())
    with pytest.raises(NotFound):
        await desk.services.media.open(address.media_id, "0" * 32)


async def test_a_file_whose_bytes_are_gone_is_an_outage_and_not_an_empty_file(desk: Desk) -> None:
    address = await desk.attach(await desk.draft())
    (kept,) = desk.files()
    (desk.built.data / "media" / kept).unlink()
    with pytest.raises(Unavailable):
        await desk.read(address)
