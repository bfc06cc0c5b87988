"""LinkedIn's versioned API as far as publishing needs it, and its errors in our classes. Knows no Remote*.

Source: LinkedIn Posts, Images and Videos API, and "Error handling", checked 2026-11-21.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from postroom.connectors import answers
from postroom.connectors.http import Answer, Http
from postroom.connectors.linkedin import posts_convert
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

PROVIDER = "linkedin"
# Source: LinkedIn "Error handling": codes of a token that has expired, as a word and as a number.
_EXPIRED = ("EXPIRED_ACCESS_TOKEN", 65602)
_DUPLICATE = "DUPLICATE_POST"
_UPLOAD_SECONDS = 300.0


class Hosts(msgspec.Struct, frozen=True, kw_only=True):
    """Where LinkedIn answers."""

    api: str = "https://api.linkedin.com"
    www: str = "https://www.linkedin.com"

    @classmethod
    def of(cls, origin: str) -> "Hosts":
        """All at one address, or LinkedIn's own."""
        return cls(api=origin.rstrip("/"), www=origin.rstrip("/")) if origin else cls()

    def trusts(self, url: str) -> bool:
        """Whether the token may go to an address that LinkedIn gave."""
        try:
            there, here = urlsplit(url), urlsplit(self.www)
            same = (there.scheme, there.hostname, there.port) == (here.scheme, here.hostname, here.port)
        except ValueError:
            return False
        host = there.hostname or ""
        return same or (there.scheme == "https" and there.username is None and host.endswith(".linkedin.com"))


class Duplicate(Exception):
    """LinkedIn has this very post already."""

    def __init__(self, urn: str | None, at: datetime | None) -> None:
        super().__init__(urn)
        self.urn = urn
        """The post it has, where it says."""
        self.at = at
        """LinkedIn's own clock."""


class PostsApi:
    """The calls of one token, which is given to each."""

    def __init__(self, http: Http, hosts: Hosts, version: str) -> None:
        self._http = http
        self._hosts = hosts
        self._version = version

    async def person(self, token: str, *, openid: bool) -> dict[str, Json]:
        """Who the token's owner is."""
        path = "/v2/userinfo" if openid else "/v2/me"
        return self._object(await self._read("me", path, token), token, write=False)

    async def organization_acls(self, token: str) -> dict[str, Json]:
        """Which organisations its owner has a role in."""
        path = "/rest/organizationAcls?q=roleAssignee&state=APPROVED&count=100"
        return self._object(await self._read("organizationAcls", path, token), token, write=False)

    async def organizations(self, token: str, ids: Sequence[str]) -> dict[str, Json]:
        """What organisations are called."""
        path = f"/rest/organizationsLookup?ids=List({','.join(ids)})"
        return self._object(await self._read("organizationsLookup", path, token), token, write=False)

    async def create_post(self, token: str, body: Json) -> str:
        """Post now; the URN of what was posted.

        Raises:
            Duplicate: LinkedIn has this very post; nothing was done.
            OutcomeUnknown: it may be live.
        """
        answer = await self.write("createPost", "/rest/posts", token, body)
        if answer.status in (400, 409, 422):
            duplicate = _duplicate(answer)
            if duplicate is not None:
                raise duplicate
        check(answer, token, write=True)
        urn: str = answer.headers.get("x-restli-id", "")
        if not posts_convert.is_post(urn):
            raise OutcomeUnknown("LinkedIn took the post and did not say how it is called.")
        return urn

    async def delete_post(self, token: str, urn: str) -> None:
        """Make sure that there is no such post: LinkedIn calls its absence success."""
        answer = await self.write(
            "deletePost", f"/rest/posts/{quote(urn, safe='')}", token, None, method="DELETE", restli="DELETE"
        )
        # A 404 of somebody on the way is no word of LinkedIn's.
        if answer.status != 404 or _tree(answer).get("status") != 404:
            check(answer, token, write=True)

    async def begin_upload(self, token: str, kind: str, request: Json) -> dict[str, Json]:
        """Where a file of the kind `images` or `videos` goes, and how it will be called. Publishes nothing."""
        path = f"/rest/{kind}?action=initializeUpload"
        tree = await self._harmless("initializeUpload", path, token, {"initializeUploadRequest": request})
        value = tree.get("value")
        if not isinstance(value, dict):
            raise ProviderDown("LinkedIn did not say where the file goes.")
        return value

    async def put(self, token: str, url: str, content: bytes, content_type: str) -> str:
        """Send a file, or a part of one; the part's tag. Publishes nothing."""
        if not self._hosts.trusts(url):
            raise ProviderDown("LinkedIn wants the file at an address that is not its own.")
        headers = {
            "authorization": f"Bearer {token}",
            "content-type": content_type,
            "user-agent": "postroom",
        }
        try:
            answer = await self._http.write(
                PROVIDER, "upload", url, method="PUT", headers=headers, content=content, seconds=_UPLOAD_SECONDS
            )
        except OutcomeUnknown as error:
            raise ProviderDown(error.detail) from error
        check(answer, token, write=False)
        tag: str = answer.headers.get("etag", "")
        return tag.strip('"')

    async def end_upload(self, token: str, video: str, upload_token: str, parts: Sequence[str]) -> None:
        """Have a video's parts put together. Publishes nothing."""
        request = {"video": video, "uploadToken": upload_token, "uploadedPartIds": list(parts)}
        content = {"finalizeUploadRequest": request}
        await self._harmless("finalizeUpload", "/rest/videos?action=finalizeUpload", token, content, empty=True)

    async def file_status(self, token: str, kind: str, urn: str) -> str | None:
        """How far LinkedIn is with a file, such as PROCESSING or AVAILABLE; None: it does not say."""
        answer = await self._read("fileStatus", f"/rest/{kind}/{quote(urn, safe='')}", token)
        if answer.status in (403, 404):
            return None
        status = self._object(answer, token, write=False).get("status")
        return status if isinstance(status, str) else None

    async def revoke(self, token: str, client_id: str, client_secret: str) -> None:
        """End a token; one that has ended already is a success."""
        form = {"token": token, "client_id": client_id, "client_secret": client_secret}
        headers = {"content-type": "application/x-www-form-urlencoded", "user-agent": "postroom"}
        url = f"{self._hosts.www}/oauth/v2/revoke"
        answer = await self._http.write(PROVIDER, "revoke", url, headers=headers, content=urlencode(form).encode())
        if answer.status != 401:
            check(answer, token, write=True)

    async def read(self, operation: str, path: str, token: str) -> dict[str, Json]:
        """Any other read; its answer's JSON object."""
        return self._object(await self._read(operation, path, token), token, write=False)

    async def write(
        self, operation: str, path: str, token: str, tree: Json, *, method: str = "POST", restli: str | None = None
    ) -> Answer:
        """Any write, sent once; its answer, whatever it is."""
        headers = self._headers(token)
        if restli is not None:
            headers["x-restli-method"] = restli
        content = None
        if tree is not None:
            headers["content-type"] = "application/json"
            content = msgspec.json.encode(tree)
        url = f"{self._hosts.api}{path}"
        return await self._http.write(PROVIDER, operation, url, method=method, headers=headers, content=content)

    async def _harmless(
        self, operation: str, path: str, token: str, tree: Json, *, empty: bool = False
    ) -> dict[str, Json]:
        """A write that publishes nothing, so that it may be sent again."""
        try:
            answer = await self.write(operation, path, token, tree)
        except OutcomeUnknown as error:
            raise ProviderDown(error.detail) from error
        if empty:
            check(answer, token, write=False)
            return {}
        return self._object(answer, token, write=False)

    async def _read(self, operation: str, path: str, token: str) -> Answer:
        return await self._http.read(PROVIDER, operation, f"{self._hosts.api}{path}", headers=self._headers(token))

    def _headers(self, token: str) -> dict[str, str]:
        return answers.headers(token) | {"linkedin-version": self._version, "x-restli-protocol-version": "2.0.0"}

    def _object(self, answer: Answer, token: str, *, write: bool) -> dict[str, Json]:
        check(answer, token, write=write)
        return answers.json_object(answer, "LinkedIn's", write=write)


