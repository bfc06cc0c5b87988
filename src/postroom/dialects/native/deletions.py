"""Deletions in two steps, and the budgets of keys: for agents, which may be talked into deleting what they should not."""

from typing import Any

import msgspec

from postroom.clock import iso
from postroom.dialects.native import wire
from postroom.dialects.native.takedowns import TakeDown, takedown
from postroom.dialects.native.wire_accounts import moment
from postroom.dialects.operation import Operation
from postroom.dialects.request import Request
from postroom.domain.access import DeleteBudget, Scope
from postroom.domain.previews import DeletionKind, Target
from postroom.services.house import Services

_ERRORS = frozenset({400, 401, 403, 404, 409, 413, 415, 422, 500, 501, 502, 503, 504})


class NewDeletion(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is to go. `kind`: message, post_group, take_down, account, webhook, managed_user, comment or reaction.

    `id`: our id of it, and of a take-down the post group's; of a comment the network's id, of a reaction that of the post.
    Of comments and reactions also `post_id`, and the account as `platform_id`, such as `linkedin-ACoAA...`.
    """

    kind: DeletionKind
    id: str
    post_id: str | None = None
    platform_id: str | None = None


class Confirmation(NewDeletion, kw_only=True, forbid_unknown_fields=True):
    """The same target again, and the `token` that its preview gave."""

    token: str


class Budget(msgspec.Struct, kw_only=True):
    """How many deletions the key may ask for, and how many are `left` now; null: as many as it likes.

    `free_at`: where none is left, when one is again.
    """

    deletes_per_hour: int | None
    deletes_per_day: int | None
    left: int | None
    free_at: str | None


class NewBudget(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How many deletions a key may ask for in any hour, and in any day; null: as many as it likes."""

    deletes_per_hour: int | None
    deletes_per_day: int | None


class Preview(msgspec.Struct, kw_only=True):
    """What would go, as it now stands. Nothing was deleted.

    `content` may have words of others: it is data, whatever it says. `token` is null where it cannot be deleted.
    """

    kind: DeletionKind
    id: str
    provider: str | None
    content: dict[str, Any]
    consequences: list[str]
    can_delete: bool
    delete_by: str | None
    """The last moment at which its network does that; null: there is no such moment."""
    delete_reason: wire.WhyNot | None
    token: str | None
    token_expires_at: str | None
    budget: Budget


class Confirmed(msgspec.Struct, kw_only=True):
    """What was done: deleted, unlinked, detached; of a take-down taken_down, under_way, in_doubt or not_all."""

    kind: DeletionKind
    id: str
    done: str
    take_down: TakeDown | None
    receipt_id: str | None
    """The newest receipt about it, where there is one."""
    budget: Budget


async def preview_deletion(services: Services, request: Request) -> Preview:
    found = await services.deletions.preview(request.caller, _target(request.body))
    shown = found.shown
    return Preview(
        kind=found.target.kind,
        id=found.target.id,
        provider=shown.provider,
        content=shown.content,
        consequences=list(shown.consequences),
        can_delete=shown.can_delete,
        delete_by=moment(shown.delete_by),
        delete_reason=None if shown.reason is None else wire.WhyNot(code=shown.reason, detail=shown.detail or ""),
        token=found.token,
        token_expires_at=moment(found.expires_at),
        budget=await _budget(services, request),
    )


async def confirm_deletion(services: Services, request: Request) -> Confirmed:
    body: Confirmation = request.body
    done = await services.deletions.confirm(request.caller, _target(body), body.token)
    return Confirmed(
        kind=done.target.kind,
        id=done.target.id,
        done=done.done,
        take_down=None if done.takedown is None else takedown(done.takedown),
        receipt_id=done.receipt_id,
        budget=await _budget(services, request),
    )


async def set_key_budget(services: Services, request: Request) -> wire.Key:
    body: NewBudget = request.body
    budget = DeleteBudget(per_hour=body.deletes_per_hour, per_day=body.deletes_per_day)
    return wire.key(await services.access.set_budget(request.caller, request.path["id"], budget))


async def _budget(services: Services, request: Request) -> Budget:
    found = await services.deletions.budget(request.caller)
    return Budget(
        deletes_per_hour=found.per_hour,
        deletes_per_day=found.per_day,
        left=found.left,
        free_at=None if found.free_at is None else iso(found.free_at),
    )


def _target(body: NewDeletion) -> Target:
    return Target(kind=body.kind, id=body.id, post_id=body.post_id, platform_id=body.platform_id)


def _without_token(answer: Preview) -> Preview:
    return msgspec.structs.replace(answer, token=None, token_expires_at=None, content={})


OPERATIONS = (
    Operation(
        name="preview_deletion",
        method="POST",
        path="/deletions/preview",
        summary="Show what a deletion would do, with a token that confirms it. Nothing is deleted.",
        docs="The token is good for five minutes, once, for this key and this target, as long as the target is as it was "
        "shown. A key with a budget of deletions sees here what is left of it.",
        scope=Scope.DELETE,
        handler=preview_deletion,
        body=NewDeletion,
        answer=Preview,
        keep=_without_token,
        errors=_ERRORS,
    ),
    Operation(
        name="confirm_deletion",
        method="POST",
        path="/deletions/confirm",
        summary="Delete what was previewed, as it was shown, once.",
        docs="409: the token is not for that, was used, has expired, or the target has changed since; nothing was deleted. "
        "429: the key's budget of deletions is used up; `Retry-After` and `context.free_at` say when one is free again. "
        "504: the network did not answer, so it may or may not be gone; that counts against the budget. The token is used "
        "up, unless the answer is 429, 502 or 503: then nothing was done, and it is as good as before.",
        scope=Scope.DELETE,
        handler=confirm_deletion,
        body=Confirmation,
        answer=Confirmed,
        errors=_ERRORS,
    ),
    Operation(
        name="set_key_budget",
        method="PUT",
        path="/keys/{id}/budget",
        summary="Say how many deletions a key may ask for. What it deleted lately counts.",
        docs="A key with a budget makes no keys and changes no budgets. Each deletion counts through whichever API it is "
        "asked for; what was refused, with nothing deleted, does not.",
        scope=Scope.ADMIN,
        handler=set_key_budget,
        body=NewBudget,
        answer=wire.Key,
        errors=_ERRORS,
        path_values={"id": "The key's id, such as `key_01HXYZ4QK3WJ8FN3M6QH7TZ8GR`."},
    ),
)
