"""What networks tell us, taken in: one transaction each, safe to repeat, in any order."""

from collections.abc import Awaitable, Callable, Sequence

import msgspec
import structlog

from postroom.clock import Clock, to_ms
from postroom.domain.accounts import Account, AccountStatus
from postroom.domain.chats import Attendee, AttendeeContent, Chat, ChatContent, ChatKind
from postroom.domain.events import EventData, EventType
from postroom.domain.jobs import Job, Task
from postroom.domain.messages import AnyAttachment, Content, Message, Reaction
from postroom.domain.remote import (
    ChatChanged,
    ChatGone,
    Closed,
    Gap,
    MessageDelivered,
    MessageEdited,
    MessageGone,
    MessageSeen,
    ReactionChanged,
    ReadUpTo,
    RemoteAttendee,
    RemoteChat,
    RemoteEvent,
    RemoteMessage,
)
from postroom.ids import new_id
from postroom.services.acquaintances import Acquaintances
from postroom.services.burial import bury
from postroom.services.connections import Connections
from postroom.services.events import Events
from postroom.store import accounts, burials, chats, jobs, messages
from postroom.store.database import Database, Tx
from postroom.store.notify import Notifier

log = structlog.get_logger()
Also = Callable[[Tx, AccountStatus], Awaitable[None]]
"""What is recorded with news, by where the account stands."""


class Ingest:
    """The one way in for what a network says. Late, repeated and reordered news all end in the same state."""

    def __init__(self, database: Database, notifier: Notifier, connections: Connections, events: Events, now: Clock):
        self._database = database
        self._notifier = notifier
        self._connections = connections
        self._events = events
        self._now = now
        self._acquaintances = Acquaintances()

    async def take(
        self,
        account: Account,
        news: Sequence[RemoteEvent],
        *,
        origin: str,
        announce: bool = True,
        also: Also | None = None,
    ) -> int:
        """Take news in, in one transaction; how many messages were new. `announce`: tell of new and changed messages.

        A tombstone always wins, and burials are announced in any case. `also` happens in the same transaction; not where
        the account is gone.
        """
        async with self._database.begin() as tx:
            status = await accounts.hold(tx, account.workspace_id, account.id)
            if status is None or status is AccountStatus.UNLINKING:
                return 0
            # Before any row of a message is touched: two who take news in, and one who buries, never wait in a circle.
            await burials.settle_with_burials(
                tx, account.workspace_id, account.provider, exclusive=any(map(_takes_back, news))
            )
            taken = _Taking(self, tx, account, origin, announce)
            for event in _bundled(news):
                await taken.take(event)
            if also is not None:
                await also(tx, status)
            return taken.new

    async def queue_sync(self, workspace_id: str, account_id: str, chat_id: str | None = None) -> None:
        """Have the account synced soon."""
        async with self._database.begin() as tx:
            await self.queue_sync_in(tx, workspace_id, account_id, chat_id)

    async def queue_sync_in(self, tx: Tx, workspace_id: str, account_id: str, chat_id: str | None = None) -> None:
        """The same, in the caller's transaction. One that waits already is enough, and is tried at once.

        `chat_id`: only this chat's history.
        """
        now = self._now()
        args: dict[str, str | list[str]] = {"account_id": account_id}
        if chat_id is not None:
            args["chat_id"] = chat_id
        job = Job(
            id=new_id("job", now),
            workspace_id=workspace_id,
            task=Task.SYNC_ACCOUNT,
            args=args,
            lock=f"sync:{account_id}",
            attempts=0,
            scheduled_at=to_ms(now),
        )
        if not await jobs.hasten(tx, job):
            await jobs.enqueue(tx, job)
        tx.on_commit(lambda: self._notifier.wake("jobs"))


def _takes_back(event: RemoteEvent) -> bool:
    return isinstance(event, MessageGone) or (isinstance(event, MessageSeen) and event.message.recalled)


def _bundled(news: Sequence[RemoteEvent]) -> list[RemoteEvent | list[MessageSeen]]:
    """Neighbouring messages in one bundle, so that a page of history costs a few statements, not a few for each."""
    bundled: list[RemoteEvent | list[MessageSeen]] = []
    for event in news:
        if isinstance(event, MessageSeen):
            if bundled and isinstance(bundled[-1], list):
                bundled[-1].append(event)
                continue
            bundled.append([event])
        else:
            bundled.append(event)
    return bundled


