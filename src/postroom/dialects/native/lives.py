"""The life of an account: paused, resumed, and read anew."""

import msgspec

from postroom.dialects.native import wire_accounts
from postroom.dialects.operation import Operation
from postroom.dialects.request import Request
from postroom.domain.access import Scope
from postroom.services.house import Services

_ERRORS = frozenset({400, 401, 403, 404, 409, 413, 415, 500, 501, 503})
_ACCOUNT_ID = {"id": "The account's id, such as `acc_01HXYZ4QK3WJ8FN3M6QH7TZ8GR`."}
_CHAT_ID = {"id": "The chat's id, such as `chat_01HXYZ4QK3WJ8FN3M6QH7TZ8GR`."}


class Resync(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`before` and `after`: only messages sent before, and not before, these moments, in milliseconds since 1970.

    `chunk_chats`: rest after so many chats, until it is asked for again.
    """

    before: int | None = None
    after: int | None = None
    chunk_chats: int | None = None


async def pause_account(services: Services, request: Request) -> wire_accounts.Account:
    return wire_accounts.account(await services.accounts.pause(request.caller, request.path["id"]))


async def resume_account(services: Services, request: Request) -> wire_accounts.Account:
    return wire_accounts.account(await services.accounts.resume(request.caller, request.path["id"]))


async def resync_account(services: Services, request: Request) -> wire_accounts.Sync:
    body: Resync = request.body
    asked = {"before": body.before, "after": body.after, "chunk_chats": body.chunk_chats}
    return wire_accounts.sync(await services.resyncs.resync(request.caller, request.path["id"], **asked))


async def resync_chat(services: Services, request: Request) -> wire_accounts.Sync:
    return wire_accounts.sync(await services.resyncs.resync_chat(request.caller, request.path["id"]))


OPERATIONS = (
    Operation(
        name="pause_account",
        method="POST",
        path="/accounts/{id}/pause",
        summary="Pause an account: nothing is heard, synced or sent until it is resumed; what is held stays readable.",
        scope=Scope.LINK,
        handler=pause_account,
        answer=wire_accounts.Account,
        errors=_ERRORS,
        path_values=_ACCOUNT_ID,
    ),
    Operation(
        name="resume_account",
        method="POST",
        path="/accounts/{id}/resume",
        summary="Resume a paused account, and catch up with what happened meanwhile.",
        scope=Scope.LINK,
        handler=resume_account,
        answer=wire_accounts.Account,
        errors=_ERRORS,
        path_values=_ACCOUNT_ID,
    ),
    Operation(
        name="resync_account",
        method="POST",
        path="/accounts/{id}/resync",
        summary="Read all chats of an account anew, or hear how far that is.",
        docs="The first call starts it (`queued`), further ones tell how far it is (`running`). How it ended (`done`, "
        "`failed`) is told once; the call after that starts it again. With chunks, `resting` goes on when asked again.",
        scope=Scope.LINK,
        handler=resync_account,
        body=Resync,
        answer=wire_accounts.Sync,
        errors=_ERRORS,
        path_values=_ACCOUNT_ID,
    ),
    Operation(
        name="resync_chat",
        method="POST",
        path="/chats/{id}/resync",
        summary="Read the history of a chat anew, or hear how far that is; as `resync_account`.",
        scope=Scope.LINK,
        handler=resync_chat,
        answer=wire_accounts.Sync,
        errors=_ERRORS,
        path_values=_CHAT_ID,
    ),
)
