"""Webhooks of our own API on the wire."""

from typing import Any

import httpx
import pytest

from tests.receiver import receiving_beside

Json = dict[str, Any]


@pytest.fixture
def api(server: Any, client: httpx.Client) -> httpx.Client:
    client.base_url = httpx.URL(server.line["native"])
    return client


def made(api: httpx.Client, **changed: Any) -> Json:
    answer = api.post("/webhooks", json={"name": "Mine", "url": "https://8.8.8.8/hooks", **changed})
    assert answer.status_code == 201, answer.text
    found: Json = answer.json()
    return found


def test_an_endpoint_for_any_events_is_made_got_changed_and_deleted(api: httpx.Client) -> None:
    webhook = made(api, events=["message.received", "message.deleted", "account.disconnected"])
    assert webhook.pop("secret").startswith("whsec_")
    path = f"/webhooks/{webhook['id']}"
    assert api.get(path).json() == webhook
    assert webhook in api.get("/webhooks").json()["items"]
    changed = api.patch(path, json={"active": False, "events": [], "position": 0}).json()
    assert (changed["active"], changed["events"], changed["position"]) == (False, [], 0)
    assert api.post(f"{path}/regenerate-secret").json()["secret"].startswith("whsec_")
    assert api.delete(path).json() == {"id": webhook["id"], "done": "deleted"}
    assert api.get(path).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"name": " "},
        {"name": "x" * 201},
        {"url": "https://10.0.0.1/"},
        {"url": "https://8.8.8.8/" + "x" * 2048},
        {"url": "nonsense"},
        {"events": ["message.nonsense"]},
        {"events": "message.received"},
        {"unknown": 1},
    ],
)
def test_what_cannot_be_an_endpoint_is_refused_and_says_why(api: httpx.Client, body: Json) -> None:
    answer = api.post("/webhooks", json={"name": "Mine", "url": "https://8.8.8.8/hooks", **body})
    assert answer.status_code == 400
    assert answer.json()["detail"]
    path = f"/webhooks/{made(api)['id']}"
    assert api.patch(path, json=body).status_code == 400
    assert api.patch(path, json={"position": -1}).status_code == 400
    assert api.patch(path, json={"position": 2**53}).status_code == 400


def test_each_api_sees_the_endpoints_that_were_made_through_it(api: httpx.Client, server: Any) -> None:
    webhook = made(api)
    postpost = f"{server.line['postpost']}/api/v1/webhooks"
    assert webhook["id"] not in api.get(postpost).text
    assert api.delete(f"{postpost}/{webhook['id']}").status_code == 404


def test_a_test_is_listed_among_the_deliveries_and_tried_again(api: httpx.Client) -> None:
    with receiving_beside() as receiver:
        path = f"/webhooks/{made(api, url=receiver.url, events=['post.failed'])['id']}"
        tried = api.post(f"{path}/test").json()
        assert (tried["event_type"], tried["occasion"], tried["status"]) == ("webhook.test", "test", 200)
        assert tried["event_id"] == receiver.told[0].id
        assert api.get(f"{path}/deliveries").json() == {"items": [tried], "cursor": None}
        assert api.get(f"{path}/deliveries", params={"failed": "true"}).json()["items"] == []
        receiver.status = 500
        once = {"Idempotency-Key": "replayed-once"}
        again = api.post(f"{path}/deliveries/{tried['id']}/replay", headers=once)
        assert again.json()["items"][0]["failure"] == "status_500"
        assert api.post(f"{path}/deliveries/{tried['id']}/replay", headers=once).json() == again.json()
        assert len(receiver.told) == 2
        assert api.post(f"{path}/deliveries/dlv_none/replay").status_code == 404
        api.delete(path)
