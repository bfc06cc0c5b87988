"""PostPress's attendees: the people in chats."""

from postroom.dialects.operation import Operation, Streamed
from postroom.dialects.postpress import mailbox, rows, wire
from postroom.dialects.request import Request
from postroom.services.house import Services

_ID = {"id": "The person's id, such as `att_01HXYZ4QK3WJ8FN3M6QH7TZ8GR`; with `account_id`, the network's id will do."}


async def list_chat_attendees(services: Services, request: Request) -> mailbox.ChatAttendeeList:
    return mailbox.attendee_list(await services.chats.attendees(request.caller, request.path["chat_id"]))


async def list_attendees(services: Services, request: Request) -> mailbox.ChatAttendeeList:
    found = await services.attendees.list(
        request.caller,
        account_id=request.text("account_id"),
        cursor=request.text("cursor"),
        limit=request.integer("limit", rows.USUAL, 1, rows.MOST),
    )
    return mailbox.attendee_page(found)


async def retrieve_attendee(services: Services, request: Request) -> mailbox.ChatAttendee:
    return mailbox.attendee(
        await services.attendees.get(request.caller, request.path["id"], request.text("account_id"))
    )


async def get_attendee_picture(services: Services, request: Request) -> Streamed:
    picture = await services.attendees.picture(request.caller, request.path["id"])
    return Streamed(content_type=picture.content_type, size_bytes=picture.size_bytes, chunks=picture.chunks)


async def list_attendee_chats(services: Services, request: Request) -> mailbox.ChatList:
    people = await services.attendees.named(request.caller, request.path["attendee_id"].split(","))
    found = await services.chats.list(
        request.caller,
        account_ids=request.listed("account_id"),
        people=[each.provider_id for each in people],
        before=request.moment("before"),
        after=request.moment("after"),
        cursor=request.text("cursor"),
        limit=request.integer("limit", rows.USUAL, 1, rows.MOST),
    )
    return mailbox.chat_list(found)


async def list_attendee_messages(services: Services, request: Request) -> wire.MessageList:
    people = await services.attendees.named(request.caller, [request.path["sender_id"]])
    found = await services.messages.list(
        request.caller,
        account_id=request.text("account_id"),
        sender_id=people[0].provider_id if people else request.path["sender_id"],
        before=request.moment("before"),
        after=request.moment("after"),
        cursor=request.text("cursor"),
        limit=request.integer("limit", rows.USUAL, 1, rows.MOST),
    )
    return wire.message_list(found, await services.messages.speakers(request.caller, found.items))


OPERATIONS = (
    Operation(
        name="list_chat_attendees",
        method="GET",
        path="/chats/{chat_id}/attendees",
        summary="List the people in a chat.",
        handler=list_chat_attendees,
        answer=mailbox.ChatAttendeeList,
        errors=rows.ONE,
        path_values=rows.CHAT_ID,
    ),
    Operation(
        name="list_attendees",
        method="GET",
        path="/chat_attendees",
        summary="List the people in all chats.",
        handler=list_attendees,
        answer=mailbox.ChatAttendeeList,
        errors=rows.LIST,
        parameters=(*rows.PAGE, rows.ACCOUNT),
    ),
    Operation(
        name="retrieve_attendee",
        method="GET",
        path="/chat_attendees/{id}",
        summary="Retrieve one of them.",
        handler=retrieve_attendee,
        answer=mailbox.ChatAttendee,
        errors=rows.ONE,
        path_values=_ID,
        parameters=(rows.ACCOUNT,),
    ),
    Operation(
        name="get_attendee_picture",
        method="GET",
        path="/chat_attendees/{id}/picture",
        summary="Get somebody's picture, from the network.",
        handler=get_attendee_picture,
        answer=bytes,
        errors=rows.ONE,
        path_values={"id": "The person's id, or that of a chat of two: then the other one's picture."},
    ),
    Operation(
        name="list_attendee_chats",
        method="GET",
        path="/chat_attendees/{attendee_id}/chats",
        summary="List the chats of two with somebody, most recently active first.",
        handler=list_attendee_chats,
        answer=mailbox.ChatList,
        errors=rows.LIST,
        path_values={"attendee_id": "The person's id, ours or the network's; several are separated by commas."},
        parameters=(*rows.PAGE, *rows.TIMES, rows.ACCOUNTS),
    ),
    Operation(
        name="list_attendee_messages",
        method="GET",
        path="/chat_attendees/{sender_id}/messages",
        summary="List what somebody wrote, newest first.",
        handler=list_attendee_messages,
        answer=wire.MessageList,
        errors=rows.LIST,
        path_values={"sender_id": "The person's id, ours or the network's."},
        parameters=(*rows.PAGE, *rows.TIMES, rows.ACCOUNT),
    ),
)
