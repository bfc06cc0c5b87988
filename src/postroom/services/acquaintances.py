"""Acquaintances: who was written down a moment ago, just as they are told of again. Most news tells of the same people."""

import asyncio
from collections.abc import Callable, Sequence

from postroom.domain.chats import Attendee
from postroom.domain.remote import RemoteAttendee
from postroom.store import attendees
from postroom.store.database import Tx

_REMEMBERED_SECONDS = 600.0
_MOST_REMEMBERED = 20_000

_Key = tuple[str, str, str]


class Acquaintances:
    """Keeps attendees, and remembers of each a hash, for a while: what has not changed costs no statement."""

    def __init__(self) -> None:
        self._known: dict[_Key, tuple[int, str, float]] = {}
        """By account, chat and person: what was told of them, their id here, and until when that is believed."""

    async def put(
        self,
        tx: Tx,
        workspace_id: str,
        account_id: str,
        chat_id: str | None,
        people: Sequence[RemoteAttendee],
        make: Callable[[RemoteAttendee], Attendee],
    ) -> dict[str, str]:
        """Keep people as they are now, in this chat if one is said; their ids here by provider id."""
        now = asyncio.get_running_loop().time()
        told = {person.provider_id: hash(person) for person in people}
        ids: dict[str, str] = {}
        for provider_id, what in told.items():
            known = self._known.get((account_id, chat_id or "", provider_id))
            if known is not None and known[0] == what and known[2] > now:
                ids[provider_id] = known[1]
        if len(ids) == len(told):
            return ids
        ids = await attendees.put_attendees(tx, workspace_id, chat_id, [make(person) for person in people])

        def remember() -> None:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            for provider_id, what in told.items():
                key = (account_id, chat_id or "", provider_id)
                self._known[key] = (what, ids[provider_id], now + _REMEMBERED_SECONDS)

        tx.on_commit(remember)
        return ids
