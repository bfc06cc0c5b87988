"""The operations of PostPress: paths, the X-API-KEY header, and three lines each."""

from typing import Any

from postroom.dialects.openapi import served
from postroom.dialects.operation import Application, Dialect, Operation, Parameter
from postroom.dialects.postpress import mailbox, webhooks, wire
from postroom.dialects.postpress.errors import Error, failure
from postroom.dialects.request import Request
from postroom.domain.access import Caller, Scope
from postroom.errors import ErrorCode, InvalidParameters, Kind, NotFound, NotImplementedHere
from postroom.services.house import Services

MOST = 250
USUAL = 100

# What the pages list. "Retrieve" and "Delete a message": no 400. "Delete an account": no 403.
_ONE = frozenset({401, 403, 404, 500, 503, 504})
_LIST = _ONE | {400}
_UNLINK = frozenset({400, 401, 404, 500, 503, 504})
_CONNECT = frozenset({400, 401, 403, 407, 408, 409, 425, 500, 501, 502, 503, 504})
_SEND = _ONE | {415, 422, 501}

_PAGE = (
    Parameter(name="cursor", summary="Where the page before ended. Other parameters are then ignored."),
    Parameter(name="limit", summary=f"How many at most: 1 to {MOST}, {USUAL} if not said.", kind=int),
)
_TIMES = (
    Parameter(name="before", summary="Only what is strictly older, such as 2026-05-17T09:42:11.000Z."),
    Parameter(name="after", summary="Only what is strictly newer, such as 2026-05-17T09:42:11.000Z."),
)
_SENDER = Parameter(name="sender_id", summary="Only messages of this person, by the network's id.")
_ACCOUNT = Parameter(name="account_id", summary="Only what belongs to this account.")


async def authenticate(services: Services, request: Request) -> Caller:
    """`X-API-KEY`, or `Authorization: Bearer`."""
    caller = await services.access.resolve(request.header(b"x-api-key") or request.bearer)
    services.access.require_api(caller, "api")
    return caller


async def retrieve_message(services: Services, request: Request) -> wire.Message:
    return wire.message(*await services.messages.get_with_speakers(request.caller, request.path["message_id"]))


async def delete_message(services: Services, request: Request) -> wire.MessageDeleted:
    await services.recalls.recall(request.caller, request.path["message_id"])
    return wire.MessageDeleted()


async def list_messages(services: Services, request: Request) -> wire.MessageList:
    found = await services.messages.list(
        request.caller,
        chat_id=request.path.get("chat_id"),
        account_id=request.text("account_id"),
        sender_id=request.text("sender_id"),
        before=request.moment("before"),
        after=request.moment("after"),
        cursor=request.text("cursor"),
        limit=request.integer("limit", USUAL, 1, MOST),
    )
    return wire.message_list(found, await services.messages.speakers(request.caller, found.items))


async def send_message(services: Services, request: Request) -> wire.MessageSent:
    body: wire.SendMessage = request.body
    if body.attachments or body.voice_message or body.video_message:
        raise NotImplementedHere("This version sends text only; nothing was sent.")
    if not body.text:
        raise InvalidParameters("text is missing.", code=ErrorCode.MISSING_PARAMETERS, kind=Kind.CONTENT)
    chat_id = request.path["chat_id"]
    sent = await services.messages.send(
        request.caller, chat_id, body.text, account_id=body.account_id or None, quote_id=body.quote_id or None
    )
    return wire.MessageSent(message_id=sent.id)


async def list_accounts(services: Services, request: Request) -> mailbox.AccountList:
    limit = request.integer("limit", USUAL, 1, MOST)
    return mailbox.account_list(
        await services.accounts.list(request.caller, cursor=request.text("cursor"), limit=limit)
    )


async def retrieve_account(services: Services, request: Request) -> mailbox.Account:
    account = await services.accounts.get(request.caller, request.path["id"])
    if account.provider not in mailbox.TYPES:
        raise NotFound("PostPress has no such accounts; the native API shows it.", kind=Kind.ACCOUNT)
    return mailbox.account(account)


