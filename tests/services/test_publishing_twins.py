"""Two posts of the same words at one account: what became of one is never read off the other."""

from typing import Any

import pytest

from postroom.domain.posts import PostStatus
from tests.desk import Desk
from tests.outlet import Outlet, link

LOST = {"commit_then_lose": True}
PUBLISHES = {"twitter": "create_tweet", "facebook": "feed", "linkedin": "createPost"}


async def linked(desk: Desk, network: str) -> Outlet:
    return await link(desk, network, **({"page": "112233445566002"} if network == "facebook" else {}))


@pytest.mark.parametrize("network", PUBLISHES)
async def test_a_lost_post_is_not_taken_for_an_older_one_of_the_same_words(desk: Desk, network: str) -> None:
    outlet = await linked(desk, network)
    first = await outlet.due("Good morning")
    await desk.work()
    await desk.fault(PUBLISHES[network], network, do={"reset": True})
    second = await outlet.due("Good morning")
    for _ in range(20):
        await desk.work()
        await desk.advance(300)
    posts = [await desk.post(group) for group in (first, second)]
    assert posts[0].status is PostStatus.PUBLISHED
    assert posts[0].provider_id != posts[1].provider_id
    assert len(await outlet.live()) == sum(post.status is PostStatus.PUBLISHED for post in posts)


@pytest.mark.parametrize(
    ("network", "limit"),
    [
        ("linkedin", {"status": 429, "headers": {"retry-after": "90000"}, "body": {"status": 429}}),
        (
            "facebook",
            {"status": 400, "headers": {"retry-after": "900"}, "body": {"error": {"code": 4, "message": "x"}}},
        ),
    ],
)
async def test_a_lost_post_is_found_however_long_it_was_waited_before(
    desk: Desk, network: str, limit: dict[str, Any]
) -> None:
    outlet = await linked(desk, network)
    operation = PUBLISHES[network]
    await desk.fault(operation, network, do=limit)
    group = await outlet.due("Good evening")
    await desk.work()
    await desk.advance(90_001)
    await desk.fault(operation, network, do=LOST)
    if network == "facebook":
        await desk.fault("posts", network, do={"stale_read": 60})
    await desk.settle()
    assert (await desk.status(group), len(await outlet.live())) == (PostStatus.PUBLISHED, 1)
