"""Messages and chats over our own API, in a house in this process."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from postroom.domain.messages import Message
from tests.scene import Scene
from tests.servers import lent


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with lent(tmp_path / "data") as house:
        yield Scene(house)


@pytest.fixture
async def api(scene: Scene) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=scene.house.app)
    headers = {"Authorization": f"Bearer {scene.built.kept.key}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/api", headers=headers) as client:
        yield client


@pytest.fixture
async def own(scene: Scene) -> Message:
    return await scene.own()


async def test_a_message_is_sent_with_a_file_edited_and_reacted_to(
    scene: Scene, api: httpx.AsyncClient, own: Message
) -> None:
    note = {"name": "a.txt", "content_type": "text/html", "data": base64.b64encode(b"<b>A note.</b>").decode()}
    body = {"text": "See.", "files": [note], "quote_id": own.id}
    sent = await api.post(f"/chats/{own.chat_id}/messages", json=body, headers={"Idempotency-Key": "once"})
    assert sent.status_code == 201, sent.text
    again = await api.post(f"/chats/{own.chat_id}/messages", json=body, headers={"Idempotency-Key": "once"})
    assert again.json()["message_id"] == sent.json()["message_id"]
    (file,) = sent.json()["message"]["files"]
    assert (file["type"], file["name"], file["size_bytes"], file["available"]) == ("file", "a.txt", 14, True)
    path = f"/messages/{sent.json()['message_id']}"
    got = await api.get(f"{path}/attachments/{file['id']}")
    assert (got.status_code, got.content, got.headers["content-type"]) == (200, b"<b>A note.</b>", "text/html")
    assert (got.headers["content-disposition"], got.headers["x-content-type-options"]) == ("attachment", "nosniff")
    edited = await api.patch(path, json={"text": "Look."})
    assert (edited.status_code, edited.json()["text"], edited.json()["edited"]) == (200, "Look.", True)
    reacted = await api.post(f"{path}/reactions", json={"emoji": "👍"})
    assert [each["emoji"] for each in reacted.json()["reactions"]] == ["👍"]
    taken_back = await api.post(f"{path}/reactions", json={"emoji": "👍", "on": False})
    assert taken_back.json()["reactions"] == []
    shown = await scene.shown(own)
    assert shown["text"] == own.content.text


async def test_a_chat_is_begun_marked_and_typed_in(scene: Scene, api: httpx.AsyncClient, own: Message) -> None:
    people = [each.provider_id for each in await scene.services.chats.attendees(scene.caller, own.chat_id)]
    others = [each for each in people if each != own.sender_id]
    begun = await api.post("/chats", json={"account_id": own.account_id, "people": others, "text": "Hello."})
    assert (begun.status_code, begun.json()["text"]) == (201, "Hello."), begun.text
    for mark in ("starred", "archived"):
        marked = await api.post(f"/chats/{own.chat_id}/marks", json={"mark": mark})
        assert (marked.status_code, marked.json()[mark]) == (200, True)
    typed = await api.post(f"/chats/{own.chat_id}/typing", json={})
    assert typed.json() == {"id": own.chat_id, "done": "typing"}


async def test_what_cannot_be_done_says_why(scene: Scene, api: httpx.AsyncClient, own: Message) -> None:
    theirs = (await scene.others()).id
    file = {"name": "a", "content_type": "text/plain", "data": "?"}
    for method, path, body, status, code in (
        ("PATCH", f"/messages/{theirs}", {"text": "Mine."}, 422, "insufficient_permissions"),
        ("PATCH", f"/messages/{own.id}", {"text": ""}, 400, "missing_parameters"),
        ("PATCH", "/messages/msg_none", {"text": "Hello."}, 404, "invalid_resource_identifier"),
        ("POST", f"/messages/{own.id}/reactions", {"emoji": "x"}, 400, "invalid_parameters"),
        ("POST", f"/messages/{own.id}/forward", {"chat_id": own.chat_id}, 422, "account_mismatch"),
        ("POST", f"/chats/{own.chat_id}/messages", {"text": ""}, 400, "missing_parameters"),
        ("POST", f"/chats/{own.chat_id}/messages", {"files": [file]}, 400, "invalid_parameters"),
        ("POST", f"/chats/{own.chat_id}/marks", {"mark": "muted"}, 422, "account_mismatch"),
        ("POST", f"/chats/{own.chat_id}/marks", {"mark": "lovely"}, 400, "invalid_parameters"),
        ("POST", "/chats", {"account_id": own.account_id, "people": [], "text": "Hi."}, 400, "missing_parameters"),
        ("GET", f"/messages/{own.id}/attachments/none", None, 404, "resource_not_found"),
    ):
        answer = await api.request(method, path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), (path, answer.text)
    await scene.fault("edit", do={"commit_then_lose": True})
    await scene.fault("messages", do={"status": 500})
    lost = await api.patch(f"/messages/{own.id}", json={"text": "Perhaps."})
    assert (lost.status_code, lost.json()["code"]) == (504, "request_timeout")
