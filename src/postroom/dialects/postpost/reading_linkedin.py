"""How PostPost reads what is asked about LinkedIn: every sentence of its pages, in their order.

Source: PostPost "LinkedIn Post Statistics", "LinkedIn Followers", "LinkedIn Profile Summary", "LinkedIn Reactions",
"LinkedIn Comments" (March 2026).
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec
from msgspec import UNSET

from postroom.domain.engagement import Days, Metric, ReactionKind
from postroom.errors import InvalidParameters

_URN = re.compile(r"urn:li:[A-Za-z]+:[^\s\x00-\x1f]{1,500}\Z")
_MOST_MESSAGE = 1250
_METRICS = ", ".join(Metric)
_REACTIONS = ", ".join(ReactionKind)


class Asked(msgspec.Struct, kw_only=True, rename="camel"):
    """Everything that these operations take, read as it comes."""

    posted_id: Any = None
    platform_id: Any = None
    query_type: Any = None
    query_types: Any = None
    aggregation: Any = UNSET
    date_range: Any = UNSET
    period: Any = UNSET
    reaction_type: Any = None
    message: Any = None
    parent_comment: Any = None
    comment_id: Any = None


def _wrong(sentence: str) -> InvalidParameters:
    return InvalidParameters(sentence)


def with_query(body: Asked, query: Mapping[str, str]) -> Asked:
    """What a DELETE says in its query where its body does not."""
    return msgspec.structs.replace(
        body,
        posted_id=body.posted_id or query.get("postedId"),
        platform_id=body.platform_id or query.get("platformId"),
        comment_id=body.comment_id or query.get("commentId"),
    )


def post_statistics(body: Asked) -> tuple[str, str, list[Metric], bool]:
    """Account, post, what is asked for, and whether it was asked for alone."""
    if not body.posted_id or not body.platform_id:
        raise _wrong("postedId and platformId are required")
    if not isinstance(body.posted_id, str) or not isinstance(body.platform_id, str):
        raise _wrong("postedId and platformId must be strings")
    metrics, alone = _metrics(body)
    post = f"urn:li:share:{body.posted_id}" if body.posted_id.isascii() and body.posted_id.isdigit() else body.posted_id
    return body.platform_id.removeprefix("linkedin-"), post, metrics, alone


def account_statistics(body: Asked) -> tuple[str, list[Metric], bool, str, Days | None]:
    """Account, what is asked for, whether it was asked for alone, how it is added up, and of which days."""
    account_id = _platform(body).removeprefix("linkedin-")
    metrics, alone = _metrics(body)
    aggregation = "TOTAL" if body.aggregation is UNSET or body.aggregation is None else body.aggregation
    if not isinstance(aggregation, str):
        raise _wrong("aggregation must be a string")
    aggregation = aggregation.upper()
    if aggregation not in ("DAILY", "TOTAL"):
        raise _wrong("Invalid aggregation. Must be one of: DAILY, TOTAL")
    days = _days(body)
    if aggregation == "DAILY" and Metric.MEMBERS_REACHED in metrics:
        raise _wrong("MEMBERS_REACHED with DAILY aggregation is not supported by LinkedIn API")
    return account_id, metrics, alone, aggregation, days


def followers(body: Asked) -> tuple[str, Days | None]:
    """Account, and of which days; None: in all."""
    account_id = _account(_platform(body))
    period = "lifetime" if body.period is UNSET or body.period is None else body.period
    if not isinstance(period, str):
        raise _wrong("period must be a string")
    if period.lower() not in ("lifetime", "daily"):
        raise _wrong("Invalid period. Must be one of: lifetime, daily")
    if period.lower() == "lifetime":
        return account_id, None
    if body.date_range is UNSET:
        raise _wrong("dateRange is required for daily period")
    return account_id, _days(body)


def summary(body: Asked) -> tuple[str, Days | None]:
    """Account, and of which days."""
    return _account(_platform(body)), _days(body)


def reaction(body: Asked, *, made: bool) -> tuple[str, str, ReactionKind | None]:
    """Account, post and reaction; `made`: not taken back."""
    if made and not (body.posted_id and body.reaction_type and body.platform_id):
        raise _wrong("postedId, reactionType, and platformId are required")
    if not body.posted_id or not body.platform_id:
        raise _wrong("postedId and platformId are required")
    _post(body)
    kind = None
    if made:
        word = body.reaction_type.upper() if isinstance(body.reaction_type, str) else ""
        if word not in [each.value for each in ReactionKind]:
            raise _wrong(f"reactionType must be one of: {_REACTIONS}")
        kind = ReactionKind(word)
    return _account(body.platform_id), body.posted_id, kind


def comment(body: Asked) -> tuple[str, str, str, str | None]:
    """Account, post, text, and the comment that it answers."""
    if not (body.posted_id and body.message and body.platform_id):
        raise _wrong("postedId, message, and platformId are required")
    _post(body)
    if not isinstance(body.message, str) or not body.message.strip():
        raise _wrong("message cannot be empty")
    if len(body.message) > _MOST_MESSAGE:
        raise _wrong(f"message cannot exceed {_MOST_MESSAGE} characters")
    parent = body.parent_comment or None
    if parent is not None and not _is_urn(parent):
        raise _wrong("parentComment must be a valid LinkedIn URN")
    return _account(body.platform_id), body.posted_id, body.message, parent


def deleted_comment(body: Asked) -> tuple[str, str, str]:
    """Account, post and comment."""
    if not (body.posted_id and body.comment_id and body.platform_id):
        raise _wrong("postedId, commentId, and platformId are required")
    _post(body)
    numeric = isinstance(body.comment_id, str) and re.fullmatch(r"[0-9]{1,30}", body.comment_id)
    if not numeric and not _is_urn(body.comment_id):
        raise _wrong("commentId must be a valid LinkedIn URN or numeric ID")
    return _account(body.platform_id), body.posted_id, body.comment_id


def _platform(body: Asked) -> str:
    if not body.platform_id:
        raise _wrong("platformId is required")
    if not isinstance(body.platform_id, str):
        raise _wrong("platformId must be a string")
    return body.platform_id


def _account(platform_id: str) -> str:
    account_id = platform_id.removeprefix("linkedin-").strip()
    if not account_id:
        raise _wrong("Invalid platformId")
    return account_id


def _post(body: Asked) -> None:
    if not isinstance(body.platform_id, str):
        raise _wrong("platformId must be a string")
    if not _is_urn(body.posted_id):
        raise _wrong("postedId must be a valid LinkedIn URN")


def _is_urn(value: Any) -> bool:
    return isinstance(value, str) and _URN.match(value) is not None


def _metrics(body: Asked) -> tuple[list[Metric], bool]:
    if not body.query_type and not body.query_types:
        raise _wrong("queryType or queryTypes is required")
    if not body.query_types:
        if body.query_type not in [each.value for each in Metric]:
            raise _wrong(f"Invalid queryType. Must be one of: {_METRICS}")
        return [Metric(body.query_type)], True
    if isinstance(body.query_types, str) and body.query_types.upper() == "ALL":
        return list(Metric), False
    given = body.query_types if isinstance(body.query_types, list) else [body.query_types]
    known = {each.value for each in Metric}
    wrong = [each for each in given if not isinstance(each, str) or each.upper() not in known]
    if wrong:
        shown = ", ".join(each if isinstance(each, str) else msgspec.json.encode(each).decode() for each in wrong)
        raise _wrong(f'Invalid queryTypes: {shown[:200]}. Must be one of: {_METRICS}, or "ALL"')
    return list(dict.fromkeys(Metric(each.upper()) for each in given)), False


def _days(body: Asked) -> Days | None:
    value = body.date_range
    if value is UNSET:
        return None
    if not isinstance(value, dict):
        raise _wrong("dateRange must be an object")
    if not isinstance(value.get("start"), dict) or not isinstance(value.get("end"), dict):
        raise _wrong("dateRange must have both 'start' and 'end' objects")
    return Days(start=_day(value["start"]), end=_day(value["end"]))


def _day(value: dict[str, Any]) -> date:
    parts = [value.get(name) for name in ("year", "month", "day")]
    try:
        if any(isinstance(each, bool) for each in parts):
            raise TypeError
        year, month, day = parts
        return date(year, month, day)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise _wrong("dateRange.start and dateRange.end must have: year, month, day") from None
