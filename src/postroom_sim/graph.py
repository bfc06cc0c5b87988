"""What the simulated networks of Meta have in common: Graph's errors, tokens and usage headers, and who has an account.

Source: Graph API documentation, "Handle Errors" and "Rate Limits"; Threads API and Instagram Platform documentation,
"Long-lived tokens", checked 2026-11-21.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec

from postroom_sim import multipart
from postroom_sim.feed import Feed
from postroom_sim.network import Answer, Call, Ground, Refused, Scenario, json_answer
from postroom_sim.oauth import CLIENT_ID, CLIENT_SECRET, OAuth, Token, bearer, form

Json = dict[str, Any]

SHORT_SECONDS = 3600.0
LONG_SECONDS = 60 * 86_400.0
_SECRETS = frozenset({"access_token", "client_secret", "code", "fb_exchange_token"})


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who has an account there."""

    login: str
    id: str
    username: str
    name: str
    about: str
    checkpoint: bool = False
    """Whether the network lets nobody in before they have confirmed something there."""


def error(
    message: str,
    code: int,
    subcode: int | None = None,
    *,
    status: int = 400,
    type: str = "OAuthException",
    said: str | None = None,
    transient: bool | None = None,
) -> Refused:
    """Graph's error, to be raised. `said` is its error_user_msg."""
    body: Json = {"message": message, "type": type, "code": code}
    if subcode is not None:
        body["error_subcode"] = subcode
    if transient is not None:
        body["is_transient"] = transient
    if said is not None:
        body |= {"error_user_title": message, "error_user_msg": said}
    body["fbtrace_id"] = "AbCdEfGhIjKlMnOpQrStUv"
    return Refused(json_answer({"error": body}, status=status, media_type="application/json; charset=UTF-8"))


def no_such_object(id: str, method: str = "get") -> Refused:
    """100/33: it does not exist, or may not be seen; Graph does not say which."""
    return error(
        f"Unsupported {method.lower()} request. Object with ID '{id}' does not exist, cannot be loaded due to missing"
        " permissions, or does not support this operation",
        100,
        33,
        type="GraphMethodException",
    )


def invalid(message: str) -> Refused:
    return error(f"(#100) {message}", 100)


def parameters(call: Call) -> dict[str, str]:
    """The parameters of a call, wherever they stand; of a JSON body as well."""
    found = form(call)
    found |= {
        name: part.content.decode("utf-8", "replace")
        for name, part in multipart.parts(call).items()
        if part.file_name is None
    }
    tree = call.json() if "json" in call.headers.get("content-type", "") else None
    if isinstance(tree, dict):
        found |= {name: each if isinstance(each, str) else json.dumps(each) for name, each in tree.items()}
    return found


def chosen(node: Json, wanted: str | None, default: str = "id") -> Json:
    """Only the fields that were asked for, and the id."""
    names = ["id", *(name.partition("{")[0].strip() for name in (wanted or default).split(","))]
    return {name: node[name] for name in names if node.get(name) is not None}


def page(rows: Sequence[Json], asked: Mapping[str, str], most: int = 100) -> Answer:
    """The first page of an edge."""
    limit = int(asked["limit"]) if asked.get("limit", "").isdigit() else 25
    shown = [chosen(row, asked.get("fields")) for row in rows[: min(limit, most)]]
    tree: Json = {"data": shown}
    if shown:
        tree["paging"] = {"cursors": {"before": "QVFIbefore", "after": "QVFIafter"}}
    return json_answer(tree)


class Tokens:
    """Short tokens for a code, long ones for short, and whose they are."""

    def __init__(self, ground: Ground, network: str, people: Sequence[Person]) -> None:
        logins = {person.login: person.id for person in people}
        self.short = OAuth(ground, network, logins, access_seconds=SHORT_SECONDS, refresh=False, pkce=False)
        self.long = OAuth(ground, network, logins, access_seconds=LONG_SECONDS, refresh=False, pkce=False)
        self.lasting = OAuth(ground, network, logins, access_seconds=None, refresh=False, pkce=False)
        self._checkpoints = {person.id for person in people if person.checkpoint}

    def of(self, call: Call) -> str | None:
        """The token of a call."""
        return parameters(call).get("access_token") or bearer(call)

    def check(self, token: str | None) -> Token:
        """Whose token it is.

        Raises:
            Refused: nobody's, or not any more.
        """
        found = self.short.look(token)
        if found is None:
            raise error("Invalid OAuth access token - Cannot parse access token", 190)
        if found.ended:
            raise error("Error validating access token: The user has not authorized application", 190, 458)
        if found.expired:
            raise expired()
        if found.account.partition("@")[0] in self._checkpoints:
            raise checkpoint()
        return found

    def exchange(self, call: Call) -> Json:
        """A code as a short token.

        Raises:
            Refused: in the words of these networks.
        """
        try:
            return self.short.exchange(call)
        except Refused as refused:
            raise error("Error validating verification code. This authorization code has been used.", 100, 36009) from (
                refused
            )

    def lengthen(self, call: Call, token: str | None, made_by: OAuth | None = None) -> Json:
        """A longer token for one that stands."""
        asked = parameters(call)
        if "client_secret" in asked and asked["client_secret"] != CLIENT_SECRET:
            raise error("Error validating client secret.", 1)
        held = self.check(token)
        made = (made_by or self.long).grant(held.account, held.scope)
        return {"access_token": made["access_token"], "token_type": "bearer"} | (
            {"expires_in": made["expires_in"]} if "expires_in" in made else {}
        )


