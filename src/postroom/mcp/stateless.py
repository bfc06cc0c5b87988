"""One request of streamable HTTP, answered by the SDK without a session: what it needs ends with its answer."""

import logging
from typing import Any

import httpx
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from postroom.mcp.server import agent_server
from postroom_client import AsyncClient

_ACCEPT = b"application/json, text/event-stream"
_HERE = "http://127.0.0.1"

# It tells of each request; what goes wrong it tells as an error.
logging.getLogger("mcp").setLevel(logging.ERROR)


async def answer(key: str, transport: httpx.AsyncBaseTransport, scope: Any, receive: Any, send: Any) -> None:
    """Answer a request with the tools of this key. Origin, host and key were looked at before."""
    headers = [(name, value) for name, value in scope["headers"] if name not in (b"accept", b"mcp-session-id")]
    scope = {**scope, "headers": [*headers, (b"accept", _ACCEPT)]}
    async with AsyncClient(_HERE, key, transport=transport) as client:
        manager = StreamableHTTPSessionManager(agent_server(client), json_response=True, stateless=True)
        async with manager.run():
            await manager.handle_request(scope, receive, send)
