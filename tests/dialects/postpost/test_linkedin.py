"""PostPost's LinkedIn operations: the sentences of their pages, in their order, and what they answer."""

from datetime import date
from typing import Any

import httpx
import msgspec
import pytest

from postroom.dialects.operation import Answer
from postroom.dialects.postpost import wire_linkedin as wire
from postroom.dialects.postpost.operations import DIALECT
from postroom.domain.engagement import DailyCount, Metric, Reaction, ReactionKind
from postroom.errors import Kind, NotFound, OutcomeUnknown, ProviderDown, Refused
from postroom.services.engagement import Figures
from tests.dialects.tables import worded
from tests.servers import Server

POST = "urn:li:share:7123456789012345678"
WHOSE = {"platformId": "linkedin-Tz9W5i6ZYG"}
ABOUT = WHOSE | {"postedId": POST}
DAYS = {"start": {"year": 2026, "month": 1, "day": 1}, "end": {"year": 2026, "month": 1, "day": 31}}
TYPES = "IMPRESSION, MEMBERS_REACHED, RESHARE, REACTION, COMMENT"
BAD_RANGE = "dateRange.start and dateRange.end must have: year, month, day"

ROWS: list[tuple[str, str, dict[str, Any], str]] = [
    ("POST", "post-statistics", {}, "postedId and platformId are required"),
    ("POST", "post-statistics", {"postedId": POST}, "postedId and platformId are required"),
    ("POST", "post-statistics", {"postedId": 5, "platformId": "x"}, "postedId and platformId must be strings"),
    ("POST", "post-statistics", ABOUT, "queryType or queryTypes is required"),
    ("POST", "post-statistics", ABOUT | {"queryTypes": []}, "queryType or queryTypes is required"),
    ("POST", "post-statistics", ABOUT | {"queryType": "impression"}, f"Invalid queryType. Must be one of: {TYPES}"),
    (
        "POST",
        "post-statistics",
        ABOUT | {"queryTypes": ["impression", "LIKES", 5]},
        f'Invalid queryTypes: LIKES, 5. Must be one of: {TYPES}, or "ALL"',
    ),
    ("POST", "account-statistics", {}, "platformId is required"),
    ("POST", "account-statistics", {"platformId": 5}, "platformId must be a string"),
    ("POST", "account-statistics", WHOSE, "queryType or queryTypes is required"),
    ("POST", "account-statistics", WHOSE | {"queryType": "x"}, f"Invalid queryType. Must be one of: {TYPES}"),
    (
        "POST",
        "account-statistics",
        WHOSE | {"queryTypes": "x"},
        f'Invalid queryTypes: x. Must be one of: {TYPES}, or "ALL"',
    ),
    ("POST", "account-statistics", WHOSE | {"queryTypes": "all", "aggregation": 5}, "aggregation must be a string"),
    (
        "POST",
        "account-statistics",
        WHOSE | {"queryTypes": "ALL", "aggregation": "weekly"},
        "Invalid aggregation. Must be one of: DAILY, TOTAL",
    ),
    ("POST", "account-statistics", WHOSE | {"queryTypes": "ALL", "dateRange": []}, "dateRange must be an object"),
    (
        "POST",
        "account-statistics",
        WHOSE | {"queryTypes": "ALL", "dateRange": {"start": {}}},
        "dateRange must have both 'start' and 'end' objects",
    ),
    ("POST", "account-statistics", WHOSE | {"queryTypes": "ALL", "dateRange": {"start": {}, "end": {}}}, BAD_RANGE),
    (
        "POST",
        "account-statistics",
        WHOSE | {"queryTypes": "ALL", "aggregation": "daily"},
        "MEMBERS_REACHED with DAILY aggregation is not supported by LinkedIn API",
    ),
    ("POST", "followers", {}, "platformId is required"),
    ("POST", "followers", {"platformId": 7}, "platformId must be a string"),
    ("POST", "followers", {"platformId": "linkedin-"}, "Invalid platformId"),
    ("POST", "followers", WHOSE | {"period": 5}, "period must be a string"),
    ("POST", "followers", WHOSE | {"period": "weekly"}, "Invalid period. Must be one of: lifetime, daily"),
    ("POST", "followers", WHOSE | {"period": "Daily"}, "dateRange is required for daily period"),
    ("POST", "followers", WHOSE | {"period": "daily", "dateRange": None}, "dateRange must be an object"),
    (
        "POST",
        "followers",
        WHOSE | {"period": "daily", "dateRange": {"start": {"year": 2026, "month": 2, "day": 30}, "end": {}}},
        BAD_RANGE,
    ),
    ("POST", "profile-summary", {}, "platformId is required"),
    ("POST", "profile-summary", {"platformId": 7}, "platformId must be a string"),
    ("POST", "profile-summary", {"platformId": "linkedin-"}, "Invalid platformId"),
    ("POST", "profile-summary", WHOSE | {"dateRange": 5}, "dateRange must be an object"),
    ("POST", "reactions", ABOUT, "postedId, reactionType, and platformId are required"),
    ("POST", "reactions", ABOUT | {"reactionType": "LIKE", "platformId": 5}, "platformId must be a string"),
    ("POST", "reactions", ABOUT | {"reactionType": "LIKE", "postedId": "5"}, "postedId must be a valid LinkedIn URN"),
    (
        "POST",
        "reactions",
        ABOUT | {"reactionType": "LOVE"},
        "reactionType must be one of: LIKE, PRAISE, EMPATHY, INTEREST, APPRECIATION, ENTERTAINMENT",
    ),
    ("POST", "reactions", ABOUT | {"reactionType": "LIKE", "platformId": "linkedin-"}, "Invalid platformId"),
    ("DELETE", "reactions", {}, "postedId and platformId are required"),
    ("DELETE", "reactions", ABOUT | {"postedId": "urn:li:"}, "postedId must be a valid LinkedIn URN"),
    ("POST", "comments", ABOUT, "postedId, message, and platformId are required"),
    ("POST", "comments", ABOUT | {"message": "a", "postedId": "x"}, "postedId must be a valid LinkedIn URN"),
    ("POST", "comments", ABOUT | {"message": " "}, "message cannot be empty"),
    ("POST", "comments", ABOUT | {"message": "a" * 1251}, "message cannot exceed 1250 characters"),
    (
        "POST",
        "comments",
        ABOUT | {"message": "a", "parentComment": "5"},
        "parentComment must be a valid LinkedIn URN",
    ),
    ("POST", "comments", ABOUT | {"message": "a", "platformId": "linkedin-"}, "Invalid platformId"),
    ("DELETE", "comments", ABOUT, "postedId, commentId, and platformId are required"),
    ("DELETE", "comments", ABOUT | {"commentId": "x"}, "commentId must be a valid LinkedIn URN or numeric ID"),
]

