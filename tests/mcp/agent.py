"""An agent of the official SDK, at a house in this process."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from postroom.domain.access import EVERYDAY_SCOPES, NO_BUDGET, DeleteBudget, Scope
from tests.scene import Scene

Result = dict[str, Any]
Asgi = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]
URL = "http://127.0.0.1/mcp"


class Agent:
    """What an agent calls, and is told."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def ask(self, tool: str, **arguments: Any) -> Result:
        """What a tool answers, as structured data."""
        found = await self.client.call_tool(tool, arguments)
        assert not found.is_error, found.content
        result: Result = found.structured_content
        return result

    async def text(self, tool: str, **arguments: Any) -> str:
        """The same as the model reads it."""
        found = await self.client.call_tool(tool, arguments)
        return "\n".join(each.text for each in found.content if each.type == "text")

    async def fail(self, tool: str, **arguments: Any) -> Result:
        """How a tool fails."""
        found = await self.client.call_tool(tool, arguments)
        assert found.is_error, found.content
        result: Result = found.structured_content
        return result


@contextlib.asynccontextmanager
async def agent(app: Asgi, secret: str, *, mode: Any = "auto") -> AsyncIterator[Agent]:
    """An agent with this key, over streamable HTTP."""
    transport = httpx2.ASGITransport(app=app)
    headers = {"authorization": f"Bearer {secret}"}
    async with (
        httpx2.AsyncClient(transport=transport, headers=headers, timeout=60) as http,
        Client(streamable_http_client(URL, http_client=http), mode=mode) as client,
    ):
        yield Agent(client)


async def secret_of(scene: Scene, budget: DeleteBudget = NO_BUDGET, workspace_id: str | None = None) -> tuple[str, str]:
    """A key for an agent: its id and its secret."""
    made, secret = await scene.services.access.issue_key(
        workspace_id or scene.caller.workspace_id, "agent", EVERYDAY_SCOPES | {Scope.ADMIN}, budget=budget
    )
    return made.id, secret
