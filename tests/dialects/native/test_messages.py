"""Messages over our own API: what can be deleted, and until when, is what a deletion then does."""

from collections.abc import AsyncIterator

import httpx
import pytest

from postroom.clock import iso
from postroom.dialects.native import deferrals, wire
from postroom.dialects.native.operations import DIALECT
from postroom.domain.access import Scope
from postroom.domain.chains import verify
from postroom.errors import CredentialsRejected, PostroomError
from postroom.store.sqlite import SqliteDatabase
from tests import opened
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


async def test_a_deletion_with_grace_is_followed_and_undone_over_the_api(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    own = await scene.own()
    answer = await client.delete(f"/messages/{own.id}", params={"grace": 60})
    made = answer.json()
    assert (answer.status_code, made["done"], made["deferral"]["state"]) == (200, "deferred", "waiting")
    assert (await client.get(f"/messages/{own.id}")).json()["delete_at"] == made["deferral"]["due_at"]
    found = await client.get(made["deferral"]["href"].removeprefix("/api"))
    assert found.json() == made["deferral"]
    undone = await client.post(f"/deferrals/{made['deferral']['id']}/undo")
    assert (undone.status_code, undone.json()["state"]) == (200, "undone")
    assert (await client.get(f"/messages/{own.id}")).json()["delete_at"] is None
    assert (await client.delete(f"/messages/{own.id}", params={"grace": 3601})).status_code == 400
    assert (await client.put(f"/messages/{own.id}/delete-at", json={"delete_at": "2035-01-01T00:00:00Z"})).json()[
        "code"
    ] == "insufficient_permissions"
    assert (await client.put(f"/messages/{own.id}/delete-at", json={"delete_at": "2035-01-01T00:00:00"})).is_error
    deleted = await client.delete(f"/messages/{own.id}")
    assert deleted.json() == {"id": own.id, "done": "deleted", "deferral": None}
    again = await client.delete(f"/messages/{own.id}", params={"grace": 60})
    assert again.json() == {"id": own.id, "done": "deleted", "deferral": None}


async def test_a_message_is_sent_now_later_or_to_go_again_over_the_api(scene: Scene, client: httpx.AsyncClient) -> None:
    chat = (await scene.own()).chat_id
    path = f"/chats/{chat}/messages"
    now = await client.post(path, json={"text": "Now"})
    assert (now.status_code, now.json()["deferral"]) == (201, None)
    assert (await client.get(f"/messages/{now.json()['message_id']}")).json()["text"] == "Now"
    later = (await client.post(path, json={"text": "Later", "grace": 60}, headers={"Idempotency-Key": "k"})).json()
    again = (await client.post(path, json={"text": "Later", "grace": 60}, headers={"Idempotency-Key": "k"})).json()
    assert (later["message_id"], later["deferral"]["kind"], again) == (None, "send", later)
    moment = iso(scene.now_ms() + 30 * 60_000)
    async with scene.working():
        brief = (await client.post(path, json={"text": "Brief", "delete_at": moment})).json()
    assert brief["deferral"]["state"] == "done"
    shown = (await client.get(f"/messages/{brief['message_id']}")).json()
    assert (shown["text"], shown["delete_at"]) == ("Brief", moment)
    assert (await client.post(path, json={"text": "Never", "grace": -1})).status_code == 400


async def test_a_key_undoes_and_lets_go_no_more_than_it_may_ask_for(scene: Scene, client: httpx.AsyncClient) -> None:
    own = await scene.own()
    deferral = (await client.delete(f"/messages/{own.id}", params={"grace": 60})).json()["deferral"]
    _, secret = await scene.services.access.issue_key(
        scene.caller.workspace_id, "sender", frozenset({Scope.READ, Scope.SEND})
    )
    sender = {"Authorization": f"Bearer {secret}"}
    assert (await client.post(f"/deferrals/{deferral['id']}/undo", headers=sender)).status_code == 403
    body = {"text": "Brief", "delete_at": iso(scene.now_ms() + 30 * 60_000)}
    assert (await client.post(f"/chats/{own.chat_id}/messages", json=body, headers=sender)).status_code == 403
    late = (
        await client.post(f"/chats/{own.chat_id}/messages", json={"text": "Late", "grace": 60}, headers=sender)
    ).json()
    assert (await client.post(f"/deferrals/{late['deferral']['id']}/undo", headers=sender)).status_code == 200


async def test_receipts_are_exported_with_the_key_that_checks_them(scene: Scene, client: httpx.AsyncClient) -> None:
    await scene.recall(await scene.own())
    (receipt,) = (await client.get("/receipts")).json()["items"]
    assert (receipt["sealed"], receipt["seal"]) == (False, None)
    export = await client.get("/receipts/export")
    assert export.headers["content-type"] == "application/x-ndjson"
    key = (await client.get("/receipts/key")).json()
    report = verify(export.content, key["key"])
    assert (key["algorithm"], report.problems, report.receipts) == ("Ed25519", [], 1)
    sealed = (await client.get(f"/receipts/{receipt['id']}")).json()
    assert (sealed["sealed"], sealed["seal"]["sequence"]) == (True, 1)
    assert (await client.get("/receipts/export", params={"after": 1})).content.count(b"\n") == 2


async def test_what_is_kept_for_an_idempotency_key_has_no_words_of_a_message(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    chat = (await scene.own()).chat_id
    same = {"Idempotency-Key": "sending"}
    sent = (await client.post(f"/chats/{chat}/messages", json={"text": "Sandpiper"}, headers=same)).json()
    assert sent["message"]["text"] == "Sandpiper"
    changed = {"Idempotency-Key": "editing"}
    path = f"/messages/{sent['message_id']}"
    assert (await client.patch(path, json={"text": "Sandpipers"}, headers=changed)).json()["text"] == "Sandpipers"
    rows = await scene.rows()
    assert opened.where({name: found for name, found in rows.items() if name != "messages"}, "Sandpiper") == []
    await client.delete(path)
    again = (await client.post(f"/chats/{chat}/messages", json={"text": "Sandpiper"}, headers=same)).json()
    assert (again["message_id"], again["message"]["text"]) == (sent["message_id"], None)
    assert opened.where(await scene.rows(), "Sandpiper") == []


def test_whatever_answers_with_a_message_or_chat_says_what_is_kept_of_it() -> None:
    shown = (wire.Message, wire.Chat, deferrals.Sent)
    assert [each.name for each in DIALECT.operations if each.mutates and each.answer in shown and not each.keep] == []


async def test_a_chat_has_the_name_that_people_call_it_by_however_many_are_read(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    account = await scene.linkedin()
    listed = (await client.get("/chats", params={"account_id": account.id})).json()["items"]
    by_kind = {each["kind"]: each for each in listed}
    for chat in listed:
        people = (await client.get(f"/chats/{chat['id']}/people")).json()["items"]
        others = [each["name"] for each in people if not each["is_self"]]
        assert chat["name"] == ", ".join(others) if chat["kind"] == "single" else chat["name"]
        assert (await client.get(f"/chats/{chat['id']}")).json() == chat
    assert by_kind["single"]["name"] != by_kind["group"]["name"] is not None
    marked = await client.post(f"/chats/{by_kind['single']['id']}/marks", json={"mark": "starred", "on": True})
    assert marked.json()["name"] == by_kind["single"]["name"]
    told = (await client.get("/events")).json()["items"][-1]
    assert (told["type"], told["chat"]["name"]) == ("chat.updated", by_kind["single"]["name"])
    database = scene.house.database
    if isinstance(database, SqliteDatabase):
        statements: list[str] = []

        def note(_cursor: object, sql: str, _values: object) -> bool:
            statements.append(sql)
            return True

        database._reading.set_exec_trace(note)
        await client.get("/chats", params={"account_id": account.id, "limit": 2})
        few = len(statements)
        await client.get("/chats", params={"account_id": account.id, "limit": len(listed)})
        assert (len(listed) >= 5, len(statements)) == (True, 2 * few)