def _is_thinner(held: Sequence[AnyAttachment], shown: Sequence[AnyAttachment]) -> bool:
    """Whether files of a message are held that nobody can open, and are shown so that they can be."""
    if len(held) != len(shown):
        return not held
    return any(one.url is None and other.url is not None for one, other in zip(held, shown, strict=True))


def _is_news(message: RemoteMessage) -> bool:
    """Whether this shows a message as it was changed, and not as it was first sent."""
    return message.recalled or message.edited or message.newest


def _may(by: Sequence[str] | None, row: Message) -> bool:
    """Whether this message is one's own, under some address; None: the network's own word."""
    return by is None or row.sender_id in by


class _Taking:
    """One transaction's worth of news."""

    def __init__(self, ingest: Ingest, tx: Tx, account: Account, origin: str, announce: bool) -> None:
        self._ingest = ingest
        self._tx = tx
        self._account = account
        self._origin = origin
        self._announce = announce
        self._chats: dict[str, str] = {}
        self._active_at: dict[str, int] = {}
        """Up to when chats are noted to have been active, by their ids."""
        self.new = 0

    async def take(self, event: RemoteEvent | list[MessageSeen]) -> None:
        match event:
            case list():
                await self._messages(event)
            case MessageGone():
                await self._gone(event)
            case MessageEdited():
                await self._edited(event)
            case ReactionChanged():
                await self._reaction(event)
            case ReadUpTo():
                await self._noted(event.key, seen=True, person_id=event.reader_id)
            case MessageDelivered():
                await self._noted(event.key, seen=False)
            case ChatChanged():
                await self._chat(event.chat)
            case ChatGone():
                await self._chat_gone(event)
            case Gap():
                await self._ingest.queue_sync_in(self._tx, self._account.workspace_id, self._account.id)
            case MessageSeen():
                await self._messages([event])
            case Closed():
                pass

    async def _messages(self, seen: Sequence[MessageSeen]) -> None:
        workspace_id, account_id = self._account.workspace_id, self._account.id
        shown: dict[str, RemoteMessage] = {}
        for item in seen:
            if item.chat is not None:
                await self._chat(item.chat)
            earlier = shown.get(item.message.key)
            # Within one bundle, too, a recall wins over whatever comes after it, and an edit over what was before it.
            if earlier is None or not (earlier.recalled or (_is_news(earlier) and not _is_news(item.message))):
                shown[item.message.key] = item.message
        for message in shown.values():
            if message.recalled:
                for spelling in (message.key, *message.other_keys):
                    await self._bury(spelling, message.chat_key)
            elif message.quote is not None and await self._is_buried(message.quote_other_keys):
                quote = msgspec.structs.replace(message.quote, text=None, attachments=())
                shown[message.key] = msgspec.structs.replace(message, quote=quote, original="")
        others: dict[str, str] = {other: key for key, message in shown.items() for other in message.other_keys}
        found = await messages.find_by_keys(self._tx, workspace_id, account_id, [*shown, *others])
        held = {others[key]: row for key, row in found.items() if key in others}
        held |= {key: row for key, row in found.items() if key in shown}
        fresh = [message for key, message in shown.items() if key not in held and not message.recalled]
        fresh = [message for message in fresh if not await self._is_buried(message.other_keys)]
        if fresh:
            senders = {message.sender.provider_id: message.sender for message in fresh}
            people = await self._ingest._acquaintances.put(
                self._tx, workspace_id, account_id, None, list(senders.values()), self._attendee
            )
            rows = []
            active: dict[str, int] = {}
            for message in fresh:
                chat_id = await self._chat_id(message)
                active[chat_id] = max(active.get(chat_id, 0), to_ms(message.sent_at))
                rows.append(self._message(message, chat_id, people[message.sender.provider_id]))
            added = await messages.add_many(self._tx, workspace_id, rows)
            for chat_id, moment in active.items():
                if moment > self._active_at.get(chat_id, -1):
                    chats.note_message_at(self._tx, workspace_id, chat_id, moment)
            self.new += len(added)
            for row in added:
                await self._tell(EventType.MESSAGE_SENT if row.is_sender else EventType.MESSAGE_RECEIVED, row)
        for key, row in held.items():
            if not row.is_tombstone and not shown[key].recalled:
                await self._update(row, shown[key])

    async def _update(self, row: Message, shown: RemoteMessage) -> None:
        """Take over what the network now shows; what it does not mention stays, and an edit is not undone by an old copy."""
        content = row.content
        outdated = row.edited and not (shown.edited or shown.newest)
        if not outdated and (shown.text, shown.subject) != (content.text, content.subject):
            content = msgspec.structs.replace(
                content, text=shown.text, subject=shown.subject, attachments=shown.attachments, original=shown.original
            )
        edited = content is not row.content or (shown.edited and not row.edited)
        if not outdated and content.quote is None and shown.quote is not None:
            # A thinner copy came first.
            content = msgspec.structs.replace(content, quote=shown.quote, original=shown.original)
        if not outdated and _is_thinner(content.attachments, shown.attachments):
            content = msgspec.structs.replace(content, attachments=shown.attachments, original=shown.original)
        if shown.reactions is not None and shown.reactions != content.reactions:
            content = msgspec.structs.replace(content, reactions=shown.reactions)
        seen = row.seen or bool(shown.seen)
        if content is row.content and not edited and seen == row.seen:
            return
        await messages.replace_content(
            self._tx,
            self._account.workspace_id,
            row.id,
            content=None if content is row.content else content,
            seen=seen,
            edited=row.edited or shown.edited,
        )
        if edited:
            await self._tell(EventType.MESSAGE_EDITED, row)
        else:
            reason = "reaction" if content.reactions != row.content.reactions else "seen"
            await self._tell(EventType.MESSAGE_UPDATED, row, reason)

    async def _gone(self, event: MessageGone) -> None:
        row = await self._held(event.key)
        if row is not None and not row.is_tombstone and not _may(event.by, row):
            log.warning("recall.not_believed", account=row.account_id, message=row.id)
            return
        chat_key = event.chat_key or await self._chat_of(event.key)
        await self._bury(event.key, chat_key or "")

    async def _edited(self, event: MessageEdited) -> None:
        row = await self._held(event.key)
        if row is None or row.is_tombstone:
            return
        if not _may(event.by, row):
            log.warning("edit.not_believed", account=row.account_id, message=row.id)
            return
        moment, content = to_ms(event.edited_at), row.content
        if content.edited_at is not None and moment <= content.edited_at:
            return
        content = msgspec.structs.replace(
            content,
            text=event.text,
            edited_at=moment,
            original=content.original if event.original is None else event.original,
        )
        await messages.replace_content(self._tx, self._account.workspace_id, row.id, content=content, edited=True)
        if event.text != row.content.text or not row.edited:
            await self._tell(EventType.MESSAGE_EDITED, row)

    async def _reaction(self, event: ReactionChanged) -> None:
        row = await self._held(event.key)
        if row is None or row.is_tombstone:
            return
        others = tuple(
            reaction
            for reaction in row.content.reactions
            if reaction.sender_id != event.sender_id or not (event.replaces or reaction.value == event.emoji)
        )
        mine = (Reaction(value=event.emoji, sender_id=event.sender_id, is_sender=event.is_sender),)
        reactions = others + mine if event.added else others
        if reactions != row.content.reactions:
            content = msgspec.structs.replace(row.content, reactions=reactions)
            await messages.replace_content(self._tx, self._account.workspace_id, row.id, content=content)
            await self._tell(EventType.MESSAGE_UPDATED, row, "reaction", event.sender_id)

    async def _noted(self, key: str, *, seen: bool, person_id: str | None = None) -> None:
        """A message was delivered, or even read."""
        row = await self._held(key)
        if row is not None and not row.is_tombstone and not (row.seen if seen else row.delivered):
            await messages.replace_content(
                self._tx, self._account.workspace_id, row.id, seen=seen or None, delivered=True
            )
            await self._tell(EventType.MESSAGE_UPDATED, row, "seen" if seen else "delivered", person_id)

    async def _chat_gone(self, event: ChatGone) -> None:
        chat = await chats.find_by_key(self._tx, self._account.workspace_id, self._account.id, event.key)
        if chat is not None:
            await chats.remove(self._tx, self._account.workspace_id, chat.id)

    async def _chat(self, remote: RemoteChat) -> str:
        account = self._account
        moment = None if remote.last_message_at is None else to_ms(remote.last_message_at)
        other = next((person.provider_id for person in remote.attendees if not person.is_self), None)
        chat = Chat(
            id=new_id("chat", self._ingest._now()),
            account_id=account.id,
            provider=account.provider,
            provider_id=remote.provider_id,
            key=remote.key,
            kind=ChatKind(remote.kind),
            content=ChatContent(name=remote.name, subject=remote.subject),
            attendee_provider_id=other if remote.kind == ChatKind.SINGLE else None,
            last_message_at=moment,
            unread_count=remote.unread_count,
            archived=remote.archived,
            muted=remote.muted,
            read_only=remote.read_only,
            pinned=remote.pinned,
            starred=remote.starred,
            folders=remote.folders,
            content_type=remote.content_type,
            request=remote.request,
            subject_key=remote.subject_key,
        )
        chat_id, is_new, is_changed = await chats.put(self._tx, account.workspace_id, chat)
        self._chats[remote.key] = chat_id
        self._active_at[chat_id] = moment or 0
        if remote.attendees:
            await self._ingest._acquaintances.put(
                self._tx, account.workspace_id, account.id, chat_id, remote.attendees, self._attendee
            )
        if self._announce:
            kind = EventType.CHAT_CREATED if is_new else EventType.CHAT_UPDATED
            data = EventData(account_id=account.id, chat_id=chat_id, origin=self._origin)
            if is_new or is_changed:
                await self._ingest._events.announce(self._tx, account.workspace_id, kind, data)
        return chat_id

    async def _chat_id(self, message: RemoteMessage) -> str:
        """Our id of the message's chat. One that is not held yet is made, and a sync fills it in."""
        known = self._chats.get(message.chat_key)
        if known is None:
            chat = await chats.find_by_key(self._tx, self._account.workspace_id, self._account.id, message.chat_key)
            if chat is None:
                remote = RemoteChat(provider_id=message.chat_provider_id, key=message.chat_key)
                known = await self._chat(remote)
                await self._ingest.queue_sync_in(self._tx, self._account.workspace_id, self._account.id)
            else:
                known = chat.id
            self._chats[message.chat_key] = known
        return known

    async def _bury(self, key: str, chat_key: str) -> None:
        await bury(
            self._tx,
            self._ingest._events,
            self._ingest._now,
            workspace_id=self._account.workspace_id,
            provider=self._account.provider,
            key=key,
            chat_key=chat_key,
            origin=self._origin,
        )

    async def _is_buried(self, keys: Sequence[str]) -> bool:
        for key in keys:
            if await burials.is_buried(self._tx, self._account.workspace_id, self._account.provider, key):
                return True
        return False

    async def _held(self, key: str) -> Message | None:
        found = await messages.find_by_keys(self._tx, self._account.workspace_id, self._account.id, [key])
        return found.get(key)

    async def _chat_of(self, key: str) -> str | None:
        row = await self._held(key)
        if row is None:
            return None
        return self._ingest._connections.mailboxes(row.provider).chat_key(row.chat_provider_id)

    async def _tell(
        self, type: EventType, row: Message, reason: str | None = None, person_id: str | None = None
    ) -> None:
        if not self._announce:
            return
        data = EventData(
            account_id=row.account_id,
            chat_id=row.chat_id,
            message_id=row.id,
            message_key=row.key,
            person_id=person_id,
            origin=self._origin,
            reason=reason,
        )
        await self._ingest._events.announce(self._tx, self._account.workspace_id, type, data)

    def _attendee(self, remote: RemoteAttendee) -> Attendee:
        return Attendee(
            id=new_id("att", self._ingest._now()),
            account_id=self._account.id,
            provider=self._account.provider,
            provider_id=remote.provider_id,
            is_self=remote.is_self or remote.provider_id == self._account.provider_id,
            kind=remote.kind,
            member_urn=remote.member_urn,
            distance=remote.distance,
            content=AttendeeContent(
                name=remote.name,
                picture_url=remote.picture_url,
                profile_url=remote.profile_url,
                headline=remote.headline,
            ),
        )

    def _message(self, remote: RemoteMessage, chat_id: str, attendee_id: str) -> Message:
        return Message(
            id=new_id("msg", self._ingest._now()),
            account_id=self._account.id,
            chat_id=chat_id,
            provider=self._account.provider,
            provider_id=remote.provider_id,
            chat_provider_id=remote.chat_provider_id,
            key=remote.key,
            sender_id=remote.sender.provider_id,
            sender_attendee_id=attendee_id,
            sent_at=to_ms(remote.sent_at),
            is_sender=remote.sender.is_self or remote.sender.provider_id == self._account.provider_id,
            seen=bool(remote.seen),
            delivered=remote.delivered,
            edited=remote.edited,
            hidden=remote.hidden,
            is_event=remote.is_event,
            kind=remote.kind,
            deleted_at=None,
            quoted_id=None,
            content=Content(
                text=remote.text,
                subject=remote.subject,
                attachments=remote.attachments,
                reactions=remote.reactions or (),
                quote=remote.quote,
                is_forwarded=remote.is_forwarded,
                original=remote.original,
            ),
        )
