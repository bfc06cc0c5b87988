"""Meta's Graph API, as Threads, Instagram and Facebook have it in common: calls, errors in our classes, long tokens.

Source: Graph API documentation, "Handle Errors" and "Rate Limits"; Instagram Platform documentation, "Error Codes",
checked 2026-11-21.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec

from postroom.clock import Clock
from postroom.connectors import answers, oauth
from postroom.connectors.contract import Keep
from postroom.connectors.http import Answer, Http
from postroom.connectors.sessions import Session
from postroom.domain.remote import Credentials, PostDraft
from postroom.errors import (
    ActionRequired,
    CredentialsRejected,
    ErrorCode,
    OutcomeUnknown,
    ProviderDown,
    ProviderError,
    RateLimited,
    Refused,
    Unprocessable,
)

Json = Any

_REJECTED = frozenset({102, 190})
_EXPIRED = frozenset({463, 467})
_AT_THE_NETWORK = frozenset({459, 464})
"""The owner has to log in there and confirm something."""
_LIMITS = frozenset({4, 17, 32, 341, 368, 613, *range(80000, 80015)})
_BLOCKED = 2207051
_RESTRICTED = 2207050
_DAILY_LIMIT = 2207042
_PASSING = frozenset({-2, -1, 1, 2})
_NOT_YET = frozenset({24, 9007})
"""A container that is not ready, or not known any more: nothing was published."""
_NO_SUCH_MEDIA = 2207006
_TOO_LARGE = frozenset({2207004})
_NOT_FETCHED = frozenset({389, 2207052})
_PAGE_UNAUTHORISED = 1404078
_UNUSABLE = frozenset({506, 1346003, 1366046, 1366051, 1609005})
"""A duplicate, something reported before, a picture that is none, a link that cannot be read: by code or subcode."""
_TEMPORARY = 1363047
_HOUR_SECONDS = 3600.0
_QUARTER_SECONDS = 900.0
_RENEW_BEFORE = timedelta(days=30)


class Absent(Exception):
    """Graph says that there is no such object, or none that this token may see: it does not tell these apart."""


class Graph:
    """The calls of one of Meta's networks. Tokens are given to each call, and go where its documentation shows them."""

    def __init__(self, http: Http, provider: str, name: str, base: str) -> None:
        """`name` is what errors call the network; `base` has the version in it."""
        self._http = http
        self._provider = provider
        self._name = name
        self._base = base.rstrip("/")

    async def get(
        self,
        operation: str,
        path: str,
        token: str,
        fields: Mapping[str, str] | None = None,
        *,
        may_be_absent: bool = False,
    ) -> dict[str, Json]:
        """A node, or a page of an edge.

        Raises:
            Absent: (only where it `may_be_absent`) there is none.
        """
        query = urlencode({**(fields or {}), "access_token": token})
        answer = await self._http.read(self._provider, operation, f"{self._base}/{path}?{query}", headers=_HEADERS)
        try:
            return self._object(answer, (token,), publishes=False)
        except Absent as error:
            if may_be_absent:
                raise
            raise Refused(f"{self._name} does not show it: {path}.") from error

    async def post(
        self, operation: str, path: str, token: str, fields: Mapping[str, str], *, publishes: bool = False
    ) -> str:
        """Make something; its id. What only prepares can be made again: no answer is `ProviderDown` then.

        Raises:
            OutcomeUnknown: (only where it `publishes`) it may be live.
        """
        content = urlencode({**fields, "access_token": token}).encode()
        return await self.send(operation, path, (token,), _FORM, content, publishes=publishes)

    async def send(
        self,
        operation: str,
        path: str,
        hide: tuple[str, ...],
        headers: Mapping[str, str],
        content: Any,
        *,
        publishes: bool,
        seconds: float | None = None,
    ) -> str:
        """`post` with a body of any kind, which has the token in it; `hide` names it to errors."""
        url = f"{self._base}/{path}"
        try:
            answer = await self._http.write(
                self._provider, operation, url, headers=headers, content=content, seconds=seconds
            )
            made = self._object(answer, hide, publishes=publishes)
        except OutcomeUnknown as error:
            if publishes:
                raise
            raise ProviderDown(error.detail) from error
        except Absent as error:
            raise Unprocessable(f"{self._name} does not know what this is about: {path}.") from error
        id = made.get("post_id") or made.get("id")
        if isinstance(id, str) and id:
            return id
        sentence = f"{self._name} did not say what it made."
        raise OutcomeUnknown(sentence) if publishes else ProviderDown(sentence)

    async def remove(self, operation: str, id: str, token: str) -> None:
        """Delete an object. Gone already is success, where it is sure that it is that which Graph means.

        Raises:
            Refused: it is still shown.
        """
        url = f"{self._base}/{id}?{urlencode({'access_token': token})}"
        answer = await self._http.write(self._provider, operation, url, headers=_HEADERS, method="DELETE")
        try:
            said = self._object(answer, (token,), publishes=True)
        except Absent:
            await self._gone(id, token)
            return
        if said.get("success") is not True:
            raise OutcomeUnknown(f"{self._name} did not say whether it was deleted.")

    async def _gone(self, id: str, token: str) -> None:
        """A token without the permission is told the same as one that asks for what is gone: so look."""
        try:
            await self.get("look", id, token, {"fields": "id"}, may_be_absent=True)
        except Absent:
            # It may be the token which sees nothing any more.
            await self.get("me", "me", token, {"fields": "id"})
            return
        raise Refused(
            f"{self._name} does not let this app delete it, and still shows it.",
            code=ErrorCode.INSUFFICIENT_PERMISSIONS,
        )

    def _object(self, answer: Answer, hide: tuple[str, ...], *, publishes: bool) -> dict[str, Json]:
        tree = answer.json()
        if answer.status >= 300 or (isinstance(tree, dict) and isinstance(tree.get("error"), dict)):
            raise meaning(answer, self._name, publishes=publishes, hide=hide)
        return answers.json_object(answer, f"{self._name}'s", write=publishes)


