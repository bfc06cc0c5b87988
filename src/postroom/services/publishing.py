"""Publishing: one post, one attempt at a time; an unknown outcome is looked up, and never repeated blindly."""

import msgspec

from postroom.clock import Clock, from_ms, to_ms
from postroom.domain.accounts import Account, AccountStatus
from postroom.domain.capabilities import Publishing as PublishingLimits
from postroom.domain.events import EventData, EventType
from postroom.domain.jobs import Retry
from postroom.domain.media import MediaItem, MediaStatus
from postroom.domain.posts import Post, PostError, PostGroup, PostStatus
from postroom.domain.remote import PostDraft, PublishedPost
from postroom.domain.rules import draft_problem, next_attempt
from postroom.errors import (
    ActionRequired,
    CredentialsRejected,
    NoSession,
    NotSupported,
    OutcomeUnknown,
    ProviderDown,
    ProviderError,
    RateLimited,
    Refused,
)
from postroom.services.connections import Connections
from postroom.services.events import Events
from postroom.services.posts import Posts
from postroom.services.receipts import Receipts
from postroom.store import accounts, media, posts
from postroom.store.blobs import Blobs
from postroom.store.database import Database

_MOST_ATTEMPTS = 12
_MOST_LOOKS = 300
"""How often an unknown outcome is looked up, five minutes apart in the end, before the owner is told that nobody knows."""


class _File:
    """A stored file as a connector sees it: read, not located."""

    def __init__(self, item: MediaItem, blobs: Blobs) -> None:
        assert item.blob_key is not None
        assert item.size_bytes is not None
        self.content_type = item.content_type
        self.size_bytes = item.size_bytes
        self.alt_text = item.alt_text
        self._key = item.blob_key
        self._blobs = blobs

    async def read(self) -> bytes:
        return await self._blobs.read(self._key)


