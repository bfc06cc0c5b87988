"""A first sync of a large mailbox: followed by whoever asks, killed half way, gone on with; and reads are answered."""

import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.servers import Server, running_server
from tests.size import Size

_OF_A_CHAT = 50


class Followed:
    """A server whose account is being synced for the first time."""

    def __init__(self, server: Server) -> None:
        self._http = httpx.Client(
            base_url=server.line["native"].removesuffix("/api"),
            headers={"authorization": f"Bearer {server.line['key']}"},
            timeout=30,
        )
        self.sim = httpx.Client(base_url=server.line["sim"], timeout=120)
        self.slowest_seconds = 0.0

    def __enter__(self) -> "Followed":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()
        self.sim.close()

    def post(self, path: str, **body: Any) -> Any:
        answer = self._http.post(f"/api{path}", json=body)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def get(self, path: str, **query: Any) -> Any:
        began = time.perf_counter()
        answer = self._http.get(f"/api{path}", params=query)
        self.slowest_seconds = max(self.slowest_seconds, time.perf_counter() - began)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def until(self, account_id: str, enough: Any, seconds: float) -> Any:
        """The account, once its sync is as far as that."""
        until = time.monotonic() + seconds
        while True:
            account = self.get(f"/accounts/{account_id}")
            if account["sync"] is not None and enough(account):
                return account
            assert time.monotonic() < until, account
            time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_first_sync_survives_a_kill_half_way_and_reads_nothing_twice(tmp_path: Path, size: Size) -> None:
    messages = size.rows // 10
    chats = messages // _OF_A_CHAT
    with running_server(tmp_path / "data") as server, Followed(server) as followed:
        told = {"login": "user_new_big", "chats": chats, "messages": messages}
        assert followed.sim.post("/_sim/network/linkedin/mailbox", json=told).status_code == 200
        link = followed.post("/links", provider="linkedin", flow="cookie")
        account_id = followed.post(f"/links/{link['id']}", answers={"access_token": "user_new_big"})["account_id"]
        half = followed.until(account_id, lambda account: account["sync"]["messages"] >= messages // 2, 600)
        assert not half["synced"]
        assert half["sync"]["all_chats_known"]
        server.kill()
    with running_server(tmp_path / "data") as server, Followed(server) as again:
        first = again.get(f"/accounts/{account_id}")["sync"]
        assert first["messages"] >= messages // 2
        assert first["started_at"] == half["sync"]["started_at"]
        done = again.until(account_id, lambda account: account["synced"], 900)
        assert (done["sync"]["state"], done["sync"]["started_at"]) == ("done", half["sync"]["started_at"])
        assert done["sync"]["chats_done"] == done["sync"]["chats_known"] >= chats
        assert done["sync"]["messages"] >= messages
        asked = again.sim.get("/_sim/requests", params={"network": "linkedin", "operation": "messages"}).json()[
            "requests"
        ]
        mine = [entry["query"] for entry in asked if entry["account"] == done["provider_id"]]
        # Newest pages are read again: people went on writing. Of the older ones, at most what was on its way.
        older = Counter(query for query in mine if "prevCursor" in query)
        assert len(older) >= chats
        assert sum(older.values()) - len(older) <= 1
        server.stop()
    assert followed.slowest_seconds < 2.0
    assert again.slowest_seconds < 2.0
