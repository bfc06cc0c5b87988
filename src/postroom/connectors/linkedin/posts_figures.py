"""What people do with LinkedIn's posts: figures, reactions and comments, over the official API. Converts and asks.

Source: LinkedIn "Organization share statistics", "Member post analytics", "Member follower statistics", "Reactions API"
and "Comments API", checked 2026-11-21.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from functools import partial
from typing import Any
from urllib.parse import quote

from postroom.connectors.linkedin.posts_api import PostsApi, check
from postroom.connectors.sessions import Session
from postroom.domain.engagement import Comment, DailyCount, Days, Metric, Reaction, ReactionKind
from postroom.errors import ErrorCode, NotSupported, OutcomeUnknown, Refused

Json = Any

_SHARE_FIELDS = {
    Metric.IMPRESSION: "impressionCount",
    Metric.MEMBERS_REACHED: "uniqueImpressionsCount",
    Metric.RESHARE: "shareCount",
    Metric.REACTION: "likeCount",
    Metric.COMMENT: "commentCount",
}


class Figures:
    """The figures of one author. A person's and an organisation's are counted at different places."""

    def __init__(self, api: PostsApi, author: str, session: Session) -> None:
        self._api = api
        self._author = author
        self._session = session
        self._is_person = author.startswith("urn:li:person:")

    async def of_post(self, post: str, metric: Metric) -> int | None:
        """Over a post's whole life."""
        kind = "share" if post.startswith("urn:li:share:") else "ugc"
        if self._is_person:
            query = f"q=entity&entity=({kind}:{_encoded(post)})&queryType={metric.value}&aggregation=TOTAL"
            return _sum(await self._elements("memberCreatorPostAnalytics", query), ("count",))
        name = "shares" if kind == "share" else "ugcPosts"
        return _sum(await self._shares(f"&{name}=List({_encoded(post)})"), _shares_of(metric))

    async def of_account(self, metric: Metric, days: Days | None) -> int | None:
        """Over all posts."""
        if self._is_person:
            query = f"q=me&queryType={metric.value}&aggregation=TOTAL{_range(days)}"
            return _sum(await self._elements("memberCreatorPostAnalytics", query), ("count",))
        if days is None:
            return _sum(await self._shares(""), _shares_of(metric))
        if metric is Metric.MEMBERS_REACHED:
            # Who was reached on two days would be counted twice.
            return None
        return _sum(await self._shares(_intervals(days)), _shares_of(metric))

    async def by_day(self, metric: Metric, days: Days | None) -> Sequence[DailyCount]:
        """Over all posts, day by day."""
        if metric is Metric.MEMBERS_REACHED:
            raise NotSupported("LinkedIn does not count by day whom posts reached.")
        if self._is_person:
            query = f"q=me&queryType={metric.value}&aggregation=DAILY{_range(days)}"
            return _daily(await self._elements("memberCreatorPostAnalytics", query), ("count",))
        if days is None:
            raise NotSupported("LinkedIn counts an organisation's days between two of them only.")
        return _daily(await self._shares(_intervals(days)), _shares_of(metric))

    async def followers(self) -> int:
        """Now."""
        if self._is_person:
            found = _sum(await self._elements("memberFollowersCount", "q=me"), ("memberFollowersCount",))
        else:
            path = f"/rest/networkSizes/{_encoded(self._author)}?edgeType=COMPANY_FOLLOWED_BY_MEMBER"
            tree = await self._session.call(partial(self._api.read, "networkSizes", path))
            found = _count(tree, ("firstDegreeSize",))
        return found or 0

    async def followers_by_day(self, days: Days) -> Sequence[DailyCount]:
        """How many came."""
        if self._is_person:
            found = await self._elements("memberFollowersCount", f"q=dateRange{_range(days)}")
            return _daily(found, ("memberFollowersCount",))
        query = f"q=organizationalEntity&organizationalEntity={_encoded(self._author)}{_intervals(days)}"
        found = await self._elements("organizationalEntityFollowerStatistics", query)
        organic, paid = (_daily(found, ("followerGains", name)) for name in ("organicFollowerGain", "paidFollowerGain"))
        more = {each.day: each.count for each in paid}
        return [DailyCount(day=each.day, count=each.count + more.get(each.day, 0)) for each in organic]

    async def _shares(self, more: str) -> list[Json]:
        query = f"q=organizationalEntity&organizationalEntity={_encoded(self._author)}{more}"
        return await self._elements("organizationalEntityShareStatistics", query)

    async def _elements(self, name: str, query: str) -> list[Json]:
        tree = await self._session.call(partial(self._api.read, name, f"/rest/{name}?{query}"))
        found = tree.get("elements")
        return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


