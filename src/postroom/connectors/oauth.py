"""OAuth 2 with PKCE, as far as networks agree on it: where to send the owner, and how a code becomes tokens.

Source: RFC 6749, RFC 7636.
"""

import base64
import hashlib
import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import msgspec

from postroom.connectors.answers import seconds_to_wait
from postroom.connectors.contract import AppSettings, LoginStep, Reply, Visit
from postroom.connectors.http import Http
from postroom.errors import (
    ActionRequired,
    CredentialsRejected,
    ErrorCode,
    LoginFailed,
    OutcomeUnknown,
    ProviderDown,
    RateLimited,
    Refused,
)

_LONGEST_WORDS = 200
# RFC 6749, section 5.2: what a token endpoint says when the grant, or the app, is no good any more.
_OVER = frozenset({"invalid_grant", "invalid_client", "unauthorized_client", "access_denied"})


def check_app(settings: AppSettings, network: str) -> None:
    """Raises LoginFailed where no app of this network was configured."""
    if not settings.client_id:
        raise LoginFailed(
            f"This server has no {network} app: set POSTROOM_PROVIDER_{network.upper()}_CLIENT_ID and _CLIENT_SECRET.",
            code=ErrorCode.AUTHENTICATION_INTENT_ERROR,
        )


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A network's page at which owners say yes, and what our app asks them for."""

    network: str
    url: str
    app: AppSettings
    callback_url: str
    scopes: Sequence[str]
    separator: str = " "
    client_id_name: str = "client_id"
    pkce: bool = True
    """False for a network that has none for servers; the verifier is then kept from it."""
    extra: Mapping[str, str] = {}

    @property
    def client(self) -> dict[str, str]:
        """The app, as a form names it."""
        return {self.client_id_name: self.app.client_id, "client_secret": self.app.client_secret}


async def login(page: Page, reply: Reply | None, link: Callable[[dict[str, str]], Awaitable[LoginStep]]) -> LoginStep:
    """Send the owner to the page; of what they come back with, `link` makes an account, given the form of the grant.

    Raises:
        LoginFailed: there is no app, the owner said no, or the network refused a call of `link`.
    """
    check_app(page.app, page.network)
    if reply is None or reply.state is None:
        return visit(page)
    form = grant(page, reply)
    with linking():
        return await link(form)


@contextmanager
def linking() -> Iterator[None]:
    """What a network refuses inside is the end of this attempt to link, and what it did not do may be tried later."""
    try:
        yield
    except ActionRequired as error:
        raise LoginFailed(error.detail, code=ErrorCode.CHECKPOINT_ERROR) from error
    except (CredentialsRejected, Refused) as error:
        raise LoginFailed(error.detail, code=ErrorCode.INVALID_CREDENTIALS) from error


@contextmanager
def exchanging(name: str) -> Iterator[None]:
    """A code that is rejected inside came too late, or for the second time."""
    try:
        yield
    except CredentialsRejected as error:
        raise LoginFailed(f"{name} did not accept the approval: start again.", code=ErrorCode.EXPIRED_LINK) from error


def visit(page: Page) -> Visit:
    """To that page; the state keeps the verifier that the code is good for."""
    nonce, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code",
        page.client_id_name: page.app.client_id,
        "redirect_uri": page.callback_url,
        "scope": page.separator.join(page.scopes),
        "state": nonce,
        **({"code_challenge": challenge, "code_challenge_method": "S256"} if page.pkce else {}),
        **page.extra,
    }
    state = {"nonce": nonce, "verifier": verifier}
    return Visit(url=f"{page.url}?{urlencode(query)}", nonce=nonce, state=state)


def grant(page: Page, reply: Reply) -> dict[str, str]:
    """What a token endpoint is to be told of the code that the owner came back with.

    Raises:
        LoginFailed: the owner said no, or came back with something else.
    """
    code, verifier = code_of(reply)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": page.callback_url}
    return {**form, "code_verifier": verifier} if page.pkce else form


def code_of(reply: Reply) -> tuple[str, str]:
    """The code that the owner came back with, and the verifier it goes with.

    Raises:
        LoginFailed: the owner said no, or came back with something else.
    """
    state = reply.state if isinstance(reply.state, dict) else {}
    verifier, nonce = state.get("verifier"), state.get("nonce")
    error = reply.answers.get("error")
    if error:
        words = reply.answers.get("error_description") or error
        raise LoginFailed(f"The network did not allow it: {words[:_LONGEST_WORDS]}", code=ErrorCode.INVALID_CREDENTIALS)
    code = reply.answers.get("code", "").strip()
    answered = reply.answers.get("state")
    right = isinstance(nonce, str) and (answered is None or secrets.compare_digest(answered.encode(), nonce.encode()))
    if not code or not isinstance(verifier, str) or not right:
        raise LoginFailed("This is not the answer to that page: start again.", code=ErrorCode.EXPIRED_LINK)
    return code, verifier


async def tokens(
    http: Http,
    provider: str,
    operation: str,
    url: str,
    form: Mapping[str, str],
    *,
    basic: tuple[str, str] | None = None,
) -> dict[str, Any]:
    """Ask a token endpoint; the answer's JSON object, with an `access_token`. `basic`: client id and secret.

    A token that nobody knows of ends by itself, so a lost answer is `ProviderDown`; but a refresh token that is used
    once may be used up by it.

    Raises:
        CredentialsRejected: the grant is no good (any more).
        RateLimited, ProviderDown: later.
    """
    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    if basic is not None:
        headers["authorization"] = basic_authorization(*basic)
    try:
        answer = await http.write(provider, operation, url, headers=headers, content=urlencode(form).encode())
    except OutcomeUnknown as error:
        raise ProviderDown(error.detail) from error
    found = answer.json()
    tree: dict[str, Any] = found if isinstance(found, dict) else {}
    if answer.status == 200 and isinstance(tree.get("access_token"), str):
        return tree
    if answer.status == 429:
        raise RateLimited(f"{provider} gives no more tokens for now.", retry_after_seconds=seconds_to_wait(answer))
    if answer.status in (400, 401, 403) or tree.get("error") in _OVER:
        # Not its own words: some networks repeat the token in them.
        name = tree.get("error") if tree.get("error") in _OVER else f"status {answer.status}"
        raise CredentialsRejected(f"{provider} gave no token: {name}.", code=ErrorCode.EXPIRED_CREDENTIALS)
    raise ProviderDown(f"{provider} gave no token: status {answer.status}.")


def basic_authorization(client_id: str, client_secret: str) -> str:
    """How an app names itself in the Authorization header."""
    return "Basic " + base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()


def expires_at(tree: Mapping[str, Any], now: datetime) -> int | None:
    """When an access token ends, in milliseconds since 1970, from the answer's `expires_in`; None: it does not say."""
    seconds = tree.get("expires_in")
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or seconds <= 0:
        return None
    return round((now.timestamp() + seconds) * 1000)