class Publishing:
    """What the worker does with a post that is due."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        connections: Connections,
        posts: Posts,
        events: Events,
        receipts: Receipts,
        now: Clock,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._connections = connections
        self._posts = posts
        self._events = events
        self._receipts = receipts
        self._now = now

    async def publish(self, workspace_id: str, post_id: str, runs: int = 1) -> Retry | None:
        """Publish a post that is due (a job; safe to repeat). Answers when to look again, where it is not settled.

        `runs` counts this job's runs, this one included: an outcome that cannot be looked up is unconfirmed in the end.
        """
        begun = await self._begin(workspace_id, post_id)
        if begun is None:
            return None
        group, post, account, files, resumed = begun
        if resumed:
            return await self._settle(group, post, account, runs)
        problem = self._problem(group, account, files)
        if problem is not None or account is None:
            await self._record(group, post, PostStatus.FAILED, error=problem)
            return None
        try:
            return await self._attempt(group, post, account, files)
        except OutcomeUnknown as error:
            return await self._unknown(group, post, account, error)
        except (ProviderDown, RateLimited, NoSession) as error:
            return await self._later(group, post, error)
        except ProviderError as error:
            await self._record(group, post, PostStatus.FAILED, error=self._error(error))
            return None

    async def _begin(
        self, workspace_id: str, post_id: str
    ) -> tuple[PostGroup, Post, Account | None, list[MediaItem], bool] | None:
        """Mark the attempt before anyone is called. The last value: whether an earlier attempt left no outcome."""
        async with self._database.begin() as tx:
            held = await posts.hold_post(tx, workspace_id, post_id)
            if held is None:
                return None
            group, post = held
            due = group.scheduled_at is not None and group.scheduled_at <= to_ms(self._now())
            # What was begun is settled, also where its group was given another time meanwhile.
            resumed = post.status is PostStatus.PROCESSING
            if not resumed and not (post.status is PostStatus.PENDING and due):
                return None
            if not resumed:
                post = msgspec.structs.replace(post, attempts=post.attempts + 1)
                await posts.set_post(tx, workspace_id, post_id, status=PostStatus.PROCESSING, attempts=post.attempts)
            account = None
            if post.account_id is not None:
                account = await accounts.find(tx, workspace_id, post.account_id)
            if account is None:
                account = await accounts.find_by_provider_id(
                    tx, workspace_id, group.user_id, post.platform, post.platform_id
                )
            files = (await media.list_of_groups(tx, workspace_id, [group.id])).get(group.id, [])
        return group, post, account, files, resumed

    def _problem(self, group: PostGroup, account: Account | None, files: list[MediaItem]) -> PostError | None:
        if account is None or account.status is AccountStatus.UNLINKING:
            return self._fault("PLATFORM_AUTH_EXPIRED", "No linked account has this platform id.")
        limits = self._limits(account)
        if limits is None:
            return self._fault("INVALID_CONTENT", "This network takes no posts.")
        if any(item.status is not MediaStatus.STORED for item in files):
            return self._fault("INVALID_CONTENT", "A file was attached, and its bytes never arrived.")
        found = draft_problem(group.content, [item.content_type for item in files], limits)
        return None if found is None else self._fault(*found)

    async def _attempt(self, group: PostGroup, post: Post, account: Account, files: list[MediaItem]) -> Retry | None:
        draft = PostDraft(
            text=group.content,
            created_at=from_ms(group.scheduled_at or group.created_at),
            media=tuple(_File(item, self._blobs) for item in files),
            settings=msgspec.json.decode(group.platform_settings).get(post.platform, {}),
        )
        async with self._connections.publisher(account) as connection:
            published = await connection.publish(draft, post.token)
        await self._published(group, post, published)
        return None

    async def _settle(self, group: PostGroup, post: Post, account: Account | None, runs: int) -> Retry | None:
        """An earlier attempt left no outcome: look it up. Not made: begin anew, with the same token.

        As long as it cannot be looked up, nothing is tried again: it may be live.
        """
        limits = None if account is None else self._limits(account)
        if account is None or limits is None or not limits.findable or runs > _MOST_LOOKS:
            await self._record(group, post, PostStatus.UNCONFIRMED, error=self._unconfirmed())
            return None
        try:
            async with self._connections.publisher(account) as connection:
                found = await connection.find(post.token)
        except (ProviderError, NoSession) as error:
            return Retry(after=next_attempt(runs, error.retry_after_seconds or 0.0), reason=error.code)
        if found is not None:
            await self._published(group, post, found)
            return None
        return await self._later(group, post, ProviderDown("It was looked up, and had not been made."))

    async def _unknown(self, group: PostGroup, post: Post, account: Account, error: OutcomeUnknown) -> Retry | None:
        limits = self._limits(account)
        if limits is None or not limits.findable:
            await self._record(group, post, PostStatus.UNCONFIRMED, error=self._unconfirmed())
            return None
        # It stays PROCESSING: the next run of the job looks it up.
        return Retry(after=next_attempt(post.attempts), reason=error.code)

    async def _later(self, group: PostGroup, post: Post, error: ProviderDown | RateLimited | NoSession) -> Retry | None:
        """Nothing happened at the network: try again, for a while."""
        if post.attempts >= _MOST_ATTEMPTS:
            await self._record(group, post, PostStatus.FAILED, error=self._error(error))
            return None
        async with self._database.begin() as tx:
            held = await posts.hold_post(tx, group.workspace_id, post.id)
            if held is None or held[1].status is not PostStatus.PROCESSING:
                return None
            await posts.set_post(tx, group.workspace_id, post.id, status=PostStatus.PENDING, attempts=post.attempts)
        after = next_attempt(post.attempts, error.retry_after_seconds or 0.0)
        return Retry(after=after, reason=error.code)

    async def _published(self, group: PostGroup, post: Post, published: PublishedPost) -> None:
        await self._record(group, post, PostStatus.PUBLISHED, published=published)

    async def _record(
        self,
        group: PostGroup,
        post: Post,
        status: PostStatus,
        *,
        published: PublishedPost | None = None,
        error: PostError | None = None,
    ) -> None:
        """Write down what became of the attempt. A group deleted meanwhile is not brought back; its receipt says more."""
        async with self._database.begin() as tx:
            held = await posts.hold_post(tx, group.workspace_id, post.id)
            if held is None:
                if published is not None:
                    document = {
                        "platform": post.platform,
                        "platform_id": post.platform_id,
                        "provider_id": published.provider_id,
                        "url": published.url,
                        "note": "It was being published when its group was deleted, and is live.",
                    }
                    await self._receipts.write(
                        tx, group.workspace_id, group.user_id, "post_group.deleted", group.id, document
                    )
                return
            if held[1].status is PostStatus.PUBLISHED:
                # What is live stays so, whatever a second attempt at the same post came to.
                return
            await posts.set_post(
                tx,
                group.workspace_id,
                post.id,
                status=status,
                attempts=post.attempts,
                provider_id=None if published is None else published.provider_id,
                url=None if published is None else published.url,
                error=error,
            )
            await self._posts.roll_up(tx, held[0])
            kind = EventType.POST_PUBLISHED if published is not None else EventType.POST_FAILED
            data = EventData(
                post_group_id=group.id,
                post_id=post.id,
                platform=post.platform,
                reason=None if error is None else error.code,
            )
            await self._events.announce(tx, group.workspace_id, kind, data)

    def _limits(self, account: Account) -> PublishingLimits | None:
        return self._connections.connector(account.provider).capabilities.publish

    def _fault(self, code: str, message: str, *, retryable: bool = False, detail: str | None = None) -> PostError:
        return PostError(
            code=code,
            message=message,
            retryable=retryable,
            failed_at=to_ms(self._now()),
            platform_error=detail,
        )

    def _unconfirmed(self) -> PostError:
        return self._fault(
            "OUTCOME_UNKNOWN", "The network did not say whether the post was made; look there before you try again."
        )

    def _error(self, error: ProviderError | NoSession) -> PostError:
        match error:
            case CredentialsRejected() | ActionRequired():
                return self._fault("PLATFORM_AUTH_EXPIRED", error.detail)
            case RateLimited():
                return self._fault("RATE_LIMITED", error.detail, retryable=True)
            case ProviderDown():
                return self._fault("PLATFORM_SERVER_ERROR", error.detail, retryable=True)
            case Refused() | NotSupported():
                return self._fault("INVALID_CONTENT", error.detail, detail=error.detail)
            case _:
                return self._fault("UNKNOWN_ERROR", error.detail)