GOOD: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "post-statistics", ABOUT | {"queryType": "REACTION"}),
    ("POST", "account-statistics", WHOSE | {"queryTypes": ["comment"], "aggregation": "Daily", "dateRange": DAYS}),
    ("POST", "followers", WHOSE),
    ("POST", "profile-summary", WHOSE | {"dateRange": DAYS}),
    ("POST", "reactions", ABOUT | {"reactionType": "praise"}),
    ("DELETE", "reactions", ABOUT),
    ("POST", "comments", ABOUT | {"message": "Great"}),
    ("DELETE", "comments", ABOUT | {"commentId": "6636062862760562688"}),
]


@pytest.fixture
def base(server: Server) -> str:
    return server.line["postpost"] + "/api/v1"


@pytest.mark.parametrize(("method", "path", "body", "sentence"), ROWS)
def test_each_operation_says_what_is_wrong_in_the_order_of_its_page(
    client: httpx.Client, base: str, method: str, path: str, body: dict[str, Any], sentence: str
) -> None:
    answer = client.request(method, f"{base}/linkedin-{path}", json=body)
    assert (answer.status_code, answer.json()) == (400, {"error": sentence})


@pytest.mark.parametrize(("method", "path", "body"), GOOD)
def test_an_account_of_nobodys_is_not_found_and_one_without_the_power_says_so(
    client: httpx.Client, stranger: httpx.Client, base: str, method: str, path: str, body: dict[str, Any]
) -> None:
    answer = client.request(method, f"{base}/linkedin-{path}", json=body)
    assert (answer.status_code, answer.json()) == (404, {"error": "LinkedIn connection not found"})
    root = base.removesuffix("/postpost/api/v1")
    (account, *_) = client.get(f"{root}/api/accounts?provider=linkedin").json()["items"]
    own = body | {"platformId": f"linkedin-{account['provider_id']}"}
    answer = client.request(method, f"{base}/linkedin-{path}", json=own)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("This connection cannot")
    if method == "DELETE":
        answer = client.delete(f"{base}/linkedin-{path}", params=own)
        assert answer.json()["error"].startswith("This connection cannot")


