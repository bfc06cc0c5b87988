"""TikTok's calls that publishing needs, as they are, and its errors in our classes. Knows no Remote*.

Source: TikTok for Developers, Content Posting API (direct post, media transfer guide, get post status), Login Kit, and
Display API (user info), checked 2026-11-21.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec

from postroom.connectors import answers
from postroom.connectors.contract import AppSettings
from postroom.connectors.http import Answer, Http
from postroom.connectors.oauth import tokens
from postroom.errors import (
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

PROVIDER = "tiktok"
_AUTHORIZE = "https://www.tiktok.com"
_API = "https://open.tiktokapis.com"
_UPLOADS = ".tiktokapis.com"
_CHUNK_SECONDS = 600.0
# All documented limits are by the minute.
_MINUTE = 60.0
# Posts of 24 hours are counted, and TikTok does not say when the oldest falls out.
_DAILY_SECONDS = 2 * 3600.0

_DAILY = frozenset({"spam_risk_too_many_posts", "spam_risk_too_many_pending_share", "reached_active_user_cap"})
_RESTRICTED = frozenset({"spam_risk_user_banned_from_posting", "user_banned", "spam_risk"})
_PERMISSIONS = frozenset({"unaudited_client_can_only_post_to_private_accounts", "url_ownership_unverified"})
_SCOPES = frozenset({"scope_not_authorized", "scope_permission_missed"})
_UNKNOWN_ID = frozenset({"invalid_publish_id", "token_not_authorized_for_specified_publish_id"})


class Over(Exception):
    """TikTok takes no more bytes at this address, or does not know this upload."""


class Address:
    """Where TikTok answers; everything below `settings.origin` where that is set."""

    def __init__(self, settings: AppSettings) -> None:
        self._origin = settings.origin.rstrip("/")
        self.authorize = f"{self._origin or _AUTHORIZE}/v2/auth/authorize/"
        self.token = f"{self._origin or _API}/v2/oauth/token/"
        self.api = f"{self._origin or _API}/v2"

    def is_upload(self, url: str) -> bool:
        """Whether a file may be sent there: to TikTok, and nobody else."""
        if self._origin:
            return url.startswith(f"{self._origin}/")
        parts = urlsplit(url)
        return parts.scheme == "https" and (parts.hostname or "").endswith(_UPLOADS)


class Api:
    """The calls for one account. Tokens are given to each."""

    def __init__(self, http: Http, address: Address, hide: tuple[str, ...] = ()) -> None:
        """`hide`: secrets that no error may repeat, even where TikTok does."""
        self._http = http
        self.address = address
        self.hide = hide

    async def user_info(self, token: str) -> Json:
        """Who the owner of a token is."""
        url = f"{self.address.api}/user/info/?{urlencode({'fields': 'open_id,avatar_url,display_name'})}"
        answer = await self._http.read(PROVIDER, "user_info", url, headers=_headers(token))
        user = self._data(answer, write=False).get("user")
        if not isinstance(user, dict):
            raise ProviderDown("TikTok did not say whose account this is.")
        return user

    async def creator_info(self, token: str) -> Json:
        """What the account may post now: privacy levels, comments, duets, stitches."""
        answer = await self._question("creator_info", "/post/publish/creator_info/query/", token, {})
        return self._data(answer, write=False)

    async def begin(self, token: str, body: Json) -> tuple[str, str]:
        """A publish id, and the address that takes the file. Nothing is published by it: no answer is `ProviderDown`."""
        try:
            answer = await self._http.write(
                PROVIDER,
                "begin",
                f"{self.address.api}/post/publish/video/init/",
                headers=_headers(token),
                content=msgspec.json.encode(body),
            )
            data = self._data(answer, write=True)
        except OutcomeUnknown as error:
            raise ProviderDown(error.detail) from error
        publish_id, upload_url = data.get("publish_id"), data.get("upload_url")
        if not isinstance(publish_id, str) or not isinstance(upload_url, str):
            raise ProviderDown("TikTok did not say where the file goes.")
        if not self.address.is_upload(upload_url):
            raise ProviderDown("TikTok named an address that is not its own; nothing was sent there.")
        return publish_id, upload_url

    async def send(
        self, upload_url: str, content_type: str, first: int, last: int, total: int, content: AsyncIterator[bytes]
    ) -> None:
        """Send the bytes from `first` to `last`. The address is the secret: no token goes with it.

        Raises:
            Over: it takes no more.
            OutcomeUnknown: they may have arrived.
        """
        headers = {
            "content-type": content_type,
            "content-length": str(last - first + 1),
            "content-range": f"bytes {first}-{last}/{total}",
            "user-agent": "postroom",
        }
        answer = await self._http.write(
            PROVIDER, "send", upload_url, headers=headers, method="PUT", content=content, seconds=_CHUNK_SECONDS
        )
        if answer.status in (200, 201, 206):
            return
        # 403: it has expired; 404: nobody knows it; 416: other bytes are there.
        if answer.status in (403, 404, 410, 416):
            raise Over
        raise self._meaning(answer, write=True)

    async def status(self, token: str, publish_id: str) -> Json:
        """What became of an upload.

        Raises:
            Over: TikTok knows no such upload of this account.
        """
        answer = await self._question("status", "/post/publish/status/fetch/", token, {"publish_id": publish_id})
        if _error(answer)[0] in _UNKNOWN_ID:
            raise Over
        return self._data(answer, write=False)

    async def tokens(self, settings: AppSettings, form: Mapping[str, str]) -> dict[str, Json]:
        """A code or a refresh token for tokens."""
        fields = {"client_key": settings.client_id, "client_secret": settings.client_secret, **form}
        return await tokens(self._http, PROVIDER, "token", self.address.token, fields)

    async def revoke(self, settings: AppSettings, token: str) -> None:
        """End all that came of the owner's approval."""
        fields = {"client_key": settings.client_id, "client_secret": settings.client_secret, "token": token}
        headers = {"content-type": "application/x-www-form-urlencoded", "user-agent": "postroom"}
        url = f"{self.address.api}/oauth/revoke/"
        answer = await self._http.write(PROVIDER, "revoke", url, headers=headers, content=urlencode(fields).encode())
        if answer.status in (400, 401) or answer.status == 200:
            return
        raise self._meaning(answer, write=True)

    async def _question(self, operation: str, path: str, token: str, body: Json) -> Answer:
        """What TikTok takes as a POST and is safe to repeat."""
        return await self._http.read(
            PROVIDER,
            operation,
            f"{self.address.api}{path}",
            headers=_headers(token),
            method="POST",
            content=msgspec.json.encode(body),
        )

    def _data(self, answer: Answer, *, write: bool) -> dict[str, Json]:
        if answer.status != 200 or _error(answer)[0] not in ("", "ok"):
            raise self._meaning(answer, write=write)
        tree = answer.json()
        data = tree.get("data") if isinstance(tree, dict) else None
        if isinstance(data, dict):
            return data
        sentence = "TikTok's answer could not be understood."
        raise OutcomeUnknown(sentence) if write else ProviderDown(sentence)

    def _meaning(self, answer: Answer, *, write: bool) -> ProviderError:
        code, message = _error(answer)
        words = "TikTok: " + (": ".join(filter(None, (code, answers.words(message, self.hide)))) or str(answer.status))
        status = answer.status
        if code in _SCOPES:
            return CredentialsRejected(words, code=ErrorCode.DISCONNECTED_FEATURE)
        if code == "access_token_invalid" or status == 401:
            return CredentialsRejected(words, code=ErrorCode.EXPIRED_CREDENTIALS)
        if code in _DAILY:
            of_app = {"scope": "network"} if code == "reached_active_user_cap" else {}
            return RateLimited(words, retry_after_seconds=_DAILY_SECONDS, context=of_app)
        if status == 429 or code == "rate_limit_exceeded":
            return RateLimited(words, retry_after_seconds=answers.seconds_to_wait(answer) or _MINUTE)
        if status >= 500 or status == 408 or code == "internal_error":
            return OutcomeUnknown(words) if write else ProviderDown(words)
        if code in _RESTRICTED:
            return Refused(words, code=ErrorCode.ACCOUNT_RESTRICTED)
        if code in _PERMISSIONS:
            return Refused(words, code=ErrorCode.INSUFFICIENT_PERMISSIONS)
        if 300 <= status < 400:
            return ProviderDown(f"TikTok sends to another address ({status}); it is not followed.")
        if status == 413:
            return Unprocessable(words, context={"status": status, "too_large": True})
        if status in (200, 400, 422) or code:
            return Unprocessable(words, context={"status": status})
        return Refused(words)


def _headers(token: str) -> dict[str, str]:
    return answers.headers(token) | {"content-type": "application/json; charset=UTF-8"}


def _error(answer: Answer) -> tuple[str, str]:
    """The error's code and sentence; the code is `ok` where there is none."""
    tree = answer.json()
    error = tree.get("error") if isinstance(tree, dict) else None
    if not isinstance(error, dict):
        return "", ""
    code, message = error.get("code"), error.get("message")
    return code[:80] if isinstance(code, str) else "", message if isinstance(message, str) else ""
