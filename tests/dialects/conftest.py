"""A whole server for what only a whole server shows: raw paths, bodies, headers, streams."""

from collections.abc import Iterator

import httpx
import pytest

from tests.servers import Server, running_server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A sandbox, one for each worker of the run. Tests do not undo what they do: each takes things of its own."""
    with running_server(tmp_path_factory.mktemp("dialects")) as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    """A client with the sandbox's key, under every name that the dialects read it from."""
    with httpx.Client(headers=keys(server.line["key"]), timeout=20) as made:
        yield made


@pytest.fixture
def stranger(server: Server) -> Iterator[httpx.Client]:
    """The same with the other workspace's key."""
    with httpx.Client(headers=keys(server.line["other_key"]), timeout=20) as made:
        yield made


def keys(secret: str) -> dict[str, str]:
    """A key in each header."""
    return {"X-API-KEY": secret, "Authorization": f"Bearer {secret}"}
