"""The page at which somebody links accounts: `/connect/<token>`. The token in the address is the permission.

It is a managed user's page, or that of a hosted link, by which one account is linked once.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from postroom.domain.access import Caller, ManagedUser
from postroom.domain.accounts import Account, LoginAttempt
from postroom.domain.hosted_links import HostedLink
from postroom.errors import ErrorCode, InvalidParameters, LoginFailed, NotFound, NotPermitted, PostroomError
from postroom.services.hosted_links import PREFIX
from postroom.services.house import Services
from postroom.web.callbacks import Receive, Scope, Send, form, linked_page, page, questions
from postroom.web.steps import SECONDS_BETWEEN_LOOKS, Shown, called, drawn, shown, way

_STATUSES: dict[type[PostroomError], int] = {
    NotFound: 404,
    NotPermitted: 403,
    LoginFailed: 401,
    InvalidParameters: 400,
}
# What these give is posts; a hosted link is for messages.
_FOR_POSTS = ("oauth", "facebook_oauth")
_SAID_SECONDS = 3


class _Visit(msgspec.Struct, frozen=True):
    """Somebody at their page."""

    token: str
    guest: Caller
    user: ManagedUser | None = None
    link: HostedLink | None = None


class Connect:
    """One page, as an ASGI application: GET shows it and looks again, POST takes the steps of linking."""

    def __init__(self, services: Services) -> None:
        self._users = services.managed_users
        self._links = services.hosted_links
        self._accounts = services.accounts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        token = request.url.path.removeprefix("/connect").strip("/")
        visit: _Visit | None = None
        try:
            visit = await self._visit(token)
            if visit.link is not None and visit.link.account_id is not None:
                return self._done(visit, await self._accounts.get(visit.guest, visit.link.account_id))
            if request.method == "GET":
                attempt_id = request.query_params.get("attempt")
                return await (self._start(visit) if attempt_id is None else self._look(visit, attempt_id))
            if request.method == "POST":
                return await self._step(visit, await form(request))
            return page("Not here", "<p>Only GET and POST are possible here.</p>", 405)
        except PostroomError as error:
            status = next((_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES), 502)
            return page("That did not work", f"<p>{escape(error.detail)}</p>{_ways_out(visit)}", status)

    async def _visit(self, token: str) -> _Visit:
        if token.startswith(PREFIX):
            link, guest = await self._links.visitor(token)
            return _Visit(token, guest, link=link)
        user, guest = await self._users.visitor(token)
        return _Visit(token, guest, user=user)

    async def _start(self, visit: _Visit) -> Response:
        offers = "".join(
            f"<p>{_form(visit.token, {'provider': provider, 'flow': flow}, _offer(provider, flow))}</p>"
            for provider, flows in sorted(self._offered(visit).items())
            for flow in flows
        )
        if visit.user is None:
            what = "Link an account" if visit.link is None or visit.link.relinks is None else "Link the account again"
            return page(what, offers or "<p>There is nothing to be linked here.</p>")
        held = (await self._accounts.list(visit.guest)).items
        linked = "".join(
            f"<li>{escape(each.profile.name or each.profile.username)} on {escape(called(each.provider))}: "
            f"{escape(each.status.replace('_', ' '))}</li>"
            for each in held
        )
        shown = f"<ul>{linked}</ul>" if linked else "<p>No account is linked yet.</p>"
        return page(f"The accounts of {visit.user.display_name}", f"{shown}<h2>Link an account</h2>{offers}")

    def _offered(self, visit: _Visit) -> Mapping[str, Sequence[str]]:
        flows = self._accounts.login_flows()
        if visit.link is None:
            return flows
        offered = {
            provider: [flow for flow in flows.get(provider, ()) if flow not in _FOR_POSTS]
            for provider in visit.link.providers
        }
        return {provider: ways for provider, ways in offered.items() if ways}

    async def _step(self, visit: _Visit, answers: Mapping[str, str]) -> Response:
        given = dict(answers)
        attempt_id = given.pop("attempt", None)
        if attempt_id is None:
            return self._shown(visit, *await self._begun(visit, given.get("provider", ""), given.get("flow", "")))
        self._check(visit, attempt_id)
        try:
            return self._shown(visit, *await self._accounts.answer_link(visit.guest, attempt_id, given))
        except LoginFailed as error:
            if error.code is not ErrorCode.INVALID_CHECKPOINT_SOLUTION:
                raise
            attempt, step = await self._accounts.linking.standing(visit.guest, attempt_id)
            return self._shown(visit, attempt, step)

    async def _begun(self, visit: _Visit, provider: str, flow: str) -> tuple[LoginAttempt, Any]:
        if flow not in self._offered(visit).get(provider, ()):
            raise InvalidParameters("There is no such way to link an account here.")
        if visit.link is not None and visit.link.relinks is not None:
            attempt, step = await self._accounts.relink(visit.guest, visit.link.relinks, flow)
        else:
            attempt, step = await self._accounts.start_link(visit.guest, provider, flow)
        if visit.link is not None:
            await self._links.begin(visit.link, attempt)
        return attempt, step

    async def _look(self, visit: _Visit, attempt_id: str) -> Response:
        """What became of a step that waits for its owner to do something at the network."""
        self._check(visit, attempt_id)
        try:
            attempt, step = await self._accounts.linking.standing(visit.guest, attempt_id)
        except NotFound:
            if visit.link is not None:
                raise
            return await self._start(visit)
        return self._shown(visit, attempt, step)

    def _check(self, visit: _Visit, attempt_id: str) -> None:
        if visit.link is not None and attempt_id != visit.link.attempt_id:
            raise NotFound("No such attempt to link; it lives five minutes.")

    def _shown(self, visit: _Visit, attempt: LoginAttempt, step: Any) -> Response:
        if isinstance(step, Account):
            return self._done(visit, step)
        now = shown(step)
        if now.kind == "visit":
            go_on = f'<p><a href="{escape(now.url or "")}" rel="noreferrer">{escape(now.words)}</a></p>'
            return page("One more page", go_on)
        if now.kind == "ask":
            asked = _form(visit.token, {"attempt": attempt.id}, "Go on", questions(step))
            return page("One more step", asked + _ways_out(visit))
        again = f"/connect/{visit.token}?attempt={attempt.id}"
        return page("One more step", _waiting(now) + _ways_out(visit), refresh=(SECONDS_BETWEEN_LOOKS, again))

    def _done(self, visit: _Visit, account: Account) -> Response:
        wish = None if visit.link is None else visit.link.wish
        if wish is None or wish.success_url is None:
            return linked_page(account)
        seconds = 0 if wish.straight_on else _SAID_SECONDS
        body = f'<p>The account is linked. <a href="{escape(wish.success_url)}" rel="noreferrer">Go on</a></p>'
        return page("The account is linked", body, refresh=(seconds, wish.success_url))


def _waiting(now: Shown) -> str:
    """A code to be scanned or typed at the network, or what to wait for."""
    words, code = escape(now.words), now.code or ""
    if now.kind == "type":
        return f"<p>{words} <b>{escape(code)}</b></p>"
    return f"<p>{words}</p><p>{drawn(code)}</p>" if now.kind == "scan" else f"<p>{words}</p>"


def _ways_out(visit: _Visit | None) -> str:
    """Back to the start of the page; and to where those go who give up."""
    if visit is None:
        return ""
    failure_url = None if visit.link is None else visit.link.wish.failure_url
    back = f'<p><a href="/connect/{escape(visit.token)}">Start again</a></p>'
    if failure_url is None:
        return back
    return f'{back}<p><a href="{escape(failure_url)}" rel="noreferrer">Give up</a></p>'


def _offer(provider: str, flow: str) -> str:
    return f"Link {called(provider)} {way(flow)}"


def _form(token: str, hidden: Mapping[str, str], button: str, inside: str = "") -> str:
    kept = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in hidden.items()
    )
    action = f'<form method="post" action="/connect/{escape(token)}">'
    return f"{action}{kept}{inside}<button>{escape(button)}</button></form>"


def connect(services: Services) -> Connect:
    """The application, to be mounted at `/connect`."""
    return Connect(services)
