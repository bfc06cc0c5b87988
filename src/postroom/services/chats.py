"""Chats and the people in them, as stored; lists are served from here, never from the network."""

from collections.abc import Sequence

import msgspec

from postroom.domain.access import Caller
from postroom.domain.chats import Attendee, Chat
from postroom.domain.messages import Message
from postroom.domain.pages import Listing, check_limit, decode_cursor, listing
from postroom.errors import ErrorCode, Kind, NotFound
from postroom.ids import is_id
from postroom.services.access import seen_accounts, sees
from postroom.services.connections import Connections
from postroom.store import accounts, attendees, chats, messages
from postroom.store.database import Database

MOST = 250


class _Filters(msgspec.Struct, frozen=True, kw_only=True):
    account_ids: list[str] | None
    provider: str | None
    unread: bool | None
    before: int | None
    after: int | None
    people: list[str] | None = None


class Chats:
    """What a caller may see of its accounts' chats."""

    def __init__(self, database: Database, connections: Connections) -> None:
        self._database = database
        self._connections = connections

    async def list(
        self,
        caller: Caller,
        *,
        account_ids: Sequence[str] | None = None,
        people: Sequence[str] | None = None,
        provider: str | None = None,
        unread: bool | None = None,
        before: int | None = None,
        after: int | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Listing[Chat]:
        """Most recently active first. `before` and `after` (milliseconds) are strict.

        `people`: only chats of two with one of these, by the network's id.
        """
        filters = _Filters(
            people=None if people is None else list(people),
            account_ids=None if account_ids is None else list(account_ids),
            provider=provider,
            unread=unread,
            before=before,
            after=after,
        )
        place = None
        if cursor is not None:
            start = decode_cursor(cursor, _Filters)
            filters, limit, place = start.filters, start.limit, start.cursor
        check_limit(limit, MOST)
        async with self._database.read() as reader:
            found = await chats.list_page(
                reader,
                caller.workspace_id,
                account_ids=await seen_accounts(reader, caller, filters.account_ids),
                people=filters.people,
                provider=filters.provider,
                unread=filters.unread,
                before=filters.before,
                after_time=filters.after,
                after=place,
                limit=limit + 1,
            )
        return listing(found, limit, filters, lambda chat: (chat.last_message_at or 0, chat.id))

    async def get(self, caller: Caller, chat_id: str, account_id: str | None = None) -> tuple[Chat, Message | None]:
        """A chat and its newest message that is not deleted. With `account_id` its provider's id will do.

        Raises:
            NotFound: no such chat in the caller's workspace.
        """
        async with self._database.read() as reader:
            if account_id is not None and not is_id("chat", chat_id):
                account = await accounts.find(reader, caller.workspace_id, account_id)
                if account is None or caller.only_user not in (None, account.user_id):
                    raise NotFound("No such account.", kind=Kind.ACCOUNT)
                key = self._connections.mailboxes(account.provider).chat_key(chat_id)
                chat = await chats.find_by_key(reader, caller.workspace_id, account_id, key)
            elif not is_id("chat", chat_id):
                raise NotFound("Not a chat's id.", code=ErrorCode.INVALID_RESOURCE_IDENTIFIER, kind=Kind.CHAT)
            else:
                chat = await chats.find(reader, caller.workspace_id, chat_id)
            if chat is None or not await sees(reader, caller, chat.account_id):
                raise NotFound("No such chat.", kind=Kind.CHAT)
            return chat, await messages.latest(reader, caller.workspace_id, chat.id)

    async def latest(self, caller: Caller, found: Sequence[Chat]) -> dict[str, Message]:
        """The newest message that is not deleted, by chat id."""
        async with self._database.read() as reader:
            newest = {chat.id: await messages.latest(reader, caller.workspace_id, chat.id) for chat in found}
        return {chat_id: message for chat_id, message in newest.items() if message is not None}

    async def attendees(self, caller: Caller, chat_id: str) -> Sequence[Attendee]:
        """The people in a chat.

        Raises:
            NotFound: no such chat in the caller's workspace.
        """
        chat, _ = await self.get(caller, chat_id)
        async with self._database.read() as reader:
            return await attendees.list_attendees(reader, caller.workspace_id, chat.id)

    async def people(self, caller: Caller, found: Sequence[Chat]) -> dict[str, Sequence[Attendee]]:
        """The people in each chat, by chat id."""
        async with self._database.read() as reader:
            return {chat.id: await attendees.list_attendees(reader, caller.workspace_id, chat.id) for chat in found}

    async def find_by_key(self, caller: Caller, provider: str, spelling: str, account_id: str | None) -> Chat:
        """A chat by any spelling of its id at the network.

        Raises:
            InvalidParameters: (kind URN) this is no conversation's id.
            NotFound: (kind CHAT) no account of the caller's workspace holds it.
        """
        mailboxes = self._connections.mailboxes(provider)
        key = mailboxes.chat_key(spelling)
        mailbox = mailboxes.mailbox_of(spelling)
        async with self._database.read() as reader:
            held = await accounts.list_of_provider(reader, caller.workspace_id, provider, caller.only_user)
            if account_id is not None:
                held = [account for account in held if account.id == account_id]
                if not held:
                    raise NotFound("Account not found", kind=Kind.ACCOUNT)
            for account in sorted(held, key=lambda account: account.provider_id != mailbox):
                chat = await chats.find_by_key(reader, caller.workspace_id, account.id, key)
                if chat is not None:
                    return chat
        raise NotFound("No such conversation.", kind=Kind.CHAT)
