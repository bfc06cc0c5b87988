"""PostPost's LinkedIn operations: how posts do, reactions and comments, as far as LinkedIn gives them to the connection.

Source: PostPost "LinkedIn Post Statistics", "LinkedIn Followers", "LinkedIn Profile Summary", "LinkedIn Reactions",
"LinkedIn Comments" (March 2026).
"""

from postroom.dialects.operation import Answer, Operation, Parameter
from postroom.dialects.postpost import reading_linkedin as reading
from postroom.dialects.postpost import wire_linkedin as wire
from postroom.dialects.postpost.errors import ONE
from postroom.dialects.request import Request
from postroom.domain.access import Scope
from postroom.services.house import Services

_NETWORK = "linkedin"


async def linkedin_post_statistics(services: Services, request: Request) -> wire.Statistics:
    account_id, post, metrics, alone = reading.post_statistics(request.body)
    found = await services.engagement.post_figures(request.caller, _NETWORK, account_id, post, metrics)
    return wire.statistics(found, alone=alone)


async def linkedin_account_statistics(services: Services, request: Request) -> wire.Statistics:
    account_id, metrics, alone, aggregation, days = reading.account_statistics(request.body)
    daily = aggregation == "DAILY"
    found = await services.engagement.account_figures(request.caller, _NETWORK, account_id, metrics, days, daily=daily)
    return wire.statistics(found, alone=alone, aggregation=aggregation)


async def linkedin_followers(services: Services, request: Request) -> wire.Followers:
    account_id, days = reading.followers(request.body)
    return wire.followers(await services.engagement.followers(request.caller, _NETWORK, account_id, days))


async def linkedin_profile_summary(services: Services, request: Request) -> wire.ProfileSummary | Answer:
    account_id, days = reading.summary(request.body)
    return wire.summary(await services.engagement.summary(request.caller, _NETWORK, account_id, days))


async def linkedin_create_reaction(services: Services, request: Request) -> wire.Reacted:
    account_id, post, kind = reading.reaction(request.body, made=True)
    return wire.reacted(post, await services.engagement.react(request.caller, _NETWORK, account_id, post, kind))


async def linkedin_delete_reaction(services: Services, request: Request) -> wire.Reacted:
    account_id, post, _ = reading.reaction(reading.with_query(request.body, request.query), made=False)
    return wire.reacted(post, await services.engagement.react(request.caller, _NETWORK, account_id, post, None))


async def linkedin_create_comment(services: Services, request: Request) -> wire.Commented:
    wanted = reading.comment(request.body)
    return wire.commented(await services.engagement.comment(request.caller, _NETWORK, *wanted))


async def linkedin_delete_comment(services: Services, request: Request) -> wire.CommentDeleted:
    account_id, post, comment = reading.deleted_comment(reading.with_query(request.body, request.query))
    await services.engagement.delete_comment(request.caller, _NETWORK, account_id, post, comment)
    return wire.CommentDeleted(deleted=comment)


_POST = (
    Parameter(name="postedId", summary="The post's URN, where the body does not say it."),
    Parameter(name="platformId", summary="The connection's id, where the body does not say it."),
)
_CANNOT = "400 where the account was linked in a way that LinkedIn gives no such power to."

LINKEDIN = (
    Operation(
        name="linkedin_post_statistics",
        method="POST",
        path="/linkedin-post-statistics",
        summary="Ask how a LinkedIn post does.",
        docs=_CANNOT,
        scope=Scope.PUBLISH,
        handler=linkedin_post_statistics,
        body=reading.Asked,
        body_docs=wire.PostQuery,
        any_type=True,
        answer=wire.Statistics,
        errors=ONE,
    ),
    Operation(
        name="linkedin_account_statistics",
        method="POST",
        path="/linkedin-account-statistics",
        summary="Ask how all posts of a LinkedIn account do.",
        docs=_CANNOT,
        scope=Scope.PUBLISH,
        handler=linkedin_account_statistics,
        body=reading.Asked,
        body_docs=wire.AccountQuery,
        any_type=True,
        answer=wire.Statistics,
        errors=ONE,
    ),
    Operation(
        name="linkedin_followers",
        method="POST",
        path="/linkedin-followers",
        summary="Ask how many follow a LinkedIn account.",
        docs=_CANNOT,
        scope=Scope.PUBLISH,
        handler=linkedin_followers,
        body=reading.Asked,
        body_docs=wire.FollowersQuery,
        any_type=True,
        answer=wire.Followers,
        errors=ONE,
    ),
    Operation(
        name="linkedin_profile_summary",
        method="POST",
        path="/linkedin-profile-summary",
        summary="Ask for a LinkedIn account's figures at a glance.",
        docs=_CANNOT,
        scope=Scope.PUBLISH,
        handler=linkedin_profile_summary,
        body=reading.Asked,
        body_docs=wire.SummaryQuery,
        any_type=True,
        answer=wire.ProfileSummary,
        errors=ONE | {502},
    ),
    Operation(
        name="linkedin_create_reaction",
        method="POST",
        path="/linkedin-reactions",
        summary="React to a LinkedIn post.",
        docs=_CANNOT,
        scope=Scope.PUBLISH,
        handler=linkedin_create_reaction,
        body=reading.Asked,
        body_docs=wire.NewReaction,
        any_type=True,
        answer=wire.Reacted,
        status=201,
        errors=ONE,
    ),
    Operation(
        name="linkedin_delete_reaction",
        method="DELETE",
        path="/linkedin-reactions",
        summary="Take a reaction to a LinkedIn post back.",
        docs=_CANNOT,
        scope=Scope.PUBLISH,
        handler=linkedin_delete_reaction,
        body=reading.Asked,
        body_docs=wire.OldReaction,
        any_type=True,
        answer=wire.Reacted,
        errors=ONE,
        parameters=_POST,
    ),
    Operation(
        name="linkedin_create_comment",
        method="POST",
        path="/linkedin-comments",
        summary="Comment on a LinkedIn post.",
        docs=_CANNOT + " 500 where LinkedIn did not answer: the comment may be there; look before you comment again.",
        scope=Scope.PUBLISH,
        handler=linkedin_create_comment,
        body=reading.Asked,
        body_docs=wire.NewComment,
        any_type=True,
        answer=wire.Commented,
        keep=wire.without_text,
        status=201,
        errors=ONE,
    ),
    Operation(
        name="linkedin_delete_comment",
        method="DELETE",
        path="/linkedin-comments",
        summary="Delete a comment of the account's.",
        docs=_CANNOT,
        scope=Scope.PUBLISH,
        handler=linkedin_delete_comment,
        body=reading.Asked,
        body_docs=wire.OldComment,
        any_type=True,
        answer=wire.CommentDeleted,
        errors=ONE,
        parameters=(*_POST, Parameter(name="commentId", summary="The comment's URN or number, likewise.")),
    ),
)
