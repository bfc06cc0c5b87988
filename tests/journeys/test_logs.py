"""What a server logs on a whole journey: ids and verbs; no secret, no content, no query string."""

import json
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.pictures import png
from tests.servers import running_server

pytestmark = pytest.mark.slow

TEXT, POST = "a text that nobody logs", "a post that nobody logs"
FAULTS = (
    {"operation": "send", "do": {"status": 500, "body": {"message": "upstream says a text that nobody logs"}}},
    {"operation": "recall", "do": {"status": 400, "body": {"message": "upstream says a text that nobody logs"}}},
    {"operation": "recall", "do": {"commit_then_lose": True}},
)


def test_no_secret_and_no_content_is_in_the_log_of_a_whole_journey(tmp_path: Path) -> None:
    secrets = {TEXT, POST, "user_good", "wordofacookie", "app-ada-pass", "ada.test", "file-of-ours.png"}
    environment = {"POSTROOM_LOG_LEVEL": "DEBUG"}
    with running_server(tmp_path / "data", environment=environment) as server:
        key = server.line["key"]
        secrets |= {key, server.line["other_key"]}
        with httpx.Client(headers={"X-API-KEY": key, "Authorization": f"Bearer {key}"}, timeout=30) as http:
            postpress, postpost, native = (server.line[name] for name in ("postpress", "postpost", "native"))
            linked = http.post(
                f"{postpress}/v1/accounts", json={"provider": "LINKEDIN", "access_token": "user_good~wordofacookie"}
            )
            http.post(f"{postpress}/v1/accounts", json={"provider": "LINKEDIN", "access_token": "user_revoked"})
            link = http.post(f"{native}/links", json={"provider": "bluesky", "flow": "app_password"}).json()
            answers = {"identifier": "ada.test", "password": "wordofacookie"}
            http.post(f"{native}/links/{link['id']}", json={"answers": answers})
            messages = http.get(f"{postpress}/v1/messages", params={"limit": 250}).json()["items"]
            secrets |= {each["text"] for each in messages if each["text"] and len(each["text"]) > 8}
            chat = http.get(f"{postpress}/v1/chats").json()["items"][0]
            people = http.get(f"{postpress}/v1/chats/{chat['id']}/attendees").json()["items"]
            secrets |= {person["name"] for person in people}
            send = f"{postpress}/v1/chats/{chat['id']}/messages"
            sent = [http.post(send, json={"text": TEXT}).json()["message_id"] for _ in range(3)]
            for fault, id in zip(FAULTS, [None, *sent], strict=False):
                made = httpx.post(f"{server.line['sim']}/_sim/faults", json={"network": "linkedin", **fault})
                assert made.status_code == 201, made.text
                if id is None:
                    http.post(send, json={"text": TEXT})
                else:
                    http.delete(f"{postpress}/v1/messages/{id}")
                httpx.delete(f"{server.line['sim']}/_sim/faults")
            http.delete(f"{postpress}/v1/messages/{sent[2]}")
            http.get(f"{postpress}/v1/messages?cursor=wordofacookie&sender_id=wordofacookie")
            body = {"content": POST, "platforms": ["bluesky-x"], "scheduledTime": "2020-01-01T00:00:00.000Z"}
            group = http.post(f"{postpost}/api/v1/create-post", json=body).json()["postGroupId"]
            upload = {"postGroupId": group, "fileName": "file-of-ours.png", "contentType": "image/png", "type": "image"}
            address = http.post(f"{postpost}/api/v1/get-upload-url", json=upload).json()["uploadUrl"]
            secrets.add(urlsplit(address).query)
            httpx.put(address, content=png(), headers={"Content-Type": "image/png"})
            http.delete(f"{postpost}/api/v1/delete-post/{group}")
            http.delete(f"{postpress}/v1/accounts/{linked.json()['account_id']}")
        assert server.stop() == 0
    logged = "".join(server.errors)
    assert logged.count("provider.called") > 10
    assert [secret for secret in secrets if secret in logged or json.dumps(secret)[1:-1] in logged] == []
    assert "request.broken" not in logged
