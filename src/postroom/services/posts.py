"""Post groups: created, scheduled, updated, listed, got, and deleted with everything that belongs to them."""

from collections.abc import Awaitable, Callable, Container, Mapping, Sequence
from typing import Any

import msgspec

from postroom.clock import Clock, to_ms
from postroom.domain.access import Caller
from postroom.domain.accounts import Account
from postroom.domain.events import EventData, EventType
from postroom.domain.jobs import Job, Task
from postroom.domain.media import MediaItem
from postroom.domain.posts import FINAL, GroupStatus, Post, PostError, PostGroup, PostStatus, group_status
from postroom.domain.texts import parts
from postroom.errors import Conflict, ErrorCode, InvalidParameters, Kind, NotFound
from postroom.ids import is_object_id, new_id, new_object_id, new_ulid
from postroom.services.connections import Connections
from postroom.services.events import Events
from postroom.services.post_logs import PostLogs
from postroom.services.quota import Quota
from postroom.services.spending import counted
from postroom.store import accounts, jobs, media, posts, removals, unwritten
from postroom.store.database import Database, Reader, Tx
from postroom.store.graves import POST_CHANGED, POST_GROUP, Grave
from postroom.store.notify import Notifier
from postroom.store.removals import Removal

Along = Callable[[Tx, PostGroup], Awaitable[None]]
"""What else is done in the transaction that makes or changes a group; where it raises, nothing is made or changed."""

_NO_PART_BEFORE = "The part of the thread before this one was not published."
_UNLINKED_MEANWHILE = "The account was unlinked while this was being published: it may be live."


class PostGroupView(msgspec.Struct, frozen=True, kw_only=True):
    """A post group with its posts and files, each in their order."""

    group: PostGroup
    posts: Sequence[Post]
    media: Sequence[MediaItem]
    down: bool = False
    """In a list: whether it was live, and was taken down everywhere."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What an update changes; None stays as it is."""

    status: GroupStatus | None = None
    scheduled_at: int | None = None
    content: str | None = None
    platforms: tuple[str, ...] | None = None
    platform_settings: Mapping[str, Mapping[str, Any]] | None = None
    """Laid over those that there are, platform by platform."""
    version: int | None = None
    """The `updated_at` that the group must still have."""

    @property
    def writes(self) -> bool:
        """Whether it changes what was written, or for whom."""
        return (self.content, self.platforms, self.platform_settings) != (None, None, None)


