"""The overview: what needs somebody's attention, and how things stand."""

from starlette.responses import Response

from postroom.web.dashboard.routes import Page, get
from postroom.web.dashboard.visit import Visit


async def overview(visit: Visit) -> Response:
    """`/`: what needs attention comes first."""
    found = await visit.services.overview.look(visit.caller)
    return visit.page("overview/index.html", found=found)


async def redirect(visit: Visit) -> Response:
    """`/overview` is `/`."""
    return visit.go("/")


PAGES: list[Page] = [get("/", overview), get("/overview", redirect)]
