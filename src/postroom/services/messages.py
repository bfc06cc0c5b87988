"""Messages as stored: get, list, send."""

from collections.abc import Mapping, Sequence

import msgspec

from postroom.clock import Clock, to_ms
from postroom.domain.access import Caller
from postroom.domain.accounts import Account
from postroom.domain.chats import Attendee, Chat, Speaker
from postroom.domain.messages import Message, Quote
from postroom.domain.pages import Listing, check_limit, decode_cursor, listing
from postroom.domain.remote import MessageDraft, MessageSeen
from postroom.errors import (
    ErrorCode,
    InvalidParameters,
    Kind,
    NotFound,
    NotSupported,
    Unprocessable,
)
from postroom.ids import is_id, new_ulid
from postroom.services.access import seen_accounts, sees
from postroom.services.connections import Connections
from postroom.services.ingest import Ingest
from postroom.store import accounts, attendees, chats, messages
from postroom.store.database import Database, Reader

MOST = 250


Speakers = Mapping[tuple[str, str], Speaker]
"""Who wrote something, by account and the network's id of the person."""


class _Filters(msgspec.Struct, frozen=True, kw_only=True):
    account_id: str | None
    sender_id: str | None
    before: int | None
    after: int | None


class Messages:
    """What a caller may do with messages, but for taking them back: that is `Recalls`."""

    def __init__(self, database: Database, connections: Connections, ingest: Ingest, now: Clock) -> None:
        self._database = database
        self._connections = connections
        self._ingest = ingest
        self._now = now

    async def get(self, caller: Caller, message_id: str) -> Message:
        """A message, or the tombstone of one.

        Raises:
            NotFound: no such message in the caller's workspace.
        """
        async with self._database.read() as reader:
            message = await messages.find(reader, caller.workspace_id, message_id)
            if message is not None and not await sees(reader, caller, message.account_id):
                message = None
        return _found(message, message_id)

    async def get_with_speakers(self, caller: Caller, message_id: str) -> tuple[Message, Speakers]:
        """The same, with who wrote it and what it answers, where the account knows them."""
        async with self._database.read() as reader:
            found, speaker = await messages.find_with_speaker(reader, caller.workspace_id, message_id)
            if found is not None and not await sees(reader, caller, found.account_id):
                found = None
            message = _found(found, message_id)
            account_id, quote = message.account_id, message.content.quote
            speakers = {} if speaker is None else {(account_id, message.sender_id): speaker}
            if quote is not None and quote.sender_id != message.sender_id:
                speakers |= await _speakers(reader, caller.workspace_id, account_id, [quote.sender_id])
        return message, speakers

    async def list(
        self,
        caller: Caller,
        *,
        chat_id: str | None = None,
        account_id: str | None = None,
        sender_id: str | None = None,
        before: int | None = None,
        after: int | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Listing[Message]:
        """Newest first. `before` and `after` (milliseconds) are strict.

        Raises:
            NotFound: no such chat in the caller's workspace.
        """
        filters = _Filters(account_id=account_id, sender_id=sender_id, before=before, after=after)
        place = None
        if cursor is not None:
            start = decode_cursor(cursor, _Filters)
            filters, limit, place = start.filters, start.limit, start.cursor
        check_limit(limit, MOST)
        async with self._database.read() as reader:
            if chat_id is not None:
                chat = await chats.find(reader, caller.workspace_id, chat_id)
                if chat is None or not await sees(reader, caller, chat.account_id):
                    raise NotFound("No such chat.", kind=Kind.CHAT)
            found = await messages.list_page(
                reader,
                caller.workspace_id,
                chat_id=chat_id,
                account_ids=await seen_accounts(
                    reader, caller, None if filters.account_id is None else [filters.account_id]
                ),
                sender_id=filters.sender_id,
                before=filters.before,
                after_time=filters.after,
                after=place,
                limit=limit + 1,
            )
        return listing(found, limit, filters, lambda message: (message.sent_at, message.id))

    async def senders(self, caller: Caller, found: Sequence[Message]) -> dict[str, Attendee]:
        """Who sent these, by `sender_attendee_id`."""
        wanted: dict[str, set[str]] = {}
        for message in found:
            wanted.setdefault(message.account_id, set()).add(message.sender_id)
        people: dict[str, Attendee] = {}
        async with self._database.read() as reader:
            for account_id, sender_ids in wanted.items():
                held = await attendees.find_attendees(reader, caller.workspace_id, account_id, sorted(sender_ids))
                people.update({attendee.id: attendee for attendee in held.values()})
        return people

    async def speakers(self, caller: Caller, found: Sequence[Message]) -> Speakers:
        """Who wrote these, and what they answer, where the accounts know them."""
        wanted: dict[str, set[str]] = {}
        for message in found:
            of_account = wanted.setdefault(message.account_id, set())
            of_account.add(message.sender_id)
            if message.content.quote is not None:
                of_account.add(message.content.quote.sender_id)
        speakers: dict[tuple[str, str], Speaker] = {}
        async with self._database.read() as reader:
            for account_id, sender_ids in wanted.items():
                speakers |= await _speakers(reader, caller.workspace_id, account_id, sorted(sender_ids))
        return speakers

    async def send(
        self,
        caller: Caller,
        chat_id: str,
        text: str,
        *,
        account_id: str | None = None,
        quote_id: str | None = None,
        token: str | None = None,
    ) -> Message:
        """Send once; never repeated by us. `token`: by which it can be found in what the network shows.

        Raises:
            NotFound: no such chat, or (as `account_id` guards) not one of that account; (kind MESSAGE) sent, and gone.
            InvalidParameters: the text is empty or too long for the network.
            OutcomeUnknown: it may have gone out; it then shows up by itself.
        """
        chat, account = await self._check_send(caller, chat_id, text, account_id)
        quoted = None
        if quote_id is not None:
            quoted = await self._quoted(caller, chat, quote_id)
        draft = MessageDraft(
            text=text,
            token=token or new_ulid(self._now()),
            quote=None
            if quoted is None
            else Quote(
                provider_id=quoted.provider_id,
                key=quoted.key,
                sender_id=quoted.sender_id,
                sent_at=quoted.sent_at,
                text=quoted.content.text,
            ),
        )
        async with self._connections.messenger(account) as connection:
            sent = await connection.send_message(chat.provider_id, draft)
        await self._ingest.take(account, [MessageSeen(message=sent)], origin="api")
        async with self._database.begin() as tx:
            await accounts.touch(tx, caller.workspace_id, account.id, to_ms(self._now()))
            held = await messages.find_by_keys(tx, caller.workspace_id, account.id, [sent.key])
        if sent.key not in held:
            raise NotFound("It was sent, and is gone: it was taken back, or its account unlinked.", kind=Kind.MESSAGE)
        return held[sent.key]

    async def check_send(self, caller: Caller, chat_id: str, text: str, quote_id: str | None) -> tuple[Chat, Account]:
        """What `send` checks before it calls anybody; where it goes.

        Raises:
            NotFound, InvalidParameters, NotSupported, Unprocessable: as for `send`.
        """
        chat, account = await self._check_send(caller, chat_id, text, None)
        if quote_id is not None:
            await self._quoted(caller, chat, quote_id)
        return chat, account

    async def _check_send(
        self, caller: Caller, chat_id: str, text: str, account_id: str | None
    ) -> tuple[Chat, Account]:
        chat, account = await self._chat_and_account(caller, chat_id, account_id)
        sending = self._connections.connector(account.provider).capabilities.send
        if sending is None:
            raise NotSupported("This network takes no messages.")
        if not text.strip():
            raise InvalidParameters("text is empty.", code=ErrorCode.MISSING_PARAMETERS, kind=Kind.CONTENT)
        if len(text) > sending.max_length:
            raise InvalidParameters(
                f"text is longer than {sending.max_length} characters.",
                code=ErrorCode.TOO_MANY_CHARACTERS,
                kind=Kind.CONTENT,
            )
        return chat, account

    async def _quoted(self, caller: Caller, chat: Chat, quote_id: str) -> Message:
        quoted = await self.get(caller, quote_id)
        if quoted.is_tombstone or quoted.chat_id != chat.id:
            raise Unprocessable("quote_id names no message of this chat that is still there.", kind=Kind.MESSAGE)
        return quoted

    async def _chat_and_account(self, caller: Caller, chat_id: str, account_id: str | None) -> tuple[Chat, Account]:
        async with self._database.read() as reader:
            chat = await chats.find(reader, caller.workspace_id, chat_id)
            if chat is None or (account_id is not None and chat.account_id != account_id):
                raise NotFound("No such chat.", kind=Kind.CHAT)
            if not await sees(reader, caller, chat.account_id):
                raise NotFound("No such chat.", kind=Kind.CHAT)
            account = await accounts.find(reader, caller.workspace_id, chat.account_id)
        if account is None:
            raise NotFound("The chat's account is gone.", kind=Kind.ACCOUNT)
        return chat, account


async def _speakers(
    reader: Reader, workspace_id: str, account_id: str, provider_ids: list[str]
) -> dict[tuple[str, str], Speaker]:
    held = await attendees.find_speakers(reader, workspace_id, account_id, provider_ids)
    return {(account_id, provider_id): speaker for provider_id, speaker in held.items()}


def _found(message: Message | None, message_id: str) -> Message:
    if message is None:
        if not is_id("msg", message_id):
            raise NotFound("Not a message's id.", code=ErrorCode.INVALID_RESOURCE_IDENTIFIER, kind=Kind.MESSAGE)
        raise NotFound("No such message.", kind=Kind.MESSAGE)
    return message
