"""Messages over our own API: what can be deleted, and until when, is what a deletion then does."""

from collections.abc import AsyncIterator

import httpx
import pytest

from postroom.clock import iso
from postroom.domain.access import Scope
from postroom.errors import CredentialsRejected, PostroomError
from tests.scene import MINUTE, Scene
from tests.scene import the_scene as the_scene


@pytest.fixture
async def client(scene: Scene) -> AsyncIterator[httpx.AsyncClient]:
    _, secret = await scene.services.access.issue_key(scene.caller.workspace_id, "app", frozenset(Scope))
    transport = httpx.ASGITransport(app=scene.house.app)
    headers = {"Authorization": f"Bearer {secret}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/api", headers=headers) as made:
        yield made


async def test_every_message_says_until_when_it_can_be_deleted(scene: Scene, client: httpx.AsyncClient) -> None:
    own = await scene.own()
    found = (await client.get(f"/messages/{own.id}")).json()
    assert (found["text"], found["can_delete"], found["delete_reason"]) == (own.content.text, True, None)
    assert found["delete_by"] == iso(own.sent_at + 60 * 60_000)
    listed = (await client.get(f"/chats/{own.chat_id}/messages", params={"limit": 5})).json()
    assert len(listed["items"]) == 5
    assert found in listed["items"]
    further = await client.get(f"/chats/{own.chat_id}/messages", params={"cursor": listed["cursor"]})
    assert not {each["id"] for each in further.json()["items"]} & {each["id"] for each in listed["items"]}
    await scene.recall(own)
    gone = (await client.get(f"/messages/{own.id}")).json()
    assert (gone["text"], gone["can_delete"], gone["delete_by"]) == (None, False, None)
    assert gone["delete_reason"] == {"code": "deleted", "detail": "The message is deleted already."}
    (told,) = [each for each in (await client.get("/events")).json()["items"] if each["type"] == "message.deleted"]
    assert told["message"] | {"delete_at": None} == gone
    assert (await client.get("/messages/42")).status_code == 404
    assert (await client.get("/chats/42/messages")).status_code == 404


async def test_a_message_can_be_deleted_exactly_where_a_deletion_calls_the_network(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    own = await scene.own(minutes=(0, 20))
    others, old = await scene.others(), await scene.own(minutes=(24 * 60, 30 * 24 * 60))

    async def agreed() -> list[bool]:
        """For each message whether it is said to be deletable, which is whether a recall calls LinkedIn."""
        answers = []
        for message in (own, others, old):
            shown = (await client.get(f"/messages/{message.id}")).json()
            await scene.fault("recall", do={"status": 503})
            await scene.forget_calls()
            with pytest.raises(PostroomError) as refused:
                await scene.recall(message)
            called = "recall" in await scene.calls()
            assert called is shown["can_delete"]
            if not called:
                assert shown["delete_reason"]["detail"] == refused.value.detail
            await scene.no_faults()
            answers.append(called)
        return answers

    assert await agreed() == [True, False, False]
    await scene.advance(59 * MINUTE - (scene.now_ms() - own.sent_at) / 1000)
    assert await agreed() == [True, False, False]
    await scene.advance(2 * MINUTE)
    assert await agreed() == [False, False, False]


async def test_of_a_disconnected_account_nothing_can_be_deleted_and_that_is_why(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    own = await scene.own()
    await scene.fault("messages", do={"expired_session": True})
    with pytest.raises(CredentialsRejected):
        await scene.sync(await scene.linkedin(), full=True)
    found = (await client.get(f"/messages/{own.id}")).json()
    assert (found["can_delete"], found["delete_reason"]["code"]) == (False, "disconnected")
    assert found["delete_by"] == iso(own.sent_at + 60 * 60_000)
