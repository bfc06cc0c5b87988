"""Publishing: one post, one attempt at a time; an unknown outcome is looked up, and never repeated blindly."""

from datetime import timedelta

import msgspec

from postroom.clock import Clock, from_ms, to_ms
from postroom.domain.accounts import Account, AccountStatus
from postroom.domain.capabilities import Publishing as PublishingLimits
from postroom.domain.capabilities import Settles
from postroom.domain.events import EventData, EventType
from postroom.domain.jobs import Retry
from postroom.domain.media import MediaItem, MediaStatus
from postroom.domain.posts import Post, PostError, PostGroup, PostStatus
from postroom.domain.remote import Json, PostDraft, PublishedPost
from postroom.domain.rules import draft_problem, next_attempt
from postroom.errors import (
    ActionRequired,
    CredentialsRejected,
    ErrorCode,
    InvalidParameters,
    NoSession,
    NotSupported,
    OutcomeUnknown,
    ProviderDown,
    ProviderError,
    ProxyRefused,
    RateLimited,
    Refused,
    Unavailable,
)
from postroom.services import budgets
from postroom.services.connections import Connections
from postroom.services.events import Events
from postroom.services.media import Media
from postroom.services.post_logs import PostLogs
from postroom.services.posts import Posts
from postroom.services.receipts import Receipts
from postroom.store import accounts, media, posts
from postroom.store.database import Database, Tx
from postroom.store.jobs import Finish
from postroom.store.keyring import NoKey

"""Ends the job in the transaction that records what came of it; its account is to rest for so many seconds."""

_MOST_ATTEMPTS = 12
_LIVE = "It was being published when its group was deleted, and is live."
_MAYBE_LIVE = "It was being published when its group was deleted, and the network did not say whether it was made."
_ANOTHERS = "Only another post of the same words was found."
_MOST_LOOKS = 300
"""How often an unknown outcome is looked up, five minutes apart in the end, before the owner is told that nobody knows."""


class _Attempt:
    """What a connector is told of the attempts at one post, and where it leaves what the next one needs."""

    def __init__(self, database: Database, post: Post, account: Account, begun_at: int, note: Json) -> None:
        self.token = post.token
        self.begun_at = from_ms(begun_at)
        self.note = note
        self._database = database
        self._post = post
        self._account = account

    async def write(self, note: Json) -> None:
        """Raises Refused where the post is gone meanwhile, or CredentialsRejected where its account is."""
        try:
            async with self._database.begin() as tx:
                kept = await posts.set_note(tx, self._post.workspace_id, self._post.id, self._account.id, note)
        except NoKey as error:
            raise CredentialsRejected("The account was unlinked meanwhile.") from error
        if not kept:
            raise Refused("The post was deleted while it was being published.")
        self.note = note


