"""Webhooks: endpoints of every format, what was tried to tell each, and to try again."""

from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.responses import Response

from postroom.domain.access import Scope
from postroom.domain.accounts import Account
from postroom.domain.events import EventType
from postroom.domain.webhooks import PATIENCE, Format, WebhookEndpoint
from postroom.errors import InvalidParameters, Kind
from postroom.services.delivery_log import Tried
from postroom.web.dashboard.routes import Page, get, post
from postroom.web.dashboard.visit import Visit

FORMATS = {
    Format.NATIVE: ("Postroom", "Events as they read in the log, signed as Standard Webhooks say."),
    Format.POSTPOST: ("PostPost", "For programs that take PostPost's or Publora's webhooks."),
    Format.POSTPRESS: ("PostPress", "For programs that take PostPress's or Unipile's webhooks."),
    Format.CONNECTSAFELY: ("ConnectSafely", "For programs that take ConnectSafely's LinkedIn webhooks."),
}
_REASONS = {
    "timeout": "no answer in time",
    "no_answer": "nobody answered",
    "address_refused": "an address that may not be called",
}
_MOST_ACCOUNTS = 100


class Moment(msgspec.Struct, frozen=True):
    """What was said and answered, as a page shows it."""

    request: str
    answer: str


async def index(visit: Visit) -> Response:
    """`/webhooks`: all endpoints."""
    found = await visit.services.webhooks.list(visit.caller)
    return visit.page("webhooks/index.html", endpoints=found, **_words(visit))


async def new(visit: Visit) -> Response:
    """`/webhooks/new?format=`: the form of an endpoint to come."""
    return await _form(visit, _format(visit.query.get("format", "")))


async def create(visit: Visit) -> Response:
    """Make it; its secret is on the page that answers, and on no other."""
    format = _format(visit.text("format"))
    visit.services.access.require(visit.caller, _scope(format))
    try:
        made, secret = await visit.services.webhooks.create_named(
            visit.caller,
            name=visit.text("name"),
            url=visit.text("url"),
            format=format,
            source=visit.text("source"),
            events=visit.texts("events"),
            account_ids=visit.texts("account_ids"),
        )
    except InvalidParameters as error:
        where = "url" if error.kind is Kind.ADDRESS else "events"
        return await _form(visit, format, status=400, wrong={where: error.detail})
    return visit.page("webhooks/secret.html", 201, endpoint=made, secret=secret, new=True, **_words(visit))


async def one(visit: Visit) -> Response:
    """`/webhooks/{id}`: an endpoint and what was tried to tell it."""
    endpoint = await _endpoint(visit)
    failed = visit.query.get("failed") == "1"
    page = await visit.services.delivery_log.list(
        visit.caller, endpoint.id, failed=failed, cursor=visit.query.get("cursor"), limit=25
    )
    newest = await visit.services.events.newest(visit.caller)
    names = {account.id: account.profile.name or account.profile.username for account in await _accounts(visit)}
    return visit.page(
        "webhooks/one.html",
        endpoint=endpoint,
        deliveries=page.items,
        next=page.next,
        failed=failed,
        later="cursor" in visit.query,
        behind=newest > endpoint.position,
        tries=PATIENCE[endpoint.format].tries,
        passes_over=PATIENCE[endpoint.format].passes_over,
        names=names,
        types=list(EventType) if endpoint.format is Format.NATIVE else [],
        **_words(visit),
    )


async def change(visit: Visit) -> Response:
    """Name, address and, in our own format, the events."""
    endpoint = await _changeable(visit)
    types = None
    if endpoint.format is Format.NATIVE:
        known = set(EventType)
        types = [EventType(each) for each in visit.texts("events") if each in known]
    await visit.services.webhooks.update(
        visit.caller,
        endpoint.id,
        endpoint.format,
        name=visit.text("name") or endpoint.name,
        url=visit.text("url") or endpoint.url,
        types=types,
    )
    return visit.go(_at(endpoint), "Changed.")


async def switch(visit: Visit) -> Response:
    """On or off. On again, it goes on where it stopped."""
    endpoint = await _changeable(visit)
    active = visit.text("active") == "1"
    await visit.services.webhooks.update(visit.caller, endpoint.id, endpoint.format, active=active)
    said = "Enabled: it is told of all that happened meanwhile." if active else "Disabled: nothing is sent to it."
    return visit.go(_at(endpoint), said)


async def renew(visit: Visit) -> Response:
    """Another secret, on the page that answers and on no other."""
    endpoint = await _changeable(visit)
    secret = await visit.services.webhooks.regenerate_secret(visit.caller, endpoint.id, endpoint.format)
    return visit.page("webhooks/secret.html", endpoint=endpoint, secret=secret, new=False, **_words(visit))