def words(text: str) -> str:
    """What is noted of a text, to know it again in a list: not the text itself, and no matter how it is spaced."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()


def digest(draft: PostDraft) -> str:
    """The same as long as the draft is: of a draft that was changed, nothing that an earlier attempt made is used."""
    files = [[item.etag, item.alt_text] for item in draft.media]
    told = [draft.text, dict(draft.settings), draft.reply_to, files]
    return hashlib.sha256(msgspec.json.encode(told, order="sorted")).hexdigest()


_HEADERS = answers.headers()
_FORM = {**_HEADERS, "content-type": "application/x-www-form-urlencoded"}


class _Said(msgspec.Struct, frozen=True):
    code: int
    subcode: int
    words: str
    transient: bool


def meaning(answer: Answer, name: str, *, publishes: bool, hide: tuple[str, ...]) -> ProviderError | Absent:
    """What an answer that is no success means. `publishes`: what failed without saying how may have happened."""
    said, status = _said(answer, hide), answer.status
    words = f"{name}: {said.words or status}"
    if said.code == 100 and said.subcode == 33:
        return Absent()
    if said.code in _REJECTED or (status == 401 and not said.code):
        if said.subcode in _AT_THE_NETWORK:
            return ActionRequired(words)
        expired = said.subcode in _EXPIRED
        return CredentialsRejected(
            words, code=ErrorCode.EXPIRED_CREDENTIALS if expired else ErrorCode.DISCONNECTED_ACCOUNT
        )
    if said.subcode == _BLOCKED:
        return Refused(words, code=ErrorCode.ACCOUNT_RESTRICTED)
    if said.subcode in (_RESTRICTED, _PAGE_UNAUTHORISED):
        return ActionRequired(words)
    if _UNUSABLE & {said.code, said.subcode}:
        return Unprocessable(words, context={"code": said.code})
    if said.code in _LIMITS or said.subcode == _DAILY_LIMIT or status == 429:
        wait = _HOUR_SECONDS if said.subcode == _DAILY_LIMIT else _wait(answer)
        return RateLimited(words, retry_after_seconds=wait)
    if said.code in (3, 10) or 200 <= said.code < 300:
        return Refused(words, code=ErrorCode.INSUFFICIENT_PERMISSIONS)
    if said.code in _NOT_YET and said.subcode != _NO_SUCH_MEDIA:
        return ProviderDown(words)
    if said.code in _PASSING or said.subcode == _TEMPORARY or said.transient or status >= 500 or status == 408:
        return OutcomeUnknown(words) if publishes else ProviderDown(words)
    if 300 <= status < 400:
        return ProviderDown(f"{words}. It sends to another address, which is not followed.")
    return _unusable(said, status, words)


def _unusable(said: _Said, status: int, words: str) -> ProviderError:
    """What the network cannot use: it will be no other at the next attempt."""
    if status == 413 or said.subcode in _TOO_LARGE:
        return Unprocessable(words, context={"too_large": True})
    if _NOT_FETCHED & {said.code, said.subcode}:
        return Unprocessable(f"{words} (It fetches files from this server: its public address must be reachable.)")
    return Unprocessable(words) if said.code or status in (400, 404, 422) else Refused(words)


def _said(answer: Answer, hide: tuple[str, ...]) -> _Said:
    tree = answer.json()
    found = tree.get("error") if isinstance(tree, dict) else None
    error: dict[str, Json] = found if isinstance(found, dict) else {}
    words = answers.words(error.get("error_user_msg") or error.get("message"), hide)
    return _Said(
        _number(error.get("code")), _number(error.get("error_subcode")), words, error.get("is_transient") is True
    )


def _number(value: Json) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _wait(answer: Answer) -> float | None:
    """How long until calls are taken again, where the usage headers say: in minutes, or as parts of a rolling hour."""
    business, app = _usage(answer, "x-business-use-case-usage"), _usage(answer, "x-app-usage")
    found = [each for rows in business.values() if isinstance(rows, list) for each in rows if isinstance(each, dict)]
    minutes = max((_number(each.get("estimated_time_to_regain_access")) for each in found), default=0)
    if minutes > 0:
        return minutes * 60.0
    if any(_number(part) >= 100 for part in app.values()):
        return _QUARTER_SECONDS
    return answers.seconds_to_wait(answer)


def _usage(answer: Answer, header: str) -> dict[str, Json]:
    try:
        found = msgspec.json.decode(answer.headers.get(header, "{}"))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


async def token(
    http: Http, provider: str, name: str, operation: str, url: str, fields: Mapping[str, str], *, method: str = "GET"
) -> dict[str, Json]:
    """Ask for a token: of a code, of a shorter token, of the one before. The answer's object, with an `access_token`.

    A token that nobody knows of ends by itself, so no answer is `ProviderDown`.

    Raises:
        CredentialsRejected: what was given for it is no good.
    """
    hide = tuple(fields[key] for key in ("access_token", "client_secret", "code", "fb_exchange_token") if key in fields)
    if method == "GET":
        answer = await http.read(provider, operation, f"{url}?{urlencode(fields)}", headers=_HEADERS)
    else:
        try:
            answer = await http.write(provider, operation, url, headers=_FORM, content=urlencode(fields).encode())
        except OutcomeUnknown as error:
            raise ProviderDown(error.detail) from error
    tree = answer.json()
    rows = tree.get("data") if isinstance(tree, dict) else None
    if isinstance(rows, list) and len(rows) == 1:
        # Instagram's answer to a code is a list of one.
        tree = rows[0]
    if answer.status == 200 and isinstance(tree, dict) and isinstance(tree.get("access_token"), str):
        return tree
    found = meaning(answer, name, publishes=False, hide=hide)
    if isinstance(found, (Absent, Refused)):
        raise CredentialsRejected(f"{name} gave no token: status {answer.status}.")
    raise found


async def user_token(http: Http, provider: str, name: str, url: str, form: Mapping[str, str]) -> str:
    """A code of Facebook's login as a user's token of sixty days; the tokens of pages that come of it do not end.

    `form` is the grant, with our client; Facebook names no `grant_type` for a code.

    Source: Facebook Login documentation, "Manually Build a Login Flow" and "Long-Lived Access Tokens", checked
    2026-11-21.
    """
    told = {key: value for key, value in form.items() if key != "grant_type"}
    short = await token(http, provider, name, "access_token", url, told)
    fields = {
        "grant_type": "fb_exchange_token",
        "client_id": form["client_id"],
        "client_secret": form["client_secret"],
        "fb_exchange_token": short["access_token"],
    }
    made = await token(http, provider, name, "exchange_token", url, fields)
    return str(made["access_token"])


def ends_at(tree: Mapping[str, Json], now: datetime) -> int:
    """When a long token ends, in milliseconds since 1970; where its answer does not say, sixty days from now."""
    return oauth.expires_at(tree, now) or round((now.timestamp() + 60 * 86_400) * 1000)


def long_session(
    http: Http, provider: str, name: str, url: str, grant_type: str, credentials: Credentials, keep: Keep, now: Clock
) -> Session:
    """An account's token. One that ends is renewed a month before it does, at whatever is called then.

    Source: Threads API and Instagram Platform documentation, "Long-lived tokens", checked 2026-11-21: sixty days, to
    be renewed when it is a day old at least, and not after its end.
    """

    async def renew(old: Credentials) -> Credentials | None:
        fields = {"grant_type": grant_type, "access_token": old.values["access_token"]}
        try:
            tree = await token(http, provider, name, "refresh_token", url, fields)
        except (ProviderDown, RateLimited):
            # The old one is good for a while.
            return None
        return Credentials(values={**old.values, "access_token": tree["access_token"]}, expires_at=ends_at(tree, now()))

    return Session(credentials, keep, renew, now=now, by="access_token", early=_RENEW_BEFORE)
