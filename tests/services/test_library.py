"""The library: files kept for posts to come, whose bytes are shared with those of posts, and go when nobody needs them."""

import pytest

from postroom.domain.media import MediaKind, MediaStatus
from postroom.domain.posts import GroupStatus
from postroom.errors import Conflict, ErrorCode, InvalidParameters, NotFound
from postroom.services.composing import Extras
from postroom.services.library import Figures
from postroom.services.posts import Change, PostGroupView
from tests.desk import ANOTHER, PICTURE, Desk, pieces


async def kept(desk: Desk, content: bytes = PICTURE, name: str = "boats.png") -> str:
    return (await desk.services.library.upload(desk.caller, pieces(content), file_name=name, alt_text=" Boats ")).id


async def written(desk: Desk, *files: str, at: int | None = None) -> PostGroupView:
    made = await desk.services.composing.create(
        desk.caller,
        Extras(files=files),
        content="Fog",
        platforms=[f"bluesky-{(await desk.account()).provider_id}"],
        scheduled_at=at,
        platform_settings={},
    )
    return await desk.view(made.group)


async def test_a_file_is_kept_shared_with_posts_and_goes_when_nobody_needs_it(desk: Desk) -> None:
    library = desk.services.library
    file_id = await kept(desk)
    assert await kept(desk, name="again.png") == file_id
    view = await written(desk, file_id, file_id)
    assert [(each.status, each.alt_text, each.width) for each in view.media] == [(MediaStatus.STORED, "Boats", 12)] * 2
    (shown,) = (await library.list(desk.caller)).items
    assert (shown.file.id, shown.in_library, [use.group_id for use in shown.uses]) == (
        file_id,
        True,
        [view.group.id] * 2,
    )
    await desk.work()
    assert len(desk.files()) == 1
    await library.delete(desk.caller, file_id)
    await desk.settle()
    (shown,) = (await library.list(desk.caller)).items
    assert (shown.in_library, len(shown.uses), len(desk.files())) == (False, 2, 1)
    assert (await library.thumbnail(desk.caller, shown.file.id)).content
    assert await library.figures(desk.caller) == Figures(stored=1, orphans=0)
    with pytest.raises(NotFound):
        await library.delete(desk.caller, shown.file.id)
    await desk.services.posts.delete(desk.caller, view.group.id)
    await desk.settle()
    assert desk.files() == set()
    assert await library.list(desk.caller) == await library.list(desk.built.other)


async def test_a_post_goes_out_with_files_of_the_library_in_their_order(desk: Desk) -> None:
    first, second = await kept(desk), await kept(desk, ANOTHER, "b.png")
    view = await written(desk, second, first, at=desk.now_ms())
    assert [each.file_name for each in view.media] == ["b.png", "boats.png"]
    await desk.work()
    (live,) = await desk.live()
    assert len(live["media"]) == 2


async def test_files_come_and_go_while_a_post_has_not_gone_out(desk: Desk) -> None:
    first, second = await kept(desk), await kept(desk, ANOTHER, "b.png")
    view = await written(desk, first)
    extras = Extras(files=[second], alt_texts=["Two boats"], without=[view.media[0].id])
    await desk.services.composing.update(desk.caller, view.group.id, Change(), extras)
    (left,) = (await desk.view(view.group)).media
    assert (left.file_name, left.alt_text) == ("b.png", "Two boats")
    await desk.schedule(view.group)
    await desk.work()
    with pytest.raises(InvalidParameters):
        await desk.services.composing.update(desk.caller, view.group.id, Change(), extras)
    assert len((await desk.view(view.group)).media) == 1


async def test_what_is_no_file_is_kept_nowhere_and_nobody_gets_at_anothers(desk: Desk) -> None:
    library = desk.services.library
    for content, code in ((b"<html>" * 100, ErrorCode.UNSUPPORTED_MEDIA_TYPE), (PICTURE[:-30], None)):
        with pytest.raises(InvalidParameters) as refused:
            await library.upload(desk.caller, pieces(content), file_name="a.png")
        assert code in (None, refused.value.code)
    file_id = await kept(desk)
    other = desk.built.other
    for attempt in (
        lambda: library.get(other, [file_id]),
        lambda: library.delete(other, file_id),
        lambda: library.thumbnail(other, file_id),
        lambda: library.open(other, file_id),
        lambda: desk.services.composing.create(
            other, Extras(files=[file_id]), content="", platforms=[], scheduled_at=None, platform_settings={}
        ),
    ):
        with pytest.raises(NotFound):
            await attempt()
    assert (await library.list(other)).items == []
    assert await desk.rows("select count(*) from post_groups") == [(0,)]
    await desk.settle()
    assert len(desk.files()) == 1


async def test_pages_of_the_library_lead_on_from_each_other(desk: Desk) -> None:
    names = ["a.png", "b.png"]
    for name, content in zip(names, (PICTURE, ANOTHER), strict=True):
        await kept(desk, content, name)
        await desk.advance(1)
    first = await desk.services.library.list(desk.caller, limit=1)
    second = await desk.services.library.list(desk.caller, limit=1, cursor=first.next)
    assert [each.file.file_name for page in (first, second) for each in page.items] == ["b.png", "a.png"]
    assert second.next is None
    assert {each.file.kind for each in first.items} == {MediaKind.IMAGE}


async def test_a_post_is_moved_to_a_moment_to_come_only(desk: Desk) -> None:
    composing = desk.services.composing
    view = await written(desk)
    moved = await composing.move(desk.caller, view.group.id, desk.now_ms() + 60_000)
    assert moved.status is GroupStatus.SCHEDULED
    with pytest.raises(InvalidParameters, match="has passed"):
        await composing.move(desk.caller, view.group.id, desk.now_ms() - 1)
    await desk.services.takedowns.schedule(desk.caller, view.group.id, desk.now_ms() + 90_000, delete_group=False)
    with pytest.raises(InvalidParameters, match="deleteAt"):
        await composing.move(desk.caller, view.group.id, desk.now_ms() + 120_000)
    assert (await desk.view(view.group)).group.scheduled_at == moved.scheduled_at
    await desk.advance(61)
    await desk.work()
    with pytest.raises((InvalidParameters, Conflict)):
        await composing.move(desk.caller, view.group.id, desk.now_ms() + 60_000)


async def test_bytes_that_were_let_go_are_given_to_no_post(desk: Desk) -> None:
    file_id = await kept(desk)
    (item,) = await desk.services.library.get(desk.caller, [file_id])
    async with desk.house.database.begin() as tx:
        # As a purge does that counted before the file came, and has not deleted the bytes yet.
        await tx.execute("delete from blobs where blob_key = $1", item.blob_key)
    with pytest.raises(NotFound):
        await written(desk, file_id)
    assert await desk.rows("select count(*) from media_items") == [(0,)]
