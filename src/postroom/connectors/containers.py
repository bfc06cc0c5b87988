"""Publishing in two steps, as Threads and Instagram have it: a container is made, and published once.

What may be live is known by its container: it says PUBLISHED, and the post is then looked up in the account's list.

Source: Threads API documentation, "Troubleshooting" and "Publishing"; Instagram Platform documentation, "IG Container",
checked 2026-11-21.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from postroom.connectors.contract import Attempt
from postroom.connectors.graph import Absent, Graph, words
from postroom.domain.remote import PublishedPost
from postroom.errors import NotSupported, OutcomeUnknown, ProviderDown, Refused, Unprocessable

Json = Any
Look = Callable[[str], Awaitable[PublishedPost | None]]
"""Look a post up in the account's list, by what `graph.words` made of its text."""
Make = Callable[[Sequence[str]], Awaitable[str]]
MakeChild = Callable[[], Awaitable[str]]

_PUBLISHED, _READY, _WORKING = "PUBLISHED", "FINISHED", "IN_PROGRESS"
_GONE = "GONE"
_PAUSES = (1.0, 2.0, 3.0)
_COME_BACK_SECONDS = 15.0
_CLOCKS_DIFFER = timedelta(minutes=2)


class Spelling(msgspec.Struct, frozen=True, kw_only=True):
    """What the two networks call the same things."""

    publish: str
    """The edge that publishes."""
    status: str
    """The field that says where a container stands."""
    reason: str
    """The field that says why it failed."""


