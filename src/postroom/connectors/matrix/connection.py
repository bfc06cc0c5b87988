"""One Matrix account: its chats, its messages, and what is new in them."""

import asyncio
import random
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import NoReturn

import msgspec

from postroom.clock import Clock, to_ms
from postroom.connectors.contract import Delta, Page
from postroom.connectors.matrix import convert
from postroom.connectors.matrix.api import ABOUT, Json, Matrix, Missing, room_filter
from postroom.connectors.matrix.convert import as_list, as_object, chat_key, message_key
from postroom.connectors.matrix.rooms import Rooms
from postroom.connectors.matrix.timeline import PAGE, Timeline
from postroom.domain.chats import ChatMark
from postroom.domain.messages import AnyAttachment
from postroom.domain.remote import (
    ChatChanged,
    ChatDraft,
    ChatGone,
    ChatKey,
    Closed,
    Download,
    Gap,
    HeldMessage,
    MessageDraft,
    MessageKey,
    Profile,
    RemoteChat,
    RemoteEvent,
    RemoteMessage,
)
from postroom.errors import (
    CredentialsRejected,
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

_ROOMS_OF_A_PAGE = 10
_TYPING_SECONDS = 30
_LONGEST_WAIT_SECONDS = 60.0
_SHORT_PAUSE_SECONDS = 0.1
_NOTHING = room_filter([], (), limit=1)
# Who leaves is not told otherwise.
_EVERYTHING = room_filter(None, (*convert.TIMELINE, *ABOUT), limit=PAGE)


class MatrixConnection:
    """A Messenger over one access token."""

    def __init__(self, api: Matrix, profile: Profile, now: Clock, *, wait_seconds: float = 2.0) -> None:
        """`wait_seconds`: how much longer each failed attempt to listen waits than the one before."""
        self._api = api
        self._profile = profile
        self._me = profile.provider_id
        self._now = now
        self._wait_seconds = wait_seconds
        self._timeline = Timeline(api, self._me)
        self._rooms = Rooms(api, self._me)

    def __repr__(self) -> str:
        return f"MatrixConnection({self._me})"

    async def profile(self) -> Profile:
        """Whose account this is."""
        user = (await self._api.whoami()).get("user_id")
        if user != self._me:
            raise CredentialsRejected("The access token is another account's by now.")
        return convert.profile(self._me, await self._api.profile(self._me))

    async def revoke(self) -> None:
        """Log out: the token ends."""
        try:
            await self._api.log_out()
        except CredentialsRejected:
            return

    # reading

    async def list_chats(self, cursor: str | None) -> Page[RemoteChat]:
        """Rooms by their ids, page by page; on each page the most recently active first."""
        if cursor is not None:
            _check_cursor(cursor.startswith("!"))
        rooms = sorted(room for room in await self._api.joined_rooms() if cursor is None or room > cursor)
        some = rooms[:_ROOMS_OF_A_PAGE]
        chats = await self._rooms.chats(some) if some else []
        chats.sort(key=lambda chat: to_ms(chat.last_message_at) if chat.last_message_at else 0, reverse=True)
        return Page(chats, some[-1] if len(rooms) > len(some) else None)

    async def list_messages(self, chat: str, cursor: str | None) -> Page[RemoteMessage]:
        """Newest first."""
        try:
            messages, older = await self._timeline.page(chat_key(chat), cursor)
        except Refused as error:
            _check_cursor(cursor is None or not _is_unknown(error), error)
            raise
        return Page(messages, older)

    async def changes(self, token: str | None) -> Delta:
        """All that came after `token`. Where a room has more than is told, the rest is read; too much is not complete."""
        if token is None:
            return Delta(events=[], token=await self._newest(), complete=True)
        try:
            tree = await self._api.sync(token, _EVERYTHING)
        except Refused as error:
            if not _is_unknown(error):
                raise
            # A token that this homeserver does not know, or not any more.
            return Delta(events=[], token=await self._newest(), complete=False)
        events, complete = await self._batch(tree, token)
        return Delta(events=events, token=_next_batch(tree), complete=complete)

    async def _newest(self) -> str:
        return _next_batch(await self._api.sync(None, _NOTHING))

    async def _batch(self, tree: Mapping[str, Json], since: str) -> tuple[list[RemoteEvent], bool]:
        """What one answer of `sync` tells, and whether that is all."""
        told: list[RemoteEvent] = []
        complete = True
        rooms = as_object(tree.get("rooms"))
        for room, entry in as_object(rooms.get("join")).items():
            entry, timeline = as_object(entry), as_object(as_object(entry).get("timeline"))
            chat, is_news = await self._rooms.updated(room, entry)
            if is_news:
                told.append(ChatChanged(chat=chat))
            events = as_list(timeline.get("events"))
            if timeline.get("limited") is True:
                start = timeline.get("prev_batch")
                missed = await self._timeline.missed(room, start, since) if isinstance(start, str) else None
                complete = complete and missed is not None
                events = [*(missed or []), *events]
            names = convert.members([*as_list(as_object(entry.get("state")).get("events")), *events])
            told += await self._timeline.news(room, events, names, chat)
            told += self._timeline.receipts(room, as_list(as_object(entry.get("ephemeral")).get("events")))
        for room in as_object(rooms.get("leave")):
            self._rooms.forget(room)
            told.append(ChatGone(key=ChatKey(room)))
        return told, complete

    async def read_message(self, chat: str, message: MessageKey) -> RemoteMessage | None:
        """As it stands now, with the reactions to it. What was taken back shows itself as such."""
        room, id = chat_key(chat), message_key(message)
        shown = await self._timeline.shown(room, id)
        if shown is None or shown.recalled:
            return shown
        with suppress(ProviderError):
            return msgspec.structs.replace(shown, reactions=await self._timeline.reactions(room, id))
        return shown

    async def open_attachment(self, message: HeldMessage, attachment: AnyAttachment) -> Download:
        """A file, from the homeserver's own store of media."""
        content = convert.content_of(message.original)
        address = convert.mxc(content.get("url"))
        if convert.mxc(as_object(content.get("file")).get("url")) is not None or attachment.unavailable:
            raise NotSupported("This file is encrypted from end to end: it cannot be read here.")
        if address is None or address[1] != attachment.id:
            raise NotFound("The message has no such file.", kind=Kind.ATTACHMENT)
        content_type, size, chunks = await self._api.download(*address)
        return Download(content_type=content_type, size_bytes=size, chunks=chunks)

    async def listen(self) -> AsyncIterator[RemoteEvent]:
        """Everything new, from the moment at which it begins: the first event is a `Gap`, for what came before."""
        since: str | None = None
        failed = 0
        while True:
            wait_seconds, started = 0.0, time.monotonic()
            try:
                if since is None:
                    since = await self._newest()
                    yield Gap(reason="listening begins")
                    failed = 0
                # After a failure nobody waits: the answer says that there is something to be heard again.
                tree = await self._api.sync(since, _EVERYTHING, wait=not failed)
                events, complete = await self._batch(tree, since)
                for event in events:
                    yield event
                if not complete:
                    yield Gap(reason="more came than the homeserver tells at once")
                elif failed and not events:
                    yield Gap(reason="the homeserver answers again")
                since, failed = _next_batch(tree), 0
                if not events and time.monotonic() - started < 1:
                    # A homeserver that does not wait with its answer, or news that are none.
                    await asyncio.sleep(_SHORT_PAUSE_SECONDS)
                continue
            except RateLimited as error:
                wait_seconds = error.retry_after_seconds or _LONGEST_WAIT_SECONDS
            except ProviderDown:
                pass
            except Refused as error:
                if since is None or not _is_unknown(error):
                    raise
                # A token that is not known any more: begin again, with a gap.
                since = None
            failed += 1
            yield Closed(reason="the homeserver does not answer")
            pause = min(_LONGEST_WAIT_SECONDS, failed * self._wait_seconds) * random.uniform(0.5, 1.5)
            await asyncio.sleep(max(wait_seconds, pause))

    # writing

    async def send_message(self, chat: str, draft: MessageDraft) -> RemoteMessage:
        """Send once: `draft.token` is the transaction's id, so the homeserver makes one message of however many tries."""
        room = chat_key(chat)
        await self._check_readable(room)
        content = await self._content(draft)
        answered = draft.quote.key if draft.quote is not None else draft.quote_provider_id
        if answered is not None:
            content = {**content, "m.relates_to": {"m.in_reply_to": {"event_id": message_key(answered)}}}
        return await self._sent(room, await self._api.send(room, "m.room.message", draft.token, content), content)

    async def _content(self, draft: MessageDraft) -> dict[str, Json]:
        if not draft.files:
            return convert.text_content(draft.text)
        if len(draft.files) > 1:
            raise Unprocessable("A message on Matrix has one file; nothing was sent.")
        (file,) = draft.files
        address = await self._api.upload(file.name, file.content_type, await file.read())
        return convert.file_content(file, address, draft.text)

    async def _sent(self, room: ChatKey, id: str, content: Mapping[str, Json]) -> RemoteMessage:
        """What was sent as the homeserver shows it; else as it was meant."""
        try:
            shown = await self._timeline.shown(room, id)
        except ProviderError:
            shown = None
        event = {
            "event_id": id,
            "type": "m.room.message",
            "sender": self._me,
            "origin_server_ts": to_ms(self._now()),
            "content": dict(content),
        }
        found = shown or convert.message(event, room, self._me, {}, {})
        if found is None:
            raise OutcomeUnknown("The homeserver took the message, and its answer could not be understood.")
        return msgspec.structs.replace(
            found, sender=msgspec.structs.replace(found.sender, name=found.sender.name or self._profile.name)
        )

    async def start_chat(self, draft: ChatDraft) -> RemoteMessage:
        """Go on with the room that is these people's alone, or make one and invite them."""
        people = list(dict.fromkeys(draft.people))
        if not people or self._me in people or not all(each.startswith("@") and ":" in each for each in people):
            raise Unprocessable(
                "People on Matrix are named like @ada:example.org, oneself not among them; nothing was begun.",
                code=ErrorCode.INVALID_RECIPIENT,
            )
        direct = await self._api.account_data(self._me, "m.direct")
        room = await self._room_with(people[0], direct) if len(people) == 1 and not draft.title else None
        if room is not None:
            return await self.send_message(room, draft.message)
        settings: dict[str, Json] = {"invite": people, "preset": "trusted_private_chat", "is_direct": len(people) == 1}
        if draft.title:
            settings["name"] = draft.title
        if draft.subject:
            settings["topic"] = draft.subject
        room = await self._api.create_room(settings)
        try:
            if len(people) == 1:
                rooms = direct.get(people[0])
                known = rooms if isinstance(rooms, list) else []
                await self._api.set_account_data(self._me, "m.direct", {**direct, people[0]: [*known, room]})
            return await self.send_message(room, draft.message)
        except ProviderError as error:
            raise OutcomeUnknown(
                "The chat was begun, and its first message may not have gone out.", code=ErrorCode.PROVIDER_ERROR
            ) from error

    async def _room_with(self, person: str, direct: Mapping[str, Json]) -> str | None:
        rooms = direct.get(person)
        if not isinstance(rooms, list) or not rooms:
            return None
        joined = set(await self._api.joined_rooms())
        for room in reversed(rooms):
            if room in joined and set(await self._api.joined_members(room)) <= {self._me, person}:
                return str(room)
        return None

    async def edit_message(self, chat: str, message: HeldMessage, text: str) -> None:
        """Say that the message has another text."""
        room = chat_key(chat)
        await self._check_readable(room)
        content = convert.edit_content(message_key(message.key), convert.content_of(message.original), text)
        await self._api.send(room, "m.room.message", _token(), content)

    async def set_reaction(self, chat: str, message: HeldMessage, emoji: str, *, on: bool) -> None:
        """React, or take the account's own reaction back."""
        room, id = chat_key(chat), message_key(message.key)
        found = await self._timeline.related(room, id, "m.annotation", convert.REACTION)
        own = [event for event in found if event.get("sender") == self._me and convert.reacted(event) == (id, emoji)]
        if not on:
            for event in own:
                await self._api.redact(room, str(event["event_id"]), _recalling(str(event["event_id"])))
        elif not own:
            relation = {"rel_type": "m.annotation", "event_id": id, "key": emoji}
            try:
                await self._api.send(room, convert.REACTION, _token(), {"m.relates_to": relation})
            except Refused as error:
                if error.context.get("errcode") != "M_DUPLICATE_ANNOTATION":
                    raise

    async def forward_message(self, message: HeldMessage, to: str) -> RemoteMessage:
        """Say the same in another room; a file is not uploaded once more."""
        room = chat_key(to)
        await self._check_readable(room)
        content = convert.forwarded(convert.content_of(message.original))
        if not content.get("msgtype"):
            raise Unprocessable("There is nothing in this message that could be forwarded; nothing was sent.")
        return await self._sent(room, await self._api.send(room, "m.room.message", _token(), content), content)

    async def mark_chat(self, chat: str, mark: ChatMark, *, on: bool) -> None:
        """Read, unread, or among the favourites."""
        room = chat_key(chat)
        if mark is ChatMark.PINNED:
            await self._api.set_tag(self._me, room, "m.favourite", on=on)
        elif mark is ChatMark.READ:
            if on:
                tree = await self._api.messages(room, None, {"types": list(convert.MESSAGES)}, limit=1)
                for event in as_list(tree.get("chunk"))[:1]:
                    await self._api.read_markers(room, str(event.get("event_id")))
            await self._api.set_account_data(self._me, "m.marked_unread", {"unread": not on}, room)
        else:
            raise NotSupported("Matrix has no such mark.")

    async def show_typing(self, chat: str, *, on: bool) -> None:
        await self._api.typing(chat_key(chat), self._me, on=on, for_seconds=_TYPING_SECONDS)

    async def recall_message(self, chat: str, message: MessageKey) -> None:
        """Redact the edits, which keep what they say, and then the message: once it is gone, all of it is."""
        room, id = chat_key(chat), message_key(message)
        try:
            edits = await self._timeline.related(room, id, "m.replace", "m.room.message")
            for edit in edits:
                if edit.get("sender") == self._me and convert.edited_by(edit) == id:
                    await self._api.redact(room, str(edit["event_id"]), _recalling(str(edit["event_id"])))
            await self._api.redact(room, id, _recalling(id))
        except Missing as error:
            _refuse(error)
        except Refused as error:
            if error.code is ErrorCode.MALFORMED_REQUEST:
                _refuse(error)
            raise

    async def _check_readable(self, room: str) -> None:
        """Raises:
        NotSupported: what is said in this room is encrypted, which this server does not do.
        """
        if await self._api.is_encrypted(room):
            raise NotSupported(
                "This room is encrypted from end to end: messages can be neither read nor written from here. "
                "Nothing was sent."
            )


def _refuse(error: Refused) -> NoReturn:
    raise Refused(
        f"The homeserver did not take the message back. {error.detail}",
        code=ErrorCode.INSUFFICIENT_PERMISSIONS,
        kind=Kind.RECALL_REFUSED,
    ) from error


def _is_unknown(error: Refused) -> bool:
    """Whether the homeserver does not know the token that it was given."""
    return error.context.get("status") == 400


def _check_cursor(good: bool, cause: Exception | None = None) -> None:
    if not good:
        raise InvalidParameters("The cursor is not one of Matrix's.", kind=Kind.CURSOR) from cause


def _next_batch(tree: Mapping[str, Json]) -> str:
    token = tree.get("next_batch")
    if not isinstance(token, str) or not token:
        raise ProviderDown("The homeserver's answer could not be understood: it has no next_batch.")
    return token


def _token() -> str:
    return f"postroom-{uuid.uuid4().hex}"


def _recalling(id: str) -> str:
    """The same for the same message: to take it back twice is to take it back once."""
    return f"recall-{id.lstrip('$')}"
