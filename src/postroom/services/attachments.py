"""Attachments: files of post groups that are fetched from an address, and asked after once their bytes have come."""

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

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
    PostroomError,
    ProviderError,
    RateLimited,
)
from postroom.services.media import Media
from postroom.services.posts import Change, Posts
from postroom.store import media, posts
from postroom.store.database import Database

_MOST_REDIRECTS = 3
_MOST_IMAGE_BYTES = 25 * 1024 * 1024
_MOST_VIDEO_BYTES = 150 * 1024 * 1024
_WHOLE_SECONDS = 120.0
_MOST_AN_HOUR = 60
_HOUR_MS = 3_600_000
_HTTPS = re.compile(r"https://[^\s/?#@\\]+(?:[/?#]|\Z)", re.I)


class Attachments:
    """What a caller may do with single files, beside giving their bytes."""

    def __init__(self, database: Database, posts: Posts, media: Media, fetching: Http, now: Clock) -> None:
        """`fetching` is the guarded way out: it calls public addresses only, and follows nothing by itself."""
        self._database = database
        self._posts = posts
        self._media = media
        self._fetching = fetching
        self._now = now
        self._fetched: dict[str, deque[int]] = {}

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

        Raises:
            NotFound: no such post group of the user's.
            InvalidParameters: (kind STATUS) it has gone out; (kind ADDRESS) this address is not fetched; (kind FETCH, with
                `code` in the context) nothing good came from it.
            Conflict: (kind PUBLISHING) it has begun to go out.
            RateLimited: sixty files were fetched for this user within the hour.

        Source: Publora "Attach Media" (2026).
        """
        _check_address(url)
        view = await self._posts.get(caller, group_id)
        group = view.group
        if group.status not in (GroupStatus.DRAFT, GroupStatus.SCHEDULED):
            raise InvalidParameters(f"The post is {group.status}.", kind=Kind.STATUS, context={"status": group.status})
        if any(post.status not in (PostStatus.DRAFT, PostStatus.PENDING) for post in view.posts):
            raise Conflict("Publishing has already started.", kind=Kind.PUBLISHING)
        self._count(caller)
        # First, so that it does not go out half furnished meanwhile.
        draft = await self._posts.update(caller, group.id, Change(status=GroupStatus.DRAFT))
        try:
            async with asyncio.timeout(_WHOLE_SECONDS):
                await self._fetch(caller, group.id, url, file_name, _MOST_REDIRECTS)
        except TimeoutError as error:
            await self._restore(caller, group)
            raise InvalidParameters(**_failed("MEDIA_URL_INGEST_TIMEOUT", "It took too long.")) from error
        except PostroomError:
            await self._restore(caller, group)
            raise
        return draft

    async def _restore(self, caller: Caller, group: PostGroup) -> None:
        if group.status is GroupStatus.SCHEDULED:
            # Deleted meanwhile, or beyond a limit by now: it stays as it is.
            with suppress(NotFound, InvalidParameters):
                change = Change(status=GroupStatus.SCHEDULED, scheduled_at=group.scheduled_at)
                await self._posts.update(caller, group.id, change)

    async def _fetch(self, caller: Caller, group_id: str, url: str, file_name: str, redirects: int) -> None:
        try:
            async with self._fetching.stream("caller", "fetch_media", url, headers={}) as answer:
                target = answer.headers.get("location")
                if 300 <= answer.status < 400 and target is not None and redirects:
                    onward = urljoin(url, target)
                elif answer.status != 200:
                    raise InvalidParameters(**_failed("MEDIA_URL_HTTP_ERROR", f"The address answered {answer.status}."))
                else:
                    return await self._take(caller, group_id, answer, file_name)
        except ProviderError as error:
            raise InvalidParameters(**_failed("MEDIA_URL_FETCH_FAILED", error.detail)) from error
        _check_address(onward)
        return await self._fetch(caller, group_id, onward, file_name, redirects - 1)

    async def _take(self, caller: Caller, group_id: str, answer: Stream, file_name: str) -> None:
        chunks = answer.chunks()
        head = b""
        async for chunk in chunks:
            head += chunk
            if len(head) >= HEAD_BYTES:
                break
        found = type_of(head)
        if found is None:
            raise InvalidParameters(
                **_failed("MEDIA_URL_UNSUPPORTED_FORMAT", "It is no image or video that is known here.")
            )
        kind = kind_of(found)
        most = _MOST_IMAGE_BYTES if kind is MediaKind.IMAGE else _MOST_VIDEO_BYTES

        async def every() -> AsyncIterator[bytes]:
            size = len(head)
            yield head
            async for chunk in chunks:
                size += len(chunk)
                if size > most:
                    raise InvalidParameters(**_failed("MEDIA_URL_TOO_LARGE", f"It is larger than {most} bytes."))
                yield chunk

        given = await self._media.upload_address(caller, group_id, file_name=file_name, content_type=found, kind=kind)
        signed = parse_qs(urlsplit(given.upload_url).query)
        try:
            await self._media.receive(given.media_id, int(signed["expires"][0]), signed["signature"][0], found, every())
        except (InvalidParameters, ProviderError) as error:
            async with self._database.begin() as tx:
                await media.remove_awaiting(tx, caller.workspace_id, given.media_id)
            if isinstance(error, ProviderError) or error.kind is Kind.FETCH:
                raise
            large = error.code is ErrorCode.CONTENT_TOO_LARGE
            raise InvalidParameters(
                **_failed("MEDIA_URL_TOO_LARGE" if large else "PROBE_FAILED", error.detail)
            ) from error

    def _count(self, caller: Caller) -> None:
        now = to_ms(self._now())
        held = self._fetched.setdefault(caller.user_id, deque())
        while held and held[0] <= now - _HOUR_MS:
            held.popleft()
        if len(held) >= _MOST_AN_HOUR:
            raise RateLimited(
                f"{_MOST_AN_HOUR} files an hour are fetched from addresses.",
                kind=Kind.FETCH,
                retry_after_seconds=(held[0] + _HOUR_MS - now) / 1000,
            )
        held.append(now)


def _check_address(url: str) -> None:
    try:
        parsed = urlsplit(url)
        port = parsed.port
    except ValueError:
        raise InvalidParameters("Invalid media URL", code=ErrorCode.INVALID_URL, kind=Kind.ADDRESS) from None
    if parsed.scheme.lower() != "https":
        sentence = f"Only https:// media URLs are allowed (got {parsed.scheme[:20]}://)"
        raise InvalidParameters(sentence, code=ErrorCode.INVALID_URL, kind=Kind.ADDRESS)
    if parsed.username is not None or parsed.password is not None:
        raise InvalidParameters(
            "Media URLs must not contain credentials", code=ErrorCode.INVALID_URL, kind=Kind.ADDRESS
        )
    if port not in (None, 443) or not _HTTPS.match(url.replace(":443", "", 1)):
        raise InvalidParameters(
            "Media URLs must use the default HTTPS port", code=ErrorCode.INVALID_URL, kind=Kind.ADDRESS
        )


def _failed(code: str, detail: str) -> dict[str, Any]:
    return {"detail": detail, "kind": Kind.FETCH, "context": {"code": code}}
