"""Deferred work: what was put off is done when it is due, once, and how it ended is on record.

A deletion goes through `Recalls`, whose own intents say what became of a call. A send is made once; where nobody knows
whether it went out, it is looked for by its token, and never made again.
"""

from contextlib import suppress
from datetime import timedelta

import msgspec

from postroom.clock import Clock, iso, to_ms
from postroom.domain.access import Caller, Scope
from postroom.domain.deferrals import Cause, Deferral, DeferralState, Deferred, DeferredDraft
from postroom.domain.deletions import recall_deadline
from postroom.domain.jobs import Retry
from postroom.domain.messages import Message, RecallOutcome
from postroom.domain.remote import MessageSeen
from postroom.domain.rules import next_attempt
from postroom.errors import (
    ActionRequired,
    CredentialsRejected,
    InvalidParameters,
    NotFound,
    OutcomeUnknown,
    PostroomError,
    ProviderDown,
    ProviderError,
    ProxyRefused,
    RateLimited,
    Unavailable,
)
from postroom.services.connections import Connections
from postroom.services.deferral_ends import UNLINKED, end
from postroom.services.deferrals import Deferrals
from postroom.services.events import Events
from postroom.services.ingest import Ingest
from postroom.services.messages import Messages
from postroom.services.recalls import Recalls
from postroom.store import access, accounts, chats, deferrals, messages, recalls
from postroom.store.database import Database, Reader, Tx
from postroom.store.jobs import Finish
from postroom.store.keyring import NoKey
from postroom.store.notify import Notifier

_NOTHING_HAPPENED = (ProviderDown, RateLimited, CredentialsRejected, ActionRequired, ProxyRefused, Unavailable)
_SEND_FOR = timedelta(minutes=10)
"""How long a send is tried whose network is away: later than that its words may be out of place."""
_DELETE_FOR = timedelta(days=1)
"""How long a deletion is tried where its network sets no end."""
_LAST_TRY = timedelta(seconds=3)
_LOOK_FOR = timedelta(minutes=2)
_LOOK_AGAIN = timedelta(seconds=5)
_UNKNOWN_SEND = "The network did not say whether it took the message, and does not show it: look there."
_UNKNOWN_DELETE = "The network did not say whether the message is gone, and it could not be read back: look there."


