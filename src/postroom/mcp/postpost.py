"""PostPost's tools, by their names and arguments. Those that delete take a token besides, and do nothing without.

Source: PostPost "MCP server" (2026), and the published proxy of the same service.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from postroom.mcp.deleting import TOKEN, TWO_STEPS, either
from postroom.mcp.table import (
    ADDS,
    ASKS,
    CHANGES,
    DELETES,
    READS,
    Api,
    Arguments,
    Hints,
    Tool,
    choice,
    number,
    said,
    text,
)

_GROUP = text("The post group's id: 24 hexadecimal digits.")
_PLATFORM = text("The connection's platformId as list_connections shows it, such as linkedin-ACoAA....")
_POSTED = text("LinkedIn's URN of the post: `postedId` of get_post.")
_METRICS = {
    "description": "Which figures: an array of IMPRESSION, MEMBERS_REACHED, RESHARE, REACTION, COMMENT; or ALL.",
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
}
_DAY = {
    "type": "object",
    "properties": {name: {"type": "integer"} for name in ("year", "month", "day")},
    "required": ["year", "month", "day"],
}
_DAYS = {
    "type": "object",
    "description": "The first and the last day.",
    "properties": {"start": _DAY, "end": _DAY},
    "required": ["start", "end"],
}
_ALL = "ALL"


def _get(path: str, *query: str, only: str | None = None) -> Callable[[Api, Arguments], Awaitable[Any]]:
    """`only`: the member of the answer that is the result."""

    async def call(api: Api, arguments: Arguments) -> Any:
        found = await api.postpost("GET", path, said(arguments, *query))
        return found if only is None else found[only]

    return call


def _of_group(method: str, path: str, *body: str) -> Callable[[Api, Arguments], Awaitable[Any]]:
    async def call(api: Api, arguments: Arguments) -> Any:
        where = f"{path}/{_segment(arguments['postGroupId'])}"
        return await (api.postpost(method, where, body=said(arguments, *body)) if body else api.postpost(method, where))

    return call


def _post(path: str, *body: str, only: str | None = None) -> Callable[[Api, Arguments], Awaitable[Any]]:
    async def call(api: Api, arguments: Arguments) -> Any:
        found = await api.postpost("POST", path, body=said(arguments, *body))
        return found if only is None else found[only]

    return call


def _figures(path: str, *body: str) -> Callable[[Api, Arguments], Awaitable[Any]]:
    async def call(api: Api, arguments: Arguments) -> Any:
        return await api.postpost("POST", path, body={"queryTypes": _ALL, **said(arguments, "queryTypes", *body)})

    return call


async def _delete_post(api: Api, arguments: Arguments) -> Any:
    return await either(api, "post_group", arguments["postGroupId"], arguments, "confirmationToken")


async def _delete_comment(api: Api, arguments: Arguments) -> Any:
    more = {"post_id": arguments["postedId"], "platform_id": arguments["platformId"]}
    return await either(api, "comment", arguments["commentId"], arguments, "confirmationToken", **more)


async def _delete_reaction(api: Api, arguments: Arguments) -> Any:
    more = {"post_id": arguments["postedId"], "platform_id": arguments["platformId"]}
    return await either(api, "reaction", arguments["postedId"], arguments, "confirmationToken", **more)


async def _detach(api: Api, arguments: Arguments) -> Any:
    return await either(api, "managed_user", arguments["userId"], arguments, "confirmationToken")


def _segment(id: str) -> str:
    # What is no id stays one segment of the path.
    return "".join(each if each.isalnum() else "_" for each in id) or "_"


_STATUS = ("draft", "scheduled", "published", "failed", "partially_published")
_CREATES = Hints()

TOOLS = (
    Tool(
        name="list_posts",
        title="List posts",
        does="List post groups (what was written once for several networks), by pages. Dates go by the scheduled time.",
        hints=READS,
        takes={
            "status": choice("Only of this status.", *_STATUS),
            "platform": text("Only for this network, such as linkedin."),
            "fromDate": text("Scheduled at or after this moment (ISO 8601)."),
            "toDate": text("Scheduled at or before this moment (ISO 8601)."),
            "page": number("Which page, from 1.", 1, 1_000_000),
            "limit": number("How many on a page; 20 if not said.", 1, 100),
            "sortBy": choice("Sorted by what.", "createdAt", "updatedAt", "scheduledTime"),
            "sortOrder": choice("In which order.", "asc", "desc"),
        },
        call=_get("/list-posts", "status", "platform", "fromDate", "toDate", "page", "limit", "sortBy", "sortOrder"),
    ),
    Tool(
        name="create_post",
        title="Schedule a post",
        does="Write a post and schedule it for several networks at a moment; a moment that has passed means now. What is "
        "published is seen by people outside: ask your user before.",
        hints=ADDS,
        scope="publish",
        takes={
            "content": text("The text."),
            "platforms": {
                "type": "array",
                "items": {"type": "string"},
                "minItems": 1,
                "description": "Where to: platformIds as list_connections shows them.",
            },
            "scheduledTime": text("When, ISO 8601 in UTC, such as 2026-12-01T09:00:00.000Z."),
        },
        needs=("content", "platforms", "scheduledTime"),
        call=_post("/create-post", "content", "platforms", "scheduledTime"),
    ),
    Tool(
        name="get_post",
        title="Get a post",
        does="Get a post group: each network's post with its status, its id there, and why it failed.",
        hints=READS,
        takes={"postGroupId": _GROUP},
        needs=("postGroupId",),
        call=_of_group("GET", "/get-post"),
    ),
    Tool(
        name="update_post",
        title="Reschedule a post",
        does="Make a post group a draft, or schedule it for another moment, as long as it was not published.",
        hints=CHANGES,
        scope="publish",
        takes={
            "postGroupId": _GROUP,
            "status": choice("draft: it does not go out; scheduled: it does.", "draft", "scheduled"),
            "scheduledTime": text("When, ISO 8601 in UTC."),
        },
        needs=("postGroupId",),
        call=_of_group("PUT", "/update-post", "status", "scheduledTime"),
    ),
    Tool(
        name="delete_post",
        title="Delete a post",
        does="Delete a post group with its files from this server. What is live at networks stays live there: that is "
        "preview_deletion with kind take_down. " + TWO_STEPS,
        hints=Hints(destructive=True),
        scope="delete",
        takes={"postGroupId": _GROUP, "confirmationToken": TOKEN},
        needs=("postGroupId",),
        marked=True,
        call=_delete_post,
    ),
    Tool(
        name="get_upload_url",
        title="Get an upload address",
        does="Get an address to which a file for a post group is PUT, with the same Content-Type, within an hour.",
        hints=_CREATES,
        scope="publish",
        takes={
            "postGroupId": _GROUP,
            "fileName": text("The file's name."),
            "contentType": text("Its type, such as image/png."),
            "type": choice("What it is.", "image", "video"),
        },
        needs=("postGroupId", "fileName", "contentType", "type"),
        call=_post("/get-upload-url", "postGroupId", "fileName", "contentType", "type"),
    ),
    Tool(
        name="list_connections",
        title="List connections",
        does="List the accounts that posts can go to, with the platformIds that other tools take.",
        hints=READS,
        call=_get("/platform-connections", only="connections"),
    ),
    Tool(
        name="linkedin_post_stats",
        title="Figures of a LinkedIn post",
        does="How a LinkedIn post does: impressions, members reached, reshares, reactions, comments.",
        hints=ASKS,
        scope="publish",
        takes={"postedId": _POSTED, "platformId": _PLATFORM, "queryTypes": _METRICS},
        needs=("postedId", "platformId"),
        call=_figures("/linkedin-post-statistics", "postedId", "platformId"),
    ),
    Tool(
        name="linkedin_account_stats",
        title="Figures of a LinkedIn account",
        does="How all posts of a LinkedIn account do.",
        hints=ASKS,
        scope="publish",
        takes={
            "platformId": _PLATFORM,
            "queryTypes": _METRICS,
            "aggregation": choice("In all, or day by day.", "TOTAL", "DAILY"),
        },
        needs=("platformId",),
        call=_figures("/linkedin-account-statistics", "platformId", "aggregation"),
    ),
    Tool(
        name="linkedin_followers",
        title="Followers on LinkedIn",
        does="How many follow a LinkedIn account, or how many came on each day.",
        hints=ASKS,
        scope="publish",
        takes={
            "platformId": _PLATFORM,
            "period": choice("lifetime: how many there are; daily: with dateRange.", "lifetime", "daily"),
            "dateRange": _DAYS,
        },
        needs=("platformId",),
        call=_post("/linkedin-followers", "platformId", "period", "dateRange"),
    ),
    Tool(
        name="linkedin_profile_summary",
        title="A LinkedIn account at a glance",
        does="Followers and the figures of all posts of a LinkedIn account.",
        hints=ASKS,
        scope="publish",
        takes={"platformId": _PLATFORM, "dateRange": _DAYS},
        needs=("platformId",),
        call=_post("/linkedin-profile-summary", "platformId", "dateRange"),
    ),
    Tool(
        name="linkedin_create_reaction",
        title="React on LinkedIn",
        does="React to a LinkedIn post as the account. It is seen by people outside, and replaces an earlier reaction.",
        hints=CHANGES,
        scope="publish",
        takes={
            "postedId": _POSTED,
            "platformId": _PLATFORM,
            "reactionType": choice("Which.", "LIKE", "PRAISE", "EMPATHY", "INTEREST", "APPRECIATION", "ENTERTAINMENT"),
        },
        needs=("postedId", "platformId", "reactionType"),
        call=_post("/linkedin-reactions", "postedId", "platformId", "reactionType"),
    ),
    Tool(
        name="linkedin_delete_reaction",
        title="Take a reaction back on LinkedIn",
        does="Remove the account's reaction to a LinkedIn post. " + TWO_STEPS,
        hints=DELETES,
        scope="delete and publish",
        takes={"postedId": _POSTED, "platformId": _PLATFORM, "confirmationToken": TOKEN},
        needs=("postedId", "platformId"),
        marked=True,
        call=_delete_reaction,
    ),
    Tool(
        name="linkedin_create_comment",
        title="Comment on LinkedIn",
        does="Comment on a LinkedIn post as the account. It is seen by people outside: ask your user before.",
        hints=ADDS,
        scope="publish",
        takes={
            "postedId": _POSTED,
            "platformId": _PLATFORM,
            "message": text("The comment.", maxLength=1250),
            "parentComment": text("LinkedIn's URN of the comment that it answers."),
        },
        needs=("postedId", "platformId", "message"),
        call=_post("/linkedin-comments", "postedId", "platformId", "message", "parentComment"),
    ),
    Tool(
        name="linkedin_delete_comment",
        title="Delete a comment on LinkedIn",
        does="Delete a comment of the account's on LinkedIn. " + TWO_STEPS,
        hints=DELETES,
        scope="delete and publish",
        takes={
            "postedId": _POSTED,
            "commentId": text("LinkedIn's URN or number of the comment."),
            "platformId": _PLATFORM,
            "confirmationToken": TOKEN,
        },
        needs=("postedId", "commentId", "platformId"),
        marked=True,
        call=_delete_comment,
    ),
    Tool(
        name="list_workspace_users",
        title="List managed users",
        does="List the users whom the workspace acts for.",
        hints=READS,
        call=_get("/workspace/users", only="users"),
    ),
    Tool(
        name="create_workspace_user",
        title="Add a managed user",
        does="Add a user for the workspace to act for.",
        hints=_CREATES,
        scope="link",
        takes={
            "username": text("An e-mail address by which the user is known."),
            "displayName": text("The user's name."),
        },
        needs=("username",),
        call=_post("/workspace/users", "username", "displayName", only="user"),
    ),
    Tool(
        name="workspace_detach_user",
        title="Detach a managed user",
        does="Act for a managed user no more: their keys end at once. " + TWO_STEPS,
        hints=Hints(destructive=True),
        scope="delete and link",
        takes={"userId": text("The user's id: 24 hexadecimal digits."), "confirmationToken": TOKEN},
        needs=("userId",),
        marked=True,
        call=_detach,
    ),
)
