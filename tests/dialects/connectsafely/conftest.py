"""A sandbox of its own for what ConnectSafely's clients do: they mark, send and react."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.dialects.conftest import keys
from tests.servers import Server

Json = dict[str, Any]


class Api:
    """The operations by their paths below `/linkedin`."""

    def __init__(self, server: Server, key: str) -> None:
        self.server = server
        self.base = server.line["connectsafely"] + "/linkedin"
        self.http = httpx.Client(headers=keys(server.line[key]), timeout=30)
        self.sim = httpx.Client(base_url=server.line["sim"])

    def __enter__(self) -> "Api":
        return self

    def __exit__(self, *why: object) -> None:
        self.http.close()
        self.sim.close()

    def __call__(self, method: str, path: str, **sent: Any) -> httpx.Response:
        return self.http.request(method, self.base + path, **sent)

    def good(self, method: str, path: str, **sent: Any) -> Json:
        """What it answers, which must be success."""
        answer = self(method, path, **sent)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    def conversations(self, **query: Any) -> list[Json]:
        found: list[Json] = self.good("GET", "/conversations", params={"count": 250, **query})["conversations"]
        return found

    def alone(self, number: int = 0) -> Json:
        """A conversation with one other person."""
        return [each for each in self.conversations() if len(each["participants"]) == 2][number]

    def messages(self, urn: str, **query: Any) -> list[Json]:
        found: list[Json] = self.good("GET", f"/conversations/{q(urn)}/messages", params=query)["messages"]
        return found

    def calls(self, operation: str) -> int:
        """How often LinkedIn was asked for this."""
        found = self.sim.get("/_sim/requests", params={"network": "linkedin", "operation": operation}).json()
        return len(found["requests"])


def q(text: str) -> str:
    return quote(text, safe="")


@pytest.fixture
def api(server: Server) -> Iterator[Api]:
    with Api(server, "key") as made:
        yield made


@pytest.fixture
def other(server: Server) -> Iterator[Api]:
    with Api(server, "other_key") as made:
        yield made