async def connect_account(services: Services, request: Request) -> mailbox.AccountCreated:
    body: mailbox.ConnectAccount = request.body
    if body.provider != "LINKEDIN" or not body.access_token:
        raise NotImplementedHere("Linked here is LINKEDIN, by access_token; for others see the native API.")
    account = await services.accounts.link(request.caller, "linkedin", "cookie", mailbox.cookies(body))
    return mailbox.AccountCreated(account_id=account.id)


async def delete_account(services: Services, request: Request) -> mailbox.AccountDeleted:
    await services.accounts.unlink(request.caller, request.path["id"])
    return mailbox.AccountDeleted()


async def list_chats(services: Services, request: Request) -> mailbox.ChatList:
    found = await services.chats.list(
        request.caller,
        account_ids=request.listed("account_id"),
        provider=(request.text("account_type") or "").lower() or None,
        unread=request.flag("unread"),
        before=request.moment("before"),
        after=request.moment("after"),
        cursor=request.text("cursor"),
        limit=request.integer("limit", USUAL, 1, MOST),
    )
    return mailbox.chat_list(found)


async def retrieve_chat(services: Services, request: Request) -> mailbox.Chat:
    chat, last = await services.chats.get(request.caller, request.path["chat_id"], request.text("account_id"))
    if last is None:
        return mailbox.chat(chat, None)
    return mailbox.chat(chat, wire.last_message(last, await services.messages.speakers(request.caller, [last])))


async def list_attendees(services: Services, request: Request) -> mailbox.ChatAttendeeList:
    return mailbox.attendee_list(await services.chats.attendees(request.caller, request.path["chat_id"]))


_MESSAGE_ID = {"message_id": "The message's id, such as `msg_01HXYZ4QK3WJ8FN3M6QH7TZ8GR`."}
_CHAT_ID = {"chat_id": "The chat's id, such as `chat_01HXYZ4QK3WJ8FN3M6QH7TZ8GR`."}
_ACCOUNT_ID = {"id": "The account's id, such as `acc_01HXYZ4QK3WJ8FN3M6QH7TZ8GR`."}

