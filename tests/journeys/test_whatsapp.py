"""The sandbox's WhatsApp account, as a user finds it: there from the first start on, and gone for good when it is unlinked."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.parts.postgres import PostgresServer
from tests.servers import Server, running_server

pytestmark = [pytest.mark.slow, pytest.mark.promise("P8")]


def until(ready: Callable[[], Any], seconds: float = 40) -> Any:
    end = time.monotonic() + seconds
    while not (found := ready()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)
    return found


class Client:
    """PostPress's API of a sandbox."""

    def __init__(self, server: Server) -> None:
        self.api = httpx.Client(
            base_url=server.line["postpress"] + "/v1", headers={"X-API-KEY": server.line["key"]}, timeout=30
        )
        self.sim = httpx.Client(base_url=server.line["sim"], timeout=30)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *raised: object) -> None:
        self.api.close()
        self.sim.close()

    def account(self) -> Any:
        found = self.api.get("/accounts").json()["items"]
        return next((each for each in found if each["type"] == "WHATSAPP"), None)

    def messages(self) -> dict[str, list[Any]]:
        """Those of the account, by chat."""
        account = self.account()
        found: dict[str, list[Any]] = {}
        if account is None:
            return found
        cursor: str = ""
        while True:
            more: dict[str, str] = {"cursor": cursor} if cursor else {}
            page = self.api.get("/messages", params={"account_id": account["id"], "limit": 250, **more}).json()
            for message in page["items"]:
                found.setdefault(message["chat_id"], []).append(message)
            cursor = page["cursor"] or ""
            if not cursor:
                return found

    def furnished(self) -> dict[str, list[Any]] | None:
        """Once all of it is here: three chats of twenty, something of the last minutes in each."""
        found = self.messages()
        full = [each for each in found.values() if len(each) >= 20 and any(map(is_fresh, each))]
        return found if len(full) >= 3 else None


def is_fresh(message: Any) -> bool:
    sent = datetime.fromisoformat(message["timestamp"])
    return (datetime.now(UTC) - sent).total_seconds() < 600


@pytest.mark.parametrize("base", ["sqlite", "postgres"])
def test_the_account_is_there_from_start_to_start_until_it_is_unlinked(
    tmp_path: Path, base: str, request: pytest.FixtureRequest
) -> None:
    sessions = tmp_path / "sessions"
    environment = {"POSTROOM_PROVIDER_WHATSAPP_WORKING_FOLDER": str(sessions)}
    folders = [tmp_path / "data"]
    if base == "postgres":
        environment["POSTROOM_DATABASE_URL"] = request.getfixturevalue("postgres_url")
        postgres: PostgresServer = request.getfixturevalue("postgres_server")
        folders.append(postgres.folder / "data")
    with running_server(tmp_path / "data", environment=environment, whatsapp=True) as server, Client(server) as client:
        found = until(client.furnished)
        account = client.account()
        full = [messages for messages in found.values() if len(messages) >= 20]
        assert [{each["is_sender"] for each in messages} for messages in full] == [{0, 1}] * len(full)
        if base == "sqlite":
            server.kill()
        else:
            # Who is killed there keeps its leases for a while.
            assert server.stop() == 0
    with running_server(tmp_path / "data", environment=environment, whatsapp=True) as server, Client(server) as client:
        assert client.account()["id"] == account["id"]
        until(client.furnished)
        until(lambda: client.account()["sources"][0]["status"] == "OK")
        chat = next(each for each in client.api.get("/chats?limit=250").json()["items"] if each["name"] == "Cleo Marsh")
        sent = client.api.post(f"/chats/{chat['id']}/messages", json={"text": "canary of this journey"})
        assert sent.status_code == 201, sent.text
        assert len(list(sessions.iterdir())) == 1
        path = f"/_sim/network/whatsapp/chats/{chat['provider_id']}"
        assert client.sim.get(path).json()["messages"][-1]["text"] == "canary of this journey"
        taken = client.api.delete(f"/messages/{sent.json()['message_id']}")
        assert (taken.status_code, taken.json()) == (200, {"object": "MessageDeleted"})
        assert client.sim.get(path).json()["messages"][-1]["state"] == "RECALLED"
        texts = {each["text"] for messages in client.messages().values() for each in messages if each["text"]}
        assert len(texts) > 20
        assert client.api.delete(f"/accounts/{account['id']}").status_code == 200
        assert server.stop() == 0
    words = [b"PRIVATE-KEY", b"canary of this journey", *(text.encode() for text in texts)]
    for folder in folders:
        for file in folder.rglob("*"):
            if file.is_file() and tmp_path / "data" / "sim" not in file.parents:
                content = file.read_bytes()
                assert [word for word in words if word in content] == [], file
    assert list(sessions.iterdir()) == []