class Engagement:
    """What an author does with posts, anybody's."""

    def __init__(self, api: PostsApi, author: str, session: Session) -> None:
        self._api = api
        self._author = author
        self._session = session

    async def react(self, post: str, kind: ReactionKind) -> Reaction:
        """One author has one reaction to a post: the same again changes nothing."""

        async def call(token: str) -> Reaction:
            path = f"/rest/reactions?actor={_encoded(self._author)}"
            answer = await self._api.write("createReaction", path, token, {"root": post, "reactionType": kind.value})
            # It is there already.
            if answer.status != 409:
                check(answer, token, write=True)
            tree = answer.json()
            root = tree.get("root") if isinstance(tree, dict) else None
            named = answer.headers.get("x-restli-id") or None
            return Reaction(post=root if isinstance(root, str) else post, kind=kind, provider_id=named)

        return await self._session.call(call)

    async def unreact(self, post: str) -> Reaction:
        """None there is success."""
        path = f"/rest/reactions/(actor:{_encoded(self._author)},entity:{_encoded(post)})"
        await self._delete("deleteReaction", path)
        return Reaction(post=post, kind=None)

    async def comment(self, post: str, text: str, parent: str | None) -> Comment:
        """Once."""

        async def call(token: str) -> Comment:
            body = {"actor": self._author, "object": post, "message": {"text": text}}
            if parent is not None:
                body["parentComment"] = parent
            path = f"/rest/socialActions/{_encoded(parent or post)}/comments"
            answer = await self._api.write("createComment", path, token, body)
            check(answer, token, write=True)
            found = answer.json()
            tree: Mapping[str, Json] = found if isinstance(found, dict) else {}
            number = str(tree.get("id") or answer.headers.get("x-restli-id") or "")
            if not number:
                raise OutcomeUnknown("LinkedIn took the comment and did not say how it is called.")
            created = tree.get("created")
            at = created.get("time") if isinstance(created, dict) else None
            urn = str(tree.get("commentUrn") or f"urn:li:comment:({tree.get('object') or post},{number})")
            return Comment(provider_id=number, urn=urn, text=text, created_at=at if isinstance(at, int) else None)

        return await self._session.call(call)

    async def delete_comment(self, post: str, comment: str) -> None:
        """Gone already is success."""
        number = comment.rpartition(",")[2].removesuffix(")")
        if not number.isascii() or not number.isdecimal():
            raise Refused("This is no comment of LinkedIn's.", code=ErrorCode.MALFORMED_REQUEST)
        actor = _encoded(self._author)
        await self._delete("deleteComment", f"/rest/socialActions/{_encoded(post)}/comments/{number}?actor={actor}")

    async def _delete(self, operation: str, path: str) -> None:
        async def call(token: str) -> None:
            answer = await self._api.write(operation, path, token, None, method="DELETE", restli="DELETE")
            tree = answer.json()
            if answer.status != 404 or not isinstance(tree, dict) or tree.get("status") != 404:
                check(answer, token, write=True)

        await self._session.call(call)


def _encoded(urn: str) -> str:
    return quote(urn, safe="")


def _shares_of(metric: Metric) -> tuple[str, str]:
    return "totalShareStatistics", _SHARE_FIELDS[metric]


def _count(tree: Json, names: Sequence[str]) -> int | None:
    """The figure below these names; None where LinkedIn shows none, which it also says by -1."""
    for name in names:
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree if isinstance(tree, int) and not isinstance(tree, bool) and tree >= 0 else None


def _sum(elements: Sequence[Json], names: Sequence[str]) -> int | None:
    found = [count for count in (_count(element, names) for element in elements) if count is not None]
    return sum(found) if found else None


def _daily(elements: Sequence[Json], names: Sequence[str]) -> list[DailyCount]:
    found = [(_day(element), _count(element, names)) for element in elements]
    return [DailyCount(day=day, count=count) for day, count in found if day is not None and count is not None]


def _day(element: Json) -> date | None:
    """The day an element is about: by its date, or by the moment it starts at."""
    ranges = element.get("dateRange"), element.get("timeRange")
    start = next((each.get("start") for each in ranges if isinstance(each, dict)), None)
    try:
        if isinstance(start, dict):
            return date(start["year"], start["month"], start["day"])
        return datetime.fromtimestamp(start / 1000, UTC).date() if isinstance(start, int) else None
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return None


def _range(days: Days | None) -> str:
    if days is None:
        return ""
    start, end = (f"(year:{day.year},month:{day.month},day:{day.day})" for day in (days.start, days.end))
    return f"&dateRange=(start:{start},end:{end})"


def _intervals(days: Days) -> str:
    start, end = (int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
                  for day in (days.start, days.end))  # fmt: skip
    return f"&timeIntervals=(timeRange:(start:{start},end:{end}),timeGranularityType:DAY)"
