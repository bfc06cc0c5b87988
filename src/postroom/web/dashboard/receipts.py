"""Receipts: what was deleted, each readable, checked where it is kept, and exported to be checked without this server."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response, StreamingResponse

from postroom.clock import iso
from postroom.web.dashboard.routes import Page, get
from postroom.web.dashboard.visit import Visit

KINDS = {
    "message.recalled": "Message taken back",
    "account.unlinked": "Account unlinked",
    "post_group.deleted": "Post deleted",
    "posts.taken_down": "Posts taken down",
}


async def index(visit: Visit) -> Response:
    """`/receipts`: newest first; `?target=` only of one thing."""
    target = visit.query.get("target", "").strip()
    page = await visit.services.receipts.list(
        visit.caller, target_id=target or None, cursor=visit.query.get("cursor"), limit=50
    )
    return visit.page("receipts/index.html", receipts=page.items, next=page.next, target=target, kinds=KINDS)


async def one(visit: Visit) -> Response:
    """`/receipts/{id}`: what it says, its place in the chain, and whether it is as it was sealed."""
    receipt = await visit.services.receipts.get(visit.caller, visit.path["id"])
    return visit.page(
        "receipts/one.html",
        receipt=receipt,
        kind=KINDS.get(receipt.kind, receipt.kind),
        problems=visit.services.chains.problems_of(receipt),
        key=visit.services.chains.public_key,
        left=sum(bool(each.get("provider_id")) for each in _targets(receipt.document)),
        facts=[(name, _lines(value)) for name, value in receipt.document.items()],
    )


def _targets(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What a receipt of a deleted post says of its networks."""
    return [each for each in document.get("targets", [document]) if isinstance(each, Mapping)]


async def check(visit: Visit) -> Response:
    """`/receipts/check`: the whole chain."""
    report = await visit.services.chains.check(visit.caller)
    return visit.page("receipts/check.html", report=report)


async def export(visit: Visit) -> Response:
    """`/receipts/export`: a file that `postroom receipts verify` checks."""
    pieces = visit.services.chains.pieces(visit.caller)
    # Whoever may not have it is told so by the first piece, before the answer begins.
    first = await anext(pieces)

    async def lines() -> Any:
        yield first
        async for piece in pieces:
            yield piece

    name = f"receipts-{iso(visit.now_ms)[:10]}.jsonl"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(lines(), headers=headers, media_type="application/x-ndjson")


def _lines(value: Any) -> list[tuple[str, Any]] | list[list[tuple[str, Any]]] | str:
    """A value of a document: text, a list of names and values, or several such."""
    match value:
        case None:
            return "not known"
        case bool():
            return "yes" if value else "no"
        case dict():
            return [(name, _text(each)) for name, each in value.items()]
        case [dict(), *_]:
            return [[(name, _text(each)) for name, each in item.items()] for item in value]
        case list():
            return ", ".join(map(_text, value)) or "none"
        case _:
            return str(value)


def _text(value: Any) -> str:
    found = _lines(value)
    return found if isinstance(found, str) else str(value)


PAGES: list[Page] = [
    get("/receipts", index),
    get("/receipts/check", check),
    get("/receipts/export", export),
    get("/receipts/{id}", one),
]
