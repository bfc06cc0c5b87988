"""Seeded stories about a message that is taken back, in which everything comes late, twice and in any order."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, ClassVar, Protocol, TypeVar

import msgspec

from postroom.clock import Clock, now, to_ms
from postroom.connectors.contract import Connector
from postroom.connectors.registry import Registry
from postroom.domain.access import EVERYDAY_SCOPES, Caller
from postroom.domain.accounts import Account
from postroom.domain.limits import Limits
from postroom.domain.messages import Message
from postroom.domain.remote import (
    ChatChanged,
    ChatGone,
    Gap,
    MessageGone,
    MessageSeen,
    ReactionChanged,
    ReadUpTo,
    RemoteEvent,
)
from postroom.errors import InvalidParameters, NotFound, ProviderError, Unavailable, Unprocessable
from postroom.services.access import Access
from postroom.services.accounts import Accounts
from postroom.services.backfill import Backfill
from postroom.services.chats import Chats
from postroom.services.connections import Connections
from postroom.services.deadlines import Deadlines
from postroom.services.events import Events
from postroom.services.idempotency import Idempotency
from postroom.services.ingest import Ingest
from postroom.services.messages import Messages
from postroom.services.post_logs import PostLogs
from postroom.services.posts import Posts
from postroom.services.quota import Quota
from postroom.services.recalls import Recalls
from postroom.services.receipts import Receipts
from postroom.services.sync import Sync
from postroom.store import burials
from postroom.store import recalls as stored_recalls
from postroom.store.database import Database
from postroom.store.notify import Notifier
from tests import opened
from tests.promises.border import BORDER, World
from tests.promises.border_whatsapp import TELEPHONES

T = TypeVar("T")
Step = Callable[[], Awaitable[object]]
MEMBERS = ("ada", "bea")
BORDERS = (BORDER, TELEPHONES)


class Rooms:
    """The services that matter here, on one database; made anew where a story says that the server was restarted."""

    def __init__(
        self, database: Database, folder: Path, clock: Clock = now, connectors: Sequence[Connector] = BORDERS
    ) -> None:
        self.database = database
        notifier = Notifier()
        registry = Registry(connectors)
        self.access = Access(database, clock, sandbox=True)
        self.events = Events(database, notifier, Deadlines(database, registry.powers, clock), clock)
        self.receipts = Receipts(database, clock)
        self.connections = Connections(database, notifier, registry, self.events, clock)
        self.ingest = Ingest(database, notifier, self.connections, self.events, clock)
        self.messages = Messages(database, self.connections, self.ingest, clock)
        logs, quota = PostLogs(database, clock), Quota(Limits(), clock)
        posts = Posts(database, notifier, self.connections, self.events, logs, quota, clock)
        self.accounts = Accounts(
            database, notifier, self.connections, self.ingest, posts, self.events, self.receipts, quota, clock
        )
        self.chats = Chats(database, self.connections, self.ingest, self.events, clock)
        self.recalls = Recalls(database, notifier, self.connections, self.messages, self.events, self.receipts, clock)
        backfill = Backfill(database, self.ingest, self.events, clock)
        self.sync = Sync(database, self.connections, self.ingest, backfill, clock)
        self.idempotency = Idempotency(database, clock)


@dataclass
class Told:
    """What became of a story."""

    secret_was_here: bool
    twin_kept_its_own: bool


class Trace:
    """One story: a workspace with the accounts of both sides, and another workspace that never hears of the recall."""

    border: ClassVar[Any] = BORDER
    make_world: ClassVar[Any] = World

    def __init__(self, database: Database, folder: Path, seed: int) -> None:
        self.seed = seed
        self.database = database
        self.folder = folder
        self.rooms = Rooms(database, folder)
        self.chance = Random(seed)
        self.world = self.make_world(
            seed=seed, now_ms=to_ms(now()), secret=f"canary{seed}x{self.chance.getrandbits(40):x}"
        )
        self.twin_world = self.make_world(seed=seed, now_ms=self.world.now_ms, secret=f"twin{seed}")
        self.border.worlds[str(seed)] = self.world
        self.border.worlds[f"twin {seed}"] = self.twin_world
        self.linked: dict[str, Account | None] = {}

    async def tell(self) -> Told:
        """Live through it, and check that the secret is nowhere. Raises AssertionError."""
        await self._begin()
        steps = self._steps()
        burials = [place for place, (_, buries) in enumerate(steps) if buries]
        look = self.chance.random() < 0.3
        seen = False
        place = 0
        while place < len(steps):
            if look and place >= burials[0]:
                seen, look = bool(await self._places()), False
            at_once = self.chance.choice([1, 1, 1, 2, 4])
            await asyncio.gather(*(step() for step, _ in steps[place : place + at_once]))
            place += at_once
        await self._settle()
        await self._be_sure()
        # And a last time what comes late.
        for member in MEMBERS:
            await self._take(member, [self._seen(member, "written"), self._answer(member), self._chat(member)])
        await self._check()
        kept = await self.rooms.messages.list(self.twin)
        self.border.worlds.pop(str(self.seed))
        self.border.worlds.pop(f"twin {self.seed}")
        target = self.world.key(self.world.target_id)
        return Told(seen, any(held.key == target and not held.is_tombstone for held in kept.items))

    # the cast

    async def _begin(self) -> None:
        self.caller, self.twin = await self._workspace("story"), await self._workspace("twin")
        for member in MEMBERS:
            self.linked[member] = await self._link(self.caller, member, str(self.seed))
        twin = await self._link(self.twin, "ada", f"twin {self.seed}")
        await self.rooms.ingest.take(
            twin, [MessageSeen(message=self.twin_world.target("ada", "written"))], origin="realtime"
        )

    async def _workspace(self, name: str) -> Caller:
        workspace = await self.rooms.access.create_workspace(name)
        return Caller(
            workspace=workspace,
            key_id="key",
            scopes=EVERYDAY_SCOPES,
            key_user_id=workspace.id,
            user_id=workspace.id,
        )

    async def _link(self, caller: Caller, member: str, world: str) -> Account:
        return await self.rooms.accounts.link(caller, self.border.name, "cookie", {"member": member, "world": world})

    # what may happen

    def _steps(self) -> list[tuple[Step, bool]]:
        """In a random order; each with whether it takes the message back for certain. At least one does."""
        chance = self.chance
        steps: list[tuple[Step, bool]] = []
        for member in MEMBERS:
            steps += [(self._news(member, self._event(member)), False) for _ in range(chance.randint(3, 9))]
            if chance.random() < 0.5:
                steps.append((lambda member=member: self._sync(member), False))  # type: ignore[misc]
            if chance.random() < 0.3:
                steps.append((lambda member=member: self._relink(member), False))  # type: ignore[misc]
        for step, likely in (
            (self._send, 0.3),
            (self._restart, 0.3),
            (self._ask_by_key, 0.4),
            (self._ask_by_id, 0.6),
            (self._edit, 0.5),
            (self._edit, 0.3),
            (self._react, 0.4),
        ):
            if chance.random() < likely:
                steps.append((step, False))
        if chance.random() < 0.3:
            steps.append((self._edit_meanwhile(self._news(chance.choice(MEMBERS), None)), True))
        steps += [(self._news(chance.choice(MEMBERS), None), True) for _ in range(chance.randint(1, 3))]
        chance.shuffle(steps)
        return steps

    def _news(self, member: str, event: RemoteEvent | None) -> Step:
        """News for one mailbox, alone or in a bundle, perhaps twice. None: that the message is gone."""

        async def arrive() -> None:
            buried = event is None
            self.world.recalled = self.world.recalled or buried
            news = [self._gone(member) if event is None else event]
            if self.chance.random() < 0.3:
                news += [self._event(member) for _ in range(self.chance.randint(1, 4))]
                self.chance.shuffle(news)
            account = self.linked[member]
            await self._take(member, news)
            # Heard by an account that stayed, whatever stood beside it.
            if buried and account is not None and self.linked[member] is account:
                assert await self._is_buried(), f"seed {self.seed}: the news was not believed"
            if self.chance.random() < 0.3:
                await self._take(member, news)

        return arrive

    def _event(self, member: str) -> RemoteEvent:
        world, chance = self.world, self.chance
        match chance.randrange(14):
            case 0 | 1 | 2:
                return self._seen(member, "written")
            case 3 | 4:
                return self._seen(member, "edited")
            case 5 | 6:
                return self._answer(member)
            case 7:
                return MessageSeen(message=world.plain(member, chance.randint(1, 3)))
            case 8:
                key = world.key(chance.choice([world.target_id, world.message_id(60_000 - 1, 101)]))
                return ReactionChanged(
                    key=key, chat_key=None, emoji="👍", sender_id="bea", is_sender=False, added=chance.random() < 0.7
                )
            case 9:
                return ReadUpTo(key=world.key(world.target_id), chat_key=None, reader_id="bea", seen_at=now())
            case 10 | 11:
                return self._chat(member)
            case 12:
                return ChatGone(key=world.chat_key)
            case _:
                return Gap(reason="the stream was opened")

    def _seen(self, member: str, state: str) -> RemoteEvent:
        chat = self.world.chat(member, subject=True) if self.chance.random() < 0.3 else None
        return MessageSeen(message=self.world.target(member, state), chat=chat)

    def _answer(self, member: str) -> RemoteEvent:
        chance = self.chance
        answer = self.world.answer(
            member, chance.randint(1, 2), edited=chance.random() < 0.4, thin=chance.random() < 0.3
        )
        return MessageSeen(message=answer)

    def _chat(self, member: str) -> RemoteEvent:
        return ChatChanged(chat=self.world.chat(member, subject=self.chance.random() < 0.7))

    def _gone(self, member: str) -> RemoteEvent:
        if self.chance.random() < 0.5:
            return MessageSeen(message=self.world.target(member, "recalled"))
        chat_key = self.world.chat_key if self.chance.random() < 0.5 else None
        return MessageGone(key=self.world.key(self.world.target_id), chat_key=chat_key)

    async def _take(self, member: str, news: list[RemoteEvent]) -> None:
        account = self.linked[member]
        if account is not None:
            news = [event for item in news for event in (item if isinstance(item, list) else [item])]
            await self.rooms.ingest.take(account, news, origin="realtime", announce=self.chance.random() < 0.8)

    async def _sync(self, member: str) -> None:
        account = self.linked[member]
        if account is not None:
            await _as_may_be(self.rooms.sync.sync(self.caller.workspace_id, account.id, full=True))

    async def _relink(self, member: str) -> None:
        account, self.linked[member] = self.linked[member], None
        if account is not None:
            await self.rooms.accounts.unlink(self.caller, account.id)
            self.linked[member] = await self._link(self.caller, member, str(self.seed))

    async def _restart(self) -> None:
        self.rooms = Rooms(self.database, self.folder)

    async def _send(self) -> None:
        """Ada answers the message with a quote of it, if it is held."""
        if held := await self._held():
            send = self.rooms.messages.send(self.caller, held[0].chat_id, f"reply of {self.seed}", quote_id=held[0].id)
            await _as_may_be(send)

    async def _edit(self) -> None:
        """Ada gives the message another text, if it is held: whoever comes too late is refused."""
        for message in await self._held():
            edit = self.rooms.messages.edit(self.caller, message.id, self.world.edit_text(self.world.edits + 1))
            edited = await _as_may_be(edit)
            assert edited is None or not edited.is_tombstone, f"seed {self.seed}: a tombstone was edited"

    def _edit_meanwhile(self, step: Step) -> Step:
        """Ada's edit is under way while something else happens."""

        async def both() -> None:
            for member in MEMBERS:
                await self._take(member, [self._seen(member, "written")])
            await asyncio.gather(self._edit(), self._react(), step())

        return both

    async def _react(self) -> None:
        for message in await self._held():
            await _as_may_be(self.rooms.messages.react(self.caller, message.id, "👍", on=self.chance.random() < 0.7))

    async def _held(self) -> list[Message]:
        target = self.world.key(self.world.target_id)
        return [message for message in (await self.rooms.messages.list(self.caller)).items if message.key == target]

    async def _ask_by_key(self) -> None:
        world = self.world
        chat, message = world.chat_spelling(), world.message_spelling(world.target_id)
        key = f"key {self.seed}"
        claimed = await _as_may_be(self.rooms.idempotency.begin(self.caller, key, b"request", repeatable=True))
        await _as_may_be(self.rooms.recalls.recall_by_key(self.caller, self.border.name, chat, message, None))
        if claimed is None:
            await self.rooms.idempotency.finish(self.caller, key, 200, msgspec.json.encode({"messageUrn": message}))

    async def _ask_by_id(self) -> None:
        for message in await self._held():
            await _as_may_be(self.rooms.recalls.recall(self.caller, message.id))

    async def _settle(self) -> None:
        async with self.database.read() as reader:
            left = await stored_recalls.list_open(reader, 2**62)
        for intent in left:
            if intent.workspace_id == self.caller.workspace_id:
                await self.rooms.recalls.settle(intent.workspace_id, intent.id)

    async def _is_buried(self) -> bool:
        target = self.world.key(self.world.target_id)
        async with self.database.read() as reader:
            return await burials.is_buried(reader, self.caller.workspace_id, self.border.name, target)

    async def _be_sure(self) -> None:
        """The news may have come while the account was away, and the network may have refused."""
        if not await self._is_buried():
            self.world.recalled = True
            await self._take(self.chance.choice(MEMBERS), [self._gone("ada")])

    # the end

    async def _places(self) -> list[str]:
        return opened.where(await opened.rows(self.database, self.caller.workspace_id), self.world.secret)

    async def _check(self) -> None:
        assert await self._places() == [], f"seed {self.seed}"
        assert self.world.secret not in await everything_said(self.rooms, self.caller), f"seed {self.seed}"
        target = self.world.key(self.world.target_id)
        for held in (await self.rooms.messages.list(self.caller)).items:
            assert held.key != target or held.is_tombstone, f"seed {self.seed}"