def check(answer: Answer, token: str, *, write: bool) -> None:
    """Nothing for a success; otherwise raises what the answer means. `write`: a failure may have done it all the same."""
    if answer.status >= 300:
        raise _meaning(answer, token, write=write)


def _meaning(answer: Answer, token: str, *, write: bool) -> ProviderError:
    status = answer.status
    tree = _tree(answer)
    words = answers.words(tree.get("message"), (token,)) or str(status)
    sentence = f"LinkedIn: {words}"
    if status == 401:
        expired = tree.get("code") in _EXPIRED or tree.get("serviceErrorCode") in _EXPIRED
        code = ErrorCode.EXPIRED_CREDENTIALS if expired else None
        return CredentialsRejected("LinkedIn does not accept this token any more: link the account again.", code=code)
    if status == 426:
        return Refused(f"{sentence}. Set POSTROOM_PROVIDER_LINKEDIN_API_VERSION to a version that LinkedIn still has.")
    if status == 429:
        return RateLimited(sentence, retry_after_seconds=_wait(answer, words))
    if status >= 500 or status == 408:
        return OutcomeUnknown(sentence, code=ErrorCode.PROVIDER_ERROR) if write else ProviderDown(sentence)
    if status == 413:
        return Unprocessable(sentence, context={"too_large": True})
    if status in (400, 422):
        return Unprocessable(sentence)
    if 300 <= status < 400:
        return ProviderDown(f"LinkedIn sends to another address ({status}); it is not followed.")
    return Refused(sentence)


def _tree(answer: Answer) -> dict[str, Json]:
    found = answer.json()
    return found if isinstance(found, dict) else {}


def _duplicate(answer: Answer) -> Duplicate | None:
    tree = _tree(answer)
    details: Mapping[str, Json] = tree["errorDetails"] if isinstance(tree.get("errorDetails"), dict) else {}
    errors = details.get("inputErrors")
    codes = [error.get("code") for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    message = str(tree.get("message") or "")
    if _DUPLICATE not in codes and "duplicate" not in message.lower():
        return None
    urns = posts_convert.posts_in(message)
    return Duplicate(urns[0] if urns else None, _date(answer))


def _date(answer: Answer) -> datetime | None:
    try:
        return parsedate_to_datetime(answer.headers.get("date", "")).astimezone(UTC)
    except (ValueError, TypeError):
        return None


def _wait(answer: Answer, words: str) -> float | None:
    """What Retry-After says; a limit of the day ends at midnight UTC, by LinkedIn's own clock."""
    waited = answers.seconds_to_wait(answer)
    if waited is not None:
        return waited
    here = _date(answer)
    if here is None or " DAY " not in f" {words.upper()} ":
        return None
    midnight = datetime(here.year, here.month, here.day, tzinfo=UTC) + timedelta(days=1)
    return (midnight - here).total_seconds()
