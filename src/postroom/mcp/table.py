"""What a tool is: a row of a table, from which the protocol's list, the calls and the reference are made."""

import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from postroom_client import AsyncClient

Arguments = Mapping[str, Any]


class Api:
    """The server, as tools ask it: with the key of whoever the agent acts for, and by nothing else."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client.with_options(retries=1, most_wait_seconds=10.0)

    async def native(
        self, method: str, path: str, query: Arguments | None = None, body: Any = msgspec.UNSET, *, once: bool = True
    ) -> Any:
        """Our own API. `once`: what changes something carries an Idempotency-Key, so that it is done once if sent twice."""
        key = uuid.uuid4().hex if once and method != "GET" else None
        return await self._client.request(method, "/api" + path, query=query, body=body, idempotency_key=key)

    async def postpost(self, method: str, path: str, query: Arguments | None = None, body: Any = msgspec.UNSET) -> Any:
        """PostPost's API, which is told that an agent asks."""
        key = None if method == "GET" else uuid.uuid4().hex
        return await self._client.request(
            method,
            "/postpost/api/v1" + path,
            query=query,
            body=body,
            headers={"x-postpost-client": "mcp"},
            idempotency_key=key,
        )


class Hints(msgspec.Struct, frozen=True, kw_only=True):
    """What a tool says of itself: hosts of agents ask their people by it. The protocol's own words.

    `destructive`: it may change or remove what is there, rather than only add. `idempotent`: asked again with the same
    arguments it does nothing more. `open_world`: it reaches a network, and so people outside.
    """

    read_only: bool = False
    destructive: bool = False
    idempotent: bool = False
    open_world: bool = False


READS = Hints(read_only=True, idempotent=True)
ASKS = Hints(read_only=True, idempotent=True, open_world=True)
ADDS = Hints(open_world=True)
CHANGES = Hints(destructive=True, idempotent=True, open_world=True)
DELETES = Hints(destructive=True, open_world=True)


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """One tool."""

    name: str
    title: str
    does: str
    """What it does and when to use it, for the model that reads the list."""
    hints: Hints
    call: Callable[[Api, Arguments], Awaitable[Any]]
    takes: Mapping[str, Mapping[str, Any]] = {}
    """Its arguments, by name: JSON Schema."""
    needs: tuple[str, ...] = ()
    """Those that must be given."""
    scope: str = "read"
    """What its key may have to do."""
    marked: bool = False
    """Whether its results have words of other people: those come marked, as `results.MARKED` says."""

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of its arguments: nothing else is taken."""
        return {
            "type": "object",
            "properties": {name: dict(each) for name, each in self.takes.items()},
            "required": list(self.needs),
            "additionalProperties": False,
        }


def text(words: str, **more: Any) -> dict[str, Any]:
    """An argument that is a text."""
    return {"type": "string", "description": words, **more}


def number(words: str, lowest: int, highest: int) -> dict[str, Any]:
    """An argument that is a whole number."""
    return {"type": "integer", "description": words, "minimum": lowest, "maximum": highest}


def choice(words: str, *of: str) -> dict[str, Any]:
    """An argument that is one of a few words."""
    return {"type": "string", "description": words, "enum": list(of)}


def said(arguments: Arguments, *names: str) -> dict[str, Any]:
    """Those of the arguments that were given."""
    return {name: arguments[name] for name in names if arguments.get(name) is not None}
