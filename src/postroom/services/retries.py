"""Retries: what failed of a post group goes out after all, when its owner asks."""

from collections.abc import Sequence

import msgspec

from postroom.clock import Clock, to_ms
from postroom.domain.access import Caller
from postroom.domain.posts import Post, PostStatus
from postroom.errors import ErrorCode, InvalidParameters, Kind, NotFound
from postroom.ids import is_object_id
from postroom.services.posts import Posts
from postroom.services.quota import Quota
from postroom.store import posts
from postroom.store.database import Database


class Retries:
    """Of the post groups of the user that a caller acts for."""

    def __init__(self, database: Database, posts: Posts, quota: Quota, now: Clock) -> None:
        self._database = database
        self._posts = posts
        self._quota = quota
        self._now = now

    async def retry(self, caller: Caller, group_id: str, *, looked: bool = False) -> None:
        """Have what failed of a group published after all, now; of a thread what is left of it, in its order.

        `looked`: also what nobody knows of, since its owner has looked there and it is not live. What is live, or under
        way, stays as it is.

        Raises:
            NotFound: no such post group of the user's, or (INVALID_RESOURCE_IDENTIFIER) not an id.
            InvalidParameters: (kind STATUS) nothing of it is to be tried again.
            NotPermitted: (kind PLAN_LIMIT) a limit of this server is reached.
        """
        if not is_object_id(group_id):
            raise NotFound("Not a post group's id.", code=ErrorCode.INVALID_RESOURCE_IDENTIFIER, kind=Kind.POST_GROUP)
        again = (PostStatus.FAILED, PostStatus.UNCONFIRMED) if looked else (PostStatus.FAILED,)
        async with self._database.begin() as tx:
            group = await posts.hold_group(tx, caller.workspace_id, caller.user_id, group_id.lower())
            if group is None:
                raise NotFound("No such post group.", kind=Kind.POST_GROUP)
            rows = (await posts.list_posts(tx, caller.workspace_id, [group.id])).get(group.id, [])
            chosen = [row for row in rows if row.status in again and (looked or not _waits(row, rows))]
            if not chosen:
                raise InvalidParameters("There is nothing to be tried again.", kind=Kind.STATUS)
            now_ms = to_ms(self._now())
            moment = min(group.scheduled_at or now_ms, now_ms)
            await self._quota.take(tx, group.workspace_id, group.id, len(group.platforms), moment)
            for row in chosen:
                # Of the tries that a post has, these are new ones; that there was an attempt stays known.
                await posts.set_post(
                    tx, caller.workspace_id, row.id, status=PostStatus.PENDING, attempts=min(row.attempts, 1)
                )
            await self._posts.roll_up(tx, msgspec.structs.replace(group, scheduled_at=moment))
            published = {row.position for row in rows if row.status is PostStatus.PUBLISHED}
            await self._posts.set_out(tx, group, chosen, now_ms, published)


def _waits(post: Post, rows: Sequence[Post]) -> bool:
    """Whether a part of a thread follows one of which nobody knows whether it is live: that has to be settled first."""
    return any(
        row.status is PostStatus.UNCONFIRMED
        and row.part < post.part
        and row.position - post.position == row.part - post.part
        for row in rows
    )
