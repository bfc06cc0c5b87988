"""Post groups, their posts and their files."""

import asyncio
from typing import Any

import pytest

from postroom.domain.media import MediaStatus
from postroom.domain.posts import GroupStatus, PostError, PostStatus
from postroom.store import media, posts
from postroom.store.database import Database
from tests.store.things import OTHER_WORKSPACE, T0, WORKSPACE, group, media_item, post

ERROR = PostError(code="OUTCOME_UNKNOWN", message="?", retryable=False, failed_at=T0)


async def test_a_post_group_comes_back_as_it_was_kept(database: Database) -> None:
    plan = group(platforms=("linkedin-1", "bluesky-did:plc:x"))
    kept = [post(plan, error=ERROR), post(plan, position=1, platform="bluesky", account_id="acc_1")]
    async with database.begin() as tx:
        await posts.add_group(tx, plan, list(reversed(kept)))
    async with database.read() as reader:
        assert await posts.find_group(reader, WORKSPACE, WORKSPACE, plan.id) == plan
        assert await posts.find_group(reader, WORKSPACE, "d" * 24, plan.id) is None
        assert await posts.find_group(reader, OTHER_WORKSPACE, WORKSPACE, plan.id) is None
        assert await posts.list_posts(reader, WORKSPACE, [plan.id, "e" * 24]) == {plan.id: kept, "e" * 24: []}
        assert await posts.find_post(reader, WORKSPACE, kept[0].id) == kept[0]
        assert await posts.find_post(reader, OTHER_WORKSPACE, kept[0].id) is None


async def test_a_group_and_its_posts_change_together(database: Database) -> None:
    plan = group()
    first, second = post(plan), post(plan, position=1)
    async with database.begin() as tx:
        await posts.add_group(tx, plan, [first, second])
        await posts.set_post(
            tx, WORKSPACE, first.id, status=PostStatus.PUBLISHED, attempts=1, provider_id="urn:1", url="https://x"
        )
        await posts.set_post(tx, WORKSPACE, second.id, status=PostStatus.FAILED, attempts=2, error=ERROR)
        await posts.set_group(
            tx, WORKSPACE, plan.id, status=GroupStatus.PARTIALLY_PUBLISHED, scheduled_at=None, updated_at=T0 + 7
        )
    async with database.begin() as tx:
        held = await posts.hold_post(tx, WORKSPACE, first.id)
        assert held is not None
        assert (held[0].status, held[0].scheduled_at, held[0].updated_at) == (
            GroupStatus.PARTIALLY_PUBLISHED,
            None,
            T0 + 7,
        )
        assert (held[1].provider_id, held[1].url, held[1].attempts) == ("urn:1", "https://x", 1)
        assert await posts.hold_post(tx, OTHER_WORKSPACE, first.id) is None
        assert await posts.last_results(tx, WORKSPACE, "linkedin", "1") == (T0 + 7, ERROR)
        assert await posts.last_results(tx, WORKSPACE, "linkedin", "2") == (None, None)
        await posts.set_posts_status(tx, WORKSPACE, plan.id, PostStatus.DRAFT)
        found = await posts.list_posts(tx, WORKSPACE, [plan.id])
    assert [each.status for each in found[plan.id]] == [PostStatus.DRAFT, PostStatus.DRAFT]


async def test_a_held_group_waits_for_who_holds_it(database: Database) -> None:
    plan = group()
    one = post(plan)
    async with database.begin() as tx:
        await posts.add_group(tx, plan, [one])

    async def attempt() -> None:
        async with database.begin() as tx:
            held = await posts.hold_post(tx, WORKSPACE, one.id)
            assert held is not None
            await asyncio.sleep(0.002)
            await posts.set_post(tx, WORKSPACE, one.id, status=PostStatus.PROCESSING, attempts=held[1].attempts + 1)

    await asyncio.gather(*(attempt() for _ in range(10)))
    async with database.read() as reader:
        found = await posts.find_post(reader, WORKSPACE, one.id)
    assert found is not None
    assert found.attempts == 10


async def test_removing_a_group_takes_posts_and_media_and_tells_which_blobs(database: Database) -> None:
    plan, other = group(), group()
    items = [media_item(plan, blob_key="blob-1", status=MediaStatus.STORED), media_item(plan), media_item(other)]
    async with database.begin() as tx:
        for each in (plan, other):
            await posts.add_group(tx, each, [post(each)])
        for item in items:
            await media.add(tx, item)
    async with database.begin() as tx:
        assert not await posts.remove_group(tx, WORKSPACE, "d" * 24, plan.id)
        assert not await posts.remove_group(tx, OTHER_WORKSPACE, WORKSPACE, plan.id)
        assert await media.remove_of_group(tx, WORKSPACE, plan.id) == ["blob-1"]
        assert await posts.remove_group(tx, WORKSPACE, WORKSPACE, plan.id)
        assert not await posts.remove_group(tx, WORKSPACE, WORKSPACE, plan.id)
    async with database.begin() as tx:
        assert await posts.remove_group(tx, WORKSPACE, WORKSPACE, other.id)
    async with database.read() as reader:
        for table in ("post_groups", "posts", "media_items"):
            assert (await reader.fetch(f"select count(*) from {table}"))[0][0] == 0


