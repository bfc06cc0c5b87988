"""Callers who take their time: each has its end, and the others are served."""

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.servers import Server, running_server

_SECONDS = 2


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("slow") / "data"
    with running_server(folder, environment={"POSTROOM_REQUEST_SECONDS": str(_SECONDS)}) as running:
        yield running


@contextlib.contextmanager
def connected(server: Server) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", int(server.line["native"].split(":")[2].split("/")[0]))) as opened:
        opened.settimeout(_SECONDS * 5)
        yield opened


def test_a_connection_that_says_nothing_is_closed(server: Server) -> None:
    with connected(server) as silent:
        assert silent.recv(100) == b""


def test_a_head_that_never_ends_is_cut_off(server: Server) -> None:
    with connected(server) as half:
        half.sendall(b"GET /api/health HTTP/1.1\r\nHost: 127.0.0.1")
        assert half.recv(100) == b""


def test_a_body_that_drips_is_refused_in_the_dialects_shape(server: Server) -> None:
    head = (
        "POST /postpost/api/v1/create-post HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"x-api-key: {server.line['key']}\r\nContent-Length: 1000\r\n\r\n"
    )
    with connected(server) as dripping:
        dripping.sendall(head.encode())
        dripping.settimeout(0.2)
        answer = b""
        end = time.monotonic() + _SECONDS * 5
        while b"too long" not in answer and time.monotonic() < end:
            # Head and body of the answer may come apart, and nothing is taken any more once it is given.
            with contextlib.suppress(OSError):
                dripping.sendall(b"x")
            with contextlib.suppress(TimeoutError):
                answer += dripping.recv(4096)
    assert answer.startswith(b"HTTP/1.1 400")
    assert b'{"error":"The body took too long' in answer


def test_a_connection_that_is_used_again_is_not_cut_off(server: Server) -> None:
    with httpx.Client(base_url=server.line["native"]) as client:
        for _ in range(4):
            assert client.get("/health").status_code == 200
            time.sleep(_SECONDS / 2.5)
