"""What a person does with posts, over HTTP and nothing else: published on three networks and taken down again; a
platform emptied of all that is scheduled."""

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.pictures import png
from tests.servers import Server, running_server

pytestmark = pytest.mark.slow

NETWORKS = ("bluesky", "mastodon", "twitter")
PAGE = 20
Json = dict[str, Any]


class Client:
    """A client of PostPost's API, and of ours for what that one has not."""

    def __init__(self, server: Server, http: httpx.Client) -> None:
        self._line, self._http = server.line, http

    def post(self, method: str, path: str, body: Json | None = None, **parameters: Any) -> Json:
        """An operation of PostPost's."""
        return self._call(method, f"{self._line['postpost']}/api/v1/{path}", body, parameters)

    def native(self, method: str, path: str) -> Json:
        """An operation of our own API."""
        return self._call(method, f"{self._line['native']}/{path}", None, {})

    def sim(self, path: str, body: Json | None = None) -> Json:
        """What the simulated networks show, or are told."""
        return self._call("GET" if body is None else "POST", f"{self._line['sim']}/_sim/{path}", body, {})

    def status(self, group: str) -> str:
        return str(self.post("GET", f"get-post/{group}")["status"])

    def is_gone(self, group: str) -> bool:
        answer = self._http.get(f"{self._line['postpost']}/api/v1/get-post/{group}")
        return (answer.status_code, answer.json()) == (404, {"error": "Post group not found"})

    def orphans(self) -> float:
        """How many of the stored bytes no file needs."""
        told = self._http.get(f"{self._line['native']}/metrics").text
        found = re.search(r"^postroom_media_orphans(?:{.*})? (\S+)$", told, re.M)
        assert found is not None, told
        return float(found[1])

    def upload(self, group: str, content: bytes, alt_text: str) -> None:
        kind = {"contentType": "image/png", "type": "image", "altText": alt_text}
        wanted = self.post("POST", "get-upload-url", {"postGroupId": group, "fileName": "boat.png", **kind})
        answer = self._http.put(wanted["uploadUrl"], content=content, headers={"content-type": "image/png"})
        assert answer.status_code == 200, answer.text

    def _call(self, method: str, url: str, body: Json | None, parameters: Json) -> Json:
        answer = self._http.request(method, url, json=body, params=parameters)
        assert answer.status_code < 300, f"{method} {url}: {answer.text}"
        return dict(answer.json())


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A server as a newcomer starts it, on each database, and a client with its key."""
    folder: Path = tmp_path_factory.mktemp("publishing") / "data"
    with contextlib.ExitStack() as stack:
        environment = {}
        if request.param == "postgres":
            postgres = request.getfixturevalue("postgres_server")
            environment["POSTROOM_DATABASE_URL"] = postgres.create()
            stack.callback(postgres.drop, environment["POSTROOM_DATABASE_URL"])
        server = stack.enter_context(running_server(folder, environment=environment))
        headers = {"x-api-key": server.line["key"]}
        yield Client(server, stack.enter_context(httpx.Client(headers=headers, timeout=30)))


@pytest.fixture(scope="module")
def ids(client: Client) -> dict[str, str]:
    """The ids of the accounts that take posts, by network."""
    held = [each["platformId"] for each in client.post("GET", "platform-connections")["connections"]]
    return {each.partition("-")[0]: each for each in held}


def eventually(what: Callable[[], bool], seconds: float = 20) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if what():
            return True
        time.sleep(0.05)
    return what()


def test_a_picture_is_published_on_three_networks_taken_down_from_all_and_leaves_nothing(
    client: Client, ids: dict[str, str]
) -> None:
    assert set(NETWORKS) == set(ids)
    text = "The harbour at six in the morning"
    group = client.post("POST", "create-post", {"content": text, "platforms": list(ids.values())})["postGroupId"]
    client.upload(group, png(size=(64, 48)), "Two boats in the fog")
    assert client.status(group) == "draft"
    client.post("PUT", f"update-post/{group}", {"status": "scheduled"})
    assert eventually(lambda: client.status(group) not in ("scheduled", "processing"))

    made = client.post("GET", f"get-post/{group}")
    assert [(post["platform"], post["status"]) for post in made["posts"]] == [(each, "published") for each in ids]
    for post in made["posts"]:
        assert post["permalink"].startswith("https://")
        (live,) = client.sim(f"network/{post['platform']}/posts")["posts"]
        assert (live["id"], live["text"]) == (post["postedId"], text)
        ((kind, alt),) = [(each["type"], each["alt"]) for each in live["media"]]
        assert (kind, alt) == ("image", "Two boats in the fog")

    asked = client.native("POST", f"post-groups/{group}/take-down")
    assert asked["settled_at"] is not None
    assert sorted((each["platform"], each["outcome"]) for each in asked["targets"]) == [(n, "done") for n in NETWORKS]
    assert [client.sim(f"network/{each}/posts")["posts"] for each in NETWORKS] == [[], [], []]

    assert client.post("DELETE", f"delete-post/{group}") == {"success": True}
    assert client.is_gone(group)
    # Its upload address was given out: when that has expired, what came by it is purged once more.
    client.sim("clock/advance", {"seconds": 3700})
    assert eventually(lambda: client.orphans() == 0)


@pytest.mark.parametrize("order", [{}, {"sortBy": "scheduledTime", "sortOrder": "asc"}])
def test_all_that_is_scheduled_for_a_platform_is_deleted_by_cursor_and_nothing_else(
    client: Client, ids: dict[str, str], order: dict[str, str]
) -> None:
    # Three of them are due at each moment, so that places in the list are shared.
    moments = [(datetime.now(UTC) + timedelta(days=2 + n)).isoformat().replace("+00:00", "Z") for n in range(40)]

    def schedule(n: int, *networks: str, draft: bool = False) -> str:
        body = {"content": f"Number {n}", "platforms": [ids[network] for network in networks]}
        if not draft:
            body["scheduledTime"] = moments[n // 3]
        return str(client.post("POST", "create-post", body)["postGroupId"])

    for count in (0, 1, PAGE - 1, PAGE, PAGE + 1, 45, 101):
        wanted, others = set[str](), set[str]()
        for n in range(count):
            wanted.add(schedule(n, "twitter", "bluesky") if n % 7 == 3 else schedule(n, "twitter"))
            if n % 4 == 0:
                others.add(schedule(n, *(("mastodon",), ("bluesky", "mastodon"))[n % 8 == 0]))
        others |= {schedule(0, "twitter", draft=True), schedule(0, "bluesky")}

        deleted: list[str] = []
        parameters: dict[str, Any] = {"status": "scheduled", "platform": "twitter", **order}
        while True:
            page = client.post("GET", "list-posts", **parameters)
            for post in page["posts"]:
                client.post("DELETE", f"delete-post/{post['postGroupId']}")
                deleted.append(post["postGroupId"])
            cursor = page["pagination"]["nextCursor"]
            if cursor is None:
                break
            parameters = {"cursor": cursor}

        assert len(deleted) == count
        assert set(deleted) == wanted
        left = client.post("GET", "list-posts", status="scheduled", platform="twitter")
        assert (left["posts"], left["pagination"]["totalItems"]) == ([], 0)
        assert all(client.is_gone(each) for each in wanted)
        for other in others:
            assert client.status(other) in ("scheduled", "draft")
            client.post("DELETE", f"delete-post/{other}")
