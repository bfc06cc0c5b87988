"""The page at which a managed user links accounts: `/connect/<token>`. The token in the address is the permission."""

from collections.abc import Mapping
from html import escape

from starlette.requests import Request
from starlette.responses import Response

from postroom.domain.access import Caller, ManagedUser
from postroom.domain.accounts import Account
from postroom.errors import ErrorCode, InvalidParameters, LoginFailed, NotFound, NotPermitted, PostroomError
from postroom.services.house import Services
from postroom.web.callbacks import Receive, Scope, Send, called, form, linked_page, page, questions

_STATUSES: dict[type[PostroomError], int] = {
    NotFound: 404,
    NotPermitted: 403,
    LoginFailed: 401,
    InvalidParameters: 400,
}
_FLOWS = {
    "oauth": "at the network",
    "facebook_oauth": "at Facebook",
    "app_password": "with an app password",
    "bot_token": "with a bot's token",
    "cookie": "with a session's cookie, for messages",
    "password": "with name and password, for messages",
}


class Connect:
    """One page, as an ASGI application: GET shows it, POST takes the steps of linking."""

    def __init__(self, services: Services) -> None:
        self._users = services.managed_users
        self._accounts = services.accounts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        token = request.url.path.removeprefix("/connect").strip("/")
        try:
            user, guest = await self._users.visitor(token)
            if request.method == "GET":
                return await self._start(token, user, guest)
            if request.method == "POST":
                return await self._step(token, guest, await form(request))
            return page("Not here", "<p>Only GET and POST are possible here.</p>", 405)
        except PostroomError as error:
            status = next((_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES), 502)
            return page("That did not work", f"<p>{escape(error.detail)}</p>", status)

    async def _start(self, token: str, user: ManagedUser, guest: Caller) -> Response:
        held = (await self._accounts.list(guest)).items
        linked = "".join(
            f"<li>{escape(each.profile.name or each.profile.username)} on {escape(called(each.provider))}: "
            f"{escape(each.status.replace('_', ' '))}</li>"
            for each in held
        )
        offers = "".join(
            f"<p>{_form(token, {'provider': provider, 'flow': flow}, _offer(provider, flow))}</p>"
            for provider, flows in sorted(self._accounts.login_flows().items())
            for flow in flows
        )
        shown = f"<ul>{linked}</ul>" if linked else "<p>No account is linked yet.</p>"
        return page(f"The accounts of {user.display_name}", f"{shown}<h2>Link an account</h2>{offers}")

    async def _step(self, token: str, guest: Caller, answers: Mapping[str, str]) -> Response:
        given = dict(answers)
        attempt_id = given.pop("attempt", None)
        if attempt_id is None:
            provider, flow = given.get("provider", ""), given.get("flow", "")
            if flow not in self._accounts.login_flows().get(provider, ()):
                raise InvalidParameters("There is no such way to link an account here.")
            attempt, step = await self._accounts.start_link(guest, provider, flow)
        else:
            try:
                attempt, answered = await self._accounts.answer_link(guest, attempt_id, given)
            except LoginFailed as error:
                if error.code is not ErrorCode.INVALID_CHECKPOINT_SOLUTION:
                    raise
                # Not right, and asked once more: the step says so.
                attempt, answered = await self._accounts.linking.standing(guest, attempt_id)
            step = answered
        if isinstance(step, Account):
            return linked_page(step)
        url = getattr(step, "url", None)
        if url is not None:
            return page("One more page", f'<p><a href="{escape(url)}" rel="noreferrer">Go on at the network</a></p>')
        code = getattr(step, "code", None)
        asked = questions(step) if code is None else f"<p>Enter this code at the network: <b>{escape(code)}</b></p>"
        return page("One more step", _form(token, {"attempt": attempt.id}, "Go on", asked))


def _offer(provider: str, flow: str) -> str:
    return f"Link {called(provider)} {_FLOWS.get(flow, 'by ' + flow.replace('_', ' '))}"


def _form(token: str, hidden: Mapping[str, str], button: str, inside: str = "") -> str:
    kept = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in hidden.items()
    )
    action = f'<form method="post" action="/connect/{escape(token)}">'
    return f"{action}{kept}{inside}<button>{escape(button)}</button></form>"


def connect(services: Services) -> Connect:
    """The application, to be mounted at `/connect`."""
    return Connect(services)
