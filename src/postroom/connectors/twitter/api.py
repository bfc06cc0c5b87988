"""The calls of X's API v2 that publishing needs, and its errors in our classes. Knows no Remote*.

Source: X API v2 documentation, manage posts, media, timelines, response codes and rate limits, checked 2026-11-21.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from postroom.clock import Clock
from postroom.connectors import answers, oauth
from postroom.connectors.http import Answer, Http
from postroom.connectors.multipart import Form
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

PROVIDER = "twitter"
_LEAST_BYTES_PER_SECOND = 256 * 1024
_LOCKED = ("account is suspended", "account is temporarily locked", "to protect our users from spam")
_TOO_LARGE = ("too long", "too large", "file size exceeds")
_UNKNOWN_MEDIA = "media ids are invalid"
_DUPLICATE = "duplicate content"
_RESETS = ("x-rate-limit", "x-app-limit-24hour", "x-user-limit-24hour")


class Gone(Exception):
    """X says for certain that there is no such post."""


class X:
    """The calls of the API at one address. Tokens are given to each."""

    def __init__(self, http: Http, service: str, now: Clock, hide: tuple[str, ...] = ()) -> None:
        """`hide`: secrets that no error may repeat, even where X does."""
        self._http = http
        self._service = service.rstrip("/")
        self._now = now
        self.hide = hide

    async def tokens(self, form: Mapping[str, str], client_id: str, client_secret: str) -> dict[str, Json]:
        """A code or a refresh token for tokens; a refresh token is used up by it."""
        url = f"{self._service}/2/oauth2/token"
        if client_secret:
            return await oauth.tokens(self._http, PROVIDER, "token", url, form, basic=(client_id, client_secret))
        return await oauth.tokens(self._http, PROVIDER, "token", url, {**form, "client_id": client_id})

    async def revoke(self, token: str, client_id: str, client_secret: str) -> None:
        """End a token."""
        headers = answers.headers() | {"content-type": "application/x-www-form-urlencoded"}
        if client_secret:
            headers["authorization"] = oauth.basic_authorization(client_id, client_secret)
        fields = {"token": token, "client_id": client_id}
        self._check(await self._write("revoke", "/2/oauth2/revoke", headers, urlencode(fields).encode()), write=True)

    async def me(self, token: str) -> dict[str, Json]:
        """Whose token it is."""
        path = "/2/users/me?user.fields=profile_image_url"
        return self._data(await self._read("me", path, token), "users/me", write=False)

    async def create(self, token: str, post: Json) -> dict[str, Json]:
        """Publish. The same text again is refused, with `duplicate` in the error's context."""
        return self._data(await self._json("create_tweet", "/2/tweets", token, post), "tweets")

    async def delete(self, token: str, id: str) -> None:
        """Delete a post.

        Raises:
            Gone: there is none (any more).
        """
        answer = await self._write("delete_tweet", f"/2/tweets/{id}", answers.headers(token), None, method="DELETE")
        if answer.status == 404 and _words(answer):
            raise Gone
        self._check(answer, write=True)

    async def timeline(self, token: str, user: str, since: str, page: str | None) -> tuple[list[Json], str | None]:
        """What somebody posted since then, newest first, and how to ask for more."""
        query = {
            "start_time": since,
            "max_results": "100",
            "exclude": "retweets",
            "tweet.fields": "created_at,entities,referenced_tweets",
        }
        if page is not None:
            query["pagination_token"] = page
        answer = await self._read("user_tweets", f"/2/users/{user}/tweets?{urlencode(query)}", token)
        tree = self._object(answer, "tweets", write=False)
        found, meta = tree.get("data", []), tree.get("meta")
        if not isinstance(found, list) or not isinstance(meta, dict):
            raise ProviderDown("The answer of X could not be understood (timeline).")
        following = meta.get("next_token")
        return found, following if isinstance(following, str) else None

    # Media that no post shows expire within a day, so a call about them that is not answered is `ProviderDown`.

    async def upload(self, token: str, form: Form, size_bytes: int) -> dict[str, Json]:
        """An image at once."""
        return await self._media("media_upload", "/2/media/upload", token, form, size_bytes)

    async def initialize(self, token: str, media: Json) -> dict[str, Json]:
        """Begin to send a file in segments."""
        return await self._media("media_initialize", "/2/media/upload/initialize", token, media)

    async def append(self, token: str, id: str, form: Form, size_bytes: int) -> None:
        """One segment."""
        await self._media("media_append", f"/2/media/upload/{id}/append", token, form, size_bytes)

    async def finalize(self, token: str, id: str) -> dict[str, Json]:
        """All segments were sent."""
        return await self._media("media_finalize", f"/2/media/upload/{id}/finalize", token, None)

    async def describe(self, token: str, id: str, text: str) -> None:
        """Give a file its alternative text."""
        tree = {"id": id, "metadata": {"alt_text": {"text": text}}}
        await self._media("media_metadata", "/2/media/metadata", token, tree)

    async def processing(self, token: str, id: str) -> dict[str, Json]:
        """How far a file is."""
        path = f"/2/media/upload?{urlencode({'command': 'STATUS', 'media_id': id})}"
        return self._data(await self._read("media_status", path, token), "media", write=False)

    async def _media(
        self, operation: str, path: str, token: str, body: Form | Json, size_bytes: int = 0
    ) -> dict[str, Json]:
        try:
            if isinstance(body, Form):
                seconds = 60 + size_bytes / _LEAST_BYTES_PER_SECOND
                headers = answers.headers(token) | body.headers
                answer = await self._write(operation, path, headers, body.content(), seconds=seconds)
            elif body is None:
                answer = await self._write(operation, path, answers.headers(token), None)
            else:
                answer = await self._json(operation, path, token, body)
            return self._data(answer, "media") if operation != "media_append" else self._object(answer, "media")
        except OutcomeUnknown as error:
            raise ProviderDown(error.detail) from error

    async def _read(self, operation: str, path: str, token: str) -> Answer:
        return await self._http.read(PROVIDER, operation, f"{self._service}{path}", headers=answers.headers(token))

    async def _json(self, operation: str, path: str, token: str, tree: Json) -> Answer:
        headers = answers.headers(token) | {"content-type": "application/json"}
        return await self._write(operation, path, headers, msgspec.json.encode(tree))

    async def _write(
        self,
        operation: str,
        path: str,
        headers: Mapping[str, str],
        content: bytes | AsyncIterator[bytes] | None,
        *,
        method: str = "POST",
        seconds: float | None = None,
    ) -> Answer:
        url = f"{self._service}{path}"
        return await self._http.write(
            PROVIDER, operation, url, headers=headers, method=method, content=content, seconds=seconds
        )

    def _data(self, answer: Answer, what: str, *, write: bool = True) -> dict[str, Json]:
        data = self._object(answer, what, write=write).get("data")
        if isinstance(data, dict):
            return data
        sentence = f"The answer of X could not be understood ({what})."
        raise OutcomeUnknown(sentence) if write else ProviderDown(sentence)

    def _object(self, answer: Answer, what: str, *, write: bool = True) -> dict[str, Json]:
        self._check(answer, write=write)
        return answers.json_object(answer, "X's", write=write)

    def _check(self, answer: Answer, *, write: bool) -> None:
        if answer.status >= 300:
            raise self._meaning(answer, write=write)

    def _meaning(self, answer: Answer, *, write: bool) -> ProviderError:
        status, words = answer.status, _words(answer)
        said = f"X: {answers.words(words, self.hide) or status}"
        plain = words.lower()
        if status == 401:
            return CredentialsRejected(said, code=ErrorCode.EXPIRED_CREDENTIALS)
        if status == 429:
            all_accounts = answer.headers.get("x-app-limit-24hour-remaining") == "0"
            seconds, context = self._seconds_to_wait(answer), {"scope": "network"} if all_accounts else {}
            return RateLimited(said, retry_after_seconds=seconds, context=context)
        if status >= 500 or status == 408:
            unknown = OutcomeUnknown(said, code=ErrorCode.PROVIDER_ERROR)
            return unknown if write else ProviderDown(said)
        if status == 403 and any(each in plain for each in _LOCKED):
            return ActionRequired(said)
        if status == 403:
            return Refused(said, context={"duplicate": _DUPLICATE in plain})
        if status in (400, 413, 422):
            too_large = status == 413 or any(each in plain for each in _TOO_LARGE)
            known = {"status": status, "too_large": too_large, "unknown_media": _UNKNOWN_MEDIA in plain}
            return Unprocessable(said, context=known)
        if 300 <= status < 400:
            return ProviderDown(f"X sends to another address ({status}); it is not followed.")
        return Refused(said)

    def _seconds_to_wait(self, answer: Answer) -> float | None:
        """Until the limits that are used up start anew; the longest of them."""
        resets = []
        for name in _RESETS:
            reset, left = answer.headers.get(f"{name}-reset", ""), answer.headers.get(f"{name}-remaining", "0")
            if reset.isdecimal() and left == "0":
                resets.append(max(0.0, float(reset) - self._now().timestamp()))
        return max(resets) if resets else answers.seconds_to_wait(answer)


def _words(answer: Answer) -> str:
    """What a problem says: what was wrong with the request, where it says that, else its detail."""
    tree = answer.json()
    if not isinstance(tree, dict):
        return ""
    errors = tree.get("errors")
    said = [each.get("message") for each in errors if isinstance(each, dict)] if isinstance(errors, list) else []
    words = "; ".join(each for each in said if isinstance(each, str))
    detail = tree.get("detail") or tree.get("title")
    return words or (detail if isinstance(detail, str) else "")
