"""Chats and the people in them. Lists are served from here, never from the network; what is done goes there first."""

from collections.abc import Mapping, Sequence

import msgspec

from postroom.clock import Clock, to_ms
from postroom.domain.access import Caller
from postroom.domain.accounts import Account
from postroom.domain.chats import Attendee, Chat, ChatKind, ChatMark
from postroom.domain.events import EventData, EventType
from postroom.domain.messages import Message
from postroom.domain.pages import Listing, check_limit, decode_cursor, listing
from postroom.domain.remote import (
    ChatDraft,
    Json,
    MessageDraft,
    MessageFile,
    RemoteAttendee,
    RemoteChat,
    RemoteMessage,
)
from postroom.domain.rules import check_files, check_mark, check_request, check_start, check_text
from postroom.errors import ErrorCode, Kind, NotFound, NotSupported
from postroom.ids import is_id, new_ulid
from postroom.services.access import seen_accounts, sees
from postroom.services.connections import Connections
from postroom.services.events import Events
from postroom.services.ingest import Ingest
from postroom.services.sending import Kept
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
    starred: bool | None = None


class Chats:
    """What a caller may see of its accounts' chats, and do with them."""

    def __init__(
        self, database: Database, connections: Connections, ingest: Ingest, events: Events, now: Clock
    ) -> None:
        self._database = database
        self._connections = connections
        self._ingest = ingest
        self._events = events
        self._kept = Kept(database, ingest, now)
        self._now = now

    async def list(
        self,
        caller: Caller,
        *,
        account_ids: Sequence[str] | None = None,
        people: Sequence[str] | None = None,
        provider: str | None = None,
        unread: bool | None = None,
        starred: bool | None = None,
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
            starred=starred,
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
                starred=filters.starred,
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
        if not found:
            return {}
        async with self._database.read() as reader:
            return await messages.latest_of(reader, caller.workspace_id, [chat.id for chat in found])

    async def attendees(self, caller: Caller, chat_id: str) -> Sequence[Attendee]:
        """The people in a chat.

        Raises:
            NotFound: no such chat in the caller's workspace.
        """
        chat, _ = await self.get(caller, chat_id)
        async with self._database.read() as reader:
            return await attendees.list_attendees(reader, caller.workspace_id, chat.id)

    async def people(self, caller: Caller, found: Sequence[Chat]) -> Mapping[str, Sequence[Attendee]]:
        """The people in each chat, by chat id."""
        if not found:
            return {}
        async with self._database.read() as reader:
            return await attendees.list_of_chats(reader, caller.workspace_id, [chat.id for chat in found])

    async def names(self, caller: Caller, found: Sequence[Chat]) -> Mapping[str, str | None]:
        """What people call each chat, by chat id: its own name, else the names of the first others in it."""
        async with self._database.read() as reader:
            return await attendees.names_of_chats(reader, caller.workspace_id, found)

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

    async def start(
        self,
        caller: Caller,
        account_id: str,
        people: Sequence[str],
        text: str,
        *,
        title: str | None = None,
        subject: str | None = None,
        files: Sequence[MessageFile] = (),
        options: Mapping[str, Json] | None = None,
    ) -> Message:
        """Begin a chat by its first message, once; one with just this person is gone on with. `people`: provider ids.

        Raises:
            NotFound: (kind ACCOUNT) no such account in the caller's workspace; (kind MESSAGE) begun, and gone.
            NotSupported: the network begins no such chats; it was not called.
            InvalidParameters: nobody is named, there is nothing to say, or the network does not take it as it is.
            Unprocessable: not with these people.
            OutcomeUnknown: it may have begun; it then shows up by itself.
        """
        account = await self._account(caller, account_id)
        capabilities = self._connections.connector(account.provider).capabilities
        check_start(people, title, capabilities)
        if capabilities.send is None:
            raise NotSupported("This network takes no messages.")
        check_text(text, capabilities.send, may_be_empty=bool(files))
        check_files(files, capabilities.send)
        draft = ChatDraft(
            people=tuple(people),
            message=MessageDraft(text=text, token=new_ulid(self._now()), files=tuple(files)),
            title=title,
            subject=subject,
            options=options or {},
        )
        async with self._connections.messenger(account) as connection:
            first = await connection.start_chat(draft)
        return await self._kept.sent(account, first, await self._begun(account, draft, first))

    async def mark(self, caller: Caller, chat_id: str, mark: ChatMark, *, on: bool) -> Chat:
        """Say of a chat what its owner would, at the network first. To ask again is safe.

        Raises:
            NotFound: no such chat in the caller's workspace.
            NotSupported: the network has no such mark; it was not called.
            InvalidParameters: (kind STATUS) it is no request that waits for an answer.
            OutcomeUnknown: it may have been done.
        """
        chat, _ = await self.get(caller, chat_id)
        account = await self._account(caller, chat.account_id)
        check_mark(mark, self._connections.connector(account.provider).capabilities)
        if mark is ChatMark.ACCEPTED and check_request(chat.request, accept=on):
            return chat
        async with self._connections.messenger(account) as connection:
            await connection.mark_chat(chat.provider_id, mark, on=on)
        async with self._database.begin() as tx:
            await accounts.hold(tx, account.workspace_id, account.id)
            await accounts.touch(tx, account.workspace_id, account.id, to_ms(self._now()))
            if await chats.set_mark(tx, account.workspace_id, chat.id, mark, on=on):
                data = EventData(account_id=account.id, chat_id=chat.id, origin="api")
                await self._events.announce(tx, account.workspace_id, EventType.CHAT_UPDATED, data)
            marked = await chats.find(tx, account.workspace_id, chat.id)
        if marked is None:
            raise NotFound("The chat is gone.", kind=Kind.CHAT)
        return marked

    async def type(self, caller: Caller, chat_id: str, *, on: bool) -> None:
        """Let the others see that the account is writing, or not any more. Nothing is kept of it.

        Raises:
            NotFound: no such chat in the caller's workspace.
            NotSupported: the network does not show that; it was not called.
        """
        chat, _ = await self.get(caller, chat_id)
        account = await self._account(caller, chat.account_id)
        if not self._connections.connector(account.provider).capabilities.typing:
            raise NotSupported("Nobody is shown who types at this network.")
        async with self._connections.messenger(account) as connection:
            await connection.show_typing(chat.provider_id, on=on)

    async def _account(self, caller: Caller, account_id: str) -> Account:
        async with self._database.read() as reader:
            account = await accounts.find(reader, caller.workspace_id, account_id)
        if account is None or caller.only_user not in (None, account.user_id):
            raise NotFound("No such account.", kind=Kind.ACCOUNT)
        return account

    async def _begun(self, account: Account, draft: ChatDraft, first: RemoteMessage) -> RemoteChat | None:
        """A chat that is not held yet, as far as it is known; the next sync fills it in."""
        async with self._database.read() as reader:
            if await chats.find_by_key(reader, account.workspace_id, account.id, first.chat_key) is not None:
                return None
        await self._ingest.queue_sync(account.workspace_id, account.id)
        people = [RemoteAttendee(provider_id=each, name="", is_self=False, distance=-1) for each in draft.people]
        return RemoteChat(
            provider_id=first.chat_provider_id,
            key=first.chat_key,
            kind=ChatKind.GROUP if len(people) > 1 else ChatKind.SINGLE,
            name=draft.title,
            subject=draft.subject,
            subject_key=None if draft.subject is None else first.key,
            attendees=(first.sender, *people),
            last_message_at=first.sent_at,
        )
