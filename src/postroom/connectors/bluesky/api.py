"""The AT Protocol's calls that publishing needs, as a PDS takes them, and its errors in our classes. Knows no Remote*.

Source: the lexicons com.atproto.server, com.atproto.repo and com.atproto.identity, checked 2026-11-20.
"""

from typing import Any
from urllib.parse import urlencode

import msgspec

from postroom.connectors import answers
from postroom.connectors.http import Answer, Http, reset_seconds, rest_seconds
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

PROVIDER = "bluesky"
_EXPIRED = frozenset({"ExpiredToken"})
_REJECTED = frozenset({"InvalidToken", "AuthMissing", "AuthenticationRequired"})
_SUSPENDED = frozenset({"AccountTakedown", "AccountDeactivated", "AccountSuspended", "AuthFactorTokenRequired"})
_TOO_LARGE = frozenset({"BlobTooLarge", "PayloadTooLarge"})
_ABSENT = frozenset({"RecordNotFound"})


class Absent(Exception):
    """The PDS says for certain that there is no such record."""


class Xrpc:
    """The calls of one PDS. Tokens are given to each."""

    def __init__(self, http: Http, service: str, hide: tuple[str, ...] = ()) -> None:
        """`hide`: secrets that no error may repeat, even where the PDS does."""
        self._http = http
        self._service = service.rstrip("/")
        self.hide = hide

    async def create_session(self, identifier: str, password: str) -> Json:
        """Sign in. A session too many is harmless, but a second sign-in counts against a low limit: sent once."""
        content = msgspec.json.encode({"identifier": identifier, "password": password})
        answer = await self._write("createSession", "com.atproto.server.createSession", None, content)
        return self._object(answer, "createSession")

    async def refresh_session(self, refresh_token: str) -> Json:
        """A new pair of tokens; the old pair soon ends. Nothing is published, so no answer is `ProviderDown`."""
        try:
            answer = await self._write("refreshSession", "com.atproto.server.refreshSession", refresh_token, None)
            return self._object(answer, "refreshSession")
        except OutcomeUnknown as error:
            raise ProviderDown(error.detail) from error

    async def delete_session(self, refresh_token: str) -> None:
        """End the session."""
        answer = await self._write("deleteSession", "com.atproto.server.deleteSession", refresh_token, None)
        _check(answer, write=True, hide=self.hide)

    async def get_session(self, access_token: str) -> Json:
        """Whose session it is."""
        answer = await self._read("getSession", "com.atproto.server.getSession", {}, access_token)
        return self._object(answer, "getSession", write=False)

    async def resolve_handle(self, handle: str) -> str | None:
        """The DID behind a handle; None where there is none."""
        answer = await self._read("resolveHandle", "com.atproto.identity.resolveHandle", {"handle": handle}, None)
        if answer.status in (400, 404):
            return None
        did = self._object(answer, "resolveHandle", write=False).get("did")
        return did if isinstance(did, str) else None

    async def upload_blob(self, access_token: str, content_type: str, content: bytes) -> Json:
        """Store a file; one that no record names is thrown away, so no answer is `ProviderDown`."""
        try:
            answer = await self._write(
                "uploadBlob", "com.atproto.repo.uploadBlob", access_token, content, content_type=content_type
            )
            blob = self._object(answer, "uploadBlob").get("blob")
        except OutcomeUnknown as error:
            raise ProviderDown(error.detail) from error
        if not isinstance(blob, dict):
            raise ProviderDown("The PDS took the file and did not say how it is called.")
        return blob

    async def create_record(self, access_token: str, repo: str, collection: str, rkey: str, record: Json) -> float:
        """Write one new record under that key; how long the PDS then wants no other."""
        body = {"repo": repo, "collection": collection, "rkey": rkey, "validate": True, "record": record}
        answer = await self._write(
            "createRecord", "com.atproto.repo.createRecord", access_token, msgspec.json.encode(body)
        )
        self._object(answer, "createRecord")
        return rest_seconds(answer)

    async def get_record(self, repo: str, collection: str, rkey: str) -> Json:
        """A record, as anybody may read it.

        Raises:
            Absent: there is none under that key.
        """
        parameters = {"repo": repo, "collection": collection, "rkey": rkey}
        answer = await self._read("getRecord", "com.atproto.repo.getRecord", parameters, None)
        if answer.status in (400, 404):
            name, message = _error(answer)
            # Older servers have one name for every wrong request, and tell this one by its sentence.
            if name in _ABSENT or (name == "InvalidRequest" and message.startswith("Could not locate record")):
                raise Absent
        return self._object(answer, "getRecord", write=False)

    async def delete_record(self, access_token: str, repo: str, collection: str, rkey: str) -> None:
        """Make sure that there is no record under that key."""
        content = msgspec.json.encode({"repo": repo, "collection": collection, "rkey": rkey})
        answer = await self._write("deleteRecord", "com.atproto.repo.deleteRecord", access_token, content)
        _check(answer, write=True, hide=self.hide)

    async def _read(self, operation: str, method: str, parameters: dict[str, str], token: str | None) -> Answer:
        query = f"?{urlencode(parameters)}" if parameters else ""
        url = f"{self._service}/xrpc/{method}{query}"
        return await self._http.read(PROVIDER, operation, url, headers=answers.headers(token))

    async def _write(
        self,
        operation: str,
        method: str,
        token: str | None,
        content: bytes | None,
        *,
        content_type: str = "application/json",
    ) -> Answer:
        headers = answers.headers(token)
        if content is not None:
            headers["content-type"] = content_type
        url = f"{self._service}/xrpc/{method}"
        return await self._http.write(PROVIDER, operation, url, headers=headers, content=content)

    def _object(self, answer: Answer, what: str, *, write: bool = True) -> dict[str, Json]:
        _check(answer, write=write, hide=self.hide)
        return answers.json_object(answer, "The PDS's", write=write)


def _check(answer: Answer, *, write: bool, hide: tuple[str, ...]) -> None:
    if answer.status >= 300:
        raise _meaning(answer, write=write, hide=hide)


def _meaning(answer: Answer, *, write: bool, hide: tuple[str, ...]) -> ProviderError:
    status = answer.status
    name, message = _error(answer)
    words = ": ".join(filter(None, (name, answers.words(message, hide)))) or str(status)
    if name in _EXPIRED:
        return CredentialsRejected(f"Bluesky: {words}", code=ErrorCode.EXPIRED_CREDENTIALS)
    if name in _SUSPENDED:
        return ActionRequired(f"Bluesky: {words}")
    if status == 401 or name in _REJECTED:
        return CredentialsRejected(f"Bluesky: {words}")
    if status == 429:
        return RateLimited(f"Bluesky: {words}", retry_after_seconds=reset_seconds(answer))
    if status >= 500 or status == 408:
        return OutcomeUnknown(f"Bluesky: {words}") if write else ProviderDown(f"Bluesky: {words}")
    if status == 413 or name in _TOO_LARGE:
        return Unprocessable(f"Bluesky: {words}", context={"status": status, "too_large": True})
    if status in (400, 422):
        return Unprocessable(f"Bluesky: {words}", context={"status": status})
    if 300 <= status < 400:
        return ProviderDown(f"Bluesky: this server sends to another address ({status}); it is not followed.")
    return Refused(f"Bluesky: {words}")


def _error(answer: Answer) -> tuple[str, str]:
    """The error's name and sentence."""
    tree = answer.json()
    if not isinstance(tree, dict):
        return "", ""
    name, message = tree.get("error"), tree.get("message")
    return name if isinstance(name, str) else "", message if isinstance(message, str) else ""
