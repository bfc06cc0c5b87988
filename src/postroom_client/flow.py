"""How calls are made, whoever makes them: what is sent, what is sent again and when, and how an answer is read."""

import random
import time
import uuid
from collections.abc import Collection
from typing import Any, TypeVar

import httpx
import msgspec

from postroom_client.calls import Call, Flow, Give, Open, Options, Page, Send, Wait, at, get, spelled
from postroom_client.errors import (
    Conflict,
    NoAnswer,
    OutcomeUnknown,
    PostroomError,
    Problem,
    ProviderDown,
    RateLimited,
    ServerError,
    Unavailable,
    UnexpectedAnswer,
    of_answer,
)
from postroom_client.types import Events, Position

T = TypeVar("T")

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)
_NOTHING_DONE = (RateLimited, ProviderDown, Unavailable)
_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 15.0
_LONGEST_PAUSE_SECONDS = 4.0
"""How long nobody listens, at most, while the server is away."""
_LONGEST_SILENCE_SECONDS = 15.0
"""After how long more than was asked for the line is taken to be dead."""
LONGEST_POLL_SECONDS = 25


def perform(call: Call[T], options: Options) -> Flow[T]:
    """Make a call, and make it again where that does no harm.

    What only reads is repeated; so is what says that nothing was done, and what carries an Idempotency-Key, by which
    the server does it once. Anything else may have been done already.

    Raises:
        PostroomError: as its class says.
    """
    key = _key(call, options)
    content = call.data if call.body is msgspec.UNSET else msgspec.json.encode(call.body)
    headers = dict(call.headers)
    if content is not None:
        headers.setdefault("Content-Type", "application/json" if call.data is None else "application/octet-stream")
    if key is not None:
        headers["Idempotency-Key"] = key
    step = Send(
        method=call.method,
        url=call.path,
        query=spelled(call.query),
        headers=headers,
        content=content,
        timeout_seconds=options.timeout_seconds + call.waits_seconds,
    )
    answer = yield from _sent(step, options, changes=call.changes, repeatable=not call.changes or key is not None)
    return _read(call, answer)


def _sent(step: Send, options: Options, *, changes: bool, repeatable: bool) -> Flow[httpx.Response]:
    failed, waited = 0, 0.0
    while True:
        answer = yield step
        if isinstance(answer, httpx.Response) and answer.is_success:
            return answer
        error = _error(answer, changes=changes)
        wait = _again(error, failed, options.retries, repeatable=repeatable)
        if wait is None or waited + wait > options.most_wait_seconds:
            raise error
        # What is still being done for the same key is no failure: its answer is worth waiting for.
        failed += 0 if isinstance(error, Conflict) else 1
        waited += wait
        yield Wait(seconds=wait)


def _key(call: Call[Any], options: Options) -> str | None:
    if not call.changes:
        return None
    return options.key or (uuid.uuid4().hex if options.idempotent else None)


def _error(answer: Any, *, changes: bool) -> PostroomError:
    if isinstance(answer, httpx.Response):
        return of_answer(answer, changes=changes)
    not_sent = isinstance(answer, _NOT_SENT)
    detail = "The server could not be reached" if not_sent else "The server's answer was lost"
    error = NoAnswer(f"{detail}: {answer or type(answer).__name__}", in_doubt=changes and not not_sent)
    error.__cause__ = answer
    return error


def _again(error: PostroomError, failed: int, retries: int, *, repeatable: bool) -> float | None:
    """After how many seconds it is sent again; None: it is not."""
    if isinstance(error, Conflict):
        # With the same key, it is being done: that is the one conflict that says when to come again.
        return error.retry_after_seconds if repeatable else None
    if failed >= retries:
        return None
    if isinstance(error, Problem):
        gateway = not error.code and error.status in (502, 503, 504)
        nothing_done = isinstance(error, _NOTHING_DONE) and not error.in_doubt
        if not nothing_done and not (repeatable and gateway):
            return None
        if error.retry_after_seconds is not None:
            return error.retry_after_seconds
    elif error.in_doubt and not repeatable:
        return None
    return _pause(failed)


def _pause(failed: int, longest: float = _LONGEST_WAIT_SECONDS) -> float:
    """Longer each time, and not at the same moment as everybody else."""
    seconds: float = min(_FIRST_WAIT_SECONDS * 2.0 ** min(failed, 10), longest) * random.uniform(0.5, 1.0)
    return seconds


def _read(call: Call[T], answer: httpx.Response) -> T:
    if call.answer is bytes:
        return answer.content  # type: ignore[return-value]
    if call.answer is str:
        return answer.text  # type: ignore[return-value]
    try:
        found: T = msgspec.json.decode(answer.content, type=call.answer)
    except msgspec.DecodeError as error:
        raise UnexpectedAnswer(f"{call.method} {call.path}: {error}") from error
    return found


def walk(call: Call[Page[Any]], options: Options) -> Flow[None]:
    """Give everything that a list has, page by page as it is needed."""
    while True:
        page = yield from perform(call, options)
        for item in page.items:
            yield Give(item=item)
        if page.cursor is None:
            return
        call = msgspec.structs.replace(call, query={**call.query, "cursor": page.cursor})


def put_bytes(url: str, content_type: str, opened: Open, options: Options) -> Flow[None]:
    """PUT a file to an address that was given out for it; sent again, it replaces what came before."""
    step = Send(
        method="PUT",
        url=url,
        headers={"Content-Type": content_type},
        content=opened,
        timeout_seconds=options.timeout_seconds,
    )
    yield from _sent(step, options, changes=False, repeatable=True)


def follow(
    after: int | None, types: Collection[str], give_up_after_seconds: float | None, options: Options
) -> Flow[None]:
    """Give the events of the log as they come, from a position on, through restarts and lost connections."""
    position = after
    if position is None:
        found: Position = yield from perform(get(at("events", "position"), Position), options)
        position = found.position
    heard: float | None = None
    failed = 0
    silence = min(options.timeout_seconds, _LONGEST_SILENCE_SECONDS)
    listening = msgspec.structs.replace(options, retries=0, timeout_seconds=silence)
    while True:
        wait = LONGEST_POLL_SECONDS if heard is not None else 0
        query = {"after": position, "limit": 100, "wait_seconds": wait}
        call = get(at("events"), Events, query, waits_seconds=wait)
        try:
            # At the start nothing has been heard yet, and what is wrong is said; then it is waited for.
            told: Events = yield from perform(call, options if heard is None else listening)
        except (NoAnswer, OutcomeUnknown, RateLimited, ServerError, Unavailable) as error:
            late = heard is not None and give_up_after_seconds is not None
            if heard is None or (late and time.monotonic() - heard > (give_up_after_seconds or 0)):
                raise
            said = error.retry_after_seconds if isinstance(error, Problem) else None
            yield Wait(seconds=_pause(failed, _LONGEST_PAUSE_SECONDS) if said is None else said)
            failed += 1
            continue
        heard, failed = time.monotonic(), 0
        for event in told.items:
            if not types or event.type in types:
                yield Give(item=event)
        position = told.position
