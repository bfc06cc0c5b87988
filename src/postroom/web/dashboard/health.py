"""How the server is, and how it is set up: nothing can be changed here."""

from starlette.responses import Response

from postroom import __version__
from postroom.domain.access import Scope
from postroom.web.dashboard.keys import SCOPES
from postroom.web.dashboard.routes import Page, get
from postroom.web.dashboard.visit import Visit

APIS = (
    ("PostPress", "/postpress", "accounts, chats, messages, webhooks; the wire of Unipile v1"),
    ("ConnectSafely", "/connectsafely", "LinkedIn conversations and messages by URN"),
    ("PostPost", "/postpost", "posts, media, managed users; the wire of Publora"),
    ("Postroom", "/api", "what is ours: linking, keys, events, receipts, take-down"),
)


async def health(visit: Visit) -> Response:
    """`/health`: the workspace's work; figures about the whole server for those who may administer."""
    service = visit.services.health
    return visit.page(
        "health/index.html",
        ready=await service.ready(),
        work=await service.work(visit.caller) if visit.is_owner else None,
        figures=await service.figures() if visit.may(Scope.ADMIN) else None,
        apis=APIS,
        version=__version__,
    )


async def settings(visit: Visit) -> Response:
    """`/settings`: who is signed in; the server's settings for those who may administer."""
    keys = await visit.services.access.list_keys(visit.caller)
    return visit.page(
        "settings/index.html",
        key=next((key for key in keys if key.id == visit.caller.key_id), None),
        scopes=SCOPES,
        hours=visit.services.sessions.lives.total_seconds() / 3600,
        settings=visit.services.health.settings() if visit.may(Scope.ADMIN) else None,
    )


PAGES: list[Page] = [get("/health", health), get("/settings", settings)]