class Posts:
    """What a caller may do with the posts of the user it acts for."""

    def __init__(
        self,
        database: Database,
        notifier: Notifier,
        connections: Connections,
        events: Events,
        logs: PostLogs,
        quota: Quota,
        now: Clock,
    ) -> None:
        self._database = database
        self._notifier = notifier
        self._connections = connections
        self._events = events
        self._logs = logs
        self._quota = quota
        self._now = now

    async def create(
        self,
        caller: Caller,
        *,
        content: str,
        platforms: Sequence[str],
        scheduled_at: int | None,
        platform_settings: Mapping[str, Any],
        along: Along | None = None,
    ) -> PostGroup:
        """Write a post for several platforms (`<platform>-<id>`): a draft, or scheduled; a time that has passed is now.

        A platform id that names no linked account is accepted, and fails when it is to be published.

        Raises:
            NotPermitted: (kind PLAN_LIMIT) a limit of this server is reached.

        Source: PostPost "Create post" (March 2026).
        """
        now = self._now()
        now_ms = to_ms(now)
        group = PostGroup(
            id=new_object_id(now),
            workspace_id=caller.workspace_id,
            user_id=caller.user_id,
            content=content,
            platforms=tuple(platforms),
            platform_settings=msgspec.json.encode(platform_settings).decode(),
            status=GroupStatus.DRAFT if scheduled_at is None else GroupStatus.SCHEDULED,
            scheduled_at=None if scheduled_at is None else max(scheduled_at, now_ms),
            created_at=now_ms,
            updated_at=now_ms,
        )
        self._quota.check_platforms(group.platforms)
        async with self._database.begin() as tx:
            if group.scheduled_at is not None:
                many = len(group.platforms)
                await self._quota.take(tx, group.workspace_id, group.id, many, group.scheduled_at)
            rows = await self._rows(tx, group)
            await posts.add_group(tx, group, rows)
            if along is not None:
                await along(tx, group)
            if group.scheduled_at is not None:
                await self.set_out(tx, group, rows, group.scheduled_at)
        return group

    async def _rows(self, tx: Tx, group: PostGroup) -> list[Post]:
        """What a group becomes at its platforms: a post for each, or the parts of a thread where its text is too long."""
        now = self._now()
        rows: list[Post] = []
        for platform_id in group.platforms:
            platform, _, raw_id = platform_id.partition("-")
            account = await self._account(tx, group, platform_id)
            connector = self._connections.connectors().get(platform)
            limits = None if connector is None else connector.capabilities.publish
            texts = [group.content] if limits is None else parts(group.content, limits)
            for part, text in enumerate(texts):
                post = Post(
                    id=new_object_id(now),
                    group_id=group.id,
                    workspace_id=group.workspace_id,
                    account_id=None if account is None else account.id,
                    platform=platform,
                    platform_id=raw_id,
                    status=PostStatus.DRAFT if group.status is GroupStatus.DRAFT else PostStatus.PENDING,
                    token=new_ulid(now),
                    provider_id=None,
                    url=None,
                    error=None,
                    attempts=0,
                    position=len(rows),
                    part=part,
                    content=text if len(texts) > 1 else None,
                )
                rows.append(post)
        return rows

    async def _account(self, tx: Tx, group: PostGroup, platform_id: str) -> Account | None:
        platform, _, raw_id = platform_id.partition("-")
        return await accounts.find_by_provider_id(tx, group.workspace_id, group.user_id, platform, raw_id)

    async def get(self, caller: Caller, group_id: str) -> PostGroupView:
        """Raises:
        NotFound: no such post group of the user's, or (INVALID_RESOURCE_IDENTIFIER) not an id.
        """
        group_id = _checked(group_id)
        async with self._database.read() as reader:
            return await self._view(reader, caller, group_id)

    async def _view(self, reader: Reader, caller: Caller, group_id: str) -> PostGroupView:
        group = await posts.find_group(reader, caller.workspace_id, caller.user_id, group_id)
        if group is None:
            raise NotFound("No such post group.", kind=Kind.POST_GROUP)
        held = await posts.list_posts(reader, caller.workspace_id, [group_id])
        files = await media.list_of_groups(reader, caller.workspace_id, [group_id])
        return PostGroupView(group=group, posts=held.get(group_id, []), media=files.get(group_id, []))

    async def update(self, caller: Caller, group_id: str, change: Change, *, along: Along | None = None) -> PostGroup:
        """Schedule a draft, move it in time, make it a draft again (which keeps its time), or write it anew.

        Raises:
            NotFound: no such post group of the user's.
            InvalidParameters: (kind STATUS) it is neither a draft nor scheduled any more.
            InvalidParameters: (kind PLATFORMS) it would be scheduled for no platform; (kind PLATFORM_CONNECTION) a
                platform that is new to it is no linked account of the user's.
            Conflict: (kind PUBLISHING) it is written anew, or more is done along, and it has begun to go out; (kind
                VERSION) it is another version by now.
            NotPermitted: (kind PLAN_LIMIT) a limit of this server is reached.

        Source: PostPost "Update post" (March 2026); Publora "Update post" (2026) for what is written anew.
        """
        group_id = _checked(group_id)
        now_ms = to_ms(self._now())
        async with self._database.begin() as tx:
            group = await posts.hold_group(tx, caller.workspace_id, caller.user_id, group_id)
            if group is None:
                raise NotFound("No such post group.", kind=Kind.POST_GROUP)
            if group.status not in (GroupStatus.DRAFT, GroupStatus.SCHEDULED):
                raise InvalidParameters(
                    f"The post is {group.status}.", kind=Kind.STATUS, context={"status": group.status}
                )
            if change.version is not None and change.version != group.updated_at:
                raise Conflict("Another write came first; this request changed nothing.", kind=Kind.VERSION)
            becomes = change.status or group.status
            moment = group.scheduled_at if change.scheduled_at is None else max(change.scheduled_at, now_ms)
            if becomes is GroupStatus.SCHEDULED:
                moment = max(moment or now_ms, now_ms)
            rows = (await posts.list_posts(tx, caller.workspace_id, [group_id])).get(group_id, [])
            waiting = [row for row in rows if row.status in (PostStatus.DRAFT, PostStatus.PENDING)]
            begun = len(waiting) < len(rows)
            if begun and becomes is GroupStatus.DRAFT:
                raise InvalidParameters(
                    "The post is being published.", kind=Kind.STATUS, context={"status": "processing"}
                )
            # Of two versions the later one is known by its number, whatever the clock does.
            version = max(now_ms, group.updated_at + 1)
            fresh = msgspec.structs.replace(group, status=becomes, scheduled_at=moment, updated_at=version)
            if change.writes:
                if begun:
                    raise Conflict("Publishing has already started; nothing was changed.", kind=Kind.PUBLISHING)
                fresh = _written(fresh, change)
                await self._check_new(tx, group, fresh)
                rows = waiting = await self._written_rows(tx, fresh, rows)
            await self._use(tx, group, fresh)
            status = PostStatus.DRAFT if becomes is GroupStatus.DRAFT else PostStatus.PENDING
            for row in waiting:
                await posts.set_post(tx, caller.workspace_id, row.id, status=status, attempts=row.attempts)
            await posts.set_group(
                tx, caller.workspace_id, group_id, status=becomes, scheduled_at=moment, updated_at=version
            )
            await self._remember(tx, group, fresh)
            await self._logs.changed(tx, group, becomes)
            if along is not None:
                if begun:
                    raise Conflict("Publishing has already started; nothing was changed.", kind=Kind.PUBLISHING)
                await along(tx, fresh)
            if becomes is GroupStatus.SCHEDULED and moment is not None:
                published = {row.position for row in rows if row.status is PostStatus.PUBLISHED}
                await self.set_out(tx, group, waiting, moment, published)
        return fresh

    async def _remember(self, tx: Tx, group: PostGroup, fresh: PostGroup) -> None:
        """Have a database that is restored from before this change not publish what the group was then."""
        if GroupStatus.SCHEDULED in (group.status, fresh.status):
            due = fresh.scheduled_at if fresh.status is GroupStatus.SCHEDULED else None
            name = f"{group.id}:{fresh.updated_at}"
            await unwritten.dig(tx, Grave(group.workspace_id, POST_CHANGED, name, due or 0))

    async def _check_new(self, tx: Tx, group: PostGroup, fresh: PostGroup) -> None:
        """What is written anew can be scheduled, and is for accounts of the user's where it was not before."""
        if fresh.status is GroupStatus.SCHEDULED and not fresh.platforms:
            raise InvalidParameters("At least one platform is required", kind=Kind.PLATFORMS, context={"newer": True})
        unknown = [
            each
            for each in fresh.platforms
            if each not in group.platforms and await self._account(tx, fresh, each) is None
        ]
        if unknown:
            raise InvalidParameters(
                f"Invalid platform connection(s): {', '.join(unknown)}",
                kind=Kind.PLATFORM_CONNECTION,
                context={"platforms": unknown},
            )

    async def _written_rows(self, tx: Tx, fresh: PostGroup, before: Sequence[Post]) -> list[Post]:
        """The posts of a group that was written anew, in the place of those before, under their ids where they match."""
        ids = {(row.platform, row.platform_id, row.part): row.id for row in reversed(before)}
        rows = [
            msgspec.structs.replace(row, id=ids.pop((row.platform, row.platform_id, row.part), row.id))
            for row in await self._rows(tx, fresh)
        ]
        await posts.remove_posts(tx, fresh.workspace_id, fresh.id)
        await posts.set_written(tx, fresh.workspace_id, fresh)
        await posts.add_posts(tx, rows)
        return rows

    async def _use(self, tx: Tx, group: PostGroup, fresh: PostGroup) -> None:
        """Count what an update schedules, or schedules no more."""
        if fresh.status is GroupStatus.DRAFT:
            await self._quota.give_back(tx, group.workspace_id, group.id)
        if (fresh.scheduled_at, fresh.platforms) != (group.scheduled_at, group.platforms):
            self._quota.check_platforms(fresh.platforms)
        if fresh.status is GroupStatus.SCHEDULED and fresh.scheduled_at is not None:
            await self._quota.take(tx, group.workspace_id, group.id, len(fresh.platforms), fresh.scheduled_at)

    @counted
    async def delete(self, caller: Caller, group_id: str, check: Callable[[PostGroupView], None] | None = None) -> None:
        """Delete a post group, its posts and its files, whatever its status: all of them, or none.

        `check` looks at the group once nobody changes it any more, and may raise.

        What is live stays live; the receipt keeps its id and link. Files go from the object store by a job.

        Raises:
            NotFound: no such post group of the user's, or (INVALID_RESOURCE_IDENTIFIER) not an id.

        Source: PostPost "Delete post".
        """
        group_id = _checked(group_id)
        async with self._database.begin(single=check is None) as tx:
            if check is not None:
                await posts.hold_group(tx, caller.workspace_id, caller.user_id, group_id)
                check(await self._view(tx, caller, group_id))
            if not await self.remove(tx, caller.workspace_id, caller.user_id, group_id, origin="api"):
                raise NotFound("No such post group.", kind=Kind.POST_GROUP)

    async def remove(self, tx: Tx, workspace_id: str, user_id: str, group_id: str, *, origin: str) -> bool:
        """The same in a transaction of somebody else's; False: there is no such group."""
        now = self._now()
        removal = Removal(
            workspace_id=workspace_id,
            user_id=user_id,
            group_id=group_id,
            origin=origin,
            at=to_ms(now),
            receipt_id=new_id("rcp", now),
            event_id=new_id("evt", now),
            job_id=new_id("job", now),
        )
        files = await removals.remove_group(tx, removal)
        if files is None:
            return False
        graves = tx.keyring.graves
        tx.on_commit(lambda: graves.dig(Grave(workspace_id, POST_GROUP, group_id, removal.at)))
        tx.on_commit(lambda: self._notifier.wake(f"events:{workspace_id}"))
        if files:
            tx.on_commit(lambda: self._notifier.wake("jobs"))
        return True

    async def abandon(self, tx: Tx, workspace_id: str, account_id: str) -> None:
        """The account goes: what was scheduled there fails, and says why. The records stay.

        Of what is being published nobody will be able to ask any more whether it is live: that is what it says then.
        """
        now = to_ms(self._now())
        for found in await posts.list_unfinished_of_account(tx, workspace_id, account_id):
            held = await posts.hold_post(tx, workspace_id, found.id)
            if held is None or held[1].status in FINAL:
                continue
            group, post = held
            begun = post.status is PostStatus.PROCESSING
            error = PostError(
                code="OUTCOME_UNKNOWN" if begun else "PLATFORM_AUTH_EXPIRED",
                message=_UNLINKED_MEANWHILE if begun else "The account was unlinked before this was published.",
                retryable=False,
                failed_at=now,
            )
            becomes = PostStatus.UNCONFIRMED if begun else PostStatus.FAILED
            await posts.set_post(tx, workspace_id, post.id, status=becomes, attempts=post.attempts, error=error)
            await self._logs.failed(tx, post, error)
            await self.roll_up(tx, group, msgspec.structs.replace(post, status=becomes))
            data = EventData(post_group_id=post.group_id, post_id=post.id, platform=post.platform, reason=error.code)
            await self._events.announce(tx, workspace_id, EventType.POST_FAILED, data)

    async def leave_in_doubt(self, tx: Tx, workspace_id: str, post_id: str, why: str) -> bool:
        """Nobody can know any more whether a post was published: its owner decides. False: it has an outcome."""
        held = await posts.hold_post(tx, workspace_id, post_id)
        if held is None or held[1].status in FINAL:
            return False
        group, post = held
        becomes = PostStatus.UNCONFIRMED
        now = to_ms(self._now())
        error = PostError(code="OUTCOME_UNKNOWN", message=why, retryable=False, failed_at=now)
        await posts.set_post(
            tx, workspace_id, post_id, status=becomes, attempts=post.attempts, error=error, begun_at=now
        )
        await self._logs.failed(tx, post, error)
        await self.roll_up(tx, group, msgspec.structs.replace(post, status=becomes))
        data = EventData(post_group_id=group.id, post_id=post_id, platform=post.platform, reason=error.code)
        await self._events.announce(tx, workspace_id, EventType.POST_FAILED, data)
        return True

    async def hold_back(self, tx: Tx, workspace_id: str, group_id: str) -> bool:
        """What is scheduled is a draft, which keeps its time. False: it is not scheduled, or goes out already."""
        user_id = await posts.find_user(tx, workspace_id, group_id)
        group = None if user_id is None else await posts.hold_group(tx, workspace_id, user_id, group_id)
        if group is None or group.status is not GroupStatus.SCHEDULED:
            return False
        rows = (await posts.list_posts(tx, workspace_id, [group_id])).get(group_id, [])
        if any(row.status is not PostStatus.PENDING for row in rows):
            return False
        draft = msgspec.structs.replace(group, status=GroupStatus.DRAFT, updated_at=to_ms(self._now()))
        await self._use(tx, group, draft)
        for row in rows:
            await posts.set_post(tx, workspace_id, row.id, status=PostStatus.DRAFT, attempts=row.attempts)
        await posts.set_group(
            tx,
            workspace_id,
            group_id,
            status=draft.status,
            scheduled_at=draft.scheduled_at,
            updated_at=draft.updated_at,
        )
        await self._logs.changed(tx, group, draft.status)
        return True

    async def roll_up(self, tx: Tx, group: PostGroup, ended: Post | None = None) -> None:
        """Give a group, which the caller holds, the status that its posts make.

        `ended` is a post that has just come to its end: what follows it in its thread begins, or fails with it.
        """
        workspace_id, group_id = group.workspace_id, group.id
        held = (await posts.list_posts(tx, workspace_id, [group_id])).get(group_id, [])
        if ended is not None and len(held) > 1 and await self._go_on(tx, group, ended, held):
            held = (await posts.list_posts(tx, workspace_id, [group_id])).get(group_id, [])
        scheduled = any(post.status in FINAL or post.status is not PostStatus.DRAFT for post in held)
        becomes = group_status(scheduled, [post.status for post in held])
        await self._logs.changed(tx, group, becomes)
        await posts.set_group(
            tx,
            workspace_id,
            group_id,
            status=becomes,
            scheduled_at=group.scheduled_at,
            updated_at=to_ms(self._now()),
        )

    async def _go_on(self, tx: Tx, group: PostGroup, post: Post, held: Sequence[Post]) -> bool:
        """Have the next part of a thread published, or the later ones fail; whether any post changed."""
        after = [
            row
            for row in held
            if row.position > post.position
            and row.position - post.position == row.part - post.part
            and row.status is PostStatus.PENDING
        ]
        if post.status is PostStatus.PUBLISHED:
            work = [self._job(row, to_ms(self._now())) for row in after[:1]]
            await jobs.enqueue_many(tx, work)
            tx.on_commit(lambda: self._notifier.wake("jobs"))
            return False
        for row in after:
            error = PostError(
                code="UNKNOWN_ERROR", message=_NO_PART_BEFORE, retryable=False, failed_at=to_ms(self._now())
            )
            await posts.set_post(
                tx, group.workspace_id, row.id, status=PostStatus.FAILED, attempts=row.attempts, error=error
            )
            await self._logs.failed(tx, row, error)
            data = EventData(post_group_id=group.id, post_id=row.id, platform=row.platform, reason=error.code)
            await self._events.announce(tx, group.workspace_id, EventType.POST_FAILED, data)
        return bool(after)

    def _job(self, post: Post, moment: int) -> Job:
        return Job(
            id=new_id("job", self._now()),
            workspace_id=post.workspace_id,
            task=Task.PUBLISH_POST,
            args={"post_id": post.id},
            lock=f"publish:{post.account_id or post.id}",
            attempts=0,
            scheduled_at=moment,
            provider=post.platform,
        )

    async def set_out(
        self, tx: Tx, group: PostGroup, rows: Sequence[Post], moment: int, published: Container[int] = ()
    ) -> None:
        """Have posts published at a moment; of a thread the first part only, the others follow one by one."""
        work = []
        for row in rows:
            if row.part == 0 or row.position - 1 in published:
                work.append(self._job(row, moment))
            data = EventData(post_group_id=group.id, post_id=row.id, platform=row.platform, origin="api")
            await self._events.announce(tx, group.workspace_id, EventType.POST_SCHEDULED, data)
        await self._logs.scheduled(tx, rows)
        await jobs.enqueue_many(tx, work)
        tx.on_commit(lambda: self._notifier.wake("jobs"))


def _checked(group_id: str) -> str:
    if not is_object_id(group_id):
        raise NotFound("Not a post group's id.", code=ErrorCode.INVALID_RESOURCE_IDENTIFIER, kind=Kind.POST_GROUP)
    return group_id.lower()


def _written(group: PostGroup, change: Change) -> PostGroup:
    settings = msgspec.json.decode(group.platform_settings)
    for platform, each in (change.platform_settings or {}).items():
        settings[platform] = {**settings.get(platform, {}), **each}
    return msgspec.structs.replace(
        group,
        content=group.content if change.content is None else change.content,
        platforms=group.platforms if change.platforms is None else change.platforms,
        platform_settings=msgspec.json.encode(settings).decode(),
    )
