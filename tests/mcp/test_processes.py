"""Agents as they come: `postroom mcp` started by an agent, and /mcp of a server that runs."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from postroom.mcp.http import NOT_INSTALLED
from tests.mcp.agent import Agent
from tests.scene import Scene
from tests.scene import the_scene as the_scene
from tests.servers import Server, running_server

COMMAND = ["-m", "postroom", "mcp"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("agents") / "data") as made:
        yield made


def address(server: Server) -> str:
    return server.line["native"].removesuffix("/api")


def environment(server: Server) -> dict[str, str]:
    path = os.pathsep.join(each for each in sys.path if each)
    return {"PYTHONPATH": path, "POSTROOM_SERVER": address(server), "POSTROOM_KEY": server.line["key"]}


async def deleted_in_two_steps(ask: Agent) -> None:
    (account,) = (await ask.ask("list_accounts", provider="linkedin"))["items"]
    chats = (await ask.ask("list_chats", account_id=account["id"]))["items"]
    sent = await ask.ask("send_message", chat_id=chats[0]["id"], text="Hello from an agent")
    shown = await ask.ask("preview_deletion", kind="message", id=sent["message_id"])
    assert shown["content"]["text"] == {"untrusted": "Hello from an agent"}
    done = await ask.ask("confirm_deletion", kind="message", id=sent["message_id"], token=shown["token"])
    assert done["done"] == "deleted"
    assert (await ask.ask("get_message", message_id=sent["message_id"]))["deleted_at"]


async def test_an_agent_that_starts_the_command_recalls_a_message(server: Server) -> None:
    started = StdioServerParameters(command=sys.executable, args=COMMAND, env=environment(server))
    async with Client(started) as client:
        assert len((await client.list_tools()).tools) >= 18
        await deleted_in_two_steps(Agent(client))


async def test_an_agent_at_a_server_that_runs_recalls_a_message(server: Server) -> None:
    headers = {"x-api-key": server.line["key"]}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(f"{address(server)}/mcp", http_client=http)) as client,
    ):
        await deleted_in_two_steps(Agent(client))


def test_the_command_says_in_a_line_what_it_lacks(server: Server, tmp_path: Path) -> None:
    def said(**changed: str) -> tuple[int, str]:
        given = {**os.environ, **environment(server), **changed}
        ran = subprocess.run(
            [sys.executable, *COMMAND],
            env=given,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            cwd=tmp_path,
        )
        assert ran.stdout == ""
        return ran.returncode, ran.stderr

    code, words = said(POSTROOM_KEY="pr_test_nobody")
    assert (code, words.count("\n"), "revoked" in words) == (2, 1, True)
    code, words = said(POSTROOM_KEY="")
    assert (code, words.count("\n"), "POSTROOM_KEY" in words) == (2, 1, True)
    code, words = said(POSTROOM_SERVER="http://127.0.0.1:9")
    assert (code, words.count("\n"), "127.0.0.1:9" in words) == (2, 1, True)
    # As where the extra is not installed: nothing is found under its name.
    hidden = tmp_path / "sitecustomize.py"
    hidden.write_text(
        "import importlib.util as u\nfind = u.find_spec\nu.find_spec = lambda name, *more: None if name == 'mcp' else "
        "find(name, *more)\n"
    )
    code, words = said(PYTHONPATH=os.pathsep.join((str(tmp_path), environment(server)["PYTHONPATH"])))
    assert (code, words.count("\n"), "postroom[agents]" in words) == (2, 1, True)


async def test_without_the_sdk_the_server_says_what_to_install(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "mcp" else find(name, *more))
    transport = httpx.ASGITransport(app=scene.house.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        answer = await http.post("/mcp", json={})
    assert (answer.status_code, answer.json()) == (501, {"error": NOT_INSTALLED})
