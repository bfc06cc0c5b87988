"""Take-down: live posts are removed from their networks, with an outcome for each that is the truth.

What is asked is on record before anyone is called; a job for each target asks its network until that has answered.
Asking again is safe: who is gone already is gone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import timedelta
from typing import Any

import msgspec

from postroom.clock import Clock, iso, to_ms
from postroom.domain.access import Caller
from postroom.domain.accounts import Account
from postroom.domain.capabilities import Capabilities
from postroom.domain.events import EventData, EventType
from postroom.domain.jobs import Job, Retry, Task
from postroom.domain.posts import Post, PostError, PostGroup, PostStatus
from postroom.domain.receipts import Receipt
from postroom.domain.rules import next_attempt
from postroom.domain.takedowns import Takedown, Target, TargetOutcome, check_expiry, why_by_hand
from postroom.errors import (
    ActionRequired,
    CredentialsRejected,
    ErrorCode,
    Kind,
    NotFound,
    NotSupported,
    OutcomeUnknown,
    ProviderDown,
    ProviderError,
    ProxyRefused,
    RateLimited,
    Unavailable,
)
from postroom.ids import is_id, is_object_id, new_id
from postroom.services import budgets
from postroom.services.connections import Connections
from postroom.services.events import Events
from postroom.services.posts import Posts
from postroom.services.receipts import Receipts
from postroom.services.spending import counted, spent
from postroom.store import accounts, jobs, posts, takedowns, unwritten
from postroom.store.database import Database, Tx
from postroom.store.graves import EXPIRY, Grave
from postroom.store.notify import Notifier

Finish = Callable[[Tx, float], Awaitable[None]]

LONGEST_WAIT_SECONDS = 10.0
_MOST_RUNS = 300
_LOOK_AGAIN = timedelta(seconds=2)
_BEFORE = "It was taken down before."
_NOBODY_KNOWS = "Nobody knows whether it was published: look there."
_NO_ACCOUNT = "No linked account has this platform id any more: link it again, or remove the post by hand."
_GIVEN_UP = "It was taken down before it was published."
_NOT_PUBLISHED = "It was not published."
_DELETED = "post_group.deleted"


class Takedowns:
    """Take-downs of the posts of the user that a caller acts for."""

    def __init__(
        self,
        database: Database,
        notifier: Notifier,
        connections: Connections,
        posts: Posts,
        events: Events,
        receipts: Receipts,
        now: Clock,
    ) -> None:
        self._database = database
        self._notifier = notifier
        self._connections = connections
        self._posts = posts
        self._events = events
        self._receipts = receipts
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

    async def settle(
        self, workspace_id: str, takedown_id: str, position: int, runs: int, finish: Finish
    ) -> Retry | None:
        """Ask the network of one target (a job; safe to repeat). Answers when to ask again, where it is not settled."""
        found = await self._begin(workspace_id, takedown_id, position)
        if found is None:
            return None
        takedown, target, account = found
        if target.settled_at is not None:
            await self._record(takedown, target, finish)
            return None
        if target.provider_id is None:
            return Retry(after=_LOOK_AGAIN, reason="being_published")
        if account is None:
            await self._record(takedown, self._end(target, TargetOutcome.REFUSED, _NO_ACCOUNT), finish)
            return None
        try:
            async with self._connections.publisher(account) as connection:
                await connection.unpublish(target.provider_id)
        except OutcomeUnknown as error:
            doubted = msgspec.structs.replace(target, outcome=TargetOutcome.IN_DOUBT, detail=error.detail)
            return await self._again(takedown, doubted, error, runs, finish)
        except (ProviderDown, RateLimited, Unavailable) as error:
            return await self._again(takedown, target, error, runs, finish)
        except NotSupported as error:
            said = f"{error.detail} Remove it there."
            await self._record(takedown, self._end(target, TargetOutcome.UNSUPPORTED, said), finish)
        except ProviderError as error:
            # Who may not come in was not told anything of the post.
            unseen = isinstance(error, CredentialsRejected | ActionRequired | ProxyRefused)
            outcome = target.outcome if unseen else TargetOutcome.REFUSED
            await self._record(takedown, self._end(target, outcome, error.detail), finish)
        else:
            await self._record(takedown, self._end(target, TargetOutcome.DONE, None), finish)
        return None

    async def _begin(
        self, workspace_id: str, takedown_id: str, position: int
    ) -> tuple[Takedown, Target, Account | None] | None:
        async with self._database.begin() as tx:
            takedown = await self._hold(tx, workspace_id, takedown_id)
            if takedown is None or takedown.targets[position].settled_at is not None:
                return None
            target = takedown.targets[position]
            if target.provider_id is None and target.post_id is not None:
                target = await self._as_it_stands(tx, takedown, target, target.post_id)
            account = await self._account(tx, workspace_id, takedown.user_id, target)
            if target.settled_at is None and target.provider_id is not None and account is not None:
                doubted = TargetOutcome.IN_DOUBT if target.called else target.outcome
                target = msgspec.structs.replace(target, outcome=doubted, called=True)
                await takedowns.set_target(tx, workspace_id, takedown_id, target)
        return takedown, target, account

    async def _hold(self, tx: Tx, workspace_id: str, takedown_id: str) -> Takedown | None:
        """A take-down, held after its group: in the order in which one is asked for."""
        found = await takedowns.find(tx, workspace_id, takedown_id)
        if found is not None:
            await posts.hold_group(tx, workspace_id, found.user_id, found.group_id)
        return await takedowns.hold(tx, workspace_id, takedown_id)

    async def _as_it_stands(self, tx: Tx, takedown: Takedown, target: Target, post_id: str) -> Target:
        """A target that was being published. Where that is to be tried again, it is not."""
        held = await posts.hold_post(tx, takedown.workspace_id, post_id)
        if held is None or held[1].status is PostStatus.UNCONFIRMED:
            return self._end(target, TargetOutcome.IN_DOUBT, _NOBODY_KNOWS)
        group, post = held
        if post.status is PostStatus.PROCESSING:
            return target
        if post.provider_id is None:
            if post.status in (PostStatus.PENDING, PostStatus.DRAFT):
                await self._give_up(tx, group, post)
                await self._posts.roll_up(tx, group)
            return self._end(target, TargetOutcome.DONE, _NOT_PUBLISHED)
        return msgspec.structs.replace(target, provider_id=post.provider_id, url=post.url)

    async def _account(self, tx: Tx, workspace_id: str, user_id: str, target: Target) -> Account | None:
        found = None
        if target.account_id is not None:
            found = await accounts.find(tx, workspace_id, target.account_id)
        return found or await accounts.find_by_provider_id(
            tx, workspace_id, user_id, target.platform, target.platform_id
        )

    async def _again(
        self, takedown: Takedown, target: Target, error: ProviderError | Unavailable, runs: int, finish: Finish
    ) -> Retry | None:
        """The call is over, and left what the target says: ask again later, for a while."""
        if runs >= _MOST_RUNS:
            await self._record(takedown, self._end(target, target.outcome, error.detail), finish)
            return None
        async with self._database.begin() as tx:
            held = await self._hold(tx, takedown.workspace_id, takedown.id)
            if held is not None and held.targets[target.position].settled_at is None:
                over = msgspec.structs.replace(target, called=False, detail=error.detail)
                await takedowns.set_target(tx, takedown.workspace_id, takedown.id, over)
        after = next_attempt(runs, error.retry_after_seconds or 0.0)
        return Retry(after=after, reason=error.code, holds=budgets.holds(error))

    def _end(self, target: Target, outcome: TargetOutcome, detail: str | None) -> Target:
        """The target as it is in the end: what was only asked for, and nobody did, was refused."""
        if outcome is TargetOutcome.ASKED:
            outcome = TargetOutcome.REFUSED
        return msgspec.structs.replace(target, outcome=outcome, detail=detail, settled_at=to_ms(self._now()))

    async def _record(self, takedown: Takedown, target: Target, finish: Finish) -> None:
        async with self._database.begin() as tx:
            held = await self._hold(tx, takedown.workspace_id, takedown.id)
            if held is not None and held.targets[target.position].settled_at is None:
                await takedowns.set_target(tx, takedown.workspace_id, takedown.id, target)
                await self._announce(tx, takedown, target)
                targets = [*held.targets]
                targets[target.position] = target
                await self._close(tx, msgspec.structs.replace(held, targets=tuple(targets)))
            await finish(tx, 0.0)

    async def _announce(self, tx: Tx, takedown: Takedown, target: Target) -> None:
        done = target.outcome is TargetOutcome.DONE
        data = EventData(
            post_group_id=takedown.group_id,
            post_id=target.post_id,
            platform=target.platform,
            takedown_id=takedown.id,
            reason=target.outcome,
        )
        kind = EventType.POST_TAKEN_DOWN if done else EventType.POST_TAKE_DOWN_FAILED
        await self._events.announce(tx, takedown.workspace_id, kind, data, takedown.user_id)

    async def _close(self, tx: Tx, takedown: Takedown) -> None:
        """Where all is settled: say so, for good, and delete the group if that was to follow."""
        if any(target.settled_at is None for target in takedown.targets):
            return
        await takedowns.set_settled(tx, takedown.workspace_id, takedown.id, to_ms(self._now()))
        document = {
            "takedown_id": takedown.id,
            "asked_at": iso(takedown.asked_at),
            "targets": [
                {
                    "platform": target.platform,
                    "platform_id": target.platform_id,
                    "provider_id": target.provider_id,
                    "url": target.url,
                    "outcome": target.outcome,
                    "detail": target.detail,
                }
                for target in takedown.targets
            ],
        }
        await self._receipts.write(
            tx, takedown.workspace_id, takedown.user_id, "posts.taken_down", takedown.group_id, document
        )
        if takedown.delete_group:
            await self._posts.remove(tx, takedown.workspace_id, takedown.user_id, takedown.group_id, origin="expiry")
        tx.on_commit(lambda: self._notifier.wake(f"takedown:{takedown.id}"))

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
                targets[place] = self._end(target, TargetOutcome.IN_DOUBT, _NOBODY_KNOWS)
            elif target.post_id in stopped:
                targets[place] = self._end(target, TargetOutcome.DONE, _NOT_PUBLISHED)
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
            await self._give_up(tx, group, row)
        if stopped:
            await self._posts.roll_up(tx, group)
        return {row.id for row in stopped}

    async def _give_up(self, tx: Tx, group: PostGroup, post: Post) -> None:
        """A post that is not live is not published any more."""
        failed_at = to_ms(self._now())
        error = PostError(code="UNKNOWN_ERROR", message=_GIVEN_UP, retryable=False, failed_at=failed_at)
        status = PostStatus.FAILED
        await posts.set_post(tx, post.workspace_id, post.id, status=status, attempts=post.attempts, error=error)
        data = EventData(post_group_id=group.id, post_id=post.id, platform=post.platform, reason=error.code)
        await self._events.announce(tx, group.workspace_id, EventType.POST_FAILED, data)

    async def _ask(
        self, tx: Tx, workspace_id: str, user_id: str, group_id: str, targets: Sequence[Target], *, delete_group: bool
    ) -> Takedown:
        """The intent, and a job for each target that has to be asked for, in one transaction."""
        gone = await takedowns.list_done(tx, workspace_id, group_id)
        now = self._now()
        linked = [await self._account(tx, workspace_id, user_id, target) for target in targets]
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
                await self._announce(tx, takedown, target)
        tx.on_commit(lambda: self._notifier.wake("jobs"))
        await self._close(tx, takedown)
        return takedown

    def _known(self, target: Target, gone: set[tuple[str, str]], account: Account | None) -> Target:
        """A target that nobody has to be called for is settled at once."""
        if target.settled_at is not None:
            return target
        if (target.platform, target.provider_id) in gone:
            return self._end(target, TargetOutcome.DONE, _BEFORE)
        connector = self._connections.connectors().get(target.platform)
        powers = Capabilities() if connector is None else connector.capabilities
        if powers.takes_down(None if account is None else account.flow):
            return target
        return self._end(target, TargetOutcome.UNSUPPORTED, why_by_hand(powers))

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
