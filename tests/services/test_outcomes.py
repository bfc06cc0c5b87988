"""Outcomes: what became of a post at each target, as far as that is known; what failed is tried again when it is asked."""

import pytest

from postroom.domain.fitting import Misfit
from postroom.domain.posts import PostStatus
from postroom.errors import InvalidParameters, NotFound
from postroom.services.outcomes import Live, Story
from postroom.services.post_lists import Wanted
from postroom.store import posts
from tests.desk import Desk


async def platforms(desk: Desk, *networks: str) -> list[str]:
    return [f"{name}-{(await desk.account(name)).provider_id}" for name in networks]


async def story(desk: Desk, group_id: str) -> Story:
    return await desk.services.outcomes.of(desk.caller, group_id)


def told(found: Story) -> list[tuple[str, Live, str | None]]:
    return [
        (each.post.platform, each.live, None if each.takedown is None else each.takedown.outcome.value)
        for each in found.outcomes
    ]


async def down(desk: Desk) -> list[bool]:
    """As a list of posts says it."""
    return [each.down for each in (await desk.services.post_lists.list(desk.caller, Wanted())).items]


async def test_a_take_down_with_mixed_outcomes_says_what_is_left(desk: Desk) -> None:
    group = await desk.due("Mixed", platforms=await platforms(desk, "bluesky", "mastodon", "twitter"))
    before = await story(desk, group.id)
    assert ([each.live for each in before.outcomes], before.editable) == ([Live.NOT_YET] * 3, True)
    await desk.work()
    found = await story(desk, group.id)
    assert (told(found)[0], found.editable, len(found.left)) == (("bluesky", Live.YES, None), False, 3)
    await desk.fault("delete_status", "mastodon", do={"status": 403})
    await desk.fault("delete_tweet", "twitter", do={"commit_then_lose": True})
    await desk.services.takedowns.take_down(desk.caller, group.id, 0)
    assert {each.coming_down for each in (await story(desk, group.id)).outcomes} == {True}
    await desk.work()
    found = await story(desk, group.id)
    assert told(found) == [
        ("bluesky", Live.NO, "done"),
        ("mastodon", Live.YES, "refused"),
        ("twitter", Live.MAYBE, "in_doubt"),
    ]
    assert [each.post.platform for each in found.left] == ["mastodon"]
    await desk.settle()
    assert told(await story(desk, group.id))[2] == ("twitter", Live.NO, "done")
    with pytest.raises(NotFound):
        await desk.services.outcomes.of(desk.built.other, group.id)
    assert [(await story(desk, group.id)).down, *await down(desk)] == [False, False]
    await desk.services.takedowns.take_down(desk.caller, group.id, 0)
    await desk.settle()
    assert [(await story(desk, group.id)).down, *await down(desk)] == [True, True]


async def test_what_failed_is_tried_again_and_what_is_live_is_not(desk: Desk) -> None:
    group = await desk.due("Again", platforms=await platforms(desk, "bluesky", "mastodon"))
    await desk.fault("create_status", "mastodon", do={"status": 422})
    await desk.work()
    found = await story(desk, group.id)
    assert ([each.live for each in found.outcomes], len(found.failed)) == ([Live.YES, Live.NO], 1)
    await desk.services.retries.retry(desk.caller, group.id)
    assert (await desk.view(group)).group.status == "scheduled"
    await desk.work()
    assert [each.live for each in (await story(desk, group.id)).outcomes] == [Live.YES, Live.YES]
    assert (await desk.calls("createRecord"), await desk.calls("create_status", "mastodon")) == (1, 2)
    with pytest.raises(InvalidParameters):
        await desk.services.retries.retry(desk.caller, group.id)


async def test_what_nobody_knows_of_is_tried_again_only_by_an_owner_who_looked(desk: Desk) -> None:
    group = await desk.due("Doubtful")
    post = await desk.post(group)
    async with desk.house.database.begin() as tx:
        await posts.set_post(tx, post.workspace_id, post.id, status=PostStatus.UNCONFIRMED, attempts=12)
    assert [each.live for each in (await story(desk, group.id)).left] == [Live.MAYBE]
    with pytest.raises(InvalidParameters):
        await desk.services.retries.retry(desk.caller, group.id)
    await desk.services.retries.retry(desk.caller, group.id, looked=True)
    await desk.settle()
    assert await desk.status(group) is PostStatus.PUBLISHED
    assert len(await desk.live()) == 1


async def test_of_a_thread_what_is_left_is_tried_again_in_its_order(desk: Desk) -> None:
    group = await desk.due("One\n---\nTwo\n---\nThree")
    await desk.fault("createRecord", nth=2, do={"status": 400, "body": {"error": "InvalidRequest"}})
    await desk.work()
    assert [each.live for each in (await story(desk, group.id)).outcomes] == [Live.YES, Live.NO, Live.NO]
    await desk.services.retries.retry(desk.caller, group.id)
    await desk.work()
    assert [each.live for each in (await story(desk, group.id)).outcomes] == [Live.YES] * 3
    assert sorted(each["text"] for each in await desk.live()) == ["One", "Three", "Two"]


async def test_previews_count_as_each_network_does_and_cut_where_it_has_threads(desk: Desk) -> None:
    wanted = await platforms(desk, "bluesky", "mastodon", "twitter")
    text = "\N{FAMILY} " * 150
    found = {
        each.account.provider: each
        for each in await desk.services.fittings.previews(desk.caller, text, [*wanted, "bluesky-nobody"], [])
    }
    lengths = {name: [part.length for part in each.parts] for name, each in found.items()}
    assert (lengths["bluesky"], lengths["mastodon"], len(lengths["twitter"])) == ([300], [300], 2)
    assert all(part.length <= part.most for each in found.values() for part in each.parts)
    assert [each.problems for each in found.values()] == [[], [], []]
    (long,) = await desk.services.fittings.previews(desk.caller, "x" * 500 + "\n---\ny", wanted[2:], [])
    assert [each.code for each in long.problems] == [Misfit.CONTENT_TOO_LONG]
    assert (long.parts[0].length, long.parts[0].most, long.unpublish) == (500, 280, True)
    assert await desk.services.fittings.previews(desk.built.other, text, wanted, []) == []
