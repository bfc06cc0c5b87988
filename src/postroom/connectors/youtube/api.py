"""YouTube's calls that publishing needs, as they are, and its errors in our classes. Knows no Remote*.

Source: YouTube Data API v3 (channels.list, videos.insert, videos.delete, resumable uploads, errors) and Google Identity,
OAuth 2.0 for web server applications, checked 2026-11-21.
"""

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec

from postroom.clock import Clock
from postroom.connectors import answers
from postroom.connectors.contract import AppSettings
from postroom.connectors.http import Answer, Http
from postroom.connectors.oauth import tokens
from postroom.connectors.youtube.quota import seconds_to_midnight
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

PROVIDER = "youtube"
_API = "https://www.googleapis.com"
_TOKENS = "https://oauth2.googleapis.com"
_AUTHORIZE = "https://accounts.google.com"
_CHUNK_SECONDS = 600.0
# How many videos a channel may upload in a day depends on the channel; YouTube does not say when it may again.
_CHANNEL_SECONDS = 2 * 3600.0

_QUOTA = frozenset({"quotaExceeded", "dailyLimitExceeded", "dailyLimitExceededUnreg"})
_TOO_FAST = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "uploadRateLimitExceeded"})
_OWNER = frozenset(
    {
        "youtubeSignupRequired",
        "channelClosed",
        "channelSuspended",
        "authenticatedUserAccountClosed",
        "authenticatedUserAccountSuspended",
        "accountDelegationForbidden",
    }
)
_SCOPES = frozenset({"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"})
_GONE = frozenset({"videoNotFound", "notFound"})


class Over(Exception):
    """YouTube does not know this upload session (any more)."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far an upload is."""

    received_bytes: int = 0
    video: Json = None
    """The video, once all of it has arrived."""


class Address:
    """Where YouTube answers; everything below `settings.origin` where that is set."""

    def __init__(self, settings: AppSettings) -> None:
        self._origin = settings.origin.rstrip("/")
        self.authorize = f"{self._origin or _AUTHORIZE}/o/oauth2/v2/auth"
        self.tokens = self._origin or _TOKENS
        self.api = f"{self._origin or _API}/youtube/v3"
        self.uploads = f"{self._origin or _API}/upload/youtube/v3/videos"

    def is_session(self, url: str) -> bool:
        """Whether a file, and a token, may be sent there: to Google's APIs, and nobody else."""
        if self._origin:
            return url.startswith(f"{self._origin}/")
        parts = urlsplit(url)
        return parts.scheme == "https" and (parts.hostname or "").endswith(".googleapis.com")


