"""The protocol's server over the table of tools, by the official SDK. Importing this costs a second: only for who needs it."""

from typing import Any

import jsonschema
import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError

from postroom import __version__
from postroom.mcp.results import failure, fenced, marked, pretty
from postroom.mcp.table import Api, Tool
from postroom.mcp.tools import INSTRUCTIONS, TOOLS, described
from postroom_client import AsyncClient, PostroomError

_BY_NAME = {tool.name: tool for tool in TOOLS}
_LISTED = [
    types.Tool(
        name=tool.name,
        title=tool.title,
        description=described(tool),
        input_schema=tool.schema,
        annotations=types.ToolAnnotations(
            title=tool.title,
            read_only_hint=tool.hints.read_only,
            destructive_hint=tool.hints.destructive,
            idempotent_hint=tool.hints.idempotent,
            open_world_hint=tool.hints.open_world,
        ),
    )
    for tool in TOOLS
]


def agent_server(client: AsyncClient) -> Server[Any]:
    """A server whose tools do what this client's key may do."""
    api = Api(client)

    async def list_tools(
        context: ServerRequestContext[Any], params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return types.ListToolsResult(tools=_LISTED)

    async def call_tool(
        context: ServerRequestContext[Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        tool = _BY_NAME.get(params.name)
        if tool is None:
            raise MCPError(types.INVALID_PARAMS, f"There is no tool {params.name!r}.")
        arguments = params.arguments or {}
        wrong = next(jsonschema.Draft202012Validator(tool.schema).iter_errors(arguments), None)
        if wrong is not None:
            return _told({"error": wrong.message, "outcome": "nothing_done"}, is_error=True)
        try:
            found = await tool.call(api, arguments)
        except PostroomError as error:
            return _told(failure(error), is_error=True)
        return _result(tool, found)

    return Server(
        "postroom",
        title="Postroom",
        version=__version__,
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


async def over_stdio(client: AsyncClient) -> None:
    """Serve the agent that started this process, until it closes its end."""
    server = agent_server(client)
    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())


def _result(tool: Tool, found: Any) -> types.CallToolResult:
    if tool.marked:
        shown = marked(found)
        return types.CallToolResult(content=[_text(fenced(shown))], structured_content=shown)
    return _told(found)


def _told(found: Any, *, is_error: bool = False) -> types.CallToolResult:
    structured = found if isinstance(found, dict) else None
    return types.CallToolResult(content=[_text(pretty(found))], structured_content=structured, is_error=is_error)


def _text(words: str) -> types.TextContent:
    return types.TextContent(type="text", text=words)
