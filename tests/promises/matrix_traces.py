"""Seeded stories on a simulated Matrix homeserver in memory, in which one message is taken back.

The real connector asks the homeserver; what it makes of the answers arrives late, twice, and in any order.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
from starlette.datastructures import Headers

from postroom.connectors.http import Http
from postroom.connectors.matrix.connection import MatrixConnection
from postroom.connectors.matrix.connector import MatrixConnector, MatrixSettings
from postroom.domain.access import EVERYDAY_SCOPES, Caller
from postroom.domain.accounts import Account
from postroom.domain.remote import Credentials, Profile, RemoteEvent
from postroom.errors import InvalidParameters, NotFound, ProviderError, Unavailable, Unprocessable
from postroom.store import burials
from postroom.store import recalls as stored_recalls
from postroom.store.database import Database
from postroom_sim.clock import Clock as SimulatedClock
from postroom_sim.database import Database as SimulatedDatabase
from postroom_sim.faults import Faults
from postroom_sim.matrix.network import Matrix
from postroom_sim.network import Call, Ground, Refused
from postroom_sim.networks import SCHEMAS
from postroom_sim.switches import Switches
from tests import opened
from tests.promises.traces import Rooms, everything_said

Step = Callable[[], Awaitable[object]]
MEMBERS = ("ada", "bea")
_LOST = 0.06
"""How many writes are done without an answer, and how many reads fail."""


class Direct(httpx.AsyncBaseTransport):
    """Calls a simulated homeserver without a wire between; `chance` loses answers, as long as `faulty`."""

    def __init__(self, folder: Path, chance: Random) -> None:
        clock = folder / "clock"
        clock.write_bytes(bytes(8))
        database = SimulatedDatabase(Path(":memory:"), SCHEMAS)
        ground = Ground(database, SimulatedClock(clock), Faults(database), Switches(database))
        self.network = Matrix(ground)
        self.network.seed()
        self.faulty = False
        self._database = database
        self._chance = chance

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        # The others have their turn, as they would while a call is on its way.
        await asyncio.sleep(0)
        path, _, query = request.url.raw_path.decode().partition("?")
        call = Call(request.method, path, query, Headers(raw=request.headers.raw), await request.aread())
        self.network.identify(call)
        lost = self.faulty and self._chance.random() < _LOST
        if lost and request.method == "GET":
            return httpx.Response(503)
        try:
            answer = self.network.answer(call)
        except Refused as refused:
            answer = refused.answer
        if lost:
            raise httpx.ReadError("lost", request=request)
        return httpx.Response(answer.status, headers=answer.headers, content=answer.body)

    async def aclose(self) -> None:
        self._database.close()

    def call(self, login: str, method: str, path: str, body: Any = None) -> Any:
        """What somebody does with a client of their own."""
        headers = Headers({"authorization": f"Bearer {login}"})
        content = b"" if body is None else msgspec.json.encode(body)
        return msgspec.json.decode(
            self.network.answer(Call(method, f"/_matrix/client/v3/{path}", "", headers, content)).body
        )


class Story:
    """A workspace with the accounts of Ada and Bea, who share a room; each has a client of their own as well."""

    def __init__(self, database: Database, folder: Path, seed: int) -> None:
        self.seed = seed
        self.chance = Random(f"matrix {seed}")
        self.secret = f"canary{seed}x{self.chance.getrandbits(40):x}"
        self.database = database
        self.folder = folder
        self.far = Direct(folder, self.chance)
        http = Http(transport=self.far, tries=1, backoff_seconds=0.0)
        self.connector = MatrixConnector(http=http, settings=MatrixSettings(origin="http://homeserver"))
        self.rooms = Rooms(database, folder, connectors=[self.connector])
        self.linked: dict[str, Account | None] = {}
        self.tokens: dict[str, str] = {}
        self.told: list[tuple[str, list[RemoteEvent]]] = []
        self.numbers = iter(range(10**6))
        self.edits: list[str] = []

    async def tell(self) -> bool:
        """Live through it, and check that the secret is nowhere; whether it was here before. Raises AssertionError."""
        try:
            return await self._tell()
        except BaseException as error:
            error.add_note(f"this was the story of seed {self.seed}")
            raise
        finally:
            await self.far.aclose()

    async def _tell(self) -> bool:
        await self._begin()
        steps = self._steps()
        look, seen = self.chance.random() < 0.5, False
        place = 0
        while place < len(steps):
            at_once = self.chance.choice([1, 1, 1, 2, 3])
            await asyncio.gather(*(step() for step in steps[place : place + at_once]))
            place += at_once
            if look and not seen and not self._is_gone() and self.chance.random() < 0.3:
                seen = bool(await self._places())
        self.far.faulty = False
        if not self._is_gone():
            self._redact("user_good", self.target)
        await self._hear(self.chance.choice([each for each in MEMBERS if self.linked[each]] or ["ada"]))
        await self._deliver(len(self.told))
        for member in MEMBERS:
            if self.linked[member] is None:
                self.linked[member] = await self._link(member)
            await self._sync(member)
        await self._settle()
        # And a last time all that was ever told.
        await self._deliver(len(self.told))
        await self._check()
        return seen

    async def _begin(self) -> None:
        workspace = await self.rooms.access.create_workspace("story")
        self.caller = Caller(
            workspace=workspace, key_id="key", scopes=EVERYDAY_SCOPES, key_user_id=workspace.id, user_id=workspace.id
        )
        created = {"invite": ["@bea:quillfern.test"], "preset": "private_chat"}
        self.room = self.far.call("user_good", "POST", "createRoom", created)["room_id"]
        self.far.call("user_second", "POST", f"join/{quote(self.room)}", {})
        for member in MEMBERS:
            self.linked[member] = await self._link(member)
            self.tokens[member] = (await self._connection(member).changes(None)).token
        self.plain = self._say("user_second", {"body": "plain"})
        self.target = self._say("user_good", {"body": f"{self.secret} said"})

    async def _link(self, member: str) -> Account:
        answers = {"user": member, "password": f"{member}-pass"}
        return await self.rooms.accounts.link(self.caller, "matrix", "password", answers)

    def _connection(self, member: str) -> MatrixConnection:
        """A client that the server knows nothing of: what it hears is delivered when chance has it."""
        login = {"ada": "user_good", "bea": "user_second"}[member]
        account = self.linked[member]
        assert account is not None
        credentials = msgspec.convert({"values": {"server": "http://homeserver", "access_token": login}}, Credentials)
        return self.connector.open(
            Profile(provider_id=account.provider_id, username=member, name=member), credentials, _keep
        )

    # the far side

    def _say(self, login: str, content: dict[str, Any], type: str = "m.room.message") -> str:
        body = {"msgtype": "m.text", **content} if type == "m.room.message" else content
        path = f"rooms/{quote(self.room)}/send/{type}/t{next(self.numbers)}"
        return str(self.far.call(login, "PUT", path, body)["event_id"])

    def _redact(self, login: str, id: str) -> None:
        self.far.call(login, "PUT", f"rooms/{quote(self.room)}/redact/{quote(id)}/t{next(self.numbers)}", {})

    def _is_gone(self) -> bool:
        event = self.far.call("user_good", "GET", f"rooms/{quote(self.room)}/event/{quote(self.target)}")
        return "redacted_because" in event["unsigned"]

    # what may happen

    def _steps(self) -> list[Step]:
        chance = self.chance
        choices: Sequence[tuple[Step, float]] = (
            (self._edit, 0.5),
            (self._edit, 0.3),
            (self._answer, 0.6),
            (self._react, 0.5),
            (self._gone, 0.5),
            (self._faults, 0.4),
            (self._restart, 0.2),
            (self._reply, 0.3),
            (self._ask, 0.6),
            (self._ask, 0.2),
            (self._edit_here, 0.4),
        )
        steps = [step for step, likely in choices if chance.random() < likely]
        for member in MEMBERS:
            steps += [lambda member=member: self._hear(member) for _ in range(chance.randint(1, 4))]  # type: ignore[misc]
            steps += [lambda: self._deliver(2) for _ in range(chance.randint(1, 3))]
            if chance.random() < 0.6:
                steps.append(lambda member=member: self._sync(member))  # type: ignore[misc]
            if chance.random() < 0.2:
                steps.append(lambda member=member: self._relink(member))  # type: ignore[misc]
        chance.shuffle(steps)
        return steps

    async def _edit(self) -> None:
        if not self._is_gone():
            fresh = {"msgtype": "m.text", "body": f"{self.secret} said better"}
            relation = {"rel_type": "m.replace", "event_id": self.target}
            self._say("user_good", {**fresh, "m.new_content": fresh, "m.relates_to": relation})

    async def _answer(self) -> None:
        """Bea's client repeats what it answers, as older ones do."""
        body = f"> <@ada:quillfern.test> {self.secret} said\n\nanswer of {self.seed}"
        html = f"<mx-reply><blockquote>{self.secret} said</blockquote></mx-reply>answer"
        relation = {"m.in_reply_to": {"event_id": self.target}}
        self._say("user_second", {"body": body, "format": "h", "formatted_body": html, "m.relates_to": relation})

    async def _react(self) -> None:
        relation = {"rel_type": "m.annotation", "event_id": self.target, "key": self.chance.choice("👍🎉😀🚀")}
        if not self._is_gone():
            try:
                self._say("user_second", {"m.relates_to": relation}, "m.reaction")
            except Refused:
                return

    async def _gone(self) -> None:
        """Ada takes it back with her own client, which leaves the edits as they are."""
        if not self._is_gone():
            self._redact("user_good", self.target)

    async def _faults(self) -> None:
        self.far.faulty = not self.far.faulty

    async def _restart(self) -> None:
        self.rooms = Rooms(self.database, self.folder, connectors=[self.connector])

    async def _hear(self, member: str) -> None:
        """What is new for a member is made into news, which arrive some time, or several times."""
        if self.linked[member] is None:
            return
        delta = await _as_may_be(self._connection(member).changes(self.tokens[member]))
        if delta is not None:
            self.tokens[member] = delta.token
            self.told.append((member, list(delta.events)))

    async def _deliver(self, most: int) -> None:
        """Some of what was heard, in any order, whole or in parts; it may come again another time."""
        heard = self.chance.sample(self.told, min(most, len(self.told)))
        for member, events in heard:
            account = self.linked[member]
            if account is None:
                continue
            some = [event for event in events if self.chance.random() < 0.9] if self.chance.random() < 0.3 else events
            some = list(some)
            if self.chance.random() < 0.3:
                self.chance.shuffle(some)
            await self.rooms.ingest.take(account, some, origin="realtime", announce=self.chance.random() < 0.8)

    async def _sync(self, member: str) -> None:
        account = self.linked[member]
        if account is not None:
            await _as_may_be(
                self.rooms.sync.sync(self.caller.workspace_id, account.id, full=self.chance.random() < 0.7)
            )

    async def _relink(self, member: str) -> None:
        account, self.linked[member] = self.linked[member], None
        if account is not None:
            await self.rooms.accounts.unlink(self.caller, account.id)
            self.linked[member] = await _as_may_be(self._link(member))

    async def _held(self) -> Any:
        held = (await self.rooms.messages.list(self.caller, limit=250)).items
        return next((message for message in held if message.key == self.target and message.is_sender), None)

    async def _reply(self) -> None:
        message = await self._held()
        if message is not None:
            await _as_may_be(
                self.rooms.messages.send(self.caller, message.chat_id, f"reply of {self.seed}", quote_id=message.id)
            )

    async def _edit_here(self) -> None:
        message = await self._held()
        if message is not None:
            await _as_may_be(self.rooms.messages.edit(self.caller, message.id, f"{self.secret} said here"))

    async def _ask(self) -> None:
        message = await self._held()
        if message is not None:
            await _as_may_be(self.rooms.recalls.recall(self.caller, message.id))

    async def _settle(self) -> None:
        async with self.database.read() as reader:
            left = await stored_recalls.list_open(reader, 2**62)
        for intent in left:
            if intent.workspace_id == self.caller.workspace_id:
                await self.rooms.recalls.settle(intent.workspace_id, intent.id)

    # the end

    async def _places(self) -> list[str]:
        return opened.where(await opened.rows(self.database, self.caller.workspace_id), self.secret)

    async def _check(self) -> None:
        assert await self._places() == []
        assert self.secret not in await everything_said(self.rooms, self.caller)
        async with self.database.read() as reader:
            assert await burials.is_buried(reader, self.caller.workspace_id, "matrix", self.target)
        kept = (await self.rooms.messages.list(self.caller, limit=250)).items
        assert [message.key for message in kept if message.key == self.plain and not message.is_tombstone]


async def _keep(credentials: Any) -> None:
    """Tokens do not change."""


async def _as_may_be(asked: Awaitable[Any]) -> Any:
    """Callers are refused for many good reasons; a bug is none of them."""
    try:
        return await asked
    except (NotFound, ProviderError, Unavailable, Unprocessable, InvalidParameters):
        return None
