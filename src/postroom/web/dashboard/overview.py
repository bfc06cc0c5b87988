"""The overview: what needs somebody's attention, how things stand, and what happened last."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

import msgspec
from starlette.responses import Response

from postroom.domain.accounts import Account
from postroom.domain.events import Event, EventType
from postroom.web.dashboard.routes import Page, get
from postroom.web.dashboard.visit import Visit

_LOOKED_AT, _SHOWN = 60, 12
# What an event is called; one that is not here is not shown: it tells nobody anything by itself.
_CALLED = {
    EventType.ACCOUNT_LINKED: "An account was linked",
    EventType.ACCOUNT_LINK_FAILED: "An account could not be linked",
    EventType.ACCOUNT_DISCONNECTED: "An account lost its session",
    EventType.ACCOUNT_ACTION_REQUIRED: "An account waits for its owner",
    EventType.ACCOUNT_CONNECTED: "An account is connected again",
    EventType.ACCOUNT_PAUSED: "An account was paused",
    EventType.ACCOUNT_DELETED: "An account was unlinked",
    EventType.CHAT_CREATED: "A chat began",
    EventType.MESSAGE_RECEIVED: "A message came",
    EventType.MESSAGE_SENT: "A message was sent",
    EventType.MESSAGE_EDITED: "A message was edited",
    EventType.MESSAGE_DELETED: "A message was recalled",
    EventType.RECALL_IN_DOUBT: "A recall is in doubt",
    EventType.RECALL_SETTLED: "A recall was settled",
    EventType.POST_SCHEDULED: "A post was scheduled",
    EventType.POST_PUBLISHED: "A post went out",
    EventType.POST_FAILED: "A post failed",
    EventType.POST_TAKEN_DOWN: "A post was taken down",
    EventType.POST_TAKE_DOWN_FAILED: "A post could not be taken down",
    EventType.POST_GROUP_DELETED: "A post was deleted",
    EventType.TOKEN_EXPIRING: "An account ends soon",
    EventType.WEBHOOK_DISABLED: "A webhook was disabled",
    EventType.WEBHOOK_PASSED_OVER: "A webhook missed an event",
}
_GONE = (EventType.ACCOUNT_DELETED, EventType.POST_GROUP_DELETED, EventType.ACCOUNT_LINK_FAILED)


class Happened(msgspec.Struct, frozen=True):
    """Something that happened, as the overview tells it."""

    words: str
    at: int
    href: str | None
    platform: str | None
    account: str | None
    """The name of the account that it happened to."""
    times: int


async def overview(visit: Visit) -> Response:
    """`/`: what needs attention comes first."""
    found = await visit.services.overview.look(visit.caller)
    held = {each.id: each for each in (await visit.services.accounts.list(visit.caller, limit=250)).items}
    happened = _told(await visit.services.events.latest(visit.caller, _LOOKED_AT), held)
    return visit.page("overview/index.html", found=found, happened=happened)


async def redirect(visit: Visit) -> Response:
    """`/overview` is `/`."""
    return visit.go("/")


def _told(events: Sequence[Event], held: Mapping[str, Account]) -> list[Happened]:
    """Of the same in a row, one: a first sync brings thousands of messages."""
    told: list[Happened] = []
    for event in events:
        if event.type not in _CALLED:
            continue
        account = held.get(event.data.account_id or "")
        one = Happened(
            _CALLED[event.type],
            event.created_at,
            _where(event),
            event.data.platform or (account.provider if account is not None else None),
            account.profile.name or account.profile.username if account is not None else None,
            1,
        )
        last = told[-1] if told else None
        if last is not None and (last.words, last.platform, last.account, last.href) == (
            one.words,
            one.platform,
            one.account,
            one.href,
        ):
            told[-1] = msgspec.structs.replace(last, times=last.times + 1)
        elif len(told) == _SHOWN:
            break
        else:
            told.append(one)
    return told


def _where(event: Event) -> str | None:
    """The page of what an event is about."""
    data = event.data
    if event.type in _GONE:
        return None
    for place, id in (
        ("/webhooks", data.webhook_id),
        ("/posts", data.post_group_id),
        ("/inbox", data.chat_id),
        ("/accounts", data.account_id),
    ):
        if id is not None:
            return f"{place}/{quote(id, safe='')}"
    return None


PAGES: list[Page] = [get("/", overview), get("/overview", redirect)]
