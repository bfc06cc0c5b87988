"""Lists of post groups, by pages and by cursors: what is deleted behind a cursor moves nothing that is before it."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from postroom.domain.access import Caller
from postroom.domain.pages import Cursor, decode_cursor
from postroom.domain.posts import GroupStatus, PostGroup
from postroom.services.posts import PostGroupView
from postroom.store import media, posts, takedowns
from postroom.store.database import Database

SortBy = Literal["createdAt", "updatedAt", "scheduledTime"]
_NO_MOMENT = -(2**53)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which post groups, in which order. Times are inclusive."""

    status: GroupStatus | None = None
    platform: str | None = None
    sort_by: SortBy = "createdAt"
    descending: bool = True
    from_ms: int | None = None
    to_ms: int | None = None


class PostList(msgspec.Struct, frozen=True, kw_only=True):
    """One page, and how many groups there are on all of them."""

    items: Sequence[PostGroupView]
    total: int
    limit: int
    next: str | None
    """Leads on from the last group of this page; None: that was all."""


class PostLists:
    """What a caller sees of the post groups of the user it acts for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(
        self, caller: Caller, wanted: Wanted, *, page: int = 1, limit: int = 20, cursor: str | None = None
    ) -> PostList:
        """One page, from 1; with a cursor the groups that come after it, and `wanted`, `page` and `limit` are its own.

        Raises:
            InvalidParameters: (kind CURSOR) the cursor is none that was given out.
        """
        after: tuple[int | None, str] | None = None
        if cursor is not None:
            start = decode_cursor(cursor, Wanted)
            moment, last_id = start.cursor
            wanted, limit, page = start.filters, min(max(start.limit, 1), 100), 1
            after = (None if moment == _NO_MOMENT else moment, last_id)
        async with self._database.read() as reader:
            groups, total = await posts.list_groups(
                reader,
                caller.workspace_id,
                caller.user_id,
                status=wanted.status,
                platform=wanted.platform,
                sort_by=wanted.sort_by,
                descending=wanted.descending,
                from_ms=wanted.from_ms,
                to_ms=wanted.to_ms,
                after=after,
                offset=(page - 1) * limit,
                limit=limit + 1,
            )
            more, groups = len(groups) > limit, groups[:limit]
            ids = [group.id for group in groups]
            held = await posts.list_posts(reader, caller.workspace_id, ids)
            files = await media.list_of_groups(reader, caller.workspace_id, ids)
            down = await takedowns.list_down(reader, caller.workspace_id, ids)
        items = [
            PostGroupView(
                group=group, posts=held.get(group.id, []), media=files.get(group.id, []), down=group.id in down
            )
            for group in groups
        ]
        following = Cursor(filters=wanted, limit=limit, cursor=_place(groups[-1], wanted)).encode() if more else None
        return PostList(items=items, total=total, limit=limit, next=following)


def _place(group: PostGroup, wanted: Wanted) -> tuple[int, str]:
    moments = {"createdAt": group.created_at, "updatedAt": group.updated_at, "scheduledTime": group.scheduled_at}
    moment = moments[wanted.sort_by]
    return (_NO_MOMENT if moment is None else moment), group.id
