"""Backfill: an account's whole history, or one chat's, page by page. Each page and its place are one transaction.

A process that dies half way has lost no page and reads none twice, but for the one that was on its way.
"""

import time

import msgspec
import structlog

from postroom.clock import Clock, to_ms
from postroom.connectors.contract import Messenger, Page
from postroom.domain.accounts import IN_USE, Account, AccountStatus
from postroom.domain.events import EventData, EventType
from postroom.domain.remote import ChatChanged, MessageSeen, RemoteChat, RemoteEvent, RemoteMessage
from postroom.domain.syncs import SyncProgress, SyncState, queued
from postroom.errors import ErrorCode, InvalidParameters, NoSession, PostroomError, Refused
from postroom.services.events import Events
from postroom.services.ingest import Also, Ingest
from postroom.store import accounts, syncs
from postroom.store.database import Database, Tx

_TELL_EVERY_MS = 2_000
_LONG_MS = 10_000
"""After a backfill that took longer, what changed meanwhile is looked for at once."""
_MOST_RESTARTS = 1

log = structlog.get_logger()


class Backfill:
    """Reads what there is, and remembers where it stands."""

    def __init__(self, database: Database, ingest: Ingest, events: Events, now: Clock) -> None:
        self._database = database
        self._ingest = ingest
        self._events = events
        self._now = now

    async def begin(self, account: Account) -> None:
        """Make the account's next run start from the beginning, whatever was there before."""
        async with self._database.begin() as tx:
            if await accounts.hold(tx, account.workspace_id, account.id) is not None:
                progress = queued(to_ms(self._now()))
                await syncs.start(tx, account.workspace_id, account.id, syncs.WHOLE, progress)

    async def run(
        self, connection: Messenger, account: Account, scope: str = syncs.WHOLE, *, seconds: float | None = None
    ) -> bool:
        """Go on with what is unfinished; whether it is over. `seconds`: it stops after so many, to go on another time.

        Raises:
            ProviderError: the network did not go along. It says so in its progress; what was taken in stays.
        """
        reading = _Reading(self, connection, account, scope)
        try:
            return await reading.go_on(None if seconds is None else time.monotonic() + seconds)
        except NoSession:
            return True
        except PostroomError as error:
            await reading.failed(error)
            raise


