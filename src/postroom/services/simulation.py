"""The simulated networks of a sandbox: their clock, their faults, and what other people see and do there."""

from collections.abc import Sequence
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from postroom.connectors.http import Answer, Http
from postroom.domain.access import Caller
from postroom.domain.simulation import Call, Fault, Moment, Scenario, Shown, Talk
from postroom.errors import InvalidParameters, Kind, NotFound, ProviderDown
from postroom.services.accounts import MOST, Accounts

_NAME = "simulation"
_JSON = {"content-type": "application/json", "accept": "application/json"}
T = TypeVar("T")


class _Problem(msgspec.Struct):
    error: str = ""


class _Faults(msgspec.Struct):
    faults: list[Fault]


class _Scenarios(msgspec.Struct):
    scenarios: list[Scenario]


class _Calls(msgspec.Struct):
    requests: list[Call]


class _Talks(msgspec.Struct):
    chats: list[Talk]


class _Shown(msgspec.Struct):
    posts: list[Shown]


class Simulation:
    """What a person may do to a sandbox's networks. Of chats and posts a caller sees those of its own accounts."""

    def __init__(self, http: Http, accounts: Accounts, origin: str) -> None:
        """`origin`: where the networks' control plane answers."""
        self._http = http
        self._accounts = accounts
        self._origin = origin

    async def clock(self) -> Moment:
        """What time it is there."""
        return await self._read("clock", "/clock", Moment)

    async def advance(self, seconds: float) -> Moment:
        """Let time pass there, and here.

        Raises:
            InvalidParameters: that is no time that can pass.
        """
        return await self._write("advance", "/clock/advance", {"seconds": seconds}, Moment)

    async def faults(self) -> Sequence[Fault]:
        """What is to go wrong, in the order of its making."""
        return (await self._read("faults", "/faults", _Faults)).faults

    async def add_fault(self, fault: Fault) -> None:
        """Raises:
        InvalidParameters: that cannot go wrong.
        """
        rule = {name: getattr(fault, name) for name in ("do", "network", "operation", "account", "nth", "times")}
        await self._write("add fault", "/faults", rule, _Problem)

    async def remove_fault(self, fault_id: str | None) -> None:
        """No more of this one; None: of none."""
        path = "/faults" if fault_id is None else f"/faults/{quote(fault_id, safe='')}"
        await self._write("remove fault", path, None, _Problem, method="DELETE")

    async def scenarios(self) -> Sequence[Scenario]:
        """Who can be linked."""
        return (await self._read("scenarios", "/scenarios", _Scenarios)).scenarios

    async def calls(self, last: int) -> Sequence[Call]:
        """The last calls of all networks, newest first."""
        return (await self._read("requests", f"/requests?last={last}", _Calls)).requests

    async def replay(self) -> None:
        """LinkedIn's stream tells everything of its past once more, shuffled and twice."""
        await self._write("replay", "/replay", {"shuffle_seed": 7, "duplicates": 1}, msgspec.Raw)

    async def chats(self, caller: Caller, network: str) -> Sequence[Talk]:
        """The chats of the caller's accounts there, the latest first."""
        found: dict[str, Talk] = {}
        for viewer in await self._own(caller, network):
            path = f"/network/{quote(network, safe='')}/chats?{urlencode({'viewer': viewer})}"
            try:
                talks = (await self._read("chats", path, _Talks)).chats
            except InvalidParameters:
                continue
            found |= {talk.id: talk for talk in talks}
        return sorted(found.values(), key=lambda talk: talk.last_message_at or "", reverse=True)

    async def chat(self, caller: Caller, network: str, chat_id: str, viewer: str | None = None) -> Talk:
        """A chat as another of its people sees it: `viewer`, or the first who is not the caller's.

        Raises:
            NotFound: it is no chat of the caller's accounts.
        """
        found = next((each for each in await self.chats(caller, network) if each.id == chat_id), None)
        if found is None:
            raise NotFound("No such chat of your accounts at that network.", kind=Kind.CHAT)
        own = await self._own(caller, network)
        others = [each.id for each in found.participants if each.id not in own]
        wanted = viewer if viewer in others else next(iter(others), None)
        query = "" if wanted is None else f"?{urlencode({'viewer': wanted})}"
        return await self._read("chat", f"{self._chat(network, chat_id)}{query}", Talk)

    async def write(self, caller: Caller, network: str, chat_id: str, viewer: str, text: str) -> None:
        """The other person writes.

        Raises:
            NotFound: it is no chat of the caller's accounts.
            InvalidParameters: the network does not take it.
        """
        talk = await self.chat(caller, network, chat_id, viewer)
        body = {"text": text, "sender": talk.viewer}
        await self._write("write", f"{self._chat(network, chat_id)}/messages", body, msgspec.Raw)

    async def act(
        self, caller: Caller, network: str, chat_id: str, message_id: str, viewer: str, action: str, emoji: str = ""
    ) -> None:
        """The other person does something with a message: `recall` or `react`.

        Raises:
            NotFound: it is no chat of the caller's accounts.
            InvalidParameters: the network does not let them.
        """
        talk = await self.chat(caller, network, chat_id, viewer)
        path = f"{self._chat(network, chat_id)}/messages/{quote(message_id, safe='')}/{action}"
        await self._write(action, path, {"by": talk.viewer, "emoji": emoji}, msgspec.Raw)

    async def posts(self, caller: Caller, network: str) -> Sequence[Shown]:
        """What everybody sees of the caller's accounts there, oldest first."""
        found: dict[str, Shown] = {}
        for account in await self._own(caller, network):
            path = f"/network/{quote(network, safe='')}/posts?{urlencode({'account': account})}"
            try:
                posts = (await self._read("posts", path, _Shown)).posts
            except InvalidParameters:
                continue
            found |= {post.id: post for post in posts}
        return list(found.values())

    async def _own(self, caller: Caller, network: str) -> list[str]:
        found = await self._accounts.list(caller, provider=network, limit=MOST)
        return [account.provider_id for account in found.items]

    def _chat(self, network: str, chat_id: str) -> str:
        return f"/network/{quote(network, safe='')}/chats/{quote(chat_id, safe='')}"

    async def _read(self, operation: str, path: str, kind: type[T]) -> T:
        return _told(await self._http.read(_NAME, operation, f"{self._origin}/_sim{path}", headers=_JSON), kind)

    async def _write(self, operation: str, path: str, body: Any, kind: type[T], *, method: str = "POST") -> T:
        content = b"" if body is None else msgspec.json.encode(body)
        url = f"{self._origin}/_sim{path}"
        return _told(await self._http.write(_NAME, operation, url, headers=_JSON, content=content, method=method), kind)


def _told(answer: Answer, kind: type[T]) -> T:
    try:
        if answer.status >= 400:
            problem = msgspec.json.decode(answer.body, type=_Problem)
            raise InvalidParameters(f"The simulated networks: {problem.error}.")
        return msgspec.json.decode(answer.body, type=kind)
    except msgspec.DecodeError as error:
        raise ProviderDown("The simulated networks said something that is not understood.") from error
