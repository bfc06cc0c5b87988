"""The sandbox: its clock, what goes wrong there, who can be linked, and what the other person sees."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from starlette.responses import Response

from postroom.domain.access import Scope
from postroom.domain.simulation import Fault
from postroom.errors import InvalidParameters, Kind, NotFound, PostroomError
from postroom.services.simulation import Simulation
from postroom.web.dashboard.failures import status_of
from postroom.web.dashboard.routes import Page, get, post
from postroom.web.dashboard.visit import Visit

_CALLS = 200
_MOST_TIMES = 1000
_LONGEST_SECONDS = 400 * 24 * 3600

# What can go wrong, by a word: how people say it, and as the control plane is told.
EFFECTS: dict[str, tuple[str, Mapping[str, Any]]] = {
    "lost": ("It is done, and the answer is lost", {"commit_then_lose": True}),
    "failed": ("Refused: 500, the network is broken", {"status": 500}),
    "limited": ("Refused: 429, too many requests", {"status": 429, "headers": {"retry-after": "30"}}),
    "forbidden": ("Refused: 403", {"status": 403}),
    "reset": ("The connection breaks before it is done", {"reset": True}),
    "slow": ("It takes five seconds", {"latency_seconds": 5}),
    "expired": ("The session is over", {"expired_session": True}),
    "challenge": ("The network asks for its owner", {"challenge": True}),
    "stale": ("What is read is old", {"stale_read": True}),
    "twice": ("What happens is told twice", {"duplicate_events": 2}),
    "shuffled": ("What happens is told out of order", {"reorder_events": True}),
}
STEPS = {"60": "1 minute", "600": "10 minutes", "3600": "1 hour", "86400": "1 day", "604800": "1 week"}


async def front(visit: Visit) -> Response:
    """`/sandbox`."""
    return await _front(visit)


async def _front(visit: Visit, status: int = 200, wrong: str = "") -> Response:
    simulation = _simulation(visit)
    scenarios = await simulation.scenarios()
    calls = await simulation.calls(_CALLS)
    accounts = (await visit.services.accounts.list(visit.caller)).items
    return visit.page(
        "sandbox/index.html",
        status,
        clock=await simulation.clock(),
        steps=STEPS,
        faults=await simulation.faults(),
        effects=EFFECTS,
        networks=sorted({each.network for each in scenarios}),
        operations=sorted({call.operation for call in calls}),
        calls=calls[:12],
        scenarios=scenarios,
        views=sorted({account.provider for account in accounts}),
        wrong=wrong,
    )


async def advance(visit: Visit) -> Response:
    """Time passes: deadlines end, what is scheduled goes out."""
    given = visit.text("seconds")
    if not given.isascii() or not given.isdigit() or not 0 < int(given) <= _LONGEST_SECONDS:
        raise InvalidParameters("Time passes by a number of seconds, up to 400 days.")
    await _simulation(visit).advance(int(given))
    return visit.go("/sandbox", f"{STEPS.get(given, given + ' seconds')} passed.")


async def add_fault(visit: Visit) -> Response:
    """Something is to go wrong."""
    times, nth = visit.text("times", "1") or "1", visit.text("nth", "1") or "1"
    try:
        if visit.text("effect") not in EFFECTS:
            raise InvalidParameters("Choose what is to go wrong.")
        for number in (times, nth):
            if not number.isascii() or not number.isdigit() or not 0 < int(number) <= _MOST_TIMES:
                raise InvalidParameters(f"How often is a number from 1 to {_MOST_TIMES}.")
        fault = Fault(
            do=EFFECTS[visit.text("effect")][1],
            network=visit.text("network") or None,
            operation=visit.text("operation") or None,
            nth=int(nth),
            times=int(times),
        )
        await _simulation(visit).add_fault(fault)
    except PostroomError as error:
        return await _front(visit, status_of(error), error.detail)
    return visit.go("/sandbox", "That will go wrong.")


async def remove_faults(visit: Visit) -> Response:
    """Nothing goes wrong any more, or not this."""
    await _simulation(visit).remove_fault(visit.text("id") or None)
    return visit.go("/sandbox", "That goes wrong no more." if visit.text("id") else "Nothing goes wrong any more.")


async def replay(visit: Visit) -> Response:
    """Everything is told once more, twice and out of order: nothing that was recalled comes back."""
    await _simulation(visit).replay()
    return visit.go("/sandbox", "LinkedIn tells all of its past again, shuffled and twice. Look: nothing comes back.")


async def network(visit: Visit) -> Response:
    """`/sandbox/{network}`: what others see of the caller's accounts there."""
    simulation, name = _simulation(visit), visit.path["network"]
    accounts = (await visit.services.accounts.list(visit.caller, provider=name)).items
    if not accounts:
        raise NotFound("You have no account at that network.", kind=Kind.ACCOUNT)
    chats = await simulation.chats(visit.caller, name) if any(each.has_chats for each in accounts) else None
    posts = await simulation.posts(visit.caller, name) if any(each.takes_posts for each in accounts) else None
    return visit.page("sandbox/network.html", name=name, accounts=accounts, chats=chats, posts=posts)


async def chat(visit: Visit) -> Response:
    """`/sandbox/{network}/chats?id=`: a chat as the other person sees it."""
    return await _chat(visit)


async def _chat(visit: Visit, status: int = 200, wrong: str = "") -> Response:
    name, viewer = visit.path["network"], visit.query.get("as") or visit.text("as")
    chat_id = visit.query.get("id") or visit.text("id")
    talk = await _simulation(visit).chat(visit.caller, name, chat_id, viewer or None)
    own = {each.provider_id for each in (await visit.services.accounts.list(visit.caller, provider=name)).items}
    return visit.page(
        "sandbox/chat.html",
        status,
        name=name,
        talk=talk,
        own=own,
        others=[person for person in talk.participants if person.id not in own],
        here_again=_address(name, chat_id, talk.viewer),
        wrong=wrong,
    )


async def act(visit: Visit) -> Response:
    """The other person writes, takes back, or reacts."""
    name, chat_id, viewer = visit.path["network"], visit.text("id"), visit.text("as")
    simulation, action = _simulation(visit), visit.text("do")
    try:
        if action == "write":
            if not visit.text("text"):
                raise InvalidParameters("Write something.")
            await simulation.write(visit.caller, name, chat_id, viewer, visit.text("text"))
        elif action in ("recall", "react"):
            message_id, emoji = visit.text("message"), visit.text("emoji")
            await simulation.act(visit.caller, name, chat_id, message_id, viewer, action, emoji)
        else:
            raise InvalidParameters("People write, recall and react.")
    except InvalidParameters as error:
        return await _chat(visit, 400, error.detail)
    return visit.go(_address(name, chat_id, viewer))


def _address(name: str, chat_id: str, viewer: str) -> str:
    return f"/sandbox/{quote(name, safe='')}/chats?{urlencode({'id': chat_id, 'as': viewer})}"


def _simulation(visit: Visit) -> Simulation:
    if visit.services.simulation is None:
        raise NotFound("This is no sandbox: its networks are real.")
    return visit.services.simulation


PAGES: list[Page] = [
    get("/sandbox", front),
    post("/sandbox/clock", advance, Scope.SEND),
    post("/sandbox/faults", add_fault, Scope.SEND),
    post("/sandbox/faults/remove", remove_faults, Scope.SEND),
    post("/sandbox/replay", replay, Scope.SEND),
    get("/sandbox/{network}", network),
    get("/sandbox/{network}/chats", chat),
    post("/sandbox/{network}/chats", act, Scope.SEND),
]
