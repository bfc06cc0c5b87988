"""ConnectSafely's older messaging operations, kept for old clients; the lists lead on to their successors."""

from urllib.parse import quote, urlencode

from postroom.dialects.connectsafely import rows, sending, wire, wire_deprecated, wire_messages
from postroom.dialects.connectsafely.wire_deprecated import (
    DoneInAccount,
    DoneInConversation,
    Moved,
    OldSend,
    OldSent,
    OneAccount,
    OneConversation,
)
from postroom.dialects.operation import Answer, Handler, Operation, Parameter
from postroom.dialects.request import Request
from postroom.domain.access import Scope
from postroom.domain.chats import ChatMark
from postroom.errors import ErrorCode, InvalidParameters, Kind, NotImplementedHere
from postroom.services.house import Services


async def recent_messages(services: Services, request: Request) -> Answer:
    query = {name: request.text(name) for name in ("accountId", "nextCursor", "count")}
    read = (request.text("read") or "").lower()
    return moved("../conversations", query | {"unreadOnly": "true" if read == "false" else None})


async def conversation_details(services: Services, request: Request) -> Answer:
    urn = request.text("conversationUrn")
    if urn is None:
        raise InvalidParameters("conversationUrn is missing.", code=ErrorCode.MISSING_PARAMETERS, kind=Kind.URN)
    query = {"accountId": "accountId", "deliveredAt": "cursor", "countBefore": "count"}
    wanted = {now: request.text(once) for once, now in query.items()}
    return moved(f"../conversations/{quote(wire.plain(urn), safe='')}/messages", wanted)


async def mark_seen(services: Services, request: Request) -> DoneInConversation:
    body: OneConversation = request.body
    chat = await rows.chat_of(services, request, body.conversation_urn, body.account_id)
    request.spend(chat.account_id)
    await services.chats.mark(request.caller, chat.id, ChatMark.READ, on=True)
    urn = wire.plain(body.conversation_urn)
    return DoneInConversation(account_id=chat.account_id, conversation_urn=urn, message="Conversation marked as seen")


async def mark_all_read(services: Services, request: Request) -> DoneInAccount:
    account = await rows.account_of(services, request.caller, request.body.account_id)
    unread = await services.chats.list(request.caller, account_ids=[account.id], unread=True, limit=rows.MOST)
    for chat in unread.items:
        request.spend(account.id)
        await services.chats.mark(request.caller, chat.id, ChatMark.READ, on=True)
    return DoneInAccount(account_id=account.id, message=f"{len(unread.items)} conversations marked as read")


async def typing_indicator(services: Services, request: Request) -> DoneInConversation:
    body: OneConversation = request.body
    chat = await rows.chat_of(services, request, body.conversation_urn, body.account_id)
    await services.chats.type(request.caller, chat.id, on=True)
    urn = wire.plain(body.conversation_urn)
    return DoneInConversation(account_id=chat.account_id, conversation_urn=urn, message="Typing indicator sent")


async def old_send(services: Services, request: Request) -> OldSent:
    return await _sent(services, request)


async def send_with_typing(services: Services, request: Request) -> OldSent:
    return await _sent(services, request, typing=True)


async def send_with_ack(services: Services, request: Request) -> OldSent:
    return await _sent(services, request, acknowledged=True)


async def _sent(
    services: Services, request: Request, *, typing: bool | None = None, acknowledged: bool | None = None
) -> OldSent:
    body: OldSend = request.body
    _check(body)
    if typing or acknowledged:
        await sending.before(services, request, body, typing=typing is True)
    now = wire_deprecated.as_send(body)
    account, message = await sending.send(services, request, now)
    return wire_deprecated.old_sent(wire_messages.sent(account, message, [], now), typing, acknowledged)


def moved(where: str, query: dict[str, str | None]) -> Answer:
    """A redirect that keeps the method, relative to where the request came."""
    said = urlencode({name: value for name, value in query.items() if value is not None})
    address = f"{where}?{said}" if said else where
    return Answer(307, b'{"success":true,"message":"Moved: see the header Location."}', headers=_location(address))


def _location(address: str) -> tuple[tuple[bytes, bytes], ...]:
    return ((b"location", address.encode("ascii")),)


def _check(body: OldSend) -> None:
    if body.message_type not in ("normal", "inmail"):
        raise InvalidParameters("messageType is normal or inmail.", kind=Kind.BODY)
    if body.message_type == "inmail" and not (body.subject or "").strip():
        raise InvalidParameters("An InMail needs a subject.", code=ErrorCode.MISSING_PARAMETERS, kind=Kind.BODY)
    if body.message_type == "inmail" or body.group_id is not None:
        raise NotImplementedHere("InMail and messages to members of a group are not sent from here; nothing was sent.")


def _old(name: str, path: str, summary: str, handler: Handler, body: type, answer: type) -> Operation:
    return Operation(
        name=name,
        method="POST",
        path=f"/linkedin{path}",
        summary=summary,
        docs="Deprecated by the vendor.",
        scope=Scope.SEND,
        handler=handler,
        body=body,
        answer=answer,
        errors=rows.PAGE | {501},
    )


OPERATIONS = (
    Operation(
        name="recent_messages",
        method="GET",
        path="/linkedin/messaging/recent-messages",
        summary="Leads on to the list of conversations.",
        docs="Deprecated by the vendor.",
        handler=recent_messages,
        answer=Moved,
        status=307,
        errors=rows.PAGE,
        parameters=(
            rows.ACCOUNT_ID,
            Parameter(name="nextCursor", summary="Where the page before ended."),
            Parameter(name="count", summary="How many at most.", kind=int),
            Parameter(name="keywords", summary="Taken, and not looked for."),
            Parameter(name="read", summary="`false`: only those with unread messages."),
        ),
    ),
    Operation(
        name="conversation_details",
        method="GET",
        path="/linkedin/messaging/conversation-details",
        summary="Leads on to a conversation's messages.",
        docs="Deprecated by the vendor.",
        handler=conversation_details,
        answer=Moved,
        status=307,
        errors=rows.PAGE,
        parameters=(
            Parameter(name="conversationUrn", summary="The conversation.", required=True),
            rows.ACCOUNT_ID,
            Parameter(name="profileId", summary="Taken, and not needed."),
            Parameter(name="deliveredAt", summary="Only older than this, in milliseconds since 1970."),
            Parameter(name="countBefore", summary="How many at most.", kind=int),
            Parameter(name="countAfter", summary="Taken, and not needed."),
        ),
    ),
    _old("mark_seen", "/messaging/mark-seen", "Mark as read.", mark_seen, OneConversation, DoneInConversation),
    _old(
        "mark_all_read",
        "/messaging/mark-all-read",
        "Mark all unread conversations as read: the newest 250.",
        mark_all_read,
        OneAccount,
        DoneInAccount,
    ),
    _old(
        "typing_indicator",
        "/messaging/typing-indicator",
        "Let the others see that the account is writing.",
        typing_indicator,
        OneConversation,
        DoneInConversation,
    ),
    _old("old_send", "/messaging/send", "Send a message to a person.", old_send, OldSend, OldSent),
    _old(
        "send_with_typing",
        "/messaging/send-with-typing",
        "Send a message to a person who sees before that somebody is writing.",
        send_with_typing,
        OldSend,
        OldSent,
    ),
    _old(
        "send_with_ack",
        "/messaging/send-with-ack",
        "Send a message to a person, and mark the conversation as read before.",
        send_with_ack,
        OldSend,
        OldSent,
    ),
    _old("send_to_person", "/message", "Send a message to a person.", old_send, OldSend, OldSent),
)
