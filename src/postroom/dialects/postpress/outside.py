"""What PostPress's pages have and this server does not: each at its documented path, with the same answer.

Source: PostPress and Unipile v1 reference pages (2026): users, invitations, posts, LinkedIn's own, mail, calendars.
"""

import re
from typing import Any

from postroom.dialects.operation import Operation
from postroom.dialects.postpress import rows
from postroom.dialects.postpress.errors import Error
from postroom.dialects.request import Request
from postroom.domain.access import Scope
from postroom.errors import NotImplementedHere
from postroom.services.house import Services

_TABLE = """
    GET    /users/followers
    GET    /users/following
    PATCH  /users/me/edit
    POST   /users/invite
    GET    /users/invite/sent
    DELETE /users/invite/sent/{invitation_id}
    GET    /users/invite/received
    POST   /users/invite/received/{invitation_id}
    GET    /users/{identifier}/posts
    GET    /users/{identifier}/comments
    GET    /users/{identifier}/reactions
    DELETE /chats/{chat_id}
    POST   /posts
    GET    /posts/{post_id}
    GET    /posts/{post_id}/comments
    POST   /posts/{post_id}/comments
    GET    /posts/{post_id}/reactions
    POST   /posts/reaction
    GET    /linkedin/company/{identifier}
    POST   /linkedin/search
    GET    /linkedin/search/parameters
    GET    /linkedin/inmail_balance
    GET    /linkedin/jobs
    POST   /linkedin/jobs
    GET    /linkedin/jobs/{job_id}
    GET    /linkedin/jobs/{job_id}/applicants
    GET    /emails
    POST   /emails
    GET    /emails/{email_id}
    PUT    /emails/{email_id}
    DELETE /emails/{email_id}
    GET    /emails/{email_id}/attachments/{attachment_id}
    GET    /folders
    GET    /folders/{folder_id}
    POST   /drafts
    GET    /calendars
    GET    /calendars/{calendar_id}
    GET    /calendars/{calendar_id}/events
    POST   /calendars/{calendar_id}/events
    GET    /calendars/{calendar_id}/events/{event_id}
    PATCH  /calendars/{calendar_id}/events/{event_id}
    DELETE /calendars/{calendar_id}/events/{event_id}
"""


async def refuse(services: Services, request: Request) -> Any:
    """Say so, to whoever has a key."""
    raise NotImplementedHere("This server does not have it: it has accounts, chats, messages, people and webhooks.")


def _outside(method: str, path: str) -> Operation:
    words = [word.strip("{}") for word in path.strip("/").split("/")]
    return Operation(
        name="_".join([method.lower(), *words]),
        method=method,
        path=path,
        summary="Not here.",
        scope=Scope.READ if method == "GET" else Scope.SEND,
        handler=refuse,
        answer=Error,
        status=501,
        errors=rows.ONE | {501},
        path_values=dict.fromkeys(re.findall(r"{(\w+)}", path), "As the vendor's page has it."),
    )


OPERATIONS = tuple(_outside(*line.split()) for line in _TABLE.split("\n") if line.strip())
