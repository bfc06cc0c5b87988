"""Signing in with a key, and out."""

import secrets
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from postroom.errors import NotAuthenticated, NotPermitted
from postroom.services.house import Services
from postroom.web.dashboard.render import render
from postroom.web.dashboard.session import AT_THE_DOOR, FIELD, SIGNED_IN, Cookies, check_form, local
from postroom.web.dashboard.visit import Visit

_MOST_BYTES = 16 << 10


class Door:
    """`/sign-in`: the one page for those who are not signed in."""

    def __init__(self, services: Services, cookies: Cookies) -> None:
        self._sessions = services.sessions
        self._cookies = cookies

    async def answer(self, request: Request) -> Response:
        """GET shows it, POST opens it."""
        if request.method == "POST":
            return await self._enter(request)
        to = local(request.query_params.get("next", "/"))
        token = self._cookies.get(request, SIGNED_IN)
        if not token:
            return self._shown(request, to)
        try:
            await self._sessions.resolve(token)
        except NotAuthenticated as error:
            response = self._shown(request, to, why=error.detail)
            self._cookies.drop(request, response, SIGNED_IN)
            return response
        return Response(status_code=303, headers={"location": to})

    def sent_away(self, request: Request, why: str) -> Response:
        """Who is not signed in, or no longer, comes here first; a page that was asked for is kept in mind."""
        if _followed_a_link(request) and self._cookies.get(request, SIGNED_IN) is None:
            # A browser keeps the cookie to itself where another site's link leads here; from our own page it sends it.
            address = escape(local(request.url.path + (f"?{request.url.query}" if request.url.query else "")))
            again = f'<meta http-equiv="refresh" content="0;url={address}"><a href="{address}">Go on</a>'
            return HTMLResponse(f'<!doctype html><html lang="en"><title>Postroom</title>{again}</html>')
        to = "/sign-in"
        if request.method == "GET" and request.url.path not in ("/", "/live"):
            query = f"?{request.url.query}" if request.url.query else ""
            to = str(request.url.replace(path="/sign-in", query="").include_query_params(next=request.url.path + query))
            to = to[to.index("/sign-in") :]
        if request.headers.get("hx-request") == "true" or request.url.path == "/live":
            response = Response(why, 401, {"hx-redirect": "/sign-in"}, "text/plain")
        else:
            response = Response(status_code=303, headers={"location": to})
        return response

    async def _enter(self, request: Request) -> Response:
        length = request.headers.get("content-length") or ""
        if not length.isdigit() or int(length) > _MOST_BYTES:
            return self._shown(request, "/", 413, wrong="That is too long for a key.")
        async with request.form(max_files=0, max_fields=10) as form:
            given = {name: value for name, value in form.items() if isinstance(value, str)}
        to = local(given.get("next", "/"))
        try:
            check_form(self._sessions, request, self._cookies.get(request, AT_THE_DOOR) or "", given.get(FIELD, ""))
        except NotPermitted as error:
            return self._shown(request, to, 403, wrong=error.detail)
        try:
            token = await self._sessions.begin(given.get("key", "").strip())
        except NotAuthenticated as error:
            return self._shown(request, to, 401, wrong=error.detail)
        response = Response(status_code=303, headers={"location": to})
        # Always a new one: what a browser held before never becomes a session.
        self._cookies.set(request, response, SIGNED_IN, token, int(self._sessions.lives.total_seconds()))
        self._cookies.drop(request, response, AT_THE_DOOR)
        return response

    def _shown(self, request: Request, to: str, status: int = 200, **values: Any) -> Response:
        token = self._cookies.get(request, AT_THE_DOOR) or secrets.token_urlsafe(32)
        values = {"wrong": None, "why": None, "next": to, "form_token": self._sessions.form_token(token), **values}
        response = HTMLResponse(render("sign_in.html", values), status)
        self._cookies.set(request, response, AT_THE_DOOR, token)
        return response


def _followed_a_link(request: Request) -> bool:
    """Whether a person came from another site's page."""
    headers = request.headers
    return (
        request.method == "GET"
        and headers.get("sec-fetch-site") == "cross-site"
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
    )


async def sign_out(visit: Visit, door: Cookies, token: str) -> Response:
    """End the session, here and in the browser."""
    await visit.services.sessions.end(token)
    response = Response(status_code=303, headers={"location": "/sign-in"})
    door.drop(visit.request, response, SIGNED_IN)
    return response