OPERATIONS = (
    Operation(
        name="retrieve_message",
        method="GET",
        path="/messages/{message_id}",
        summary="Retrieve a message.",
        docs="A deleted message is a tombstone: `deleted` is 1, and nothing of its content is left.",
        handler=retrieve_message,
        answer=wire.Message,
        errors=_ONE,
        path_values=_MESSAGE_ID,
    ),
    Operation(
        name="delete_message",
        method="DELETE",
        path="/messages/{message_id}",
        summary="Take a message back at its network, then bury it here.",
        docs="LinkedIn: your own, within 60 minutes. Done means that the network accepted it; a second delete answers "
        "the same and calls nobody. 504: the network did not say; it is being read back, and asking again is safe.",
        scope=Scope.DELETE,
        handler=delete_message,
        answer=wire.MessageDeleted,
        errors=_ONE,
        path_values=_MESSAGE_ID,
    ),
    Operation(
        name="list_messages",
        method="GET",
        path="/messages",
        summary="List messages, newest first.",
        handler=list_messages,
        answer=wire.MessageList,
        errors=_LIST,
        parameters=(*_PAGE, *_TIMES, _SENDER, _ACCOUNT),
    ),
    Operation(
        name="list_accounts",
        method="GET",
        path="/accounts",
        summary="List linked accounts of the networks that PostPress has a type for.",
        handler=list_accounts,
        answer=mailbox.AccountList,
        errors=_LIST,
        parameters=_PAGE,
    ),
    Operation(
        name="retrieve_account",
        method="GET",
        path="/accounts/{id}",
        summary="Retrieve an account.",
        handler=retrieve_account,
        answer=mailbox.Account,
        errors=_ONE,
        path_values=_ACCOUNT_ID,
    ),
    Operation(
        name="connect_account",
        method="POST",
        path="/accounts",
        summary="Link a LinkedIn account by its session cookie.",
        docs="Linking the same account again reconnects it and keeps its id. Logging in by password, and other "
        "networks, are 501 here. LinkedIn's terms of use forbid automation: whoever links an account answers for it.",
        scope=Scope.LINK,
        handler=connect_account,
        body=mailbox.ConnectAccount,
        answer=mailbox.AccountCreated,
        status=201,
        errors=_CONNECT,
    ),
    Operation(
        name="delete_account",
        method="DELETE",
        path="/accounts/{id}",
        summary="Unlink an account, and destroy the key of everything that was held of it.",
        scope=Scope.DELETE,
        handler=delete_account,
        answer=mailbox.AccountDeleted,
        errors=_UNLINK,
        path_values=_ACCOUNT_ID,
    ),
    Operation(
        name="list_chats",
        method="GET",
        path="/chats",
        summary="List chats, most recently active first.",
        handler=list_chats,
        answer=mailbox.ChatList,
        errors=_LIST,
        parameters=(
            *_PAGE,
            *_TIMES,
            Parameter(name="account_id", summary="Only chats of these accounts, ids separated by commas."),
            Parameter(name="account_type", summary="Only chats of this network, such as LINKEDIN."),
            Parameter(name="unread", summary="Only chats with unread messages, or only those without.", kind=bool),
        ),
    ),
    Operation(
        name="retrieve_chat",
        method="GET",
        path="/chats/{chat_id}",
        summary="Retrieve a chat, and its newest message that is not deleted.",
        handler=retrieve_chat,
        answer=mailbox.Chat,
        errors=_LIST,
        path_values={"chat_id": "The chat's id; with `account_id`, the network's id will do."},
        parameters=(Parameter(name="account_id", summary="Whose chat, where the path has the network's id."),),
    ),
    Operation(
        name="list_chat_messages",
        method="GET",
        path="/chats/{chat_id}/messages",
        summary="List the messages of a chat, newest first.",
        handler=list_messages,
        answer=wire.MessageList,
        errors=_LIST,
        path_values=_CHAT_ID,
        parameters=(*_PAGE, *_TIMES, _SENDER),
    ),
    Operation(
        name="send_message",
        method="POST",
        path="/chats/{chat_id}/messages",
        summary="Send a text to a chat.",
        docs="504: it may have gone out; it then shows up by itself, and is never sent again by us. "
        "Use an Idempotency-Key to ask again safely.",
        scope=Scope.SEND,
        handler=send_message,
        body=wire.SendMessage,
        form=True,
        answer=wire.MessageSent,
        status=201,
        errors=_SEND,
        path_values=_CHAT_ID,
    ),
    Operation(
        name="list_chat_attendees",
        method="GET",
        path="/chats/{chat_id}/attendees",
        summary="List the people in a chat.",
        handler=list_attendees,
        answer=mailbox.ChatAttendeeList,
        errors=_ONE,
        path_values=_CHAT_ID,
    ),
    *webhooks.OPERATIONS,
)

_SECURITY: dict[str, Any] = {
    "key": {"type": "apiKey", "in": "header", "name": "X-API-KEY"},
    "bearer": {"type": "http", "scheme": "bearer"},
}

DIALECT = Dialect(
    name="postpress",
    title="Postroom, as PostPress",
    docs="Accounts, chats and messages. Every path is served under `/v1` and under `/api/v1`.\n\n"
    "An operation answers the statuses of its page and no other; besides them 429, and where an Idempotency-Key is "
    "sent 409 (in flight) and 422 (it came with another request).",
    base="/postpress",
    prefixes=("/v1", "/api/v1"),
    operations=OPERATIONS,
    authenticate=authenticate,
    failure=failure,
    failure_type=Error,
    lists_nearest=True,
    security=_SECURITY,
)


def dialect(services: Services, *, body_limit_bytes: int = 1 << 20) -> Application:
    """PostPress as an ASGI application. It looks at the whole path, `/postpress` included."""
    return served(DIALECT, services, body_limit_bytes)