class Containers:
    """The containers of one account."""

    def __init__(self, graph: Graph, spelling: Spelling, user_id: str, wait_seconds: float) -> None:
        """`wait_seconds`: how long one attempt waits for the network to have fetched and prepared the files."""
        self._graph = graph
        self._spelling = spelling
        self._user_id = user_id
        self._wait_seconds = wait_seconds

    async def publish(
        self,
        token: str,
        attempt: Attempt,
        children: Sequence[MakeChild],
        make: Make,
        look: Look,
        *,
        digest: str,
        words: str,
    ) -> str | PublishedPost:
        """Publish what `make` makes of the `children`, or the container that an earlier attempt left.

        `digest` is the draft's: of another one nothing is used. `words` is noted, for `look`.

        The new post's id; or the whole post, where it turns out that an earlier attempt had published it.

        Raises:
            ProviderDown: the network is still preparing it; the next attempt goes on from here.
            OutcomeUnknown: it may be live.
        """
        container = _noted(attempt, "container")
        if container is not None:
            status, _ = await self._status(token, container)
            if status == _PUBLISHED:
                return await self._landed(attempt, look)
            if status not in (_READY, _WORKING) or _noted(attempt, "digest") != digest:
                container = None
        if container is None:
            container = await make(await self._children(token, attempt, children, digest))
            await attempt.write({"container": container, "digest": digest, "words": words})
        await self._prepared(token, container)
        try:
            return await self._graph.post(
                "publish",
                f"{self._user_id}/{self._spelling.publish}",
                token,
                {"creation_id": container},
                publishes=True,
            )
        except (Refused, ProviderDown):
            # A container is published once: a no may mean that a call which was given up has come through after all.
            if (await self._status(token, container))[0] == _PUBLISHED:
                return await self._landed(attempt, look)
            raise

    async def find(self, token: str, attempt: Attempt, look: Look) -> PublishedPost | None:
        """What became of the noted container; None: it was not published, and may be."""
        container = _noted(attempt, "container")
        if container is None:
            # It is noted before it is published.
            return None
        status, _ = await self._status(token, container)
        if status == _PUBLISHED:
            return await self._landed(attempt, look)
        if status != _GONE:
            return None
        found = await look(_noted(attempt, "words") or "")
        if found is None:
            raise NotSupported("The network does not know the container any more.")
        return found

    async def _landed(self, attempt: Attempt, look: Look) -> PublishedPost:
        found = await look(_noted(attempt, "words") or "")
        if found is None:
            raise OutcomeUnknown("It was published, and the account's list does not show it yet.")
        return found

    async def _children(self, token: str, attempt: Attempt, children: Sequence[MakeChild], digest: str) -> list[str]:
        """The containers of a carousel's files, all prepared; those that an earlier attempt left are used."""
        if not children:
            return []
        note = attempt.note if isinstance(attempt.note, Mapping) else {}
        noted = note.get("children")
        held = [each for each in noted if isinstance(each, str)] if isinstance(noted, Sequence) else []
        if _noted(attempt, "digest") != digest:
            held = []
        standing = [(await self._status(token, each))[0] in (_READY, _WORKING) for each in held]
        if len(held) != len(children) or not all(standing):
            held = [await make_child() for make_child in children]
            await attempt.write({"children": held, "digest": digest})
        for each in held:
            await self._prepared(token, each)
        return held

    async def _prepared(self, token: str, container: str) -> None:
        """Wait until a container can be used.

        Raises:
            ProviderDown: it takes longer than an attempt waits.
            Unprocessable: the network cannot use the files.
        """
        until = time.monotonic() + self._wait_seconds
        for pause in (*_PAUSES, *([5.0] * 1000)):
            status, reason = await self._status(token, container)
            if status == _READY:
                return
            if status in (_GONE, "EXPIRED"):
                raise ProviderDown("The network has forgotten the container: it is made anew.")
            if status not in (_WORKING, _PUBLISHED):
                # It says no more than UNKNOWN of an image that it could not fetch.
                raise Unprocessable(
                    f"The network could not fetch or use the files: {reason or status}. "
                    "It fetches them from this server, whose public address must be reachable."
                )
            if status == _PUBLISHED:
                return
            if time.monotonic() + pause > until:
                break
            await asyncio.sleep(pause)
        raise ProviderDown(
            "The network is still preparing the files; nothing was published.", retry_after_seconds=_COME_BACK_SECONDS
        )

    async def _status(self, token: str, container: str) -> tuple[str, str]:
        """Where a container stands, and why."""
        fields = {"fields": f"{self._spelling.status},{self._spelling.reason}"}
        try:
            found = await self._graph.get("container", container, token, fields, may_be_absent=True)
        except Absent:
            return _GONE, ""
        status, reason = found.get(self._spelling.status), found.get(self._spelling.reason)
        if not isinstance(status, str):
            raise ProviderDown("The network did not say where the container stands.")
        return status, reason if isinstance(reason, str) else ""


def _noted(attempt: Attempt, name: str) -> str | None:
    note = attempt.note if isinstance(attempt.note, Mapping) else {}
    found = note.get(name)
    return found if isinstance(found, str) else None


def pick(rows: Sequence[Json], text_field: str, noted: str, begun_at: datetime) -> Mapping[str, Json] | None:
    """The post with the `noted` words that was made when this attempt was; of several the first after it began.

    Only for an account of which it is known that there is one: clocks differ by a while.
    """
    made: list[tuple[datetime, Mapping[str, Json]]] = []
    for row in rows:
        at = moment(row.get("timestamp")) if isinstance(row, Mapping) else None
        if at is not None and words(_text(row.get(text_field))) == noted and at >= begun_at - _CLOCKS_DIFFER:
            made.append((at, row))
    made.sort(key=lambda pair: pair[0])
    since = begun_at.replace(microsecond=0)
    return next((row for at, row in made if at >= since), made[-1][1] if made else None)


def moment(value: Json) -> datetime | None:
    """A Graph timestamp; None where it is none."""
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def since_seconds(begun_at: datetime) -> str:
    """From when on a list is to be read, as Graph takes it."""
    return str(int((begun_at - _CLOCKS_DIFFER).timestamp()))


def _text(shown: Json) -> str:
    return shown if isinstance(shown, str) else ""
