"""Take-down: live posts are removed from their networks, with an outcome for each that is the truth.

What is asked is on record before anyone is called (see `takedown_calls`). Asking again is safe: who is gone already is gone.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

import msgspec

from postroom.clock import Clock, to_ms
from postroom.domain.access import Caller
from postroom.domain.accounts import Account
from postroom.domain.capabilities import Capabilities
from postroom.domain.jobs import Job, Task
from postroom.domain.posts import Post, PostGroup, PostStatus
from postroom.domain.receipts import Receipt
from postroom.domain.takedowns import Takedown, Target, TargetOutcome, check_expiry, why_by_hand
from postroom.errors import ErrorCode, Kind, NotFound
from postroom.ids import is_id, is_object_id, new_id
from postroom.services.connections import Connections
from postroom.services.posts import Posts
from postroom.services.receipts import Receipts
from postroom.services.spending import counted, spent
from postroom.services.takedown_outcomes import NOBODY_KNOWS, NOT_PUBLISHED, TakedownOutcomes
from postroom.store import jobs, posts, takedowns, unwritten
from postroom.store.database import Database, Tx
from postroom.store.graves import EXPIRY, Grave
from postroom.store.jobs import Finish
from postroom.store.notify import Notifier

LONGEST_WAIT_SECONDS = 10.0
_BEFORE = "It was taken down before."
_DELETED = "post_group.deleted"


class Takedowns:
    """Take-downs of the posts of the user that a caller acts for."""

    def __init__(
        self,
        database: Database,
        notifier: Notifier,
        connections: Connections,
        posts: Posts,
        receipts: Receipts,
        outcomes: TakedownOutcomes,
        now: Clock,
    ) -> None:
        self._database = database
        self._notifier = notifier
        self._connections = connections
        self._posts = posts
        self._receipts = receipts
        self._outcomes = outcomes
        self._now = now

    @counted
    async def take_down(self, caller: Caller, group_id: str, wait_seconds: float = LONGEST_WAIT_SECONDS) -> Takedown:
        """Remove a group's live posts from their networks; answers what is known after so many seconds at most.

        What is being published goes as soon as it is there. What is due and has not begun, such as later parts of a
        thread, is not published any more. What is scheduled for later stays so. A take-down that is under way already
        is answered as it stands.

        Raises:
            NotFound: no such post group of the user's, or (INVALID_RESOURCE_IDENTIFIER) not an id.
        """
        async with self._database.begin() as tx:
            group = await self._group(tx, caller, group_id)
            made = await self._of_group(tx, group, delete_group=False)
        return await self._settled(caller, made.id, wait_seconds)

    @counted
    async def take_down_receipt(
        self, caller: Caller, receipt_id: str, wait_seconds: float = LONGEST_WAIT_SECONDS
    ) -> Takedown:
        """The same for what a deleted group left live, by the receipt of its deletion.

        Raises:
            NotFound: no such receipt of the caller's, or one of something else.
        """
        receipt = await self._receipts.get(caller, receipt_id)
        if receipt.kind != _DELETED:
            raise NotFound("This is no receipt of posts.", kind=Kind.RECEIPT)
        async with self._database.begin() as tx:
            made = await self._of_receipts(tx, receipt.user_id or caller.user_id, [receipt])
        return await self._settled(caller, made.id, wait_seconds)

    async def get(self, caller: Caller, takedown_id: str) -> Takedown:
        """Raises:
        NotFound: no such take-down of the caller's.
        """
        if not is_id("tkd", takedown_id):
            raise NotFound("Not a take-down's id.", code=ErrorCode.INVALID_RESOURCE_IDENTIFIER, kind=Kind.TAKEDOWN)
        async with self._database.read() as reader:
            found = await takedowns.find(reader, caller.workspace_id, takedown_id)
        if found is None or caller.only_user not in (None, found.user_id):
            raise NotFound("No such take-down.", kind=Kind.TAKEDOWN)
        return found

    async def schedule(self, caller: Caller, group_id: str, at: int | None, *, delete_group: bool) -> None:
        """Have a group's live posts taken down at a moment, and then, if that is said, the group deleted.

        It takes the place of what was scheduled before; None: only that.

        Raises:
            NotFound: no such post group of the user's, or (INVALID_RESOURCE_IDENTIFIER) not an id.
            InvalidParameters: that is before it goes out.
        """
        async with self.counting(caller, at), self._database.begin() as tx:
            group = await self._group(tx, caller, group_id)
            await self.schedule_group(tx, group, at, delete_group=delete_group)

    def counting(self, caller: Caller, at: int | None) -> AbstractAsyncContextManager[None]:
        """What is scheduled for a moment counts against the budget of the caller's key, now; None: nothing is."""
        return nullcontext() if at is None else spent(self._database, self._now, caller)

    async def schedule_group(self, tx: Tx, group: PostGroup, at: int | None, *, delete_group: bool) -> None:
        """The same in a transaction which made or holds the group."""
        for job_id in await jobs.cancel_by_lock(tx, group.workspace_id, f"expire:{group.id}"):
            await unwritten.dig(tx, Grave(group.workspace_id, EXPIRY, job_id, to_ms(self._now())))
        if at is not None:
            check_expiry(at, group)
            args: dict[str, str | list[str]] = {
                "group_id": group.id,
                "user_id": group.user_id,
                "then": "delete" if delete_group else "keep",
            }
            await jobs.enqueue(tx, self._job(group.workspace_id, Task.EXPIRE_POSTS, args, f"expire:{group.id}", at))
            tx.on_commit(lambda: self._notifier.wake("jobs"))

    async def check_schedule(self, tx: Tx, group: PostGroup) -> None:
        """A group that is given another time is not taken down before that.

        Raises:
            InvalidParameters: it would be.
        """
        at = await jobs.waits_until(tx, group.workspace_id, f"expire:{group.id}")
        if at is not None:
            check_expiry(at, group)

    async def expire(self, workspace_id: str, user_id: str, group_id: str, finish: Finish, *, delete: bool) -> None:
        """Begin what was scheduled (a job; safe to repeat). Of a group that is gone, what its receipts name."""
        async with self._database.begin() as tx:
            group = await posts.hold_group(tx, workspace_id, user_id, group_id)
            if group is not None:
                await self._of_group(tx, group, delete_group=delete)
            else:
                left = await self._receipts.list_of_target(tx, workspace_id, group_id, _DELETED)
                if left:
                    await self._of_receipts(tx, user_id, left)
            await finish(tx, 0.0)

    async def _group(self, tx: Tx, caller: Caller, group_id: str) -> PostGroup:
        if not is_object_id(group_id):
            raise NotFound("Not a post group's id.", code=ErrorCode.INVALID_RESOURCE_IDENTIFIER, kind=Kind.POST_GROUP)
        group = await posts.hold_group(tx, caller.workspace_id, caller.user_id, group_id.lower())
        if group is None:
            raise NotFound("No such post group.", kind=Kind.POST_GROUP)
        return group

    async def _of_group(self, tx: Tx, group: PostGroup, *, delete_group: bool) -> Takedown:
        """Write down what is asked of a group that is held; or what is under way already."""
        under_way = await takedowns.find_open(tx, group.workspace_id, group.id)
        if under_way is not None:
            if delete_group:
                await takedowns.set_delete_group(tx, group.workspace_id, under_way.id)
            return under_way
        rows = (await posts.list_posts(tx, group.workspace_id, [group.id]))[group.id]
        stopped = await self._stop(tx, group, rows)
        targets = [
            Target(
                position=0,
                post_id=row.id,
                account_id=row.account_id,
                platform=row.platform,
                platform_id=row.platform_id,
                provider_id=row.provider_id,
                url=row.url,
            )
            for row in rows
            if row.provider_id is not None
            or row.status in (PostStatus.PROCESSING, PostStatus.UNCONFIRMED)
            or row.id in stopped
        ]
        unconfirmed = {row.id for row in rows if row.status is PostStatus.UNCONFIRMED}
        for place, target in enumerate(targets):
            if target.post_id in unconfirmed:
                targets[place] = self._outcomes.end(target, TargetOutcome.IN_DOUBT, NOBODY_KNOWS)
            elif target.post_id in stopped:
                targets[place] = self._outcomes.end(target, TargetOutcome.DONE, NOT_PUBLISHED)
        return await self._ask(tx, group.workspace_id, group.user_id, group.id, targets, delete_group=delete_group)

    async def _of_receipts(self, tx: Tx, user_id: str, found: Sequence[Receipt]) -> Takedown:
        named = [entry for receipt in found for entry in _named(receipt)]
        under_way = await takedowns.find_open(tx, found[0].workspace_id, found[0].target_id)
        if under_way is not None and {entry["provider_id"] for entry in named} <= {
            target.provider_id for target in under_way.targets
        }:
            return under_way
        targets = [
            Target(
                position=0,
                post_id=None,
                account_id=None,
                platform=entry["platform"],
                platform_id=entry["platform_id"],
                provider_id=entry["provider_id"],
                url=entry.get("url"),
            )
            for entry in named
        ]
        return await self._ask(tx, found[0].workspace_id, user_id, found[0].target_id, targets, delete_group=False)

    async def _stop(self, tx: Tx, group: PostGroup, rows: Sequence[Post]) -> set[str]:
        """What would go out now, or answer to what goes, is not begun any more; which posts those are."""
        due = group.scheduled_at is not None and group.scheduled_at <= to_ms(self._now())
        begun = {row.position - row.part for row in rows if row.part == 0 and row.status is not PostStatus.PENDING}
        stopped = [
            row
            for row in rows
            if row.status is PostStatus.PENDING and (due or (row.part and row.position - row.part in begun))
        ]
        for row in stopped:
            await self._outcomes.give_up(tx, group, row)
        if stopped:
            await self._posts.roll_up(tx, group)
        return {row.id for row in stopped}

    async def _ask(
        self, tx: Tx, workspace_id: str, user_id: str, group_id: str, targets: Sequence[Target], *, delete_group: bool
    ) -> Takedown:
        """The intent, and a job for each target that has to be asked for, in one transaction."""
        gone = await takedowns.list_done(tx, workspace_id, group_id)
        now = self._now()
        linked = [await self._outcomes.account(tx, workspace_id, user_id, target) for target in targets]
        takedown = Takedown(
            id=new_id("tkd", now),
            workspace_id=workspace_id,
            user_id=user_id,
            group_id=group_id,
            delete_group=delete_group,
            asked_at=to_ms(now),
            settled_at=None,
            targets=tuple(
                self._known(msgspec.structs.replace(target, position=position), gone, account)
                for position, (target, account) in enumerate(zip(targets, linked, strict=True))
            ),
        )
        await takedowns.add(tx, takedown)
        for target in takedown.targets:
            if target.settled_at is None:
                lock = f"takedown:{target.account_id or f'{target.platform}:{target.platform_id}'}"
                args: dict[str, str | list[str]] = {"takedown_id": takedown.id, "position": str(target.position)}
                job = self._job(workspace_id, Task.TAKE_DOWN, args, lock, to_ms(now))
                await jobs.enqueue(tx, msgspec.structs.replace(job, provider=target.platform))
            else:
                await self._outcomes.announce(tx, takedown, target)
        tx.on_commit(lambda: self._notifier.wake("jobs"))
        await self._outcomes.close(tx, takedown)
        return takedown

    def _known(self, target: Target, gone: set[tuple[str, str]], account: Account | None) -> Target:
        """A target that nobody has to be called for is settled at once."""
        if target.settled_at is not None:
            return target
        if (target.platform, target.provider_id) in gone:
            return self._outcomes.end(target, TargetOutcome.DONE, _BEFORE)
        connector = self._connections.connectors().get(target.platform)
        powers = Capabilities() if connector is None else connector.capabilities
        if powers.takes_down(None if account is None else account.flow):
            return target
        return self._outcomes.end(target, TargetOutcome.UNSUPPORTED, why_by_hand(powers))

    async def _settled(self, caller: Caller, takedown_id: str, wait_seconds: float) -> Takedown:
        """The take-down as it stands once it is settled, or after so many seconds."""
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_seconds
        while True:
            news = asyncio.create_task(self._notifier.wait(f"takedown:{takedown_id}", max(0.0, until - loop.time())))
            try:
                await asyncio.sleep(0)
                found = await self.get(caller, takedown_id)
                if found.settled_at is not None or loop.time() >= until:
                    return found
                await news
            finally:
                news.cancel()

    def _job(self, workspace_id: str, task: Task, args: Mapping[str, str | list[str]], lock: str, at: int) -> Job:
        return Job(
            id=new_id("job", self._now()),
            workspace_id=workspace_id,
            task=task,
            args=dict(args),
            lock=lock,
            attempts=0,
            scheduled_at=at,
        )


def _named(receipt: Receipt) -> list[dict[str, Any]]:
    """What a receipt says was live: of a deleted group, or of a post that went out while its group was deleted."""
    document = receipt.document
    return [each for each in document.get("targets", [document]) if each.get("provider_id")]