class _Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A post that is due, and what its attempt needs."""

    group: PostGroup
    post: Post
    account: Account | None
    files: list[MediaItem]
    reply_to: str | None
    note: Json
    resumed: bool
    """Whether an earlier attempt left no outcome."""
    finish: Finish | None


class Publishing:
    """What the worker does with a post that is due."""

    def __init__(
        self,
        database: Database,
        media: Media,
        connections: Connections,
        posts: Posts,
        events: Events,
        receipts: Receipts,
        logs: PostLogs,
        now: Clock,
    ) -> None:
        self._database = database
        self._media = media
        self._connections = connections
        self._posts = posts
        self._events = events
        self._receipts = receipts
        self._logs = logs
        self._now = now

    async def publish(
        self, workspace_id: str, post_id: str, runs: int = 1, finish: Finish | None = None
    ) -> Retry | None:
        """Publish a post that is due (a job; safe to repeat). Answers when to look again, where it is not settled.

        `runs` counts this job's runs, this one included: an outcome that cannot be looked up is unconfirmed in the end.
        `finish` is called where it is settled, with what there is to record; not where there is nothing to be done.
        """
        begun = await self._begin(workspace_id, post_id, finish)
        if begun is None or isinstance(begun, Retry):
            return begun
        if begun.resumed:
            return await self._settle(begun, runs)
        account = begun.account
        problem = self._problem(begun)
        if problem is not None or account is None:
            await self._record(begun, PostStatus.FAILED, error=problem)
            return None
        try:
            draft = await self._draft(begun, account)
        except Unavailable as error:
            return await self._later(begun, error)
        except InvalidParameters as error:
            await self._record(begun, PostStatus.FAILED, error=self._unfit(error))
            return None
        try:
            async with self._connections.publisher(account) as connection:
                published = await connection.publish(draft, self._attempt(begun, account))
        except OutcomeUnknown as error:
            return await self._unknown(begun, account, error)
        except (ProviderDown, RateLimited, NoSession) as error:
            return await self._later(begun, error)
        except ProviderError as error:
            await self._record(begun, PostStatus.FAILED, error=self._error(error))
            return None
        if begun.post.attempts > 1 and await self._is_anothers(begun.post, published):
            return await self._unknown(begun, account, OutcomeUnknown(_ANOTHERS))
        await self._record(begun, PostStatus.PUBLISHED, published=published)
        return None

    async def _begin(self, workspace_id: str, post_id: str, finish: Finish | None) -> _Begun | Retry | None:
        """Mark the attempt before anyone is called, and count it where the network takes only so many."""
        async with self._database.begin() as tx:
            held = await posts.hold_post(tx, workspace_id, post_id)
            if held is None:
                return None
            group, post = held
            now = to_ms(self._now())
            due = group.scheduled_at is not None and group.scheduled_at <= now
            # What was begun is settled, also where its group was given another time meanwhile.
            resumed = post.status is PostStatus.PROCESSING
            if not resumed and not (post.status is PostStatus.PENDING and due):
                if post.status is PostStatus.PENDING and post.attempts > 0 and group.scheduled_at is not None:
                    # It was given another time while it failed for now: this may be the only job that publishes it then.
                    return Retry(after=timedelta(milliseconds=group.scheduled_at - now), reason="not_due")
                return None
            reply_to = None
            if post.part > 0:
                rows = (await posts.list_posts(tx, workspace_id, [group.id]))[group.id]
                before = next(row for row in rows if row.position == post.position - 1)
                reply_to = before.provider_id
                if reply_to is None:
                    # Its turn comes when the part before is published.
                    return None
            account = None
            if post.account_id is not None:
                account = await accounts.find(tx, workspace_id, post.account_id)
            if account is None:
                account = await accounts.find_by_provider_id(
                    tx, workspace_id, group.user_id, post.platform, post.platform_id
                )
            limits = None if account is None else self._limits(account)
            if not resumed and account is not None and limits is not None:
                too_many = await budgets.spend(tx, account, limits, now)
                if too_many is not None:
                    return too_many
            if not resumed:
                post = msgspec.structs.replace(
                    post, attempts=post.attempts + 1, begun_at=post.begun_at if post.begun_at is not None else now
                )
                await posts.set_post(
                    tx, workspace_id, post_id, status=PostStatus.PROCESSING, attempts=post.attempts, begun_at=now
                )
                if post.account_id is None and account is not None:
                    # Linked after the post was written: unlinked again, it takes the post along.
                    await posts.set_account(tx, workspace_id, post_id, account.id)
                await self._logs.attempted(tx, post)
            note = None
            if account is not None and (resumed or post.attempts > 1):
                note = await posts.find_note(tx, workspace_id, post_id, account.id)
            files: list[MediaItem] = []
            if post.part == 0:
                files = (await media.list_of_groups(tx, workspace_id, [group.id])).get(group.id, [])
        return _Begun(
            group=group,
            post=post,
            account=account,
            files=files,
            reply_to=reply_to,
            note=note,
            resumed=resumed,
            finish=finish,
        )

    def _problem(self, begun: _Begun) -> PostError | None:
        account = begun.account
        if account is None or account.status is AccountStatus.UNLINKING:
            return self._fault("PLATFORM_AUTH_EXPIRED", "No linked account has this platform id.")
        limits = self._limits(account)
        if limits is None:
            return self._fault("INVALID_CONTENT", "This network takes no posts.")
        if any(item.status is not MediaStatus.STORED for item in begun.files):
            return self._fault("INVALID_CONTENT", "A file was attached, and its bytes never arrived.")
        text = begun.post.content or begun.group.content
        found = draft_problem(text, [item.content_type for item in begun.files], limits)
        return None if found is None else self._fault(*found)

    async def _draft(self, begun: _Begun, account: Account) -> PostDraft:
        """What goes out, its images as the network takes them. Raises as `Media.file` does."""
        group = begun.group
        return PostDraft(
            text=begun.post.content or group.content,
            created_at=from_ms(group.scheduled_at or group.created_at),
            media=tuple([await self._media.file(item, account.provider) for item in begun.files]),
            settings=msgspec.json.decode(group.platform_settings).get(begun.post.platform, {}),
            reply_to=begun.reply_to,
        )

    def _attempt(self, begun: _Begun, account: Account) -> _Attempt:
        begun_at = begun.post.begun_at if begun.post.begun_at is not None else to_ms(self._now())
        return _Attempt(self._database, begun.post, account, begun_at, begun.note)

    async def _settle(self, begun: _Begun, runs: int) -> Retry | None:
        """An earlier attempt left no outcome: look it up. Not made: begin anew, with the same token.

        As long as it cannot be looked up, nothing is tried again: it may be live.
        """
        account = begun.account
        limits = None if account is None else self._limits(account)
        if account is None or limits is None or limits.settles is Settles.NEVER or runs > _MOST_LOOKS:
            await self._record(begun, PostStatus.UNCONFIRMED, error=self._unconfirmed())
            return None
        try:
            draft = await self._draft(begun, account)
            async with self._connections.publisher(account) as connection:
                found = await connection.find(draft, self._attempt(begun, account))
        except (NotSupported, InvalidParameters):
            await self._record(begun, PostStatus.UNCONFIRMED, error=self._unconfirmed())
            return None
        except (ProviderError, Unavailable) as error:
            after = next_attempt(runs, error.retry_after_seconds or 0.0)
            return Retry(after=after, reason=error.code, holds=budgets.holds(error))
        if found is not None and await self._is_anothers(begun.post, found):
            if limits.settles is Settles.PARTLY and runs > _MOST_ATTEMPTS:
                await self._record(begun, PostStatus.UNCONFIRMED, error=self._unconfirmed())
                return None
            return Retry(after=next_attempt(runs), reason=_ANOTHERS)
        if found is not None:
            await self._record(begun, PostStatus.PUBLISHED, published=found)
            return None
        return await self._later(begun, ProviderDown("It was looked up, and had not been made."))

    async def _is_anothers(self, post: Post, found: PublishedPost) -> bool:
        """Whether what was found by its words is another post here, which says the same."""
        async with self._database.read() as reader:
            return await posts.is_anothers(reader, post.workspace_id, post, found.provider_id)

    async def _unknown(self, begun: _Begun, account: Account, error: OutcomeUnknown) -> Retry | None:
        limits = self._limits(account)
        async with self._database.read() as reader:
            gone = await posts.find_post(reader, begun.post.workspace_id, begun.post.id) is None
        if gone or limits is None or limits.settles is Settles.NEVER:
            await self._record(begun, PostStatus.UNCONFIRMED, error=self._unconfirmed())
            return None
        # It stays PROCESSING: the next run of the job looks it up.
        return Retry(after=next_attempt(begun.post.attempts), reason=error.code)

    async def _later(self, begun: _Begun, error: ProviderDown | RateLimited | Unavailable) -> Retry | None:
        """Nothing happened at the network: try again, for a while."""
        group, post = begun.group, begun.post
        if post.attempts >= _MOST_ATTEMPTS:
            await self._record(begun, PostStatus.FAILED, error=self._error(error))
            return None
        async with self._database.begin() as tx:
            held = await posts.hold_post(tx, group.workspace_id, post.id)
            if held is None or held[1].status is not PostStatus.PROCESSING:
                return None
            await posts.set_post(tx, group.workspace_id, post.id, status=PostStatus.PENDING, attempts=post.attempts)
            await self._logs.failed(tx, post, self._error(error))
        after = next_attempt(post.attempts, error.retry_after_seconds or 0.0)
        return Retry(after=after, reason=error.code, holds=budgets.holds(error))

    async def _record(
        self,
        begun: _Begun,
        status: PostStatus,
        *,
        published: PublishedPost | None = None,
        error: PostError | None = None,
    ) -> None:
        async with self._database.begin() as tx:
            await self._write_down(tx, begun.group, begun.post, status, published, error)
            if begun.finish is not None:
                await begun.finish(tx, 0.0 if published is None else published.rest_seconds)

    async def _write_down(
        self,
        tx: Tx,
        group: PostGroup,
        post: Post,
        status: PostStatus,
        published: PublishedPost | None,
        error: PostError | None,
    ) -> None:
        """What became of the attempt. A group deleted meanwhile is not brought back; its receipt says more."""
        held = await posts.hold_post(tx, group.workspace_id, post.id)
        if held is None:
            if published is not None or status is PostStatus.UNCONFIRMED:
                document = {
                    "platform": post.platform,
                    "platform_id": post.platform_id,
                    "provider_id": None if published is None else published.provider_id,
                    "url": None if published is None else published.url,
                    "note": _MAYBE_LIVE if published is None else _LIVE,
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
        if error is not None:
            await self._logs.failed(tx, post, error)
        else:
            await self._logs.succeeded(tx, post)
        ended = msgspec.structs.replace(held[1], status=status)
        await self._posts.roll_up(tx, held[0], ended)
        kind = EventType.POST_PUBLISHED if published is not None else EventType.POST_FAILED
        data = EventData(
            post_group_id=group.id,
            post_id=post.id,
            platform=post.platform,
            reason=None if error is None else error.code,
        )
        await self._events.announce(tx, group.workspace_id, kind, data)

    def _limits(self, account: Account) -> PublishingLimits | None:
        connector = self._connections.connectors().get(account.provider)
        return None if connector is None else connector.capabilities.publish

    def _fault(self, code: str, message: str, *, retryable: bool = False, detail: str | None = None) -> PostError:
        return PostError(
            code=code,
            message=message,
            retryable=retryable,
            failed_at=to_ms(self._now()),
            platform_error=detail,
        )

    def _unfit(self, error: InvalidParameters) -> PostError:
        too_large = error.code is ErrorCode.CONTENT_TOO_LARGE
        return self._fault("CONTENT_TOO_LARGE" if too_large else "INVALID_CONTENT", error.detail)

    def _unconfirmed(self) -> PostError:
        return self._fault(
            "OUTCOME_UNKNOWN", "The network did not say whether the post was made; look there before you try again."
        )

    def _error(self, error: ProviderError | Unavailable) -> PostError:
        match error:
            case CredentialsRejected() | ActionRequired() | ProxyRefused():
                return self._fault("PLATFORM_AUTH_EXPIRED", error.detail)
            case RateLimited():
                return self._fault("RATE_LIMITED", error.detail, retryable=True)
            case ProviderDown():
                return self._fault("PLATFORM_SERVER_ERROR", error.detail, retryable=True)
            case ProviderError() if error.context.get("too_large"):
                return self._fault("CONTENT_TOO_LARGE", error.detail, detail=error.detail)
            case Refused() | NotSupported():
                return self._fault("INVALID_CONTENT", error.detail, detail=error.detail)
            case _:
                return self._fault("UNKNOWN_ERROR", error.detail)
