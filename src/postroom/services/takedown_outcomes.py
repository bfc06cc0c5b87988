"""What becomes of the targets of take-downs: on record, announced, and in the end a receipt."""

import msgspec

from postroom.clock import Clock, iso, to_ms
from postroom.domain.accounts import Account
from postroom.domain.events import EventData, EventType
from postroom.domain.posts import Post, PostError, PostGroup, PostStatus
from postroom.domain.takedowns import Takedown, Target, TargetOutcome
from postroom.services.events import Events
from postroom.services.posts import Posts
from postroom.services.receipts import Receipts
from postroom.store import accounts, posts, takedowns
from postroom.store.database import Tx
from postroom.store.notify import Notifier

NOBODY_KNOWS = "Nobody knows whether it was published: look there."
NOT_PUBLISHED = "It was not published."
_GIVEN_UP = "It was taken down before it was published."


class TakedownOutcomes:
    """Written by whoever asks for a take-down and by whoever calls the networks for it, in their transactions."""

    def __init__(self, notifier: Notifier, posts: Posts, events: Events, receipts: Receipts, now: Clock) -> None:
        self._notifier = notifier
        self._posts = posts
        self._events = events
        self._receipts = receipts
        self._now = now

    def end(self, target: Target, outcome: TargetOutcome, detail: str | None) -> Target:
        """The target as it is in the end: what was only asked for, and nobody did, was refused."""
        if outcome is TargetOutcome.ASKED:
            outcome = TargetOutcome.REFUSED
        return msgspec.structs.replace(target, outcome=outcome, detail=detail, settled_at=to_ms(self._now()))

    async def account(self, tx: Tx, workspace_id: str, user_id: str, target: Target) -> Account | None:
        found = None
        if target.account_id is not None:
            found = await accounts.find(tx, workspace_id, target.account_id)
        return found or await accounts.find_by_provider_id(
            tx, workspace_id, user_id, target.platform, target.platform_id
        )

    async def announce(self, tx: Tx, takedown: Takedown, target: Target) -> None:
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

    async def close(self, tx: Tx, takedown: Takedown) -> None:
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

    async def give_up(self, tx: Tx, group: PostGroup, post: Post) -> None:
        """A post that is not live is not published any more."""
        failed_at = to_ms(self._now())
        error = PostError(code="UNKNOWN_ERROR", message=_GIVEN_UP, retryable=False, failed_at=failed_at)
        status = PostStatus.FAILED
        await posts.set_post(tx, post.workspace_id, post.id, status=status, attempts=post.attempts, error=error)
        data = EventData(post_group_id=group.id, post_id=post.id, platform=post.platform, reason=error.code)
        await self._events.announce(tx, group.workspace_id, EventType.POST_FAILED, data)
