"""Puts the networks and the control plane behind one address; takes each call through journal, faults and commit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from email.utils import formatdate
from pathlib import Path

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive, Scope, Send

from postroom_sim import state
from postroom_sim.clock import Clock
from postroom_sim.control import control_plane
from postroom_sim.database import Database
from postroom_sim.faults import Faults
from postroom_sim.journal import Journal
from postroom_sim.network import Answer, Call, Ground, HidesPath, Network, Refused, json_answer
from postroom_sim.networks import NETWORKS, SCHEMAS
from postroom_sim.server import RESET
from postroom_sim.switches import Switches
from postroom_sim.world import World


class Simulation:
    """The ASGI application."""

    def __init__(self, *, data: Path, clock: Path, seed: int) -> None:
        database = Database(data / "sim.db", SCHEMAS)
        ground = Ground(database, Clock(clock), Faults(database), Switches(database))
        networks: dict[str, Network] = {network.name: network for network in (make(ground) for make in NETWORKS)}
        self.world = World(ground, Journal(database), networks)
        self._networks = networks
        self._control = control_plane(self.world)
        state.open_world(self.world, seed)

    def listen_at(self, origin: str) -> None:
        self.world.ground.origin = origin

    @property
    def names(self) -> list[str]:
        """The networks, each below the origin by its name."""
        return list(self._networks)

    def stop(self) -> None:
        for network in self._networks.values():
            network.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        raw_path: str = scope["raw_path"].decode("latin-1")
        name, _, rest = raw_path[1:].partition("/")
        network = self._networks.get(name)
        if network is None:
            await self._control(scope, receive, send)
            return
        try:
            body = await Request(scope, receive).body()
        except ClientDisconnect:
            return
        call = Call(scope["method"], "/" + rest, scope["query_string"].decode("latin-1"), Headers(scope=scope), body)
        await self._take(network, call, scope, receive, send)

    async def _take(self, network: Network, call: Call, scope: Scope, receive: Receive, send: Send) -> None:
        ground = self.world.ground
        network.identify(call)
        call.effects, rules = ground.faults.for_call(network.name, call.operation, call.account)
        effects = call.effects
        seq = self.world.journal.open(
            at=ground.clock.now(),
            network=network.name,
            operation=call.operation,
            account=call.account,
            method=call.method,
            path=network.journal_path(call) if isinstance(network, HidesPath) else call.path,
            query=network.journal_query(call),
            body=network.journal_body(call),
            fault=",".join(rules) or None,
        )
        if effects:
            ground.database.commit()
            replaced = ground.replaced
            if "latency_seconds" in effects:
                await asyncio.sleep(effects["latency_seconds"])
            await ground.faults.held(rules)
            if "reset" in effects or ground.replaced != replaced:
                await _reset(scope, receive)
                return
        answer = self._apply(network, call)
        answer.headers.setdefault("date", formatdate(ground.clock.now(), usegmt=True))
        lost = "commit_then_lose" in effects or "commit_then_hang_seconds" in effects
        if not lost:
            self.world.journal.close(seq, answer.status)
        ground.database.commit()
        network.commit_done()
        if lost:
            await asyncio.sleep(effects.get("commit_then_hang_seconds", 0))
            await _reset(scope, receive)
            return
        await _send(answer, call, receive, send)

    def _apply(self, network: Network, call: Call) -> Answer:
        effects = call.effects
        if "status" in effects:
            return _scripted(effects)
        if "expired_session" in effects:
            return network.expired_session()
        if "challenge" in effects:
            return network.challenge()
        database = self.world.ground.database
        database.execute("SAVEPOINT call")
        try:
            answer = network.answer(call)
        except Refused as refusal:
            database.execute("ROLLBACK TO call")
            network.forget_pending()
            answer = refusal.answer
        except BaseException:
            database.execute("ROLLBACK TO call")
            network.forget_pending()
            database.commit()
            raise
        if "truncate_page" in effects:
            answer = network.truncate_page(answer, int(effects["truncate_page"]))
        return answer


def _scripted(effects: dict[str, object]) -> Answer:
    body = effects.get("body", "")
    status = int(str(effects["status"]))
    answer = Answer(status, body.encode()) if isinstance(body, str) else json_answer(body, status=status)
    headers = effects.get("headers")
    if isinstance(headers, dict):
        answer.headers |= {str(name).lower(): str(value) for name, value in headers.items()}
    return answer


async def _send(answer: Answer, call: Call, receive: Receive, send: Send) -> None:
    headers = [(name.encode("latin-1"), str(value).encode("latin-1")) for name, value in answer.headers.items()]
    if answer.stream is None:
        headers.append((b"content-length", str(len(answer.body)).encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        body = b"" if call.method == "HEAD" else answer.body
        await send({"type": "http.response.body", "body": body, "more_body": False})
        return
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    sending = asyncio.ensure_future(_relay(answer.stream, send))
    gone = asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        sending.cancel()
        gone.cancel()
        await asyncio.gather(sending, gone, return_exceptions=True)


async def _relay(stream: AsyncGenerator[bytes, None], send: Send) -> None:
    async with aclosing(stream):
        async for chunk in stream:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _reset(scope: Scope, receive: Receive) -> None:
    scope["extensions"][RESET]["reset"]()
    await _disconnected(receive)


async def _disconnected(receive: Receive) -> None:
    message: Message = {"type": ""}
    while message["type"] != "http.disconnect":
        message = await receive()
