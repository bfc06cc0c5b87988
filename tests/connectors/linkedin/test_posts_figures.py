"""Figures, reactions and comments: what is asked of LinkedIn, and what its answers mean."""

from datetime import date
from typing import Any
from urllib.parse import unquote

import pytest

from postroom.connectors.contract import Engager, Statistics
from postroom.connectors.linkedin.connector import LinkedInConnector
from postroom.connectors.linkedin.posts_connection import PostsConnection
from postroom.domain.engagement import DailyCount, Days, Metric, ReactionKind
from postroom.domain.remote import Credentials, Profile
from postroom.errors import NotSupported, OutcomeUnknown, Refused
from tests.connectors.wire import Wire, answer

PERSON, PAGE = "urn:li:person:Tz9W5i6ZYG", "urn:li:organization:2414183"
SHARE, UGC = "urn:li:share:7141138937766391808", "urn:li:ugcPost:7141138937766391809"
DAYS = Days(start=date(2026, 11, 1), end=date(2026, 11, 3))


async def keep(credentials: Credentials) -> None:
    raise AssertionError


def opened(wire: Wire, author: str = PERSON) -> PostsConnection:
    credentials = Credentials(values={"author": author, "access_token": "token-1"})
    profile = Profile(provider_id=author.rpartition(":")[2], username="ada", name="Ada")
    connection = LinkedInConnector(http=wire.http(tries=1)).open(profile, credentials, keep)
    assert isinstance(connection, PostsConnection)
    assert isinstance(connection, Statistics)
    assert isinstance(connection, Engager)
    return connection


def elements(*found: Any) -> Wire:
    return Wire(answer(200, {"elements": list(found)}))


def asked(wire: Wire) -> str:
    return unquote(wire.last.url.raw_path.decode())


async def test_a_persons_post_is_counted_by_its_urn() -> None:
    wire = elements({"count": 42})
    assert await opened(wire).post_count(SHARE, Metric.REACTION) == 42
    assert asked(wire) == (
        f"/rest/memberCreatorPostAnalytics?q=entity&entity=(share:{SHARE})&queryType=REACTION&aggregation=TOTAL"
    )
    await opened(wire).post_count(UGC, Metric.IMPRESSION)
    assert f"entity=(ugc:{UGC})" in asked(wire)


@pytest.mark.parametrize("found", [[], [{"count": -1}], [{"count": None}], ["nonsense"]])
async def test_a_figure_that_is_not_shown_is_none_and_never_nought(found: list[Any]) -> None:
    assert await opened(elements(*found)).post_count(SHARE, Metric.COMMENT) is None


async def test_a_pages_post_is_counted_among_its_shares() -> None:
    wire = elements({"totalShareStatistics": {"impressionCount": 7, "likeCount": 2}})
    assert await opened(wire, PAGE).post_count(UGC, Metric.REACTION) == 2
    assert asked(wire) == (
        f"/rest/organizationalEntityShareStatistics?q=organizationalEntity&organizationalEntity={PAGE}&ugcPosts=List({UGC})"
    )


async def test_days_are_told_apart() -> None:
    wire = elements({"count": 1, "dateRange": {"start": {"year": 2026, "month": 11, "day": 1}}}, {"count": 2})
    assert await opened(wire).account_days(Metric.IMPRESSION, DAYS) == [DailyCount(day=date(2026, 11, 1), count=1)]
    assert "dateRange=(start:(year:2026,month:11,day:1),end:(year:2026,month:11,day:3))" in asked(wire)
    page = elements(
        {"timeRange": {"start": 1793491200000}, "totalShareStatistics": {"shareCount": 3}},
        {"timeRange": {"start": 1793577600000}, "totalShareStatistics": {"shareCount": 4}},
    )
    found = await opened(page, PAGE).account_days(Metric.RESHARE, DAYS)
    assert found == [DailyCount(day=date(2026, 11, 1), count=3), DailyCount(day=date(2026, 11, 2), count=4)]
    assert "timeRange:(start:1793491200000,end:1793664000000)" in asked(page)
    assert await opened(page, PAGE).account_count(Metric.RESHARE, DAYS) == 7


async def test_what_linkedin_does_not_count_is_not_made_up() -> None:
    wire = elements()
    with pytest.raises(NotSupported):
        await opened(wire).account_days(Metric.MEMBERS_REACHED, DAYS)
    with pytest.raises(NotSupported):
        await opened(wire, PAGE).account_days(Metric.IMPRESSION, None)
    assert await opened(wire, PAGE).account_count(Metric.MEMBERS_REACHED, DAYS) is None
    assert wire.requests == []


async def test_followers_are_counted_for_both() -> None:
    assert await opened(elements({"memberFollowersCount": 9})).follower_count() == 9
    assert await opened(Wire(answer(200, {"firstDegreeSize": 11})), PAGE).follower_count() == 11
    gains = {"followerGains": {"organicFollowerGain": 2, "paidFollowerGain": 1}, "timeRange": {"start": 1793491200000}}
    assert await opened(elements(gains), PAGE).follower_days(DAYS) == [DailyCount(day=date(2026, 11, 1), count=3)]


async def test_a_reaction_is_the_authors_and_the_same_again_is_fine() -> None:
    activity = "urn:li:activity:7141138937766391810"
    wire = Wire(answer(201, {"root": activity}), answer(409), answer(204), answer(404, {"status": 404}))
    connection = opened(wire)
    reaction = await connection.react(SHARE, ReactionKind.PRAISE)
    assert (reaction.post, reaction.kind) == (activity, ReactionKind.PRAISE)
    assert asked(wire) == f"/rest/reactions?actor={PERSON}"
    assert wire.sent() == {"root": SHARE, "reactionType": "PRAISE"}
    assert (await connection.react(SHARE, ReactionKind.PRAISE)).post == SHARE
    for _ in range(2):
        assert (await connection.unreact(SHARE)).kind is None
        assert asked(wire) == f"/rest/reactions/(actor:{PERSON},entity:{SHARE})"


async def test_a_comment_is_made_once_and_deleted_by_either_of_its_ids() -> None:
    urn = f"urn:li:comment:({SHARE},77)"
    made = answer(201, {"id": "77", "commentUrn": urn, "created": {"time": 1793491200000}})
    wire = Wire(made, answer(201, headers={"x-restli-id": "78"}), answer(204), answer(204))
    connection = opened(wire, PAGE)
    comment = await connection.comment(SHARE, "Well said (really)", None)
    assert (comment.provider_id, comment.urn, comment.created_at) == ("77", urn, 1793491200000)
    assert wire.sent() == {"actor": PAGE, "object": SHARE, "message": {"text": "Well said (really)"}}
    answered = await connection.comment(SHARE, "Thanks", urn)
    assert answered.urn == f"urn:li:comment:({SHARE},78)"
    assert wire.sent()["parentComment"] == urn
    for spelling in ("77", urn):
        await connection.delete_comment(SHARE, spelling)
        assert asked(wire) == f"/rest/socialActions/{SHARE}/comments/77?actor={PAGE}"
    with pytest.raises(Refused):
        await connection.delete_comment(SHARE, "nonsense")


async def test_a_comment_whose_outcome_nobody_knows_is_said_to_be_so() -> None:
    for responder in (answer(502), answer(201)):
        wire = Wire(responder)
        with pytest.raises(OutcomeUnknown):
            await opened(wire).comment(SHARE, "Once", None)
        assert len(wire.requests) == 1