def test_what_the_network_refuses_or_fails_has_its_own_words() -> None:
    for name, sentence in (
        ("linkedin_post_statistics", "Failed to fetch metric from LinkedIn"),
        ("linkedin_account_statistics", "Failed to fetch metric from LinkedIn"),
        ("linkedin_followers", "Failed to fetch LinkedIn followers statistics"),
        ("linkedin_profile_summary", "Failed to fetch LinkedIn profile summary"),
    ):
        assert worded(DIALECT, name, ProviderDown("down")) == (500, {"error": sentence})
    for name, what in (("reaction", "reaction"), ("comment", "comment")):
        for verb in ("create", "delete"):
            told = {"error": f"Failed to {verb} LinkedIn {what}", "details": "no answer"}
            assert worded(DIALECT, f"linkedin_{verb}_{name}", OutcomeUnknown("no answer")) == (500, told)
    assert worded(DIALECT, "linkedin_create_comment", Refused("Not allowed")) == (403, {"error": "Not allowed"})
    nobody = NotFound(kind=Kind.ACCOUNT)
    assert worded(DIALECT, "linkedin_followers", nobody) == (404, {"error": "LinkedIn connection not found"})


def shown(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


def figures(values: dict[str, Any], failed: tuple[str, ...] = (), cached: tuple[str, ...] = ()) -> Figures:
    return Figures(values=values, failed=failed, cached=cached)


def test_one_figure_stands_alone_and_several_by_name() -> None:
    one = figures({"IMPRESSION": 1542})
    assert shown(wire.statistics(one, alone=True)) == {"success": True, "count": 1542, "cached": False}
    data = {"success": True, "data": 1542, "aggregation": "TOTAL", "cached": False}
    assert shown(wire.statistics(one, alone=True, aggregation="TOTAL")) == data
    many = figures({"IMPRESSION": 5, "RESHARE": None, "COMMENT": None}, failed=("RESHARE",), cached=("IMPRESSION",))
    assert shown(wire.statistics(many, alone=False)) == {
        "success": False,
        "metrics": {"IMPRESSION": 5, "RESHARE": None, "COMMENT": None},
        "errors": [{"metric": "RESHARE", "error": "Failed to fetch metric from LinkedIn"}],
        "cachedMetrics": ["IMPRESSION"],
        "cached": True,
    }


def test_days_are_told_with_their_range() -> None:
    days = figures({"IMPRESSION": [DailyCount(day=date(2024, 1, 31), count=1200)]})
    told = shown(wire.statistics(days, alone=True, aggregation="DAILY"))
    start, end = {"year": 2024, "month": 1, "day": 31}, {"year": 2024, "month": 2, "day": 1}
    assert told["data"] == [{"count": 1200, "dateRange": {"start": start, "end": end}}]
    came = figures({"daily": [DailyCount(day=date(2024, 1, 15), count=10), DailyCount(day=date(2024, 1, 16), count=5)]})
    assert shown(wire.followers(came)) == {
        "success": True,
        "data": [{"date": "2024-01-15", "count": 10}, {"date": "2024-01-16", "count": 5}],
        "totalGrowth": 15,
        "cached": False,
    }


def test_a_summary_is_whole_in_part_or_a_502() -> None:
    values: dict[str, Any] = {"total": 5000, "daily": [DailyCount(day=date(2026, 1, 1), count=150)]}
    values |= {metric.value: 10 for metric in Metric} | {"COMMENT": None}
    whole = shown(wire.summary(figures(values)))
    assert whole == {
        "success": True,
        "profile": {
            "followers": {"total": 5000, "periodGrowth": 150},
            "posts": {
                "totalImpressions": 10,
                "totalMembersReached": 10,
                "totalReactions": 10,
                "totalComments": None,
                "totalReshares": 10,
            },
        },
    }
    failed = ("daily", "MEMBERS_REACHED")
    part = shown(wire.summary(figures(values | dict.fromkeys(failed), failed=failed)))
    assert (part["success"], part["partialData"], part["profile"]["followers"]) == (False, True, {"total": 5000})
    assert part["profile"]["posts"]["totalMembersReached"] == 0
    assert part["errors"] == [
        {"metric": "followersPeriod", "error": "Failed to fetch follower growth"},
        {"metric": "post_MEMBERS_REACHED", "error": "Failed to fetch members_reached count"},
    ]
    none = wire.summary(figures(dict.fromkeys(values), failed=tuple(values)))
    assert isinstance(none, Answer)
    told = msgspec.json.decode(none.body)
    assert (none.status, told["success"], told["error"], len(told["errors"])) == (
        502,
        False,
        "Failed to fetch LinkedIn profile data",
        7,
    )


def test_a_reaction_says_how_linkedin_calls_the_post() -> None:
    same = Reaction(post=POST, kind=ReactionKind.LIKE)
    assert shown(wire.reacted(POST, same)) == {"success": True, "reaction": {"reactionType": "LIKE"}}
    other = Reaction(post="urn:li:ugcPost:7", kind=None)
    assert shown(wire.reacted("urn:li:activity:7", other)) == {
        "success": True,
        "reaction": None,
        "urnTranslated": {"from": "urn:li:activity:7", "to": "urn:li:ugcPost:7"},
    }
