"""The pages of errors and of events, from the code's own catalogues."""

import ast
import itertools
from pathlib import Path

import msgspec

from postroom.dialects.operation import Dialect, Operation, class_of
from postroom.dialects.request import Request
from postroom.domain.events import EventData, EventType
from postroom.errors import (
    ActionRequired,
    Conflict,
    CredentialsRejected,
    ErrorCode,
    InvalidParameters,
    LoginFailed,
    NotAuthenticated,
    NotFound,
    NotSupported,
    OutcomeUnknown,
    PostroomError,
    ProviderDown,
    ProviderError,
    RateLimited,
    Refused,
    Unavailable,
)


def errors(dialects: dict[str, Dialect]) -> str:
    """Every code, with the status that it has in each API."""
    lines = [
        "# Errors",
        "",
        "Every failure says whether anything changed, and what to do next. Each API words it as its vendor does; the code",
        "behind it is one of these. PostPress has it as `type` (`errors/<code>`), ConnectSafely as `code` beside `error`, our",
        "own API as `code` and `type` (`urn:postroom:error:<code>`). PostPost has sentences.",
        "",
        "The status is that of an operation that lists it; one that does not answers with the nearest that it has.",
        "",
        "| code | what happened | "
        + " | ".join(each.title.rpartition(" as ")[2].replace("Postroom", "our own") for each in dialects.values())
        + " |",
        "|---|---|" + "---|" * len(dialects),
    ]
    made: set[tuple[type[PostroomError], ErrorCode]] = set()
    for kind in _classes(PostroomError):
        for code in kind.codes:
            if (kind, code) in made or kind is ProviderError:
                continue
            made.add((kind, code))
            statuses = [str(_status(dialect, kind(code=code))) for dialect in dialects.values()]
            lines.append(f"| `{code}` | {_first(kind)} | {' | '.join(statuses)} |")
    lines += ["", "## What to do", "", "| what happened | did anything change? | then |", "|---|---|---|"]
    lines += [f"| {_first(kind)} | {changed} | {then} |" for kind, (changed, then) in _THEN.items()]
    return "\n".join(lines) + "\n"


_THEN: dict[type[PostroomError], tuple[str, str]] = {
    InvalidParameters: ("no", "Mend the request: the sentence names what is wrong with it."),
    NotAuthenticated: ("no", "Send a key that is not revoked, with the scope that the operation needs."),
    NotFound: ("no", "Look for it with the key of the workspace that it belongs to."),
    Conflict: ("not by this call", "In flight: ask again in a moment. Another request: take another Idempotency-Key."),
    Unavailable: ("no", "Ask again, each time later."),
    NotSupported: ("no", "The network cannot do it: `GET /api/capabilities` says what each can."),
    Refused: ("no", "Read the sentence: it has the network's reason, or the deadline that has passed."),
    CredentialsRejected: ("no", "Have the owner link the account again."),
    ActionRequired: ("no", "Have the owner do at the network what it asks, then link again."),
    LoginFailed: ("no", "Begin a new attempt to link."),
    RateLimited: ("no", "Ask again after `Retry-After`."),
    ProviderDown: ("no", "Ask again, each time later."),
    OutcomeUnknown: (
        "nobody knows yet",
        "Do not repeat a send. Asking for a deletion again is safe. `recall.settled` and `deferral.settled` say how it ended.",
    ),
    PostroomError: ("as the log says", "A bug of ours: the log has the request's id, which is in the answer."),
}


def _classes(kind: type[PostroomError]) -> list[type[PostroomError]]:
    below = [each for each in kind.__subclasses__() if each.__module__ == PostroomError.__module__]
    return [kind, *(each for child in below for each in _classes(child))]


def _status(dialect: Dialect, error: PostroomError) -> int:
    nothing: Operation | None = None
    assert class_of(error)
    return dialect.failure(
        error, nothing, Request({"type": "http", "method": "GET", "path": "/", "headers": []})
    ).status


def _first(kind: type) -> str:
    return (kind.__doc__ or "").split("\n")[0]


def events(source: Path) -> str:
    """Every type of event in its own words, and what an event has."""
    tree = ast.parse(source.read_text())
    words = {name: _words(tree, name) for name in ("EventType", "EventData", "Event")}
    missing = [each.name for each in EventType if each.name not in words["EventType"]]
    if missing:
        raise SystemExit(f"{source}: say under {', '.join(missing)} what it means, as under the others")
    lines = [
        "# Events",
        "",
        "One ordered log for each workspace. Polling (`GET /api/events`), WebSocket (`/api/events`) and",
        "[webhooks](../howto/webhooks.md) read the same one, by the same cursor: `position`. Events carry ids; what an event",
        "is about is joined when it is told, as it then stands: a message that was recalled meanwhile comes without its words.",
        "",
        "| type | when |",
        "|---|---|",
        *(f"| `{each}` | {words['EventType'][each.name]} |" for each in EventType),
        "",
        "PostPress's, ConnectSafely's and PostPost's webhooks have names of their own for some of these: see",
        "[webhooks](../howto/webhooks.md).",
        "",
        "## What an event has",
        "",
        "`position`, `id`, `type`, `created_at`, and `data` with those of the following that are known. Beside `data` stands",
        "what it is about, such as `message` or `account`, as our own API answers with it.",
        "",
        "| in `data` | |",
        "|---|---|",
    ]
    fields = [each.name for each in msgspec.structs.fields(EventData)]
    lines += [f"| `{name}` | {words['EventData'].get(name, '')} |" for name in fields]
    return "\n".join(lines) + "\n"


def _words(tree: ast.Module, name: str) -> dict[str, str]:
    """What the source says under each name of a class."""
    body = next(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    found = {}
    for line, text in itertools.pairwise(body):
        target = line.targets[0] if isinstance(line, ast.Assign) else getattr(line, "target", None)
        if isinstance(target, ast.Name) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            found[target.id] = " ".join(str(text.value.value).split())
    return found
