"""PostPress's webhooks: their operations, and how those read what they are sent. (`deliveries` has what is told.)

Source: PostPress "Webhooks" and its guide "Webhooks overview" (2026). There is no operation that changes one: it is
deleted and made again.
"""

from collections.abc import Mapping

import msgspec
from msgspec import UNSET, UnsetType

from postroom.dialects.operation import Operation, Parameter
from postroom.dialects.postpress import mailbox
from postroom.dialects.postpress.deliveries import EVENTS, FIELDS
from postroom.dialects.request import Request
from postroom.domain.access import Scope
from postroom.domain.accounts import Account
from postroom.domain.events import EventType
from postroom.domain.webhooks import Format, WebhookEndpoint, Wishes
from postroom.errors import ErrorCode, InvalidParameters, Kind, NotFound, NotImplementedHere
from postroom.services.house import Services

MOST = 100

_MINE = Format.POSTPRESS
_ANY = frozenset({400, 401, 403, 500, 503, 504})
_ELSEWHERE = ("users", "email", "email_tracking", "calendar_event")


class Header(msgspec.Struct, kw_only=True):
    key: str
    value: str


class Field(msgspec.Struct, kw_only=True):
    """One field of what is told: `key` as it is called here, `name` as the receiver wants it called."""

    name: str
    key: str


class NewWebhook(msgspec.Struct, kw_only=True):
    """An endpoint to come. `source`: `messaging` or `account_status`; without `account_ids` it is told of all accounts."""

    source: str
    request_url: str
    name: str = ""
    format: str = "json"
    enabled: bool = True
    account_ids: list[str] = []
    headers: list[Header] = []
    data: list[Field] = []
    events: list[str] = []


class WebhookCreated(msgspec.Struct, kw_only=True, tag_field="object", tag="WebhookCreated"):
    webhook_id: str
    secret: str | UnsetType = UNSET
    """Shown this once: deliveries are signed with it as Standard Webhooks say. PostPress has none."""


class WebhookDeleted(msgspec.Struct, tag_field="object", tag="WebhookDeleted"):
    """Nothing is sent to it any more."""


class WebhookAccount(msgspec.Struct, kw_only=True):
    id: str
    name: str
    type: str


class Webhook(msgspec.Struct, kw_only=True, tag_field="object", tag="Webhook"):
    id: str
    account_ids: list[WebhookAccount]
    """Empty: all accounts."""
    enabled: bool
    name: str
    request_url: str
    format: str
    headers: list[Header]
    data: list[Field]
    events: list[str]
    source: str
    type: str = "AUTO"


class WebhookList(msgspec.Struct, kw_only=True, tag_field="object", tag="WebhookList"):
    items: list[Webhook]
    cursor: str | None


async def list_account_webhooks(services: Services, request: Request) -> WebhookList:
    limit = request.integer("limit", MOST, 1, MOST)
    found = await services.webhooks.page(request.caller, _MINE, cursor=request.text("cursor"), limit=limit)
    accounts: dict[str, Account] = {}
    for id in {id for each in found.items for id in each.wishes.account_ids}:
        try:
            accounts[id] = await services.accounts.get(request.caller, id)
        except NotFound:
            continue
    return WebhookList(items=[_webhook(each, accounts) for each in found.items], cursor=found.next)


async def create_account_webhook(services: Services, request: Request) -> WebhookCreated:
    body: NewWebhook = request.body
    wishes, types = read_new(body)
    made, secret = await services.webhooks.create(
        request.caller,
        name=body.name,
        url=body.request_url,
        types=types,
        format=_MINE,
        active=body.enabled,
        wishes=wishes,
    )
    return WebhookCreated(webhook_id=made.id, secret=secret)


async def delete_account_webhook(services: Services, request: Request) -> WebhookDeleted:
    await services.webhooks.remove(request.caller, request.path["id"], _MINE)
    return WebhookDeleted()


