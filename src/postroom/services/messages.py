"""Messages: sent, edited, reacted to, forwarded, their files opened. The network first, then what is kept here."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress

from postroom.clock import Clock, from_ms, to_ms
from postroom.connectors.contract import MediaHost, Messenger
from postroom.domain.access import Caller
from postroom.domain.accounts import Account
from postroom.domain.capabilities import Capabilities
from postroom.domain.chats import Chat
from postroom.domain.files import Upload, Uploaded
from postroom.domain.messages import AnyAttachment, LinkedPost, Message, Quote, VideoMeeting
from postroom.domain.remote import (
    Download,
    MessageDraft,
    MessageEdited,
    MessageFile,
    MessageKey,
    MessageSeen,
    ReactionChanged,
    RemoteEvent,
    RemoteMessage,
)
from postroom.domain.rules import check_edit, check_files, check_reaction, check_text, check_there
from postroom.errors import (
    ErrorCode,
    InvalidParameters,
    Kind,
    NotFound,
    NotSupported,
    OutcomeUnknown,
    ProviderDown,
    ProviderError,
    RateLimited,
    Refused,
    Unprocessable,
)
from postroom.ids import new_ulid
from postroom.services.access import sees
from postroom.services.connections import Connections
from postroom.services.ingest import Ingest
from postroom.services.message_lists import MOST as MOST
from postroom.services.message_lists import MessageLists
from postroom.services.message_lists import Speakers as Speakers
from postroom.services.sending import Kept, Turns, as_held
from postroom.store import accounts, chats, messages
from postroom.store.database import Database

_LONGEST_TYPING_SECONDS = 60.0
_STILL_UNKNOWN = (
    "The network took the request and did not answer, and does not show the change so far. To ask again is safe."
)


class Messages(MessageLists):
    """What a caller may do with messages, but for taking them back: that is `Recalls`."""

    def __init__(self, database: Database, connections: Connections, ingest: Ingest, now: Clock) -> None:
        super().__init__(database, connections)
        self._ingest = ingest
        self._kept = Kept(database, ingest, now)
        self._turns = Turns()
        self._now = now

    async def send(
        self,
        caller: Caller,
        chat_id: str,
        text: str,
        *,
        account_id: str | None = None,
        quote_id: str | None = None,
        files: Sequence[MessageFile] = (),
        typing: float | None = None,
        token: str | None = None,
    ) -> Message:
        """Send once; never repeated by us. `typing`: show for so many seconds before that somebody is writing.

        `token`: by which it can be found in what the network shows.

        Raises:
            NotFound: no such chat, or (as `account_id` guards) not one of that account; (kind MESSAGE) sent, and gone.
            InvalidParameters: there is no text and no file, or the network does not take them as they are.
            OutcomeUnknown: it may have gone out; it then shows up by itself.
        """
        chat, account = await self._where(caller, chat_id, text, account_id, files)
        capabilities = self._capabilities(account)
        if typing is not None and not 0 <= typing <= _LONGEST_TYPING_SECONDS:
            raise InvalidParameters(f"Nobody types for more than {_LONGEST_TYPING_SECONDS:g} seconds.")
        draft = MessageDraft(
            text=text,
            token=token or new_ulid(self._now()),
            quote=None if quote_id is None else await self._quote(caller, chat, quote_id),
            files=tuple(files),
        )
        async with self._connections.messenger(account) as connection:
            if typing and capabilities.typing:
                with suppress(ProviderDown, RateLimited, Refused, OutcomeUnknown):
                    await connection.show_typing(chat.provider_id, on=True)
                await asyncio.sleep(typing)
            sent = await connection.send_message(chat.provider_id, draft)
        return await self._kept.sent(account, sent)

    async def check_send(self, caller: Caller, chat_id: str, text: str, quote_id: str | None) -> tuple[Chat, Account]:
        """What `send` checks of a text before it calls anybody; where it goes.

        Raises:
            NotFound, InvalidParameters, NotSupported, Unprocessable: as for `send`.
        """
        chat, account = await self._where(caller, chat_id, text, None, ())
        if quote_id is not None:
            await self._quote(caller, chat, quote_id)
        return chat, account

    async def _where(
        self, caller: Caller, chat_id: str, text: str, account_id: str | None, files: Sequence[MessageFile]
    ) -> tuple[Chat, Account]:
        chat, account = await self._chat_and_account(caller, chat_id, account_id)
        sending = self._capabilities(account).send
        if sending is None:
            raise NotSupported("This network takes no messages.")
        check_text(text, sending, may_be_empty=bool(files))
        check_files(files, sending)
        return chat, account

    async def edit(self, caller: Caller, message_id: str, text: str) -> Message:
        """Give a message of the account's another text, for everyone. To ask again is safe.

        Raises:
            NotFound: no such message in the caller's workspace, or it was deleted.
            NotSupported: the network has no editing; it was not called.
            Refused: someone else sent it, its window has passed (it was not called), or the network refused.
            InvalidParameters: the text is empty, or too long for the network.
            OutcomeUnknown: the network did not answer, and does not show the text so far.
        """
        message, account = await self._message_and_account(caller, message_id)
        check_edit(message, text, self._capabilities(account), to_ms(self._now()))

        def change(connection: Messenger) -> Awaitable[None]:
            return connection.edit_message(message.chat_provider_id, as_held(message), text)

        def is_done(shown: RemoteMessage) -> bool:
            return (shown.text or "").strip() == text.strip()

        return await self._change(account, message, change, is_done, lambda held: self._edited(held, text))

    async def react(self, caller: Caller, message_id: str, emoji: str, *, on: bool = True) -> Message:
        """React to a message as the account, or take that reaction back. To ask again is safe.

        Raises:
            NotFound: no such message in the caller's workspace, or it was deleted.
            NotSupported: the network has no reactions; it was not called.
            InvalidParameters: (kind REACTION) that is no emoji, or none of the network's.
            Refused: the network refused.
            OutcomeUnknown: the network did not answer, and does not show the reaction so far.
        """
        message, account = await self._message_and_account(caller, message_id)
        capabilities = self._capabilities(account)
        full = check_reaction(message, emoji, capabilities)

        def change(connection: Messenger) -> Awaitable[None]:
            return connection.set_reaction(message.chat_provider_id, as_held(message), full, on=on)

        def is_done(shown: RemoteMessage) -> bool:
            if shown.reactions is None:
                return False
            return any(each.is_sender and each.value == full for each in shown.reactions) is on

        reaction = ReactionChanged(
            key=MessageKey(message.key),
            chat_key=None,
            emoji=full,
            sender_id=account.provider_id,
            is_sender=True,
            added=on,
            replaces=on and capabilities.react is not None and capabilities.react.replaces,
        )
        return await self._change(account, message, change, is_done, lambda held: reaction)

    async def forward(self, caller: Caller, message_id: str, chat_id: str) -> Message:
        """Send a message on to another chat of the same account, once; the new message.

        Raises:
            NotFound: no such message or chat in the caller's workspace, or the message was deleted.
            NotSupported: the network forwards nothing; it was not called.
            Unprocessable: the chat is another account's.
            OutcomeUnknown: it may have gone out; it then shows up by itself.
        """
        message, account = await self._message_and_account(caller, message_id)
        chat, _ = await self._chat_and_account(caller, chat_id, None)
        if not self._capabilities(account).forward:
            raise NotSupported("Messages of this network cannot be forwarded from here.")
        check_there(message)
        if chat.account_id != account.id:
            raise Unprocessable("The chat is another account's. Nothing was sent.", kind=Kind.CHAT)
        async with self._connections.messenger(account) as connection:
            sent = await connection.forward_message(as_held(message), chat.provider_id)
        return await self._kept.sent(account, sent)

    async def open_attachment(
        self, caller: Caller, message_id: str, attachment_id: str
    ) -> tuple[AnyAttachment, Download]:
        """A file of a message, fetched from its network as it is asked for: nothing of it is kept here.

        Its bytes are to be read to their end, or closed. An address that has expired is asked for anew, once.

        Raises:
            NotFound: no such message in the caller's workspace; (kind ATTACHMENT) no such file, or it is gone.
        """
        message, account = await self._message_and_account(caller, message_id)
        attachment = _attachment(message.content.attachments, attachment_id)
        async with self._connections.messenger(account) as connection:
            try:
                return attachment, await connection.open_attachment(as_held(message), attachment)
            except NotFound as gone:
                shown = await _shown(connection, message)
                if shown is None or shown.recalled:
                    raise
                fresh = _attachment(shown.attachments, attachment_id)
                if fresh == attachment:
                    raise gone
            return fresh, await connection.open_attachment(as_held(message), fresh)

    async def upload(self, caller: Caller, account_id: str, file: Upload) -> Uploaded:
        """Give a network a file before the message that it goes with.

        Raises:
            NotFound: (kind ACCOUNT) no such account in the caller's workspace.
            NotSupported: the network takes files with their message only.
            InvalidParameters: (kind ATTACHMENT) the network takes no such file, or none so large.
        """
        account = await self._account(caller, account_id)
        sending = self._capabilities(account).send
        if sending is None:
            raise NotSupported("This network takes no messages.")
        check_files([file], sending)
        async with self._connections.messenger(account) as connection:
            return await _host(connection).upload_file(file)

    async def open_media(self, caller: Caller, account_id: str, url: str) -> Download:
        """What is at an address of the account's network, fetched as the account.

        Raises:
            NotFound: (kind ACCOUNT) no such account in the caller's workspace; (kind ATTACHMENT) nothing is there.
            InvalidParameters: (kind ADDRESS) it is no address of the network's files.
        """
        account = await self._account(caller, account_id)
        async with self._connections.messenger(account) as connection:
            return await _host(connection).open_media(url)

    def turn(self, account_id: str, key: str) -> AbstractAsyncContextManager[None]:
        """What changes a message at its network waits for what does already."""
        return self._turns.of(account_id, key)

    async def _change(
        self,
        account: Account,
        message: Message,
        change: Callable[[Messenger], Awaitable[None]],
        is_done: Callable[[RemoteMessage], bool],
        done: Callable[[Message], RemoteEvent],
    ) -> Message:
        """Ask for a change, once; a lost answer is settled by one read, where it can be.

        `done` makes news of the change, of the message as it is held once it was accepted.
        """
        recalled: RemoteMessage | None = None
        async with self.turn(account.id, message.key):
            async with self._database.read() as reader:
                now = await messages.find(reader, account.workspace_id, message.id)
            if now is not None:
                # It may have been taken back while this waited: nothing of it goes out after that.
                check_there(now)
            async with self._connections.messenger(account) as connection:
                try:
                    await change(connection)
                except OutcomeUnknown as error:
                    shown = await _shown(connection, message)
                    if shown is None:
                        raise
                    if not shown.recalled and not is_done(shown):
                        if error.code is ErrorCode.PROVIDER_ERROR:
                            raise ProviderDown(
                                "The network failed, and shows no change. Nothing was changed: try again."
                            ) from error
                        raise OutcomeUnknown(_STILL_UNKNOWN, code=error.code) from error
                    recalled = shown if shown.recalled else None
            async with self._database.read() as reader:
                held = await messages.find(reader, account.workspace_id, message.id)
            news = done(held or message) if recalled is None else MessageSeen(message=recalled)
            return await self._kept.changed(account, message, [news])

    def _edited(self, message: Message, text: str) -> MessageEdited:
        before = message.content.edited_at
        now = self._now()
        return MessageEdited(
            key=MessageKey(message.key),
            chat_key=None,
            text=text,
            by=None,
            # It came after whatever is held, whichever clocks told when that was.
            edited_at=now if before is None else max(now, from_ms(before + 1)),
            # What the network sent has the earlier text in it; where there are files, what opens them as well.
            original=None if message.content.attachments else "",
        )

    async def _quote(self, caller: Caller, chat: Chat, quote_id: str) -> Quote:
        quoted = await self.get(caller, quote_id)
        if quoted.is_tombstone or quoted.chat_id != chat.id:
            raise Unprocessable("quote_id names no message of this chat that is still there.", kind=Kind.MESSAGE)
        return Quote(
            provider_id=quoted.provider_id,
            key=quoted.key,
            sender_id=quoted.sender_id,
            sent_at=quoted.sent_at,
            text=quoted.content.text,
        )

    def _capabilities(self, account: Account) -> Capabilities:
        return self._connections.connector(account.provider).capabilities

    async def _message_and_account(self, caller: Caller, message_id: str) -> tuple[Message, Account]:
        message = await self.get(caller, message_id)
        async with self._database.read() as reader:
            account = await accounts.find(reader, caller.workspace_id, message.account_id)
        if account is None:
            raise NotFound("No such message.", kind=Kind.MESSAGE)
        return message, account

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

    async def _account(self, caller: Caller, account_id: str) -> Account:
        async with self._database.read() as reader:
            account = await accounts.find(reader, caller.workspace_id, account_id)
        if account is None or caller.only_user not in (None, account.user_id):
            raise NotFound("No such account.", kind=Kind.ACCOUNT)
        return account


async def _shown(connection: Messenger, message: Message) -> RemoteMessage | None:
    """The message as the network shows it now; None: it does not, or cannot be asked."""
    with suppress(ProviderError):
        return await connection.read_message(message.chat_provider_id, MessageKey(message.key))
    return None


def _attachment(held: Sequence[AnyAttachment], attachment_id: str) -> AnyAttachment:
    found = next((each for each in held if each.id == attachment_id), None)
    if found is None:
        raise NotFound("The message has no such attachment.", kind=Kind.ATTACHMENT)
    if found.unavailable or isinstance(found, LinkedPost | VideoMeeting):
        raise NotFound("There is no file behind this attachment.", kind=Kind.ATTACHMENT)
    return found


def _host(connection: Messenger) -> MediaHost:
    if not isinstance(connection, MediaHost):
        raise NotSupported("This network takes and gives files with their messages only.")
    return connection
