"""The calls of take-downs: a job for each target asks its network until that has answered."""

from datetime import timedelta

import msgspec

from postroom.domain.accounts import Account
from postroom.domain.jobs import Retry
from postroom.domain.posts import PostStatus
from postroom.domain.rules import next_attempt
from postroom.domain.takedowns import Takedown, Target, TargetOutcome
from postroom.errors import (
    ActionRequired,
    CredentialsRejected,
    NotSupported,
    OutcomeUnknown,
    ProviderDown,
    ProviderError,
    ProxyRefused,
    RateLimited,
    Unavailable,
)
from postroom.services import budgets
from postroom.services.connections import Connections
from postroom.services.posts import Posts
from postroom.services.takedown_outcomes import NOBODY_KNOWS, NOT_PUBLISHED, TakedownOutcomes
from postroom.store import posts, takedowns
from postroom.store.database import Database, Tx
from postroom.store.jobs import Finish

_MOST_RUNS = 300
_LOOK_AGAIN = timedelta(seconds=2)
_NO_ACCOUNT = "No linked account has this platform id any more: link it again, or remove the post by hand."


class TakedownCalls:
    """Asks networks to remove what a take-down names."""

    def __init__(self, database: Database, connections: Connections, posts: Posts, outcomes: TakedownOutcomes) -> None:
        self._database = database
        self._connections = connections
        self._posts = posts
        self._outcomes = outcomes

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
            await self._record(takedown, self._outcomes.end(target, TargetOutcome.REFUSED, _NO_ACCOUNT), finish)
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
            await self._record(takedown, self._outcomes.end(target, TargetOutcome.UNSUPPORTED, said), finish)
        except ProviderError as error:
            # Who may not come in was not told anything of the post.
            unseen = isinstance(error, CredentialsRejected | ActionRequired | ProxyRefused)
            outcome = target.outcome if unseen else TargetOutcome.REFUSED
            await self._record(takedown, self._outcomes.end(target, outcome, error.detail), finish)
        else:
            await self._record(takedown, self._outcomes.end(target, TargetOutcome.DONE, None), finish)
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
            account = await self._outcomes.account(tx, workspace_id, takedown.user_id, target)
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
            return self._outcomes.end(target, TargetOutcome.IN_DOUBT, NOBODY_KNOWS)
        group, post = held
        if post.status is PostStatus.PROCESSING:
            return target
        if post.provider_id is None:
            if post.status in (PostStatus.PENDING, PostStatus.DRAFT):
                await self._outcomes.give_up(tx, group, post)
                await self._posts.roll_up(tx, group)
            return self._outcomes.end(target, TargetOutcome.DONE, NOT_PUBLISHED)
        return msgspec.structs.replace(target, provider_id=post.provider_id, url=post.url)

    async def _again(
        self, takedown: Takedown, target: Target, error: ProviderError | Unavailable, runs: int, finish: Finish
    ) -> Retry | None:
        """The call is over, and left what the target says: ask again later, for a while."""
        if runs >= _MOST_RUNS:
            await self._record(takedown, self._outcomes.end(target, target.outcome, error.detail), finish)
            return None
        async with self._database.begin() as tx:
            held = await self._hold(tx, takedown.workspace_id, takedown.id)
            if held is not None and held.targets[target.position].settled_at is None:
                over = msgspec.structs.replace(target, called=False, detail=error.detail)
                await takedowns.set_target(tx, takedown.workspace_id, takedown.id, over)
        after = next_attempt(runs, error.retry_after_seconds or 0.0)
        return Retry(after=after, reason=error.code, holds=budgets.holds(error))

    async def _record(self, takedown: Takedown, target: Target, finish: Finish) -> None:
        async with self._database.begin() as tx:
            held = await self._hold(tx, takedown.workspace_id, takedown.id)
            if held is not None and held.targets[target.position].settled_at is None:
                await takedowns.set_target(tx, takedown.workspace_id, takedown.id, target)
                await self._outcomes.announce(tx, takedown, target)
                targets = [*held.targets]
                targets[target.position] = target
                await self._outcomes.close(tx, msgspec.structs.replace(held, targets=tuple(targets)))
            await finish(tx, 0.0)