class _Reading:
    """One run of one sync."""

    def __init__(self, backfill: Backfill, connection: Messenger, account: Account, scope: str) -> None:
        self._database = backfill._database
        self._ingest = backfill._ingest
        self._events = backfill._events
        self._now = backfill._now
        self._connection = connection
        self._account = account
        self._scope = scope
        # New messages of an account that was synced before were missed while it was away: those are announced.
        self._announce = account.synced
        self._progress = SyncProgress(state=SyncState.RUNNING, started_at=0)
        self._place = syncs.Place(token=None, cursor=None)

    async def go_on(self, until: float | None) -> bool:
        workspace_id, account_id = self._account.workspace_id, self._account.id
        async with self._database.read() as reader:
            found = await syncs.find(reader, workspace_id, account_id, self._scope)
            self._place = await syncs.find_place(reader, workspace_id, account_id, self._scope)
        if found is None or not found.unfinished:
            return True
        self._progress = msgspec.structs.replace(found, state=SyncState.RUNNING, error=None)
        await self._started()
        while not self._progress.listed:
            if until is not None and time.monotonic() > until:
                return False
            await self._list_chats()
        while True:
            async with self._database.read() as reader:
                chat = await syncs.next_chat(reader, workspace_id, account_id, self._scope)
            if chat is None:
                await self._finished()
                return True
            if until is not None and time.monotonic() > until:
                return False
            await self._read_chat(chat)
            if self._progress.state is SyncState.RESTING:
                return True

    async def failed(self, error: PostroomError) -> None:
        """Say in the progress what went wrong; where it stands is kept."""
        failed = msgspec.structs.replace(self._progress, state=SyncState.FAILED, error=error.code, told=False)
        async with self._database.begin() as tx:
            found = await syncs.find(tx, self._account.workspace_id, self._account.id, self._scope)
            if found is not None and found.unfinished:
                await self._keep(tx, failed)

    async def _started(self) -> None:
        """What comes to pass from here on is told from this token."""
        token = self._place.token
        if token is None and not self._scope:
            token = (await self._connection.changes(None)).token
        self._place = msgspec.structs.replace(self._place, token=token)

        async def also(tx: Tx, status: AccountStatus) -> None:
            _check(status)
            await self._keep(tx, self._progress)
            await self._keep_place(tx, self._place)

        await self._take([], also)

    async def _list_chats(self) -> None:
        listed = await self._or_from_the_start()
        after = self._progress.after
        wanted = [
            chat
            for chat in listed.items
            if after is None or chat.last_message_at is None or to_ms(chat.last_message_at) >= after
        ]
        place = msgspec.structs.replace(self._place, cursor=listed.next)
        progress = self._progress

        async def also(tx: Tx, status: AccountStatus) -> None:
            nonlocal progress
            _check(status)
            keys: list[str] = [chat.key for chat in wanted]
            known = self._progress.chats_known
            new = await syncs.add_chats(tx, *self._names, keys, first=known)
            progress = self._told(chats_known=known + new, listed=listed.next is None)
            await self._keep(tx, progress)
            await self._keep_place(tx, place)

        await self._take([ChatChanged(chat=chat) for chat in listed.items], also)
        self._progress, self._place = progress, place

    async def _or_from_the_start(self) -> Page[RemoteChat]:
        """The next page of chats; from the first one where the network does not know its own cursor any more."""
        try:
            return await self._connection.list_chats(self._place.cursor)
        except (Refused, InvalidParameters) as error:
            if self._place.cursor is None or error.code is ErrorCode.ACCOUNT_RESTRICTED:
                raise
            return await self._connection.list_chats(None)

    async def _read_chat(self, chat: syncs.ChatToSync) -> None:
        page = await self._page(chat)
        after = self._progress.after
        shown: list[RemoteMessage] = [] if page is None else list(page.items)
        news: list[RemoteEvent] = [
            MessageSeen(message=message) for message in shown if message.recalled or self._wanted(message)
        ]
        over = (
            page is None
            or page.next is None
            or (after is not None and bool(shown) and to_ms(shown[-1].sent_at) < after)
        )
        if page is None and chat.cursor is not None and chat.restarts < _MOST_RESTARTS:
            chat = msgspec.structs.replace(chat, cursor=None, restarts=chat.restarts + 1)
            over = False
        else:
            chat = msgspec.structs.replace(chat, cursor=None if page is None else page.next)
        progress = self._progress

        async def also(tx: Tx, status: AccountStatus) -> None:
            nonlocal progress
            _check(status)
            await syncs.set_chat(tx, *self._names, chat, over=over)
            progress = self._counted(len(news), over=over, failed=over and page is None)
            await self._keep(tx, progress)

        await self._take(news, also)
        self._progress = progress

    def _wanted(self, message: RemoteMessage) -> bool:
        at, found = to_ms(message.sent_at), self._progress
        return (found.before is None or at < found.before) and (found.after is None or at >= found.after)

    async def _page(self, chat: syncs.ChatToSync) -> Page[RemoteMessage] | None:
        """The chat's next page; None: the network does not show it, or not from there."""
        try:
            return await self._connection.list_messages(chat.key, chat.cursor)
        except (Refused, InvalidParameters) as error:
            if error.code is ErrorCode.ACCOUNT_RESTRICTED:
                raise
            log.warning("sync.page_refused", account=self._account.id, code=error.code)
            return None

    def _counted(self, messages: int, *, over: bool, failed: bool) -> SyncProgress:
        found = self._progress
        changed = self._told(
            messages=found.messages + messages,
            chats_done=found.chats_done + over,
            chats_failed=found.chats_failed + failed,
        )
        if over and changed.chunk_left is not None:
            left = changed.chunk_left - 1
            resting = left <= 0 and changed.chats_done < changed.chats_known
            changed = msgspec.structs.replace(
                changed, chunk_left=left, state=SyncState.RESTING if resting else changed.state, told=False
            )
        return changed

    def _told(self, **changes: object) -> SyncProgress:
        """The progress with these changes; it is announced with them if the last time was long enough ago."""
        changed = msgspec.structs.replace(self._progress, **changes)
        now = to_ms(self._now())
        return msgspec.structs.replace(changed, announced_at=now) if self._is_due(changed, now) else changed

    def _is_due(self, progress: SyncProgress, now: int) -> bool:
        return now - progress.announced_at >= _TELL_EVERY_MS

    async def _finished(self) -> None:
        now = to_ms(self._now())
        done = msgspec.structs.replace(self._progress, state=SyncState.DONE, finished_at=now, told=False)

        async def also(tx: Tx, status: AccountStatus) -> None:
            _check(status)
            await self._keep(tx, done)
            await self._keep_place(tx, syncs.Place(token=None, cursor=None))
            await syncs.remove_chats(tx, *self._names)
            if self._scope:
                return
            await accounts.set_sync_token(
                tx, self._account.workspace_id, self._account.id, self._place.token, now, synced=True
            )
            if not self._account.synced or done.asked:
                data = EventData(
                    account_id=self._account.id,
                    platform=self._account.provider,
                    origin="api" if done.asked else "sync",
                )
                await self._events.announce(tx, self._account.workspace_id, EventType.ACCOUNT_SYNCED, data)
            if now - done.started_at > _LONG_MS:
                await self._ingest.queue_sync_in(tx, self._account.workspace_id, self._account.id)

        await self._take([], also)
        self._progress = done

    @property
    def _names(self) -> tuple[str, str, str]:
        return self._account.workspace_id, self._account.id, self._scope

    async def _take(self, news: list[RemoteEvent], also: Also) -> None:
        """Take news in together with what is kept of them.

        Raises:
            NoSession: the account is paused, disconnected or gone; nothing was taken in, and nothing kept.
        """
        happened = False

        async def noted(tx: Tx, status: AccountStatus) -> None:
            nonlocal happened
            happened = True
            await also(tx, status)

        await self._ingest.take(self._account, news, origin="sync", announce=self._announce, also=noted)
        if not happened:
            raise NoSession("The account is gone.")

    async def _keep(self, tx: Tx, progress: SyncProgress) -> None:
        await syncs.set_progress(tx, *self._names, progress)
        if progress.announced_at != self._progress.announced_at and not self._scope:
            data = EventData(account_id=self._account.id, origin="sync")
            await self._events.announce(tx, self._account.workspace_id, EventType.ACCOUNT_SYNC_PROGRESS, data)

    async def _keep_place(self, tx: Tx, place: syncs.Place) -> None:
        await syncs.set_place(tx, *self._names, place)


def _check(status: AccountStatus) -> None:
    if status not in IN_USE:
        raise NoSession("The account is not in use.")
