"""ConnectSafely's webhooks on the wire, at an address of ours."""

from typing import Any

import httpx
import pytest

from postroom.dialects.connectsafely.operations import DIALECT
from postroom.errors import PostroomError
from tests.dialects.tables import worded
from tests.servers import Server

Json = dict[str, Any]
GOOD = {"url": "https://8.8.8.8/hooks"}


@pytest.fixture
def hooks(server: Server) -> str:
    return server.line["connectsafely"] + "/linkedin/webhooks"


def test_a_webhook_is_made_listed_paused_and_deleted(client: httpx.Client, stranger: httpx.Client, hooks: str) -> None:
    account = client.get(hooks.replace("webhooks", "accounts")).json()[0]
    asked = {**GOOD, "name": "Mine", "events": ["message.received", "message.deleted"], "accountIds": [account["id"]]}
    answer = client.post(hooks, json=asked)
    assert answer.status_code == 200
    made = answer.json()["webhook"]
    assert len(made.pop("secret")) == 64
    assert {name: made[name] for name in asked} == asked
    assert made in client.get(hooks).json()["webhooks"]
    path = f"{hooks}/{made['id']}"
    assert client.patch(path, json={"enabled": False}).json()["webhook"] == {**made, "enabled": False}
    for method, body in (("PATCH", {"enabled": True}), ("DELETE", None)):
        assert stranger.request(method, path, json=body).status_code == 404
    assert client.delete(path).json() == {"success": True, "id": made["id"]}
    assert client.delete(path).status_code == 404
    assert client.post(hooks, json=GOOD).json()["webhook"]["events"] == ["message.received"]


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"url": "nonsense"}, 400),
        ({"url": "https://10.0.0.1/"}, 400),
        ({"events": ["message.nonsense"]}, 400),
        ({"events": "message.received"}, 400),
        ({"accountIds": ["acc_01HXYZ4QK3WJ8FN3M6QH7TZ8GR"]}, 404),
    ],
)
def test_what_cannot_be_a_webhook_is_refused(client: httpx.Client, hooks: str, changed: Json, status: int) -> None:
    answer = client.post(hooks, json={**GOOD, **changed})
    assert answer.status_code == status
    assert (answer.json()["success"], bool(answer.json()["error"])) == (False, True)


def test_no_key_and_a_bug_have_their_status(hooks: str) -> None:
    assert httpx.get(hooks).status_code == 401
    assert worded(DIALECT, "create_message_webhook", PostroomError())[0] == 500
