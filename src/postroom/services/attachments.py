"""Attachments: files of post groups that are fetched from an address, and asked after once their bytes have come."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import msgspec

from postroom.clock import Clock, to_ms
from postroom.connectors.http import Http, Stream
from postroom.domain.access import Caller
from postroom.domain.media import HEAD_BYTES, MediaItem, MediaKind, MediaStatus, kind_of, type_of
from postroom.domain.posts import GroupStatus, PostGroup, PostStatus
from postroom.errors import (
    Conflict,
    ErrorCode,
    InvalidParameters,
    Kind,
    NotFound,
    NotPermitted,
    ProviderError,
    RateLimited,
)
from postroom.services.media import Media, Staged
from postroom.services.posts import Along, Change, Posts
from postroom.store import media, posts, rates
from postroom.store.database import Database, Tx

# Source: Publora "Attach Media", "Create Post" and "API Error Code Catalog" (2026), checked 2026-11-21.
MOST_URLS = 10
_MOST_REDIRECTS = 3
_MOST_IMAGE_BYTES = 25 * 1024 * 1024
_MOST_VIDEO_BYTES = 150 * 1024 * 1024
_WHOLE_SECONDS = 120.0
_MOST_BATCH_BYTES = 300 * 1024 * 1024
_MOST_AN_HOUR = 60
_HOUR_SECONDS = 3600
_HTTPS = re.compile(r"https://[^\s/?#@\\]+(?:[/?#]|\Z)", re.I)
_BLOCKED = "MEDIA_URL_BLOCKED_HOST"
_SKIPPED = "Not attempted: another URL failed."
_ROLLED_BACK = "Removed: another URL failed."


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A file to fetch, and what it is to be called."""

    url: str
    file_name: str


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """Files that were fetched, in their order.

    `held`: the scheduled group that they are for, as it was before, and the version of the draft that it is meanwhile.
    """

    staged: Sequence[Staged]
    held: tuple[PostGroup, int] | None