async def test_a_file_is_stored_again_and_not_after_it_is_gone(database: Database) -> None:
    plan = group()
    first, second = media_item(plan, created_at=T0 + 1), media_item(plan, created_at=T0)
    async with database.begin() as tx:
        await posts.add_group(tx, plan, [])
        await media.add(tx, first)
        await media.add(tx, second)
        png: dict[str, Any] = {"size_bytes": 3, "content_type": "image/png"}
        gif: dict[str, Any] = {"size_bytes": 4, "content_type": "image/gif"}
        assert await media.set_stored(tx, WORKSPACE, first.id, blob_key="b1", content_hash="1", **png) == []
        assert await media.set_stored(tx, WORKSPACE, first.id, blob_key="b2", content_hash="2", **gif) == ["b1"]
        assert await media.set_stored(tx, OTHER_WORKSPACE, first.id, blob_key="b", content_hash="3", **gif) is None
    async with database.read() as reader:
        found = await media.find(reader, WORKSPACE, first.id)
        assert found is not None
        assert (found.status, found.blob_key, found.size_bytes, found.content_type) == (
            MediaStatus.STORED,
            "b2",
            4,
            "image/gif",
        )
        assert await media.find_any(reader, first.id) == found
        assert await media.find(reader, OTHER_WORKSPACE, first.id) is None
        assert await media.list_of_groups(reader, WORKSPACE, [plan.id, "e" * 24]) == {
            plan.id: [second, found],
            "e" * 24: [],
        }
        assert await media.stored_keys(reader) == {"b2"}
    async with database.begin() as tx:
        assert await media.remove_of_group(tx, WORKSPACE, plan.id) == ["b2"]
        assert await media.set_stored(tx, WORKSPACE, first.id, blob_key="b", content_hash="3", **png) is None


async def test_groups_are_listed_by_what_was_asked(database: Database) -> None:
    kept = [
        group(platforms=("LinkedIn-1",), created_at=T0, scheduled_at=T0 + 5, updated_at=T0 + 9),
        group(
            platforms=("bluesky-did:plc:linkedin-x",), created_at=T0 + 1, scheduled_at=None, status=GroupStatus.DRAFT
        ),
        group(platforms=("threads-9", "linkedin_page-2"), created_at=T0 + 2, scheduled_at=T0 + 3, updated_at=T0 + 8),
        group(platforms=("x-1", "linkedin-3"), created_at=T0 + 3, scheduled_at=T0 + 4),
    ]
    names = {each.id: number for number, each in enumerate(kept)}
    async with database.begin() as tx:
        for each in (*kept, group(user_id="d" * 24), group(workspace_id=OTHER_WORKSPACE)):
            await posts.add_group(tx, each, [])

    async def listed(**asked: object) -> list[int]:
        async with database.read() as reader:
            found, total = await posts.list_groups(reader, WORKSPACE, WORKSPACE, **{"limit": 9, **asked})  # type: ignore[arg-type]
        assert total == len(found)
        return [names[each.id] for each in found]

    assert await listed() == [3, 2, 1, 0]
    assert await listed(descending=False) == [0, 1, 2, 3]
    assert await listed(sort_by="scheduledTime") == [0, 3, 2, 1]
    assert await listed(sort_by="scheduledTime", descending=False) == [1, 2, 3, 0]
    assert await listed(sort_by="updatedAt") == [0, 2, 3, 1]
    assert await listed(status=GroupStatus.DRAFT) == [1]
    assert await listed(platform="linkedin") == [3, 0]
    assert await listed(platform="LINKEDIN_PAGE") == [2]
    assert await listed(platform="linkedin%") == []
    assert await listed(platform="linkedin.page") == []
    assert await listed(platform="l_nkedin") == []
    assert await listed(platform="\\") == []
    assert await listed(platform='"') == []
    assert await listed(from_ms=T0 + 4, to_ms=T0 + 5) == [3, 0]
    assert await listed(to_ms=T0 + 3) == [2]


@pytest.mark.parametrize("offset", [0, 2, 4, 99])
async def test_the_total_does_not_depend_on_the_page(database: Database, offset: int) -> None:
    async with database.begin() as tx:
        for number in range(5):
            await posts.add_group(tx, group(created_at=T0 + number), [])
    async with database.read() as reader:
        found, total = await posts.list_groups(reader, WORKSPACE, WORKSPACE, offset=offset, limit=2)
    assert total == 5
    assert [each.created_at - T0 for each in found] == [4, 3, 2, 1, 0][offset : offset + 2]
