"""The control plane under /_sim: what a test or a person asks the simulation itself, not a network."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from operator import eq
from typing import Any, cast

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from postroom_sim import pages, state
from postroom_sim.faults import MOST_COPIES
from postroom_sim.moments import from_seconds
from postroom_sim.network import BadRequest, HasChats, HasPosts, Observed
from postroom_sim.world import World

_ACTIONS = ("recall", "edit", "react", "read")

Endpoint = Callable[[Request], Awaitable[Response]]


def _json(tree: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(tree), status, media_type="application/json")


async def _body(request: Request) -> dict[str, Any]:
    raw = await request.body()
    try:
        tree = msgspec.json.decode(raw) if raw else {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest("the body is not JSON") from error
    if not isinstance(tree, dict):
        raise BadRequest("the body is not a JSON object")
    return tree


def _number(value: Any, name: str) -> int:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadRequest(f"{name} must be a number") from error


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


class Control:
    def __init__(self, world: World) -> None:
        self._world = world
        self._ground = world.ground

    # the journal

    async def requests(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._world.journal.clear()
            self._ground.database.commit()
            return _json({})
        wanted = request.query_params
        if "last" in wanted:
            return _json({"requests": self._world.journal.latest(_number(wanted["last"], "last"))})
        found = self._world.journal.entries(
            network=wanted.get("network"),
            operation=wanted.get("operation"),
            account=wanted.get("account"),
            after=_number(wanted.get("after", 0), "after"),
        )
        return _json({"requests": [{**entry, "at": from_seconds(entry["at"])} for entry in found]})

    # what other people see and do

    async def chats(self, request: Request) -> Response:
        name, observer = self._observer(request)
        found = observer.chats(request.query_params.get("viewer"))
        if _wants_page(request):
            return HTMLResponse(pages.chats(name, found))
        return _json({"chats": found})

    async def chat(self, request: Request) -> Response:
        _, observer = self._observer(request)
        found = observer.chat(request.path_params["id"], request.query_params.get("viewer"))
        return HTMLResponse(pages.chat(found)) if _wants_page(request) else _json(found)

    async def write(self, request: Request) -> Response:
        name, observer = self._observer(request)
        tree = await _body(request)
        return self._changed(lambda: observer.write(request.path_params["id"], tree), name)

    async def act(self, request: Request) -> Response:
        name, observer = self._observer(request)
        tree = await _body(request)
        # What people can do is what the observer has by that name; LinkedIn's people leave no receipts.
        action = getattr(observer, request.path_params["action"], None)
        if request.path_params["action"] not in _ACTIONS or action is None:
            raise BadRequest(f"people can {', '.join(_ACTIONS)}")
        id, message_id = request.path_params["id"], request.path_params["message_id"]
        return self._changed(lambda: action(id, message_id, tree), name)

    async def do(self, request: Request) -> Response:
        """What happens at a network beside its chats: a telephone that scans a code, and the like."""
        name, observer = self._observer(request)
        tree = await _body(request)
        act: Callable[[str, Any], Any] | None = getattr(observer, "act", None)
        if act is None:
            raise BadRequest("nothing is done there beside its chats")
        return self._changed(lambda: act(request.path_params["action"], tree), name)

    async def late_frame(self, request: Request) -> Response:
        tree = await _body(request)
        return self._changed(lambda: self._world.linkedin.observer.late_frame(tree))

    async def replay(self, request: Request) -> Response:
        tree = await _body(request)
        if tree.get("network", "linkedin") != "linkedin":
            raise BadRequest("only linkedin has a realtime stream")
        shuffle = tree.get("shuffle_seed")
        duplicates = _number(tree.get("duplicates", 0), "duplicates")
        if not 0 <= duplicates <= MOST_COPIES:
            raise BadRequest(f"duplicates must be between 0 and {MOST_COPIES}")
        sent = self._world.linkedin.replay(
            shuffle_seed=None if shuffle is None else _number(shuffle, "shuffle_seed"),
            duplicates=duplicates,
        )
        return _json({"sent": sent})

    async def streams(self, request: Request) -> Response:
        return _json({"accounts": self._world.linkedin.streaming()})

    async def mailbox(self, request: Request) -> Response:
        tree = await _body(request)
        return self._changed(lambda: self._world.linkedin.fill_mailbox(tree))

    async def posts(self, request: Request) -> Response:
        name = request.path_params["network"]
        network: object = self._world.networks.get(name)
        if not isinstance(network, HasPosts):
            raise BadRequest("no network of this name has posts")
        found = network.posts(request.query_params.get("account"))
        if _wants_page(request):
            return HTMLResponse(pages.posts(name, found))
        return _json({"posts": found})

    async def blobs(self, request: Request) -> Response:
        bluesky = cast(Any, self._world.networks["bluesky"])
        return _json({"blobs": bluesky.blobs(request.query_params.get("account"))})

    # faults

    async def faults(self, request: Request) -> Response:
        faults = self._ground.faults
        if request.method == "GET":
            return _json({"faults": faults.listed()})
        if request.method == "DELETE":
            removed = faults.remove(None)
            self._ground.database.commit()
            return _json({"removed": removed})
        try:
            id, rule = faults.add(await _body(request))
        except ValueError as error:
            raise BadRequest(str(error)) from error
        if rule.do.get("end_stream"):
            self._end_streams_now(rule.network, rule.account)
        self._ground.database.commit()
        return _json({"id": id}, 201)

    def _end_streams_now(self, network: str | None, account: str | None) -> None:
        """A stream that is open ends at once; the rule is spent on it."""
        linkedin = self._world.linkedin
        if network not in (None, "linkedin"):
            return
        for member in linkedin.streaming():
            if account in (None, member) and self._ground.faults.for_event("linkedin", member, only="end_stream"):
                linkedin.end_streams(partial(eq, member))

    async def fault(self, request: Request) -> Response:
        if not self._ground.faults.remove(request.path_params["id"]):
            raise BadRequest("no such fault")
        self._ground.database.commit()
        return _json({"removed": 1})

    # clock, state, scenarios

    async def clock(self, request: Request) -> Response:
        clock = self._ground.clock
        return _json({"now": from_seconds(clock.now()), "offset_seconds": clock.offset_seconds})

    async def advance(self, request: Request) -> Response:
        seconds = (await _body(request)).get("seconds")
        if not isinstance(seconds, int | float) or isinstance(seconds, bool):
            raise BadRequest("seconds must be a number")
        try:
            self._ground.clock.advance(seconds)
        except ValueError as error:
            raise BadRequest(str(error)) from error
        return await self.clock(request)

    async def state(self, request: Request) -> Response:
        if request.method == "GET":
            return _json(state.export(self._world))
        state.restore(self._world, await _body(request))
        return _json({})

    async def reset(self, request: Request) -> Response:
        seed = (await _body(request)).get("seed")
        state.reset(self._world, None if seed is None else _number(seed, "seed"))
        return _json({"seed": self._ground.seed})

    async def switches(self, request: Request) -> Response:
        if request.method == "POST":
            try:
                self._ground.switches.set(await _body(request))
            except ValueError as error:
                raise BadRequest(str(error)) from error
            self._ground.database.commit()
        return _json(self._ground.switches.all())

    async def scenarios(self, request: Request) -> Response:
        listed = [msgspec.to_builtins(item) for net in self._world.networks.values() for item in net.scenarios()]
        return _json({"scenarios": listed})

    async def front(self, request: Request) -> Response:
        return HTMLResponse(pages.front([route.path for route in self.routes()]))

    def _observer(self, request: Request) -> tuple[str, Observed]:
        name = request.path_params["network"]
        network: object = self._world.networks.get(name)
        if not isinstance(network, HasChats):
            raise BadRequest("no network of this name has chats")
        return name, network.observer

    def _changed(self, change: Callable[[], Any], name: str = "linkedin") -> Response:
        """Do it, commit, then let the network tell those who listen."""
        network = self._world.networks[name]
        try:
            result = change()
        except BaseException:
            self._ground.database.rollback()
            network.forget_pending()
            raise
        self._ground.database.commit()
        network.commit_done()
        return _json(result)

    def routes(self) -> list[Route]:
        network = "/_sim/network/{network}"
        table: list[tuple[str, Endpoint, list[str]]] = [
            ("/_sim", self.front, ["GET"]),
            ("/_sim/requests", self.requests, ["GET", "DELETE"]),
            (network + "/chats", self.chats, ["GET"]),
            (network + "/chats/{id}", self.chat, ["GET"]),
            (network + "/chats/{id}/messages", self.write, ["POST"]),
            (network + "/chats/{id}/messages/{message_id}/{action}", self.act, ["POST"]),
            (network + "/do/{action}", self.do, ["POST"]),
            ("/_sim/network/linkedin/late_frame", self.late_frame, ["POST"]),
            ("/_sim/network/linkedin/streams", self.streams, ["GET"]),
            ("/_sim/network/linkedin/mailbox", self.mailbox, ["POST"]),
            (network + "/posts", self.posts, ["GET"]),
            ("/_sim/network/bluesky/blobs", self.blobs, ["GET"]),
            ("/_sim/replay", self.replay, ["POST"]),
            ("/_sim/faults", self.faults, ["GET", "POST", "DELETE"]),
            ("/_sim/faults/{id}", self.fault, ["DELETE"]),
            ("/_sim/clock", self.clock, ["GET"]),
            ("/_sim/clock/advance", self.advance, ["POST"]),
            ("/_sim/state", self.state, ["GET", "POST"]),
            ("/_sim/state/reset", self.reset, ["POST"]),
            ("/_sim/state/switches", self.switches, ["GET", "POST"]),
            ("/_sim/scenarios", self.scenarios, ["GET"]),
        ]
        return [Route(path, endpoint, methods=methods) for path, endpoint, methods in table]


async def _bad_request(request: Request, error: Exception) -> Response:
    return _json({"error": str(error)}, 400)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _json({"error": error.detail}, error.status_code)


def control_plane(world: World) -> Starlette:
    handlers: dict[Any, Any] = {BadRequest: _bad_request, HTTPException: _http_error}
    return Starlette(routes=Control(world).routes(), exception_handlers=handlers)