class Unattached(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one address, where not all could be attached."""

    url: str
    code: str
    detail: str


class Attachments:
    """What a caller may do with single files, beside giving their bytes."""

    def __init__(self, database: Database, posts: Posts, media: Media, fetching: Http, now: Clock) -> None:
        """`fetching` is the guarded way out: it calls public addresses only, and follows nothing by itself."""
        self._database = database
        self._posts = posts
        self._media = media
        self._fetching = fetching
        self._now = now

    async def complete(self, caller: Caller, media_id: str) -> MediaItem:
        """A file whose bytes are here: they were looked at as they arrived, so nothing is left to be done.

        Raises:
            NotFound: (kind MEDIA) the user has no such file.
            InvalidParameters: (kind MEDIA) its bytes have not come.

        Source: Publora "Finalizing an Upload" (2026).
        """
        async with self._database.read() as reader:
            item = await media.find(reader, caller.workspace_id, media_id)
            if item is None or not await posts.find_group(
                reader, caller.workspace_id, caller.user_id, item.post_group_id
            ):
                raise NotFound("Media file not found", kind=Kind.MEDIA)
        if item.status is not MediaStatus.STORED:
            raise InvalidParameters("The bytes of this file have not arrived: PUT them first.", kind=Kind.MEDIA)
        return item

    async def attach(self, caller: Caller, group_id: str, url: str, file_name: str) -> PostGroup:
        """Fetch a file and attach it. The group is a draft from then on; where nothing is attached, it is as it was.

        Raises as `fetched` does, and for an address that is not to be called InvalidParameters (kind ADDRESS).

        Source: Publora "Attach Media" (2026).
        """
        _check_address(url)
        try:
            async with self.fetched(caller, [Wanted(url=url, file_name=file_name)], group_id) as files:
                draft = Change(status=GroupStatus.DRAFT)
                return await self._posts.update(caller, group_id, draft, along=self.joining(files.staged))
        except InvalidParameters as error:
            if error.context.get("code") != _BLOCKED:
                raise
            raise InvalidParameters(**_bad(_BLOCKED, error.detail)) from error

    def joining(self, staged: Sequence[Staged]) -> Along:
        """Attaches fetched files, in the transaction that makes or changes their group."""

        async def join(tx: Tx, group: PostGroup) -> None:
            await self._media.join(tx, group.id, staged)

        return join

    @asynccontextmanager
    async def fetched(
        self, caller: Caller, wanted: Sequence[Wanted], group_id: str | None = None
    ) -> AsyncIterator[Fetched]:
        """Files from addresses: all of them, or none. What the block does not join before it ends badly is purged.

        A scheduled group is a draft meanwhile, so that it does not go out half furnished: the block says what it is to
        be, and where the block or a file fails, it is as it was. A kill leaves a draft.

        Raises:
            NotFound: no such post group of the user's.
            InvalidParameters: (kind STATUS) it has gone out; (kind FETCH, with `code` and `results` in the context) a
                file was not got: the results say what became of each.
            Conflict: (kind PUBLISHING) it has begun to go out.
            RateLimited: (kind FETCH) sixty files were fetched for this user within the hour.

        Source: Publora "Create Post", "Update Post", "API Error Code Catalog" (2026): all or nothing.
        """
        group = None if group_id is None else await self._editable(caller, group_id)
        _check_addresses(wanted)
        await self._count(caller, len(wanted))
        held = None
        if group is not None and group.status is GroupStatus.SCHEDULED:
            draft = await self._posts.update(caller, group.id, Change(status=GroupStatus.DRAFT))
            held = (group, draft.updated_at)
        staged: list[Staged] = []
        joined = False
        try:
            await self._ingest(caller, wanted, staged)
            yield Fetched(staged=staged, held=held)
            joined = True
        finally:
            if not joined:
                await self._media.drop(staged)
                if held is not None:
                    await self._restore(caller, *held)

    async def _editable(self, caller: Caller, group_id: str) -> PostGroup:
        view = await self._posts.get(caller, group_id)
        group = view.group
        if group.status not in (GroupStatus.DRAFT, GroupStatus.SCHEDULED):
            raise InvalidParameters(f"The post is {group.status}.", kind=Kind.STATUS, context={"status": group.status})
        if any(post.status not in (PostStatus.DRAFT, PostStatus.PENDING) for post in view.posts):
            raise Conflict("Publishing has already started.", kind=Kind.PUBLISHING)
        return group

    async def _restore(self, caller: Caller, group: PostGroup, version: int) -> None:
        # Deleted or changed meanwhile, or beyond a limit by now: it stays as it is.
        with suppress(NotFound, InvalidParameters, NotPermitted, Conflict):
            change = Change(status=GroupStatus.SCHEDULED, scheduled_at=group.scheduled_at, version=version)
            await self._posts.update(caller, group.id, change)

    async def _ingest(self, caller: Caller, wanted: Sequence[Wanted], staged: list[Staged]) -> None:
        """Fetch one after the other, in their order, into `staged`."""
        try:
            async with asyncio.timeout(_WHOLE_SECONDS):
                for each in wanted:
                    left = _MOST_BATCH_BYTES - sum(one.bytes.size_bytes for one in staged)
                    staged.append(await self._fetch(caller, each.url, each.file_name, left, _MOST_REDIRECTS))
        except TimeoutError as error:
            raise InvalidParameters(
                **_failed("MEDIA_URL_INGEST_TIMEOUT", "It took too long.", wanted, len(staged))
            ) from error
        except InvalidParameters as error:
            blocked = _BLOCKED if error.kind is Kind.ADDRESS else "MEDIA_URL_PROBE_FAILED"
            raise InvalidParameters(
                **_failed(error.context.get("code", blocked), error.detail, wanted, len(staged))
            ) from error

    async def _fetch(self, caller: Caller, url: str, file_name: str, left: int, redirects: int) -> Staged:
        try:
            async with self._fetching.stream("caller", "fetch_media", url, headers={}) as answer:
                target = answer.headers.get("location")
                if 300 <= answer.status < 400 and target is not None and redirects:
                    onward = urljoin(url, target)
                elif answer.status != 200:
                    raise InvalidParameters(**_wrong("MEDIA_URL_HTTP_ERROR", f"The address answered {answer.status}."))
                else:
                    return await self._take(caller, answer, file_name, left)
        except ProviderError as error:
            raise InvalidParameters(**_wrong("MEDIA_URL_FETCH_FAILED", error.detail)) from error
        _check_address(onward)
        return await self._fetch(caller, onward, file_name, left, redirects - 1)

    async def _take(self, caller: Caller, answer: Stream, file_name: str, left: int) -> Staged:
        chunks = answer.chunks()
        head = b""
        async for chunk in chunks:
            head += chunk
            if len(head) >= HEAD_BYTES:
                break
        found = type_of(head)
        if found is None:
            raise InvalidParameters(
                **_wrong("MEDIA_URL_UNSUPPORTED_FORMAT", "It is no image or video that is known here.")
            )
        most = _MOST_IMAGE_BYTES if kind_of(found) is MediaKind.IMAGE else _MOST_VIDEO_BYTES

        async def every() -> AsyncIterator[bytes]:
            size = len(head)
            _check_size(size, most, left)
            yield head
            async for chunk in chunks:
                size += len(chunk)
                _check_size(size, most, left)
                yield chunk

        try:
            return await self._media.stage(caller.workspace_id, every(), file_name=file_name, content_type=found)
        except InvalidParameters as error:
            large = error.code is ErrorCode.CONTENT_TOO_LARGE
            code = error.context.get("code", "MEDIA_URL_TOO_LARGE" if large else "PROBE_FAILED")
            raise InvalidParameters(**_wrong(code, error.detail)) from error

    async def _count(self, caller: Caller, many: int) -> None:
        """Use up a part of the user's hour for each file, or nothing of it where there is too little left."""
        now = to_ms(self._now())
        async with self._database.begin() as tx:
            for _ in range(many):
                until = await rates.spend(tx, f"fetch:{caller.user_id}", _HOUR_SECONDS, _MOST_AN_HOUR, now)
                if until is not None:
                    raise RateLimited(
                        f"Media URL ingestion rate limit reached ({_MOST_AN_HOUR} URLs/hour).",
                        kind=Kind.FETCH,
                        retry_after_seconds=(until - now) / 1000,
                    )


def names(urls: Sequence[str]) -> list[Wanted]:
    """Addresses with the file names that they end in."""
    paths = [re.split(r"[?#]", url)[0] for url in urls]
    return [
        Wanted(url=url, file_name=unquote(path.rpartition("/")[2]) or "media")
        for url, path in zip(urls, paths, strict=True)
    ]


def _check_addresses(wanted: Sequence[Wanted]) -> None:
    """All of them, before any is called."""
    for number, each in enumerate(wanted):
        try:
            _check_address(each.url)
        except InvalidParameters as error:
            raise InvalidParameters(
                **_failed(error.context["code"], error.detail, wanted, number, fetched=False)
            ) from error


def _check_size(size: int, most: int, left: int) -> None:
    if size > most:
        raise InvalidParameters(**_wrong("MEDIA_URL_TOO_LARGE", f"It is larger than {most} bytes."))
    if size > left:
        raise InvalidParameters(
            **_wrong("MEDIA_URL_AGGREGATE_TOO_LARGE", f"All files together are larger than {_MOST_BATCH_BYTES} bytes.")
        )


def _check_address(url: str) -> None:
    try:
        parsed = urlsplit(url)
        port = parsed.port
    except ValueError:
        raise InvalidParameters(**_bad("MEDIA_URL_INVALID", "Invalid media URL")) from None
    if parsed.scheme.lower() != "https":
        raise InvalidParameters(
            **_bad("MEDIA_URL_PROTOCOL", f"Only https:// media URLs are allowed (got {parsed.scheme[:20]}://)")
        )
    if parsed.username is not None or parsed.password is not None:
        raise InvalidParameters(**_bad("MEDIA_URL_CREDENTIALS", "Media URLs must not contain credentials"))
    if port not in (None, 443) or not _HTTPS.match(url.replace(":443", "", 1)):
        raise InvalidParameters(**_bad("MEDIA_URL_PORT", "Media URLs must use the default HTTPS port"))


def _bad(code: str, detail: str) -> dict[str, Any]:
    return {"detail": detail, "code": ErrorCode.INVALID_URL, "kind": Kind.ADDRESS, "context": {"code": code}}


def _wrong(code: str, detail: str) -> dict[str, Any]:
    return {"detail": detail, "kind": Kind.FETCH, "context": {"code": code}}


def _failed(code: str, detail: str, wanted: Sequence[Wanted], failed: int, *, fetched: bool = True) -> dict[str, Any]:
    """One file was not got, so none is attached: what became of each."""
    before = ("MEDIA_URL_ROLLED_BACK", _ROLLED_BACK) if fetched else ("MEDIA_URL_SKIPPED", _SKIPPED)
    told = [before] * failed + [(code, detail)] + [("MEDIA_URL_SKIPPED", _SKIPPED)] * (len(wanted) - failed - 1)
    results = [Unattached(url=each.url, code=one[0], detail=one[1]) for each, one in zip(wanted, told, strict=True)]
    return {"detail": detail, "kind": Kind.FETCH, "context": {"code": code, "results": results}}
