"""A proxy in the environment is for the rest of the world: what is on this machine is asked directly, and so is its key."""

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from postroom.cli.webhooks import _forward
from postroom_client import AsyncClient, Client, PostroomError

KEY = "pr_test_not_for_others"


class Heard:
    """Two little servers on loopback, each with what it was asked, key included."""

    def __init__(self) -> None:
        self.proxy: list[str] = []
        self.server: list[str] = []


def serving(heard: list[str]) -> HTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            heard.append(f"{self.path} {self.headers.get('authorization')}")
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    return HTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def port(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Of the server; the environment names the other one as the proxy of everything."""
    proxy, server = serving(heard.proxy), serving(heard.server)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.server_port}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    threads = [threading.Thread(target=each.serve_forever, args=(0.05,)) for each in (proxy, server)]
    for thread in threads:
        thread.start()
    yield server.server_port
    for each in (proxy, server):
        each.shutdown()
        each.server_close()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2"])
def test_this_machine_is_asked_directly(heard: Heard, port: int, host: str) -> None:
    if host == "127.0.0.2":
        with (
            Client(f"http://{host}:{port}", KEY, retries=0, timeout_seconds=2) as postroom,
            pytest.raises(PostroomError),
        ):
            # Nobody listens at that address; nor is anybody else told the key.
            postroom.request("GET", "/api/key")
        assert heard.proxy == []
        return
    with Client(f"http://{host}:{port}", KEY) as postroom:
        assert postroom.request("GET", "/api/key") == {}

    async def awaited() -> None:
        async with AsyncClient(f"http://{host}:{port}", KEY) as postroom:
            assert await postroom.request("GET", "/api/key") == {}

    asyncio.run(awaited())
    assert (heard.server, heard.proxy) == ([f"/api/key Bearer {KEY}"] * 2, [])


def test_what_is_forwarded_to_this_machine_passes_no_proxy(heard: Heard, port: int) -> None:
    assert _forward(f"http://localhost:{port}/hooks", "whsec_c2VjcmV0", {"id": "evt_1"}) == "200 OK"
    assert (len(heard.server), heard.proxy) == (1, [])


def test_the_rest_of_the_world_is_reached_as_the_environment_says(heard: Heard, port: int) -> None:
    with Client("http://postroom.example", KEY) as postroom:
        assert postroom.request("GET", "/api/key") == {}
    assert heard.proxy == [f"http://postroom.example/api/key Bearer {KEY}"]