def read_new(body: NewWebhook) -> tuple[Wishes, list[EventType]]:
    """What an endpoint is to be told, and the types of the log that this is found in.

    Raises:
        NotImplementedHere: its source is one that this server has not.
        InvalidParameters: there is no such source, event, format or field.
    """
    if body.source in _ELSEWHERE:
        raise NotImplementedHere(f"This server tells of nothing from {body.source}.")
    if body.source not in EVENTS:
        raise _wrong(f"source must be one of {', '.join(EVENTS)}.")
    names = EVENTS[body.source]
    chosen = list(dict.fromkeys(body.events)) or (["message_received"] if body.source == "messaging" else list(names))
    unknown = [each[:100] for each in chosen if each not in names]
    if unknown:
        raise _wrong(f"events of {body.source} are {', '.join(names)}, not {', '.join(unknown)}.")
    if body.format not in ("json", "form"):
        raise _wrong("format must be json or form.")
    if body.data and body.source != "messaging":
        raise _wrong(f"data cannot be chosen for {body.source}.")
    strange = [each.key[:100] for each in body.data if each.key not in FIELDS]
    if strange:
        raise _wrong(f"data has no {', '.join(strange)}.")
    wishes = Wishes(
        source=body.source,
        events=tuple(chosen),
        account_ids=tuple(dict.fromkeys(body.account_ids)),
        headers=tuple((each.key, each.value) for each in body.headers),
        fields=tuple((each.name, each.key) for each in body.data),
        form=body.format == "form",
    )
    return wishes, list(dict.fromkeys(type for name in chosen for type in names[name]))


def _webhook(found: WebhookEndpoint, accounts: Mapping[str, Account]) -> Webhook:
    wishes = found.wishes
    return Webhook(
        id=found.id,
        account_ids=[_account(id, accounts.get(id)) for id in wishes.account_ids],
        enabled=found.active,
        name=found.name,
        request_url=found.url,
        format="form" if wishes.form else "json",
        headers=[Header(key=name, value=value) for name, value in wishes.headers],
        data=[Field(name=name, key=key) for name, key in wishes.fields],
        events=list(wishes.events),
        source=wishes.source,
    )


def _account(id: str, found: Account | None) -> WebhookAccount:
    """One that was unlinked since is shown by its id alone."""
    if found is None:
        return WebhookAccount(id=id, name="", type="")
    kind = mailbox.TYPES.get(found.provider, found.provider.upper())
    return WebhookAccount(id=id, name=found.profile.name or found.profile.username, type=kind)


def _wrong(sentence: str) -> InvalidParameters:
    return InvalidParameters(sentence, code=ErrorCode.INVALID_PARAMETERS, kind=Kind.WEBHOOK)


OPERATIONS = (
    Operation(
        name="list_account_webhooks",
        method="GET",
        path="/webhooks",
        summary="List webhooks, oldest first.",
        handler=list_account_webhooks,
        answer=WebhookList,
        errors=_ANY,
        parameters=(
            Parameter(name="cursor", summary="Where the page before ended. Other parameters are then ignored."),
            Parameter(name="limit", summary=f"How many at most: 1 to {MOST}, {MOST} if not said.", kind=int),
        ),
    ),
    Operation(
        name="create_account_webhook",
        method="POST",
        path="/webhooks",
        summary="Be told of messages, or of what becomes of accounts, at a URL.",
        docs="Sources are `messaging` and `account_status`; the others are 501. A receiver answers with success within 30 "
        "seconds; else it is told again up to five times, after 10 seconds, 1, 5, 15 and 30 minutes, and then that event "
        "is passed over (`webhook.passed_over` in the log). Deliveries are signed as Standard Webhooks say, with the "
        "`secret` that is shown this once: with an Idempotency-Key that came before, the answer has none.",
        scope=Scope.LINK,
        handler=create_account_webhook,
        body=NewWebhook,
        answer=WebhookCreated,
        keep=lambda made: msgspec.structs.replace(made, secret=UNSET),
        status=201,
        errors=_ANY | {404, 501},
    ),
    Operation(
        name="delete_account_webhook",
        method="DELETE",
        path="/webhooks/{id}",
        summary="Delete a webhook, for good.",
        scope=Scope.LINK,
        handler=delete_account_webhook,
        answer=WebhookDeleted,
        errors=_ANY | {404},
        path_values={"id": "The webhook's id: 24 hexadecimal digits."},
    ),
)
