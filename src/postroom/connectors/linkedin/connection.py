"""One LinkedIn account: its chats, its messages, and what is new in them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

import msgspec

from postroom.connectors.contract import Delta, Page
from postroom.connectors.linkedin import actions, convert, keys, media, people, realtime, refusals
from postroom.connectors.linkedin.api import Json, Voyager
from postroom.connectors.linkedin.directory import LinkedInDirectory
from postroom.connectors.linkedin.listening import listen
from postroom.domain.chats import ChatMark
from postroom.domain.files import Uploaded
from postroom.domain.messages import AnyAttachment, MessageKind, Reaction
from postroom.domain.remote import (
    ChatDraft,
    ChatKey,
    Download,
    HeldMessage,
    MessageDraft,
    MessageFile,
    MessageKey,
    MessageSeen,
    Profile,
    RemoteChat,
    RemoteEvent,
    RemoteMessage,
)
from postroom.errors import (
    ErrorCode,
    InvalidParameters,
    Kind,
    NotFound,
    NotSupported,
    OutcomeUnknown,
    ProviderError,
    Refused,
    Unprocessable,
)

# The folders of a mailbox, in the order in which they are listed. A page of LinkedIn's shows one of them.
_FOLDERS = ("PRIMARY_INBOX", "SECONDARY_INBOX", "ARCHIVE")
# What may be edited or recalled is at most this old, so a delta need not look further back. Checked 2026-11-20.
_WINDOW_MS = 60 * 60 * 1000
_MOST_CHANGED_CHATS = 50
_MOST_PAGES_OF_A_CHAT = 10
_NEIGHBOURS = 10
_UNCLEAR = "LinkedIn took the message, and its answer could not be understood."
_MOST_REACTOR_CALLS = 10


class LinkedInConnection(LinkedInDirectory):
    """A Messenger over one session."""

    def __init__(self, api: Voyager, profile: Profile, *, wait_seconds: float = 2.0) -> None:
        """`wait_seconds`: how much longer each failed attempt to listen waits than the one before."""
        self._api = api
        self._media = media.Media(api)
        self._profile = profile
        self._me = profile.provider_id
        self._wait_seconds = wait_seconds

    def __repr__(self) -> str:
        return f"LinkedInConnection({self._me})"

    async def profile(self) -> Profile:
        """Whose account this is."""
        found = people.profile(await self._api.me())
        if found is None:
            raise refusals.unreadable("me")
        return found

    async def revoke(self) -> None:
        """Log out."""
        await self._api.log_out()

    async def list_chats(self, cursor: str | None) -> Page[RemoteChat]:
        """Folder by folder, in each the most recently active first."""
        folder, kind, value = _read_cursor(cursor)
        if kind == "t" or not value:
            before_ms = int(value) if value else None
            found = await self._api.conversations_by_category(self._me, folder, before_ms=before_ms)
        else:
            found = await self._api.conversations_by_category(self._me, folder, cursor=value)
        chats = [chat for item in found["elements"] if (chat := convert.chat(item, self._me)) is not None]
        return Page(chats, _next_cursor(folder, value, found, chats))

    async def list_messages(self, chat: str, cursor: str | None) -> Page[RemoteMessage]:
        """Newest first."""
        found, page = await self._page(chat, cursor)
        return Page(await self._with_reactors(found, page.items), page.next)

    async def _page(self, chat: str, cursor: str | None) -> tuple[Json, Page[RemoteMessage]]:
        urn = self._chat_urn(chat)
        kind, _, value = (cursor or "").partition(":")
        at_ms, _, seen_key = value.partition(":")
        if cursor is None:
            found = await self._api.messages(urn)
        elif kind == "c" and value:
            found = await self._api.messages_older(urn, value)
        elif kind == "t" and at_ms.isascii() and at_ms.isdecimal():
            found = await self._api.messages_around(urn, int(at_ms), before=20, after=0)
        else:
            raise InvalidParameters("The cursor is not one of LinkedIn's messages.", kind=Kind.CURSOR)
        messages = self._messages(found)
        if kind == "t":
            messages = [message for message in messages if message.key != seen_key]
        older = found["metadata"].get("prevCursor")
        if isinstance(older, str) and older:
            return found, Page(messages, f"c:{older}")
        if cursor is None and messages:
            # The first page has no cursor to older ones: go on from its oldest message, which comes once more, because
            # another may have been delivered in the same millisecond.
            return found, Page(messages, f"t:{_ms(messages[-1])}:{messages[-1].key}")
        return found, Page(messages, None)

    async def _with_reactors(self, found: Json, messages: Sequence[RemoteMessage]) -> list[RemoteMessage]:
        """Ask who reacted where the counts do not tell, for some messages of a page; else what is stored stays."""
        entities = {message.key: item for item in found["elements"] if (message := convert.message(item, self._me))}
        calls = 0
        complete: list[RemoteMessage] = []
        for message in messages:
            summaries = people.as_list(entities[message.key].get("reactionSummaries"))
            if message.reactions is None and not message.recalled and calls + len(summaries) <= _MOST_REACTOR_CALLS:
                calls += len(summaries)
                with suppress(ProviderError):
                    reactions = [reaction for item in summaries for reaction in await self._reactors(message.key, item)]
                    message = msgspec.structs.replace(message, reactions=tuple(reactions))
            complete.append(message)
        return complete

    async def _reactors(self, key: MessageKey, summary: Json) -> list[Reaction]:
        emoji = people.as_text(people.as_object(summary).get("emoji")) or ""
        found = await self._api.reactors(keys.message_urn(self._me, key), emoji)
        return convert.reactors(emoji, found["elements"], self._me)

    async def changes(self, token: str | None) -> Delta:
        """The newest state of the mailbox, or all that came after `token`.

        LinkedIn's own delta shows only the last message of each changed conversation, so the others are read, back to
        an hour before the token: nothing older can have been edited or recalled since.
        """
        since_ms, _, sync_token = token.partition("|") if token else ("", "", "")
        if token and not (since_ms.isdecimal() and sync_token):
            return Delta(events=[], token="", complete=False)
        found = await self._api.conversations(self._me, sync_token or None)
        metadata = found["metadata"]
        next_token = metadata.get("newSyncToken")
        if not isinstance(next_token, str) or not next_token:
            raise refusals.unreadable("sync token")
        events: list[RemoteEvent] = realtime.sync_events(found, self._me)
        complete = not metadata.get("shouldClearCache")
        chats = [chat for item in found["elements"] if (chat := convert.chat(item, self._me)) is not None]
        newest_ms = max([int(since_ms or 0), *(convert.to_ms(chat.last_message_at) for chat in chats)])
        if sync_token and complete:
            if len(chats) > _MOST_CHANGED_CHATS:
                complete = False
            else:
                for chat in chats:
                    messages, all_read = await self._since(chat, int(since_ms) - _WINDOW_MS)
                    events.extend(MessageSeen(message=message, chat=chat) for message in messages)
                    complete = complete and all_read
        return Delta(events=events, token=f"{newest_ms}|{next_token}", complete=complete)

    async def _since(self, chat: RemoteChat, ms: int) -> tuple[list[RemoteMessage], bool]:
        """A chat's messages back to that moment, oldest first, and whether all could be read."""
        found: list[RemoteMessage] = []
        cursor: str | None = None
        for _ in range(_MOST_PAGES_OF_A_CHAT):
            _, page = await self._page(chat.provider_id, cursor)
            found.extend(page.items)
            cursor = page.next
            if cursor is None or (page.items and _ms(page.items[-1]) < ms):
                return found[::-1], True
        return found[::-1], False

    async def send_message(self, chat: str, draft: MessageDraft) -> RemoteMessage:
        """Send once; `draft.token` stands in the message's `originToken`, in everything its sender is shown.

        Files go first; where one does not arrive, nothing is sent.
        """
        chat_key = keys.chat_key(chat)
        urn = self._chat_urn(chat)
        reply = await self._reply(chat, draft)
        unions = [*reply, *await self._uploaded(draft)]
        value = await self._api.create_message(self._me, draft.text, draft.token, unions, chat_urn=urn)
        return await self._sent(value, chat_key, draft, len(reply))

    async def start_chat(self, draft: ChatDraft) -> RemoteMessage:
        """The first message makes the conversation; that with one person who has one already goes on there."""
        first = draft.message
        asked = str(draft.options.get("inmail", "")).lower() == "true"
        extra = actions.inmail(draft.subject, first.text, len(draft.people)) if asked else {}
        unions = await self._uploaded(first)
        started: dict[str, Json] = {
            "hostRecipientUrns": [f"urn:li:fsd_profile:{people.id_of(each)}" for each in draft.people],
            **extra,
        }
        if draft.title is not None and len(draft.people) > 1:
            started["conversationTitle"] = draft.title
        try:
            value = await self._api.create_message(
                self._me, first.text, first.token, unions, subject=draft.subject, started=started
            )
        except Refused as error:
            if error.code is not ErrorCode.MALFORMED_REQUEST:
                raise
            raise Unprocessable(
                "LinkedIn began no conversation with these people.",
                code=ErrorCode.INVALID_RECIPIENT,
                kind=Kind.ATTENDEE,
            ) from error
        chat_key = convert.chat_key_of(value)
        if chat_key is None:
            raise OutcomeUnknown(_UNCLEAR)
        sent = await self._sent(value, chat_key, first, 0)
        kind = MessageKind.INMAIL if asked else sent.kind
        return msgspec.structs.replace(sent, subject=draft.subject or sent.subject, kind=kind)

    async def _sent(self, value: Json, chat_key: ChatKey, draft: MessageDraft, first: int) -> RemoteMessage:
        """The message that was sent; one with files as LinkedIn shows it, for their addresses."""
        sent = convert.sent_message(value, chat_key, draft, self._profile)
        if sent is None:
            raise OutcomeUnknown(_UNCLEAR)
        if not draft.files:
            return sent
        with suppress(ProviderError):
            shown = await self.read_message(chat_key, sent.key)
            if shown is not None:
                return shown
        return msgspec.structs.replace(sent, attachments=media.sent_attachments(draft.files, sent.key, first))

    async def _uploaded(self, draft: MessageDraft) -> list[Json]:
        durations = [media.voice_ms(await file.read()) if file.kind == "voice" else 0 for file in draft.files]
        given = [await self.upload_file(file) for file in draft.files]
        return media.unions(list(zip(draft.files, given, durations, strict=True)))

    async def upload_file(self, file: MessageFile) -> Uploaded:
        """Give LinkedIn a file before its message."""
        return await self._media.upload(file)

    async def open_media(self, url: str) -> Download:
        """What is at an address of LinkedIn's files."""
        return await self._media.open(url)

    async def _reply(self, chat: str, draft: MessageDraft) -> list[Json]:
        quote = draft.quote
        if quote is None and draft.quote_provider_id is None:
            return []
        if quote is None or quote.sent_at is None:
            key = keys.message_key(quote.key if quote is not None else draft.quote_provider_id or "")
            shown = await self.read_message(chat, key)
            if shown is None or shown.recalled:
                raise Unprocessable("The message that this one answers is not there any more; nothing was sent.")
            quote = convert.quote_of(shown)
        return [convert.reply_union(quote, self._me, quote.sent_at or 0)]

    async def edit_message(self, chat: str, message: HeldMessage, text: str) -> None:
        """LinkedIn refuses without a reason: not yours, too old, or gone."""
        try:
            await actions.edit(self._api, keys.message_urn(self._me, keys.message_key(message.key)), text)
        except Refused as error:
            if error.code is not ErrorCode.MALFORMED_REQUEST:
                raise
            raise Refused(
                "LinkedIn did not take the new text: the message is older than 60 minutes, someone else's, or gone.",
                code=ErrorCode.INSUFFICIENT_PERMISSIONS,
            ) from error

    async def set_reaction(self, chat: str, message: HeldMessage, emoji: str, *, on: bool) -> None:
        """LinkedIn refuses to take back what is not there: that is settled by one read."""
        key = keys.message_key(message.key)
        try:
            await actions.react(self._api, keys.message_urn(self._me, key), emoji, on=on)
        except Refused as error:
            if on or error.code is not ErrorCode.MALFORMED_REQUEST:
                raise
            shown = await self.read_message(chat, key)
            if shown is None or shown.recalled or shown.reactions is None:
                raise
            if any(each.is_sender and each.value == emoji for each in shown.reactions):
                raise

    async def forward_message(self, message: HeldMessage, to: str) -> RemoteMessage:
        raise NotSupported("LinkedIn forwards no messages.")

    async def mark_chat(self, chat: str, mark: ChatMark, *, on: bool) -> None:
        """Read, archived or starred; or the answer to a request."""
        urn = self._chat_urn(chat)
        if mark is ChatMark.ACCEPTED:
            await actions.answer_request(self._api, urn, accept=on)
            return
        if mark is ChatMark.READ:
            await actions.mark_read(self._api, urn, on=on)
        elif mark in actions.CATEGORIES:
            await actions.categorise(self._api, urn, actions.CATEGORIES[mark], on=on)
        else:
            raise NotSupported(f"LinkedIn does not mark conversations as {mark}.")

    async def show_typing(self, chat: str, *, on: bool) -> None:
        """LinkedIn shows it for some seconds, and ends it by itself."""
        urn = self._chat_urn(chat)
        if on:
            await actions.show_typing(self._api, urn)

    async def open_attachment(self, message: HeldMessage, attachment: AnyAttachment) -> Download:
        """By its address. One that has expired is to be read again with its message."""
        if attachment.url is None:
            raise NotFound("LinkedIn has not said where this file is.", kind=Kind.ATTACHMENT)
        try:
            return await self._media.open(attachment.url)
        except InvalidParameters as error:
            raise NotFound("This file is not at LinkedIn.", kind=Kind.ATTACHMENT) from error

    async def recall_message(self, chat: str, message: MessageKey) -> None:
        """Exactly one call. LinkedIn refuses without a reason: not yours, too old, or gone already."""
        self._chat_urn(chat)
        urn = keys.message_urn(self._me, keys.message_key(message))
        try:
            await self._api.recall(urn)
        except Refused as error:
            if error.code is not ErrorCode.MALFORMED_REQUEST:
                raise
            raise Refused(
                "LinkedIn did not take the message back: it is older than 60 minutes, someone else's, or gone already.",
                code=ErrorCode.INSUFFICIENT_PERMISSIONS,
                kind=Kind.RECALL_REFUSED,
            ) from error

    async def read_message(self, chat: str, message: MessageKey) -> RemoteMessage | None:
        """Look around the moment that stands in the message's id."""
        key = keys.message_key(message)
        at_ms = keys.sent_ms(key)
        if at_ms is None:
            raise NotSupported("LinkedIn has no way to look up a message as old as this one.")
        urn = self._chat_urn(chat)
        found = await self._api.messages_around(urn, at_ms, before=_NEIGHBOURS, after=_NEIGHBOURS)
        reached = False
        for item in found["elements"]:
            shown = convert.message(item, self._me)
            if shown is None:
                # One that cannot be understood may be the one asked for: that is not "gone".
                raise refusals.unreadable("message")
            if shown.key == key:
                return shown
            reached = reached or _ms(shown) <= at_ms
        if not reached:
            # Newest first: a page that ends before the message's place says nothing about it.
            raise refusals.unreadable("messages around a moment")
        return None

    def listen(self) -> AsyncIterator[RemoteEvent]:
        """Everything new. Each time the stream opens, the first event is a `Gap`: what came before it is not in it."""
        return listen(self._api, self._me, self._wait_seconds)

    def _messages(self, found: Json) -> list[RemoteMessage]:
        shown = [message for item in found["elements"] if (message := convert.message(item, self._me)) is not None]
        return sorted(shown, key=lambda message: (message.sent_at, message.key), reverse=True)

    def _chat_urn(self, chat: str) -> str:
        key: ChatKey = keys.chat_key(chat)
        if key.startswith(keys.SALES_NAVIGATOR):
            raise NotSupported("Conversations of Sales Navigator cannot be reached from here.", kind=Kind.NO_RECALL)
        return keys.chat_urn(self._me, key)