async def delete(visit: Visit) -> Response:
    """Nothing more is sent to it."""
    endpoint = await _changeable(visit)
    await visit.services.webhooks.remove(visit.caller, endpoint.id, endpoint.format)
    return visit.go("/webhooks", f"{endpoint.name} is deleted.")


async def test(visit: Visit) -> Response:
    """Send a test, and show what came back."""
    endpoint = await _changeable(visit)
    tried = await visit.services.delivery_log.test(visit.caller, endpoint.id)
    return _tried(visit, endpoint, [tried])


async def delivery(visit: Visit) -> Response:
    """`/webhooks/{id}/deliveries/{delivery}`: one try, and what would be sent of its event now."""
    endpoint = await _endpoint(visit)
    found = await visit.services.delivery_log.get(visit.caller, endpoint.id, visit.path["delivery"])
    said = await visit.services.delivery_log.said(visit.caller, endpoint.id, found.id)
    requests = [_readable(each.body) for each in said]
    return visit.page("webhooks/delivery.html", endpoint=endpoint, delivery=found, requests=requests, **_words(visit))


async def replay(visit: Visit) -> Response:
    """Tell that event again, and show what came back."""
    endpoint = await _changeable(visit)
    tried = await visit.services.delivery_log.replay(visit.caller, endpoint.id, visit.path["delivery"])
    return _tried(visit, endpoint, tried)


def _tried(visit: Visit, endpoint: WebhookEndpoint, tried: Sequence[Tried]) -> Response:
    shown = [(each.delivery, Moment(_readable(each.request), _readable(each.answer))) for each in tried]
    return visit.page("webhooks/tried.html", endpoint=endpoint, tried=shown, **_words(visit))


async def _form(visit: Visit, format: Format, status: int = 200, wrong: dict[str, str] | None = None) -> Response:
    vocabulary = visit.services.webhooks.vocabularies[format]
    source = visit.text("source") or visit.query.get("source", "")
    source = source if source in vocabulary else next(iter(vocabulary))
    return visit.page(
        "webhooks/new.html",
        status,
        format=format,
        source=source,
        sources=list(vocabulary) if len(vocabulary) > 1 else [],
        events=list(vocabulary[source]),
        accounts=await _accounts(visit),
        chosen=set(visit.texts("events")),
        chosen_accounts=set(visit.texts("account_ids")),
        given={"name": visit.text("name"), "url": visit.text("url")},
        wrong=wrong or {},
        may_create=visit.may(_scope(format)),
        **_words(visit),
    )


async def _accounts(visit: Visit) -> Sequence[Account]:
    return (await visit.services.accounts.list(visit.caller, limit=_MOST_ACCOUNTS)).items


async def _endpoint(visit: Visit) -> WebhookEndpoint:
    return await visit.services.webhooks.get(visit.caller, visit.path["id"])


async def _changeable(visit: Visit) -> WebhookEndpoint:
    """The endpoint, where the key may change those of its format."""
    endpoint = await _endpoint(visit)
    visit.services.access.require(visit.caller, _scope(endpoint.format))
    return endpoint


def _scope(format: Format) -> Scope:
    """As in its dialect."""
    return Scope.PUBLISH if format is Format.POSTPOST else Scope.LINK


def _format(text: str) -> Format:
    return Format(text) if text in set(Format) else Format.NATIVE


def _at(endpoint: WebhookEndpoint) -> str:
    return f"/webhooks/{endpoint.id}"


def _words(visit: Visit) -> dict[str, Any]:
    """What all these pages say things with."""
    return {
        "formats": FORMATS,
        "why": _why,
        "may_change": lambda endpoint: visit.may(_scope(endpoint.format)),
        "may_any": visit.may(Scope.LINK) or visit.may(Scope.PUBLISH),
    }


def _why(failure: str) -> str:
    """A failure as people read it."""
    return f"answered {failure[7:]}" if failure.startswith("status_") else _REASONS.get(failure, failure)


def _readable(body: bytes) -> str:
    try:
        return msgspec.json.format(body, indent=2).decode()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return body.decode(errors="replace")


_ONE = "/webhooks/{id}"
# What a key may do here depends on the endpoint's format: the handlers ask.
PAGES: list[Page] = [
    get("/webhooks", index),
    get("/webhooks/new", new),
    post("/webhooks/new", create, Scope.READ),
    get(_ONE, one),
    post(_ONE, change, Scope.READ),
    post(f"{_ONE}/active", switch, Scope.READ),
    post(f"{_ONE}/secret", renew, Scope.READ),
    post(f"{_ONE}/delete", delete, Scope.READ),
    post(f"{_ONE}/test", test, Scope.READ),
    get(f"{_ONE}/deliveries/{{delivery}}", delivery),
    post(f"{_ONE}/deliveries/{{delivery}}/replay", replay, Scope.READ),
]
