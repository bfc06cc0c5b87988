import asyncio
import socket

import httpx
import pytest

from tests.parts.loopback import LeavesLoopback, is_loopback


def test_a_plain_socket_does_not_leave() -> None:
    with socket.socket() as plain, pytest.raises(LeavesLoopback, match="192.0.2.1"):
        plain.connect(("192.0.2.1", 80))


async def test_an_asyncio_connection_does_not_leave() -> None:
    with pytest.raises(LeavesLoopback):
        await asyncio.open_connection("192.0.2.1", 80)


async def test_a_name_is_not_looked_up_elsewhere() -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(LeavesLoopback, match="network.example"):
            await client.get("https://network.example/")


@pytest.mark.parametrize(
    ("host", "stays"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True), ("::ffff:127.0.0.1", True)]
    + [("10.0.0.1", False), ("0.0.0.1", False), ("::ffff:10.0.0.1", False), ("example.org", False)],
)
def test_loopback_is_told_from_the_rest(host: str, stays: bool) -> None:
    assert is_loopback((host, 80)) is stays