class Speakers(Protocol):
    """Those of the services that tell a caller something about messages."""

    @property
    def messages(self) -> Messages: ...
    @property
    def chats(self) -> Chats: ...
    @property
    def events(self) -> Events: ...
    @property
    def receipts(self) -> Receipts: ...


async def everything_said(services: Speakers, caller: Caller) -> str:
    """All that a caller can be told: lists, single objects, the log from its start with what it is about."""
    messages: list[Message] = []
    cursor = None
    while True:
        page = await services.messages.list(caller, limit=250, cursor=cursor)
        messages += page.items
        cursor = page.next
        if cursor is None:
            break
    chats = (await services.chats.list(caller, limit=250)).items
    log = await services.events.after(caller, 0, 10_000)
    said = [
        messages,
        [await services.messages.get(caller, message.id) for message in messages],
        chats,
        [await services.chats.get(caller, chat.id) for chat in chats],
        await services.chats.latest(caller, chats),
        await services.chats.people(caller, chats),
        await services.events.join(caller.workspace_id, log),
        (await services.receipts.list(caller)).items,
    ]
    return msgspec.json.encode(said).decode()


async def _as_may_be(asked: Awaitable[T]) -> T | None:
    """Callers are refused for many good reasons; a bug is none of them."""
    try:
        return await asked
    except (NotFound, ProviderError, Unavailable, Unprocessable, InvalidParameters):
        return None
