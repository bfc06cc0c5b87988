"""Files on their way to a network: as it takes them, the same each time, and nobody is called for what cannot go."""

import asyncio

from postroom.domain.capabilities import ImageLimits, Publishing
from postroom.domain.events import EventType
from postroom.domain.fitting import Misfit, problems
from postroom.domain.posts import PostStatus
from postroom.store import media
from tests.desk import Desk
from tests.pictures import encoded, noise
from tests.store import things


async def test_an_image_goes_out_as_the_network_takes_it(desk: Desk) -> None:
    large = encoded(noise((2600, 1300)), "BMP")
    group = await desk.draft("A large picture")
    await desk.attach(group, large)
    limits = desk.services.fittings.limits()["bluesky"].images
    assert limits is not None
    assert len(large) > limits.max_bytes
    await desk.schedule(group)
    await desk.work()
    (post,) = await desk.live()
    assert post["images"][0]["size"] <= limits.max_bytes
    # What was uploaded stays as it was.
    assert [item.size_bytes for item in (await desk.view(group)).media] == [len(large)]


async def test_what_goes_out_again_is_the_same_to_the_byte(desk: Desk) -> None:
    before = set()
    for number in range(2):
        group = await desk.draft(f"Number {number}")
        await desk.attach(group, encoded(noise((900, 700)), "WEBP"))
        await desk.schedule(group)
        await desk.work()
        desk.services.media._kept.clear()
    for post in await desk.live():
        before.add(post["images"][0]["cid"])
    assert len(before) == 1


async def test_many_who_want_the_same_image_wait_for_one_that_makes_it(desk: Desk) -> None:
    address = await desk.attach(await desk.draft(), encoded(noise((900, 700)), "WEBP"))
    async with desk.house.database.read() as reader:
        item = await media.find_any(reader, address.media_id)
    assert item is not None
    gone = asyncio.create_task(desk.services.media.file(item, "bluesky"))
    files = [asyncio.create_task(desk.services.media.file(item, "bluesky")) for _ in range(20)]
    await asyncio.sleep(0)
    gone.cancel()
    fitted = await desk.services.media.fitted(item, item.blob_key or "", "bluesky")
    for file in files:
        assert await (await file).read() is fitted.content


async def test_while_the_store_is_away_no_network_is_called_and_then_the_post_goes_out_once(desk: Desk) -> None:
    group = await desk.draft("A picture that is away")
    await desk.attach(group)
    home, away = desk.built.data / "media", desk.built.data / "away"
    home.rename(away)
    home.write_text("not a folder")
    await desk.schedule(group)
    await desk.work()
    assert await desk.status(group) is PostStatus.PENDING
    assert await desk.calls("uploadBlob") + await desk.calls("createRecord") == 0
    home.unlink()
    away.rename(home)
    await desk.settle()
    assert await desk.status(group) is PostStatus.PUBLISHED
    assert len(await desk.live()) == await desk.calls("createRecord") == 1


async def test_an_image_that_cannot_be_made_to_fit_fails_its_post_and_nobody_is_called(desk: Desk) -> None:
    """A file that was stored and is broken since: what is read is looked at as what arrives is."""
    group = await desk.draft("A broken picture")
    await desk.attach(group, encoded(noise((64, 64)), "BMP"))
    (key,) = desk.files()
    file = desk.built.data / "media" / key
    file.write_bytes(file.read_bytes()[:2000])
    await desk.schedule(group)
    await desk.settle()
    post = await desk.post(group)
    assert post.error is not None
    assert (post.status, post.error.code, post.error.retryable) == (PostStatus.FAILED, "INVALID_CONTENT", False)
    assert "damaged" in post.error.message
    assert await desk.calls("uploadBlob") + await desk.calls("createRecord") == 0
    assert len(await desk.events(EventType.POST_FAILED)) == 1


def test_an_image_of_a_shape_that_the_network_does_not_take_is_told_before() -> None:
    images = ImageLimits(
        max_count=4, types=frozenset({"image/jpeg"}), max_bytes=1_000_000, min_aspect=0.8, max_aspect=1.91
    )
    limits = Publishing(max_length=100, images=images)
    plan = things.group()
    tall, square, unknown = (
        things.media_item(plan, width=width, height=height) for width, height in ((400, 900), (10, 10), (None, None))
    )
    (found,) = problems("instagram-1", "Hello", [square, tall, unknown], limits)
    assert (found.code, found.shape) == (Misfit.MEDIA_DIMENSIONS_INVALID, "400 x 900")
    for width, height, taken in ((800, 1000, True), (799, 1000, True), (780, 1000, False), (1910, 1000, True)):
        assert images.takes_shape(width, height) is taken
