"""The calls of one Mastodon server that publishing needs, and its errors in our classes. Knows no Remote*.

Source: Mastodon documentation, methods/apps, oauth, accounts, media and statuses, checked 2026-11-21.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import msgspec

from postroom.clock import Clock
from postroom.connectors import answers, oauth
from postroom.connectors.guarded import AddressRefused
from postroom.connectors.http import Answer, Http
from postroom.connectors.multipart import Form
from postroom.domain.remote import MediaSource
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

PROVIDER = "mastodon"
_FORM = "application/x-www-form-urlencoded"
# How slowly a file may go out before it counts as lost.
_LEAST_BYTES_PER_SECOND = 256 * 1024
_TOO_LARGE = ("character limit of", "must be less than", "too large")
_NOT_READY = "have not finished processing"
_NOT_INVALID = ("not found or already attached", _NOT_READY)


class Gone(Exception):
    """The server says for certain that there is no such thing."""


class Mastodon:
    """The calls of one server. Tokens are given to each."""

    def __init__(self, http: Http, server: str, now: Clock, hide: tuple[str, ...] = ()) -> None:
        """`hide`: secrets that no error may repeat, even where the server does."""
        self._http = http
        self._server = server.rstrip("/")
        self._now = now
        self._hide = hide

    async def register(self, callback_url: str, scopes: str) -> tuple[str, str]:
        """Register an app: its id and secret. One that nobody uses is harmless, so no answer is `ProviderDown`."""
        fields = {"client_name": "Postroom", "redirect_uris": callback_url, "scopes": scopes}
        try:
            tree = self._object(await self._form("apps", "/api/v1/apps", fields), "apps")
        except OutcomeUnknown as error:
            raise ProviderDown(error.detail) from error
        client_id, secret = tree.get("client_id"), tree.get("client_secret")
        if not isinstance(client_id, str) or not isinstance(secret, str):
            raise ProviderDown("The server registered no app.")
        return client_id, secret

    async def token(self, form: Mapping[str, str]) -> str:
        """A code for an access token, which does not expire."""
        try:
            tree = await oauth.tokens(self._http, PROVIDER, "token", f"{self._server}/oauth/token", form)
        except AddressRefused as error:
            raise Refused(error.detail) from error
        return str(tree["access_token"])

    async def revoke(self, client_id: str, client_secret: str, token: str) -> None:
        """End a token."""
        fields = {"client_id": client_id, "client_secret": client_secret, "token": token}
        self._check(await self._form("revoke", "/oauth/revoke", fields), write=True)

    async def verify_credentials(self, token: str) -> dict[str, Json]:
        """Whose token it is."""
        answer = await self._read("verify_credentials", "/api/v1/accounts/verify_credentials", token)
        return self._object(answer, "verify_credentials", write=False)

    async def upload(self, token: str, media: MediaSource) -> tuple[str, bool]:
        """Store a file: its id, and whether it can be used. One that no status shows is thrown away after a day,
        so no answer is `ProviderDown`.
        """
        form = Form(
            {"description": media.alt_text} if media.alt_text else {},
            name="file",
            file_name=f"file.{media.content_type.rpartition('/')[2]}",
            content_type=media.content_type,
            size_bytes=media.size_bytes,
            chunks=media.chunks(),
        )
        try:
            answer = await self._write(
                "upload",
                "/api/v2/media",
                answers.headers(token) | form.headers,
                form.content(),
                seconds=60 + media.size_bytes / _LEAST_BYTES_PER_SECOND,
            )
            id = self._object(answer, "media").get("id")
        except OutcomeUnknown as error:
            if error.context.get("thumbnail"):
                raise Unprocessable(error.detail) from error
            raise ProviderDown(error.detail) from error
        if not isinstance(id, str) or not id.isalnum():
            raise ProviderDown("The server took the file and did not say how it is called.")
        return id, answer.status == 200

    async def is_ready(self, token: str, id: str) -> bool:
        """Whether an uploaded file can be used by now.

        Raises:
            Gone: it was thrown away.
        """
        answer = await self._read("media", f"/api/v1/media/{id}", token)
        if answer.status == 404:
            raise Gone
        self._object(answer, "media", write=False)
        return answer.status == 200

    async def create_status(self, token: str, key: str, status: Json) -> dict[str, Json]:
        """Publish, once for each key and account within an hour: then it answers with what was made the first time."""
        headers = answers.headers(token) | {"content-type": "application/json", "idempotency-key": key}
        answer = await self._write("create_status", "/api/v1/statuses", headers, msgspec.json.encode(status))
        return self._object(answer, "statuses")

    async def delete_status(self, token: str, id: str) -> None:
        """Delete a status and its files.

        Raises:
            Gone: there is none (any more).
        """
        path = f"/api/v1/statuses/{id}?delete_media=true"
        answer = await self._write("delete_status", path, answers.headers(token), None, method="DELETE")
        if answer.status == 404 and _words(answer):
            raise Gone
        self._check(answer, write=True)

    async def _form(self, operation: str, path: str, fields: Mapping[str, str]) -> Answer:
        headers = answers.headers() | {"content-type": _FORM}
        return await self._write(operation, path, headers, urlencode(fields).encode())

    async def _read(self, operation: str, path: str, token: str) -> Answer:
        try:
            return await self._http.read(PROVIDER, operation, f"{self._server}{path}", headers=answers.headers(token))
        except AddressRefused as error:
            raise Refused(error.detail) from error

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
        url = f"{self._server}{path}"
        try:
            return await self._http.write(
                PROVIDER, operation, url, headers=headers, method=method, content=content, seconds=seconds
            )
        except AddressRefused as error:
            raise Refused(error.detail) from error

    def _object(self, answer: Answer, what: str, *, write: bool = True) -> dict[str, Json]:
        self._check(answer, write=write)
        return answers.json_object(answer, "The server's", write=write)

    def _check(self, answer: Answer, *, write: bool) -> None:
        if answer.status >= 300:
            raise self._meaning(answer, write=write)

    def _meaning(self, answer: Answer, *, write: bool) -> ProviderError:
        status, words = answer.status, _words(answer)
        said = f"Mastodon: {answers.words(words, self._hide) or status}"
        if status == 401:
            return CredentialsRejected(said)
        if status == 403 and words.startswith("Your login is"):
            return ActionRequired(said)
        if status == 429:
            return RateLimited(said, retry_after_seconds=self._seconds_to_wait(answer))
        if status >= 500 or status == 408:
            if not write:
                return ProviderDown(said)
            context = {"status": status, "thumbnail": "processing thumbnail" in words}
            return OutcomeUnknown(said, code=ErrorCode.PROVIDER_ERROR, context=context)
        if status == 422 and _NOT_READY in words:
            return ProviderDown(said)
        if status in (400, 413, 422):
            context = {
                "status": status,
                "too_large": status == 413 or any(each in words for each in _TOO_LARGE),
                # The server judges a status only where its key is new: this one was surely not made.
                "invalid": words.startswith("Validation failed") and not any(each in words for each in _NOT_INVALID),
            }
            return Unprocessable(said, context=context)
        if 300 <= status < 400:
            return ProviderDown(f"Mastodon: this server sends to another address ({status}); it is not followed.")
        return Refused(said)

    def _seconds_to_wait(self, answer: Answer) -> float | None:
        """Until the limit starts anew."""
        waited = answers.seconds_to_wait(answer)
        if waited is not None:
            return waited
        try:
            reset = datetime.fromisoformat(answer.headers.get("x-ratelimit-reset", ""))
            return max(0.0, (reset - self._now()).total_seconds())
        except (ValueError, TypeError):
            return None


def _words(answer: Answer) -> str:
    """What the error says, where it is one of Mastodon's."""
    tree = answer.json()
    error = tree.get("error") if isinstance(tree, dict) else None
    return error if isinstance(error, str) else ""
