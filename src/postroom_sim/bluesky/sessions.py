"""Accounts, tokens and who is calling."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

from postroom_sim.bluesky.refusals import invalid, refusal
from postroom_sim.network import Answer, Call, Ground, json_answer

ACCESS_SECONDS = 2 * 3600
REFRESH_SECONDS = 90 * 86400
_ACCESS, _REFRESH = "com.atproto.appPass", "com.atproto.refresh"
SERVER_DID = "did:web:pds.quillfern.test"


@dataclass(frozen=True, slots=True)
class Account:
    did: str
    handle: str
    password: str
    email: str
    taken_down: bool
    factor: str | None


class Sessions:
    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._database = ground.database

    # accounts

    def find_account(self, name: object) -> Account | None:
        """By handle, DID or email."""
        if not isinstance(name, str):
            return None
        text = name.removeprefix("@").lower() if not name.startswith("did:") else name
        columns = "did, handle, password, email, taken_down, factor"
        sql = f"SELECT {columns} FROM bluesky_accounts WHERE ? IN (did, handle, email)"
        row = self._database.one(sql, (text,))
        return Account(row[0], row[1], row[2], row[3], bool(row[4]), row[5]) if row else None

    # tokens

    def _sign(self, claims: dict[str, Any], kind: str) -> str:
        head = _part(json.dumps({"typ": kind, "alg": "HS256"}).encode())
        signed = f"{head}.{_part(json.dumps(claims).encode())}"
        return f"{signed}.{self._signature(signed)}"

    def _signature(self, signed: str) -> str:
        secret = f"postroom_sim:{self._ground.seed}".encode()
        return _part(hmac.new(secret, signed.encode(), hashlib.sha256).digest())

    def _tokens(self, account: Account) -> dict[str, str]:
        now = int(self._ground.clock.now())
        id = f"session-{self._database.next('bluesky_session')}"
        self._database.execute("INSERT INTO bluesky_sessions VALUES (?, ?, 0)", (id, account.did))
        claims = {"sub": account.did, "iat": now, "aud": SERVER_DID, "jti": id}
        return {
            "accessJwt": self._sign({**claims, "scope": _ACCESS, "exp": now + ACCESS_SECONDS}, "at+jwt"),
            "refreshJwt": self._sign({**claims, "scope": _REFRESH, "exp": now + REFRESH_SECONDS}, "refresh+jwt"),
        }

    def claims(self, token: str) -> dict[str, Any] | None:
        """What a token of ours says, whether or not it still counts."""
        signed, _, signature = token.rpartition(".")
        if not signed or not hmac.compare_digest(signature.encode(), self._signature(signed).encode()):
            return None
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(signed.split(".")[1] + "=="))
        return claims

    def caller(self, call: Call, *, scope: str = _ACCESS) -> tuple[Account, str]:
        """Account and session of the bearer token. Raises Refused as a PDS refuses."""
        kind, _, token = call.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token:
            raise refusal("AuthMissing", "Authentication Required")
        if token.count(".") != 2:
            raise refusal("InvalidToken", "Malformed token")
        claims = self.claims(token)
        if claims is None:
            raise refusal("InvalidToken", "Token could not be verified")
        if claims["scope"] != scope:
            raise refusal("InvalidToken", "Bad token scope")
        if claims["exp"] <= self._ground.clock.now():
            raise refusal("ExpiredToken", "Token has expired")
        account = self.find_account(claims["sub"])
        row = self._database.one("SELECT ended FROM bluesky_sessions WHERE id = ?", (claims["jti"],))
        if account is None or row is None:
            raise refusal("InvalidToken", "Token could not be verified")
        # An access token outlives its session until it expires; a used refresh token does not.
        if row[0] and scope == _REFRESH:
            raise refusal("ExpiredToken", "Token has been revoked")
        if account.taken_down:
            raise refusal("AccountTakedown", "Account has been taken down")
        return account, claims["jti"]

    def did_of(self, call: Call) -> str | None:
        """For the journal: whose token this is, if it is one of ours."""
        claims = self.claims(call.headers.get("authorization", "").partition(" ")[2])
        return str(claims["sub"]) if claims else None

    # the methods

    def create(self, call: Call) -> Answer:
        tree = call.json()
        if not isinstance(tree, dict) or not isinstance(tree.get("identifier"), str):
            raise invalid('Input must have the property "identifier"')
        if not isinstance(tree.get("password"), str):
            raise invalid('Input must have the property "password"')
        account = self.find_account(tree["identifier"])
        if account is None or account.password != tree["password"]:
            raise refusal("AuthenticationRequired", "Invalid identifier or password")
        if account.taken_down:
            raise refusal("AccountTakedown", "Account has been taken down")
        if account.factor is not None and tree.get("authFactorToken") != account.factor:
            if tree.get("authFactorToken"):
                raise invalid("Token is invalid")
            raise refusal("AuthFactorTokenRequired", "A sign in code has been sent to your email address")
        return json_answer({**self._tokens(account), **self._about(account)})

    def refresh(self, call: Call) -> Answer:
        account, session = self.caller(call, scope=_REFRESH)
        self._database.execute("UPDATE bluesky_sessions SET ended = 1 WHERE id = ?", (session,))
        return json_answer({**self._tokens(account), **self._about(account)})

    def get(self, call: Call) -> Answer:
        return json_answer(self._about(self.caller(call)[0]))

    def delete(self, call: Call) -> Answer:
        _, session = self.caller(call, scope=_REFRESH)
        self._database.execute("UPDATE bluesky_sessions SET ended = 1 WHERE id = ?", (session,))
        return Answer(200)

    def _about(self, account: Account) -> dict[str, Any]:
        service = {
            "id": "#atproto_pds",
            "type": "AtprotoPersonalDataServer",
            "serviceEndpoint": f"{self._ground.origin}/bluesky",
        }
        return {
            "handle": account.handle,
            "did": account.did,
            "didDoc": {
                "@context": ["https://www.w3.org/ns/did/v1"],
                "id": account.did,
                "alsoKnownAs": [f"at://{account.handle}"],
                "service": [service],
            },
            "email": account.email,
            "emailConfirmed": True,
            "emailAuthFactor": account.factor is not None,
            "active": True,
        }


def _part(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
