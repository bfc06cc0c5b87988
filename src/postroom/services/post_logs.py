"""The log of a post group: written in the transactions of the states that it follows, read by whoever asks why."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from postroom.clock import Clock, to_ms
from postroom.domain.access import Caller
from postroom.domain.posts import GroupStatus, LogDetail, LogEntry, LogEvent, Post, PostError, PostGroup
from postroom.domain.takedowns import Takedown, TargetOutcome
from postroom.errors import ErrorCode, Kind, NotFound
from postroom.ids import is_object_id, new_object_id
from postroom.store import post_logs, posts, takedowns
from postroom.store.database import Database, Reader, Tx

MOST = 100


class PostLogs:
    """Logs of post groups. Whoever writes holds the group."""

    def __init__(self, database: Database, now: Clock) -> None:
        self._database = database
        self._now = now

    async def list(self, caller: Caller, group_id: str) -> Sequence[LogEntry]:
        """The first hundred entries of a group's log, oldest first.

        Raises:
            NotFound: no such post group of the user's, or (INVALID_RESOURCE_IDENTIFIER) not an id.

        Source: PostPost "Post logs" (March 2026).
        """
        async with self._database.read() as reader:
            return await _entries(reader, caller, group_id)

    async def history(self, caller: Caller, group_id: str) -> Sequence[LogEntry]:
        """The same, and what became of taking the group's posts down, in the order in which it happened.

        Raises:
            NotFound: as for `list`.
        """
        async with self._database.read() as reader:
            entries = await _entries(reader, caller, group_id)
            asked = await takedowns.list_of_group(reader, caller.workspace_id, caller.user_id, group_id.lower())
        told = [entry for takedown in asked for entry in _told(takedown)]
        return sorted([*entries, *told], key=lambda entry: entry.created_at)

    async def scheduled(self, tx: Tx, of: Iterable[Post]) -> None:
        """These posts are to go out at their group's time."""
        await self._add(tx, [self._entry(post, LogEvent.SCHEDULED) for post in of])

    async def attempted(self, tx: Tx, post: Post) -> None:
        """An attempt begins: the network will be asked next. `post.attempts` counts this one."""
        retries = LogDetail(retry_count=post.attempts - 1) if post.attempts > 1 else None
        first = [] if post.attempts > 1 else [self._entry(post, LogEvent.PROCESSING)]
        await self._add(tx, [*first, self._entry(post, LogEvent.PUBLISH_ATTEMPTED, retries)])

    async def succeeded(self, tx: Tx, post: Post) -> None:
        """It is live."""
        await self._add(tx, [self._entry(post, LogEvent.PUBLISH_SUCCEEDED)])

    async def failed(self, tx: Tx, post: Post, error: PostError) -> None:
        """An attempt failed: for good, or to be tried again where `error` is retryable."""
        detail = LogDetail(
            error=error.message,
            http_status=error.platform_status_code,
            retry_count=post.attempts - 1 if post.attempts > 1 else None,
            error_code=error.code,
            retryable=error.retryable,
        )
        await self._add(tx, [self._entry(post, LogEvent.PUBLISH_FAILED, detail)])

    async def changed(self, tx: Tx, group: PostGroup, becomes: GroupStatus) -> None:
        """The group's status changes from what it is in `group`. The same again is no news."""
        if becomes is group.status:
            return
        entry = LogEntry(
            id=new_object_id(self._now()),
            workspace_id=group.workspace_id,
            group_id=group.id,
            post_id=None,
            platform=None,
            event=LogEvent.STATUS_CHANGED,
            detail=LogDetail(was=group.status, becomes=becomes),
            created_at=to_ms(self._now()),
        )
        await self._add(tx, [entry])

    async def _add(self, tx: Tx, entries: Sequence[LogEntry]) -> None:
        if entries:
            await post_logs.add(tx, entries)

    def _entry(self, post: Post, event: LogEvent, detail: LogDetail | None = None) -> LogEntry:
        now = self._now()
        return LogEntry(
            id=new_object_id(now),
            workspace_id=post.workspace_id,
            group_id=post.group_id,
            post_id=post.id,
            platform=post.platform,
            event=event,
            detail=detail,
            created_at=to_ms(now),
        )


async def _entries(reader: Reader, caller: Caller, group_id: str) -> Sequence[LogEntry]:
    if not is_object_id(group_id):
        raise NotFound("Not a post group's id.", code=ErrorCode.INVALID_RESOURCE_IDENTIFIER, kind=Kind.POST_GROUP)
    group_id = group_id.lower()
    if await posts.find_group(reader, caller.workspace_id, caller.user_id, group_id) is None:
        raise NotFound("No such post group.", kind=Kind.POST_GROUP)
    return await post_logs.list_of_group(reader, caller.workspace_id, group_id, MOST)


_ENDS = {
    TargetOutcome.DONE: LogEvent.TAKEN_DOWN,
    TargetOutcome.UNSUPPORTED: LogEvent.TAKE_DOWN_NOT_POSSIBLE,
    TargetOutcome.REFUSED: LogEvent.TAKE_DOWN_REFUSED,
    TargetOutcome.IN_DOUBT: LogEvent.TAKE_DOWN_UNKNOWN,
}


def _told(takedown: Takedown) -> Iterator[LogEntry]:
    """That it was asked of each target, and how that ended where it has."""
    for target in takedown.targets:
        asked = LogEntry(
            id=f"{takedown.id}-{target.position}-asked",
            workspace_id=takedown.workspace_id,
            group_id=takedown.group_id,
            post_id=target.post_id,
            platform=target.platform,
            event=LogEvent.TAKE_DOWN_ASKED,
            detail=None,
            created_at=takedown.asked_at,
        )
        yield asked
        if target.settled_at is not None:
            yield msgspec.structs.replace(
                asked,
                id=f"{takedown.id}-{target.position}-ended",
                event=_ENDS[target.outcome],
                detail=None if target.detail is None else LogDetail(error=target.detail),
                created_at=target.settled_at,
            )
