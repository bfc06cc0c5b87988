"""Deletions and sends of our own API that can be undone for a while, and messages that go by themselves."""

from datetime import datetime

import msgspec

from postroom.clock import iso
from postroom.dialects.native import wire
from postroom.dialects.native.messages import CHAT_ID, MESSAGE_ID, shown
from postroom.dialects.native.messaging import ONCE, File, uploads
from postroom.dialects.native.moments import ms
from postroom.dialects.operation import Operation, Parameter
from postroom.dialects.request import Request
from postroom.domain.access import Scope
from postroom.domain.deferrals import Deferral as DomainDeferral
from postroom.errors import InvalidParameters
from postroom.services.deferrals import LONGEST_GRACE_SECONDS
from postroom.services.house import Services

_ONE = frozenset({400, 401, 403, 404, 409, 422, 500, 501, 502, 503, 504})
_BODY = frozenset({413, 415})
_NOT_WAITING = 10.0


class Deferral(msgspec.Struct, kw_only=True):
    """What was put off, and what came of it so far. Final where `settled_at` is.

    `state`: waiting (it can be undone), under_way, done, undone, refused (the `detail` says why), in_doubt (it may have
    been done; it is being read back until `settled_at` is there, and then nobody can know).
    """

    id: str
    href: str
    kind: str
    """`delete` or `send`."""
    cause: str
    """`grace` or `delete_at`."""
    state: str
    account_id: str
    chat_id: str
    message_id: str | None
    """What is deleted; what was sent, once it is."""
    due_at: str
    created_at: str
    settled_at: str | None
    detail: str | None


class Deleted(msgspec.Struct, kw_only=True):
    """`done`: `deleted`, or `deferred` as the deferral says."""

    id: str
    done: str
    deferral: Deferral | None


