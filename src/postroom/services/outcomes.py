"""Outcomes: what became of a post group at each of its targets, from going out to coming down, as far as that is known."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec

from postroom.domain.access import Caller
from postroom.domain.accounts import Account
from postroom.domain.media import MediaItem
from postroom.domain.posts import GroupStatus, Post, PostGroup, PostStatus
from postroom.domain.takedowns import Takedown, Target, TargetOutcome
from postroom.services.connections import Connections
from postroom.services.posts import Posts
from postroom.store import accounts, jobs, takedowns
from postroom.store.database import Database


class Live(StrEnum):
    """Whether a post can be seen at its network."""

    YES = "yes"
    NO = "no"
    NOT_YET = "not_yet"
    """It is to go out, or is going out now."""
    MAYBE = "maybe"
    """Nobody knows: its owner looks there."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One post at one network."""

    post: Post
    account: Account | None
    """None: it is not linked any more."""
    takedown: Target | None
    """What came of the last wish to take it down; None: there was none."""
    live: Live
    by_hand: bool
    """Whether its network takes no deletions from others, or said so of this account."""
    other_way: bool
    """Whether it takes them from accounts that were linked in another way than this one."""

    @property
    def coming_down(self) -> bool:
        """Whether it is asked for, and the network has not answered for good."""
        return self.takedown is not None and self.takedown.settled_at is None


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """A post group with all that is known of it."""

    group: PostGroup
    files: Sequence[MediaItem]
    outcomes: Sequence[Outcome]
    takedowns: Sequence[Takedown]
    """Oldest first."""
    delete_at: int | None
    """When it is to be taken down by itself."""

    @property
    def editable(self) -> bool:
        """Whether it can be written anew: nothing of it has begun to go out."""
        waiting = (PostStatus.DRAFT, PostStatus.PENDING)
        before = self.group.status in (GroupStatus.DRAFT, GroupStatus.SCHEDULED)
        return before and all(each.post.status in waiting for each in self.outcomes)

    @property
    def left(self) -> Sequence[Outcome]:
        """What is, or may be, live, and comes down by itself no more."""
        return [each for each in self.outcomes if each.live in (Live.YES, Live.MAYBE) and not each.coming_down]

    @property
    def down(self) -> bool:
        """Whether it was live, and is nowhere any more."""
        return all(each.live is Live.NO for each in self.outcomes) and any(
            each.post.status is PostStatus.PUBLISHED for each in self.outcomes
        )

    @property
    def failed(self) -> Sequence[Outcome]:
        return [each for each in self.outcomes if each.post.status is PostStatus.FAILED]

    @property
    def unconfirmed(self) -> Sequence[Outcome]:
        return [each for each in self.outcomes if each.post.status is PostStatus.UNCONFIRMED]


class Outcomes:
    """What a caller is told of a post group of the user it acts for."""

    def __init__(self, database: Database, connections: Connections, posts: Posts) -> None:
        self._database = database
        self._connections = connections
        self._posts = posts

    async def of(self, caller: Caller, group_id: str) -> Story:
        """Raises:
        NotFound: no such post group of the user's, or (INVALID_RESOURCE_IDENTIFIER) not an id.
        """
        view = await self._posts.get(caller, group_id)
        group = view.group
        async with self._database.read() as reader:
            asked = await takedowns.list_of_group(reader, caller.workspace_id, caller.user_id, group.id)
            at = await jobs.waits_until(reader, caller.workspace_id, f"expire:{group.id}")
            held: dict[str, Account | None] = {}
            for post in view.posts:
                platform_id = f"{post.platform}-{post.platform_id}"
                if platform_id not in held:
                    held[platform_id] = await accounts.find_by_provider_id(
                        reader, caller.workspace_id, caller.user_id, post.platform, post.platform_id
                    )
        last = {target.post_id: target for each in asked for target in each.targets if target.post_id is not None}
        return Story(
            group=group,
            files=view.media,
            outcomes=[self._outcome(post, held, last) for post in view.posts],
            takedowns=asked,
            delete_at=at,
        )

    def _outcome(self, post: Post, held: Mapping[str, Account | None], last: Mapping[str, Target]) -> Outcome:
        connector = self._connections.connectors().get(post.platform)
        account = held.get(f"{post.platform}-{post.platform_id}")
        flow = None if account is None else account.flow
        target = last.get(post.id)
        if target is not None and target.settled_at is not None and target.provider_id != post.provider_id:
            # It went out, or was tried again, since.
            target = None
        return Outcome(
            post=post,
            account=account,
            takedown=target,
            live=_live(post, target),
            other_way=connector is not None
            and connector.capabilities.unpublish
            and not connector.capabilities.takes_down(flow),
            by_hand=connector is None
            or not connector.capabilities.takes_down(flow)
            or (target is not None and target.outcome is TargetOutcome.UNSUPPORTED),
        )


def _live(post: Post, target: Target | None) -> Live:
    if post.status is PostStatus.PUBLISHED:
        if target is None:
            return Live.YES
        return {TargetOutcome.DONE: Live.NO, TargetOutcome.IN_DOUBT: Live.MAYBE}.get(target.outcome, Live.YES)
    if post.status is PostStatus.UNCONFIRMED:
        return Live.MAYBE
    return Live.NOT_YET if post.status in (PostStatus.PENDING, PostStatus.PROCESSING) else Live.NO
