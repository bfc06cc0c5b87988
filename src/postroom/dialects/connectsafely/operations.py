"""The operations of ConnectSafely: LinkedIn conversations by URN, under `/linkedin`, with a bearer token."""

import re
from collections.abc import Sequence

from postroom.dialects.connectsafely import webhooks, wire
from postroom.dialects.connectsafely.errors import Error, failure
from postroom.dialects.openapi import served
from postroom.dialects.operation import Application, Dialect, Operation, Parameter
from postroom.dialects.request import Request
from postroom.domain.access import Caller, Scope
from postroom.domain.accounts import Account
from postroom.errors import InvalidParameters
from postroom.services.house import Services

MOST = 250

_RECALL = frozenset({400, 401, 404, 500})
_ACCOUNT_ID = Parameter(name="accountId", summary="The LinkedIn account; if not said, the one used last.")
_MILLISECONDS = re.compile(r"[0-9]{1,15}\Z")


async def authenticate(services: Services, request: Request) -> Caller:
    """`Authorization: Bearer`."""
    caller = await services.access.resolve(request.bearer)
    services.access.require_api(caller, "api")
    return caller


async def recall_message(services: Services, request: Request) -> wire.Recalled:
    conversation, message = request.path["conversationUrn"], request.path["messageUrn"]
    wire.check_channel(conversation)
    account_id = request.text("accountId")
    await services.recalls.recall_by_key(request.caller, wire.PROVIDER, conversation, message, account_id)
    return wire.Recalled(message_urn=wire.plain(message))


async def list_conversations(services: Services, request: Request) -> wire.Conversations:
    caller = request.caller
    wanted = request.listed("linkedinAccountIds") or request.listed("accountId") or []
    accounts = wire.chosen(await _accounts(services, caller), wanted)
    # No conversation has a label here.
    labeled = request.text("labelId") is not None or request.flag("labeledOnly")
    found = await services.chats.list(
        caller,
        account_ids=[] if labeled else [account.id for account in accounts],
        unread=request.flag("unreadOnly") or None,
        cursor=request.text("nextCursor"),
        limit=request.integer("count", 20, 1, MOST),
    )
    newest = await services.chats.latest(caller, found.items)
    return wire.conversations(found, accounts, newest, await services.chats.people(caller, found.items))


async def list_messages(services: Services, request: Request) -> wire.Messages:
    caller, urn = request.caller, request.path["conversationUrn"]
    wire.check_channel(urn)
    chat = await services.chats.find_by_key(caller, wire.PROVIDER, urn, request.text("accountId"))
    account = await services.accounts.get(caller, chat.account_id)
    limit = request.integer("count", 50, 1, MOST)
    found = await services.messages.list(
        caller, chat_id=chat.id, before=_moment(request, "cursor"), after=_moment(request, "since"), limit=limit
    )
    return wire.messages(found, account.provider_id, await services.chats.attendees(caller, chat.id))


async def list_accounts(services: Services, request: Request) -> list[wire.Account]:
    return wire.accounts(await _accounts(services, request.caller), request.text("q"))


async def health(services: Services, request: Request) -> wire.Health:
    return wire.Health(status="ok" if await services.health.ready() else "failing")


async def _accounts(services: Services, caller: Caller) -> Sequence[Account]:
    held: list[Account] = []
    cursor = None
    while True:
        found = await services.accounts.list(caller, provider=wire.PROVIDER, cursor=cursor, limit=MOST)
        held += [account for account in found.items if account.has_chats]
        cursor = found.next
        if cursor is None:
            return held


def _moment(request: Request, name: str) -> int | None:
    value = request.text(name)
    if value is None:
        return None
    if not _MILLISECONDS.match(value):
        raise InvalidParameters(f"{name} must be milliseconds since 1970.")
    return int(value)


_CONVERSATION = {"conversationUrn": "The conversation's URN in any of its spellings, percent-encoded."}

