"""Writing to a person: in the conversation that is there already, else a new one, of which an account has so many a day."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import msgspec

from postroom.clock import Clock, iso, to_ms
from postroom.domain.access import Caller
from postroom.domain.accounts import Account
from postroom.domain.chats import Attendee, Chat
from postroom.domain.messages import Message
from postroom.domain.remote import Json, MessageFile
from postroom.errors import InvalidParameters, Kind, OutcomeUnknown, ProviderError, RateLimited
from postroom.services.chats import Chats
from postroom.services.messages import Messages
from postroom.store import attendees, chat_starts, chats
from postroom.store.database import Database

_DAY_MS = timedelta(days=1) // timedelta(milliseconds=1)


class Starts(msgspec.Struct, frozen=True, kw_only=True):
    """What an account began today. Moments are milliseconds since 1970."""

    used: int
    limit: int | None
    """None: there is none."""
    resets_at: int
    """Midnight, UTC."""


class Outreach:
    """`most_a_day`: new conversations that an account may begin on a day (UTC); None: any number."""

    def __init__(
        self, database: Database, chats: Chats, messages: Messages, now: Clock, *, most_a_day: int | None
    ) -> None:
        self._database = database
        self._chats = chats
        self._messages = messages
        self._now = now
        self._most = most_a_day

    async def write(
        self,
        caller: Caller,
        account: Account,
        person: str,
        text: str,
        *,
        subject: str | None = None,
        files: Sequence[MessageFile] = (),
        options: Mapping[str, Json] | None = None,
    ) -> Message:
        """Write to a person, by the network's id, once. Where there is a conversation with just them, in that one.

        Raises:
            RateLimited: (kind PLAN_LIMIT) the account began as many conversations today as it may; nobody was called.
            NotFound, NotSupported, InvalidParameters, ProviderError: as `Messages.send` and `Chats.start`.
        """
        chat = await self.chat_with(account, person)
        if chat is not None:
            return await self._messages.send(caller, chat.id, text, files=files)
        day = self._today()
        await self._take(account, day)
        try:
            return await self._chats.start(
                caller, account.id, [person], text, subject=subject, files=files, options=options or {}
            )
        except OutcomeUnknown:
            # It may have begun: it stays counted.
            raise
        except (ProviderError, InvalidParameters):
            await self._give_back(account, day)
            raise

    async def starts(self, account: Account) -> Starts:
        """What is left of today."""
        day = self._today()
        async with self._database.read() as reader:
            used = await chat_starts.find(reader, account.workspace_id, account.id, day)
        return Starts(used=used, limit=self._most, resets_at=(day + 1) * _DAY_MS)

    async def chat_with(self, account: Account, person: str) -> Chat | None:
        """The account's conversation with just this person, where it is held."""
        async with self._database.read() as reader:
            return await chats.find_with(reader, account.workspace_id, account.id, person)

    async def known(self, account: Account, name: str) -> Attendee | None:
        """Somebody the account has seen in a conversation, by the name in the address of their page."""
        ending = f"/in/{name.strip('/').lower()}"
        async with self._database.read() as reader:
            people = await attendees.list_of_account(reader, account.workspace_id, account.id)
        return next(
            (each for each in people if (each.content.profile_url or "").rstrip("/").lower().endswith(ending)), None
        )

    def _today(self) -> int:
        return to_ms(self._now()) // _DAY_MS

    async def _take(self, account: Account, day: int) -> None:
        if self._most is None:
            return
        async with self._database.begin() as tx:
            taken = await chat_starts.take(tx, account.workspace_id, account.id, day, self._most)
        if not taken:
            resets_at = (day + 1) * _DAY_MS
            raise RateLimited(
                f"Rate limit exceeded for NEW_CONVERSATION: {self._most}/{self._most} used. Resets at {iso(resets_at)}.",
                kind=Kind.PLAN_LIMIT,
                retry_after_seconds=(resets_at - to_ms(self._now())) / 1000,
            )

    async def _give_back(self, account: Account, day: int) -> None:
        async with self._database.begin() as tx:
            await chat_starts.give_back(tx, account.workspace_id, account.id, day)
