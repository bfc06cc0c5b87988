"""PostPress's webhooks on the wire: shapes, and what each operation answers to what it cannot do."""

from typing import Any

import httpx
import pytest

from postroom.dialects.postpress.operations import DIALECT
from postroom.errors import NotFound, NotPermitted, OutcomeUnknown, PostroomError, Unavailable
from tests.dialects.postpress.shapes import check
from tests.dialects.tables import worded
from tests.servers import Server

Json = dict[str, Any]
GOOD = {"source": "messaging", "request_url": "https://8.8.8.8/hooks"}


@pytest.fixture
def hooks(server: Server) -> str:
    return server.line["postpress"] + "/v1/webhooks"


def test_a_webhook_is_made_listed_page_by_page_and_deleted_for_good(client: httpx.Client, hooks: str) -> None:
    account = client.get(hooks.replace("webhooks", "accounts")).json()["items"][0]
    asked: Json = {
        **GOOD,
        "name": "Inbox",
        "format": "form",
        "enabled": False,
        "account_ids": [account["id"]],
        "headers": [{"key": "Postpress-Auth", "value": "secret"}],
        "data": [{"name": "text", "key": "message"}],
        "events": ["message_received", "message_deleted"],
    }
    made = client.post(hooks, json=asked, headers={"Idempotency-Key": "a-webhook"})
    check("WebhookCreated", made.json())
    assert made.status_code == 201
    assert made.json()["secret"].startswith("whsec_")
    again = client.post(hooks, json=asked, headers={"Idempotency-Key": "a-webhook"})
    assert again.json() == {"object": "WebhookCreated", "webhook_id": made.json()["webhook_id"]}
    other = client.post(hooks, json={**GOOD, "source": "account_status"}).json()["webhook_id"]
    first = client.get(hooks, params={"limit": 1}).json()
    check("WebhookList", first)
    rest = client.get(hooks, params={"cursor": first["cursor"]}).json()
    rows = {row["id"]: row for row in first["items"] + rest["items"]}
    assert len(first["items"]) == 1
    shown = rows[made.json()["webhook_id"]]
    for name in ("name", "request_url", "format", "enabled", "headers", "data", "events", "source"):
        assert shown[name] == asked[name]
    assert shown["account_ids"] == [{"id": account["id"], "name": account["name"], "type": account["type"]}]
    assert len(rows[other]["events"]) == 11
    for id in (made.json()["webhook_id"], other):
        gone = client.delete(f"{hooks}/{id}")
        assert (gone.status_code, gone.json()) == (200, {"object": "WebhookDeleted"})
        assert client.delete(f"{hooks}/{id}").status_code == 404


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"source": "users"}, 501),
        ({"source": "email"}, 501),
        ({"source": "email_tracking"}, 501),
        ({"source": "calendar_event"}, 501),
        ({"source": "weather"}, 400),
        ({"events": ["mail_sent"]}, 400),
        ({"source": "account_status", "events": ["message_received"]}, 400),
        ({"source": "account_status", "data": [{"name": "x", "key": "message"}]}, 400),
        ({"data": [{"name": "x", "key": "y"}]}, 400),
        ({"format": "xml"}, 400),
        ({"request_url": "nonsense"}, 400),
        ({"request_url": "https://10.0.0.1/"}, 400),
        ({"headers": [{"key": "Host", "value": "x"}]}, 400),
        ({"headers": "x"}, 400),
        ({"account_ids": ["acc_01HXYZ4QK3WJ8FN3M6QH7TZ8GR"]}, 404),
    ],
)
def test_what_cannot_be_a_webhook_is_refused_and_says_why(
    client: httpx.Client, hooks: str, changed: Json, status: int
) -> None:
    answer = client.post(hooks, json={**GOOD, **changed})
    assert answer.status_code == status, answer.text
    check(f"Error{status}", answer.json())
    assert answer.json()["detail"]


def test_no_key_another_workspaces_and_a_page_that_is_too_long_are_refused(
    client: httpx.Client, stranger: httpx.Client, hooks: str
) -> None:
    made = client.post(hooks, json=GOOD).json()["webhook_id"]
    assert httpx.get(hooks).status_code == 401
    assert stranger.delete(f"{hooks}/{made}").status_code == 404
    assert made not in stranger.get(hooks).text
    assert client.get(hooks, params={"limit": 101}).status_code == 400
    assert client.get(hooks, params={"cursor": "nonsense"}).status_code == 400
    assert client.delete(f"{hooks}/{made}").status_code == 200


@pytest.mark.parametrize("name", ["list_account_webhooks", "create_account_webhook", "delete_account_webhook"])
def test_what_goes_wrong_has_a_status_of_its_own(name: str) -> None:
    for error, status in ((NotPermitted(), 403), (PostroomError(), 500), (Unavailable(), 503), (OutcomeUnknown(), 504)):
        assert worded(DIALECT, name, error)[0] == status
    assert worded(DIALECT, "delete_account_webhook", NotFound())[0] == 404
