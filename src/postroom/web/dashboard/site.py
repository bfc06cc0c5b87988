"""The dashboard as one ASGI application: who is signed in, which page, and what every answer says of itself."""

import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import structlog
from starlette.datastructures import MutableHeaders
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from postroom.clock import Clock
from postroom.domain.access import Caller, Scope
from postroom.errors import ErrorCode, InvalidParameters, NotAuthenticated, NotPermitted, PostroomError
from postroom.services.house import Services
from postroom.web.dashboard import (
    accounts,
    assets,
    compose,
    health,
    inbox,
    keys,
    library,
    messages,
    overview,
    posts,
    receipts,
    sandbox,
    webhooks,
)
from postroom.web.dashboard.door import Door, sign_out
from postroom.web.dashboard.failures import status_of
from postroom.web.dashboard.live import Live
from postroom.web.dashboard.render import render
from postroom.web.dashboard.routes import Page, Table
from postroom.web.dashboard.session import FIELD, HEADER, SIGNED_IN, Cookies, check_form
from postroom.web.dashboard.visit import Visit

AsgiScope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

log = structlog.get_logger(__name__)

PAGES: list[Page] = [
    *overview.PAGES,
    *compose.PAGES,
    *posts.PAGES,
    *library.PAGES,
    *accounts.PAGES,
    *inbox.PAGES,
    *messages.PAGES,
    *webhooks.PAGES,
    *receipts.PAGES,
    *keys.PAGES,
    *health.PAGES,
    *sandbox.PAGES,
]
SEGMENTS = frozenset(
    ("", "overview", "accounts", "inbox", "posts", "library", "webhooks", "receipts", "keys", "sandbox", "health")
    + ("settings", "sign-in", "sign-out", "static", "live")
)
"""The first segments of paths that are the dashboard's."""

_CONTENT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = {
    "content-security-policy": _CONTENT,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=()",
}
_METHODS = ("GET", "HEAD", "POST")


class Dashboard:
    """All pages. Nothing of it is loaded before somebody opens one."""

    def __init__(self, services: Services, now: Clock, *, secure: bool) -> None:
        self._services = services
        self._now = now
        self._cookies = Cookies(secure=secure)
        self._door = Door(services, self._cookies)
        self._live = Live(services)
        self._table = Table(PAGES)

    def stop(self) -> None:
        """Let go of those who listen: the server is about to end."""
        self._live.stop()

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        begun = False

        async def guarded(message: MutableMapping[str, Any]) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        try:
            response = await self._answer(request)
            await response(scope, receive, guarded)
        except ClientDisconnect:
            # It hung up, or its request did not arrive in time.
            if not begun:
                await PlainTextResponse("The request did not arrive in time.\n", 408)(scope, receive, guarded)
        except MultiPartException:
            await PlainTextResponse("This is no form, or one with too much in it.\n", 400)(scope, receive, guarded)
        except Exception:
            reference = secrets.token_hex(6)
            log.exception("page.failed", method=request.method, path=request.url.path, reference=reference)
            if begun:
                raise
            said = f"Something went wrong in Postroom. Its log has more, under {reference}.\n"
            await PlainTextResponse(said, 500)(scope, receive, guarded)

    async def _answer(self, request: Request) -> Response:
        path = request.url.path
        if path.startswith("/static/"):
            return assets.serve(request)
        if request.method not in _METHODS:
            return PlainTextResponse("Only GET and POST are possible here.\n", 405, {"allow": "GET, HEAD, POST"})
        if path.rstrip("/") == "/sign-in":
            return await self._door.answer(request)
        token = self._cookies.get(request, SIGNED_IN) or ""
        try:
            caller = await self._services.sessions.resolve(token)
        except NotAuthenticated as error:
            if path.split("/", 2)[1] not in SEGMENTS:
                return HTMLResponse(render("nowhere.html", {}), 404)
            return self._door.sent_away(request, error.detail)
        return await self._inside(request, token, caller)

    async def _inside(self, request: Request, token: str, caller: Caller) -> Response:
        """What somebody who is signed in is answered."""
        position = 0
        if request.method != "POST" and request.headers.get("hx-request") != "true":
            position = await self._services.events.newest(caller)
        form_token = self._services.sessions.form_token(token)
        visit = Visit(
            self._services,
            request,
            caller,
            cookies=self._cookies,
            form_token=form_token,
            position=position,
            now=self._now,
        )
        try:
            if "\0" in request.url.path or any("\0" in value for value in request.query_params.values()):
                raise InvalidParameters("An address has no such characters.")
            if request.url.path == "/live" and request.method == "GET":
                self._services.access.require(caller, Scope.READ)
                return await self._live.stream(request, token, caller)
            if request.url.path == "/sign-out" and request.method == "POST":
                page = Page(
                    method="POST", path="/sign-out", handler=lambda asked: sign_out(asked, self._cookies, token)
                )
            else:
                page, visit.path = self._table.find(request.method, request.url.path)
                self._services.access.require(caller, page.scope)
            if request.method == "POST":
                return await self._posted(request, token, page, visit)
            return await page.handler(visit)
        except PostroomError as error:
            status = status_of(error)
            if status >= 500:
                log.warning("page.refused", path=request.url.path, error=type(error).__name__)
            return visit.failed(status, error.detail)

    async def _posted(self, request: Request, token: str, page: Page, visit: Visit) -> Response:
        length = request.headers.get("content-length") or ""
        if not length.isdigit():
            raise InvalidParameters("A form says how long it is.")
        if int(length) > page.most_bytes:
            raise InvalidParameters("That is too much at once.", code=ErrorCode.CONTENT_TOO_LARGE)
        async with request.form(max_files=page.most_files, max_fields=500) as form:
            if any("\0" in value for _, value in form.multi_items() if isinstance(value, str)):
                raise InvalidParameters("A field has characters that no text has.")
            given = request.headers.get(HEADER) or form.get(FIELD) or ""
            if not isinstance(given, str):
                raise NotPermitted("This form is not ours; nothing was done.")
            check_form(self._services.sessions, request, token, given)
            visit.form = form
            return await page.handler(visit)


def dashboard(services: Services, now: Clock, *, public_url: str) -> Dashboard:
    """The application, to be mounted at each of `SEGMENTS`, and for browsers where nothing else is.

    `public_url` is how browsers reach it.
    """
    return Dashboard(services, now, secure=public_url.startswith("https://"))
