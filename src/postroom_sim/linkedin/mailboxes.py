"""Large mailboxes, filled at once: for tests of what takes long."""

from __future__ import annotations

import json
import random
from typing import Any

from postroom_sim.linkedin import identifiers as urn
from postroom_sim.linkedin import prose
from postroom_sim.linkedin.model import INBOX, Member
from postroom_sim.linkedin.store import Store
from postroom_sim.network import BadRequest

MOST_CHATS, MOST_MESSAGES = 10_000, 1_000_000
_SECOND_MS, _HOUR_MS = 1_000, 3_600_000


def fill(store: Store, member: Member, tree: Any) -> dict[str, int]:
    """Chats of two with so many messages in all, the newest an hour old. Nobody is told: it happened long ago."""
    chats, messages = tree.get("chats"), tree.get("messages")
    if not isinstance(chats, int) or not 1 <= chats <= MOST_CHATS:
        raise BadRequest(f"chats must be between 1 and {MOST_CHATS}")
    if not isinstance(messages, int) or not chats <= messages <= MOST_MESSAGES:
        raise BadRequest(f"messages must be between the number of chats and {MOST_MESSAGES}")
    source, version = store.chance(), store.next_version()
    last = store.ground.clock.now_ms() - _HOUR_MS
    threads = [_thread(store, source, member, number, last, version) for number in range(chats)]
    database = store.database
    database.execute_many(
        "INSERT INTO linkedin_messages VALUES (?, ?, ?, ?, '[]', NULL, ?, NULL, 'DEFAULT', '[]', ?, '[]', NULL, NULL, ?)",
        (_message(source, threads[number % chats], member, number, last, version) for number in range(messages)),
    )
    return {"chats": chats, "messages": messages}


def _thread(
    store: Store, source: random.Random, member: Member, number: int, last: int, version: int
) -> tuple[str, str]:
    other, thread = urn.new_member_id(source), urn.new_thread_id(source)
    database = store.database
    row = database.one("SELECT max(number) FROM linkedin_members")
    place = ((row[0] if row else None) or 0) + 1
    name = (f"Correspondent {number}", "Ferry", "Writes letters", f"correspondent-{place}")
    database.execute("INSERT INTO linkedin_members VALUES (?, ?, ?, ?, ?, ?, NULL, NULL)", (other, place, *name))
    database.execute("INSERT INTO linkedin_threads VALUES (?, NULL, 0, 'chat', ?, ?)", (thread, last, other))
    database.execute_many(
        "INSERT INTO linkedin_mailboxes VALUES (?, ?, ?, 0, 0, NULL, ?, ?, 1, 0, 1, ?)",
        [
            (id, thread, position, last - number * _SECOND_MS, json.dumps(INBOX), version)
            for position, id in enumerate((member.id, other), 1)
        ],
    )
    return thread, other


def _message(
    source: random.Random, thread: tuple[str, str], member: Member, number: int, last: int, version: int
) -> tuple[Any, ...]:
    at = last - number * _SECOND_MS
    text = f"{prose.sentence(source)} No. {number}"
    sender = member.id if number % 3 == 0 else thread[1]
    id = urn.new_message_id(source, delivered_at=at, thread_id=thread[0])
    return (id, thread[0], sender, text, at, text, version)
