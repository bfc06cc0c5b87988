"""Deferrals: what is sent or deleted at a moment, and can be undone until then.

What is asked is on record before it is answered, and is done by a job (`services.deferred_work`).
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from postroom.clock import Clock, to_ms
from postroom.domain.access import Caller, Scope
from postroom.domain.accounts import AccountStatus
from postroom.domain.deferrals import Cause, Deferral, DeferralState, Deferred, DeferredDraft
from postroom.domain.deletions import check_deferral, check_recall
from postroom.domain.jobs import Job, Task
from postroom.domain.messages import Message
from postroom.errors import (
    Conflict,
    ErrorCode,
    InvalidParameters,
    Kind,
    NotFound,
)
from postroom.ids import is_id, new_id, new_ulid
from postroom.services.connections import Connections
from postroom.services.deferral_ends import end
from postroom.services.events import Events
from postroom.services.messages import Messages
from postroom.services.recalls import Recalls
from postroom.services.spending import counted, spent
from postroom.store import accounts, deferrals, jobs, unwritten
from postroom.store.database import Database, Tx
from postroom.store.graves import DEFERRAL, Grave
from postroom.store.notify import Notifier

LONGEST_GRACE_SECONDS = 3600


class Deferrals:
    """What was put off, of the accounts that a caller may see."""

    def __init__(
        self,
        database: Database,
        notifier: Notifier,
        connections: Connections,
        messages: Messages,
        recalls: Recalls,
        events: Events,
        now: Clock,
    ) -> None:
        self._database = database
        self._notifier = notifier
        self._connections = connections
        self._messages = messages
        self._recalls = recalls
        self._events = events
        self._now = now

    # what a caller asks

    @counted
    async def delete(self, caller: Caller, message_id: str, grace_seconds: int) -> Deferral | None:
        """Delete a message in so many seconds. None: it is deleted already.

        Raises:
            NotFound: no such message in the caller's workspace.
            NotSupported, Refused: it could not be deleted now, or not any more by then; nobody was called.
            CredentialsRejected, ActionRequired, NoSession: its account is not connected.
        """
        message = await self._messages.get(caller, message_id)
        if message.is_tombstone:
            return None
        await self._recalls.check_account(caller.workspace_id, message.account_id)
        at = to_ms(self._now() + timedelta(seconds=grace_seconds))
        return await self._put_off(caller, message, at, Cause.GRACE)

    async def delete_at(self, caller: Caller, message_id: str, at: int | None) -> Deferral | None:
        """Have a message deleted at a moment. It takes the place of what was put off before; None: only that.

        Raises:
            NotFound: no such message in the caller's workspace, or it is deleted.
            NotSupported, Refused: its network does not delete it, or not any more at that moment.
            Conflict: it is being deleted now.
        """
        message = await self._messages.get(caller, message_id)
        if at is not None:
            if message.is_tombstone:
                raise NotFound("The message is deleted already.", kind=Kind.MESSAGE)
            async with spent(self._database, self._now, caller):
                return await self._put_off(caller, message, at, Cause.DELETE_AT)
        async with self._database.begin() as tx:
            await accounts.hold(tx, caller.workspace_id, message.account_id)
            await self._replace(tx, caller.workspace_id, message.id)
        return None

    async def send(
        self,
        caller: Caller,
        chat_id: str,
        text: str,
        *,
        grace_seconds: int = 0,
        quote_id: str | None = None,
        delete_at: int | None = None,
    ) -> Deferral:
        """Send a message in so many seconds, to be deleted at a moment if one is said.

        Raises:
            NotFound, InvalidParameters, NotSupported, Unprocessable: as for `Messages.send`; nobody was called.
            Refused: by that moment its network does not delete it any more.
        """
        chat, account = await self._messages.check_send(caller, chat_id, text, quote_id)
        now = self._now()
        due_at = to_ms(now + timedelta(seconds=grace_seconds))
        if delete_at is not None:
            if delete_at <= due_at:
                raise InvalidParameters("The message would be deleted before it is sent.")
            check_deferral(due_at, self._connections.connector(account.provider).capabilities, delete_at)
        deferral = Deferral(
            id=new_id("dfr", now),
            workspace_id=caller.workspace_id,
            user_id=account.user_id,
            account_id=account.id,
            provider=account.provider,
            kind=Deferred.SEND,
            cause=Cause.GRACE,
            state=DeferralState.WAITING,
            chat_id=chat.id,
            message_id=None,
            due_at=due_at,
            created_at=to_ms(now),
        )
        draft = DeferredDraft(text=text, token=new_ulid(now), quote_id=quote_id, delete_at=delete_at)
        async with self._database.begin() as tx:
            await self._keep(tx, deferral, draft)
        return deferral

    async def get(self, caller: Caller, deferral_id: str) -> Deferral:
        """Raises:
        NotFound: no such deferral of the caller's.
        """
        if not is_id("dfr", deferral_id):
            raise NotFound("Not a deferral's id.", code=ErrorCode.INVALID_RESOURCE_IDENTIFIER, kind=Kind.DEFERRAL)
        async with self._database.read() as reader:
            return _seen(caller, await deferrals.find(reader, caller.workspace_id, deferral_id))

    async def settled(self, caller: Caller, deferral_id: str, wait_seconds: float) -> Deferral:
        """The deferral once it is settled, or as it stands after so many seconds."""
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_seconds
        while True:
            left = max(0.0, until - loop.time())
            news = asyncio.create_task(self._notifier.wait(f"deferral:{deferral_id}", left))
            try:
                await asyncio.sleep(0)
                found = await self.get(caller, deferral_id)
                if found.settled_at is not None or loop.time() >= until:
                    return found
                await news
            finally:
                news.cancel()

    async def undo(self, caller: Caller, deferral_id: str) -> Deferral:
        """See to it that what waits is not done. Undone already is success.

        Raises:
            NotFound: no such deferral of the caller's.
            Conflict: it is being done, or is over.
        """
        await self.get(caller, deferral_id)
        async with self._database.begin() as tx:
            held = _seen(caller, await deferrals.hold(tx, caller.workspace_id, deferral_id))
            if held.state is DeferralState.UNDONE:
                return held
            if held.state is not DeferralState.WAITING:
                raise Conflict(
                    f"It cannot be undone any more: it is {held.state.replace('_', ' ')}.", kind=Kind.DEFERRAL
                )
            return await self._undo(tx, held)

    async def moments(self, caller: Caller, found: Sequence[Message]) -> dict[str, int]:
        """When these messages are to be deleted, by id, of those that are."""
        async with self._database.read() as reader:
            return await deferrals.list_moments(reader, caller.workspace_id, [message.id for message in found])

    @staticmethod
    def scope_of(deferral: Deferral) -> Scope:
        """What a key needs to undo it: as much as to ask for it."""
        return Scope.DELETE if deferral.kind is Deferred.DELETE else Scope.SEND

    # what is kept

    async def _put_off(self, caller: Caller, message: Message, at: int, cause: Cause) -> Deferral:
        capabilities = self._connections.connector(message.provider).capabilities
        now = self._now()
        check_recall(message, capabilities, to_ms(now))
        check_deferral(message.sent_at, capabilities, at)
        async with self._database.begin() as tx:
            return await self.put_off(tx, caller.workspace_id, message, at, cause)

    async def put_off(self, tx: Tx, workspace_id: str, message: Message, at: int, cause: Cause) -> Deferral:
        """Have a message deleted at a moment that was checked, in a transaction.

        Raises:
            NotFound: its account is gone.
            Conflict: it is being deleted now.
        """
        now = self._now()
        user_id = await accounts.find_user(tx, workspace_id, message.account_id)
        deferral = Deferral(
            id=new_id("dfr", now),
            workspace_id=workspace_id,
            user_id=user_id or workspace_id,
            account_id=message.account_id,
            provider=message.provider,
            kind=Deferred.DELETE,
            cause=cause,
            state=DeferralState.WAITING,
            chat_id=message.chat_id,
            message_id=message.id,
            due_at=at,
            created_at=to_ms(now),
        )
        await self._keep(tx, deferral, None)
        return deferral

    async def _keep(self, tx: Tx, deferral: Deferral, draft: DeferredDraft | None) -> None:
        status = await accounts.hold(tx, deferral.workspace_id, deferral.account_id)
        if status in (None, AccountStatus.UNLINKING):
            raise NotFound("The account is gone.", kind=Kind.ACCOUNT)
        if deferral.kind is Deferred.DELETE and deferral.message_id is not None:
            await self._replace(tx, deferral.workspace_id, deferral.message_id)
        await deferrals.add(tx, deferral, draft)
        job = Job(
            id=new_id("job", self._now()),
            workspace_id=deferral.workspace_id,
            task=Task.DO_DEFERRED,
            args={"deferral_id": deferral.id},
            lock=f"deferral:{deferral.id}",
            attempts=0,
            scheduled_at=deferral.due_at,
            provider=deferral.provider,
        )
        await jobs.enqueue(tx, job)
        tx.on_commit(lambda: self._notifier.wake("jobs"))

    async def _replace(self, tx: Tx, workspace_id: str, message_id: str) -> None:
        """What was put off for a message before is undone. Its account is held."""
        earlier = await deferrals.hold_open_of_message(tx, workspace_id, message_id)
        if earlier is None:
            return
        if earlier.state is not DeferralState.WAITING:
            raise Conflict("The message is being deleted now.", kind=Kind.DEFERRAL)
        await self._undo(tx, earlier)

    async def _undo(self, tx: Tx, held: Deferral) -> Deferral:
        await unwritten.dig(tx, Grave(held.workspace_id, DEFERRAL, held.id, to_ms(self._now())))
        await jobs.cancel_by_lock(tx, held.workspace_id, f"deferral:{held.id}")
        return await end(tx, self._events, self._now, held, DeferralState.UNDONE, None)


def _seen(caller: Caller, found: Deferral | None) -> Deferral:
    if found is None or caller.only_user not in (None, found.user_id):
        raise NotFound("No such deferral.", kind=Kind.DEFERRAL)
    return found
