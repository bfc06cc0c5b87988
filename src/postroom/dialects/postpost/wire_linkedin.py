"""What PostPost answers about LinkedIn, as it stands on the wire.

Source: PostPost "LinkedIn Post Statistics", "LinkedIn Followers", "LinkedIn Profile Summary", "LinkedIn Reactions",
"LinkedIn Comments" (March 2026).
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from postroom.dialects.operation import Answer
from postroom.domain.engagement import Comment as DomainComment
from postroom.domain.engagement import DailyCount, Metric
from postroom.domain.engagement import Reaction as DomainReaction
from postroom.services.engagement import Figure, Figures

_METRIC_FAILED = "Failed to fetch metric from LinkedIn"


class Failed(msgspec.Struct, kw_only=True):
    metric: str
    error: str


class Statistics(msgspec.Struct, kw_only=True, rename="camel"):
    """Of one metric: `count` (a post's) or `data` (an account's). Of several: `metrics`, with null for what failed and
    for what LinkedIn does not tell. Kept for 30 minutes."""

    success: bool
    count: int | UnsetType | None = UNSET
    data: Any | UnsetType = UNSET
    metrics: dict[str, Any] | UnsetType = UNSET
    aggregation: str | UnsetType = UNSET
    errors: list[Failed] | UnsetType = UNSET
    cached_metrics: list[str] | UnsetType = UNSET
    cached: bool


class DayCount(msgspec.Struct, kw_only=True):
    date: str
    count: int


class Followers(msgspec.Struct, kw_only=True, rename="camel"):
    success: bool = True
    followers_count: int | UnsetType = UNSET
    data: list[DayCount] | UnsetType = UNSET
    total_growth: int | UnsetType = UNSET
    cached: bool


class FollowerSummary(msgspec.Struct, kw_only=True, rename="camel"):
    total: int | None
    period_growth: int | UnsetType = UNSET


class PostSummary(msgspec.Struct, kw_only=True, rename="camel"):
    total_impressions: int | None
    total_members_reached: int | None
    total_reactions: int | None
    total_comments: int | None
    total_reshares: int | None


class Profile(msgspec.Struct, kw_only=True):
    followers: FollowerSummary
    posts: PostSummary


class ProfileSummary(msgspec.Struct, kw_only=True, rename="camel"):
    success: bool
    partial_data: bool | UnsetType = UNSET
    profile: Profile
    errors: list[Failed] | UnsetType = UNSET


class NoSummary(msgspec.Struct, kw_only=True):
    success: bool = False
    error: str = "Failed to fetch LinkedIn profile data"
    errors: list[Failed]


class Translated(msgspec.Struct, kw_only=True):
    was: str = msgspec.field(name="from")
    becomes: str = msgspec.field(name="to")


class Reacted(msgspec.Struct, kw_only=True, rename="camel"):
    """`reaction` is null where it was taken back; `urnTranslated` where LinkedIn calls the post otherwise."""

    success: bool = True
    reaction: dict[str, str] | None
    urn_translated: Translated | UnsetType = UNSET


class Comment(msgspec.Struct, kw_only=True, rename="camel"):
    id: str
    comment_urn: str
    message: str
    created: dict[str, int] | UnsetType = UNSET


class Commented(msgspec.Struct, kw_only=True):
    success: bool = True
    comment: Comment


class CommentDeleted(msgspec.Struct, kw_only=True):
    success: bool = True
    deleted: str


class PostQuery(msgspec.Struct, kw_only=True, rename="camel"):
    """`queryType` is one of IMPRESSION, MEMBERS_REACHED, RESHARE, REACTION, COMMENT; `queryTypes` a list, or `ALL`."""

    posted_id: str
    platform_id: str
    query_type: str | None = None
    query_types: list[str] | str | None = None


class AccountQuery(msgspec.Struct, kw_only=True, rename="camel"):
    """`aggregation` is `TOTAL` (if not said) or `DAILY`; `dateRange` has `start` and `end`, each a year, month and day."""

    platform_id: str
    query_type: str | None = None
    query_types: list[str] | str | None = None
    aggregation: str | None = None
    date_range: dict[str, dict[str, int]] | UnsetType = UNSET


class FollowersQuery(msgspec.Struct, kw_only=True, rename="camel"):
    """`period` is `lifetime` (if not said), or `daily`, which needs a `dateRange`."""

    platform_id: str
    period: str | None = None
    date_range: dict[str, dict[str, int]] | UnsetType = UNSET


class SummaryQuery(msgspec.Struct, kw_only=True, rename="camel"):
    platform_id: str
    date_range: dict[str, dict[str, int]] | UnsetType = UNSET


class NewReaction(msgspec.Struct, kw_only=True, rename="camel"):
    """`reactionType` is one of LIKE, PRAISE, EMPATHY, INTEREST, APPRECIATION, ENTERTAINMENT."""

    posted_id: str
    reaction_type: str
    platform_id: str


class OldReaction(msgspec.Struct, kw_only=True, rename="camel"):
    """In the body or in the query."""

    posted_id: str | None = None
    platform_id: str | None = None


class NewComment(msgspec.Struct, kw_only=True, rename="camel"):
    """`message` has 1250 characters at most; `parentComment` is the URN of the comment that it answers."""

    posted_id: str
    message: str
    platform_id: str
    parent_comment: str | None = None


class OldComment(msgspec.Struct, kw_only=True, rename="camel"):
    """In the body or in the query. `commentId` is a URN, or its number."""

    posted_id: str | None = None
    comment_id: str | None = None
    platform_id: str | None = None


def statistics(found: Figures, *, alone: bool, aggregation: str | None = None) -> Statistics:
    """Figures of a post (without `aggregation`) or of an account."""
    told = Statistics(success=not found.failed, cached=bool(found.cached))
    if aggregation is not None:
        told.aggregation = aggregation
    if alone:
        (value,) = found.values.values()
        if aggregation is None:
            told.count = value if isinstance(value, int) else None
        else:
            told.data = _figure(value)
        return told
    told.metrics = {name: _figure(value) for name, value in found.values.items()}
    if found.failed:
        told.errors = [Failed(metric=name, error=_METRIC_FAILED) for name in found.failed]
    if found.cached:
        told.cached_metrics = list(found.cached)
    return told


def followers(found: Figures) -> Followers:
    """How many follow an account, or came to."""
    (value,) = found.values.values()
    if isinstance(value, int) or value is None:
        return Followers(followers_count=value or 0, cached=bool(found.cached))
    days = [DayCount(date=each.day.isoformat(), count=each.count) for each in value]
    return Followers(data=days, total_growth=sum(each.count for each in days), cached=bool(found.cached))


def summary(found: Figures) -> ProfileSummary | Answer:
    """A profile in figures. What failed is 0, as the vendor has it, and named; nothing at all is a 502."""
    errors = [_failed(name) for name in found.failed]
    if len(found.failed) == len(found.values):
        return Answer(502, msgspec.json.encode(NoSummary(errors=errors)))

    def of(name: str) -> int | None:
        value = found.values[name]
        return 0 if name in found.failed else value if isinstance(value, int) else None

    followed = FollowerSummary(total=of("total"))
    growth = found.values.get("daily")
    if "daily" in found.values and "daily" not in found.failed and not isinstance(growth, int):
        followed.period_growth = sum(each.count for each in growth or ())
    posts = PostSummary(
        total_impressions=of(Metric.IMPRESSION),
        total_members_reached=of(Metric.MEMBERS_REACHED),
        total_reactions=of(Metric.REACTION),
        total_comments=of(Metric.COMMENT),
        total_reshares=of(Metric.RESHARE),
    )
    told = ProfileSummary(success=not errors, profile=Profile(followers=followed, posts=posts))
    if errors:
        told.partial_data, told.errors = True, errors
    return told


def reacted(asked_for: str, found: DomainReaction) -> Reacted:
    """A reaction that was made, or taken back."""
    told: dict[str, str] | None = None
    if found.kind is not None:
        told = {"reactionType": found.kind.value}
        if found.provider_id is not None:
            told["id"] = found.provider_id
    other = found.post != asked_for
    return Reacted(reaction=told, urn_translated=Translated(was=asked_for, becomes=found.post) if other else UNSET)


def commented(found: DomainComment) -> Commented:
    """A comment that was made."""
    comment = Comment(id=found.provider_id, comment_urn=found.urn, message=found.text)
    if found.created_at is not None:
        comment.created = {"time": found.created_at}
    return Commented(comment=comment)


def without_text(made: Commented) -> Commented:
    """What may be stored of it for an Idempotency-Key: ids, and no content."""
    return Commented(comment=msgspec.structs.replace(made.comment, message=""))


def _failed(name: str) -> Failed:
    words = {"total": ("followersLifetime", "follower count"), "daily": ("followersPeriod", "follower growth")}
    metric, what = words.get(name, (f"post_{name}", f"{name.lower()} count"))
    return Failed(metric=metric, error=f"Failed to fetch {what}")


def _figure(value: Figure) -> Any:
    if value is None or isinstance(value, int):
        return value
    return [_day(each) for each in value]


def _day(found: DailyCount) -> dict[str, Any]:
    start, end = found.day, found.day.fromordinal(found.day.toordinal() + 1)
    parts = [{"year": each.year, "month": each.month, "day": each.day} for each in (start, end)]
    return {"count": found.count, "dateRange": {"start": parts[0], "end": parts[1]}}