def expired() -> Refused:
    return error("Error validating access token: Session has expired on Saturday, 21-Nov-26 12:00:00 PST.", 190, 463)


def checkpoint() -> Refused:
    return error("Error validating access token: You cannot access the app till you log in and confirm.", 190, 459)


class GraphNetwork:
    """What every network of Meta does alike; each adds `identify`, `answer` and its people."""

    name: str
    authorize_path = "/oauth/authorize"
    calls_an_hour = 4800
    limit_code = 4
    """The error of too many calls: the app's, or with a page's token the page's."""

    def __init__(self, ground: Ground, people: Sequence[Person]) -> None:
        self._ground = ground
        self._people = people
        self._feed = Feed(ground, self.name)
        self._tokens = Tokens(ground, self.name, people)

    def _whose(self, call: Call) -> str | None:
        """For the journal and the faults: who calls, as far as one can tell."""
        account = self._tokens.short.account_of(self._tokens.of(call))
        return None if account is None else account.partition("@")[0]

    def _spend(self, call: Call, account: str) -> Json:
        """Count a call; the usage headers of its answer.

        Raises:
            Refused: there were too many.
        """
        spent = self._feed.spend(f"calls:{account}", self.calls_an_hour, 3600)
        percent = min(100, 100 * (spent.limit - spent.remaining) // spent.limit)
        rows = [
            {
                "type": self.name,
                "call_count": percent,
                "total_cputime": 1,
                "total_time": 1,
                "estimated_time_to_regain_access": 60 if spent.exceeded else 0,
            }
        ]
        headers = {
            "x-app-usage": json.dumps({"call_count": percent, "total_time": 1, "total_cputime": 1}),
            "x-business-use-case-usage": json.dumps({account: rows}),
            "x-fb-request-id": "AbCdEf",
        }
        if spent.exceeded:
            words = f"(#{self.limit_code}) {'Page' if self.limit_code == 32 else 'Application'} request limit reached"
            refused = error(words, self.limit_code, transient=True)
            refused.answer.headers |= headers
            raise refused
        return headers

    def _with_usage(self, call: Call, account: str, method: Callable[[], Answer]) -> Answer:
        headers = self._spend(call, account)
        try:
            answer = method()
        except Refused as refused:
            refused.answer.headers |= headers
            raise
        answer.headers |= headers
        return answer

    def _day(self, what: str, account: str, limit: int) -> None:
        """Count something of which there are only so many a day."""
        if self._feed.spend(f"{what}:{account}", limit, 86_400).exceeded:
            raise error(
                "Application request limit reached",
                9,
                2207042,
                said=f"You reached the maximum number of {what} for a day.",
            )

    def _person(self, id: str) -> Person:
        return next(person for person in self._people if person.id == id)

    def commit_done(self) -> None:
        """Nobody listens."""

    def forget_pending(self) -> None:
        """Nothing is pending."""

    def expired_session(self) -> Answer:
        return expired().answer

    def challenge(self) -> Answer:
        return checkpoint().answer

    def truncate_page(self, answer: Answer, length: int) -> Answer:
        tree = msgspec.json.decode(answer.body) if answer.status == 200 else None
        if not isinstance(tree, dict) or not isinstance(tree.get("data"), list):
            return answer
        tree["data"] = tree["data"][:length]
        return json_answer(tree)

    def journal_body(self, call: Call) -> Any:
        if not call.body:
            return None
        fields: Json
        if "multipart" in call.headers.get("content-type", ""):
            found = multipart.parts(call)
            fields = {
                name: part.content.decode("utf-8", "replace")
                if part.file_name is None
                else {"size_bytes": len(part.content)}
                for name, part in found.items()
            }
        else:
            fields = dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True))
        return {name: "(hidden)" if name in _SECRETS else value for name, value in fields.items()}

    def journal_query(self, call: Call) -> str:
        fields = parse_qsl(call.query, keep_blank_values=True)
        return urlencode([(name, "hidden" if name in _SECRETS else value) for name, value in fields])

    def seed(self) -> None:
        """People are there from the start."""

    def freshen(self) -> None:
        """These networks have nothing to say by themselves."""

    def scenarios(self) -> list[Scenario]:
        address = f"{self._ground.origin}/{self.name}{self.authorize_path}"
        query = f"client_id={CLIENT_ID}&redirect_uri=http://127.0.0.1/&response_type=code&state=x&login="
        return [
            Scenario(self.name, person.login, person.about, f"curl -i '{address}?{query}{person.login}'")
            for person in self._people
        ]

    def end_streams(self, wanted: Callable[[str], bool]) -> int:
        return 0

    def stop(self) -> None:
        """No streams to end."""

    def posts(self, account: str | None) -> list[Json]:
        """Live posts, oldest first, of one account (id or username) or of all."""
        ids = {person.username: person.id for person in self._people}
        return self._feed.shown(ids.get(account, account) if account else None)