class Api:
    """The calls for one channel. Tokens are given to each."""

    def __init__(self, http: Http, address: Address, now: Clock, hide: tuple[str, ...] = ()) -> None:
        """`hide`: secrets that no error may repeat, even where YouTube does."""
        self._http = http
        self.address = address
        self._now = now
        self.hide = hide

    async def channel(self, token: str) -> Json:
        """The channel that the owner chose when approving; None: there is none."""
        url = f"{self.address.api}/channels?{urlencode({'part': 'snippet', 'mine': 'true'})}"
        tree = self._object(
            await self._http.read(PROVIDER, "channel", url, headers=answers.headers(token)), write=False
        )
        items = tree.get("items")
        return items[0] if isinstance(items, list) and items and isinstance(items[0], dict) else None

    async def begin(self, token: str, video: Json, size_bytes: int, content_type: str) -> str:
        """The address of a new upload session. Nothing is published by it: no answer is `ProviderDown`."""
        headers = answers.headers(token) | {
            "content-type": "application/json; charset=UTF-8",
            "x-upload-content-length": str(size_bytes),
            "x-upload-content-type": content_type,
        }
        url = f"{self.address.uploads}?{urlencode({'uploadType': 'resumable', 'part': 'snippet,status'})}"
        try:
            answer = await self._http.write(PROVIDER, "begin", url, headers=headers, content=msgspec.json.encode(video))
            if answer.status != 200:
                raise self._meaning(answer, write=True)
        except OutcomeUnknown as error:
            raise ProviderDown(error.detail) from error
        session: str = answer.headers.get("location", "")
        if not self.address.is_session(session):
            raise ProviderDown("YouTube did not name an address of its own for the video; nothing was sent.")
        return session

    async def progress(self, token: str, session: str, size_bytes: int) -> Progress:
        """How far an upload is. Changes nothing.

        Raises:
            Over: YouTube does not know this session.
        """
        headers = answers.headers(token) | {"content-length": "0", "content-range": f"bytes */{size_bytes}"}
        answer = await self._http.read(PROVIDER, "progress", session, headers=headers, method="PUT")
        return self._progress(answer, write=False)

    async def send(
        self, token: str, session: str, first: int, last: int, size_bytes: int, content: AsyncIterator[bytes]
    ) -> Progress:
        """Send the bytes from `first` to `last`; how far the upload is then.

        Raises:
            Over: YouTube does not know this session.
            OutcomeUnknown: they may have arrived.
        """
        headers = answers.headers(token) | {
            "content-length": str(last - first + 1),
            "content-range": f"bytes {first}-{last}/{size_bytes}",
        }
        answer = await self._http.write(
            PROVIDER, "send", session, headers=headers, method="PUT", content=content, seconds=_CHUNK_SECONDS
        )
        return self._progress(answer, write=True)

    async def delete(self, token: str, video_id: str) -> None:
        """Delete a video; one that is gone already is success."""
        url = f"{self.address.api}/videos?{urlencode({'id': video_id})}"
        answer = await self._http.write(PROVIDER, "delete", url, headers=answers.headers(token), method="DELETE")
        if answer.status in (200, 204) or (answer.status == 404 and _error(answer)[0] in _GONE):
            return
        raise self._meaning(answer, write=True)

    async def tokens(self, settings: AppSettings, form: Mapping[str, str]) -> dict[str, Json]:
        """A code or a refresh token for tokens."""
        fields = {"client_id": settings.client_id, "client_secret": settings.client_secret, **form}
        return await tokens(self._http, PROVIDER, "token", f"{self.address.tokens}/token", fields)

    async def revoke(self, token: str) -> None:
        """End all that came of the owner's approval; ended already is success."""
        headers = {"content-type": "application/x-www-form-urlencoded", "user-agent": "postroom"}
        content = urlencode({"token": token}).encode()
        answer = await self._http.write(
            PROVIDER, "revoke", f"{self.address.tokens}/revoke", headers=headers, content=content
        )
        if answer.status in (200, 400, 401):
            return
        raise self._meaning(answer, write=True)

    def _progress(self, answer: Answer, *, write: bool) -> Progress:
        if answer.status in (200, 201):
            return Progress(video=self._object(answer, write=write))
        if answer.status == 308:
            # No Range: nothing has arrived.
            found = re.fullmatch(r"(?:bytes=)?0-(\d+)", answer.headers.get("range", ""))
            return Progress(received_bytes=int(found.group(1)) + 1 if found else 0)
        if answer.status in (404, 410):
            raise Over
        raise self._meaning(answer, write=write)

    def _object(self, answer: Answer, *, write: bool) -> dict[str, Json]:
        if answer.status not in (200, 201):
            raise self._meaning(answer, write=write)
        return answers.json_object(answer, "YouTube's", write=write)

    def _meaning(self, answer: Answer, *, write: bool) -> ProviderError:
        reason, message = _error(answer)
        words = "YouTube: " + (
            ": ".join(filter(None, (reason, answers.words(message, self.hide)))) or str(answer.status)
        )
        status = answer.status
        if reason in _QUOTA:
            # The project's, which all channels share.
            until = seconds_to_midnight(self._now())
            return RateLimited(words, retry_after_seconds=until, context={"scope": "network"})
        if reason == "uploadLimitExceeded":
            return RateLimited(words, retry_after_seconds=_CHANNEL_SECONDS)
        if status == 429 or reason in _TOO_FAST:
            return RateLimited(words, retry_after_seconds=answers.seconds_to_wait(answer))
        if reason in _OWNER:
            return ActionRequired(words)
        if status == 401:
            return CredentialsRejected(words, code=ErrorCode.EXPIRED_CREDENTIALS)
        if reason in _SCOPES:
            return CredentialsRejected(words, code=ErrorCode.DISCONNECTED_FEATURE)
        if status >= 500 or status == 408:
            return OutcomeUnknown(words) if write else ProviderDown(words)
        if status == 413:
            return Unprocessable(words, context={"status": status, "too_large": True})
        if status in (400, 422):
            return Unprocessable(words, context={"status": status})
        if 300 <= status < 400:
            return ProviderDown(f"YouTube sends to another address ({status}); it is not followed.")
        return Refused(words)


def _error(answer: Answer) -> tuple[str, str]:
    """The first error's reason, and the sentence."""
    tree = answer.json()
    error = tree.get("error") if isinstance(tree, dict) else None
    if not isinstance(error, dict):
        return "", ""
    message = error.get("message")
    words = message if isinstance(message, str) else ""
    for name in ("errors", "details"):
        listed = error.get(name)
        for each in listed if isinstance(listed, list) else []:
            reason = each.get("reason") if isinstance(each, dict) else None
            if isinstance(reason, str):
                return reason[:80], words
    return "", words
