"""How deferrals end: on record for good, without what was to be sent, and announced."""

import msgspec

from postroom.clock import Clock, to_ms
from postroom.domain.deferrals import Deferral, DeferralState
from postroom.domain.events import EventData, EventType
from postroom.services.events import Events
from postroom.store import deferrals, jobs
from postroom.store.database import Tx

UNLINKED = "The account was unlinked before it was done."


async def end(tx: Tx, events: Events, now: Clock, held: Deferral, state: DeferralState, detail: str | None) -> Deferral:
    """Record how a deferral that is held ended."""
    settled = msgspec.structs.replace(held, state=state, detail=detail, settled_at=to_ms(now()))
    await deferrals.set_state(tx, held.workspace_id, settled)
    data = EventData(
        account_id=settled.account_id,
        chat_id=settled.chat_id,
        message_id=settled.message_id,
        deferral_id=settled.id,
        reason=settled.state,
    )
    await events.announce(tx, settled.workspace_id, EventType.DEFERRAL_SETTLED, data, settled.user_id)
    return settled


async def abandon(tx: Tx, events: Events, now: Clock, workspace_id: str, account_id: str) -> None:
    """End what is open of an account that goes: what nobody was called for is refused, the rest is in doubt for good."""
    for held in await deferrals.hold_open_of_account(tx, workspace_id, account_id):
        await jobs.cancel_by_lock(tx, workspace_id, f"deferral:{held.id}")
        waiting = held.state is DeferralState.WAITING
        await end(tx, events, now, held, DeferralState.REFUSED if waiting else DeferralState.IN_DOUBT, UNLINKED)
