"""The pages and tokens of networks with OAuth 2: owners who approve, codes, access tokens that expire, refresh tokens.

Source: RFC 6749 and RFC 7636. What differs between networks is told to `OAuth`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import parse_qs, urlencode

from postroom_sim.network import Answer, Call, Ground, Refused, json_answer

SCHEMA = """
CREATE TABLE IF NOT EXISTS oauth_codes (
    code TEXT PRIMARY KEY, network TEXT NOT NULL, account TEXT NOT NULL, redirect_uri TEXT NOT NULL,
    challenge TEXT, scope TEXT NOT NULL, expires_at REAL NOT NULL, used INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS oauth_tokens (
    token TEXT PRIMARY KEY, network TEXT NOT NULL, account TEXT NOT NULL, kind TEXT NOT NULL, grant_id TEXT NOT NULL,
    scope TEXT NOT NULL, expires_at REAL, ended INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS oauth_tokens_of_grant ON oauth_tokens (network, grant_id);
"""

CLIENT_ID = "sandbox"
CLIENT_SECRET = "sandbox-secret"
_CODE_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Token:
    """An access token as the network sees it."""

    account: str
    scope: str
    expired: bool
    ended: bool
    expires_at: float | None = None


def form(call: Call) -> dict[str, str]:
    """The fields of a form, each once; of the query as well, which the body wins over."""
    fields = parse_qs(call.query, keep_blank_values=True)
    if "json" not in call.headers.get("content-type", "") and "multipart" not in call.headers.get("content-type", ""):
        fields |= parse_qs(call.body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[0] for name, values in fields.items()}


def bearer(call: Call) -> str | None:
    """The token of the Authorization header; None where there is none."""
    kind, _, token = call.headers.get("authorization", "").partition(" ")
    return token.strip() or None if kind.lower() == "bearer" else None


class OAuth:
    """One network's authorization server. `logins` are its people by magic login: login to account id."""

    def __init__(
        self,
        ground: Ground,
        network: str,
        logins: Mapping[str, str],
        *,
        access_seconds: float | None,
        refresh: bool,
        rotates: bool = True,
        pkce: bool = True,
        client_id_name: str = "client_id",
    ) -> None:
        """`access_seconds` None: tokens do not end by themselves. `rotates`: a refresh token works once."""
        self._ground = ground
        self._database = ground.database
        self._network = network
        self._logins = logins
        self._access_seconds = access_seconds
        self._refresh = refresh
        self._rotates = rotates
        self._pkce = pkce
        self._client_id_name = client_id_name

    def authorize(self, call: Call) -> Answer:
        """The page at which an owner approves: a link for each login, or at once with `&login=`."""
        query = {name: values[0] for name, values in parse_qs(call.query).items()}
        redirect_uri = query.get("redirect_uri", "")
        wrong = query.get(self._client_id_name) != CLIENT_ID or query.get("response_type", "code") != "code"
        if wrong or not redirect_uri.startswith(("http://", "https://")):
            return Answer(400, b"Something is wrong with this app.", {"content-type": "text/plain"})
        if self._pkce and query.get("code_challenge_method") != "S256":
            return self._back(redirect_uri, {"error": "invalid_request", "state": query.get("state", "")})
        login = query.get("login")
        if login is None:
            return self._page(call)
        if login == "user_denied":
            return self._back(redirect_uri, {"error": "access_denied", "state": query.get("state", "")})
        account = self._logins.get(login)
        if account is None:
            return Answer(400, b"Nobody has this login.", {"content-type": "text/plain"})
        code = self._secret("code")
        self._database.execute(
            "INSERT INTO oauth_codes VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
            (
                code,
                self._network,
                account,
                redirect_uri,
                query.get("code_challenge"),
                query.get("scope", ""),
                self._ground.clock.now() + _CODE_SECONDS,
            ),
        )
        return self._back(redirect_uri, {"code": code, "state": query.get("state", "")})

    def exchange(self, call: Call) -> dict[str, Any]:
        """A code or a refresh token for tokens: access_token, token_type, scope, and as the network has them expires_in,
        refresh_token. The account is in `_account`, for the network to add or to drop.

        Raises:
            Refused: 400 or 401 with RFC 6749's error.
        """
        fields = form(call)
        self._check_client(call, fields)
        match fields.get("grant_type"):
            case "authorization_code":
                account, scope = self._take_code(fields)
                grant = self._secret("grant")
            case "refresh_token" if self._refresh:
                account, scope, grant = self._take_refresh(fields.get("refresh_token", ""))
            case _:
                raise _refused("unsupported_grant_type")
        return self.grant(account, scope, grant, refresh=fields.get("grant_type") != "refresh_token" or self._rotates)

    def grant(self, account: str, scope: str, grant: str | None = None, *, refresh: bool = True) -> dict[str, Any]:
        """New tokens for an account."""
        grant = grant or self._secret("grant")
        made: dict[str, Any] = {
            "access_token": self._token(account, "access", grant, scope, self._access_seconds),
            "token_type": "bearer",
            "scope": scope,
            "_account": account,
        }
        if self._access_seconds is not None:
            made["expires_in"] = int(self._access_seconds)
        if self._refresh and refresh:
            made["refresh_token"] = self._token(account, "refresh", grant, scope, None)
        return made

    def look(self, token: str | None) -> Token | None:
        """An access token; None: nobody's."""
        row = self._database.one(
            "SELECT account, scope, expires_at, ended FROM oauth_tokens WHERE token = ? AND network = ? AND kind = 'access'",
            (token or "", self._network),
        )
        if row is None:
            return None
        expired = row[2] is not None and row[2] <= self._ground.clock.now()
        return Token(row[0], row[1], expired, bool(row[3]), row[2])

    def account_of(self, token: str | None) -> str | None:
        """For the journal: whose token this is or was."""
        found = self.look(token)
        return found.account if found else None

    def revoke(self, token: str) -> bool:
        """End a token and all that came of the same approval. False: nobody's token."""
        row = self._database.one(
            "SELECT grant_id FROM oauth_tokens WHERE token = ? AND network = ?", (token, self._network)
        )
        if row is None:
            return False
        self._database.execute(
            "UPDATE oauth_tokens SET ended = 1 WHERE network = ? AND grant_id = ?", (self._network, row[0])
        )
        return True

    def _check_client(self, call: Call, fields: Mapping[str, str]) -> None:
        client_id, secret = fields.get(self._client_id_name), fields.get("client_secret")
        kind, _, encoded = call.headers.get("authorization", "").partition(" ")
        if kind.lower() == "basic":
            try:
                client_id, _, secret = base64.b64decode(encoded).decode().partition(":")
            except ValueError as error:
                raise _refused("invalid_client", 401) from error
        if client_id != CLIENT_ID or (secret or "") != CLIENT_SECRET:
            raise _refused("invalid_client", 401)

    def _take_code(self, fields: Mapping[str, str]) -> tuple[str, str]:
        code = fields.get("code", "")
        row = self._database.one(
            "SELECT account, redirect_uri, challenge, scope, expires_at, used FROM oauth_codes"
            " WHERE code = ? AND network = ?",
            (code, self._network),
        )
        if row is None or row[5] or row[4] <= self._ground.clock.now() or row[1] != fields.get("redirect_uri"):
            raise _refused("invalid_grant")
        verifier = fields.get("code_verifier", "")
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        if row[2] and not hmac.compare_digest(digest, row[2]):
            raise _refused("invalid_grant")
        self._database.execute("UPDATE oauth_codes SET used = 1 WHERE code = ?", (code,))
        return row[0], row[3]

    def _take_refresh(self, token: str) -> tuple[str, str, str]:
        row = self._database.one(
            "SELECT account, scope, grant_id, ended FROM oauth_tokens WHERE token = ? AND network = ? AND kind = 'refresh'",
            (token, self._network),
        )
        if row is None or row[3]:
            raise _refused("invalid_grant")
        if self._rotates:
            self._database.execute("UPDATE oauth_tokens SET ended = 1 WHERE token = ?", (token,))
        return row[0], row[1], row[2]

    def _token(self, account: str, kind: str, grant: str, scope: str, seconds: float | None) -> str:
        token = self._secret(kind)
        until = None if seconds is None else self._ground.clock.now() + seconds
        self._database.execute(
            "INSERT INTO oauth_tokens VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
            (token, self._network, account, kind, grant, scope, until),
        )
        return token

    def _secret(self, kind: str) -> str:
        """Unlike any other, and the same for the same seed and history."""
        text = f"{self._ground.seed}:{self._network}:{kind}:{self._database.next('oauth')}"
        return f"{self._network}-{kind}-{hashlib.sha256(text.encode()).hexdigest()[:40]}"

    def _back(self, redirect_uri: str, query: Mapping[str, str]) -> Answer:
        joint = "&" if "?" in redirect_uri else "?"
        return Answer(302, b"", {"location": f"{redirect_uri}{joint}{urlencode(query)}"})

    def _page(self, call: Call) -> Answer:
        links = "".join(
            f'<li><a href="?{escape(call.query)}&amp;login={escape(login)}">Approve as {escape(login)}</a></li>'
            for login in [*self._logins, "user_denied"]
        )
        page = (
            f"<!doctype html><meta charset=utf-8><title>{self._network}</title><h1>{self._network}</h1><ul>{links}</ul>"
        )
        return Answer(200, page.encode(), {"content-type": "text/html; charset=utf-8"})


def _refused(error: str, status: int = 400) -> Refused:
    return Refused(json_answer({"error": error, "error_description": error.replace("_", " ")}, status=status))
