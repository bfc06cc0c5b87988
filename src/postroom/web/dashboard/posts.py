"""The posts: a calendar and a list, and what became of each of them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from postroom.domain.access import Scope
from postroom.domain.posts import GroupStatus
from postroom.services.composing import Expiry, Extras
from postroom.services.post_lists import Wanted
from postroom.services.posts import Change
from postroom.web.dashboard.calendar import moved, sheet, zone_of
from postroom.web.dashboard.routes import Page, get, post
from postroom.web.dashboard.visit import Visit

VIEWS = ("month", "week", "list")
_MOST_ON_A_SHEET = 1000
_MOST_DRAFTS = 30
_PATIENCE_SECONDS = 2.0
"""How long a take-down is waited for; the page goes on by itself after that."""


async def index(visit: Visit) -> Response:
    """`/posts`: the calendar of a month or a week, or a list."""
    view = visit.query.get("view", "month")
    if view == "list":
        return await _list(visit)
    return visit.page("posts/index.html", **await _sheet(visit, visit.query))


async def _list(visit: Visit) -> Response:
    status, network = _status(visit.query), visit.query.get("network") or None
    wanted = Wanted(status=status, platform=network, sort_by="updatedAt")
    found = await visit.services.post_lists.list(
        visit.caller, wanted, limit=50, cursor=visit.query.get("cursor") or None
    )
    return visit.page("posts/list.html", found=found, **await _frame(visit, visit.query, "list"))


async def _sheet(visit: Visit, query: Mapping[str, str]) -> dict[str, Any]:
    zone, now = zone_of(visit.request), visit.now_ms
    shown = sheet(query.get("view", "month"), query.get("date", ""), zone.day(now))
    wanted = Wanted(
        status=_status(query),
        platform=query.get("network") or None,
        sort_by="scheduledTime",
        descending=False,
        from_ms=zone.start(shown.first),
        to_ms=zone.start(shown.last + timedelta(days=1)) - 1,
    )
    lists = visit.services.post_lists
    found = await lists.list(visit.caller, wanted, limit=_MOST_ON_A_SHEET)
    drafts = await lists.list(
        visit.caller,
        Wanted(status=GroupStatus.DRAFT, platform=wanted.platform, sort_by="updatedAt"),
        limit=_MOST_DRAFTS,
    )
    on_sheet = [each for each in found.items if each.group.status is not GroupStatus.DRAFT]
    frame = await _frame(visit, query, shown.view)
    return frame | {
        "sheet": shown,
        "weeks": shown.weeks(on_sheet, zone, now),
        "drafts": drafts,
        "more": found.next is not None,
        "any": bool(on_sheet or drafts.items),
    }


async def _frame(visit: Visit, query: Mapping[str, str], view: str) -> dict[str, Any]:
    """What all views of posts have: the filters, and where one goes from here."""
    kept = {name: value for name in ("status", "network") if (value := query.get(name))}

    def to(**changed: Any) -> str:
        return "/posts?" + urlencode({"view": view, **kept, **{name: str(value) for name, value in changed.items()}})

    return {
        "view": view,
        "to": to,
        "kept": kept,
        "zone": zone_of(visit.request),
        "now": visit.now_ms,
        "networks": sorted(visit.services.fittings.limits()),
        "targets": await visit.services.fittings.targets(visit.caller),
        "statuses": list(GroupStatus),
    }


def _status(query: Mapping[str, str]) -> GroupStatus | None:
    value = query.get("status", "")
    return GroupStatus(value) if value in list(GroupStatus) else None


async def move(visit: Visit) -> Response:
    """`/posts/{id}/move`: put on another day of the calendar, by hand or by key."""
    zone = zone_of(visit.request, visit.text("zone"))
    held = (await visit.services.posts.get(visit.caller, visit.path["id"])).group
    at = moved(zone, held.scheduled_at, visit.now_ms, visit.text("day"), visit.text("hour"))
    await visit.services.composing.move(visit.caller, held.id, at)
    said = f"It goes out on {zone.at(at):%A %-d %B at %H:%M}."
    if not visit.is_part:
        return visit.go(f"/posts/{held.id}", said)
    back = {name: visit.text(name) for name in ("view", "date", "status", "network")}
    return visit.part("posts/_sheet.html", said=said, **await _sheet(visit, back))


async def show(visit: Visit) -> Response:
    """`/posts/{id}`: the post, and what became of it at each target."""
    return visit.page("posts/show.html", **await _story(visit))


async def _story(visit: Visit) -> dict[str, Any]:
    found = await visit.services.outcomes.of(visit.caller, visit.path["id"])
    return {
        "story": found,
        "group": found.group,
        "zone": zone_of(visit.request),
        "now": visit.now_ms,
        "logs": await visit.services.post_logs.history(visit.caller, found.group.id),
        "previews": await visit.services.fittings.previews(
            visit.caller, found.group.content, found.group.platforms, found.files
        ),
        "outline": [each.account for each in found.outcomes if each.post.part == 0],
    }


async def schedule(visit: Visit) -> Response:
    """`/posts/{id}/schedule`: at a moment, or now."""
    zone, group_id = zone_of(visit.request, visit.text("zone")), visit.path["id"]
    if visit.text("when") == "now":
        change = Change(status=GroupStatus.SCHEDULED, scheduled_at=visit.now_ms)
        await visit.services.composing.update(visit.caller, group_id, change, Extras())
        return visit.go(f"/posts/{group_id}", "It is on its way.")
    at = zone.moment(visit.text("at"))
    await visit.services.composing.move(visit.caller, group_id, at)
    return visit.go(f"/posts/{group_id}", f"It goes out on {zone.at(at):%A %-d %B at %H:%M}.")


async def hold_back(visit: Visit) -> Response:
    """`/posts/{id}/hold`: a draft again."""
    await visit.services.posts.update(visit.caller, visit.path["id"], Change(status=GroupStatus.DRAFT))
    return visit.go(f"/posts/{visit.path['id']}", "It is a draft again, and goes nowhere.")


async def retry(visit: Visit) -> Response:
    """`/posts/{id}/retry`: what failed, and, where its owner looked, what nobody knows of."""
    await visit.services.retries.retry(visit.caller, visit.path["id"], looked=visit.text("looked") == "yes")
    return visit.go(f"/posts/{visit.path['id']}", "It is tried again.")


async def take_down(visit: Visit) -> Response:
    """`/posts/{id}/take-down`: everywhere at once, with an outcome for each."""
    made = await visit.services.takedowns.take_down(visit.caller, visit.path["id"], _PATIENCE_SECONDS)
    where = f"/posts/{made.group_id}#outcomes"
    if not made.targets:
        return visit.go(where, "Nothing of it is live: nobody was called.", "plain")
    if made.settled_at is None:
        return visit.go(where, "It is on record and under way. This page says what comes of it.", "plain")
    done = sum(each.outcome == "done" for each in made.targets)
    if done == len(made.targets):
        return visit.go(where, f"It is down everywhere: {done} of {done}.")
    return visit.go(where, f"{done} of {len(made.targets)} are down. Below is what is left, and why.", "warn")


async def set_expiry(visit: Visit) -> Response:
    """`/posts/{id}/delete-at`: when it is taken down by itself; with no moment, not any more."""
    zone, group_id = zone_of(visit.request, visit.text("zone")), visit.path["id"]
    at = zone.moment(visit.text("at")) if visit.text("at") else None
    expiry = Expiry(at=at, delete_group=visit.text("then") == "delete")
    await visit.services.composing.update(visit.caller, group_id, Change(), Extras(expiry=expiry))
    if at is None:
        return visit.go(f"/posts/{group_id}", "It stays until somebody takes it down.")
    return visit.go(f"/posts/{group_id}", f"It is taken down on {zone.at(at):%A %-d %B at %H:%M}.")


async def delete(visit: Visit) -> Response:
    """`/posts/{id}/delete`: here, with its files. What is live stays live; the receipt knows where."""
    story = await visit.services.outcomes.of(visit.caller, visit.path["id"])
    await visit.services.posts.delete(visit.caller, story.group.id)
    if not story.left:
        return visit.go("/posts", "It is deleted.")
    receipts = await visit.services.receipts.list(visit.caller, target_id=story.group.id, limit=10)
    mine = next((each for each in receipts.items if each.kind == "post_group.deleted"), None)
    said = "It is deleted here, and still live elsewhere: this receipt knows where."
    return visit.go("/posts" if mine is None else f"/receipts/{mine.id}", said, "warn")


async def take_down_deleted(visit: Visit) -> Response:
    """`/receipts/{id}/take-down`: what a post that was deleted here left live."""
    made = await visit.services.takedowns.take_down_receipt(visit.caller, visit.path["id"], _PATIENCE_SECONDS)
    return visit.go(f"/posts/take-downs/{made.id}")


async def show_take_down(visit: Visit) -> Response:
    """`/posts/take-downs/{id}`: what came of it so far."""
    found = await visit.services.takedowns.get(visit.caller, visit.path["id"])
    return visit.page("posts/takedown.html", found=found)


PAGES: list[Page] = [
    get("/posts", index),
    get("/posts/{id}", show),
    get("/posts/take-downs/{id}", show_take_down),
    post("/receipts/{id}/take-down", take_down_deleted, Scope.DELETE),
    post("/posts/{id}/move", move, Scope.PUBLISH),
    post("/posts/{id}/schedule", schedule, Scope.PUBLISH),
    post("/posts/{id}/hold", hold_back, Scope.PUBLISH),
    post("/posts/{id}/retry", retry, Scope.PUBLISH),
    post("/posts/{id}/take-down", take_down, Scope.DELETE),
    post("/posts/{id}/delete-at", set_expiry, Scope.DELETE),
    post("/posts/{id}/delete", delete, Scope.DELETE),
]
