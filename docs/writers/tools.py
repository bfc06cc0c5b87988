"""The page of agents' tools, from their table."""

from typing import Any

from postroom.mcp import messaging, postpost
from postroom.mcp.results import MARKED
from postroom.mcp.table import Tool
from postroom.mcp.tools import INSTRUCTIONS


def page() -> str:
    """Every tool with its arguments, what it says of itself, and what its key may have to do."""
    lines = [
        "# Tools for agents",
        "",
        "By the Model Context Protocol, at `/mcp` and from `postroom mcp`: [how to](../howto/agents.md).",
        "One that is destructive may remove or replace something; one of the open world reaches a network, and people there.",
        "Agents are told this of all:",
        "",
        f"> {INSTRUCTIONS}",
    ]
    for title, tools in (("PostPost's", postpost.TOOLS), ("Ours", messaging.TOOLS)):
        lines += ["", f"## {title}", "", "| tool | |", "|---|---|"]
        lines += [f"| [`{tool.name}`](#{tool.name}) | {tool.title} |" for tool in tools]
        for tool in tools:
            lines += ["", *_tool(tool)]
    return "\n".join(lines) + "\n"


def _tool(tool: Tool) -> list[str]:
    hints = tool.hints
    said = [
        "only reads" if hints.read_only else "",
        "destructive" if hints.destructive else "",
        "can be repeated" if hints.idempotent and not hints.read_only else "",
        "open world" if hints.open_world else "",
    ]
    what = ", ".join(each for each in said if each) or "adds"
    lines = [
        f"### {tool.name}",
        "",
        tool.does,
        "",
        f"{what[0].upper()}{what[1:]}. Its key needs the scope `{tool.scope}`.",
    ]
    if tool.marked:
        lines[-1] += " " + MARKED.replace('{"untrusted": "..."}', '`{"untrusted": "..."}`')
    if tool.takes:
        lines += ["", "| argument | |", "|---|---|"]
        lines += [
            f"| `{name}`{'' if name in tool.needs else ' (may be left out)'} | {_argument(schema)} |"
            for name, schema in tool.takes.items()
        ]
    return lines


def _argument(schema: Any) -> str:
    words = str(schema.get("description", ""))
    if "enum" in schema:
        words += " One of " + ", ".join(f"`{each}`" for each in schema["enum"]) + "."
    if "minimum" in schema:
        words += f" {schema['minimum']:,} to {schema['maximum']:,}."
    return words.replace("|", "\\|")
