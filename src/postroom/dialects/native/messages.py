"""Messages of our own API: read as they now stand, with what can still be done about each."""

import msgspec

from postroom.dialects.native import wire
from postroom.dialects.operation import Operation, Parameter
from postroom.dialects.request import Request
from postroom.domain.messages import Message
from postroom.domain.pages import Listing
from postroom.services.house import Services

MOST = 250
_ONE = frozenset({400, 401, 403, 404, 500, 503})
MESSAGE_ID = {"id": "The message's id, such as `msg_01HXYZ4QK3WJ8FN3M6QH7TZ8GR`."}
CHAT_ID = {"id": "The chat's id, such as `chat_01HXYZ4QK3WJ8FN3M6QH7TZ8GR`."}
DELETABLE = (
    "`can_delete` says whether a deletion would be asked of the network if it were asked for now, by the rule that "
    "deletions themselves go by; `delete_by` until when; `delete_reason` why not, as a stable `code` and a sentence."
)


class Messages(msgspec.Struct, kw_only=True):
    items: list[wire.Message]
    cursor: str | None


async def get_message(services: Services, request: Request) -> wire.Message:
    return await shown(services, request, await services.messages.get(request.caller, request.path["id"]))


async def shown(services: Services, request: Request, found: Message) -> wire.Message:
    """A message as this dialect shows it."""
    (deletion,) = await services.deadlines.of(request.caller.workspace_id, [found])
    moments = await services.deferrals.moments(request.caller, [found])
    return wire.message(found, deletion, moments)


async def list_chat_messages(services: Services, request: Request) -> Messages:
    found = await services.messages.list(
        request.caller,
        chat_id=request.path["id"],
        cursor=request.text("cursor"),
        limit=request.integer("limit", 100, 1, MOST),
    )
    return await page(services, request, found)


async def page(services: Services, request: Request, found: Listing[Message]) -> Messages:
    """A page of messages as this dialect shows it."""
    deletions = await services.deadlines.of(request.caller.workspace_id, found.items)
    moments = await services.deferrals.moments(request.caller, found.items)
    items = [wire.message(each, deletion, moments) for each, deletion in zip(found.items, deletions, strict=True)]
    return Messages(items=items, cursor=found.next)


OPERATIONS = (
    Operation(
        name="get_message",
        method="GET",
        path="/messages/{id}",
        summary="Get a message as it now stands, and whether it can be deleted.",
        docs=DELETABLE,
        handler=get_message,
        answer=wire.Message,
        errors=_ONE,
        path_values=MESSAGE_ID,
    ),
    Operation(
        name="list_chat_messages",
        method="GET",
        path="/chats/{id}/messages",
        summary="List a chat's messages, newest first.",
        docs=DELETABLE,
        handler=list_chat_messages,
        answer=Messages,
        errors=_ONE,
        parameters=(
            Parameter(name="cursor", summary="Where the page before ended."),
            Parameter(name="limit", summary=f"How many at most: 1 to {MOST}, 100 if not said.", kind=int),
        ),
        path_values=CHAT_ID,
    ),
)
