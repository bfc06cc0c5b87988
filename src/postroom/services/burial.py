"""Burying: the one place where a message becomes a tombstone, whoever took it back."""

from collections.abc import Sequence

from postroom.clock import Clock, to_ms
from postroom.domain.events import EventData, EventType
from postroom.domain.messages import Message
from postroom.services.events import Events
from postroom.store import burials
from postroom.store.database import Tx


async def bury(
    tx: Tx, events: Events, now: Clock, *, workspace_id: str, provider: str, key: str, chat_key: str, origin: str
) -> Sequence[Message]:
    """Turn every copy in the workspace into a tombstone, for good; blank what repeats it. Safe to repeat.

    A message that was never seen leaves its tombstone all the same, for when it arrives. Returns the copies that were
    buried just now; each is announced, with ids only.
    """
    buried = await burials.bury(tx, workspace_id, provider, key, chat_key, to_ms(now()))
    for message in buried:
        data = EventData(
            account_id=message.account_id,
            chat_id=message.chat_id,
            message_id=message.id,
            message_key=key,
            chat_key=chat_key,
            origin=origin,
        )
        await events.announce(tx, workspace_id, EventType.MESSAGE_DELETED, data)
    return buried
