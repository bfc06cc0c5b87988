"""The client that awaits against a house in this process; the one that blocks is tried against a running server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from postroom.domain.access import Scope
from postroom_client import AsyncClient, Conflict, InvalidParameters, NotAuthenticated, NotFound
from tests.pictures import png
from tests.receiver import receiving
from tests.servers import Built, lent


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Built]:
    async with lent(tmp_path / "data") as made:
        yield made


@pytest.fixture
async def postroom(house: Built) -> AsyncIterator[AsyncClient]:
    access = house.house.services.access
    _, key = await access.issue_key(house.caller.workspace_id, "admin", frozenset(Scope))
    async with AsyncClient("http://127.0.0.1:1", key, transport=httpx.ASGITransport(app=house.house.app)) as client:
        yield client


@contextlib.asynccontextmanager
async def working(house: Built) -> AsyncIterator[None]:
    task = asyncio.create_task(house.house.worker.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_chats_people_and_messages_are_gone_through_page_by_page(postroom: AsyncClient) -> None:
    (account,) = [each async for each in postroom.accounts.list(provider="linkedin")]
    assert (await postroom.accounts.get(account.id)).name == account.name
    chats = [each async for each in postroom.chats.list(account_id=account.id, limit=1)]
    assert len({each.id for each in chats}) == len(chats) > 1
    first = await postroom.chats.list(limit=1).page()
    assert first.items == chats[:1]
    assert (await postroom.chats.list(limit=1).page(first.cursor)).items == chats[1:2]
    assert await postroom.chats.get(chats[0].id) == chats[0]
    people = [each async for each in postroom.chats.people(chats[0].id)]
    assert {each.is_self for each in people} == {True, False}
    other = next(each for each in people if not each.is_self)
    assert await postroom.people.get(other.id) == other
    assert other in [each async for each in postroom.people.list(account_id=account.id, limit=1)]
    assert (await postroom.people.profile(account.id)).name == account.name
    written = [each async for each in postroom.messages.list(person=other.provider_id, limit=2)]
    assert written
    assert {each.sender_id for each in written} == {other.provider_id}
    assert [each.sent_at for each in written] == sorted((each.sent_at for each in written), reverse=True)
    middle = written[len(written) // 2].sent_at
    earlier = [each async for each in postroom.messages.list(person=other.provider_id, before=middle)]
    assert [each.id for each in earlier] == [each.id for each in written if each.sent_at < middle]
    networks = {each.name: each async for each in postroom.networks.list()}
    assert networks["linkedin"].recall is not None


async def test_a_message_is_sent_once_edited_taken_back_and_leaves_a_receipt(postroom: AsyncClient) -> None:
    chat = await anext(aiter(postroom.chats.list(provider="linkedin")))
    sent = await postroom.once("hello-17").chats.send(chat.id, "Hello from the client")
    again = await postroom.once("hello-17").chats.send(chat.id, "Hello from the client")
    assert sent.message is not None
    assert again.message_id == sent.message_id == sent.message.id
    with pytest.raises(Conflict, match="another request"):
        await postroom.once("hello-17").chats.send(chat.id, "Something else")
    edited = await postroom.messages.edit(sent.message.id, "Hello again")
    assert (edited.text, edited.can_delete) == ("Hello again", True)
    assert edited.delete_by is not None
    assert edited.delete_by - edited.sent_at == timedelta(hours=1)
    put_off = await postroom.messages.delete(sent.message.id, grace=60)
    assert put_off.deferral is not None
    assert (await postroom.deferrals.undo(put_off.deferral.id)).state == "undone"
    assert (await postroom.messages.delete(sent.message.id)).done == "deleted"
    gone = await postroom.messages.get(sent.message.id)
    assert (gone.text, gone.deleted_at is None) == (None, False)
    receipt = await anext(aiter(postroom.receipts.list(target_id=sent.message.id)))
    assert receipt.kind == "message.recalled"


async def test_failures_are_raised_as_what_they_are(postroom: AsyncClient) -> None:
    with pytest.raises(NotFound) as nowhere:
        await postroom.messages.get("msg_01HXYZ4QK3WJ8FN3M6QH7TZ8GR")
    assert (nowhere.value.code, nowhere.value.status, nowhere.value.in_doubt) == ("resource_not_found", 404, False)
    assert nowhere.value.request_id
    with pytest.raises(InvalidParameters, match="at most 250"):
        await postroom.chats.list(limit=1000).page()
    with pytest.raises(ValueError, match="time zone"):
        await postroom.messages.list(before=datetime(2026, 5, 1)).page()  # noqa: DTZ001 that is what is wrong
    key = await postroom.keys.create("for a moment", scopes=["read"])
    assert key.secret
    await postroom.keys.revoke(key.id)
    transport = postroom._door.http._transport
    async with AsyncClient("http://127.0.0.1:1/api", key.secret, transport=transport) as revoked:
        with pytest.raises(NotAuthenticated):
            await revoked.workspace.get()
    assert key.secret not in repr(revoked)


async def test_any_other_path_of_the_server_is_called_by_request(postroom: AsyncClient) -> None:
    listed = await postroom.request("GET", "/postpost/api/v1/list-posts", query={"limit": 1})
    assert listed["success"] is True
    with pytest.raises(InvalidParameters) as refused:
        await postroom.request("POST", "/postpost/api/v1/create-post", body={"content": ""})
    assert refused.value.body == {"error": "Content is required"}
    assert "unread_count" in (await postroom.request("GET", "/postpress/v1/chats"))["items"][0]


async def test_events_from_now_on_are_those_that_happen_after_the_question(postroom: AsyncClient) -> None:
    before = await postroom.events.position()
    hook = await postroom.webhooks.create("mine", "https://8.8.8.8/")
    assert hook.secret
    chat = await anext(aiter(postroom.chats.list(provider="linkedin")))
    await postroom.chats.send(chat.id, "One more")
    events = postroom.events.follow(before.position, types=["message.sent"])
    event = await anext(events)
    assert event.message is not None
    assert (event.type, event.message.text) == ("message.sent", "One more")
    assert event.position > before.position
    assert event.created_at.tzinfo is UTC or event.created_at.utcoffset() == timedelta(0)
    changed = await postroom.webhooks.update(hook.id, active=False)
    assert (changed.active, changed.url, await postroom.webhooks.get(hook.id)) == (False, hook.url, changed)


async def test_a_post_is_written_furnished_scheduled_published_taken_down_and_deleted(
    house: Built, postroom: AsyncClient, tmp_path: Path
) -> None:
    account = await anext(aiter(postroom.accounts.list(provider="bluesky")))
    draft = await postroom.posts.create("Fresh bread", [account.platform_id, "bluesky-nobody"])
    assert (draft.status, draft.scheduled_at, draft.media) == ("draft", None, [])
    assert [(each.code, each.platform_id) for each in draft.problems] == [
        ("INVALID_PLATFORM_CONNECTION", "bluesky-nobody")
    ]
    picture = tmp_path / "bread.png"
    picture.write_bytes(png(size=(40, 30)))
    file = await postroom.posts.upload(draft.id, picture, alt_text="A loaf")
    assert (file.status, file.width, file.alt_text, file.content_type) == ("stored", 40, "A loaf", "image/png")
    with pytest.raises(InvalidParameters, match="images and videos"):
        await postroom.posts.upload(draft.id, b"x", file_name="a.pdf")
    later = await postroom.posts.update(
        draft.id, platforms=[account.platform_id], scheduled_at=datetime.now(UTC) + timedelta(days=400)
    )
    assert (later.status, later.problems, later.posts[0].status) == ("scheduled", [], "pending")
    assert (await postroom.posts.update(draft.id, scheduled_at=None)).scheduled_at is None
    due = await postroom.posts.update(draft.id, scheduled_at=house.now())
    assert due.status == "scheduled"
    async with working(house):
        events = postroom.events.follow(0, types=["post.published"])
        event = await anext(events)
        assert event.post is not None
        assert event.post.post_group_id == draft.id
        published = await postroom.posts.get(draft.id)
        down = await postroom.posts.take_down(draft.id)
    assert (published.status, published.posts[0].status) == ("published", "published")
    (target,) = (await postroom.take_downs.get(down.id)).targets
    assert (target.outcome, target.url) == ("done", published.posts[0].url)
    assert [each.id async for each in postroom.posts.list(status="published", limit=1)] == [draft.id]
    assert "publish_succeeded" in [each.event async for each in postroom.posts.log(draft.id)]
    with pytest.raises(InvalidParameters):
        await postroom.posts.update(draft.id, content="Too late")
    assert (await postroom.posts.delete(draft.id)).done == "deleted"
    with pytest.raises(NotFound):
        await postroom.posts.get(draft.id)


async def test_a_file_is_kept_once_given_to_posts_taken_from_them_and_deleted(postroom: AsyncClient) -> None:
    picture = png(1, 2, 3)
    kept = await postroom.library.upload(picture, file_name="boat.png", alt_text="A boat")
    assert (kept.status, kept.file_name, kept.alt_text, kept.url) == ("stored", "boat.png", "A boat", None)
    assert (await postroom.library.upload(picture)).id == kept.id
    assert (await postroom.library.get(kept.id), await postroom.library.file(kept.id)) == (kept, picture)
    group = await postroom.posts.create("With a boat", ["bluesky-x"], files=[kept.id])
    (file,) = group.media
    assert (file.alt_text, file.url is None) == ("A boat", False)
    (listed,) = [each async for each in postroom.library.list(limit=1)]
    assert (listed.in_library, listed.post_groups) == (True, [group.id])
    assert (await postroom.posts.update(group.id, without=[file.id])).media == []
    assert (await postroom.library.delete(kept.id)).done == "deleted"
    with pytest.raises(NotFound):
        await postroom.posts.update(group.id, files=[kept.id])
    with pytest.raises(InvalidParameters, match="no image or video"):
        await postroom.library.upload(b"words")
    with pytest.raises(InvalidParameters, match="tried again"):
        await postroom.posts.retry(group.id)


async def test_a_webhook_is_tried_and_told_again(house: Built, postroom: AsyncClient) -> None:
    async with receiving() as receiver:
        hook = await postroom.webhooks.create("mine", receiver.url, events=["post.scheduled"])
        tried = await postroom.webhooks.test(hook.id)
        assert (tried.occasion, tried.failure, tried.status) == ("test", None, 200)
        await postroom.posts.create("Later", ["bluesky-x"], scheduled_at=datetime.now(UTC) + timedelta(days=30))
        await house.house.deliveries.deliver_due()
        told = await anext(aiter(postroom.webhooks.deliveries(hook.id)))
        assert (told.occasion, told.event_type) == ("event", "post.scheduled")
        (again,) = (await postroom.webhooks.replay(hook.id, told.id)).items
        assert (again.occasion, again.event_id) == ("replay", told.event_id)
        assert len(receiver.told) == 3
        assert [each async for each in postroom.webhooks.deliveries(hook.id, failed=True)] == []
