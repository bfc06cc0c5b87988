"""Take-downs of our own API: live posts are removed from their networks, now or at a moment, with an outcome for each."""

from datetime import datetime

import msgspec

from postroom.clock import iso
from postroom.dialects.native import wire
from postroom.dialects.native.moments import ms
from postroom.dialects.operation import Operation, Parameter
from postroom.dialects.request import Request
from postroom.domain.access import Scope
from postroom.domain.takedowns import Takedown as DomainTakedown
from postroom.domain.takedowns import Target as DomainTarget
from postroom.errors import InvalidParameters
from postroom.services.house import Services
from postroom.services.takedowns import LONGEST_WAIT_SECONDS

_ONE = frozenset({400, 401, 403, 404, 500, 503})
_BODY = frozenset({413, 415})


class Target(msgspec.Struct, kw_only=True):
    """One post at one network. `outcome`: asked, done, unsupported, refused or in_doubt; final where `settled_at` is."""

    post_id: str | None
    platform: str
    platform_id: str
    provider_id: str | None
    url: str | None
    """Where it is, or was: where it can be removed by hand."""
    outcome: str
    detail: str | None
    settled_at: str | None


class TakeDown(msgspec.Struct, kw_only=True):
    """What was asked, and what came of it so far. Ask `href` again until `settled_at` is there."""

    id: str
    href: str
    post_group_id: str
    asked_at: str
    settled_at: str | None
    targets: list[Target]


class DeleteAt(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """When the live posts are taken down, such as 2026-12-01T09:00:00Z; null: not any more.

    `then`: whether the post group is kept afterwards, or deleted with its files.
    """

    delete_at: datetime | None
    then: str = "keep"


async def take_down_post_group(services: Services, request: Request) -> TakeDown:
    wait = request.integer("wait_seconds", int(LONGEST_WAIT_SECONDS), 0, int(LONGEST_WAIT_SECONDS))
    return takedown(await services.takedowns.take_down(request.caller, request.path["id"], wait))


async def take_down_receipt(services: Services, request: Request) -> TakeDown:
    wait = request.integer("wait_seconds", int(LONGEST_WAIT_SECONDS), 0, int(LONGEST_WAIT_SECONDS))
    return takedown(await services.takedowns.take_down_receipt(request.caller, request.path["id"], wait))


async def get_take_down(services: Services, request: Request) -> TakeDown:
    return takedown(await services.takedowns.get(request.caller, request.path["id"]))


async def set_delete_at(services: Services, request: Request) -> wire.Done:
    body: DeleteAt = request.body
    at, delete = _moment(body)
    await services.takedowns.schedule(request.caller, request.path["id"], at, delete_group=delete)
    return wire.Done(id=request.path["id"], done="unscheduled" if at is None else "scheduled")


def _moment(body: DeleteAt) -> tuple[int | None, bool]:
    if body.then not in ("keep", "delete"):
        raise InvalidParameters("`then` is keep or delete.")
    if body.delete_at is None:
        return None, False
    return ms(body.delete_at, "delete_at"), body.then == "delete"


def takedown(found: DomainTakedown) -> TakeDown:
    """A take-down as this dialect shows it."""
    return TakeDown(
        id=found.id,
        href=f"/api/take-downs/{found.id}",
        post_group_id=found.group_id,
        asked_at=iso(found.asked_at),
        settled_at=None if found.settled_at is None else iso(found.settled_at),
        targets=[_target(each) for each in found.targets],
    )


def _target(found: DomainTarget) -> Target:
    return Target(
        post_id=found.post_id,
        platform=found.platform,
        platform_id=found.platform_id,
        provider_id=found.provider_id,
        url=found.url,
        outcome=found.outcome,
        detail=found.detail,
        settled_at=None if found.settled_at is None else iso(found.settled_at),
    )


_WAIT = Parameter(
    name="wait_seconds", summary="How long to wait until all is settled: 0 to 10, 10 if not said.", kind=int
)
_GROUP_ID = {"id": "The post group's id: 24 hexadecimal digits."}
_OUTCOMES = (
    "An outcome for each post: `done` (the network accepted it, or says that it is gone), `unsupported` (its `url` leads "
    "to where it is done by hand), `refused` (the `detail` says why), `in_doubt` (it may be gone; it is asked again until "
    "that is settled). What is asked is on record before any network is called. Asking again is safe."
)

OPERATIONS = (
    Operation(
        name="take_down_post_group",
        method="POST",
        path="/post-groups/{id}/take-down",
        summary="Remove a post group's live posts from their networks. The group stays.",
        docs=_OUTCOMES,
        scope=Scope.DELETE,
        handler=take_down_post_group,
        answer=TakeDown,
        errors=_ONE,
        parameters=(_WAIT,),
        path_values=_GROUP_ID,
    ),
    Operation(
        name="take_down_receipt",
        method="POST",
        path="/receipts/{id}/take-down",
        summary="Remove what a deleted post group left live, by the receipt of its deletion.",
        docs=_OUTCOMES,
        scope=Scope.DELETE,
        handler=take_down_receipt,
        answer=TakeDown,
        errors=_ONE,
        parameters=(_WAIT,),
        path_values={"id": "The receipt's id, such as `rcp_01HXYZ4QK3WJ8FN3M6QH7TZ8GR`."},
    ),
    Operation(
        name="get_take_down",
        method="GET",
        path="/take-downs/{id}",
        summary="Get a take-down: what came of it so far.",
        handler=get_take_down,
        answer=TakeDown,
        errors=_ONE,
        path_values={"id": "The take-down's id, such as `tkd_01HXYZ4QK3WJ8FN3M6QH7TZ8GR`."},
    ),
    Operation(
        name="set_delete_at",
        method="PUT",
        path="/post-groups/{id}/delete-at",
        summary="Have a post group's live posts taken down at a moment, and then the group deleted or kept.",
        docs="It takes the place of what was set before. It holds also where the group is deleted meanwhile.",
        scope=Scope.DELETE,
        handler=set_delete_at,
        body=DeleteAt,
        answer=wire.Done,
        errors=_ONE | _BODY,
        path_values=_GROUP_ID,
    ),
)
