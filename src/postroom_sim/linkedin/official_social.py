"""Reactions, comments and figures of the official API."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote

from postroom_sim.feed import Feed
from postroom_sim.linkedin.official_people import Person, may_post_as
from postroom_sim.linkedin.official_refusals import denied, invalid
from postroom_sim.network import Answer, Call, Ground, Json, json_answer

_KINDS = ("LIKE", "PRAISE", "EMPATHY", "INTEREST", "APPRECIATION", "ENTERTAINMENT")
_POST = re.compile(r"urn:li:(?:share|ugcPost):\d+")
_DAY = re.compile(r"year:(\d+),month:(\d+),day:(\d+)")
# What is not made here is the same for every post.
_IMPRESSIONS, _REACHED, _FOLLOWERS = 120, 80, 321


class Social:
    def __init__(self, ground: Ground, feed: Feed) -> None:
        self._ground = ground
        self._database = ground.database
        self._feed = feed

    def react(self, call: Call, person: Person, scope: str) -> Answer:
        actor = self._actor(call, person, scope)
        tree = call.json()
        fields = tree if isinstance(tree, dict) else {}
        post = self._post(fields.get("root"))
        if fields.get("reactionType") not in _KINDS:
            raise invalid("reactionType is of no known kind", 422)
        self._database.execute(
            "INSERT OR REPLACE INTO linkedin_social VALUES ('reaction', ?, ?, ?, ?, ?)",
            (actor, post, actor, fields["reactionType"], self._ground.clock.now()),
        )
        named = f"urn:li:reaction:({actor},{post})"
        return json_answer({"id": named, "root": post, "reactionType": fields["reactionType"]}, status=201)

    def unreact(self, call: Call, person: Person, scope: str) -> Answer:
        found = re.fullmatch(r"/rest/reactions/\(actor:(.*),entity:(.*)\)", unquote(call.path))
        if found is None:
            raise invalid("Syntax exception in path variables")
        self._check(found[1], person, scope)
        self._database.execute(
            "DELETE FROM linkedin_social WHERE kind = 'reaction' AND id = ? AND post = ?", (found[1], found[2])
        )
        return Answer(204)

    def comment(self, call: Call, person: Person, scope: str) -> Answer:
        tree = call.json()
        fields = tree if isinstance(tree, dict) else {}
        actor, message = fields.get("actor"), fields.get("message")
        self._check(actor, person, scope)
        post = self._post(fields.get("object"))
        text = message.get("text") if isinstance(message, dict) else None
        if not isinstance(text, str) or not text.strip() or len(text) > 1250:
            raise invalid("/message/text is required, and has 1250 characters at most", 422)
        number = str(7_000_000_000_000_000_000 + self._feed.next("comment"))
        now = self._ground.clock.now()
        self._database.execute(
            "INSERT INTO linkedin_social VALUES ('comment', ?, ?, ?, ?, ?)", (number, post, str(actor), text, now)
        )
        urn = f"urn:li:comment:({post},{number})"
        made = {"id": number, "commentUrn": urn, "actor": actor, "object": post, "message": {"text": text},
                "created": {"actor": actor, "time": int(now * 1000)}}  # fmt: skip
        return json_answer(made, status=201)

    def delete_comment(self, call: Call, person: Person, scope: str) -> Answer:
        actor = self._actor(call, person, scope)
        number = call.path.rpartition("/")[2]
        changed = self._database.execute(
            "DELETE FROM linkedin_social WHERE kind = 'comment' AND id = ? AND actor = ?", (number, actor)
        )
        if not changed.rowcount:
            raise invalid("Comment not found", 404)
        return Answer(204)

    def figures(self, call: Call, person: Person) -> Answer:
        """Analytics of a member's posts, statistics of an organisation's, and their followers."""
        query = {name: values[0] for name, values in parse_qs(call.query).items()}
        days = _days(call.query)
        named = _POST.findall(unquote(call.query))
        author = query.get("organizationalEntity", person.urn)
        posts = named or [post.id for post in self._feed.live(author)]
        if call.operation == "memberFollowersCount":
            counts: list[datetime | None] = [*days] or [None]
            return _elements(
                [{"memberFollowersCount": _FOLLOWERS if day is None else 1, **_range(day)} for day in counts]
            )
        if call.operation == "networkSizes":
            return json_answer({"firstDegreeSize": _FOLLOWERS})
        if call.operation == "organizationalEntityFollowerStatistics":
            gains = {"organicFollowerGain": 1, "paidFollowerGain": 0}
            return _elements([{"followerGains": gains, **_range(day)} for day in days])
        if call.operation == "memberCreatorPostAnalytics":
            count = self._figure(posts, query.get("queryType", ""))
            if query.get("aggregation") == "DAILY":
                return _elements([{"count": count, **_range(day)} for day in days])
            return _elements([{"count": count}])
        total = {
            "impressionCount": self._figure(posts, "IMPRESSION"),
            "uniqueImpressionsCount": self._figure(posts, "MEMBERS_REACHED"),
            "shareCount": self._figure(posts, "RESHARE"),
            "likeCount": self._figure(posts, "REACTION"),
            "commentCount": self._figure(posts, "COMMENT"),
        }
        wanted: list[datetime | None] = [*days] or [None]
        return _elements([{"totalShareStatistics": total, **_range(day)} for day in wanted])

    def _figure(self, posts: list[str], metric: str) -> int:
        match metric:
            case "REACTION" | "COMMENT":
                marks = ", ".join("?" * len(posts)) or "NULL"
                row = self._database.one(
                    f"SELECT count(*) FROM linkedin_social WHERE kind = ? AND post IN ({marks})",
                    (metric.lower(), *posts),
                )
                return int(row[0]) if row else 0
            case "RESHARE":
                return 0
            case "IMPRESSION":
                return _IMPRESSIONS * len(posts)
            case "MEMBERS_REACHED":
                return _REACHED * len(posts)
        raise invalid("queryType is of no known kind")

    def _actor(self, call: Call, person: Person, scope: str) -> str:
        actor = parse_qs(call.query).get("actor", [""])[0]
        self._check(actor, person, scope)
        return actor

    def _check(self, actor: object, person: Person, scope: str) -> None:
        if not may_post_as(person, actor, scope):
            raise denied("socialActions.CREATE.202601")

    def _post(self, urn: Any) -> str:
        if not isinstance(urn, str) or not urn.startswith("urn:li:"):
            raise invalid("The post is no URN")
        if _POST.fullmatch(urn) and self._feed.find(urn) is None:
            raise invalid(f"{urn} is not found", 404)
        return urn


def operation_of(call: Call) -> str | None:
    """What this call is, where it is for this file."""
    path = unquote(call.path)
    names = ("memberCreatorPostAnalytics", "memberFollowersCount", "networkSizes",
             "organizationalEntityShareStatistics", "organizationalEntityFollowerStatistics")  # fmt: skip
    name = path.removeprefix("/rest/").partition("/")[0]
    if call.method == "GET" and name in names:
        return name
    if name == "reactions":
        return {"POST": "createReaction", "DELETE": "deleteReaction"}.get(call.method)
    if name == "socialActions":
        return {"POST": "createComment", "DELETE": "deleteComment"}.get(call.method)
    return None


def _elements(found: list[Json]) -> Answer:
    return json_answer({"paging": {"start": 0, "count": 10, "links": []}, "elements": found})


def _days(query: str) -> list[datetime]:
    """The days that are asked for, by dates or by moments; the end is not among them."""
    text = unquote(query)
    dates = [datetime(int(year), int(month), int(day), tzinfo=UTC) for year, month, day in _DAY.findall(text)]
    moments = re.search(r"start:(\d+),end:(\d+)", text)
    if moments is not None:
        dates = [datetime.fromtimestamp(int(moments[number]) / 1000, UTC) for number in (1, 2)]
    if len(dates) < 2:
        return []
    return [dates[0] + timedelta(days=number) for number in range(max(0, (dates[1] - dates[0]).days))]


def _range(day: datetime | None) -> Json:
    if day is None:
        return {}
    start = {"year": day.year, "month": day.month, "day": day.day}
    milliseconds = int(day.timestamp() * 1000)
    return {
        "dateRange": {"start": start},
        "timeRange": {"start": milliseconds, "end": milliseconds + 86_400_000},
    }
