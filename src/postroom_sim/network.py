"""What a simulated network is: calls that arrive, answers that leave, and the world in between."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import msgspec
from starlette.datastructures import Headers

from postroom_sim.clock import Clock
from postroom_sim.database import Database
from postroom_sim.faults import Faults
from postroom_sim.switches import Switches

Json = dict[str, Any]


@dataclass(slots=True)
class Call:
    """One request to a network. `path` is raw (percent-encoded as sent) and starts after the network's prefix."""

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes
    operation: str = "unknown"
    account: str | None = None
    effects: Json = field(default_factory=dict)
    """What the matched fault rules ask for; reads look here for stale_read and truncate_page."""

    def json(self) -> Any:
        """The body as JSON whatever its Content-Type says, or None if it is not JSON."""
        try:
            return msgspec.json.decode(self.body) if self.body else None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None


@dataclass(slots=True)
class Answer:
    status: int
    body: bytes = b""
    headers: Json = field(default_factory=dict)
    stream: AsyncGenerator[bytes, None] | None = None


def json_answer(tree: Any, *, status: int = 200, media_type: str = "application/json") -> Answer:
    return Answer(status, msgspec.json.encode(tree), {"content-type": media_type})


class Refused(Exception):
    """The network says no; `answer` is what it says on the wire."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class BadRequest(Exception):
    """A control plane request that cannot be done; becomes a 400 with this text."""


@dataclass(frozen=True, slots=True)
class Scenario:
    network: str
    login: str
    description: str
    example: str


@dataclass(slots=True)
class Ground:
    """What every network stands on."""

    database: Database
    clock: Clock
    faults: Faults
    switches: Switches
    origin: str = "http://127.0.0.1:0"
    seed: int = 1
    replaced: int = 0
    """How often the whole state was replaced: a call that began before does nothing more."""


@runtime_checkable
class HasPosts(Protocol):
    """A network on which one publishes."""

    def posts(self, account: str | None) -> list[Json]:
        """What other people see, oldest first: {id, account, text, created_at, media, reply_to} at least."""


class Observed(Protocol):
    """What other people see of a network's chats, and what they do there."""

    def chats(self, viewer: str | None) -> list[Json]:
        """Newest first: {id, title, kind, participants, last_message_at}."""

    def chat(self, id: str, viewer: str | None) -> Json:
        """The same, with its messages; without a viewer, as the other person sees it."""

    def write(self, chat_id: str, tree: Any) -> Json: ...

    def recall(self, chat_id: str, message_id: str, tree: Any) -> Json: ...

    def edit(self, chat_id: str, message_id: str, tree: Any) -> Json: ...

    def react(self, chat_id: str, message_id: str, tree: Any) -> Json: ...


@runtime_checkable
class HasChats(Protocol):
    """A network on which people write to each other."""

    @property
    def observer(self) -> Observed: ...


@runtime_checkable
class HidesPath(Protocol):
    """A network whose paths have secrets in them."""

    def journal_path(self, call: Call) -> str:
        """The request's path for the journal, without secrets."""


class Network(Protocol):
    """A folder of this package. Adding a network is adding a folder and naming it in `networks`."""

    name: str

    def identify(self, call: Call) -> None:
        """Fill in the call's operation and, when the caller can be known, its account."""

    def answer(self, call: Call) -> Answer:
        """Apply the call. Raises Refused; commits nothing itself."""

    def commit_done(self) -> None:
        """Called after each commit: now tell those who listen."""

    def forget_pending(self) -> None:
        """Called after a rollback."""

    def expired_session(self) -> Answer: ...

    def challenge(self) -> Answer: ...

    def truncate_page(self, answer: Answer, length: int) -> Answer: ...

    def journal_body(self, call: Call) -> Any:
        """The request's body for the journal, without secrets."""

    def journal_query(self, call: Call) -> str: ...

    def seed(self) -> None:
        """Fill an empty world, always the same for the same seed."""

    def freshen(self) -> None:
        """Let some things have happened minutes ago; called at each start."""

    def scenarios(self) -> list[Scenario]: ...

    def end_streams(self, wanted: Callable[[str], bool]) -> int: ...

    def stop(self) -> None: ...


class Quiet:
    """What most networks are, to be built upon: they say nothing by themselves, and have no streams and no pages."""

    def commit_done(self) -> None:
        """Nobody listens."""

    def forget_pending(self) -> None:
        """Nothing is pending."""

    def truncate_page(self, answer: Answer, length: int) -> Answer:
        return answer

    def journal_body(self, call: Call) -> Any:
        """Only JSON, and only where a network keeps no secret in it."""
        return call.json()

    def journal_query(self, call: Call) -> str:
        return call.query

    def seed(self) -> None:
        """Its people are always the same, and have posted nothing."""

    def freshen(self) -> None:
        """It has nothing to say by itself."""

    def end_streams(self, wanted: Callable[[str], bool]) -> int:
        return 0

    def stop(self) -> None:
        """No streams to end."""
