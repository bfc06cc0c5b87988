"""What ConnectSafely's pages have and this server does not: each at its documented path, with the same answer.

Source: a third party's mirror of ConnectSafely's API description (September 2026), 97 operations.
"""

from typing import Any

from postroom.dialects.connectsafely import rows
from postroom.dialects.connectsafely.errors import Error
from postroom.dialects.operation import Operation
from postroom.dialects.request import Request
from postroom.domain.access import Scope
from postroom.errors import NotImplementedHere
from postroom.services.house import Services

_TABLE = """
    GET  /account/{accountId}/activity
    GET  /account/{accountId}/comments
    GET  /account/{accountId}/reactions
    POST /follow
    POST /connect
    POST /invitations/withdraw
    POST /invitations/received/respond
    GET  /analytics/network/summary
    GET  /analytics/creator/dashboard
    GET  /analytics/connections/count
    GET  /analytics/followers
    POST /messaging/check-email-support
    POST /messaging/send-group
    POST /messaging/send-group-with-typing
    POST /messaging/send-group-with-ack
    GET  /sales-nav/threads
    GET  /sales-nav/threads/{threadId}
    POST /sales-nav/send
    POST /sales-nav/mark-read
    GET  /inmail/credits
    GET  /events/{eventId}/attendees
    POST /groups/members
    POST /groups/members-by-url
    POST /group-members
    POST /posts/create
    POST /posts/comment
    POST /posts/comments
    POST /posts/comments/all
    POST /posts/latest
    POST /posts/react
    POST /posts/reactions
    POST /posts/reactions/v2
    POST /posts/repost
    POST /posts/reposts
    POST /posts/scrape
    POST /posts/search
    POST /posts/upload/init
    POST /posts/upload/complete
    GET  /posts/upload/document-status
    POST /posts/upload-and-post
    POST /feed
    POST /reply
    POST /like-comment
    POST /profile
    GET  /profile
    POST /profile/visit
    POST /endorse-skill
    GET  /organizations/{companyId}/followers
    POST /organizations/{companyId}/follow-invitations
    GET  /relationship/{profileId}
    GET  /relationship/{accountId}/{profileId}
    POST /search/people
    POST /search/people/v2
    POST /people/search
    POST /search/companies
    POST /search/companies/details
    POST /search/groups
    POST /search/groups/details
    POST /search/jobs
    POST /search/jobs/details
    POST /search/geo
    POST /search/schools
    POST /search/service-categories
    POST /search/posts/v2
    GET  /connections
    POST /profile/visitors
    GET  /invitations/received
    GET  /invitations/sent
    GET  /organizations
"""
_VALUES = {
    "accountId": "An account.",
    "threadId": "A thread of Sales Navigator.",
    "eventId": "An event of LinkedIn.",
    "companyId": "A company of LinkedIn.",
    "profileId": "A person.",
}


async def refuse(services: Services, request: Request) -> Any:
    """Say so, to whoever has a key."""
    raise NotImplementedHere("This server does not have it: it has accounts, conversations, messages and webhooks.")


def _outside(method: str, path: str) -> Operation:
    words = [word.strip("{}").replace("-", "_") for word in path.strip("/").split("/")]
    return Operation(
        name="_".join(["outside", method.lower(), *words]),
        method=method,
        path=f"/linkedin{path}",
        summary="Not here.",
        scope=Scope.READ if method == "GET" else Scope.SEND,
        handler=refuse,
        answer=Error,
        status=501,
        errors=rows.PAGE | {501},
        path_values={word.strip("{}"): _VALUES[word.strip("{}")] for word in path.split("/") if word.startswith("{")},
    )


OPERATIONS = tuple(_outside(*line.split()) for line in _TABLE.split("\n") if line.strip())
