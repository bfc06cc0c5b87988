"""The start contract: what a server says when it listens, what it keeps, what it refuses, and how it ends."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from websockets.sync.client import connect

from postroom.store.sqlite_files import open_file
from tests.parts.postgres import PostgresServer
from tests.servers import Server, running_server

pytestmark = pytest.mark.slow

NAMES = {"postpress", "connectsafely", "postpost", "native", "dashboard", "sim", "key", "other_key"}


@pytest.fixture(params=["sqlite", "postgres"])
def environment(request: pytest.FixtureRequest) -> dict[str, str]:
    """The settings for each database."""
    if request.param == "sqlite":
        return {}
    return {"POSTROOM_DATABASE_URL": request.getfixturevalue("postgres_url")}


def command(*words: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run `postroom` to its end."""
    path = os.pathsep.join(path for path in sys.path if path)
    return subprocess.run(
        [sys.executable, "-m", "postroom", *words],
        env={**os.environ, "PYTHONPATH": path, **(environment or {})},
        capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def seen(server: Server) -> dict[str, Any]:
    """What a user would notice if it changed: keys, accounts, chats, messages, and what the networks hold."""
    with httpx.Client(headers={"X-API-KEY": server.line["key"]}, timeout=30) as client:
        api = server.line["postpress"] + "/v1"
        messages = client.get(f"{api}/messages?limit=250").json()["items"]
        return {
            "keys": (server.line["key"], server.line["other_key"]),
            "accounts": [item["id"] for item in client.get(f"{api}/accounts").json()["items"]],
            "chats": sorted(item["id"] for item in client.get(f"{api}/chats").json()["items"]),
            "messages": {item["id"]: item["text"] for item in messages},
            "far side": sorted(
                chat["id"] for chat in client.get(server.line["sim"] + "/_sim/network/linkedin/chats").json()["chats"]
            ),
        }


def one_line(ended: subprocess.CompletedProcess[str], *words: str) -> None:
    """It was refused, and one line says why."""
    assert ended.returncode != 0
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    assert all(word in line for word in words), line


def test_the_first_line_is_json_and_comes_when_it_listens(tmp_path: Path) -> None:
    with running_server(tmp_path / "data") as server:
        assert set(server.line) == NAMES
        assert server.line["key"].startswith("pr_test_")
        port = httpx.URL(server.line["native"]).port
        paths = {name: httpx.URL(server.line[name]).path for name in NAMES - {"sim", "key", "other_key"}}
        assert paths == {
            "postpress": "/postpress", "connectsafely": "/connectsafely", "postpost": "/postpost", "native": "/api",
            "dashboard": "/",
        }  # fmt: skip
        assert {httpx.URL(server.line[name]).port for name in paths} == {port}
        assert httpx.get(server.line["native"] + "/health").status_code == 200
        for key, count in (("key", 4), ("other_key", 1)):
            headers = {"authorization": f"Bearer {server.line[key]}"}
            found = httpx.get(server.line["native"] + "/accounts", headers=headers).json()["items"]
            assert len(found) == count
        assert httpx.get(server.line["sim"] + "/_sim/scenarios").status_code == 200
        assert server.stop() == 0
        rest = server.process.stdout
        assert rest is not None
        assert rest.read() == ""


@pytest.mark.parametrize("end", ["SIGTERM", "SIGKILL"])
def test_the_next_start_has_the_same_keys_ids_and_state(tmp_path: Path, environment: dict[str, str], end: str) -> None:
    data = tmp_path / "data"
    with running_server(data, environment=environment) as server:
        before = seen(server)
        if end == "SIGTERM":
            assert server.stop() == 0
        else:
            server.kill()
    with running_server(data, environment=environment) as server:
        after = seen(server)
    # Other people write some more at each start.
    new = {message: after["messages"].pop(message) for message in set(after["messages"]) - set(before["messages"])}
    assert after == before
    assert len(new) < 20


def test_a_sandbox_whose_key_was_revoked_starts_with_another_key_to_the_same_accounts(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running_server(data) as server:
        before = server.line
        held = json.loads(command("key", "list", "--json", "--data", str(data)).stdout)
        (id,) = [each["id"] for each in held if before["key"].startswith(each["prefix"])]
        assert command("key", "revoke", id, "--data", str(data)).returncode == 0
        server.stop()
    with running_server(data) as server:
        assert server.line["other_key"] == before["other_key"]
        assert server.line["key"] != before["key"]
        answer = httpx.get(server.line["native"] + "/accounts", headers={"X-API-KEY": server.line["key"]})
        assert len(answer.json()["items"]) == 4


def test_a_second_server_on_the_same_folder_is_refused_in_one_line(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running_server(data) as server:
        one_line(command("serve", "--sandbox", "--port", "0", "--data", str(data), "--json"), str(data), "nother")
        assert httpx.get(server.line["native"] + "/health").status_code == 200


def test_a_newer_database_is_refused_in_one_line(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running_server(data) as server:
        server.stop()
    with contextlib.closing(open_file(data / "postroom.db")) as opened:
        opened.execute("pragma user_version = 999")
    one_line(command("serve", "--sandbox", "--port", "0", "--data", str(data), "--json"), "999", "newer")


def test_a_newer_postgresql_database_is_refused_in_one_line(
    tmp_path: Path, postgres_url: str, postgres_server: PostgresServer
) -> None:
    async def newer() -> None:
        connection = await asyncpg.connect(postgres_url)
        await connection.execute("insert into schema_versions values (999)")
        await connection.close()

    environment = {"POSTROOM_DATABASE_URL": postgres_url}
    with running_server(tmp_path / "data", environment=environment) as server:
        server.stop()
    asyncio.run(newer())
    words = ("serve", "--sandbox", "--port", "0", "--data", str(tmp_path / "data"), "--json")
    one_line(command(*words, environment=environment), "999", "newer")


@contextlib.contextmanager
def _open_streams(server: Server) -> Iterator[None]:
    """What may keep a server from ending: idle connections, a request that never ends, and WebSockets."""
    url = httpx.URL(server.line["native"])
    address = (url.host, url.port or 0)
    host = f"Host: {url.host}:{url.port}\r\n".encode()
    with contextlib.ExitStack() as held:
        idle = held.enter_context(socket.create_connection(address))
        idle.sendall(b"GET /api/health HTTP/1.1\r\n" + host + b"\r\n")
        slow = held.enter_context(socket.create_connection(address))
        slow.sendall(b"POST /postpost/api/v1/create-post HTTP/1.1\r\n" + host + b"Content-Length: 1000\r\n\r\n{")
        headers = {"authorization": f"Bearer {server.line['key']}"}
        held.enter_context(connect(f"ws://{url.host}:{url.port}/api/events", additional_headers=headers))
        time.sleep(0.3)
        yield


def test_sigterm_ends_it_within_ten_seconds_also_with_open_streams(tmp_path: Path) -> None:
    with running_server(tmp_path / "data") as server:
        sim = httpx.URL(server.line["sim"])
        with _open_streams(server):
            began = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(timeout=15) == 0
            assert time.monotonic() - began < 10
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((sim.host, sim.port or 0)).close()


def test_the_far_side_ends_with_a_server_that_was_killed(tmp_path: Path) -> None:
    with running_server(tmp_path / "data") as server:
        sim = httpx.URL(server.line["sim"])
        server.kill()
        until = time.monotonic() + 10
        with pytest.raises(ConnectionRefusedError):
            while time.monotonic() < until:
                socket.create_connection((sim.host, sim.port or 0)).close()
                time.sleep(0.05)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POSTROOM_PORT", "many"),
        ("POSTROOM_MOST_BODY_BYTES", "0"),
        ("POSTROOM_MASTER_KEY", "short"),
        ("POSTROOM_DATABASE_URL", "mysql://here"),
        ("POSTROOM_PUBLIC_URL", "postroom.example.org"),
        ("POSTROOM_LOG_LEVEL", "LOUD"),
        ("POSTROOM_ALLOWED_NETWORKS", "10.0.0.1/8"),
        ("POSTROOM_KEEP_EVENTS_DAYS", "-1"),
        ("POSTROOM_NO_SUCH_THING", "1"),
        ("POSTROOM_HOST", "203.0.113.9"),
        ("POSTROOM_DATABASE_URL", "postgresql://127.0.0.1:1/none"),
    ],
)
def test_a_wrong_setting_is_one_clear_line(tmp_path: Path, name: str, value: str) -> None:
    # A port of 0 on the command line would win over the setting.
    port = () if name == "POSTROOM_PORT" else ("--port", "0")
    ended = command("serve", *port, "--data", str(tmp_path / "data"), environment={name: value})
    about = {"POSTROOM_HOST": value}.get(name, name)
    one_line(ended, about)


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        one_line(command("serve", "--port", str(port), "--data", str(tmp_path / "data")), str(port))


def test_it_writes_into_its_data_folder_and_nowhere_else(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    before = _untracked(root)
    with running_server(tmp_path / "data") as server:
        seen(server)
        server.stop()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]
    assert _untracked(root) == before
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0
    for secret in ("master.key", "keyring.db", "postroom.db", "sandbox.json"):
        assert (tmp_path / "data" / secret).stat().st_mode & 0o077 == 0, secret


def _untracked(root: Path) -> set[str]:
    """The files that are neither under version control nor ignored, where this is a checkout; else nothing."""
    told = subprocess.run(["git", "status", "--porcelain"], cwd=root, capture_output=True, text=True)
    return {line for line in told.stdout.splitlines() if line.startswith("??")}


def test_a_start_long_after_still_offers_a_message_that_can_be_recalled(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running_server(data) as server:
        answer = httpx.post(server.line["sim"] + "/_sim/clock/advance", json={"seconds": 26 * 3600})
        assert answer.status_code == 200
        assert server.stop() == 0
    with running_server(data) as server:
        headers = {"X-API-KEY": server.line["key"]}
        api = server.line["postpress"] + "/v1/messages"
        offset = httpx.get(server.line["sim"] + "/_sim/clock").json()["now"]
        found = httpx.get(f"{api}?limit=250", headers=headers).json()["items"]
        own = [item for item in found if item["is_sender"] and item["text"]]
        assert max(item["timestamp"] for item in own)[:13] >= offset[:10]
        newest = max(own, key=lambda item: item["timestamp"])
        assert httpx.delete(f"{api}/{newest['id']}", headers=headers, timeout=30).status_code == 200


def test_for_a_person_it_says_whole_commands(tmp_path: Path) -> None:
    path = os.pathsep.join(path for path in sys.path if path)
    process = subprocess.Popen(
        [sys.executable, "-m", "postroom", "serve", "--sandbox", "--port", "0", "--data", str(tmp_path / "data")],
        env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    told = ""
    while "Ctrl-C" not in told:
        line = process.stdout.readline()
        assert line, told
        told += line
    retrieve = next(line.strip() for line in told.splitlines() if "curl" in line and "/v1/messages/" in line)
    recall = next(line.strip() for line in told.splitlines() if "curl -X DELETE" in line)
    assert "until 20" in told
    for line, wanted in ((retrieve, "Message"), (recall, "MessageDeleted")):
        answer = subprocess.run(["/bin/sh", "-c", line.replace("curl", "curl -s", 1)], capture_output=True, text=True)
        assert json.loads(answer.stdout)["object"] == wanted
    posts_go_to = next(line for line in told.splitlines() if "posts go to" in line).split(maxsplit=3)[3]
    assert [each.partition("-")[0] for each in posts_go_to.split(", ")] == ["bluesky", "mastodon", "twitter"]
    _follow_the_picture(told)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=15) == 0
    process.stdout.close()


def _follow_the_picture(told: str) -> None:
    """The printed lines, pasted into a shell: the picture is seen at all three networks, and then nowhere."""
    lines = told.partition("Post a picture")[2].partition("Stop with")[0]
    answer = subprocess.run(["bash", "-c", lines.partition("\n")[2]], capture_output=True, text=True, timeout=30)
    assert (answer.returncode, answer.stderr) == (0, ""), answer.stderr
    shown = answer.stdout.splitlines()
    group, *seen, taken_down = [json.loads(line) for line in shown[-6:-1]]
    assert [post["status"] for post in group["posts"]] == ["published"] * 3
    assert [len(each["posts"][0]["media"]) for each in seen] == [1, 1, 1]
    assert [target["outcome"] for target in taken_down["targets"]] == ["done"] * 3
    assert json.loads(shown[-1]) == {"success": True}
