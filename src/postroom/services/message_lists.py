"""Messages as stored: get, list, who wrote them."""

from collections.abc import Mapping, Sequence

import msgspec

from postroom.domain.access import Caller
from postroom.domain.chats import Attendee, Speaker
from postroom.domain.messages import Message
from postroom.domain.pages import Listing, check_limit, decode_cursor, listing
from postroom.errors import ErrorCode, Kind, NotFound
from postroom.ids import is_id
from postroom.services.access import seen_accounts, sees
from postroom.services.connections import Connections
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


class MessageLists:
    """What a caller may see of its accounts' messages; served from here, never from a network."""

    def __init__(self, database: Database, connections: Connections) -> None:
        self._database = database
        self._connections = connections

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

    async def find_by_key(
        self, caller: Caller, provider: str, chat: str, message: str, account_id: str | None
    ) -> Message:
        """A message by any spelling of the network's own ids, as an account that holds it has it.

        Without `account_id`: the account whose mailbox the ids name, else the one used last.

        Raises:
            InvalidParameters: (kind URN) these are no ids of a conversation and a message.
            NotFound: (kind ACCOUNT) no such account of this network; (kind MESSAGE) it is not held in that conversation.
        """
        network = self._connections.mailboxes(provider)
        chat_key, key = network.chat_key(chat), network.message_key(message)
        mailboxes = {network.mailbox_of(message), network.mailbox_of(chat)} - {None}
        async with self._database.read() as reader:
            linked = await accounts.list_of_provider(reader, caller.workspace_id, provider, caller.only_user)
            linked = [account for account in linked if account_id in (None, account.id)]
            if account_id is not None and not linked:
                raise NotFound("Account not found", kind=Kind.ACCOUNT)
            copies = await messages.find_copies(reader, caller.workspace_id, provider, key)
        held = {copy.account_id: copy for copy in copies if network.chat_key(copy.chat_provider_id) == chat_key}
        for account in sorted(linked, key=lambda account: account.provider_id not in mailboxes):
            if account.id in held:
                return held[account.id]
        raise NotFound("No such message in that conversation.", kind=Kind.MESSAGE)


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
