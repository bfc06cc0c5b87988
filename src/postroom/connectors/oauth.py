"""OAuth 2 with PKCE, as far as networks agree on it: where to send the owner, and how a code becomes tokens.

Source: RFC 6749, RFC 7636.
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from postroom.connectors.contract import AppSettings, Reply, Visit
from postroom.connectors.http import Answer, Http
from postroom.errors import (
    CredentialsRejected,
    ErrorCode,
    LoginFailed,
    OutcomeUnknown,
    ProviderDown,
    RateLimited,
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


def visit(
    authorize_url: str,
    settings: AppSettings,
    callback_url: str,
    scopes: Sequence[str],
    *,
    separator: str = " ",
    client_id_name: str = "client_id",
    pkce: bool = True,
    extra: Mapping[str, str] | None = None,
) -> Visit:
    """The page at which the owner says yes; the state keeps the verifier that the code is good for.

    `pkce`: False for a network that has none for servers; its verifier is then to be kept from it.
    """
    nonce, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code",
        client_id_name: settings.client_id,
        "redirect_uri": callback_url,
        "scope": separator.join(scopes),
        "state": nonce,
        **({"code_challenge": challenge, "code_challenge_method": "S256"} if pkce else {}),
        **(extra or {}),
    }
    state = {"nonce": nonce, "verifier": verifier}
    return Visit(url=f"{authorize_url}?{urlencode(query)}", nonce=nonce, state=state)


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


def seconds_to_wait(answer: Answer) -> float | None:
    """What Retry-After says, where it says a number of seconds."""
    value = answer.headers.get("retry-after", "")
    return float(value) if value.isdecimal() else None