OPERATIONS = (
    Operation(
        name="recall_message",
        method="DELETE",
        path="/linkedin/conversations/{conversationUrn}/messages/{messageUrn}",
        summary="Recall a message you sent.",
        docs="It is recalled on LinkedIn first, and only on success buried here, in every linked account that shares "
        "the conversation; all connected clients are told. Any spelling of the URNs is understood. A message that "
        "was never seen here can be recalled too. Asking again answers the same and calls nobody. 500 with code "
        "`outcome_unknown`: LinkedIn did not answer; it is being read back.",
        scope=Scope.DELETE,
        handler=recall_message,
        answer=wire.Recalled,
        errors=_RECALL,
        path_values=_CONVERSATION
        | {"messageUrn": "The URN of the message to delete in any of its spellings, percent-encoded."},
        parameters=(
            Parameter(
                name="accountId",
                summary="The LinkedIn account; if not said, the one that holds the message, else the one whose mailbox "
                "the URNs name, else the one used last.",
            ),
        ),
    ),
    Operation(
        name="list_conversations",
        method="GET",
        path="/linkedin/conversations",
        summary="List conversations, most recently active first.",
        handler=list_conversations,
        answer=wire.Conversations,
        errors=_RECALL,
        parameters=(
            _ACCOUNT_ID,
            Parameter(name="linkedinAccountIds", summary="Several accounts at once, ids separated by commas."),
            Parameter(name="count", summary=f"How many at most: 1 to {MOST}, 20 if not said.", kind=int),
            Parameter(name="nextCursor", summary="Where the page before ended."),
            Parameter(name="unreadOnly", summary="Only those with unread messages.", kind=bool),
            Parameter(name="labelId", summary="Only those with this label: none, as there are no labels here."),
            Parameter(name="labeledOnly", summary="Only those with any label: none.", kind=bool),
        ),
    ),
    Operation(
        name="list_messages",
        method="GET",
        path="/linkedin/conversations/{conversationUrn}/messages",
        summary="List a conversation's messages, newest first. What was recalled is not shown.",
        handler=list_messages,
        answer=wire.Messages,
        errors=_RECALL,
        path_values=_CONVERSATION,
        parameters=(
            Parameter(name="accountId", summary="The LinkedIn account; if not said, the one that has it."),
            Parameter(name="count", summary=f"How many at most: 1 to {MOST}, 50 if not said.", kind=int),
            Parameter(name="cursor", summary="Only older than this, in milliseconds since 1970.", kind=int),
            Parameter(name="since", summary="Only newer than this, in milliseconds since 1970.", kind=int),
            Parameter(name="sync", summary="Taken and not needed: accounts are kept in step all the time.", kind=bool),
        ),
    ),
    Operation(
        name="list_accounts",
        method="GET",
        path="/linkedin/accounts",
        summary="List the linked LinkedIn accounts.",
        handler=list_accounts,
        answer=list[wire.Account],
        errors=_RECALL,
        parameters=(Parameter(name="q", summary="Part of a name, an id, or a profile's address."),),
    ),
    Operation(
        name="health",
        method="GET",
        path="/health",
        summary="Whether the server can do its work.",
        scope=None,
        handler=health,
        answer=wire.Health,
        errors=frozenset({500}),
    ),
    *webhooks.OPERATIONS,
)

DIALECT = Dialect(
    name="connectsafely",
    title="Postroom, as ConnectSafely",
    docs="LinkedIn conversations and messages by URN. `/connectsafely/linkedin/ws` is a WebSocket that tells of "
    "every change; its `seq` is where to resume from, as `?after=`.\n\nEvery failure has `error`, a sentence, and "
    "beside it `code`, which is stable.",
    base="/connectsafely",
    operations=OPERATIONS,
    authenticate=authenticate,
    failure=failure,
    failure_type=Error,
    security={"bearer": {"type": "http", "scheme": "bearer"}},
)


def dialect(services: Services, *, body_limit_bytes: int = 1 << 20) -> Application:
    """ConnectSafely as an ASGI application. It looks at the whole path, `/connectsafely` included."""
    return served(DIALECT, services, body_limit_bytes)