class DeferredWork:
    """The jobs of `Deferrals`."""

    def __init__(
        self,
        database: Database,
        notifier: Notifier,
        connections: Connections,
        ingest: Ingest,
        messages: Messages,
        recalls: Recalls,
        deferrals: Deferrals,
        events: Events,
        now: Clock,
    ) -> None:
        self._database = database
        self._notifier = notifier
        self._connections = connections
        self._ingest = ingest
        self._messages = messages
        self._recalls = recalls
        self._deferrals = deferrals
        self._events = events
        self._now = now

    async def do(self, workspace_id: str, deferral_id: str, runs: int, finish: Finish) -> Retry | None:
        """Do what is due (a job; safe to repeat). Answers when to go on, where it is not settled."""
        async with self._database.begin() as tx:
            held = await deferrals.hold(tx, workspace_id, deferral_id)
            if held is None or held.settled_at is not None:
                await finish(tx, 0.0)
                return None
            # Who finds it begun was killed, or did not hear from the network.
            begun = held.state is not DeferralState.WAITING
            if not begun:
                now = to_ms(self._now())
                held = msgspec.structs.replace(held, state=DeferralState.UNDER_WAY, begun_at=held.begun_at or now)
                await deferrals.set_state(tx, workspace_id, held)
        if held.kind is Deferred.DELETE:
            return await self._delete(held, runs, finish)
        return await self._look_for(held, finish) if begun else await self._send(held, runs, finish)

    async def _delete(self, held: Deferral, runs: int, finish: Finish) -> Retry | None:
        assert held.message_id is not None
        async with self._database.read() as reader:
            message = await messages.find(reader, held.workspace_id, held.message_id)
            intent = await recalls.find_last(reader, held.workspace_id, held.message_id, held.created_at)
        if message is None:
            return await self._end(held, DeferralState.REFUSED, UNLINKED, finish)
        if message.is_tombstone:
            return await self._end(held, DeferralState.DONE, None, finish)
        if intent is not None and intent.settled_at is None:
            # It is read back by a job of its own, for as long as it takes.
            return await self._doubt(held, runs)
        if intent is not None and intent.outcome is RecallOutcome.UNVERIFIED:
            return await self._end(held, DeferralState.IN_DOUBT, _UNKNOWN_DELETE, finish)
        try:
            await self._recalls.recall_held(held.workspace_id, held.message_id)
        except OutcomeUnknown:
            return await self._doubt(held, runs)
        except _NOTHING_HAPPENED as error:
            capabilities = self._connections.connector(held.provider).capabilities
            until = recall_deadline(message, capabilities)
            if until is None:
                until = held.due_at + _DELETE_FOR // timedelta(milliseconds=1)
            return await self._again(held, error, until, runs, finish)
        except NotFound:
            return await self._end(held, DeferralState.REFUSED, UNLINKED, finish)
        except ProviderError as error:
            return await self._end(held, DeferralState.REFUSED, error.detail, finish)
        return await self._end(held, DeferralState.DONE, None, finish)

    async def _doubt(self, held: Deferral, runs: int) -> Retry:
        if held.state is not DeferralState.IN_DOUBT:
            async with self._database.begin() as tx:
                await deferrals.set_state(
                    tx, held.workspace_id, msgspec.structs.replace(held, state=DeferralState.IN_DOUBT)
                )
        return Retry(after=min(next_attempt(runs), timedelta(minutes=1)), reason="in_doubt")

    async def _send(self, held: Deferral, runs: int, finish: Finish) -> Retry | None:
        async with self._database.read() as reader:
            workspace = await access.find_workspace(reader, held.workspace_id)
            draft = await self._draft(reader, held)
        if draft is None or workspace is None:
            return await self._end(held, DeferralState.REFUSED, UNLINKED, finish)
        sender = Caller(
            workspace=workspace,
            key_id="",
            scopes=frozenset({Scope.SEND}),
            key_user_id=held.user_id,
            user_id=held.user_id,
        )
        try:
            await self._messages.check_send(sender, held.chat_id, draft.text, draft.quote_id)
        except PostroomError as error:
            # What it answers may be gone by now.
            return await self._end(held, DeferralState.REFUSED, error.detail, finish)
        try:
            sent = await self._messages.send(
                sender, held.chat_id, draft.text, quote_id=draft.quote_id, token=draft.token
            )
        except OutcomeUnknown:
            return await self._doubt(held, 1)
        except _NOTHING_HAPPENED as error:
            until = held.due_at + _SEND_FOR // timedelta(milliseconds=1)
            return await self._again(held, error, until, runs, finish)
        except (NotFound, ProviderError, InvalidParameters) as error:
            # It may have been sent, and taken back at once.
            state = DeferralState.DONE if error.context.get("sent") else DeferralState.REFUSED
            return await self._end(held, state, error.detail, finish)
        return await self._sent(held, draft, sent, finish)

    async def _draft(self, reader: Reader, held: Deferral) -> DeferredDraft | None:
        """What is to be sent; None: its account was unlinked."""
        with suppress(NoKey):
            return await deferrals.find_draft(reader, held.workspace_id, held)
        return None

    async def _look_for(self, held: Deferral, finish: Finish) -> Retry | None:
        """Find out whether a message went out, in what the network shows. That it is not shown says nothing."""
        async with self._database.read() as reader:
            account = await accounts.find(reader, held.workspace_id, held.account_id)
            chat = await chats.find(reader, held.workspace_id, held.chat_id)
            draft = await self._draft(reader, held)
        if account is None or chat is None or draft is None:
            return await self._end(held, DeferralState.IN_DOUBT, _UNKNOWN_SEND, finish)
        try:
            async with self._connections.messenger(account) as connection:
                page = await connection.list_messages(chat.provider_id, None)
        except (ProviderError, Unavailable):
            page = None
        for shown in page.items if page is not None else ():
            if draft.token in shown.original:
                await self._ingest.take(account, [MessageSeen(message=shown)], origin="api")
                async with self._database.read() as reader:
                    found = await messages.find_by_keys(reader, held.workspace_id, account.id, [shown.key])
                return await self._sent(held, draft, found.get(shown.key), finish)
        begun_at = held.begun_at or held.due_at
        if to_ms(self._now()) - begun_at > _LOOK_FOR // timedelta(milliseconds=1):
            return await self._end(held, DeferralState.IN_DOUBT, _UNKNOWN_SEND, finish)
        await self._doubt(held, 1)
        return Retry(after=_LOOK_AGAIN, reason="in_doubt")

    async def _sent(self, held: Deferral, draft: DeferredDraft, sent: Message | None, finish: Finish) -> Retry | None:
        """It went out: from now on it has its own moment to go."""
        async with self._database.begin() as tx:
            done = msgspec.structs.replace(held, message_id=None if sent is None else sent.id)
            await accounts.hold(tx, held.workspace_id, held.account_id)
            if draft.delete_at is not None and sent is not None and not sent.is_tombstone:
                await self._deferrals.put_off(tx, held.workspace_id, sent, draft.delete_at, Cause.DELETE_AT)
            await self._settle(tx, done, DeferralState.DONE, None)
            await finish(tx, 0.0)
        return None

    async def _again(self, held: Deferral, error: PostroomError, until: int, runs: int, finish: Finish) -> Retry | None:
        """Nothing was done: try again for as long as there is time, a last time just before its end."""
        now = to_ms(self._now())
        wait = next_attempt(runs, error.retry_after_seconds or 0.0)
        left = timedelta(milliseconds=until - now) - _LAST_TRY
        if left <= timedelta(0):
            detail = f"It was tried until {iso(now)}, and its time ended at {iso(until)}. {error.detail}"
            return await self._end(held, DeferralState.REFUSED, detail, finish)
        async with self._database.begin() as tx:
            waiting = msgspec.structs.replace(held, state=DeferralState.WAITING, detail=error.detail)
            await deferrals.set_state(tx, held.workspace_id, waiting)
        return Retry(after=min(wait, left), reason=error.code)

    async def _end(self, held: Deferral, state: DeferralState, detail: str | None, finish: Finish) -> Retry | None:
        async with self._database.begin() as tx:
            found = await deferrals.hold(tx, held.workspace_id, held.id)
            if found is not None and found.settled_at is None:
                await self._settle(tx, held, state, detail)
            await finish(tx, 0.0)
        return None

    async def _settle(self, tx: Tx, held: Deferral, state: DeferralState, detail: str | None) -> None:
        tx.on_commit(lambda: self._notifier.wake(f"deferral:{held.id}"))
        await end(tx, self._events, self._now, held, state, detail)
