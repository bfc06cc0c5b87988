"""What a browser holds, and what proves that a form is one of ours: cookies, form tokens, where a request comes from."""

import hmac
import re
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from postroom.errors import NotPermitted
from postroom.services.sessions import Sessions

SIGNED_IN, AT_THE_DOOR, SAID = "session", "door", "said"
FIELD, HEADER = "form_token", "x-form-token"
_LOCAL = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*\Z")


class Cookies:
    """The dashboard's cookies: for this host alone, unseen by scripts, sent by our own pages alone.

    Behind https they are `__Host-` cookies, which no neighbouring host and nobody on the way can plant.
    """

    def __init__(self, *, secure: bool) -> None:
        """`secure`: the server is reached over https, also where a proxy does not say so."""
        self._secure = secure

    def get(self, request: Request, name: str) -> str | None:
        return request.cookies.get(self._name(request, name))

    def set(self, request: Request, response: Response, name: str, value: str, seconds: int | None = None) -> None:
        """`seconds`: how long it is kept; None: until the browser is closed."""
        response.set_cookie(
            self._name(request, name),
            value,
            max_age=seconds,
            path="/",
            secure=self._is_secure(request),
            httponly=True,
            samesite="strict",
        )

    def drop(self, request: Request, response: Response, name: str) -> None:
        self.set(request, response, name, "", 0)

    def _name(self, request: Request, name: str) -> str:
        return f"__Host-postroom_{name}" if self._is_secure(request) else f"postroom_{name}"

    def _is_secure(self, request: Request) -> bool:
        return self._secure or request.url.scheme == "https"


def check_form(sessions: Sessions, request: Request, token: str, given: str) -> None:
    """Raises:
    NotPermitted: another site sent the form, or it does not carry the token of this session's forms.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None and site != "same-origin":
        raise NotPermitted("This form was sent by another site; nothing was done.")
    if origin is not None and urlsplit(origin).netloc.lower() != request.headers.get("host", "").lower():
        raise NotPermitted("This form was sent by another site; nothing was done.")
    if not token or not hmac.compare_digest(sessions.form_token(token).encode(), given.encode()):
        raise NotPermitted("This form is an old one, or not ours; nothing was done. Load the page again.")


def local(address: str) -> str:
    """The address, if it is one of this server's; else the overview's."""
    return address if _LOCAL.match(address) and not urlsplit(address).netloc else "/"