class NewMessage(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`quote_id`: the message of this chat that it answers. `typing_seconds`: how long to be shown writing before.

    `grace`: seconds in which it can be undone. `delete_at`: when it is to go again, such as 2026-12-01T09:00:00Z.
    """

    text: str = ""
    quote_id: str | None = None
    files: list[File] = []
    typing_seconds: float | None = None
    grace: int = 0
    delete_at: datetime | None = None


class Sent(msgspec.Struct, kw_only=True):
    """The message that was sent; null where that is still to come, as the deferral says."""

    message_id: str | None
    message: wire.Message | None
    deferral: Deferral | None


class MessageDeleteAt(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """When the message is deleted, such as 2026-12-01T09:00:00Z; null: not any more."""

    delete_at: datetime | None


class DeleteAtSet(msgspec.Struct, kw_only=True):
    id: str
    deferral: Deferral | None


async def delete_message(services: Services, request: Request) -> Deleted:
    id, grace = request.path["id"], request.integer("grace", 0, 0, LONGEST_GRACE_SECONDS)
    if not grace:
        await services.recalls.recall(request.caller, id)
        return Deleted(id=id, done="deleted", deferral=None)
    made = await services.deferrals.delete(request.caller, id, grace)
    return Deleted(id=id, done="deleted" if made is None else "deferred", deferral=_shown(made))


async def send_chat_message(services: Services, request: Request) -> Sent:
    body: NewMessage = request.body
    caller, chat_id, delete_at = request.caller, request.path["id"], _moment(body.delete_at)
    if not 0 <= body.grace <= LONGEST_GRACE_SECONDS:
        raise InvalidParameters(f"`grace` is 0 to {LONGEST_GRACE_SECONDS} seconds.")
    if delete_at is not None:
        services.access.require(caller, Scope.DELETE)
    if not body.grace and delete_at is None:
        return await _sent_now(services, request, body)
    if body.files or body.typing_seconds is not None:
        raise InvalidParameters("A message with files, or with `typing_seconds`, goes at once and stays.")
    made = await services.deferrals.send(
        caller, chat_id, body.text, grace_seconds=body.grace, quote_id=body.quote_id, delete_at=delete_at
    )
    if not body.grace:
        made = await services.deferrals.settled(caller, made.id, _NOT_WAITING)
    return Sent(message_id=made.message_id, message=None, deferral=_shown(made))


async def _sent_now(services: Services, request: Request, body: NewMessage) -> Sent:
    files, chat_id = uploads(body.files), request.path["id"]
    sent = await services.messages.send(
        request.caller, chat_id, body.text, quote_id=body.quote_id, files=files, typing=body.typing_seconds
    )
    return Sent(message_id=sent.id, message=await shown(services, request, sent), deferral=None)


async def set_message_delete_at(services: Services, request: Request) -> DeleteAtSet:
    body: MessageDeleteAt = request.body
    made = await services.deferrals.delete_at(request.caller, request.path["id"], _moment(body.delete_at))
    return DeleteAtSet(id=request.path["id"], deferral=_shown(made))


async def get_deferral(services: Services, request: Request) -> Deferral:
    return _deferral(await services.deferrals.get(request.caller, request.path["id"]))


async def undo_deferral(services: Services, request: Request) -> Deferral:
    found = await services.deferrals.get(request.caller, request.path["id"])
    services.access.require(request.caller, services.deferrals.scope_of(found))
    return _deferral(await services.deferrals.undo(request.caller, found.id))


def _moment(found: datetime | None) -> int | None:
    return None if found is None else ms(found, "delete_at")


def _shown(found: DomainDeferral | None) -> Deferral | None:
    return None if found is None else _deferral(found)


def _deferral(found: DomainDeferral) -> Deferral:
    return Deferral(
        id=found.id,
        href=f"/api/deferrals/{found.id}",
        kind=found.kind,
        cause=found.cause,
        state=found.state,
        account_id=found.account_id,
        chat_id=found.chat_id,
        message_id=found.message_id,
        due_at=iso(found.due_at),
        created_at=iso(found.created_at),
        settled_at=None if found.settled_at is None else iso(found.settled_at),
        detail=found.detail,
    )


def _kept(answer: Sent) -> Sent:
    shown = answer.message
    return msgspec.structs.replace(answer, message=None if shown is None else wire.without_words(shown))


_DEFERRAL_ID = {"id": "The deferral's id, such as `dfr_01HXYZ4QK3WJ8FN3M6QH7TZ8GR`."}
_GRACE = f"seconds, up to {LONGEST_GRACE_SECONDS}"

OPERATIONS = (
    Operation(
        name="delete_chat_message",
        method="DELETE",
        path="/messages/{id}",
        summary="Delete a message for everyone: now, or after a time in which that can be undone.",
        docs="With `grace` nobody is called until it is over, and `POST /api/deferrals/{id}/undo` takes the wish back. It is "
        "refused where the network would not delete the message any more by then. A message that is deleted already is a "
        "success, and calls nobody.",
        scope=Scope.DELETE,
        handler=delete_message,
        answer=Deleted,
        errors=_ONE,
        parameters=(Parameter(name="grace", summary=f"How long it can be undone: {_GRACE}.", kind=int),),
        path_values=MESSAGE_ID,
    ),
    Operation(
        name="send_chat_message",
        method="POST",
        path="/chats/{id}/messages",
        summary="Send a message: now, or after a time in which that can be undone; and have it go again at a moment.",
        docs=f"{ONCE} `grace`: {_GRACE}. With `delete_at` the message deletes itself, which is refused where its network "
        "would not do that at that moment any more; the key needs the scope to delete as well.",
        scope=Scope.SEND,
        handler=send_chat_message,
        body=NewMessage,
        answer=Sent,
        keep=_kept,
        status=201,
        errors=_ONE | _BODY,
        path_values=CHAT_ID,
    ),
    Operation(
        name="set_message_delete_at",
        method="PUT",
        path="/messages/{id}/delete-at",
        summary="Have a message of one's own delete itself at a moment.",
        docs="It takes the place of what was set before; null: only that. It is refused, with the last moment that there is, "
        "where the network would not delete the message any more.",
        scope=Scope.DELETE,
        handler=set_message_delete_at,
        body=MessageDeleteAt,
        answer=DeleteAtSet,
        errors=_ONE | _BODY,
        path_values=MESSAGE_ID,
    ),
    Operation(
        name="get_deferral",
        method="GET",
        path="/deferrals/{id}",
        summary="Get what was put off, and what came of it.",
        handler=get_deferral,
        answer=Deferral,
        errors=frozenset({400, 401, 403, 404, 500, 503}),
        path_values=_DEFERRAL_ID,
    ),
    Operation(
        name="undo_deferral",
        method="POST",
        path="/deferrals/{id}/undo",
        summary="Undo what waits: nobody is called. Undone already is a success.",
        docs="409: it is being done, or is over. The key needs the scope that asking for it took.",
        handler=undo_deferral,
        answer=Deferral,
        errors=frozenset({400, 401, 403, 404, 409, 500, 503}),
        path_values=_DEFERRAL_ID,
    ),
)
