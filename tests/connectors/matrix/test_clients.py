"""A client of PostPress with an account on Matrix: what it does, the others see."""

import httpx

from tests.promises.matrix_scene import MatrixScene
from tests.promises.matrix_scene import the_matrix_scene as the_matrix_scene


async def test_a_message_is_sent_edited_and_deleted_through_postpress(scene: MatrixScene) -> None:
    transport = httpx.ASGITransport(app=scene.house.app)
    headers = {"X-API-KEY": scene.built.kept.key}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1/postpress/v1", headers=headers
    ) as client:
        chat = (await client.get(f"/chats/{scene.chat_id}")).json()
        assert (chat["provider_id"], chat["type"]) == (scene.room, 0)
        file = ("dot.png", b"\x89PNG\r\n\x1a\n" * 100, "image/png")
        answer = await client.post(
            f"/chats/{scene.chat_id}/messages", data={"text": "Look"}, files={"attachments": file}
        )
        assert answer.status_code == 201, answer.text
        id = answer.json()["message_id"]
        (event,) = scene.seen()
        assert (event["content"]["msgtype"], event["content"]["body"]) == ("m.image", "Look")
        shown = (await client.get(f"/messages/{id}")).json()
        assert [each["type"] for each in shown["attachments"]] == ["img"]
        content = await client.get(f"/messages/{id}/attachments/{shown['attachments'][0]['id']}")
        assert content.content == file[1]
        assert (await client.patch(f"/messages/{id}", json={"text": "Look here"})).is_success
        assert (await client.delete(f"/messages/{id}")).json() == {"object": "MessageDeleted"}
        gone = (await client.get(f"/messages/{id}")).json()
        assert (gone["deleted"], gone["text"], gone["attachments"]) == (1, None, [])
    assert [event["content"] for event in scene.seen()] == [{}, {}]