def _ms(message: RemoteMessage) -> int:
    return convert.to_ms(message.sent_at)


def _read_cursor(cursor: str | None) -> tuple[str, str, str]:
    """Folder, then "t" (a moment in ms) or "c" (LinkedIn's cursor), and its value."""
    if cursor is None:
        return _FOLDERS[0], "t", ""
    folder, _, rest = cursor.partition(":")
    kind, _, value = rest.partition(":")
    if folder not in _FOLDERS or kind not in ("t", "c") or (kind == "t" and value and not value.isdecimal()):
        raise InvalidParameters("The cursor is not one of LinkedIn's chats.", kind=Kind.CURSOR)
    return folder, kind, value


def _next_cursor(folder: str, value: str, found: Json, chats: list[RemoteChat]) -> str | None:
    """LinkedIn's cursor; without one the next page by time, as long as there is one; then the next folder."""
    given = found["metadata"].get("nextCursor")
    if isinstance(given, str) and given:
        return f"{folder}:c:{given}"
    moments = [convert.to_ms(chat.last_message_at) for chat in chats]
    oldest = min((moment for moment in moments if moment), default=0)
    if "nextCursor" not in found["metadata"] and oldest and str(oldest - 1) != value:
        return f"{folder}:t:{oldest - 1}"
    place = _FOLDERS.index(folder) + 1
    return f"{_FOLDERS[place]}:t:" if place < len(_FOLDERS) else None
