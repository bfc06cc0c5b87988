"""Where an owner comes back from a network's page: `/callbacks/oauth`. The `state` in the address is the permission."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from postroom.domain.accounts import Account
from postroom.domain.logins import Wait
from postroom.errors import InvalidParameters, LoginFailed, NotFound, PostroomError
from postroom.services.house import Services
from postroom.web.steps import called, fields

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_MOST_FORM_BYTES = 64 * 1024
_STATUSES: dict[type[PostroomError], int] = {NotFound: 404, LoginFailed: 401, InvalidParameters: 400}
_STYLE = """
:root { color-scheme: light dark; } body { font: 16px/1.5 system-ui, sans-serif; max-width: 34rem; margin: 4rem auto;
padding: 0 1rem; } label { display: block; margin: .6rem 0; } input:not([type=radio]) { display: block; width: 100%; }
button { font: inherit; padding: .3rem 1rem; }
"""


class Callbacks:
    """One page, as an ASGI application: GET as the network sends the owner back, POST for what is asked then."""

    def __init__(self, services: Services) -> None:
        self._accounts = services.accounts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.url.path.rstrip("/") != "/callbacks/oauth":
            return page("Nothing is here", "<p>Networks send the owners of accounts back to /callbacks/oauth.</p>", 404)
        try:
            if request.method == "GET":
                answers: Mapping[str, str] = dict(request.query_params)
            elif request.method == "POST":
                answers = await form(request)
            else:
                return page("Not here", "<p>Only GET and POST are possible here.</p>", 405)
            nonce = answers.get("state", "")
            _, step = await self._accounts.come_back(nonce, answers)
        except PostroomError as error:
            status = next((_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES), 502)
            return page("The account was not linked", f"<p>{escape(error.detail)}</p>", status)
        return linked_page(step) if isinstance(step, Account) else asked_page(step, nonce)


async def form(request: Request) -> dict[str, str]:
    """A posted form's fields, each once.

    Raises:
        InvalidParameters: it is too long, or no form.
    """
    if int(request.headers.get("content-length") or _MOST_FORM_BYTES + 1) > _MOST_FORM_BYTES:
        raise InvalidParameters("The form is too long.")
    async with request.form(max_files=0, max_fields=50) as fields:
        return {name: value for name, value in fields.items() if isinstance(value, str)}


def linked_page(account: Account) -> Response:
    """What the owner sees at the end."""
    who = f"{account.profile.name} ({account.profile.username}) on {called(account.provider)}"
    return page("The account is linked", f"<p>{escape(who)}. You may close this page.</p>")


def asked_page(step: Any, nonce: str) -> Response:
    """What the owner is asked next, or where they are sent."""
    url = getattr(step, "url", None)
    if url is not None:
        return page("One more page", f'<p><a href="{escape(url)}" rel="noreferrer">Go on at the network</a></p>')
    action = '<form method="post" action="/callbacks/oauth">'
    hidden = f'<input type="hidden" name="state" value="{escape(nonce)}">'
    return page("One more question", f"{action}{hidden}{questions(step)}<p><button>Go on</button></p></form>")


def questions(step: Any) -> str:
    """What a step asks, as the inputs of a form; what is secret is not shown as it is typed."""
    rows = []
    refused = getattr(step, "refused", None)
    if refused:
        rows.append(f'<p role="alert">{escape(refused)}</p>')
    if isinstance(step, Wait):
        rows.append("<p>The network asks you to say yes in its own app. Do that first.</p>")
    for field in fields(step):
        name, text = escape(field.name), escape(field.words)
        if field.choices:
            rows.append(f"<fieldset><legend>{text}</legend>")
            rows += [
                f'<label><input type="radio" name="{name}" value="{escape(value)}" required> {escape(label)}</label>'
                for value, label in field.choices.items()
            ]
            rows.append("</fieldset>")
        else:
            needed = " required" if field.required else ""
            kind = "password" if field.secret else "text"
            rows.append(f'<label>{text}<input type="{kind}" name="{name}" autocomplete="off"{needed}></label>')
    return "".join(rows)


def page(title: str, body: str, status: int = 200, *, refresh: tuple[int, str] | None = None) -> Response:
    """A plain page that loads nothing, is kept nowhere, and tells nobody where it came from.

    `refresh`: after so many seconds it goes to this address.
    """
    going = "" if refresh is None else f'<meta http-equiv="refresh" content="{refresh[0]};url={escape(refresh[1])}">'
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width">{going}<style>{_STYLE}</style></head>'
        f"<body><h1>{escape(title)}</h1>{body}</body></html>"
    )
    headers = {
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
        "x-content-type-options": "nosniff",
    }
    return HTMLResponse(text, status, headers)


def callbacks(services: Services) -> Callbacks:
    """The application, to be mounted at `/callbacks`."""
    return Callbacks(services)
