"""Recalls: the network first, then the tombstone; what is in doubt is read back, never repeated blindly.

An intent is durable before anyone is called. It ends as done, refused or unverified; between, it may be in doubt.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec

from postroom.clock import Clock, from_ms, to_ms
from postroom.connectors.contract import Messenger
from postroom.domain.access import Caller
from postroom.domain.accounts import Account, AccountStatus
from postroom.domain.deletions import check_recall
from postroom.domain.events import EventData, EventType
from postroom.domain.jobs import Job, Retry, Task
from postroom.domain.messages import Message, Recall, RecallOutcome
from postroom.domain.remote import MessageKey
from postroom.domain.rules import next_attempt
from postroom.errors import (
    ErrorCode,
    Kind,
    NotFound,
    NotSupported,
    OutcomeUnknown,
    ProviderDown,
    ProviderError,
    Refused,
    Unavailable,
)
from postroom.ids import new_id
from postroom.services.burial import bury
from postroom.services.connections import Connections, check_connected
from postroom.services.events import Events
from postroom.services.messages import Messages
from postroom.services.receipts import Receipts
from postroom.services.spending import counted
from postroom.store import accounts, burials, jobs, messages, recalls
from postroom.store.database import Database, Tx
from postroom.store.notify import Notifier

Check = Callable[[Message], None]

_GIVE_UP_AFTER_MS = 24 * 60 * 60 * 1000
# Longer than any call to a network takes: whoever asked longer ago than this asks no more.
_LONGEST_CALL_MS = 90_000
_UNREADABLE = "The network did not say whether the message is gone, and cannot be read now: ask again."


_NO_ANSWER = (
    "The network took the request and did not answer, so the message may or may not be gone. It is being read back: "
    "ask again to learn how it ended; asking again is safe."
)


class Recalls:
    """Taking messages back at their network, and burying them here."""

    def __init__(
        self,
        database: Database,
        notifier: Notifier,
        connections: Connections,
        messages: Messages,
        events: Events,
        receipts: Receipts,
        now: Clock,
    ) -> None:
        self._database = database
        self._notifier = notifier
        self._connections = connections
        self._messages = messages
        self._events = events
        self._receipts = receipts
        self._now = now
        self._turns: dict[tuple[str, str, str], _Turn] = {}

    @counted
    async def recall(self, caller: Caller, message_id: str, check: Check | None = None) -> None:
        """Take a message back at its network, then bury it here. Asking again is safe, and calls nobody.

        `check` looks at the message once nobody edits it any more, before anyone is called, and may raise.

        Raises:
            NotFound: no such message in the caller's workspace.
            NotSupported: the network has no recall; it was not called.
            Refused: someone else sent it, its window has passed (it was not called), or the network refused.
            OutcomeUnknown: the network did not answer; it is being read back. Ask again.

        Source: PostPress "Delete a message" (May 2026).
        """
        await self._recall_message(caller.workspace_id, await self._messages.get(caller, message_id), check)

    async def recall_held(self, workspace_id: str, message_id: str) -> None:
        """The same for a caller who asked before, in work that was put off.

        Raises:
            NotFound: the message or its account is gone.
            Refused, NotSupported, OutcomeUnknown: as for `recall`.
        """
        async with self._database.read() as reader:
            message = await messages.find(reader, workspace_id, message_id)
        if message is None:
            raise NotFound("No such message.", kind=Kind.MESSAGE)
        await self._recall_message(workspace_id, message)

    async def check_account(self, workspace_id: str, account_id: str) -> None:
        """Raises:
        CredentialsRejected, ActionRequired, NoSession: the account could not recall anything now.
        """
        async with self._database.read() as reader:
            account = await accounts.find(reader, workspace_id, account_id)
        if account is None:
            raise NotFound("No such message.", kind=Kind.MESSAGE)
        check_connected(account)

    async def _recall_message(self, workspace_id: str, message: Message, check: Check | None = None) -> None:
        async with self._database.read() as reader:
            account = await accounts.find(reader, workspace_id, message.account_id)
        if account is None:
            raise NotFound("No such message.", kind=Kind.MESSAGE)
        chat_key = self._connections.mailboxes(message.provider).chat_key(message.chat_provider_id)
        await self._recall(account, message.chat_provider_id, chat_key, message.key, message, check)

    @counted
    async def recall_by_key(
        self, caller: Caller, provider: str, chat: str, message: str, account_id: str | None
    ) -> None:
        """The same by any spelling of the network's own ids; the message need not be held here.

        Without `account_id`: its sender's account, else one that holds it, else the one whose mailbox the ids name,
        else the one used last. One that is not held has no age or sender to check: the network judges.

        Raises:
            InvalidParameters: (kind URN) these are no ids of a conversation and a message.
            NotFound: (kind ACCOUNT) no such account, or none of this network.
            Refused, OutcomeUnknown: as for `recall`; also (kind WRONG_CHAT) it is held in another conversation.

        Source: ConnectSafely "Delete (recall) a message".
        """
        if self._connections.connector(provider).capabilities.recall is None:
            raise NotSupported("This network has no deletion of messages.", kind=Kind.NO_RECALL)
        network = self._connections.mailboxes(provider)
        chat_key, key = network.chat_key(chat), network.message_key(message)
        mailboxes = {network.mailbox_of(message), network.mailbox_of(chat)} - {None}
        async with self._database.read() as reader:
            linked = await accounts.list_of_provider(reader, caller.workspace_id, provider, caller.only_user)
            seen = {account.id for account in linked}
            held = await messages.find_copies(reader, caller.workspace_id, provider, key)
            copies = {copy.account_id: copy for copy in held if copy.account_id in seen}
        linked = [
            account
            for account in linked
            if account.has_chats and account.status is not AccountStatus.UNLINKING and account_id in (None, account.id)
        ]
        if not linked:
            raise NotFound("Account not found", kind=Kind.ACCOUNT)
        senders = {copy.sender_id for copy in copies.values()}

        def preference(account: Account) -> tuple[bool, bool, bool]:
            return account.provider_id not in senders, account.id not in copies, account.provider_id not in mailboxes

        account = min(linked, key=preference)
        for copy in copies.values():
            if network.chat_key(copy.chat_provider_id) != chat_key:
                raise Refused("The message is not in that conversation. Nothing was changed.", kind=Kind.WRONG_CHAT)
        await self._recall(account, chat, chat_key, key, copies.get(account.id))

    async def settle(self, workspace_id: str, recall_id: str) -> Retry | None:
        """Read back what is in doubt (a job; safe to repeat). Answers when to look again, where it cannot be told yet."""
        intent = await self._find(workspace_id, recall_id)
        if intent is None:
            return None
        async with self._turn(intent):
            # Whoever had the turn before may have settled it.
            intent = await self._find(workspace_id, recall_id)
            if intent is None or intent.outcome not in (RecallOutcome.ASKED, RecallOutcome.IN_DOUBT):
                return None
            if await self._settle(intent) is not RecallOutcome.IN_DOUBT:
                return None
            waited = to_ms(self._now()) - intent.asked_at
            if waited > _GIVE_UP_AFTER_MS:
                await self._finish(_doubted(intent), RecallOutcome.UNVERIFIED, "it could not be read back", None)
                return None
            return Retry(after=next_attempt(waited // 10_000), reason="in_doubt")

    async def resume(self, older_than_seconds: float) -> None:
        """Queue what a process that died had asked for: its outcome is unknown. What is in doubt is queued already."""
        moment = to_ms(self._now()) - int(older_than_seconds * 1000)
        async with self._database.read() as reader:
            left = await recalls.list_open(reader, moment)
        for intent in left:
            if intent.outcome is RecallOutcome.ASKED:
                async with self._database.begin() as tx:
                    await self._queue(tx, intent)

    async def _recall(
        self,
        account: Account,
        chat: str,
        chat_key: str,
        key: str,
        message: Message | None,
        check: Check | None = None,
    ) -> None:
        intent = Recall(
            id=new_id("rcl", self._now()),
            workspace_id=account.workspace_id,
            account_id=account.id,
            provider=account.provider,
            chat_key=chat_key,
            message_key=key,
            message_id=None if message is None else message.id,
            outcome=RecallOutcome.ASKED,
            detail=None,
            read_back=None,
            asked_at=to_ms(self._now()),
            settled_at=None,
        )
        if (message is not None and message.is_tombstone) or await self._is_buried(intent):
            return
        capabilities = self._connections.connector(account.provider).capabilities
        if message is not None:
            check_recall(message, capabilities, to_ms(self._now()))
        elif capabilities.recall is None:
            raise NotSupported("This network has no deletion of messages.", kind=Kind.NO_RECALL)
        check_connected(account)
        async with self._turn(intent), self._messages.turn(account.id, key):
            intent = msgspec.structs.replace(intent, asked_at=to_ms(self._now()))
            await self._settle_earlier(intent)
            if await self._is_buried(intent):
                return
            if message is not None and check is not None:
                async with self._database.read() as reader:
                    check(await messages.find(reader, account.workspace_id, message.id) or message)
            async with self._database.begin() as tx:
                if not await recalls.begin(tx, intent):
                    raise OutcomeUnknown("Another process is recalling this message: ask again.")
            await self._ask(account, chat, intent)

    async def _is_buried(self, intent: Recall) -> bool:
        async with self._database.read() as reader:
            return await burials.is_buried(reader, intent.workspace_id, intent.provider, intent.message_key)

    async def _find(self, workspace_id: str, recall_id: str) -> Recall | None:
        async with self._database.read() as reader:
            return await recalls.find(reader, workspace_id, recall_id)

    async def _settle_earlier(self, intent: Recall) -> None:
        """Settle an earlier intent for the message, if one is open: what may have happened is never repeated blindly.

        Raises:
            OutcomeUnknown: it stays open.
        """
        async with self._database.read() as reader:
            earlier = await recalls.find_open(reader, intent.workspace_id, intent.provider, intent.message_key)
        if earlier is None:
            return
        if earlier.outcome is RecallOutcome.ASKED and intent.asked_at - earlier.asked_at < _LONGEST_CALL_MS:
            raise OutcomeUnknown("The network is being asked to take this message back already: ask again.")
        if await self._settle(earlier) is RecallOutcome.IN_DOUBT:
            raise OutcomeUnknown(_UNREADABLE)

    async def _settle(self, intent: Recall) -> RecallOutcome:
        """Settle an open intent through the account that it was asked through."""
        intent = _doubted(intent)
        async with self._database.read() as reader:
            account = await accounts.find(reader, intent.workspace_id, intent.account_id)
        if account is None:
            await self._finish(intent, RecallOutcome.UNVERIFIED, "the account is gone", None)
            return RecallOutcome.UNVERIFIED
        return await self._read_back(account, intent, None)

    async def _ask(self, account: Account, chat: str, intent: Recall) -> None:
        """Call the network once, and record what became of it."""
        refusal: Refused | None = None
        try:
            async with self._connections.messenger(account) as connection:
                await connection.recall_message(chat, MessageKey(intent.message_key))
        except OutcomeUnknown as error:
            if error.code is not ErrorCode.PROVIDER_ERROR:
                await self._doubt(intent, error.code)
                raise OutcomeUnknown(_NO_ANSWER, code=error.code) from error
        except Refused as error:
            if error.kind is not Kind.RECALL_REFUSED:
                await self._finish(intent, RecallOutcome.REFUSED, error.code, None)
                raise
            refusal = error
        except (ProviderError, Unavailable) as error:
            await self._finish(intent, RecallOutcome.REFUSED, error.code, None)
            raise
        except BaseException as error:
            # A bug of ours, or the caller went away: the call may have happened.
            await asyncio.shield(self._doubt(intent, type(error).__name__))
            raise
        else:
            await self._done(intent, "accepted", None)
            return
        match await self._read_back(account, intent, refusal):
            case RecallOutcome.DONE:
                return
            case RecallOutcome.REFUSED:
                raise refusal or ProviderDown(
                    "The network failed, and the message is still there. Nothing was changed: try again."
                )
            case _:
                raise OutcomeUnknown(_UNREADABLE)

    async def _read_back(self, account: Account, intent: Recall, refusal: Refused | None) -> RecallOutcome:
        """Settle an intent by one read, if it can be read. `refusal`: what the network said to the call."""
        answer = "refused" if refusal else "no answer"
        recall = self._connections.connector(intent.provider).capabilities.recall
        if recall is not None and not recall.readable:
            # Nobody can know. Asking again is for the caller: a recall may be repeated, but not by us.
            outcome = RecallOutcome.REFUSED if refusal else RecallOutcome.UNVERIFIED
            await self._finish(intent, outcome, refusal.code if refusal else answer, None)
            return outcome
        try:
            async with self._connections.messenger(account) as connection:
                shown = await self._look(connection, intent)
        except (ProviderError, Unavailable) as error:
            if refusal is not None and isinstance(error, (Refused, NotSupported)):
                # The call was refused, and so is looking: what is known is that this call did nothing.
                await self._finish(intent, RecallOutcome.REFUSED, refusal.code, None)
                return RecallOutcome.REFUSED
            await self._doubt(intent, error.code)
            return RecallOutcome.IN_DOUBT
        if shown == "gone" or (shown == "absent" and intent.message_id is not None):
            await self._done(intent, answer, shown)
            return RecallOutcome.DONE
        if shown == "absent" and refusal is None:
            # Never held, and not shown: it may have been taken back, or never have been there.
            await self._finish(intent, RecallOutcome.UNVERIFIED, answer, shown)
            return RecallOutcome.UNVERIFIED
        await self._finish(intent, RecallOutcome.REFUSED, refusal.code if refusal else "not done", shown)
        return RecallOutcome.REFUSED

    async def _look(self, connection: Messenger, intent: Recall) -> str:
        shown = await connection.read_message(intent.chat_key, MessageKey(intent.message_key))
        if shown is None:
            return "absent"
        return "gone" if shown.recalled else "present"

    async def _done(self, intent: Recall, answer: str, read_back: str | None) -> None:
        async with self._database.begin() as tx:
            await accounts.hold(tx, intent.workspace_id, intent.account_id)
            # The network's own word of it may have come before its answer to us, and to another account in the chat.
            await burials.settle_with_burials(tx, intent.workspace_id, intent.provider, exclusive=True)
            known = await burials.is_buried(tx, intent.workspace_id, intent.provider, intent.message_key)
            buried = await bury(
                tx,
                self._events,
                self._now,
                workspace_id=intent.workspace_id,
                provider=intent.provider,
                key=intent.message_key,
                chat_key=intent.chat_key,
                origin="api",
            )
            now = to_ms(self._now())
            if not await recalls.finish(
                tx, intent.workspace_id, intent.id, RecallOutcome.DONE, detail=answer, read_back=read_back, at=now
            ):
                return
            await accounts.touch(tx, intent.workspace_id, intent.account_id, now)
            if not buried and not known:
                data = EventData(
                    account_id=intent.account_id,
                    message_key=intent.message_key,
                    chat_key=intent.chat_key,
                    origin="api",
                )
                await self._events.announce(tx, intent.workspace_id, EventType.MESSAGE_DELETED, data)
            await self._settled(tx, intent, RecallOutcome.DONE)
            copies = await messages.find_copies(tx, intent.workspace_id, intent.provider, intent.message_key)
            await self._receipt(tx, intent, RecallOutcome.DONE, answer, read_back, copies)
        await self._database.keyring.graves.settled()

    async def _doubt(self, intent: Recall, reason: str) -> None:
        async with self._database.begin() as tx:
            now = to_ms(self._now())
            left_open = await recalls.finish(
                tx, intent.workspace_id, intent.id, RecallOutcome.IN_DOUBT, detail=reason, read_back=None, at=now
            )
            if left_open and intent.outcome is not RecallOutcome.IN_DOUBT:
                data = EventData(
                    account_id=intent.account_id, message_id=intent.message_id, recall_id=intent.id, reason=reason
                )
                await self._events.announce(tx, intent.workspace_id, EventType.RECALL_IN_DOUBT, data)
                await self._queue(tx, intent)

    async def _finish(self, intent: Recall, outcome: RecallOutcome, detail: str, read_back: str | None) -> None:
        async with self._database.begin() as tx:
            now = to_ms(self._now())
            if await recalls.finish(
                tx, intent.workspace_id, intent.id, outcome, detail=detail, read_back=read_back, at=now
            ):
                await self._settled(tx, intent, outcome)
                if outcome is RecallOutcome.UNVERIFIED:
                    await self._receipt(tx, intent, outcome, detail, read_back, [])

    async def _settled(self, tx: Tx, intent: Recall, outcome: RecallOutcome) -> None:
        """Announce how an intent ended that was announced to be in doubt."""
        if intent.outcome is RecallOutcome.IN_DOUBT:
            data = EventData(
                account_id=intent.account_id, message_id=intent.message_id, recall_id=intent.id, reason=outcome
            )
            await self._events.announce(tx, intent.workspace_id, EventType.RECALL_SETTLED, data)

    async def _receipt(
        self, tx: Tx, intent: Recall, outcome: RecallOutcome, answer: str, read_back: str | None, copies: list[Message]
    ) -> None:
        """One for the account's user. Copies that were another user's are in one that only the workspace's owner sees."""
        user_id = await accounts.find_user(tx, intent.workspace_id, intent.account_id)
        own: list[str] = []
        others: list[str] = []
        for copy in copies:
            of_owner = user_id in (None, intent.workspace_id)
            seen = of_owner or await accounts.find_user(tx, intent.workspace_id, copy.account_id) == user_id
            (own if seen else others).append(copy.id)
        for whose, erased in ((user_id, own), (None, others)):
            if whose is None and user_id is not None and not erased:
                continue
            document = {
                "recall_id": intent.id,
                "account_id": intent.account_id,
                "provider": intent.provider,
                "message_key": intent.message_key,
                "asked_at": from_ms(intent.asked_at).isoformat(),
                "outcome": outcome,
                "network_answer": answer,
                "read_back": read_back,
                "verified": read_back == "gone",
                "erased": erased,
            }
            target = intent.message_id or intent.message_key
            await self._receipts.write(tx, intent.workspace_id, whose, "message.recalled", target, document)
            if user_id is None:
                return

    async def _queue(self, tx: Tx, intent: Recall) -> None:
        now = self._now()
        job = Job(
            id=new_id("job", now),
            workspace_id=intent.workspace_id,
            task=Task.SETTLE_RECALL,
            args={"recall_id": intent.id},
            lock=f"recall:{intent.id}",
            attempts=0,
            scheduled_at=to_ms(now),
        )
        await jobs.enqueue(tx, job)
        tx.on_commit(lambda: self._notifier.wake("jobs"))

    @asynccontextmanager
    async def _turn(self, intent: Recall) -> AsyncIterator[None]:
        """One at a time for each message: two callers who ask at once make one call."""
        key = intent.workspace_id, intent.provider, intent.message_key
        turn = self._turns.setdefault(key, _Turn())
        turn.users += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.users -= 1
            if turn.users == 0:
                self._turns.pop(key, None)


def _doubted(intent: Recall) -> Recall:
    """An open intent as one in doubt: how it ends is news, whether or not a crash kept the doubt from being announced."""
    return msgspec.structs.replace(intent, outcome=RecallOutcome.IN_DOUBT)


class _Turn:
    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.users = 0
