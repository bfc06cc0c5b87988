"""What waits for a person."""

from datetime import timedelta

from postroom.clock import Clock, to_ms
from postroom.domain.access import Caller
from postroom.domain.attention import Attention
from postroom.domain.posts import PostStatus
from postroom.store import attention, webhooks
from postroom.store.database import Database

MOST = 20
_RECENT = timedelta(days=7)
_LATE = timedelta(minutes=1)


class Overview:
    """What a caller has to see to. Up to `MOST` of each kind."""

    def __init__(self, database: Database, now: Clock) -> None:
        self._database = database
        self._now = now

    async def look(self, caller: Caller) -> Attention:
        """As things stand now."""
        now = self._now()
        workspace_id, only_user, user_id = caller.workspace_id, caller.only_user, caller.user_id
        async with self._database.read() as reader:
            hooks = await webhooks.list_of_user(reader, workspace_id, user_id)
            late = to_ms(now - _LATE)
            since = to_ms(now - _RECENT)
            soon = to_ms(now + _RECENT)
            jobs = await attention.count_jobs(reader, workspace_id, late) if only_user is None else None
            return Attention(
                relink=await attention.list_relink(reader, workspace_id, only_user, MOST),
                expiring=await attention.list_expiring(reader, workspace_id, only_user, soon, MOST),
                doubtful=await attention.list_troubled(reader, workspace_id, user_id, PostStatus.UNCONFIRMED, 0, MOST),
                failed=await attention.list_troubled(reader, workspace_id, user_id, PostStatus.FAILED, since, MOST),
                recalls=await attention.list_in_doubt(reader, workspace_id, only_user, MOST),
                webhooks=[each for each in hooks if each.disabled_reason or each.failure_count][:MOST],
                jobs=jobs,
                figures=await attention.figures(reader, workspace_id, only_user, user_id),
            )
