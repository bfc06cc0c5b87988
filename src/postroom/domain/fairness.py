"""Pure decisions: which of the jobs that are due run next, so that nobody's many hold back somebody's one."""

from collections import Counter, defaultdict, deque
from collections.abc import Collection, Iterable, Iterator
from heapq import heapify, heappop, heappush

import msgspec

from postroom.domain.jobs import Due, Job


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """How many jobs may run at a time. What waits for one network or belongs to one workspace never fills all of it."""

    at_once: int
    of_a_workspace: int
    of_a_provider: int


def choose(due: Iterable[Due], running: Collection[Job | Due], room: Room) -> list[Due]:
    """Fill the room: always from the workspace that has least in hand, and of that the longest due."""
    providers = Counter(job.provider for job in running)
    in_hand = Counter(job.workspace_id for job in running)
    waiting: defaultdict[str | None, deque[Due]] = defaultdict(deque)
    for job in due:
        waiting[job.workspace_id].append(job)
    # The place keeps the order of the longest due among those who have equally much.
    turns = [(in_hand[workspace], place, workspace) for place, workspace in enumerate(waiting)]
    heapify(turns)
    chosen: list[Due] = []
    while turns and len(running) + len(chosen) < room.at_once:
        held, place, workspace = heappop(turns)
        if held >= room.of_a_workspace:
            continue
        for job in _taken(waiting[workspace]):
            if job.provider is None or providers[job.provider] < room.of_a_provider:
                providers[job.provider] += 1
                chosen.append(job)
                heappush(turns, (held + 1, place, workspace))
                break
    return chosen


def _taken(waiting: deque[Due]) -> Iterator[Due]:
    while waiting:
        yield waiting.popleft()
