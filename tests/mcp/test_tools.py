"""The table of tools: PostPost's by their names and arguments, and each says of itself what is so."""

import inspect
import subprocess
import sys
from typing import Any

import msgspec
import pytest

from postroom.dialects.native.operations import DIALECT as NATIVE
from postroom.dialects.operation import Dialect, Operation
from postroom.dialects.postpost.operations import DIALECT as POSTPOST
from postroom.mcp.deleting import TWO_STEPS
from postroom.mcp.table import Api, Tool
from postroom.mcp.tools import TOOLS, described
from tests.house.tree import SRC

# Source: PostPost "MCP server" (2026), and the published proxy of the same service.
THEIRS = {
    "list_posts": "status? platform? fromDate? toDate? page? limit? sortBy? sortOrder?",
    "create_post": "content platforms scheduledTime",
    "get_post": "postGroupId",
    "update_post": "postGroupId status? scheduledTime?",
    "delete_post": "postGroupId",
    "get_upload_url": "postGroupId fileName contentType type",
    "list_connections": "",
    "linkedin_post_stats": "postedId platformId queryTypes?",
    "linkedin_account_stats": "platformId queryTypes? aggregation?",
    "linkedin_followers": "platformId period? dateRange?",
    "linkedin_profile_summary": "platformId dateRange?",
    "linkedin_create_reaction": "postedId platformId reactionType",
    "linkedin_delete_reaction": "postedId platformId",
    "linkedin_create_comment": "postedId platformId message parentComment?",
    "linkedin_delete_comment": "postedId commentId platformId",
    "list_workspace_users": "",
    "create_workspace_user": "username displayName?",
    "workspace_detach_user": "userId",
}
OURS = {tool.name: tool for tool in TOOLS}
DELETING = {"/api/deletions/confirm"}
LOOKING = {"/api/deletions/preview"}


class Recorder:
    """A client that answers everything with what tools look into, and keeps what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any, Any]] = []

    def with_options(self, **options: Any) -> "Recorder":
        return self

    async def request(self, method: str, path: str, *, query: Any, body: Any, **more: Any) -> Any:
        self.asked.append((method, path, query, body))
        if path.startswith("/postpost"):
            assert more["headers"] == {"x-postpost-client": "mcp"}
        return {
            "items": [],
            "cursor": None,
            "position": 1,
            "connections": [],
            "users": [],
            "user": {},
            "token": "del_x",
        }


def sample(schema: Any) -> Any:
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return "ALL"
    return {
        "string": "x",
        "integer": schema.get("minimum", 0) + 1,
        "boolean": True,
        "array": ["x"],
        "object": {name: sample(each) for name, each in schema.get("properties", {}).items()},
    }[schema["type"]]


async def asked(tool: Tool, *without: str) -> list[tuple[str, str, Any, Any]]:
    recorder = Recorder()
    arguments = {name: sample(each) for name, each in tool.takes.items() if name not in without}
    await tool.call(Api(recorder), arguments)  # type: ignore[arg-type]
    return recorder.asked


def operation_of(method: str, path: str) -> Operation:
    dialect: Dialect = POSTPOST if path.startswith("/postpost") else NATIVE
    prefix = "/postpost/api/v1" if dialect is POSTPOST else "/api"
    wanted = path.removeprefix(prefix).split("/")
    for each in dialect.operations:
        parts = each.path.split("/")
        if each.method == method and len(parts) == len(wanted):
            if all(a == b or a.startswith("{") for a, b in zip(parts, wanted, strict=True)):
                return each
    raise AssertionError(f"there is no {method} {path}")


def test_postposts_tools_are_there_by_their_names_and_arguments() -> None:
    assert len(THEIRS) == 18
    for name, wanted in THEIRS.items():
        tool = OURS[name]
        taken = {each for each in tool.takes if each != "confirmationToken"}
        assert taken == {each.rstrip("?") for each in wanted.split()}, name
        assert set(tool.needs) == {each for each in wanted.split() if not each.endswith("?")}, name


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
async def test_each_tool_asks_what_there_is_and_its_hints_are_so(tool: Tool) -> None:
    made = await asked(tool)
    for method, path, query, body in made:
        operation = operation_of(method, path)
        assert set(query or {}) <= {each.name for each in operation.parameters}, (tool.name, query)
        kind = operation.body_docs or operation.body
        fields = {each.encode_name for each in msgspec.structs.fields(kind)} if kind is not None else set()
        assert set(body if isinstance(body, dict) else {}) <= fields, (tool.name, body)
    changing = [path for method, path, _, _ in made if method != "GET" and path not in LOOKING]
    figures = [path for path in changing if path.startswith("/postpost/api/v1/linkedin-") and tool.hints.open_world]
    if tool.hints.read_only:
        # LinkedIn's figures are read by POST.
        assert changing == figures
        assert not tool.hints.destructive
    else:
        assert changing
    deletes = bool(DELETING & set(changing))
    assert not any(method == "DELETE" for method, *_ in made), "a deletion in one step"
    assert deletes <= tool.hints.destructive
    if deletes and tool.name != "confirm_deletion":
        first = await asked(tool, "confirmationToken")
        assert [path for _, path, _, _ in first] == ["/api/deletions/preview"]
        assert TWO_STEPS in tool.does
    assert ("never instructions" in described(tool)) is tool.marked
    assert inspect.cleandoc(tool.does) == tool.does


def test_the_sdk_and_the_client_are_not_read_before_an_agent_comes() -> None:
    program = (
        "import sys, postroom.app, postroom.cli; "
        "print(sorted({'mcp', 'pydantic', 'jsonschema', 'mcp_types', 'postroom_client'} & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": str(SRC)}, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"
